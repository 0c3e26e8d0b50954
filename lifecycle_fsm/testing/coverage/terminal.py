"""The summary in the terminal: a table for each model, then what is missing, and who shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lifecycle_fsm.testing.coverage import words
from lifecycle_fsm.testing.coverage.coverage_report import total
from lifecycle_fsm.testing.coverage.measure import KINDS, Coverage, Item, percent, tally

MOST = 24
"""So many missing things of a model are told; reports have them all."""

IN_FULL = 3
"""So many models are told one by one; of more there is a line for each name."""

_WIDE = 46


def summary(coverages: Sequence[Coverage]) -> Iterator[str]:
    """What is said of all models under test."""
    if not coverages:
        yield "no test asked anything of a lifecycle model"
    elif len(coverages) <= IN_FULL:
        for place, coverage in enumerate(coverages):
            if place:
                yield ""
            yield from lines(coverage)
    else:
        yield from _names(coverages)
    if len(coverages) > 1:
        yield ""
        yield f"all {len(coverages)} models: {words.shown_percent(total(coverages))}"


def _names(coverages: Sequence[Coverage]) -> Iterator[str]:
    by_name: dict[str, list[Coverage]] = {}
    for one in coverages:
        by_name.setdefault(one.model.name, []).append(one)
    for name, group in by_name.items():
        share = words.shown_percent(total(group))
        yield f"  {versions(name, len(group)):{_WIDE}}{share:>10}"
    yield "to see what is missing, name the model under test: --lifecycle-cov-model=MODEL"


def versions(name: str, count: int) -> str:
    """A model, and of how many versions."""
    return name if count == 1 else f"{name}, {count} versions"


def lines(coverage: Coverage) -> Iterator[str]:
    """What is said of one model."""
    model = coverage.model
    yield f"{model.name} (version {model.version})"
    yield f"  {'':{_WIDE}}{'seen':>6}{'of':>6}"
    for kind in KINDS:
        seen, of = coverage.totals[kind]
        if of:
            share = words.shown_percent(percent((seen, of)))
            yield f"  {words.ROWS[kind]:{_WIDE}}{seen:>6}{of:>6}{share:>10}"
    seen, of = tally(coverage.items)
    yield f"  {'in all':{_WIDE}}{seen:>6}{of:>6}{words.shown_percent(coverage.percent):>10}"
    if coverage.missing:
        yield ""
        yield "  not seen, and who would show it:"
        yield from _missing(coverage)
    if coverage.impossible:
        yield ""
        yield "  proved to be impossible, and not counted:"
        headings = _headings(coverage)
        for item in coverage.impossible:
            yield f"    {headings[item.rule]}: {words.said(coverage, item)}"


def _missing(coverage: Coverage) -> Iterator[str]:
    headings = _headings(coverage, long=True)
    rule = ""
    for group in grouped(coverage.missing[:MOST]):
        if group[0].rule != rule:
            rule = group[0].rule
            yield f"    {headings[rule]}"
        for item in group:
            yield f"      {words.said(coverage, item)}"
        yield f"        → {words.who(group[0])}"
    left = len(coverage.missing) - MOST
    if left > 0:
        yield f"    and {left} more: --lifecycle-cov-report html:coverage.html tells them all"


def grouped(items: Sequence[Item]) -> list[list[Item]]:
    """The items rule by rule, those that one person would show together."""
    found: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        found.setdefault((item.rule, words.who(item)), []).append(item)
    return list(found.values())


def _headings(coverage: Coverage, *, long: bool = False) -> dict[str, str]:
    found = {
        rule.name: words.heading(coverage, rule) if long else rule.name for rule in coverage.rules
    }
    triggers = {refusal.trigger for refusal in coverage.refusals}
    return {**{name: f"the trigger {name}" for name in triggers}, **found}
