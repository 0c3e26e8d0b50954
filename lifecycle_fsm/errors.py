"""All errors of the package, in one tree. Each message says what, where and what to do.

::

    LifecycleError
    ├── ModelError            a model cannot be built: all its problems at once [S5]
    ├── GuardSyntaxError      the text of a guard cannot be parsed, with the column
    ├── GuardError            a guard is misused, or does not fit the model
    ├── RecordError           a person or an activity has an invalid value
    ├── Refused               a move is declared, but its guards are not met [S10]
    ├── NoSuchMove            no move with that trigger leaves the person's stage [S10]
    ├── StageConflict         a stage was changed outside the machine [S6]
    ├── StepFailed            a step of original processing failed [S13]
    ├── UnknownPerson         no person with that id was admitted
    ├── FileProblem           a file cannot be read or written
    ├── StoreError            the database of a store cannot be used
    ├── ChannelError          a channel for requests is configured wrongly
    ├── DeliveryFailed        a request could not be sent
    └── MissingExtra          an optional dependency is not installed
"""

from __future__ import annotations

import difflib
import functools
import inspect
import types
from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from datetime import timedelta

    from lifecycle_fsm.machine import Decision


class LifecycleError(Exception):
    """The base class of all errors that this package raises on purpose."""


@attrs.frozen
class Problem:
    """One fault of a model: its place in the model, and a sentence that says what to do."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class FontWarning(UserWarning):
    """A picture has letters that no font of this machine has."""


class ModelError(LifecycleError):
    """A model cannot be built. ``problems`` has every fault, in the order of the model [S5]."""

    def __init__(self, problems: Iterable[Problem], name: str = "") -> None:
        self.problems = tuple(problems)
        self.name = name
        count = len(self.problems)
        head = f"the model {name!r} has {count} problem{'s' if count != 1 else ''}:"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


class GuardSyntaxError(LifecycleError):
    """The text of a guard cannot be parsed. ``column`` counts from 1 and points into ``text``."""

    def __init__(self, message: str, text: str, column: int) -> None:
        self.message = message
        self.text = text
        self.column = column
        super().__init__(f"{message} (column {column})\n  {text}\n  {' ' * (column - 1)}^")


class GuardError(LifecycleError):
    """A guard is misused, as in the condition of an ``if``, or does not fit the model."""


class RecordError(LifecycleError):
    """A person or an activity has a value, a field or a kind that the model does not accept."""


class _DecisionError(LifecycleError):
    """A decision that the caller wanted raised instead of returned."""

    def __init__(self, message: str, decision: Decision) -> None:
        self.decision = decision
        super().__init__(message)


class Refused(_DecisionError):
    """The move is declared, but its guards are not met; ``decision.unmet`` has every one [S10]."""


class NoSuchMove(_DecisionError):
    """No move with this trigger leaves the person's stage [S10]."""


class StageConflict(LifecycleError):
    """The stage of a foreign object differs from its history: other code changed it [S6]."""


class StepFailed(LifecycleError):
    """A step of original processing failed for one person; the cause is chained [S13]."""


class UnknownPerson(LifecycleError):
    """No person with this id has been admitted."""


class FileProblem(LifecycleError):
    """A file cannot be read or written. The message has the path, the place and the remedy."""


class StoreError(LifecycleError):
    """The database of a store cannot be used. The message says which, why, and what to do."""


class ChannelError(LifecycleError):
    """A channel for requests is configured wrongly. The message has the option and the remedy."""


class DeliveryFailed(LifecycleError):
    """A request could not be sent.

    Args:
        message: the reason, in the server's words if it gave any.
        retry_after: how long the server asks to wait before the next try.
        permanent: whether another try would fail too; if so, none is made.
    """

    def __init__(
        self, message: str, *, retry_after: timedelta | None = None, permanent: bool = False
    ) -> None:
        self.retry_after = retry_after
        self.permanent = permanent
        super().__init__(message)


class MissingExtra(LifecycleError):
    """An optional dependency that this call needs is not installed."""

    def __init__(self, extra: str, package: str, purpose: str) -> None:
        self.extra = extra
        self.package = package
        super().__init__(
            f"{purpose} needs {package}, which is not installed: "
            f"pip install 'lifecycle-fsm[{extra}]'"
        )


def suggest(word: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` for the nearest known word, or an empty text if none is near.

    Case is ignored.
    """
    folded = {name.casefold(): name for name in sorted(known, reverse=True)}
    near = difflib.get_close_matches(word.casefold(), sorted(folded), n=1, cutoff=0.6)
    return f"; did you mean {folded[near[0]]!r}?" if near else ""


def async_fault(function: object) -> str:
    """The fault of a callable that has to be awaited; empty for a plain function.

    Nothing here awaits: an async function would never run, and its coroutine would count as true.
    """
    if isinstance(function, types.BuiltinFunctionType | types.NoneType):
        return ""  # the common case, fast: a program may make a Lifecycle for each request
    while isinstance(function, functools.partial):
        function = function.func
    call = getattr(type(function), "__call__", None)  # noqa: B004 - how it is called, not whether
    for candidate in (function, call):
        if inspect.iscoroutinefunction(candidate) or inspect.isasyncgenfunction(candidate):
            name = getattr(function, "__qualname__", type(function).__qualname__)
            return f"{name} is async, and nothing here awaits it: give a plain function"
    return ""
