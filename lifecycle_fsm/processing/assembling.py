"""From the steps that a model declares to the chain that runs [S13]."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from lifecycle_fsm.errors import ModelError, Problem, async_fault, suggest
from lifecycle_fsm.model.definition import StepDef
from lifecycle_fsm.model.model import Model
from lifecycle_fsm.processing.builtin import Demographic, Made, Rows, Surroundings, makers
from lifecycle_fsm.processing.chain import Chain, problems
from lifecycle_fsm.processing.options import Options
from lifecycle_fsm.processing.step import Run, Step

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
        model: declares the steps, and may leave declared :class:`Step` objects to the program.
        steps: functions by the name of the step that the model declares, or declared steps. A
            declared step of a name that the model has stands in its place, at the same number;
            any other is added. A function for a step ``enrich`` is asked in place of a table.
        tables: rows for a step ``enrich``, by its ``table`` or its name.
        demographic: the demographic score, where a step ``demographic_score`` is declared.

    Raises:
        ModelError: the chain does not build; it carries every problem [S5].
        FileProblem: a table cannot be read as it should.
        MissingExtra: a built-in step needs a library that is not installed.
    """
    given = _Given.of(steps)
    found = list(given.problems)
    built: list[Step] = []
    for definition in model.chain:
        where = f"processing {definition.number:03} {definition.name}"
        try:
            built.append(_step(model, definition, given, tables, demographic))
        except ModelError as error:
            found += [
                attrs.evolve(one, where=f"{where}, {one.where}" if one.where else where)
                for one in error.problems
            ]
    declared = {definition.name for definition in model.chain}
    built += [step for name, step in given.steps.items() if name not in declared]
    for name in given.runs:
        if name not in declared:
            found.append(
                Problem(
                    "processing",
                    f"the model declares no step {name!r}{suggest(name, declared)}: declare it "
                    "there, or on the function with @step(number=…, reads=…, writes=…)",
                )
            )
    found += problems(built, model.field_types)
    if found:
        raise ModelError(dict.fromkeys(found), model.name)
    return Chain(built, model.field_types, model.name)


@attrs.frozen
class _Given:
    """The steps that the program brought: bare functions, and functions with a declaration."""

    runs: Mapping[str, Run]
    steps: Mapping[str, Step]
    problems: tuple[Problem, ...]

    @classmethod
    def of(cls, steps: Mapping[str, Run] | Iterable[Step]) -> _Given:
        runs: dict[str, Run] = {}
        declared: dict[str, Step] = {}
        faults: list[Problem] = []
        pairs = (
            list(steps.items())
            if isinstance(steps, Mapping)
            else [(getattr(one, "name", ""), one) for one in steps]
        )
        for name, one in pairs:
            if fault := async_fault(one.run if isinstance(one, Step) else one):
                faults.append(Problem(f"processing {name}", fault))
            if isinstance(one, Step):
                if one.name in declared:
                    faults.append(Problem(f"processing {one}", "two steps of this name were given"))
                declared[one.name] = one
            elif isinstance(steps, Mapping) and callable(one):
                runs[name] = one
            else:
                faults.append(
                    Problem("processing", f"{one!r} is not a step: declare it with @step(…)")
                )
        return cls(runs, declared, tuple(faults))


def _step(
    model: Model,
    definition: StepDef,
    given: _Given,
    tables: Mapping[str, Rows],
    demographic: Demographic | None,
) -> Step:
    own = given.steps.get(definition.name)
    if own is not None:
        return _agreed(definition, own, model)
    run = given.runs.get(definition.name)
    make = makers().get(definition.use)
    if make is None:
        if run is None:
            raise _wrong(
                "this step is the project's own: give its function, "
                f"steps={{{definition.name!r}: …}}"
            )
        return _declared(definition, Made(run, definition.reads, definition.writes))
    if run is not None and definition.use != "enrich":
        raise _wrong(f"a function was given, but the built-in step {definition.use!r} takes none")
    around = Surroundings(
        types=model.field_types,
        folder=model.folder,
        tables_from=model.tables_from,
        rows=tables.get(str(definition.options.get("table")), tables.get(definition.name)),
        run=run,
        demographic=demographic,
        demographic_reads=definition.reads if definition.use == "demographic_score" else (),
    )
    made = make(Options(definition.options), around)
    if run is not None:  # a function looks at what the model says, which no option does
        made = attrs.evolve(made, reads=tuple(dict.fromkeys((*made.reads, *definition.reads))))
    undeclared = [name for name in made.writes if name not in definition.writes]
    if undeclared:
        raise _wrong(
            f"it also writes {', '.join(map(repr, undeclared))}: leave out 'writes', which is known"
        )
    return _declared(definition, made)


def _declared(definition: StepDef, made: Made) -> Step:
    return Step(
        number=definition.number,
        name=definition.name,
        run=made.run,
        reads=made.reads,
        writes=made.writes,
        on_failure=definition.on_failure or "park",
        label=definition.label,
    )


def _agreed(definition: StepDef, own: Step, model: Model) -> Step:
    """The project's step in the place that the model gives it; what both say must be one."""
    written = next(one for one in model.processing if one.name == definition.name)
    faults = [
        Problem("", f"the model says {what} = {theirs!r}, the function {ours!r}: make them one")
        for what, theirs, ours in (
            ("number", written.number, own.number),
            ("reads", set(written.reads) or set(own.reads), set(own.reads)),
            ("writes", set(written.writes) or set(own.writes), set(own.writes)),
            ("on_failure", written.on_failure or own.on_failure, own.on_failure),
        )
        if theirs != ours
    ]
    if faults:
        raise ModelError(faults)
    return attrs.evolve(own, label=own.label or written.label)


def _wrong(message: str) -> ModelError:
    return ModelError([Problem("", message)])
