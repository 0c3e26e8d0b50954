"""Made-up companies in which sales is alerted from another number of points on: the truth."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import attrs
import pytest

from lifecycle_fsm import Activity, Lifecycle, Model, load
from lifecycle_fsm.demo import company, prospects

WATERFALL = load("waterfall")
PEOPLE, SEED = 400, 3


def with_threshold(points: int, model: Model = WATERFALL) -> Model:
    return attrs.evolve(model, tokens={**model.tokens, "mql_threshold": points})


@cache
def log(points: int = 65) -> Sequence[Activity]:
    """What happens in a company that works by a model with this threshold. Each person draws from
    numbers of their own, so until sales is alerted they do the same in each of these worlds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prospects, "WARM", points)
        made = company.invent(PEOPLE, SEED).with_processing(with_threshold(points))
    return tuple(made.log)


def history(model: Model, activities: Sequence[Activity]) -> Lifecycle:
    """What a model makes of a log, to its end."""
    lifecycle = Lifecycle(model)
    lifecycle.replay(activities, order="event", what_if=True)
    lifecycle.tick(max(activity.at for activity in activities) + model.settle)
    return lifecycle
