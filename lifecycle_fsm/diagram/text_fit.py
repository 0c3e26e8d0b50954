"""The width of a text, and how to make it fit: wrapping, cutting, and writing numbers.

The widths are those of the diagrams' font, in thousandths of its size, rounded up. They make it
possible to lay a diagram out without a renderer: its DOT text is the same on every machine, and a
base install can write it.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter, deque
from functools import cache
from pathlib import Path

from lifecycle_fsm.diagram.look import SMALLEST, pt
from lifecycle_fsm.wording import clean, visible

_WIDTHS = tuple(
    {letter: int(width) for width, letters in table.items() for letter in letters}
    for table in tomllib.loads(
        Path(__file__).with_name("text_widths.toml").read_text("utf-8")
    ).values()
)
# Characters that the font lacks come from another font, or are drawn as a box with their number.
_UNKNOWN, _ASTRAL = 1260, 1700
_TWO_SIGNS = "\u0e33\u0eb3"  # Thai and Lao "am" are taken apart before they are drawn
_SAFETY = 1.03  # hinting


@cache
def _letter(letter: str, bold: bool) -> int:
    table = _WIDTHS[bold]
    if letter in table:
        return table[letter]
    if letter in _TWO_SIGNS:
        return 2 * _UNKNOWN
    return _ASTRAL if letter > "\uffff" else _UNKNOWN


def has_width(letter: str) -> bool:
    """Whether the diagrams' font has the letter."""
    return letter in _WIDTHS[False]


def width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of the text, in the unit of ``size``; slightly overestimated, never under."""
    letters = Counter(text).items()
    return _scaled(sum(_letter(letter, bold) * count for letter, count in letters), size)


def _scaled(thousandths: int, size: float) -> float:
    return thousandths * size / 1000 * _SAFETY


def _fitting(text: str, end: str, room: float, size: float, *, bold: bool) -> int:
    """How many characters fit before ``end``.

    It looks at no more characters than that: a text may be of any length.
    """
    wide = sum(_letter(letter, bold) for letter in end)
    for count, letter in enumerate(text):
        wide += _letter(letter, bold)
        if _scaled(wide, size) > room:
            return count
    return len(text)


def fits(text: str, room: float, size: float, *, bold: bool = False) -> bool:
    """Whether the text is no wider than the room."""
    return _fitting(text, "", room, size, bold=bold) == len(text)


def fitting_size(text: str, room: float, size: float, *, bold: bool = False) -> float:
    """The size, or a smaller one at which the text fits; the smallest if it fits at none."""
    while size > SMALLEST + 0.5 and not fits(text, room, size, bold=bold):
        size -= pt(1)
    return size


def cut(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """The text if it fits, else its beginning and an ellipsis."""
    if fits(text, room, size, bold=bold):
        return text
    kept = text[: _fitting(text, "…", room, size, bold=bold)]
    return kept.rstrip(" ,.;:·(") + "…"


# ------------------------------------------------------------------ words
#
# A word is never broken. Lines end at a space, after a hyphen or slash between letters, and between
# the characters of Chinese and Japanese.

_IDEOGRAPH = "[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
_BETWEEN_WORDS = re.compile(
    rf"(?= )|(?<=[^\W\d_]{{2}}[-/–])(?=[^\W\d_]{{2}})|(?<={_IDEOGRAPH})(?={_IDEOGRAPH})"
)


def words(text: str) -> list[str]:
    """The pieces between which a line may end; all but the first of a line keep their space."""
    return _BETWEEN_WORDS.split(clean(text))


def words_fit(text: str, room: float, size: float, *, bold: bool = False) -> bool:
    """Whether the text can be wrapped without a word that is wider than the room."""
    return all(fits(word.lstrip(), room, size, bold=bold) for word in words(text))


def wrap(
    text: str,
    room: float,
    size: float,
    *,
    lines: int | None = None,
    bold: bool = False,
    first: float | None = None,
) -> list[str]:
    """The text in lines that end between words.

    A word that is wider than the room has a line of its own and sticks out: ask :func:`words_fit`
    before, and give more room or a short key instead.

    Args:
        text: the text.
        room: the width of a line.
        size: the size of the letters.
        lines: the maximum number of lines; what does not fit is then cut.
        bold: whether it is written bold.
        first: the width of the first line if it differs; it stays empty if no word fits in it.
    """
    full: list[str] = []
    pieces = deque(words(text))
    line, left = "", room if first is None else first
    while pieces:
        longer = line + pieces[0] if line else pieces[0].lstrip()
        if fits(longer, left, size, bold=bold):
            line = longer
            pieces.popleft()
            continue
        if lines is not None and len(full) == lines - 1:
            return [*full, cut((line + "".join(pieces)).lstrip(), left, size, bold=bold)]
        if not line and left >= room:  # a single word that is wider than the room
            line = pieces.popleft().lstrip()
            line = line if lines is None else cut(line, left, size, bold=bold)
        full.append(line)
        line, left = "", room
    return [*full, line] if line or not full else full


def whole(
    text: str,
    room: float,
    size: float,
    *,
    lines: int = 99,
    bold: bool = False,
    first: float | None = None,
) -> list[str] | None:
    """The text as :func:`wrap` breaks it; None if a word does not fit, or needs more lines."""
    narrowest = min(_WIDTHS[bold].values()) * size / 1000
    if len(text) > lines * (room / narrowest + 1):
        return None  # without a look at each letter of a text of any length
    if not words_fit(text, room, size, bold=bold):
        return None
    rows = wrap(text, room, size, bold=bold, first=first)
    return rows if len(rows) <= lines else None


def escape(text: str, *, read: int = 2) -> str:
    r"""The text for Graphviz, with entities: none of its characters is read as markup or syntax.

    Args:
        text: the text; what cannot be shown becomes a space.
        read: how many backslashes Graphviz reads as one: it interprets escapes such as ``\N`` in a
            label once, in a tooltip twice, and in a name never.
    """
    text = visible(text)
    for plain, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(plain, entity)
    return text.replace("\\", "&#92;" * read)
