"""The data silo: what an activity says becomes fields [S18]; opportunities by id [S22]."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle_fsm import ActivityKind, DataRule, FieldDef, FieldType, ModelError, RecordError, load
from lifecycle_fsm.orchestrator import Orchestrator
from lifecycle_fsm.silos.data import DataSilo
from tests.machine.small import (
    DAY,
    HOUR,
    T,
    act,
    admitted,
    hops,
    move,
    running,
    small,
)


def waterfall(**fields: Any) -> tuple[Orchestrator, Any]:
    orchestrator = Orchestrator(load("waterfall"))
    return orchestrator, admitted(orchestrator, **fields)


# ------------------------------------------------------------------ the built-in kinds

WRITES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "form_filled": (
        {"form": "News", "source": "fair"},
        {"last_form": "News", "source_latest": "fair", "hand_raised": False},
    ),
    "web_visit": ({"page": "/", "source": "ad"}, {"source_latest": "ad"}),
    "unsubscribed": ({}, {"unsubscribed": True}),
    "score_given": ({"points": -5}, {"behavior_score": -5}),
    "owner_changed": ({"owner": "ada"}, {"owner": "ada", "owner_changed_at": T + HOUR}),
    "sales_touched": ({"by": "ada"}, {"sales_touched_at": T + HOUR}),
    "lead_status_changed": (
        {"status": "working", "reason": "x"},
        {"lead_status": "working", "rejection_reason": "x"},
    ),
    "crm_synced": ({}, {"crm_synced_at": T + HOUR}),
    "converted": ({"contact": "c"}, {"converted_at": T + HOUR}),
    "changed": ({"company": "Acme", "employees": "12"}, {"company": "Acme", "employees": 12}),
    "sales_rejected": ({"reason": "no_time"}, {"rejection_reason": "no_time"}),
}


@pytest.mark.parametrize("kind", WRITES)
def test_s18_what_each_kind_writes(kind: str) -> None:
    payload, fields = WRITES[kind]
    orchestrator, person = waterfall()
    orchestrator.apply(act("1", kind, T + HOUR, **payload))
    assert {name: getattr(person, name) for name in fields} == fields


def test_r17_a_hand_raise_is_known_by_the_name_of_its_form() -> None:
    for form, raised in {
        "Hand-Raise: Demo": True,
        "Hand-Raise: Free Trial": True,
        "hand-raise: demo": False,
        "About Hand-Raise: Demo": False,
        "Newsletter": False,
    }.items():
        orchestrator, person = waterfall()
        orchestrator.apply(act("1", "form_filled", T + HOUR, form=form))
        assert person.hand_raised is raised, form
        assert person.hand_raised_at == (T + HOUR if raised else None)


def test_s18_what_did_not_come_erases_nothing() -> None:
    orchestrator, person = waterfall(source="fair", owner="ada")
    orchestrator.apply(act("1", "form_filled", T + HOUR, form="News"))
    assert (person.source_latest, person.owner) == ("fair", "ada")


@pytest.mark.parametrize("payload", [{"owner": ""}, {"owner": " "}, {"owner": None}, {}])
def test_s4_an_owner_without_content_is_nobody(payload: dict[str, Any]) -> None:
    orchestrator, person = waterfall(owner="ada")
    orchestrator.apply(act("1", "owner_changed", T + HOUR, **payload))
    assert (person.owner, person.owner_changed_at) == (None, T + HOUR)


def test_s18_data_never_read_the_stage() -> None:
    for guard in ("stage == 'a'", "days in stage >= 3", "journey >= 2"):
        with pytest.raises(ModelError, match="never read the stage"):
            small(data=(DataRule(on="web_visit", when=guard, then={"level": 1}),))


def test_s18_rules_of_the_model_run_in_the_order_written_after_the_kinds_own() -> None:
    orchestrator, person = running(
        data=(
            DataRule(on="web_visit", then={"level": "level + 1"}),
            DataRule(on="web_visit", when="level >= 1", then={"level": "level * 10"}),
            DataRule(on="form_filled", then={"owner": "last_form"}),
        )
    )
    orchestrator.apply(act("1", "web_visit", T + HOUR))
    orchestrator.apply(act("2", "form_filled", T + HOUR, form="News"))
    assert (person.level, person.owner) == (10, "News")  # type: ignore[attr-defined]


def test_s18_a_kind_of_the_models_own_brings_sets_and_asks() -> None:
    badge = ActivityKind(
        name="badge_scanned",
        payload=(FieldDef("stand", FieldType("str")), FieldDef("minutes", FieldType("int"))),
        sets={"source_latest": "activity.stand", "level": "max(level, activity.minutes)"},
        trigger="met",
    )
    orchestrator, person = running(
        move("met", "a", "b", on="met", when="level >= 5"), kinds=(badge,)
    )
    refused = orchestrator.apply(act("1", "badge_scanned", T + HOUR, stand="B7", minutes=3))
    assert refused.result == "refused"
    assert orchestrator.apply(act("2", "badge_scanned", T + HOUR, stand="B7", minutes=6)).moved
    assert (person.source_latest, person.level) == ("B7", 6)  # type: ignore[attr-defined]


def test_s5_what_a_kind_takes_is_checked_and_stored_in_its_form() -> None:
    silo = DataSilo(load("waterfall"))
    assert silo.accept("score_given", {"points": "7"}) == {"points": 7}
    assert silo.accept("opportunity_won", {"opportunity": "o", "amount": "12.5"}) == {
        "opportunity": "o",
        "amount": 12.5,
    }
    for kind, payload, said in (
        ("score_givne", {}, "did you mean 'score_given'"),
        ("score_given", {}, "lacks its 'points'"),
        ("score_given", {"points": None}, "points"),
        ("score_given", {"points": 1.5}, "whole number"),
        ("opportunity_won", {"opportunity": "o", "amount": float("nan")}, "finite"),
        ("opportunity_won", {}, "lacks its 'opportunity'"),
    ):
        with pytest.raises(RecordError, match=said):
            silo.accept(kind, payload)


# ------------------------------------------------------------------ opportunities

OPEN: dict[str, Any] = {"amount": 1000, "closes_at": T + 90 * DAY}


def test_r3_an_opportunity_counts_as_open_once_it_has_an_amount_and_a_close_date() -> None:
    orchestrator, person = waterfall(created_by="sales")
    assert person.stage == "sal"
    orchestrator.apply(act("1", "opportunity_opened", T + HOUR, opportunity="o"))
    assert (person.stage, person.open_opportunities) == ("sal", 0)
    orchestrator.apply(act("2", "opportunity_changed", T + 2 * HOUR, opportunity="o", amount=1000))
    assert (person.stage, person.open_opportunities) == ("sal", 0)
    decision = orchestrator.apply(
        act("3", "opportunity_changed", T + 3 * HOUR, opportunity="o", closes_at=T + DAY)
    )
    assert (person.stage, person.open_opportunities) == ("sql", 1)
    assert decision.rows[0].rule == "opportunity_opened"


def test_s22_a_loss_leaves_sql_only_when_none_is_open_r4() -> None:
    orchestrator, person = waterfall(created_by="sales")
    for number, name in enumerate(("one", "two")):
        orchestrator.apply(
            act(f"o{number}", "opportunity_opened", T + HOUR, opportunity=name, **OPEN)
        )
    assert (person.stage, person.open_opportunities) == ("sql", 2)
    orchestrator.apply(act("3", "opportunity_lost", T + DAY, opportunity="one"))
    assert (person.stage, person.open_opportunities) == ("sql", 1)
    assert person.last_lost_at == T + DAY
    orchestrator.apply(act("4", "opportunity_lost", T + 2 * DAY, opportunity="two"))
    assert (person.stage, person.open_opportunities) == ("recycled", 0)
    assert hops(person)[-1] == ("sql", "recycled", "lost")


def test_s22_one_lost_and_the_other_won() -> None:
    orchestrator, person = waterfall(created_by="sales")
    for number, name in enumerate(("one", "two")):
        orchestrator.apply(
            act(f"o{number}", "opportunity_opened", T + HOUR, opportunity=name, **OPEN)
        )
    orchestrator.apply(act("3", "opportunity_lost", T + DAY, opportunity="one"))
    orchestrator.apply(act("4", "opportunity_won", T + 2 * DAY, opportunity="two"))
    assert (person.stage, person.open_opportunities, person.won_opportunities) == ("customer", 0, 1)


def test_s22_the_same_opportunity_twice_is_one() -> None:
    orchestrator, person = waterfall(created_by="sales")
    orchestrator.apply(act("1", "opportunity_opened", T + HOUR, opportunity="o", **OPEN))
    orchestrator.apply(act("2", "opportunity_opened", T + 2 * HOUR, opportunity="o", amount=2000))
    assert person.open_opportunities == 1
    orchestrator.apply(act("3", "opportunity_won", T + 3 * HOUR, opportunity="o"))
    orchestrator.apply(act("4", "opportunity_won", T + 4 * HOUR, opportunity="o"))
    assert (person.open_opportunities, person.won_opportunities) == (0, 1)


def test_s22_a_lost_opportunity_can_be_opened_again() -> None:
    orchestrator, person = waterfall(created_by="sales")
    orchestrator.apply(act("1", "opportunity_opened", T + HOUR, opportunity="o", **OPEN))
    orchestrator.apply(act("2", "opportunity_lost", T + DAY, opportunity="o"))
    assert person.stage == "recycled"
    # A change of the amount does not open it.
    orchestrator.apply(act("3", "opportunity_changed", T + 2 * DAY, opportunity="o", amount=5))
    assert (person.stage, person.open_opportunities) == ("recycled", 0)
    orchestrator.apply(act("4", "opportunity_opened", T + 3 * DAY, opportunity="o"))
    assert (person.stage, person.open_opportunities) == ("sql", 1)
    assert hops(person)[-1] == ("recycled", "sql", "reopened")


def test_s22_a_new_opportunity_of_a_customer_is_no_stage_change() -> None:
    orchestrator, person = waterfall(won_opportunities=1)
    assert person.stage == "customer"
    orchestrator.apply(act("1", "opportunity_opened", T + DAY, opportunity="n", **OPEN))
    orchestrator.apply(act("2", "opportunity_lost", T + 2 * DAY, opportunity="n"))
    assert person.stage == "customer"


def test_s22_a_loss_of_an_earlier_journey_does_not_recycle_the_next() -> None:
    orchestrator, person = waterfall(created_by="sales")
    orchestrator.apply(act("1", "opportunity_opened", T + HOUR, opportunity="o", **OPEN))
    orchestrator.apply(act("2", "opportunity_lost", T + DAY, opportunity="o"))
    orchestrator.apply(act("3", "opportunity_opened", T + 2 * DAY, opportunity="n", **OPEN))
    assert (person.stage, person.journey) == ("sql", 2)
    orchestrator.apply(act("4", "web_visit", T + 3 * DAY))
    assert person.stage == "sql"


def test_s11_an_exception_puts_the_opportunities_back() -> None:
    def broken(person: Any, now: Any) -> bool:
        return bool(1 // (1 - person.won_opportunities) == 0)

    orchestrator, person = running(move("on", "a", "b", when=broken))
    decision = orchestrator.apply(act("1", "opportunity_won", T + HOUR, opportunity="o"))
    assert decision.result == "parked"
    assert person.won_opportunities == 0
    assert not person._opportunities


def test_s22_people_who_came_with_an_open_opportunity_enter_at_sql_r14() -> None:
    orchestrator = Orchestrator(load("waterfall"))
    orchestrator.apply(act("0", "created", T))
    orchestrator.apply(act("1", "opportunity_opened", T, opportunity="o", **OPEN))
    orchestrator.tick(T + DAY)
    person = orchestrator.people["p"]
    assert hops(person)[1:] == [("processing", "sql", "on_open_opportunity")]
    assert person.history[-1].credit is False
