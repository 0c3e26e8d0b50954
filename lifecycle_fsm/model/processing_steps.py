"""The fields that the built-in steps of original processing read and write [S13]. The model checks
the order of its chain with these; the steps themselves are in ``processing``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import attrs

from lifecycle_fsm.errors import GuardError, suggest
from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.guard import constant
from lifecycle_fsm.model.definition import OnFailure, StepDef
from lifecycle_fsm.person import READ_ONLY

#: The number of the sort; every step comes before it.
SORT_NUMBER = 90


@attrs.frozen
class BuiltIn:
    """The declaration of a built-in step: its fields, and what its failure does by default."""

    reads: tuple[str, ...]
    writes: tuple[str, ...]
    on_failure: OnFailure
    label: str


BUILT_IN: Mapping[str, BuiltIn] = {
    "normalise": BuiltIn(
        ("email", "first_name", "last_name", "phone", "company", "domain", "country", "job_title"),
        ("email", "first_name", "last_name", "phone", "company", "domain", "country", "job_title",
         "seniority"),
        "park",
        "clean the record",
    ),
    "enrich": BuiltIn(("domain",), (), "skip", "add company data"),
    "lead_source": BuiltIn(
        ("source", "source_latest", "sourced_by", "created_by", "created_through"),
        ("source", "source_latest", "sourced_by"),
        "park",
        "first and last touch",
    ),
    "demographic_score": BuiltIn((), ("demographic_score",), "park", "score the fit"),
    "cohort": BuiltIn((), ("cohort",), "park", "draw the test group"),
}  # fmt: skip


def unwritable(value: Any) -> Iterator[str]:
    """The options of a step that a model file cannot hold, as sentences."""
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                yield f"options: the name {name!r} is no text"
        yield from unwritable(tuple(value.values()))
    elif isinstance(value, tuple):
        for part in value:
            yield from unwritable(part)
    elif isinstance(value, set | frozenset):
        yield f"options: {value!r} has no order: write a list"
    elif value != "":  # not a value of a guard, but a valid option
        try:
            constant(value)
        except GuardError as error:
            yield f"options: {error}"


def _listed(value: Any) -> Iterable[Any]:
    if isinstance(value, str):
        return (value,)
    return value if isinstance(value, Iterable) else ()


def declared(step: StepDef, demographic_reads: tuple[str, ...] = ()) -> StepDef:
    """The step with all fields that it reads and writes, derived from its use and options."""
    built_in = BUILT_IN.get(step.use)
    if built_in is None:
        return attrs.evolve(step, on_failure=step.on_failure or "park")
    reads, writes = built_in.reads, built_in.writes
    options: Mapping[str, Any] = step.options
    if step.use == "enrich":
        reads = (str(options.get("key", "domain")),)
        columns = options.get("columns", ())
        named = columns.values() if isinstance(columns, Mapping) else columns
        # The step itself refuses other shapes, when it reads its options.
        writes = tuple(column for column in _listed(named) if isinstance(column, str))
    elif step.use == "demographic_score":
        reads = demographic_reads
    return attrs.evolve(
        step,
        reads=step.reads or reads,
        writes=step.writes or writes,
        on_failure=step.on_failure or built_in.on_failure,
        label=step.label or built_in.label,
    )


class Declared(Protocol):
    """A step that declares its position, the fields it reads and the fields it writes."""

    @property
    def number(self) -> int:
        """Its position in the chain."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The fields that it reads."""

    @property
    def writes(self) -> tuple[str, ...]:
        """The fields that it may write."""

    @property
    def timeout(self) -> float | None:
        """The number of seconds that it may take."""

    @property
    def attempts(self) -> int:
        """How often it is tried before it fails."""


def attempt_problems(step: Declared) -> Iterator[str]:
    """The faults of the timeout and the attempts of a step, as sentences."""
    timeout, attempts = step.timeout, step.attempts
    if timeout is not None and not (
        type(timeout) in (int, float) and timeout > 0 and math.isfinite(timeout)
    ):
        yield f"timeout: a number of seconds, more than 0, not {timeout!r}"
    if type(attempts) is not int or attempts < 1:
        yield f"attempts: a whole number, at least 1, not {attempts!r}"


def field_problems(
    step: Declared, chain: Sequence[Declared], types: Mapping[str, FieldType]
) -> Iterator[str]:
    """The faults of a step's fields in its chain, as sentences: unknown, written only by the
    machine, or read before they are written [S13]."""
    for name in step.reads:
        writers = [other for other in chain if name in other.writes]
        if name not in types and name not in READ_ONLY and name != "id":
            yield f"no field named {name!r}{suggest(name, types)}"
        elif writers and all(other.number > step.number for other in writers):
            first = min(writers, key=lambda other: other.number)
            yield (
                f"it reads {name!r}, which is written only later, by step "
                f"{first.number:03} {first.name}: give one of them another number"
            )
    for name in step.writes:
        if name in READ_ONLY or name == "id":
            yield f"it writes {name!r}: only the machine does"
        elif name not in types:
            yield f"no field named {name!r}{suggest(name, types)}"
