"""A lifecycle as one picture: the agreed rules, or what happened to people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from lifecycle_fsm.diagram import mermaid
from lifecycle_fsm.diagram.chart import FUNNEL, MODEL, draw_chart
from lifecycle_fsm.diagram.flows import Fired, Flow, flows
from lifecycle_fsm.diagram.render import Drawing
from lifecycle_fsm.funnel import Counts
from lifecycle_fsm.model import Model
from lifecycle_fsm.wording import clean, duration, format_number, percent
from lifecycle_fsm.zones import find_zone


def draw_model(model: Model, *, title: str | None = None, rules: bool = True) -> Drawing:
    """Draw the stages and moves of a model, with every rule in words below.

    Args:
        model: the model.
        title: instead of the model's own.
        rules: whether the list of rules is part of the picture.
    """
    title = title if title is not None else model.title or _named(model)
    subtitle = " · ".join(part for part in (model.description, f"model {model.version}") if part)
    parts = MODEL if rules else FUNNEL
    found = flows(model, None)
    return Drawing(
        dot=draw_chart(model, None, title=title, subtitle=subtitle, parts=parts),
        title=clean(title),
        description=" ".join(_described(model, found, None)),
        mermaid=mermaid.lifecycle(model, found, None, title),
    )


def draw_funnel(model: Model, counts: Counts, *, title: str | None = None) -> Drawing:
    """Draw a model with the people who are in its stages and those who moved.

    The counts are of histories of this model: :func:`lifecycle_fsm.funnel.count`.
    """
    if title is None:
        title = f"{model.title or _named(model)}: the funnel"
    subtitle = " · ".join(
        [
            f"model {counts.version or model.version}",
            window(counts),
            f"reading: {counts.reading}",
            f"{format_number(counts.total)} people",
            f"{format_number(counts.journeys)} new journeys",
        ]
    )
    found = flows(model, counts)
    return Drawing(
        dot=draw_chart(model, counts, title=title, subtitle=subtitle),
        title=clean(title),
        description=" ".join(_described(model, found, counts)),
        mermaid=mermaid.lifecycle(model, found, counts, title),
    )


def draw_coverage(
    model: Model, fired: Fired, *, title: str | None = None, subtitle: str = ""
) -> Drawing:
    """Draw a model with what tests have fired of it: ✓ and a full line, × and a dotted one.

    Args:
        model: the model.
        fired: how often tests fired each rule out of each stage, by ``(rule, from)``; what is not
            in it was not fired.
        title: instead of the model's own.
        subtitle: what else is known of the tests.
    """
    if title is None:
        title = f"{model.title or _named(model)}: what tests cover"
    subtitle = " · ".join(part for part in (f"model {model.version}", subtitle) if part)
    found = flows(model, None, fired)
    return Drawing(
        dot=draw_chart(model, None, title=title, subtitle=subtitle, fired=fired),
        title=clean(title),
        description=" ".join(_described(model, found, None)),
        mermaid=mermaid.lifecycle(model, found, None, title),
    )


def _named(model: Model) -> str:
    return model.name.replace("_", " ").capitalize()


def window(counts: Counts) -> str:
    """The window of counts in words, in their zone."""
    start, end = (None if one is None else _local(one, counts.zone) for one in counts.window)
    match start, end:
        case None, None:
            text = "all history"
        case _, None:
            text = f"since {start}"
        case None, _:
            text = f"until {end}"
        case _:
            text = f"{start} to {end}"
    return f"{text} ({counts.zone})"


def _local(at: datetime, zone: str) -> str:
    at = at.astimezone(find_zone(zone))
    return f"{at:%Y-%m-%d}" if (at.hour, at.minute) == (0, 0) else f"{at:%Y-%m-%d %H:%M}"


def _described(model: Model, found: tuple[Flow, ...], counts: Counts | None) -> Iterator[str]:
    """The picture in sentences."""
    shown = {stage.name: clean(stage.display) for stage in model.stages}
    yield f"The success path is {', '.join(shown[stage.name] for stage in model.path)}."
    if model.detours:
        yield f"Off the path: {', '.join(shown[stage.name] for stage in model.detours)}."
    if counts is not None:
        yield f"Counted: {window(counts)}, reading {counts.reading}."
        for stage in model.stages:
            stay = counts.median_stay.get(stage.name)
            people = counts.people.get(stage.name, 0)
            yield f"{shown[stage.name]} has {format_number(people)} people" + (
                f" and a median stay of {duration(stay)}." if stay is not None else "."
            )
    for flow in found:
        rules = ", ".join(
            clean(part.label)
            + (" (by hand)" if part.by_hand else "")
            + (f" {format_number(part.count)}" if part.count is not None else "")
            + ("" if part.seen is None else " (fired)" if part.seen else " (never fired)")
            for part in flow.parts
        )
        text = f"{shown[flow.source]} to {shown[flow.target]}"
        rate = counts.conversion.get((flow.source, flow.target)) if counts is not None else None
        if rate is not None and rate.share is not None:
            text += f", {percent(rate.share)} of journeys"
        yield f"{text}: {rules}."
