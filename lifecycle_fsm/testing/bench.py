"""A bench: one model, one clock, and people who can be put into any stage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from datetime import datetime, timedelta
from itertools import count
from os import PathLike
from textwrap import indent
from typing import Any, TypeAlias

import attrs

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.errors import GuardError, NoSuchMove, RecordError, suggest
from lifecycle_fsm.fields import instant
from lifecycle_fsm.guard import (
    Guard,
    Outcome,
    Vocabulary,
    explain,
    problems,
    resolve,
    to_text,
    unmet,
)
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.machine import Decision, LifecycleMachine, Refusal
from lifecycle_fsm.model import Model, load
from lifecycle_fsm.model.conversions import read_guard
from lifecycle_fsm.orchestrator import Orchestrator
from lifecycle_fsm.person import Person
from lifecycle_fsm.processing import Run, Step
from lifecycle_fsm.proof import NOW
from lifecycle_fsm.silos.effects import attribute_of
from lifecycle_fsm.testing.factory import place
from lifecycle_fsm.testing.guard_tables import GuardRow, Source, check_row, guard_table

_TICK = timedelta(microseconds=1)
#: Conditions in the guard language: one, several, or each with the value that it saw.
Because: TypeAlias = str | Guard | Iterable[str | Guard] | Mapping[str, object]


class Clock:
    """A clock that only a test moves, and only forwards [S4][S20].

    It starts at the instant of the people that ``lifecycle-fsm check`` finds, so that they can be
    pasted into a test unchanged.

    Args:
        now: where it starts; a naive time counts as UTC.
    """

    def __init__(self, now: datetime | str = NOW) -> None:
        self._now = instant(now)

    def __repr__(self) -> str:
        return f"<Clock {self._now:%Y-%m-%d %H:%M:%S} UTC>"

    @property
    def now(self) -> datetime:
        """The instant at which everything is asked, in UTC."""
        return self._now

    def forward(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> datetime:
        """Move the clock forwards and return its new time.

        Raises:
            RecordError: that would be backwards.
        """
        step = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return self.set(self._now + step)

    def set(self, when: datetime | str) -> datetime:
        """Move the clock to an instant that is not earlier, and return it.

        Raises:
            RecordError: the instant is earlier.
        """
        then = instant(when)
        if then < self._now:
            raise RecordError(
                f"the clock shows {self._now:%Y-%m-%d %H:%M:%S} and goes forwards only, not back "
                f"to {then:%Y-%m-%d %H:%M:%S}: begin with an earlier time"
            )
        self._now = then
        return then


class Bench:
    """A model under test: people in any stage, a clock that stands still, assertions that explain.

    Questions go to the *machine*: only the guard of the move and the current fields matter. To make
    something happen with all its consequences (data, scoring, assignment, alerts), use
    :meth:`happens` [S7].

    Args:
        model: a :class:`~lifecycle_fsm.Model`, the path of its TOML, or the name of a shipped one.
        now: where the clock starts; see :class:`~lifecycle_fsm.testing.Clock`.
        steps: the project's own steps of original processing.
        tables: rows for the enrich steps, by the name of the step.

    Raises:
        ModelError: the model does not build; it reports every problem.
        FileProblem: a file cannot be read.
    """

    def __init__(
        self,
        model: Model | str | PathLike[str],
        *,
        now: datetime | str | None = None,
        steps: Mapping[str, Run] | Iterable[Step] = (),
        tables: Mapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(model, Model):
            model = load(model)
        #: Processes activities; use it for anything that this class has no method for.
        self.orchestrator = Orchestrator(model, steps=steps, tables=tables)
        #: The current time; only the test moves it.
        self.clock = Clock() if now is None else Clock(now)
        self._numbers = count(1)

    def __repr__(self) -> str:
        return f"<Bench {self.model.name} {self.model.version} at {self.clock.now}>"

    @property
    def model(self) -> Model:
        """The model under test."""
        return self.machine.model

    @property
    def machine(self) -> LifecycleMachine:
        """The machine of the model."""
        return self.orchestrator.machine

    # ------------------------------------------------------------------ people

    def person_in(self, stage: str, /, *, id: str | None = None, **fields: Any) -> Person:
        """A person in a stage, at the current time [S1].

        Args:
            stage: any stage of the model, including original processing and detours.
            id: the id; by default ``person-1``, ``person-2`` … A person with the same id is
                replaced.
            fields: fields of the person, and of the visit: ``days_in_stage`` or
                ``stage_entered_at``, ``journey``, ``journey_started_at``. By default, the person
                entered the stage an hour ago, in the first journey.

        The past is made up: the fewest declared moves that lead to the stage, without evaluating
        any of their guards. Deadlines that would be over count as handled, and a system return out
        of a detour as having been closed before [S9].

        Raises:
            LifecycleError: the model has no such stage; the message suggests the nearest.
            RecordError: a field does not exist or rejects its value, or times contradict each
                other.
        """
        now = self.clock.now
        name = id if id is not None else f"person-{next(self._numbers)}"
        person = place(self.machine, name, stage, now, fields)
        self.machine.resume(person, now)
        self.orchestrator.people[name] = person
        self.orchestrator.merged.pop(name, None)
        return person

    # ------------------------------------------------------------------ what happens

    def happens(
        self, person: Person, kind: str, payload: Mapping[str, Any] | None = None, **more: Any
    ) -> Decision:
        """Make an activity happen now: data, scoring, its trigger, moves, assignment, alerts [S7].

        Args:
            person: a person of this bench.
            kind: ``form_filled``, ``sales_touched`` … or a kind that the model adds.
            payload: the payload, by name.
            more: further payload as keyword arguments.

        Returns:
            the decision, with the requests.
        """
        self._check_person(person)
        brings = {**(payload or {}), **more}
        name = f"{kind}-{next(self._numbers)}"
        return self.orchestrator.apply(Activity(name, person.id, kind, self.clock.now, brings))

    def time_passes(self) -> list[Decision]:
        """Make everything happen that is due by the time of the clock: decay, deadlines, moves."""
        return self.orchestrator.tick(self.clock.now)

    def ask(self, person: Person, trigger: str | None = None) -> tuple[HistoryRow, ...]:
        """Ask for a move now, and return the rows that it made [S7].

        Args:
            person: a person of this bench.
            trigger: a process trigger. Without one, the system is asked: first time passes, then
                open system moves are made, including the sort.

        Raises:
            NoSuchMove: the model has no such trigger.
        """
        return self._ask(person, trigger)[1]

    def _ask(self, person: Person, trigger: str | None) -> tuple[Decision, tuple[HistoryRow, ...]]:
        self._check_person(person)
        known, now = len(person.history), self.clock.now
        if trigger is None:
            self.orchestrator.tick(now)
            decision = self.machine.evaluate(person, now)
        else:
            # Anything due at this very instant comes after the question [S20].
            self.orchestrator.tick(now - _TICK)
            known = len(person.history)
            decision = self.machine.fire(person, trigger, at=now)
        return decision, person.history[known:]

    def explain(self, person: Person, trigger: str | None = None) -> tuple[Refusal, ...]:
        """Every move that is not open now, with all unmet conditions and the values seen [S10].

        Raises:
            NoSuchMove: the trigger does not exist, or has no move out of the person's stage.
        """
        self._check_person(person)
        return self.machine.explain(person, trigger, self.clock.now)

    def outcome(self, person: Person, guard: Guard | str) -> Outcome:
        """The outcome of a guard now, part by part: a text such as ``fits and interested``, or a
        Python tree.

        Raises:
            GuardSyntaxError: the text cannot be parsed.
            GuardError: it names something that the model does not have.
        """
        self._check_person(person)
        vocabulary = self.model.vocabulary
        tree = _checked_guard(guard, vocabulary)
        return explain(tree, person, self.clock.now, vocabulary, attribute_of)

    def _check_person(self, person: Person) -> None:
        if self.orchestrator.people.get(getattr(person, "id", "")) is not person:
            raise RecordError(
                f"{person!r} is not of this bench: make people with its person_in(), and give two "
                "of them two ids"
            )

    # ------------------------------------------------------------------ asserting

    def assert_moves(
        self,
        person: Person,
        trigger: str | None = None,
        *,
        to: str,
        by: str | Iterable[str] | None = None,
    ) -> None:
        """Ask for a move, and assert that it ends in a stage.

        Args:
            person: a person of this bench.
            trigger: a process trigger; without one the system is asked.
            to: the stage of the person afterwards, when all system moves that opened have followed
                [S7].
            by: the name of the last move that was made, or of all of them in order.

        Raises:
            AssertionError: it did not; the message has every move that is not open, and why.
        """
        __tracebackhide__ = True
        self.model.stage(to)
        names = self._known_rules(by)
        before = copy(person)
        decision, rows = self._ask(person, trigger)
        wanted = f"{self._who(person, before.stage)} should move to {to}"
        wanted += f" by {', '.join(names)}" if names else ""
        wanted += "" if trigger is None else f" on {trigger!r}"
        if not any(row.visits for row in rows):
            closed = self._closed_moves(person, trigger, to)
            reason = f"but stays{': ' if decision.reason or not closed else ', because'}"
            reason += decision.reason or ("" if closed else "no move leads there")
            raise _failure(person, f"{wanted}, {reason}", *closed)
        made = tuple(row.rule for row in rows)
        right = not names or names == (made[-1:] if isinstance(by, str) else made)
        if person.stage != to or not right:
            closed = self._closed_moves(before, trigger, to)
            raise _failure(person, f"{wanted}, but moves", *_made(rows), *closed)

    def assert_stays(
        self, person: Person, *, move: str | None = None, because: Because | None = None
    ) -> None:
        """Assert that the system does not move the person now.

        Args:
            person: a person of this bench.
            move: the system move that ``because`` is about; by default, all of the stage.
            because: see :meth:`assert_refused`.

        Raises:
            AssertionError: the person moved, or stays for other reasons.
        """
        __tracebackhide__ = True
        before = person.stage
        _, rows = self._ask(person, None)
        wanted = f"{self._who(person, before)} should stay"
        if any(row.visits for row in rows):
            raise _failure(person, f"{wanted}, but moves", *_made(rows))
        if because is not None:
            self._compare(person, wanted, self.explain(person), because, move)

    def assert_refused(
        self,
        person: Person,
        trigger: str,
        *,
        move: str | None = None,
        because: Because | None = None,
    ) -> None:
        """Ask for a declared move, and assert that it is refused, for these reasons [S10].

        Args:
            person: a person of this bench.
            trigger: a process trigger that has a move out of the person's stage.
            move: the move that ``because`` is about; by default, all moves of the trigger.
            because: *all* unmet conditions, in the guard language: texts, or a mapping of text to
                the value that was seen, ``{"behavior_score >= $mql_threshold": 64}``. A named guard
                stands for all of its unmet conditions.

        Raises:
            AssertionError: it was not refused, or for other reasons; the message compares both, and
                names every unmet condition with the value that it saw.
        """
        __tracebackhide__ = True
        before = person.stage
        decision, rows = self._ask(person, trigger)
        wanted = f"{self._who(person, before)} should be refused on {trigger!r}"
        if decision.result == "no_such_move":
            raise AssertionError(f"{wanted}, but there is nothing to refuse: {decision.reason}")
        if not decision.unmet:
            raise _failure(person, f"{wanted}, but moves", *_made(rows))
        if because is not None:
            self._compare(person, wanted, decision.unmet, because, move, trigger)

    def assert_holds(self, person: Person, guard: Guard | str) -> None:
        """Assert that a guard holds for the person now."""
        __tracebackhide__ = True
        outcome = self.outcome(person, guard)
        if not outcome.holds:
            raise self._unexpected(person, outcome, "should hold, and does not")

    def assert_fails(self, person: Person, guard: Guard | str) -> None:
        """Assert that a guard does not hold for the person now."""
        __tracebackhide__ = True
        outcome = self.outcome(person, guard)
        if outcome.holds:
            raise self._unexpected(person, outcome, "should not hold, and does")

    def check(self, row: GuardRow) -> None:
        """Check one row of a guard table.

        Raises:
            AssertionError: the row does not hold; the message names its place.
            FileProblem: the model does not accept a column or a cell.
        """
        __tracebackhide__ = True
        check_row(self, row)

    def check_table(self, source: Source) -> None:
        """Check every row of a guard table; see :func:`~lifecycle_fsm.testing.guard_table`.

        With pytest, use a marker instead, which makes a test of each row.

        Raises:
            AssertionError: some rows do not hold; the message lists all of them.
            FileProblem: the table cannot be read, or the model does not accept some of it.
        """
        __tracebackhide__ = True
        failed = []
        for row in guard_table(source):
            try:
                self.check(row)
            except AssertionError as error:
                failed.append(str(error))
        if failed:
            raise AssertionError("\n\n".join(failed))

    # ------------------------------------------------------------------ failures

    def _compare(
        self,
        person: Person,
        wanted: str,
        refusals: Iterable[Refusal],
        because: Because,
        move: str | None,
        trigger: str | None = None,
    ) -> None:
        """Compare the expected reasons with the refusals, or with that of the named move.

        Raises:
            AssertionError: they differ.
            NoSuchMove: the named move is not among the refusals.
        """
        __tracebackhide__ = True
        names = [refusal.move for refusal in refusals]
        if move is not None and move not in names:
            message = (
                f"no move named {move!r} was refused to {person.id} in {person.stage!r}"
                f"{suggest(move, names)}; refused: {', '.join(names) or 'none'}"
            )
            raise self._no_such_move(message, person.id, person.stage, trigger)
        refusals = [refusal for refusal in refusals if move in (None, refusal.move)]
        lines = _differences(refusals, because, self.model.vocabulary)
        if lines:
            raise _failure(person, f"{wanted} for these reasons, but they differ:", *lines)

    def _known_rules(self, by: str | Iterable[str] | None) -> tuple[str, ...]:
        names = () if by is None else (by,) if isinstance(by, str) else tuple(by)
        known = {edge.name for edge in (*self.model.edges, *self.model.sort_edges)}
        for name in names:
            if name not in known:
                raise self._no_such_move(
                    f"the model {self.model.name!r} has no move and no sort rule named {name!r}"
                    f"{suggest(name, known)}"
                )
        return names

    def _no_such_move(
        self, message: str, person: str = "", stage: str = "", trigger: str | None = None
    ) -> NoSuchMove:
        now = self.clock.now
        decision = Decision("no_such_move", person, now, now, stage, trigger, reason=message)
        return NoSuchMove(message, decision)

    def _closed_moves(self, person: Person, trigger: str | None, to: str) -> list[str]:
        """The lines of every closed move to the stage for this person, with all unmet conditions;
        if no move leads there, of every other closed move."""
        event = self.machine.events.get(trigger) if trigger is not None else None
        if trigger is not None and not (event and event.transitions.get(person.stage)):
            return []
        closed = self.machine.explain(person, trigger, self.clock.now)
        there = [refusal for refusal in closed if refusal.target == to]
        return [line for refusal in there or closed for line in _refusal_lines(refusal)]

    def _unexpected(self, person: Person, outcome: Outcome, verb: str) -> AssertionError:
        line = f"{outcome.text} {verb} for {self._who(person, person.stage)}"
        return _failure(person, line, indent(str(outcome), "  "))

    def _who(self, person: Person, stage: str) -> str:
        return f"{person.id} in {stage} at {self.clock.now:%Y-%m-%d %H:%M} UTC"


def _failure(person: Person, *lines: str) -> AssertionError:
    """The error, with a last line that describes the person by the fields that differ from their
    defaults."""
    known = [
        f"{field.name}={_value(value)}"
        for field in attrs.fields(type(person))
        if field.init
        and field.name != "id"
        and (value := getattr(person, field.name)) != field.default
    ]
    since = f"since {_value(person.stage_entered_at)}, journey {person.journey}"
    return AssertionError(
        "\n".join([*lines, f"  {person.id}: {person.stage} {', '.join([since, *known])}"])
    )


def _value(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M}" + (f"{value:%S.%f}" if value.microsecond else "") + "Z"
    return repr(value)


def _refusal_lines(refusal: Refusal) -> list[str]:
    """A refusal in lines: the move, then its guard as a tree with the values seen."""
    head = f"  {refusal.move} -> {refusal.target}"
    if refusal.note:
        return [f"{head}: {refusal.note}"]
    return [head, indent(str(refusal.outcome), "    ")]


def _made(rows: Iterable[HistoryRow]) -> list[str]:
    return [f"  {row.from_stage} -> {row.to_stage} by {row.rule}" for row in rows]


# ------------------------------------------------------------------ expected reasons
#
# Why a person is refused: the reasons that a test names, and those that the machine gives.


@attrs.frozen
class _Reason:
    """A condition that a test expects to be unmet, and its value; ``...`` for any value."""

    text: str
    guard: Guard
    seen: Any


def _checked_guard(written: str | Guard, vocabulary: Vocabulary, context: str = "") -> Guard:
    """A guard with its names resolved, from text or a tree; the message of a :class:`GuardError`
    begins with ``context``.

    Raises:
        GuardSyntaxError: the text is not a guard.
        GuardError: it names something that the model does not have; the message suggests the
            nearest.
    """
    guard = resolve(read_guard(written), vocabulary)
    faults = problems(guard, vocabulary)
    if faults:
        raise GuardError(context + "; ".join(map(str, faults)))
    return guard


def _reasons(because: Because, vocabulary: Vocabulary) -> Iterator[_Reason]:
    if isinstance(because, str | Guard):
        because = (because,)
    pairs = because.items() if isinstance(because, Mapping) else ((each, ...) for each in because)
    for written, seen in pairs:
        text = written if isinstance(written, str) else to_text(resolve(written, vocabulary))
        yield _Reason(text, _checked_guard(written, vocabulary, f"because {text!r}: "), seen)


def _differences(
    refusals: Iterable[Refusal], because: Because, vocabulary: Vocabulary
) -> tuple[str, ...]:
    """The expected and the actual unmet conditions side by side, in lines; empty if they agree.

    Each unmet condition has a line, with the move that needs it and the value that it saw, and so
    has each expected reason that is not unmet. The last line explains the symbols.

    Raises:
        GuardSyntaxError, GuardError: a reason is not a guard of the model.
        RecordError: a single value is expected of a condition that reads several.
    """
    refusals = tuple(refusals)
    reasons = tuple(_reasons(because, vocabulary))
    unused = {id(reason): reason for reason in reasons}
    covered: dict[Guard, _Reason] = {}
    for reason in reasons:
        for node in (node for refusal in refusals for node in _nodes(refusal.outcome)):
            if node.guard == reason.guard:
                covered |= {part.guard: reason for part in unmet(node)}
        for refusal in refusals:
            covered |= {part.guard: reason for part in refusal.unmet if part.guard == reason.guard}
    lines: list[str] = []
    agree = True
    for refusal in refusals:
        note = f": {refusal.note}" if refusal.note else ""
        lines.append(f"  {refusal.move} -> {refusal.target}{note}")
        for part in refusal.unmet:
            expected = covered.get(part.guard)
            sign, note = "+", ""
            if expected is not None:
                unused.pop(id(expected), None)
                right = _is_seen(expected, part)
                sign, note = ("=", "") if right else ("-", f"  <- said: {expected.seen!r}")
            agree = agree and sign == "="
            lines.append(f"    {sign} {part.line}{note}")
    if agree and not unused:
        return ()
    lines += [f"    - {_not_unmet(reason, refusals)}" for reason in unused.values()]
    return (*lines, "  (= as said, + unmet and not said, - said and not so)")


def _nodes(outcome: Outcome) -> Iterator[Outcome]:
    yield outcome
    for child in outcome.children:
        yield from _nodes(child)


def _is_seen(reason: _Reason, part: Outcome) -> bool:
    """Whether the value is the expected one: a single name by itself, several names by mapping."""
    if reason.seen is ...:
        return True
    seen = {name: value for name, value in part.seen if not name.startswith("$")}
    if isinstance(reason.seen, Mapping):
        return all(name in seen and _same(value, seen[name]) for name, value in reason.seen.items())
    if len(seen) != 1:
        names = ", ".join(seen) or "nothing"
        raise RecordError(
            f"because {reason.text!r}: it reads {names}: say the value of each by its name, as a "
            "mapping"
        )
    return _same(reason.seen, next(iter(seen.values())))


def _same(expected: object, seen: object) -> bool:
    if isinstance(seen, datetime) and isinstance(expected, datetime | str):
        return instant(expected) == seen
    return type(expected) is type(seen) and expected == seen


def _not_unmet(reason: _Reason, refusals: tuple[Refusal, ...]) -> str:
    for refusal in refusals:
        for node in _nodes(refusal.outcome):
            if node.guard == reason.guard:
                return f"{node.line}  <- it holds" if node.holds else node.line
    return f"{reason.text}  <- no move that was asked reads this"
