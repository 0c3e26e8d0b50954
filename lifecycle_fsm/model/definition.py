"""The parts of a lifecycle model, as the field speaks of them: immutable, and only data.

The sort is a list of these, of which the first that holds decides [S15].

A model is written with these from Python, or read from TOML; both give equal objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, Literal, TypeAlias, TypeVar

import attrs

from lifecycle_fsm.errors import GuardError, GuardSyntaxError, ModelError, Problem, async_fault
from lifecycle_fsm.fields import FieldDef
from lifecycle_fsm.guard import (
    Always,
    Guard,
    Opaque,
    Term,
    Vocabulary,
    as_guard,
    as_term,
    parse_guard,
    parse_term,
)

Skips: TypeAlias = Literal["passed_over", "no_credit"]
Mail: TypeAlias = Literal["nurture", "paused", "suspended"]
Period: TypeAlias = Literal["day", "week", "month", "year"]
_Part = TypeVar("_Part")
OnFailure: TypeAlias = Literal["park", "skip"]
Ties: TypeAlias = Literal["as_written"]
#: The guard of the last rule of the sort, in a model file.
OTHERWISE = "otherwise"


def read_guard(value: object) -> Guard:
    """A guard however it was written: a tree, a field proxy, text, or a named Python function."""
    if isinstance(value, FunctionType | MethodType | BuiltinFunctionType):
        if value.__name__ == "<lambda>":
            raise GuardError("a Python guard needs a name: write a function with def")
        if fault := async_fault(value):
            raise GuardError(fault)
        return Opaque(value.__name__, value)
    return parse_guard(value) if isinstance(value, str) else as_guard(value)


def read_value(value: object) -> Term | Guard:
    """The right-hand side of an effect: text in the value language, a literal, a term, or, for a
    yes/no field, a guard.

    Raises:
        GuardSyntaxError: the text is neither a value nor a guard.
    """
    if not isinstance(value, str):
        return value if isinstance(value, Guard | Term) else as_term(value)
    try:
        return parse_term(value)
    except GuardSyntaxError as as_value:
        try:
            return parse_guard(value)
        except GuardSyntaxError as as_condition:
            raise max(as_value, as_condition, key=lambda error: error.column) from None


def read_sets(value: Mapping[str, object] | Iterable[Set]) -> tuple[Set, ...]:
    """Effects however they were written: ``{"hand_raised": False}`` or a sequence of ``Set``."""
    if isinstance(value, Mapping):
        return tuple(Set(name, effect) for name, effect in value.items())
    return tuple(value)


def names(value: str | Iterable[str]) -> tuple[str, ...]:
    """One name or several, as several."""
    return (value,) if isinstance(value, str) else tuple(value)


def stage_name(value: str | Stage) -> str:
    """The name of a stage, however it was given."""
    return value.name if isinstance(value, Stage) else value


def stage_names(value: str | Stage | Stages | Iterable[str | Stage]) -> tuple[str, ...]:
    """The names of one stage or several, however they were given."""
    if isinstance(value, Stage | Stages):
        return tuple(stage.name for stage in value.sources)
    return (value,) if isinstance(value, str) else tuple(map(stage_name, value))


def given(words: Vocabulary) -> Vocabulary:
    """The words with no missing payload: an effect whose payload value did not come is left out,
    so the value that it reads is always there."""
    payload = {name: attrs.evolve(kind, nullable=False) for name, kind in words.payload.items()}
    return attrs.evolve(words, payload=payload)


@attrs.frozen
class Set:
    """An effect: the field gets the value [S18]."""

    field: str
    value: Term | Guard = attrs.field(converter=read_value)


class _Origin:
    """What moves start from: one stage, or several joined with ``|``."""

    __slots__ = ()

    @property
    def sources(self) -> tuple[Stage, ...]:
        """The stages, in the order in which they were joined."""
        raise NotImplementedError

    def __or__(self, other: _Origin) -> Stages:
        return Stages(self.sources + other.sources)

    def to(self, target: Stage, when: object = Always(), **more: Any) -> Move:
        """A move to the target: a step or a fast track along the path; see :class:`Move`."""
        return Move(sources=self.sources, target=target, when=when, **more)

    def detour(self, target: Stage, when: object = Always(), **more: Any) -> Move:
        """A move off the path, to a detour stage; see :class:`Move`.

        Raises:
            ModelError: the target is no detour stage.
        """
        if not target.off_path:
            raise self._wrong(target, f"{target.name!r} is no detour stage: write .to(…)")
        return self.to(target, when, **more)

    def back_to(self, target: Stage, when: object = Always(), **more: Any) -> Move:
        """A return from a detour to the path, which starts the next journey; see :class:`Move`.

        Raises:
            ModelError: the target is not on the path, or a source is.
        """
        on_path = [stage.name for stage in self.sources if not stage.off_path]
        if on_path:
            raise self._wrong(target, f"{on_path[0]!r} is on the path, not back from a detour")
        if target.off_path:
            raise self._wrong(target, f"{target.name!r} is off the path: write .detour(…)")
        return self.to(target, when, **more)

    def _wrong(self, target: Stage, message: str) -> ModelError:
        return ModelError(
            [Problem(arrow([source.name for source in self.sources], target.name), message)]
        )


@attrs.frozen
class Stage(_Origin):
    """A lifecycle status.

    The order of the path stages in a model is their rank; the first is where original processing
    happens. ``off_path`` makes a detour stage. ``mail`` says what marketing mail does while a
    person is here [S12]. The other values are display only [S28]: ``title`` is the short name on a
    card ("MQL"), ``label`` the long one, ``system`` who owns the stage, ``group`` its part of the
    funnel, ``playbook`` what its owner does with a person here.
    """

    name: str
    code: str = ""
    label: str = ""
    title: str = ""
    off_path: bool = False
    mail: Mail | None = None
    system: str = ""
    group: str = ""
    description: str = ""
    playbook: str = ""

    @property
    def sources(self) -> tuple[Stage, ...]:
        """The stage itself, as what moves start from."""
        return (self,)

    @property
    def display(self) -> str:
        """The short name for people: the title, or the name as a word or an abbreviation."""
        if self.title:
            return self.title
        return (
            self.name.upper() if len(self.name) <= 3 else self.name.replace("_", " ").capitalize()
        )


@attrs.frozen
class Stages(_Origin):
    """Several stages that a move leaves alike: ``(mql | sal).detour(recycled, …)``."""

    stages: tuple[Stage, ...]

    @property
    def sources(self) -> tuple[Stage, ...]:
        """The stages, in the order in which they were joined."""
        return self.stages


@attrs.frozen(kw_only=True)
class Move:
    """A declared edge between stages [S6][S7].

    Args:
        sources: the stages that it leaves.
        target: the stage that it enters.
        when: its guard; open to everyone without one.
        on: the process trigger that a human pulls; without it the move is a *system* move, taken
            as soon as its guard holds.
        name: unique in the model; history names it. Made from the stages where it is not given.
        priority: smaller is tried first among the moves of one stage [S8].
        skips: what a fast track declares of the stages that it goes past: ``passed_over`` or
            ``no_credit``.
        then: effects, applied with the move.
        system: who owns the move; display only, as is ``label``, its words in a picture.
    """

    sources: tuple[str, ...] = attrs.field(converter=stage_names)
    target: str = attrs.field(converter=stage_name)
    when: Guard = attrs.field(default=Always(), converter=read_guard)
    on: str | None = None
    name: str = attrs.field()
    priority: int = 0
    skips: Skips | None = None
    then: tuple[Set, ...] = attrs.field(default=(), converter=read_sets)
    system: str = ""
    label: str = ""

    @name.default
    def _default_name(self) -> str:
        name = f"{'_or_'.join(self.sources)}_to_{self.target}"
        return f"{name}_on_{self.on}" if self.on else name


def arrow(sources: Iterable[str], target: str) -> str:
    """A move in the words of a message: ``mql | sal -> recycled``."""
    return f"{' | '.join(sources)} -> {target}"


def placed(section: str, rules: Iterable[_Part]) -> Iterator[tuple[str, _Part]]:
    """Each rule of a section with its place, as problems name it: ``moves[3] mal -> mql``."""
    for index, rule in enumerate(rules):
        yield f"{section}[{index}] {_name_in_place(rule)}".rstrip(), rule


def _name_in_place(rule: Any) -> str:
    if isinstance(rule, Move):
        return arrow(rule.sources, rule.target)
    return str(rule.name or (rule.on if isinstance(rule, DataRule) else ""))


def _sort_guard(value: object) -> Guard:
    return Always() if isinstance(value, str) and value == OTHERWISE else read_guard(value)


@attrs.frozen(kw_only=True)
class SortRule:
    """One line of the decision list that gives a new person the first stage [S15].

    The last rule is the one ``when="otherwise"``. ``skips`` says what becomes of the stages before
    its own, as for a :class:`Move`.
    """

    name: str
    target: str = attrs.field(converter=stage_name)
    when: Guard = attrs.field(converter=_sort_guard)
    skips: Skips | None = None
    system: str = ""
    label: str = ""


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
    """

    number: int
    use: str = ""
    name: str = attrs.field(default=attrs.Factory(lambda self: self.use, takes_self=True))
    on_failure: OnFailure | None = None
    reads: tuple[str, ...] = attrs.field(default=(), converter=names)
    writes: tuple[str, ...] = attrs.field(default=(), converter=names)
    options: Mapping[str, Any] = attrs.field(factory=dict, converter=_options)
    label: str = ""


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
