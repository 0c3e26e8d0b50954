"""The parts of a lifecycle model, as the field speaks of them: immutable, and only data.

A model is written with these from Python, or read from TOML; both give equal objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import FunctionType
from typing import Any, Literal, TypeAlias

import attrs

from lifecycle_fsm.errors import GuardError, GuardSyntaxError
from lifecycle_fsm.fields import FieldDef
from lifecycle_fsm.guard import (
    Always,
    Const,
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
OnFailure: TypeAlias = Literal["park", "skip"]


def read_guard(value: object) -> Guard:
    """A guard however it was written: a tree, a field proxy, text, or a named Python function."""
    if isinstance(value, FunctionType):
        if value.__name__ == "<lambda>":
            raise GuardError("a Python guard needs a name: write a function with def [S2]")
        return Opaque(value.__name__, value)
    return parse_guard(value) if isinstance(value, str) else as_guard(value)


def read_value(value: object) -> Term | Guard:
    """The right-hand side of an effect: text in the value language, a literal, a term, or, for a
    yes/no field, a guard.

    Raises:
        GuardSyntaxError: the text is neither a value nor a guard.
    """
    if isinstance(value, bool | int | float):
        return Const(value)
    if not isinstance(value, str):
        return value if isinstance(value, Guard | Term) else as_term(value)
    try:
        return parse_term(value)
    except GuardSyntaxError as as_value:
        try:
            return parse_guard(value)
        except GuardSyntaxError as as_condition:
            raise max(as_value, as_condition, key=lambda error: error.column) from None


def read_sets(value: object) -> tuple[Set, ...]:
    """Effects however they were written: ``{"hand_raised": False}`` or a sequence of ``Set``."""
    if isinstance(value, Mapping):
        return tuple(Set(name, one) for name, one in value.items())
    if isinstance(value, Iterable):
        return tuple(value)
    raise TypeError(f"effects are a mapping of field to value, not {value!r}")


def _names(value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)  # type: ignore[arg-type]


def given(words: Vocabulary) -> Vocabulary:
    """The words with no missing payload: an effect whose payload value did not come is left out,
    so the value that it reads is always there."""
    payload = {name: attrs.evolve(one, nullable=False) for name, one in words.payload.items()}
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
        raise NotImplementedError

    def __or__(self, other: _Origin) -> Stages:
        return Stages(self.sources + other.sources)

    def to(self, target: Stage, when: object = Always(), **more: Any) -> Move:
        """A step or a fast track to a later stage of the path; see :class:`Move`."""
        return Move(
            sources=tuple(stage.name for stage in self.sources),
            target=target.name,
            when=when,
            **more,
        )

    def detour(self, target: Stage, when: object = Always(), **more: Any) -> Move:
        """A move off the path, to a detour stage; see :class:`Move`."""
        return self.to(target, when, **more)

    def back_to(self, target: Stage, when: object = Always(), **more: Any) -> Move:
        """A return from a detour to the path, which starts the next journey; see :class:`Move`."""
        return self.to(target, when, **more)


@attrs.frozen
class Stage(_Origin):
    """A lifecycle status.

    The order of the path stages in a model is their rank; the first is where original processing
    happens. ``off_path`` makes a detour stage. ``mail`` says what marketing mail does while a
    person is here [S12]. The other values are display only [S28]: ``title`` is the short name on a
    card ("MQL"), ``label`` the long one, ``system`` who owns the stage, ``group`` its part of the
    funnel.
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

    @property
    def sources(self) -> tuple[Stage, ...]:
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

    sources: tuple[str, ...] = attrs.field(converter=_names)
    target: str
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


@attrs.frozen(kw_only=True)
class SortRule:
    """One line of the decision list that gives a new person the first stage [S15].

    The last rule is the one ``when="otherwise"``.
    """

    name: str
    target: str
    when: Guard = attrs.field(converter=lambda value: _sort_guard(value))
    skips: Skips | None = None
    system: str = ""
    label: str = ""


def _sort_guard(value: object) -> Guard:
    return Always() if value == "otherwise" else read_guard(value)


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
    """

    name: str
    points: Term | Guard = attrs.field(converter=read_value)
    when: Guard = attrs.field(default=Always(), converter=read_guard)
    on: str | None = None


@attrs.frozen(kw_only=True)
class StepDef:
    """One numbered step of original processing [S13].

    ``use`` names a built-in step; without it the step is the project's own, found by ``name``.
    ``reads`` and ``writes`` of a built-in step are known and need not be given.
    """

    number: int
    name: str
    use: str = ""
    on_failure: OnFailure | None = None
    reads: tuple[str, ...] = attrs.field(default=(), converter=_names)
    writes: tuple[str, ...] = attrs.field(default=(), converter=_names)
    options: Mapping[str, Any] = attrs.field(factory=dict)
    label: str = ""
