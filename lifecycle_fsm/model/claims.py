"""What a company asserts of its own model, to be proved by the checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from lifecycle_fsm.errors import Problem, suggest
from lifecycle_fsm.guard import Guard, Named, Token, reads, walk
from lifecycle_fsm.model import faults
from lifecycle_fsm.model.definition import names, read_guard, stage_names

if TYPE_CHECKING:
    from lifecycle_fsm.model.model import Model

#: All rules of the sort, and all moves, where a claim is about how somebody came.
SORT, MOVES = "sort", "moves"


def _condition(value: object) -> Guard | None:
    return None if value is None else read_guard(value)


@attrs.frozen(kw_only=True)
class Claim:
    """Something that must be true of everybody who enters a stage, whoever it is.

    "Nobody who raised a hand is left to nurture" is ``entering = "mal"``, ``never =
    "hand_raised"``. ``lifecycle-fsm check`` proves it, or shows a person for whom it is not so.
    A claim changes nothing of how the model runs, nor its version [S28].

    Args:
        name: unique in the model.
        entering: the stages; any stage without it.
        by: how they came: ``sort``, ``moves``, or names of sort rules and moves; any way without.
        always: what holds for everybody who enters, after the effects of the move.
        never: what holds for nobody who enters. Either of the two.
        given: a condition over tokens, such as ``$fast_track >= $mql_threshold``: the claim is then
            proved for whatever values these tokens may be given, as long as that holds. The numbers
            can be tuned without another proof. Arithmetic with such tokens needs the solver.
        because: who agreed on it and why, in words.
    """

    name: str
    entering: tuple[str, ...] = attrs.field(default=(), converter=stage_names)
    by: tuple[str, ...] = attrs.field(default=(), converter=names)
    always: Guard | None = attrs.field(default=None, converter=_condition)
    never: Guard | None = attrs.field(default=None, converter=_condition)
    given: Guard | None = attrs.field(default=None, converter=_condition)
    because: str = ""


def claims(model: Model) -> Iterator[Problem]:
    """Claims that say nothing, or speak of stages, moves or fields that there are not."""
    yield from faults.of_repeats("claims", [claim.name for claim in model.claims])
    ways = {SORT, MOVES, *(one.name for one in model.sort), *(move.name for move in model.moves)}
    for index, one in enumerate(model.claims):
        where = f"claims[{index}] {one.name}"
        if (one.always is None) == (one.never is None):
            yield Problem(where, "give either 'always' or 'never', a condition")
        for name in one.entering:
            if name not in model.by_name:
                yield Problem(where, f"no stage named {name!r}{suggest(name, model.by_name)}")
        for name in one.by:
            if name not in ways:
                yield Problem(
                    where,
                    f"no move or sort rule named {name!r}{suggest(name, ways)}: name one, or write "
                    "'sort' or 'moves'",
                )
        for guard in (one.always, one.never, one.given):
            if guard is not None:
                yield from faults.of_guard(model, where, guard)
        if one.given is not None:
            yield from _given(model, where, one.given)


def _given(model: Model, where: str, given: Guard) -> Iterator[Problem]:
    names = {node.name for node in walk(given) if isinstance(node, Token)}
    if not names or reads(given) or any(isinstance(node, Named) for node in walk(given)):
        yield Problem(where, "'given' speaks of tokens alone, such as '$fast >= $threshold'")
    for name in sorted(names & set(model.tokens)):
        if type(model.tokens[name]) not in (int, float):
            yield Problem(where, f"only a token that is a number can have any value, not {name!r}")
