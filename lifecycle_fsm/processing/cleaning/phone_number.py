"""Telephone numbers to E.164, by ``phonenumbers``."""

from __future__ import annotations

import re
from functools import lru_cache

from lifecycle_fsm.processing.cleaning.libraries import library
from lifecycle_fsm.processing.cleaning.plain_text import clean_text

#: The library reads no more than 250 characters.
LONGEST = 250

# The library looks for a number anywhere in a text; a remark before it would be lost.
_STARTS_LIKE_A_NUMBER = re.compile(r"(?:tel:)?[+＋(\d]", re.IGNORECASE)


def clean_phone(text: str, country: str | None = None) -> str | None:
    """The number in E.164; nothing if it cannot be read for sure.

    A number with its country code must have a possible length: numbering plans grow faster than
    any list. One without is read in the plan of ``country`` (ISO alpha-2) and must be valid there,
    since the country is a guess of ours. An extension follows as in RFC 3966, or it would be lost.

    >>> clean_phone("(212) 736-5000", "US")
    '+12127365000'
    >>> clean_phone("+49 30 / 227-0")
    '+49302270'
    >>> clean_phone("+1 212 736 5000 ext. 4")
    '+12127365000;ext=4'
    >>> clean_phone("212 736 5000") is None
    True
    """
    if len(text) > LONGEST:
        return None
    return _clean(text, country)


@lru_cache(maxsize=65_536)
def _clean(text: str, country: str | None) -> str | None:
    phonenumbers = library("phonenumbers")
    plain = clean_text(text)
    if plain is None or not _STARTS_LIKE_A_NUMBER.match(plain):
        return None
    try:
        number = phonenumbers.parse(plain, country, keep_raw_input=True)
    except phonenumbers.NumberParseException:
        return None
    source = phonenumbers.CountryCodeSource
    if number.country_code_source == source.FROM_DEFAULT_COUNTRY:
        sure = phonenumbers.is_valid_number(number)
    else:
        length = phonenumbers.is_possible_number_with_reason(number)
        sure = length == phonenumbers.ValidationResult.IS_POSSIBLE
    if not sure:
        return None
    written = str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return f"{written};ext={number.extension}" if number.extension else written
