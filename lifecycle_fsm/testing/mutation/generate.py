"""All mutants of a model: every small change of it that is a model of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import attrs

from lifecycle_fsm.errors import GuardError, ModelError
from lifecycle_fsm.guard import Const, Guard, Named, Term, Token, walk
from lifecycle_fsm.model import Edge, Model, Move, SortRule
from lifecycle_fsm.model.definition import Skips
from lifecycle_fsm.proof import differs, domain_of
from lifecycle_fsm.testing.mutation.guards import (
    Change,
    Kind,
    Mutant,
    guard_changes,
    neighbours,
    said,
    shorter_lists,
)

#: The sections that say nothing of moves, but may read the same tokens and named guards.
_ELSEWHERE = tuple("kinds processing data scoring decay deadlines assignment alerts".split())


def mutants(model: Model) -> tuple[Mutant, ...]:
    """Every mutant of the moves, the sort rules, and the named guards and tokens that these read.

    Each builds [S5][S6], means something else than the model and than every other mutant [S28],
    and says so by its version.
    """
    seen = {model.version}
    found = []
    for of_kind in _KINDS:
        for change in of_kind(model):
            try:
                changed = attrs.evolve(model, claims=(), **change.parts)
            except ModelError:
                continue
            if changed.version not in seen:
                seen.add(changed.version)
                found.append(Mutant(change, changed))
    return tuple(found)


# ---------------------------------------------------------------------- guards, tokens


def _of_moves(model: Model) -> Iterator[Change]:
    for index, move in enumerate(model.moves):
        for kind, guard in _distinct(model, move.when):
            yield Change(
                kind,
                move.name,
                ("moves", index, "when"),
                said(move.when),
                said(guard),
                {"moves": _with(model.moves, index, attrs.evolve(move, when=guard))},
                frozenset({move.name}),
            )


def _of_sort(model: Model) -> Iterator[Change]:
    for index, rule in enumerate(model.sort):
        for kind, guard in _distinct(model, rule.when):
            yield Change(
                kind,
                rule.name,
                ("sort", index, "when"),
                said(rule.when),
                said(guard),
                {"sort": _with(model.sort, index, attrs.evolve(rule, when=guard))},
                frozenset({rule.name}),
            )


def _of_named_guards(model: Model) -> Iterator[Change]:
    for name, definition in model.guards.items():
        rules = _readers(model, guards=frozenset({name}))
        if not rules:
            continue
        elsewhere = _read_elsewhere(model, frozenset({name}), None)
        for kind, guard in _distinct(model, definition):
            yield Change(
                kind,
                f"guard {name}",
                ("guards", name),
                said(definition),
                said(guard),
                {"guards": {**model.guards, name: guard}},
                rules,
                elsewhere,
            )


def _of_tokens(model: Model) -> Iterator[Change]:
    for name, value in model.tokens.items():
        rules = _readers(model, token=name)
        if not rules:
            continue
        elsewhere = _read_elsewhere(model, frozenset(), name)
        lists = isinstance(value, tuple)
        others = shorter_lists(value) if isinstance(value, tuple) else neighbours(value)
        for other in others:
            yield Change(
                "list" if lists else "threshold",
                f"token {name}",
                ("tokens", name),
                said(Const(value)),
                said(Const(other)),
                {"tokens": {**model.tokens, name: other}},
                rules,
                elsewhere,
            )


def _distinct(model: Model, guard: Guard) -> Iterator[tuple[Kind, Guard]]:
    """The changes of a guard that make sense in the model, of those that say the same only one:
    ``> 1`` is ``>= 2`` for whole numbers, and one missing test is told once."""
    domain = domain_of(model)
    found: list[Guard] = []
    for kind, changed in guard_changes(guard):
        try:
            same = any(differs(changed, other, domain).refuted for other in found)
        except GuardError:
            continue
        if not same:
            found.append(changed)
            yield kind, changed


def _readers(
    model: Model, *, guards: frozenset[str] = frozenset(), token: str | None = None
) -> frozenset[str]:
    """The moves and sort rules that read one of the named guards or the token, by whatever way."""
    reading = _named_readers(model, guards, token)

    def reads(tree: Guard | Term) -> bool:
        return _mentions(tree, reading, token)

    rules: tuple[Move | SortRule, ...] = (*model.sort, *model.moves)
    return frozenset(
        rule.name
        for rule in rules
        if reads(rule.when) or any(reads(one.value) for one in getattr(rule, "then", ()))
    )


def _named_readers(model: Model, guards: frozenset[str], token: str | None) -> frozenset[str]:
    """The named guards themselves, and all that stand on them or on the token."""
    reading = guards
    while True:
        more = reading | {
            name for name, tree in model.guards.items() if _mentions(tree, reading, token)
        }
        if more == reading:
            return reading
        reading = more


def _mentions(tree: Guard | Term, guards: frozenset[str], token: str | None) -> bool:
    return any(
        (isinstance(node, Named) and node.name in guards)
        or (isinstance(node, Token) and node.name == token)
        for node in walk(tree)
    )


def _read_elsewhere(model: Model, guards: frozenset[str], token: str | None) -> bool:
    """Whether any other section reads one of them: then it bears on more than moves."""
    reading = _named_readers(model, guards, token)

    def reads(value: object) -> bool:
        match value:
            case Guard() | Term():
                return _mentions(value, reading, token)
            case str():
                return value == f"${token}"
            case tuple():
                return any(map(reads, value))
            case Mapping():
                return any(map(reads, value.values()))
        slots = getattr(type(value), "__attrs_attrs__", ())
        return any(reads(getattr(value, slot.name)) for slot in slots)

    return any(reads(getattr(model, section)) for section in _ELSEWHERE)


# ---------------------------------------------------------------------- targets, order, the rest


def _targets(model: Model) -> Iterator[Change]:
    for section, index, rule in _rules(model):
        for stage in model.stages:
            changed = attrs.evolve(rule, target=stage.name)
            changed = attrs.evolve(changed, skips=_skips(model, changed))
            if stage.name != rule.target:
                yield Change(
                    "wrong target",
                    rule.name,
                    (section, index, "to"),
                    f"to {rule.target}",
                    f"to {stage.name}",
                    {section: _with(getattr(model, section), index, changed)},
                    frozenset({rule.name}),
                )


def _skips(model: Model, rule: Move | SortRule) -> Skips | None:
    """What it has to declare: a fast track what it makes of the stages that it skips, nobody else
    anything [S6]."""
    end = model.ranks.get(rule.target, 0)
    starts = [model.ranks.get(one, end) for one in getattr(rule, "sources", (model.initial.name,))]
    return (rule.skips or "passed_over") if any(end > start + 1 for start in starts) else None


def _deleted(model: Model) -> Iterator[Change]:
    for section, index, rule in _rules(model):
        rules = getattr(model, section)
        yield Change(
            "deleted move" if section == "moves" else "deleted sort rule",
            rule.name,
            (section, index),
            _arrow(rule),
            "nothing",
            {section: rules[:index] + rules[index + 1 :]},
            frozenset({rule.name}),
        )


def _dropped_sources(model: Model) -> Iterator[Change]:
    for index, move in enumerate(model.moves):
        for source in move.sources if len(move.sources) > 1 else ():
            left = tuple(one for one in move.sources if one != source)
            fewer = attrs.evolve(move, sources=left)
            fewer = attrs.evolve(fewer, skips=_skips(model, fewer))
            yield Change(
                "dropped source",
                move.name,
                ("moves", index, "from"),
                f"from {', '.join(move.sources)}",
                f"from {', '.join(left)}",
                {"moves": _with(model.moves, index, fewer)},
                frozenset({move.name}),
            )


def _order(model: Model) -> Iterator[Change]:
    for index in range(len(model.sort) - 2):
        one, other = model.sort[index : index + 2]
        yield Change(
            "order",
            one.name,
            ("sort", index),
            f"{one.name} before {other.name}",
            f"{other.name} before {one.name}",
            {"sort": (*model.sort[:index], other, one, *model.sort[index + 2 :])},
            frozenset({one.name, other.name}),
        )
    groups = _groups(model)
    swapped: set[tuple[str, str]] = set()
    for edges in groups.values():
        for first, second in pairwise(edges):
            if (first.name, second.name) in swapped:
                continue
            swapped.add((first.name, second.name))
            yield Change(
                "order",
                first.name,
                ("moves", _index(model, first.name)),
                f"{first.name} before {second.name}",
                f"{second.name} before {first.name}",
                {"moves": _swapped(model, first.name, second.name)},
                # With its priority a move may pass others, too.
                frozenset(
                    edge.name
                    for together in groups.values()
                    if any(edge.name in (first.name, second.name) for edge in together)
                    for edge in together
                ),
            )


def _groups(model: Model) -> dict[tuple[str, str | None], list[Edge]]:
    """The moves that are tried one after the other: of one stage and trigger [S8]."""
    groups: dict[tuple[str, str | None], list[Edge]] = {}
    for edge in model.edges:
        groups.setdefault((edge.source, edge.on), []).append(edge)
    return groups


def _index(model: Model, name: str) -> int:
    return [move.name for move in model.moves].index(name)


def _swapped(model: Model, first: str, second: str) -> tuple[Move, ...]:
    """The moves with the second tried before the first."""
    moves = list(model.moves)
    one, other = _index(model, first), _index(model, second)
    if moves[one].priority == moves[other].priority:
        moves.insert(one, moves.pop(other))
    else:
        high, low = moves[one].priority, moves[other].priority
        moves[one] = attrs.evolve(moves[one], priority=low)
        moves[other] = attrs.evolve(moves[other], priority=high)
    return tuple(moves)


def _dropped_effects(model: Model) -> Iterator[Change]:
    for index, move in enumerate(model.moves):
        for effect in move.then:
            left = tuple(one for one in move.then if one != effect)
            yield Change(
                "dropped effect",
                move.name,
                ("moves", index, "then", effect.field),
                f"{effect.field} = {said(effect.value)}",
                "nothing",
                {"moves": _with(model.moves, index, attrs.evolve(move, then=left))},
                frozenset({move.name}),
            )


def _rules(model: Model) -> Iterator[tuple[str, int, Move | SortRule]]:
    for index, rule in enumerate(model.sort):
        yield "sort", index, rule
    for index, move in enumerate(model.moves):
        yield "moves", index, move


def _arrow(rule: Move | SortRule) -> str:
    return f"{', '.join(getattr(rule, 'sources', ('the sort',)))} -> {rule.target}"


def _with(rules: tuple[Any, ...], index: int, changed: Any) -> tuple[Any, ...]:
    return (*rules[:index], changed, *rules[index + 1 :])


#: What is changed, in the order in which it is told.
_KINDS: tuple[Callable[[Model], Iterator[Change]], ...] = (
    _of_tokens,
    _of_named_guards,
    _of_sort,
    _of_moves,
    _targets,
    _deleted,
    _dropped_sources,
    _order,
    _dropped_effects,
)
