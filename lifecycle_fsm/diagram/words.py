"""How wide a text is, and how to make it fit: wrapping, cutting, and writing numbers.

The widths are those of the diagrams' font, in thousandths of its size, rounded up. With them a
diagram is laid out without a renderer: its DOT text is the same on every machine, and a base
install can write it.
"""

from __future__ import annotations

from functools import cache

from lifecycle_fsm.wording import clean

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
# Letters that the font lacks come from another font, or are drawn as a box with their number.
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
    """How wide the text is, in the unit of ``size``; a little more, never less."""
    return sum(_letter(letter, bold) for letter in text) * size / 1000 * _SAFETY


def cut(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """The text if it fits, else its beginning and an ellipsis."""
    if width(text, size, bold=bold) <= room:
        return text
    while text and width(text + "…", size, bold=bold) > room:
        text = text[:-1]
    return text.rstrip(" ,.;:·(") + "…"


def wrap(text: str, room: float, size: float, *, lines: int = 2, bold: bool = False) -> list[str]:
    """The text in at most that many lines, broken between words; the last is cut if it must be."""
    found: list[str] = []
    words = clean(text).split(" ")
    line = ""
    while words:
        longer = f"{line} {words[0]}" if line else words[0]
        if width(longer, size, bold=bold) <= room:
            line = longer
            words.pop(0)
        elif len(found) == lines - 1:
            return [*found, cut(" ".join([line, *words]).strip(), room, size, bold=bold)]
        elif line:
            found.append(line)
            line = ""
        else:  # one word that is wider than the room: break it where it is full
            head = words[0]
            hyphen = "-" if head.isalpha() and head[0] < "\u0250" else ""
            while len(head) > 1 and width(head + hyphen, size, bold=bold) > room:
                head = head[:-1]
            spare = 3 - (len(words[0]) - len(head))
            if hyphen and 0 < spare < 3 and len(head) - spare >= 3:
                head = head[:-spare]  # no letter stands alone on the next line
            rest = words[0][len(head) :]
            found.append(head + hyphen if rest else head)
            words[:1] = [rest] if rest else []
    return [*found, line] if line or not found else found


def escape(text: str) -> str:
    """The text inside an HTML-like label."""
    for plain, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(plain, entity)
    return text.replace("\\", "&#92;&#92;")  # Graphviz reads escapes such as \\N even here


def number(value: int) -> str:
    """``12,345``."""
    return f"{value:,}"


def share(value: float) -> str:
    """A share as percent: ``27%``, and one decimal where it is small."""
    percent = value * 100
    if 0 < percent < 0.05:
        return "<0.1%"
    return f"{percent:.1f}%" if 0 < percent < 9.95 else f"{percent:.0f}%"
