"""Where in a TOML file each table, key and value stands, so that a message can name the line.

The text has been parsed before and is known to be TOML; this only follows its brackets.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from typing import TypeAlias

#: ``("moves", 3, "when")``: the key ``when`` of the fourth table of ``moves``.
Path: TypeAlias = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_STRING = re.compile(
    r'''"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*\'''', re.DOTALL
)
_BARE = re.compile(r"[^,\]}#\n]+")
_SECTION = re.compile(r"(\w+)(?:\[(\d+)\])?")


def find(lines: Mapping[Path, int], where: str) -> int | None:
    """The line of a place as a problem names it, such as ``moves[3] mal -> mql, when``."""
    section = _SECTION.match(where)
    if section is None:
        return None
    base: Path = (section[1], int(section[2])) if section[2] else (section[1],)
    rest = where[section.end() :]
    if rest.startswith("."):
        named = [one[1] for one in lines if len(one) == 2 and one[0] == section[1]]
        begun = [one for one in named if isinstance(one, str) and rest[1:].startswith(one)]
        base += tuple(sorted(begun, key=len)[-1:])
    best = lines.get(base, lines.get(base[:1]))
    for part in rest.rpartition(", ")[2].split():
        base += (part,)
        best = lines.get(base, best)
    return best


def lines_of(text: str) -> Mapping[Path, int]:
    """The line, counted from 1, of every table, key and item of a list in a TOML text."""
    return _Scanner(text.replace("\r\n", "\n")).document()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.breaks = [match.start() for match in re.finditer("\n", text)]
        self.found: dict[Path, int] = {}
        self.sizes: dict[Path, int] = {}

    def document(self) -> Mapping[Path, int]:
        base: Path = ()
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
        return self.found

    def resolve(self, keys: Path, *, last: bool = True) -> Path:
        """The path that a header names: in a list of tables it means the latest one."""
        path: Path = ()
        for count, name in enumerate(keys, 1):
            path += (name,)
            self.note(path)
            if path in self.sizes and (last or count < len(keys)):
                path += (self.sizes[path] - 1,)
        return path

    def pair(self, base: Path) -> None:
        path = base
        for name in self.keys():
            path += (name,)
            self.note(path)
        self.at += len("=")
        self.value(path)

    def value(self, path: Path) -> None:
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

    def keys(self) -> Path:
        found: list[str] = []
        while True:
            self.skip()
            match = _KEY.match(self.text, self.at)
            assert match is not None, "the text is no TOML"
            self.at = match.end()
            word = match.group()
            found.append(tomllib.loads(f"key = {word}")["key"] if word[0] in "\"'" else word)
            self.skip()
            if not self.take("."):
                return tuple(found)

    def closed(self, bracket: str) -> bool:
        """Whether a list or table ends here; otherwise a step to its next item."""
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
        found = self.text.startswith(word, self.at)
        self.at += len(word) if found else 0
        return found

    def note(self, path: Path) -> None:
        self.found.setdefault(path, bisect_right(self.breaks, self.at - 1) + 1)
