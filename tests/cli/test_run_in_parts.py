"""Files of any size run in parts and in processes, and give what one piece gives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from lifecycle_fsm import model
from lifecycle_fsm.cli import run_outcome
from lifecycle_fsm.demo import company
from lifecycle_fsm.errors import FileProblem, LifecycleError
from lifecycle_fsm.parts import file_run
from lifecycle_fsm.parts.file_run import MB, FileRun, run_files
from lifecycle_fsm.parts.part_run import TABLES
from lifecycle_fsm.tables import Reject
from tests.cli.commands import ROOT, Cli

WATERFALL = model.load("waterfall")
LINUX = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """People and activities of a made-up company, with rows that cannot be used."""
    folder = tmp_path_factory.mktemp("company") / "input"
    company.write(company.invent(150, 3).with_processing(WATERFALL), folder)
    activities = folder / company.ACTIVITIES
    lines = activities.read_text("utf-8").splitlines()
    for place in range(100, 2_000, 333):
        lines.insert(place, f"x{place},p00001,no_such_kind,2024-05-01T00:00:00Z")
    lines.append(lines[1].replace("2024-", "2025-", 1))  # the id of another activity
    activities.write_text("\n".join(lines) + "\n", "utf-8")
    return {role: str(folder / name) for role, name in company.INPUTS.items()}


def run(
    files: dict[str, str], folder: Path, **how: Any
) -> tuple[FileRun, dict[str, pl.DataFrame], list[Reject]]:
    folder.mkdir()
    rejects: list[Reject] = []
    with run_files(
        WATERFALL, [*files.items()], folder, reject=rejects.append,
        progress=lambda what, done: None, **how,
    ) as done:  # fmt: skip
        return done, {name: pl.concat(done.table(name)) for name in TABLES}, rejects


@pytest.mark.parametrize("how", [{"parts": 7}, {"parts": 64}, {"parts": 4, "workers": 2}])
def test_parts_and_processes_change_nothing(
    files: dict[str, str], tmp_path: Path, how: dict[str, int]
) -> None:
    whole, whole_tables, whole_rejects = run(files, tmp_path / "whole", parts=1)
    parts, tables, rejects = run(files, tmp_path / "parts", **how)
    assert rejects == whole_rejects
    assert len(rejects) == 6
    assert {reject.line for reject in rejects} == set(range(101, 2_001, 333))
    assert parts.end == whole.end
    assert parts.result.results == whole.result.results
    assert {each.place for each in parts.result.refused} == {
        each.place for each in whole.result.refused
    }
    for name in TABLES:
        if name != "owners":
            assert_frame_equal(tables[name], whole_tables[name])


def written(files: dict[str, str], folder: Path, **how: Any) -> dict[str, bytes]:
    """The files that a run writes its tables to."""
    folder.mkdir()
    paths = {name: [folder / f"{name}.csv", folder / f"{name}.parquet"] for name in TABLES}
    (folder / "scratch").mkdir()
    with run_files(
        WATERFALL, [*files.items()], folder / "scratch", reject=lambda _: None,
        progress=lambda what, done: None, **how,
    ) as done:  # fmt: skip
        assert set(done.write(paths, WATERFALL)) == set(TABLES)
    return {path.name: path.read_bytes() for both in paths.values() for path in both}


def test_processes_write_the_same_files(files: dict[str, str], tmp_path: Path) -> None:
    whole = written(files, tmp_path / "whole", parts=1)
    parts = written(files, tmp_path / "parts", parts=4, workers=2)
    for name, content in whole.items():
        assert content == parts[name] or name.startswith("owners"), name


@LINUX
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_is_told_whoever_writes(
    files: dict[str, str], tmp_path: Path, suffix: str, workers: int
) -> None:
    paths = [tmp_path / "history.csv", tmp_path / "history.parquet"]
    full = tmp_path / f"history{suffix}"
    full.symlink_to("/dev/full")
    (tmp_path / "scratch").mkdir()
    with (
        pytest.raises(FileProblem, match=f"history{suffix} cannot be written: .*No space"),
        run_files(
            WATERFALL, [*files.items()], tmp_path / "scratch", reject=lambda _: None, parts=2,
            workers=workers, progress=lambda what, done: None,
        ) as done,
    ):  # fmt: skip
        list(done.write({"history": paths}, WATERFALL))


@pytest.mark.parametrize("kind", ["csv", "several lines", "jsonl"])
def test_blocks_of_files_give_what_a_file_gives(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    table = pl.read_csv(files["activities"], infer_schema=False)
    if kind == "jsonl":
        path = tmp_path / "activities.jsonl"
        rows = (dict(row) for row in table.iter_rows(named=True))
        objects = (json.dumps({k: v for k, v in row.items() if v is not None}) for row in rows)
        path.write_text("".join(f"{line}\n" for line in objects), "utf-8")
    else:
        path = tmp_path / "activities.csv"
        text = Path(files["activities"]).read_text("utf-8")
        lines = text.splitlines(keepends=True)
        page = lines[0].rstrip().split(",").index("page")
        for place in range(50, len(lines), 7):
            cells = lines[place].rstrip("\n").split(",")
            if '"' not in lines[place] and len(cells) > page and cells[page]:
                end = "a line\n" * 300 if kind == "several lines" and place > 900 else " "
                cells[page] = f'"{cells[page]},{end}""x"""'
                lines[place] = ",".join(cells) + "\n"
        lines.insert(30, "," * (len(table.columns) - 1) + "\n")
        path.write_text("".join(lines), "utf-8")
    inputs = {"people": files["people"], "activities": str(path)}
    whole, whole_tables, whole_rejects = run(inputs, tmp_path / "whole", parts=1)
    monkeypatch.setattr(file_run, "_SMALL", 0)
    monkeypatch.setattr(file_run, "_BLOCK", 20_000)
    blocks, tables, rejects = run(inputs, tmp_path / "blocks", parts=4, workers=2)
    assert rejects == whole_rejects
    assert rejects
    assert blocks.reports == whole.reports
    for name in TABLES:
        if name != "owners":
            assert_frame_equal(tables[name], whole_tables[name])


def test_memory_decides_how_many_parts_there_are() -> None:
    assert file_run._affordable(8, 700 * MB) == 2
    assert file_run._affordable(8, 100 * MB) == 1
    assert file_run._affordable(8, 20_000 * MB) == 8
    assert file_run._parts_for(5_000_000, 2, 700 * MB, 256) == 128
    assert file_run._parts_for(5_000_000, 2, 30_000 * MB, 256) == 2
    assert file_run._parts_for(1_000, 1, 700 * MB, 256) == 1
    with pytest.raises(LifecycleError, match=r"100 MB of memory are too little .* at least 171 MB"):
        file_run._parts_for(1_000, 1, 100 * MB, 256)


def test_a_size_is_a_number_and_a_unit(cli: Cli, files: dict[str, str]) -> None:
    done = cli("run", "waterfall", "--people", files["people"], "--memory", "lots")
    assert (done.code, done.out) == (2, "")
    assert "'lots' is no size: write it as 700MB or 2GB" in done.err
    done = cli("run", "waterfall", "--people", files["people"], "--memory", "1MB")
    assert done.code == 2
    assert "too little" in done.err
    assert cli("run", "waterfall", "--people", files["people"], "--memory", "0.5g").code == 0


def test_large_tables_are_csv_only_if_that_is_asked_for(
    cli: Cli,
    files: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_outcome, "MOST_CSV_ROWS", 200)
    command = ("run", "waterfall", "--people", files["people"], "--out", "out", "--no-pictures")
    done = cli(*command)
    assert "note: history, decisions, requests have more than 200 rows" in done.err
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"people.csv", "history.parquet", "decisions.parquet"} <= names
    assert not {"history.csv", "decisions.csv", "requests.csv"} & names
    done = cli(*command, "--csv")
    assert done.err == ""
    assert (tmp_path / "out/history.csv").exists()
    cli(*command, "--no-csv")
    assert not (tmp_path / "out/people.csv").exists()


_PARTS = """
import sys
from lifecycle_fsm.cli import main
from lifecycle_fsm.parts import file_run

file_run._FEW = file_run._SMALL = 0
file_run._PROCESS, file_run._ACTIVITY = 0, 20_000  # so that there are many parts

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def in_parts(files: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run in many parts and two processes, as soon as they have started."""
    script = tmp_path / "in_parts.py"
    script.write_text(_PARTS)
    process = subprocess.Popen(
        [
            sys.executable, str(script), "run", "waterfall", "--people", files["people"],
            "--activities", files["activities"], "--out", "out", "--workers", "2", "--memory",
            "1MB", "--no-pictures",
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def command_of(process: str) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:  # it has ended
        return b""


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """The processes that run parts, as soon as there are two."""
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        workers = [int(child) for child in children if b"spawn_main" in command_of(child)]
        if len(workers) == 2:
            return workers
        time.sleep(0.01)
    raise AssertionError(process.communicate())


@LINUX
def test_a_killed_process_is_told_and_leaves_nothing(
    in_parts: subprocess.Popen[str], tmp_path: Path
) -> None:
    os.kill(workers_of(in_parts)[0], signal.SIGKILL)
    out, err = in_parts.communicate(timeout=60)
    assert (in_parts.returncode, out) == (2, "")
    assert err.startswith("error: a process that read or ran a part has ended unexpectedly")
    assert "Traceback" not in err
    assert {path.name for path in tmp_path.iterdir()} == {"in_parts.py"}


@LINUX
def test_processes_end_with_the_run(in_parts: subprocess.Popen[str]) -> None:
    workers = workers_of(in_parts)
    in_parts.kill()
    in_parts.communicate(timeout=60)  # they hold its streams open as long as they run
    assert all(b"spawn_main" not in command_of(str(worker)) for worker in workers)


@LINUX
@pytest.mark.parametrize("everybody", [True, False])
def test_a_stopped_run_leaves_nothing(
    in_parts: subprocess.Popen[str], tmp_path: Path, everybody: bool
) -> None:
    workers_of(in_parts)
    if everybody:  # as Ctrl-C does
        os.killpg(in_parts.pid, signal.SIGINT)
    else:
        os.kill(in_parts.pid, signal.SIGINT)
    out, err = in_parts.communicate(timeout=60)
    assert (in_parts.returncode, out, err) == (130, "", "stopped\n")
    assert {path.name for path in tmp_path.iterdir()} == {"in_parts.py"}
