"""``lifecycle-fsm cases``: what it writes, and what it says of a model that changed."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from lifecycle_fsm.cli.app import app
from lifecycle_fsm.model.toml_files import shipped_text
from lifecycle_fsm.testing.cases import read_table

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.toml"
    path.write_text(shipped_text("two_step"), encoding="utf-8")
    return path


def run(capsys: Capture, *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        app([str(one) for one in arguments], prog_name="lifecycle-fsm")
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_it_prints_csv(model: Path, capsys: Capture) -> None:
    code, out, err = run(capsys, "cases", model)
    assert (code, err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert rows[0]["part"] == "sort"
    assert {row["part"] for row in rows} == {"sort", "move", "effect", "order", "trigger", "tour"}


def test_it_writes_a_table_and_finds_it_as_it_was(model: Path, capsys: Capture) -> None:
    for name in ("a/cases.csv", "a/cases.toml", "a/cases.md"):
        code, out, _ = run(capsys, "cases", model, "--out", name)
        assert code == 0
        assert out.startswith(f"written: {name} (")
        assert run(capsys, "cases", model, "--check", name)[:2] == (0, "44 rows, all as approved\n")


def test_twice_is_the_same_file(model: Path, capsys: Capture) -> None:
    run(capsys, "cases", model, "--out", "one.csv")
    run(capsys, "cases", model, "--out", "two.csv")
    assert Path("one.csv").read_bytes() == Path("two.csv").read_bytes()


def test_a_changed_model_ends_with_1_and_a_readable_difference(
    model: Path, capsys: Capture
) -> None:
    run(capsys, "cases", model, "--out", "cases.csv")
    text = model.read_text(encoding="utf-8")
    model.write_text(text.replace("lead_threshold = 30", "lead_threshold = 20"), encoding="utf-8")
    code, out, _ = run(capsys, "cases", model, "--check", "cases.csv")
    assert code == 1
    assert "changed: 2\n  move interested in contact, behavior_score = 29" in out
    assert "    approved: stays in contact\n    now:      goes to lead\n" in out
    assert "      ✓ behavior score ≥ 20 (it is 29)\n" in out
    assert "  move interested in contact, behavior_score = 19: stays in contact\n" in out
    assert out.endswith(f"if this is right: lifecycle-fsm cases {model} --out cases.csv\n")


def test_json_has_the_cases_and_the_differences(model: Path, capsys: Capture) -> None:
    found = json.loads(run(capsys, "cases", model, "--json")[1])
    assert found["model"] == "two_step"
    assert found["cases"][0] == {
        "part": "sort",
        "rule": "bought_already",
        "stage": "new",
        "given": "won_opportunities = 0",
        "outcome": "goes to contact by everybody_else",
        "why": "won opportunities ≥ 1: one below (this alone decides)",
    }
    run(capsys, "cases", model, "--out", "cases.csv")
    text = model.read_text(encoding="utf-8")
    model.write_text(text.replace("lead_threshold = 30", "lead_threshold = 29"), encoding="utf-8")
    code, out, _ = run(capsys, "cases", model, "--check", "cases.csv", "--json")
    found = json.loads(out)
    assert (code, found["same"]) == (1, False)
    assert [(one["given"], one["outcome"], one["now"]) for one in found["changed"]] == [
        ("behavior_score = 29", "stays in contact", "goes to lead"),
        ("behavior_score = 29", "stays in lost", "goes to lead"),
    ]


def test_it_says_beside_the_table_what_has_no_case(model: Path, capsys: Capture) -> None:
    # What a guard says of a missing value for clarity is no news.
    assert run(capsys, "cases", "waterfall", "--out", "waterfall.csv")[2] == ""
    text = model.read_text(encoding="utf-8")
    text = text.replace(
        'when = "behavior_score >= $lead_threshold"',
        'when = "behavior_score >= $lead_threshold and behavior_score >= 1"',
        1,
    )
    text = text.replace(
        'on = "give_up"', "on = \"give_up\"\nwhen = \"owner == 'a' and owner == 'b'\""
    )
    model.write_text(text, encoding="utf-8")
    code, _, err = run(capsys, "cases", model, "--out", "cases.csv")
    assert code == 0
    assert err.splitlines() == [
        "note: move interested: behavior score ≥ 1 never decides: "
        "the guard says the same without it",
        "note: move gave_up holds for nobody",
        "note: tour gave_up is fired by nobody (its guard holds for nobody in lead)",
        "note: tour bought_after_all is fired by nobody (nobody gets to lost)",
        "note: tour interested_again is fired by nobody (nobody gets to lost)",
    ]


def test_examples_by_hand_stay_when_it_is_written_again(model: Path, capsys: Capture) -> None:
    run(capsys, "cases", model, "--out", "cases.csv")
    with Path("cases.csv").open("a", encoding="utf-8") as file:
        file.write("example,knows_budget,lead,employees = 50,holds,\n")
    run(capsys, "cases", model, "--out", "cases.csv")
    assert read_table("cases.csv").rows[-1].rule == "knows_budget"


OWN = """\
move,interested,contact,"behavior_score = 45, role = legal",stays in contact,own: Ms Jones
move,interested,contact,behavior_score = 30,stays in contact,own: argued about in May
tour,came_back,,created,is in new,own: step 1 of 2
tour,came_back,new,processed,goes to contact by everybody_else,own: step 2 of 2
move,interested,contact,behavior_score = 77,goes to lead,the first of the month
"""


def test_rows_of_ones_own_stay_as_they_were_written(model: Path, capsys: Capture) -> None:
    run(capsys, "cases", model, "--out", "cases.csv")
    made = read_table("cases.csv")
    with Path("cases.csv").open("a", encoding="utf-8") as file:
        file.write("\n".join(one for one in OWN.splitlines() if "argued" not in one) + "\n")
    code, out, err = run(capsys, "cases", model, "--check", "cases.csv")
    assert code == 1
    assert out.startswith(
        "changed: 1\n  move interested in contact, behavior_score = 45, role = legal"
    )
    assert err.splitlines() == [
        "note: 1 of them are rows of your own, and stay: change them by hand",
        "note: 1 more rows hold, which the model would not ask by itself: written again, the table "
        "is without them (a why that begins with own: keeps a row)",
    ]

    Path("own.csv").write_text("part,rule,stage,given,outcome,why\n" + OWN, encoding="utf-8")
    own = read_table("own.csv").rows[:4]
    _, _, err = run(capsys, "cases", model, "--out", "own.csv")
    again = read_table("own.csv")
    assert again.rows[-4:] == own
    assert len(again) == len(made) + 3  # one stands for a row that the model would ask
    again.checked()
    assert err.splitlines() == [
        "note: 1 rows that stood there are no case of the model, and are gone; "
        "begin the why of a row of your own with own: to keep it"
    ]
    before = Path("own.csv").read_bytes()
    _, _, err = run(capsys, "cases", model, "--out", "own.csv")
    assert (Path("own.csv").read_bytes(), err) == (before, "")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--check", "none.csv"], "none.csv does not exist: write it with"),
        (["--out", "cases.xlsx"], "not written as .xlsx: use .csv, .toml, .md"),
        (["--out", "cases"], "not written as a file without a suffix"),
        (["--out", "a.csv", "--check", "b.csv"], "give one of them"),
        (["--out", "people.csv"], "people.csv is no table of cases"),
    ],
)
def test_wrong_use_is_said(
    model: Path, capsys: Capture, arguments: list[str], complaint: str
) -> None:
    Path("people.csv").write_text("id,email\n1,ann@acme.example\n")
    code, out, err = run(capsys, "cases", model, *arguments)
    assert (code, out) == (2, "")
    assert complaint in err
    assert Path("people.csv").read_text() == "id,email\n1,ann@acme.example\n"
