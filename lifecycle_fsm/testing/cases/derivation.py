"""The table of all cases: guards determine the given people, running determines the outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.guard import Guard, Term, label
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.model import Edge, Model, Move
from lifecycle_fsm.person import READ_ONLY
from lifecycle_fsm.proof import NOW, TOTAL, Budget, Domain, Witness, is_value
from lifecycle_fsm.testing.boundary_points import fields_of
from lifecycle_fsm.testing.cases.case_table import (
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
    CaseRow,
    CaseTable,
    format_values,
    merged,
)
from lifecycle_fsm.testing.cases.outcomes import CaseRunner
from lifecycle_fsm.testing.cases.rule_index import AskedRule, RuleIndex, shown
from lifecycle_fsm.testing.cases.transition_tour import tour_of
from lifecycle_fsm.testing.mcdc import GuardCases, Probe, guard_cases

_DECIDES = {
    "unique cause": "this alone decides",
    "masking": "this decides, whatever the others",
}


def cases_of(
    model: Model,
    *,
    runner: CaseRunner | None = None,
    budget: int = TOTAL,
    seconds: float | None = None,
) -> CaseTable:
    """Every case of a model, always in the same order.

    First each guard, with the people around its boundaries and the pairs between which one
    condition decides (MC/DC). Then what moves write, which of two rules that are open at once comes
    first, and what each stage does with each trigger. Last a tour that fires every move. The
    outcomes are those of the current model, so a person has to review them.

    Args:
        model: the lifecycle.
        runner: an existing runner for this model.
        budget: how many cases the search for people may examine in total; if that is not enough,
            the row says "not decided". Cases are counted, so that every machine gives the same
            result.
        seconds: how long the search may take on the clock, whatever it has achieved by then.
    """
    runner = runner or CaseRunner(model)
    spent = Budget(budget, seconds)
    runner.index = RuleIndex(model, spent)
    rows: list[CaseRow] = []
    for rule in runner.index.rules.values():
        rows += merged(_of_rule(rule, runner))
    rows += _effects(runner)
    rows += _orders(runner)
    rows += _triggers(runner)
    rows += _tour(runner, spent)
    return CaseTable(model.name, rows)


def _run(runner: CaseRunner, row: CaseRow) -> CaseRow:
    return attrs.evolve(row, outcome=runner.outcome(row))


# ------------------------------------------------------------------ guards


def _of_rule(rule: AskedRule, runner: CaseRunner) -> Iterator[CaseRow]:
    index = runner.index
    domain = index.domain(rule)
    cases = guard_cases(index.guard(rule), domain, here=index.here(rule))
    decides = {
        id(probe): _DECIDES[pair.how] for pair in cases.pairs for probe in (pair.met, pair.unmet)
    }

    def row(who: Probe, why: str) -> CaseRow:
        values = {
            shown(name): who.person[name] if name in who.person else domain.start_of(name)
            for name in who.shown
        }
        assumed = {f"{name}()": answer for name, answer in who.assumed.items()}
        given = format_values({**values, **assumed}, NOW)
        why += f" ({decides[id(who)]})" if id(who) in decides else ""
        return _run(runner, CaseRow(rule.part, rule.name, rule.stage, given, "", why))

    for boundary in cases.boundaries:
        yield row(boundary.who, f"{_words(boundary.condition, domain)}: {boundary.words}")
    at_boundaries = {id(boundary.who) for boundary in cases.boundaries}
    for pair in cases.pairs:
        for who, met in ((pair.met, "met"), (pair.unmet, "not met")):
            if id(who) not in at_boundaries:
                yield row(who, f"{_words(pair.condition, domain)}: {met}")
    for given, outcome, why in _without(cases, domain):
        yield CaseRow(rule.part, rule.name, rule.stage, given, outcome, why)
    if rule.edge is not None and not cases.boundaries and not cases.opaque:
        yield row(Probe({}, True), "open to everybody")


def _without(cases: GuardCases, domain: Domain) -> Iterator[tuple[str, str, str]]:
    """What no person can show, each with the outcome and the reason: a constant guard, conditions
    without a pair, and Python functions."""
    if cases.constant is not None:
        yield "whoever it is", EVERYBODY if cases.constant else NOBODY, "the guard as a whole"
    for condition in cases.redundant if cases.constant is None else ():
        # 'role is missing or role not in ...' only spells out what the negation means anyway [S3].
        clear = isinstance(condition, tree.Known)
        why = FOR_CLARITY if clear else "the guard says the same without it"
        yield f"whether or not {_words(condition, domain)}", REDUNDANT, why
    for condition, reason in cases.undecided:
        yield f"whether or not {_words(condition, domain)}", UNDECIDED, reason
    for name in cases.opaque:
        yield f"{name}()", OPAQUE, "a Python function: give examples of it by hand"


def _words(condition: Guard, domain: Domain) -> str:
    """The condition in words; a list of the model by its name: its values get their own rows."""
    words = domain.vocabulary
    tokens = {name: value for name, value in words.tokens.items() if type(value) is not tuple}
    text = label(condition, attrs.evolve(words, tokens=tokens))
    return text.replace("activity  ", "the activity's ")


# ------------------------------------------------------------------ effects
#
# People who make the effects of a move visible: their fields differ from what it writes [S18].


#: Tries for a number that an effect computes: a small, a negative and a large one.
_TRIES = 3


def _effects(runner: CaseRunner) -> Iterator[CaseRow]:
    index = runner.index
    for rule in index.rules.values():
        then = rule.edge.rule.then if rule.edge and isinstance(rule.edge.rule, Move) else ()
        if not then or index.opaque_in(rule):
            continue
        written = {effect.field: effect.value for effect in then}
        fields = dict.fromkeys([*fields_of(index.guard(rule)), *written])
        for person in _people_for(rule, written, index):
            values = {
                name: person[name] if name in person else index.domain(rule).start_of(name)
                for name in [*fields, *person]
                if name in person or name in written
            }
            given = format_values(values, NOW)
            row = CaseRow(EFFECT, rule.name, rule.stage, given, "", "before the move")
            yield _run(runner, row)


def _people_for(
    rule: AskedRule, written: Mapping[str, Term | Guard], index: RuleIndex
) -> Iterator[Witness]:
    """People for whom a move is the first open one, with field values that its effects must change;
    three people if numbers are computed, else one."""
    before = index.model.earlier_closed(rule.step)
    read = {
        node.name
        for value in written.values()
        for node in tree.walk(value)
        if isinstance(node, tree.Field) and node.name not in READ_ONLY
    }
    seen: list[Witness] = []
    for number in range(_TRIES if read else 1):
        pins: list[Guard] = []
        for name in dict.fromkeys([*written, *sorted(read)]):
            pin = is_value(name, _before(name, written.get(name), number, index.model))
            # A value that would close the move is not tried.
            if index.solve(rule, rule.guard, *before, pins=[*pins, pin]).found:
                pins.append(pin)
        answer = index.solve(rule, rule.guard, *before, pins=pins)
        if answer.found and answer.person not in seen:
            seen.append(answer.person)
            yield answer.person


def _before(field: str, value: Term | Guard | None, number: int, model: Model) -> Value:
    """A value that a field may have had before an effect, different from the one it writes."""
    kind = model.field_types[field]
    constant = value.value if isinstance(value, tree.Const) else None
    if kind.kind == "bool":
        return constant is not True if value is not None else number == 0
    if kind.choices:
        return next((choice for choice in kind.choices if choice != constant), kind.choices[0])
    if kind.kind == "str":
        return "before"
    if kind.kind == "datetime":
        return NOW - timedelta(days=10)
    return _number(kind, value, number, model.tokens)


def _number(
    kind: FieldType, value: Term | Guard | None, number: int, tokens: Mapping[str, object]
) -> Value:
    """A number below or above all those in an effect."""
    most: int | float = 5
    for node in tree.walk(value) if value is not None else ():
        constant = node.value if isinstance(node, tree.Const) else None
        constant = tokens.get(node.name) if isinstance(node, tree.Token) else constant  # type: ignore[assignment]
        if isinstance(constant, int | float):
            most = max(most, abs(constant))
    tried = (3, -3, 2 * most + 1)[number]
    result: Value = kind.clamp(float(tried) if kind.kind == "float" else int(tried))
    return result


# ------------------------------------------------------------------ order, triggers, paths


def _orders(runner: CaseRunner) -> Iterator[CaseRow]:
    for rule in runner.index.orders.values():
        answer = runner.index.for_both(rule)
        if answer.refuted:
            continue
        fields = fields_of(runner.index.guard(rule))
        values = {name: answer.person[name] for name in fields if name in answer.person}
        given = format_values(values, NOW)
        row = CaseRow(ORDER, rule.name, rule.stage, given, "", "both are open")
        if answer.found:
            yield _run(runner, row)
        else:
            yield attrs.evolve(row, outcome=UNDECIDED, why=answer.reason)


def _triggers(runner: CaseRunner) -> Iterator[CaseRow]:
    for trigger in runner.model.triggers:
        for stage in runner.model.stages:
            moves = dict.fromkeys(
                edge.name
                for edge in runner.model.edges
                if edge.on == trigger and edge.source == stage.name
            )
            why = "by " + ", ".join(moves) if moves else ""
            row = _run(runner, CaseRow(TRIGGER, trigger, stage.name, "", "", why))
            if (not moves) is (row.outcome.startswith("may")):
                raise LifecycleError(
                    f"trigger {trigger} in {stage.name}: the model and its machine disagree; "
                    "please report this"
                )
            yield row


def _tour(runner: CaseRunner, budget: Budget) -> Iterator[CaseRow]:
    tour = tour_of(runner.model, runner.walker, budget)
    for path in tour.paths:
        name, count = _path_name(path.edge), len(path.steps)
        for number, step in enumerate(path.steps, start=1):
            why = f"step {number} of {count}"
            yield CaseRow(TOUR, name, step.stage, step.text, step.outcome, why)
    for edge, reason in tour.unfired:
        yield CaseRow(TOUR, _path_name(edge), edge.source, "", NO_WAY, reason)


def _path_name(edge: Edge) -> str:
    several = isinstance(edge.rule, Move) and len(edge.rule.sources) > 1
    return f"{edge.name} from {edge.source}" if several else edge.name
