"""What the assertions of a bench do: ask, compare, and say all that is to be known of a failure."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from datetime import datetime
from typing import TYPE_CHECKING

import attrs

from lifecycle_fsm.errors import NoSuchMove, suggest
from lifecycle_fsm.guard import Guard
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.machine import Refusal
from lifecycle_fsm.person import Person
from lifecycle_fsm.testing.expected_reasons import Because, compare, reading

if TYPE_CHECKING:
    from lifecycle_fsm.testing.bench import Bench


def moves(
    bench: Bench, person: Person, trigger: str | None, to: str, by: str | Iterable[str] | None
) -> None:
    """:meth:`~lifecycle_fsm.testing.Bench.assert_moves`."""
    __tracebackhide__ = True
    bench.model.stage(to)
    names = _known_rules(bench, by)
    before = copy(person)
    decision, rows = bench._ask(person, trigger)
    wanted = f"{_who(bench, person, before.stage)} should move to {to}{_by(names)}{_on(trigger)}"
    if not any(row.visits for row in rows):
        why = _why_not(bench, person, trigger, to)
        reason = f"but stays{': ' if decision.reason or not why else ', because'}"
        reason += decision.reason or ("" if why else "no move leads there")
        raise AssertionError("\n".join([f"{wanted}, {reason}", *why, _is(person)]))
    made = tuple(row.rule for row in rows)
    right = not names or names == (made[-1:] if isinstance(by, str) else made)
    if person.stage != to or not right:
        why = _why_not(bench, before, trigger, to)
        raise AssertionError("\n".join([f"{wanted}, but moves", *_made(rows), *why, _is(person)]))


def stays(bench: Bench, person: Person, move: str | None, because: Because | None) -> None:
    """:meth:`~lifecycle_fsm.testing.Bench.assert_stays`."""
    __tracebackhide__ = True
    before = person.stage
    _, rows = bench._ask(person, None)
    wanted = f"{_who(bench, person, before)} should stay"
    if any(row.visits for row in rows):
        raise AssertionError("\n".join([f"{wanted}, but moves", *_made(rows), _is(person)]))
    if because is not None:
        refusals = _of(bench, person, bench.explain(person), None, move)
        _compared(bench, person, f"{wanted} for these reasons", refusals, because)


def refused(
    bench: Bench, person: Person, trigger: str, move: str | None, because: Because | None
) -> None:
    """:meth:`~lifecycle_fsm.testing.Bench.assert_refused`."""
    __tracebackhide__ = True
    before = person.stage
    decision, rows = bench._ask(person, trigger)
    wanted = f"{_who(bench, person, before)} should be refused{_on(trigger)}"
    if decision.result == "no_such_move":
        raise AssertionError(f"{wanted}, but there is nothing to refuse: {decision.reason}")
    if not decision.unmet:
        raise AssertionError("\n".join([f"{wanted}, but moves", *_made(rows), _is(person)]))
    if because is not None:
        refusals = _of(bench, person, decision.unmet, trigger, move)
        _compared(bench, person, f"{wanted} for these reasons", refusals, because)


def holds(bench: Bench, person: Person, guard: Guard | str, *, wanted: bool) -> None:
    """:meth:`~lifecycle_fsm.testing.Bench.assert_holds` and ``assert_fails``."""
    __tracebackhide__ = True
    outcome = bench.outcome(person, guard)
    if outcome.holds is not wanted:
        verb = "should hold, and does not" if wanted else "should not hold, and does"
        who = _who(bench, person, person.stage)
        raise AssertionError(
            "\n".join([f"{outcome.text} {verb} for {who}", _indent(str(outcome)), _is(person)])
        )


# ---------------------------------------------------------------------- reasons


def _compared(
    bench: Bench, person: Person, wanted: str, refusals: Iterable[Refusal], because: Because
) -> None:
    __tracebackhide__ = True
    found = compare(refusals, reading(because, bench.model.vocabulary))
    if not found.agree:
        raise AssertionError(
            "\n".join([f"{wanted}, but they differ:", *found.lines, *found.legend, _is(person)])
        )


def _of(
    bench: Bench,
    person: Person,
    refusals: tuple[Refusal, ...],
    trigger: str | None,
    move: str | None,
) -> tuple[Refusal, ...]:
    """The refusals of one move, where one was named.

    Raises:
        NoSuchMove: it is none of those that were asked.
    """
    if move is None:
        return refusals
    found = tuple(refusal for refusal in refusals if refusal.move == move)
    if not found:
        names = [refusal.move for refusal in refusals]
        _wrong(
            bench, person, trigger,
            f"no move named {move!r} was refused to {person.id} in {person.stage!r}"
            f"{suggest(move, names)}; refused: {', '.join(names) or 'none'}",
        )  # fmt: skip
    return found


def _known_rules(bench: Bench, by: str | Iterable[str] | None) -> tuple[str, ...]:
    names = () if by is None else (by,) if isinstance(by, str) else tuple(by)
    known = {move.name for move in bench.model.moves} | {one.name for one in bench.model.sort}
    for name in names:
        if name not in known:
            _wrong(
                bench, None, None,
                f"the model {bench.model.name!r} has no move and no sort rule named {name!r}"
                f"{suggest(name, known)}",
            )  # fmt: skip
    return names


def _wrong(bench: Bench, person: Person | None, trigger: str | None, message: str) -> None:
    from lifecycle_fsm.machine import Decision

    now, who, stage = bench.clock.now, "", ""
    if person is not None:
        who, stage = person.id, person.stage
    raise NoSuchMove(
        message, Decision("no_such_move", who, now, now, stage, trigger, reason=message)
    )


def _why_not(bench: Bench, person: Person, trigger: str | None, to: str) -> list[str]:
    """Every move to the stage that is not open to the person as given, with all that is unmet;
    where none leads there, every other one."""
    event = bench.machine.events.get(trigger) if trigger is not None else None
    if trigger is not None and not (event and event.transitions.get(person.stage)):
        return []
    closed = bench.machine.explain(person, trigger, bench.clock.now)
    shown = [one for one in closed if one.target == to] or closed
    return [line for one in shown for line in told(one)]


def told(refusal: Refusal) -> list[str]:
    """A refusal in lines: the move, then its guard as a tree with the values seen."""
    head = f"  {refusal.move} -> {refusal.target}"
    if refusal.note:
        return [f"{head}: {refusal.note}"]
    return [head, _indent(str(refusal.outcome), 4)]


# ---------------------------------------------------------------------- words


def _who(bench: Bench, person: Person, stage: str) -> str:
    return f"{person.id} in {stage} at {bench.clock.now:%Y-%m-%d %H:%M} UTC"


def _by(names: tuple[str, ...]) -> str:
    return f" by {', '.join(names)}" if names else ""


def _on(trigger: str | None) -> str:
    return "" if trigger is None else f" on {trigger!r}"


def _is(person: Person) -> str:
    """The person in one line: what differs from somebody of whom nothing is known."""
    said = [
        f"{one.name}={_value(value)}"
        for one in attrs.fields(type(person))
        if one.init and one.name != "id" and (value := getattr(person, one.name)) != one.default
    ]
    since = f"since {_value(person.stage_entered_at)}, journey {person.journey}"
    return f"  {person.id}: {person.stage} {since}{', ' if said else ''}{', '.join(said)}"


def _value(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M}" + (f"{value:%S.%f}" if value.microsecond else "") + "Z"
    return repr(value)


def _made(rows: Iterable[HistoryRow]) -> list[str]:
    return [f"  {row.from_stage} -> {row.to_stage} by {row.rule}" for row in rows]


def _indent(text: str, by: int = 2) -> str:
    return "\n".join(" " * by + line for line in text.split("\n"))
