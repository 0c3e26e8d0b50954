"""The words of a guard's text with their positions: the first half of the parser [S2][S5]."""

from __future__ import annotations

import keyword
import math
import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import NoReturn, cast

import attrs

from lifecycle_fsm.errors import GuardError, GuardSyntaxError
from lifecycle_fsm.fields import INT_MAX, INT_MIN, to_utc
from lifecycle_fsm.guard.terms import Const, Scalar

# ------------------------------------------------------------------ words
#
# The names and constants that a guard may have, in Python or in text [S5].


EMPTY = (
    "an empty text is a missing value: no effect writes it, and a guard asks 'is missing' or "
    "'is known'"
)
"""The message about ``''`` in a model [S4]."""
RESERVED = frozenset(
    {"and", "or", "not", "in", "is", "always", "never", "true", "false", "now"}
    | {"null", "none", "NULL", "Null", "None", "True", "False"}
)
"""Reserved words, which cannot name a field, a token, a payload value or a guard."""


def is_name(text: str) -> bool:
    """Whether a text can name a field, token, payload value or guard: a Python identifier in normal
    form that is not a reserved word."""
    return (
        text.isidentifier()
        and not keyword.iskeyword(text)
        and text not in RESERVED
        and unicodedata.normalize("NFKC", text) == text
    )


def constant(value: object) -> Const:
    """The constant of a Python value: exact types, times in UTC, a date as its midnight [S4][S5].

    Raises:
        GuardError: it is missing, NaN, infinite, beyond 64 bits, empty, not Unicode, or of another
            type.
    """
    if isinstance(value, tuple | list | set | frozenset):
        items = sorted(value, key=repr) if isinstance(value, set | frozenset) else value
        return Const(tuple(_scalar(item) for item in items))
    return Const(_scalar(value))


def _scalar(value: object) -> Scalar:
    match value:
        case None:
            raise GuardError("None is no value to compare with: write 'is missing' (.is_missing())")
        case bool():
            return value
        case int():
            if not INT_MIN <= value <= INT_MAX:
                raise GuardError("a whole number must be within 64 bits")
            return int.__int__(value)
        case float():
            if not math.isfinite(value):
                raise GuardError("a number must be finite: NaN and infinity are refused")
            return float.__float__(value)
        case str():
            # Not str(value): for a member of a text Enum, that would include the name of the class.
            text = str.__str__(value)
            if not text:
                raise GuardError(EMPTY)
            if any("\ud800" <= letter <= "\udfff" for letter in text):
                raise GuardError("a text must be valid Unicode (this one has a lone surrogate)")
            return text
        case datetime():
            try:
                instant = to_utc(value)
            except (OverflowError, ValueError):
                raise GuardError("a time must be between the years 1 and 9999 in UTC") from None
            return datetime.combine(instant.date(), instant.time(), UTC)
        case date():
            return datetime.combine(value, time(), UTC)
    raise GuardError(
        f"{value!r} is not a value for a guard: use a number, a text, true or false, or a time"
    )


# ------------------------------------------------------------------ lexer


_LEXEMES = re.compile(
    r"""
    (?P<space>   [ \t\r\n]+ )
  | (?P<time>    [0-9]{4}-[0-9]{2}-[0-9]{2} (?: T[0-9:.]+ (?:Z|[+-][0-9]{2}:[0-9]{2})? )? )
  | (?P<number>  [0-9]+ (?: \.[0-9]+ )? (?: [eE][+-]?[0-9]+ )? )
  | (?P<name>    [^\W\d]\w* )
  | (?P<string>  "(?:[^"\\\x00-\x1f\x7f]|\\.)*" | '(?:[^'\\\x00-\x1f\x7f]|\\.)*' )
  | (?P<token>   \$[^\W\d]\w* )
  | (?P<wrong>   => | =< | === | <> | && | \|\| | \*\* | //
               | =(?!=) | !(?!=) | [&|~/%^≥≤≠“”„‘’×−] )
  | (?P<symbol>  == | != | <= | >= | [-<>+*()\[\],.] )
    """,
    re.VERBOSE,
)

_REMEDIES = {
    "=": "did you mean '=='?",
    "===": "did you mean '=='?",
    "=>": "did you mean '>='?",
    "=<": "did you mean '<='?",
    "<>": "did you mean '!='?",
    "&&": "write 'and'",
    "&": "write 'and'",
    "||": "write 'or'",
    "|": "write 'or'",
    "!": "write 'not'",
    "~": "write 'not'",
    "/": "there is no division: multiply with a decimal, as in 'score * 0.5'",
    "//": "there is no division: multiply with a decimal, as in 'score * 0.5'",
    "**": "write 'score * score'",
    "^": "write 'score * score'",
    "%": "write a share as a decimal, as in 0.5",
    "≥": "write '>='",
    "≤": "write '<='",
    "≠": "write '!='",
    "×": "write '*'",
    "−": "write '-'",
} | dict.fromkeys("“”„‘’", "write straight quotation marks")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "'": "'", "\\": "\\"}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)


@attrs.frozen
class Lexeme:
    """One word of the text: its kind (``name``, ``symbol``, ``number``, ``string``, ``time``,
    ``token``, ``end``), its text, and its position."""

    kind: str
    text: str
    at: int


def lex(text: str) -> Iterator[Lexeme]:
    """The words of the text, followed by an ``end``.

    Raises:
        GuardSyntaxError: part of the text is not a word of the language.
    """
    at = 0
    while at < len(text):
        match = _LEXEMES.match(text, at)
        if match is None:
            _strange_character(text, at)
        kind, word = cast(str, match.lastgroup), match.group()
        if kind == "wrong":
            fail(f"{word!r} is not an operator: {_REMEDIES[word]}", text, at)
        if kind in ("number", "time") and re.match(r"\w", text[match.end() : match.end() + 1]):
            message = "this is neither a number nor a time nor a name: write 1000, 0.5, 2024-05-01"
            fail(message, text, at)
        if kind == "token" and not is_name(word[1:]):
            fail(f"{shown(word[1:])} {NO_NAME}", text, at)
        if kind != "space":
            yield Lexeme(kind, word, at)
        at = match.end()
    yield Lexeme("end", "", at)


NO_NAME = "cannot be a name: it is a word of the language or of Python, or not in normal form"


def _number(word: str) -> int | float:
    if word.lstrip("-").isdigit():
        # Python refuses to parse integers of thousands of digits, so skip that.
        return int(word) if len(word) < 30 else 10**30
    return float(word)


def _time(word: str) -> datetime:
    try:
        return datetime.fromisoformat(word)
    except ValueError:
        raise GuardError(
            "there is no such time: write 2024-05-01 or 2024-05-01T10:00:00Z"
        ) from None


class _BadEscape(Exception):
    def __init__(self, at: int) -> None:
        self.at = at
        super().__init__(
            r"there is no such escape: use \n \t \r \" \' \\ or the code, \u00e9 or \U0001f600"
        )


def _string(word: str) -> str:
    def character(match: re.Match[str]) -> str:
        code = match[1] or match[2]
        if code and int(code, 16) <= 0x10FFFF:
            return chr(int(code, 16))
        if code or match[3] not in _ESCAPES:
            raise _BadEscape(1 + match.start())
        return _ESCAPES[match[3]]

    return _ESCAPE.sub(character, word[1:-1])


_READERS = {"number": _number, "time": _time, "string": _string}


def _strange_character(text: str, at: int) -> NoReturn:
    character = text[at]
    if character in "\"'":
        message = (
            "this text is not closed, or has a raw control character in it: close it with the "
            r"same quotation mark, and write \n or \u0007"
        )
    elif character == "$":
        message = "a token is '$' with its name, such as $mql_threshold"
    elif character.isprintable():
        message = f"{character!r} is not a character of the guard language"
    else:
        message = f"a character that cannot be seen, U+{ord(character):04X}: remove it"
    fail(message, text, at)


def shown(word: str) -> str:
    """A word as it appears in a message, shortened if it is long."""
    return repr(word if len(word) <= 40 else word[:40] + "…")


def fail(message: str, text: str, at: int) -> NoReturn:
    """Raise the error with its position in the text."""
    # A lone surrogate cannot be printed, so the error shows a replacement of equal width.
    printable = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    raise GuardSyntaxError(message, printable, at + 1) from None


class Cursor:
    """A position in the words of a text, with the small steps that a parser takes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.lexemes = list(lex(text))

    @property
    def here(self) -> Lexeme:
        """The next word."""
        return self.lexemes[self.position]

    def after(self) -> Lexeme:
        """The word after the next."""
        return self.lexemes[min(self.position + 1, len(self.lexemes) - 1)]

    def advance(self) -> Lexeme:
        """Return the next word and move past it; the position stays at the end."""
        lexeme = self.here
        self.position += lexeme.kind != "end"
        return lexeme

    def at_word(self, text: str) -> bool:
        """Whether this word or symbol comes next."""
        return self.here.text == text and self.here.kind in ("name", "symbol")

    def take(self, text: str) -> bool:
        """Move past this word or symbol if it comes next, and return whether it did."""
        taken = self.at_word(text)
        self.position += taken
        return taken

    def name(self, what: str) -> str:
        """Return the name that must come next, and move past it."""
        lexeme = self.advance()
        if lexeme.kind != "name" or lexeme.text in RESERVED:
            self.fail(f"the name of {what} is missing here", lexeme.at)
        return self.checked(lexeme)

    def checked(self, lexeme: Lexeme) -> str:
        """The text of a word, checked for use as a name."""
        if not is_name(lexeme.text):
            self.fail(f"{shown(lexeme.text)} {NO_NAME}", lexeme.at)
        return lexeme.text

    def constant(self, lexeme: Lexeme, sign: str = "") -> Const:
        """The constant that the word denotes."""
        try:
            return constant(_READERS[lexeme.kind](sign + lexeme.text))
        except _BadEscape as error:
            self.fail(str(error), lexeme.at + error.at)
        except GuardError as error:
            self.fail(str(error), lexeme.at)

    def fail(self, message: str, at: int) -> NoReturn:
        """Raise the error with its position in the text."""
        fail(message, self.text, at)
