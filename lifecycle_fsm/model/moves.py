"""Stages, and the moves between them: step, fast track, detour and return [S6].

A move is declared between stages; an edge is one move out of one stage, resolved.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs

from lifecycle_fsm.errors import ModelError, Problem
from lifecycle_fsm.guard import Always, Guard
from lifecycle_fsm.history import MoveKind
from lifecycle_fsm.model.conversions import Set, read_guard, read_sets

if TYPE_CHECKING:
    from lifecycle_fsm.model.sort import SortRule

Skips: TypeAlias = Literal["passed_over", "no_credit"]
Mail: TypeAlias = Literal["nurture", "paused", "suspended"]


def stage_name(value: str | Stage) -> str:
    """The name of a stage, from a name or a stage."""
    return value.name if isinstance(value, Stage) else value


def stage_names(value: str | Stage | Stages | Iterable[str | Stage]) -> tuple[str, ...]:
    """The names of one or more stages, in any notation."""
    if isinstance(value, Stage | Stages):
        return tuple(stage.name for stage in value.sources)
    return (value,) if isinstance(value, str) else tuple(map(stage_name, value))


class _Origin:
    """Where moves start: one stage, or several joined with ``|``."""

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
            ModelError: the target is not a detour stage.
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

    The order of the path stages in a model is their rank; original processing happens in the first.
    ``off_path`` makes a detour stage. ``mail`` says what marketing mail does while a person is here
    [S12]. The other values are display only [S28]: ``title`` is the short name on a card ("MQL"),
    ``label`` the long one, ``system`` the owner of the stage, ``group`` its part of the funnel,
    ``playbook`` what its owner does with a person here.
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
        """The stage itself, as the start of moves."""
        return (self,)

    @property
    def display(self) -> str:
        """The short name for display: the title, or the name as a word or an abbreviation."""
        if self.title:
            return self.title
        return (
            self.name.upper() if len(self.name) <= 3 else self.name.replace("_", " ").capitalize()
        )


@attrs.frozen
class Stages(_Origin):
    """Several stages that the same move leaves: ``(mql | sal).detour(recycled, …)``."""

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
        when: its guard; if omitted, the move is open to everyone.
        on: the process trigger that a human raises. Without it, the move is a *system* move, taken
            as soon as its guard holds.
        name: unique in the model, and used in the history; by default made from the stages.
        priority: among the moves of one stage, smaller ones are tried first [S8].
        skips: what a fast track declares about the stages that it skips: ``passed_over`` or
            ``no_credit``.
        then: effects, applied with the move.
        system: the owner of the move; display only, as is ``label``, its text in a diagram.
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
    """A move as a message writes it: ``mql | sal -> recycled``."""
    return f"{' | '.join(sources)} -> {target}"


@attrs.frozen
class Edge:
    """One move out of one stage, resolved: what the machine fires and the diagram draws.

    ``passed`` are the path stages that it skips; ``credit`` says whether those count as passed over
    [S6].
    """

    rule: Move | SortRule
    source: str
    target: str
    kind: MoveKind
    passed: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of its move or sort rule, as in the history."""
        return self.rule.name

    @property
    def when(self) -> Guard:
        """Its guard."""
        return self.rule.when

    @property
    def on(self) -> str | None:
        """The process trigger, or ``None`` for a system move [S7]."""
        return self.rule.on if isinstance(self.rule, Move) else None

    @property
    def credit(self) -> bool:
        """Whether the stages that it skips count as passed over [S26]."""
        return self.rule.skips != "no_credit"
