"""What the demo says to try can be tried."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.commands import Cli


def test_what_the_demo_says_to_try_can_be_tried(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = cli("demo", "--people", 120)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("120 people at a made-up company, ")
    assert re.search(r"MQL +Marketing Qualified Lead .* \d+ of 100 become SAL", done.out)
    assert "open lifecycle-demo/funnel.svg" in done.out
    tries = re.findall(r"^  lifecycle-fsm (.*)$", done.out, re.MULTILINE)
    assert {one.split()[0] for one in tries} == {"explain", "funnel", "sheet", "run"}
    (there,) = re.findall(r"^  cd (.*)$", done.out, re.MULTILINE)
    monkeypatch.chdir(tmp_path / there)
    for command in tries:
        assert cli(*command.split()).code == 0, command
    assert (tmp_path / "what-if" / "funnel.svg").is_file()
    assert (tmp_path / "lifecycle-demo" / "sheet.html").is_file()
