"""People in whom the effects of a move can be seen: what they write is not there before [S18]."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.guard import Const, Field, Guard, Term, Token, all_of, negate, walk
from lifecycle_fsm.model import Move
from lifecycle_fsm.person import READ_ONLY
from lifecycle_fsm.solving import NOW, Person, solve_here
from lifecycle_fsm.testing.cases.places import Places, Rule
from lifecycle_fsm.testing.cases.points import is_value

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
