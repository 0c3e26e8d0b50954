"""One person's path: where they were, when, for how long, and what moved them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING

import attrs

from lifecycle_fsm.diagram.canvas import ICON, Canvas, Span
from lifecycle_fsm.diagram.look import (
    FAINT,
    INK,
    MARGIN,
    NEUTRAL,
    PAPER,
    SMALLEST,
    SOFT,
    WIDTH,
    Paint,
    Palette,
    pt,
)
from lifecycle_fsm.diagram.mermaid import flowchart, quoted
from lifecycle_fsm.diagram.render import Drawing
from lifecycle_fsm.diagram.text_fit import cut, fits, width, wrap
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Model
from lifecycle_fsm.wording import clean, duration, format_day, rule_words
from lifecycle_fsm.zones import find_zone

if TYPE_CHECKING:
    from lifecycle_fsm.machine import Decision

MOST_STRIPS = 8
"""So many journeys are drawn; of a longer history the last ones."""
_MOST_DECISIONS = 8
_CARD_HEIGHT = 104.0


@attrs.frozen
class _Visit:
    """A stage that was entered, and the row that led there."""

    row: HistoryRow
    stay: timedelta | None


@attrs.define
class _Strip:
    """One walk forwards along the path, and the detours at its end."""

    journey: int
    path: list[_Visit] = attrs.field(factory=list)
    detours: list[_Visit] = attrs.field(factory=list)


def draw_person(
    model: Model,
    rows: Iterable[HistoryRow],
    *,
    name: str = "",
    decisions: Iterable[Decision] = (),
    zone: str = "UTC",
) -> Drawing:
    """Draw the way of one person through the model.

    Args:
        model: the model that the person lives in.
        rows: the person's history, in sequence.
        name: how to call the person; the id otherwise.
        decisions: what came of askings; those that were refused are told below the path.
        zone: the zone of the times shown.
    """
    # A merge may leave the stage as it was: that is no visit [S23].
    history = [row for row in rows if row.from_stage != row.to_stage]
    visits = [
        _Visit(row, after.now - row.now if after is not None else None)
        for row, after in zip_longest(history, history[1:])
    ]
    who = clean(name or (history[0].person if history else "nobody"))
    picture = _PersonChart(model, visits, tuple(decisions), who, zone)
    return Drawing(
        dot=picture.draw(),
        title=f"The path of {who}",
        description=" ".join(picture.sentences()),
        mermaid=picture.mermaid(),
    )


class _PersonChart:
    """Lays the visits out: a column for each stage of the path, a strip for each journey."""

    def __init__(
        self,
        model: Model,
        visits: list[_Visit],
        decisions: Sequence[Decision],
        who: str,
        zone: str,
    ) -> None:
        self.model = model
        self.visits = visits
        self.who = who
        self.zone, self.zone_name = find_zone(zone), zone
        self.palette = Palette(model)
        self.canvas = Canvas("path")
        self.refused = [
            decision
            for decision in decisions
            if decision.unmet or decision.result == "no_such_move"
        ]
        self.rules = {rule.name: rule_words(rule) for rule in model.sort}
        self.rules |= {move.name: rule_words(move) for move in model.moves}
        self.strips = list(self._cut())
        columns = max(
            [3, *(self._column(strip) + max(1, len(strip.detours)) for strip in self.strips)]
        )
        # All of it on one sheet, whatever the model: cards give way first, then the gaps.
        room = WIDTH - 2 * MARGIN
        self.gap = max(66.0, min(124.0, (room - columns * 150) / max(1, columns - 1)))
        self.card = min(150.0, (room - (columns - 1) * self.gap) / columns)
        self.right = max(760.0, 2 * MARGIN + columns * (self.card + self.gap) - self.gap)

    def _cut(self) -> Iterator[_Strip]:
        """The visits in strips: a new one where a journey begins, or somebody was put back."""
        strip: _Strip | None = None
        rank = -1
        for visit in self.visits:
            at = self.model.ranks.get(visit.row.to_stage)
            fresh = strip is None or visit.row.journey != strip.journey
            if strip is None or fresh or (at is not None and (strip.detours or at <= rank)):
                if strip is not None:
                    yield strip
                strip, rank = _Strip(visit.row.journey), -1
            if at is None:
                strip.detours.append(visit)
            else:
                strip.path.append(visit)
                rank = at
        if strip is not None:
            yield strip

    def _column(self, strip: _Strip) -> int:
        """The column of the last path stage, under which the detours begin."""
        return self.model.ranks[strip.path[-1].row.to_stage] if strip.path else 0

    def _x(self, column: int) -> float:
        return MARGIN + column * (self.card + self.gap)

    # --- Words

    def _time(self, at: datetime) -> str:
        return format_day(at, self.zone, clock=True)

    def _stage(self, name: str) -> str:
        stage = self.model.by_name.get(name)
        return clean(stage.display) if stage is not None else clean(name) or "closed"

    def _why(self, row: HistoryRow, *, told: bool = True) -> str:
        """What moved the person: the words of the rule, and what a human asked for, where it is
        told."""
        text = self.rules.get(row.rule) or row.rule.replace("_", " ")
        if row.kind in ("merge", "migrate"):
            text = f"{row.kind}d: {text}" if text and text != row.kind else f"{row.kind}d"
        asked = (row.trigger or "").replace("_", " ") if told else ""
        return clean(f"{text} ({asked})" if asked and asked != text else text)

    # --- Drawing

    def draw(self) -> str:
        """Lay everything out; returns the DOT text."""
        canvas = self.canvas
        room = self.right - 2 * MARGIN
        title = cut(f"The path of {self.who}", room, pt(20), bold=True)
        canvas.text(MARGIN, 36, [Span(title, True, INK)], pt(20))
        y = 66.0
        for line in wrap(self._subtitle(), room, pt(10)):
            canvas.text(MARGIN, y, line, pt(10))
            y += 18
        y += 10
        if not self.strips:
            canvas.text(MARGIN, y + 12, "No history yet.")
            return canvas.source(self.right, y + 50)
        left_out = len(self.strips) - MOST_STRIPS
        if left_out > 0:
            canvas.text(MARGIN, y + 8, f"{left_out} earlier journeys are not drawn.")
            y += 26
        shown = self.strips[-MOST_STRIPS:]
        out: tuple[float, float, str, Paint] | None = None
        for index, strip in enumerate(shown):
            y, out = self._strip(strip, y, out, last=index == len(shown) - 1)
        y = self._decisions(y + 12)
        return canvas.source(self.right, self._legend(y + 18) + 14)

    def _subtitle(self) -> str:
        if not self.visits:
            return f"model {self.model.version}"
        last = self.visits[-1].row
        return " · ".join(
            [
                f"now in {self._stage(last.to_stage)}, since {self._time(last.now)}",
                f"journey {last.journey}",
                f"model {last.version}",
                f"times in {self.zone_name}",
            ]
        )

    def _strip(
        self,
        strip: _Strip,
        y: float,
        back: tuple[float, float, str, Paint] | None,
        *,
        last: bool,
    ) -> tuple[float, tuple[float, float, str, Paint] | None]:
        """Draw one journey from y; returns where it ends, and where a return would leave it."""
        canvas = self.canvas
        canvas.text(MARGIN, y + 8, [Span(f"JOURNEY {strip.journey}", True, "#64748b")])
        canvas.line([(MARGIN, y + 21), (self.right - MARGIN, y + 21)], color="#e2e8f0", pen=1.4)
        ranks = [self.model.ranks[visit.row.to_stage] for visit in strip.path]
        jumps = [
            later - rank > 1 or bool(visit.row.passed_over)
            for (rank, later), visit in zip(pairwise(ranks), strip.path[1:], strict=False)
        ]
        first_from_back = back is not None and bool(strip.path)
        top = y + 34 + (38 if any(jumps) else 0) + (38 if first_from_back else 0)
        back_y = y + 34 + 16
        middle = top + _CARD_HEIGHT / 2
        for place, visit in enumerate(strip.path):
            self._card(visit, self._x(ranks[place]), top)
            if place == 0:
                if back is not None:
                    self._return(visit, back, self._x(ranks[0]) + self.card / 2, back_y, top)
                continue
            if jumps[place - 1]:
                self._jump(visit, ranks[place - 1], ranks[place], top)
            else:
                start = self._x(ranks[place - 1]) + self.card
                self._step(visit, start, self._x(ranks[place]), middle)
        bottom = top + (_CARD_HEIGHT if strip.path else 0)
        if not strip.detours:
            out = None
            if not last and strip.path:
                paint = self.palette.stage(strip.path[-1].row.to_stage)
                out = (self._x(ranks[-1]) + self.card / 2, bottom, "", paint)
            return bottom + 26, out
        column = self._column(strip)
        if strip.path:
            top = bottom + 58
            self._drop(strip.detours[0], self._x(column) + self.card / 2, bottom, top)
        else:
            top = y + 34
        for place, visit in enumerate(strip.detours):
            x = self._x(column + place)
            self._card(visit, x, top)
            if place:
                self._step(visit, x - self.gap, x, top + _CARD_HEIGHT / 2)
        x = self._x(column + len(strip.detours) - 1) + self.card / 2
        name = strip.detours[-1].row.to_stage
        bottom = top + _CARD_HEIGHT
        return bottom + 26, (x, bottom, name, self.palette.stage(name))

    def _card(self, visit: _Visit, x: float, y: float) -> None:
        canvas, row = self.canvas, visit.row
        stage = self.model.by_name.get(row.to_stage)
        paint = self.palette.stage(row.to_stage)
        off = stage is None or stage.off_path
        now = visit.stay is None
        canvas.box(
            x, y, self.card, _CARD_HEIGHT,
            fill=PAPER if off else paint.tint, color=paint.line,
            pen=3.4 if now else 2, dash="dashed" if off else "solid",
        )  # fmt: skip
        inner = self.card - 20
        left = x + 10
        code = clean(stage.code) if stage is not None else ""
        if code:
            badge = min(inner, max(18.0, width(code, SMALLEST, bold=True) + 10))
            canvas.box(left, y + 10, badge, 18, fill=paint.line, color=paint.line, pen=0)
            text = cut(code, badge - 6, SMALLEST, bold=True)
            canvas.text(left + badge / 2, y + 19, [Span(text, True, PAPER)], align="center")
        if now and inner > 96:
            canvas.text(left + inner, y + 19, [Span("NOW", True, paint.line)], align="right")
        size = pt(13) if self.card > 120 else pt(10)
        title = self._stage(row.to_stage)
        while size > SMALLEST + 0.5 and not fits(title, inner, size, bold=True):
            size -= pt(1)
        canvas.text(left, y + 43, [Span(cut(title, inner, size, bold=True), True, INK)], size)
        when = self._time(row.now)
        day, hour = when.rsplit(" ", 1)
        rows = [when] if fits(when, inner, SMALLEST) else [day, hour]
        stay = "still here" if visit.stay is None else f"stayed {duration(visit.stay)}"
        if visit.stay == timedelta(0):
            stay = "went on at once"
        for index, text in enumerate([*rows, stay]):
            late = " (late)" if row.late and index == len(rows) else ""
            canvas.text(left, y + 64 + index * 15.5, cut(text + late, inner, SMALLEST))

    def _caption(self, visit: _Visit, room: float, most: int) -> list[str]:
        lines = wrap(self._why(visit.row), room, SMALLEST, lines=most)
        if lines[-1].endswith("…"):  # the words of the rule come first
            lines = wrap(self._why(visit.row, told=False), room, SMALLEST, lines=most)
        return lines

    def _step(self, visit: _Visit, x0: float, x1: float, y: float) -> None:
        by_hand = visit.row.trigger is not None
        paint = self.palette.stage(visit.row.to_stage)
        off = visit.row.to_stage not in self.model.ranks
        self.canvas.line(
            [(x0, y), (x1 - 1, y)],
            color=paint.line, pen=2.4, arrow=True, dash="dashed" if off else "solid",
        )  # fmt: skip
        lines = self._caption(visit, x1 - x0 - 18 - (ICON if by_hand else 0), 3)
        for index, line in enumerate(lines):
            self.canvas.text(
                (x0 + x1) / 2 - 3,
                y + 15 + index * 15.5,
                line,
                align="center",
                icon=by_hand and index == 0,
            )

    def _jump(self, visit: _Visit, rank: int, later: int, top: float) -> None:
        """A fast track above the stages that it passes, which are drawn hollow."""
        row = visit.row
        for between in range(rank + 1, later):
            stage = self.model.path[between]
            x = self._x(between)
            self.canvas.box(
                x, top + 14, self.card, _CARD_HEIGHT - 28, color=FAINT, dash="dashed", pen=1.4
            )
            title = cut(clean(stage.display), self.card - 20, pt(10), bold=True)
            self.canvas.text(
                x + self.card / 2, top + 42, [Span(title, True, SOFT)], pt(10), align="center"
            )
            passed = stage.name in row.passed_over
            text = ("passed over" if row.credit else "no credit") if passed else "not entered"
            self.canvas.text(
                x + self.card / 2, top + 62, cut(text, self.card - 16, SMALLEST), align="center"
            )
        x0, x1 = self._x(rank) + self.card * 0.7, self._x(later) + self.card * 0.3
        y = top - 24
        paint = self.palette.stage(row.to_stage)
        self.canvas.line(
            [(x0, top), (x0, y), (x1, y), (x1, top)], color=paint.line, pen=2.4, arrow=True
        )
        by_hand = row.trigger is not None
        for line in self._caption(visit, x1 - x0 - 30 - (ICON if by_hand else 0), 1):
            self.canvas.text((x0 + x1) / 2, y - 11, line, align="center", icon=by_hand)

    def _drop(self, visit: _Visit, x: float, y0: float, y1: float) -> None:
        paint = self.palette.stage(visit.row.to_stage)
        self.canvas.line([(x, y0), (x, y1)], color=paint.line, pen=2, dash="dashed", arrow=True)
        by_hand = visit.row.trigger is not None
        room = self.right - MARGIN - x - 12 - (ICON if by_hand else 0)
        lines = self._caption(visit, min(260.0, room), 2)
        for index, line in enumerate(lines):
            at = (y0 + y1) / 2 - 4 + (index - (len(lines) - 1) / 2) * 15.5
            self.canvas.text(x + 12, at, line, icon=by_hand and index == 0)

    def _return(
        self,
        visit: _Visit,
        back: tuple[float, float, str, Paint],
        x: float,
        y: float,
        top: float,
    ) -> None:
        """From the detour above into the next journey."""
        x0, y0, _, paint = back
        self.canvas.line(
            [(x0, y0), (x0, y), (x, y), (x, top)],
            color=paint.line, pen=2, arrow=True, halo=True,
        )  # fmt: skip
        by_hand = visit.row.trigger is not None
        room = max(120.0, self.right - MARGIN - x - 14)
        line = self._caption(visit, min(300.0, room), 1)[0]
        left = min(x, x0) + 12
        if abs(x - x0) < 24:
            left = x + 12
        self.canvas.text(left, y - 11, line, icon=by_hand)

    def _decisions(self, y: float) -> float:
        if not self.refused:
            return y
        self.canvas.text(MARGIN, y + 6, [Span("ASKED AND REFUSED", True, "#64748b")])
        y += 28
        for one in self.refused[-_MOST_DECISIONS:]:
            asked = (one.trigger or one.kind or "").replace("_", " ")
            head = f"{self._time(one.now)} · {asked}"
            text = self._reasons(one)
            self.canvas.text(MARGIN, y, [Span(cut(head, 300, SMALLEST, bold=True), True, INK)])
            for line in wrap(text, self.right - 2 * MARGIN - 320, SMALLEST, lines=4):
                self.canvas.text(MARGIN + 320, y, line)
                y += 15.5
            y += 5
        return y

    def _reasons(self, decision: Decision) -> str:
        """Why nothing came of an asking."""
        told = " · ".join(str(refusal) for refusal in decision.unmet) or decision.reason
        return clean(told or f"no such move out of {self._stage(decision.stage)}")

    def _legend(self, y: float) -> float:
        canvas = self.canvas
        canvas.line([(MARGIN, y - 12), (self.right - MARGIN, y - 12)], color="#e2e8f0", pen=1)
        x, y = MARGIN, y + 6
        for name, paint in self.palette.systems.items():
            text = cut(self.palette.labels[name], self.right - MARGIN - x - 34, SMALLEST)
            canvas.box(x + 4, y - 7, 22, 14, fill=paint.tint, color=paint.line, pen=2)
            canvas.text(x + 34, y, text)
            x += 34 + width(text, SMALLEST) + 22
        if any(visit.row.trigger is not None for visit in self.visits):
            canvas.person(x + 6, y, INK)
            text = "a person asked"
            canvas.text(x + 18, y, text)
            x += 18 + width(text, SMALLEST) + 22
        canvas.text(x, y, "dashed and faint: passed over; dashed: off the path")
        return y + 8

    # --- In words

    def sentences(self) -> Iterator[str]:
        """The path in sentences."""
        if not self.visits:
            yield f"{self.who} has no history yet."
        for visit in self.visits:
            row = visit.row
            asked = ", by hand" if row.trigger else ""
            passed = ""
            if row.passed_over:
                names = ", ".join(self._stage(name) for name in row.passed_over)
                passed = f", past {names}{'' if row.credit else ' without credit'}"
            yield (
                f"{self._time(row.now)}, journey {row.journey}: {self._stage(row.to_stage)}"
                f" ({self._why(row)}{asked}{passed})"
                + (
                    f", stayed {duration(visit.stay)}."
                    if visit.stay is not None
                    else ", until now."
                )
            )
        for one in self.refused:
            asked = (one.trigger or one.kind or "").replace("_", " ")
            yield f"{self._time(one.now)}: {asked} was refused, {self._reasons(one)}."

    def mermaid(self) -> str:
        """The path in Mermaid's language."""
        lines = []
        for index, visit in enumerate(self.visits):
            row = visit.row
            stay = "now" if visit.stay is None else duration(visit.stay)
            label = quoted(self._stage(row.to_stage), self._time(row.now), stay)
            lines.append(f"v{index}[{label}]")
            if index:
                arrow = "-.->" if row.kind == "detour" else "-->"
                by = " (by hand)" if row.trigger is not None else ""
                lines.append(f"v{index - 1} {arrow}|{quoted(self._why(row) + by)}| v{index}")
            paint = (
                self.palette.stage(row.to_stage) if row.to_stage in self.model.by_name else NEUTRAL
            )
            lines.append(f"style v{index} fill:{paint.tint},stroke:{paint.line},color:#0f172a")
        return flowchart(f"The path of {self.who}", lines)
