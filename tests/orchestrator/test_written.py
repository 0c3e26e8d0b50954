"""What an activity can write is known before it comes: only that is kept to be put back [S11]."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import attrs
import pytest

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.demo import company
from lifecycle_fsm.machine.transaction import Transaction
from lifecycle_fsm.model import load
from lifecycle_fsm.orchestrator import Orchestrator
from lifecycle_fsm.orchestrator.activity_flow import ActivityFlow
from lifecycle_fsm.person import MACHINE_SLOTS, Person
from lifecycle_fsm.tables import by_event

AT = datetime.fromisoformat("2024-05-01T10:00:00Z")


@pytest.mark.parametrize("name", ["waterfall", "engagement"])
def test_s11_nothing_is_written_that_would_not_be_put_back(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(name)
    seen: Counter[str] = Counter()
    stray: set[tuple[str, str]] = set()
    do, pass_time = ActivityFlow.activity, ActivityFlow.time

    def watch(
        kind: str, person: Person, kept: Transaction, work: Callable[..., Any], *given: Any
    ) -> Any:
        names = [one.name for one in attrs.fields(type(person))]
        before = {name: getattr(person, name) for name in names}
        found = work(*given)
        written = {name for name in names if getattr(person, name) is not before[name]}
        stray.update((kind, name) for name in written - {*MACHINE_SLOTS, *kept.fields})
        seen[kind] += 1
        return found

    def activity(
        self: ActivityFlow, person: Person, activity: Activity, payload: Any, mark: bytes
    ) -> Any:
        kept = self.engine.snapshots[activity.kind]
        return watch(activity.kind, person, kept, do, self, person, activity, payload, mark)

    def time(self: ActivityFlow, person: Person, due: datetime) -> Any:
        return watch("time", person, self.engine.time_snapshot, pass_time, self, person, due)

    monkeypatch.setattr(ActivityFlow, "activity", activity)
    monkeypatch.setattr(ActivityFlow, "time", time)
    engine = Orchestrator(model)
    log = [
        one
        for one in by_event(company.invent(150, 1).with_processing(model).log)
        if one.kind in model.activity_kinds
    ]
    engine.expect_processed({one.person for one in log if one.kind == "processed"})
    for one in log:
        engine.apply(one)
    assert not stray
    assert seen["time"] > 100
    assert len(seen) > 8


def test_s11_work_that_may_write_few_fields_keeps_few() -> None:
    assert Transaction(Person, {"behavior_score"}).fields == ("behavior_score",)


def test_what_the_machine_keeps_of_a_person_is_every_private_slot_in_order() -> None:
    person = Person("ann")
    for place, name in enumerate(MACHINE_SLOTS):
        setattr(person, name, place)
    assert person.machine_state() == tuple(range(len(MACHINE_SLOTS)))
    private = [name for name in vars(Person) if name.startswith("_") and name[1:2] != "_"]
    assert {name for name in private if not callable(getattr(Person, name))} == {*MACHINE_SLOTS}


def test_s11_what_is_kept_is_put_back() -> None:
    person = Person("ann", behavior_score=5, email="ann@acme.example")

    def work() -> None:
        person.behavior_score = 9
        person._stage = "mql"
        raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        Transaction(Person, {"behavior_score"})(person, work)
    assert (person.behavior_score, person.stage, person.email) == (5, "", "ann@acme.example")
