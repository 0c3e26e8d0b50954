"""Sizes, strokes and colours; colours show who owns a stage or a move.

Nothing depends on colour alone: cards print their owner, rules its mark, detours are dashed and
labelled, and moves that a human asks for have a small figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import attrs

from lifecycle_fsm.model import Model
from lifecycle_fsm.wording import clean

WIDTH = 1600
"""The widest picture, in pixels; no text on it is smaller than :data:`SMALLEST`."""

MARGIN = 34.0
SMALLEST = 12.0

INK, SOFT, FAINT, PAPER = "#0f172a", "#475569", "#cbd5e1", "#ffffff"
HEADING, RULE = "#5b6b82", "#e2e8f0"


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
    else. Each system has a mark of one or two letters besides its colour.
    """

    def __init__(self, model: Model, *, plain: bool = False) -> None:
        used = [*model.systems, *(stage.system for stage in model.stages)]
        used += [rule.system for rule in model.sort]
        used += [move.system for move in model.moves]
        names = [] if plain else [name for name in dict.fromkeys(used) if name]
        self.systems = {name: _SYSTEMS[index % len(_SYSTEMS)] for index, name in enumerate(names)}
        self.labels = {name: clean(model.systems.get(name, name)) for name in names}
        self.marks = _marks({name: self.labels[name] or name for name in names})
        self.detours = {
            stage.name: NEUTRAL if plain else _DETOURS[index % len(_DETOURS)]
            for index, stage in enumerate(model.detours)
        }
        self._stages = {stage.name: stage.system for stage in model.stages}

    def system(self, name: str) -> Paint:
        """The paint of a system; neutral if the name is empty."""
        return self.systems.get(name, NEUTRAL)

    def stage(self, name: str) -> Paint:
        """The paint of a stage: a detour's own, else that of its system."""
        return self.detours.get(name) or self.system(self._stages.get(name, ""))

    def owner(self, name: str) -> str:
        """The label of the system that owns the stage; empty if there is none."""
        return self.labels.get(self._stages.get(name, ""), "")


def _marks(labels: Mapping[str, str]) -> dict[str, str]:
    """A mark for each system that no other has: a letter of its label, else two, else a number."""
    marks: dict[str, str] = {}
    for name, label in labels.items():
        letters = [word[0] for word in label.split()]
        choices = (letters[0], "".join(letters[:2]), label[:2])
        numbers = map(str, range(1, len(labels) + 1))
        free = (mark.upper() for mark in (*choices, *numbers))
        marks[name] = next(mark for mark in free if mark not in marks.values())
    return marks


# ------------------------------------------------------------------ contrast


def contrast(color: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21, as the Web Content Accessibility Guidelines
    define it: text needs 4.5, a line 3."""
    darker, lighter = sorted((_luminance(color), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    parts = (int(color[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def pt(points: int) -> float:
    """Points as pixels, for font sizes."""
    return points / 0.75
