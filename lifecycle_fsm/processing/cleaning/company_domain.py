"""The registered domain of a company, by ``tldextract`` with the list that it ships.

The list is never fetched: what a person's domain is must not depend on the day, on a proxy, or on
a cache that somebody else filled.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from lifecycle_fsm.processing.cleaning.email_address import clean_mail_domain
from lifecycle_fsm.processing.cleaning.free_mail import FREE_MAIL
from lifecycle_fsm.processing.cleaning.libraries import library
from lifecycle_fsm.processing.cleaning.plain_text import clean_text

LONGEST = 2_000


def clean_domain(text: str) -> str | None:
    """The registered domain of a web address, a host or an e-mail address; or nothing.

    >>> clean_domain("https://www.Acme.co.uk/about?x=1"), clean_domain("ada@mail.acme.com")
    ('acme.co.uk', 'acme.com')
    >>> clean_domain("localhost") is None
    True
    """
    if len(text) > LONGEST:
        return None
    return _clean(text)


def is_free_mail(domain: str) -> bool:
    """Whether everybody can have an address there, so that it says nothing about a company.

    >>> is_free_mail("gmail.com"), is_free_mail("acme.com")
    (True, False)
    """
    return domain in FREE_MAIL


@lru_cache(maxsize=65_536)
def _clean(text: str) -> str | None:
    plain = clean_text(text)
    if plain is None:
        return None
    found = _extractor()(plain)
    if not (found.domain and found.suffix):
        return None
    return clean_mail_domain(f"{found.domain}.{found.suffix}".lower())


@cache
def _extractor() -> Any:
    # Without addresses it fetches nothing, without a folder it writes nothing. The list of public
    # suffixes leaves out what is reserved for examples; ours should work like the real thing.
    return library("tldextract").TLDExtract(
        cache_dir=None, suffix_list_urls=(), extra_suffixes=("example",)
    )
