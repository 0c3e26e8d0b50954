"""One person's path: which stages, when, for how long, and what moved the person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING, TypeAlias

import attrs

from lifecycle_fsm.diagram import look
from lifecycle_fsm.diagram.canvas import ICON, Canvas, Span, TextLine, badge_width
from lifecycle_fsm.diagram.drawing import Drawing
from lifecycle_fsm.diagram.graph import Arrow, ArrowKind, Graph, Node
from lifecycle_fsm.diagram.look import FAINT, HEADING, INK, PAPER, RULE
from lifecycle_fsm.diagram.text_fit import fitting_size, width, wrap
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Model, Theme
from lifecycle_fsm.wording import Formatter, clean, duration, rule_words

if TYPE_CHECKING:
    from lifecycle_fsm.machine import Decision

_TALLEST = 20_000.0
"""The height for journeys, of which the last ones are drawn: a PNG cannot be of any height."""
_MOST_DECISIONS = 8
_MOST_LINES, _MOST_LETTERS = 14, 600  # of one text
_MOST_NAMES = 5  # of stages that a move passes
_TEXT = look.pt(10)
_LINE = 17.0  # from one line of text to the next
_CARD = (150.0, 300.0)  # width: minimum and maximum
_USUAL = 200.0  # the width of a card where there is room
_PAD = 10.0
_GAP = 40.0  # between cards
_LANE = 18.0  # from the line above a row of cards to the cards


@attrs.frozen
class _Visit:
    """A stage that was entered, the row that led there, and how long the person stayed."""

    name: str
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
class _Writing:
    """A line on a card, its size, and the step to the next line."""

    line: TextLine
    size: float = _TEXT
    step: float = _LINE


@attrs.frozen
class _Face:
    """What a card shows: a visit, or a stage that a fast track skipped."""

    visit: _Visit | None
    code: str
    lines: list[_Writing]

    @property
    def now(self) -> bool:
        """Whether the person is in this stage."""
        return self.visit is not None and self.visit.stay is None

    @property
    def head(self) -> float:
        """The height of the line with the code."""
        return 26.0 if self.code or self.now else 0.0

    @property
    def height(self) -> float:
        return 2 * _PAD + self.head + sum(line.step for line in self.lines)


@attrs.frozen
class _CardRow:
    """Cards beside each other, by column, and the height of the highest."""

    faces: dict[int, _Face]
    lanes: int  # above the cards: for the line that comes in, and for fast tracks

    @property
    def cards(self) -> float:
        return max(face.height for face in self.faces.values())

    @property
    def height(self) -> float:
        return self.cards + self.lanes * _LANE + 12


_Laid: TypeAlias = tuple[_Strip, list[_CardRow]]


@attrs.frozen
class _Spot:
    """Where the card of a visit was drawn."""

    column: int
    x: float
    top: float
    bottom: float
    strip: int


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
    model = look.themed(model, theme)
    # A merge may leave the stage as it was: that is not a visit [S23].
    history = [row for row in rows if row.from_stage != row.to_stage]
    visits = [
        _Visit(f"v{number}", row, after.now - row.now if after is not None else None)
        for number, (row, after) in enumerate(zip_longest(history, history[1:]))
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
        details={visit.name: tuple(_details(visit, words)) for visit in visits},
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

    def reason(self, row: HistoryRow) -> str:
        """What moved the person: the words of the rule, and what a human asked for."""
        text = self._rules.get(row.rule) or row.rule.replace("_", " ")
        if row.kind in ("merge", "migrate"):
            text = f"{row.kind}d: {text}" if text and text != row.kind else f"{row.kind}d"
        name = (row.trigger or "").replace("_", " ")
        return clean(text if name.casefold() in text.casefold() else f"{text} ({name})")

    def trigger(self, decision: Decision) -> str:
        return (decision.trigger or decision.kind or "").replace("_", " ")

    def refusal(self, decision: Decision) -> str:
        """Why the person was not moved."""
        text = " · ".join(str(refusal) for refusal in decision.unmet) or decision.reason
        return clean(text or f"no such move out of {self.stage(decision.stage)}")


def _first_words(text: str) -> list[str]:
    """The words of the part of a text that is drawn: it may be of any length."""
    return text[:_MOST_LETTERS].split(" ")


class _PersonChart:
    """Lays out the visits: a column for each stage of the path, a strip for each journey.

    A path with more stages than there is room for goes on in further rows. What moved the person
    stands on the card that the move leads to, so that every text has room.
    """

    def __init__(
        self, visits: list[_Visit], refused: list[Decision], words: _PathFormatter
    ) -> None:
        self.visits, self.refused, self.words = visits, refused, words
        self.model = words.model
        self.palette = look.Palette(self.model)
        self.canvas = Canvas("path", _TEXT, theme=self.model.theme)
        self.strips = self._cut()
        room = look.WIDTH - 2 * look.MARGIN
        self.card = self._narrowest()
        self.columns = int((room + _GAP) // (self.card + _GAP))
        used = max([3, *(self._reach(strip) for strip in self.strips)])
        self.columns = min(used, self.columns)
        wide = (room - (self.columns - 1) * _GAP) / self.columns
        self.card = max(self.card, min(_USUAL, wide))
        self.right = max(760.0, 2 * look.MARGIN + self.columns * (self.card + _GAP) - _GAP)

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

    def _narrowest(self) -> float:
        """The width of a card on which no word must be broken, nor a date."""
        names = {clean(stage.display) for stage in self.model.path}
        names |= {self.words.stage(visit.stage) for visit in self.visits}
        wide = [
            width(f"{word},", _TEXT, bold=True) for name in names for word in _first_words(name)
        ]
        for visit in self.visits:
            words = _first_words(self.words.reason(visit.row))
            wide += [width(word, _TEXT) + visit.icon for word in words]
            wide.append(width(self.words.moment(visit.row.now), _TEXT))
        low, high = _CARD
        return min(high, max(low, max(wide, default=0) + 2 * _PAD + 1))

    def _reach(self, strip: _Strip) -> int:
        """How many columns a strip needs if it may have all of them."""
        last = self.model.ranks[strip.path[-1].stage] if strip.path else 0
        return max(last + 1, last + len(strip.detours))

    def _x(self, column: int) -> float:
        return look.MARGIN + column * (self.card + _GAP)

    def draw(self, title: str) -> Canvas:
        """Lay everything out."""
        canvas = self.canvas
        room = min(
            look.WIDTH - 2 * look.MARGIN, width(title[:_MOST_LETTERS], look.pt(20), bold=True) + 1
        )
        self.right = max(self.right, room + 2 * look.MARGIN)
        y = (
            canvas.heading(look.MARGIN, 0, self.right - 2 * look.MARGIN, title, self._subtitle())
            + 10
        )
        if not self.strips:
            canvas.text(look.MARGIN, y + 12, "No history yet.")
            return canvas.trim(self.right, y + 50)
        strips = [(strip, self._rows(strip)) for strip in self.strips]
        drawn = self._last(strips)
        if len(drawn) < len(strips):
            left_out = len(strips) - len(drawn)
            canvas.text(look.MARGIN, y + 8, f"{left_out} earlier journeys are not drawn.")
            y += 26
        before: _Spot | None = None
        for number, (strip, rows) in enumerate(drawn):
            y, before = self._strip(number, strip.journey, rows, y, before)
        y = self._decisions(y + 12)
        return canvas.trim(self.right, self._legend(y + 18) + 14)

    def _last(self, strips: list[_Laid]) -> list[_Laid]:
        """The last strips for which there is room; at least one."""
        height, first = 0.0, len(strips)
        while first and (height < _TALLEST):
            first -= 1
            height += sum(row.height for row in strips[first][1]) + 60
        return strips[first:]

    def _subtitle(self) -> str:
        if not self.visits:
            return f"model {self.model.version}"
        last = self.visits[-1].row
        return (
            f"now in {self.words.stage(last.to_stage)}, since {self.words.moment(last.now)} · "
            f"journey {last.journey} · model {last.version} · times in {self.words.zone_name}"
        )

    # --- Rows of cards

    def _rows(self, strip: _Strip) -> list[_CardRow]:
        """The rows of a strip: those of the path, then those of the detours."""
        rows: list[_CardRow] = []
        ranks = [self.model.ranks[visit.stage] for visit in strip.path]
        bands = {rank // self.columns: dict[int, _Face]() for rank in ranks}
        skips: set[int] = set()
        for before, rank, visit in zip([None, *ranks], ranks, strip.path, strict=False):
            band = rank // self.columns
            skipped = range((rank if before is None else before) + 1, rank)
            beside = before is not None and before // self.columns == band
            bands[band][rank % self.columns] = self._face(visit, past=not (skipped and beside))
            if skipped and beside:
                skips.add(band)
                for between in skipped:
                    bands[band][between % self.columns] = self._hollow(between, visit)
        rows = [_CardRow(bands[band], 3 if band in skips else 2) for band in sorted(bands)]
        if rows and not strip.detours:
            return rows
        column = ranks[-1] % self.columns if ranks else 0
        column = max(0, min(column, self.columns - len(strip.detours)))
        for start in range(0, len(strip.detours), self.columns):
            visits = strip.detours[start : start + self.columns]
            faces = {column + place: self._face(visit) for place, visit in enumerate(visits)}
            rows.append(_CardRow(faces, 2))
        return rows

    def _face(self, visit: _Visit, *, past: bool = False) -> _Face:
        """The text of a visit; ``past`` names the stages that were skipped."""
        row, inner = visit.row, self.card - 2 * _PAD
        title = self.words.stage(visit.stage)
        longest = max(_first_words(title), key=lambda word: width(word, look.pt(13), bold=True))
        size = fitting_size(longest, inner, look.pt(13), bold=True)
        lines = [
            _Writing(TextLine([Span(text, True, INK)]), size, size * 1.3)
            for text in wrap(title, inner, size, bold=True, lines=_MOST_LINES)
        ]
        reason = self.words.reason(row)
        if past and row.passed_over:
            names = ", ".join(self.words.stage(name) for name in row.passed_over)
            if len(row.passed_over) > _MOST_NAMES:
                names = f"{len(row.passed_over)} stages"
            reason += f", past {names}{'' if row.credit else ' without credit'}"
        color = self.palette.stage(visit.stage).line
        wrapped = wrap(reason, inner - visit.icon, _TEXT, lines=_MOST_LINES)
        lines += [
            _Writing(TextLine([Span(text, color=color)], icon=bool(visit.icon) and not place))
            for place, text in enumerate(wrapped)
        ]
        stay = "still here" if visit.stay is None else f"stayed {duration(visit.stay)}"
        if visit.stay == timedelta(0):
            stay = "went on at once"
        when = self.words.moment(row.now)
        for text in (when, f"{stay} (late)" if row.late else stay):
            lines += [
                _Writing(TextLine([Span(part, color=INK)])) for part in wrap(text, inner, _TEXT)
            ]
        stage = self.model.by_name.get(visit.stage)
        return _Face(visit, clean(stage.code) if stage is not None else "", lines)

    def _hollow(self, rank: int, visit: _Visit) -> _Face:
        """The text of a stage that the move to the visit skipped."""
        stage, inner, row = self.model.path[rank], self.card - 2 * _PAD, visit.row
        passed = stage.name in row.passed_over
        text = ("passed over" if row.credit else "no credit") if passed else "not entered"
        title = wrap(clean(stage.display), inner, _TEXT, bold=True, lines=_MOST_LINES)
        lines = [_Writing(TextLine([Span(line, True)])) for line in title]
        lines += [_Writing(TextLine([Span(line)])) for line in wrap(text, inner, _TEXT)]
        return _Face(None, "", lines)

    def _strip(
        self, number: int, journey: int, rows: list[_CardRow], y: float, before: _Spot | None
    ) -> tuple[float, _Spot | None]:
        """Draw one journey from y; returns where it ends, and the card of its last visit."""
        canvas, head = self.canvas, f"JOURNEY {journey}"
        left = look.MARGIN  # right of a line that comes down through the heading
        if (
            before is not None
            and self._exit_x(before) < look.MARGIN + width(head, _TEXT, bold=True) + 12
        ):
            left = self._exit_x(before) + 12
        canvas.text(left, y + 10, [Span(head, True, HEADING)])
        canvas.line(
            [(look.MARGIN, y + 24), (self.right - look.MARGIN, y + 24)], look.Stroke(RULE, 1.4)
        )
        y += 28
        for row in rows:
            top = y + row.lanes * _LANE
            last = -1
            for column, face in sorted(row.faces.items()):
                place = _Spot(column, self._x(column), top, top + row.cards, number)
                self._card(face, place, row.cards)
                if face.visit is None:
                    continue
                if before is not None:
                    self._move(face.visit, before, place, y + _LANE, jump=column - last > 1)
                before, last = place, column
            y = top + row.cards + 12
        return y + 14, before

    def _card(self, face: _Face, place: _Spot, height: float) -> None:
        canvas, visit, x, y = self.canvas, face.visit, place.x, place.top
        if visit is None:
            canvas.box(x, y, self.card, height, color=FAINT, dash="dashed", pen=1.4)
            y += (height - face.height) / 2 + _PAD
            for text in face.lines:
                middle = y + text.step / 2
                canvas.text(x + self.card / 2, middle, text.line, text.size, align="center")
                y += text.step
            return
        paint = self.palette.stage(visit.stage)
        off = visit.stage not in self.model.ranks
        canvas.box(
            x, y, self.card, height, name=visit.name, fill=PAPER if off else paint.tint,
            color=paint.line, pen=3.4 if face.now else 2, dash="dashed" if off else "solid",
        )  # fmt: skip
        left, inner = x + _PAD, self.card - 2 * _PAD
        if face.code:
            badge = min(inner - (50 if face.now else 0), badge_width(face.code, _TEXT))
            canvas.badge(left, y + 21, badge, face.code, paint.line)
        if face.now:
            canvas.text(left + inner, y + 21, [Span("NOW", True, paint.line)], align="right")
        y += _PAD + face.head
        for text in face.lines:
            canvas.text(left, y + text.step / 2, text.line, text.size)
            y += text.step

    # --- Moves: lines between cards

    def _exit_x(self, place: _Spot) -> float:
        """Where a line leaves a card downwards: not in the middle, where another comes in."""
        return place.x + self.card * 0.8

    def _move(self, visit: _Visit, before: _Spot, place: _Spot, lane: float, *, jump: bool) -> None:
        """Draw the line to a visit's card: in its row from the left, else from above."""
        dash: look.Dash = "solid" if visit.stage in self.model.ranks else "dashed"
        stroke = look.Stroke(self.palette.stage(visit.stage).line, 2.4, dash)
        if before.top != place.top:
            x0, x1 = self._exit_x(before), place.x + self.card / 2
            if before.strip == place.strip and before.column == place.column:
                x0 = x1
            points = [(x0, before.bottom), (x0, lane), (x1, lane), (x1, place.top)]
        elif jump:
            x0, x1, y = before.x + self.card * 0.7, place.x + self.card * 0.3, place.top - _LANE
            points = [(x0, place.top), (x0, y), (x1, y), (x1, place.top)]
        else:
            y = (place.top + place.bottom) / 2
            points = [(before.x + self.card, y), (place.x - 1, y)]
        self.canvas.line(points, stroke, arrow=True, halo=before.strip != place.strip)

    # --- Below the path

    def _decisions(self, y: float) -> float:
        if not self.refused:
            return y
        self.canvas.text(look.MARGIN, y + 6, [Span("ASKED AND REFUSED", True, HEADING)])
        y += 28
        for decision in self.refused[-_MOST_DECISIONS:]:
            head = f"{self.words.moment(decision.now)} · {self.words.trigger(decision)}"
            heads = [[Span(line, True, INK)] for line in wrap(head, 300, _TEXT, bold=True, lines=4)]
            room = self.right - 2 * look.MARGIN - 320
            lines = wrap(self.words.refusal(decision), room, _TEXT, lines=4)
            y = 5 + max(
                self.canvas.paragraph(look.MARGIN, y, heads, _LINE),
                self.canvas.paragraph(look.MARGIN + 320, y, lines, _LINE),
            )
        return y

    def _legend(self, y: float) -> float:
        canvas = self.canvas
        canvas.line(
            [(look.MARGIN, y - 12), (self.right - look.MARGIN, y - 12)], look.Stroke(RULE, 1)
        )
        x, y = look.MARGIN, y + 6
        for paint, text in self._legend_texts():
            mark = 34 if isinstance(paint, look.Paint) else 18 if paint else 0
            if x > look.MARGIN and x + mark + width(text, _TEXT) > self.right - look.MARGIN:
                x, y = look.MARGIN, y + 21
            if isinstance(paint, look.Paint):
                canvas.box(x + 4, y - 7, 22, 14, fill=paint.tint, color=paint.line, pen=2)
            elif paint:
                canvas.person(x + 6, y, INK)
            lines = wrap(text, self.right - look.MARGIN - x - mark, _TEXT, lines=4)
            y = canvas.paragraph(x + mark, y, lines, _LINE) - _LINE
            x += mark + width(text, _TEXT) + 22
        return y + 8

    def _legend_texts(self) -> Iterator[tuple[look.Paint | bool, str]]:
        """What the colours, the small figure and the dashes mean."""
        for name, paint in self.palette.systems.items():
            yield paint, self.palette.labels[name]
        if any(visit.icon for visit in self.visits):
            yield True, "a person asked"
        yield False, "dashed and faint: passed over; dashed: off the path"


def _details(visit: _Visit, words: _PathFormatter) -> Iterator[str]:
    """A visit in words, and what its stage means."""
    yield words.stage(visit.stage)
    yield _sentence(visit, words)
    stage = words.model.by_name.get(visit.stage)
    if stage is not None and (meaning := clean(stage.description)):
        yield meaning


def _sentences(
    visits: list[_Visit], refused: list[Decision], who: str, words: _PathFormatter
) -> Iterator[str]:
    """The path in sentences."""
    if not visits:
        yield f"{who} has no history yet."
    yield from (_sentence(visit, words) for visit in visits)
    for decision in refused:
        trigger, refusal = words.trigger(decision), words.refusal(decision)
        yield f"{words.moment(decision.now)}: {trigger} was refused, {refusal}."


def _sentence(visit: _Visit, words: _PathFormatter) -> str:
    """When a person came into a stage, why, and for how long."""
    row = visit.row
    reason = words.reason(row) + (", by hand" if row.trigger else "")
    if row.passed_over:
        names = ", ".join(words.stage(name) for name in row.passed_over)
        reason += f", past {names}{'' if row.credit else ' without credit'}"
    stay = "until now" if visit.stay is None else f"stayed {duration(visit.stay)}"
    where = f"journey {row.journey}: {words.stage(visit.stage)}"
    return f"{words.moment(row.now)}, {where} ({reason}), {stay}."


def _graph(visits: list[_Visit], words: _PathFormatter, title: str) -> Graph:
    """The visits as nodes, in their order."""
    palette, ranks = look.Palette(words.model), words.model.ranks
    nodes, arrows = [], []
    for before, visit in zip([None, *visits], visits, strict=False):
        row, paint = visit.row, palette.stage(visit.stage)
        stage, off = words.stage(visit.stage), visit.stage not in ranks
        lines = (stage, words.moment(row.now), duration(visit.stay, "now"))
        nodes.append(Node(visit.name, lines, paint, shape="detour" if off else "box"))
        if before is not None:
            by = " (by hand)" if row.trigger is not None else ""
            kind: ArrowKind = "detour" if row.kind == "detour" else "move"
            reason = (words.reason(row) + by,)
            arrows.append(Arrow(before.name, visit.name, reason, kind, paint))
    return Graph(title, tuple(nodes), tuple(arrows))
