"""Measures that take a history part by part, so that one reading of a large file serves all.

A part holds all walks of some people. A measure is a generator: it is sent each part in turn and
then ``None``, at the end of the history. It then returns its table or asks for the history once
more.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from functools import update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, TypeAlias, TypeVar

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel.scope import Scope
from lifecycle_fsm.funnel.visits import Walk
from lifecycle_fsm.garbage import without_cycles

T = TypeVar("T")
P = ParamSpec("P")
Measuring: TypeAlias = Generator[None, Iterable[Walk] | None, T]


def together(measures: Iterable[Measuring[Any]]) -> Measuring[list[Any]]:
    """The results of several measures, in order, of which each is sent every part."""
    active = dict(enumerate(measures))
    results: dict[int, Any] = {}

    def send(walks: Iterable[Walk] | None) -> None:
        for place, measure in tuple(active.items()):
            try:
                measure.send(walks)
            except StopIteration as end:
                results[place] = end.value
                del active[place]

    send(None)  # up to where each waits for its first part
    while active:
        while (walks := (yield)) is not None:
            send(walks)
        send(None)
    return [results[place] for place in sorted(results)]


@without_cycles()
def measured(scope: Scope, measures: Iterable[Measuring[Any]]) -> list[Any]:
    """The results of several measures of a scope, in order."""
    both = together(measures)
    try:
        both.send(None)
        while True:
            for walks in scope.parts():
                both.send(walks)
            both.send(None)
    except StopIteration as end:
        results: list[Any] = end.value
        return results


class ImpossibleMeasure(LifecycleError):
    """The history lacks what a measure needs; the message says how to get it."""


class InParts(Generic[P, T]):
    """A measure as a function of a scope; ``measuring`` is the generator behind it."""

    def __init__(self, measuring: Callable[Concatenate[Scope, P], Measuring[T]]) -> None:
        self.measuring = measuring
        update_wrapper(self, measuring)

    def __call__(self, scope: Scope, /, *args: P.args, **options: P.kwargs) -> T:
        """Measure a scope."""
        (result,) = measured(scope, [self.measuring(scope, *args, **options)])
        table: T = result
        return table
