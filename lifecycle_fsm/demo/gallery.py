"""The gallery of the shipped models: ``python -m lifecycle_fsm.demo.gallery``.

Writes each diagram as SVG, for draw.io, and as DOT and Mermaid text into ``diagrams/``. With
``--check`` it writes nothing, and fails if a text there differs from what it would write: it
compares texts, not pixels.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from lifecycle_fsm.demo.histories import END, START, history
from lifecycle_fsm.diagram.drawing import Drawing
from lifecycle_fsm.diagram.model_diagram import draw_funnel, draw_model
from lifecycle_fsm.diagram.person_path import draw_person
from lifecycle_fsm.diagram.processing_chain import draw_processing
from lifecycle_fsm.files import write_file
from lifecycle_fsm.funnel import count
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Model, load, shipped

PEOPLE = 12_000
_KEPT = (".svg", ".dot", ".mmd", ".drawio")
COMMAND = "python -m lifecycle_fsm.demo.gallery"


def gallery() -> Iterator[tuple[str, Drawing]]:
    """The diagrams by name, such as ``waterfall-funnel``."""
    for name in shipped():
        model = load(name)
        title = model.title or name
        rows = list(history(model, PEOPLE))
        counts = count(rows, model, window=(START, END))
        yield f"{name}-model", draw_model(model)
        yield f"{name}-funnel", draw_funnel(model, counts, title=f"{title}: made-up numbers")
        yield f"{name}-processing", draw_processing(model)
        yield f"{name}-person", draw_person(model, best_path(model, rows), name="a made-up person")


def best_path(model: Model, rows: Iterable[HistoryRow]) -> list[HistoryRow]:
    """The path with the most kinds of moves in at most two journeys; of several, a won one."""
    won = model.path[-1].name

    def worth(path: list[HistoryRow]) -> tuple[int, bool, int, int]:
        kinds = len({row.kind for row in path})
        by_hand = sum(row.trigger is not None for row in path)
        kinds = kinds if path[-1].journey <= 2 else 0
        return (kinds, path[-1].to_stage == won, by_hand, len(path))

    return max((list(path) for _, path in groupby(rows, key=lambda row: row.person)), key=worth)


def texts(name: str, drawing: Drawing) -> dict[str, str]:
    """The texts of a diagram, which ``--check`` compares, by file name."""
    return {
        f"{name}.dot": drawing.dot,
        f"{name}.layout.dot": drawing.layout,
        f"{name}.mmd": drawing.mermaid,
        f"{name}.drawio": drawing.drawio(),
    }


def stale(folder: Path) -> list[str]:
    """Describe how a folder differs from what would be written; empty if it is up to date."""
    drawn: dict[str, str | None] = {}
    for name, drawing in gallery():
        drawn |= {f"{name}.svg": None, **texts(name, drawing)}
    kept = {path.name for path in folder.glob("*") if path.suffix in _KEPT}
    faults = [f"{folder / file} is missing" for file in drawn if file not in kept]
    faults += [
        f"{folder / file} is not what the code draws"
        for file, text in drawn.items()
        if text is not None and file in kept and (folder / file).read_text("utf-8") != text
    ]
    return faults + [f"{folder / file} is drawn by nothing" for file in sorted(kept - set(drawn))]


def write(folder: Path) -> list[Path]:
    """Draw all diagrams into a folder; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, drawing in gallery():
        for file, text in texts(name, drawing).items():
            write_file(folder / file, text)
            files.append(folder / file)
        files.append(drawing.save(folder / f"{name}.svg"))
    return files


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog=COMMAND, description="Draw the gallery of shipped models."
    )
    parser.add_argument("--out", type=Path, default=Path("diagrams"), help="the folder")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail where it is stale"
    )
    options = parser.parse_args(arguments)
    if options.check:
        faults = stale(options.out)
        if faults:
            lines = "\n  ".join(["The gallery is stale:", *faults])
            sys.stderr.write(f"{lines}\nRun: {COMMAND}\n")
            return 1
        sys.stdout.write(f"{options.out} is up to date\n")
        return 0
    files = write(options.out)
    sys.stdout.write(f"{len(files)} files in {options.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
