"""What a person has approved against the model as it is: what has changed, is new, or is gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.guard import explain
from lifecycle_fsm.model import Model
from lifecycle_fsm.solving import NOW
from lifecycle_fsm.testing.cases.making import cases_of
from lifecycle_fsm.testing.cases.rows import NOT_RUN, ORDER, TOUR, Case, Row, Table
from lifecycle_fsm.testing.cases.running import Runner

#: A list of more is cut short: nobody approves a hundred lines one by one.
MOST = 20


@attrs.frozen
class Change:
    """An approved row that comes out otherwise now; ``seen`` says why, in the model's words."""

    row: Row
    now: str
    seen: str = ""

    def __str__(self) -> str:
        lines = [
            self.row.place + (f" ({self.row.why})" if self.row.why else ""),
            f"  approved: {self.row.outcome}",
            f"  now:      {self.now}",
        ]
        return "\n".join([*lines, *(f"    {line}" for line in self.seen.splitlines())])


@attrs.frozen
class Differences:
    """How an approved table and a model differ.

    ``changed`` are approved rows that come out otherwise; ``gone`` those that the model can no
    longer be asked, with the reason; ``new`` the cases that nobody has approved yet. ``more`` are
    approved rows that hold, though the model would not ask them, and that are nobody's own: they
    are no difference.
    """

    changed: tuple[Change, ...] = ()
    new: tuple[Row, ...] = ()
    gone: tuple[Change, ...] = ()
    more: tuple[Row, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changed or self.new or self.gone)

    def __str__(self) -> str:
        """What differs, to be read by people."""
        blocks = [
            *_block("changed", [str(one) for one in self.changed]),
            *_block("gone", [f"{one.row.place}: {one.now}" for one in self.gone]),
            *_block("new", news(self.new)),
        ]
        return "\n".join(blocks)


def compared(approved: Table, model: Model, *, runner: Runner | None = None) -> Differences:
    """Run every approved case in a model, and see which of the model's own cases are missing."""
    runner = runner or Runner(model)
    asked = cases_of(model, runner=runner)
    known = {row.key for row in asked}
    changed: list[Change] = []
    gone: list[Change] = []
    more: list[Row] = []
    for case in approved.cases:
        found = changes(case, runner)
        lost = [one for one in found if one.now.startswith(_GONE)]
        gone += (attrs.evolve(one, now=one.now.removeprefix(_GONE)) for one in lost[:1])
        changed += (one for one in found if not one.now.startswith(_GONE))
        for row in case.rows if not found else ():
            if row.key in known or row.own:
                continue
            if row.outcome in NOT_RUN:
                gone.append(Change(row, "this is so no longer"))
            else:
                more.append(row)
    seen = {row.key for row in approved}
    # Another way to the same move is no news, as long as the approved one leads there; nor is
    # another person for whom the same two rules are open.
    known_as = {_name(row) for row in approved if row.part in (TOUR, ORDER)}
    new = tuple(row for row in asked if row.key not in seen and _name(row) not in known_as)
    return Differences(tuple(changed), new, tuple(gone), tuple(more))


def _name(row: Row) -> tuple[str, ...]:
    return (row.part, row.rule, *((row.stage,) if row.part == ORDER else ()))


#: Marks a change that is none: what the row asks is not there any more.
_GONE = "gone: "


def news(rows: Iterable[Row]) -> list[str]:
    """Rows that nobody has approved, a line for each."""
    return [f"{one.place}: {one.outcome}" for one in rows]


def changes(case: Case, runner: Runner) -> tuple[Change, ...]:
    """The rows of an approved case that come out otherwise in the model of the runner."""
    try:
        outcomes = runner.outcomes(case)
    except LifecycleError as error:
        return tuple(Change(row, f"{_GONE}{error}") for row in case.rows)
    return tuple(
        Change(row, now, _seen(row, runner))
        for row, now in zip(case.rows, outcomes, strict=True)
        if row.outcome != now
    )


def failure(found: Iterable[Change]) -> str:
    """The message of a test: what was approved, what comes of it now, and why."""
    return "\n".join(str(attrs.evolve(one, now=one.now.removeprefix(_GONE))) for one in found)


def _seen(row: Row, runner: Runner) -> str:
    """The rule's guard for this person, condition by condition, with the values seen."""
    rule = runner.rules.get((row.part, row.rule))
    if rule is None or row.part == TOUR or rule.kind is not None:
        return ""
    person = runner.given(row)
    if person is None:
        return ""
    return str(explain(rule.guard, person, NOW, runner.model.vocabulary))


def _block(word: str, lines: list[str]) -> Iterator[str]:
    if not lines:
        return
    yield f"{word}: {len(lines)}"
    for one in lines[:MOST]:
        yield "\n".join(f"  {line}" for line in one.splitlines())
    if len(lines) > MOST:
        yield f"  … and {len(lines) - MOST} more"
