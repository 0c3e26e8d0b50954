"""A lifecycle as one diagram: the agreed rules, or what happened to people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial

from lifecycle_fsm.diagram.chart import FUNNEL, MODEL, ChartPart, draw_chart
from lifecycle_fsm.diagram.chart_data import ChartData, DrawnFlow, Fired, model_flows
from lifecycle_fsm.diagram.drawing import Drawing
from lifecycle_fsm.diagram.look import themed
from lifecycle_fsm.diagram.model_graph import model_graph
from lifecycle_fsm.funnel import Counts
from lifecycle_fsm.model import Model, Theme
from lifecycle_fsm.wording import clean, duration, format_number, percent
from lifecycle_fsm.zones import find_zone

_FEW = 10
"""How many lines a funnel may have and still show those that nobody took."""


def draw_model(
    model: Model,
    *,
    title: str | None = None,
    rules: bool = True,
    portrait: bool = False,
    theme: Theme | None = None,
) -> Drawing:
    """Draw the stages and moves of a model, with every rule in words below.

    Args:
        model: the model.
        title: replaces the model's own title.
        rules: whether the list of rules is part of the picture.
        portrait: whether to draw it 390 pixels wide, for a phone, and without the list of rules.
        theme: replaces the model's own theme.
    """
    model = themed(model, theme)
    if title is None:
        title = _title(model)
    facts = [model.description, f"model {model.version}"]
    return _draw(model, None, title, facts, parts=MODEL if rules else FUNNEL, portrait=portrait)


def draw_funnel(
    model: Model,
    counts: Counts,
    *,
    title: str | None = None,
    hide_zero: bool | None = None,
    portrait: bool = False,
    theme: Theme | None = None,
) -> Drawing:
    """Draw a model with the people who are in its stages and those who moved.

    Args:
        model: the model.
        counts: what :func:`lifecycle_fsm.funnel.count` counted in histories of this model.
        title: replaces the model's own title.
        hide_zero: whether to leave out the fast tracks, detours and returns that nobody took; the
            legend says how many. By default, they are left out if there are more than ten lines.
        portrait: whether to draw it 390 pixels wide, for a phone.
        theme: replaces the model's own theme.
    """
    model = themed(model, theme)
    if hide_zero is None:
        hide_zero = len(model_flows(model, None)) > _FEW
    if title is None:
        title = f"{_title(model)}: the funnel"
    facts = [
        f"model {counts.version or model.version}",
        _window(counts),
        f"reading: {counts.reading}",
        f"{format_number(counts.total)} people",
        f"{format_number(counts.journeys)} new journeys",
        f"only where {counts.where}" if counts.where else "",
    ]
    return _draw(model, counts, title, facts, hide_zero=hide_zero, portrait=portrait)


def draw_coverage(
    model: Model,
    fired: Fired,
    *,
    title: str | None = None,
    subtitle: str = "",
    theme: Theme | None = None,
) -> Drawing:
    """Draw a model with what tests have fired: ✓ and a full line, or × and a dotted one.

    Args:
        model: the model.
        fired: how often tests fired each rule out of each stage, by ``(rule, from)``; a rule that
            is missing was not fired.
        title: replaces the model's own title.
        subtitle: more about the tests.
        theme: replaces the model's own theme.
    """
    model = themed(model, theme)
    if title is None:
        title = f"{_title(model)}: what tests cover"
    return _draw(model, None, title, [f"model {model.version}", subtitle], fired=fired)


def _draw(
    model: Model,
    counts: Counts | None,
    title: str,
    facts: Iterable[str],
    *,
    parts: tuple[ChartPart, ...] = FUNNEL,
    fired: Fired | None = None,
    hide_zero: bool = False,
    portrait: bool = False,
) -> Drawing:
    """The diagram in each of its formats."""
    subtitle = " · ".join(filter(None, facts))
    data = ChartData(model, counts, title, subtitle, fired, hide_zero=hide_zero)
    chart = partial(
        draw_chart, model, counts, title=title, subtitle=subtitle, fired=fired, hide_zero=hide_zero
    )
    return Drawing(
        canvas=chart(parts=parts, portrait=portrait),
        graph=model_graph(data),
        title=title,
        description=" ".join(_sentences(model, model_flows(model, counts, fired), counts)),
        # A slide has no room for every rule in words, and is no phone.
        short=None if parts == FUNNEL and not portrait else chart(),
    )


def _title(model: Model) -> str:
    return model.title or model.name.replace("_", " ").capitalize()


def _window(counts: Counts) -> str:
    """The window of the counts in words, in their zone."""
    start, end = (_local(at, counts.zone) for at in counts.window)
    if start and end:
        text = f"{start} to {end}"
    else:
        text = f"since {start}" if start else f"until {end}" if end else "all history"
    return f"{text} ({counts.zone})"


def _local(at: datetime | None, zone: str) -> str:
    if at is None:
        return ""
    at = at.astimezone(find_zone(zone))
    return f"{at:%Y-%m-%d}" if (at.hour, at.minute) == (0, 0) else f"{at:%Y-%m-%d %H:%M}"


def _sentences(model: Model, flows: Iterable[DrawnFlow], counts: Counts | None) -> Iterator[str]:
    """The diagram in sentences."""
    names = {stage.name: clean(stage.display) for stage in model.stages}
    yield f"The success path is {', '.join(names[stage.name] for stage in model.path)}."
    if model.detours:
        yield f"Off the path: {', '.join(names[stage.name] for stage in model.detours)}."
    if counts is not None:
        yield f"Counted: {_window(counts)}, reading {counts.reading}."
        for stage in model.stages:
            stay = counts.median_stay.get(stage.name)
            people = counts.people.get(stage.name, 0)
            yield f"{names[stage.name]} has {format_number(people)} people" + (
                f" and a median stay of {duration(stay)}." if stay is not None else "."
            )
    for flow in flows:
        rules = ", ".join(
            rule.label
            + (" (by hand)" if rule.by_hand else "")
            + (f" {format_number(rule.count)}" if rule.count is not None else "")
            + ("" if rule.seen is None else " (fired)" if rule.seen else " (never fired)")
            for rule in flow.rules
        )
        text = f"{names[flow.source]} to {names[flow.target]}"
        if flow.conversion is not None:
            text += f", {percent(flow.conversion)} of journeys"
        yield f"{text}: {rules}."
