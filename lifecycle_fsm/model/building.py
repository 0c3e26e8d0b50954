"""What makes a model build: every structural fault is found, and all are told at once [S5][S6].

Building needs no proof: overlaps, gaps and dead rules are the matter of the checks.
"""

from __future__ import annotations

import keyword
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import attrs

from lifecycle_fsm.errors import Problem, suggest
from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.guard import (
    Always,
    Field,
    Guard,
    Named,
    Opaque,
    Vocabulary,
    effect_problems,
    resolve,
)
from lifecycle_fsm.guard import problems as guard_problems
from lifecycle_fsm.guard.terms import walk
from lifecycle_fsm.model import steps
from lifecycle_fsm.model.definition import Move, Set, SortRule, StepDef, given
from lifecycle_fsm.person import READ_ONLY, Person

if TYPE_CHECKING:
    from lifecycle_fsm.model.model import Model

_STAGE_WORDS = frozenset(READ_ONLY)


def resolved(model: Model) -> dict[str, Any]:
    """The parts of a model with named guards told from yes/no fields, and with the definitions
    that came along with Python guards collected into ``guards``."""
    guards = dict(model.guards)
    for tree in _trees(model):
        for node in walk(tree):
            if isinstance(node, Named) and node.definition is not None:
                _collect(node, guards)
    object.__setattr__(model, "guards", guards)
    words = model.vocabulary

    def sets(value: tuple[Set, ...]) -> tuple[Set, ...]:
        return tuple(
            attrs.evolve(one, value=resolve(one.value, words))
            if isinstance(one.value, Guard)
            else one
            for one in value
        )

    def guarded(rules: Iterable[Any]) -> tuple[Any, ...]:
        return tuple(
            attrs.evolve(
                rule,
                when=resolve(rule.when, words),
                **({"then": sets(rule.then)} if hasattr(rule, "then") else {}),
            )
            for rule in rules
        )

    return {
        "guards": {name: resolve(guard, words) for name, guard in guards.items()},
        "moves": guarded(model.moves),
        "sort": guarded(model.sort),
        "data": guarded(model.data),
        "scoring": guarded(model.scoring),
        "kinds": tuple(attrs.evolve(kind, sets=sets(kind.sets)) for kind in model.kinds),
    }


def _collect(node: Named, guards: dict[str, Guard]) -> None:
    assert node.definition is not None
    guards.setdefault(node.name, node.definition)
    for inner in walk(node.definition):
        if isinstance(inner, Named) and inner.definition is not None and inner.name not in guards:
            _collect(inner, guards)


def _trees(model: Model) -> Iterator[Guard]:
    yield from model.guards.values()
    for rules in (model.moves, model.sort, model.data, model.scoring):
        for rule in rules:  # type: ignore[attr-defined]
            yield rule.when


def fields_read(model: Model, guards: Iterable[Guard]) -> tuple[str, ...]:
    """The fields that the guards read, named guards looked through, in order of first use."""
    found: dict[str, None] = {}
    seen: set[str] = set()

    def visit(guard: Guard) -> None:
        for node in walk(guard):
            if isinstance(node, Field):
                found.setdefault(node.name)
            elif isinstance(node, Named) and node.name not in seen:
                seen.add(node.name)
                if node.name in model.guards:
                    visit(model.guards[node.name])

    for guard in guards:
        visit(guard)
    return tuple(found)


def problems(model: Model) -> list[Problem]:
    """Every structural fault of a model, in the order of its sections."""
    return [problem for section in _SECTIONS for problem in section(model)]


def _stages(model: Model) -> Iterator[Problem]:
    for index, stage in enumerate(model.stages):
        where = f"stages[{index}] {stage.name}"
        yield from _identifier(where, stage.name)
    yield from _unique("stages", [stage.name for stage in model.stages])
    if len(model.path) < 2:
        yield Problem(
            "stages",
            "a lifecycle needs a success path of at least two stages: the first is for original "
            "processing, the others are walked forwards",
        )
    for index, stage in enumerate(model.stages):
        if stage.system and model.systems and stage.system not in model.systems:
            yield Problem(
                f"stages[{index}] {stage.name}",
                f"no system named {stage.system!r}{suggest(stage.system, model.systems)}",
            )


def _fields(model: Model) -> Iterator[Problem]:
    taken = {name for name in dir(Person) if not name.startswith("__")}
    own = {one.name for one in model.fields}
    yield from _unique("fields", [one.name for one in model.fields])
    for one in model.fields:
        where = f"fields.{one.name}"
        yield from _identifier(where, one.name)
        if one.name in taken and one.name not in attrs.fields_dict(model.person):
            yield Problem(where, "this name is taken by the person itself; choose another")
        elif one.name in taken and one.name in _STAGE_WORDS:
            yield Problem(where, "this is written by the machine and cannot be declared")
        if one.default is not None:
            try:
                one.type.accept(one.default)
            except Exception as error:
                yield Problem(where, f"its default does not fit: {error}")
    for name in model.tokens:
        yield from _identifier(f"tokens.{name}", name)
    for name in model.guards:
        yield from _identifier(f"guards.{name}", name)
        if name in own or name in model.field_types or name in READ_ONLY:
            yield Problem(
                f"guards.{name}", "a field has the same name, so a guard could mean either"
            )


def _guards(model: Model) -> Iterator[Problem]:
    for name, guard in model.guards.items():
        yield from _guard(model, f"guards.{name}", guard)


def _moves(model: Model) -> Iterator[Problem]:
    yield from _unique_rules(model)
    reserved = {name for name in dir(Person) if not name.startswith("__")} | set(model.field_types)
    for index, move in enumerate(model.moves):
        where = f"moves[{index}] {' | '.join(move.sources)} -> {move.target}"
        yield from _identifier(where, move.name)
        known = True
        for name in dict.fromkeys((*move.sources, move.target)):
            if name not in model.by_name:
                known = False
                yield Problem(where, f"no stage named {name!r}{suggest(name, model.by_name)}")
        if not move.sources:
            yield Problem(where, "a move leaves at least one stage: name it in 'from'")
        if move.on is not None:
            yield from _identifier(where, move.on)
            if move.on in reserved:
                yield Problem(
                    where,
                    f"the trigger {move.on!r} has the name of a field or method of the person; "
                    "choose another",
                )
        if known:
            yield from _direction(model, where, move)
        yield from _guard(model, where, move.when, opaque=True)
        yield from _effects(model, where, move.then, model.vocabulary)


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
                f"this moves backwards, from rank {rank} to rank {end}: people leave the path by a "
                "detour stage and return from there",
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
    names = [rule.name for rule in (*model.sort, *model.moves)]
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
    for index, rule in enumerate(model.sort):
        where = f"sort[{index}] {rule.name}"
        last = index == len(model.sort) - 1
        yield from _identifier(where, rule.name)
        if isinstance(rule.when, Always) and not last:
            yield Problem(where, "it takes everyone, so no rule behind it is ever reached")
        if last and not isinstance(rule.when, Always):
            yield Problem(
                where,
                "the last rule must be when = 'otherwise', so that nobody falls through [S15]",
            )
        if rule.target not in model.by_name:
            yield Problem(
                where, f"no stage named {rule.target!r}{suggest(rule.target, model.by_name)}"
            )
        elif rule.target == model.initial.name:
            yield Problem(where, "the sort leads out of original processing, not back into it")
        else:
            yield from _skips(where, rule, model.ranks.get(rule.target, 0) > 1)
        yield from _guard(model, where, rule.when)


def _silos(model: Model) -> Iterator[Problem]:
    known = model.activity_kinds
    yield from _unique("kinds", [kind.name for kind in model.kinds])
    for kind in model.kinds:
        where = f"kinds.{kind.name}"
        yield from _identifier(where, kind.name)
        words = model.vocabulary_for(kind.name)
        yield from _effects(model, where, kind.sets, words)
        yield from _no_stage(model, where, kind.sets)
    for index, rule in enumerate(model.data):
        where = f"data[{index}] {rule.on}"
        if rule.on not in known:
            yield Problem(where, f"no activity named {rule.on!r}{suggest(rule.on, known)}")
            continue
        words = model.vocabulary_for(rule.on)
        yield from _guard(model, where, rule.when, words)
        yield from _effects(model, where, rule.then, words)
        yield from _no_stage(model, where, rule.then, rule.when)
    yield from _unique("scoring", [rule.name for rule in model.scoring])
    for index, score in enumerate(model.scoring):
        where = f"scoring[{index}] {score.name}"
        words = model.vocabulary
        if score.on is not None:
            if score.on not in known:
                yield Problem(where, f"no activity named {score.on!r}{suggest(score.on, known)}")
                continue
            words = model.vocabulary_for(score.on)
        yield from _guard(model, where, score.when, words)
        yield from _no_stage(model, where, (), score.when)
        if isinstance(score.points, Guard):
            yield Problem(where, "points are a number or a token, not a condition")
        else:
            effect = attrs.evolve(words, in_effect=True)
            for message in effect_problems(score.points, FieldType("int"), effect):
                yield Problem(where, f"points: {message}")


def _processing(model: Model) -> Iterator[Problem]:
    yield from _unique("processing", [step.name for step in model.processing])
    yield from _unique("processing", [step.number for step in model.processing])
    chain = model.chain
    for step in chain:
        where = f"processing {step.number:03} {step.name}"
        if not 0 <= step.number < steps.SORT_NUMBER:
            yield Problem(where, f"number a step from 1 to {steps.SORT_NUMBER - 1}: the sort is 90")
        if step.use and step.use not in steps.BUILT_IN:
            yield Problem(
                where, f"no built-in step {step.use!r}{suggest(step.use, steps.BUILT_IN)}"
            )
        for name in (*step.reads, *step.writes):
            if name not in model.field_types and name != "id":
                yield Problem(where, f"no field named {name!r}{suggest(name, model.field_types)}")
        yield from _order(where, step, chain)


def _order(where: str, step: StepDef, chain: tuple[StepDef, ...]) -> Iterator[Problem]:
    for name in step.reads:
        writers = [other for other in chain if name in other.writes]
        if writers and all(other.number > step.number for other in writers):
            yield Problem(
                where,
                f"it reads {name!r}, which is written only later, by step "
                f"{writers[0].number:03} {writers[0].name}: give one of them another number",
            )


def _guard(
    model: Model,
    where: str,
    guard: Guard,
    words: Vocabulary | None = None,
    *,
    opaque: bool = False,
) -> Iterator[Problem]:
    if not opaque and any(isinstance(node, Opaque) for node in walk(guard)):
        yield Problem(where, "a Python function can guard a move only, not this [S2]")
    for message in guard_problems(guard, words or model.vocabulary):
        yield Problem(where, message)


def _effects(
    model: Model, where: str, sets: tuple[Set, ...], words: Vocabulary
) -> Iterator[Problem]:
    yield from _unique(where, [one.field for one in sets])
    for one in sets:
        target = model.field_types.get(one.field)
        if target is None:
            hint = (
                "only the machine writes it"
                if one.field in READ_ONLY
                else f"no field of this name{suggest(one.field, model.field_types)}"
            )
            yield Problem(where, f"cannot set {one.field!r}: {hint}")
        elif isinstance(one.value, Guard):
            if target.kind != "bool":
                yield Problem(where, f"{one.field}: a condition can set a yes/no field only")
            yield from _guard(model, where, one.value, words)
        else:
            effect = attrs.evolve(given(words), in_effect=True)
            for message in effect_problems(one.value, target, effect):
                yield Problem(where, f"{one.field}: {message}")


def _no_stage(
    model: Model, where: str, sets: tuple[Set, ...], when: Guard | None = None
) -> Iterator[Problem]:
    trees = [when] if when is not None else []
    trees += [one.value for one in sets if isinstance(one.value, Guard)]
    read = set(fields_read(model, trees))
    read |= {
        node.name
        for one in sets
        if not isinstance(one.value, Guard)
        for node in walk(one.value)
        if isinstance(node, Field)
    }
    for name in sorted(read & _STAGE_WORDS):
        yield Problem(
            where,
            f"it reads {name!r}: data and scoring come before the lifecycle and never read the "
            "stage [S18]",
        )


def _identifier(where: str, name: str) -> Iterator[Problem]:
    if not (name.isidentifier() and name.isascii()) or keyword.iskeyword(name) or name[:1] == "_":
        yield Problem(
            where, f"{name!r} is not a name: use letters, digits and _, and start with a letter"
        )


def _unique(where: str, names: Iterable[object]) -> Iterator[Problem]:
    for name, count in Counter(names).items():
        if count > 1:
            yield Problem(where, f"{name!r} stands here {count} times; each needs its own")


_SECTIONS = (_stages, _fields, _guards, _silos, _processing, _sort, _moves)
