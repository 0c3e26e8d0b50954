"""A person saved and restored goes on as if nothing had happened, whoever takes over."""

from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import attrs
import pytest

from lifecycle_fsm import (
    Activity,
    Context,
    DeadlineFact,
    Decision,
    Engine,
    HistoryRow,
    Lifecycle,
    LifecycleError,
    Person,
    RecordError,
    load,
    step,
)
from lifecycle_fsm.activities import other_record
from lifecycle_fsm.demo import company
from lifecycle_fsm.history import VisitKey
from lifecycle_fsm.tables import by_event
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
    "aliases": ("records that are merged", 50),
    "deadlines": ("records that are merged", 2),
    "decided": ("records that are merged", 60),
    "deferred": ("records that are merged", 1),
    "due": ("one person", 0),
    "journey_record": ("records that are merged", 2),
    "last_journey": ("records that are merged", 128),
    "merged": ("records that are merged", 2),
    "opportunities": ("records that are merged", 172),
    "phase": ("records that are merged", 49),
    "points": ("records that are merged", 12),
    "settles_at": ("one person", 0),
    "shut_returns": ("records that are merged", 1),
    "waiting": ("records that are merged", 4),
}


@pytest.mark.parametrize("key", NEEDED)
def test_nothing_of_a_state_can_be_left_out(key: str) -> None:
    shape, seed = NEEDED[key]
    example = story(Random(f"{shape}{seed}"), **SHAPES[shape])
    assert compare(example, whole=False, forgotten=key)


# ------------------------------------------------------------------ what few stories show

T = datetime.fromisoformat("2024-05-01T09:00:00Z")
HOUR = timedelta(hours=1)


def restored(lifecycle: Lifecycle, *, without: str = "") -> Lifecycle:
    """Another Lifecycle, with everybody as text has brought them."""
    other = Lifecycle(lifecycle.engine)
    for person in lifecycle:
        state = json.loads(json.dumps(lifecycle.dump(person.id)))
        state.pop(without, None)
        other.restore(state, seen=lifecycle.seen(person.id))
    return other


def test_who_was_sorted_by_its_own_log_is_not_sorted_by_it_again() -> None:
    lifecycle = Lifecycle("two_step")
    lifecycle.expect_processed("ann")
    lifecycle.apply("ann", "created", at=T)
    lifecycle.apply("ann", "processed", at=T + HOUR, id="p-1")
    for without, result in (("", "rejected"), ("sorted_by", "unchanged")):
        book = restored(lifecycle, without=without)
        assert book.apply("ann", "processed", at=T + 2 * HOUR, id="p-2").result == result


def test_who_is_expected_to_be_processed_by_the_log_waits_for_it() -> None:
    lifecycle = Lifecycle("two_step")
    lifecycle.expect_processed("ann")
    lifecycle.apply("ann", "created", at=T)
    book = restored(lifecycle)
    book.tick(T + 9 * HOUR)
    assert book.person("ann").stage == "new"


def test_what_is_parked_and_skipped_is_saved_with_its_error_and_tried_again() -> None:
    trouble = [True]

    @step(number=25, writes="industry", on_failure="park")
    def register(person: Person, context: Context) -> dict[str, Any]:
        if trouble:
            raise ConnectionError("the register is down")
        return {"industry": "shoes"}

    @step(number=26, writes="employees", on_failure="skip")
    def size(person: Person, context: Context) -> dict[str, Any]:
        raise ConnectionError("so is the other")

    lifecycle = Lifecycle(Engine(load("two_step"), steps=[register, size]))
    lifecycle.apply("ann", "created", at=T)
    lifecycle.process("ann", at=T + HOUR)
    book = restored(lifecycle)
    (parked,) = book.parked["ann"]
    assert parked.error.endswith("the register is down")
    trouble.clear()
    book.retry(T + 2 * HOUR)
    assert (book.person("ann").stage, book.person("ann").industry) == ("contact", "shoes")
    assert not book.parked
    assert [str(error) for error in restored(book).skipped["ann"]] == [
        "size: ConnectionError: so is the other"
    ]


def test_an_activity_that_an_error_parked_is_saved_whole() -> None:
    trouble = [True]

    def keep(activity: Activity) -> None:
        if trouble and activity.id == "f-1":
            raise OSError("the disk is full")

    engine = Engine(load("two_step"))
    lifecycle = Lifecycle(engine, log=keep)
    lifecycle.admit("ann", at=T)
    lifecycle.apply(Activity("f-1", "ann", "form_filled", T + HOUR, {"form": "Demo"}, sequence=3))
    book = restored(lifecycle)
    (parked,) = book.parked["ann"]
    assert parked == lifecycle.parked["ann"][0]
    assert parked.activity is not None
    assert parked.activity.sequence == 3
    book.retry(T + 2 * HOUR)
    assert book.person("ann").last_form == "Demo"


def test_a_state_that_cannot_be_read_is_refused() -> None:
    lifecycle = Lifecycle("two_step")
    lifecycle.admit("ann", at=T)
    state = lifecycle.dump("ann")
    other = Lifecycle("waterfall")
    with pytest.raises(RecordError, match=r"is of version .* of the model, and this is"):
        other.restore(state)
    with pytest.raises(RecordError, match="has the format 2, and this release reads 1"):
        lifecycle.restore({**state, "format": 2})
    with pytest.raises(RecordError, match="'ann' is kept here already"):
        lifecycle.restore(state)
    with pytest.raises(RecordError, match="state of 'ann' cannot be read: KeyError: 'clock'"):
        Lifecycle("two_step").restore({name: state[name] for name in state if name != "clock"})
    for wrong in ({"behavior_score": "many"}, {"email": 5}, {"created_at": "today"}, {"height": 3}):
        with pytest.raises(RecordError, match="state of 'ann' cannot be read: "):
            Lifecycle("two_step").restore({**state, "fields": {**state["fields"], **wrong}})
    first, _ = lifecycle.history
    with pytest.raises(RecordError, match="is not its last rows, up to row 2"):
        Lifecycle("two_step").restore(state, history=[first])


@pytest.mark.parametrize(
    "again",
    [copy.copy, copy.deepcopy, lambda lifecycle: pickle.loads(pickle.dumps(lifecycle))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_a_copy_has_everybody_and_goes_its_own_way(again: Callable[[Lifecycle], Lifecycle]) -> None:
    example = story(Random("copies 7"), persons=3, lateness=0.2)
    log: list[Activity] = []
    lifecycle = Lifecycle(built(example), log=log.append)
    lifecycle.expect_processed(sorted(example.expected))
    half = len(example.steps) // 2
    for word, what in example.steps[:half]:
        if word == "apply":
            lifecycle.apply(handed(what, example.model))
    other, logged = again(lifecycle), len(log)
    for word, what in example.steps[half:]:
        if word == "apply":
            other.apply(handed(what, example.model))
    assert len(log) == logged
    for word, what in example.steps[half:]:
        if word == "apply":
            lifecycle.apply(handed(what, example.model))
    assert list(other.history) == list(lifecycle.history)
    assert list(other.deadlines) == list(lifecycle.deadlines)
    assert other.held == lifecycle.held
    assert [other.dump(person.id) for person in other] == [
        lifecycle.dump(person.id) for person in lifecycle
    ]


HALF = """
import pickle, sys
from lifecycle_fsm.demo import company
from lifecycle_fsm.tables import by_event

with open(sys.argv[1], "rb") as file:
    lifecycle = pickle.load(file)
log = by_event(company.invent(80, 1).with_processing(lifecycle.model).log)
for activity in log[len(log) // 2 :]:
    lifecycle.apply(activity)
print(*lifecycle.history, *lifecycle.deadlines, sep="\\n")
print(*(lifecycle.dump(person.id) for person in lifecycle), sep="\\n")
"""


def test_the_made_company_goes_on_in_another_process(tmp_path: Path) -> None:
    lifecycle = Lifecycle("waterfall")
    log = by_event(company.invent(80, 1).with_processing(lifecycle.model).log)
    lifecycle.expect_processed({act.person for act in log if act.kind == "processed"})
    for activity in log[: len(log) // 2]:
        lifecycle.apply(activity)
    saved = tmp_path / "company"
    saved.write_bytes(pickle.dumps(lifecycle))
    for activity in log[len(log) // 2 :]:
        lifecycle.apply(activity)
    expected = [*map(str, lifecycle.history), *map(str, lifecycle.deadlines)]
    expected += [str(lifecycle.dump(person.id)) for person in lifecycle]
    for seed in ("1", "2"):
        went_on = subprocess.run(
            [sys.executable, "-c", HALF, saved],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        assert went_on.stdout.splitlines() == expected


def test_s28_a_log_of_another_version_is_refused_unless_somebody_asks_what_if() -> None:
    """Deploying a changed rule and starting again must not rewrite the past."""
    model, log = load("two_step"), list[Activity]()
    lifecycle = Lifecycle(model, log=log.append)
    lifecycle.admit("ann", at=T)
    lifecycle.apply("ann", "form_filled", at=T + HOUR, id="f-1", form="Demo")
    changed = attrs.evolve(model, tokens={**model.tokens, "lead_threshold": 10})
    with pytest.raises(LifecycleError, match=r"of .ann. as version .* replay it through"):
        Lifecycle(changed).replay(log)
    what_if, again = Lifecycle(changed), Lifecycle(model)
    what_if.replay(log, what_if=True)
    again.replay(Activity.load(json.loads(json.dumps(activity.dump()))) for activity in log)
    assert (what_if.person("ann").stage, again.person("ann").stage) == ("lead", "contact")


# ------------------------------------------------------------------ comparing


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
    groups: dict[str, list[Any]] = defaultdict(list)
    for decision in decisions:
        groups[decision.person].append((decision, decision.rows))
    return groups


def test_a_past_that_is_dropped_decides_nothing_and_the_history_is_numbered_on() -> None:
    lifecycles = Lifecycle("two_step"), Lifecycle("two_step")
    for lifecycle in lifecycles:
        lifecycle.admit("ann", at="2024-05-01T09:00Z", email="ann@acme.example")
        lifecycle.apply("ann", "form_filled", at="2024-05-02T09:00Z", form="Demo")
    dropped, whole = lifecycles
    dropped.drop_past()
    assert ([*dropped.history], dropped.seen("ann")) == ([], {"ann": b""})
    assert dropped.dump("ann") == whole.dump("ann")
    for lifecycle in lifecycles:
        lifecycle.apply("ann", "form_filled", at="2024-05-03T09:00Z", form="Demo")
    rows = [*dropped.history]
    assert rows == [*whole.history][-len(rows) :]
    assert [row.to_stage for row in rows] == ["lead"]
