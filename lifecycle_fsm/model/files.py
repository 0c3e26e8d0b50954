"""Models as files: TOML in and out, and the models that come with the package."""

from __future__ import annotations

import logging
import re
import tomllib
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from lifecycle_fsm.errors import FileProblem, ModelError, Problem, suggest
from lifecycle_fsm.files import why, write_file
from lifecycle_fsm.model.lines import find, lines_of
from lifecycle_fsm.model.model import Model
from lifecycle_fsm.model.reading import from_plain
from lifecycle_fsm.model.writing import to_plain

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_log = logging.getLogger(__name__)


def shipped() -> tuple[str, ...]:
    """The names of the models that come with the package."""
    files = (one.name for one in _shipped_folder().iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))


def shipped_text(name: str) -> str:
    """The commented TOML of a shipped model, to copy and edit.

    Raises:
        FileProblem: there is none of that name.
    """
    if name not in shipped():
        raise FileProblem(
            f"no model named {name!r} is shipped{suggest(name, shipped())}; "
            f"there are {', '.join(shipped())}, and a model of your own ends in .toml"
        )
    return (_shipped_folder() / f"{name}.toml").read_text("utf-8")


def _shipped_folder() -> Traversable:
    from importlib import resources  # with all that it brings, a tenth of the time of our import

    return resources.files("lifecycle_fsm.model") / "shipped"


def load(source: str | PathLike[str]) -> Model:
    """A model from a TOML file, or a shipped one by its name.

    Raises:
        FileProblem: the file is missing or is not TOML.
        ModelError: it does not build; every problem is told with its line.
    """
    if isinstance(source, str) and not any(sign in source for sign in "./\\"):
        return loads(shipped_text(source), f"{source}.toml")
    path = Path(source)
    try:
        text = path.read_text("utf-8-sig")  # some editors put a mark in front
    except UnicodeDecodeError as error:
        raise FileProblem(f"{path}: it is not UTF-8 text: {error}") from None
    except (OSError, ValueError) as error:
        raise FileProblem(
            f"{path}: cannot read this model: {why(error)}; give a TOML file or one of "
            f"{', '.join(shipped())}"
        ) from None
    return loads(text, str(path), str(path.parent))


def loads(text: str, name: str = "", folder: str = "") -> Model:
    """A model from the text of a TOML file.

    Args:
        text: the TOML.
        name: of the file, for messages.
        folder: where relative paths in it start.

    Raises:
        FileProblem: the text is not TOML.
        ModelError: it does not build; every problem is told with its line.
    """
    try:
        plain = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileProblem(
            f"{name or 'model'}: this is not TOML: {error}{_remedy(text, str(error))}"
        ) from None
    try:
        model = from_plain(plain, folder)
    except ModelError as error:
        lines = lines_of(text)
        located = [(find(lines, one.where), one) for one in error.problems]
        located.sort(key=lambda pair: pair[0] or 0)
        raise ModelError(
            [
                Problem(": ".join(filter(None, [_place(name, line), one.where])), one.message)
                for line, one in located
            ],
            error.name,
        ) from None
    _log.debug("loaded: %s, the model %s %s", name or "a text", model.name, model.version)
    return model


def dumps(model: Model) -> str:
    """The TOML of a model; ``loads`` gives an equal model.

    Raises:
        ModelError: a move is guarded by a Python function, which has no text.
    """
    import tomli_w

    return tomli_w.dumps(to_plain(model))


def save(model: Model, path: str | PathLike[str]) -> None:
    """Write the TOML of a model.

    Raises:
        ModelError: a move is guarded by a Python function, which has no text.
        FileProblem: the file cannot be written.
    """
    write_file(path, dumps(model))


def _remedy(text: str, message: str) -> str:
    """What to write instead, where a line looks like one of the usual slips; else nothing."""
    place = re.search(r"line (\d+), column (\d+)", message)
    if place is None:
        return ""
    line, column = text.split("\n")[int(place[1]) - 1], int(place[2]) - 1
    word = re.match(r"[“”„‘’]?([^\W\d][^,\]}#“”‘’\r]*)", line[column:])
    if message.startswith("Invalid value") and word:
        if word[1].strip().lower() in ("true", "false"):
            return f": write {word[1].strip().lower()!r} in small letters"
        return f': a text stands in straight quotation marks, as in "{word[1].strip()}"'
    if line.count('"') > 2 and message.startswith(("Expected newline", "Unclosed inline table")):
        return ": in a text in double quotation marks use single ones, as in \"owner == 'bob'\""
    return ""


def _place(name: str, line: int | None) -> str:
    if line is None:
        return name
    return f"{name}:{line}" if name else f"line {line}"
