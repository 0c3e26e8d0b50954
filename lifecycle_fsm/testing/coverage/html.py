"""Coverage as one HTML file: nothing is fetched, texts are escaped, signs stand with colours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from lifecycle_fsm.errors import MissingExtra
from lifecycle_fsm.testing.coverage import words
from lifecycle_fsm.testing.coverage.measure import KINDS, Coverage, Item, RuleSeen, percent
from lifecycle_fsm.testing.coverage.report import total
from lifecycle_fsm.testing.coverage.terminal import grouped
from lifecycle_fsm.wording import clean, counted

if TYPE_CHECKING:
    from jinja2 import Environment

_SVG = "{http://www.w3.org/2000/svg}"
_MOST_TESTS = 30
#: A suite that makes hundreds of models has a page of tables.
_MOST_PICTURES = 12


def page(coverages: Sequence[Coverage]) -> str:
    """The whole page.

    Raises:
        MissingExtra: Jinja is not installed.
    """
    return (
        _environment()
        .get_template("coverage.html")
        .render(
            total=words.shown_percent(total(coverages)),
            models=[
                _Shown(place, one, drawn=len(coverages) <= _MOST_PICTURES)
                for place, one in enumerate(coverages)
            ],
        )
    )


class _Shown:
    """What the template asks of one model."""

    def __init__(self, place: int, coverage: Coverage, *, drawn: bool) -> None:
        model = coverage.model
        self.id = f"model-{place}"
        self.title = clean(model.title or model.name)
        self.name, self.version = clean(model.name), model.version
        self.percent = words.shown_percent(coverage.percent)
        self.rows = [
            (words.ROWS[kind], seen, of, words.shown_percent(percent((seen, of))))
            for kind in KINDS
            for seen, of in (coverage.totals[kind],)
            if of
        ]
        self.picture = _picture(coverage) if drawn else None
        titles = {one.name: words.heading(coverage, one) for one in coverage.rules}
        self.missing = [
            (titles.get(rule, f"{rule}, a trigger"),
             [(_said(coverage, group), words.who(group[0])) for group in groups])
            for rule, groups in _by_rule(grouped(coverage.missing)).items()
        ]  # fmt: skip
        self.impossible = [
            (titles.get(one.rule, one.rule), words.said(coverage, one))
            for one in coverage.impossible
        ]
        self.rules = [_rule(coverage, one, titles[one.name]) for one in coverage.rules]
        self.askings = [
            (clean(model.stage(one.stage).display), one.trigger, one.refused, one.no_such_move)
            for one in coverage.refusals
        ]


def _by_rule(groups: Sequence[list[Item]]) -> dict[str, list[list[Item]]]:
    found: dict[str, list[list[Item]]] = {}
    for group in groups:
        found.setdefault(group[0].rule, []).append(group)
    return found


def _said(coverage: Coverage, items: Sequence[Item]) -> list[str]:
    return [words.said(coverage, one) for one in items]


def _rule(coverage: Coverage, rule: RuleSeen, title: str) -> dict[str, Any]:
    never = {
        one.condition
        for one in coverage.impossible
        if one.rule == rule.name and one.kind == "decided"
    }
    alone = len(rule.parts.atoms) == 1  # then it is the guard
    return {
        "title": title,
        "guard": words.condition_words(coverage, rule, 0) if alone else "the whole guard",
        "asked": bool(rule.parts.atoms),
        "held": rule.held,
        "failed": rule.failed,
        "fired": [
            {
                "stage": clean(coverage.model.stage(one.edge.source).display),
                "count": one.count,
                "tests": one.tests[:_MOST_TESTS],
                "more": max(0, len(one.tests) - _MOST_TESTS),
                "by": counted(len(one.tests), "test"),
            }
            for one in rule.fired
        ],
        "conditions": [
            {
                "words": words.condition_words(coverage, rule, index),
                "held": shown.held,
                "failed": shown.failed,
                "decided": shown.decided or ("never can" if index in never else ""),
                "redundant": index in never,
            }
            for index, shown in enumerate(() if alone else rule.evidence)
        ],
    }


def _picture(coverage: Coverage) -> Any:
    """The diagram as a part of the page; nothing where there is nothing to draw with."""
    from markupsafe import Markup

    from lifecycle_fsm.testing.coverage.picture import draw

    try:
        svg = draw(coverage).svg()
    except MissingExtra:
        return None
    root = ElementTree.fromstring(svg)  # noqa: S314 - we wrote it a moment ago
    for size in ("width", "height"):
        root.attrib.pop(size, None)
    for part in root.iter(f"{_SVG}g"):
        # Of what Graphviz says of its parts nothing may stand beside the pointer, or twice.
        part.attrib.pop("id", None)
        part.attrib.pop("class", None)
        for title in part.findall(f"{_SVG}title"):
            part.remove(title)
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # noqa: S704 - texts are escaped


@cache
def _environment() -> Environment:
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError:
        raise MissingExtra("sheet", "jinja2", "a page of coverage") from None
    return Environment(
        loader=PackageLoader("lifecycle_fsm.testing.coverage"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
