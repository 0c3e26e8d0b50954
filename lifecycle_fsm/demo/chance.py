"""Chance that is the same on every machine: a seed and a name give one row of draws, for ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from random import Random
from typing import TypeAlias, TypeVar

T = TypeVar("T")

#: A quantity by its quantiles, evenly spaced: the least, …, the middle one is the median, … the
#: most. Between two of them every value is as likely as every other.
Spread: TypeAlias = Sequence[int]


class Chance:
    """The draws of one part of what is made up, which no other part can disturb.

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

    def number(self, *spread: int) -> int:
        """A whole number that is spread like this: between two numbers, both included, evenly."""
        position = self._next() * (len(spread) - 1)
        below = int(position)
        low, high = spread[below], spread[below + 1]
        return low + int((position - below) * (high - low + 1))

    def choice(self, options: Sequence[T]) -> T:
        """One of these, each as likely as the others."""
        return options[int(self._next() * len(options))]

    def weighted(self, weights: Mapping[T, int]) -> T:
        """One of these, by weight: so many of all."""
        left = int(self._next() * sum(weights.values()))
        for option, weight in weights.items():
            left -= weight
            if left < 0:
                return option
        raise ValueError("there is nothing to draw from")
