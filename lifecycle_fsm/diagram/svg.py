"""An SVG for browsers: details of each stage, a dark scheme and a text alternative, by CSS alone.

Graphviz draws the picture. Here its labels are held to their widths, whatever font the browser has;
its own tooltips and ids are taken out, so that a page may show any number of pictures; and a panel
is laid over each box and each move that has details.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from lifecycle_fsm.diagram.look import INK, PAPER, SOFT, recolored
from lifecycle_fsm.diagram.render import FALLBACK_FONTS, FONT, layout, render
from lifecycle_fsm.diagram.spots import Spot
from lifecycle_fsm.diagram.text_fit import escape, wrap
from lifecycle_fsm.model.theme import Theme, luminance

__all__ = ["NIGHT", "dark", "draw_svg"]

NIGHT = "#0f172a"
"""The background of the dark scheme."""

_TINT = 0.03  # luminance of the lightest background in the dark scheme

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_FAMILY = f"'{FONT}', {FALLBACK_FONTS}"
_CLASS = "lifecycle-picture"

_WIDE = (300.0, 420.0, 600.0)  # of a panel
_SIZE, _LINE, _PAD, _APART = 10.0, 13.5, 12.0, 5.0

# Rules for the same class may stand in a page several times: they are the same.
_STYLE = f"""
.{_CLASS} .spot {{ outline: none; pointer-events: all }}
.{_CLASS} .area {{ pointer-events: stroke }}
.{_CLASS} .way, .{_CLASS} .panel {{ pointer-events: none }}
.{_CLASS} .way {{ stroke-width: 7; stroke-linejoin: round }}
.{_CLASS} .spot:hover .way, .{_CLASS} .spot:focus .way {{ stroke-opacity: .3 }}
.{_CLASS} .spot:focus-visible .box {{ stroke-opacity: 1; stroke-width: 3 }}
.{_CLASS} .spot:hover .panel, .{_CLASS} .spot:focus .panel {{ display: inline }}
.{_CLASS} .panel {{ stroke-opacity: 1; stroke-width: 1; font-size: {_SIZE}px }}
.{_CLASS} .panel text {{ stroke: none }}
@media print {{ .{_CLASS} .spot .panel, .{_CLASS} .spot .way {{ display: none }} }}
"""


def draw_svg(
    source: str,
    title: str,
    description: str,
    spots: Iterable[Spot] = (),
    *,
    page: bool = False,
    theme: Theme | None = None,
) -> str:
    """Draw DOT text as an SVG for a browser.

    Args:
        source: the graph in the DOT language.
        title: the name of the picture for a screen reader.
        description: what it shows, in words.
        spots: what shows its texts when it is pointed at or has the focus, in this order.
        page: whether it is a part of a light page: as wide as its place, and never dark.
        theme: its font is tried before the usual ones; a picture on dark paper stays as it is.
    """
    colors = {} if theme is None else recolored(theme)
    theme = theme or Theme()
    # In its JSON, Graphviz miscounts the bytes of a text with a backslash and cuts it off. So an I
    # is measured instead, which is as wide.
    graph = layout(source.replace(escape("\\"), "I"))
    root = ElementTree.fromstring(render(source, "svg"))  # noqa: S314 - Graphviz wrote it
    _fit_labels(root, _label_widths(graph))
    root.set("font-family", f"'{theme.font}', {_FAMILY}" if theme.font else _FAMILY)
    drawn = list(_bare(root))
    root.set("class", _CLASS)
    root[:] = [Element(f"{{{_SVG}}}title"), Element(f"{{{_SVG}}}desc")]
    root[0].text, root[1].text = title, description
    style = SubElement(root, f"{{{_SVG}}}style")
    root.extend(drawn)
    spots = list(spots)
    root.set("role", "group" if spots else "img")
    if spots:
        # The description and the spots give the words of the drawing.
        for part in drawn:
            part.set("aria-hidden", "true")
        _overlay(root, spots, graph, colors)
    style.text = _STYLE
    if page:
        del root.attrib["width"], root.attrib["height"]
    elif luminance(theme.paper) > 0.5:
        style.text += _dark_scheme(root)
    for element in root:
        element.tail = "\n"
    return _to_text(root)


# --- What Graphviz wrote ----------------------------------------------------------------------

# What determines the width of a label: its text, the size, bold, italic.
_Look = tuple[str, float, bool, bool]
_BOLD, _ITALIC = 1, 2


def _label_widths(graph: dict[str, Any]) -> dict[_Look, float]:
    """Read from Graphviz's layout how wide it measured each label."""
    widths: dict[_Look, float] = {}
    for thing in (graph, *graph.get("objects", ()), *graph.get("edges", ())):
        for part, operations in thing.items():
            if not part.endswith("draw_"):
                continue
            size, flags = 0.0, 0
            for operation in operations:
                match operation["op"]:
                    case "F":
                        size = float(operation["size"])
                    case "t":
                        flags = int(operation["fontchar"])
                    case "T":
                        look = (operation["text"], size, bool(flags & _BOLD), bool(flags & _ITALIC))
                        widths[look] = float(operation["width"])
    return widths


def _fit_labels(root: Element, widths: dict[_Look, float]) -> None:
    """Give each label its measured width; the fonts are those of the picture."""
    for label in root.iter(f"{{{_SVG}}}text"):
        for usual in (("font-family", FONT), ("text-anchor", "start")):
            if usual in label.items():
                del label.attrib[usual[0]]
        look = (
            (label.text or "").replace("\\", "I"),
            float(label.get("font-size", 0)),
            label.get("font-weight") == "bold",
            label.get("font-style") == "italic",
        )
        if width := widths.get(look):
            label.set("textLength", f"{width:.2f}")
            label.set("lengthAdjust", "spacingAndGlyphs")


def _bare(parts: Iterable[Element]) -> Iterator[Element]:
    """The parts without Graphviz's groups, tooltips and ids: a reader never gave these names."""
    for part in parts:
        if part.tag == f"{{{_SVG}}}title":
            continue
        if f"{{{_XLINK}}}title" in part.attrib and f"{{{_XLINK}}}href" not in part.attrib:
            part.attrib.clear()
        spaced = " ".join((part.text or "").split()) != part.text
        for key in ("id", "class", *(() if spaced else (_SPACE,))):
            part.attrib.pop(key, None)
        part[:] = _bare(part)
        part.tail = "\n"
        if part.attrib or part.tag not in (f"{{{_SVG}}}g", f"{{{_SVG}}}a"):
            yield part
        else:
            yield from part


# --- Details of a stage or move -----------------------------------------------------------------


def _overlay(
    root: Element, spots: Iterable[Spot], graph: dict[str, Any], colors: Mapping[str, str]
) -> None:
    """Lay a transparent shape over each spot, with its panel.

    They come last, so that a panel covers what is below it.
    """
    _, _, wide, high = map(float, graph["bb"].split(","))
    ink, paper, soft = (colors.get(color, color) for color in (INK, PAPER, SOFT))
    look = {"fill": "none", "stroke": soft, "stroke-opacity": "0", "stroke-width": "12"}
    group = SubElement(root, f"{{{_SVG}}}g", {"role": "list"} | look)
    for spot in spots:
        look = {"class": "spot", "role": "listitem", "tabindex": "0"}
        item = SubElement(group, f"{{{_SVG}}}g", look | {"aria-label": _spoken(spot.texts)})
        if spot.area:
            SubElement(item, f"{{{_SVG}}}path", {"class": "way", "d": spot.way})
            SubElement(item, f"{{{_SVG}}}path", {"class": "area", "d": spot.area})
        else:
            _rect(item, spot.x, spot.y, spot.w, spot.h, **{"class": "box"})
        look = {"class": "panel", "display": "none", "aria-hidden": "true", "fill": soft}
        panel = SubElement(item, f"{{{_SVG}}}g", look)
        width, lines, height = _panel_lines(spot.texts, wide, high)
        left = max(4.0, min(spot.x, wide - width - 4))
        below = spot.y + spot.h + 6
        top = below if below + height <= high else max(4.0, spot.y - height - 6)
        _rect(panel, left, top, width, height, fill=paper)
        at = top + _PAD + _SIZE
        for line, first, bold in lines:
            at += _APART if first and not bold else 0
            place = {"x": _number(left + _PAD), "y": _number(at)}
            bolder = {"font-weight": "bold", "fill": ink} if bold else {}
            SubElement(panel, f"{{{_SVG}}}text", place | bolder).text = line
            at += _LINE


def _panel_lines(
    texts: Sequence[str], wide: float, high: float
) -> tuple[float, list[tuple[str, bool, bool]], float]:
    """The width of a panel, its lines (whether one begins a paragraph, and is bold), its height."""
    for most in _WIDE:  # the narrowest that is not higher than the picture
        width = min(most, wide - 8)
        lines = [
            (line, not number, not place)
            for place, text in enumerate(texts)
            for number, line in enumerate(
                wrap(text, width - 2 * _PAD, _SIZE, lines=40, bold=not place)
            )
        ]
        height = 2 * _PAD + len(lines) * _LINE + (len(texts) - 1) * _APART - 3
        if height <= high - 8:
            break
    return width, lines, height


def _spoken(texts: Sequence[str]) -> str:
    """The paragraphs of a panel for a screen reader."""
    return " ".join(text.rstrip(".") + "." for text in texts)


def _rect(parent: Element, x: float, y: float, w: float, h: float, **look: str) -> None:
    place = {"x": x, "y": y, "width": w, "height": h, "rx": 8.0}
    numbers = {key: _number(value) for key, value in place.items()}
    SubElement(parent, f"{{{_SVG}}}rect", numbers | look)


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


# --- The dark scheme ----------------------------------------------------------------------------


def _dark_scheme(root: Element) -> str:
    """Rules that turn every colour of the picture into its dark one; print is always light."""
    # Graphviz writes white and black by their names.
    named = {"white": "#ffffff", "black": "#000000"}
    used = {
        (kind, color)
        for element in root.iter()
        for kind in ("fill", "stroke")
        if re.fullmatch("#[0-9a-f]{6}|white|black", color := element.get(kind, "").lower())
    }
    rules = (
        f'.{_CLASS} [{kind}="{color}"] {{ {kind}: {dark(named.get(color, color))} }}'
        for kind, color in sorted(used)
    )
    # A text without a colour of its own is black, except in a panel.
    plain = f".{_CLASS} :not(.panel) > text:not([fill]) {{ fill: {dark('#000000')} }}"
    return "\n".join(("@media screen and (prefers-color-scheme: dark) {", plain, *rules, "}\n"))


@cache
def dark(color: str) -> str:
    """The colour for the dark scheme: as far from the dark background as from white before.

    So all contrasts stay as they are, and text that was legible is still so.
    """
    goal = (luminance(NIGHT) + 0.05) * 1.05 / (luminance(color) + 0.05) - 0.05
    if goal <= luminance(NIGHT) + 1e-4:
        return NIGHT
    hue, _, saturation = colorsys.rgb_to_hls(
        *(int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    )
    if goal < _TINT:
        saturation *= 0.45  # a pale tint is far from its grey, a dark one would glare
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        if luminance(_hex(hue, middle, saturation)) < goal:
            low = middle
        else:
            high = middle
    return _hex(hue, high, saturation)


def _hex(hue: float, lightness: float, saturation: float) -> str:
    parts = colorsys.hls_to_rgb(hue, lightness, saturation)
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)


def _to_text(root: Element) -> str:
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _XLINK)
    return ElementTree.tostring(root, encoding="unicode") + "\n"
