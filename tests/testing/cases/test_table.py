"""Tables as files, what differs from an approved one, and the test that says so."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle_fsm import Model, Move, SortRule
from lifecycle_fsm.errors import FileProblem
from lifecycle_fsm.guard import Opaque, parse_guard
from lifecycle_fsm.model import ScoreRule, StepDef, load
from lifecycle_fsm.model.toml_files import shipped_text
from lifecycle_fsm.testing.cases import (
    CaseRow,
    CaseTable,
    approved,
    cases_of,
    compared,
    read_table,
    to_text,
)
from tests.machine.small import SORT, small

pytest_plugins = ["pytester"]
SUFFIXES = (".csv", ".toml", ".md")
TEXTS = st.text(
    st.characters(codec="utf-8", min_codepoint=32, exclude_characters="\x7f\x85"),
    max_size=12,
).map(str.strip) | st.sampled_from(
    ["a | b", 'say "so", please', "\\", "\\|", "=1+1", ";", "<b> < 5", "[a](b)"]
)


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS, TEXTS), max_size=4))
def test_what_is_written_is_read(
    suffix: str, tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[str, ...]]
) -> None:
    rows = [
        CaseRow("move", f"rule {number}", stage, given, outcome or "holds", why)
        for number, (stage, given, outcome, why) in enumerate(texts)
    ]
    path = tmp_path_factory.getbasetemp() / f"table{suffix}"
    path.write_text(to_text(CaseTable("", rows), suffix), encoding="utf-8", newline="\n")
    if rows or suffix != ".toml":
        assert read_table(path).rows == tuple(rows)


def test_a_csv_has_no_text_that_a_spreadsheet_would_run() -> None:
    row = CaseRow("move", "r", "a", "=1+1", "'@x", "-2")
    assert to_text(CaseTable("", [row]), ".csv").endswith("\nmove,r,a,'=1+1,''@x,-2\n")


def test_markdown_shows_what_stands_there() -> None:
    row = CaseRow("move", "r", "<b>hot</b>", "score < 5", "[x](javascript:y)", "![x](y)")
    told = to_text(CaseTable("<i>acme\n# no", [row]), ".md")
    assert told.startswith("# Cases of \\<i>acme\\n# no\n")
    assert r"\<b>hot\</b> | score < 5 | [x\](javascript:y) | ![x\](y) |" in told


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_whole_table_is_the_same_in_each_form(suffix: str, tmp_path: Path) -> None:
    table = cases_of(load("two_step"))
    path = tmp_path / f"cases{suffix}"
    path.write_text(to_text(table, suffix), encoding="utf-8")
    assert read_table(path).rows == table.rows


def test_a_spreadsheet_may_have_saved_it(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_bytes(
        "\ufeffpart;rule;stage;given;outcome;why\r\n"
        'move;interested;contact;"behavior_score = 30";"goes to lead";\r\n'.encode()
    )
    row = CaseRow("move", "interested", "contact", "behavior_score = 30", "goes to lead")
    assert read_table(path).rows == (row,)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("none.csv", None, "does not exist: write it with  lifecycle-fsm cases MODEL --out"),
        ("cases.txt", "", "not written as .txt: use .csv, .toml, .md"),
        ("cases.csv", "id,email\n1,a@b.example\n", "its first line lacks part, rule, stage"),
        ("cases.csv", "part,rule,stage,given,outcome\nmove,a,,\n", "line 2: outcome is missing"),
        (
            "cases.csv",
            "part,rule,stage,given,outcome\nmvoe,a,,,holds\n",
            "line 2: there is no part 'mvoe'; did you mean 'move'?",
        ),
        (
            "cases.csv",
            "part,rule,stage,given,outcome\nmove,a,,,holds,,,\n",
            "line 2: it has 8 columns, and the header has 5",
        ),
        (
            "cases.csv",
            "part,rule,stage,given,outcome\nmove,a,,,holds\nmove,a,,,holds\n",
            "move a: this case stands there twice",
        ),
        ("cases.toml", "a = 1", "each of them is a [[cases]]"),
        ("cases.toml", "[[cases]\n", "cases.toml: "),
        ("cases.toml", '[[cases]]\npart = "move"\nruel = "a"', "no column 'ruel'; did you mean"),
        ("cases.toml", "[[cases]]\npart = 1", "case 1: part is a text, not 1"),
        ("cases.md", "| part | rule |\n| --- | --- |\n| move |\n", "line 3: 2 cells are in a row"),
    ],
)
def test_what_is_no_table_is_refused(
    name: str, text: str | None, complaint: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(FileProblem) as caught:
        read_table(path)
    assert complaint in str(caught.value)


# ---------------------------------------------------------------------- what differs


MODEL = small(
    Move(name="ahead", sources="a", target="b", when="level >= 65"),
    Move(name="asked", sources=("a", "b"), target="x", on="drop", when="ready"),
)


def with_move(name: str, **changed: Any) -> Model:
    moves = [attrs.evolve(one, **changed) if one.name == name else one for one in MODEL.moves]
    return attrs.evolve(MODEL, moves=moves)


APPROVED = cases_of(MODEL)


def test_a_model_as_it_was_approved_does_not_differ() -> None:
    assert not compared(APPROVED, MODEL)
    assert str(compared(APPROVED, MODEL)) == ""


def test_a_lower_threshold_changes_the_case_below_and_makes_new_ones() -> None:
    found = compared(APPROVED, with_move("ahead", when=parse_guard("level >= 64")))
    assert [str(one) for one in found.changed] == [
        "move ahead in a, level = 64 (level ≥ 65: one below (this alone decides))\n"
        "  approved: stays in a\n"
        "  now:      goes to b\n"
        "    ✓ level ≥ 64 (it is 64)"
    ]
    assert [(one.given, one.outcome) for one in found.new] == [("level = 63", "stays in a")]
    assert [one.given for one in found.more] == ["level = 66", "changed: level = 65"]
    assert not found.gone
    assert str(found).splitlines()[0] == "changed: 1"
    assert str(found).splitlines()[-2:] == ["new: 1", "  move ahead in a, level = 63: stays in a"]


def test_another_target_changes_every_case_that_gets_there() -> None:
    found = compared(APPROVED, with_move("asked", target="y"))
    assert {(one.row.rule, one.row.outcome, one.now) for one in found.changed} >= {
        ("asked", "goes to x", "goes to y"),
        ("drop", "may go to x", "may go to y"),
        ("asked from a", "goes to x by asked", "goes to y by asked"),
    }


def test_a_move_that_is_gone_is_told_with_its_cases() -> None:
    without = attrs.evolve(MODEL, moves=MODEL.moves[1:])
    found = compared(APPROVED, without)
    assert {one.now for one in found.gone} == {
        "the model has no move 'ahead'; did you mean 'asked'?"
    }
    assert len(found.gone) == 3
    # Its path is walked, and leads nowhere now.
    assert [(one.row.rule, one.now) for one in found.changed] == [("ahead", "stays in a")]


def test_a_new_move_has_new_cases() -> None:
    more = Move(name="more", sources="b", target="c", when="ready")
    found = compared(APPROVED, attrs.evolve(MODEL, moves=(*MODEL.moves, more)))
    assert {(one.part, one.rule) for one in found.new} == {("move", "more"), ("tour", "more")}


def test_a_condition_that_is_redundant_no_longer_is_gone() -> None:
    table = cases_of(with_move("ahead", when=parse_guard("level >= 65 and level >= 3")))
    assert [row.given for row in table if row.outcome == "never decides"] == [
        "whether or not level ≥ 3"
    ]
    gone = compared(table, MODEL).gone
    assert [one.now for one in gone] == ["this is so no longer"]


def test_a_move_that_nobody_can_fire_is_named() -> None:
    first = Move(name="first", sources="a", target="c", when="level >= 1", priority=-1,
                 skips="passed_over")  # fmt: skip
    never = Move(name="never", sources="a", target="b", when="level >= 2")
    later = Move(name="later", sources="y", target="a")
    table = cases_of(
        small(first, never, later, sort=[one for one in SORT if one.target not in ("b", "y")])
    )
    told = {row.rule: row.why for row in table if row.outcome == "fired by nobody"}
    assert told == {
        "never": "what is tried before it leaves nobody",
        "later": "nobody gets to y",
    }


def test_what_points_of_fit_depend_on_comes_before_them() -> None:
    when = "demographic_score >= 20 and employees >= 50"
    move = Move(name="fits", sources="a", target="b", when=when)
    points = ScoreRule(name="large", when="employees >= 10", points=5)
    step = StepDef(number=40, use="demographic_score")
    table = cases_of(small(move, scoring=[points], processing=[step]))
    assert [row.given for row in table if row.rule == "fits" and row.part == "tour"] == [
        "created",
        "processed",
        "changed: employees = 50",
        "changed: demographic_score = 20",
    ]


def test_a_case_that_another_move_takes_says_so() -> None:
    first = Move(name="first", sources="a", target="c", when="level >= 70", priority=-1,
                 skips="passed_over")  # fmt: skip
    table = cases_of(attrs.evolve(MODEL, moves=(*MODEL.moves, first)))
    assert not [row for row in table if row.rule == "ahead" and "by first" in row.outcome]
    row = CaseRow("move", "ahead", "a", "level = 70", "goes to b")
    found = compared(CaseTable("", [row]), attrs.evolve(MODEL, moves=(*MODEL.moves, first)))
    assert found.changed[0].now == "goes to c by first instead"


def test_a_rule_of_the_sort_runs_through_the_sort() -> None:
    rows = [(row.given, row.outcome) for row in APPROVED if row.rule == "to_b"]
    assert rows == [
        ("start = b", "goes to b"),
        ("start = a", "goes to a by everybody_else"),
    ]
    found = compared(APPROVED, attrs.evolve(MODEL, sort=[
        SortRule(name="first", target="y", when="start == 'b'"), *SORT,
    ]))  # fmt: skip
    assert ("to_b", "goes to y by first instead") in {
        (one.row.rule, one.now) for one in found.changed
    }


def test_another_order_changes_who_comes_first() -> None:
    more = Move(name="more", sources="a", target="c", when="ready", skips="passed_over", priority=1)
    model = attrs.evolve(MODEL, moves=(*MODEL.moves, more))
    table = cases_of(model)
    rows = [(row.rule, row.stage, row.given, row.outcome) for row in table if row.part == "order"]
    assert rows[-1:] == [
        ("ahead before more", "a", "level = 65, ready = yes", "goes to b by ahead"),
    ]
    turned = attrs.evolve(model, moves=[*MODEL.moves, attrs.evolve(more, priority=-1)])
    found = compared(table, turned)
    assert [(one.row.rule, one.now) for one in found.changed] == [
        ("ahead before more", "goes to c by more")
    ]
    assert [one.rule for one in found.new] == ["more before ahead"]
    gone = compared(table, MODEL).gone
    assert "the model does not try these two for one reason in a" in {one.now for one in gone}


def test_another_effect_changes_what_a_move_writes() -> None:
    def with_then(**then: Any) -> Model:
        return with_move("asked", then=then)

    table = cases_of(with_then(level="level * 2", start="'q'", ready=False))
    assert [(row.given, row.outcome) for row in table if row.part == "effect"] == [
        ("ready = yes, level = 3, start = before",
         "goes to x with level = 6, start = q, ready = no"),
        ("ready = yes, level = -3, start = before",
         "goes to x with level = -6, start = q, ready = no"),
        ("ready = yes, level = 11, start = before",
         "goes to x with level = 22, start = q, ready = no"),
    ]  # fmt: skip
    for changed in (
        {"level": "level * 2", "start": "'q'"},
        {"level": "level * 2", "start": "'p'", "ready": False},
        {"level": "level * 3", "start": "'q'", "ready": False},
    ):
        found = compared(table, with_then(**changed))
        assert {one.row.part for one in found.changed} == {"effect"}
        assert len(found.changed) == 3


def test_rules_of_the_sort_that_are_open_at_once_have_an_order() -> None:
    first = SortRule(name="first", target="y", when="level >= 1")
    model = attrs.evolve(MODEL, sort=[first, *SORT])
    swapped = attrs.evolve(MODEL, sort=[SORT[0], first, *SORT[1:]])
    changed = {(one.row.rule, one.now) for one in compared(cases_of(model), swapped).changed}
    assert changed == {("first before to_b", "goes to b by to_b")}


# ---------------------------------------------------------------------- Python guards


def knows_budget(person: Any, now: datetime) -> bool:
    return bool(person.level >= 50)


OPAQUE = attrs.evolve(
    MODEL,
    moves=[
        *MODEL.moves,
        Move(name="budget", sources="b", target="c", when=knows_budget),
        Move(
            name="both",
            sources="b",
            target="d",
            skips="passed_over",
            on="drop",
            when=Opaque("knows_budget", knows_budget) & parse_guard("level >= 65"),
        ),
    ],
)
EXAMPLES = CaseTable(
    "",
    [
        CaseRow("example", "knows_budget", "b", "level = 50", "holds"),
        CaseRow("example", "knows_budget", "b", "level = 49", "does not hold"),
    ],
)


def test_a_python_guard_is_named_and_assumed() -> None:
    rows = [row for row in cases_of(OPAQUE) if row.part == "move"]
    assert [(one.given, one.outcome) for one in rows if one.rule == "budget"] == [
        ("knows_budget()", "cannot be looked into")
    ]
    assert [(one.given, one.outcome) for one in rows if one.rule == "both"] == [
        ("level = 64, knows_budget() = yes", "does not hold"),
        ("level = 65, knows_budget() = yes", "holds"),
        ("level = 66, knows_budget() = yes", "holds"),
        ("knows_budget()", "cannot be looked into"),
    ]


def test_examples_of_a_python_guard_are_run() -> None:
    table = cases_of(OPAQUE).keeping(EXAMPLES)
    assert not compared(table, OPAQUE)
    wrong = attrs.evolve(EXAMPLES.rows[0], outcome="does not hold")
    found = compared(cases_of(OPAQUE).keeping(CaseTable("", [wrong])), OPAQUE)
    assert [(one.row, one.now) for one in found.changed] == [(wrong, "holds")]
    gone = compared(APPROVED.keeping(CaseTable("", EXAMPLES.rows[:1])), MODEL).gone
    assert [one.now for one in gone] == ["the model has no Python guard 'knows_budget'"]


def test_a_path_of_ones_own_is_not_taken_for_the_end_of_another() -> None:
    path = [
        CaseRow("tour", "budget", "", "created", "is in new", "step 1 of 1"),
        CaseRow("tour", "budget", "", "created", "is in new", "own: step 1 of 1"),
    ]
    assert [case.rows for case in CaseTable("", path).cases] == [(path[0],), (path[1],)]


# ---------------------------------------------------------------------- in pytest


TEST = """
from pathlib import Path
from lifecycle_fsm.testing.cases import approved
HERE = Path(__file__).parent
test_lifecycle = approved(HERE / "cases.csv", HERE / "model.toml")
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    text = shipped_text("two_step")
    pytester.path.joinpath("model.toml").write_text(text, encoding="utf-8")
    table = to_text(cases_of(load("two_step")))
    pytester.path.joinpath("cases.csv").write_text(table, encoding="utf-8")
    pytester.makepyfile(test_cases=TEST)
    return pytester


def test_each_row_is_a_test_and_each_path_is_one(project: pytest.Pytester) -> None:
    done = project.runpytest_inprocess("-v", "-p", "no:cacheprovider")
    cases = cases_of(load("two_step")).cases
    done.assert_outcomes(passed=len(cases) + 1)
    done.stdout.fnmatch_lines(
        [
            "*[[]move: interested @ contact: behavior_score = 29[]] PASSED*",
            "*[[]trigger: give_up @ contact[]] PASSED*",
            "*[[]tour: bought from lead[]] PASSED*",
            "*[[]every case is approved[]] PASSED*",
        ]
    )


def test_a_failure_says_what_changed_in_the_words_of_the_field(project: pytest.Pytester) -> None:
    model = project.path / "model.toml"
    text = model.read_text(encoding="utf-8")
    model.write_text(text.replace("lead_threshold = 30", "lead_threshold = 20"), encoding="utf-8")
    done = project.runpytest_inprocess("-p", "no:cacheprovider")
    done.stdout.fnmatch_lines(
        [
            "move interested in contact, behavior_score = 29 (behavior score ≥ 30: one below*",
            "  approved: stays in contact",
            "  now:      goes to lead",
            "    ✓ behavior score ≥ 20 (it is 29)",
            "* cases of the model stand in no row of *cases.csv:",
            "  move interested in contact, behavior_score = 19: stays in contact",
            "look at them, and write the table anew: lifecycle-fsm cases MODEL --out *cases.csv",
        ]
    )
    done.assert_outcomes(failed=3, passed=len(cases_of(load("two_step")).cases) - 2)


def test_a_model_that_changes_in_its_place_is_run_as_it_is(tmp_path: Path) -> None:
    # As tests of mutants do it.
    path = tmp_path / "cases.csv"
    path.write_text(to_text(APPROVED), encoding="utf-8")
    model = attrs.evolve(MODEL)
    test = approved(path, model)
    case = next(one for one in APPROVED.cases if one.name == "move: ahead @ a: level = 64")
    test(case)
    lower = with_move("ahead", when=parse_guard("level >= 64"))
    vars(model)["moves"] = lower.moves
    vars(model).pop("edges", None)
    with pytest.raises(pytest.fail.Exception, match="approved: stays in a"):
        test(case)


def test_a_row_of_a_rule_that_is_not_there_fails(project: pytest.Pytester) -> None:
    table = project.path / "cases.csv"
    with table.open("a", encoding="utf-8") as file:
        file.write("move,intrested,contact,,goes to lead,\n")
        file.write("move,interested,contact,behavior_scroe = 1,goes to lead,\n")
    done = project.runpytest_inprocess("-p", "no:cacheprovider")
    done.assert_outcomes(failed=2, passed=len(cases_of(load("two_step")).cases) + 1)
    done.stdout.fnmatch_lines(
        [
            "*the model has no move 'intrested'; did you mean 'interested'?",
            "*no field named 'behavior_scroe'; did you mean 'behavior_score'?",
        ]
    )


def test_a_case_in_a_stage_that_is_not_there_is_an_error() -> None:
    found = compared(
        CaseTable("", [CaseRow("move", "ahead", "q", "level = 65", "goes to b")]), MODEL
    )
    assert "has no stage named 'q'" in found.gone[0].now


def test_the_search_for_people_has_a_budget_that_is_counted() -> None:
    small = cases_of(load("two_step"), budget=1)
    assert small == cases_of(load("two_step"), budget=1)
    assert any("more than 1 cases in all" in row.why for row in small)
    assert not any("cases in all" in row.why for row in cases_of(load("two_step")))
