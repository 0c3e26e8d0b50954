"""Coverage as one HTML file: nothing is fetched, texts are escaped, signs stand with colours."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from xml.etree import ElementTree

import attrs

from lifecycle_fsm.diagram import Drawing, draw_coverage
from lifecycle_fsm.errors import LifecycleError, MissingExtra, suggest
from lifecycle_fsm.files import write_file
from lifecycle_fsm.testing.coverage import words
from lifecycle_fsm.testing.coverage.coverage_report import total, write_json
from lifecycle_fsm.testing.coverage.measure import KINDS, Coverage, Item, RuleSeen, percent
from lifecycle_fsm.testing.coverage.terminal import grouped
from lifecycle_fsm.wording import clean, counted

if TYPE_CHECKING:
    from jinja2 import Environment


# ------------------------------------------------------------------ picture
#
# The model's diagram, coloured by what tests have fired.


def draw(coverage: Coverage, *, title: str | None = None) -> Drawing:
    """Draw it."""
    fired = {
        (rule.name, one.edge.source): one.count for rule in coverage.rules for one in rule.fired
    }
    seen = sum(1 for count in fired.values() if count)
    said = f"{seen} of {len(fired)} rules moved somebody · {words.shown_percent(coverage.percent)} "
    return draw_coverage(coverage.model, fired, title=title, subtitle=f"{said}of all is covered")


# ------------------------------------------------------------------ html


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
            (
                clean(model.stage(refusal.stage).display),
                refusal.trigger,
                refusal.refused,
                refusal.no_such_move,
            )
            for refusal in coverage.refusals
        ]


def _by_rule(groups: Sequence[list[Item]]) -> dict[str, list[list[Item]]]:
    found: dict[str, list[list[Item]]] = {}
    for group in groups:
        found.setdefault(group[0].rule, []).append(group)
    return found


def _said(coverage: Coverage, items: Sequence[Item]) -> list[str]:
    return [words.said(coverage, item) for item in items]


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


# ------------------------------------------------------------------ writing
#
# The reports that ``--lifecycle-cov-report KIND:FILE`` asks for.


#: Writes all coverages, and returns what there is to say about it.
Writer: TypeAlias = Callable[[Sequence[Coverage], Path], list[str]]


@attrs.frozen
class CoverageReport:
    """One report that was asked for."""

    kind: str
    path: Path

    def write(self, coverages: Sequence[Coverage]) -> list[str]:
        """Write it; what there is to say about it, in lines.

        Raises:
            FileProblem, OSError: it cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return _WRITERS[self.kind](coverages, self.path)


def read_reports(given: Iterable[str], folder: Path) -> tuple[CoverageReport, ...]:
    """The reports of the options, their paths from the folder in which pytest was called.

    Raises:
        LifecycleError: one is not ``KIND:FILE``.
        MissingExtra: one needs what is not installed.
    """
    return tuple(_read(one, folder) for one in given)


def _read(text: str, folder: Path) -> CoverageReport:
    kind, colon, file = text.partition(":")
    if not (colon and file and kind in _WRITERS):
        near = suggest(kind, _WRITERS)
        raise LifecycleError(
            f"--lifecycle-cov-report={text}: write json:FILE, html:FILE or svg:FOLDER{near}"
        )
    for module, extra in _NEEDS.get(kind, ()):
        if importlib.util.find_spec(module) is None:
            raise MissingExtra(extra, module, f"--lifecycle-cov-report={kind}")
    return CoverageReport(kind, folder / file)


def _json(coverages: Sequence[Coverage], path: Path) -> list[str]:
    write_json(coverages, path)
    return [f"written: {path}"]


def _html(coverages: Sequence[Coverage], path: Path) -> list[str]:

    write_file(path, page(coverages))
    return [f"written: {path}"]


def _svg(coverages: Sequence[Coverage], path: Path) -> list[str]:

    path.mkdir(parents=True, exist_ok=True)
    said = []
    names = [_file_name(one.model.name) for one in coverages]
    for name, coverage in zip(names, coverages, strict=True):
        # Several versions of one model in one suite: each has its picture.
        apart = f"-{coverage.model.version}" if names.count(name) > 1 else ""
        said.append(f"written: {draw(coverage).save(path / f'{name}{apart}.svg')}")
    return said


def _file_name(name: str) -> str:
    """The name of a model, which may be any text, as that of a file in this folder."""
    return re.sub(r"[^\w-]+", "-", name).strip("-")[:80] or "model"


_WRITERS: Mapping[str, Writer] = {"json": _json, "html": _html, "svg": _svg}
_NEEDS: Mapping[str, tuple[tuple[str, str], ...]] = {"html": (("jinja2", "sheet"),)}
