"""``lifecycle-fsm whatif`` and ``plan``: what they print, write and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import polars as pl
import pytest

from lifecycle_fsm import save
from lifecycle_fsm.model import AssignmentRule
from tests.cli.commands import Cli, Done
from tests.what_if.test_what_if import SMALL

PEOPLE = """id,created_at,first_name,company,owner
ann,2024-05-06T09:00Z,Ann,Acme,
ben,2024-05-06T09:00Z,Ben,Acme,rep
cy,2024-05-06T09:00Z,Cy,Blue,
"""
ACTIVITIES = """person,kind,at,points
ann,score_given,2024-05-07T09:00Z,10
ben,score_given,2024-05-08T09:00Z,7
ann,buys,2024-05-09T09:00Z,
ben,score_given,2024-05-11T09:00Z,5
ben,leaves,2024-05-12T09:00Z,
cy,score_given,2024-05-14T09:00Z,7
"""
ASSIGNING = attrs.evolve(
    SMALL,
    tokens={**SMALL.tokens, "team": ("Ann Lee",)},
    assignment=[AssignmentRule(name="all", entering="ready", to="$team")],
)
FILES = ("--people", "people.csv", "--activities", "activities.csv")


@pytest.fixture
def ask(cli: Cli, tmp_path: Path) -> Cli:
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "activities.csv").write_text(ACTIVITIES)
    save(SMALL, tmp_path / "small.toml")

    def run(*arguments: object) -> Done:
        command, *rest = arguments
        return cli(command, "small.toml", *rest, *FILES)

    return run


def test_whatif_says_what_is_known_and_what_nobody_knows(ask: Cli) -> None:
    done = ask("whatif", "--set", "enough=7", "--capacity", "1/week")
    assert (done.code, done.err) == (0, "")
    for words in (
        "what if $enough were 7 and not 10",
        "the old model is taken for what really happened",
        "old model            2",
        "changed model        3",
        "nobody knows what would have become of the 1 added and 1 earlier",
        "ben     Ben   Acme     rep                2024-05-11  2024-05-08  "
        "behavior score ≥ 10 (it is 7)",
        "cy      Cy    Blue                        –           2024-05-14",
        "1 would move at once",
        "weeks with more than 1: 1 of 2 with the old model, 1 with the changed one",
    ):
        assert words in done.out, words


def test_capacities_of_assignees_stand_beside_their_weeks(cli: Cli, tmp_path: Path) -> None:
    save(ASSIGNING, tmp_path / "small.toml")
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "activities.csv").write_text(ACTIVITIES)
    done = cli(
        "whatif", "small.toml", "--set", "enough=7", *FILES, "--capacity", "Ann Lee=0.5/week",
        "--capacity", "Ann Le=3/week",
    )  # fmt: skip
    assert done.code == 0
    assert done.err == (
        "warning: --capacity: nobody has the assignee 'Ann Le'; did you mean 'Ann Lee'?\n"
    )
    assert "  by assignee, per week\n" in done.out
    (row,) = [line.split("  ") for line in done.out.splitlines() if line.startswith("    Ann Lee ")]
    assert [cell.strip() for cell in row if cell] == [
        "Ann Lee", "1.7", "2.5", "0.5", "over, weeks over: 1 old, 2 changed",
    ]  # fmt: skip
    assert "weeks with more than" not in done.out


def test_whatif_is_the_same_for_a_program(ask: Cli) -> None:
    plain = json.loads(ask("whatif", "--set", "enough=7", "--json").out)
    assert plain["tokens"] == {"enough": [10, 7]}
    assert [(row["person"], row["kind"], row["new_at"]) for row in plain["changes"]] == [
        ("ben", "earlier", "2024-05-08T09:00:00Z"),
        ("cy", "added", "2024-05-14T09:00:00Z"),
    ]
    assert [move["person"] for move in plain["first_day"]] == ["cy"]


def test_whatif_names_what_it_does_not_show(ask: Cli) -> None:
    done = ask("whatif", "--set", "enough=11")
    assert (
        "not shown: Sold. Their entries differ only after somebody's first difference" in done.out
    )
    assert "1 person would not have entered; what really became of them:\n    Sold 1 (100 %*" in (
        done.out
    )
    refused = ask("whatif", "--set", "enough=11", "--stage", "sold")
    assert refused.code == 2
    assert "nobody knows how 'sold' would change" in refused.err


def test_whatif_writes_everybody(ask: Cli, tmp_path: Path) -> None:
    for name in ("changes.csv", "changes.parquet"):
        assert ask("whatif", "--set", "enough=7", "--out", name).out.endswith(f"written: {name}\n")
    rows = pl.read_csv(tmp_path / "changes.csv")
    assert rows["person"].to_list() == ["ben", "cy"]
    assert rows["why"].to_list() == ["behavior score ≥ 10 (it is 7)"] * 2
    assert pl.read_parquet(tmp_path / "changes.parquet")["kind"].to_list() == ["earlier", "added"]


def test_a_range_is_a_table_and_a_picture(ask: Cli, tmp_path: Path) -> None:
    done = ask("whatif", "--range", "enough=7:11:2", "--goal", "ready per week = 1.5",
               "--capacity", "2/week", "--out", "range.svg")  # fmt: skip
    lines = [line.split() for line in done.out.splitlines()]
    assert [line[0] for line in lines if line and line[0] in {"7", "9", "11"}] == ["7", "9", "11"]
    assert "1.5 Ready per week: " in done.out
    assert "capacity 2 per week" in (tmp_path / "range.svg").read_text("utf-8")
    plain = json.loads(ask("whatif", "--range", "enough=7:8", "--json").out)
    assert [row["value"] for row in plain["values"]] == [7, 8]


def test_plan_names_everybody_with_the_proof_beside_it(ask: Cli, tmp_path: Path) -> None:
    done = ask("plan", "--set", "enough=7", "--out", "plan.csv")
    assert done.code == 0
    assert "1 person would move at once\n  Lead  ->  Ready  1\n" in done.out
    assert "guard of move warm: looser" in done.out
    rows = pl.read_csv(tmp_path / "plan.csv")
    assert rows.select("person", "name", "from_stage", "to_stage", "rules").rows() == [
        ("cy", "Cy", "lead", "ready", "warm")
    ]
    assert "guard of move warm: looser" in (tmp_path / "plan.diff.txt").read_text("utf-8")
    plain = json.loads(ask("plan", "--set", "enough=7", "--json").out)
    assert [move["person"] for move in plain["moves"]] == ["cy"]
    assert {row["part"] for row in plain["differences"]} == {"tokens", "guard of move"} or plain[
        "differences"
    ]


def test_plan_fails_for_whom_it_cannot_move(ask: Cli, cli: Cli, tmp_path: Path) -> None:
    text = (tmp_path / "small.toml").read_text("utf-8")
    (tmp_path / "new.toml").write_text(text.replace('"lost"', '"gone"'), "utf-8")
    done = ask("plan", "new.toml")
    assert done.code == 1
    assert "ben: 'ben' cannot be migrated: the model has no stage 'lost'" in done.out
    mapped = ask("plan", "new.toml", "--map", "lost=gone")
    assert mapped.code == 0
    assert "Lost  ->  Gone  1" in mapped.out


def test_rejected_rows_are_told(ask: Cli, tmp_path: Path) -> None:
    (tmp_path / "activities.csv").write_text(f"{ACTIVITIES}cy,no_such,2024-05-15T09:00Z,\n")
    done = ask("whatif", "--set", "enough=7")
    assert done.code == 1
    assert "1 rejected; --allow-rejected makes this a success" in done.err
    assert ask("whatif", "--set", "enough=7", "--allow-rejected").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("whatif",), "both models mean the same"),
        (("whatif", "--set", "enough"), "--set: 'enough' is no token: write mql_threshold=50"),
        (("whatif", "--set", "enuf=7"), "no token 'enuf'"),
        (("whatif", "--set", "enough=many"), "$enough is a text"),
        (("whatif", "--set", "enough=7", "--capacity", "40"), "write it as 40/week"),
        (("whatif", "--set", "enough=7", "--capacity", "Ann=many"), "as 'Ann Example=10/week'"),
        (("whatif", "--set", "enough=7", "--capacity", "=4/week"), "'=4/week' is no capacity"),
        (
            ("whatif", "--set", "enough=7", "--capacity", "4/week", "--capacity", "5/week"),
            "there are two for all assignees: give one",
        ),
        (
            ("whatif", "--set", "enough=7", "--capacity", "a=4/week", "--capacity", "a = 5/week"),
            "there are two for 'a': give one",
        ),
        (("whatif", "--range", "enough=7:9", "--capacity", "ann=4/week"), "leave 'ann' out"),
        (("whatif", "--set", "enough=7", "--out", "a.txt"), "written as .csv or .parquet"),
        (("whatif", "--set", "enough=7", "--goal", "ready per week = 3"), "--goal needs --range"),
        (("whatif", "--range", "enough"), "is no range: write mql_threshold=40:90:5"),
        (("whatif", "--range", "enough=9:7"), "from 9 to 7 in steps of 1 is nothing"),
        (("whatif", "--range", "enough=1:900"), "1 to 60 values"),
        (("whatif", "--range", "enough=7:9", "--goal", "3"), "write 'mql per week = 40'"),
        (("whatif", "--range", "enough=7:9", "--out", "a.csv"), "written as .svg"),
        (("whatif", "small.toml", "--range", "enough=7:9"), "leave NEW out"),
        (("whatif", "--set", "enough=7", "--map", "lost"), "write lead=prospect"),
        (("plan",), "both models mean the same"),
        (("plan", "--set", "enough=7", "--out", "plan.xls"), "written as .csv or .parquet"),
    ],
)
def test_what_cannot_be_asked_is_told(ask: Cli, arguments: tuple[str, ...], message: str) -> None:
    done = ask(*arguments)
    assert done.code == 2
    assert message in done.err
