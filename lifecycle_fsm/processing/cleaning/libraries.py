"""The libraries that clean people's data, imported when the first value needs them."""

from __future__ import annotations

import importlib
from typing import Any

from lifecycle_fsm.errors import MissingExtra

_MODULES = {
    "email-validator": ("email_validator", "cleaning e-mail addresses"),
    "phonenumbers": ("phonenumbers", "cleaning telephone numbers"),
    "pycountry": ("pycountry", "cleaning names of countries"),
    "tldextract": ("tldextract", "finding the domain of a company"),
}


def library(package: str) -> Any:
    """The module of a package of the extra ``[clean]``.

    Raises:
        MissingExtra: it is not installed.
    """
    module, purpose = _MODULES[package]
    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingExtra("clean", package, purpose) from None
