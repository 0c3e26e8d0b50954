"""Step 050: the group of a test, drawn by a seeded hash of the person's id [S16].

The number ``n`` of a person is that of :func:`~lifecycle_fsm.stable.stable_number`.

The *bucket* is ``n mod 10000``. The groups stand in the order of their names (by code point); with
integer weights that sum to W, a person is in the first group for which
``bucket * W < 10000 * (the weights up to and with this group)``. Only integers: no engine rounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from lifecycle_fsm.errors import RecordError
from lifecycle_fsm.fields import Value
from lifecycle_fsm.processing.step import Context, Made, Options, Surroundings
from lifecycle_fsm.stable import BUCKETS, bucket


def group_of(groups: Mapping[str, int], seed: str | int, person: str) -> str:
    """The group of a person, by integer weights.

    >>> group_of({"control": 10, "test": 90}, "2024", "p-1")
    'test'
    """
    return _Draw(groups).group(bucket(seed, person))


class _Draw:
    """The groups with the buckets at which they end."""

    def __init__(self, groups: Mapping[str, int]) -> None:
        ordered = sorted(groups.items())
        self.total = sum(groups.values())
        self.ends = tuple(
            (end * BUCKETS, name)
            for end, (name, _) in zip(
                accumulate(weight for _, weight in ordered), ordered, strict=True
            )
        )

    def group(self, place: int) -> str:
        return next(name for end, name in self.ends if place * self.total < end)


def make(options: Options, around: Surroundings) -> Made:
    """The step ``cohort``.

    Options: ``groups``, the names with their weights, whole numbers such as
    ``{ control = 10, test = 90 }``; ``seed``, a text that belongs to this test alone: two tests
    with one seed would have the same people in their first groups. A person who has a cohort
    keeps it, whatever becomes of the weights.
    """
    seed = options.text("seed")
    if not seed:
        options.wrong("seed", 'give a text that no other test uses, such as "welcome-2024"')
    groups = options.pairs("groups")
    for name, weight in groups.items():
        if not isinstance(weight, int) or isinstance(weight, bool) or weight < 0:
            options.wrong("groups", f"the weight of {name!r} is a whole number, not {weight!r}")
        try:
            around.types["cohort"].accept(name)
        except RecordError as error:
            options.wrong("groups", str(error))
    if not any(groups.values()):
        options.wrong("groups", "name the groups with their weights: { control = 10, test = 90 }")
    options.close()
    draw = _Draw(groups)

    def run(person: Any, context: Context) -> Mapping[str, Value]:
        if person.cohort is not None:
            return {}
        return {"cohort": draw.group(bucket(seed, person.id))}

    return Made(run, ("id", "cohort"), ("cohort",))
