"""Models as files: reading and writing TOML, and the models that come with the package."""

from __future__ import annotations

import logging
import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from lifecycle_fsm.errors import FileProblem, ModelError, Problem, suggest
from lifecycle_fsm.files import why, write_file
from lifecycle_fsm.model.model import Model
from lifecycle_fsm.model.structure import from_plain, theme_from_plain
from lifecycle_fsm.model.theme import Theme
from lifecycle_fsm.model.unstructure import to_plain

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


# ------------------------------------------------------------------ lines
#
# The line of each table, key and value of a TOML file, for messages.
#
# The text has already been parsed and is known to be TOML, so this only follows its brackets.


#: ``("moves", 3, "when")``: the key ``when`` of the fourth table of ``moves``.
KeyPath: TypeAlias = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_STRING = re.compile(
    r'''"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*\'''', re.DOTALL
)
_BARE = re.compile(r"[^,\]}#\n]+")
_SECTION = re.compile(r"(\w+)(?:\[(\d+)\])?")


def find(lines: Mapping[KeyPath, int], where: str) -> int | None:
    """The line of a place as in problems, such as ``moves[3] mal -> mql, when``."""
    section = _SECTION.match(where)
    if section is None:
        return None
    base: KeyPath = (section[1], int(section[2])) if section[2] else (section[1],)
    rest = where[section.end() :]
    if rest.startswith("."):
        named = [line[1] for line in lines if len(line) == 2 and line[0] == section[1]]
        begun = [name for name in named if isinstance(name, str) and rest[1:].startswith(name)]
        base += tuple(sorted(begun, key=len)[-1:])
    best = lines.get(base, lines.get(base[:1]))
    for part in rest.rpartition(", ")[2].split():
        base += (part,)
        best = lines.get(base, best)
    return best


def lines_of(text: str) -> Mapping[KeyPath, int]:
    """The line, counted from 1, of every table, key and list item of a TOML text."""
    return _Scanner(text.replace("\r\n", "\n")).document()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.breaks = [match.start() for match in re.finditer("\n", text)]
        self.lines: dict[KeyPath, int] = {}
        self.sizes: dict[KeyPath, int] = {}

    def document(self) -> Mapping[KeyPath, int]:
        base: KeyPath = ()
        while not self.done():
            if self.take("[["):
                path = self.resolve(self.keys(), last=False)
                self.note(path)
                base = (*path, self.sizes.get(path, 0))
                self.sizes[path] = self.sizes.get(path, 0) + 1
                self.note(base)
                self.at += len("]]")
            elif self.take("["):
                base = self.resolve(self.keys())
                self.note(base)
                self.at += len("]")
            else:
                self.pair(base)
        return self.lines

    def resolve(self, keys: KeyPath, *, last: bool = True) -> KeyPath:
        """The path that a header denotes; in a list of tables, that of the latest table."""
        path: KeyPath = ()
        for count, name in enumerate(keys, 1):
            path += (name,)
            self.note(path)
            if path in self.sizes and (last or count < len(keys)):
                path += (self.sizes[path] - 1,)
        return path

    def pair(self, base: KeyPath) -> None:
        path = base
        for name in self.keys():
            path += (name,)
            self.note(path)
        self.at += len("=")
        self.value(path)

    def value(self, path: KeyPath) -> None:
        self.skip()
        if self.take("["):
            index = 0
            while not self.closed("]"):
                self.note((*path, index))
                self.value((*path, index))
                index += 1
        elif self.take("{"):
            while not self.closed("}"):
                self.pair(path)
        else:
            match = _STRING.match(self.text, self.at) or _BARE.match(self.text, self.at)
            assert match is not None, "the text is no TOML"
            self.at = match.end()

    def keys(self) -> KeyPath:
        keys: list[str] = []
        while True:
            self.skip()
            match = _KEY.match(self.text, self.at)
            assert match is not None, "the text is no TOML"
            self.at = match.end()
            word = match.group()
            keys.append(tomllib.loads(f"key = {word}")["key"] if word[0] in "\"'" else word)
            self.skip()
            if not self.take("."):
                return tuple(keys)

    def closed(self, bracket: str) -> bool:
        """Whether a list or table ends here; otherwise move to its next item."""
        self.skip()
        if self.take(","):
            self.skip()
        return self.take(bracket)

    def done(self) -> bool:
        self.skip()
        return self.at >= len(self.text)

    def skip(self) -> None:
        match = _BLANK.match(self.text, self.at)
        assert match is not None, "nothing at all matches, too"
        self.at = match.end()

    def take(self, word: str) -> bool:
        matches = self.text.startswith(word, self.at)
        self.at += len(word) if matches else 0
        return matches

    def note(self, path: KeyPath) -> None:
        self.lines.setdefault(path, bisect_right(self.breaks, self.at - 1) + 1)


# ------------------------------------------------------------------ toml files


_log = logging.getLogger(__name__)


def shipped() -> tuple[str, ...]:
    """The names of the models that come with the package."""
    files = (file.name for file in _shipped_folder().iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))


def shipped_text(name: str) -> str:
    """The commented TOML of a shipped model, to copy and edit.

    Raises:
        FileProblem: no shipped model has that name.
    """
    if name not in shipped():
        raise FileProblem(
            f"no model named {name!r} is shipped{suggest(name, shipped())}; "
            f"there are {', '.join(shipped())}, and a model of your own ends in .toml"
        )
    return (_shipped_folder() / f"{name}.toml").read_text("utf-8")


def _shipped_folder() -> Traversable:
    from importlib import resources  # slow: with its own imports, a tenth of our import time

    return resources.files("lifecycle_fsm.model") / "shipped"


def load(source: str | PathLike[str]) -> Model:
    """A model from a TOML file, or a shipped one by name.

    Raises:
        FileProblem: the file is missing or is not TOML.
        ModelError: it cannot be built; the error lists every problem with its line.
    """
    if isinstance(source, str) and not any(sign in source for sign in "./\\"):
        return loads(shipped_text(source), f"{source}.toml")
    path = Path(source)
    try:
        text = path.read_text("utf-8-sig")  # some editors write a byte order mark
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
        name: the name of the file, for messages.
        folder: the folder that relative paths in it start from.

    Raises:
        FileProblem: the text is not TOML.
        ModelError: it cannot be built; the error lists every problem with its line.
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
        located = [(find(lines, problem.where), problem) for problem in error.problems]
        located.sort(key=lambda pair: pair[0] or 0)
        problems = []
        for line, problem in located:
            place = ": ".join(filter(None, [_place(name, line), problem.where]))
            problems.append(Problem(place, problem.message))
        raise ModelError(problems, error.name) from None
    _log.debug("loaded: %s, the model %s %s", name or "a text", model.name, model.version)
    return model


def load_theme(path: str | PathLike[str]) -> Theme:
    """A theme from a TOML file, with the keys of ``[theme]`` in a model.

    Raises:
        FileProblem: the file cannot be read, or is not TOML.
        ModelError: it has a key that a theme does not have, or a value of another kind.
    """
    try:
        plain = tomllib.loads(Path(path).read_text("utf-8-sig"))
    except OSError as error:
        raise FileProblem(f"{path}: cannot read this theme: {why(error)}") from None
    except (ValueError, RecursionError) as error:
        raise FileProblem(f"{path}: this is not TOML: {error}") from None
    return theme_from_plain(plain)


def dumps(model: Model) -> str:
    """The TOML of a model; ``loads`` of it gives an equal model.

    Raises:
        ModelError: the guard of a move is a Python function, which has no text.
    """
    import tomli_w

    return tomli_w.dumps(to_plain(model))


def save(model: Model, path: str | PathLike[str]) -> None:
    """Write the TOML of a model to a file.

    Raises:
        ModelError: the guard of a move is a Python function, which has no text.
        FileProblem: the file cannot be written.
    """
    write_file(path, dumps(model))


def _remedy(text: str, message: str) -> str:
    """The remedy for a line with one of the common mistakes; otherwise empty."""
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
