"""The parts of a lifecycle model beside stages, moves and sort: immutable, and only data.

A model is written with these from Python, or read from TOML; both give equal objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, TypeAlias, TypeVar

import attrs

from lifecycle_fsm.fields import FieldDef
from lifecycle_fsm.guard import (
    Always,
    Guard,
    Term,
)
from lifecycle_fsm.model.conversions import Set, names, read_guard, read_sets, read_value
from lifecycle_fsm.model.moves import Move, arrow, stage_names

Period: TypeAlias = Literal["day", "week", "month", "year"]
_Part = TypeVar("_Part")
OnFailure: TypeAlias = Literal["park", "skip"]
Ties: TypeAlias = Literal["as_written"]


def placed(section: str, rules: Iterable[_Part]) -> Iterator[tuple[str, _Part]]:
    """Each rule of a section with its place, as problems name it: ``moves[3] mal -> mql``."""
    for index, rule in enumerate(rules):
        yield f"{section}[{index}] {_name_in_place(rule)}".rstrip(), rule


def _name_in_place(rule: Any) -> str:
    if isinstance(rule, Move):
        return arrow(rule.sources, rule.target)
    return str(rule.name or (rule.on if isinstance(rule, DataRule) else ""))


@attrs.frozen(kw_only=True)
class ActivityKind:
    """A kind of activity: what it brings, which fields that sets, which trigger it raises [S18].

    ``sets`` writes where the payload brings a value: an effect that reads a missing payload value
    is left out, so that an export with gaps erases nothing.
    """

    name: str
    payload: tuple[FieldDef, ...] = ()
    sets: tuple[Set, ...] = attrs.field(default=(), converter=read_sets)
    trigger: str | None = None
    description: str = ""


@attrs.frozen(kw_only=True)
class DataRule:
    """A line of the data silo: when such an activity comes, fields are set [S18].

    It may read fields, tokens and ``activity.…``, never the stage.
    """

    on: str
    then: tuple[Set, ...] = attrs.field(converter=read_sets)
    when: Guard = attrs.field(default=Always(), converter=read_guard)
    name: str = ""


@attrs.frozen(kw_only=True)
class ScoreRule:
    """Points for what is known of a person (demographic) or for an activity (behavior) [S18].

    With ``on`` the points are added to the behavior score at each such activity. Without it they
    are part of the demographic score, which is the sum over all such rules that hold.

    ``cap`` keeps what one rule gives one person in one period ``per`` day, week (from Monday),
    month or year, in UTC, within plus and minus so many points: refreshing a page a hundred times
    is not a hundred times the interest. Without ``per`` the cap is for ever.
    """

    name: str
    points: Term | Guard = attrs.field(converter=read_value)
    when: Guard = attrs.field(default=Always(), converter=read_guard)
    on: str | None = None
    cap: int | None = None
    per: Period | None = None


def _options(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _settled(option) for name, option in value.items()}


def _settled(value: Any) -> Any:
    """An option in one way of writing it, and out of the reach of who wrote it."""
    if isinstance(value, Mapping):
        return _options(value)
    return tuple(map(_settled, value)) if isinstance(value, list | tuple) else value


@attrs.frozen(kw_only=True)
class StepDef:
    """One numbered step of original processing [S13].

    ``use`` names a built-in step; without it the step is the project's own, found by ``name``.
    A built-in step that is used once needs no other name.
    ``reads`` and ``writes`` of a built-in step are known and need not be given.
    ``timeout``, in seconds, and ``attempts`` are how it is run, and no part of the version [S28].
    """

    number: int
    use: str = ""
    name: str = attrs.field(default=attrs.Factory(lambda self: self.use, takes_self=True))
    on_failure: OnFailure | None = None
    reads: tuple[str, ...] = attrs.field(default=(), converter=names)
    writes: tuple[str, ...] = attrs.field(default=(), converter=names)
    options: Mapping[str, Any] = attrs.field(factory=dict, converter=_options)
    label: str = ""
    timeout: float | None = None
    attempts: int = 1


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
