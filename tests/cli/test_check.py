"""The commands that prove a model and compare two."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lifecycle_fsm.model import shipped, shipped_text
from tests.cli.commands import Cli

OVERLAP = """
[[moves]]
name = "shortcut"
from = "mal"
to = "mql"
when = "last_form is known and hand_raised"
"""


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.toml"
    path.write_text(shipped_text("waterfall") + OVERLAP, "utf-8")
    return path


@pytest.mark.parametrize("name", shipped())
def test_the_shipped_models_are_clean(cli: Cli, name: str) -> None:
    done = cli("check", name, "--strict")
    assert done.code == 0
    assert done.out.endswith("15 checks, nothing found\n")


def test_a_fault_is_told_with_its_line_and_a_person(cli: Cli, broken: Path) -> None:
    done = cli("check", str(broken))
    line = broken.read_text("utf-8").split("\n").index('name = "shortcut"') - 0
    assert done.code == 1
    assert f"{broken}:{line}: error: overlap" in done.out
    assert "for example somebody in mal: hand raised yes, last form other" in done.out
    assert 'person_in("mal", hand_raised=True, last_form="other")' in done.out
    assert "1 error" in done.out.splitlines()[-1]


def test_findings_as_json(cli: Cli, broken: Path) -> None:
    done = cli("check", str(broken), "--json")
    told = json.loads(done.out)
    assert done.code == 1
    assert told["model"] == "waterfall"
    (one,) = told["findings"]
    assert (one["check"], one["fault"], one["stage"]) == ("overlapping_moves", "overlap", "mal")
    assert one["person"] == {"hand_raised": True, "last_form": "other"}
    assert one["line"] > 700


def test_what_is_not_decided_is_never_fine(cli: Cli) -> None:
    done = cli("check", "waterfall", "--budget", "1", "--strict")
    assert done.code == 1
    assert "not decided" in done.out


def test_warnings_alone_pass_unless_asked_to_be_strict(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "unused.toml"
    text = shipped_text("waterfall").replace("mql_threshold = 65", "mql_threshold = 65\nspare = 3")
    path.write_text(text, "utf-8")
    assert cli("check", str(path)).code == 0
    done = cli("check", str(path), "--strict")
    assert done.code == 1
    assert "warning: unused" in done.out


def test_a_model_that_does_not_build_is_no_model_to_prove(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "no.toml"
    path.write_text('name = "no"', "utf-8")
    assert cli("check", str(path)).code == 2
    assert cli("check", "waterfal").code == 2


def test_two_models_are_compared_by_meaning(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    text = shipped_text("waterfall").replace("mql_threshold = 65", "mql_threshold = 50")
    path.write_text(text, "utf-8")
    done = cli("diff", "waterfall", str(path))
    assert done.code == 1
    assert "guard of move qualified_by_score: looser" in done.out
    assert "now also: behavior score 50, demographic score 20" in done.out
    told = json.loads(cli("diff", "waterfall", str(path), "--json").out)
    assert told["differences"][0]["part"] == "token"
    assert told["old"]["version"] != told["new"]["version"]


def test_the_same_model_is_no_difference(cli: Cli) -> None:
    done = cli("diff", "waterfall", "waterfall")
    assert done.code == 0
    assert "0 differences of meaning" in done.out
