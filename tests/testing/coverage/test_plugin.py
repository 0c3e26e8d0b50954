"""``pytest --lifecycle-cov`` in real runs of pytest, alone and on two workers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SUITE = """
import pytest
from lifecycle_fsm import Lifecycle, Model, Move, SortRule, Stage, FieldDef, FieldType


def model(threshold=5, name="own", when=None):
    return Model(
        name=name,
        stages=(Stage("new"), Stage("a"), Stage("b")),
        fields=(FieldDef("level", FieldType("int")), FieldDef("ready", FieldType("bool"))),
        sort=(SortRule(name="all", target="a", when="otherwise"),),
        moves=(Move(name="up", sources="a", target="b", on="rise",
                    when=when or f"ready and level >= {threshold}"),),
    )


@pytest.mark.parametrize(("level", "ready"), [(5, True), (4, True), (5, False), (9, True)])
def test_rise(level, ready):
    lifecycle = Lifecycle(model())
    lifecycle.admit("p", at="2024-05-01", level=level, ready=ready)
    assert bool(lifecycle.apply("p", "rise", at="2024-05-02").moved) is (level >= 5 and ready)
"""
MORE = """
from test_suite import Lifecycle, model


def wise(person, now):
    return person.level == 1


def test_other_models():
    for one in (model(6), model(name="other"), model(name="wise", when=wise)):
        lifecycle = Lifecycle(one)
        lifecycle.admit("p", at="2024-05-01", level=1)
        lifecycle.apply("p", "rise", at="2024-05-02")
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "test_suite.py").write_text(SUITE)
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    return tmp_path


def run(folder: Path, *options: str) -> tuple[int, str]:
    """pytest on the suite: the exit status, and all that it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout


def report(folder: Path, name: str = "c.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / name).read_text("utf-8"))
    return found


def test_a_suite_reports_what_it_covers(suite: Path) -> None:
    status, told = run(suite, "--lifecycle-cov", "--lifecycle-cov-report=json:c.json")
    assert status == 0, told
    assert "lifecycle coverage" in told
    assert "own (version" in told
    found = report(suite)
    [model] = found["models"]
    assert found["percent"] == model["percent"] == 100
    assert model["missing"] == []
    by_name = {rule["name"]: rule for rule in model["rules"]}
    assert by_name["up"]["stages"][0] == {
        "from": "a",
        "to": "b",
        "trigger": "rise",
        "fired": 2,
        "tests": ["test_suite.py::test_rise[5-True]", "test_suite.py::test_rise[9-True]"],
    }
    assert [one["decided"] for one in by_name["up"]["conditions"]] == ["unique cause"] * 2
    assert model["askings"] == [{"stage": "a", "trigger": "rise", "refused": 2, "no_such_move": 0}]


def test_two_workers_see_what_one_process_sees(suite: Path) -> None:
    (suite / "test_more.py").write_text(MORE)
    status, told = run(suite, "--lifecycle-cov-report=json:alone.json")
    assert status == 0, told
    status, told = run(suite, "-n", "2", "--lifecycle-cov-report=json:both.json")
    assert status == 0, told
    alone, both = report(suite, "alone.json"), report(suite, "both.json")
    assert both == alone
    # A changed copy counts apart, and so do models of other names.
    assert [one["name"] for one in alone["models"]] == ["other", "own", "own", "wise"]
    assert "own, 2 versions" in told
    assert "all 4 models" in told
    assert "name the model under test" in told
    [wise] = [one for one in both["models"] if one["name"] == "wise"]
    # Its callable is local to the worker; here it has a name.
    [person] = {one["test"] for one in wise["missing"] if one["kind"] == "guards"}
    assert person == 'person_in("a"), asked for "rise", if wise answers False'


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--lifecycle-cov-fail-under=90"], 0),
        (["--lifecycle-cov-fail-under=100"], 1),
        (["--lifecycle-cov-fail-under=100", "-q"], 1),
        (["--lifecycle-cov-fail-under=100", "--no-summary"], 1),
        (["--lifecycle-cov-fail-under=100", "-p", "no:terminal"], 1),
        (["--lifecycle-cov-fail-under=100", "-n", "2", "-q", "--no-summary"], 1),
        (["--lifecycle-cov-fail-under=100", "--collect-only"], 0),
        (["--lifecycle-cov-fail-under=100", "-k", "nothing"], 5),
    ],
)
def test_the_exit_status(suite: Path, options: list[str], expected: int) -> None:
    if "100" in options[0]:
        (suite / "test_suite.py").write_text(SUITE.replace(", (5, False)", ""))
    status, told = run(suite, *options)
    assert status == expected, told


def test_what_is_too_little_is_said_and_a_failed_test_stays_one(suite: Path) -> None:
    text = SUITE.replace(", (5, False)", "")
    (suite / "test_suite.py").write_text(text + "\n\ndef test_wrong():\n    assert False\n")
    status, told = run(suite, "--lifecycle-cov-fail-under=100")
    assert status == 1
    assert "is covered: less than 100 %" in told
    assert "1 failed, 3 passed" in told
    assert '→ person_in("a", level=5), asked for "rise"' in told


def test_options_that_cannot_be_followed_say_what_to_do(suite: Path) -> None:
    status, told = run(suite, "--lifecycle-cov-report=htm:c.html")
    assert status == 4
    assert "did you mean 'html'?" in told
    status, told = run(suite, "--lifecycle-cov", "--lifecycle-cov-model=waterfal")
    assert status == 4
    assert "waterfall" in told
    assert "Traceback" not in told


def test_the_model_under_test_counts_alone_also_where_no_test_used_it(suite: Path) -> None:
    (suite / "pytest.ini").write_text("[pytest]\nlifecycle_model = two_step\n")
    status, told = run(suite, "--lifecycle-cov", "--lifecycle-cov-report=json:c.json")
    assert status == 0, told
    found = report(suite)
    assert [model["name"] for model in found["models"]] == ["two_step"]
    assert found["percent"] == 0
    assert "not under test, and not counted: own" in told


def test_page_and_pictures_are_written(suite: Path) -> None:
    status, told = run(
        suite, "--lifecycle-cov-report=html:out/c.html", "--lifecycle-cov-report=svg:pictures"
    )
    assert status == 0, told
    assert "<svg" in (suite / "out/c.html").read_text("utf-8")
    assert "what tests cover" in (suite / "pictures/own.svg").read_text("utf-8")


def test_a_name_steers_no_terminal_and_leads_to_no_other_folder(suite: Path) -> None:
    (suite / "test_suite.py").write_text(SUITE.replace('"own"', r'"../a\x1b[2J/b"'))
    status, told = run(suite, "--lifecycle-cov", "--lifecycle-cov-report=svg:out/pictures")
    assert status == 0, told
    assert r"../a\u001b[2J/b (version" in told
    assert "\x1b" not in told
    assert [one.name for one in suite.rglob("*.svg")] == ["a-2J-b.svg"]
    assert (suite / "out/pictures/a-2J-b.svg").exists()


def test_a_report_that_cannot_be_written_fails_the_run(suite: Path) -> None:
    (suite / "there").mkdir()
    status, told = run(suite, "--lifecycle-cov-report=json:there")
    assert status == 1
    assert "was not written" in told


def test_a_worker_that_crashes_is_named(suite: Path) -> None:
    crash = "\n\ndef test_crash():\n    import os\n    os._exit(3)\n"
    (suite / "test_suite.py").write_text(SUITE + crash)
    status, told = run(suite, "-n", "2", "--lifecycle-cov")
    assert status == 1
    assert "is lost: it ended before it could tell" in told


def test_a_suite_that_does_not_ask_for_it_loads_nothing_of_it(suite: Path) -> None:
    (suite / "test_suite.py").write_text(
        "import sys\n\n\ndef test_nothing_is_loaded():\n"
        "    assert 'lifecycle_fsm.testing.coverage.coverage_plugin' not in sys.modules\n"
        "    assert 'lifecycle_fsm.testing.recorder' not in sys.modules\n"
        "    assert 'lifecycle_fsm.model' not in sys.modules\n"
    )
    status, told = run(suite)
    assert status == 0, told
