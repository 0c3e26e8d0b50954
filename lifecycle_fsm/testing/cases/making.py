"""The table of all cases: guards say what is given, running says what comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.guard import Const, Field, Guard, Known, Term, Token, all_of, label, negate, walk
from lifecycle_fsm.model import Edge, Model, Move
from lifecycle_fsm.person import READ_ONLY
from lifecycle_fsm.proof import NOW, TOTAL, Person, Work, World, solve_here
from lifecycle_fsm.testing.cases.boundary_points import is_value
from lifecycle_fsm.testing.cases.mcdc import (
    GuardCases,
    Pair,
    Somebody,
    fields_of,
    guard_cases,
)
from lifecycle_fsm.testing.cases.rows import (
    EFFECT,
    EVERYBODY,
    FOR_CLARITY,
    NO_WAY,
    NOBODY,
    OPAQUE,
    ORDER,
    REDUNDANT,
    TOUR,
    TRIGGER,
    UNDECIDED,
    Row,
    Table,
    format_values,
    merged,
)
from lifecycle_fsm.testing.cases.rule_index import Places, Rule, shown
from lifecycle_fsm.testing.cases.running import Runner, somebody_for_both
from lifecycle_fsm.testing.cases.transition_tour import tour_of

# ------------------------------------------------------------------ effects
#
# People in whom the effects of a move can be seen: what they write is not there before [S18].


#: With a number that an effect computes: a little, less than nothing, and a lot.
_TRIES = 3


def people_for(rule: Rule, places: Places) -> Iterator[Person]:
    """People for whom a move is the first that is open, with values in the fields of its effects
    that these have to change; three where numbers are computed, else one."""
    edge, model = rule.edge, places.model
    assert edge is not None, "only moves have effects of their own"
    assert isinstance(edge.rule, Move), "sort rules have none"
    world, here = places.world(rule), places.here(rule)
    before = [
        negate(one.when)
        for one in model.edges[: model.edges.index(edge)]
        if one.source == edge.source and one.on == edge.on
    ]
    written = {one.field: one.value for one in edge.rule.then}
    read = {
        node.name
        for value in written.values()
        for node in walk(value)
        if isinstance(node, Field) and node.name not in READ_ONLY
    }
    seen: list[Person] = []
    for number in range(_TRIES if read else 1):
        pins: list[Guard] = []
        for name in dict.fromkeys([*written, *sorted(read)]):
            wanted = _before(model.field_types[name], written.get(name), number, places)
            pin = is_value(name, wanted)
            # A value that would close the move is not tried.
            if solve_here(all_of(rule.guard, *before, here, *pins, pin), world).found:
                pins.append(pin)
        answer = solve_here(all_of(rule.guard, *before, here, *pins), world)
        if answer.found and answer.person not in seen:
            seen.append(answer.person)
            yield answer.person


def _before(kind: FieldType, value: Term | Guard | None, number: int, places: Places) -> Value:
    """A value that a field may have had before an effect, other than the one it writes."""
    constant = value.value if isinstance(value, Const) else None
    if kind.kind == "bool":
        return constant is not True if value is not None else number == 0
    if kind.choices:
        return next((one for one in kind.choices if one != constant), kind.choices[0])
    if kind.kind == "str":
        return "before"
    if kind.kind == "datetime":
        return NOW - timedelta(days=10)
    most = max([5, *(abs(one) for one in _numbers(value, places.model.tokens))])
    tried: int | float = (3, -3, 2 * most + 1)[number]
    bound: Value = kind.clamp(float(tried) if kind.kind == "float" else int(tried))
    return bound


def _numbers(value: Term | Guard | None, tokens: Mapping[str, object]) -> Iterator[int | float]:
    for node in walk(value) if value is not None else ():
        found = node.value if isinstance(node, Const) else None
        found = tokens.get(node.name) if isinstance(node, Token) else found  # type: ignore[assignment]
        if isinstance(found, int | float):
            yield found


# ------------------------------------------------------------------ making


_DECIDES = {"unique": "this alone decides", "masking": "this decides, whatever the others"}


def cases_of(
    model: Model,
    *,
    runner: Runner | None = None,
    budget: int = TOTAL,
    seconds: float | None = None,
) -> Table:
    """Every case of a model, always in the same order.

    First each guard, with the people around its boundaries and the pairs between whom one
    condition decides (MC/DC); then what moves write, which of two rules comes first that are open
    at once, and what each stage does with each trigger; last a tour that fires every move. The
    outcomes are those of the model as it is: somebody has to look at them.

    Args:
        model: the lifecycle.
        runner: one for this model, where there is one already.
        budget: how many cases the search for people may look at in all; where that is not enough,
            the row says "not decided". Cases are counted, so that every machine says the same.
        seconds: how long the search may take on the clock, whatever the machine gets done in it.
    """
    runner = runner or Runner(model)
    work = Work(budget, seconds)
    runner.places = Places(model, work)
    rows: list[Row] = []
    for rule in runner.rules.values():
        rows += merged(_of_rule(rule, runner))
    rows += _effects(runner)
    rows += _orders(runner)
    rows += _triggers(runner)
    rows += _tour(runner, work)
    return Table(model.name, rows)


# ---------------------------------------------------------------------- guards


def _of_rule(rule: Rule, runner: Runner) -> Iterator[Row]:
    places = runner.places
    world = places.world(rule)
    found = guard_cases(places.guard(rule), world, here=places.here(rule))
    decides: dict[int, str] = {}
    for pair in found.pairs:
        for one in (pair.met, pair.unmet):
            decides[id(one)] = _DECIDES[pair.how]
    told: set[int] = set()
    for boundary in found.boundaries:
        told.add(id(boundary.who))
        why = f"{_words(boundary.condition, world)}: {boundary.words}"
        yield _row(rule, boundary.who, why, decides.get(id(boundary.who), ""), world, runner)
    for pair in found.pairs:
        yield from _rest_of(pair, told, rule, world, runner)
    yield from _without(rule, found, world)
    if rule.edge is not None and not found.boundaries and not found.opaque:
        yield _row(rule, Somebody({}, True), "open to everybody", "", world, runner)


def _rest_of(pair: Pair, told: set[int], rule: Rule, world: World, runner: Runner) -> Iterator[Row]:
    """Those of a pair who stand at no boundary."""
    for one, met in ((pair.met, "met"), (pair.unmet, "not met")):
        if id(one) not in told:
            why = f"{_words(pair.condition, world)}: {met}"
            yield _row(rule, one, why, _DECIDES[pair.how], world, runner)


def _row(rule: Rule, who: Somebody, why: str, decides: str, world: World, runner: Runner) -> Row:
    values = {
        shown(name): who.person[name] if name in who.person else world.start_of(name)
        for name in who.shown
    }
    assumed = {f"{name}()": answer for name, answer in who.assumed.items()}
    given = format_values({**values, **assumed}, NOW)
    why += f" ({decides})" if decides else ""
    row = Row(rule.part, rule.name, rule.stage, given, "", why)
    return attrs.evolve(row, outcome=runner.outcome(row))


def _without(rule: Rule, found: GuardCases, world: World) -> Iterator[Row]:
    """Conditions for which there is no pair, by name, and Python functions."""
    if found.constant is not None:
        outcome = EVERYBODY if found.constant else NOBODY
        yield Row(
            rule.part, rule.name, rule.stage, "whoever it is", outcome, "the guard as a whole"
        )
    for condition in found.redundant if found.constant is None else ():
        # Who writes 'role is missing or role not in ...' says what a negation means anyway [S3].
        clear = isinstance(condition, Known)
        why = FOR_CLARITY if clear else "the guard says the same without it"
        yield Row(
            rule.part, rule.name, rule.stage, _whether(condition, world), REDUNDANT, why
        )  # fmt: skip
    for condition, reason in found.undecided:
        yield Row(
            rule.part, rule.name, rule.stage, _whether(condition, world), UNDECIDED, reason
        )  # fmt: skip
    for name in found.opaque:
        yield Row(
            rule.part, rule.name, rule.stage, f"{name}()", OPAQUE,
            "a Python function: give examples of it by hand",
        )  # fmt: skip


def _whether(condition: Guard, world: World) -> str:
    return f"whether or not {_words(condition, world)}"


def _words(condition: Guard, world: World) -> str:
    """The condition in words; a list of the model by its name, since its values come one by one."""
    tokens = {name: one for name, one in world.vocabulary.tokens.items() if type(one) is not tuple}
    said = label(condition, attrs.evolve(world.vocabulary, tokens=tokens))
    return said.replace("activity  ", "the activity's ")


# ---------------------------------------------------------------------- order, triggers, paths


def _effects(runner: Runner) -> Iterator[Row]:
    for rule in runner.rules.values():
        then = rule.edge.rule.then if rule.edge and isinstance(rule.edge.rule, Move) else ()
        if not then or runner.opaque_in(rule):
            continue
        places = runner.places
        fields = dict.fromkeys([*fields_of(places.guard(rule)), *(one.field for one in then)])
        for person in people_for(rule, places):
            start = places.world(rule).start_of
            told = {
                name: person[name] if name in person else start(name)
                for name in [*fields, *person]
                if name in person or any(one.field == name for one in then)
            }
            row = Row(
                EFFECT, rule.name, rule.stage, format_values(told, NOW), "", "before the move"
            )
            yield attrs.evolve(row, outcome=runner.outcome(row))


def _orders(runner: Runner) -> Iterator[Row]:
    for rule in runner.orders.values():
        found = somebody_for_both(rule, runner.places)
        if found.refuted:
            continue
        fields = fields_of(runner.places.guard(rule))
        told = {name: found.person[name] for name in fields if name in found.person}
        given = format_values(told, NOW)
        row = Row(ORDER, rule.name, rule.stage, given, "", "both are open")
        if found.found:
            yield attrs.evolve(row, outcome=runner.outcome(row))
        else:
            yield attrs.evolve(row, outcome=UNDECIDED, why=found.reason)


def _triggers(runner: Runner) -> Iterator[Row]:
    for trigger in runner.model.triggers:
        for stage in runner.model.stages:
            outcome = runner.asked(trigger, stage.name)
            moves = dict.fromkeys(
                edge.name
                for edge in runner.model.edges
                if edge.on == trigger and edge.source == stage.name
            )
            if (not moves) is (outcome.startswith("may")):
                raise LifecycleError(
                    f"trigger {trigger} in {stage.name}: the model and its machine disagree; "
                    "please report this"
                )
            why = "by " + ", ".join(moves) if moves else ""
            yield Row(TRIGGER, trigger, stage.name, "", outcome, why)


def _tour(runner: Runner, work: Work) -> Iterator[Row]:
    tour = tour_of(runner.model, runner.walker, work)
    for path in tour.paths:
        stage, count = "", len(path.steps)
        for number, (given, outcome) in enumerate(
            zip(path.steps, path.outcomes, strict=True), start=1
        ):
            why = f"step {number} of {count}"
            yield Row(TOUR, _path_name(path.edge), stage, given, outcome, why)
            stage = _stage_after(outcome, stage)
    for edge, reason in tour.unfired:
        yield Row(TOUR, _path_name(edge), edge.source, "", NO_WAY, reason)


def _path_name(edge: Edge) -> str:
    sources = getattr(edge.rule, "sources", ())
    return f"{edge.name} from {edge.source}" if len(sources) > 1 else edge.name


def _stage_after(outcome: str, before: str) -> str:
    """The stage that the words of a step end in."""
    if outcome.startswith(("goes to ", "is in ", "stays in ")):
        last = outcome.rsplit(" to ", 1)[-1] if outcome.startswith("goes") else outcome
        return last.split(" by ")[0].rsplit(" ", 1)[-1]
    return before
