"""Chance that is the same on every machine: a seed and a name give one row of draws, for ever."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")

#: A quantity by its quantiles, evenly spaced: the least, …, the middle one is the median, … the
#: most. Between two of them every value is as likely as every other.
Spread = Sequence[int]


class Odds(Generic[T]):
    """Things that happen by weight: so many of all."""

    __slots__ = ("ends", "options", "total")

    def __init__(self, weights: Mapping[T, int]) -> None:
        self.options = tuple(weights)
        self.ends = tuple(accumulate(weights.values()))
        self.total = self.ends[-1]


class Chance:
    """The draws of one part of the company, which no other part can disturb.

    Of ``random.Random`` only the method ``random`` is promised to give the same numbers in every
    version of Python, and only sums and products of floats are the same on every processor, so
    nothing else is used here.
    """

    __slots__ = ("_next",)

    def __init__(self, *name: object) -> None:
        key = "/".join(map(str, name)).encode()
        seed = int.from_bytes(sha256(key).digest(), "big")
        self._next = Random(seed).random  # noqa: S311 - a play, no secret

    def share(self, of: float) -> bool:
        """Does it happen, if it happens in this share of all cases?"""
        return self._next() < of

    def whole(self, least: int, most: int) -> int:
        """A whole number between these two, both included."""
        return least + int(self._next() * (most - least + 1))

    def pick(self, options: Sequence[T]) -> T:
        """One of these, each as likely as the others."""
        return options[int(self._next() * len(options))]

    def one_of(self, odds: Odds[T]) -> T:
        """One of these, by weight."""
        return odds.options[bisect_right(odds.ends, int(self._next() * odds.total))]

    def of(self, spread: Spread) -> int:
        """A value of a quantity that is spread like this."""
        place = self._next() * (len(spread) - 1)
        below = int(place)
        low, high = spread[below], spread[below + 1]
        return low + int((place - below) * (high - low + 1))
