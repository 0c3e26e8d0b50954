"""A folder that is new or empty, filled whole or not at all.

Other than the output of a run (:class:`~lifecycle_fsm.tables.OutputFolder`), what is written here
belongs to its owner from then on, and nothing ever replaces it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from lifecycle_fsm.errors import FileProblem
from lifecycle_fsm.files import made_folder, why, write_file

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
    present = sorted(one.name for one in folder.iterdir())
    if present:
        more = len(present) - _SHOWN
        shown = ", ".join(present[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
        raise FileProblem(f"{name} has files already ({shown}): name a folder that is new or empty")


def _fill(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write beside, then move one by one: the folder itself stays, as somebody may stand in it."""
    beside = Path(tempfile.mkdtemp(prefix=".new.", dir=folder))
    moved: list[Path] = []
    try:
        for name, content in files.items():
            write_file(beside / name, content)
        for name in files:
            _move(beside / name, folder / name)
            moved.append(folder / name)
    except BaseException:
        for one in moved:
            with suppress(OSError):
                one.unlink()
        raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _move(source: Path, target: Path) -> None:
    """A link fails where the name has been taken meanwhile; a rename would overwrite it."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # not every file system has links
        if target.exists():
            raise FileExistsError(f"{target.name} is there already") from None
        source.rename(target)
