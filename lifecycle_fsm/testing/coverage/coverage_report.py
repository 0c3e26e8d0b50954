"""Coverage as lines for the terminal, as JSON, as an HTML page and as diagrams.

The page fetches nothing, escapes all texts, and pairs colours with symbols.
"""

from __future__ import annotations

import importlib.util
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs

from lifecycle_fsm.checks.finding import person_in_code
from lifecycle_fsm.diagram import Drawing, draw_coverage
from lifecycle_fsm.document.html_page import environment
from lifecycle_fsm.errors import LifecycleError, MissingExtra, suggest
from lifecycle_fsm.files import write_file
from lifecycle_fsm.guard import label
from lifecycle_fsm.guard.printer import text_or_label
from lifecycle_fsm.testing.coverage.measure import (
    KINDS,
    Coverage,
    Item,
    Kind,
    RuleSeen,
    Somebody,
    percent,
    tally,
)
from lifecycle_fsm.wording import clean, counted, decimal_percent, joined, rule_words

#: What the numbers of each kind count.
ROWS: Mapping[Kind, str] = {
    "sorted": "sort rules that were reached",
    "moved": "moves that were fired, out of each stage",
    "guards": "guards seen to hold, and not to hold",
    "conditions": "conditions seen to hold, and not to hold",
    "decided": "conditions that decided alone",
    "refused": "triggers that were refused, in each stage",
}
#: How many missing items of a model the terminal shows; reports have all of them.
MOST = 24
#: How many models are listed one by one; if there are more, each name has one line.
IN_FULL = 3
_WIDE = 46
_SVG = "{http://www.w3.org/2000/svg}"
_MOST_TESTS = 30
#: A suite that makes hundreds of models gets a page of tables only.
_MOST_PICTURES = 12


def total(coverages: Sequence[Coverage]) -> float:
    """The overall percentage: the share of all items in all models that was seen; zero if no model
    ran."""
    if not coverages:
        return 0.0
    return percent(tally(item for coverage in coverages for item in coverage.items))


# ------------------------------------------------------------------ words


def shown_percent(value: float) -> str:
    """With one decimal, rounded down, so that only complete coverage reads 100."""
    return decimal_percent(math.floor(value * 10) / 10)


def heading(coverage: Coverage, rule: RuleSeen) -> str:
    """A rule with its stages: ``qualified_by_score: MAL → MQL, fits and interested``."""
    model, edges = coverage.model, rule.edges
    sources = ", ".join(clean(model.stage(edge.source).display) for edge in edges)
    words = clean(rule_words(edges[0].rule))
    more = f", {words}" if words.replace(" ", "_").lower() != rule.name else ""
    return f"{rule.name}: {sources} → {clean(model.stage(edges[0].target).display)}{more}"


def condition_words(coverage: Coverage, rule: RuleSeen, index: int) -> str:
    """A condition in words: "behavior score ≥ 65"."""
    return clean(label(rule.parts.atoms[index], coverage.model.vocabulary))


def describe(coverage: Coverage, item: Item) -> str:
    """What was not seen, in a sentence without its rule."""
    stage = clean(coverage.model.stage(item.stage).display) if item.stage else ""
    match item.kind:
        case "sorted":
            return "it sorted nobody"
        case "moved":
            return f"it moved nobody out of {stage}"
        case "guards":
            return "its guard never held" if item.side else "its guard was never unmet"
        case "refused":
            return f"it was never refused in {stage}"
    assert item.condition is not None, "an item of a condition names it"
    words = f"“{condition_words(coverage, coverage.by_name[item.rule], item.condition)}”"
    if item.kind == "conditions":
        return f"{words} never held" if item.side else f"{words} was never unmet"
    if item.state == "impossible":
        return f"{words} never decides: without it the guard says the same"
    return f"{words} never decided alone while it {'held' if item.side else 'did not hold'}"


def code(somebody: Somebody) -> str:
    """The person as a line of a test: ``person_in("mql", behavior_score=64)``. Times are relative
    to the instant at which a :class:`~lifecycle_fsm.testing.Clock` starts."""
    text = person_in_code(somebody.stage, somebody.fields)
    if somebody.trigger:
        text += f', asked for "{somebody.trigger}"'
    if somebody.assumed:
        answers = (f"{name} answers {answer}" for name, answer in somebody.assumed.items())
        text += f", if {joined(answers)}"
    return text


def grouped(items: Sequence[Item]) -> Mapping[tuple[str, str], list[Item]]:
    """The items by rule and by the person who would show them, or the reason if there is none."""
    groups: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        who = f"nobody can be named ({item.unknown})" if item.unknown else ""
        if item.shown_by is not None:
            who = code(item.shown_by)
        groups.setdefault((item.rule, who), []).append(item)
    return groups


# ------------------------------------------------------------------ terminal


def summary(coverages: Sequence[Coverage]) -> Iterator[str]:
    """All models under test: a table for each, then what is missing and who would show it."""
    if not coverages:
        yield "no test asked anything of a lifecycle model"
    elif len(coverages) <= IN_FULL:
        for index, coverage in enumerate(coverages):
            if index:
                yield ""
            yield from lines(coverage)
    else:
        by_name: dict[str, list[Coverage]] = {}
        for coverage in coverages:
            by_name.setdefault(coverage.model.name, []).append(coverage)
        for name, group in by_name.items():
            yield f"  {versions(name, len(group)):{_WIDE}}{shown_percent(total(group)):>10}"
        yield "to see what is missing, name the model under test: --lifecycle-cov-model=MODEL"
    if len(coverages) > 1:
        yield ""
        yield f"all {len(coverages)} models: {shown_percent(total(coverages))}"


def versions(name: str, count: int) -> str:
    """The name of a model, and its number of versions."""
    return name if count == 1 else f"{name}, {count} versions"


def lines(coverage: Coverage) -> Iterator[str]:
    """The report of one model."""
    yield f"{coverage.model.name} (version {coverage.model.version})"
    yield f"  {'':{_WIDE}}{'seen':>6}{'of':>6}"
    rows = [(ROWS[kind], coverage.totals[kind]) for kind in KINDS if coverage.totals[kind][1]]
    for words, (seen, of) in [*rows, ("in all", tally(coverage.items))]:
        yield f"  {words:{_WIDE}}{seen:>6}{of:>6}{shown_percent(percent((seen, of))):>10}"
    if coverage.missing:
        yield ""
        yield "  not seen, and who would show it:"
        yield from _missing(coverage)
    if coverage.impossible:
        yield ""
        yield "  proved to be impossible, and not counted:"
        for item in coverage.impossible:
            name = item.rule if item.rule in coverage.by_name else f"the trigger {item.rule}"
            yield f"    {name}: {describe(coverage, item)}"


def _missing(coverage: Coverage) -> Iterator[str]:
    before = ""
    for (name, who), items in grouped(coverage.missing[:MOST]).items():
        if name != before:
            before, rule = name, coverage.by_name.get(name)
            yield f"    {heading(coverage, rule) if rule else f'the trigger {name}'}"
        for item in items:
            yield f"      {describe(coverage, item)}"
        yield f"        → {who}"
    left = len(coverage.missing) - MOST
    if left > 0:
        yield f"    and {left} more: --lifecycle-cov-report html:coverage.html tells them all"


# ------------------------------------------------------------------ JSON


def as_plain(coverages: Sequence[Coverage]) -> dict[str, Any]:
    """All coverages as plain values for JSON."""
    return {"percent": total(coverages), "models": [_model(coverage) for coverage in coverages]}


def _model(coverage: Coverage) -> dict[str, Any]:
    return {
        "name": coverage.model.name,
        "version": coverage.model.version,
        "percent": coverage.percent,
        "totals": {kind: {"seen": seen, "of": of} for kind, (seen, of) in coverage.totals.items()},
        "rules": [rule_as_plain(coverage, rule) for rule in coverage.rules],
        "askings": [attrs.asdict(refusals) for refusals in coverage.refusals],
        "missing": [_item(coverage, item) for item in coverage.missing],
        "impossible": [_item(coverage, item) for item in coverage.impossible],
    }


def rule_as_plain(coverage: Coverage, rule: RuleSeen) -> dict[str, Any]:
    """The coverage of one rule as plain values for JSON."""
    return {
        "name": rule.name,
        "sort": rule.sort,
        "guard": text_or_label(rule.fired[0].edge.when),
        "held": rule.held,
        "unmet": rule.failed,
        "stages": [
            {
                "from": fired.edge.source,
                "to": fired.edge.target,
                "trigger": fired.edge.on,
                "fired": fired.count,
                "tests": list(fired.tests),
            }
            for fired in rule.fired
        ],
        "conditions": [
            {
                "text": text_or_label(atom),
                "label": condition_words(coverage, rule, index),
                "held": shown.held,
                "failed": shown.failed,
                "decided": shown.decided,
            }
            for index, (atom, shown) in enumerate(zip(rule.parts.atoms, rule.evidence, strict=True))
        ],
    }


def _item(coverage: Coverage, item: Item) -> dict[str, Any]:
    somebody = item.shown_by
    return {
        "kind": item.kind,
        "rule": item.rule,
        "stage": item.stage,
        "words": describe(coverage, item),
        "person": attrs.asdict(somebody, value_serializer=_plain) if somebody else None,
        "test": code(somebody) if somebody else None,
        "undecided": item.unknown or None,
    }


def _plain(instance: Any, field: Any, value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


# ------------------------------------------------------------------ HTML and pictures


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
    """The report as one HTML page.

    Raises:
        MissingExtra: Jinja is not installed.
    """
    return (
        environment("lifecycle_fsm.testing.coverage")
        .get_template("coverage.html")
        .render(
            total=shown_percent(total(coverages)),
            models=[
                _shown_model(index, coverage, drawn=len(coverages) <= _MOST_PICTURES)
                for index, coverage in enumerate(coverages)
            ],
        )
    )


def _shown_model(index: int, coverage: Coverage, *, drawn: bool) -> dict[str, Any]:
    """The data of one model for the template."""
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
        "rules": [_shown_rule(coverage, rule, titles[rule.name]) for rule in coverage.rules],
        "askings": [
            (clean(model.stage(stage).display), *counts)
            for stage, *counts in map(attrs.astuple, coverage.refusals)
        ],
    }


def _shown_rule(coverage: Coverage, rule: RuleSeen, title: str) -> dict[str, Any]:
    never = {
        item.condition
        for item in coverage.impossible
        if item.rule == rule.name and item.kind == "decided"
    }
    plain = rule_as_plain(coverage, rule)
    conditions = plain["conditions"]
    alone = len(conditions) == 1  # then it equals the guard
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
    """The diagram as a part of the page; None if drawing is not possible."""
    from markupsafe import Markup

    try:
        svg = draw(coverage).svg(page=True)
    except MissingExtra:
        return None
    return Markup(svg)  # noqa: S704 - texts are escaped


# ------------------------------------------------------------------ writing
#
# The reports that ``--lifecycle-cov-report KIND:FILE`` asks for.


_REPORTS = ("json", "html", "svg")


def read_report(text: str, folder: Path) -> tuple[str, Path]:
    """The kind and the path of a report, relative to the folder in which pytest was called.

    Raises:
        LifecycleError: the option is not ``KIND:FILE``.
        MissingExtra: the report needs a package that is not installed.
    """
    kind, colon, file = text.partition(":")
    if not (colon and file and kind in _REPORTS):
        raise LifecycleError(
            f"--lifecycle-cov-report={text}: write json:FILE, html:FILE or svg:FOLDER"
            f"{suggest(kind, _REPORTS)}"
        )
    if kind == "html" and importlib.util.find_spec("jinja2") is None:
        raise MissingExtra("sheet", "jinja2", f"--lifecycle-cov-report={kind}")
    return kind, folder / file


def write_report(coverages: Sequence[Coverage], kind: str, path: Path) -> list[Path]:
    """Write a report; returns the files that were written.

    Raises:
        FileProblem, OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "svg":
        return _write_pictures(coverages, path)
    if kind == "html":
        text = page(coverages)
    else:
        text = json.dumps(as_plain(coverages), ensure_ascii=False, indent=2) + "\n"
    write_file(path, text)
    return [path]


def _write_pictures(coverages: Sequence[Coverage], folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    # The name of a model may be any text; its file must stay in this folder.
    names = [
        re.sub(r"[^\w-]+", "-", coverage.model.name).strip("-")[:80] or "model"
        for coverage in coverages
    ]
    written = []
    for name, coverage in zip(names, coverages, strict=True):
        # Several versions of one model in one suite each have their own diagram.
        apart = f"-{coverage.model.version}" if names.count(name) > 1 else ""
        written.append(draw(coverage).save(folder / f"{name}{apart}.svg"))
    return written
