"""An SVG for browsers: details of each stage, a dark scheme and a text alternative, by CSS alone.

Graphviz draws the picture. Here its labels are held to their widths, whatever font the browser has;
its own tooltips and ids are taken out, so that a page may show any number of pictures; and a panel
is laid over each box that has details.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from lifecycle_fsm.diagram.look import INK, PAPER, SOFT, recolored
from lifecycle_fsm.diagram.render import FALLBACK_FONTS, FONT, layout, render
from lifecycle_fsm.diagram.text_fit import escape, wrap
from lifecycle_fsm.model.theme import Theme, luminance

__all__ = ["NIGHT", "dark", "draw_svg"]

NIGHT = "#0f172a"
"""The background of the dark scheme."""

_TINT = 0.03  # luminance of the lightest background in the dark scheme

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_FAMILY = f"'{FONT}', {FALLBACK_FONTS}"
_CLASS = "lifecycle-picture"
# Rules for the same class may stand in a page several times: they are the same.
_STYLE = f"""
.{_CLASS} .stage {{ outline: none }}
.{_CLASS} .stage:hover .panel, .{_CLASS} .stage:focus .panel {{ display: inline }}
.{_CLASS} .stage:focus-visible .spot {{ stroke-width: 3 }}
@media print {{ .{_CLASS} .stage .panel {{ display: none }} }}
"""


def draw_svg(
    source: str,
    title: str,
    description: str,
    details: Mapping[str, Sequence[str]],
    *,
    page: bool = False,
    theme: Theme | None = None,
) -> str:
    """Draw DOT text as an SVG for a browser.

    Args:
        source: the graph in the DOT language.
        title: the name of the picture for a screen reader.
        description: what it shows, in words.
        details: for each named box, the paragraphs that are shown when it is pointed at or has the
            focus, the first of which is its heading. Boxes have the focus in this order.
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
    _strip(root)
    drawn = list(root)
    root.set("class", _CLASS)
    root[:] = [Element(f"{{{_SVG}}}title"), Element(f"{{{_SVG}}}desc")]
    root[0].text, root[1].text = title, description
    style = SubElement(root, f"{{{_SVG}}}style")
    root.extend(drawn)
    boxes = {name: box for name, box in _boxes(graph) if details.get(name)}
    if boxes:
        # The description and the stages give the words of the drawing.
        root.set("role", "group")
        for part in drawn:
            part.set("aria-hidden", "true")
        names = [name for name in details if name in boxes]
        _overlay(root, [(boxes[name], details[name]) for name in names], graph, colors)
    else:
        root.set("role", "img")
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


def _strip(root: Element) -> None:
    """Take out Graphviz's tooltips and ids: a reader never gave these names."""
    for part in list(root.iter(f"{{{_SVG}}}g")):
        for key in ("id", "class"):
            part.attrib.pop(key, None)
        for child in list(part):
            if child.tag == f"{{{_SVG}}}title" or (not len(child) and child.tag == part.tag):
                part.remove(child)
            elif child.tag == f"{{{_SVG}}}a" and f"{{{_XLINK}}}href" not in child.attrib:
                child.tag, child.attrib = part.tag, {}


def _boxes(graph: dict[str, Any]) -> Iterator[tuple[str, tuple[float, float, float, float]]]:
    """The name of each node, with its left and upper edge, width and height in the SVG."""
    _, _, _, high = _bounds(graph)
    for node in graph.get("objects", ()):
        if "pos" in node:
            x, y = map(float, node["pos"].split(","))
            w, h = 72 * float(node["width"]), 72 * float(node["height"])
            yield node["name"], (x - w / 2, high - y - h / 2, w, h)


def _bounds(graph: dict[str, Any]) -> tuple[float, float, float, float]:
    left, bottom, right, top = map(float, graph["bb"].split(","))
    return left, bottom, right, top


# --- Details of a stage -------------------------------------------------------------------------

_WIDE = (300.0, 420.0, 600.0)
_SIZE, _LINE, _PAD, _APART = 10.0, 13.5, 12.0, 5.0


def _overlay(
    root: Element,
    stages: Sequence[tuple[tuple[float, float, float, float], Sequence[str]]],
    graph: dict[str, Any],
    colors: Mapping[str, str],
) -> None:
    """Lay a spot over each box that can be pointed at, with its panel.

    The spots come last, so that a panel covers what is below it.
    """
    _, _, wide, high = _bounds(graph)
    ink, paper, soft = (colors.get(color, color) for color in (INK, PAPER, SOFT))
    group = SubElement(root, f"{{{_SVG}}}g", {"role": "list"})
    for (x, y, w, h), texts in stages:
        stage = SubElement(
            group,
            f"{{{_SVG}}}g",
            {"class": "stage", "role": "listitem", "tabindex": "0", "aria-label": _spoken(texts)},
        )
        _rect(stage, x, y, w, h, stroke=soft, fill=paper, **{"class": "spot", "fill-opacity": "0",
              "stroke-width": "0"})  # fmt: skip
        panel = SubElement(
            stage,
            f"{{{_SVG}}}g",
            {"class": "panel", "display": "none", "pointer-events": "none", "aria-hidden": "true"},
        )
        width, lines, height = _panel_lines(texts, wide, high)
        left = max(4.0, min(x, wide - width - 4))
        below = y + h + 6
        top = below if below + height <= high else max(4.0, y - height - 6)
        _rect(panel, left, top, width, height, fill=paper, stroke=soft)
        at = top + _PAD + _SIZE
        for line, first, bold in lines:
            at += _APART if first and not bold else 0
            look = {"x": _number(left + _PAD), "y": _number(at), "font-size": _number(_SIZE)}
            look |= {"font-weight": "bold", "fill": ink} if bold else {"fill": soft}
            SubElement(panel, f"{{{_SVG}}}text", look).text = line
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
    used = {
        (kind, color)
        for element in root.iter()
        for kind in ("fill", "stroke")
        if re.fullmatch("#[0-9a-f]{6}", color := element.get(kind, "").lower())
    }
    # Graphviz writes white and black by their names.
    named = {"white": "#ffffff", "black": "#000000"}
    used |= {
        (kind, name)
        for element in root.iter()
        for kind in ("fill", "stroke")
        if (name := element.get(kind, "")) in named
    }
    rules = (
        f'.{_CLASS} [{kind}="{color}"] {{ {kind}: {dark(named.get(color, color))} }}'
        for kind, color in sorted(used)
    )
    # A text without a colour of its own is black.
    plain = f".{_CLASS} text:not([fill]) {{ fill: {dark('#000000')} }}"
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
