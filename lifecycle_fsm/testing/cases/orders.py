"""People for whom two rules are open at once: which comes first is agreed, too [S8][S15]."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from lifecycle_fsm.guard import Always, Opaque, all_of, inline, negate, resolve, walk
from lifecycle_fsm.model import Edge, Model
from lifecycle_fsm.solving import Answer, solve_here
from lifecycle_fsm.testing.cases.places import Places, Rule
from lifecycle_fsm.testing.cases.rows import ORDER

_BEFORE = " before "


def orders_of(model: Model) -> tuple[Rule, ...]:
    """Every two rules that are tried for one reason, in the order in which they are: of the sort,
    and of the moves of one stage by one trigger, or by the system.

    Left out are pairs whose second is open to everybody, which every case of the first shows, and
    those with a Python function, which nobody can look into.
    """
    return tuple(
        Rule(
            ORDER,
            pair_name(first.name, second.name),
            all_of(first.when, second.when),
            first.source,
            None,
            first,
        )
        for tried in _tried_together(model)
        for first, second in combinations(tried, 2)
        if not isinstance(second.when, Always) and not _opaque((first, second), model)
    )


def pair_name(first: str, second: str) -> str:
    """The name of a pair in a table."""
    return f"{first}{_BEFORE}{second}"


def turned(name: str) -> str:
    """The name of the same pair in the other order."""
    first, _, second = name.partition(_BEFORE)
    return pair_name(second, first)


def _tried_together(model: Model) -> Iterator[tuple[Edge, ...]]:
    yield model.sort_edges
    for stage in model.stages:
        for trigger in (None, *model.triggers):
            yield tuple(
                one for one in model.edges if one.source == stage.name and one.on == trigger
            )


def _opaque(edges: tuple[Edge, Edge], model: Model) -> bool:
    words = model.vocabulary
    return any(
        isinstance(node, Opaque)
        for edge in edges
        for node in walk(inline(resolve(edge.when, words), words))
    )


def somebody_for_both(rule: Rule, places: Places) -> Answer:
    """Somebody for whom both rules of a pair are open, and if that can be none that comes before
    them."""
    world, here = places.world(rule), places.here(rule)
    edge, model = rule.edge, places.model
    assert edge is not None, "a pair is of two edges"
    edges = model.sort_edges if edge in model.sort_edges else model.edges
    before = [
        negate(one.when)
        for one in edges[: edges.index(edge)]
        if one.source == edge.source and one.on == edge.on
    ]
    both = places.guard(rule)
    alone = solve_here(all_of(both, *before, here), world)
    return alone if alone.found or not before else solve_here(all_of(both, here), world)
