"""The cleaners: small pure functions from a raw text to its normal form or ``None``.

``None`` means "cannot be read"; the caller then keeps the raw text, because a wrong guess costs
more than an untidy value. No cleaner raises an error for any text.
"""

from __future__ import annotations

import importlib
import re
import tomllib
import unicodedata
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from lifecycle_fsm.errors import MissingExtra

_WORDS = tomllib.loads(Path(__file__).with_name("cleaning_words.toml").read_text("utf-8"))

# ------------------------------------------------------------------ libraries
#
# The libraries that clean personal data, imported when the first value needs them.


_MODULES = {
    "email-validator": ("email_validator", "cleaning e-mail addresses"),
    "phonenumbers": ("phonenumbers", "cleaning telephone numbers"),
    "pycountry": ("pycountry", "cleaning names of countries"),
    "tldextract": ("tldextract", "finding the domain of a company"),
}


def library(package: str) -> Any:
    """The module of a package in the extra ``[clean]``.

    Raises:
        MissingExtra: it is not installed.
    """
    module, purpose = _MODULES[package]
    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingExtra("clean", package, purpose) from None


# ------------------------------------------------------------------ plain text
#
# Names and titles: the same name must give the same text, whatever keyboard typed it.


# Control characters that are not white space, and zero-width marks that copying from a web page or
# a spreadsheet leaves behind. The joiners U+200C and U+200D stay: Persian and Hindi need them.
_DROPPED = {
    code: None
    for code in (*range(0x20), *range(0x7F, 0xA0), 0x200B, 0x2060, 0xFEFF)
    if not chr(code).isspace()
}


def clean_text(text: str) -> str | None:
    r"""The text trimmed, with single spaces, in Unicode NFC; ``None`` if nothing is left.

    >>> clean_text("  Ada   Lovelace ")
    'Ada Lovelace'
    >>> clean_text("Zoe\u0308") == "Zo\u00eb"
    True
    >>> clean_text(" \t ") is None
    True
    """
    if text.isascii() and text.isprintable() and "  " not in text and text == text.strip():
        return text or None  # by far the most common case
    plain = " ".join(text.translate(_DROPPED).split())
    if not plain.isascii():
        plain = unicodedata.normalize("NFC", plain)
    return plain or None


# ------------------------------------------------------------------ email address
#
# E-mail addresses, by ``email-validator``: syntax only, without checking whether they exist.


#: No address is longer than 254 characters; a text far beyond that is not parsed.
LONGEST_EMAIL = 500

# The usual address, of which only the domain needs the library: a million people have a million
# addresses, but few domains. Capital letters are allowed only with a dot, because the library
# lower-cases some mailbox names (POSTMASTER@), none of which has a dot.
_USUAL = re.compile(
    r"([a-z0-9_+-]+|[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)+)@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)"
)
# The usual domain, of which only the last part needs the library, which knows where mail cannot go.
# No two hyphens in a row, because xn-- marks another encoding.
_USUAL_DOMAIN = re.compile(r"(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+([a-z0-9]+(?:-[a-z0-9]+)*)")
_LONGEST_LABEL = 63


def clean_email(text: str) -> str | None:
    """The address in normal form with a lower-case domain; ``None`` if it is not an address.

    The part before the @ keeps its case, whose meaning only its own mail server knows.

    >>> clean_email(" Ada.Lovelace@Example.COM ")
    'Ada.Lovelace@example.com'
    >>> clean_email("ada@müller.de") == clean_email("ada@XN--MLLER-KVA.de")
    True
    >>> clean_email("ada at example.com") is None
    True
    """
    if len(text) > LONGEST_EMAIL:
        return None
    return _clean_email(text)


@lru_cache(maxsize=256)  # the domain of a company is found in the address once more
def _clean_email(text: str) -> str | None:
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
    """The domain in lower case and readable Unicode; ``None`` if mail cannot go there.

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
        address = email_validator.validate_email(text, check_deliverability=False)
    except ValueError:  # every refusal of the library is one, as is text that cannot be encoded
        return None
    return str(address.normalized)


# ------------------------------------------------------------------ free mail
#
# Mail providers that are open to everyone, whose domains are not those of companies.
#
# A project adds its own with the option ``free_mail`` of the step ``normalise``.


FREE_MAIL = frozenset(_WORDS["free_mail"].split())


# ------------------------------------------------------------------ company domain
#
# The registered domain of a company, by ``tldextract`` with the list that it ships.
#
# The list is never downloaded: a person's domain must not depend on the day, on a proxy, or on a
# cache that another program filled.


LONGEST_DOMAIN = 2_000


def clean_domain(text: str) -> str | None:
    """The registered domain of a web address, a host or an e-mail address; otherwise ``None``.

    >>> clean_domain("https://www.Acme.co.uk/about?x=1"), clean_domain("ada@mail.acme.com")
    ('acme.co.uk', 'acme.com')
    >>> clean_domain("localhost") is None
    True
    """
    if len(text) > LONGEST_DOMAIN:
        return None
    return _clean_domain(text)


def is_free_mail(domain: str) -> bool:
    """Whether anyone can get an address there, so that the domain does not identify a company.

    >>> is_free_mail("gmail.com"), is_free_mail("acme.com")
    (True, False)
    """
    return domain in FREE_MAIL


@lru_cache(maxsize=65_536)
def _clean_domain(text: str) -> str | None:
    plain = clean_text(text)
    if plain is None:
        return None
    parts = _extractor()(plain)
    if not (parts.domain and parts.suffix):
        return None
    return clean_mail_domain(f"{parts.domain}.{parts.suffix}".lower())


@cache
def _extractor() -> Any:
    # Without URLs it downloads nothing; without a folder it writes nothing. The public suffix list
    # leaves out domains reserved for examples; ours should behave like real ones.
    return library("tldextract").TLDExtract(
        cache_dir=None, suffix_list_urls=(), extra_suffixes=("example",)
    )


# ------------------------------------------------------------------ country code
#
# Names of countries to ISO 3166 alpha-2, by ``pycountry`` and a table of everyday names.
#
# Exact names only: a fuzzy search turns Niger into Nigeria.


LONGEST_COUNTRY = 100

#: Names that people write but the standard lacks: short forms, parts of the United Kingdom, former
#: names, and countries in their own languages.
ALIASES: dict[str, str] = {
    name: code for code, names in _WORDS["countries"].items() for name in names.split(", ")
}


def clean_country(text: str) -> str | None:
    """The code of the country, from a code or an exact name; otherwise ``None``.

    >>> clean_country("Germany"), clean_country("deu"), clean_country(" the Netherlands ")
    ('DE', 'DE', 'NL')
    >>> clean_country("UK"), clean_country("U.S.A.")
    ('GB', 'US')
    >>> clean_country("Germny") is None
    True
    """
    if len(text) > LONGEST_COUNTRY:
        return None
    return _clean_country(text)


@lru_cache(maxsize=16_384)
def _clean_country(text: str) -> str | None:
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


# ------------------------------------------------------------------ job level
#
# Job titles to the level of the job, by a table that sales can read and discuss.
#
# The table is a decision list: the first row with a word of the title wins. A title that matches no
# row has no level, because "staff" would be a claim, and a person about whom little is known must
# not lose points for it.


LONGEST_TITLE = 300

#: Levels and their words; the first match wins.
LEVELS: tuple[tuple[str, tuple[str, ...]], ...] = tuple(
    (row["level"], tuple(row["words"])) for row in _WORDS["levels"]
)

_LINES = tuple(
    (level, re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, words))})(?![\w-])"))
    for level, words in LEVELS
)


def seniority_of(title: str) -> str | None:
    """The level of a job title: c_level, vp, director, head, manager or staff; ``None`` if unknown.

    >>> seniority_of("Chief Marketing Officer"), seniority_of("Sr. VP, Sales")
    ('c_level', 'vp')
    >>> seniority_of("Assistant to the CEO"), seniority_of("Wizard")
    ('staff', None)
    """
    if len(title) > LONGEST_TITLE:
        return None
    return _level(title)


@lru_cache(maxsize=65_536)
def _level(title: str) -> str | None:
    words = (clean_text(title) or "").lower().replace(".", "")  # "V.P." is "vp"
    return next((level for level, pattern in _LINES if pattern.search(words)), None)


# ------------------------------------------------------------------ phone number
#
# Telephone numbers to E.164, by ``phonenumbers``.


#: The library parses at most 250 characters.
LONGEST_PHONE = 250

# The library finds a number anywhere in a text; a remark before it would be lost.
_STARTS_LIKE_A_NUMBER = re.compile(r"(?:tel:)?[+＋(\d]", re.IGNORECASE)


def clean_phone(text: str, country: str | None = None) -> str | None:
    """The number in E.164; ``None`` if it cannot be read reliably.

    A number with a country code must have a possible length: numbering plans grow faster than any
    list. A number without one is read in the plan of ``country`` (ISO alpha-2) and must be valid
    there, because the country is only assumed. An extension is kept, as in RFC 3966.

    >>> clean_phone("(212) 736-5000", "US")
    '+12127365000'
    >>> clean_phone("+49 30 / 227-0")
    '+49302270'
    >>> clean_phone("+1 212 736 5000 ext. 4")
    '+12127365000;ext=4'
    >>> clean_phone("212 736 5000") is None
    True
    """
    if len(text) > LONGEST_PHONE:
        return None
    return _clean_phone(text, country)


@lru_cache(maxsize=65_536)
def _clean_phone(text: str, country: str | None) -> str | None:
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
