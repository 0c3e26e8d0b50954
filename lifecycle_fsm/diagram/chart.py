"""The picture of a lifecycle: the path in a row, fast tracks above it, detours below.

It is drawn like the map of a railway. Every fast track has the lane of the stage that it leads to;
every detour has a lane that leads to its card, and one that leads back. Out of a stage one trunk
goes up and one goes down, and lines leave it by a bend in the direction in which people go, so that
hardly any line crosses another and every number stands beside its own line.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import attrs

from lifecycle_fsm.diagram.canvas import (
    ICON,
    INK,
    PAPER,
    SMALLEST,
    SOFT,
    WIDTH,
    Canvas,
    Dash,
    Point,
    Span,
    spans_width,
)
from lifecycle_fsm.diagram.flows import Flow, Part, flows
from lifecycle_fsm.diagram.look import NEUTRAL, Paint, Palette, Pens
from lifecycle_fsm.diagram.words import clean, cut, duration, number, share, width, wrap
from lifecycle_fsm.funnel import Counts
from lifecycle_fsm.model import Model, Stage

MARGIN = 34.0
_HEAD = 44 / 3
_LINE = 15.5  # from one line of small text to the next
_LANE_PAD = 15.0
_BEND = 11.0
_THICKEST = 4.6  # of a dashed line


@attrs.define
class _Card:
    """Where a stage lies."""

    stage: Stage
    x: float
    w: float
    y: float = 0.0
    h: float = 0.0

    @property
    def mid(self) -> float:
        return self.x + self.w / 2

    @property
    def right(self) -> float:
        return self.x + self.w

    @property
    def bottom(self) -> float:
        return self.y + self.h


@attrs.frozen
class Line:
    """A line of text that may begin with the by-hand mark."""

    spans: tuple[Span, ...]
    icon: bool = False


def part_lines(
    parts: Sequence[Part],
    room: float,
    *,
    color: str,
    limit: int = 4,
    numbers: bool = True,
    each: int = 2,
    size: float = SMALLEST,
) -> list[Line]:
    """The parts of a flow as lines of text: number first, so that cutting never takes it."""
    found: list[Line] = []
    for index, part in enumerate(parts):
        if len(found) >= limit or (len(found) == limit - 1 and index < len(parts) - 1):
            rest = parts[index:]
            known = [one.count for one in rest if one.count is not None]
            text = f"+ {len(rest)} more" + (f", {number(sum(known))}" if known and numbers else "")
            found.append(Line((Span(cut(text, room, size), color=SOFT),)))
            break
        space = room - (ICON if part.by_hand else 0)
        figure = (
            fitting_number(part.count, space, size) if numbers and part.count is not None else ""
        )
        used = width(figure + " ", size, bold=True) if figure else 0.0
        allowed = min(each, limit - len(found))
        label = clean(part.label)
        if figure and space - used < width("nnnnn", size):
            rows = ["", *wrap(label, room, size, lines=allowed - 1)] if allowed > 1 else [""]
        elif figure:
            first = wrap(label, space - used, size, lines=1)[0] if allowed == 1 else ""
            if not first:
                head = label.split(" ")
                taken: list[str] = []
                while head and width(" ".join([*taken, head[0]]), size) <= space - used:
                    taken.append(head.pop(0))
                first = " ".join(taken)
                rows = [first]
                if head:
                    rows += wrap(" ".join(head), room, size, lines=allowed - 1)
            else:
                rows = [first]
        else:
            rows = wrap(label, space, size, lines=allowed)
        for place, row in enumerate(rows):
            spans = [Span(row, color=color)]
            if place == 0 and figure:
                spans = [Span(figure + (" " if row else ""), True, color), *spans]
            found.append(Line(tuple(spans), icon=part.by_hand and place == 0))
    return found


def fitting_number(value: int, room: float, size: float, *, bold: bool = True) -> str:
    """The number in full where it fits, else ``9.9M``."""
    full = number(value)
    if width(full, size, bold=bold) <= room or value < 10_000:
        return full
    for limit, unit in ((1_000_000, "M"), (1_000, "k")):
        if value >= limit:
            return f"{value / limit:.3g}{unit}"
    return full


def line_width(line: Line, size: float = SMALLEST) -> float:
    """How wide a line is, with its mark."""
    return spans_width(line.spans, size) + (ICON if line.icon else 0)


class Chart:
    """Lays out one model with or without counts, on a canvas."""

    def __init__(self, model: Model, counts: Counts | None, title: str, subtitle: str) -> None:
        self.model = model
        self.counts = counts
        self.title = clean(title)
        self.subtitle = clean(subtitle)
        self.palette = Palette(model)
        self.flows = flows(model, counts)
        self.pens = Pens(max((flow.count or 0 for flow in self.flows), default=0))
        self.canvas = Canvas(model.name)
        self._rows: list[_Row] = []
        self._bends: list[tuple[list[Point], str, float, Dash]] = []
        ranks = model.ranks
        self.steps = {flow.source: flow for flow in self.flows if flow.kind == "step"}
        self.tracks = [flow for flow in self.flows if flow.kind == "fast_track"]
        self.exits = [flow for flow in self.flows if flow.kind == "detour"]
        self.returns = [flow for flow in self.flows if flow.kind == "return"]
        self.tracks.sort(key=lambda flow: (ranks[flow.target], ranks[flow.source]))
        self._measure()

    # --- Sizes

    def _measure(self) -> None:
        path, detours = self.model.path, self.model.detours
        n = len(path)
        wanted = max(self._wanted_card(stage) for stage in path)
        gap = self._wanted_gap()
        wide = n > 7  # a long path leaves less room for everything
        first = 0.0
        if any(flow.source == path[0].name for flow in self.exits):
            first = 22.0 if wide else 72.0
        margin = 22.0 if wide else MARGIN
        side = 36.0 if wide else 44.0

        def fitted(gap: float, card: float) -> tuple[float, float]:
            """Gap and card where a card of the detours is that wide: the gaps give way first."""
            own = max(0.0, 96 - card) + side if detours else 0.0
            room = WIDTH - 2 * margin - own - first
            gap = max(62.0, min(gap, (room - n * card) / max(1, n - 1)))
            return gap, min(card, (room - (n - 1) * gap) / n)

        card = wanted
        for _ in range(6):  # the cards of the detours keep their width while the others shrink
            gap, card = fitted(gap, card)
        below = max(card, 96.0)
        self.gap, self.first_gap, self.card_width = gap, gap + first, card
        self.narrow = card < 112
        self.cards: dict[str, _Card] = {}
        x = self.margin = margin
        for rank, stage in enumerate(path):
            w = below + side if rank == 0 and detours else card
            self.cards[stage.name] = _Card(stage, x, w)
            x += w + (self.first_gap if rank == 0 else gap)
        self.content_right = x - gap if n > 1 else x - self.first_gap
        self.right = max(self.content_right + margin, 940.0)
        shift = (self.right - margin - self.content_right) / 2
        for placed in self.cards.values():
            placed.x += shift
        self.left = margin + shift
        for stage in detours:
            self.cards[stage.name] = _Card(stage, self.left, below)

    def _wanted_card(self, stage: Stage) -> float:
        owner = width(self.palette.owner(stage.name), SMALLEST, bold=True)
        code = width(stage.code, SMALLEST, bold=True) + 14
        words = max((width(word, 12) for word in clean(stage.label).split(" ")), default=0)
        title = width(clean(stage.display), 20, bold=True)
        label = width(clean(stage.label), 12) / 2 + 22
        people = 0.0
        if self.counts is not None:
            people = width(number(self.counts.people.get(stage.name, 0)), 18, bold=True) + 62
        return max(122.0, min(176.0, max(owner + code, words, title, label, people) + 26))

    def _wanted_gap(self) -> float:
        wanted = 92.0
        for flow in self.steps.values():
            wanted = max(wanted, spans_width(self._headline(flow), _HEAD) + 36)
            for part in flow.parts:
                label = width(clean(part.label), SMALLEST) + (ICON if part.by_hand else 0)
                if len(flow.parts) > 1 and part.count is not None:
                    label += width(number(part.count) + " ", SMALLEST, bold=True)
                wanted = max(wanted, min(label + 20, 124))
        return min(wanted, 150.0)

    def _headline(self, flow: Flow) -> list[Span]:
        if self.counts is None or flow.count is None:
            return []
        spans = [Span(number(flow.count), True, INK)]
        found = self.counts.conversion.get((flow.source, flow.target))
        if found is not None and found.share is not None:
            spans.append(Span(f" · {share(found.share)}", True, SOFT))
        return spans

    # --- Cards

    def _card_lines(self, stage: Stage, w: float) -> list[tuple[float, float, Span]]:
        """The lines under the code of a card: their size, the step to the next, the words."""
        inner = w - self._padding
        owner = self.palette.owner(stage.name)
        lines: list[tuple[float, float, Span]] = []
        if owner and self._code_width(stage) and self._owner_apart(stage, w):
            paint = self.palette.system(stage.system)
            text = cut(owner, inner, SMALLEST, bold=True)
            lines.append((SMALLEST, 17, Span(text, True, paint.line)))
        size = pt(11) if self.narrow else pt(15)
        title = clean(stage.display)
        longest = max(title.split(" "), key=lambda word: width(word, size, bold=True))
        while size > SMALLEST + 0.5 and width(longest, size, bold=True) > inner:
            size -= pt(1)
        lines += [
            (size, size * 1.3, Span(text, True, INK))
            for text in wrap(title, inner, size, bold=True, lines=2)
        ]
        label = clean(stage.label)
        if label and label != title:
            most = 4 if self.narrow else 2
            lines += [
                (SMALLEST, 16, Span(text)) for text in wrap(label, inner, SMALLEST, lines=most)
            ]
        return lines

    @property
    def _padding(self) -> float:
        return 12.0 if self.narrow else 24.0

    def _code_width(self, stage: Stage) -> float:
        code = clean(stage.code)
        return max(18.0, width(code, SMALLEST, bold=True) + 10) if code else 0.0

    def _owner_apart(self, stage: Stage, w: float) -> bool:
        """Whether the owner needs a line of its own."""
        room = w - self._padding - self._code_width(stage) - 6
        return width(self.palette.owner(stage.name), SMALLEST, bold=True) > room

    def _needed(self, card: _Card) -> float:
        """How high a card must be."""
        high = 22.0 + sum(step for _, step, _ in self._card_lines(card.stage, card.w))
        if self._code_width(card.stage) or self.palette.owner(card.stage.name):
            high += 24
        if self.counts is not None:
            high += 44 if self.narrow else 32
        return high

    def _draw_card(self, card: _Card, *, fill: str, dash: Dash) -> None:
        canvas, stage = self.canvas, card.stage
        paint = self.palette.stage(stage.name)
        canvas.box(
            card.x, card.y, card.w, card.h,
            name=stage.name, fill=fill, color=paint.line, pen=2.2, dash=dash,
            tooltip=clean(stage.description),
        )  # fmt: skip
        left, right = card.x + self._padding / 2, card.right - self._padding / 2
        y = card.y + 11
        owner = self.palette.owner(stage.name)
        badge = self._code_width(stage)
        if badge:
            badge = min(badge, right - left)
            code = cut(clean(stage.code), badge - 6, SMALLEST, bold=True)
            canvas.box(left, y, badge, 18, fill=paint.line, color=paint.line, pen=0)
            canvas.text(left + badge / 2, y + 9, [Span(code, True, PAPER)], align="center")
        if owner and not (badge and self._owner_apart(stage, card.w)):
            color = self.palette.system(stage.system).line
            text = cut(owner, right - left - (badge + 6 if badge else 0), SMALLEST, bold=True)
            canvas.text(right, y + 9, [Span(text, True, color)], align="right")
        if owner or badge:
            y += 24
        for size, step, span in self._card_lines(stage, card.w):
            canvas.text(left, y + step / 2, [span], size)
            y += step
        if self.counts is None:
            return
        size = pt(10) if self.narrow else pt(14)
        people = fitting_number(self.counts.people.get(stage.name, 0), right - left, size)
        stay = self.counts.median_stay.get(stage.name)
        words = duration(stay) if stay is not None else ""
        y = card.bottom - (35 if self.narrow else 21)
        canvas.text(left, y, [Span(people, True, INK)], size)
        if self.narrow:
            canvas.text(left, y + 18, words)
        elif width(people, size, bold=True) + width(words, SMALLEST) + 8 < right - left:
            canvas.text(right, y + 1.5, words, align="right")

    # --- The whole

    def draw(self) -> str:
        """Lay everything out; returns the DOT text."""
        y = self._header()
        y = self._groups(y)
        y = self._tracks(y)
        y = self._path(y)
        y = self._detours(y)
        y = self._after(y)
        y = self._legend(y + 36)
        return self.canvas.source(self.right, y + 16)

    def _after(self, y: float) -> float:
        return y

    def _header(self) -> float:
        room = self.right - 2 * self.margin
        self.canvas.text(
            self.margin, 36, [Span(cut(self.title, room, pt(20), bold=True), True, INK)], pt(20)
        )
        y = 66.0
        for text in wrap(self.subtitle, room, pt(10), lines=2):
            self.canvas.text(self.margin, y, text, pt(10))
            y += 18
        return y + 8

    def _groups(self, y: float) -> float:
        path = self.model.path
        runs: list[list[Stage]] = []
        for stage in path:
            if runs and runs[-1][0].group == stage.group:
                runs[-1].append(stage)
            else:
                runs.append([stage])
        if not any(stage.group for stage in path) or len(runs) < 2:
            return y
        for run in runs:
            if not run[0].group:
                continue
            x0 = self.cards[run[0].name].x
            x1 = self.cards[run[-1].name].right
            self.canvas.line([(x0, y + 20), (x1, y + 20)], color="#94a3b8", pen=2.4)
            text = cut(clean(run[0].group).upper(), x1 - x0, SMALLEST, bold=True)
            self.canvas.text(x0, y + 7, [Span(text, True, "#64748b")])
        return y + 34

    # --- Fast tracks

    def _tracks(self, y: float) -> float:
        """Lanes above the path; returns the top of the path."""
        ranks = self.model.ranks
        lanes: dict[str, list[Flow]] = {}
        for flow in self.tracks:
            lanes.setdefault(flow.target, []).append(flow)
        if not lanes:
            return y + 10
        order = sorted(lanes, key=ranks.__getitem__)
        up = {name: self._up(name) for name in {flow.source for flow in self.tracks}}
        down = {name: self._down(name) for name in order}
        plans = []
        for index, target in enumerate(order):
            higher = order[index + 1 :]
            walls = [down[name] for name in higher]
            walls += [up[flow.source] for name in order[index:] for flow in lanes[name]]
            plans.append(self._track_label(target, lanes[target], up, down[target], walls))
        height = sum(len(lines) * _LINE + _LANE_PAD for _, lines in plans)
        top = y + height + 26
        at = top - 26.0
        levels: dict[str, float] = {}
        for target, (x, lines) in zip(order, plans, strict=True):
            levels[target] = at
            for index, line in enumerate(lines):
                self.canvas.text(
                    x, at - 11 - (len(lines) - 1 - index) * _LINE, line.spans, icon=line.icon
                )
            at -= len(lines) * _LINE + _LANE_PAD
        for target in order:
            self._lane(target, lanes[target], up, down[target], levels[target], top)
        for source in sorted(up, key=ranks.__getitem__):
            leaving = [flow for flow in self.tracks if flow.source == source]
            joins = [(levels[flow.target], flow, self._flow_paint(flow)) for flow in leaving]
            self._fan(up[source], top, joins, source, turn=1)
        self._finish()
        return top

    def _up(self, name: str) -> float:
        card = self.cards[name]
        return card.mid + card.w * 0.2

    def _down(self, name: str) -> float:
        card = self.cards[name]
        return card.mid - card.w * 0.2

    def _track_label(
        self,
        target: str,
        lane: list[Flow],
        up: dict[str, float],
        end: float,
        walls: list[float],
    ) -> tuple[float, list[Line]]:
        """The widest free place above a lane, and the words that fit there."""
        parts = merged(lane)
        start = min(up[flow.source] for flow in lane)
        stops = sorted({start, end, *(x for x in walls if start < x < end)})
        spaces = [(left + 14, right - 12) for left, right in pairwise(stops)]
        color = self._track_paint(lane).line
        best: tuple[tuple[int, float], float, list[Line]] | None = None
        for left, right in spaces:
            if right - left < 24:
                continue
            lines = part_lines(parts, right - left, color=color, limit=4)
            cutoff = sum("…" in span.text for line in lines for span in line.spans)
            rank = (cutoff * 3 + len(lines), -left)  # the nearest to the end, where nothing is cut
            if best is None or rank < best[0]:
                best = (rank, left, lines)
        return (best[1], best[2]) if best else (start + 14, [])

    def _track_paint(self, lane: Sequence[Flow]) -> Paint:
        owners = {flow.system for flow in lane}
        if len(owners) == 1 and (owner := owners.pop()):
            return self.palette.system(owner)
        return NEUTRAL

    def _lane(
        self,
        target: str,
        lane: list[Flow],
        up: dict[str, float],
        end: float,
        y: float,
        top: float,
    ) -> None:
        """The level part of a fast track, and its end."""
        paint = self._track_paint(lane)
        stops = sorted(lane, key=lambda flow: up[flow.source])
        total = 0
        for index, flow in enumerate(stops):
            total += flow.count or 0
            pen = self.pens(total if self.counts is not None else None)
            x = up[flow.source] + _BEND
            if index < len(stops) - 1:
                join = up[stops[index + 1].source] + _BEND
                self.canvas.line([(x, y), (join, y)], color=paint.line, pen=pen)
            else:
                self.canvas.line(
                    [(x, y), (end, y), (end, top)],
                    color=paint.line,
                    pen=pen,
                    arrow=True,
                    head=target,
                    radius=_BEND,
                )

    def _flow_paint(self, flow: Flow) -> Paint:
        return self.palette.system(flow.system)

    def _fan(
        self,
        x: float,
        start: float,
        joins: Sequence[tuple[float, Flow, Paint]],
        stage: str,
        *,
        turn: int,
        dash: Dash = "solid",
        arrive: bool = False,
        most: float = 99.0,
    ) -> None:
        """A trunk at x out of a stage, with a bend into the lane of each flow, nearest first.

        ``arrive`` turns it round: lanes bend into the trunk, which leads into the stage.
        """
        whole = sum(flow.count or 0 for _, flow, _ in joins)
        counted = self.counts is not None
        before = start
        for index, (lane, flow, paint) in enumerate(joins):
            ahead = {one.line for *_, one in joins[index:]}
            color = paint.line if len(ahead) == 1 else NEUTRAL.line
            short = lane + _BEND if lane < start else lane - _BEND
            points = [(x, before), (x, short)]
            self.canvas.line(
                points[::-1] if arrive else points,
                color=color,
                pen=min(most, self.pens(whole if counted else None)),
                dash=dash,
                arrow=arrive and index == 0,
                head=stage if index == 0 and arrive else None,
                halo=True,
            )
            self._bends.append(
                (
                    [(x, short), (x, lane), (x + turn * _BEND, lane)],
                    paint.line,
                    min(most, self.pens(flow.count)),
                    dash,
                )
            )
            whole -= flow.count or 0
            before = short

    def _finish(self) -> None:
        """Draw the bends, over all that they join."""
        for points, color, pen, dash in self._bends:
            self.canvas.line(points, color=color, pen=pen, dash=dash, radius=_BEND)
        self._bends.clear()

    # --- The path

    def _path(self, y: float) -> float:
        captions = {}
        for name, flow in self.steps.items():
            room = self._gap_after(name) - 18
            head = self._headline(flow)
            size = _HEAD
            heads = [head] if head else []
            if head and spans_width(head, size) > room:
                size = pt(9)
                figure = fitting_number(flow.count or 0, room, size)
                heads = [[Span(figure, True, INK)]]
                if len(head) > 1:
                    heads.append([Span(head[1].text.removeprefix(" · "), True, SOFT)])
            words = part_lines(
                flow.parts,
                room,
                color=SOFT,
                limit=4,
                numbers=len(flow.parts) > 1,
                each=3,
            )
            captions[name] = (heads, size, words)
        cards = [self.cards[stage.name] for stage in self.model.path]
        high = max(self._needed(card) for card in cards)
        above = max((len(heads) * size * 1.3 for heads, size, _ in captions.values()), default=0)
        below = max((len(words) * _LINE for *_, words in captions.values()), default=0)
        high = max(high, 2 * max(above, below) + 40)
        middle = y + high / 2
        for card in cards:
            card.y, card.h = y, high
            paint = self.palette.stage(card.stage.name)
            self._draw_card(card, fill=paint.tint, dash="solid")
        for name, flow in self.steps.items():
            card, after = self.cards[name], self.cards[flow.target]
            heads, size, words = captions[name]
            pen = self.pens(flow.count, plain=3.4)
            centre = (card.right + after.x) / 2 - 4
            owner = self.palette.system(flow.system)
            self.canvas.line(
                [(card.right, middle), (after.x - 1, middle)],
                color=owner.line,
                pen=pen,
                arrow=True,
                tail=name,
                head=flow.target,
            )
            at = middle - pen / 2 - 9 - size * 0.65
            for head in reversed(heads):
                self.canvas.text(centre, at, head, size, align="center")
                at -= size * 1.3
            at = middle + pen / 2 + 10 + SMALLEST * 0.65
            for line in words:
                self.canvas.text(centre, at, line.spans, align="center", icon=line.icon)
                at += _LINE
        return y + high

    def _gap_after(self, name: str) -> float:
        return self.first_gap if name == self.model.path[0].name else self.gap

    # --- Detours

    def _trunk(self, name: str) -> float:
        """Where people leave a stage downwards."""
        card = self.cards[name]
        if name == self.model.path[0].name:
            return card.right - 14
        if self.model.ranks[name] == len(self.model.path) - 1:
            return card.x + card.w * 0.25 - min(26, card.w * 0.17)
        return card.mid - min(20, card.w * 0.14)

    def _riser(self, name: str) -> float:
        """Where they come back up."""
        card = self.cards[name]
        if self.model.ranks[name] == len(self.model.path) - 1:
            return card.x + card.w * 0.25  # its words stand beside it, and there is no gap behind
        return card.mid + min(20, card.w * 0.14)

    def _detours(self, y: float) -> float:
        if not self.model.detours:
            return y
        top = y + 40
        for stage in self.model.detours:
            row = self._row(stage, top)
            self._rows.append(row)
            top = row.card.bottom + 22
        for row in self._rows:
            paint = self.palette.stage(row.card.stage.name)
            right = max(self.content_right + self.left - self.margin, row.card.right)
            self.canvas.band(
                row.card.x - 8,
                row.card.y - 8,
                right - row.card.x + 16,
                row.card.h + 16,
                paint.tint,
            )
        for row in self._rows:
            self._exit_lane(row)
            self._return_lane(row)
        self._trunks(y)
        self._risers(y)
        self._finish()
        for row in self._rows:
            self._draw_card(row.card, fill=PAPER, dash="dashed")
            self._row_labels(row)
        return self._rows[-1].card.bottom

    def _row(self, stage: Stage, top: float) -> _Row:
        card = self.cards[stage.name]
        paint = self.palette.stage(stage.name)
        exits = [flow for flow in self.exits if flow.target == stage.name]
        returns = [flow for flow in self.returns if flow.source == stage.name]
        ranks = self.model.ranks
        labels: list[tuple[str, float, list[Line], bool]] = []
        origin = self.model.path[0].name
        beside: list[Part] = []
        for flow in exits:
            if flow.source in ranks and flow.source != origin:
                room = self._trunk(flow.source) - 9 - self._left_edge(flow.source)
                lines = part_lines(flow.parts, room, color=paint.line, limit=4)
                labels.append(("exit", self._trunk(flow.source) - 9, lines, True))
            elif flow.source == origin:
                beside += flow.parts
            else:
                shown = self.model.stage(flow.source).display
                beside += [
                    attrs.evolve(part, label=f"{part.label}, from {shown}") for part in flow.parts
                ]
        if beside:
            x = self._side_line() + 9
            room = self._left_edge(self.model.path[1].name) - x - 6
            labels.append(("exit", x, part_lines(beside, room, color=paint.line, limit=4), False))
        for flow in returns:
            x = self._riser(flow.target) + 9
            room = self._right_edge(flow.target) - x
            lines = part_lines(flow.parts, room, color=paint.line, limit=4)
            labels.append(("return", x, lines, False))
        most = {
            kind: max((len(lines) for one, _, lines, _ in labels if one == kind), default=0)
            for kind in ("exit", "return")
        }
        side = any(flow.source == stage.name for flow in self.exits)
        exit_y = top + max(24.0, most["exit"] * _LINE + 10)
        return_y = exit_y + max(26.0, most["return"] * _LINE + 14)
        high = (return_y if returns else exit_y) - top + 16
        side_y = top + high if side else 0.0
        high += 14 if side else 0
        card.y, card.h = top, max(self._needed(card), high)
        return _Row(card, exits, returns, exit_y, return_y, side_y, labels)

    # Words of exits stand above their lane, those of returns between the two lanes: they share no
    # height, and each has the room up to the next line.

    def _left_edge(self, name: str) -> float:
        """Where the words of exits may begin."""
        rank = self.model.ranks[name]
        if rank > 1:
            return self._riser(self.model.path[rank - 1].name) + 9
        return self.cards[name].x - self.first_gap * 0.37 + 5

    def _right_edge(self, name: str) -> float:
        """Where the words of returns must end."""
        rank = self.model.ranks[name]
        if rank == len(self.model.path) - 1:
            return self.cards[name].right + 4
        return self._trunk(self.model.path[rank + 1].name) - 9

    def _side_line(self) -> float:
        """Where people go from one detour to another."""
        return self.cards[self.model.path[0].name].right + 4

    def _exit_lane(self, row: _Row) -> None:
        paint = self.palette.stage(row.card.stage.name)
        joins = sorted(
            ((self._exit_x(flow.source), flow) for flow in row.exits), key=lambda one: -one[0]
        )
        total = 0
        for index, (x, flow) in enumerate(joins):
            total += flow.count or 0
            last = index == len(joins) - 1
            end = row.card.right + 1 if last else joins[index + 1][0] - _BEND
            self.canvas.line(
                [(x - _BEND, row.exit_y), (end, row.exit_y)],
                color=paint.line,
                pen=min(_THICKEST, self.pens(total if self.counts is not None else None)),
                dash="dashed",
                arrow=last,
                head=row.card.stage.name if last else None,
            )

    def _exit_x(self, source: str) -> float:
        return self._trunk(source) if source in self.model.ranks else self._side_line()

    def _return_lane(self, row: _Row) -> None:
        if not row.returns:
            return
        paint = self.palette.stage(row.card.stage.name)
        leaves = sorted(
            ((self._riser(flow.target), flow) for flow in row.returns), key=lambda one: one[0]
        )
        total = sum(flow.count or 0 for _, flow in leaves)
        x = row.card.right
        for riser, flow in leaves:
            end = riser - _BEND
            self.canvas.line(
                [(x, row.return_y), (end, row.return_y)],
                color=paint.line,
                pen=min(_THICKEST, self.pens(total if self.counts is not None else None)),
            )
            total -= flow.count or 0
            x = end

    def _trunks(self, y: float) -> None:
        """Out of each stage, down to the lanes of its detours."""
        for stage in self.model.path:
            joins = [
                (row.exit_y, flow, self.palette.stage(row.card.stage.name))
                for row in self._rows
                for flow in row.exits
                if flow.source == stage.name
            ]
            if joins:
                self._fan(
                    self._trunk(stage.name), y, joins, stage.name,
                    turn=-1, dash="dashed", most=_THICKEST,
                )  # fmt: skip
        for row in self._rows:
            out = [
                (other, flow)
                for other in self._rows
                for flow in other.exits
                if flow.source == row.card.stage.name
            ]
            paint = self.palette.stage(row.card.stage.name)
            for other, flow in out:
                x = self._side_line()
                self.canvas.line(
                    [
                        (row.card.right, row.side_y),
                        (x, row.side_y),
                        (x, other.exit_y),
                        (x - _BEND, other.exit_y),
                    ],
                    color=paint.line,
                    pen=min(_THICKEST, self.pens(flow.count)),
                    dash="dashed",
                    radius=_BEND,
                    halo=True,
                )

    def _risers(self, y: float) -> None:
        """Back up into each stage, from the lanes of the detours."""
        for stage in self.model.path:
            joins = [
                (row.return_y, flow, self.palette.stage(row.card.stage.name))
                for row in self._rows
                for flow in row.returns
                if flow.target == stage.name
            ]
            if joins:
                self._fan(
                    self._riser(stage.name), y, joins, stage.name,
                    turn=-1, arrive=True, most=_THICKEST,
                )  # fmt: skip

    def _row_labels(self, row: _Row) -> None:
        for kind, x, lines, before in row.labels:
            lane = row.exit_y if kind == "exit" else row.return_y
            for index, line in enumerate(lines):
                self.canvas.text(
                    x,
                    lane - 12 - (len(lines) - 1 - index) * _LINE,
                    line.spans,
                    align="right" if before else "left",
                    icon=line.icon,
                )

    # --- The legend

    def _legend(self, y: float) -> float:
        """What the signs mean, in as many lines as it needs."""
        canvas = self.canvas
        x = self.margin
        canvas.line(
            [(self.margin, y - 14), (self.right - self.margin, y - 14)], color="#e2e8f0", pen=1
        )
        y += 4

        def room_for(text: str) -> tuple[float, float]:
            nonlocal x, y
            wide = 40 + width(text, 12) + 22
            if x > self.margin and x + wide > self.right - self.margin:
                x, y = self.margin, y + 21
            here = x
            x += wide
            return here, y

        for name, paint in self.palette.systems.items():
            text = f"{clean(self.palette.labels[name])} owns it"
            left, at = room_for(text)
            canvas.box(left + 6, at - 7, 24, 14, fill=paint.tint, color=paint.line, pen=2)
            canvas.text(left + 40, at, text, 12)
        samples: list[tuple[str, dict[str, object]]] = []
        samples.append(("step, or fast track above", {"color": INK, "arrow": True}))
        if self.model.detours:
            samples.append(
                ("detour, off the path", {"color": "#b45309", "dash": "dashed", "arrow": True})
            )
        if self.returns:
            samples.append(("return: the next journey begins", {"color": "#b45309", "arrow": True}))
        for text, look in samples:
            left, at = room_for(text)
            canvas.line([(left, at), (left + 34, at)], pen=2, **look)  # type: ignore[arg-type]
            canvas.text(left + 42, at, text, 12)
        if any(part.by_hand for flow in self.flows for part in flow.parts):
            text = "a person asks for it; without it, a system does"
            left, at = room_for(text)
            canvas.person(left + 28 if left > self.margin else left + 18, at, INK)
            canvas.text(left + 40, at, text, 12)
        for text in self._notes():
            for line in wrap(text, self.right - 2 * self.margin, 12, lines=3):
                y += 21
                canvas.text(self.margin, y, line, 12)
        return y + 6

    def _notes(self) -> list[str]:
        if self.counts is None:
            return []
        return [
            "On a card: people in the stage "
            + ("now" if self.counts.window[1] is None else "at the end of the window")
            + ", and the median time of completed visits. On a step: how many took it · of the "
            "journeys that first entered the stage, the share that later "
            + (
                "entered the next."
                if self.counts.reading == "through"
                else "entered the next or were carried past it."
            )
            + " The more people, the wider the line."
        ]


@attrs.define
class _Row:
    """A detour with its lanes."""

    card: _Card
    exits: list[Flow]
    returns: list[Flow]
    exit_y: float
    return_y: float
    side_y: float
    labels: list[tuple[str, float, list[Line], bool]]


def merged(lane: Sequence[Flow]) -> list[Part]:
    """The parts of several flows, those of the same words as one."""
    found: dict[tuple[str, bool], Part] = {}
    for flow in lane:
        for part in flow.parts:
            before = found.get((part.label, part.by_hand))
            if before is None:
                found[part.label, part.by_hand] = part
            elif before.count is not None and part.count is not None:
                found[part.label, part.by_hand] = attrs.evolve(
                    before, count=before.count + part.count
                )
    return list(found.values())


def pt(points: int) -> float:
    """Points as pixels, for a size of text."""
    return points / 0.75
