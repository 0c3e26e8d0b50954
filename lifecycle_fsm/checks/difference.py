"""The differences between two models in meaning, with a person whom they treat differently."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

import attrs

from lifecycle_fsm.checks.finding import described
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.guard import Guard, inline, reads, to_text
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.model import Model, Move, SortRule
from lifecycle_fsm.model.moves import arrow
from lifecycle_fsm.model.unstructure import parts
from lifecycle_fsm.model.version import meaning
from lifecycle_fsm.proof import (
    NOW,
    TOTAL,
    Answer,
    Budget,
    Domain,
    Prover,
    domain_of,
    solve_whenever,
    written_out,
)
from lifecycle_fsm.proof.calendar_dates import moved_times

Change: TypeAlias = Literal[
    "added", "removed", "changed", "moved", "stricter", "looser", "other", "same", "not decided"
]


#: The kind of change, by whether the guard now holds for people it did not, and the reverse.
_CHANGES: Mapping[tuple[bool, bool], Change] = {
    (False, False): "same",
    (True, False): "looser",
    (False, True): "stricter",
    (True, True): "other",
}
_Rule: TypeAlias = Move | SortRule
#: Sections whose rules are compared as text.
_BY_TEXT = tuple(
    "fields kinds processing data scoring decay deadlines assignment alerts calendars merging "
    "money guards claims".split()
)


@attrs.frozen(kw_only=True)
class Difference:
    """One difference between two models.

    Args:
        part: the part of a model: ``stages``, ``tokens``, ``sort``, ``moves`` …
        name: the name of the stage, token, move …
        change: the kind of change. For a guard: ``stricter`` holds for fewer people, ``looser``
            for more, ``other`` for some more and some fewer, ``same`` is only written differently.
        before, after: the texts in the two models.
        gains: a person for whom it holds now but did not before.
        loses: a person for whom it held before but does not now.
        note: other differences in words, such as a token that a guard no longer depends on.
    """

    part: str
    name: str
    change: Change
    before: str = ""
    after: str = ""
    gains: Mapping[str, Value] | None = None
    loses: Mapping[str, Value] | None = None
    note: str = ""

    def __str__(self) -> str:
        text = f"{self.part} {self.name}: {self.change}"
        if self.before or self.after:
            text += f"\n  - {self.before or '·'}\n  + {self.after or '·'}"
        if self.gains is not None:
            who = "such as" if self.part == "sorted" else "now also"
            text += f"\n  {who}: {described(self.gains) or 'everybody'}"
        if self.loses is not None:
            text += f"\n  no longer: {described(self.loses) or 'everybody'}"
        if self.note:
            text += f"\n  {self.note}"
        return text

    def as_plain(self) -> dict[str, Any]:
        """The difference as plain values for JSON."""
        return {
            name: dict(value) if isinstance(value, Mapping) else value
            for name, value in attrs.asdict(self, recurse=False).items()
        }


def differences(
    old: Model,
    new: Model,
    *,
    budget: int = TOTAL,
    seconds: float | None = None,
    prover: Prover = "search",
) -> tuple[Difference, ...]:
    """The differences in stages, tokens, the sort, moves, effects, and the meaning of guards.

    Guards are compared for all people that either model can describe, each with the tokens of its
    own model, so that a changed threshold shows at every guard that reads it.

    Args:
        old: the model before the change.
        new: the model after the change.
        budget: how many cases all questions together may examine; the rest is "not decided".
        seconds: a limit on the elapsed time, however much the machine gets done in it.
        prover: the method of proof, see :func:`~lifecycle_fsm.check`.

    Raises:
        MissingExtra: z3 is requested but not installed.
    """
    comparing = _Comparing(old, new, Budget(budget, seconds), prover)
    return (
        *_whole(old, new),
        *_stages(old, new),
        *_tokens(old, new),
        *comparing.sort(),
        *comparing.moves(),
        *_silos(old, new),
    )


# ---------------------------------------------------------------------- names and numbers


def _whole(old: Model, new: Model) -> Iterator[Difference]:
    for part in ("name", "settle", "ties"):
        before, after = (str(getattr(model, part) or "") for model in (old, new))
        if before != after:
            yield Difference(part="model", name=part, change="changed", before=before, after=after)


def _stages(old: Model, new: Model) -> Iterator[Difference]:
    before, after = (
        {name: f"mail = {stage.mail}" for name, stage in model.by_name.items()}
        for model in (old, new)
    )
    for difference in _compared("stage", before, after):
        if difference.change == "changed":
            yield difference
        else:
            yield attrs.evolve(difference, before="", after="")
    # The order of detours does not affect ranks, and moves are tried in the order of the file.
    for first, second in ((old.path, new.path), (old.stages, new.stages)):
        names = [[stage.name for stage in stages] for stages in (first, second)]
        moved = list(_moved("stages", *names))
        yield from moved
        if moved:
            break


def _compared(
    part: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    format_value: Callable[[Any], str] = str,
) -> Iterator[Difference]:
    """First what was removed; then, in the new order, what was added or changed."""
    for name in (*(name for name in before if name not in after), *after):
        old, new = before.get(name), after.get(name)
        if old != new:
            yield Difference(
                part=part,
                name=name,
                change="added" if old is None else "removed" if new is None else "changed",
                before="" if old is None else format_value(old),
                after="" if new is None else format_value(new),
            )


def _moved(part: str, before: Iterable[str], after: Iterable[str]) -> Iterator[Difference]:
    """A difference if the entries that both have are in another order."""
    before, after = list(before), list(after)
    was, now = (
        " > ".join(name for name in names if name in before and name in after)
        for names in (before, after)
    )
    if was != now:
        yield Difference(part=part, name="order", change="moved", before=was, after=now)


def _tokens(old: Model, new: Model) -> Iterator[Difference]:
    before, after = (
        {name: to_text(tree.Const(value)) for name, value in model.tokens.items()}
        for model in (old, new)
    )
    yield from _in_old_order("token", before, after)


def _in_old_order(
    part: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    format_value: Callable[[Any], str] = str,
) -> Iterator[Difference]:
    """The same differences, with added entries last."""
    order = list(dict.fromkeys([*before, *after]))
    differences = _compared(part, before, after, format_value)
    yield from sorted(differences, key=lambda difference: order.index(difference.name))


def _silos(old: Model, new: Model) -> Iterator[Difference]:
    """The differences in the text of the other rules, which readers can judge themselves."""
    plain = [parts(model, ()) for model in (old, new)]
    before, after = ({**meaning(part), "claims": part.get("claims", ())} for part in plain)
    for section in _BY_TEXT:
        tables = [model.get(section, ()) for model in (before, after)]
        old_rows, new_rows = (_rows(table) for table in tables)
        if not any(isinstance(table, Mapping) for table in tables):
            yield from _moved(section, old_rows, new_rows)
        yield from _in_old_order(section, old_rows, new_rows, _row)


def _rows(table: Any) -> dict[str, Any]:
    """The rules of a section by name."""
    if isinstance(table, Mapping):
        return dict(table)
    return {
        str(row.get("name") or row.get("step") or f"{row.get('on', '')} {place}"): row
        for place, row in enumerate(table)
    }


def _row(row: Any) -> str:
    if isinstance(row, Mapping):
        return ", ".join(f"{name} = {value}" for name, value in row.items() if name != "name")
    return str(row)


# ---------------------------------------------------------------------- guards


class _Comparing:
    """The guards of two models, for all people that either can describe."""

    def __init__(self, old: Model, new: Model, budget: Budget, prover: Prover) -> None:
        self.old, self.new, self.prover = old, new, prover
        ours, theirs = domain_of(new, budget), domain_of(old)
        stages = dict.fromkeys(stage.name for model in (new, old) for stage in model.stages)
        fields = {
            **theirs.vocabulary.fields,
            **ours.vocabulary.fields,
            "stage": FieldType("str", choices=tuple(stages)),
        }
        self.domain: Domain = attrs.evolve(
            ours,
            vocabulary=attrs.evolve(ours.vocabulary, fields=fields, tokens={}, guards={}),
            start={**theirs.start, **ours.start},
            latest={**theirs.latest, **ours.latest},
        )

    def sort(self) -> Iterator[Difference]:
        yield from self._rules("sort", "sort", self.old.sort, self.new.sort)
        yield from self._sorted()

    def moves(self) -> Iterator[Difference]:
        yield from self._rules("move", "moves", self.old.moves, self.new.moves)

    def _sorted(self) -> Iterator[Difference]:
        """People to whom the sort gives another first stage, whether by a rule, order or token."""
        for before, old in self._turns(self.old):
            for after, new in self._turns(self.new):
                if before.target == after.target:
                    continue
                answer = self._ask(tree.all_of(old, new))
                if not answer.refuted:
                    yield Difference(
                        part="sorted",
                        name=f"to {after.target}, not {before.target}",
                        change="changed" if answer.found else "not decided",
                        before=f"to {before.target} by {before.name}",
                        after=f"to {after.target} by {after.name}",
                        gains=answer.person if answer.found else None,
                    )

    def _turns(self, model: Model) -> Iterator[tuple[SortRule, Guard]]:
        """Each rule of the sort, with the guard that it is the first rule to hold."""
        before: list[Guard] = []
        for rule in model.sort:
            when = written_out(rule.when, model.vocabulary)
            yield rule, tree.all_of(when, *before)
            before.append(tree.negate(when))

    def _rules(
        self, part: str, section: str, old: Iterable[_Rule], new: Iterable[_Rule]
    ) -> Iterator[Difference]:
        before, after = ({rule.name: rule for rule in rules} for rules in (old, new))
        was, now = ({name: _way(rule) for name, rule in rules.items()} for rules in (before, after))
        changed = {difference.name: difference for difference in _compared(part, was, now)}
        for name in dict.fromkeys([*(name for name in before if name not in after), *after]):
            if name in changed:
                yield changed[name]
            if name in before and name in after:
                yield from self._guard(part, before[name], after[name])
        yield from _moved(section, before, after)

    def _guard(self, part: str, old: _Rule, new: _Rule) -> Iterator[Difference]:
        before, after = old.when, new.when
        ours = written_out(before, self.old.vocabulary)
        theirs = written_out(after, self.new.vocabulary)
        note = self._followed(before, after)
        difference = Difference(
            part=f"guard of {part}",
            name=new.name,
            change="same",
            before=_text(before, ours),
            after=_text(after, theirs),
            note=note,
        )
        if ours == theirs:
            if before != after:
                # The same for everyone today, but not after another change of the number.
                yield attrs.evolve(difference, change="changed" if note else "same")
            return
        gains = self._ask(
            tree.all_of(theirs, tree.negate(ours), *_asked_in(new, self.new, theirs, ours))
        )
        loses = self._ask(
            tree.all_of(ours, tree.negate(theirs), *_asked_in(old, self.old, theirs, ours))
        )
        change: Change = _CHANGES[gains.found, loses.found]
        yield attrs.evolve(
            difference,
            change="not decided" if "undecided" in (gains.verdict, loses.verdict) else change,
            gains=gains.person if gains.found else None,
            loses=loses.person if loses.found else None,
        )

    def _followed(self, before: Guard, after: Guard) -> str:
        """The tokens that a guard no longer depends on, or newly depends on, in words."""
        was, now = _tokens_read(before, self.old), _tokens_read(after, self.new)
        notes = [
            f"{how} {', '.join(f'${name}' for name in sorted(names))}"
            for how, names in (("no longer follows", was - now), ("now follows", now - was))
            if names
        ]
        return f"it {' and '.join(notes)}" if notes else ""

    def _ask(self, guard: Guard) -> Answer:
        answer = solve_whenever(guard, self.domain, prover=self.prover)
        if answer.at is None:
            return answer
        # Times are reported as how long ago they are, relative to the instant of the answer.
        return attrs.evolve(answer, person=moved_times(answer.person, NOW - answer.at))


def _tokens_read(guard: Guard, model: Model) -> set[str]:
    plain = inline(guard, model.vocabulary)
    return {node.name for node in tree.walk(plain) if isinstance(node, tree.Token)}


def _asked_in(rule: _Rule, model: Model, *guards: Guard) -> Iterator[Guard]:
    """If the guards read the stage, a guard for the stages in which the rule is evaluated."""
    if any("stage" in reads(guard) for guard in guards):
        stages = rule.sources if isinstance(rule, Move) else (model.initial.name,)
        yield tree.In(tree.Field("stage"), tree.Const(stages))


def _way(rule: _Rule) -> str:
    """Where a move leads, which trigger it has, and its other properties."""
    skips = [f"skips {rule.skips}"] if rule.skips else []
    if isinstance(rule, SortRule):
        return ", ".join([f"to {rule.target}", *skips])
    trigger = f"on {rule.on}" if rule.on else "by the system"
    priority = [f"priority {rule.priority}"] if rule.priority else []
    effects = (f"then {effect.field} = {to_text(effect.value)}" for effect in rule.then)
    return ", ".join([arrow(rule.sources, rule.target), trigger, *priority, *skips, *effects])


def _text(guard: Guard, meant: Guard) -> str:
    """The text of a guard and, if it contains tokens or named guards, its text without them."""
    try:
        texts = to_text(guard), to_text(meant)
    except Exception:
        return repr(guard)
    return texts[0] if texts[0] == texts[1] else f"{texts[0]}  ({texts[1]})"
