"""A folder that is new or empty, filled whole or not at all.

Other than the output of a run (:class:`~lifecycle_fsm.tables.OutputFolder`), what is written here
belongs to its owner from then on, and nothing ever replaces it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from lifecycle_fsm.errors import FileProblem
from lifecycle_fsm.files import hidden_name, made_folder, names_in, put_in_place, why, write_file

_SHOWN = 3


def fill_new_folder(name: str, files: Mapping[str, bytes]) -> None:
    """Write the files, by name, into a folder that is new or empty.

    They are written into a folder beside them first, so that a full disk or a key that is pressed
    leaves nothing behind.

    Raises:
        FileProblem: the folder has files already, or it cannot be written.
    """
    if not name:
        raise FileProblem("name the folder that is to be made; '.' is the one where you are")
    try:
        folder = Path(name).resolve()
        _check(name, folder)
        with made_folder(folder):
            _fill(folder, files)
    except (OSError, ValueError, RuntimeError) as error:
        raise FileProblem(f"{name} cannot be written: {why(error)}") from error


def _check(name: str, folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise FileProblem(f"{name} is a file: name a folder that is new or empty")
    present = sorted(names_in(folder))
    if present:
        more = len(present) - _SHOWN
        shown = ", ".join(present[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
        raise FileProblem(f"{name} has files already ({shown}): name a folder that is new or empty")


def _fill(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write beside, then move in: the folder itself stays, as somebody may stand in it."""
    beside = hidden_name(folder)
    try:
        beside.mkdir()
        for name, content in files.items():
            write_file(beside / name, content)
        put_in_place(beside, folder, files, old=beside)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
