"""All mutants of a model: every small change of it that is a model of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import attrs

from lifecycle_fsm.errors import GuardError, ModelError
from lifecycle_fsm.guard import Guard, Scalar, Term, to_text
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.model import Model, Move, SortRule
from lifecycle_fsm.model.moves import Skips
from lifecycle_fsm.model.toml_files import KeyPath
from lifecycle_fsm.proof import differs, domain_of

#: What was done to the model.
Kind: TypeAlias = Literal[
    "operator",
    "threshold",
    "list",
    "and/or",
    "negation",
    "dropped condition",
    "wrong target",
    "deleted move",
    "deleted sort rule",
    "dropped source",
    "order",
    "dropped effect",
]
#: The parts of a model in which a mutant may differ. A mutant makes no claims, because a claim may
#: name the very move that is deleted.
PARTS = ("tokens", "guards", "sort", "moves", "claims")
#: The sections without moves, which may read the same tokens and named guards.
_ELSEWHERE = tuple("kinds processing data scoring decay deadlines assignment alerts".split())


@attrs.frozen
class Change:
    """A change that may or may not give a valid model.

    Args:
        kind: what is done.
        where: the move, sort rule, named guard or token that is changed, in words.
        path: the same as a path in the TOML, for its line.
        before: the text in the model.
        after: the text in the mutant.
        parts: the parts of the model that differ.
        rules: the moves and sort rules that it may affect, by name.
        elsewhere: whether other sections, such as the data silo, also read what was changed.
    """

    kind: Kind
    where: str
    path: KeyPath
    before: str
    after: str
    parts: Mapping[str, Any] = attrs.field(repr=False)
    rules: frozenset[str]
    elsewhere: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.kind}: {self.before} ==> {self.after}"


@attrs.frozen
class Mutant:
    """A change that gives a model with a different meaning [S28]."""

    change: Change
    model: Model = attrs.field(repr=False)

    @property
    def id(self) -> str:
        """The mutant's version: a name that is the same in every run of the same model."""
        return self.model.version

    def __str__(self) -> str:
        return str(self.change)


def mutants(model: Model) -> tuple[Mutant, ...]:
    """Every mutant of the moves, the sort rules, and the named guards and tokens that these read.

    Each builds [S5][S6] and differs in meaning from the model and from every other mutant [S28], as
    its version shows.
    """
    by_version: dict[str, Mutant] = {}
    for changes in _CHANGES:
        for change in changes(model):
            try:
                changed = attrs.evolve(model, claims=(), **change.parts)
            except ModelError:
                continue
            if changed.version != model.version:
                by_version.setdefault(changed.version, Mutant(change, changed))
    return tuple(by_version.values())


# ---------------------------------------------------------------------- tokens, guards


def _tokens(model: Model) -> Iterator[Change]:
    for name, value in model.tokens.items():
        rules, elsewhere = _readers(model, tree.Token(name))
        lists = isinstance(value, tuple)
        others = shorter_lists(value) if isinstance(value, tuple) else neighbours(value)
        for other in others if rules else ():
            yield Change(
                "list" if lists else "threshold",
                f"token {name}",
                ("tokens", name),
                text_of(tree.Const(value)),
                text_of(tree.Const(other)),
                {"tokens": {**model.tokens, name: other}},
                rules,
                elsewhere,
            )


def _named_guards(model: Model) -> Iterator[Change]:
    for name, definition in model.guards.items():
        rules, elsewhere = _readers(model, tree.Named(name))
        for kind, guard in _distinct(model, definition) if rules else ():
            yield Change(
                kind,
                f"guard {name}",
                ("guards", name),
                text_of(definition),
                text_of(guard),
                {"guards": {**model.guards, name: guard}},
                rules,
                elsewhere,
            )


def _readers(model: Model, name: tree.Token | tree.Named) -> tuple[frozenset[str], bool]:
    """The moves and sort rules that read a token or a named guard, directly or not, and whether any
    other section does: then it affects more than moves."""
    names: set[Guard | Term] = {name}
    option = f"${name.name}" if isinstance(name, tree.Token) else None

    def reads(value: object) -> bool:
        match value:
            case Guard() | Term():
                return any(node in names for node in tree.walk(value))
            case str():
                return value == option
            case tuple():
                return any(map(reads, value))
            case Mapping():
                return any(map(reads, value.values()))
        slots = getattr(type(value), "__attrs_attrs__", ())
        return any(reads(getattr(value, slot.name)) for slot in slots)

    more = True
    while more:
        readers = {tree.Named(reader) for reader, guard in model.guards.items() if reads(guard)}
        more = not readers <= names
        names |= readers
    rules = frozenset(
        place.rule.name
        for place in _places(model)
        if reads((place.rule.when, getattr(place.rule, "then", ())))
    )
    return rules, any(reads(getattr(model, section)) for section in _ELSEWHERE)


def _conditions(model: Model) -> Iterator[Change]:
    for place in _places(model):
        rule = place.rule
        for kind, guard in _distinct(model, rule.when):
            changed = attrs.evolve(rule, when=guard)
            yield place.change(kind, ("when",), text_of(rule.when), text_of(guard), changed)


def _distinct(model: Model, guard: Guard) -> Iterator[tuple[Kind, Guard]]:
    """The changes of a guard that are valid in the model, only one of those with the same meaning:
    ``> 1`` is ``>= 2`` for whole numbers, and a missing test is reported once."""
    domain = domain_of(model)
    distinct: list[Guard] = []
    for kind, changed in guard_changes(guard):
        try:
            same = any(differs(changed, other, domain).refuted for other in distinct)
        except GuardError:
            continue
        if not same:
            distinct.append(changed)
            yield kind, changed


# ---------------------------------------------------------------------- moves and sort rules


@attrs.frozen
class _Place:
    """A move or sort rule, and its place in the model."""

    model: Model
    section: str
    index: int
    rule: Move | SortRule

    def change(
        self, kind: Kind, key: KeyPath, before: str, after: str, *instead: Move | SortRule
    ) -> Change:
        """The change that puts another rule, or none, in its place."""
        rules = getattr(self.model, self.section)
        return Change(
            kind,
            self.rule.name,
            (self.section, self.index, *key),
            before,
            after,
            {self.section: (*rules[: self.index], *instead, *rules[self.index + 1 :])},
            frozenset({self.rule.name}),
        )


def _places(model: Model) -> Iterator[_Place]:
    for section in ("sort", "moves"):
        for index, rule in enumerate(getattr(model, section)):
            yield _Place(model, section, index, rule)


def _targets(model: Model) -> Iterator[Change]:
    for place in _places(model):
        target = place.rule.target
        for stage in model.stages:
            if stage.name != target:
                changed = _with_skips(model, attrs.evolve(place.rule, target=stage.name))
                yield place.change(
                    "wrong target", ("to",), f"to {target}", f"to {stage.name}", changed
                )


def _with_skips(model: Model, rule: Move | SortRule) -> Move | SortRule:
    """The rule with what it has to declare: for a fast track, how it treats the stages that it
    skips; for all others nothing [S6]."""
    end = model.ranks.get(rule.target, 0)
    sources = getattr(rule, "sources", (model.initial.name,))
    fast = any(end > model.ranks.get(source, end) + 1 for source in sources)
    skips: Skips | None = (rule.skips or "passed_over") if fast else None
    return attrs.evolve(rule, skips=skips)


def _deleted(model: Model) -> Iterator[Change]:
    for place in _places(model):
        sources = getattr(place.rule, "sources", ("the sort",))
        arrow = f"{', '.join(sources)} -> {place.rule.target}"
        kind: Kind = "deleted move" if place.section == "moves" else "deleted sort rule"
        yield place.change(kind, (), arrow, "nothing")


def _dropped_sources(model: Model) -> Iterator[Change]:
    for place in _places(model):
        move = place.rule
        if not isinstance(move, Move) or len(move.sources) == 1:
            continue
        for source in move.sources:
            left = tuple(other for other in move.sources if other != source)
            yield place.change(
                "dropped source",
                ("from",),
                f"from {', '.join(move.sources)}",
                f"from {', '.join(left)}",
                _with_skips(model, attrs.evolve(move, sources=left)),
            )


def _dropped_effects(model: Model) -> Iterator[Change]:
    for place in _places(model):
        move = place.rule
        if not isinstance(move, Move):
            continue
        for effect in move.then:
            left = tuple(other for other in move.then if other != effect)
            yield place.change(
                "dropped effect",
                ("then", effect.field),
                f"{effect.field} = {text_of(effect.value)}",
                "nothing",
                attrs.evolve(move, then=left),
            )


def _order(model: Model) -> Iterator[Change]:
    names = [rule.name for rule in model.sort]
    for index, pair in enumerate(pairwise(names[:-1])):  # the last one is open to everybody
        swapped = (*model.sort[:index], *model.sort[index : index + 2][::-1])
        yield _swap(("sort", index), *pair, (*swapped, *model.sort[index + 2 :]), pair)
    groups = [[edge.name for edge in group] for group in model.groups[1:]]
    names = [move.name for move in model.moves]
    for first, second in dict.fromkeys(pair for group in groups for pair in pairwise(group)):
        # With its priority, a move may pass others as well.
        rules = [name for group in groups if first in group or second in group for name in group]
        index = names.index(first)
        moves = _tried_first(model, names.index(second), index)
        yield _swap(("moves", index), first, second, moves, rules)


def _swap(path: KeyPath, first: str, second: str, rules: tuple[Any, ...], bears_on: Any) -> Change:
    before, after = f"{first} before {second}", f"{second} before {first}"
    parts = {str(path[0]): rules}
    return Change("order", first, path, before, after, parts, frozenset(bears_on))


def _tried_first(model: Model, later: int, earlier: int) -> tuple[Move, ...]:
    """The moves, by their places, with the later one tried before the earlier."""
    moves = list(model.moves)
    small, large = moves[earlier].priority, moves[later].priority
    if small == large:
        moves.insert(earlier, moves.pop(later))
    else:
        moves[earlier] = attrs.evolve(moves[earlier], priority=large)
        moves[later] = attrs.evolve(moves[later], priority=small)
    return tuple(moves)


#: The changes, in the order in which they are reported.
_CHANGES: tuple[Callable[[Model], Iterator[Change]], ...] = (
    _tokens,
    _named_guards,
    _conditions,
    _targets,
    _deleted,
    _dropped_sources,
    _order,
    _dropped_effects,
)


# ---------------------------------------------------------------------- inside of a guard


_Operator: TypeAlias = Literal["==", "<", "<=", ">", ">="]
#: The neighbour at the boundary, and the boundary alone; the other side is the negation.
_OPERATORS: dict[_Operator, tuple[_Operator, ...]] = {
    ">=": (">", "=="),
    ">": (">=", "=="),
    "<=": ("<", "=="),
    "<": ("<=", "=="),
    "==": (">=", "<="),
}


def guard_changes(guard: Guard) -> Iterator[tuple[Kind, Guard]]:
    """Every small change of a guard, each once, without the guard itself.

    Names stay: the meaning of a named guard or a token is changed where it is defined.
    """
    seen = {guard}
    for kind, changed in _whole(guard):
        if changed not in seen:
            seen.add(changed)
            yield kind, changed


def _whole(guard: Guard) -> Iterator[tuple[Kind, Guard]]:
    yield from _inside(guard)
    if not isinstance(guard, tree.And | tree.Or | tree.Always):
        yield "dropped condition", tree.Always()


def _inside(guard: Guard) -> Iterator[tuple[Kind, Guard]]:
    match guard:
        case tree.Compare(op, left, right):
            for other in _OPERATORS[op]:
                yield "operator", tree.compare(other, left, right)
            for kind, term in term_changes(left):
                yield kind, tree.compare(op, term, right)
            for kind, term in term_changes(right):
                yield kind, tree.compare(op, left, term)
        case tree.In(term, tree.Const(tuple() as options)):
            for shorter in shorter_lists(options):
                yield "list", tree.In(term, tree.Const(shorter))
            for kind, other_term in term_changes(term):
                yield kind, tree.In(other_term, tree.Const(options))
        case tree.In(term, _) | tree.TextMatch(term, _):
            for kind, other_term in term_changes(term):
                yield kind, attrs.evolve(guard, term=other_term)
        case tree.And(parts):
            yield "and/or", tree.any_of(*parts)
            yield from _joined(tree.all_of, parts)
        case tree.Or(parts):
            yield "and/or", tree.all_of(*parts)
            yield from _joined(tree.any_of, parts)
        case tree.Not(part):
            for kind, changed in _inside(part):
                yield kind, tree.negate(changed)
    if not isinstance(guard, tree.Always):
        yield "negation", tree.negate(guard)


def _joined(join: Callable[..., Guard], parts: tuple[Guard, ...]) -> Iterator[tuple[Kind, Guard]]:
    for index, part in enumerate(parts):
        before, after = parts[:index], parts[index + 1 :]
        yield "dropped condition", join(*before, *after)
        for kind, changed in _inside(part):
            yield kind, join(*before, changed, *after)


def term_changes(term: Term) -> Iterator[tuple[Kind, Term]]:
    """Every small change of a value: each number in it, one more and one less."""
    match term:
        case tree.Const(value) if not isinstance(value, tuple):
            for near in neighbours(value):
                yield "threshold", tree.Const(near)
        case tree.Arithmetic(op, left, right):
            for kind, changed in term_changes(left):
                yield kind, tree.Arithmetic(op, changed, right)
            for kind, changed in term_changes(right):
                yield kind, tree.Arithmetic(op, left, changed)
        case tree.Extreme(which, terms):
            for index, part in enumerate(terms):
                for kind, changed in term_changes(part):
                    yield kind, tree.Extreme(which, (*terms[:index], changed, *terms[index + 1 :]))


def neighbours(value: Scalar) -> tuple[Scalar, ...]:
    """One more and one less than a number; other values have no neighbours."""
    return (value - 1, value + 1) if type(value) in (int, float) else ()  # type: ignore[operator]


def shorter_lists(options: tuple[Scalar, ...]) -> Iterator[tuple[Scalar, ...]]:
    """The list without one of its entries, unless that would leave it empty."""
    if len(options) > 1:
        for index in range(len(options)):
            yield options[:index] + options[index + 1 :]


def text_of(guard: Guard | Term) -> str:
    """The text of a guard or a value; a Python callable in it is written as its name [S2]."""
    if isinstance(guard, Guard):
        return to_text(tree.transform(guard, _name))
    return to_text(guard)


def _name(guard: Guard) -> Guard:
    return tree.Named(f"{guard.name}()") if isinstance(guard, tree.Opaque) else guard
