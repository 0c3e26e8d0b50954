"""One story told by both: by the package and by the naive interpreter, and where they differ."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache
from itertools import islice, zip_longest
from typing import Any

import attrs

from lifecycle_fsm import Activity as Theirs
from lifecycle_fsm import (
    Decision,
    HistoryRow,
    Lifecycle,
    Model,
    ModelError,
    NoSuchMove,
    Request,
    loads,
)
from tests.oracle.generator import PERSONS, Story, as_toml
from tests.oracle.interpreter import Activity, World
from tests.oracle.language import DAY, as_minutes, as_time

#: The columns of a history row that both tell.
COLUMNS = (
    "person", "sequence", "at", "now", "from_stage", "to_stage", "kind", "rule", "trigger",
    "activity", "journey", "journey_record", "entered_at", "passed_over", "credit", "owner",
    "assigned_to", "source", "late", "kept",
)  # fmt: skip
FACTS = (
    "person", "rule", "stage", "journey", "journey_record", "entered_at", "due_at", "outcome",
    "decided_at", "owner", "assigned_to", "late",
)  # fmt: skip


def plain(value: Any) -> Any:
    """A value of the package as the interpreter writes it."""
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, datetime):
        minutes = as_minutes(value)
        return int(minutes) if minutes.denominator == 1 else minutes
    return value


def handed(activity: Activity, model: dict[str, Any]) -> Theirs:
    """The activity as the package takes it."""
    types = {name: one["type"] for name, one in model["fields"].items()}
    brings = {
        name: as_time(value)
        if isinstance(value, int) and name in TIMES | {n for n in types if types[n] == "datetime"}
        else value
        for name, value in activity.brings.items()
    }
    return Theirs(
        activity.id,
        activity.person,
        activity.kind,
        as_time(activity.at),
        brings,
        sequence=activity.sequence,
    )


TIMES = {"closes_at", "created_at", "scored_at", "hand_raised_at"}


@lru_cache(maxsize=8)
def _built(text: str) -> Model:
    return loads(text)


def built(story: Story) -> Model:
    """The model of a story as the package has it."""
    return _built(as_toml(story.model))


@attrs.define
class Difference:
    """Where the two differ first: after which step, in what, and the values of both."""

    step: int
    what: str
    expected: Any
    seen: Any

    @property
    def topic(self) -> str:
        """What it is about, whoever's and of whatever number."""
        return re.sub(r"^[pq]\d* |\d+", "", self.what)

    def __str__(self) -> str:
        return (
            f"after step {self.step}, {self.what}: expected {self.expected!r}, seen {self.seen!r}"
        )


def compare(story: Story, only: Callable[[str], bool] | None = None) -> Difference | None:
    """The first difference, or nothing where both agree in everything.

    What a person is, and what is answered, is compared after each step; what is only ever appended,
    at the end.

    Args:
        only: which differences count, by what they are about; all of them without it.
    """
    return next(
        (one for one in _differences(story) if only is None or only(one.what)),
        None,
    )


def _differences(story: Story) -> Iterator[Difference]:
    world = World(story.model, story.expected)
    recorded: list[Decision] = []
    returned: list[Decision] = []
    lifecycle = Lifecycle(built(story), record=recorded.append)
    lifecycle.expect_processed(sorted(story.expected))
    for number, (word, what) in enumerate(story.steps):
        if word == "tick":
            world.tick(what)
            lifecycle.tick(as_time(what))
        elif word == "ask":
            yield from _asked(number, world, lifecycle, *what)
        else:
            ours = world.apply(what)
            theirs = lifecycle.apply(handed(what, story.model))
            returned.append(theirs)
            yield from _decisions(number, ours, theirs)
        yield from _people(number, world, lifecycle)
    last = len(story.steps) - 1
    yield from _rows(last, world, lifecycle)
    yield from _facts(last, world, lifecycle)
    yield from _requests(last, world, recorded)
    yield from _answers(last, world, recorded, returned)


def _people(number: int, world: World, lifecycle: Lifecycle) -> Iterator[Difference]:
    if lifecycle.parked:
        yield Difference(number, "parked", {}, dict(lifecycle.parked))
    records = {name for name in PERSONS if name in lifecycle}
    if records != {name for name in PERSONS if world.known(name)}:
        yield Difference(number, "people", {*world.people}, records)
        return
    for name, person in world.people.items():
        if name in world.folded:
            continue
        other = lifecycle.person(name)
        for field in world.types:
            value = plain(getattr(other, field))
            if value != person.fields[field]:
                yield Difference(number, f"{name} field {field}", person.fields[field], value)
        for kept, value in (
            ("stage", person.visit.stage),
            ("stage_entered_at", person.visit.entered),
            ("journey", person.visit.journey),
            ("journey_started_at", person.visit.journey_started),
            ("clock", person.clock[0]),
        ):
            if plain(getattr(other, kept)) != value:
                yield Difference(number, f"{name} {kept}", value, plain(getattr(other, kept)))


def _decisions(number: int, ours: dict[str, Any], theirs: Decision) -> Iterator[Difference]:
    if ours["result"] != theirs.result:
        yield Difference(number, "decision result", ours["result"], theirs.result)
    # What waited for the sort has decisions of its own, behind that of the sort. A merge with
    # somebody who was sorted ends the waiting, too.
    ended = theirs.kind in ("processed", "merged", "converted")
    if ended or ours["result"] in ("held", "duplicate", "rejected"):
        return
    if ours["stage"] != theirs.stage:
        yield Difference(number, "decision stage", ours["stage"], theirs.stage)
    mine, seen = list(map(_short, ours["rows"])), list(map(_row, theirs.rows))
    if mine != seen:
        yield Difference(number, "decision rows", mine, seen)


def _rows(number: int, world: World, lifecycle: Lifecycle) -> Iterator[Difference]:
    seen: dict[str, list[HistoryRow]] = {name: [] for name in world.people}
    for row in lifecycle.history:
        seen[row.person].append(row)
    for name, person in world.people.items():
        for mine, row in zip_longest(person.history, seen[name]):
            if mine is None or row is None:
                yield Difference(number, f"{name} row", _short(mine), _row(row))
                break
            for column in COLUMNS:
                value = plain(getattr(row, column))
                if column == "credit" and not mine["passed_over"]:
                    continue  # of nothing
                if value != mine[column]:
                    what = f"{name} row {row.sequence} {column}"
                    yield Difference(number, what, mine[column], value)


def _facts(number: int, world: World, lifecycle: Lifecycle) -> Iterator[Difference]:
    """What became of the deadlines of everybody, of a folded record under its own name or that of
    its survivor."""
    kept = [fact for person in world.people.values() for fact in person.facts]
    seen = [{name: plain(getattr(fact, name)) for name in FACTS} for fact in lifecycle.deadlines]
    for fact in (*kept, *seen):
        person = world.person(fact["person"])
        assert person is not None
        fact["person"] = person.id

    def order(fact: dict[str, Any]) -> tuple[Any, ...]:
        names = ("person", "entered_at", "stage", "rule", "journey", "journey_record")
        return tuple(fact[name] for name in names)

    ours, theirs = sorted(kept, key=order), sorted(seen, key=order)
    for one, other in zip(ours, theirs, strict=False):
        for name in FACTS:
            if one[name] != other[name]:
                yield Difference(number, f"fact {name}", one, other)
                return
    if len(ours) != len(theirs):
        yield Difference(number, "facts", ours, theirs)


def _asked(
    number: int, world: World, lifecycle: Lifecycle, id: str, trigger: str | None, at: int
) -> Iterator[Difference]:
    """What a question about an instant is answered."""
    if not world.known(id):
        return
    answer = world.answer(id, trigger, at)
    if answer is None:
        return
    try:
        refusals = lifecycle.explain(id, trigger, at=as_time(at))
        seen: Any = sorted(refusal.move for refusal in refusals)
    except NoSuchMove:
        seen = "no such move"
    closed: Any = sorted(name for name, is_open in answer.items() if not is_open)
    if trigger is not None and not answer:
        closed = "no such move"
    if seen != closed:
        yield Difference(number, "explain", closed, seen)
    changes = world.first_change(id)
    due = plain(lifecycle.next_due(id))
    if changes is not None and (due is None or due > changes):
        yield Difference(number, "next_due", changes, due)
    if trigger in world.triggers:
        may = getattr(lifecycle.person(id), f"may_{trigger}")(at=as_time(at))
        if may != any(answer.values()):
            yield Difference(number, "may", any(answer.values()), may)


def _answers(
    number: int, world: World, recorded: list[Decision], returned: list[Decision]
) -> Iterator[Difference]:
    """What came of triggers that waited, and that each row is in one decision."""
    direct = set(map(id, returned))
    waited = [
        one
        for one in recorded
        if one.trigger in world.triggers and one.result in ANSWERS and id(one) not in direct
    ]
    seen = Counter((str(one.activity), str(one.result)) for one in waited)
    expected = Counter(
        (activity, result) for _, activity, result in world.answers if result in ANSWERS
    )
    if seen != expected:
        yield Difference(number, "answers", expected - seen, seen - expected)
    rows = Counter((row.person, row.sequence) for one in recorded for row in one.rows)
    kept = Counter(
        (name, row["sequence"]) for name, person in world.people.items() for row in person.history
    )
    if rows != kept:
        yield Difference(number, "rows of decisions", kept - rows, rows - kept)


#: The results of a trigger that was fired.
ANSWERS = ("moved", "unchanged", "refused", "no_such_move")
REQUESTS = (
    "person", "rule", "channel", "to", "state", "at", "stage", "activity", "due_at", "text"
)  # fmt: skip


def _requests(number: int, world: World, recorded: list[Decision]) -> Iterator[Difference]:
    """What was asked for, in any order."""

    def told(request: Request) -> tuple[Any, ...]:
        *values, text = (plain(getattr(request, name)) for name in REQUESTS)
        if request.rule == "mail":
            text = text.removeprefix("marketing mail: ").split(",")[0]
        return *values, text

    seen = Counter(told(request) for decision in recorded for request in decision.requests)
    expected = Counter(tuple(one[name] for name in REQUESTS) for one in world.requests)
    if seen != expected:
        missing, surplus = sorted(map(str, expected - seen)), sorted(map(str, seen - expected))
        yield Difference(number, "requests", missing, surplus)


def _short(row: dict[str, Any] | None) -> Any:
    return row and tuple(row[name] for name in ("now", "from_stage", "to_stage", "kind", "rule"))


def _row(row: Any) -> Any:
    return row and (plain(row.now), row.from_stage, row.to_stage, row.kind, row.rule)


# ------------------------------------------------------------------ shrinking


def shrunk(story: Story, differs: Callable[[Story], bool]) -> Story:
    """The story without what it does not need to differ: greedily, first steps, then rules."""
    tried, smaller = 0, False
    while True:
        for candidate in islice(_smaller(story), tried, None):
            tried += 1
            if _still(differs, candidate):
                # What was needed before is most likely needed still: go on from here.
                story, smaller, tried = candidate, True, tried - 1
                break
        else:
            if not smaller:
                return story
            tried, smaller = 0, False


def _still(differs: Callable[[Story], bool], candidate: Story) -> bool:
    try:
        return differs(candidate)
    except (ModelError, StopIteration, KeyError, ValueError):
        return False  # it is no story any more


def _smaller(story: Story) -> Iterator[Story]:
    steps = story.steps
    for size in (len(steps) // 2, len(steps) // 4, 3, 2, 1):
        for start in range(0, len(steps), max(1, size)):
            if size:
                yield attrs.evolve(story, steps=steps[:start] + steps[start + size :])
    for index, (word, what) in enumerate(steps):
        if word == "apply":
            for name in what.brings:
                rest = {key: value for key, value in what.brings.items() if key != name}
                fewer = attrs.evolve(what, brings=rest)
                yield attrs.evolve(
                    story, steps=[*steps[:index], (word, fewer), *steps[index + 1 :]]
                )
            if what.sequence is not None:
                plainer = attrs.evolve(what, sequence=None)
                yield attrs.evolve(
                    story, steps=[*steps[:index], (word, plainer), *steps[index + 1 :]]
                )
    if story.expected:
        yield attrs.evolve(story, expected=set())
    if story.model["settle"]:
        yield attrs.evolve(story, model=story.model | {"settle": 0})
    for section in (
        "moves",
        "data",
        "scoring",
        "decay",
        "deadlines",
        "assignment",
        "alerts",
        "sort",
    ):
        rules = story.model[section]
        for index in range(len(rules) - (section == "sort")):
            fewer = rules[:index] + rules[index + 1 :]
            yield attrs.evolve(story, model=story.model | {section: fewer})
        for index, rule in enumerate(rules):
            for name, simple in SIMPLE.items():
                if rule.get(name, simple) != simple and not (
                    section in ("data", "decay") and name == "then"
                ):
                    changed = [*rules[:index], rule | {name: simple}, *rules[index + 1 :]]
                    yield attrs.evolve(story, model=story.model | {section: changed})
            for part in _parts(rule.get("when", ("always",))):
                changed = [*rules[:index], rule | {"when": part}, *rules[index + 1 :]]
                yield attrs.evolve(story, model=story.model | {section: changed})
    for name in story.model["winning"]:
        fewer = [one for one in story.model["winning"] if one != name]
        yield attrs.evolve(story, model=story.model | {"winning": fewer})
    for stage in story.model["stages"]:
        stages = [one for one in story.model["stages"] if one != stage]
        yield attrs.evolve(story, model=story.model | {"stages": stages})
    for section in ("merging", "kinds", "guards", "tokens", "fields", "calendars"):
        for name in story.model[section]:
            fewer = {key: one for key, one in story.model[section].items() if key != name}
            yield attrs.evolve(story, model=story.model | {section: fewer})


SIMPLE: dict[str, Any] = {
    "when": ("always",), "then": {}, "priority": 0, "cap": None, "escalates": None,
    "links_to_crm": False, "deadline": None, "calendar": None,
    "after": DAY,
}  # fmt: skip


def _parts(guard: Any) -> Iterator[Any]:
    if guard[0] in ("and", "or", "not"):
        yield from guard[1:]
