"""``lifecycle-fsm init``: a project to start from: a model, people, what they did, and tests."""

from __future__ import annotations

import csv
import io
import shlex
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated

import typer

from lifecycle_fsm.cli.common import lined_up
from lifecycle_fsm.cli.new_folder import fill_new_folder
from lifecycle_fsm.model import shipped_text
from lifecycle_fsm.wording import counted

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
    model: Annotated[
        str, typer.Option(metavar="NAME", help="The shipped model to begin with.")
    ] = "waterfall",
) -> None:
    """Begin a project of your own: a model, a dozen people, what they did, and tests.

    ```sh
    lifecycle-fsm init my-lifecycle
    lifecycle-fsm init my-lifecycle --model two_step
    ```

    The folder is written whole or not at all, and nothing that is there is ever replaced. Its
    `README.md` has the next commands. `lifecycle-fsm models` lists the models.
    """
    made = starter(model)
    fill_new_folder(folder, made)
    print(f"{folder}: a project with the model {model}")
    print(lined_up((name, _about(name, content)) for name, content in made.items()))
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
