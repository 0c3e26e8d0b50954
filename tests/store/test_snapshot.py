"""A snapshot shows a store as it is at one moment."""

from __future__ import annotations

import pytest

from lifecycle_fsm import Engine, LifecycleError, load
from lifecycle_fsm.activities import Activity
from lifecycle_fsm.fields import instant
from lifecycle_fsm.store import Store
from lifecycle_fsm.store.snapshot import snapshot

ENGINE = Engine(load("two_step"))


def created(id: str) -> Activity:
    return Activity(f"c-{id}", id, "created", "2024-05-01T10:00Z")


def test_what_is_written_meanwhile_is_not_in_it(address: str) -> None:
    with Store(ENGINE, address) as store:
        store.apply(created("p1"))
        with snapshot(address) as moment:
            assert [state["id"] for state in moment.states()] == ["p1"]
            store.apply(created("p2"))
            store.apply(Activity("m", "p1", "merged", "2024-05-02T10:00Z", {"loser": "p2"}))
            assert {row.person for row in moment.history(ENGINE.model.field_types)} == {"p1"}
            assert not moment.knows("p2")
            assert moment.group("p1") == {"p1"}
        with snapshot(address) as moment:
            assert moment.knows("p2")
            assert moment.group("p1") == moment.group("p2") == {"p1", "p2"}
            log = [activity.id for activity in moment.log(["p1", "p2"])]
            assert log == [activity.id for activity in store.log]
            assert moment.history(ENGINE.model.field_types) == store.history
            assert moment.deadlines() == store.deadlines
            assert moment.model() == ENGINE.model


def test_it_knows_up_to_when_time_was_let_pass(address: str) -> None:
    with Store(ENGINE, address) as store:
        for tick, known in (("", None), ("05-03", "05-03"), ("05-02", "05-03"), ("05-04", "05-04")):
            if tick:
                store.tick(f"2024-{tick}T10:00Z")
            with snapshot(address) as moment:
                ticked = moment.ticked_until()
            assert ticked == (known and instant(f"2024-{known}T10:00Z"))


def test_a_look_makes_no_store(address: str) -> None:
    for _ in range(2):
        with pytest.raises(LifecycleError, match="has no store yet"), snapshot(address):
            pass
