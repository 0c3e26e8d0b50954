"""``lifecycle-fsm run`` over a log of any size: time, memory, processes.

    python -m tests.benchmarks.bench_run [COPIES] [MEMORY] [PEOPLE]

The log is that of the demo's company of 5,000 people, copied so many times under other ids; 50
copies are 250,000 people and 5.2 million activities. It runs with one process and with two, in
turns with two floors: Polars, and DuckDB where it is installed, read the same file, sort it by time
and write it as Parquet. Memory is what all processes together take, pages that they share counted
once.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from lifecycle_fsm import model
from lifecycle_fsm.demo import company

_IDS = ("id", "person", "loser", "contact", "opportunity")
#: What reads a file, sorts it by time and writes another.
_FLOORS = {
    "polars": "import sys, polars as pl; pl.scan_csv(sys.argv[1], infer_schema=False).sort('at')"
    ".sink_parquet(sys.argv[2])",
    "duckdb": "import sys, duckdb; duckdb.read_csv(sys.argv[1], all_varchar=True).order('\"at\"')"
    ".write_parquet(sys.argv[2])",
}


def main() -> None:
    """Measure and print."""
    copies = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    memory = sys.argv[2] if len(sys.argv) > 2 else "700MB"
    people = int(sys.argv[3]) if len(sys.argv) > 3 else 5_000
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        count = write(folder, people, copies)
        print(f"{people * copies:,} people, {count:,} activities, --memory {memory}")
        print(f"{'':<12}{'wall s':>10}{'CPU s':>10}{'µs each':>10}{'peak MB':>10}")
        walls = {}
        activities = folder / "input" / company.ACTIVITIES
        if not find_spec("duckdb"):
            print("duckdb is left out: pip install duckdb")
        for workers in (1, 2):
            for library in filter(find_spec, _FLOORS):
                floor = [sys.executable, "-c", _FLOORS[library], str(activities)]
                show(library, *measured([*floor, str(folder / "sorted.parquet")]), count)
            command = [
                *(sys.executable, "-m", "lifecycle_fsm.cli", "run"),
                str(folder / "input" / company.MODEL),
                *("--people", str(folder / "input" / company.PEOPLE)),
                *("--activities", str(activities), "--out", str(folder / f"out-{workers}")),
                *("--workers", str(workers), "--memory", memory, "--no-pictures"),
            ]
            result = measured(command)
            walls[workers] = result[0]
            show(f"{workers} at once", *result, count)
        print(f"two processes take {walls[2] / walls[1]:.2f} of the time of one")


def show(name: str, wall: float, cpu: float, peak: float, count: int) -> None:
    """Print one line of the table."""
    print(f"{name:<12}{wall:>10.1f}{cpu:>10.1f}{cpu / count * 1e6:>10.1f}{peak / 1e6:>10.0f}")


def write(folder: Path, people: int, copies: int) -> int:
    """Write the files, and return how many activities they have."""
    company.write(
        company.invent(people, 1).with_processing(model.load("waterfall")), folder / "one"
    )
    (folder / "input").mkdir()
    text = company.with_table(model.shipped_text("waterfall"))
    (folder / "input" / company.MODEL).write_text(text, "utf-8")
    (folder / "one" / company.TABLE).rename(folder / "input" / company.TABLE)
    count = 0
    for name in (company.PEOPLE, company.ACTIVITIES):
        with (folder / "one" / name).open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        ids = [place for place, column in enumerate(header) if column in _IDS]
        email = header.index("email") if "email" in header else None
        with (folder / "input" / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            for copy in range(copies):
                for row in rows:
                    copied = list(row)
                    for place in ids:
                        copied[place] = copied[place] and f"{copy:03}-{copied[place]}"
                    if email is not None and copied[email]:
                        copied[email] = f"c{copy:03}.{copied[email]}"
                    writer.writerow(copied)
                    count += 1
    return count


def measured(command: list[str]) -> tuple[float, float, float]:
    """The seconds, the CPU seconds and the greatest memory in bytes of a command."""
    before, began = os.times(), time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(map(memory_of, tree(process.pid))))
        time.sleep(0.2)
    assert process.returncode == 0, command
    after = os.times()
    cpu = sum(after[2:4]) - sum(before[2:4])
    return time.monotonic() - began, cpu, peak


def tree(process: int) -> Iterator[int]:
    """A process and all that it has started."""
    yield process
    try:
        text = Path(f"/proc/{process}/task/{process}/children").read_text("utf-8")
    except OSError:
        return
    for child in text.split():
        yield from tree(int(child))


def memory_of(process: int) -> int:
    """The bytes of memory of a process, and its share of what several use."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text("utf-8")
    except OSError:
        return 0
    return next(
        (int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0
    )


if __name__ == "__main__":
    main()
