"""What a model does with its parts before validation: resolve names, freeze tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, TypeVar

import attrs

from lifecycle_fsm.errors import GuardError, RecordError
from lifecycle_fsm.fields import FieldDef, FieldType
from lifecycle_fsm.guard import MAX_DEPTH, Guard, Term, constant, resolve
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.guard.vocabulary import TokenValue, Vocabulary
from lifecycle_fsm.model.conversions import Set
from lifecycle_fsm.person import BASE_FIELDS, Person, field_def, type_hints

if TYPE_CHECKING:
    from lifecycle_fsm.model.model import Model


# ------------------------------------------------------------------ declared
#
# The fields that a model adds to those of every person: from a table or a class [S1].


#: ``FieldDef`` objects; names with types, ``{"tier": "str | None"}``; or a subclass of ``Person``.
Fields: TypeAlias = Iterable[FieldDef] | Mapping[str, Any] | type[Person]


@attrs.frozen
class Unreadable(FieldDef):
    """A field whose declaration cannot be read, kept so that the model can report why [S5]."""

    fault: str = ""


@attrs.frozen
class AmountField(FieldDef):
    """A field that every person of a model with ``[money]`` has, without being declared."""


#: What follows from a person's opportunities where the model knows about money [S22].
AMOUNTS = tuple(
    AmountField(name, FieldType("float"), description=f"{text}, in the reporting currency")
    for name, text in (
        ("open_amount", "amount of the open opportunities with an amount and a close date"),
        ("won_amount", "amount of the opportunities won"),
    )
)


class OfClass(tuple[FieldDef, ...]):
    """The fields of a person class, with the class itself."""

    person: type[Person] = Person


def read_fields(value: Fields) -> tuple[FieldDef, ...]:
    """The declared fields, from any notation; a fault raises no error here."""
    if isinstance(value, type):
        fields = OfClass(class_fields(value))
        if issubclass(value, Person):
            fields.person = value
        return fields
    if isinstance(value, Mapping):
        return tuple(_of_type(name, kind) for name, kind in value.items())
    return tuple(field.tidied() for field in value)


def class_fields(person: type) -> Iterator[FieldDef]:
    """The fields that a subclass of ``Person`` declares: its own, and inherited ones that it
    changes."""
    fault = _class_fault(person)
    if fault:
        yield _unreadable("", f"{person.__name__}: {fault}")
        return
    try:
        hints = type_hints(person)
    except RecordError as error:
        yield _unreadable("", str(error))
        return
    for attribute in attrs.fields(person):
        name = attribute.name
        if not attribute.init or name == "id":
            continue
        try:
            field = field_def(attribute, hints[name])
        except RecordError as error:
            yield _unreadable(name, str(error))
            continue
        known = BASE_FIELDS.get(name)
        if known is None or (known.type, known.default) != (field.type, field.default):
            yield field


def _class_fault(person: type) -> str:
    if not issubclass(person, Person):
        return "this is no subclass of Person"
    if person is not Person and "__attrs_attrs__" not in vars(person):
        return "a person class is decorated with @attrs.define(eq=False)"
    if person.__eq__ is not object.__eq__:
        return "each person is itself only: write @attrs.define(eq=False)"
    if getattr(person, "__dictoffset__", 0):
        return "a person class has slots: write @attrs.define(eq=False), and all its bases likewise"
    return ""


def _of_type(name: str, kind: Any) -> FieldDef:
    try:
        if isinstance(kind, str):
            kind = FieldType.from_text(kind)
        elif not isinstance(kind, FieldType):
            kind = FieldType.from_annotation(kind)
    except RecordError as error:
        return _unreadable(name, str(error))
    return FieldDef(name, kind)


def _unreadable(name: str, fault: str) -> Unreadable:
    return Unreadable(name, FieldType("str"), fault=fault)


# ------------------------------------------------------------------ name resolution


_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Frozen(dict[_Key, _Value]):
    """An immutable table of a model: to change a model means to make another one."""

    def _closed(self, *_: object, **__: object) -> NoReturn:
        raise TypeError(
            "a model is never changed: make another one, as in "
            "attrs.evolve(model, tokens={**model.tokens, 'mql_threshold': 50})"
        )

    __setitem__ = __delitem__ = __ior__ = _closed
    clear = pop = popitem = setdefault = update = _closed

    def __reduce__(self) -> tuple[type, tuple[dict[_Key, _Value]]]:
        return type(self), (dict(self),)


def stored_token(value: Any) -> TokenValue:
    """The stored form of a token; an invalid one is returned unchanged, for the model to refuse."""
    try:
        return constant(value).value
    except GuardError:
        return value  # type: ignore[no-any-return]  # invalid, and refused for that


#: The parts of a model that have conditions or effects, and the names of those attributes.
_SECTIONS = tuple("claims moves sort data scoring kinds decay deadlines assignment alerts".split())
_GUARDS, _EFFECTS = ("when", "always", "never", "given"), ("then", "sets")


def resolved(model: Model) -> dict[str, Any]:
    """The parts of a model with bare names resolved to named guards or yes/no fields, and with the
    definitions that Python guards carry collected into ``guards``."""
    person = model.fields.person if isinstance(model.fields, OfClass) else model.person
    fields = tuple(model.fields)
    if person is not Person:
        named = {field.name for field in fields}
        fields += tuple(field for field in class_fields(person) if field.name not in named)
    fields = tuple(field for field in fields if not isinstance(field, AmountField))
    object.__setattr__(model, "fields", fields if model.money is None else fields + AMOUNTS)
    guards = dict(model.guards)
    parts = [part for section in _SECTIONS for part in getattr(model, section)]
    conditions = (condition for part in parts for condition in _conditions(part))
    for root in (*model.guards.values(), *conditions):
        for node in nodes(root):
            if isinstance(node, tree.Named):
                _collect(node, guards)
    object.__setattr__(model, "guards", guards)
    words = model.vocabulary

    def guard(value: Guard) -> Guard:
        return _alone(resolve(value, words), words)

    def effect(written: Set) -> Set:
        value = _effect_value(written.value, words)
        return attrs.evolve(written, value=guard(value) if isinstance(value, Guard) else value)

    def resolved_part(part: Any) -> Any:
        changes: dict[str, Any] = {name: guard(getattr(part, name)) for name in _guards(part)}
        for name in _EFFECTS:
            if hasattr(part, name):
                changes[name] = tuple(map(effect, getattr(part, name)))
        return attrs.evolve(part, **changes)

    return {
        "person": person,
        "guards": Frozen({name: guard(part) for name, part in guards.items()}),
        "segments": Frozen({name: guard(part) for name, part in model.segments.items()}),
        **{section: tuple(map(resolved_part, getattr(model, section))) for section in _SECTIONS},
    }


def _guards(part: object) -> Iterator[str]:
    """The names of the attributes that hold conditions."""
    return (name for name in _GUARDS if isinstance(getattr(part, name, None), Guard))


def _conditions(part: object) -> Iterator[Guard]:
    """The conditions of a part and of its effects."""
    yield from (getattr(part, name) for name in _guards(part))
    for effects in (getattr(part, name, ()) for name in _EFFECTS):
        yield from (effect.value for effect in effects if isinstance(effect.value, Guard))


def _effect_value(value: Term | Guard, words: Vocabulary) -> Term | Guard:
    """The value of an effect; a bare name of a guard, if it is not a field, means that guard."""
    if (
        isinstance(value, tree.Field)
        and value.name in words.guards
        and value.name not in words.fields
    ):
        return tree.Truth(value)
    return value


def _alone(guard: Guard, words: Vocabulary) -> Guard:
    """The guard without the definitions of its named guards, which the model holds once. A
    definition that differs from the model's is kept, so that the model can refuse it."""
    if tree.depth(guard) > MAX_DEPTH:
        return guard

    def strip(part: Guard) -> Guard:
        if not isinstance(part, tree.Named) or part.definition is None:
            return part
        theirs = _alone(part.definition, words)
        ours = words.guards.get(part.name)
        clash = any(
            isinstance(node, tree.Named) and node.definition is not None for node in nodes(theirs)
        )
        same = ours is not None and theirs == _alone(resolve(ours, words), words)
        return tree.Named(part.name) if same and not clash else tree.Named(part.name, theirs)

    return tree.transform(guard, strip)


def _collect(node: tree.Named, guards: dict[str, Guard]) -> None:
    if node.definition is None or node.name in guards:
        return
    guards[node.name] = node.definition
    for inner in nodes(node.definition):
        if isinstance(inner, tree.Named):
            _collect(inner, guards)


def nodes(root: Guard | Term) -> Iterator[Guard | Term]:
    """The nodes of a tree; none of a tree that nests too deep, which is refused anyway."""
    return iter(()) if tree.depth(root) > MAX_DEPTH else tree.walk(root)


def fields_read(model: Model, trees: Iterable[Guard | Term]) -> tuple[str, ...]:
    """The fields that guards and values read, also through named guards, in order of first use."""
    read: dict[str, None] = {}
    for node in _all_nodes(model, trees):
        if isinstance(node, tree.Field):
            read.setdefault(node.name)
        elif isinstance(node, tree.Elapsed):
            read.setdefault(node.start.name)
    return tuple(read)


def reads_time(model: Model, trees: Iterable[Guard | Term]) -> bool:
    """Whether guards and values depend on the clock, also through named guards."""
    return any(isinstance(node, tree.Now | tree.Elapsed) for node in _all_nodes(model, trees))


def _all_nodes(
    model: Model, trees: Iterable[Guard | Term], seen: set[str] | None = None
) -> Iterator[Guard | Term]:
    """Every node of the trees, and of each named guard at its first mention."""
    seen = set() if seen is None else seen
    for root in trees:
        for node in nodes(root):
            yield node
            if isinstance(node, tree.Named) and node.name not in seen:
                seen.add(node.name)
                if node.name in model.guards:
                    yield from _all_nodes(model, [model.guards[node.name]], seen)
