"""The colours and the font of a company, for the pictures and sheets of its model."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

import attrs

from lifecycle_fsm.errors import Problem, suggest
from lifecycle_fsm.model.name_resolution import Frozen

_COLOR = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)
_FONT = re.compile(r"\w[\w -]*")
_TEXT = 4.5  # the contrast that text needs
_TINT = 0.94  # how much paper is in the background of a card


def _mapping(value: Mapping[str, str]) -> Mapping[str, str]:
    return Frozen(value)


@attrs.frozen(kw_only=True)
class Theme:
    """How pictures and sheets look; display only, so it does not change a model's version.

    Args:
        ink: the colour of text.
        paper: the background.
        accent: the colour of headings and of the bars over groups of stages.
        font: the font family; by default, one that comes with the package.
        systems: the colours of systems, by name; others keep their usual colour.
    """

    ink: str = "#0f172a"
    paper: str = "#ffffff"
    accent: str = "#5b6b82"
    font: str = ""
    systems: Mapping[str, str] = attrs.field(factory=dict, converter=_mapping)

    def faults(self, systems: Collection[str]) -> Iterator[Problem]:
        """What is no colour or font, is not legible, or names none of the systems."""
        colors = {"ink": self.ink, "accent": self.accent}
        colors |= {f"systems {name}": color for name, color in self.systems.items()}
        for name, color in {"paper": self.paper, **colors}.items():
            if not _COLOR.fullmatch(str(color)):
                message = f"{color!r} is no colour: write it as #rrggbb, such as #1d4ed8"
                yield Problem(f"theme, {name}", message)
            elif name != "paper" and _COLOR.fullmatch(str(self.paper)):
                yield from self._illegible(name, color)
        for name in self.systems:
            if name not in systems:
                yield Problem(f"theme, systems {name}", f"no such system{suggest(name, systems)}")
        if self.font and not _FONT.fullmatch(self.font):
            message = f"{self.font!r} is no font family: write its name, such as Source Sans 3"
            yield Problem("theme, font", message)

    def _illegible(self, name: str, color: str) -> Iterator[Problem]:
        """A colour without the contrast that text needs, on the paper and on a tint of itself."""
        ground = mixed(color, self.paper, _TINT) if name.startswith("systems") else self.paper
        reached = contrast(color, ground)
        if reached < _TEXT:
            change = "darker" if luminance(self.paper) > 0.18 else "lighter"
            yield Problem(
                f"theme, {name}",
                f"{color} has a contrast of {reached:.2f} on {ground}, and text needs {_TEXT}: "
                f"choose a {change} colour",
            )

    def tint(self, color: str) -> str:
        """The background of what has the colour."""
        return mixed(color, self.paper, _TINT)

    def legible(self, color: str) -> str:
        """The colour, or one nearer to the ink that is legible on the paper."""
        steps = (mixed(color, self.ink, step / 10) for step in range(11))
        return next((step for step in steps if contrast(step, self.tint(step)) >= _TEXT), self.ink)


def contrast(color: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21, as the Web Content Accessibility Guidelines
    define it: text needs 4.5, a line 3."""
    darker, lighter = sorted((luminance(color), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color: str) -> float:
    """How light a colour is, from 0 to 1."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (part / 255 for part in _parts(color))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def mixed(color: str, other: str, share: float) -> str:
    """The colour with a share of another."""
    pairs = zip(_parts(color), _parts(other), strict=True)
    return "#" + "".join(f"{round(part + (goal - part) * share):02x}" for part, goal in pairs)


def _parts(color: str) -> tuple[int, int, int]:
    red, green, blue = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    return red, green, blue
