"""Names and titles: the same name must be the same text, whichever keyboard wrote it."""

from __future__ import annotations

import unicodedata

# Control characters that are no white space, and marks of no width that copying from a web page
# or a spreadsheet leaves behind. The joiners U+200C and U+200D stay: Persian and Hindi need them.
_DROPPED = {
    code: None
    for code in (*range(0x20), *range(0x7F, 0xA0), 0x200B, 0x2060, 0xFEFF)
    if not chr(code).isspace()
}


def clean_text(text: str) -> str | None:
    r"""The text trimmed, with single spaces, in Unicode NFC; nothing where nothing is left.

    >>> clean_text("  Ada   Lovelace ")
    'Ada Lovelace'
    >>> clean_text("Zoe\u0308") == "Zo\u00eb"
    True
    >>> clean_text(" \t ") is None
    True
    """
    if text.isascii() and text.isprintable() and "  " not in text and text == text.strip():
        return text or None  # by far the most common
    plain = " ".join(text.translate(_DROPPED).split())
    if not plain.isascii():
        plain = unicodedata.normalize("NFC", plain)
    return plain or None
