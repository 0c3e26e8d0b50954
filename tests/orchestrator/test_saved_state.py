"""A person saved and restored goes on as if nothing had happened, whoever takes over."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

import pytest

from lifecycle_fsm import Activity, DeadlineFact, Decision, Engine, HistoryRow, Lifecycle
from lifecycle_fsm.activities import other_record
from lifecycle_fsm.history import VisitKey
from tests.oracle.comparing import built, handed
from tests.oracle.generator import Story, story
from tests.oracle.language import as_time

STORIES = int(os.environ.get("LIFECYCLE_STORIES", "40"))
SHAPES: dict[str, dict[str, Any]] = {
    "one person": {"lateness": 0.2},
    "records that are merged": {"persons": 3, "lateness": 0.2},
}


class Desk:
    """Keeps nobody between two activities: each is applied by a Lifecycle of its own, to people who
    are restored from text for it, and saved as text after it.

    Args:
        engine: shared by all.
        whole: whether history and recorded deadlines are restored, too.
        forgotten: a key of the state that gets lost.
    """

    def __init__(self, engine: Engine, *, whole: bool, forgotten: str = "") -> None:
        self.forgotten = forgotten
        self.engine = engine
        self.whole = whole
        self.states: dict[str, str] = {}
        self.records: dict[str, str] = {}
        self.rows: dict[str, list[HistoryRow]] = defaultdict(list)
        #: By rule and visit: a merge may hand them over to another record.
        self.facts: dict[tuple[str, VisitKey], DeadlineFact] = {}
        self.seen: dict[str, bytes] = {}
        self.held: dict[tuple[str, str], Activity] = {}
        self.expected: set[str] = set()
        self.log: list[Activity] = []
        self.decisions: list[Decision] = []

    def apply(self, activity: Activity) -> None:
        names = [activity.person, other_record(activity)]
        names += [other_record(waiting) for waiting in self.held.values()]
        names += [waiting.person for waiting in self.held.values()]
        self._with(names, lambda lifecycle: lifecycle.apply(activity))

    def tick(self, until: Any) -> None:
        for root in list(self.states):
            if root in self.states:
                self._with([root], lambda lifecycle: lifecycle.tick(until))

    def _with(self, names: Iterable[str | None], work: Callable[[Lifecycle], object]) -> None:
        decisions: list[Decision] = []
        log: list[Activity] = []
        lifecycle = Lifecycle(self.engine, record=decisions.append, log=log.append)
        roots = dict.fromkeys(self.records[name] for name in names if name in self.records)
        for root in roots:
            state = json.loads(self.states.pop(root))
            ids = [state["id"], *(record["id"] for record in state.get("folded", ()))]
            more: dict[str, Any] = {}
            if self.whole:
                more["history"] = [row for record in ids for row in self.rows[record]]
                more["deadlines"] = [fact for fact in self.facts.values() if fact.person in ids]
            lifecycle.restore(state, seen=self.seen, **more)
        lifecycle.expect_processed(self.expected - self.records.keys())
        for waiting in self.held.values():
            lifecycle.apply(waiting)
        decisions.clear()
        log.clear()
        work(lifecycle)
        self.held = {
            (waiting.person, waiting.id): waiting
            for held in lifecycle.held.values()
            for waiting in held
        }
        for person in lifecycle:
            state = lifecycle.dump(person.id)
            state.pop(self.forgotten, None)
            self.states[person.id] = json.dumps(state)
            ids = [person.id, *(record["id"] for record in state.get("folded", ()))]
            self.records |= dict.fromkeys([*ids, *state.get("aliases", ())], person.id)
            self.seen |= lifecycle.seen(person.id)
        for row in lifecycle.history:
            kept = self.rows[row.person]
            kept[row.sequence - 1 :] = [row]
        self.facts |= {(fact.rule, fact.visit): fact for fact in lifecycle.deadlines}
        self.log += log
        self.decisions += decisions


@pytest.mark.parametrize("whole", [True, False], ids=["with history", "without history"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_person_who_is_restored_for_each_activity_goes_on_the_same(
    shape: str, whole: bool
) -> None:
    for seed in range(STORIES):
        example = story(Random(f"{shape}{seed}"), **SHAPES[shape])
        difference = compare(example, whole=whole)
        assert difference == "", f"{shape} {seed}: {difference}\n{example}"


#: What may be missing from a state, and a story in which that is noticed.
NEEDED = {
    "journey_record": ("records that are merged", 0),
}


@pytest.mark.parametrize("key", NEEDED)
def test_nothing_of_a_state_can_be_left_out(key: str) -> None:
    shape, seed = NEEDED[key]
    example = story(Random(f"{shape}{seed}"), **SHAPES[shape])
    assert compare(example, whole=False, forgotten=key)


def compare(example: Story, *, whole: bool, forgotten: str = "") -> str:
    """The first step after which something differs, and what; nothing if all is the same."""
    engine = Engine(built(example))
    log: list[Activity] = []
    decisions: list[Decision] = []
    lifecycle = Lifecycle(engine, log=log.append, record=decisions.append)
    desk = Desk(engine, whole=whole, forgotten=forgotten)
    lifecycle.expect_processed(sorted(example.expected))
    desk.expected = set(example.expected)
    for number, (word, what) in enumerate(example.steps):
        for book in (lifecycle, desk):
            if word == "tick":
                book.tick(as_time(what))
            elif word == "apply":
                book.apply(handed(what, example.model))
        same = {
            "decisions": by_person(desk.decisions) == by_person(decisions),
            "log": sorted(desk.log, key=in_turn) == sorted(log, key=in_turn),
            "rows": {row for rows in desk.rows.values() for row in rows} == {*lifecycle.history},
            "deadlines": {*desk.facts.values()} == {*lifecycle.deadlines},
            "state": forgotten
            or {person.id: lifecycle.dump(person.id) for person in lifecycle}
            == {name: json.loads(state) for name, state in desk.states.items()},
        }
        if not all(same.values()):
            apart = [part for part, equal in same.items() if not equal]
            return f"step {number}, {word} {what}: {', '.join(apart)}"
    return ""


def in_turn(activity: Activity) -> tuple[str, str]:
    return activity.person, activity.id


def by_person(decisions: Iterable[Decision]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for decision in decisions:
        found[decision.person].append((decision, decision.rows))
    return found
