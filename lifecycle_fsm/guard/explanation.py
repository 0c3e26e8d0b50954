"""Why a guard holds or does not, with the values that it read [S10].

An explanation runs the same compiled atoms as the guard, so the two cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeAlias

import attrs

from lifecycle_fsm.fields import Value
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.guard.evaluate import Attribute, Source, compile_guard, same_name
from lifecycle_fsm.guard.printer import label, text_or_label, to_text, value_words
from lifecycle_fsm.guard.terms import Guard, Scalar, Term, children
from lifecycle_fsm.guard.vocabulary import Vocabulary, definition_of, resolve

Seen: TypeAlias = Value | tuple[Scalar, ...]
Explainer: TypeAlias = Callable[[Any, datetime], "Outcome"]
_Reader: TypeAlias = Callable[[Any, datetime], Seen]


@attrs.frozen
class Outcome:
    """The outcome of a guard for one person: the entire tree, each part with the values it read.

    ``str()`` draws the tree, one line for each part::

        ✗ any of
          ✗ behavior score ≥ 65 (it is 40)
          ✗ hand raised
    """

    text: str
    """The guard in the guard language; a Python callable by its name."""
    label: str
    """The guard in plain words."""
    holds: bool
    seen: tuple[tuple[str, Seen], ...] = ()
    """The names that an atom read, with their values: fields, ``days since …``, ``$tokens``."""
    children: tuple[Outcome, ...] = ()
    guard: Guard = attrs.field(kw_only=True, repr=False)
    denied: str = attrs.field(default="", kw_only=True, repr=False)
    """The label of the negation, for an atom that should not hold."""

    def __str__(self) -> str:
        return "\n".join(self._lines(0))

    @property
    def line(self) -> str:
        """This part on one line, with the values that it read."""
        return f"{'✓' if self.holds else '✗'} {self.label}{self._values()}"

    def _lines(self, level: int) -> Iterator[str]:
        indent = "  " * level
        match self.guard:
            case tree.And() | tree.Or():
                mark = "✓" if self.holds else "✗"
                yield f"{indent}{mark} {'all' if isinstance(self.guard, tree.And) else 'any'} of"
            case tree.Not() if self.children and not self.children[0].children:
                # A negated atom reads well on its own: "owner missing", "source ≠ web".
                yield f"{indent}{attrs.evolve(self, seen=self.children[0].seen).line}"
                return
            case tree.Not() if self.children:
                yield f"{indent}{'✓' if self.holds else '✗'} not"
            case _:
                yield indent + self.line
        for child in self.children:
            yield from child._lines(level + 1)

    def _values(self) -> str:
        values = [(name, value) for name, value in self.seen if not name.startswith("$")]
        positive = self.guard.guard if isinstance(self.guard, tree.Not) else self.guard
        if isinstance(positive, tree.Truth | tree.Known) and values:
            # "hand raised (it is no)" would say the same thing twice.
            value = values[0][1]
            evident = value is not None if isinstance(positive, tree.Truth) else not value
            values = [] if evident else values
        if len(values) == 1:
            return f" (it is {value_words(values[0][1])})"
        parts = [f"{name.replace('_', ' ')} is {value_words(value)}" for name, value in values]
        return f" ({', '.join(parts)})" if parts else ""


def explain(
    guard: Guard,
    person: Any,
    now: datetime,
    vocabulary: Vocabulary,
    attribute: Attribute = same_name,
) -> Outcome:
    """The outcome of the guard for the person at this instant, part by part.

    All parts are evaluated, even after the outcome is decided. For repeated use, compile the guard
    once, with :func:`compile_explainer`.

    Raises:
        GuardError: the guard does not fit the vocabulary.
    """
    return compile_explainer(guard, vocabulary, attribute)(person, now)


def compile_explainer(
    guard: Guard, vocabulary: Vocabulary, attribute: Attribute = same_name
) -> Explainer:
    """:func:`explain` as a compiled function ``(person, now) -> Outcome`` for many people."""
    guard = resolve(guard, vocabulary)
    compile_guard(guard, vocabulary, attribute)  # the entire guard must fit, not only each part
    return _explainer(guard, vocabulary, attribute)


@attrs.frozen
class Requirement:
    """What has to change before a guard can hold: one atom, or all or any of several parts.

    The ``outcome`` of an atom is the one that should hold: if an atom holds but should not, it is
    that of the atom's negation. ``named`` are the guards that it defines, from
    the outside in.
    """

    outcome: Outcome
    parts: tuple[Requirement, ...] = ()
    every: bool = True
    named: tuple[str, ...] = ()

    def atoms(self) -> Iterator[Outcome]:
        """The outcomes of all atoms, in reading order."""
        if not self.parts:
            yield self.outcome
        for part in self.parts:
            yield from part.atoms()


def requirement(outcome: Outcome, wanted: bool = True) -> Requirement | None:
    """What has to change before the guard holds, or fails; ``None`` if it already does."""
    if outcome.holds is wanted:
        return None
    match outcome.guard:
        case tree.Not() if outcome.children:
            return requirement(outcome.children[0], not wanted)
        case tree.Named(name) if outcome.children:
            needed = requirement(outcome.children[0], wanted)
            if needed is None or not wanted:  # its words say what should hold
                return needed
            return attrs.evolve(needed, named=(name, *needed.named))
        case tree.And() | tree.Or():
            parts = (requirement(child, wanted) for child in outcome.children)
            every = isinstance(outcome.guard, tree.And) is wanted
            return Requirement(outcome, tuple(part for part in parts if part), every)
    return Requirement(outcome if wanted else _denial(outcome))


def reasons(outcome: Outcome) -> Iterator[Outcome]:
    """The atoms, and negations, that make a guard hold; of an ``or`` those of the first part that
    holds."""
    match outcome.guard:
        case tree.And():
            for child in outcome.children:
                yield from reasons(child)
        case tree.Or():
            yield from reasons(next(child for child in outcome.children if child.holds))
        case tree.Named() if outcome.children:
            yield from reasons(outcome.children[0])
        case _:
            yield outcome


def _denial(outcome: Outcome) -> Outcome:
    """The outcome of the negation of an atom that holds."""
    denied = tree.negate(outcome.guard)
    return attrs.evolve(
        outcome,
        text=text_or_label(denied),
        label=outcome.denied,
        holds=False,
        guard=denied,
        denied=outcome.label,
    )


def unmet(outcome: Outcome) -> tuple[Outcome, ...]:
    """Every reason why the guard does not hold; empty if it holds [S10].

    Each reason is an atom, or the negation of one, that should hold and does not: all that fail of
    an ``and``, all alternatives of an ``or``, and under ``not`` the negations of those that hold.
    At least one of them must change before the guard can hold.
    """
    needed = requirement(outcome)
    return tuple({atom.guard: atom for atom in needed.atoms()}.values()) if needed else ()


def _explainer(guard: Guard, vocabulary: Vocabulary, attribute: Attribute) -> Explainer:
    join: Callable[[list[bool]], bool] = all
    match guard:
        case tree.And(parts):
            pass
        case tree.Or(parts):
            join = any
        case tree.Not(part):
            parts, join = (part,), _none
        case tree.Named() if (definition := definition_of(guard, vocabulary)) is not None:
            parts = (definition,)
        case _:
            return _atom_explainer(guard, vocabulary, attribute)
    below = [_explainer(part, vocabulary, attribute) for part in parts]
    text, words = text_or_label(guard), label(guard, vocabulary)

    def ask(person: Any, now: datetime) -> Outcome:
        children = tuple(child(person, now) for child in below)
        holds = join([child.holds for child in children])
        return Outcome(text, words, holds, (), children, guard=guard)

    return ask


def _none(outcomes: list[bool]) -> bool:
    return not any(outcomes)


def _atom_explainer(guard: Guard, vocabulary: Vocabulary, attribute: Attribute) -> Explainer:
    test = compile_guard(guard, vocabulary, attribute)
    text, words = text_or_label(guard), label(guard, vocabulary)
    denied = label(tree.negate(guard), vocabulary)
    readers = [
        (to_text(term), _reader(term, vocabulary, attribute))
        for term in dict.fromkeys(_read_terms(guard))
    ]

    def ask(person: Any, now: datetime) -> Outcome:
        seen = tuple((name, read(person, now)) for name, read in readers)
        return Outcome(text, words, test(person, now), seen, guard=guard, denied=denied)

    return ask


def _reader(term: Term, vocabulary: Vocabulary, attribute: Attribute) -> _Reader:
    """A function that reads a value of an atom."""
    source = Source(vocabulary, attribute)
    known, value = source.term(term)
    return source.function("p, now", f"{value} if {known} else None" if known else value)


def _read_terms(node: Guard | Term) -> Iterator[Term]:
    """The fields, times and tokens that an atom reads; of ``days since FIELD`` the number of days,
    not the field."""
    if isinstance(node, tree.Field | tree.Elapsed | tree.Token):
        yield node
    else:
        for child in children(node):
            yield from _read_terms(child)
