"""Coverage as one HTML file: nothing is fetched, texts are escaped, signs stand with colours."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import attrs

from lifecycle_fsm.diagram import Drawing, draw_coverage
from lifecycle_fsm.document.html_page import environment
from lifecycle_fsm.errors import LifecycleError, MissingExtra, suggest
from lifecycle_fsm.files import write_file
from lifecycle_fsm.testing.coverage.coverage_report import (
    ROWS,
    as_plain,
    describe,
    grouped,
    heading,
    rule_as_plain,
    shown_percent,
    total,
)
from lifecycle_fsm.testing.coverage.measure import Coverage, RuleSeen, percent
from lifecycle_fsm.wording import clean, counted

_SVG = "{http://www.w3.org/2000/svg}"
_MOST_TESTS = 30
#: A suite that makes hundreds of models has a page of tables.
_MOST_PICTURES = 12


def draw(coverage: Coverage) -> Drawing:
    """The model's diagram, coloured by what tests have fired."""
    counts = {
        (rule.name, fired.edge.source): fired.count
        for rule in coverage.rules
        for fired in rule.fired
    }
    seen = sum(1 for count in counts.values() if count)
    subtitle = (
        f"{seen} of {len(counts)} rules moved somebody · {shown_percent(coverage.percent)} "
        "of all is covered"
    )
    return draw_coverage(coverage.model, counts, subtitle=subtitle)


def page(coverages: Sequence[Coverage]) -> str:
    """The whole page.

    Raises:
        MissingExtra: Jinja is not installed.
    """
    return (
        environment("lifecycle_fsm.testing.coverage")
        .get_template("coverage.html")
        .render(
            total=shown_percent(total(coverages)),
            models=[
                _model(index, coverage, drawn=len(coverages) <= _MOST_PICTURES)
                for index, coverage in enumerate(coverages)
            ],
        )
    )


def _model(index: int, coverage: Coverage, *, drawn: bool) -> dict[str, Any]:
    """What the template asks of one model."""
    model = coverage.model
    titles = {rule.name: heading(coverage, rule) for rule in coverage.rules}
    missing: dict[str, list[tuple[list[str], str]]] = {}
    for (name, who), items in grouped(coverage.missing).items():
        sentences = [describe(coverage, item) for item in items]
        missing.setdefault(titles.get(name, f"{name}, a trigger"), []).append((sentences, who))
    return {
        "id": f"model-{index}",
        "title": clean(model.title or model.name),
        "name": clean(model.name),
        "version": model.version,
        "percent": shown_percent(coverage.percent),
        "rows": [
            (ROWS[kind], seen, of, shown_percent(percent((seen, of))))
            for kind, (seen, of) in coverage.totals.items()
            if of
        ],
        "picture": _picture(coverage) if drawn else None,
        "missing": list(missing.items()),
        "impossible": [
            (titles.get(item.rule, item.rule), describe(coverage, item))
            for item in coverage.impossible
        ],
        "rules": [_rule(coverage, rule, titles[rule.name]) for rule in coverage.rules],
        "askings": [
            (clean(model.stage(stage).display), *counts)
            for stage, *counts in map(attrs.astuple, coverage.refusals)
        ],
    }


def _rule(coverage: Coverage, rule: RuleSeen, title: str) -> dict[str, Any]:
    never = {
        item.condition
        for item in coverage.impossible
        if item.rule == rule.name and item.kind == "decided"
    }
    plain = rule_as_plain(coverage, rule)
    conditions = plain["conditions"]
    alone = len(conditions) == 1  # then it is the guard
    return plain | {
        "title": title,
        "guard": conditions[0]["label"] if alone else "the whole guard",
        "asked": bool(conditions),
        "fired": [
            {
                "stage": clean(coverage.model.stage(fired.edge.source).display),
                "count": fired.count,
                "tests": fired.tests[:_MOST_TESTS],
                "more": max(0, len(fired.tests) - _MOST_TESTS),
                "by": counted(len(fired.tests), "test"),
            }
            for fired in rule.fired
        ],
        "conditions": [
            condition | {"redundant": index in never}
            for index, condition in enumerate(() if alone else conditions)
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


# ------------------------------------------------------------------ writing
#
# The reports that ``--lifecycle-cov-report KIND:FILE`` asks for.


#: What a kind of report needs beside the package, with the extra that brings it.
_NEEDS = {"json": (), "html": (("jinja2", "sheet"),), "svg": ()}


def read_report(text: str, folder: Path) -> tuple[str, Path]:
    """The kind and the path of a report, which starts at the folder in which pytest was called.

    Raises:
        LifecycleError: the option is not ``KIND:FILE``.
        MissingExtra: the report needs what is not installed.
    """
    kind, colon, file = text.partition(":")
    if not (colon and file and kind in _NEEDS):
        raise LifecycleError(
            f"--lifecycle-cov-report={text}: write json:FILE, html:FILE or svg:FOLDER"
            f"{suggest(kind, _NEEDS)}"
        )
    for module, extra in _NEEDS[kind]:
        if importlib.util.find_spec(module) is None:
            raise MissingExtra(extra, module, f"--lifecycle-cov-report={kind}")
    return kind, folder / file


def write_report(coverages: Sequence[Coverage], kind: str, path: Path) -> list[Path]:
    """Write a report; the files that were written.

    Raises:
        FileProblem, OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "svg":
        return _write_pictures(coverages, path)
    plain = json.dumps(as_plain(coverages), ensure_ascii=False, indent=2)
    write_file(path, page(coverages) if kind == "html" else f"{plain}\n")
    return [path]


def _write_pictures(coverages: Sequence[Coverage], folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    # The name of a model may be any text; that of a file stays in this folder.
    names = [
        re.sub(r"[^\w-]+", "-", coverage.model.name).strip("-")[:80] or "model"
        for coverage in coverages
    ]
    written = []
    for name, coverage in zip(names, coverages, strict=True):
        # Several versions of one model in one suite: each has its picture.
        apart = f"-{coverage.model.version}" if names.count(name) > 1 else ""
        written.append(draw(coverage).save(folder / f"{name}{apart}.svg"))
    return written
