"""A text without content is missing, wherever it comes in [S4]."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import pytest

from lifecycle_fsm import Lifecycle, StepDef, step
from tests.machine.small import DAY, HOUR, T, act, small

BLANKS = ["", " ", "\t \n", "\u00a0\u2003"]
Way: TypeAlias = Callable[[str], Lifecycle]


def admitted(**fields: Any) -> Lifecycle:
    lifecycle = Lifecycle(small())
    lifecycle.admit("p", at=T, **fields)
    return lifecycle


def by_apply(kind: str) -> Way:
    def way(blank: str) -> Lifecycle:
        lifecycle = admitted(industry="steel")
        lifecycle.apply("p", kind, at=T + DAY, company=blank, industry=blank)
        return lifecycle

    return way


def by_processed(blank: str) -> Lifecycle:
    lifecycle = Lifecycle(small())
    lifecycle.expect_processed("p")
    lifecycle.apply(act("0", "created", T))
    lifecycle.apply(act("1", "processed", T + HOUR, company=blank))
    return lifecycle


def by_step(blank: str) -> Lifecycle:
    @step(number=20, name="ask", writes="company")
    def ask(person: Any, context: Any) -> Mapping[str, Any]:
        return {"company": blank}

    lifecycle = Lifecycle(
        small(processing=(StepDef(number=20, name="ask", writes="company"),)), steps=[ask]
    )
    lifecycle.admit("p", at=T)
    return lifecycle


def by_table(blank: str) -> Lifecycle:
    options = {"key": "domain", "columns": {"company": "company"}}
    enrich = StepDef(number=20, use="enrich", options=options)
    lifecycle = Lifecycle(
        small(processing=(enrich,)),
        tables={"enrich": {"acme.example": {"company": blank}}},
    )
    lifecycle.admit("p", at=T, domain="acme.example", company=" ")
    return lifecycle


WAYS: dict[str, Way] = {
    "admit": lambda blank: admitted(company=blank),
    "changed": by_apply("changed"),
    "processed": by_processed,
    "the result of a step": by_step,
    "a row of a table": by_table,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
@pytest.mark.parametrize("blank", BLANKS, ids=ascii)
def test_s4_a_text_without_content_is_missing(way: Way, blank: str) -> None:
    lifecycle = way(blank)
    assert not lifecycle.parked
    assert lifecycle.person("p").company is None


@pytest.mark.parametrize("blank", [None, *BLANKS], ids=ascii)
def test_s4_what_comes_without_content_erases_in_changed_only(blank: str | None) -> None:
    lifecycle = admitted(company="Acme", source_latest="fair")
    person = lifecycle.person("p")
    lifecycle.apply("p", "web_visit", at=T + DAY, page="/", source=blank)
    assert person.source_latest == "fair"
    lifecycle.apply("p", "changed", at=T + DAY, company=blank)
    assert (person.company, person.source_latest) == (None, "fair")


#: A field that always has a value, what it was changed to, and what it is without one.
ALWAYS: dict[str, tuple[Any, Any]] = {
    "start": ("b", "a"),  # a default of the model
    "level": (7, 0),
    "ready": (True, False),
    "big": (2.5, 0.0),
    "created_by": ("sales", "marketing"),
    "unsubscribed": (True, False),
    "behavior_score": (12, 0),
}


@pytest.mark.parametrize("field", ALWAYS)
@pytest.mark.parametrize("nothing", [None, "", "  "], ids=ascii)
def test_s4_to_erase_a_field_that_always_has_a_value_gives_its_default(
    field: str, nothing: str | None
) -> None:
    value, default = ALWAYS[field]
    lifecycle = admitted(**{field: value})
    person = lifecycle.person("p")
    assert getattr(person, field) == value
    assert lifecycle.apply("p", "changed", at=T + DAY, **{field: nothing}).result == "unchanged"
    assert getattr(person, field) == default


def test_s4_a_kind_that_needs_a_text_rejects_one_without_content() -> None:
    decision = admitted().apply("p", "form_filled", at=T + DAY, form=" ")
    assert (decision.result, decision.reason) == (
        "rejected",
        "form_filled.form: a value is missing: str is required",
    )


@pytest.mark.parametrize("blank", BLANKS, ids=ascii)
def test_s4_created_with_nothing_is_created_without(blank: str) -> None:
    """As a form sends it: every field is there, and most are empty."""
    person = admitted(company=blank, start=blank, employees=blank, level=None).person("p")
    fields = (person.company, person.start, person.employees, person.level)  # type: ignore[attr-defined]
    assert fields == (None, "a", None, 0)
