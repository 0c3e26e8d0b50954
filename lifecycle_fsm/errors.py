"""Every error of the package: one tree, and each message says what, where and what to do.

::

    LifecycleError
    ├── ModelError            a model does not build: all its problems at once [S5]
    ├── GuardSyntaxError      a guard's text cannot be read, with the column
    ├── GuardError            a guard was used as something that it is not
    ├── RecordError           a person or an activity carries what it may not
    ├── Refused               a declared move whose guards are not met [S10]
    ├── NoSuchMove            no move of that trigger leaves the person's stage [S10]
    ├── StageConflict         a stage was written from outside the machine [S6]
    ├── StepFailed            a step of original processing failed [S13]
    ├── UnknownPerson         nobody of that id was admitted
    ├── FileProblem           a file cannot be read or written as asked
    ├── StoreError            a store's database cannot be used as asked
    └── MissingExtra          an optional part of the installation is needed
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
    from lifecycle_fsm.machine import Decision

__all__ = [
    "FileProblem",
    "GuardError",
    "GuardSyntaxError",
    "LifecycleError",
    "MissingExtra",
    "ModelError",
    "NoSuchMove",
    "Problem",
    "RecordError",
    "Refused",
    "StageConflict",
    "StepFailed",
    "StoreError",
    "UnknownPerson",
    "async_fault",
    "suggest",
]


class LifecycleError(Exception):
    """The root of all errors that this package raises on purpose."""


@attrs.frozen
class Problem:
    """One fault of a model: the place in the field's words, and a sentence that says what to do."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class ModelError(LifecycleError):
    """A model does not build. ``problems`` has every fault, in the order of the model [S5]."""

    def __init__(self, problems: Iterable[Problem], name: str = "") -> None:
        self.problems = tuple(problems)
        self.name = name
        count = len(self.problems)
        head = f"the model {name!r} has {count} problem{'s' if count != 1 else ''}:"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


class GuardSyntaxError(LifecycleError):
    """A guard's text cannot be read. ``column`` counts from 1 and points into ``text``."""

    def __init__(self, message: str, text: str, column: int) -> None:
        self.message = message
        self.text = text
        self.column = column
        super().__init__(f"{message} (column {column})\n  {text}\n  {' ' * (column - 1)}^")


class GuardError(LifecycleError):
    """A guard was used as something that it is not, such as the condition of an ``if``."""


class RecordError(LifecycleError):
    """A person or an activity carries a value, a field or a kind that the model does not take."""


class _DecisionError(LifecycleError):
    """A decision that the caller asked to be raised instead of returned."""

    def __init__(self, message: str, decision: Decision) -> None:
        self.decision = decision
        super().__init__(message)


class Refused(_DecisionError):
    """The move is declared, but its guards are unmet; ``decision.unmet`` names every one [S10]."""


class NoSuchMove(_DecisionError):
    """No move with this trigger leaves the stage that the person is in [S10]."""


class StageConflict(LifecycleError):
    """The stage of a foreign object is not the last of its history: somebody else wrote it [S6]."""


class StepFailed(LifecycleError):
    """A step of original processing failed for one person; the cause is chained [S13]."""


class UnknownPerson(LifecycleError):
    """Nobody with this id has been admitted."""


class FileProblem(LifecycleError):
    """A file cannot be read or written as asked: the path, the place in it, and the remedy."""


class StoreError(LifecycleError):
    """The database of a store cannot be used as asked: which, why, and the remedy."""


class MissingExtra(LifecycleError):
    """A part of the package that is installed on request is needed and is not here."""

    def __init__(self, extra: str, package: str, purpose: str) -> None:
        self.extra = extra
        self.package = package
        super().__init__(
            f"{purpose} needs {package}, which is not installed: "
            f"pip install 'lifecycle-fsm[{extra}]'"
        )


def suggest(word: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` for the nearest known word, or nothing where none is near. Capital
    and small letters are alike to it."""
    folded = {name.casefold(): name for name in sorted(known, reverse=True)}
    near = difflib.get_close_matches(word.casefold(), sorted(folded), n=1, cutoff=0.6)
    return f"; did you mean {folded[near[0]]!r}?" if near else ""


def async_fault(function: object) -> str:
    """What to say of a callable whose answer has to be awaited; nothing of a plain one.

    Everything here runs at once, so it would never run, and its coroutine would count as true.
    """
    if isinstance(function, types.BuiltinFunctionType | types.NoneType):
        return ""  # the usual answer at once: a Lifecycle may be made for each request
    while isinstance(function, functools.partial):
        function = function.func
    call = getattr(type(function), "__call__", None)  # noqa: B004 - how it is called, not whether
    for candidate in (function, call):
        if inspect.iscoroutinefunction(candidate) or inspect.isasyncgenfunction(candidate):
            name = getattr(function, "__qualname__", type(function).__qualname__)
            return f"{name} is async, and nothing here awaits it: give a plain function"
    return ""
