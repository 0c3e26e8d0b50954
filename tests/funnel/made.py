"""Histories for the tests of measures: by hand, and at random with all that a history may have."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
from hypothesis import strategies as st

from lifecycle_fsm.history import HistoryRow
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
    edges = (*model.sort_edges, *model.edges)
    rows: list[HistoryRow] = []
    said: dict[str, Any] = {}
    for stage, at, *more in hops:
        said |= more[0] if more else {}
        before = rows[-1].to_stage if rows else None
        edge = next((one for one in edges if one.source == before and one.target == stage), None)
        assert edge is not None or not rows, f"no move {before} -> {stage}"
        rows.append(attrs.evolve(row(person, rows, edge, day(at), model), **said))
    return rows


def row(
    person: str,
    before: list[HistoryRow],
    edge: Edge | None,
    now: datetime,
    model: Model = MODEL,
) -> HistoryRow:
    journey = before[-1].journey if before else 1
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
        journey=journey + (edge is not None and edge.kind == "return"),
        passed_over=edge.passed if edge else (),
        credit=edge.credit if edge else True,
        owner=None,
        source=None,
        version=model.version,
        late=False,
    )


def merged(rows: list[HistoryRow], to: str, at: float) -> list[HistoryRow]:
    """The history with a row of a merge [S23]: to nowhere for the loser, for the survivor to the
    stage where it is or to a higher one. Coming off a detour begins the next journey."""
    last = rows[-1]
    ranks = MODEL.ranks
    passed: tuple[str, ...] = ()
    if to in ranks and last.to_stage in ranks:
        passed = tuple(one.name for one in MODEL.path[ranks[last.to_stage] + 1 : ranks[to]])
    closing = attrs.evolve(
        last,
        sequence=last.sequence + 1,
        at=day(at),
        now=day(at),
        from_stage=last.to_stage,
        to_stage=to,
        kind="merge",
        rule="merged",
        journey=last.journey + (last.to_stage not in ranks and to in ranks),
        passed_over=passed,
        credit=not passed,
    )
    return [*rows, closing]


def kept(**values: Any) -> dict[str, Any]:
    """What a hop says of the dimensions of its row."""
    return {"kept": tuple(values.items())}


def mixed(*walks: Iterable[HistoryRow]) -> list[HistoryRow]:
    """The rows of several persons in the order of time, as a run writes them."""
    return sorted((one for rows in walks for one in rows), key=lambda one: (one.now, one.person))


@st.composite
def histories(draw: st.DrawFn, people: int = 6) -> list[HistoryRow]:
    """Any walks through the waterfall, with owners, dimensions, versions and merges."""
    rows: list[HistoryRow] = []
    for index in range(draw(st.integers(0, people))):
        person = f"p{index}"
        at = draw(st.integers(0, 40))
        mine = [_with_values(draw, row(person, [], None, day(at)))]
        for _ in range(draw(st.integers(0, 7))):
            at += draw(st.integers(0, 9))
            here = mine[-1].to_stage
            if draw(st.integers(0, 9)) == 0:
                higher = [one.name for one in MODEL.path[MODEL.ranks.get(here, 0) + 1 :]]
                if here == MODEL.initial.name:
                    higher += [one.name for one in MODEL.detours]
                to = draw(st.sampled_from(["", here, *higher]))
                mine = merged(mine, to, at)
                if not to:
                    break
                continue
            leaving = [edge for edge in EDGES if edge.source == here]
            if not leaving:
                break
            edge = draw(st.sampled_from(leaving))
            mine.append(_with_values(draw, row(person, mine, edge, day(at))))
        rows += mine
    return mixed(rows)


def _with_values(draw: st.DrawFn, one: HistoryRow) -> HistoryRow:
    return attrs.evolve(
        one,
        owner=draw(st.sampled_from([None, "ann", "bob"])),
        source=draw(st.sampled_from([None, "web"])),
        version=draw(st.sampled_from(["v1", "v2"])),
        kept=(
            ("sourced_by", draw(st.sampled_from([None, "marketing", "sales"]))),
            ("country", draw(st.sampled_from(["DE", "US"]))),
        ),
    )


WINDOWS: tuple[tuple[float | None, float | None], ...] = (
    (None, None), (10, None), (None, 20), (5, 30), (10, 10), (3, 400),
)  # fmt: skip


def window(of: tuple[float | None, float | None]) -> tuple[datetime | None, datetime | None]:
    start, end = (None if one is None else day(one) for one in of)
    return start, end
