"""Reading what is there, also while somebody writes, and looking people up."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import attrs
import pytest

from lifecycle_fsm import Decision, Lifecycle, Person
from lifecycle_fsm.model import AlertRule, Deadline
from lifecycle_fsm.requests import Request
from tests.machine.small import DAY, HOUR, T, move, small

MODEL = small(
    move("go", "a", "b", on="go"),
    deadlines=(Deadline(name="slow", stage="a", after=DAY),),
    alerts=(AlertRule(name="call", entering=("a", "b"), send="task", to="'desk'"),),
)


def some(count: int) -> Lifecycle:
    lifecycle = Lifecycle(MODEL)
    admit(lifecycle, range(count))
    return lifecycle


def admit(lifecycle: Lifecycle, numbers: range) -> None:
    for number in numbers:
        name = f"p{number}"
        lifecycle.admit(name, at=T)
        lifecycle.apply(name, "go", at=T + 2 * DAY)


#: What may be read at any time.
READ: dict[str, Callable[[Lifecycle], object]] = {
    "people": list,
    "history": lambda lifecycle: list(lifecycle.history),
    "deadlines": lambda lifecycle: list(lifecycle.deadlines),
    "draw": lambda lifecycle: lifecycle.draw(),
    "draw one": lambda lifecycle: lifecycle.draw("p0"),
    "find": lambda lifecycle: lifecycle.find("ann@acme.example"),
    "how many": len,
}


@pytest.fixture
def eager() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("read", READ.values(), ids=READ.keys())
def test_another_thread_may_read_while_people_are_admitted(
    read: Callable[[Lifecycle], object],
) -> None:
    lifecycle = some(20)
    writer = Thread(target=admit, args=(lifecycle, range(20, 120)))
    writer.start()
    while writer.is_alive():
        read(lifecycle)
    writer.join()
    read(lifecycle)
    assert len(lifecycle) == 120


def test_what_is_read_step_by_step_stays_readable_while_people_come() -> None:
    lifecycle = some(3)
    views = (iter(lifecycle), lifecycle.history, lifecycle.deadlines)
    firsts = [next(view) for view in views]
    admit(lifecycle, range(3, 30))
    lifecycle.apply("p1", "merged", at=T + 3 * DAY, loser="p2")
    rest = [list(view) for view in views]
    assert all(firsts)
    assert all(rest)
    assert len(lifecycle) == 29


# ------------------------------------------------------------------ in sets and in words


def test_s10_decisions_and_requests_can_be_kept_in_sets() -> None:
    decisions: list[Decision] = []
    requests: list[Request] = []
    for _ in range(2):
        lifecycle = Lifecycle(MODEL, record=decisions.append)
        lifecycle.admit("p", at=T)
        lifecycle.apply("p", "go", at=T + HOUR)
    requests = [one for decision in decisions for one in decision.requests]
    half = len(decisions) // 2
    assert decisions[:half] == decisions[half:]
    assert len({*decisions}) == half
    assert len({*requests}) == len(requests) // 2 == 2
    assert attrs.evolve(requests[0], state="superseded") not in {*requests}


@attrs.define(eq=False)
class Plain(Person):
    tier: str | None = None


@attrs.define(eq=False)
class Grown(Plain):
    seats: int = 1


@attrs.define(eq=False, repr=False)
class Silent(Person):
    tier: str | None = None


@attrs.define(eq=False)
class Own(Person):
    tier: str | None = None

    def __repr__(self) -> str:
        return f"<{self.id}>"


#: A class of persons, its fields, and how one is shown: what was never set is left out.
SHOWN: list[tuple[type[Person], dict[str, Any], str]] = [
    (Plain, {"tier": "gold"}, "Plain('p', stage='', tier='gold')"),
    (Plain, {}, "Plain('p', stage='')"),
    (Grown, {"seats": 3}, "Grown('p', stage='', seats=3)"),
    (Grown, {"seats": 1, "email": "a@b.example"}, "Grown('p', stage='', email='a@b.example')"),
    (Silent, {"tier": "gold"}, "Silent('p', stage='', tier='gold')"),
    (Own, {"tier": "gold"}, "<p>"),
]


@pytest.mark.parametrize(("kind", "fields", "shown"), SHOWN, ids=[shown for *_, shown in SHOWN])
def test_a_subclass_of_person_is_shown_short(
    kind: type[Person], fields: dict[str, Any], shown: str
) -> None:
    assert repr(kind("p", **fields)) == shown
    model = attrs.evolve(small(), person=kind)
    person = Lifecycle(model).admit("p", at=T, **fields)
    assert "_history" not in repr(person)
    assert len(repr(person)) < 160


# ------------------------------------------------------------------ looking somebody up


#: The text, and whom it means.
FOUND: list[tuple[str, str]] = [
    ("lead-1", "lead-1"),
    ("lead-2", "lead-1"),  # was merged into it
    ("contact-1", "lead-1"),  # an alias
    ("ANN@acme.example", "lead-1"),
    ("bob@acme.example", "lead-1"),  # of the record that was folded in: one person
    ("ann acme", "lead-1"),
    ("cy", "lead-3"),
    ("nobody", ""),
    ("", ""),
]


@pytest.mark.parametrize(("text", "ids"), FOUND)
def test_s23_somebody_is_found_by_every_id_address_and_name(text: str, ids: str) -> None:
    lifecycle = Lifecycle(MODEL)
    lifecycle.admit("lead-1", at=T, email="ann@acme.example", first_name="Ann", company="Acme")
    lifecycle.admit("lead-2", at=T, email="bob@acme.example", first_name="Ann", company="Acme")
    lifecycle.admit("lead-3", at=T, first_name="Cy", last_name="Dee")
    lifecycle.apply("lead-1", "merged", at=T + HOUR, loser="lead-2")
    lifecycle.apply("lead-1", "converted", at=T + DAY, contact="contact-1")
    assert [person.id for person in lifecycle.find(text)] == ids.split()
