"""The faults that any part of a model can have: one function for each kind of fault [S5]."""

from __future__ import annotations

import keyword
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from lifecycle_fsm.errors import Problem, suggest
from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.guard import (
    Const,
    Field,
    Guard,
    Named,
    Opaque,
    Term,
    Vocabulary,
    effect_problems,
    is_name,
)
from lifecycle_fsm.guard import problems as guard_problems
from lifecycle_fsm.guard.lexer import EMPTY
from lifecycle_fsm.model.conversions import Set, given
from lifecycle_fsm.model.name_resolution import fields_read, nodes
from lifecycle_fsm.person import READ_ONLY

if TYPE_CHECKING:
    from lifecycle_fsm.model.model import Model

#: Fields that only the machine writes, and that no rule before the lifecycle may read.
STAGE_WORDS = frozenset(READ_ONLY)


def of_guard(
    model: Model,
    where: str,
    guard: Guard,
    words: Vocabulary | None = None,
    *,
    opaque: bool = False,
) -> Iterator[Problem]:
    """A guard that reads an unknown name, or compares values that cannot be compared."""
    if not opaque and any(isinstance(node, Opaque) for node in nodes(guard)):
        yield Problem(where, "a Python function can guard a move only, not this")
    for message in guard_problems(guard, words or model.vocabulary):
        yield Problem(where, message)
    yield from _of_empty_texts(where, guard)
    for name in _other_meanings(guard):
        yield Problem(where, f"two different guards are named {name!r}: rename one of them")


def _of_empty_texts(where: str, tree: Guard | Term) -> Iterator[Problem]:
    """Empty texts in trees built from nodes; all other notations refuse them at once [S4]."""
    for node in nodes(tree):
        if isinstance(node, Const):
            values = node.value if isinstance(node.value, tuple) else (node.value,)
            if "" in values:
                yield Problem(where, EMPTY)


def _other_meanings(guard: Guard) -> Iterator[str]:
    """The innermost named guards that carry another definition than the model's."""
    for node in nodes(guard):
        if isinstance(node, Named) and node.definition is not None:
            inner = list(_other_meanings(node.definition))
            yield from inner or [node.name]


def of_effects(
    model: Model, where: str, sets: tuple[Set, ...], words: Vocabulary
) -> Iterator[Problem]:
    """Effects that write an unknown field, or a value that does not fit it."""
    yield from of_repeats(where, [effect.field for effect in sets])
    for field, value in ((effect.field, effect.value) for effect in sets):
        target = model.field_types.get(field)
        if target is None:
            hint = (
                "only the machine writes it"
                if field in READ_ONLY or field == "id"
                else f"no field of this name{suggest(field, model.field_types)}"
            )
            yield Problem(where, f"cannot set {field!r}: {hint}")
        elif isinstance(value, Guard):
            if target.kind != "bool":
                yield Problem(where, f"{field}: a condition can set a yes/no field only")
            yield from of_guard(model, where, value, words)
        else:
            for message in effect_problems(value, target, given(words)):
                yield Problem(where, f"{field}: {message}{_quote(value, target, words)}")
            yield from _of_empty_texts(where, value)


def _quote(value: Term, target: FieldType, words: Vocabulary) -> str:
    """The remedy for a text without its own quotation marks."""
    if isinstance(value, Field) and target.kind == "str" and value.name not in words.fields:
        return f"; a text has quotes of its own, as in \"'{value.name}'\""
    return ""


def of_stage_words(model: Model, where: str, trees: Iterable[Guard | Term]) -> Iterator[Problem]:
    """A rule of data or scoring that reads the stage [S18]."""
    for name in sorted(STAGE_WORDS.intersection(fields_read(model, trees))):
        yield Problem(
            where,
            f"it reads {name!r}: data and scoring come before the lifecycle and never read the "
            "stage",
        )


def of_system(model: Model, where: str, name: str) -> Iterator[Problem]:
    """An owner that the model does not declare."""
    if name and model.systems:
        yield from of_reference(where, "system", name, model.systems)


def of_reference(
    where: str, kind: str, name: str, known: Collection[str], key: str = ""
) -> Iterator[Problem]:
    """A reference to an unknown name; ``key`` names the key of the rule, if needed."""
    if name not in known:
        prefix = f"{key}: " if key else ""
        yield Problem(where, f"{prefix}no {kind} named {name!r}{suggest(name, known)}")


def of_silo_rule(
    model: Model, where: str, sets: tuple[Set, ...], words: Vocabulary, *conditions: Guard
) -> Iterator[Problem]:
    """The faults of the conditions and effects of a rule that comes before the lifecycle."""
    for guard in conditions:
        yield from of_guard(model, where, guard, words)
    yield from of_effects(model, where, sets, words)
    yield from of_stage_words(model, where, [*conditions, *(effect.value for effect in sets)])


def of_choice(where: str, key: str, value: Any, known: tuple[str, ...]) -> Iterator[Problem]:
    """A value that is not one of the allowed ones."""
    if value is not None and value not in known:
        yield Problem(
            where, f"{key}: {value!r} is none of {', '.join(known)}{suggest(str(value), known)}"
        )


def of_name(where: str, name: str) -> Iterator[Problem]:
    """A text that cannot be a name in a program."""
    if keyword.iskeyword(name):
        yield Problem(
            where,
            f"{name!r} is a word of the Python language, in which names become attributes and "
            f"methods: choose another, such as '{name.lower()}_'",
        )
    elif not (name.isidentifier() and name.isascii()) or name[:1] == "_":
        yield Problem(
            where, f"{name!r} is not a name: use letters, digits and _, and start with a letter"
        )


def of_word(where: str, name: str) -> Iterator[Problem]:
    """A text that cannot be a name in a program or in a guard."""
    yield from of_name(where, name)
    if name.isidentifier() and not keyword.iskeyword(name) and not is_name(name):
        yield Problem(where, f"{name!r} is a word of the guard language: choose another name")


def of_repeats(where: str, names: Iterable[object]) -> Iterator[Problem]:
    """Names that occur more than once."""
    for name, count in Counter(names).items():
        if count > 1:
            yield Problem(where, f"{name!r} stands here {count} times; each needs its own")
