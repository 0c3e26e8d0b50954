"""The values of a field that matter to a model: those near which a guard changes its answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from lifecycle_fsm.errors import RecordError
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.guard import Guard, Term, inline, resolve
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.model import Model
from lifecycle_fsm.model.builtin_activities import OPEN_KINDS
from lifecycle_fsm.proof import NOW, domain_of
from lifecycle_fsm.proof.domain import Atom, Atoms
from lifecycle_fsm.proof.search import candidates

_DAY, _TICK = timedelta(days=1), timedelta(microseconds=1)


def boundary_values(model: Model) -> Mapping[str, Sequence[Value]]:
    """For each field that a guard of the model reads, the values at which a condition changes.

    For ``behavior_score >= 65`` these are 64, 65 and 66; for a time, the instants around so many
    days ago, relative to the start of a :class:`~lifecycle_fsm.testing.Clock`; ``None`` if it may
    be missing.
    """
    domain = domain_of(model)
    atoms = Atoms(model.vocabulary)
    for guard in guards_of(model):
        atoms.node(atoms.plain(guard))
    by_field: dict[str, tuple[Value, ...]] = {}
    for field in dict.fromkeys(name for atom in atoms.all for name in atom.fields):
        if field == "stage" or field not in domain.vocabulary.fields:
            continue  # tests set the stage by placing a person; a Python callable has no values
        linked = _compared_with(field, atoms.all)
        near = [atom for atom in atoms.all if not linked.isdisjoint(atom.fields)]
        values = candidates(field, near, {}, domain, linked).values
        kind = domain.type_of(field)
        by_field[field] = tuple(value for value in values if _fits(kind, value))
    return by_field


def guards_of(model: Model) -> Iterator[Guard]:
    """Every guard over persons alone, without payload: of the sort, of moves, of deadlines, of
    decay and of points for known fields."""
    for section in ("sort", "moves", "deadlines", "decay", "scoring"):
        rules = (rule for rule in model.rules if rule.section == section)
        yield from (rule.when for rule in rules if rule.activity is None)


def _compared_with(field: str, atoms: Sequence[Atom]) -> frozenset[str]:
    """The field, and those that a condition compares it with directly."""
    names = {field}
    for atom in atoms:
        match atom.guard:
            case tree.Compare(_, tree.Field(left), tree.Field(right)) if field in (left, right):
                names |= {left, right}
    return frozenset(names)


def _fits(kind: FieldType, value: Value) -> bool:
    try:
        return kind.accept(value) == value
    except RecordError:
        return False


# ---------------------------------------------------------------------- what activities bring


def payload_values(
    model: Model, kind: str, boundary: Mapping[str, Sequence[Value]]
) -> Mapping[str, Sequence[Value]]:
    """The payload values of a kind of activity that a rule of the model tests, by name: constants
    that they are compared with, texts with the right beginning, and the values that matter to the
    field that they are written to, as in :func:`boundary_values`."""
    by_name: dict[str, dict[tuple[str, Value], None]] = {}

    def add(name: str, *values: Value) -> None:
        for value in values:
            by_name.setdefault(name, {})[type(value).__name__, value] = None

    for rule in model.rules:
        if rule.activity != kind:
            continue
        for part in tree.walk(
            inline(resolve(rule.when, model.vocabulary_for(kind)), model.vocabulary)
        ):
            match part:
                case tree.TextMatch(tree.Payload(name), other):
                    for text in _values(other, model):
                        add(name, text, f"{text} more")
                case tree.In(tree.Payload(name), options):
                    add(name, *_values(options, model))
                case tree.Compare(_, tree.Payload(name), other) | tree.Compare(
                    _, other, tree.Payload(name)
                ):
                    for value in _values(other, model):
                        add(name, value)
                        if type(value) is int:
                            add(name, value - 1, value + 1)
    effects = [effect for rule in model.data if rule.on == kind for effect in rule.then]
    for effect in (*model.activity_kinds[kind].sets, *effects):
        for part in tree.walk(effect.value):
            if isinstance(part, tree.Payload):
                add(part.name, *boundary.get(effect.field, ()))
    if kind in OPEN_KINDS:
        for name, values in boundary.items():
            if name in model.field_types:
                add(name, *values)
    return {name: tuple(value for _, value in values) for name, values in by_name.items()}


def _values(term: Term, model: Model) -> tuple[Value, ...]:
    """The values of a constant or a token; empty for other terms."""
    value = model.tokens[term.name] if isinstance(term, tree.Token) else ()
    if isinstance(term, tree.Const):
        value = term.value
    return value if isinstance(value, tuple) else (value,)


# ---------------------------------------------------------------------- lengths of time


def lengths(model: Model) -> tuple[timedelta, ...]:
    """The lengths of time after which something is due in the model, with those just before and
    after; and zero, a second, a minute, an hour and a day."""
    around = {timedelta(0), timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), _DAY}
    turning = {model.settle, *(deadline.after.time for deadline in model.deadlines)}
    turning |= {rule.every for rule in model.decay}
    for guard in guards_of(model):
        for part in tree.walk(inline(resolve(guard, model.vocabulary), model.vocabulary)):
            match part:
                case tree.Compare(_, tree.Elapsed(unit=unit), other):
                    turning |= {_length(value, unit) for value in _values(other, model)}
    for length in turning:
        around |= {length - _TICK, length, length + _TICK}
    return tuple(sorted(length for length in around if length >= timedelta(0)))


def _length(value: Value, unit: timedelta) -> timedelta:
    return value * unit if type(value) is int and 0 <= value <= 10_000 else timedelta(0)


def at(value: Value, now: datetime) -> Value:
    """The value at another instant that corresponds to this value at the solver's instant."""
    return value + (now - NOW) if isinstance(value, datetime) else value
