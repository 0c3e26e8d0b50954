"""The width of a text, and how to make it fit: wrapping, cutting, and writing numbers.

The widths are those of the diagrams' font, in thousandths of its size, rounded up. They make it
possible to lay a diagram out without a renderer: its DOT text is the same on every machine, and a
base install can write it.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from functools import cache

from lifecycle_fsm.diagram.look import SMALLEST, pt
from lifecycle_fsm.wording import clean, visible

_REGULAR: dict[int, str] = {
    250: " 'ijìíîïĩīĭįıĵіїј",
    275: ",.lĺļľ‘’",
    300: "!:;¡łſΐίιϊ",
    325: "[]f|¦‹›",
    350: "(){}²³·",
    375: "rt¹ŀŕŗřţťŧ",
    400: "-/I\\ªºÌÍÎÏĨĪĬĮİΙΪІЇ•",
    425: '"',
    450: "*ζгѓ",
    475: "z°¿źżžΊξт“”„",
    500: "?svy®ýÿĳśŝşšŷΓςτχЃГуѕў",
    525: "JLcx¢«»çćĉċčĴĹĻĽĿŁέγελνЈзсхьэє",
    550: "aegkàáâãäåèéêëāăąēĕėęěĝğġģķĸκаекчяѐёќ",
    575: "FT_hnouµðñòóôõöøùúûüĥħńņňŋōŏőŢŤũūŭůűųΣΤήΰδηθορυϋόύТбвлопђћџ†",
    600: (
        "$+0123456789<=>ESYZ^`bdpq~£§¨¬¯±´¸ÈÉÊË×Ý÷þđĒĔĖĘĚŚŜŞŠŦŶŸŹŻŽ΄΅ΕΖΞΥΫβμσЀЁЅЎЕЗУдийнрцъѝ–−√≈≠≤≥"
    ),
    625: "CPVX¤¥ÇÞĆĈĊČďΈΡΧπРСХ€",
    650: "AKRÀÁÂÃÄÅßĀĂĄĲĶŔŖŘΆΑΔΚΛάαЄАБЧЬЭЯ",
    675: "BD¶ÐĎĐΒЌВК™",
    700: "&GUÙÚÛÜĜĞĠĢŨŪŬŮŰŲΎΠЏЛПм",
    725: "#HNOQÑÒÓÔÕÖØĤĦŃŅŇŊŌŎŐΌΏΗΘΝΟΩφЍИЙНОы",
    750: "ΉψωώДЦЪф∞",
    775: "wŵж",
    800: "©ΨЂЋшю—",
    825: "M¾ŉΜМщљ…←↑→↓↔↳↺↻",
    850: "¼Фњ",
    875: "m½æΦЫ",
    900: "@WŴ",
    925: "Æ✓",
    950: "%œ",
    975: "ШЮ",
    1000: "ŒЖЩ",
    1025: "Љ",
    1050: "Њ№",
    1325: "‰",
}
_BOLD: dict[int, str] = {
    250: " ",
    275: "'",
    300: "ijìíîïĩīĭįıĵіїј‘’",
    325: "!,.l¡ĺļłſ‹›",
    350: "():;[]²³¹ΐίιϊ",
    375: "f{}·ľ",
    400: "tţťŧ",
    425: "-r|¦ŕŗř",
    450: "IªºÌÍÎÏĨĪĬĮİŀΙΪζξІЇгѓ•",
    475: "/\\®°",
    500: '"?¿τт',
    525: "cszçćĉċčśŝşšźżžΓςЃГсѕ†",
    550: "LvyýÿĹĻĽĿŁŷέγελνχзуэєў“”„",
    575: "J_aegox¢§«»àáâãäåèéêëòóôõöøāăąēĕėęěĝğġģĳĴōŏőΊδοόЈабеохьѐё",
    600: ("+0123456789<=>FT^`hknu~£¨¬¯±´¸×ñ÷ùúûüĥħķĸńņňŋŢŤŦũūŭůűų΄΅ΤΰθκρσυϋύТвкпчяћќџ–−√≈≠≤≥"),
    625: "$*ESZbdpqµÈÉÊËðþđĒĔĖĘĚŚŜŞŠŹŻŽΕΖΞΣήβημЀЁЅЕЗийлнрђѝ™",
    650: "#VY¤¥ÝŶŸΥΫЎУцъ€",
    675: "BCPRXÇÞĆĈĊČĲŔŖŘΒΛΡΧάαπЄЌБВКРСХЬЭд",
    700: "ADKU¶ÀÁÂÃÄÅÙÚÛÜßĀĂĄĎďĶŨŪŬŮŰŲΆΑΔΚАЧЯ",
    725: "&GHNOQÐÑÒÓÔÕÖØĐĜĞĠĢĤŃŅŇŊŌŎŐΈΗΘΝΟΠΩЍЏИЙНОП",
    750: "ĦЛм",
    775: "ΌΏφψωώЦЪ",
    800: "©Ύ—∞",
    825: "MΉΜЂЋДМфыю",
    850: "w¼¾ŵΦΨш",
    875: "½æжљњ",
    900: "mŉщ…←↑→↓↔↳↺↻",
    925: "@œФ✓",
    950: "Ы",
    975: "%WÆŴ",
    1000: "Œ",
    1025: "ЖЮ",
    1050: "ЉЊШ",
    1075: "№",
    1100: "Щ",
    1400: "‰",
}

_WIDTHS = tuple(
    {letter: width for width, letters in table.items() for letter in letters}
    for table in (_REGULAR, _BOLD)
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


def wrap(text: str, room: float, size: float, *, lines: int = 2, bold: bool = False) -> list[str]:
    """The text in at most ``lines`` lines, broken between words; the last is cut if necessary."""
    full: list[str] = []
    words = deque(clean(text).split(" "))
    line = ""
    while words:
        longer = f"{line} {words[0]}" if line else words[0]
        if fits(longer, room, size, bold=bold):
            line = longer
            words.popleft()
        elif len(full) == lines - 1:
            return [*full, cut(" ".join([line, *words]).strip(), room, size, bold=bold)]
        elif line:
            full.append(line)
            line = ""
        else:  # a single word that is wider than the room: break it where the line is full
            word = words.popleft()
            hyphen = "-" if word.isalpha() and word[0] < "\u0250" else ""
            kept = max(1, _fitting(word, hyphen, room, size, bold=bold))
            spare = 3 - (len(word) - kept)
            if hyphen and 0 < spare < 3 and kept - spare >= 3:
                kept -= spare  # no character stands alone on the next line
            head, rest = word[:kept], word[kept:]
            full.append(head + hyphen if rest else head)
            if rest:
                words.appendleft(rest)
    return [*full, line] if line or not full else full


# Scripts that are written without spaces may be broken between any two characters.
_UNSPACED = r"\u0e00-\u0eff\u2e80-\uffef\U00010000-\U0010ffff"
_PIECES = re.compile(rf"[{_UNSPACED}]|[^{_UNSPACED}]+")


def whole(
    text: str,
    room: float,
    size: float,
    *,
    lines: int = 99,
    bold: bool = False,
    first: float | None = None,
) -> list[str] | None:
    """The whole text in at most ``lines`` lines, broken between words; None if it does not fit.

    Args:
        text: the text.
        room: the width of a line.
        size: the size of the font.
        lines: the maximum number of lines.
        bold: whether the text is bold.
        first: the width of the first line, if it differs; the line may stay empty.
    """
    full, line = list[str](), ""
    for word in clean(text).split(" "):
        for index, piece in enumerate(_PIECES.findall(word)):
            longer = line + ("" if index or not line else " ") + piece
            if fits(longer, room if full or first is None else first, size, bold=bold):
                line = longer
                continue
            if line or (first is not None and not full):
                full.append(line)
            if len(full) >= lines or not fits(piece, room, size, bold=bold):
                return None
            line = piece
    return [*full, line]


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
