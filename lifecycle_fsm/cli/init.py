"""``lifecycle-fsm init``: a project to start from: a model, people, what they did, and tests."""

from __future__ import annotations

import csv
import io
import shlex
import shutil
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer

from lifecycle_fsm.cli.options import option
from lifecycle_fsm.document.plain_text import lined_up
from lifecycle_fsm.errors import FileProblem
from lifecycle_fsm.files import hidden_name, made_folder, names_in, put_in_place, why, write_file
from lifecycle_fsm.model import shipped_text
from lifecycle_fsm.wording import counted

# ------------------------------------------------------------------ new folder
#
# A folder that is new or empty, filled whole or not at all.
#
# Other than the output of a run (:class:`~lifecycle_fsm.tables.OutputFolder`), what is written here
# belongs to its owner from then on, and nothing ever replaces it.


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
    """Write beside the folder, then move the files in: it may be somebody's working directory."""
    beside = hidden_name(folder)
    try:
        beside.mkdir()
        for name, content in files.items():
            write_file(beside / name, content)
        put_in_place(beside, folder, files, old=beside)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


# ------------------------------------------------------------------ init


_MODEL, _PEOPLE, _ACTIVITIES, _TESTS, _README = (
    "lifecycle.toml",
    "people.csv",
    "activities.csv",
    "test_lifecycle.py",
    "README.md",
)


def init(
    folder: Annotated[
        str, typer.Argument(metavar="DIR", help="The folder: new or empty; `.` is where you are.")
    ],
    model: Annotated[str, option("NAME", "The shipped model to begin with.")] = "waterfall",
) -> None:
    """Start a project of your own: a model, a dozen people, what they did, and tests.

    ```sh
    lifecycle-fsm init my-lifecycle
    lifecycle-fsm init my-lifecycle --model two_step
    ```

    The folder is written whole or not at all, and nothing that is there is ever replaced. Its
    `README.md` has the next commands. `lifecycle-fsm models` lists the models.
    """
    contents = starter(model)
    fill_new_folder(folder, contents)
    print(f"{folder}: a project with the model {model}")
    print(lined_up((name, _about(name, content)) for name, content in contents.items()))
    print("\nnext:")
    if folder != ".":
        print(f"  cd {shlex.quote(folder)}")
    print(f"  lifecycle-fsm run {_MODEL} --people {_PEOPLE} --activities {_ACTIVITIES} --out out")


def starter(model: str) -> dict[str, bytes]:
    """The files of a starter project, by name.

    Raises:
        LifecycleError: no shipped model has this name.
    """
    text = shipped_text(model)
    shared = files("lifecycle_fsm.cli") / "starter"
    own = shared / model
    readme = _text(shared / _README).replace("MODEL", model)
    return {
        _MODEL: text.encode(),
        _PEOPLE: (shared / _PEOPLE).read_bytes(),
        _ACTIVITIES: (own / _ACTIVITIES).read_bytes(),
        _TESTS: (own / _TESTS).read_bytes(),
        _README: readme.replace("STORIES\n", _text(own / "stories.md")).encode(),
    }


def _text(file: Traversable) -> str:
    return file.read_text("utf-8")


def _about(name: str, content: bytes) -> str:
    rows = sum(1 for _ in csv.reader(io.StringIO(content.decode()))) - 1
    return {
        _MODEL: "the model: stages, moves, rules, numbers. Change it",
        _PEOPLE: f"{counted(rows, 'record')} of people",
        _ACTIVITIES: f"what happened to them: {counted(rows, 'activity', 'activities')}",
        _TESTS: "tests of the model, for pytest",
        _README: "who they are, and the next commands",
    }[name]
