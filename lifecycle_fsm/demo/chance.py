"""Reproducible randomness: a seed and a name give the same draws on every machine, for ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from random import Random
from typing import TypeAlias, TypeVar

T = TypeVar("T")

#: A quantity by its evenly spaced quantiles, from the minimum to the maximum; the middle one is the
#: median. Between two of them all values are equally likely.
Spread: TypeAlias = Sequence[int]


class Chance:
    """Random draws for one part of the made-up world, independent of every other part.

    Only the method ``random`` of ``random.Random`` is guaranteed to give the same numbers in every
    version of Python, and only sums and products of floats are the same on every processor, so
    nothing else is used here.
    """

    __slots__ = ("_next",)

    def __init__(self, *name: object) -> None:
        key = "/".join(map(str, name)).encode()
        seed = int.from_bytes(sha256(key).digest(), "big")
        self._next = Random(seed).random  # noqa: S311 - a play, no secret

    def share(self, of: float) -> bool:
        """Return True in this share of all cases."""
        return self._next() < of

    def number(self, *spread: int) -> int:
        """Draw a whole number from a spread; two numbers are its bounds, both included."""
        position = self._next() * (len(spread) - 1)
        below = int(position)
        low, high = spread[below], spread[below + 1]
        return low + int((position - below) * (high - low + 1))

    def choice(self, options: Sequence[T]) -> T:
        """Draw one of the options, all equally likely."""
        return options[int(self._next() * len(options))]

    def weighted(self, weights: Mapping[T, int]) -> T:
        """Draw one of the options by its weight."""
        left = int(self._next() * sum(weights.values()))
        for option, weight in weights.items():
            left -= weight
            if left < 0:
                return option
        raise ValueError("there is nothing to draw from")
