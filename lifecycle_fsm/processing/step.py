"""One numbered step of original processing: what it does, what it reads and what it writes [S13].

A project's own step is a plain function with a declaration above it::

    @step(number=25, reads=("domain",), writes=("employees",), on_failure="skip")
    def company_size(person, context):
        return {"employees": registry.employees(person.domain)}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import attrs

from lifecycle_fsm.errors import ModelError, Problem, suggest
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.model.definition import OnFailure

_NO_TOKENS: Mapping[str, object] = MappingProxyType({})


@attrs.frozen
class Context:
    """What a step may know beside the person: the instant of the run, and the model's tokens.

    A step that needs the time takes ``now`` and never asks the clock, so that a replay of the same
    log gives the same person [S4].
    """

    now: datetime
    tokens: Mapping[str, object] = _NO_TOKENS


#: What a step does: it looks at a scratch copy of the person and returns the fields that change.
#: The person is ``Any`` so that a project may write its own class there.
Run: TypeAlias = Callable[[Any, Context], Mapping[str, Value]]


def _names(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


@attrs.frozen
class Step:
    """A numbered step of the chain that every new person passes before the sort [S13].

    Args:
        number: its place in the chain, from 1 to 89; the sort is 90.
        name: unique in the chain; errors name it.
        run: takes the person (a scratch copy) and the context, and returns the changed fields.
        reads: the fields that it looks at. A chain that reads a field before it is written does
            not build.
        writes: the fields that it may return. Anything else is a failure of the step.
        on_failure: ``park`` keeps the person in processing, to be tried again; ``skip`` records
            the error and goes on without the step's values.
        label: words for a picture.
        timeout: how many seconds it may take; then it has failed. For steps that ask a service:
            each call of it gets a thread.
        attempts: how often a store calls it before it has failed. A ``Lifecycle`` does not wait: it
            calls a step once, and again when it is told to retry.
    """

    number: int
    name: str
    run: Run
    reads: tuple[str, ...] = attrs.field(default=(), converter=_names)
    writes: tuple[str, ...] = attrs.field(default=(), converter=_names)
    on_failure: OnFailure = "park"
    label: str = ""
    timeout: float | None = None
    attempts: int = 1

    def __call__(self, person: Any, context: Context) -> Mapping[str, Value]:
        """Run the step alone, as a test of it does."""
        return self.run(person, context)

    def __str__(self) -> str:
        return f"{self.number:03} {self.name}"


def step(
    *,
    number: int,
    reads: str | Iterable[str] = (),
    writes: str | Iterable[str] = (),
    on_failure: OnFailure = "park",
    name: str = "",
    label: str = "",
    timeout: float | None = None,
    attempts: int = 1,
) -> Callable[[Run], Step]:
    """Declare a function as a step; without ``name`` the step is called like the function.

    >>> @step(number=25, reads="domain", writes="employees", on_failure="skip")
    ... def company_size(person, context):
    ...     return {"employees": 40}
    >>> str(company_size), company_size.writes
    ('025 company_size', ('employees',))
    """

    def declare(run: Run) -> Step:
        return Step(
            number=number,
            name=name or getattr(run, "__name__", ""),
            run=run,
            reads=reads,
            writes=writes,
            on_failure=on_failure,
            label=label,
            timeout=timeout,
            attempts=attempts,
        )

    return declare


# ------------------------------------------------------------------ options
#
# Reading the options of a built-in step: every fault is found, and said in the words of the model.
#
# A step's options come from a model file, so their faults are the model's [S5].


class Options:
    """The options of one step. Ask for each that the step knows, then :meth:`close`."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._known: list[str] = []
        self._problems: list[Problem] = []

    def wrong(self, where: str, message: str) -> None:
        """Note a fault; :meth:`close` raises all that were noted."""
        self._problems.append(Problem(where, message))

    def text(self, name: str, default: str = "") -> str:
        """Return an option that is a text; a whole number counts as one."""
        value = self._take(name, default)
        if isinstance(value, str | int) and not isinstance(value, bool):
            return str(value)
        self.wrong(name, f"give a text, not {value!r}")
        return default

    def flag(self, name: str, default: bool) -> bool:
        """Return an option that is true or false."""
        value = self._take(name, default)
        if isinstance(value, bool):
            return value
        self.wrong(name, f"write true or false, not {value!r}")
        return default

    def texts(self, name: str, default: Iterable[str] = ()) -> tuple[str, ...]:
        """Return an option that is a list of texts; a text alone is a list of one."""
        value = self._take(name, tuple(default))
        items = (value,) if isinstance(value, str) else value
        if isinstance(items, Iterable) and not isinstance(items, Mapping):
            texts = tuple(items)
            if all(isinstance(text, str) for text in texts):
                return texts
        self.wrong(name, f"give a list of texts, not {value!r}")
        return tuple(default)

    def pairs(self, name: str) -> dict[str, Any]:
        """Return an option that is a table of names and values."""
        value = self._take(name, {})
        if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
            return dict(value)
        self.wrong(name, f"give a table of names and values, not {value!r}")
        return {}

    def names(self, name: str, *, listed: bool = False) -> dict[str, str]:
        """A table from text to text; where ``listed``, a list of texts may stand for a table of
        each to itself."""
        if listed and isinstance(self._values.get(name), list | tuple | str):
            return {text: text for text in self.texts(name)}
        pairs = self.pairs(name)
        bad = [key for key, value in pairs.items() if not isinstance(value, str)]
        for key in bad:
            self.wrong(name, f"{key!r}: give a text, not {pairs[key]!r}")
        return {key: value for key, value in pairs.items() if key not in bad}

    def close(self) -> None:
        """Nothing more to ask.

        Raises:
            ModelError: an option is wrong or unknown.
        """
        unknown = [
            Problem("", f"no option named {name!r}{suggest(name, self._known)}")
            for name in self._values
            if name not in self._known
        ]
        problems = [*self._problems, *unknown]
        if problems:
            raise ModelError(problems)

    def _take(self, name: str, default: Any) -> Any:
        self._known.append(name)
        return self._values.get(name, default)


# ------------------------------------------------------------------ built-in steps
#
# A maker takes the options that the model wrote and what the host brought along, and gives the
# function to run with what it reads and writes. All that can be found wrong is found then, not with
# the first person.

#: Rows that the host holds, by the value of the key field: ``{"acme.com": {"employees": 40}}``.
Rows: TypeAlias = Mapping[Any, Mapping[str, Any]]
#: The demographic score of a person at an instant: the one function of the scoring silo [S18].
Demographic: TypeAlias = Callable[[Any, datetime], int]


def _paths(names: Iterable[str | Path]) -> tuple[Path, ...]:
    return tuple(map(Path, names))


@attrs.frozen(kw_only=True)
class Resources:
    """What a maker may use beside the options.

    Args:
        types: the fields that a step may write, with their types.
        folder: where the relative paths of the model start, and below which tables are read.
        tables_from: further files and folders that tables may be read from.
        rows: rows that the host gave for this step, in place of a file.
        run: a function that the host gave for this step, in place of a table.
        demographic: the demographic score.
        demographic_reads: the fields that the rules of that score look at.
    """

    types: Mapping[str, FieldType]
    folder: Path = attrs.field(default=Path(), converter=Path)
    tables_from: tuple[Path, ...] = attrs.field(default=(), converter=_paths)
    rows: Rows | None = None
    run: Run | None = None
    demographic: Demographic | None = None
    demographic_reads: tuple[str, ...] = ()


@attrs.frozen
class BuiltStep:
    """A built-in step, ready: what it does, what it reads and what it writes."""

    run: Run
    reads: tuple[str, ...]
    writes: tuple[str, ...]


StepFactory: TypeAlias = Callable[[Options, Resources], BuiltStep]
