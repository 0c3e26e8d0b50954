"""What a changed model does differently: by meaning, with a person who is treated differently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypeAlias

import attrs

from lifecycle_fsm.checks.finding import described
from lifecycle_fsm.checks.question_context import world_of
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.guard import (
    Const,
    Field,
    Guard,
    In,
    Term,
    Token,
    all_of,
    inline,
    negate,
    reads,
    resolve,
    to_text,
    transform_terms,
    walk,
)
from lifecycle_fsm.model import Model, Move, Set, SortRule
from lifecycle_fsm.model.definition import arrow
from lifecycle_fsm.model.version import meaning
from lifecycle_fsm.proof import (
    NOW,
    TOTAL,
    Answer,
    Prover,
    Work,
    World,
    solve_whenever,
)

Change: TypeAlias = Literal[
    "added", "removed", "changed", "moved", "stricter", "looser", "other", "same", "not decided"
]


#: Sections whose rules are told as they are written.
_BY_TEXT = tuple(
    "fields kinds processing data scoring decay deadlines assignment alerts calendars merging "
    "guards claims".split()
)


@attrs.frozen(kw_only=True)
class Difference:
    """One thing that is not as it was.

    Args:
        part: which part of a model: ``stages``, ``tokens``, ``sort``, ``moves`` …
        name: of the stage, token, move …
        change: what became of it. Of a guard: ``stricter`` holds for fewer, ``looser`` for more,
            ``other`` for some more and some fewer, ``same`` is only written otherwise.
        before, after: as they are written.
        gains: somebody for whom it holds now and did not.
        loses: somebody for whom it held and does not now.
        note: what else is different, in words: a token that a guard no longer follows.
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
        """The difference as JSON tells it."""
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
    """What is not as it was: stages, tokens, the sort, moves, effects, and guards by their meaning.

    Guards are compared for all persons that either model can speak of, each with the tokens of its
    own model, so that a changed threshold shows at every guard that reads it.

    Args:
        old: the model as it was.
        new: the model as it is now.
        budget: how many cases all questions together may look at; the rest is "not decided".
        seconds: how long it may take on the clock, whatever the machine gets done in that time.
        prover: who decides, see :func:`~lifecycle_fsm.check`.

    Raises:
        MissingExtra: z3 is asked for and not installed.
    """
    comparing = _Comparing(old, new, Work(budget, seconds), prover)
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
        before, after = (str(getattr(one, part) or "") for one in (old, new))
        if before != after:
            yield Difference(part="model", name=part, change="changed", before=before, after=after)


def _stages(old: Model, new: Model) -> Iterator[Difference]:
    before, after = old.by_name, new.by_name
    for name in before:
        if name not in after:
            yield Difference(part="stage", name=name, change="removed")
    for name, stage in after.items():
        if name not in before:
            yield Difference(part="stage", name=name, change="added")
        elif before[name].mail != stage.mail:
            yield Difference(
                part="stage",
                name=name,
                change="changed",
                before=f"mail = {before[name].mail}",
                after=f"mail = {stage.mail}",
            )
    # Of detours the order says nothing of ranks, and moves are tried as they are written.
    for way, other in ((old.path, new.path), (old.stages, new.stages)):
        moved = list(_moved("stages", [one.name for one in way], [one.name for one in other]))
        yield from moved
        if moved:
            break


def _moved(part: str, before: Sequence[str], after: Sequence[str]) -> Iterator[Difference]:
    """That what both have stands in another order."""
    ways = [
        " > ".join(name for name in one if name in before and name in after)
        for one in (before, after)
    ]
    if ways[0] != ways[1]:
        yield Difference(part=part, name="order", change="moved", before=ways[0], after=ways[1])


def _tokens(old: Model, new: Model) -> Iterator[Difference]:
    for name in dict.fromkeys([*old.tokens, *new.tokens]):
        before, after = (
            _written(one.tokens[name]) if name in one.tokens else "" for one in (old, new)
        )
        if before != after:
            change: Change = "changed" if before and after else "added" if after else "removed"
            yield Difference(part="token", name=name, change=change, before=before, after=after)


def _written(value: object) -> str:
    return to_text(Const(value))  # type: ignore[arg-type]


def _silos(old: Model, new: Model) -> Iterator[Difference]:
    """The other rules by what they say: who reads them can see what it means."""
    from lifecycle_fsm.model.unstructure import parts

    written = [parts(one, ()) for one in (old, new)]
    before, after = ({**meaning(one), "claims": one.get("claims", ())} for one in written)
    for section in _BY_TEXT:
        tables = [one.get(section, ()) for one in (before, after)]
        rows = [_rows(table) for table in tables]
        if not isinstance(tables[0], Mapping) and not isinstance(tables[1], Mapping):
            yield from _moved(section, list(rows[0]), list(rows[1]))
        for name in dict.fromkeys([*rows[0], *rows[1]]):
            one, other = (row.get(name) for row in rows)
            if one == other:
                continue
            change: Change = "added" if one is None else "removed" if other is None else "changed"
            yield Difference(
                part=section, name=name, change=change, before=_said(one), after=_said(other)
            )


def _rows(table: Any) -> dict[str, Any]:
    if isinstance(table, Mapping):
        return dict(table)
    return {
        str(row.get("name") or row.get("step") or f"{row.get('on', '')} {place}"): row
        for place, row in enumerate(table)
    }


def _said(row: Any) -> str:
    if row is None:
        return ""
    if isinstance(row, Mapping):
        return ", ".join(f"{name} = {value}" for name, value in row.items() if name != "name")
    return str(row)


# ---------------------------------------------------------------------- guards


class _Comparing:
    def __init__(self, old: Model, new: Model, work: Work, prover: Prover) -> None:
        self.old, self.new, self.prover = old, new, prover
        ours, theirs = world_of(new, work), world_of(old)
        stages = dict.fromkeys(stage.name for one in (new, old) for stage in one.stages)
        words = attrs.evolve(
            ours.vocabulary,
            fields={
                **theirs.vocabulary.fields,
                **ours.vocabulary.fields,
                "stage": FieldType("str", choices=tuple(stages)),
            },
            tokens={},
            guards={},
        )
        self.world: World = attrs.evolve(
            ours,
            vocabulary=words,
            start={**theirs.start, **ours.start},
            latest={**theirs.latest, **ours.latest},
        )

    def sort(self) -> Iterator[Difference]:
        before, after = ({rule.name: rule for rule in one.sort} for one in (self.old, self.new))
        yield from self._rules("sort", before, after)
        yield from _moved("sort", list(before), list(after))
        yield from self._sorted()

    def _sorted(self) -> Iterator[Difference]:
        """Whom the sort gives another first stage, whichever rule, order or token it is due to."""
        ours, theirs = self._turns(self.old), self._turns(self.new)
        for before, (was, old) in ours.items():
            for after, (now, new) in theirs.items():
                if was == now:
                    continue
                answer = self._ask(all_of(old, new))
                if not answer.refuted:
                    yield Difference(
                        part="sorted",
                        name=f"to {now}, not {was}",
                        change="changed" if answer.found else "not decided",
                        before=f"to {was} by {before}",
                        after=f"to {now} by {after}",
                        gains=answer.person if answer.found else None,
                    )

    def _turns(self, model: Model) -> dict[str, tuple[str, Guard]]:
        """Of each rule of the sort, where it leads, and for whom it is the first that holds."""
        found: dict[str, tuple[str, Guard]] = {}
        before: list[Guard] = []
        for rule in model.sort:
            when = self._spelled(rule.when, model)
            found[rule.name] = rule.target, all_of(when, *before)
            before.append(negate(when))
        return found

    def moves(self) -> Iterator[Difference]:
        before, after = ({move.name: move for move in one.moves} for one in (self.old, self.new))
        yield from self._rules("move", before, after)
        yield from _moved("moves", list(before), list(after))

    def _rules(
        self,
        part: str,
        before: Mapping[str, Move] | Mapping[str, SortRule],
        after: Mapping[str, Move] | Mapping[str, SortRule],
    ) -> Iterator[Difference]:
        for name in before:
            if name not in after:
                yield Difference(part=part, name=name, change="removed", before=_way(before[name]))
        for name, rule in after.items():
            if name not in before:
                yield Difference(part=part, name=name, change="added", after=_way(rule))
                continue
            was, now = _way(before[name]), _way(rule)
            if was != now:
                yield Difference(part=part, name=name, change="changed", before=was, after=now)
            yield from self._guard(part, before[name], rule)

    def _guard(self, part: str, old: Move | SortRule, new: Move | SortRule) -> Iterator[Difference]:
        before, after = old.when, new.when
        ours, theirs = self._spelled(before, self.old), self._spelled(after, self.new)
        note = self._followed(before, after)
        if ours == theirs:
            if before != after:
                # Today the same for everybody; tomorrow, with another number, it is not.
                yield Difference(
                    part=f"guard of {part}",
                    name=new.name,
                    change="changed" if note else "same",
                    before=_text(before, ours),
                    after=_text(after, theirs),
                    note=note,
                )
            return
        gains = self._ask(all_of(theirs, negate(ours), *_asked_in(new, self.new, theirs, ours)))
        loses = self._ask(all_of(ours, negate(theirs), *_asked_in(old, self.old, theirs, ours)))
        change: Change = "same"
        if "undecided" in (gains.verdict, loses.verdict):
            change = "not decided"
        elif gains.found and loses.found:
            change = "other"
        elif gains.found:
            change = "looser"
        elif loses.found:
            change = "stricter"
        yield Difference(
            part=f"guard of {part}",
            name=new.name,
            change=change,
            before=_text(before, ours),
            after=_text(after, theirs),
            gains=gains.person if gains.found else None,
            loses=loses.person if loses.found else None,
            note=note,
        )

    def _followed(self, before: Guard, after: Guard) -> str:
        """Which tokens a guard no longer follows, or follows now, in words."""
        was, now = _tokens_read(before, self.old), _tokens_read(after, self.new)
        parts = [("no longer follows", was - now), ("now follows", now - was)]
        said = [
            f"{how} {', '.join(f'${name}' for name in sorted(names))}"
            for how, names in parts
            if names
        ]
        return f"it {' and '.join(said)}" if said else ""

    def _ask(self, guard: Guard) -> Answer:
        answer = solve_whenever(guard, self.world, prover=self.prover)
        if answer.at is None:
            return answer
        # Times are told by how long ago they are, whenever that is.
        person = {
            name: one + (NOW - answer.at) if isinstance(one, datetime) else one
            for name, one in answer.person.items()
        }
        return attrs.evolve(answer, person=person)

    def _spelled(self, guard: Guard, model: Model) -> Guard:
        """The guard with the named guards and tokens of its own model written out."""
        words = model.vocabulary

        def change(term: Term) -> Term:
            return Const(words.tokens[term.name]) if isinstance(term, Token) else term

        return transform_terms(inline(resolve(guard, words), words), change)


def _tokens_read(guard: Guard, model: Model) -> set[str]:
    written_out = inline(resolve(guard, model.vocabulary), model.vocabulary)
    return {node.name for node in walk(written_out) if isinstance(node, Token)}


def _asked_in(rule: Move | SortRule, model: Model, *guards: Guard) -> Iterator[Guard]:
    """That somebody stands where the rule is asked, for guards that look at the stage."""
    if any("stage" in reads(guard) for guard in guards):
        stages = rule.sources if isinstance(rule, Move) else (model.initial.name,)
        yield In(Field("stage"), Const(stages))


def _way(rule: Move | SortRule) -> str:
    """Where a move leads, who asks for it, and what else it does."""
    if isinstance(rule, SortRule):
        return f"to {rule.target}" + (f", skips {rule.skips}" if rule.skips else "")
    said = [arrow(rule.sources, rule.target), f"on {rule.on}" if rule.on else "by the system"]
    said += [f"priority {rule.priority}"] if rule.priority else []
    said += [f"skips {rule.skips}"] if rule.skips else []
    return ", ".join([*said, *(f"then {_effect(one)}" for one in rule.then)])


def _effect(one: Set) -> str:
    return f"{one.field} = {to_text(one.value)}"


def _text(guard: Guard, spelled: Guard) -> str:
    """As it is written, and, where tokens or named guards stand in it, as it is meant."""
    try:
        written, meant = to_text(guard), to_text(spelled)
    except Exception:
        return repr(guard)
    return written if written == meant else f"{written}  ({meant})"
