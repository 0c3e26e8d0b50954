"""What original processing gave while the company data could not be had.

Nobody but the engine can say that, so it is asked: for these few people the chain of the model
runs with a step ``enrich`` that fails, and what the others gave is the activity ``processed``, as
the log of a system that was live then would have it [S13][S14].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NoReturn

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.model import Model
from lifecycle_fsm.tables import by_event


def processed(
    model: Model, log: Iterable[Activity], held_up: Mapping[str, datetime]
) -> list[Activity]:
    """The activities ``processed`` of those whose processing was held up."""
    ended: list[Activity] = []

    def keep(activity: Activity) -> None:
        if activity.kind == "processed":
            ended.append(activity)

    lifecycle = Lifecycle(model, steps={"enrich": _no_answer}, log=keep)
    lifecycle.expect_processed(held_up)
    concerned = [one for one in log if one.person in held_up and one.at <= held_up[one.person]]
    for activity in by_event(concerned):
        lifecycle.apply(activity)
    for person, at in held_up.items():
        lifecycle.process(person, at=at)
    return ended


def _no_answer(person: Any, context: Any) -> NoReturn:
    raise ConnectionError("the data provider does not answer")
