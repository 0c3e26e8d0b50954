"""``lifecycle-fsm funnel``: the measures as tables, as JSON, and on the picture."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from lifecycle_fsm import LifecycleMachine, load, save
from lifecycle_fsm.cli.arguments import read_length
from lifecycle_fsm.cli.funnel_tables import as_text
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel import MEASURES, measure
from lifecycle_fsm.history import DeadlineFact, HistoryRow
from lifecycle_fsm.tables import (
    DEADLINES,
    TableWriter,
    history_columns,
    people_columns,
    read_deadlines,
    read_history,
)
from tests.cli.commands import ROOT, Cli
from tests.funnel.made import MODEL, day, days, kept, merge, mixed, walk

MARKETING = {"owner": "ann", **kept(sourced_by="marketing", country="DE", cohort=None)}
SALES = {"owner": "bob", **kept(sourced_by="sales", country=None, cohort=None)}
ROWS = mixed(
    walk("m1", ("processing", 0, MARKETING), ("mal", 0), ("mql", 5), ("sal", 6), ("sql", 40)),
    walk("m2", ("processing", 0, MARKETING), ("mal", 0), ("mql", 8)),
    # The loser's visit goes on: it is the older one.
    *merge(
        walk("m4", ("processing", 2, MARKETING), ("mal", 2)),
        walk("m3", ("processing", 1, MARKETING), ("mal", 1)),
        3,
    ),
    walk("s1", ("processing", 2, SALES), ("sal", 2), ("sql", 9), ("customer", 45)),
    walk("r1", ("processing", 0, MARKETING), ("mql", 0), ("recycled", 4), ("mql", 50)),
)


FACTS = [
    DeadlineFact(
        person, "mql_answered", "mql", person, 1, day(at), day(at + 1), outcome,  # type: ignore[arg-type]
        day(at + 1), "ann", "cem",
    )
    for person, at, outcome in (("m1", 5, "kept"), ("m2", 8, "missed"), ("r1", 0, "void"))
]  # fmt: skip


def write(path: Path, rows: list[HistoryRow] = ROWS) -> Path:
    """A history, and beside it what became of its deadlines."""
    types = {name: MODEL.field_types[name] for name in MODEL.dimensions}
    table = TableWriter(history_columns(types))
    table.extend(rows)
    table.save(path)
    deadlines = TableWriter(DEADLINES)
    deadlines.extend(FACTS)
    deadlines.save(path.with_name("deadlines.csv"))
    return path


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return write(tmp_path / "history.csv")


def test_the_tables_say_what_the_report_says(cli: Cli, history: Path) -> None:
    done = cli("funnel", history, "--target", "0.6")
    assert (done.code, done.err) == (0, "")
    assert (
        f"(model waterfall, version {MODEL.version})\nall history, known until 2024-02-20"
        in done.out
    )
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    for line in (
        "people at 2024-02-20: 5 people",
        "2 MQL 2",
        "ready for sales (in MQL): 2 people",
        "m2 MQL 2024-01-09 42 d ann",
        "flows: opening + in - out = closing",
        "window Processing 0 6 6 0 6 0",
        "all stages 0 6 1 5 6 1",
        "MAL MQL 2 of 3 66.7 %* 3 of 4 75.0 %* 5.0 d 100.0 %",
        "SAL 2 2 0 7.0 d 7.0 d 34 d",
        "Customer 1 0 1 not reached not reached not reached",
        "bob 1 1 0 0 100.0 %* 43 d 0",
        "MQL 4 4 0 0 100.0 %* 60.0 %: met by 40.0 points",
        "SAL 2 1 1 0 50.0 %* 60.0 %: missed by 10.0 points",
        "agreements (SLA): visits that began in the window, as they stand",
        "stuck: 0 people",
        "* a share of fewer than 30",
    ):
        assert line in lines
    assert "note: what is known ends with the last row of the history" in done.out


def test_r49_two_lines_of_business_are_measured_apart(cli: Cli, history: Path) -> None:
    def people(*where: str) -> int:
        report = json.loads(cli("funnel", history, *where, "--json").out)
        return sum(row["people"] for row in report["measures"]["people"]["rows"])

    assert people("--where", "country == 'DE'") == 4
    assert people("--where", "not (country == 'DE')") == people() - 4 == 1
    told = cli(
        "funnel", history, "--where", "country == 'DE'", "--show", "people", "--out", "f.mmd"
    )
    assert 'all journeys, where country == "DE"\n' in told.out
    assert "note: only journeys where country = DE" in told.out
    for wrong, told_of in (
        ("contry == 'DE'", "did you mean 'country'?"),
        ("behavior_score > 1", "write dimensions = ['behavior_score'] into the model"),
        ("country = 'DE'", "(column 9)"),
    ):
        done = cli("funnel", history, "--where", wrong)
        assert done.code == 2
        assert told_of in done.err
    done = cli("draw", "waterfall", "--where", "country == 'DE'", "--out", "x.svg")
    assert done.code == 2
    assert "to use --where, give a --history" in done.err


def test_json_has_every_measure_with_what_it_takes_to_read_it(cli: Cli, history: Path) -> None:
    done = cli("funnel", history, "--json", "--every", "week", "--compare", "2024-01-20")
    found = json.loads(done.out)
    assert list(found["measures"]) == [name for name in MEASURES if name != "money"]
    report = measure(
        read_history(history, dimensions=MODEL.field_types), MODEL, every="week", compare=day(19),
        deadlines=read_deadlines(history.with_name("deadlines.csv")),
    )  # fmt: skip
    assert found == json.loads(json.dumps(report.as_dict()))


def test_parquet_is_read_with_the_types_of_the_dimensions(cli: Cli, tmp_path: Path) -> None:
    model = attrs.evolve(MODEL, name="mine", dimensions=["hand_raised", "employees"])
    save(model, tmp_path / "mine.toml")
    table = TableWriter(
        history_columns({name: model.field_types[name] for name in model.dimensions})
    )
    said = kept(hand_raised=True, employees=50)
    table.extend(
        attrs.evolve(one, version=model.version)
        for one in walk("a", ("processing", 0, said), ("mal", 0))
    )
    table.save(tmp_path / "h.parquet")
    done = cli(
        "funnel", "h.parquet", "--model", "mine.toml", "--by", "employees", "--show", "people"
    )
    assert (done.code, done.err) == (0, "")
    assert "employees  MAL\n  50           1" in done.out
    done = cli(
        "funnel", "h.parquet", "--model", "mine.toml", "--by", "hand_raised", "--show", "people"
    )
    assert "  true           1" in done.out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--by", "owner", "--show", "people"], "  owner  MAL  MQL  SQL  Customer\n  ann      1"),
        (["--by", "country", "--show", "people"], "  (none)     0"),
        (["--show", "people", "--to", "2024-01-05"], "people at 2024-01-05: 5 people"),
        (["--show", "people", "--until", "2024-01-02"], "known until 2024-01-02 (UTC)"),
        (["--show", "people", "--until", "2024-03-01"], "people at 2024-03-01"),
        (["--journeys", "repeat", "--show", "people"], "people at 2024-02-20: 1 person\n"),
        (["--show", "flows", "--every", "month"], "  2024-02 ~  Processing "),
        (["--show", "flows", "--every", "month"], "  ~ a part of the period only"),
        (
            ["--show", "flows", "--every", "month", "--zone", "America/New_York"],
            "  2023-12    Processing ",
        ),
        (["--show", "conversion", "--pair", "mql:customer"], "  MQL   Customer  0 of 4   0.0 %*"),
        (["--show", "conversion", "--pair", "sal:recycled"], "  SAL   Recycled  0 of 2"),
        (["--show", "reps", "--reading", "over"], "from SAL to Customer (over), by their owner"),
        (["--show", "reps", "--from-stage", "sql"], "journeys from SQL to Customer (through)"),
        (["--show", "share", "--target", "70%", "--target", "sql=10%"], "10.0 %: met by 40.0"),
        (["--show", "stuck", "--stuck-after", "5w"], "SQL         longer than  35 d  as was said"),
        (["--show", "stuck", "--stuck-after", "5w"], "  m2      MQL    2024-01-09  42 d  ann"),
        (
            ["--show", "sla"],
            "mql_answered   MQL         4     1       1           1     1        1     50.0 %*",
        ),
        (["--show", "overdue"], "  m2      mql_answered  MQL    2024-01-10  ann    cem"),
        (["--show", "people", "--by", "assigned_to"], "  (none)         1    2    1"),
        (["--compare", "2024-01-20"], "before: to 2024-01-20, watched for "),
        (["--compare", "2024-01-20"], "caution: some shares are of fewer than 30 journeys"),
        (["--compare", "2024-01-20", "--show", "people"], "entries\n  stage"),
        (["--horizon", "10d"], "10 d for each journey to convert"),
        (["--from", "2024-01-02", "--to", "2024-02-01"], "2024-01-02 to 2024-02-01, known until"),
        (["--from", "2024-01-02"], "since 2024-01-02, "),
    ],
)  # fmt: skip
def test_what_can_be_asked_for(
    cli: Cli, history: Path, arguments: list[str], expected: str
) -> None:
    done = cli("funnel", history, *arguments)
    assert (done.code, done.err) == (0, "")
    assert expected in done.out


def test_two_versions_are_compared(cli: Cli, tmp_path: Path) -> None:
    rows = [
        attrs.evolve(one, version=MODEL.version if one.now >= day(1) else "0123456789ab")
        for one in ROWS
    ]
    done = cli("funnel", write(tmp_path / "h.csv", rows), "--compare-versions")
    assert done.code == 0
    assert "before: version 0123456789ab, watched for" in done.out
    assert f"after:  version {MODEL.version}, watched for" in done.out
    assert "note: this history was written by version 0123456789ab of a model" in done.err
    assert "measures it" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--by", "seniority"], "write dimensions = ['seniority'] into the model"),
        (["--by", "contry"], "did you mean 'country'?"),
        (["--show", "peple"], "--show: no measure named 'peple': there are people, ready"),
        (["--show", "compare"], "--show compare needs --compare TIME or --compare-versions"),
        (["--pair", "mql"], "--pair: 'mql' names no two stages: write it as mql:customer"),
        (["--pair", "mql:mqql"], "no stage named 'mqql'; did you mean 'mql'?"),
        (["--pair", "recycled:mql"], "who comes back from a detour begins the next journey"),
        (["--target", "60"], "--target: '60' is no share: write it as 0.6, 60% or sql=40%"),
        (["--target", "sq=60%"], "no stage named 'sq'"),
        (["--stuck-after", "soon"], "--stuck-after: 'soon' is no length of time: write it as 30d"),
        (["--horizon", "0d"], "the horizon is a time that each journey is given"),
        (["--from", "2024-02-01", "--to", "2024-01-01"], "the window ends before it starts"),
        (["--from", "yesterday"], "--from: 'yesterday' is no time"),
        (["--zone", "Europe/Berlni"], "there is no time zone 'Europe/Berlni'"),
        (["--compare", "2024-01-20", "--compare-versions"], "are two questions: ask one"),
        (["--compare", "2030-01-01"], "lies outside the window or what is known"),
        (["--compare-versions"], "written by one version of a model"),
        (["--from-stage", "customer"], "the work of sales cannot begin with 'customer'"),
        (["--model", "two_step"], "is the history of another model: two_step"),
        (["--model", "none.toml"], "the model none.toml does not exist"),
        (["--out", "picture.bmp"], "picture.bmp"),
    ],
)
def test_what_cannot_be_measured_is_told(
    cli: Cli, history: Path, arguments: list[str], message: str
) -> None:
    done = cli("funnel", history, *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert done.err.startswith("error: ")


def test_without_a_model_it_is_the_shipped_one_that_fits(cli: Cli, tmp_path: Path) -> None:
    two_step = load("two_step")
    rows = walk("a", ("new", 0), ("contact", 1), ("lead", 2), model=two_step)
    other = [attrs.evolve(one, version="0123456789ab") for one in rows]
    own = [attrs.evolve(one, version=two_step.version) for one in rows]
    for place, one in enumerate((own, other)):
        done = cli("funnel", write(tmp_path / f"{place}.csv", one))
        assert done.code == 0, done.err
        assert f"(model two_step, version {two_step.version})" in done.out
    strange = [attrs.evolve(one, rule="nobody_knows") for one in other]
    done = cli("funnel", write(tmp_path / "s.csv", strange))
    assert done.code == 2
    assert "is the history of none of the shipped models" in done.err
    assert "say --model and the file of the one that wrote it" in done.err


def test_the_numbers_come_on_the_picture(cli: Cli, history: Path, tmp_path: Path) -> None:
    done = cli("funnel", history, "--out", "new/funnel.svg", "--show", "people")
    assert done.code == 0
    picture = (tmp_path / "new/funnel.svg").read_text()
    assert "open visits counted" in picture
    assert "34 d" in picture or "7.0 d" in picture
    cli("funnel", history, "--out", "repeat.dot", "--journeys", "repeat", "--show", "people")
    assert "the funnel, repeat journeys" in (tmp_path / "repeat.dot").read_text()


def test_an_empty_history_is_no_error(cli: Cli, tmp_path: Path) -> None:
    done = cli("funnel", write(tmp_path / "h.csv", []), "--every", "day")
    assert done.code == 0
    assert "note: the history is empty" in done.out


def test_of_one_run_the_command_tells_what_the_run_does(cli: Cli, tmp_path: Path) -> None:
    cli("demo", "--people", 60, "--no-pictures", "--out", "demo")
    summary = json.loads((tmp_path / "demo/summary.json").read_text())
    for name in ("demo/history.csv", "demo/history.parquet"):
        found = json.loads(cli("funnel", name, "--json").out)
        people = {one["stage"]: one["people"] for one in found["measures"]["people"]["rows"]}
        assert people == {one["stage"]: one["people"] for one in summary["stages"]}
        flows = found["measures"]["flows"]["rows"]
        entered = {one["stage"]: one["entered"] for one in flows if one["stage"]}
        assert entered == {one["stage"]: one["entered"] for one in summary["stages"]}
        whole = {
            (one["from"], one["to"], one["reading"]): (one["journeys"], one["reached"])
            for one in summary["conversion"]
        }
        mine = {
            (one["source"], one["target"], one["reading"]): (one["journeys"], one["reached"])
            for one in found["measures"]["conversion"]["rows"]
        }
        assert whole.items() <= mine.items()


def test_without_the_table_of_deadlines_it_says_how_to_get_it(cli: Cli, history: Path) -> None:
    beside = history.with_name("deadlines.csv")
    moved = beside.rename(beside.with_name("elsewhere.csv"))
    done = cli("funnel", history)
    assert done.code == 0
    assert "note: kept and missed deadlines are read from the table `deadlines`" in done.out
    assert "agreements (SLA)" not in done.out
    done = cli("funnel", history, "--show", "sla")
    assert (done.code, done.out) == (2, "")
    assert "run the files again, or say where it is (--deadlines FILE" in done.err
    done = cli("funnel", history, "--show", "sla", "--deadlines", moved)
    assert "agreements (SLA)" in done.out
    history.with_name("deadlines.csv").write_text("person,rule\np,x\n")
    done = cli("funnel", history)
    assert done.code == 2
    assert "is no table of deadlines: it has no column 'stage', " in done.err


def test_a_list_of_people_says_who_they_are_and_who_has_to_act(cli: Cli, history: Path) -> None:
    machine = LifecycleMachine(MODEL)
    people = [
        machine.person(
            "m2", first_name="Ann", last_name="Lee", company="Acme", email="a@acme.example",
            owner="dee", assigned_to="eve",
        ),
        machine.person("r1", last_name="\x1b[31mRed"),
    ]  # fmt: skip
    table = TableWriter(people_columns(MODEL.field_types))
    for one in people:
        one._stage = "mql"
        table.add(one)
    table.save(history.with_name("people.parquet"))
    done = cli("funnel", history, "--show", "ready", "--show", "overdue")
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert "person name company email stage since for owner assigned to" in lines
    assert "m2 Ann Lee Acme a@acme.example MQL 2024-01-09 42 d dee eve" in lines
    assert "r1 [31mRed MQL 2024-02-20 0 s" in lines
    assert "m2 Ann Lee Acme a@acme.example mql_answered MQL 2024-01-10 dee eve" in lines
    # On another day it was as it was then: who they are stays.
    done = cli("funnel", history, "--show", "ready", "--show", "overdue", "--to", "2024-02-01")
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert "m2 Ann Lee Acme a@acme.example MQL 2024-01-09 23 d ann" in lines
    assert "m2 Ann Lee Acme a@acme.example mql_answered MQL 2024-01-10 ann cem" in lines
    (ready, _) = json.loads(cli("funnel", history, "--json").out)["measures"]["ready"]["rows"]
    assert (ready["name"], ready["email"], ready["assigned_to"]) == (
        "Ann Lee", "a@acme.example", "eve",
    )  # fmt: skip


def test_a_list_that_is_cut_says_what_shows_all(cli: Cli, tmp_path: Path) -> None:
    rows = [
        one for n in range(12)
        for one in walk(f"p{n:02}", ("processing", 0, MARKETING), ("mql", n))
    ]  # fmt: skip
    done = cli("funnel", write(tmp_path / "h.csv", rows), "--show", "ready")
    assert "p09" in done.out
    assert "p10" not in done.out
    assert "… and 2 more: --out funnel.xlsx has all" in done.out


def test_the_run_remembers_until_when_it_watched(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("id,created_at\np,2024-01-01T00:00:00Z\n")
    cli("run", "two_step", "--people", "p.csv", "--until", "2024-06-01", "--out", "out",
        "--no-pictures")  # fmt: skip
    asked = ("--show", "people")
    assert "known until 2024-06-01 (" in cli("funnel", "out/history.csv", *asked).out
    done = cli("funnel", "out/history.csv", *asked, "--until", "2024-07-01")
    assert "known until 2024-07-01 (" in done.out
    alone = tmp_path / "alone.csv"
    alone.write_bytes((tmp_path / "out/history.csv").read_bytes())
    assert "known until 2024-01-01" in cli("funnel", "alone.csv", *asked).out
    # A file of that name that is none of ours says nothing.
    for text in ("{", "[]", '{"until": "soon"}', "{}"):
        (tmp_path / "summary.json").write_text(text)
        assert "known until 2024-01-01" in cli("funnel", "alone.csv", *asked).out
    for what in ("sheet", "draw"):
        done = cli(what, "two_step", "--history", "out/history.csv", "--out", f"{what}.md"
                   if what == "sheet" else "d.dot")  # fmt: skip
        assert done.code == 0, done.err
    assert "to 2024-06-01 00:00 (UTC)" in (tmp_path / "sheet.md").read_text()


def test_the_help_has_examples(cli: Cli) -> None:
    done = cli("funnel", "--help")
    assert done.code == 0
    assert "lifecycle-fsm funnel out/history.parquet" in done.out
    assert "docs/understand/formulas.md" in done.out
    assert " funnel " in cli("--help").out


def test_without_scipy_it_says_what_to_install(history: Path) -> None:
    code = (
        "import sys; sys.modules['scipy'] = None\n"
        f"sys.argv = ['x', 'funnel', {str(history)!r}, *sys.argv[1:]]\n"
        "from lifecycle_fsm.cli import main; main()"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    done = run()
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'lifecycle-fsm[measures]'" in done.stderr
    done = run("--show", "people", "--show", "flows", "--show", "conversion")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30d", 30), ("30", 30), ("2 weeks", 14), ("12h", 0.5), ("1.5 days", 1.5), ("720 min", 0.5)],
)
def test_lengths_of_time(text: str, expected: float) -> None:
    assert read_length("--x", text) == days(expected)


@pytest.mark.parametrize("text", ["", "d", "3m", "3x", "-3d", "9999999999d"])
def test_what_is_no_length_of_time(text: str) -> None:
    with pytest.raises(LifecycleError, match="is no length of time"):
        read_length("--x", text)


@pytest.mark.parametrize("width", [40, 80])
def test_a_text_has_the_width_of_its_terminal(width: int) -> None:
    report = measure(ROWS, MODEL, measures=["flows"])
    text = as_text(report, MODEL, width=200)
    assert text == as_text(report, MODEL)
    narrow = as_text(report, MODEL, width=width)
    assert max(map(len, narrow.splitlines())) <= width
    whole = iter(text.splitlines())
    for line in narrow.splitlines():
        if line.startswith(" "):
            row = next(row for row in whole if row.startswith(line.removesuffix("…")))
            assert line == row or line.endswith("…")
    assert ("note: some lines are wider" in narrow) == (max(map(len, text.splitlines())) > width)
    words = " ".join(" ".join(narrow.splitlines()).split())
    assert " ".join(text.splitlines()[0].split()) in words
