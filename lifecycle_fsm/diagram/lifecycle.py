"""A lifecycle as one picture: the agreed rules, or what happened to people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import attrs

from lifecycle_fsm.diagram import mermaid
from lifecycle_fsm.diagram.canvas import ICON, INK, SMALLEST, Span
from lifecycle_fsm.diagram.chart import Chart, pt
from lifecycle_fsm.diagram.flows import Flow, flows, words
from lifecycle_fsm.diagram.render import Drawing
from lifecycle_fsm.diagram.words import clean, cut, duration, number, share, time_zone, width, wrap
from lifecycle_fsm.funnel import Counts
from lifecycle_fsm.guard import Always, label
from lifecycle_fsm.model import Model, Move, SortRule


def draw_model(model: Model, *, title: str | None = None, rules: bool = True) -> Drawing:
    """Draw the stages and moves of a model, with every rule in words below.

    Args:
        model: the model.
        title: instead of the model's own.
        rules: whether the list of rules is part of the picture.
    """
    title = title if title is not None else model.title or _named(model)
    subtitle = " · ".join(part for part in (model.description, f"model {model.version}") if part)
    chart = (_ModelChart if rules else Chart)(model, None, title, subtitle)
    found = flows(model, None)
    return Drawing(
        dot=chart.draw(),
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
            f"{number(counts.total)} people",
            f"{number(counts.journeys)} new journeys",
        ]
    )
    found = flows(model, counts)
    return Drawing(
        dot=Chart(model, counts, title, subtitle).draw(),
        title=clean(title),
        description=" ".join(_described(model, found, counts)),
        mermaid=mermaid.lifecycle(model, found, counts, title),
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
    at = at.astimezone(time_zone(zone))
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
            yield f"{shown[stage.name]} has {number(people)} people" + (
                f" and a median stay of {duration(stay)}." if stay is not None else "."
            )
    for flow in found:
        rules = ", ".join(
            clean(part.label)
            + (" (by hand)" if part.by_hand else "")
            + (f" {number(part.count)}" if part.count is not None else "")
            for part in flow.parts
        )
        text = f"{shown[flow.source]} to {shown[flow.target]}"
        rate = counts.conversion.get((flow.source, flow.target)) if counts is not None else None
        if rate is not None and rate.share is not None:
            text += f", {share(rate.share)} of journeys"
        yield f"{text}: {rules}."


@attrs.frozen
class _Entry:
    """A rule, or a heading, in the list below the picture."""

    head: tuple[Span, ...]
    lines: tuple[str, ...] = ()
    icon: bool = False

    @property
    def high(self) -> float:
        return 17.0 + 15.5 * len(self.lines) + (9 if self.lines else 7)


class _ModelChart(Chart):
    """The picture of a model with its rules in words."""

    def _after(self, y: float) -> float:
        columns = 3 if self.right > 1300 else 2 if self.right > 800 else 1
        space = 36.0
        wide = (self.right - 2 * self.margin - (columns - 1) * space) / columns
        entries = list(self._entries(wide))
        y += 46
        self.canvas.text(self.margin, y, [Span("The rules in words", True, INK)], pt(13))
        y += 26
        share_of_height = sum(entry.high for entry in entries) / columns
        column, at, lowest = 0, y, y
        for index, entry in enumerate(entries):
            full = at - y + entry.high / 2 > share_of_height
            heading = not entry.lines and index + 1 < len(entries)
            if column < columns - 1 and (full or (heading and at - y > share_of_height * 0.93)):
                column, at = column + 1, y
            x = self.margin + column * (wide + space)
            self.canvas.text(x, at + 8, entry.head, icon=entry.icon)
            for place, line in enumerate(entry.lines):
                self.canvas.text(x, at + 24 + place * 15.5, line)
            at += entry.high
            lowest = max(lowest, at)
        return lowest

    def _entries(self, wide: float) -> Iterator[_Entry]:
        yield _Entry((Span("THE SORT OF NEW PEOPLE: THE FIRST THAT HOLDS WINS", True, "#64748b"),))
        for index, rule in enumerate(self.model.sort, 1):
            yield self._entry(rule, f"{index}", wide)
        if self.model.moves:
            yield _Entry((Span("THE MOVES", True, "#64748b"),))
        for move in self.model.moves:
            sources = [clean(self.model.stage(name).display) for name in move.sources]
            yield self._entry(move, ", ".join(sources), wide)

    def _entry(self, rule: Move | SortRule, start: str, wide: float) -> _Entry:
        by_hand = isinstance(rule, Move) and rule.on is not None
        room = wide - (ICON if by_hand else 0)
        target = clean(self.model.stage(rule.target).display)
        arrow = f"{start} → {target}"
        head = [Span(cut(arrow, room, SMALLEST, bold=True), True, INK)]
        left = room - width(arrow + " · ", SMALLEST, bold=True)
        if left > 40:
            name = cut(clean(words(rule)), left, SMALLEST)
            head.append(Span(f" · {name}", color=self.palette.stage(rule.target).line))
        parts = []
        if isinstance(rule, Move) and rule.on is not None:
            parts.append(f"asked for by “{rule.on.replace('_', ' ')}”")
        if not isinstance(rule.when, Always):
            parts.append(f"when {label(rule.when, self.model.vocabulary, expand=True)}")
        elif isinstance(rule, SortRule):
            parts.append("everybody else")
        if rule.skips == "no_credit":
            parts.append("no credit for the stages between")
        text = "; ".join(parts) or "always"
        return _Entry(tuple(head), tuple(wrap(text, wide, SMALLEST, lines=4)), by_hand)
