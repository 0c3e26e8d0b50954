"""Step 010: clean the record, so that later steps and guards can compare values directly [S13].

Nothing is lost: a value that cannot be read reliably stays as it was written, and a derived value
never replaces one that was entered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from lifecycle_fsm.errors import suggest
from lifecycle_fsm.fields import Value
from lifecycle_fsm.processing.cleaning import (
    clean_country,
    clean_domain,
    clean_email,
    clean_phone,
    clean_text,
    is_free_mail,
    library,
    seniority_of,
)
from lifecycle_fsm.processing.step import BuiltStep, Context, Options, Resources, Run

_TEXTS = ("first_name", "last_name", "company", "job_title")
#: The fields that the step can clean, in order: the phone number needs the country, the domain
#: needs the e-mail address, the seniority needs the job title.
FIELDS = (*_TEXTS, "email", "country", "phone", "domain", "seniority")

_NEEDS = {
    "email": ("email-validator",),
    "country": ("pycountry",),
    "phone": ("phonenumbers",),
    "domain": ("email-validator", "tldextract"),
}
_SOURCES = {"phone": ("country",), "domain": ("email",), "seniority": ("job_title",)}

Changes = dict[str, Value]
_Cleaner = Callable[[Any, Changes], None]


def make(options: Options, resources: Resources) -> BuiltStep:
    """The step ``normalise``.

    Options: ``fields``, the fields to clean, by default all; ``phone_country``, the country (ISO
    alpha-2) whose numbering plan is used for people without a country; ``free_mail``, further
    domains that do not belong to a company.
    """
    fields = options.texts("fields", FIELDS)
    for name in fields:
        if name not in FIELDS:
            options.wrong("fields", f"{name!r} is no field to clean{suggest(name, FIELDS)}")
    region = options.text("phone_country").upper()
    if region and (len(region) != 2 or not region.isalpha()):
        options.wrong("phone_country", f"write two letters, such as DE, not {region!r}")
    free_mail = frozenset(domain.lower() for domain in options.texts("free_mail"))
    options.close()

    cleaners: dict[str, _Cleaner] = {
        **{name: partial(_plain, name, clean_text) for name in _TEXTS},
        "email": partial(_plain, "email", clean_email),
        "country": partial(_plain, "country", clean_country),
        "phone": partial(_phone, region or None),
        "domain": partial(_domain, free_mail),
        "seniority": _seniority,
    }
    used = [name for name in FIELDS if name in fields]
    for name in used:
        for package in _NEEDS.get(name, ()):
            library(package)
    reads = dict.fromkeys(source for name in used for source in (*_SOURCES.get(name, ()), name))
    return BuiltStep(_in_turn(tuple(cleaners[name] for name in used)), tuple(reads), tuple(used))


def _in_turn(cleaners: tuple[_Cleaner, ...]) -> Run:
    def run(person: Any, context: Context) -> Mapping[str, Value]:
        changes: Changes = {}
        for clean in cleaners:
            clean(person, changes)
        return changes

    return run


def _now(person: Any, changes: Changes, name: str) -> Any:
    """The value, including the changes of this step so far."""
    return changes[name] if name in changes else getattr(person, name)


def _put(name: str, raw: str, clean: str | None, changes: Changes) -> None:
    """Set the clean value. If there is none, the raw value stays, but blank text is removed."""
    if clean is not None:
        if clean != raw:
            changes[name] = clean
    elif clean_text(raw) is None:
        changes[name] = None


def _plain(name: str, clean: Callable[[str], str | None], person: Any, changes: Changes) -> None:
    raw = getattr(person, name)
    if raw is not None:
        _put(name, raw, clean(raw), changes)


def _phone(default_region: str | None, person: Any, changes: Changes) -> None:
    raw = person.phone
    if raw is not None:
        country = _now(person, changes, "country")
        # A country that could not be cleaned is not a region; the cleaner treats it as none.
        _put("phone", raw, clean_phone(raw, country or default_region), changes)


def _domain(free_mail: frozenset[str], person: Any, changes: Changes) -> None:
    """The domain from the company's web address, else from a company's e-mail address."""
    raw = person.domain
    if raw is not None and clean_text(raw) is not None:
        domain = clean_domain(raw)
        if domain is not None and (is_free_mail(domain) or domain in free_mail):
            # If it were kept, everyone with an address there would seem to be of one company.
            changes["domain"] = None
        else:
            _put("domain", raw, domain, changes)
        return
    email = _now(person, changes, "email")
    # A text that is not an address may contain a dot and two letters by chance.
    address = clean_email(email) if email else None
    derived = clean_domain(address.rpartition("@")[2]) if address else None
    if derived is not None and not is_free_mail(derived) and derived not in free_mail:
        changes["domain"] = derived
    elif raw is not None:
        changes["domain"] = None


def _seniority(person: Any, changes: Changes) -> None:
    title = _now(person, changes, "job_title")
    if title and not person.seniority:
        level = seniority_of(title)
        if level is not None:
            changes["seniority"] = level
