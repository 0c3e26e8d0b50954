"""A walk of a tour, step by step."""

from __future__ import annotations

import pytest

from lifecycle_fsm import LifecycleError
from lifecycle_fsm.model import StepDef, load
from lifecycle_fsm.testing.cases import cases_of
from lifecycle_fsm.testing.cases.transition_tour import Walker
from tests.machine.small import small

WALKER = Walker(load("waterfall"))
SORTED = ["created: email = ann@acme.example", "processed"]


def test_each_step_says_where_it_led() -> None:
    steps = [
        *SORTED,
        "form_filled: form = Hand-Raise: Demo",
        "sales_rejected: reason = on holiday",
        "sales_rejected: reason = no_time",
        "reinstate",
        "wait 89 days 22:59:59",
        "wait 00:00:01",
    ]
    assert WALKER.walk(steps).outcomes == (
        "is in processing",
        "goes to mal by everybody_else",
        "goes to mql by qualified_by_hand_raise",
        "refused",
        "goes to recycled by recycled_by_sales",
        "refused",
        "stays in recycled",
        "goes to mal by rested",
    )


def test_walks_know_nothing_of_each_other() -> None:
    first = WALKER.walk([*SORTED, "changed: hand_raised = yes"]).outcomes
    assert WALKER.walk([*SORTED, "changed: hand_raised = yes"]).outcomes == first


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        ("from_filled: form = Demo", "no activity named 'from_filled'; did you mean 'form_filled'"),
        ("form_filled: fom = Demo", "no field named 'fom'; did you mean 'form'?"),
        ("form_filled", "form_filled: rejected: form_filled lacks its 'form'"),
        ("wait a while", "'a while' is no length of time"),
    ],
)
def test_what_is_no_step_is_said(step: str, complaint: str) -> None:
    with pytest.raises(LifecycleError) as caught:
        WALKER.walk([*SORTED, step])
    assert complaint in str(caught.value)


def test_steps_of_the_project_need_not_be_there() -> None:
    model = small(processing=[StepDef(number=10, name="ask_the_crm", writes=("level",))])
    tour = [row for row in cases_of(model) if row.part == "tour"]
    assert {row.rule for row in tour} >= {"to_b", "everybody_else"}
