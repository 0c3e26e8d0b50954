"""A lifecycle as one diagram: the agreed rules, or what happened to people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial

import attrs

from lifecycle_fsm.diagram.chart import DIFFERENCE, FUNNEL, MODEL, ChartPart, draw_chart
from lifecycle_fsm.diagram.chart_data import ChartData, Fired, became, moved
from lifecycle_fsm.diagram.details import chart_details
from lifecycle_fsm.diagram.drawing import Drawing
from lifecycle_fsm.diagram.drawn_model import drawn, focused
from lifecycle_fsm.diagram.joined_models import joined_models, tally
from lifecycle_fsm.diagram.look import themed
from lifecycle_fsm.diagram.model_graph import model_graph
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel import Counts
from lifecycle_fsm.model import Model, Theme
from lifecycle_fsm.wording import clean, format_number
from lifecycle_fsm.zones import find_zone

#: The marks of rules in words, for the text alternative.
_MARKED = {
    "✓": " (fired)",
    "×": " (never fired)",
    "+": " (added)",
    "−": " (removed)",
    "≠": " (changed)",
}


def draw_model(
    model: Model,
    *,
    title: str | None = None,
    rules: bool = True,
    portrait: bool = False,
    theme: Theme | None = None,
    focus: str | None = None,
) -> Drawing:
    """Draw the stages and moves of a model, with every rule in words below.

    Args:
        model: the model.
        title: replaces the model's own title.
        rules: whether the list of rules is part of the picture.
        portrait: whether to draw it 390 pixels wide, for a phone, and without the list of rules.
        theme: replaces the model's own theme.
        focus: the name of a stage, a detour or a system, to draw only that: a stage or detour with
            what leads to it and out of it, or the stages and moves that a system owns.

    Raises:
        LifecycleError: the focus is neither a stage nor a system of the model.
    """
    model = themed(model, theme)
    if title is None:
        title = _title(model)
    facts = [model.description, f"model {model.version}"]
    return _draw(
        model, None, title, facts, parts=MODEL if rules else FUNNEL, focus=focus, portrait=portrait
    )


def draw_funnel(
    model: Model,
    counts: Counts,
    *,
    before: Counts | None = None,
    title: str | None = None,
    hide_zero: bool | None = None,
    portrait: bool = False,
    theme: Theme | None = None,
    focus: str | None = None,
) -> Drawing:
    """Draw a model with the people who are in its stages and those who moved.

    Args:
        model: the model.
        counts: what :func:`lifecycle_fsm.funnel.count` counted in histories of this model.
        before: the counts of an earlier period, to show each number as "before → now".
        title: replaces the model's own title.
        hide_zero: whether to leave out the fast tracks, detours and returns that nobody took; the
            legend says how many. By default, they are left out if there are more than ten lines.
        portrait: whether to draw it 390 pixels wide, for a phone.
        theme: replaces the model's own theme.
        focus: a stage, a detour or a system, as in :func:`draw_model`.

    Raises:
        LifecycleError: the focus is neither a stage nor a system of the model, or the two counts
            differ in their reading, zone or filter.
    """
    model = themed(model, theme)
    if title is None:
        title = f"{_title(model)}: the funnel"
    if before is not None:
        counts = _compared(before, counts)
    periods = [counts] if before is None else [before, counts]
    windows, people, journeys = (
        became(*map(text, periods))
        for text in (
            _window,
            lambda of: format_number(of.total),
            lambda of: format_number(of.journeys),
        )
    )
    facts = [
        f"model {counts.version or model.version}",
        windows,
        f"reading: {counts.reading}",
        f"{people} people",
        f"{journeys} new journeys",
        f"only where {counts.where}" if counts.where else "",
    ]
    return _draw(model, counts, title, facts, focus=focus, hide_zero=hide_zero, portrait=portrait)


def _compared(before: Counts, counts: Counts) -> Counts:
    for name in ("reading", "zone", "where"):
        was, now = getattr(before, name), getattr(counts, name)
        if was != now:
            raise LifecycleError(
                f"two counts are compared whose {name} differs, {was!r} and {now!r}: count both "
                "periods alike"
            )
    return attrs.evolve(counts, before=before)


def draw_coverage(
    model: Model,
    fired: Fired,
    *,
    title: str | None = None,
    subtitle: str = "",
    theme: Theme | None = None,
    focus: str | None = None,
) -> Drawing:
    """Draw a model with what tests have fired: ✓ and a full line, or × and a dotted one.

    Args:
        model: the model.
        fired: how often tests fired each rule out of each stage, by ``(rule, from)``; a rule that
            is missing was not fired.
        title: replaces the model's own title.
        subtitle: more about the tests.
        theme: replaces the model's own theme.
        focus: a stage, a detour or a system, as in :func:`draw_model`.

    Raises:
        LifecycleError: the focus is neither a stage nor a system of the model.
    """
    model = themed(model, theme)
    if title is None:
        title = f"{_title(model)}: what tests cover"
    facts = [f"model {model.version}", subtitle]
    return _draw(model, None, title, facts, fired=fired, focus=focus)


def draw_difference(
    old: Model,
    new: Model,
    *,
    title: str | None = None,
    portrait: bool = False,
    theme: Theme | None = None,
    focus: str | None = None,
) -> Drawing:
    """Draw two models as one: + added, − removed, ≠ changed, with the changes in words below.

    Args:
        old: the model before the change.
        new: the model after the change.
        title: replaces the title of the new model.
        portrait: whether to draw it 390 pixels wide, for a phone, and without the words.
        theme: replaces the theme of the new model.
        focus: a stage, a detour or a system of either model, as in :func:`draw_model`.

    Raises:
        LifecycleError: the focus is neither a stage nor a system.
    """
    both = joined_models(old, themed(new, theme))
    if title is None:
        title = f"{_title(new)}: what changes"
    shown = both if focus is None else focused(both, focus)
    facts = [f"model {became(old.version, new.version)}", tally(shown)]
    return _draw(both, None, title, facts, parts=DIFFERENCE, focus=focus, portrait=portrait)


def _draw(
    model: Model,
    counts: Counts | None,
    title: str,
    facts: Iterable[str],
    *,
    parts: tuple[ChartPart, ...] = FUNNEL,
    fired: Fired | None = None,
    focus: str | None = None,
    hide_zero: bool | None = None,
    portrait: bool = False,
) -> Drawing:
    """The diagram in each of its formats."""
    model = drawn(model)
    if focus is not None:
        model = focused(model, focus)
        title += f" – {model.focus}"
        facts = [*facts, f"only {model.focus}, with its moves; the rest is left out"]
    subtitle = " · ".join(filter(None, facts))
    whole = ChartData(model, counts, title, subtitle, fired, hide_zero=False)
    chart = partial(
        draw_chart, model, counts, title=title, subtitle=subtitle, fired=fired, hide_zero=hide_zero
    )
    return Drawing(
        canvas=chart(parts=parts, portrait=portrait),
        graph=model_graph(ChartData(model, counts, title, subtitle, fired, hide_zero=hide_zero)),
        title=title,
        description=" ".join(_sentences(whole)),
        # A slide has no room for every rule in words, and is no phone.
        short=None if parts == FUNNEL and not portrait else chart,
        details=chart_details(whole),
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


def _sentences(data: ChartData) -> Iterator[str]:
    """The diagram in sentences."""
    model, counts = data.model, data.counts
    names = {stage.name: clean(stage.display) for stage in model.stages}
    marked = {
        name: names[name] + _MARKED.get(data.stage_changes.get(name, ""), "") for name in names
    }
    yield f"The success path is {', '.join(marked[stage.name] for stage in model.path)}."
    if model.detours:
        yield f"Off the path: {', '.join(marked[stage.name] for stage in model.detours)}."
    if counts is not None:
        yield f"Counted: {_window(counts)}, reading {counts.reading}."
        for stage in model.stages:
            stay = data.stay(stage.name)
            yield f"{names[stage.name]} has {data.people(stage.name)} people" + (
                f" and a median stay of {stay}." if stay else "."
            )
    for flow in data.flows:
        rules = ", ".join(
            rule.label
            + (" (by hand)" if rule.by_hand else "")
            + (f" {moved([rule])}" if rule.count is not None else "")
            + _MARKED.get(rule.mark, "")
            for rule in flow.rules
        )
        text = f"{names[flow.source]} to {names[flow.target]}"
        if flow.share:
            text += f", {flow.share} of journeys"
        yield f"{text}: {rules}."
