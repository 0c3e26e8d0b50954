"""Something new is hooked on to a lifecycle, and all the rest goes on as it was."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from typing import Any

import attrs

from lifecycle_fsm import (
    Activity,
    AlertRule,
    DataRule,
    FieldDef,
    FieldType,
    Lifecycle,
    Model,
    Request,
    load,
)
from lifecycle_fsm.cli.init import starter
from lifecycle_fsm.tables import by_event

END = datetime(2026, 8, 1, tzinfo=UTC)


def log() -> list[Activity]:
    """The people of a new project, and what happens to them."""
    files = {name: content.decode() for name, content in starter("waterfall").items()}
    found = []
    for row in csv.DictReader(files["people.csv"].splitlines()):
        person, at = row["id"], datetime.fromisoformat(row["created_at"])
        given = {name: row[name] for name in ("created_by", "created_through", "role", "job_title")}
        brought = {name: value for name, value in given.items() if value}
        found.append(Activity(f"created:{person}", person, "created", at, brought))
    for number, row in enumerate(csv.DictReader(files["activities.csv"].splitlines())):
        person, kind, at = row["person"], row["kind"], datetime.fromisoformat(row["at"])
        payload: dict[str, Any] = {
            name: int(value) if name == "points" else float(value) if name == "amount" else value
            for name, value in row.items()
            if value and name not in ("person", "kind", "at")
        }
        found.append(Activity(f"{number:03}", person, kind, at, payload))
    return by_event(found)


def live(model: Model) -> tuple[list[tuple[object, ...]], list[Request]]:
    """The moves without the version that made them, and what was asked for."""
    asked: list[Request] = []
    lifecycle = Lifecycle(model, record=lambda decision: asked.extend(decision.requests))
    assert "rejected" not in lifecycle.replay(log())
    lifecycle.tick(END)
    rows = [attrs.astuple(attrs.evolve(row, version="")) for row in lifecycle.history]
    return rows, asked


def test_r39_a_new_initiative_changes_nothing_of_the_order() -> None:
    """A team wants to hear of each new customer; another counts who looks at prices, in a field of
    its own, and invites them when they have looked twice."""
    before = load("waterfall")
    looks = DataRule(
        on="web_visit",
        when="activity.page starts with '/pricing'",
        then={"price_looks": "price_looks + 1"},
    )
    after = attrs.evolve(
        before,
        fields=[*before.fields, FieldDef("price_looks", FieldType("int"))],
        data=[*before.data, looks],
        alerts=[
            AlertRule(name="for_partners", entering="customer", send="webhook", to="'partners'"),
            *before.alerts,
            AlertRule(
                name="invite", on="web_visit", when="price_looks == 2", send="email", to="email"
            ),
        ],
    )
    assert after.version != before.version
    (old_rows, old), (new_rows, new) = live(before), live(after)
    assert len(old_rows) > 50
    assert new_rows == old_rows
    added = {(one.rule, one.person) for one in new if one.rule in ("for_partners", "invite")}
    assert added == {
        ("for_partners", "nora"),
        ("for_partners", "ravi"),
        ("for_partners", "yusuf"),
        ("invite", "omar"),
    }
    assert [one for one in new if one.rule not in ("for_partners", "invite")] == old
