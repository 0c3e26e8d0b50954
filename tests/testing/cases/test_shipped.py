"""The cases of the shipped models: each runs, every move is fired, and it takes a moment only."""

from __future__ import annotations

import subprocess
import sys
from time import process_time

import pytest

from lifecycle_fsm.model import Model, load, shipped
from lifecycle_fsm.testing.cases import CaseRow, CaseRunner, CaseTable, cases_of, compared, to_text
from lifecycle_fsm.testing.cases.case_table import NO_WAY, UNDECIDED

TABLES: dict[str, CaseTable] = {}


def table_of(name: str) -> CaseTable:
    if name not in TABLES:
        TABLES[name] = cases_of(load(name))
    return TABLES[name]


@pytest.mark.parametrize("name", shipped())
def test_every_case_comes_out_as_it_was_made(name: str) -> None:
    runner = CaseRunner(load(name))
    for case in table_of(name).cases:
        assert runner.outcomes(case) == tuple(row.outcome for row in case.rows), case.name
    assert not compared(table_of(name), load(name))


@pytest.mark.parametrize("name", shipped())
def test_the_tour_fires_every_move_out_of_every_stage(name: str) -> None:
    model = load(name)
    fired = set()
    for row in table_of(name):
        if row.part == "tour":
            stage = row.stage
            for hop in row.outcome.removeprefix("goes to ").split(", then to "):
                target, _, rule = hop.partition(" by ")
                fired.add((stage, rule))
                stage = target
    edges = {(edge.source, edge.name) for edge in (*model.sort_edges, *model.edges)}
    assert edges <= fired
    assert not [row for row in table_of(name) if row.outcome in (NO_WAY, UNDECIDED)]


@pytest.mark.parametrize("name", shipped())
def test_paths_come_shortest_first(name: str) -> None:
    lengths = [len(case.rows) for case in table_of(name).cases if case.rows[0].part == "tour"]
    assert lengths == sorted(lengths)
    assert max(lengths) <= 5


@pytest.mark.parametrize("name", shipped())
def test_every_stage_says_what_it_does_with_every_trigger(name: str) -> None:
    model = load(name)
    told = {(row.rule, row.stage): row.outcome for row in table_of(name) if row.part == "trigger"}
    assert set(told) == {(one, stage.name) for one in model.triggers for stage in model.stages}
    for (trigger, stage), outcome in told.items():
        declared = [
            edge.target for edge in model.edges if edge.on == trigger and edge.source == stage
        ]
        if stage == model.initial.name:
            assert outcome == "waits for the sort"
        else:
            expected = f"may go to {' or '.join(dict.fromkeys(declared))}"
            assert outcome == (expected if declared else "no such move")


def rows(model: str, part: str, rule: str) -> list[tuple[str, str]]:
    return [
        (row.given, row.outcome) for row in table_of(model) if (row.part, row.rule) == (part, rule)
    ]


def test_a_threshold_has_three_people_and_each_condition_a_pair() -> None:
    assert rows("waterfall", "move", "qualified_by_score") == [
        ("demographic_score = 19, behavior_score = 65", "stays in mal"),
        ("demographic_score = 20, behavior_score = 65", "goes to mql"),
        ("demographic_score = 21, behavior_score = 65", "goes to mql"),
        ("demographic_score = 20, behavior_score = 64", "stays in mal"),
        ("demographic_score = 20, behavior_score = 66", "goes to mql"),
    ]
    both = next(row for row in table_of("waterfall") if row.given.startswith("demographic_score"
                " = 20, behavior_score = 65") and row.rule == "qualified_by_score")  # fmt: skip
    assert both.why == (
        "demographic score ≥ 20: exactly (this alone decides); "
        "behavior score ≥ 65: exactly (this alone decides)"
    )


def test_time_is_told_as_an_age() -> None:
    assert rows("waterfall", "move", "rested") == [
        ("stage_entered_at = 89 days 23:59:59 ago", "stays in recycled"),
        ("stage_entered_at = 90 days ago", "goes to mal"),
        ("stage_entered_at = 91 days ago", "goes to mal"),
    ]


def test_what_an_activity_brings_is_a_field_of_the_case() -> None:
    assert rows("waterfall", "data", "hand_raise") == [
        ("activity.form = Hand-Raise:", "holds"),
        ("activity.form = Hand-Raise: and more", "holds"),
        ("activity.form = hAND-rAISE:", "does not hold"),
        ("activity.form = something", "does not hold"),
    ]


def test_every_two_rules_that_can_be_open_at_once_have_an_order() -> None:
    told = {(row.rule, row.stage): row for row in table_of("waterfall") if row.part == "order"}
    far = told["no_prospect before sorted_by_score", "processing"]
    assert far.given == "role = accounts_payable, demographic_score = 20, behavior_score = 65"
    assert far.outcome == "goes to off_path by no_prospect"
    assert ("rested before requalified", "recycled") not in told
    assert ("closed_won before lost", "sql") in told
    # Nobody is a reason of both lists.
    assert ("recycled_by_sales before disqualified_by_sales", "mql") not in told


def test_the_effects_of_a_move_are_seen_in_whom_they_change() -> None:
    assert rows("waterfall", "effect", "ruled_out") == [
        (
            "behavior_score = 3, hand_raised = yes",
            "goes to disqualified with behavior_score = 1, hand_raised = no",
        ),
        (
            "behavior_score = -3, hand_raised = yes",
            "goes to disqualified with behavior_score = -3, hand_raised = no",
        ),
        (
            "behavior_score = 131, hand_raised = yes",
            "goes to disqualified with behavior_score = 64, hand_raised = no",
        ),
    ]


@pytest.mark.parametrize("name", shipped())
def test_every_move_with_effects_has_somebody(name: str) -> None:
    told = {row.rule for row in table_of(name) if row.part == "effect"}
    assert told == {move.name for move in load(name).moves if move.then}


def test_there_are_never_fewer_than_no_opportunities() -> None:
    assert not [row for row in table_of("waterfall") if "opportunities = -" in row.given]


def test_a_journey_may_have_begun_before_the_stage() -> None:
    given = "sales_touched_at = 5 days ago, journey_started_at = 10 days ago"
    runner = CaseRunner(load("waterfall"))
    assert runner.outcome(CaseRow("move", "accepted", "mql", given, "")) == "goes to sal"
    late = given.replace("10", "4")
    assert runner.outcome(CaseRow("move", "accepted", "mql", late, "")) == "stays in mql"


def test_a_refusal_is_told() -> None:
    assert ("rejection_reason = missing", "refused") in rows(
        "waterfall", "move", "recycled_by_sales"
    )


def test_a_redundant_condition_is_a_row() -> None:
    found = [row for row in table_of("waterfall") if row.outcome == "never decides"]
    assert found == [
        CaseRow(
            "move",
            "reinstated",
            "disqualified",
            "whether or not role known",
            "never decides",
            "said for clarity: without a value it comes out so anyway",
        )
    ]


def test_the_table_is_the_same_whatever_the_hash_seed() -> None:
    code = (
        "from lifecycle_fsm.model import load\n"
        "from lifecycle_fsm.testing.cases import cases_of, to_text\n"
        "import sys; sys.stdout.buffer.write(to_text(cases_of(load('waterfall'))).encode())"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert texts == {to_text(table_of("waterfall")).encode()}


def test_it_takes_a_moment_only() -> None:
    model: Model = load("waterfall")
    began = process_time()
    cases_of(model)
    assert process_time() - began < 2
