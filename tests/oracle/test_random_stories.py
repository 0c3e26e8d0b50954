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

from lifecycle_fsm import Activity, Lifecycle, loads
from lifecycle_fsm.tables import by_event
from tests.oracle.comparing import compare, handed, plain, shrunk
from tests.oracle.generator import Story, as_toml, story
from tests.oracle.language import as_time

STORIES = int(os.environ.get("LIFECYCLE_STORIES", "40"))
#: The kinds of stories, and what each is drawn with.
SHAPES: dict[str, dict[str, Any]] = {
    "one person, in order": {},
    "one person, some of it late": {"lateness": 0.3},
    "records that are merged": {"persons": 3},
    "merged, and some of it late": {"persons": 3, "lateness": 0.2},
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
    lifecycle = Lifecycle(loads(as_toml(example.model)), log=log)
    lifecycle.expect_processed(sorted(example.expected))
    for word, what in example.steps:
        if word == "tick":
            lifecycle.tick(as_time(what))
        elif word == "apply":
            lifecycle.apply(handed(what, example.model))
    return lifecycle


def told(lifecycle: Lifecycle) -> dict[str, Any]:
    """Everything that is kept of everybody."""
    names = [*lifecycle.model.field_types, "stage", "stage_entered_at", "journey", "clock"]
    return {
        "history": list(lifecycle.history),
        "deadlines": list(lifecycle.deadlines),
        "merged": dict(lifecycle.merged),
        "people": {
            person.id: {name: getattr(person, name) for name in names} for person in lifecycle
        },
    }


def _otherwise(other: Callable[[Story], dict[str, Any]], **shape: Any) -> None:
    for seed in range(STORIES):
        example = story(Random(seed), **shape)

        def differs(candidate: Story) -> bool:
            return told(run(candidate)) != other(candidate)

        if differs(example):
            fail_on(example, differs, lambda found: f"{told(run(found))}\n{other(found)}")


def _replayed(example: Story) -> dict[str, Any]:
    log: list[Activity] = []
    run(example, log.append)
    again = Lifecycle(loads(as_toml(example.model)))
    again.replay(log)
    return told(again)


@pytest.mark.parametrize("shape", SHAPES)
def test_s19_a_kept_log_replays_to_the_same(shape: str) -> None:
    _otherwise(_replayed, **SHAPES[shape])


def _without_ticks(example: Story) -> dict[str, Any]:
    ticks = [index for index, (word, _) in enumerate(example.steps) if word == "tick"]
    steps = [step for index, step in enumerate(example.steps) if index not in ticks[:-1]]
    return told(run(attrs.evolve(example, steps=steps)))


def test_s20_the_result_does_not_depend_on_how_often_time_is_let_pass() -> None:
    _otherwise(_without_ticks, persons=2)


def test_s19_the_order_of_events_is_that_of_the_rules() -> None:
    for seed in range(STORIES):
        random = Random(seed)
        activities = [what for word, what in story(random, lateness=0.5).steps if word == "apply"]
        expected = sorted(activities, key=lambda one: one.order)
        random.shuffle(activities)
        model: dict[str, Any] = {"fields": {}}
        ordered = by_event([handed(one, model) for one in activities])
        assert [(one.id, plain(one.at)) for one in ordered] == [
            (one.id, one.at) for one in expected
        ]
