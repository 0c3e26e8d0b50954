"""No text of a model or of a file steers the terminal."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.commands import Cli, Done

TITLE = "Acme \x1b]0;owned\x07\x9b31m\u202eemca"
MODEL = rf"""
name = "ac\u001b[2Jme"
title = {json.dumps(TITLE)}
[[stages]]
name = "new"
label = "\u001b[1A"
[[stages]]
name = "lead"
title = "Le\u001bad"
description = "\u001b[5m"
[[stages]]
name = "customer"
[[sort]]
name = "all"
when = "otherwise"
to = "lead"
label = "every\u001bbody"
[[moves]]
name = "buys"
label = "bu\u001bys"
from = "lead"
to = "customer"
on = "asked"
when = "won_opportunities >= 1"
"""


def harmless(done: Done) -> bool:
    return not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", done.out + done.err)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "acme.toml").write_text(MODEL, "utf-8")
    (tmp_path / "people.csv").write_text("id,created_at\na\x1b[2Jb,2024-05-01\nbad\x1b,x\n")
    (tmp_path / "asked.csv").write_text("person,kind,at\nzz\x1b,asked,2024-05-02\n")
    return ("acme.toml", "--people", "people.csv", "--activities", "asked.csv")


@pytest.mark.parametrize(
    "command",
    [
        ["check"],
        ["cases"],
        ["types"],
        ["diff", "waterfall"],
        ["draw", "--out", "model.svg"],
        ["sheet", "--out", "sheet.md"],
        ["draw", "--out", "no\x1b[2J/such/../folder.txt"],
    ],
)
def test_what_is_said_of_a_model(cli: Cli, files: tuple[str, ...], command: list[str]) -> None:
    assert harmless(cli(command[0], "acme.toml", *command[1:]))


def test_what_is_said_of_people(cli: Cli, files: tuple[str, ...], tmp_path: Path) -> None:
    ran = cli("run", *files, "--out", "out")
    assert harmless(ran)
    assert r"Acme \u001b]0;owned\u0007\u009b31m\u202eemca" in ran.out
    assert harmless(cli("funnel", "out/history.csv", "--model", "acme.toml"))
    assert harmless(cli("explain", files[0], "a\x1b[2Jb", *files[1:]))
    assert harmless(cli("explain", files[0], "nobody\x1b", *files[1:]))


def test_json_says_the_same_without_the_letters(cli: Cli, files: tuple[str, ...]) -> None:
    ran = cli("run", *files, "--json")
    assert harmless(ran)
    assert json.loads(ran.out)["model"]["name"] == "ac\x1b[2Jme"


def test_what_is_wrong_with_a_model(cli: Cli, tmp_path: Path) -> None:
    text = MODEL.replace('to = "customer"', r'to = "custo\u001bmer"')
    (tmp_path / "wrong.toml").write_text(text, "utf-8")
    done = cli("check", "wrong.toml")
    assert done.code == 2
    assert harmless(done)
