"""The package logs for who embeds it, and is quiet for everybody else."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lifecycle_fsm import Context, Lifecycle, load, save, step


@step(number=25, reads="domain", writes="employees", on_failure="skip")
def company_size(person: Any, context: Context) -> dict[str, int]:
    raise TimeoutError("no answer")


def test_the_log_tells_what_was_read_and_written_and_where_a_step_failed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "lifecycle_fsm")
    model = load("two_step")
    save(model, tmp_path / "copy.toml")
    Lifecycle(model, steps=[company_size]).admit("ann", at="2024-05-01T09:00Z")
    assert [record.getMessage() for record in caplog.records] == [
        f"loaded: two_step.toml, the model two_step {model.version}",
        f"written: {tmp_path / 'copy.toml'}",
        "the step 025 company_size failed for 'ann'",
    ]
    assert {record.levelno for record in caplog.records} == {logging.DEBUG}
    assert "TimeoutError: no answer" in caplog.text


def test_it_is_quiet_unless_somebody_asks() -> None:
    program = (
        "import logging, lifecycle_fsm\n"
        "logging.getLogger('lifecycle_fsm.files').error('loud')\n"
        "print(logging.getLogger('lifecycle_fsm').handlers)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert (done.stderr, done.stdout.count("NullHandler")) == ("", 1)
