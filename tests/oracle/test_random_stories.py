"""The package against a naive interpreter of the rules, in random stories of small random models.

They are few here; ``LIFECYCLE_STORIES=20000`` in the environment makes them many. A story in which
the two differ is shrunk and printed: its model, its log, and the first difference.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random
from typing import Any

import attrs
import pytest

from lifecycle_fsm import Activity, Lifecycle
from tests.oracle.comparing import built, compare, handed, shrunk
from tests.oracle.generator import Story, story
from tests.oracle.language import DAY, as_time

STORIES = int(os.environ.get("LIFECYCLE_STORIES", "40"))
#: The kinds of stories, and what each is drawn with.
SHAPES: dict[str, dict[str, Any]] = {
    "one person, in order": {},
    "one person, some of it late": {"lateness": 0.3},
    "records that are merged": {"persons": 3},
    "merged, and some of it late": {"persons": 3, "lateness": 0.2},
    "with amounts in several currencies": {"persons": 2, "lateness": 0.1, "money": True},
}


def fail_on(
    example: Story, differs: Callable[[Story], bool], why: Callable[[Story], object]
) -> None:
    """Fail with the smallest story that differs in the same way."""
    smallest = shrunk(example, differs)
    pytest.fail(f"{why(smallest)}\n\n{smallest}")


@pytest.mark.parametrize("shape", SHAPES)
def test_the_package_tells_what_the_rules_tell(shape: str) -> None:
    for seed in range(STORIES):
        example = story(Random(f"{shape}{seed}"), **SHAPES[shape])
        difference = compare(example)
        if difference is not None:
            what = difference.topic

            def differs(candidate: Story, what: str = what) -> bool:
                seen = compare(candidate)
                return seen is not None and seen.topic == what

            fail_on(example, differs, compare)


# ------------------------------------------------------------------ the same, told otherwise


def run(example: Story, log: Callable[[Activity], None] | None = None) -> Lifecycle:
    lifecycle = Lifecycle(built(example), log=log)
    lifecycle.expect_processed(sorted(example.expected))
    for word, what in example.steps:
        if word == "tick":
            lifecycle.tick(as_time(what))
        elif word == "apply":
            lifecycle.apply(handed(what, example.model))
    return lifecycle


Told = dict[str, Any]
#: Behind all that happens in a story.
LAST = 60 * DAY


def told(lifecycle: Lifecycle) -> Told:
    """Everything that is kept of everybody."""
    names = [*lifecycle.model.field_types, "stage", "stage_entered_at", "journey", "clock"]
    view: Told = {f"row {row.person} {row.sequence}": row for row in lifecycle.history}
    view |= {f"fact {number}": fact for number, fact in enumerate(lifecycle.deadlines)}
    for person in lifecycle:
        view |= {f"{person.id}.{name}": getattr(person, name) for name in names}
    return view | {"merged": dict(lifecycle.merged)}


def _same(one: Callable[[Story], Told], other: Callable[[Story], Told], **shape: Any) -> None:
    for seed in range(STORIES // 2):
        example = story(Random(seed), **shape)

        def apart(candidate: Story) -> Told:
            ours, theirs = one(candidate), other(candidate)
            return {
                key: (ours.get(key), theirs.get(key))
                for key in sorted({*ours, *theirs})
                if ours.get(key) != theirs.get(key)
            }

        if apart(example):
            fail_on(example, lambda candidate: bool(apart(candidate)), apart)


def _as_run(example: Story) -> Told:
    return told(run(example))


def _replayed(example: Story) -> Told:
    log: list[Activity] = []
    run(example, log.append)
    again = Lifecycle(built(example))
    again.replay(log)
    return told(again)


@pytest.mark.parametrize("shape", SHAPES)
def test_s19_a_kept_log_replays_to_the_same(shape: str) -> None:
    _same(_as_run, _replayed, **SHAPES[shape])


def _applied(example: Story) -> list[tuple[str, Any]]:
    return [step for step in example.steps if step[0] == "apply"]


def _without_ticks(example: Story) -> Told:
    *_, last = example.steps
    return told(run(attrs.evolve(example, steps=[*_applied(example), last])))


def test_s20_the_result_does_not_depend_on_how_often_time_is_let_pass() -> None:
    _same(_as_run, _without_ticks, persons=2)


def _by_event(example: Story) -> Story:
    """The activities in the order of events. Of two with one id it matters which comes first: only
    the later one is there. Who has ``processed`` in the log waits for it, as in a rebuild [S14]."""
    ids = {(what.person, what.id): (word, what) for word, what in _applied(example)}
    # The order is that of one person; here it shall be that of all.
    apart = [
        (word, attrs.evolve(one, id=f"{one.id} of {one.person}")) for word, one in ids.values()
    ]
    applied = sorted(apart, key=lambda step: step[1].order)
    ended = {activity.person for _, activity in applied if activity.kind == "processed"}
    steps = [*applied, ("tick", LAST)]
    return attrs.evolve(example, steps=steps, expected=example.expected | ended)


def _rebuilt(example: Story) -> Told:
    """By event, of what was applied in another order."""
    again = Lifecycle(built(example))
    again.expect_processed(sorted(example.expected))
    applied = _applied(_by_event(example))
    again.replay([handed(what, example.model) for _, what in reversed(applied)], order="event")
    again.tick(as_time(LAST))
    return told(again)


def test_s19_a_rebuild_is_told_by_event() -> None:
    _same(lambda example: told(run(_by_event(example))), _rebuilt, persons=3, lateness=0.4)


def test_s19_a_story_by_event_is_what_the_rules_tell() -> None:
    for seed in range(STORIES):
        example = _by_event(story(Random(seed), persons=2, lateness=0.4))
        if compare(example) is not None:
            fail_on(example, lambda candidate: compare(candidate) is not None, compare)


# ------------------------------------------------------------------ a merge in both directions


def _merges(example: Story, change: Callable[[Any], Any]) -> Story:
    """The same with every merge changed."""
    steps = [
        (word, change(what) if word == "apply" and what.kind == "merged" else what)
        for word, what in example.steps
    ]
    return attrs.evolve(example, steps=steps)


def _of_its_own(merge: Any) -> Any:
    """With an id that nothing else has for either record: of two activities with one id, only the
    first counts, so that a merge would count in one direction alone."""
    return attrs.evolve(merge, id=f"{merge.id} of {merge.person} and {merge.brings['loser']}")


def _turned(merge: Any) -> Any:
    """The merge said of the other record."""
    return attrs.evolve(merge, person=merge.brings["loser"], brings={"loser": merge.person})


def _whoever_survives(example: Story) -> Told:
    """What is told without saying which record stays."""
    # A conversion says which one does.
    steps = [step for step in example.steps if step[0] != "apply" or step[1].kind != "converted"]
    lifecycle = run(attrs.evolve(example, steps=steps))
    together: dict[str, list[str]] = {}
    for record in sorted(lifecycle._orchestrator.people):
        together.setdefault(lifecycle.person(record).id, []).append(record)
    view: Told = {}
    for survivor, records in together.items():
        who = "+".join(records)
        person = lifecycle.person(survivor)
        names = [*lifecycle.model.field_types, "stage", "stage_entered_at", "journey"]
        view |= {f"{who}.{name}": getattr(person, name) for name in names}
    rows = (row for row in lifecycle.history if row.kind != "merge")
    view["rows"] = sorted(
        str(attrs.evolve(row, person="", sequence=0, activity="")) for row in rows
    )
    view["facts"] = sorted(str(attrs.evolve(fact, person="")) for fact in lifecycle.deadlines)
    return view


def test_s23_no_number_depends_on_which_record_survives() -> None:
    def either(example: Story) -> Told:
        return _whoever_survives(_merges(example, _of_its_own))

    def other(example: Story) -> Told:
        return _whoever_survives(_merges(_merges(example, _of_its_own), _turned))

    _same(either, other, persons=3, lateness=0.1)
