"""Rows that are bound column by column give what each row gives on its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.fields import iso_text
from lifecycle_fsm.tables import (
    ActivityColumns,
    Intake,
    Reject,
    open_inputs,
    parse_mapping,
)
from tests.tables.test_intake import TARGETS

HEADER = ("id", "person", "kind", "at", "form", "page", "points", "met_at", "sequence", "by")
#: Texts for each column: usual ones first, then what must be left to the reader of rows.
CELLS: dict[str, list[str]] = {
    "id": ["a1", "a2", "", "007.0", " a3 ", "ä4"],
    "person": ["p1", "p2", "1499466.0", "", "p 3", "O'Hara", "'=1+1"],
    "kind": ["form_filled", "score_given", "sales_touched", "meeting", " meeting", "", "nonsense"],
    "at": [
        "2024-05-01T10:00:00Z", "2024-12-31T23:59:59Z", "2024-02-30T00:00:00Z", "2024-05-01",
        "2024-05-01T10:00:60Z", "2024-05-01T24:00:00Z", "2024-05-01 10:00:00", "9999-12-31",
        "2024-05-01T10:00:00+02:00", "2024-05-01T10:00:00.123456Z", "", "soon", " 2024-05-01",
        "1899-01-01T00:00:00Z", "2024-5-1T10:00:00Z",
    ],
    "form": ["Demo", "", "Größe", " ", '"quoted, too"', "NULL", "\u2028x", "x\x0by"],
    "page": ["/pricing", "", "/x y"],
    "points": ["5", "", "5.0", "many", "1e3", "-2"],
    "met_at": ["2024-05-02T09:00:00Z", "", "2024-05-02 09:00", "later"],
    "sequence": ["1", "", "x"],
    "by": ["Ann", "", "form"],
}  # fmt: skip
#: What each kind brings, so that most rows are in order.
BRINGS = {
    "form_filled": {"form", "page"},
    "score_given": {"points"},
    "sales_touched": {"by"},
    "meeting": {"met_at"},
}
MAPPING = """
zone = "Europe/Berlin"
empty = ["NULL"]

[activities]
person = "person"
[[activities.gives]]
kind = { column = "kind" }
at = "at"
payload = { form = "form", page = "page", points = "points", by = "by", met_at = "met_at" }
"""
DAY_FIRST = MAPPING.replace('at = "at"', 'at = { column = "at", format = "%Y-%d-%mT%H:%M:%SZ" }')


@st.composite
def rows(draw: st.DrawFn) -> str:
    """A line of a file: usually all is in order."""
    usual = draw(st.booleans())
    kind = draw(st.sampled_from(CELLS["kind"][:4] if usual else CELLS["kind"]))
    cells = []
    for name in HEADER:
        texts = CELLS[name]
        if name == "kind":
            cells.append(kind)
        elif name not in ("id", "person", "at", "sequence") and name not in BRINGS.get(kind, ()):
            cells.append("" if usual else draw(st.sampled_from(["", "", texts[0]])))
        else:
            cells.append(draw(st.sampled_from(texts[:2] if usual else texts)))
    line = ",".join(cells)
    ends = ["\n", "\n", "\n", "\r\n", ",\n", "\n\n", f"\n{',' * (len(HEADER) - 1)}\n"]
    return line + ("\n" if usual else draw(st.sampled_from(ends)))


def by_rows(path: Path, mapping: str | None) -> tuple[list[dict[str, Any]], list[Reject], Any]:
    with_mapping = parse_mapping(mapping, "m.toml") if mapping else None
    (opened,) = open_inputs([("activities", path)], with_mapping)
    with opened[1]:
        intake = Intake([opened], TARGETS, with_mapping)
        made = [(intake.place, plain(activity)) for activity in intake]
    return in_order(made), intake.rejects, intake.reports


def in_columns(
    path: Path, mapping: str | None, size: int
) -> tuple[list[dict[str, Any]], list[Reject], Any, int]:
    with_mapping = parse_mapping(mapping, "m.toml") if mapping else None
    (opened,) = open_inputs([("activities", path)], with_mapping)
    made: list[tuple[tuple[int, int], dict[str, Any]]] = []
    bound = 0

    def take(file: int, columns: ActivityColumns) -> None:
        nonlocal bound
        bound += len(columns.lines)
        for line, name, person, at, sequence, payload in zip(
            columns.lines, columns.ids, columns.persons, columns.times, columns.sequences,
            columns.payloads, strict=True,
        ):  # fmt: skip
            instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
            activity = Activity(name, person, columns.kind, instant, payload, sequence=sequence)
            made.append(((file, line), plain(activity)))

    with opened[1]:
        intake = Intake([opened], TARGETS, with_mapping)
        for block in intake.blocks(size):
            made += [(intake.place, plain(activity)) for activity in intake.read_block(block, take)]
        made += [(intake.place, plain(activity)) for activity in intake]
    return in_order(made), intake.rejects, intake.reports, bound


def plain(activity: Activity) -> dict[str, Any]:
    state = activity.dump()
    state["payload"] = {
        name: iso_text(value) if isinstance(value, datetime) else value
        for name, value in activity.payload.items()
    }
    return state


def in_order(made: list[tuple[tuple[int, int], dict[str, Any]]]) -> list[dict[str, Any]]:
    return [{"line": place, **state} for place, state in sorted(made, key=lambda each: each[0])]


@settings(max_examples=150, deadline=None)
@given(
    lines=st.lists(rows(), max_size=25),
    mapping=st.sampled_from([None, MAPPING, DAY_FIRST]),
    size=st.sampled_from([1, 200, 10_000]),
)
def test_columns_give_what_rows_give(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], mapping: str | None, size: int
) -> None:
    path = tmp_path_factory.mktemp("rows") / "activities.csv"
    path.write_bytes("".join([",".join(HEADER) + "\n", *lines]).encode())
    made, rejects, reports = by_rows(path, mapping)
    columns, other_rejects, other_reports, _ = in_columns(path, mapping, size)
    assert columns == made
    assert other_rejects == rejects
    assert other_reports == reports


def test_bytes_that_are_no_text_spoil_their_line_only(tmp_path: Path) -> None:
    path = tmp_path / "activities.csv"
    good = b"a%d,p1,form_filled,2024-05-01T10:00:00Z,Demo,,,,,\n"
    header = ",".join(HEADER).encode() + b"\n"
    path.write_bytes(header + good % 1 + good.replace(b"Demo", b"D\xe9mo") % 2 + good % 3)
    made, rejects, _, bound = in_columns(path, None, 10_000)
    assert [row["id"] for row in made] == ["a1", "a3"]
    assert [(reject.line, reject.raw[:2]) for reject in rejects] == [(3, "a2")]
    assert bound == 2


def test_only_rows_of_one_plain_activity_are_bound_in_columns(tmp_path: Path) -> None:
    path = tmp_path / "activities.csv"
    path.write_text(",".join(HEADER) + "\na1,p1,form_filled,2024-05-01T10:00:00Z,Demo,,,,,\n")
    assert in_columns(path, MAPPING, 10_000)[3] == 1
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert in_columns(path, MAPPING, 10_000)[3] == 1
    others = {
        'kind = { column = "kind" }': 'kind = { text = "{kind}" }',
        'at = "at"': 'at = "at"\nonly_if = { column = "page", present = false }',
        'form = "form"': 'form = { column = "form", values = { Demo = "A demo" } }',
    }
    for before, after in others.items():
        mapping = MAPPING.replace(before, after)
        assert in_columns(path, mapping, 10_000)[3] == 0, after
        assert in_columns(path, mapping, 10_000)[0] == by_rows(path, mapping)[0]
