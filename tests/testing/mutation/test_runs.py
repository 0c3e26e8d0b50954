"""``pytest --lifecycle-mutate`` in real runs: what is killed, what survives, what is told."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.testing.mutation.small import BUYS, MODEL

GIVES_UP = """
def test_gives_up():
    bench = Bench("small.toml")
    bench.assert_refused(bench.person_in("open"), "give_up")
    person = bench.person_in("open", unsubscribed=True, hand_raised=True)
    bench.assert_moves(person, "give_up", to="lost", by="gives_up")
    assert not person.hand_raised
    bench.assert_refused(bench.person_in("open", hand_raised=True), "give_up")
    quiet = bench.person_in("open", unsubscribed=True)
    bench.assert_moves(quiet, "give_up", to="lost")
"""


@attrs.frozen
class Run:
    """What came of a run of pytest."""

    status: int
    text: str
    models: list[dict[str, Any]]

    @property
    def counts(self) -> dict[str, int]:
        found: dict[str, int] = self.models[0]["counts"]
        return found

    def fates(self, where: str) -> set[str]:
        """What became of the mutants of a rule."""
        return {one["fate"] for one in self.models[0]["mutants"] if one["where"] == where}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "small.toml").write_text(MODEL, "utf-8")
    return tmp_path


def command(*options: str) -> list[str]:
    start = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    return [*start, "--lifecycle-mutate", "--lifecycle-mutate-jobs", "2", *options]


def run(folder: Path, tests: str, *options: str) -> Run:
    (folder / "test_it.py").write_text(textwrap.dedent(tests), "utf-8")
    told = folder / "mutants.json"
    told.unlink(missing_ok=True)
    done = subprocess.run(
        command("--lifecycle-mutate-report", f"json:{told}", *options),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "100"},
    )
    models = json.loads(told.read_text("utf-8")) if told.exists() else []
    return Run(done.returncode, done.stdout + done.stderr, models)


@pytest.fixture(params=["forks", "here"])
def jobs(request: pytest.FixtureRequest) -> str:
    return {"forks": "2", "here": "0"}[request.param]


def test_all_are_killed_but_the_one_that_is_proved_equivalent(folder: Path, jobs: str) -> None:
    done = run(
        folder,
        BUYS + GIVES_UP,
        *("--lifecycle-mutate-jobs", jobs, "--lifecycle-mutate-fail-under", "100"),
    )
    assert done.status == 0, done.text
    assert set(done.counts) == {"killed", "equivalent"}, done.text
    assert "score 100 %" in done.text
    assert "equivalent (proved)" in done.text
    (equivalent,) = [one for one in done.models[0]["mutants"] if one["fate"] == "equivalent"]
    assert (equivalent["before"], equivalent["after"]) == (
        "unsubscribed and (unsubscribed or hand_raised)",
        "unsubscribed",
    )


def test_a_survivor_is_told_with_its_line_and_the_missing_test_kills_it(folder: Path) -> None:
    weak = BUYS.replace("(9, False), (10, True), (11, True)", "(10, True)")
    first = run(folder, weak + GIVES_UP, "--lifecycle-mutate-fail-under", "100")
    assert first.status == 1, first.text
    assert "and less than 100 %" in first.text
    survived = [one for one in first.models[0]["mutants"] if one["fate"] == "survived"]
    assert survived
    line = MODEL.splitlines().index('when = "behavior_score >= $ready"') + 1
    assert f"small.toml:{line}" in first.text
    missing = [one["missing_test"] for one in survived]
    assert all(re.sub(r"\s+", "", one) in re.sub(r"\s+", "", first.text) for one in missing)
    second = run(
        folder, "\n\n".join([weak + GIVES_UP, *missing]), "--lifecycle-mutate-fail-under", "100"
    )
    assert second.status == 0, second.text
    assert second.counts.get("survived", 0) == 0, second.text


def test_what_no_test_asks_is_told_and_only_tests_that_ask_are_run(folder: Path) -> None:
    done = run(folder, BUYS)
    assert done.status == 0, done.text
    assert done.fates("buys") == {"killed"}
    assert done.fates("gives_up") <= {"untouched", "equivalent"}
    assert "that no test touches" in done.text
    assert "No test asks it." in done.text
    by = {one["by"] for one in done.models[0]["mutants"] if one["where"] == "token ready"}
    assert all("test_buys" in one for one in by)


def test_a_test_that_runs_for_ever_with_a_mutant_is_stopped(folder: Path) -> None:
    tests = """
    from lifecycle_fsm.testing import Bench

    def test_patience():
        bench = Bench("small.toml")
        while bench.person_in("open", behavior_score=10).stage == "open":
            person = bench.person_in("open", behavior_score=10)
            bench.ask(person)
            if person.stage == "won":
                break
    """
    options = ("--lifecycle-mutate-timeout", "0.5", "--lifecycle-mutate-fail-under", "0")
    done = run(folder, tests, *options)
    assert done.status == 0, done.text
    endings = {
        one.get("ending") for one in done.models[0]["mutants"] if one["kind"] == "deleted move"
    }
    assert "timeout" in endings, done.text
    assert "ran for too long" in done.text


def test_a_test_that_does_not_pass_twice_kills_nobody(folder: Path, jobs: str) -> None:
    tests = """
    from lifecycle_fsm import Lifecycle

    LIFECYCLE = Lifecycle("small.toml")

    def test_once():
        before = len(LIFECYCLE)
        LIFECYCLE.admit("ann", at="2024-05-01", behavior_score=10)
        assert len(LIFECYCLE) == before + 1
    """
    done = run(folder, tests, "--lifecycle-mutate-jobs", jobs)
    assert done.counts.get("killed", 0) == 0, done.text
    assert "fails when it is run a second time" in done.text
    assert "test_it.py::test_once" in done.text


def test_what_a_shared_fixture_does_is_done_by_all_that_use_it(folder: Path) -> None:
    tests = """
    import functools
    import pytest
    from lifecycle_fsm.testing import Bench

    @functools.cache
    def bench():
        return Bench("small.toml")

    @pytest.fixture(scope="module")
    def bought():
        person = bench().person_in("open", behavior_score=10)
        bench().ask(person)
        return person

    def test_that_looks_at_nothing(bought):
        pass

    def test_that_looks(bought):
        assert bought.stage == "won"
    """
    done = run(folder, tests)
    deleted = [one for one in done.models[0]["mutants"] if one["kind"] == "deleted move"]
    (buys,) = [one for one in deleted if one["where"] == "buys"]
    assert (buys["fate"], buys["by"]) == ("killed", "test_it.py::test_that_looks"), done.text


def test_a_failing_test_and_a_generated_one_are_no_trouble(folder: Path) -> None:
    tests = (
        BUYS
        + GIVES_UP
        + """
from hypothesis import given, settings, strategies as st

@settings(deadline=None)
@given(score=st.integers(0, 100))
def test_generated(score):
    bench = Bench("small.toml")
    bench.ask(bench.person_in("open", behavior_score=score))

def test_red():
    bench = Bench("small.toml")
    bench.assert_stays(bench.person_in("open", behavior_score=10))
"""
    )
    done = run(folder, tests, "--lifecycle-mutate-fail-under", "100")
    assert done.status == 1, done.text
    assert "left out, because they fail with the model itself: 1" in done.text
    assert done.counts.get("survived", 0) == 0, done.text


def test_which_model(folder: Path) -> None:
    tests = (
        BUYS
        + """
def test_another():
    bench = Bench("two_step")
    bench.assert_stays(bench.person_in("contact"))
"""
    )
    both = run(folder, tests)
    assert {one["model"] for one in both.models} == {"small", "two_step"}
    one = run(folder, tests, "--lifecycle-mutate-model", "small")
    assert [one["model"] for one in one.models] == ["small"]
    (folder / "pytest.ini").write_text("[pytest]\nlifecycle_model = small.toml\n", "utf-8")
    assert [one["model"] for one in run(folder, tests).models] == ["small"]
    wrong = run(folder, tests, "--lifecycle-mutate-model", "smal.toml")
    assert wrong.status == 4, wrong.text
    assert "smal.toml" in wrong.text


def test_without_any_model_nothing_is_claimed(folder: Path) -> None:
    done = run(folder, "def test_nothing(): pass\n", "--lifecycle-mutate-fail-under", "0")
    assert done.status == 1, done.text
    assert "no mutant was tried" in done.text


def test_under_xdist_it_says_how_to_run_it(folder: Path) -> None:
    (folder / "test_it.py").write_text(BUYS, "utf-8")
    line = [sys.executable, "-m", "pytest", "--lifecycle-mutate", "-n", "2"]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "-n 0" in done.stdout + done.stderr


def test_an_interrupt_ends_it_with_what_is_known(folder: Path) -> None:
    slow = (
        BUYS
        + """
def test_slow():
    import os, pathlib, time
    bench = Bench("small.toml")
    bench.ask(bench.person_in("open", unsubscribed=True), "give_up")
    here = pathlib.Path("seen")
    if here.exists():
        pathlib.Path("again").touch()
        time.sleep(60)
    here.touch()
"""
    )
    (folder / "test_it.py").write_text(slow, "utf-8")
    told = folder / "mutants.json"
    process = subprocess.Popen(
        command("--lifecycle-mutate-report", f"json:{told}", "--lifecycle-mutate-timeout", "300"),
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    for _ in range(1200):
        if (folder / "again").exists():
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    text, _ = process.communicate()
    assert process.returncode == 2, text
    assert "interrupted: this is what is known by now" in text
    assert "not run: interrupted" in text
    counts = json.loads(told.read_text("utf-8"))[0]["counts"]
    assert counts["not_run"] > 0
    assert counts["killed"] > 0
