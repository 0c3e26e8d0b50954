"""Sizes, strokes and colours; colours show who owns a stage or a move.

Nothing depends on colour alone: cards print their owner, rules its mark, detours are dashed and
labelled, and moves that a human asks for have a small figure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, TypeVar, cast

import attrs

from lifecycle_fsm.model import Model, Theme
from lifecycle_fsm.model.theme import mixed
from lifecycle_fsm.wording import clean

WIDTH = 1600
"""The widest picture, in pixels; no text on it is smaller than :data:`SMALLEST`."""

MARGIN = 34.0
SMALLEST = 12.0

_USUAL = Theme()
INK, PAPER, HEADING = _USUAL.ink, _USUAL.paper, _USUAL.accent
SOFT, FAINT, RULE = "#475569", "#cbd5e1", "#e2e8f0"


T = TypeVar("T")
Dash: TypeAlias = Literal["solid", "dashed", "dotted"]


@attrs.frozen
class Stroke:
    """How a line is drawn; its width is in pixels."""

    color: str = INK
    width: float = 1.6
    dash: Dash = "solid"


@attrs.frozen
class Paint:
    """A strong colour for lines and text, and a tint of it for backgrounds."""

    line: str
    tint: str


NEUTRAL = Paint("#334155", "#f8fafc")
SEEN = Paint("#0f766e", "#effcf9")
"""What tests have fired, in a coverage diagram; marked with ✓."""
PARTLY = Paint("#a16207", "#fefce8")
"""Lines of which tests have fired some rules."""
UNSEEN = Paint("#b91c1c", "#fef3f2")
"""What no test has fired; marked with ×, on a dotted line."""
AS_BEFORE = Paint("#64748b", "#f8fafc")
"""What is as before, in a diagram of two models."""
MARKS = {"✓": SEEN, "×": UNSEEN, "+": SEEN, "−": UNSEEN, "≠": PARTLY, "": AS_BEFORE}
"""The paints of what a mark tells apart: fired or not, or added, removed and changed."""

# Colours differ in lightness too, for a reader who sees no hues; each is legible as text.
_SYSTEMS = (
    Paint("#6d28d9", "#f6f3ff"),  # violet: marketing automation comes first
    Paint("#1d4ed8", "#eef5ff"),  # blue: the CRM
    Paint("#0f766e", "#effcf9"),  # teal
    Paint("#a21caf", "#fdf4ff"),
    Paint("#4d7c0f", "#f7fde8"),
    Paint("#0e7490", "#ecfdff"),
    Paint("#1e1b4b", "#eef0ff"),  # navy
    Paint("#be185d", "#fdf2f8"),
    Paint("#14532d", "#effcf3"),
    Paint("#92400e", "#fff8eb"),
    Paint("#4c0519", "#fff1f3"),
    Paint("#4b5563", "#f5f6f8"),
)
_DETOURS = (
    Paint("#b45309", "#fff9ec"),  # amber
    Paint("#b91c1c", "#fef3f2"),  # red
    Paint("#57534e", "#f7f6f4"),  # stone
    Paint("#9d174d", "#fdf2f7"),
    Paint("#713f12", "#faf5e8"),
    Paint("#3f6212", "#f7fde8"),
    Paint("#155e75", "#ecfdff"),
    Paint("#6b21a8", "#faf5ff"),
    Paint("#c2410c", "#fff6ed"),
    Paint("#164e40", "#effcf7"),
)


class Palette:
    """The colours of one model: systems and detours in the order of their declaration.

    A ``plain`` palette has no colours of its own, for diagrams in which colour means something
    else; ``marked`` are the stages that have a colour there. Each system has a mark of one or two
    letters besides its colour.
    """

    def __init__(
        self, model: Model, *, plain: bool = False, marked: Mapping[str, Paint] | None = None
    ) -> None:
        used = [*model.systems, *(stage.system for stage in model.stages)]
        used += [rule.system for rule in model.sort]
        used += [move.system for move in model.moves]
        names = [] if plain else [name for name in dict.fromkeys(used) if name]
        self.systems = {name: _SYSTEMS[index % len(_SYSTEMS)] for index, name in enumerate(names)}
        if (theme := model.theme) is not None:
            for name, paint in self.systems.items():
                color = theme.systems.get(name) or theme.legible(paint.line)
                self.systems[name] = Paint(color, theme.tint(color))
        self.labels = {name: clean(model.systems.get(name, name)) for name in names}
        self.marks = _marks({name: self.labels[name] or name for name in names})
        self.detours = {
            stage.name: NEUTRAL if plain else _DETOURS[index % len(_DETOURS)]
            for index, stage in enumerate(model.detours)
        }
        self._marked = marked or {}
        self._stages = {stage.name: stage.system for stage in model.stages}

    def system(self, name: str) -> Paint:
        """The paint of a system; neutral if the name is empty."""
        return self.systems.get(name, NEUTRAL)

    def stage(self, name: str) -> Paint:
        """The paint of a stage: a detour's own, else that of its system."""
        if name in self._marked:
            return self._marked[name]
        return self.detours.get(name) or self.system(self._stages.get(name, ""))

    def owner(self, name: str) -> str:
        """The label of the system that owns the stage; empty if there is none."""
        return self.labels.get(self._stages.get(name, ""), "")


def _marks(labels: Mapping[str, str]) -> dict[str, str]:
    """A mark for each system that no other has: a letter of its label, else two, else a number."""
    marks: dict[str, str] = {}
    for name, label in labels.items():
        parts = re.findall(r"[^\W_]+", label) or ["1"]
        choices = (parts[0][0], "".join(part[0] for part in parts[:2]), "".join(parts)[:2])
        numbers = map(str, range(1, len(labels) + 1))
        free = (mark.upper() for mark in (*choices, *numbers))
        marks[name] = next(mark for mark in free if mark not in marks.values())
    return marks


def recolored(theme: Theme) -> Mapping[str, str]:
    """The colours of a theme, by the colours that everything is drawn in first.

    The usual colours of detours and systems move towards the ink where they are not legible.
    """
    colors = {INK: theme.ink, PAPER: theme.paper, HEADING: theme.accent}
    for color, share in ((SOFT, 0.24), (FAINT, 0.8), (RULE, 0.88)):
        colors[color] = mixed(theme.ink, theme.paper, share)
    colors[SOFT] = theme.legible(colors[SOFT])
    for paint in (*_SYSTEMS, *_DETOURS, NEUTRAL, SEEN, PARTLY, UNSEEN):
        colors[paint.line] = theme.legible(paint.line)
        colors[paint.tint] = theme.tint(colors[paint.line])
    return colors


_COLORS = {"color", "fill", "line", "tint", "ink", "paper"}
"""The fields of records that are colours."""


def repainted(record: T, colors: Mapping[str, str]) -> T:
    """A record, or several of them, in other colours, with the records in it."""
    changed: Any = record
    if isinstance(record, list | tuple):
        changed = type(record)(repainted(part, colors) for part in record)
    elif attrs.has(type(changed)):
        values = {field.name: getattr(record, field.name) for field in attrs.fields(type(changed))}
        changes = {
            name: colors.get(value, value) if name in _COLORS else repainted(value, colors)
            for name, value in values.items()
        }
        changed = attrs.evolve(changed, **changes)
    return cast(T, changed)


def themed(model: Model, theme: Theme | None) -> Model:
    """The model with the theme, if there is one.

    Raises:
        ModelError: the theme has a colour that is not legible, or that of an unknown system.
    """
    return model if theme is None else attrs.evolve(model, theme=theme)


def pt(points: int) -> float:
    """Points as pixels, for font sizes."""
    return points / 0.75
