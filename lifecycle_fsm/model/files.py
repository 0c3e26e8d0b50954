"""Models as files: TOML in and out, and the models that come with the package."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from os import PathLike
from pathlib import Path

from lifecycle_fsm.errors import FileProblem, ModelError, Problem, suggest
from lifecycle_fsm.model.model import Model
from lifecycle_fsm.model.plain import from_plain, to_plain


def shipped() -> tuple[str, ...]:
    """The names of the models that come with the package."""
    folder = resources.files("lifecycle_fsm.model") / "shipped"
    return tuple(sorted(one.name.removesuffix(".toml") for one in folder.iterdir()
                        if one.name.endswith(".toml")))  # fmt: skip


def shipped_text(name: str) -> str:
    """The commented TOML of a shipped model, to copy and edit.

    Raises:
        FileProblem: there is none of that name.
    """
    if name not in shipped():
        raise FileProblem(
            f"no model named {name!r} is shipped{suggest(name, shipped())}; "
            f"there are {', '.join(shipped())}"
        )
    return (resources.files("lifecycle_fsm.model") / "shipped" / f"{name}.toml").read_text("utf-8")


def load(source: str | PathLike[str]) -> Model:
    """A model from a TOML file, or a shipped one by its name.

    Raises:
        FileProblem: the file is missing or is not TOML.
        ModelError: it does not build; every problem is told with its line.
    """
    if isinstance(source, str) and not source.endswith(".toml") and "/" not in source:
        return loads(shipped_text(source), f"{source}.toml")
    path = Path(source)
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise FileProblem(f"{path}: it is not UTF-8 text: {error}") from None
    except OSError as error:
        raise FileProblem(
            f"{path}: cannot read this model: {error.strerror}; give a TOML file or one of "
            f"{', '.join(shipped())}"
        ) from None
    return loads(text, str(path), str(path.parent))


def loads(text: str, name: str = "", folder: str = "") -> Model:
    """A model from the text of a TOML file; ``name`` is for messages."""
    try:
        plain = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileProblem(f"{name or 'model'}: this is not TOML: {error}") from None
    try:
        return from_plain(plain, folder)
    except ModelError as error:
        raise ModelError(
            [
                Problem(_place(text, problem.where, name), problem.message)
                for problem in error.problems
            ],
            error.name,
        ) from None


def dumps(model: Model) -> str:
    """The TOML of a model; ``loads`` gives an equal model."""
    import tomli_w

    return tomli_w.dumps(to_plain(model))


def save(model: Model, path: str | PathLike[str]) -> None:
    """Write the TOML of a model."""
    Path(path).write_text(dumps(model), "utf-8")


def _place(text: str, where: str, name: str) -> str:
    """The place with file and line in front, where the line can be found."""
    line = _line(text.splitlines(), where)
    front = f"{name}:{line}" if name and line else name
    return f"{front}: {where}" if front else where


def _line(lines: list[str], where: str) -> int | None:
    listed = re.match(r"(\w+)\[(\d+)\]", where)
    if listed:
        section, index = listed[1], int(listed[2])
        heads = [n for n, line in enumerate(lines, 1) if line.strip() == f"[[{section}]]"]
        if not heads:
            start = _find(lines, rf"{section}\s*=\s*\[", 0)
            heads = [n for n, line in enumerate(lines, 1)
                     if start and n > start and line.lstrip().startswith("{")]  # fmt: skip
        return heads[index] if index < len(heads) else None
    named = re.match(r"(\w+)\.(\w+)", where)
    if named:
        whole = _find(lines, rf"\[{named[1]}\.{named[2]}\]", 0)
        start = _find(lines, rf"\[{named[1]}\]\s*(#.*)?$", 0)
        return whole or (_find(lines, rf"{named[2]}\s*=", start) if start else None)
    word = re.match(r"\w+", where)
    return _find(lines, rf"(\[+{word[0]}\]+|{word[0]}\s*=)", 0) if word else None


def _find(lines: list[str], pattern: str, after: int) -> int | None:
    for number, line in enumerate(lines[after:], after + 1):
        if re.match(pattern, line.strip()):
            return number
    return None
