"""Stories of the generator, told to stores and to Lifecycles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeAlias

import attrs

from lifecycle_fsm import Activity, AlertRule, Engine, Lifecycle, load
from lifecycle_fsm.store import Store
from tests.oracle.comparing import built, handed
from tests.oracle.generator import Story, story
from tests.oracle.language import as_time

#: An activity that comes, or an instant up to which time passes.
Step: TypeAlias = Activity | datetime
#: After all that ever happens in a story.
END = as_time(0) + timedelta(days=400)


def stories(name: str, count: int, **shape: Any) -> Iterator[tuple[Story, Engine, list[Step]]]:
    """Some stories, each with its model made ready and its steps."""
    for seed in range(count):
        example = story(Random(f"{name}{seed}"), **shape)
        steps = [
            as_time(what) if word == "tick" else handed(what, example.model)
            for word, what in example.steps
            if word != "ask"
        ]
        yield example, Engine(built(example)), steps


def tell(
    book: Store | Lifecycle,
    example: Story,
    steps: list[Step],
    left_out: Callable[[Activity], bool] = lambda activity: False,
) -> list[str | None]:
    """Let all of it happen, but for some activities; and the results of the activities."""
    book.expect_processed(example.expected)
    results: list[str | None] = []
    for step in steps:
        if isinstance(step, datetime):
            book.tick(step)
        elif left_out(step):
            results.append(None)
        else:
            results.append(book.apply(step).result)
    return results


#: People come to ``contact`` by themselves, to ``lead`` by the second form, and whoever is
#: responsible for the record in the CRM is told.
ASKING = Engine(
    attrs.evolve(
        load("two_step"),
        alerts=(
            AlertRule(name="comes", entering="contact", send="email", to="'desk'"),
            AlertRule(name="ready", entering="lead", send="task", to="'desk'", links_to_crm=True),
        ),
    )
)
START = datetime.fromisoformat("2024-05-01T09:00:00Z")
DAY = timedelta(days=1)


def happened(person: str, kind: str, day: float, **payload: object) -> Activity:
    """Something that happened so many days after the start, with an id made of these."""
    return Activity(f"{kind}-{person}-{day:g}", person, kind, START + day * DAY, payload)
