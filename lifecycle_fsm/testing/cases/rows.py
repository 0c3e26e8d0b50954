"""The rows of a table of cases: what is given, what comes of it, and why that was asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

import attrs

from lifecycle_fsm.errors import LifecycleError

#: Parts beside the sections of a model: what a move writes, two rules that are open at once, a
#: trigger in a stage, a whole path, a Python function.
EFFECT, ORDER, TRIGGER, TOUR, EXAMPLE = "effect", "order", "trigger", "tour", "example"
#: Begins the ``why`` of a row that a person has added.
OWN = "own:"
#: The outcomes of rows that nobody can run.
REDUNDANT, EVERYBODY, NOBODY, UNDECIDED, OPAQUE, NO_WAY = (
    "never decides",
    "holds for everybody",
    "holds for nobody",
    "not decided",
    "cannot be looked into",
    "fired by nobody",
)
#: Why a condition that never decides may stand there.
FOR_CLARITY = "said for clarity: without a value it comes out so anyway"
NOT_RUN = frozenset({REDUNDANT, EVERYBODY, NOBODY, UNDECIDED, OPAQUE, NO_WAY})


@attrs.frozen
class Row:
    """One case.

    Args:
        part: the part of the model that it tests: ``sort``, ``move``, ``guard``, ``data``,
            ``scoring``, ``decay``, ``deadline``, ``assignment``, ``alert``; ``effect`` for what a
            move writes; ``order`` for two rules that are open at once; ``trigger`` for what a stage
            does with a trigger; ``tour`` for a step of a path; ``example`` for what a Python guard
            shall say.
        rule: the name of the rule, trigger, path or Python guard.
        stage: the stage that the person is in before.
        given: the person's fields, or what happens.
        outcome: what comes of it.
        why: which boundary or step this is; not compared when a case is run. One that begins
            with ``own:`` says that a person has added the row.
    """

    part: str
    rule: str
    stage: str
    given: str
    outcome: str
    why: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What makes a row the same case in two tables; of a tour also which step it is."""
        case = (self.part, self.rule, self.stage, self.given)
        return (*case, self.why) if self.part == TOUR else case

    @property
    def own(self) -> bool:
        """Whether a person has written it, so that it stays when the others are made anew."""
        return self.part == EXAMPLE or self.why.startswith(OWN)

    @property
    def place(self) -> str:
        """Which case this is, in words."""
        where = f" in {self.stage}" if self.stage and self.part != TOUR else ""
        given = f", {self.given}" if self.given else ""
        return f"{self.part} {self.rule}{where}{given}"


@attrs.frozen
class Case:
    """What is run at once: one row, or all the steps of one path."""

    rows: tuple[Row, ...]

    @property
    def name(self) -> str:
        """A name for a test: part, rule, stage and what is given."""
        first = self.rows[0]
        if first.part == TOUR:
            return f"{first.part}: {first.rule}"
        where = f" @ {first.stage}" if first.stage else ""
        return f"{first.part}: {first.rule}{where}" + (f": {first.given}" if first.given else "")


def _rows(rows: Iterable[Row]) -> tuple[Row, ...]:
    return tuple(rows)


@attrs.frozen
class Table:
    """All cases of a model, in its order."""

    model: str
    rows: tuple[Row, ...] = attrs.field(converter=_rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    @property
    def cases(self) -> tuple[Case, ...]:
        """The rows as they are run: the steps of one path together."""
        groups = groupby(
            enumerate(self.rows),
            lambda one: (one[1].rule, one[1].own) if one[1].part == TOUR else (one[0],),
        )
        return tuple(Case(tuple(row for _, row in group)) for _, group in groups)

    def keeping(self, before: Table) -> Table:
        """This table, with the rows that a person has added to the one before.

        They stay as they were written, also where the model now makes something else of them.
        """
        kept = tuple(row for row in before if row.own)
        cases = {row.key for row in kept}
        return attrs.evolve(self, rows=(*(one for one in self if one.key not in cases), *kept))

    def checked(self) -> Table:
        """The table itself, where each case stands there once.

        Raises:
            LifecycleError: a case stands there twice.
        """
        seen: set[tuple[str, ...]] = set()
        for row in self.rows:
            if row.key in seen:
                raise LifecycleError(f"{row.place}: this case stands there twice; leave one out")
            seen.add(row.key)
        return self


def merged(rows: Iterable[Row]) -> Iterator[Row]:
    """Rows of the same case as one, with every reason why it was asked."""
    found: dict[tuple[str, ...], Row] = {}
    for row in rows:
        before = found.get(row.key)
        if before is not None and row.why != before.why:
            row = attrs.evolve(before, why=f"{before.why}; {row.why}")  # noqa: PLW2901
        found[row.key] = row
    yield from found.values()
