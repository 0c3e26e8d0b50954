"""The structural checks of a model: every fault is found and all are reported at once [S5][S6].

Building a model needs no proof: overlaps, gaps and dead rules are left to the checks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, get_args

from lifecycle_fsm.errors import GuardError, Problem, suggest
from lifecycle_fsm.fields import FieldDef, FieldType
from lifecycle_fsm.guard import Always, Guard, constant, effect_problems
from lifecycle_fsm.history import KEPT_FIELDS
from lifecycle_fsm.model import builtin_activities, faults, rule_validation
from lifecycle_fsm.model.conversions import given
from lifecycle_fsm.model.definition import OnFailure, Period, ScoreRule, Ties, placed
from lifecycle_fsm.model.moves import Mail, Move, Skips
from lifecycle_fsm.model.name_resolution import AmountField, Unreadable, fields_read, reads_time
from lifecycle_fsm.model.processing_steps import (
    BUILT_IN,
    SORT_NUMBER,
    attempt_problems,
    field_problems,
    unwritable,
)
from lifecycle_fsm.model.sort import SortRule
from lifecycle_fsm.person import BASE_FIELDS, READ_ONLY, Person

if TYPE_CHECKING:
    from lifecycle_fsm.model.model import Model

__all__ = ["fields_read", "mentions", "problems"]

#: The attributes of a model's person class besides fields: no field or trigger may use their names.
_METHODS = frozenset(
    {name for name in dir(Person) if not name.startswith("__")} - set(BASE_FIELDS)
) | {"fire", "may", "explain", "attr_dict"}
#: The parameters of ``admit``, ``apply`` and ``fire``, which also take fields and payloads.
_PARAMETERS = frozenset({"self", "id", "person", "kind", "trigger", "activity", "at"})
_LONGEST_SETTLE = timedelta(days=366)


def problems(model: Model) -> list[Problem]:
    """Every structural fault of a model, in the order of its sections."""
    every = dict.fromkeys(problem for section in _SECTIONS for problem in section(model))
    # Nothing is known about a field that cannot be read, so references to it are no further faults.
    unknown = {field.name for field in model.fields if isinstance(field, Unreadable) and field.name}
    return [
        problem
        for problem in every
        if problem.where in {f"fields.{name}" for name in unknown} or not mentions(problem, unknown)
    ]


def mentions(problem: Problem, names: Container[str]) -> bool:
    """Whether the message of a problem contains one of the names."""
    return any(word in names for word in re.findall(r"\w+", problem.message))


def _whole(model: Model) -> Iterator[Problem]:
    if not model.name.strip():
        yield Problem("name", "a model needs a name")
    settle: object = model.settle
    if not isinstance(settle, timedelta):
        yield Problem("settle", f"this is a length of time, a timedelta, not {settle!r}")
    elif not timedelta(0) <= settle <= _LONGEST_SETTLE or settle.microseconds:
        yield Problem(
            "settle", "original processing ends after whole seconds, and within a year: "
            f"this is {settle}"
        )  # fmt: skip
    if model.ties is not None and model.ties not in get_args(Ties):
        yield Problem(
            "ties",
            f"{model.ties!r} is nothing that it can say: write 'as_written' where the order of "
            "the file is meant to decide, or leave it out",
        )


def _stages(model: Model) -> Iterator[Problem]:
    yield from faults.of_repeats("stages", [stage.name for stage in model.stages])
    if len(model.path) < 2:
        yield Problem(
            "stages",
            "a lifecycle needs a success path of at least two stages: the first is for original "
            "processing, the others are walked forwards",
        )
    for where, stage in placed("stages", model.stages):
        yield from faults.of_name(where, stage.name)
        yield from faults.of_system(model, where, stage.system)
        yield from faults.of_choice(where, "mail", stage.mail, get_args(Mail))


def _fields(model: Model) -> Iterator[Problem]:
    own = [field for field in model.fields if not isinstance(field, AmountField)]
    yield from faults.of_repeats("fields", [field.name for field in own if field.name])
    for field in own:
        where = f"fields.{field.name}" if field.name else "fields"
        if isinstance(field, Unreadable):
            yield Problem(where, field.fault)
            continue
        yield from faults.of_word(where, field.name)
        yield from (Problem(where, message) for message in field.faults())
        known = BASE_FIELDS.get(field.name)
        if field.name in model.amounts:
            yield Problem(where, "with [money], the opportunities give this field: leave it out")
        elif field.name in faults.STAGE_WORDS:
            yield Problem(where, "this is written by the machine and cannot be declared")
        elif field.name in _METHODS or field.name in _PARAMETERS:
            yield Problem(where, "this name is taken by the person itself; choose another")
        elif known is not None and (known.type.kind, known.type.nullable) != (
            field.type.kind,
            field.type.nullable,
        ):
            yield Problem(
                where,
                f"every person has this field, as {known.type}: declare it so, or choose another "
                "name",
            )


def _tokens(model: Model) -> Iterator[Problem]:
    for name, value in model.tokens.items():
        where = f"tokens.{name}"
        yield from faults.of_word(where, name)
        try:
            constant(value)
        except GuardError as error:
            yield Problem(where, f"a token is a number, a text, a time or a list of them: {error}")


def _labels(model: Model) -> Iterator[Problem]:
    for section, known, labels in (
        ("tokens", model.tokens, model.token_labels),
        ("guards", model.guards, model.guard_labels),
        ("segments", model.segments, model.segment_labels),
    ):
        for name in labels:
            if name not in known:
                message = f"there is nothing to label{suggest(name, known)}"
                yield Problem(f"{section}.{name}", message)


def _theme(model: Model) -> Iterator[Problem]:
    if model.theme is not None:
        systems = [*model.systems, *(stage.system for stage in model.stages)]
        systems += [rule.system for rule in model.sort] + [move.system for move in model.moves]
        yield from model.theme.faults(dict.fromkeys(systems))


def _money(model: Model) -> Iterator[Problem]:
    if model.money is not None:
        yield from model.money.faults()


def _guards(model: Model) -> Iterator[Problem]:
    for name, guard in model.guards.items():
        where = f"guards.{name}"
        yield from faults.of_word(where, name)
        if name in model.field_types or name in READ_ONLY:
            yield Problem(where, "a field has the same name, so a guard could mean either")
        yield from faults.of_guard(model, where, guard)


def _segments(model: Model) -> Iterator[Problem]:
    kept = (*KEPT_FIELDS, *model.dimensions)
    for name, guard in model.segments.items():
        where = f"segments.{name}"
        yield from faults.of_word(where, name)
        if name in model.field_types or name in READ_ONLY:
            yield Problem(where, "a field has the same name, so a filter could mean either")
        if name in model.guards:
            yield Problem(where, "a named guard has the same name, so a filter could mean either")
        problems = list(faults.of_guard(model, where, guard))
        yield from problems
        for field in () if problems else fields_read(model, [guard]):
            if field not in kept:
                yield Problem(
                    where,
                    f"history does not keep {field!r}, and a segment reads nothing else: add it "
                    f"to dimensions, beside {', '.join(kept)}",
                )


def _moves(model: Model) -> Iterator[Problem]:
    yield from _unique_rules(model)
    for where, move in placed("moves", model.moves):
        yield from faults.of_name(where, move.name)
        yield from faults.of_system(model, where, move.system)
        yield from faults.of_choice(where, "skips", move.skips, get_args(Skips))
        stages = dict.fromkeys((*move.sources, move.target))
        for name in stages:
            yield from faults.of_reference(where, "stage", name, model.by_name)
        if not move.sources:
            yield Problem(where, "a move leaves at least one stage: name it in 'from'")
        yield from faults.of_repeats(where, move.sources)
        yield from _trigger(model, where, move.on)
        known = stages.keys() <= model.by_name.keys()
        if known and model.path and len(model.by_name) == len(model.stages):
            yield from _direction(model, where, move)
        yield from faults.of_guard(model, where, move.when, opaque=True)
        yield from faults.of_effects(model, where, move.then, model.vocabulary)
    yield from _circles(model)


def _circles(model: Model) -> Iterator[Problem]:
    """System moves that lead from detour to detour and back, in an endless loop [S6]."""
    detours = {stage.name for stage in model.detours}
    ways = [
        (source, move.target, where)
        for where, move in placed("moves", model.moves)
        if move.on is None and move.target in detours
        for source in move.sources
        if source in detours
    ]
    before = {detour: {detour} for detour in detours}  # the detours that lead to each
    for _ in detours:
        for source, target, _ in ways:
            before[target] |= before[source]
    for source, target, where in ways:
        if source != target and target in before[source]:
            yield Problem(
                where,
                f"system moves lead from {target!r} back to {source!r}, round and round: let "
                "somebody ask for one of them, with 'on'",
            )


def _trigger(model: Model, where: str, trigger: str | None) -> Iterator[Problem]:
    if trigger is None:
        return
    yield from faults.of_name(where, trigger)
    method = f"may_{trigger}"
    if trigger in _METHODS or trigger in model.field_types:
        yield Problem(
            where,
            f"the trigger {trigger!r} has the name of a field or method of the person; choose "
            "another",
        )
    elif method in model.field_types or method in model.triggers:
        yield Problem(where, f"the trigger {trigger!r} comes with {method!r}, which is taken")
    elif all(kind.trigger != trigger for kind in model.activity_kinds.values()):
        raises = model.activity_kinds[trigger].trigger
        other = f", it raises {raises!r}" if raises else ": write a system move, without 'on'"
        yield Problem(where, f"the activity {trigger!r} does not ask for a move{other}")


def _direction(model: Model, where: str, move: Move) -> Iterator[Problem]:
    start = model.initial.name
    end = model.ranks.get(move.target)
    skipping = False
    for source in move.sources:
        rank = model.ranks.get(source)
        if source == start:
            yield Problem(
                where, f"only the sort leads out of {start!r}: write this as a rule of the sort"
            )
        elif source == move.target:
            yield Problem(where, f"{source!r} cannot move to itself")
        elif move.target == start:
            yield Problem(
                where, f"nobody goes back to {start!r}: a return leads to a later stage of the path"
            )
        elif rank is not None and end is not None and end < rank:
            yield Problem(
                where,
                f"this moves backwards, from {source!r}: people leave the path by a detour stage "
                "and return from there",
            )
        elif rank is not None and end is not None and end > rank + 1:
            skipping = True
    yield from _skips(where, move, skipping)


def _skips(where: str, rule: Move | SortRule, skipping: bool) -> Iterator[Problem]:
    if skipping and rule.skips is None:
        yield Problem(
            where,
            "a fast track must say what it makes of the stages that it skips: "
            "skips = 'passed_over' or 'no_credit'",
        )
    if rule.skips is not None and not skipping:
        yield Problem(where, "it skips no stage, so 'skips' has no meaning here: leave it out")


def _unique_rules(model: Model) -> Iterator[Problem]:
    names = [rule.name for rule in model.sort] + [move.name for move in model.moves]
    for name, count in Counter(names).items():
        if count > 1:
            yield Problem(
                "moves",
                f"{count} moves or sort rules are named {name!r}: history could not tell them "
                "apart; give each its own 'name'",
            )


def _sort(model: Model) -> Iterator[Problem]:
    if not model.sort:
        yield Problem("sort", "it is empty: give at least one rule, with when = 'otherwise'")
        return
    for where, rule in placed("sort", model.sort):
        last = rule is model.sort[-1]
        yield from faults.of_name(where, rule.name)
        yield from faults.of_system(model, where, rule.system)
        yield from faults.of_choice(where, "skips", rule.skips, get_args(Skips))
        if isinstance(rule.when, Always) and not last:
            yield Problem(where, "it takes everyone, so no rule behind it is ever reached")
        if last and not isinstance(rule.when, Always):
            yield Problem(
                where,
                "the last rule must be when = 'otherwise', so that nobody falls through",
            )
        if rule.target not in model.by_name:
            yield from faults.of_reference(where, "stage", rule.target, model.by_name)
        elif model.path and rule.target == model.initial.name:
            yield Problem(where, "the sort leads out of original processing, not back into it")
        else:
            yield from _skips(where, rule, model.ranks.get(rule.target, 0) > 1)
        yield from faults.of_guard(model, where, rule.when)


def _kinds(model: Model) -> Iterator[Problem]:
    yield from faults.of_repeats("kinds", [kind.name for kind in model.kinds])
    for kind in model.kinds:
        where = f"kinds.{kind.name}"
        yield from faults.of_name(where, kind.name)
        if kind.name in builtin_activities.KEPT:
            yield Problem(where, "this kind is built in and means more than its fields: choose "
                          "another name")  # fmt: skip
            continue
        if kind.trigger is not None:
            yield from faults.of_name(where, kind.trigger)
        yield from faults.of_repeats(where, [field.name for field in kind.payload])
        for field in kind.payload:
            yield from _payload(f"{where}, payload {field.name}", field)
        yield from faults.of_silo_rule(model, where, kind.sets, model.vocabulary_for(kind.name))


def _payload(where: str, field: FieldDef) -> Iterator[Problem]:
    yield from faults.of_word(where, field.name)
    yield from (Problem(where, message) for message in field.type.faults())
    if field.name in _PARAMETERS:
        yield Problem(where, "every activity has this beside its payload; choose another name")
    if field.default is not None:
        yield Problem(where, "what an activity brings has no default: leave it out")


def _data(model: Model) -> Iterator[Problem]:
    for where, rule in placed("data", model.data):
        if rule.on not in model.activity_kinds:
            yield from faults.of_reference(where, "activity", rule.on, model.activity_kinds)
            continue
        if not rule.then:
            yield Problem(where, "it sets nothing: say what in 'then'")
        words = model.vocabulary_for(rule.on)
        yield from faults.of_silo_rule(model, where, rule.then, words, rule.when)


def _scoring(model: Model) -> Iterator[Problem]:
    fit = [rule for rule in model.scoring if rule.on is None]
    if fit and not any(step.use == "demographic_score" for step in model.processing):
        yield Problem(
            "scoring",
            f"{fit[0].name!r} gives points of fit, and no step gives new people their score: add "
            'one to [[processing]], step = "demographic_score" [S18]',
        )
    yield from faults.of_repeats("scoring", [rule.name for rule in model.scoring])
    for where, rule in placed("scoring", model.scoring):
        if rule.on is not None and rule.on not in model.activity_kinds:
            yield from faults.of_reference(where, "activity", rule.on, model.activity_kinds)
            continue
        if rule.on in builtin_activities.SILENT:
            yield Problem(
                where,
                f"{rule.on!r} is no sign of interest and gives no points: set the score by a rule "
                "of 'data', or leave 'on' out for points of fit",
            )
        words = model.vocabulary_for(rule.on)
        yield from faults.of_guard(model, where, rule.when, words)
        yield from faults.of_stage_words(model, where, [rule.when, rule.points])
        if rule.on is None:
            if reads_time(model, [rule.when, rule.points]):
                yield Problem(
                    where,
                    "points of fit change with the fields that they read, never with time: leave "
                    "the term of time out, or let 'decay' change a field [S18]",
                )
            for name in ("behavior_score", "demographic_score"):
                if name in fields_read(model, [rule.when, rule.points]):
                    yield Problem(
                        where,
                        f"without 'on' these are points for how well somebody fits, and cannot "
                        f"depend on the {name!r}",
                    )
        yield from _cap(where, rule)
        if isinstance(rule.points, Guard):
            yield Problem(where, "points are a number or a token, not a condition")
        else:
            for message in effect_problems(rule.points, FieldType("int"), given(words)):
                yield Problem(where, f"points: {message}")


def _cap(where: str, rule: ScoreRule) -> Iterator[Problem]:
    cap: object = rule.cap
    yield from faults.of_choice(where, "per", rule.per, get_args(Period))
    if cap is None and rule.per is not None:
        yield Problem(where, "'per' says for how long a 'cap' holds: give 'cap' too")
    elif cap is not None and rule.on is None:
        yield Problem(
            where, "points of fit are not added up, so there is nothing to cap: leave 'cap' out"
        )
    elif cap is not None and (type(cap) is not int or cap < 1):
        yield Problem(where, f"cap: a whole number of points, at least 1, not {cap!r}")


def _processing(model: Model) -> Iterator[Problem]:
    yield from faults.of_repeats("processing", [step.name for step in model.processing])
    yield from faults.of_repeats("processing", [step.number for step in model.processing])
    for where, step in placed("processing", model.processing):
        if not 0 < step.number < SORT_NUMBER:
            yield Problem(where, f"number a step from 1 to {SORT_NUMBER - 1}: the sort is 90")
        if not step.name:
            yield Problem(where, "give 'step', for a built-in one, or the 'name' of your own")
        if step.use and step.use not in BUILT_IN:
            yield Problem(
                where,
                f"no built-in step {step.use!r}{suggest(step.use, BUILT_IN)}; the project's "
                "own step has a 'name' instead",
            )
        yield from faults.of_choice(where, "on_failure", step.on_failure, get_args(OnFailure))
        for message in (*attempt_problems(step), *unwritable(step.options)):
            yield Problem(where, message)
        full = next(other for other in model.chain if other.name == step.name)
        for message in field_problems(full, model.chain, model.field_types):
            yield Problem(where, message)


_SECTIONS = (
    _whole,
    _tokens,
    _labels,
    _theme,
    _money,
    _fields,
    _guards,
    _segments,
    _stages,
    _processing,
    _kinds,
    _data,
    _scoring,
    _sort,
    _moves,
    *rule_validation.SECTIONS,
)
