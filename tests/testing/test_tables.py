"""Guard tables: what a row may say, and what is told of one that says too little or what is not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lifecycle_fsm import FileProblem, load
from lifecycle_fsm.testing import Bench, GuardRow, guard_table

WATERFALL = load("waterfall")
CSV = """\
stage,Demographic Score,behavior_score,trigger,moves to,by,note
# rows for the meeting in June
mal,20,64,,stays,,one point is missing

mal,20,$mql_threshold,,mql,qualified_by_score,"enough, and no more"
mql,,,sales_rejected,refused,,
"""
TOML = """\
[[rows]]
stage = "mal"
demographic_score = 20
behavior_score = 64
"moves to" = "stays"
note = "one point is missing"

[[rows]]
stage = "mal"
hand_raised = true
hand_raised_at = 2024-06-01T10:00:00Z
moves_to = "mql"
"""


@pytest.fixture
def bench() -> Bench:
    return Bench(WATERFALL)


def test_a_csv_is_read_by_row_with_its_line(tmp_path: Path, bench: Bench) -> None:
    path = tmp_path / "guards.csv"
    path.write_text(CSV, "utf-8")
    rows = guard_table(path)
    assert [row.place for row in rows] == [f"{path}:3", f"{path}:5", f"{path}:6"]
    assert [row.id for row in rows] == [
        "3 one point is missing",
        "5 enough, and no more",
        "6 mql sales_rejected refused",
    ]
    assert rows[0].cells["demographic_score"] == "20"
    assert "trigger" not in rows[0].cells
    bench.check_table(path)


def test_a_toml_is_read_by_row(tmp_path: Path, bench: Bench) -> None:
    path = tmp_path / "guards.toml"
    path.write_text(TOML, "utf-8")
    rows = guard_table(str(path))
    assert [row.place for row in rows] == [f"{path}: rows[0]", f"{path}: rows[1]"]
    assert [row.number for row in rows] == [0, 1]
    bench.check_table(path)


@pytest.mark.parametrize(
    "cells",
    [
        {"stage": "mal", "hand raised": "no", "moves to": "stays"},
        {"stage": "mal", "HAND_RAISED": True, "Moves To": "mql"},
        {"stage": "recycled", "days in stage": 90, "moves to": "mal", "by": "rested"},
        {"stage": "recycled", "days in stage": 89, "moves to": "stays"},
        {"stage": "recycled", "stage entered at": "90 days ago", "moves to": "mal"},
        {"stage": "mql", "sales touched at": "now", "moves to": "sal"},
        {
            "stage": "mql",
            "sales touched at": "1 hour ago",
            "journey started at": "2 hours ago",
            "moves to": "sal",
        },
        {
            "stage": "mql",
            "sales touched at": "2 days ago",
            "journey started at": "1 day ago",
            "moves to": "stays",
        },
        {"stage": "mql", "sales_touched_at": "in 3 days", "moves to": "sal"},
        {"stage": "off_path", "role": "missing", "trigger": "reinstate", "moves to": "mal"},
        {"stage": "off_path", "role": "legal", "trigger": "reinstate", "moves to": "refused"},
        {"stage": "off_path", "role": "legal", "trigger": "reinstate", "moves to": "stays"},
        {"stage": "mal", "trigger": "reinstate", "moves to": "No such move"},
        {"stage": "mal", "trigger": "reinstate", "moves to": "stays"},
        {"stage": "processing", "hand_raised": "yes", "moves to": "mql"},
        {"guard": "interested", "behavior_score": "$mql_threshold - 1", "holds": "no"},
        {"guard": "interested", "behavior_score": "$mql_threshold", "holds": "yes"},
        {"guard": "fits or hand_raised", "hand_raised": "y", "holds": True},
        {"guard": "stage == 'mql'", "stage": "mql", "holds": "yes"},
        {"guard": "days in stage >= 3", "stage": "mql", "days in stage": 3, "holds": "yes"},
        {"guard": "journey == 2", "stage": "mql", "journey": "2", "holds": "yes"},
    ],
    ids=lambda cells: " ".join(map(str, cells.values())),
)
def test_what_a_row_may_say(bench: Bench, cells: Mapping[str, Any]) -> None:
    (row,) = guard_table([cells])
    bench.check(row)
    # And the opposite does not hold, so that the row has said something.
    wrong = dict(row.cells)
    if "holds" in wrong:
        wrong["holds"] = "no" if wrong["holds"] in ("yes", True) else "yes"
    else:
        stayed = wrong["moves_to"] in ("stays", "refused", "No such move")
        wrong["moves_to"] = "customer" if stayed else "stays"
        wrong.pop("by", None)
    with pytest.raises(AssertionError, match=re.escape("rows[0]")):
        bench.check(GuardRow("rows[0]", 0, wrong))


@pytest.mark.parametrize("role", ["", "legal"])
def test_a_move_that_is_declared_is_not_no_such_move(bench: Bench, role: str) -> None:
    """Whether it is open or not."""
    row = {"stage": "off_path", "role": role, "trigger": "reinstate", "moves to": "no such move"}
    with pytest.raises(AssertionError, match="should have no move out of off_path, but reinstated"):
        bench.check_table([row])


def test_all_rows_that_do_not_hold_are_told(bench: Bench) -> None:
    with pytest.raises(AssertionError) as error:
        bench.check_table(
            [
                {"stage": "mal", "moves to": "mql", "note": "nobody said why"},
                {"stage": "mal", "moves to": "stays"},
                {"stage": "mal", "hand raised": "yes", "moves to": "stays"},
            ]
        )
    text = str(error.value)
    assert "rows[0]: nobody said why\nrow-0 in mal" in text
    assert "✗ hand raised" in text
    assert "rows[1]" not in text
    assert "rows[2]\nrow-2 in mal at 2024-06-03 12:00 UTC should stay, but moves" in text


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("t.csv", "", "t.csv is empty: it needs a header with the names of its columns"),
        ("t.csv", "stage,moves to\n", "there are no rows: a test of nothing would pass"),
        ("t.csv", "stage,,moves to\nlead,1,stays\n", "t.csv:2, column 'column 2': no field of the"),
        ("t.csv", "stage,moves to,Moves_To\nmal,a,b\n", "t.csv: the column 'Moves_To' stands th"),
        ("t.csv", "stage,moves to\nmal,stays,3\n", "t.csv:2: it has 3 columns, and the header"),
        ("t.toml", "rows = 3", "write each row as a table of its own, under [[rows]]"),
        ("t.toml", "[[row]]\nstage = 'mal'", "nothing but [[rows]], and this has row; did you mea"),
        ("t.toml", "[[rows", "this is not TOML"),
        ("t.txt", "stage", "a guard table is a .csv or a .toml file"),
        ("t.csv", b"stage,\xff\n", "t.csv, line 1: byte 0xFF at character 7 is no text in utf-8"),
        ("t.csv", None, "t.csv does not exist"),
    ],
)
def test_a_file_that_is_no_table_is_told(
    tmp_path: Path, name: str, content: str | bytes | None, complaint: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(FileProblem, match=re.escape(complaint)):
        Bench("two_step").check_table(path)


def test_what_rows_lack_or_have_too_much_of_is_told_at_once() -> None:
    with pytest.raises(FileProblem) as error:
        guard_table(
            [
                {"stage": "mal", "move to": "mql"},
                {"holds": "yes", "trigger": "disqualify"},
                {"moves to": "mql"},
                {"stage": "mal", "moves to": "mql", "holds": "yes"},
                {"stage": "mal", "guard": "fits", "moves to": "mql"},
                {"stage": "mal", "moves to": "mql", "Moves_to": "mql"},
            ]
        )
    assert str(error.value).splitlines() == [
        "the table has 7 problems:",
        "  rows[0]: it expects nothing: fill 'moves to' with a stage or 'stays', or 'holds' with "
        "yes or no; did you mean 'moves_to'?",
        "  rows[1]: 'holds' needs a guard: fill the column 'guard'",
        "  rows[1]: the column 'trigger' is for moves, and this row asks a guard",
        "  rows[2]: it does not say in which stage the person is: fill the column 'stage'",
        "  rows[3]: it fills 'moves to' and 'holds': make two rows of it",
        "  rows[4]: it asks for a move and for a guard: make two rows of it",
        "  rows[5]: the column 'Moves_to' stands there twice",
    ]


MAL = {"stage": "mal", "moves to": "stays"}


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        ({**MAL, "stage": "maul"}, "column 'stage': the model has no stage 'maul'; did you mean"),
        ({**MAL, "moves to": "stay"}, "column 'moves to': the model has no stage 'stay'"),
        ({**MAL, "behaviour score": 1}, "column 'behaviour score': no field of the model, and no"),
        ({**MAL, "behaviour score": 1}, "did you mean 'behavior_score'?"),
        ({**MAL, "triger": "x"}, "did you mean 'trigger'?"),
        ({**MAL, "behavior score": "many"}, "column 'behavior score': 'many' is not a whole num"),
        ({**MAL, "behavior score": "$mql"}, "the model has no token 'mql'"),
        ({**MAL, "behavior score": "$mql_threshold -"}, "column 'behavior score': "),
        ({**MAL, "behavior score": "$mql_threshold + employees"}, "reads employees: write tokens"),
        ({**MAL, "hand raised": "perhaps"}, "column 'hand raised': 'perhaps' is not yes or no"),
        ({**MAL, "sales touched at": "in 3 days ago"}, "'in 3 days ago' is not a time"),
        ({**MAL, "sales touched at": "3 days"}, "column 'sales touched at': '3 days' is not a"),
        ({**MAL, "behavior score": "missing"}, "'missing' is not a whole number"),
        ({**MAL, "trigger": "reinstat"}, "column 'trigger': the model has no trigger 'reinstat'; "),
        ({**MAL, "by": "rested"}, "column 'by': nobody moves where 'moves to' says 'stays'"),
        ({**MAL, "moves to": "mql", "by": "restd"}, "no move or sort rule 'restd'; did you mean"),
        ({**MAL, "moves to": "refused"}, "the system is never 'refused': write 'stays'"),
        ({**MAL, "days in stage": "-1"}, "rows[0]: days_in_stage is a number of days"),
        ({"guard": "interestd", "holds": 1}, "column 'guard': no field or named guard 'interestd'"),
        ({"guard": "fits", "holds": "maybe"}, "column 'holds': 'maybe' is not yes or no"),
    ],
    ids=lambda one: None if isinstance(one, dict) else one,
)
def test_a_cell_that_the_model_does_not_take_is_told_with_its_place(
    bench: Bench, cells: Mapping[str, Any], complaint: str
) -> None:
    (row,) = guard_table([cells])
    with pytest.raises(FileProblem, match=re.escape(complaint)) as error:
        bench.check(row)
    assert str(error.value).startswith("rows[0]")


def test_the_words_for_staying_are_stages_where_a_model_has_such() -> None:
    text = """
name = "odd"
stages = [{ name = "new" }, { name = "refused" }]
sort = [{ name = "all", to = "refused", when = "otherwise" }]
"""
    from lifecycle_fsm import loads

    odd = Bench(loads(text))
    odd.check_table([{"stage": "new", "moves to": "refused"}])
