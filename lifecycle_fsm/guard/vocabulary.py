"""The meaning of the names in a guard: fields, tokens, named guards, values of the activity."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeAlias

import attrs

from lifecycle_fsm.errors import GuardError, suggest
from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.guard.terms import MAX_DEPTH, Guard, Scalar, Term

TokenValue: TypeAlias = Scalar | tuple[Scalar, ...]

MAX_SIZE = 20_000
"""How many nodes a guard may have with all its named guards written out."""


@attrs.frozen
class Vocabulary:
    """The meaning of the names in a guard.

    ``fields`` are all fields that the guard can read, including ``stage`` and its companions if
    they are allowed. ``payload`` are the values of the activity. Those, ``now``, ``min`` and
    ``max`` are only for effects and the conditions of silos (``in_effect``).
    """

    fields: Mapping[str, FieldType]
    tokens: Mapping[str, TokenValue] = attrs.field(factory=dict)
    guards: Mapping[str, Guard] = attrs.field(factory=dict)
    payload: Mapping[str, FieldType] = attrs.field(factory=dict)
    in_effect: bool = False

    def constant_value(self, term: Guard | Term) -> TokenValue | None:
        """The value of a constant or of a known token; ``None`` for anything else."""
        if isinstance(term, tree.Const):
            return term.value
        return self.tokens.get(term.name) if isinstance(term, tree.Token) else None


def resolve(guard: Guard, vocabulary: Vocabulary) -> Guard:
    """The guard with its bare names resolved: a name that is a named guard and not a field becomes
    :class:`~lifecycle_fsm.guard.terms.Named`."""
    if tree.depth(guard) > MAX_DEPTH:
        return guard  # ``problems`` reports it, and no other code looks into it

    def settle(part: Guard) -> Guard:
        match part:
            case tree.Truth(tree.Field(name)) if (
                name in vocabulary.guards and name not in vocabulary.fields
            ):
                return tree.Named(name)
            case tree.Named(name, definition) if definition is not None:
                return tree.Named(name, resolve(definition, vocabulary))
        return part

    return tree.transform(guard, settle)


def inline(guard: Guard, vocabulary: Vocabulary, keep: Collection[str] = ()) -> Guard:
    """The guard with its bare names resolved and every named guard written out but those to keep.

    Raises:
        GuardError: a name is unknown, a named guard refers to itself, or the result is too large.
    """
    guard = resolve(guard, vocabulary)
    faults = naming_problems(guard, vocabulary)
    if faults:
        raise GuardError("; ".join(faults))

    def write_out(part: Guard) -> Guard:
        definition = None
        if isinstance(part, tree.Named) and part.name not in keep:
            definition = definition_of(part, vocabulary)
        return part if definition is None else tree.transform(definition, write_out)

    return tree.transform(guard, write_out)


def definition_of(named: tree.Named, vocabulary: Vocabulary) -> Guard | None:
    """The definition of a named guard: the model's, or else the one that it carries."""
    definition = vocabulary.guards.get(named.name, named.definition)
    return None if definition is None else resolve(definition, vocabulary)


def reads(node: Guard | Term) -> frozenset[str]:
    """The names of the fields that a guard or a value reads; inline named guards first."""
    nodes = list(tree.walk(node))
    names = {part.name for part in nodes if isinstance(part, tree.Field)}
    return frozenset(names | {part.start.name for part in nodes if isinstance(part, tree.Elapsed)})


def scalar_value(term: Term, vocabulary: Vocabulary) -> tuple[Scalar] | None:
    """The value of a constant or a token that is not a list, as a one-item tuple; else ``None``."""
    value = vocabulary.constant_value(term)
    return None if value is None or isinstance(value, tuple) else (value,)


def decimal_factor(term: Term, vocabulary: Vocabulary) -> float | None:
    """The value of a decimal constant or token, which scales an integer exactly [S5]."""
    values = scalar_value(term, vocabulary)
    return values[0] if values and isinstance(values[0], float) else None


def naming_problems(guard: Guard, vocabulary: Vocabulary) -> list[str]:
    """The faults of named guards, as sentences: unknown, circular, or too large when written out.

    Each name is measured once, so that guards whose size doubles with each name are refused without
    being written out.
    """
    measured: dict[str, tuple[int, int]] = {}
    faults: list[str] = []

    def measure(part: Guard, path: tuple[str, ...], level: int) -> tuple[int, int]:
        """How many guards the part has and how deep they nest, with all names written out."""
        if isinstance(part, tree.Named):
            if part.name in path:
                cycle = " -> ".join([*path[path.index(part.name) :], part.name])
                faults.append(f"the named guard {part.name!r} needs itself: {cycle}")
                return 1, 1
            if part.name not in measured:
                measured[part.name] = named(part, path, level)
            size, height = measured[part.name]
        else:
            size, height = 1, 1
            if level <= 2 * MAX_DEPTH:
                for child in tree.children(part):
                    if isinstance(child, Guard):
                        more, below = measure(child, path, level + 1)
                        size, height = size + more, max(height, below + 1)
        if level + height > 2 * MAX_DEPTH:
            faults.append(f"with its named guards written out this nests more than {2 * MAX_DEPTH} "
                          "deep")  # fmt: skip
        return size, height

    def named(part: tree.Named, path: tuple[str, ...], level: int) -> tuple[int, int]:
        definition = vocabulary.guards.get(part.name, part.definition)
        if definition is None:
            near = suggest(part.name, vocabulary.guards)
            faults.append(f"no named guard {part.name!r}{near}")
            return 1, 1
        if tree.depth(definition) > MAX_DEPTH:
            faults.append(f"the named guard {part.name!r} nests more than {MAX_DEPTH} deep")
            return 1, 1
        if level > 2 * MAX_DEPTH:
            return 1, 1
        size, height = measure(resolve(definition, vocabulary), (*path, part.name), level + 1)
        return size + 1, height + 1

    size, _ = measure(guard, (), 1)
    if size > MAX_SIZE:
        faults.append(f"with its named guards written out this has {size} parts: at most "
                      f"{MAX_SIZE}")  # fmt: skip
    return list(dict.fromkeys(faults))
