"""Whether a guard fits its model: names, types, choices, and cycles [S5].

A fault raises no error here: a model collects the sentences of all its guards and reports them at
once, each with its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import attrs

from lifecycle_fsm.errors import GuardError, suggest
from lifecycle_fsm.fields import FieldType, Kind
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.guard.lexer import constant, is_name
from lifecycle_fsm.guard.printer import to_text
from lifecycle_fsm.guard.terms import MAX_DEPTH, Guard, Scalar, Term
from lifecycle_fsm.guard.vocabulary import (
    Vocabulary,
    decimal_factor,
    naming_problems,
    resolve,
    scalar_value,
)

_NUMBERS: frozenset[Kind] = frozenset({"int", "float"})
_WORDS: dict[Kind, str] = {
    "bool": "yes or no",
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "datetime": "a time",
}


def problems(guard: Guard, vocabulary: Vocabulary) -> list[str]:
    """Every fault of the guard as a sentence with a suggestion; empty if it fits [S5].

    The definitions of named guards are examined for cycles and size only: each is checked once,
    where it is defined.
    """
    if tree.depth(guard) > MAX_DEPTH:
        return [f"nested more than {MAX_DEPTH} deep: give a part of it a name of its own"]
    checker = _Checker(vocabulary)
    checker.guard(guard)
    return list(dict.fromkeys([*checker.faults, *naming_problems(guard, vocabulary)]))


def term_type(term: Term, vocabulary: Vocabulary) -> FieldType | None:
    """The type of a value, or ``None`` if it has a fault. An integer times a decimal constant or
    token is an integer: the product is an exact ratio, floored [S5]."""
    if tree.depth(term) > MAX_DEPTH:
        return None
    checker = _Checker(vocabulary)
    type_ = checker.term(term)
    return None if checker.faults else type_


def is_whole(term: Term, vocabulary: Vocabulary) -> bool:
    """Whether a value is an integer; ``False`` if it has a fault."""
    kind = term_type(term, vocabulary)
    return kind is not None and kind.kind == "int"


def effect_problems(term: Term, target: FieldType, vocabulary: Vocabulary) -> list[str]:
    """Every fault of assigning the value to a field of type ``target``, as sentences [S5]."""
    if tree.depth(term) > MAX_DEPTH:
        return [f"nested more than {MAX_DEPTH} deep"]
    checker = _Checker(attrs.evolve(vocabulary, in_effect=True))
    type_ = checker.term(term)
    faults = list(dict.fromkeys(checker.faults))
    if faults or type_ is None:
        return faults
    if type_.kind != target.kind and (type_.kind, target.kind) != ("int", "float"):
        remedy = ""
        if (type_.kind, target.kind) == ("float", "int"):
            decimal = next(
                (
                    f"${part.name} = {vocabulary.tokens[part.name]}"
                    for part in tree.walk(term)
                    if isinstance(part, tree.Token) and type(vocabulary.tokens[part.name]) is float
                ),
                None,
            )
            remedy = (
                f": write {decimal} as a whole number"
                if decimal
                else ": only an integer times a decimal constant or token is floored by itself"
            )
        faults.append(f"{to_text(term)} is {_WORDS[type_.kind]}, the field is "
                      f"{_WORDS[target.kind]}{remedy}")  # fmt: skip
    elif target.choices:
        values = scalar_value(term, vocabulary)
        faults.extend(_not_a_choice(values if values is not None else type_.choices, target))
        if values is None and not type_.choices:
            faults.append(f"{to_text(term)} may be any text, the field is one of "
                          f"{_listed(target.choices)}")  # fmt: skip
    if type_.nullable and not target.nullable:
        faults.append(f"{to_text(term)} may be missing and the field may not: declare the field "
                      "with '| None', or use a field that is always known")  # fmt: skip
    return faults


class _Checker:
    """One pass over one tree that collects faults and infers types bottom up."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.faults: list[str] = []

    # -- guards ------------------------------------------------------------------------------

    def guard(self, guard: Guard) -> None:
        match guard:
            case tree.Truth(field):
                self._truth(field)
            case tree.Compare(op, left, right):
                self._compare(op, left, right)
            case tree.In(term, options):
                self._membership(term, options)
            case tree.TextMatch(term, text):
                for part in (term, text):
                    type_ = self.term(part)
                    if type_ is not None and type_.kind != "str":
                        self._fault(f"{guard.verb!r} is for texts, and {to_text(part)} is "
                                    f"{_WORDS[type_.kind]}")  # fmt: skip
            case tree.Known(field):
                self.term(field)
            case tree.Named(name, definition):
                self._named(name, definition)
            case tree.Opaque():
                pass
            case _:
                for child in tree.children(guard):
                    if isinstance(child, Guard):
                        self.guard(child)

    def _truth(self, field: tree.Field) -> None:
        name, fields = field.name, self.vocabulary.fields
        if name not in fields:
            near = suggest(name, [*fields, *self.vocabulary.guards])
            self._fault(f"no field or named guard {name!r}{near}")
        elif fields[name].kind != "bool":
            self._fault(f"{name} is {_WORDS[fields[name].kind]} and not yes or no: compare it, as "
                        f"in '{name} == …' or '{name} is known'")  # fmt: skip

    def _compare(self, op: str, left: Term, right: Term) -> None:
        if isinstance(left, tree.Elapsed):
            self._elapsed(left, right)
            return
        for side, text in ((left, right), (right, left)):
            if self._is_unquoted(side, text):
                self._fault(f"no field named {to_text(side)!r}: a text has quotes of its own, as "
                            f"in \"{to_text(text)} == '{to_text(side)}'\"")  # fmt: skip
                return
        first, second = self.term(left), self.term(right)
        if first is None or second is None:
            return
        if first.kind != second.kind and not {first.kind, second.kind} <= _NUMBERS:
            self._fault(f"{to_text(left)} is {_WORDS[first.kind]} and {to_text(right)} is "
                        f"{_WORDS[second.kind]}: they cannot be compared")  # fmt: skip
        elif op != "==" and first.kind in ("str", "bool"):
            self._fault(f"{to_text(left)} is {_WORDS[first.kind]}, which has no order: use == or "
                        "'in'")  # fmt: skip
        else:
            for type_, value in ((first, right), (second, left)):
                values = scalar_value(value, self.vocabulary)
                self.faults.extend(_not_a_choice(values or (), type_))

    def _is_unquoted(self, side: Term, other: Term) -> bool:
        """Whether a name that is compared with a text field looks like a text without quotes."""
        fields = self.vocabulary.fields
        if (
            not isinstance(side, tree.Field)
            or not isinstance(other, tree.Field)
            or side.name in fields
        ):
            return False
        type_ = fields.get(other.name)
        if type_ is None or type_.kind != "str" or side.name in self.vocabulary.guards:
            return False
        return side.name in type_.choices or not suggest(side.name, fields)

    def _elapsed(self, elapsed: tree.Elapsed, other: Term) -> None:
        """A time term compares with an integer or an integer token only [S4]."""
        self._start(elapsed)
        values = scalar_value(other, self.vocabulary)
        if type(values[0]) is int if values else isinstance(other, tree.Token):
            self.term(other)
        else:
            self._fault(f"{to_text(elapsed)} compares with a whole number or such a token only, "
                        f"not with {to_text(other)}")  # fmt: skip

    def _start(self, elapsed: tree.Elapsed) -> None:
        name = elapsed.start.name
        if elapsed.in_stage:
            if name not in self.vocabulary.fields:
                self._fault(f"{to_text(elapsed)!r} cannot be read here")
            return
        type_ = self.term(elapsed.start)
        if type_ is not None and type_.kind != "datetime":
            fields = self.vocabulary.fields
            near = suggest(name, [name for name in fields if fields[name].kind == "datetime"])
            self._fault(f"'{elapsed.units} since' needs a time, and {name} is "
                        f"{_WORDS[type_.kind]}{near}")  # fmt: skip

    def _membership(self, term: Term, options: tree.Const | tree.Token) -> None:
        type_ = self.term(term)
        values = self.vocabulary.constant_value(options)
        if values is None:
            self.term(options)
            return
        if not isinstance(values, tuple):
            self._fault(f"after 'in' comes a list, and {to_text(options)} is none: use ==")
            return
        if not values:
            self._fault(f"{to_text(options)} is an empty list: nothing is in it")
        for value in values:
            kind = self._constant(value)
            if type_ is None or kind is None:
                continue
            if kind != type_.kind and not {kind, type_.kind} <= _NUMBERS:
                self._fault(f"{to_text(term)} is {_WORDS[type_.kind]} and {value!r} in the list "
                            f"is {_WORDS[kind]}")  # fmt: skip
        if type_ is not None:
            self.faults.extend(_not_a_choice(values, type_))

    def _named(self, name: str, definition: Guard | None) -> None:
        if not is_name(name):
            self._fault(f"{name!r} cannot be the name of a guard: use letters, digits and _")
        elif name in self.vocabulary.fields:
            self._fault(f"{name!r} is both a field and a named guard: rename one of them")
        if definition is not None:
            if tree.depth(definition) > MAX_DEPTH:
                self._fault(f"the named guard {name!r} is nested more than {MAX_DEPTH} deep")
                return
            known = self.vocabulary.guards.get(name)
            if known is None:
                self.guard(definition)
            elif resolve(known, self.vocabulary) != resolve(definition, self.vocabulary):
                self._fault(f"two different guards are named {name!r}: rename one of them")

    # -- terms -------------------------------------------------------------------------------

    def term(self, term: Term) -> FieldType | None:
        """The type of a term, or ``None`` if a fault leaves it undecided."""
        vocabulary = self.vocabulary
        match term:
            case tree.Field(name):
                return self._look_up("field named", name, vocabulary.fields)
            case tree.Payload(name):
                if not vocabulary.in_effect:
                    self._effects_only(f"activity.{name}")
                    return None
                return self._look_up("value of the activity named", name, vocabulary.payload)
            case tree.Now():
                if not vocabulary.in_effect:
                    self._effects_only("now")
                return FieldType("datetime")
            case tree.Const(tuple()):
                self._fault("a list stands only after 'in'")
                return None
            case tree.Const(value):
                kind = self._constant(value)
                return None if kind is None else FieldType(kind)
            case tree.Token(name):
                return self._token(name)
            case tree.Elapsed():
                self._start(term)
                self._fault(f"{to_text(term)} can only be compared with a whole number or a "
                            f"token, as in '{term.units} in stage >= 90'")  # fmt: skip
                return None
            case tree.Arithmetic(op, left, right):
                return self._arithmetic(op, left, right)
            case tree.Extreme(which, terms):
                if not vocabulary.in_effect:
                    self._effects_only(which)
                return self._extreme(which, terms)
        self._fault(f"{term!r} is not a value")
        return None

    def _look_up(self, what: str, name: str, known: Mapping[str, FieldType]) -> FieldType | None:
        if name not in known:
            self._fault(f"no {what} {name!r}{suggest(name, known)}")
        return known.get(name)

    def _token(self, name: str) -> FieldType | None:
        value = self.vocabulary.tokens.get(name)
        if value is None:
            self._fault(f"no token named {name!r}{suggest(name, self.vocabulary.tokens)}")
            return None
        if isinstance(value, tuple):
            self._fault(f"the token ${name} is a list: use it after 'in'")
            return None
        kind = self._constant(value)
        return None if kind is None else FieldType(kind)

    def _constant(self, value: object) -> Kind | None:
        if value == "":
            return "str"  # no model contains it, but a question about a person may
        try:
            stored = constant(value)
        except GuardError as error:
            self._fault(str(error))
            return None
        if stored != tree.Const(value):  # type: ignore[arg-type]  # deliberate
            self._fault(f"{value!r} is not in its stored form: build it with constant()")
        return _kind(stored.value)

    def _arithmetic(self, op: str, left: Term, right: Term) -> FieldType | None:
        sides = ((left, self.term(left)), (right, self.term(right)))
        for term, type_ in sides:
            if type_ is not None and type_.kind not in _NUMBERS:
                remedy = ": use 'days since …'" if type_.kind == "datetime" else ""
                self._fault(f"{to_text(term)} is {_WORDS[type_.kind]}, and {op!r} is for "
                            f"numbers{remedy}")  # fmt: skip
        (_, first), (_, second) = sides
        if first is None or second is None or not {first.kind, second.kind} <= _NUMBERS:
            return None
        scaled = op == "*" and any(
            integer.kind == "int" and decimal_factor(factor, self.vocabulary) is not None
            for integer, factor in ((first, right), (second, left))
        )
        whole = scaled or first.kind == second.kind == "int"
        return FieldType("int" if whole else "float", first.nullable or second.nullable)

    def _extreme(self, which: str, terms: tuple[Term, ...]) -> FieldType | None:
        types = [type_ for term in terms if (type_ := self.term(term)) is not None]
        if len(types) < len(terms) or not types:
            return None
        kinds = {type_.kind for type_ in types}
        nullable = any(type_.nullable for type_ in types)
        if kinds <= _NUMBERS:
            return FieldType("int" if kinds == {"int"} else "float", nullable)
        if kinds == {"datetime"}:
            return FieldType("datetime", nullable)
        self._fault(f"{which} is for numbers, or for times, not for both or for other values")
        return None

    def _effects_only(self, what: str) -> None:
        self._fault(f"{what!r} is for effects only: a guard reads fields, tokens and 'days since'")

    def _fault(self, sentence: str) -> None:
        self.faults.append(sentence)


def _kind(value: object) -> Kind:
    kinds: dict[type, Kind] = {
        bool: "bool", int: "int", float: "float", str: "str", datetime: "datetime"
    }  # fmt: skip
    return kinds[type(value)]


def _not_a_choice(values: tuple[Scalar, ...], type_: FieldType) -> Iterator[str]:
    for value in values:
        if type_.choices and isinstance(value, str) and value not in type_.choices:
            near = suggest(value, type_.choices) or f": use one of {_listed(type_.choices)}"
            yield f"{value!r} is no choice of the field{near}"


def _listed(choices: tuple[str, ...]) -> str:
    return ", ".join(map(repr, choices))
