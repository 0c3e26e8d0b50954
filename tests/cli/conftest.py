from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import Cli, Done


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run a command in this process, in an empty folder."""
    from lifecycle_fsm.cli.app import app

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")

    def run(*arguments: object) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            app([str(one) for one in arguments], prog_name="lifecycle-fsm")
        said = capsys.readouterr()
        return Done(int(ended.value.code or 0), said.out, said.err)

    return run
