"""One person's path: which stages, when, for how long, and what moved the person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING

import attrs

from lifecycle_fsm.diagram.canvas import ICON, Canvas, Point, Span, TextLine, badge_width
from lifecycle_fsm.diagram.drawing import Drawing
from lifecycle_fsm.diagram.graph import Arrow, ArrowKind, Graph, Node
from lifecycle_fsm.diagram.look import (
    FAINT,
    HEADING,
    INK,
    MARGIN,
    PAPER,
    RULE,
    SMALLEST,
    SOFT,
    WIDTH,
    Dash,
    Paint,
    Palette,
    Stroke,
    pt,
    themed,
)
from lifecycle_fsm.diagram.text_fit import cut, fits, fitting_size, width, wrap
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Model, Theme
from lifecycle_fsm.wording import Formatter, clean, duration, rule_words

if TYPE_CHECKING:
    from lifecycle_fsm.machine import Decision

_MOST_STRIPS = 8
"""How many journeys are drawn; of a longer history, the last ones."""
_MOST_DECISIONS = 8
_CARD_HEIGHT = 104.0
_LINE = 15.5  # from one line of text to the next


@attrs.frozen
class _Visit:
    """A stage that was entered, the row that led there, and how long the person stayed."""

    row: HistoryRow
    stay: timedelta | None

    @property
    def stage(self) -> str:
        return self.row.to_stage

    @property
    def icon(self) -> float:
        """The room for the by-hand mark, if a human asked for the move."""
        return ICON if self.row.trigger is not None else 0.0


@attrs.define
class _Strip:
    """One walk forwards along the path, and the detours at its end."""

    journey: int
    path: list[_Visit] = attrs.field(factory=list)
    detours: list[_Visit] = attrs.field(factory=list)


@attrs.frozen
class _Exit:
    """Where a return leaves a strip: below its last card."""

    at: Point
    paint: Paint


def draw_person(
    model: Model,
    rows: Iterable[HistoryRow],
    *,
    name: str = "",
    decisions: Iterable[Decision] = (),
    zone: str = "UTC",
    theme: Theme | None = None,
) -> Drawing:
    """Draw one person's path through the model.

    Args:
        model: the model of the person.
        rows: the person's history, in sequence.
        name: the name to show; by default, the id.
        decisions: the decisions on the person; refusals are listed below the path.
        zone: the zone of the times shown.
        theme: replaces the model's own theme.
    """
    model = themed(model, theme)
    # A merge may leave the stage as it was: that is not a visit [S23].
    history = [row for row in rows if row.from_stage != row.to_stage]
    visits = [
        _Visit(row, after.now - row.now if after is not None else None)
        for row, after in zip_longest(history, history[1:])
    ]
    who = clean(name or (history[0].person if history else "nobody"))
    refused = [
        decision for decision in decisions if decision.unmet or decision.result == "no_such_move"
    ]
    title, words = f"The path of {who}", _PathFormatter(model, zone)
    return Drawing(
        canvas=_PersonChart(visits, refused, words).draw(title),
        graph=_graph(visits, words, title),
        title=title,
        description=" ".join(_sentences(visits, refused, who, words)),
    )


class _PathFormatter(Formatter):
    """Words for moves, for refusals, and for stages that the model no longer has."""

    def __init__(self, model: Model, zone: str) -> None:
        super().__init__(model, zone)
        self.zone_name = zone
        self._rules = {rule.name: rule_words(rule) for rule in model.sort}
        self._rules |= {move.name: rule_words(move) for move in model.moves}

    def stage(self, name: str) -> str:
        return super().stage(name) if name in self.model.by_name else clean(name) or "closed"

    def reason(self, row: HistoryRow, *, trigger: bool = True) -> str:
        """What moved the person: the words of the rule, and what a human asked for."""
        text = self._rules.get(row.rule) or row.rule.replace("_", " ")
        if row.kind in ("merge", "migrate"):
            text = f"{row.kind}d: {text}" if text and text != row.kind else f"{row.kind}d"
        name = (row.trigger or "").replace("_", " ") if trigger else ""
        return clean(f"{text} ({name})" if name and name != text else text)

    def trigger(self, decision: Decision) -> str:
        return (decision.trigger or decision.kind or "").replace("_", " ")

    def refusal(self, decision: Decision) -> str:
        """Why the person was not moved."""
        text = " · ".join(str(refusal) for refusal in decision.unmet) or decision.reason
        return clean(text or f"no such move out of {self.stage(decision.stage)}")


class _PersonChart:
    """Lays out the visits: a column for each stage of the path, a strip for each journey."""

    def __init__(
        self, visits: list[_Visit], refused: list[Decision], words: _PathFormatter
    ) -> None:
        self.visits, self.refused, self.words = visits, refused, words
        self.model = words.model
        self.palette = Palette(self.model)
        self.canvas = Canvas("path", theme=self.model.theme)
        self.strips = self._cut()
        columns = max(
            [3, *(self._column(strip) + max(1, len(strip.detours)) for strip in self.strips)]
        )
        # Everything must fit on one sheet: cards shrink first, then the gaps.
        room = WIDTH - 2 * MARGIN
        self.gap = max(66.0, min(124.0, (room - columns * 150) / max(1, columns - 1)))
        self.card = min(150.0, (room - (columns - 1) * self.gap) / columns)
        self.right = max(760.0, 2 * MARGIN + columns * (self.card + self.gap) - self.gap)

    def _cut(self) -> list[_Strip]:
        """The visits in strips: a new one when a journey begins or the person was put back."""
        strips: list[_Strip] = []
        rank = -1  # of the last path stage of the last strip
        for visit in self.visits:
            at = self.model.ranks.get(visit.stage)
            fresh = not strips or visit.row.journey != strips[-1].journey
            if fresh or (at is not None and (strips[-1].detours or at <= rank)):
                strips.append(_Strip(visit.row.journey))
                rank = -1
            if at is None:
                strips[-1].detours.append(visit)
            else:
                strips[-1].path.append(visit)
                rank = at
        return strips

    def _column(self, strip: _Strip) -> int:
        """The column of the last path stage, under which the detours begin."""
        return self.model.ranks[strip.path[-1].stage] if strip.path else 0

    def _x(self, column: int) -> float:
        return MARGIN + column * (self.card + self.gap)

    def draw(self, title: str) -> Canvas:
        """Lay everything out."""
        canvas = self.canvas
        y = canvas.heading(MARGIN, 0, self.right - 2 * MARGIN, title, self._subtitle()) + 10
        if not self.strips:
            canvas.text(MARGIN, y + 12, "No history yet.")
            return canvas.trim(self.right, y + 50)
        left_out = len(self.strips) - _MOST_STRIPS
        if left_out > 0:
            canvas.text(MARGIN, y + 8, f"{left_out} earlier journeys are not drawn.")
            y += 26
        before: _Exit | None = None
        for strip in self.strips[-_MOST_STRIPS:]:
            before = self._strip(strip, y, before)
            y = before.at[1] + 26
        y = self._decisions(y + 12)
        return canvas.trim(self.right, self._legend(y + 18) + 14)

    def _subtitle(self) -> str:
        if not self.visits:
            return f"model {self.model.version}"
        last = self.visits[-1].row
        return (
            f"now in {self.words.stage(last.to_stage)}, since {self.words.moment(last.now)} · "
            f"journey {last.journey} · model {last.version} · times in {self.words.zone_name}"
        )

    def _strip(self, strip: _Strip, y: float, before: _Exit | None) -> _Exit:
        """Draw one journey from y; returns where a return to the next would leave it."""
        canvas = self.canvas
        canvas.text(MARGIN, y + 8, [Span(f"JOURNEY {strip.journey}", True, HEADING)])
        canvas.line([(MARGIN, y + 21), (self.right - MARGIN, y + 21)], Stroke(RULE, 1.4))
        top = y + 34
        bottom, column = top, self._column(strip)
        if strip.path:
            bottom = self._path(strip.path, top, before)
        if strip.detours:
            if strip.path:
                top = bottom + 58
                self._drop(strip.detours[0], self._x(column) + self.card / 2, bottom, top)
            for place, visit in enumerate(strip.detours):
                x = self._x(column + place)
                self._card(visit, x, top)
                if place:
                    self._step(visit, x - self.gap, x, top + _CARD_HEIGHT / 2)
            bottom = top + _CARD_HEIGHT
            column += len(strip.detours) - 1
        last = (strip.detours or strip.path)[-1]
        paint = self.palette.stage(last.stage)
        return _Exit((self._x(column) + self.card / 2, bottom), paint)

    def _path(self, path: list[_Visit], top: float, before: _Exit | None) -> float:
        """Draw the stages of the path from the top of a strip; returns where they end."""
        ranks = [self.model.ranks[visit.stage] for visit in path]
        jumps = [False] + [
            later - rank > 1 or bool(visit.row.passed_over)
            for rank, later, visit in zip(ranks, ranks[1:], path[1:], strict=False)
        ]
        lane = top + 16  # of a return
        top += (38 if any(jumps) else 0) + (38 if before is not None else 0)
        for place, (visit, rank, jump) in enumerate(zip(path, ranks, jumps, strict=True)):
            x = self._x(rank)
            self._card(visit, x, top)
            if place == 0:
                if before is not None:
                    self._return(visit, before, x + self.card / 2, lane, top)
            elif jump:
                self._jump(visit, ranks[place - 1], rank, top)
            else:
                start = self._x(ranks[place - 1]) + self.card
                self._step(visit, start, x, top + _CARD_HEIGHT / 2)
        return top + _CARD_HEIGHT

    def _card(self, visit: _Visit, x: float, y: float) -> None:
        canvas, row = self.canvas, visit.row
        stage, paint = self.model.by_name.get(visit.stage), self.palette.stage(visit.stage)
        off = visit.stage not in self.model.ranks
        now = visit.stay is None
        canvas.box(
            x, y, self.card, _CARD_HEIGHT, name=f"v{self.visits.index(visit)}",
            fill=PAPER if off else paint.tint, color=paint.line,
            pen=3.4 if now else 2, dash="dashed" if off else "solid",
        )  # fmt: skip
        inner = self.card - 20
        left = x + 10
        code = clean(stage.code) if stage is not None else ""
        if code:
            badge = min(inner, badge_width(code, SMALLEST))
            canvas.badge(left, y + 19, badge, code, paint.line)
        if now and inner > 96:
            canvas.text(left + inner, y + 19, [Span("NOW", True, paint.line)], align="right")
        title = self.words.stage(visit.stage)
        size = fitting_size(title, inner, pt(13) if self.card > 120 else pt(10), bold=True)
        canvas.text(left, y + 43, [Span(cut(title, inner, size, bold=True), True, INK)], size)
        when = self.words.moment(row.now)
        rows = [when] if fits(when, inner, SMALLEST) else when.rsplit(" ", 1)
        stay = "still here" if visit.stay is None else f"stayed {duration(visit.stay)}"
        if visit.stay == timedelta(0):
            stay = "went on at once"
        rows.append(f"{stay} (late)" if row.late else stay)
        canvas.paragraph(left, y + 64, [cut(text, inner, SMALLEST) for text in rows], _LINE)

    # --- Moves: a line, and its caption beside it

    def _stroke(self, visit: _Visit, width: float = 2.4, dash: Dash = "solid") -> Stroke:
        return Stroke(self.palette.stage(visit.stage).line, width, dash)

    def _caption(self, visit: _Visit, room: float, most: int) -> list[TextLine]:
        lines = wrap(self.words.reason(visit.row), room, SMALLEST, lines=most)
        if lines[-1].endswith("…"):  # the words of the rule matter most
            lines = wrap(self.words.reason(visit.row, trigger=False), room, SMALLEST, lines=most)
        return [
            TextLine([Span(line)], icon=bool(visit.icon) and not index)
            for index, line in enumerate(lines)
        ]

    def _step(self, visit: _Visit, x0: float, x1: float, y: float) -> None:
        dash: Dash = "solid" if visit.stage in self.model.ranks else "dashed"
        self.canvas.line([(x0, y), (x1 - 1, y)], self._stroke(visit, dash=dash), arrow=True)
        lines = self._caption(visit, x1 - x0 - 18 - visit.icon, 3)
        self.canvas.paragraph((x0 + x1) / 2 - 3, y + 15, lines, _LINE, align="center")

    def _jump(self, visit: _Visit, rank: int, later: int, top: float) -> None:
        """Draw a fast track above the stages that it skips, which are drawn hollow."""
        row = visit.row
        for between in range(rank + 1, later):
            stage = self.model.path[between]
            x = self._x(between)
            middle = x + self.card / 2
            self.canvas.box(
                x, top + 14, self.card, _CARD_HEIGHT - 28, color=FAINT, dash="dashed", pen=1.4
            )
            title = cut(clean(stage.display), self.card - 20, pt(10), bold=True)
            self.canvas.text(middle, top + 42, [Span(title, True, SOFT)], pt(10), align="center")
            passed = stage.name in row.passed_over
            text = ("passed over" if row.credit else "no credit") if passed else "not entered"
            text = cut(text, self.card - 16, SMALLEST)
            self.canvas.text(middle, top + 62, text, align="center")
        x0, x1 = self._x(rank) + self.card * 0.7, self._x(later) + self.card * 0.3
        y = top - 24
        points = [(x0, top), (x0, y), (x1, y), (x1, top)]
        self.canvas.line(points, self._stroke(visit), arrow=True)
        lines = self._caption(visit, x1 - x0 - 30 - visit.icon, 1)
        self.canvas.paragraph((x0 + x1) / 2, y - 11, lines, _LINE, align="center")

    def _drop(self, visit: _Visit, x: float, y0: float, y1: float) -> None:
        """Draw the line from the path down to a detour."""
        self.canvas.line([(x, y0), (x, y1)], self._stroke(visit, 2, "dashed"), arrow=True)
        room = self.right - MARGIN - x - 12 - visit.icon
        lines = self._caption(visit, min(260.0, room), 2)
        y = (y0 + y1) / 2 - 4 - (len(lines) - 1) / 2 * _LINE
        self.canvas.paragraph(x + 12, y, lines, _LINE)

    def _return(self, visit: _Visit, before: _Exit, x: float, y: float, top: float) -> None:
        """Draw the line from the last card above into the next journey."""
        x0, y0 = before.at
        points = [(x0, y0), (x0, y), (x, y), (x, top)]
        self.canvas.line(points, Stroke(before.paint.line, 2), arrow=True, halo=True)
        room = max(120.0, self.right - MARGIN - x - 14)
        left = x if abs(x - x0) < 24 else min(x, x0)
        self.canvas.paragraph(left + 12, y - 11, self._caption(visit, min(300.0, room), 1), _LINE)

    # --- Below the path

    def _decisions(self, y: float) -> float:
        if not self.refused:
            return y
        self.canvas.text(MARGIN, y + 6, [Span("ASKED AND REFUSED", True, HEADING)])
        y += 28
        for decision in self.refused[-_MOST_DECISIONS:]:
            head = f"{self.words.moment(decision.now)} · {self.words.trigger(decision)}"
            self.canvas.text(MARGIN, y, [Span(cut(head, 300, SMALLEST, bold=True), True, INK)])
            room = self.right - 2 * MARGIN - 320
            lines = wrap(self.words.refusal(decision), room, SMALLEST, lines=4)
            y = self.canvas.paragraph(MARGIN + 320, y, lines, _LINE) + 5
        return y

    def _legend(self, y: float) -> float:
        canvas = self.canvas
        canvas.line([(MARGIN, y - 12), (self.right - MARGIN, y - 12)], Stroke(RULE, 1))
        x, y = MARGIN, y + 6
        for name, paint in self.palette.systems.items():
            text = cut(self.palette.labels[name], self.right - MARGIN - x - 34, SMALLEST)
            canvas.box(x + 4, y - 7, 22, 14, fill=paint.tint, color=paint.line, pen=2)
            canvas.text(x + 34, y, text)
            x += 34 + width(text, SMALLEST) + 22
        if any(visit.icon for visit in self.visits):
            canvas.person(x + 6, y, INK)
            text = "a person asked"
            canvas.text(x + 18, y, text)
            x += 18 + width(text, SMALLEST) + 22
        canvas.text(x, y, "dashed and faint: passed over; dashed: off the path")
        return y + 8


def _sentences(
    visits: list[_Visit], refused: list[Decision], who: str, words: _PathFormatter
) -> Iterator[str]:
    """The path in sentences."""
    if not visits:
        yield f"{who} has no history yet."
    for visit in visits:
        row = visit.row
        reason = words.reason(row) + (", by hand" if row.trigger else "")
        if row.passed_over:
            names = ", ".join(words.stage(name) for name in row.passed_over)
            reason += f", past {names}{'' if row.credit else ' without credit'}"
        stay = "until now" if visit.stay is None else f"stayed {duration(visit.stay)}"
        where = f"journey {row.journey}: {words.stage(visit.stage)}"
        yield f"{words.moment(row.now)}, {where} ({reason}), {stay}."
    for decision in refused:
        trigger, refusal = words.trigger(decision), words.refusal(decision)
        yield f"{words.moment(decision.now)}: {trigger} was refused, {refusal}."


def _graph(visits: list[_Visit], words: _PathFormatter, title: str) -> Graph:
    """The visits as nodes, in their order."""
    palette, ranks = Palette(words.model), words.model.ranks
    nodes, arrows = [], []
    for index, visit in enumerate(visits):
        row, paint = visit.row, palette.stage(visit.stage)
        stage, off = words.stage(visit.stage), visit.stage not in ranks
        lines = (stage, words.moment(row.now), duration(visit.stay, "now"))
        nodes.append(Node(f"v{index}", lines, paint, shape="detour" if off else "box"))
        if index:
            by = " (by hand)" if row.trigger is not None else ""
            kind: ArrowKind = "detour" if row.kind == "detour" else "move"
            reason = (words.reason(row) + by,)
            arrows.append(Arrow(f"v{index - 1}", f"v{index}", reason, kind, paint))
    return Graph(title, tuple(nodes), tuple(arrows))
