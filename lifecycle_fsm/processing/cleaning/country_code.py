"""Names of countries to ISO 3166 alpha-2, by ``pycountry`` and a table of names in daily use.

Exact names only. A search for something similar turns Niger into Nigeria.
"""

from __future__ import annotations

from functools import lru_cache

from lifecycle_fsm.processing.cleaning.libraries import library
from lifecycle_fsm.processing.cleaning.plain_text import clean_text

LONGEST = 100

#: What people write and the standard does not have: short forms, parts of the United Kingdom,
#: former names, and countries in their own language.
ALIASES = {
    "uk": "GB",
    "great britain": "GB",
    "britain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "northern ireland": "GB",
    "united states of america (usa)": "US",
    "republic of ireland": "IE",
    "holland": "NL",
    "russia": "RU",
    "turkey": "TR",
    "türkei": "TR",
    "uae": "AE",
    "emirates": "AE",
    "ivory coast": "CI",
    "cape verde": "CV",
    "swaziland": "SZ",
    "macedonia": "MK",
    "burma": "MM",
    "macau": "MO",
    "vatican": "VA",
    "palestine": "PS",
    "deutschland": "DE",
    "österreich": "AT",
    "schweiz": "CH",
    "suisse": "CH",
    "svizzera": "CH",
    "españa": "ES",
    "italia": "IT",
    "polska": "PL",
    "nederland": "NL",
    "belgië": "BE",
    "belgique": "BE",
    "danmark": "DK",
    "sverige": "SE",
    "norge": "NO",
    "suomi": "FI",
    "česko": "CZ",
    "brasil": "BR",
    "méxico": "MX",
    "日本": "JP",
    "中国": "CN",
}


def clean_country(text: str) -> str | None:
    """The code of the country, from a code or an exact name; nothing if it is neither.

    >>> clean_country("Germany"), clean_country("deu"), clean_country(" the Netherlands ")
    ('DE', 'DE', 'NL')
    >>> clean_country("UK"), clean_country("U.S.A.")
    ('GB', 'US')
    >>> clean_country("Germny") is None
    True
    """
    if len(text) > LONGEST:
        return None
    return _clean(text)


@lru_cache(maxsize=16_384)
def _clean(text: str) -> str | None:
    countries = library("pycountry").countries
    word = (clean_text(text) or "").casefold()
    for name in (word, word.replace(".", ""), word.removeprefix("the ")):
        if not name:
            continue
        if name in ALIASES:
            return ALIASES[name]
        try:
            return str(countries.lookup(name).alpha_2)
        except LookupError:
            continue
    return None
