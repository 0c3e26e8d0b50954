"""The measures of one or several segments and windows as one report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import attrs

from lifecycle_fsm.diagram import draw_funnel
from lifecycle_fsm.funnel import Counts, FunnelReport
from lifecycle_fsm.model import Model
from lifecycle_fsm.report.content import Labels, Report, ReportPart, joined_parts
from lifecycle_fsm.report.measure_tables import findings, funnel_part, measure_parts
from lifecycle_fsm.wording import clean, format_date, format_instant, joined, plain, sentence


@attrs.frozen(kw_only=True)
class ReportChapter:
    """What was measured in one segment and window.

    Args:
        measured: the measures.
        counts: what the picture of the funnel shows, if this chapter shows the funnel.
        labels: the segment and the window, where a report has several.
        parts: more than the measures of the funnel, such as a forecast; they have no labels.
    """

    measured: FunnelReport
    counts: Counts | None = None
    labels: Labels = attrs.field(factory=dict)
    parts: tuple[ReportPart, ...] = ()


def make_report(model: Model, chapters: Sequence[ReportChapter], *, title: str = "") -> Report:
    """One report of all chapters; its picture and its findings are those of the first that has
    them.

    Raises:
        MissingExtra: Graphviz or its font is not installed.
    """
    title = clean(title) or f"{clean(model.title) or sentence(plain(model.name))}: the funnel"
    counts = next((chapter.counts for chapter in chapters if chapter.counts is not None), None)
    picture = phone = None
    if counts is not None:
        picture = draw_funnel(model, counts, title=title)
        phone = draw_funnel(model, counts, title=title, portrait=True)
    first = chapters[0].labels
    whole = [
        chapter
        for chapter in chapters
        if all(first.get(name) == label for name, label in chapter.labels.items())
    ]
    reports = [chapter.measured for chapter in chapters]
    windowed = [chapter.measured for chapter in chapters if chapter.counts is not None]
    notes = dict.fromkeys(sentence(note) for report in reports for note in report.notes)
    return Report(
        title=title,
        model=model,
        zone=reports[0].zone,
        facts=tuple(_facts(model, windowed or reports)),
        parts=joined_parts(
            [
                *((chapter.labels, _parts(chapter, model)) for chapter in chapters),
                *(({}, chapter.parts) for chapter in chapters),
            ]
        ),
        findings=tuple(step for chapter in whole for step in findings(chapter.measured, model)),
        notes=tuple(notes),
        picture=picture,
        phone=phone,
    )


def report_of(part: ReportPart, model: Model, title: str, until: datetime, zone: str) -> Report:
    """A report of one result, such as a forecast, that was known until an instant."""
    return Report(
        title=f"{clean(model.title or model.name)}: {title}",
        model=model,
        zone=zone,
        facts=(
            ("Model", f"{model.name}, version {model.version}"),
            ("Known until", format_instant(until, zone)),
        ),
        parts=(part,),
    )


def _parts(chapter: ReportChapter, model: Model) -> Sequence[ReportPart]:
    measured, counts = chapter.measured, chapter.counts
    funnel = () if counts is None else (funnel_part(measured, counts, model),)
    return (*funnel, *measure_parts(measured, model))


def _facts(model: Model, reports: Sequence[FunnelReport]) -> Iterator[tuple[str, str]]:
    first, zone = reports[0], reports[0].zone
    yield "Model", f"{model.name}, version {model.version}"
    yield "Window", joined(dict.fromkeys(map(_window, reports)))
    if first.until is not None:
        yield "Known until", format_instant(first.until, zone)
    yield "Zone", zone
    yield from _given(
        "Journeys", (report.journeys for report in reports if report.journeys != "all")
    )
    yield from _given("Only where", (report.where for report in reports[:1]))
    yield from _given("Split by", (report.by for report in reports[:1]))


def _given(name: str, texts: Iterable[str | None]) -> Iterator[tuple[str, str]]:
    known = dict.fromkeys(text for text in texts if text)
    if known:
        yield name, joined(known)


def _window(report: FunnelReport) -> str:
    start, end = (None if at is None else format_date(at, report.zone) for at in report.window)
    if start and end:
        return f"{start} to {end}"
    return f"since {start}" if start else f"before {end}" if end else "all history"
