"""Step 050: the test group, drawn by a seeded hash of the person's id [S16].

The number ``n`` of a person comes from :func:`~lifecycle_fsm.stable_hash.stable_number`.

The *bucket* is ``n mod 10000``. The groups are sorted by name (by code point). With integer
weights that sum to W, a person is in the first group for which
``bucket * W < 10000 * (the sum of the weights up to this group)``. Integers avoid rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from lifecycle_fsm.errors import RecordError
from lifecycle_fsm.fields import Value
from lifecycle_fsm.processing.step import BuiltStep, Context, Options, Resources
from lifecycle_fsm.stable_hash import BUCKETS, bucket


def group_of(groups: Mapping[str, int], seed: str | int, person: str) -> str:
    """The group of a person, by integer weights.

    >>> group_of({"control": 10, "test": 90}, "2024", "p-1")
    'test'
    """
    return _group_at(bucket(seed, person), _ends(groups))


def _ends(groups: Mapping[str, int]) -> tuple[tuple[int, str], ...]:
    """For each group, the first bucket after it."""
    names, total = sorted(groups), sum(groups.values())
    ends = accumulate(groups[name] for name in names)
    # The bucket at which bucket * total reaches end * BUCKETS, in integer arithmetic.
    return tuple((-(-end * BUCKETS // total), name) for name, end in zip(names, ends, strict=True))


def _group_at(place: int, ends: tuple[tuple[int, str], ...]) -> str:
    for end, name in ends:
        if place < end:
            return name
    raise AssertionError("the last group ends behind all buckets")


def make(options: Options, resources: Resources) -> BuiltStep:
    """The step ``cohort``.

    Options: ``groups``, names with integer weights such as ``{ control = 10, test = 90 }``;
    ``seed``, a text for this test alone, because two tests with one seed would have the same people
    in their first groups. A person who has a cohort keeps it, even if the weights change.
    """
    seed = options.text("seed")
    if not seed:
        options.wrong("seed", 'give a text that no other test uses, such as "welcome-2024"')
    groups = options.pairs("groups")
    for name, weight in groups.items():
        if not isinstance(weight, int) or isinstance(weight, bool) or weight < 0:
            options.wrong("groups", f"the weight of {name!r} is a whole number, not {weight!r}")
        try:
            resources.types["cohort"].accept(name)
        except RecordError as error:
            options.wrong("groups", str(error))
    if not any(groups.values()):
        options.wrong("groups", "name the groups with their weights: { control = 10, test = 90 }")
    options.close()
    ends = _ends(groups)

    def run(person: Any, context: Context) -> Mapping[str, Value]:
        if person.cohort is not None:
            return {}
        return {"cohort": _group_at(bucket(seed, person.id), ends)}

    return BuiltStep(run, ("id", "cohort"), ("cohort",))
