"""History rows, packed and unpacked, and the stamps that are a view of them [S25]."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st

from lifecycle_fsm.history import ROW, HistoryRow, Stamp, pack, stamps, unpack

TIME = datetime(2024, 5, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def row(sequence: int, stage: str, hours: float, **more: Any) -> HistoryRow:
    at = TIME + hours * HOUR
    fields: dict[str, Any] = {
        "person": "ann", "sequence": sequence, "at": at, "now": at, "from_stage": None,
        "to_stage": stage, "kind": "step", "rule": "rule", "trigger": None, "activity": None,
        "journey": 1, "passed_over": (), "credit": True, "owner": None, "source": None,
        "version": "v", "late": False,
    }  # fmt: skip
    return HistoryRow(**(fields | more))


def packed(rows: list[HistoryRow]) -> tuple[Any, ...]:
    return tuple(part for one in rows for part in pack(one))


NAMES = st.sampled_from(["mal", "mql", "sal"])
ROWS = st.lists(
    st.builds(
        row,
        st.just(0),
        NAMES,
        st.integers(0, 99),
        at=st.datetimes(timezones=st.just(UTC)),
        from_stage=st.none() | NAMES,
        kind=st.sampled_from(["enter", "step", "fast_track", "detour", "return"]),
        rule=NAMES,
        trigger=st.none() | NAMES,
        activity=st.none() | st.text(max_size=3),
        journey=st.integers(1, 3),
        passed_over=st.lists(NAMES, max_size=2).map(tuple),
        credit=st.booleans(),
        owner=st.none() | NAMES,
        source=st.none() | NAMES,
        version=NAMES,
        late=st.booleans(),
    ),
    max_size=5,
).map(lambda rows: [attrs.evolve(one, sequence=n) for n, one in enumerate(rows, 1)])


@given(ROWS)
def test_every_part_of_a_row_comes_back(rows: list[HistoryRow]) -> None:
    assert list(unpack("ann", packed(rows))) == rows


@given(ROWS, st.integers(0, 5))
def test_a_part_of_a_history_keeps_its_numbers(rows: list[HistoryRow], cut: int) -> None:
    part = packed(rows)[cut * ROW :]
    assert list(unpack("ann", part, cut + 1)) == rows[cut:]


def test_what_rows_have_in_common_is_one_object_for_all_of_them() -> None:
    one, other = pack(row(1, "mal", 1)), pack(row(7, "mal", 2, person="bob", activity="x"))
    assert one[0] is other[0]
    assert pack(row(1, "mal", 1, journey=2))[0] is not one[0]


def test_r26_stamps_first_latest_visits_and_time() -> None:
    rows = [
        row(1, "new", 0),
        row(2, "mal", 1),
        row(3, "recycled", 4),
        row(4, "mal", 10, journey=2),
        row(5, "sql", 12, passed_over=("mql", "sal")),
    ]
    found = stamps(rows, TIME + 20 * HOUR)
    assert list(found) == ["new", "mal", "recycled", "sql"]
    assert found["mal"] == Stamp("mal", TIME + HOUR, TIME + 10 * HOUR, 2, 5 * HOUR)
    assert found["sql"].total == 8 * HOUR
    assert "mql" not in found, "what was passed over was not entered (R19)"


def test_s12_a_visit_of_no_length_counts_as_entered() -> None:
    found = stamps([row(1, "mal", 1), row(2, "mql", 1)], TIME + 3 * HOUR)
    assert found["mal"] == Stamp("mal", TIME + HOUR, TIME + HOUR, 1, timedelta(0))


def test_an_open_visit_counts_no_time_before_it_is_said_until_when() -> None:
    rows = [row(1, "mal", 1)]
    assert stamps(rows)["mal"].total == timedelta(0)
    assert stamps(rows, TIME)["mal"].total == timedelta(0), "never negative"


def test_who_has_no_history_has_no_stamps() -> None:
    assert stamps([]) == {}


def test_s19_a_late_row_counts_from_when_it_was_applied() -> None:
    rows = [row(1, "mal", 5), row(2, "mql", 6, at=TIME + 2 * HOUR, late=True)]
    assert stamps(rows)["mal"].total == HOUR
    assert stamps(rows)["mql"].first == TIME + 6 * HOUR
