"""One numbered step of original processing: its function and the fields it reads and writes [S13].

A project's own step is a plain function with a decorator::

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
    """The data that a step gets besides the person: the time of the run and the model's tokens.

    A step that needs the time uses ``now`` and never reads the clock, so that a replay of the same
    log gives the same person [S4].
    """

    now: datetime
    tokens: Mapping[str, object] = _NO_TOKENS


#: The function of a step: it reads a scratch copy of the person and returns the changed fields.
#: The person is ``Any`` so that a project may annotate its own class.
Run: TypeAlias = Callable[[Any, Context], Mapping[str, Value]]


def _names(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


@attrs.frozen
class Step:
    """A numbered step of the chain that every new person passes before the sort [S13].

    Args:
        number: its position in the chain, from 1 to 89; the sort is 90.
        name: unique in the chain, and used in errors.
        run: takes the person (a scratch copy) and the context, and returns the changed fields.
        reads: the fields that it reads. A chain that reads a field before it is written cannot be
            built.
        writes: the fields that it may return. Any other field is a failure of the step.
        on_failure: ``park`` keeps the person in processing, to be retried; ``skip`` records the
            error and continues without the step's values.
        label: its text in a diagram.
        timeout: the number of seconds after which it has failed. This is for steps that call a
            service: each call gets a thread.
        attempts: how often a store calls it before it has failed. A ``Lifecycle`` does not wait: it
            calls a step once, and again on a retry.
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
        """Run only this step, as its tests do."""
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
    """Declare a function as a step; the default ``name`` is that of the function.

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
# Reads the options of a built-in step. Every fault is found and reported in the model's terms.
#
# A step's options come from a model file, so their faults are the model's [S5].


class Options:
    """The options of one step. Read each option that the step knows, then call :meth:`close`."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._known: list[str] = []
        self._problems: list[Problem] = []

    def wrong(self, where: str, message: str) -> None:
        """Record a fault; :meth:`close` raises all recorded faults."""
        self._problems.append(Problem(where, message))

    def text(self, name: str, default: str = "") -> str:
        """Return a text option; a whole number counts as text."""
        value = self._take(name, default)
        if isinstance(value, str | int) and not isinstance(value, bool):
            return str(value)
        self.wrong(name, f"give a text, not {value!r}")
        return default

    def flag(self, name: str, default: bool) -> bool:
        """Return a true/false option."""
        value = self._take(name, default)
        if isinstance(value, bool):
            return value
        self.wrong(name, f"write true or false, not {value!r}")
        return default

    def texts(self, name: str, default: Iterable[str] = ()) -> tuple[str, ...]:
        """Return an option that is a list of texts; a single text counts as a list."""
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
        """Return an option that is a table from text to text; if ``listed``, a list of texts means
        a table from each text to itself."""
        if listed and isinstance(self._values.get(name), list | tuple | str):
            return {text: text for text in self.texts(name)}
        pairs = self.pairs(name)
        bad = [key for key, value in pairs.items() if not isinstance(value, str)]
        for key in bad:
            self.wrong(name, f"{key!r}: give a text, not {pairs[key]!r}")
        return {key: value for key, value in pairs.items() if key not in bad}

    def close(self) -> None:
        """Finish reading, and raise an error if there are faults.

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
# A maker takes the options of the model and the resources of the host, and returns the function to
# run with the fields that it reads and writes. It reports every fault that can be found at that
# point, before the first person.

#: Rows from the host, by the value of the key field: ``{"acme.com": {"employees": 40}}``.
Rows: TypeAlias = Mapping[Any, Mapping[str, Any]]
#: The demographic score of a person at an instant: the function of the scoring silo [S18].
Demographic: TypeAlias = Callable[[Any, datetime], int]


def _paths(names: Iterable[str | Path]) -> tuple[Path, ...]:
    return tuple(map(Path, names))


@attrs.frozen(kw_only=True)
class Resources:
    """The resources of a maker besides the options.

    Args:
        types: the fields that a step may write, with their types.
        folder: the folder that the relative paths of the model start from; tables are read below
            it.
        tables_from: further files and folders that tables may be read from.
        rows: rows from the host for this step, instead of a file.
        run: a function from the host for this step, instead of a table.
        demographic: the demographic score.
        demographic_reads: the fields that the rules of that score read.
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
    """A built-in step, ready to run: its function, and the fields it reads and writes."""

    run: Run
    reads: tuple[str, ...]
    writes: tuple[str, ...]


StepFactory: TypeAlias = Callable[[Options, Resources], BuiltStep]
