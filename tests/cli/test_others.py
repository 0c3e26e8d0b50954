from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from lifecycle_fsm import __version__, load, shipped
from lifecycle_fsm.document.plain_text import lined_up
from lifecycle_fsm.model import shipped_text, stub
from tests.cli.commands import ROOT, Cli, start

COMMANDS = ("run", "draw", "explain", "models", "types", "demo", "check", "diff")


# ---------------------------------------------------------------- help, use, ending


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_with_an_example(cli: Cli, command: str) -> None:
    done = cli(command, "--help")
    assert done.code == 0
    assert f"lifecycle-fsm {command} " in done.out.replace("\n", " ").split("Usage:")[1][30:]


def test_the_first_page_names_every_command_and_the_exit_codes(cli: Cli) -> None:
    done = cli("-h")
    for command in COMMANDS:
        assert f" {command} " in done.out
    assert "1 rows were rejected or faults were found" in done.out
    assert cli("--version").out == f"lifecycle-fsm {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [["run"], ["draw", "waterfall"], ["what"], ["run", "x", "--y"]]
)
def test_wrong_use_is_told_with_code_2(cli: Cli, arguments: list[str]) -> None:
    done = cli(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "Error" in done.err


def main_without(module: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    code = (
        f"import sys; sys.modules[{module!r}] = None; sys.argv = {['x', *arguments]!r}\n"
        "from lifecycle_fsm.cli import main; main()"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_its_extra_the_command_line_says_what_to_install(tmp_path: Path) -> None:
    done = main_without("typer", "models", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: the command line needs typer, which is not installed: "
        "pip install 'lifecycle-fsm[cli]'\n"
    )


def test_without_polars_a_run_says_what_to_install_before_it_begins(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("id,created_at\np,2024-01-01\n")
    command = ("run", "two_step", "--people", "people.csv")
    done = main_without("polars", *command, "--out", "out", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'lifecycle-fsm[tables]'" in done.stderr
    assert not (tmp_path / "out").exists()
    done = main_without("polars", *command, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'lifecycle-fsm[tables]'" in done.stderr


# Where it is stopped while a library runs code that it has just made up, Python 3.11 ends with the
# signal itself, whatever we say; a shell calls both 130.
@pytest.mark.parametrize(
    ("number", "codes"), [(signal.SIGINT, (130, -signal.SIGINT)), (signal.SIGTERM, (143,))]
)
def test_a_run_that_is_stopped_leaves_nothing_behind(
    tmp_path: Path, number: signal.Signals, codes: tuple[int, ...]
) -> None:
    process = start(
        "demo", "--people", 200_000, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    until = time.monotonic() + 60
    while not list(tmp_path.iterdir()) and time.monotonic() < until:
        time.sleep(0.05)
    assert list(tmp_path.iterdir()), "the run has not begun"
    time.sleep(0.3)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode in codes
    assert (out, "Traceback" in err) == ("", False)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_who_leaves_early_is_no_error(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        process = start("models", "waterfall", cwd=tmp_path, stdout=write, stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=60)
    finally:
        os.close(write)
    assert (process.returncode, err) == (141, "")


def test_a_progress_bar_is_shown_on_a_terminal_only(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("id,created_at\np,2024-01-01\n")
    command = ("run", "two_step", "--people", "people.csv")
    plain = start(*command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = plain.communicate(timeout=60)
    assert err == ""
    ours, theirs = pty.openpty()
    try:
        shown = start(*command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs)
        assert shown.communicate(timeout=60)[0] == out
        assert b"applying" in os.read(ours, 100_000)
    finally:
        os.close(ours)
        os.close(theirs)


# ---------------------------------------------------------------- draw


@pytest.fixture
def history(cli: Cli, tmp_path: Path) -> Path:
    (tmp_path / "people.csv").write_text("id,created_at\np1,2024-01-01\np2,2024-02-01\n")
    cli("run", "two_step", "--people", "people.csv", "--out", "out", "--no-pictures")
    return tmp_path / "out/history.csv"


@pytest.mark.parametrize(
    ("suffix", "begins"),
    [
        ("svg", b"<svg "),
        ("png", b"\x89PNG"),
        ("pdf", b"%PDF"),
        ("drawio", b"<mxfile>"),
        ("pptx", b"PK"),
        ("mmd", b"---\ntitle: "),
        ("dot", b"digraph {"),
        ("layout.dot", b"digraph two_step {"),
    ],
)
def test_a_model_is_drawn_in_every_form(
    cli: Cli, tmp_path: Path, suffix: str, begins: bytes
) -> None:
    done = cli("draw", "two_step", "--out", f"picture.{suffix}")
    assert (done.code, done.out, done.err) == (0, "", "")
    content = (tmp_path / f"picture.{suffix}").read_bytes()
    assert content.startswith(begins)
    assert len(content) > 300


def test_a_history_puts_its_counts_on_the_picture(cli: Cli, history: Path, tmp_path: Path) -> None:
    cli("draw", "two_step", "--history", history, "--out", "all.dot")
    cli("draw", "two_step", "--history", history, "--from", "2024-01-15", "--reading", "over",
        "--zone", "Europe/Berlin", "--out", "some.dot")  # fmt: skip
    all_, some = ((tmp_path / name).read_text() for name in ("all.dot", "some.dot"))
    assert "all history (UTC)" in all_
    assert "reading: through" in all_
    assert "since 2024-01-15" in some
    assert "(Europe/Berlin)" in some
    assert "reading: over" in some
    assert "2 new journeys" in all_
    assert "1 new journeys" in some


def test_one_person_and_original_processing_are_drawn(
    cli: Cli, history: Path, tmp_path: Path
) -> None:
    cli("draw", "two_step", "--history", history, "--person", "p2", "--out", "p.dot")
    assert "p2" in (tmp_path / "p.dot").read_text()
    assert cli("draw", "waterfall", "--processing", "--out", "c.layout.dot").code == 0
    assert "090" in (tmp_path / "c.layout.dot").read_text()


def test_a_part_is_drawn_and_what_changes(cli: Cli, history: Path, tmp_path: Path) -> None:
    def drawn(*arguments: object) -> str:
        done = cli("draw", *arguments, "--out", "x.layout.dot")
        assert (done.code, done.err) == (0, "")
        return (tmp_path / "x.layout.dot").read_text()

    assert "only SAL, with its moves" in drawn("waterfall", "--focus", "sal")
    (tmp_path / "new.toml").write_text(
        cli("models", "waterfall").out.replace("mql_threshold = 65", "mql_threshold = 50")
    )
    dot = drawn("new.toml", "--compare", "waterfall")
    assert "What changes" in dot
    assert "65 → 50" in dot
    both = ("two_step", "--history", history)
    for options in (
        ("--compare", "2024-01-15"),
        ("--from", "2024-01-15", "--compare-to", "2024-01-15"),
    ):
        dot = drawn(*both, *options, "--zone", "Europe/Berlin")
        assert "until 2024-01-15 (Europe/Berlin) → since 2024-01-15 (Europe/Berlin)" in dot
        assert "1 → 1 new journeys" in dot


def test_a_history_of_another_version_is_told(cli: Cli, history: Path) -> None:
    text = history.read_text().replace(load("two_step").version, "0123456789ab")
    history.write_text(text)
    done = cli("draw", "two_step", "--history", history, "--out", "f.dot")
    assert done.code == 0
    assert "note: this history was written by version 0123456789ab" in done.err


def test_a_theme_colours_pictures_and_sheets(cli: Cli, tmp_path: Path) -> None:
    theme, out = tmp_path / "theme.toml", tmp_path / "out.svg"
    theme.write_text('[systems]\ncrm = "#115e59"\n')
    assert cli("draw", "waterfall", "--theme", str(theme), "--out", str(out)).code == 0
    assert "#115e59" in out.read_text("utf-8")
    page = tmp_path / "out.html"
    assert cli("sheet", "waterfall", "--theme", str(theme), "--out", str(page)).code == 0
    assert "--own: #115e59" in page.read_text("utf-8")
    theme.write_text('ink = "#aaaaaa"\n')
    refused = cli("draw", "waterfall", "--theme", str(theme), "--out", str(out))
    assert refused.code == 2
    assert "theme, ink: #aaaaaa has a contrast of 2.32 on #ffffff" in refused.err


def test_missing_letters_are_told_on_stderr(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifecycle_fsm.diagram.missing_fonts._covered", lambda _: {0x20})
    model = tmp_path / "model.toml"
    model.write_text(shipped_text("two_step").replace('title = "', 'title = "商机 ', 1), "utf-8")
    done = cli("draw", str(model), "--out", str(tmp_path / "out.png"))
    assert done.code == 0
    assert done.err.startswith("warning: no font on this machine has the letters of CJK")
    assert cli("draw", str(model), "--out", str(tmp_path / "out.svg")).err == ""


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--out", "x.gif"], "names no form of this drawing"),
        (["--out", "x.svg", "--person", "p1"], "to use --person, give a --history"),
        (["--out", "x.svg", "--to", "2024-01-01"], "to use --to, give a --history"),
        (["--out", "x.svg", "--zone", "Mars"], "there is no time zone 'Mars'"),
        (["--out", "x.svg", "--history", "HISTORY", "--person", "p11"], "did you mean 'p1'?"),
        (
            ["--out", "x.svg", "--history", "HISTORY", "--processing"],
            "--processing draws the model alone: leave --history out",
        ),
        (["--out", "x.svg", "--processing", "--focus", "lead"], "leave --focus out"),
        (["--out", "x.svg", "--focus", "leed"], "did you mean 'lead'?"),
        (["--out", "x.svg", "--compare", "waterfal"], "waterfal"),
        (["--out", "x.svg", "--compare-from", "2024-01-01"], "to use --compare-from, give a"),
        (
            ["--out", "x.svg", "--history", "HISTORY", "--person", "p1", "--from", "2024-01-01"],
            "--person draws one path: leave --from out",
        ),
        (["--out", "x.svg", "--history", "HISTORY", "--compare", "waterfall"], "is no time"),
        (
            [
                "--out",
                "x.svg",
                "--history",
                "HISTORY",
                "--compare",
                "2024-01-15",
                "--to",
                "2024-01-01",
            ],
            "the window ends before it starts",
        ),
        (
            [
                "--out",
                "x.svg",
                "--history",
                "HISTORY",
                "--compare",
                "2024-01-15",
                "--compare-from",
                "2024-01-01",
            ],
            "two ways to say it: use one",
        ),
        (["--out", "x.svg", "--history", "people.csv"], "is no history"),
    ],
)
def test_what_cannot_be_drawn_is_one_message(
    cli: Cli, history: Path, tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    done = cli("draw", "two_step", *(one.replace("HISTORY", str(history)) for one in arguments))
    assert (done.code, done.out) == (2, "")
    assert complaint in done.err
    assert not (tmp_path / "x.svg").exists()


# ---------------------------------------------------------------- explain


@pytest.fixture
def story(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "people.csv").write_text(
        "id,created_at,source\np1,2024-01-01T00:00:00Z,web\np2,2024-03-01T00:00:00Z,web\n"
    )
    (tmp_path / "activities.csv").write_text(
        "id,person,kind,at,points,opportunity\n"
        "a1,p1,score_given,2024-01-02T00:00:00Z,31,\n"
        "a2,p1,give_up,2024-01-03T00:00:00Z,,\n"
        "a3,p1,give_up,2024-01-04T00:00:00Z,,\n"
        "a4,p3,give_up,2024-01-04T00:00:00Z,,\n"
    )
    return ("--people", "people.csv", "--activities", "activities.csv")


def test_a_person_is_explained_move_by_move(cli: Cli, story: tuple[str, ...]) -> None:
    done = cli("explain", "two_step", "p1", *story)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0].startswith("p1: Lost")
    assert "Points were given. Interest 0 → 31." in done.out
    assert "→ Lead by “interested”: interest 31 of 30." in done.out
    assert "Refused: from Lost nobody is moved by “give up”." in done.out
    assert "by “interested again” needs 30 more points of interest (0 of 30)." in done.out


def test_an_explanation_for_programs_has_every_value(cli: Cli, story: tuple[str, ...]) -> None:
    said = json.loads(cli("explain", "two_step", "p1", *story, "--json").out)
    assert (said["person"], said["stage"], said["journey"]) == ("p1", "lost", 1)
    assert [row["rule"] for row in said["history"]] == [
        "created", "everybody_else", "interested", "gave_up",
    ]  # fmt: skip
    assert said["history"][2]["because"] == {"kind": "score_given", "payload": {"points": 31}}
    assert [one["result"] for one in said["decisions"]][-1] == "no_such_move"
    assert {
        "trigger": None,
        "move": "interested_again",
        "to": "lead",
        "unmet": ["behavior score ≥ 30"],
        "seen": {"behavior_score": 0, "$lead_threshold": 30},
        "note": "",
    } in said["not_open"]
    assert said["stamps"][0]["stage"] == "new"


def test_an_explanation_is_as_of_the_end_of_all_files_or_of_the_time_asked_for(
    cli: Cli, story: tuple[str, ...]
) -> None:
    said = json.loads(cli("explain", "two_step", "p1", *story, "--at", "2024-01-02", "--json").out)
    assert (said["stage"], said["would_move"]) == ("lead", ["give_up"])
    assert (
        "“give up”: → Lost (Not this time) by “gave up” is open now."
        in cli("explain", "two_step", "p1", *story, "--at", "2024-01-02").out
    )


def test_time_goes_on_to_the_end_of_the_files_for_everybody(cli: Cli, tmp_path: Path) -> None:
    """What ``explain`` says of a person is what ``run`` says."""
    (tmp_path / "people.csv").write_text(
        "id,created_at\np1,2024-01-01T00:00:00Z\np2,2024-12-01T00:00:00Z\n"
    )
    (tmp_path / "activities.csv").write_text(
        "person,kind,at,form,reason\np1,form_filled,2024-01-02,Hand-Raise: Demo,\n"
        "p1,sales_rejected,2024-01-03,,no_time\n"
    )
    files = ("--people", "people.csv", "--activities", "activities.csv")
    cli("run", "waterfall", *files, "--out", "out", "--no-pictures")
    people = pl.read_csv(tmp_path / "out/people.csv", infer_schema=False)
    said = json.loads(cli("explain", "waterfall", "p1", *files, "--json").out)
    assert said["stage"] == people.row(by_predicate=pl.col("id") == "p1", named=True)["stage"]
    assert said["stage"] == "mal"


def test_the_path_of_an_explained_person_is_drawn(
    cli: Cli, story: tuple[str, ...], tmp_path: Path
) -> None:
    assert cli("explain", "two_step", "p1", *story, "--out", "p.svg").code == 0
    assert (tmp_path / "p.svg").read_text().startswith("<svg ")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["p9"], "nothing in these files is about 'p9'"),
        (["p3"], "'p3' was never created: nobody has created 'p3' yet"),
        (["p1", "--trigger", "giveup"], "no trigger 'giveup'; did you mean 'give_up'?"),
        (["p1", "--trigger", "give_up"], "give_up"),
    ],
)
def test_what_cannot_be_explained_is_one_message(
    cli: Cli, story: tuple[str, ...], arguments: list[str], complaint: str
) -> None:
    done = cli("explain", "two_step", *arguments, *story)
    assert (done.code, done.out) == (2, "")
    assert complaint in done.err


# ---------------------------------------------------------------- models, types


def test_the_shipped_models_are_listed_and_printed(cli: Cli) -> None:
    done = cli("models")
    assert [line.split()[0] for line in done.out.splitlines()] == list(shipped())
    said = json.loads(cli("models", "--json").out)
    assert {one["name"]: one["version"] for one in said} == {
        name: load(name).version for name in shipped()
    }
    assert cli("models", "two_step").out == shipped_text("two_step")
    assert json.loads(cli("models", "two_step", "--json").out)["toml"] == shipped_text("two_step")
    done = cli("models", "two_stp")
    assert (done.code, done.out) == (2, "")
    assert "did you mean 'two_step'?" in done.err


def test_a_printed_model_can_be_edited_and_run(cli: Cli, tmp_path: Path) -> None:
    text = cli("models", "two_step").out
    (tmp_path / "own.toml").write_text(text.replace("lead_threshold = 30", "lead_threshold = 5"))
    assert cli("draw", "own.toml", "--out", "own.svg").code == 0


def test_a_stub_is_printed_or_written(cli: Cli, tmp_path: Path) -> None:
    done = cli("types", "waterfall")
    assert (done.code, done.out, done.err) == (0, stub(load("waterfall")), "")
    assert cli("types", "waterfall", "--out", "own.pyi").out == ""
    assert (tmp_path / "own.pyi").read_text() == done.out
    assert cli("types", "waterfall", "--out", "none/own.pyi").code == 2


# ---------------------------------------------------------------- demo


def test_the_demo_can_be_run_again_from_its_own_input(cli: Cli, tmp_path: Path) -> None:
    done = cli("demo", "--people", 200)
    assert (done.code, done.err) == (0, "")
    assert "200 people" in done.out
    source = "lifecycle-demo/input"
    again = cli("run", f"{source}/lifecycle.toml", "--people", f"{source}/people.csv",
                "--activities", f"{source}/activities.csv", "--out", "again")  # fmt: skip
    assert (again.code, again.err) == (0, "")
    tables = [one.name for one in (tmp_path / "again").glob("*.csv")]
    assert {"people.csv", "history.csv", "decisions.csv", "requests.csv"} <= set(tables)
    for name in (*tables, "history.parquet", "funnel.svg", "funnel.png"):
        one, two = (tmp_path / folder / name for folder in ("lifecycle-demo", "again"))
        assert one.read_bytes() == two.read_bytes(), name


def test_a_seed_makes_one_company(cli: Cli, tmp_path: Path) -> None:
    said = [
        cli("demo", "--people", 50, "--seed", seed, "--out", "x", "--no-pictures", "--json").out
        for seed in (3, 3, 4)
    ]
    assert said[0] == said[1] != said[2]


def test_the_company_visits_every_stage_and_every_part_of_the_model(cli: Cli) -> None:
    said = json.loads(cli("demo", "--people", 400, "--no-pictures", "--json").out)
    assert all(one["entered"] for one in said["stages"])
    assert said["rejected"] == 0
    assert said["held"] == said["parked"] == {}
    assert said["decisions"]["duplicate"] > 0


# ---------------------------------------------------------------- small parts


def test_columns_of_text_are_lined_up() -> None:
    assert lined_up([("a", "1"), ("bcd", "200")], right=(1,)) == "  a      1\n  bcd  200"
    assert lined_up([("a", ""), ("bcd", "")], indent=0) == "a\nbcd"
    assert lined_up([]) == ""
