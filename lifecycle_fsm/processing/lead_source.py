"""Step 030: the first and the last source of the person, and who gets the credit [S13][S17].

First touch and last touch are two fields, because they answer two questions: what brings new
people, and what made this one act now.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lifecycle_fsm.errors import suggest
from lifecycle_fsm.fields import Value
from lifecycle_fsm.processing.step import BuiltStep, Context, Options, Resources

#: Ways in which many people arrive at once. Marketing works such a list, no matter who sent it.
BULK = ("list", "bulk")
_WRITES = ("source", "source_latest", "sourced_by")


def make(options: Options, resources: Resources) -> BuiltStep:
    """The step ``lead_source``.

    ``source`` is set once and stays: the known value or else the first field in the option ``from``
    that has one. ``source_latest`` is the last touch, initially the same. ``sourced_by`` is sales
    for people created by sales, except those from a bulk list, who count for marketing: role beats
    origin. Known values of these three fields are only tidied, never replaced.

    Options: ``from``, the fields to take the source from, by default ``created_through``;
    ``values``, a table from raw source to tidy name, case-insensitive; ``default``, the source of
    people without one, by default ``unknown``; ``bulk``, the values of ``created_through`` that
    mean a list.
    """
    fields = options.texts("from", ("created_through",))
    for name in fields:
        if name not in resources.types:
            options.wrong("from", f"no field named {name!r}{suggest(name, resources.types)}")
        elif resources.types[name].kind != "str":
            options.wrong("from", f"{name!r} holds no text but {resources.types[name].kind}")
    values = {_word(raw): tidy for raw, tidy in options.names("values").items()}
    for raw, tidy in values.items():
        if values.get(_word(tidy), tidy) != tidy:
            # Otherwise a second pass through the step would change the source again.
            options.wrong("values", f"{raw!r} becomes {tidy!r}, which becomes something else again")
    default = options.text("default", "unknown")
    bulk = frozenset(map(_word, options.texts("bulk", BULK)))
    options.close()

    def tidied(value: str | None) -> str | None:
        if value is None or not value.strip():
            return None
        return values.get(_word(value), value.strip())

    def run(person: Any, context: Context) -> Mapping[str, Value]:
        changes: dict[str, Value] = {}
        source = tidied(person.source)
        if source is None:
            origins = (tidied(getattr(person, name)) for name in fields)
            source = next((origin for origin in origins if origin is not None), default)
        latest = tidied(person.source_latest) or source
        if source != person.source:
            changes["source"] = source
        if latest != person.source_latest:
            changes["source_latest"] = latest
        if person.sourced_by is None:
            in_bulk = _word(person.created_through or "") in bulk
            changes["sourced_by"] = (
                "sales" if person.created_by == "sales" and not in_bulk else "marketing"
            )
        return changes

    reads = dict.fromkeys((*_WRITES, "created_by", "created_through", *fields))
    return BuiltStep(run, tuple(reads), _WRITES)


def _word(text: str) -> str:
    return " ".join(text.split()).casefold()
