"""What a diagram shows if it is not exactly one model: a part of it, or two models together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, TypeAlias

import attrs

from lifecycle_fsm.diagram.look import Palette
from lifecycle_fsm.errors import LifecycleError, suggest
from lifecycle_fsm.model import Edge, Model, Move, SortRule, Stage
from lifecycle_fsm.wording import clean

#: What became of a stage or a move: added, removed or changed; the empty text is "as before".
Change: TypeAlias = Literal["+", "−", "≠", ""]
#: A move out of one stage: the name of its rule, and where it leads from and to.
EdgeKey: TypeAlias = tuple[str, str, str]


@attrs.frozen
class ChangeText:
    """What became of a rule, a stage or a number, in words: a head, and lines below it.

    ``about`` is the name of the rule or stage; empty for other parts of a model.
    """

    change: Change
    head: str
    lines: tuple[str, ...] = ()
    about: str = ""


@attrs.frozen(kw_only=True, slots=False)
class DrawnModel(Model):
    """The stages and moves that a diagram shows, with everything else of a model, for its words.

    It need not be a lifecycle by itself, so it is not validated, and no person goes through it.

    Args:
        drawn: the moves, each out of one stage, as lines of the diagram; the sort first.
        known: all stages that rules may name.
        focus: what the diagram is limited to, in words; ``centre`` is its stage, if it is one.
        changes: what became of each move in ``drawn``, in a diagram of two models.
        stage_changes: what became of each stage.
        texts: everything that changed, in words.
    """

    drawn: tuple[Edge, ...] = ()
    known: tuple[Stage, ...] = ()
    focus: str = ""
    centre: str = ""
    changes: Mapping[EdgeKey, Change] | None = attrs.field(default=None, eq=False)
    stage_changes: Mapping[str, Change] = attrs.field(factory=dict, eq=False)
    texts: tuple[ChangeText, ...] = ()

    def __attrs_post_init__(self) -> None:
        pass

    @property
    def by_name(self) -> Mapping[str, Stage]:
        """All stages that rules may name, also those that are not drawn."""
        return {stage.name: stage for stage in self.known}

    @property
    def sort_edges(self) -> tuple[Edge, ...]:
        """The drawn rules of the sort."""
        return tuple(edge for edge in self.drawn if isinstance(edge.rule, SortRule))

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The other drawn moves."""
        return tuple(edge for edge in self.drawn if isinstance(edge.rule, Move))


def drawn(model: Model) -> DrawnModel:
    """The whole model, to draw a part of it."""
    if isinstance(model, DrawnModel):
        return model
    parts = {field.name: getattr(model, field.name) for field in attrs.fields(Model)}
    edges = (*model.sort_edges, *model.edges)
    return DrawnModel(**parts, drawn=edges, known=model.stages)


def focused(model: Model, name: str) -> DrawnModel:
    """One stage, detours included, with what leads to it and out of it; or the stages and moves
    that a system owns.

    Processing stays in the picture, where the path begins. The list of the sort stays whole if any
    of its rules is drawn, because their order matters.

    Raises:
        LifecycleError: neither a stage nor a system has that name; the message suggests the
            nearest.
    """
    whole = drawn(model)
    systems = Palette(model).labels
    if name in {stage.name for stage in model.stages}:
        kept = [edge for edge in whole.drawn if name in (edge.source, edge.target)]
        shown, words, centre = {name}, clean(model.stage(name).display), name
    elif name in systems:
        kept = [edge for edge in whole.drawn if edge.rule.system == name]
        shown = {stage.name for stage in model.stages if stage.system == name}
        words, centre = systems[name], ""
    else:
        there = [*(stage.name for stage in model.stages), *systems]
        raise LifecycleError(
            f"the model {model.name!r} has no stage, detour or system named {name!r}"
            f"{suggest(name, there)}; there are {', '.join(there)}"
        )
    names = shown | {edge.name for edge in kept}
    shown |= {end for edge in kept for end in (edge.source, edge.target)} | {model.initial.name}
    if len(shown & set(model.ranks)) < 2:
        shown.add(model.path[1].name)
    sort = whole.sort if any(isinstance(edge.rule, SortRule) for edge in kept) else ()
    return attrs.evolve(
        whole,
        stages=tuple(stage for stage in whole.stages if stage.name in shown),
        moves=tuple(_moves(whole, kept)),
        sort=sort,
        drawn=tuple(kept),
        texts=tuple(text for text in whole.texts if text.about in names),
        focus=words,
        centre=centre,
    )


def _moves(model: Model, kept: Iterable[Edge]) -> Iterator[Move]:
    """The moves that are drawn, out of the stages from which they are drawn."""
    kept = list(kept)
    for move in model.moves:
        sources = tuple(edge.source for edge in kept if edge.rule is move)
        if sources:
            yield move if len(sources) == len(move.sources) else attrs.evolve(move, sources=sources)
