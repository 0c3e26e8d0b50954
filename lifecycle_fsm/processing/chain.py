"""The chain of original processing: numbered steps, run in order over one person [S13].

The chain is pure. It works on a scratch copy and returns the changes as values; the caller applies
them, together with the sort, or not at all [S11]. A step that fails therefore leaves nothing
behind, and a parked person can be retried from the start or from that step. Nothing here retries:
the owner of the inbox decides when to try again.
"""

from __future__ import annotations

import inspect
import logging
import reprlib
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import copy_context
from functools import lru_cache
from types import MemberDescriptorType
from typing import Any

import attrs

from lifecycle_fsm.attributes import reader, writer
from lifecycle_fsm.errors import ModelError, Problem, RecordError, StepFailed, async_fault, suggest
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.model.definition import StepDef
from lifecycle_fsm.model.model import Model
from lifecycle_fsm.model.processing_steps import SORT_NUMBER, attempt_problems, field_problems
from lifecycle_fsm.person import Person
from lifecycle_fsm.processing import cohort, demographic, enrich, lead_source, normalise
from lifecycle_fsm.processing.step import (
    BuiltStep,
    Context,
    Demographic,
    Options,
    Resources,
    Rows,
    Run,
    Step,
    StepFactory,
)

#: A message is stored with the person that it parked, and a service may return an entire web page.
_LONGEST_MESSAGE = 500

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 60

_log = logging.getLogger(__name__)


@attrs.frozen
class StepError:
    """The step that failed for one person, and how."""

    step: str
    message: str
    exception: BaseException | None = attrs.field(default=None, eq=False, repr=False)

    def __str__(self) -> str:
        return f"{self.step}: {self.message}"


@attrs.frozen
class ChainResult:
    """The result of the chain for one person.

    ``values`` are the changed fields in their stored form, ready to apply and to log as the
    activity ``processed`` [S14]. ``skipped`` are the optional steps that failed. ``parked`` is the
    required step that failed: the chain stopped there, and ``values`` is empty, because the retry
    starts over.
    """

    values: Mapping[str, Value]
    skipped: tuple[StepError, ...] = ()
    parked: StepError | None = None


def _by_number(steps: Iterable[Step]) -> tuple[Step, ...]:
    return tuple(sorted(steps, key=lambda step: (step.number, step.name)))


@attrs.frozen
class Chain:
    """The steps in the order of their numbers, for people with fields of these types.

    Raises:
        ModelError: two steps share a number or a name, a number is not before the sort, a field
            does not exist, or a field is read before it is written [S13].
    """

    steps: tuple[Step, ...] = attrs.field(converter=_by_number)
    types: Mapping[str, FieldType]
    name: str = "processing"

    def __attrs_post_init__(self) -> None:
        faults = tuple(problems(self.steps, self.types))
        if faults:
            raise ModelError(faults, self.name)

    def run(self, person: Person, context: Context) -> ChainResult:
        """Run all steps for this person, who is not changed.

        Each step sees the values of the steps before it. An exception of a step becomes part of the
        result, except those that end the program, such as ``KeyboardInterrupt``.

        Raises:
            RecordError: the person is of another model's class.
        """
        kind: Any = type(person)
        maker = _scratch_maker(kind)
        scratch = maker.copy(person)
        values: dict[str, Value] = {}
        skipped: list[StepError] = []
        for step in self.steps:
            try:
                changes = self._changes(step, scratch, context)
            except Exception as error:
                failure = _failure(step, person, error)
                if step.on_failure == "park":
                    return ChainResult({}, tuple(skipped), failure)
                skipped.append(failure)
                continue
            try:
                for name, value in changes.items():
                    maker.setters[name](scratch, value)
            except KeyError as error:
                raise RecordError(
                    f"{type(person).__name__} has no field {error}: the chain of {self.name!r} is "
                    "for persons of that model's own class"
                ) from None
            values.update(changes)
        return ChainResult(values, tuple(skipped))

    def run_step(
        self, step: Step, person: Person, context: Context, given: Mapping[str, Value]
    ) -> Mapping[str, Value] | StepError:
        """Run one step for this person, who is not changed; return its values or its error. The
        step sees ``given``, the values of the steps before it."""
        kind: Any = type(person)
        maker = _scratch_maker(kind)
        scratch = maker.copy(person)
        for name, value in given.items():
            maker.setters[name](scratch, value)
        try:
            return self._changes(step, scratch, context)
        except Exception as error:
            return _failure(step, person, error)

    def _changes(self, step: Step, scratch: Person, context: Context) -> Mapping[str, Value]:
        if step.timeout is None:
            given = step.run(scratch, context)
        else:
            given = _run_in_time(step, step.timeout, scratch, context)
        # isinstance() with an abstract class costs more than everything else here.
        if type(given) is not dict and not isinstance(given, Mapping):
            raise StepFailed(
                f"step {step} returned {type(given).__name__}: return a mapping of the changed "
                "fields, {} for none"
            )
        accepted: dict[str, Value] = {}
        for name, value in given.items():
            if name not in step.writes:
                raise StepFailed(
                    f"step {step} wrote {name!r}, which it does not declare"
                    f"{suggest(str(name), step.writes)}; add it to its writes, or leave it alone"
                )
            try:
                accepted[name] = self.types[name].accept(value)
            except RecordError as error:
                raise StepFailed(
                    f"step {step} gave {name!r} the value {_short.repr(value)}: "
                    f"{str(error)[:_LONGEST_MESSAGE]}"
                ) from error
        return accepted


def problems(steps: Iterable[Step], types: Mapping[str, FieldType]) -> Iterator[Problem]:
    """The faults of a chain, found before any person passes through it [S5][S13]."""
    ordered = _by_number(steps)
    numbers: dict[int, Step] = {}
    names: dict[str, Step] = {}
    for step in ordered:
        where = f"processing {step}"
        if not 0 < step.number < SORT_NUMBER:
            yield Problem(where, f"number a step from 1 to {SORT_NUMBER - 1}: the sort is 90")
        other = numbers.setdefault(step.number, step)
        if other is not step:
            yield Problem(
                where, f"number {step.number:03} is taken by {other.name!r}: give it another"
            )
        if not step.name:
            yield Problem(where, "a step needs a name")
        other = names.setdefault(step.name, step)
        if other is not step:
            yield Problem(where, f"a step of this name stands at {other.number:03}: rename one")
        if step.on_failure not in ("park", "skip"):
            yield Problem(where, f"on_failure is 'park' or 'skip', not {step.on_failure!r}")
        for message in (*attempt_problems(step), *field_problems(step, ordered, types)):
            yield Problem(where, message)


def _run_in_time(
    step: Step, timeout: float, scratch: Person, context: Context
) -> Mapping[str, Value]:
    from concurrent.futures import Future, wait  # most models do not need it

    answer: Future[Mapping[str, Value]] = Future()

    def ask() -> None:
        try:
            answer.set_result(step.run(scratch, context))
        except BaseException as error:
            answer.set_exception(error)

    # No pool: its threads are joined when the program ends, and this one may never return.
    threading.Thread(target=copy_context().run, args=(ask,), name=step.name, daemon=True).start()
    if not wait((answer,), timeout).done:
        raise StepFailed(f"gave no answer within {timeout:g} s")
    return answer.result()


def _failure(step: Step, person: Person, error: Exception) -> StepError:
    _log.debug("the step %s failed for %r", step, person.id, exc_info=error)
    return StepError(step.name, _message(error), error)


def _message(error: Exception) -> str:
    if isinstance(error, StepFailed):
        return str(error)
    # Not str(error): an exception whose own text fails must not stop the next person.
    text = "".join(traceback.format_exception_only(error)).strip()
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]} …"


def _refuse(scratch: Person, name: str, value: object) -> None:
    raise StepFailed(
        f"a step assigned {name!r} on the person, where nothing would keep it: return the changed "
        f"fields instead, as in return {{{name!r}: …}}"
    )


@attrs.frozen
class _ScratchMaker:
    """Copies people of one class to objects of a subclass that refuses assignment."""

    scratch_class: type[Person]
    blank_class: type[Person]
    read: Callable[[Any], tuple[Any, ...]]
    write: Callable[[Any, Sequence[Any]], None]
    setters: Mapping[str, Callable[[Any, Any], None]]

    def copy(self, person: Person) -> Person:
        scratch = self.blank_class.__new__(self.blank_class)
        self.write(scratch, self.read(person))
        scratch.__class__ = self.scratch_class  # from now on it refuses assignment
        return scratch


@lru_cache(maxsize=64)
def _scratch_maker(person_class: type[Any]) -> _ScratchMaker:
    names = [attribute.name for attribute in attrs.fields(person_class)]
    body = {"__slots__": (), "__doc__": person_class.__doc__}
    # Subclasses with the same name, so that isinstance and methods work. One refuses assignment;
    # the other, used while the copy is made, bypasses the person class's handling of it.
    refusing, blank = (
        type(person_class.__name__, (person_class,), {**body, "__setattr__": assign})
        for assign in (_refuse, object.__setattr__)
    )
    return _ScratchMaker(
        refusing,
        blank,
        reader(names),
        writer(names),
        {name: _setter(person_class, name) for name in names},
    )


def _setter(person_class: type[Person], name: str) -> Callable[[Any, Any], None]:
    # The slot's own setter bypasses the refusal, at two thirds of the cost of object.__setattr__.
    slot = inspect.getattr_static(person_class, name, None)
    if isinstance(slot, MemberDescriptorType):
        return slot.__set__
    return lambda scratch, value: object.__setattr__(scratch, name, value)


# ------------------------------------------------------------------ assembling
#
# From the steps that a model declares to a chain that can run [S13].


#: Every built-in step, by the name in a model's ``use``.
FACTORIES: Mapping[str, StepFactory] = {
    "normalise": normalise.make,
    "enrich": enrich.make,
    "lead_source": lead_source.make,
    "demographic_score": demographic.make,
    "cohort": cohort.make,
}
_NO_ROWS: Mapping[str, Rows] = {}


def chain_of(
    model: Model,
    steps: Mapping[str, Run] | Iterable[Step] = (),
    *,
    tables: Mapping[str, Rows] = _NO_ROWS,
    demographic: Demographic | None = None,
) -> Chain:
    """The chain of a model: its built-in steps by ``use``, the project's own by name.

    Args:
        model: declares the steps; the program may supply declared :class:`Step` objects instead.
        steps: functions by the name of the declared step, or declared steps. A declared step with
            the name of one in the model replaces it, at the same number; any other is added. A
            function for a step ``enrich`` replaces its table.
        tables: rows for a step ``enrich``, by its ``table`` or its name.
        demographic: the demographic score, if the model declares a step ``demographic_score``.

    Raises:
        ModelError: the chain cannot be built; the error has every problem [S5].
        FileProblem: a table cannot be read.
        MissingExtra: a built-in step needs a library that is not installed.
    """
    given, faults = _given(steps)
    built: list[Step] = []
    for definition in model.chain:
        where = f"processing {definition.number:03} {definition.name}"
        rows = tables.get(str(definition.options.get("table")), tables.get(definition.name))
        try:
            built.append(_step(model, definition, given.get(definition.name), rows, demographic))
        except ModelError as error:
            faults += [
                attrs.evolve(fault, where=f"{where}, {fault.where}" if fault.where else where)
                for fault in error.problems
            ]
    declared = {definition.name for definition in model.chain}
    for name, own in given.items():
        if name in declared:
            continue
        if isinstance(own, Step):
            built.append(own)
            continue
        faults.append(
            Problem(
                "processing",
                f"the model declares no step {name!r}{suggest(name, declared)}: declare it "
                "there, or on the function with @step(number=…, reads=…, writes=…)",
            )
        )
    faults += problems(built, model.field_types)
    if faults:
        raise ModelError(dict.fromkeys(faults), model.name)
    return Chain(built, model.field_types, model.name)


def _given(
    steps: Mapping[str, Run] | Iterable[Step],
) -> tuple[dict[str, Run | Step], list[Problem]]:
    """The functions and declared steps of the program, by the name of the step."""
    by_name = isinstance(steps, Mapping)
    given: dict[str, Run | Step] = {}
    faults: list[Problem] = []
    pairs = (
        steps.items()
        if isinstance(steps, Mapping)
        else [(getattr(step, "name", ""), step) for step in steps]
    )
    for name, own in pairs:
        if fault := async_fault(own.run if isinstance(own, Step) else own):
            faults.append(Problem(f"processing {name}", fault))
        if not isinstance(own, Step) and not (by_name and callable(own)):
            faults.append(Problem("processing", f"{own!r} is not a step: declare it with @step(…)"))
            continue
        key = own.name if isinstance(own, Step) else name
        if key in given:
            step = own if isinstance(own, Step) else key
            faults.append(Problem(f"processing {step}", "two steps of this name were given"))
        given[key] = own
    return given, faults


def _step(
    model: Model,
    definition: StepDef,
    own: Step | Run | None,
    rows: Rows | None,
    demographic: Demographic | None,
) -> Step:
    if isinstance(own, Step):
        return _agreed(definition, own, model)
    make = FACTORIES.get(definition.use)
    if make is not None:
        made = _built_in(make, model, definition, own, rows, demographic)
    elif own is not None:
        made = BuiltStep(own, definition.reads, definition.writes)
    else:
        raise _wrong(
            f"this step is the project's own: give its function, steps={{{definition.name!r}: …}}"
        )
    return Step(
        number=definition.number,
        name=definition.name,
        run=made.run,
        reads=made.reads,
        writes=made.writes,
        on_failure=definition.on_failure or "park",
        label=definition.label,
        timeout=definition.timeout,
        attempts=definition.attempts,
    )


def _built_in(
    make: StepFactory,
    model: Model,
    definition: StepDef,
    run: Run | None,
    rows: Rows | None,
    demographic: Demographic | None,
) -> BuiltStep:
    if run is not None and definition.use != "enrich":
        raise _wrong(f"a function was given, but the built-in step {definition.use!r} takes none")
    resources = Resources(
        types=model.field_types,
        folder=model.folder,
        tables_from=model.tables_from,
        rows=rows,
        run=run,
        demographic=demographic,
        demographic_reads=definition.reads if definition.use == "demographic_score" else (),
    )
    made = make(Options(definition.options), resources)
    if run is not None:  # a function reads the fields that the model declares, not an option
        made = attrs.evolve(made, reads=tuple(dict.fromkeys((*made.reads, *definition.reads))))
    undeclared = [name for name in made.writes if name not in definition.writes]
    if undeclared:
        raise _wrong(
            f"it also writes {', '.join(map(repr, undeclared))}: leave out 'writes', which is known"
        )
    return made


def _agreed(definition: StepDef, own: Step, model: Model) -> Step:
    """The project's step at the position that the model gives it; both declarations must agree."""
    written = next(step for step in model.processing if step.name == definition.name)
    faults = [
        Problem("", f"the model says {what} = {theirs!r}, the function {ours!r}: make them one")
        for what, theirs, ours in (
            ("number", written.number, own.number),
            ("reads", set(written.reads) or set(own.reads), set(own.reads)),
            ("writes", set(written.writes) or set(own.writes), set(own.writes)),
            ("on_failure", written.on_failure or own.on_failure, own.on_failure),
            ("timeout", written.timeout or own.timeout, own.timeout),
            ("attempts", own.attempts if written.attempts == 1 else written.attempts, own.attempts),
        )
        if theirs != ours
    ]
    if faults:
        raise ModelError(faults)
    return attrs.evolve(own, label=own.label or written.label)


def _wrong(message: str) -> ModelError:
    return ModelError([Problem("", message)])
