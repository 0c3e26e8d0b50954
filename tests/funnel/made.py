"""Histories for the tests of measures: by hand, and at random with all that a history may have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import attrs
from hypothesis import strategies as st

from lifecycle_fsm.funnel import walks
from lifecycle_fsm.history import DeadlineFact, HistoryRow
from lifecycle_fsm.model import Edge, Model, load

MODEL = load("waterfall")
EDGES = (*MODEL.sort_edges, *MODEL.edges)
START = datetime(2024, 1, 1, tzinfo=UTC)
Hop = tuple[str, float] | tuple[str, float, dict[str, Any]]


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def days(number: float) -> timedelta:
    return timedelta(days=number)


def walk(person: str, *hops: Hop, model: Model = MODEL) -> list[HistoryRow]:
    """A history by stages and days; the first hop enters original processing.

    A hop may say more of its row, such as its owner. What it says holds from then on. Each hop has
    an activity that caused it, as long as none says otherwise.
    """
    (_, at, *more), *others = hops
    said = more[0] if more else {}
    return onward(
        [attrs.evolve(row(person, [], None, day(at), model), **said)],
        *others,
        said=said,
        model=model,
    )


def onward(
    rows: list[HistoryRow],
    *hops: Hop,
    said: Mapping[str, Any] = MappingProxyType({}),
    model: Model = MODEL,
) -> list[HistoryRow]:
    """A history that goes on, also behind a merge."""
    edges = (*model.sort_edges, *model.edges)
    for stage, at, *more in hops:
        said = {**said, **(more[0] if more else {})}
        before = rows[-1]
        edge = next(
            (one for one in edges if one.source == before.to_stage and one.target == stage), None
        )
        assert edge is not None, f"no move {before.to_stage} -> {stage}"
        rows = [*rows, attrs.evolve(row(before.person, rows, edge, day(at), model), **said)]
    return rows


def row(
    person: str,
    before: list[HistoryRow],
    edge: Edge | None,
    now: datetime,
    model: Model = MODEL,
) -> HistoryRow:
    journey = before[-1].journey if before else 1
    returns = edge is not None and edge.kind == "return"
    return HistoryRow(
        person=person,
        sequence=len(before) + 1,
        at=now,
        now=now,
        from_stage=before[-1].to_stage if before else None,
        to_stage=edge.target if edge else model.initial.name,
        kind=edge.kind if edge else "enter",
        rule=edge.name if edge else "created",
        trigger=edge.on if edge else None,
        activity=f"{person}-{len(before) + 1}",
        journey=journey + returns,
        passed_over=edge.passed if edge else (),
        credit=edge.credit if edge else True,
        owner=None,
        source=None,
        version=model.version,
        late=False,
        journey_record=before[-1].journey_record if before and not returns else person,
    )


def merge(
    survivor: list[HistoryRow], loser: list[HistoryRow], at: float, **how: Any
) -> tuple[list[HistoryRow], list[HistoryRow]]:
    """Both histories with the rows of a merge [S23]: the visit that wins goes on in the survivor's,
    and where both are alike that of the survivor.

    What ``how`` says holds for the rows of both, such as their activity.
    """
    ours, theirs = survivor[-1], loser[-1]
    winner = theirs if _weight(theirs) < _weight(ours) else ours
    how = {"activity": f"{ours.person}+{theirs.person}"} | how
    how |= {"at": day(at), "now": day(at), "kind": "merge", "rule": "merged", "trigger": None}
    how |= {"passed_over": (), "credit": True}
    going_on = attrs.evolve(
        winner, person=ours.person, sequence=ours.sequence + 1, from_stage=ours.to_stage, **how
    )
    closing = attrs.evolve(
        theirs, sequence=theirs.sequence + 1, from_stage=theirs.to_stage, to_stage="",
        entered_at=day(at), **how,
    )  # fmt: skip
    return [*survivor, going_on], [*loser, closing]


def _weight(row: HistoryRow) -> tuple[int, datetime]:
    """The highest rank wins, the path before a detour, processing behind all; then the older
    entry."""
    rank = MODEL.ranks.get(row.to_stage)
    return 1 if rank == 0 else -(rank or 0), row.entered_at


def decided(rows: list[HistoryRow], model: Model, until: datetime) -> list[DeadlineFact]:
    """What became of the deadlines of a model without calendars and conditions, by then; there is
    nothing to keep in visits that began on a day in a row of ten."""
    facts = []
    for walk in walks(rows, model, until):
        for visit in walk:
            for one in model.deadlines:
                due, left = visit.entered + one.after.time, visit.left
                if visit.stage != one.stage or (left is None and until <= due):
                    continue
                in_time = left is not None and left <= due
                if in_time and visit.merged:
                    continue
                void = visit.entered.toordinal() % 10 == 0
                facts.append(
                    DeadlineFact(
                        visit.person, one.name, visit.stage, *visit.journey, visit.entered, due,
                        "void" if void else "kept" if in_time else "missed",
                        left if in_time and left else due,
                        visit.entry.owner, visit.entry.assigned_to,
                    )
                )  # fmt: skip
    return facts


def kept(**values: Any) -> dict[str, Any]:
    """What a hop says of the dimensions of its row."""
    return {"kept": tuple(values.items())}


def mixed(*walks: Iterable[HistoryRow]) -> list[HistoryRow]:
    """The rows of several persons in the order of time, as a run writes them."""
    return sorted((one for rows in walks for one in rows), key=lambda one: (one.now, one.person))


@attrs.frozen
class Step:
    """What happens to a record, or to the one that it was merged into: a move, or a merge with
    another. ``choice`` says which move."""

    at: int
    record: int
    choice: int
    values: dict[str, Any]
    other: int | None = None


@st.composite
def steps(draw: st.DrawFn, people: int = 6) -> list[Step]:
    """What happens to several records, with owners, dimensions, versions and merges."""
    number = draw(st.integers(0, people))
    found = [Step(draw(st.integers(0, 40)), record, 0, draw(_VALUES)) for record in range(number)]
    for record, first in enumerate(tuple(found)):
        at = first.at
        for _ in range(draw(st.integers(0, 7))):
            at += draw(st.integers(0, 9))
            other = draw(st.none() | st.integers(0, number - 1)) if _rarely(draw) else None
            found.append(Step(at, record, draw(st.integers(0, 99)), draw(_VALUES), other))
    return sorted(found, key=lambda one: one.at)


def _rarely(draw: st.DrawFn) -> bool:
    return draw(st.integers(0, 4)) == 0


_VALUES = st.fixed_dictionaries(
    {
        "owner": st.sampled_from([None, "ann", "bob"]),
        "assigned_to": st.sampled_from([None, "ann", "cem"]),
        "source": st.sampled_from([None, "web"]),
        "version": st.sampled_from(["v1", "v2"]),
        "sourced_by": st.sampled_from([None, "marketing", "sales"]),
        "country": st.sampled_from(["DE", "US"]),
    }
)


def lived(
    told: list[Step], survives: Callable[[int], bool] = lambda place: True
) -> list[HistoryRow]:
    """The histories of all records.

    Args:
        told: what happens.
        survives: of each merge, by its place, whether the first record survives, or the other one.
    """
    histories: dict[int, list[HistoryRow]] = {}
    into: dict[int, int] = {}
    for place, step in enumerate(told):
        record = _root(step.record, into)
        values = dict(step.values)
        values["kept"] = tuple((name, values.pop(name)) for name in ("sourced_by", "country"))
        if record not in histories:
            first = row(f"p{record}", [], None, day(step.at))
            histories[record] = [attrs.evolve(first, **values)]
            continue
        other = None if step.other is None else _root(step.other, into)
        if other is not None and other != record and other in histories:
            if _weight(histories[record][-1]) != _weight(histories[other][-1]):
                ours, theirs = (record, other) if survives(place) else (other, record)
                both = merge(histories[ours], histories[theirs], step.at, activity=f"m{place}")
                histories[ours], histories[theirs] = both
                into[theirs] = ours
            continue
        mine = histories[record]
        leaving = [edge for edge in EDGES if edge.source == mine[-1].to_stage]
        if leaving:
            hop = row(f"p{record}", mine, leaving[step.choice % len(leaving)], day(step.at))
            above = max(
                (
                    one.journey
                    for at, rows in histories.items()
                    if _root(at, into) == record
                    for one in rows
                ),
            )
            if hop.kind == "return":
                values["journey"] = above + 1
            mine.append(attrs.evolve(hop, **values))
    return mixed(*histories.values())


def _root(record: int, into: dict[int, int]) -> int:
    while record in into:
        record = into[record]
    return record


def histories(people: int = 6) -> st.SearchStrategy[list[HistoryRow]]:
    """Any walks through the waterfall, with all that a history may have."""
    return st.builds(
        lambda told, chance: lived(told, lambda place: chance.random() < 0.5),
        steps(people),
        st.randoms(use_true_random=False),
    )


WINDOWS: tuple[tuple[float | None, float | None], ...] = (
    (None, None), (10, None), (None, 20), (5, 30), (10, 10), (3, 400),
)  # fmt: skip


def window(of: tuple[float | None, float | None]) -> tuple[datetime | None, datetime | None]:
    start, end = (None if one is None else day(one) for one in of)
    return start, end
