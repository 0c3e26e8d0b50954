"""The parts of a lifecycle model besides stages, moves and sort: immutable data without behavior.

They are written in Python or read from TOML; both give equal objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, TypeAlias, TypeVar

import attrs

from lifecycle_fsm.fields import FieldDef
from lifecycle_fsm.guard import Always, Guard, Term
from lifecycle_fsm.model.conversions import Set, names, read_guard, read_sets, read_value
from lifecycle_fsm.model.moves import Move, arrow, stage_names

Period: TypeAlias = Literal["day", "week", "month", "year"]
_Part = TypeVar("_Part")
OnFailure: TypeAlias = Literal["park", "skip"]
Ties: TypeAlias = Literal["as_written"]


def placed(section: str, rules: Iterable[_Part]) -> Iterator[tuple[str, _Part]]:
    """Each rule of a section with its place as in problems: ``moves[3] mal -> mql``."""
    for index, rule in enumerate(rules):
        yield f"{section}[{index}] {_name_in_place(rule)}".rstrip(), rule


def _name_in_place(rule: Any) -> str:
    if isinstance(rule, Move):
        return arrow(rule.sources, rule.target)
    return str(rule.name or (rule.on if isinstance(rule, DataRule) else ""))


@attrs.frozen(kw_only=True)
class ActivityKind:
    """A kind of activity: its payload, the fields that it sets, the trigger that it raises [S18].

    ``sets`` is applied only as far as the payload has values: an effect that reads a missing
    payload value is skipped, so that an export with gaps erases nothing.
    """

    name: str
    payload: tuple[FieldDef, ...] = ()
    sets: tuple[Set, ...] = attrs.field(default=(), converter=read_sets)
    trigger: str | None = None
    description: str = ""


@attrs.frozen(kw_only=True)
class DataRule:
    """A rule of the data silo: an activity of this kind sets fields [S18].

    It may read fields, tokens and ``activity.…``, but never the stage.
    """

    on: str
    then: tuple[Set, ...] = attrs.field(converter=read_sets)
    when: Guard = attrs.field(default=Always(), converter=read_guard)
    name: str = ""


@attrs.frozen(kw_only=True)
class ScoreRule:
    """Points for a fact about a person (demographic) or for an activity (behavior) [S18].

    With ``on``, each activity of that kind adds the points to the behavior score. Without it, they
    are part of the demographic score, which is the sum over all such rules that hold.

    ``cap`` limits the points that one rule gives one person, to plus and minus that many, in each
    period: ``per`` day, week (from Monday), month or year, in UTC. Refreshing a page a hundred
    times is not a hundred times the interest. Without ``per``, the cap never resets.
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
    """An option in canonical form, copied so that the caller cannot change it."""
    if isinstance(value, Mapping):
        return _options(value)
    return tuple(map(_settled, value)) if isinstance(value, list | tuple) else value


@attrs.frozen(kw_only=True)
class StepDef:
    """One numbered step of original processing [S13].

    ``use`` names a built-in step. Without it, the step is the project's own, found by ``name``.
    A built-in step that is used once needs no other name, and its ``reads`` and ``writes`` are
    known. ``timeout``, in seconds, and ``attempts`` control how it runs and are not part of the
    version [S28].
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


#: In the ``by`` of a claim: all rules of the sort, all moves.
SORT, MOVES = "sort", "moves"


def _condition(value: object) -> Guard | None:
    return None if value is None else read_guard(value)


@attrs.frozen(kw_only=True)
class Claim:
    """A statement that must be true of every person who enters a stage.

    "No one who raised a hand is left to nurture" is ``entering = "mal"``, ``never =
    "hand_raised"``. ``lifecycle-fsm check`` proves it or shows a person who violates it. A claim
    affects neither how the model runs nor its version [S28].

    Args:
        name: unique in the model.
        entering: the stages; if omitted, any stage.
        by: how people enter: ``sort``, ``moves``, or names of sort rules and moves; if omitted, any
            way.
        always: what holds for every person who enters, after the effects of the move.
        never: what holds for no person who enters. Give one of the two.
        given: a condition over tokens, such as ``$fast_track >= $mql_threshold``. The claim is then
            proved for all values of these tokens that meet it, so the numbers can be tuned without
            another proof. Arithmetic with such tokens needs the solver.
        because: who agreed on it and why, in words.
    """

    name: str
    entering: tuple[str, ...] = attrs.field(default=(), converter=stage_names)
    by: tuple[str, ...] = attrs.field(default=(), converter=names)
    always: Guard | None = attrs.field(default=None, converter=_condition)
    never: Guard | None = attrs.field(default=None, converter=_condition)
    given: Guard | None = attrs.field(default=None, converter=_condition)
    because: str = ""
