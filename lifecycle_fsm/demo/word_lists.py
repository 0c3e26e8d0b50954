"""Names, industries and job titles, made up but realistic: the file beside this module has them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

_LISTS: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
FIRST_NAMES, LAST_NAMES, COMPANY_NAMES, TRADES, PLACES = (
    tuple(str(_LISTS[name]).split())
    for name in ("first_names", "last_names", "company_names", "trades", "places")
)
#: For mail and web addresses.
PLAIN_LETTERS = str.maketrans("çéèöøıığ", "ceeooiig") | str.maketrans(
    {"ä": "ae", "ü": "ue", "ß": "ss", " ": "-", "&": "and"}
)
INDUSTRIES: dict[str, str] = _LISTS["industries"]
COUNTRY_WEIGHTS: dict[str, int] = _LISTS["country_weights"]
COUNTRY_NAMES: dict[str, str] = _LISTS["country_names"]
PHONE_NUMBERS: dict[str, str] = _LISTS["phone_numbers"]
LEVEL_WEIGHTS: dict[str, int] = _LISTS["level_weights"]
TITLES: dict[str, tuple[str, ...]] = {
    level: tuple(titles) for level, titles in _LISTS["titles"].items()
}
PAGES, PRICING_PAGES, CUSTOMER_PAGES, PAPERS, HAND_RAISES, CAMPAIGNS = (
    tuple(map(str, _LISTS[name]))
    for name in ("pages", "pricing_pages", "customer_pages", "papers", "hand_raises", "campaigns")
)
