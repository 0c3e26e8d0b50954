"""What holds for every person, whatever happened: the laws of moves and of history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from lifecycle_fsm.history import HistoryRow, Stamp
from lifecycle_fsm.model import Model
from lifecycle_fsm.person import Person

#: Kinds of row that no move of the model makes; they may lead anywhere [S23][S28].
_FROM_OUTSIDE = ("merge", "migrate")


def assert_history_holds(person: Person, model: Model) -> None:
    """Assert all laws for one person: forward only [S6], one row per hop [S25], stamps equal a
    recount [S25].

    Raises:
        AssertionError: one of them is violated; the message says which, and where.
    """
    rows = person.history
    assert_one_row_per_hop(person, rows)
    assert_forward_only(rows, model)
    assert_stamps_recount(person, rows)


def assert_one_row_per_hop(person: Person, rows: Sequence[HistoryRow]) -> None:
    """Rows are numbered from 1, chain from stage to stage, never go back in time, and end where
    the person is [S25]."""
    assert rows, f"{person.id} is in {person.stage!r} and has no history"
    numbers = [row.sequence for row in rows]
    assert numbers == list(range(1, len(rows) + 1)), f"{person.id}: rows are numbered {numbers}"
    assert rows[0].kind == "enter", f"{_place(rows[0])}: the first row enters original processing"
    for before, after in pairwise(rows):
        assert after.from_stage == before.to_stage, (
            f"{_place(after)}: it leaves {after.from_stage!r}, and the row before led to "
            f"{before.to_stage!r}: a hop has no row"
        )
        assert after.now >= before.now, f"{_place(after)}: it is earlier than the row before"
        assert after.kind != "enter", f"{_place(after)}: nobody enters original processing twice"
        assert not after.visits or after.entered_at == after.now, (
            f"{_place(after)}: its visit began at {after.entered_at}, and the row is of {after.now}"
        )
    last = rows[-1]
    assert last.to_stage == person.stage, (
        f"{person.id} is in {person.stage!r}, and the last row leads to {last.to_stage!r}: a hop "
        "has no row"
    )
    entered = last.entered_at
    assert person.stage_entered_at == entered, (
        f"{person.id} entered at {person.stage_entered_at}, and the history says {entered}"
    )


def assert_forward_only(rows: Sequence[HistoryRow], model: Model) -> None:
    """Within a journey ranks only rise. Each row is a declared edge of its kind. A return starts
    the next journey, whose number is above all earlier ones. A system return never happens together
    with the entry of its detour [S6][S9]."""
    edges = {
        (edge.name, edge.source, edge.target): edge for edge in (*model.edges, *model.sort_edges)
    }
    rank, journey, highest = 0, 1, 1
    for before, row in pairwise(rows):
        target = model.ranks.get(row.to_stage)
        if row.kind in _FROM_OUTSIDE:
            # A merge may go on with the journey of another record [S23].
            rank, journey = rank if target is None else target, row.journey
            highest = max(highest, journey)
            continue
        edge = edges.get((row.rule, row.from_stage or "", row.to_stage))
        assert edge is not None, f"{_place(row)}: the model declares no such move"
        assert row.kind == edge.kind, f"{_place(row)}: it is a {edge.kind}"
        assert row.passed_over == edge.passed, f"{_place(row)}: it passes over {edge.passed}"
        if row.kind == "return":
            # A human may ask at any instant, another activity may turn the guard false and true
            # again, and a merge may bring an older detour something that opens it.
            apart = before.now < row.now or row.activity not in (None, before.activity)
            assert edge.on or apart or before.kind == "merge", (
                f"{_place(row)}: it returns at the instant of the detour"
            )
            assert row.journey > highest, f"{_place(row)}: its journey is {row.journey}"
            journey = highest = row.journey
        elif target is not None:
            assert target > rank, f"{_place(row)}: it moves backwards, to rank {target} from {rank}"
        assert row.journey == journey, f"{_place(row)}: its journey is {row.journey}"
        rank = rank if target is None else target


def assert_stamps_recount(person: Person, rows: Sequence[HistoryRow]) -> None:
    """The stamps of a person equal a recount of its rows [S25]."""
    # A merge leaves the visit as it is, or goes on with that of the other record [S23]. If both
    # entered the stage at one instant, it was entered once.
    visits = [rows[0]]
    for before, row in pairwise(rows):
        same = (row.to_stage, row.entered_at) == (before.to_stage, before.entered_at)
        if row.kind != "merge" or not same:
            visits.append(row)
    ends = [row.now for row in visits[1:]] + [person.clock or visits[-1].now]
    stays: dict[str, list[tuple[datetime, timedelta]]] = {}
    for row, end in zip(visits, ends, strict=True):
        if row.to_stage:
            stay = max(end - row.entered_at, timedelta(0))
            stays.setdefault(row.to_stage, []).append((row.entered_at, stay))
    counted = {
        stage: Stamp(
            stage, min(spans)[0], max(spans)[0], len(spans),
            sum((stay for _, stay in spans), timedelta(0)),
        )
        for stage, spans in stays.items()
    }  # fmt: skip
    for stage, stamp in person.stamps.items():
        assert counted.pop(stage, None) == stamp, f"{person.id}: a recount differs from {stamp}"
    assert not counted, f"{person.id}: no stamp for {', '.join(counted)}"


def _place(row: HistoryRow) -> str:
    way = f"{row.from_stage} -> {row.to_stage} by {row.rule}"
    return f"{row.person}, row {row.sequence}, {way} in journey {row.journey}"
