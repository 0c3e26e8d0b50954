"""E-mail addresses, by ``email-validator``: syntax only, nobody is asked whether they exist."""

from __future__ import annotations

import re
from functools import lru_cache

from lifecycle_fsm.processing.cleaning.libraries import library
from lifecycle_fsm.processing.cleaning.plain_text import clean_text

#: No address is longer than 254 characters; what is far longer is not worth reading.
LONGEST = 500

# The usual address, where only the domain needs the library: a million people have a million
# addresses, but few domains. Capital letters only beside a dot, since the library writes some
# mailbox names (POSTMASTER@) small, none of which has one.
_USUAL = re.compile(
    r"([a-z0-9_+-]+|[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)+)@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)"
)
# The usual domain, of which only the last part needs the library: it knows where no mail can go.
# No two hyphens in a row, because xn-- stands for another spelling.
_USUAL_DOMAIN = re.compile(r"(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+([a-z0-9]+(?:-[a-z0-9]+)*)")
_LONGEST_LABEL = 63


def clean_email(text: str) -> str | None:
    """The address in normal form, the domain in small letters; nothing if it is no address.

    The part before the @ keeps its case, which only its own mail server can judge.

    >>> clean_email(" Ada.Lovelace@Example.COM ")
    'Ada.Lovelace@example.com'
    >>> clean_email("ada@müller.de") == clean_email("ada@XN--MLLER-KVA.de")
    True
    >>> clean_email("ada at example.com") is None
    True
    """
    if len(text) > LONGEST:
        return None
    plain = clean_text(text)
    if plain is None:
        return None
    usual = _USUAL.fullmatch(plain)
    if usual and len(plain) <= 254:
        domain = clean_mail_domain(usual[2])
        return f"{usual[1]}@{domain}" if domain else None
    return _by_library(plain)


@lru_cache(maxsize=65_536)
def clean_mail_domain(domain: str) -> str | None:
    """The domain in small letters and readable Unicode; nothing if no mail can go there.

    >>> clean_mail_domain("Example.COM"), clean_mail_domain("xn--mller-kva.de")
    ('example.com', 'müller.de')
    """
    if domain.isascii() and len(domain) <= _LONGEST_LABEL:
        small = domain.lower()
        usual = _USUAL_DOMAIN.fullmatch(small)
        if usual:
            return small if _takes_mail(usual[1]) else None
    address = _by_library(f"a@{domain}")
    return address[2:] if address else None


@lru_cache(maxsize=4_096)
def _takes_mail(top: str) -> bool:
    return _by_library(f"a@a.{top}") == f"a@a.{top}"


@lru_cache(maxsize=4_096)
def _by_library(text: str) -> str | None:
    email_validator = library("email-validator")
    try:
        found = email_validator.validate_email(text, check_deliverability=False)
    except ValueError:  # every refusal of the library is one, and so is unencodable text
        return None
    return str(found.normalized)
