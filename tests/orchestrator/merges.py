"""Two records that are to be one: who is merged, and what may have happened to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lifecycle_fsm import Activity, Decision, Person
from lifecycle_fsm.orchestrator import Orchestrator
from tests.machine.small import DAY, T, act, move, small

MERGED = T + 10 * DAY
#: An opportunity of which enough is known to count as open.
FULL = {"amount": 10, "closes_at": T + 90 * DAY}
#: Moves that are asked for, also by who waits for the sort.
ASKING = (
    move("go", "a", "b", on="go"),
    move("on", "b", "c", on="on", when="level >= 1"),
    move("off", ("a", "b", "c", "d"), "x", on="off"),
)


def created(orchestrator: Orchestrator, id: str, stage: str, **fields: Any) -> Person:
    """Somebody in this stage; in ``new`` somebody who waits for the sort."""
    orchestrator.apply(Activity("created", id, "created", T, {"start": stage, **fields}))
    person = orchestrator.people[id]
    if stage != "new":
        orchestrator.process(id, T)
        assert person.stage == stage
    return person


def merge(
    orchestrator: Orchestrator,
    loser: str = "q",
    at: datetime = MERGED,
    name: str = "m",
    to: str = "p",
) -> Decision:
    return orchestrator.apply(Activity(name, to, "merged", at, {"loser": loser}))


def pair(ours: str = "a", theirs: str = "a", **more: Any) -> tuple[Orchestrator, Person, Person]:
    """A survivor and a loser in these stages; ``mine`` and ``yours`` are their fields."""
    mine, yours = more.pop("mine", {}), more.pop("yours", {})
    moves = more.pop("moves", ())
    orchestrator = Orchestrator(small(*moves, **{"settle": 90 * DAY, **more}))
    return (
        orchestrator,
        created(orchestrator, "p", ours, **mine),
        created(orchestrator, "q", theirs, **yours),
    )


def deal(id: str, kind: str, at: datetime, person: str, name: str, **more: Any) -> Activity:
    return act(id, f"opportunity_{kind}", at, person, opportunity=name, **more)
