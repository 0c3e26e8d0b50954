"""Original processing: the numbered chain, and the sort as a list of questions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from lifecycle_fsm.diagram import look
from lifecycle_fsm.diagram.canvas import Canvas, Point, Span, badge_width
from lifecycle_fsm.diagram.chart.rule_entries import RuleWriter
from lifecycle_fsm.diagram.drawing import Drawing
from lifecycle_fsm.diagram.graph import Arrow, Graph, Node
from lifecycle_fsm.diagram.look import HEADING, INK, PAPER, SOFT
from lifecycle_fsm.diagram.text_fit import cut, width, wrap
from lifecycle_fsm.guard import Always
from lifecycle_fsm.model import Model, SortRule, StepDef, Theme
from lifecycle_fsm.wording import Formatter, clean, rule_words

_RIGHT = 1240.0
_PER_ROW = 5  # steps
_GAP = 40.0  # between steps
_STEP = (_RIGHT - 2 * look.MARGIN - (_PER_ROW - 1) * _GAP) / _PER_ROW  # the width of a step
_BELOW = 34.0  # from a row of steps to the next
_LINE = 15.5
_RULE, _TARGET = 640.0, 220.0  # the widths of a rule of the sort and of its stage


def draw_processing(
    model: Model, *, title: str | None = None, theme: Theme | None = None
) -> Drawing:
    """Draw what every new person goes through: the steps by number, then the sort."""
    model = look.themed(model, theme)
    if title is None:
        title = f"{model.title or model.name}: original processing"
    return Drawing(
        canvas=_ProcessingChart(model).draw(clean(title)),
        graph=_graph(model, title),
        title=title,
        description=" ".join(_sentences(model)),
    )


def _step_words(step: StepDef) -> str:
    return clean(step.label) or clean(step.name.replace("_", " "))


def _condition(model: Model, rule: SortRule) -> str:
    """The question of a sort rule in words."""
    return Formatter(model, whole=True).condition(rule.when) or "everybody else"


class _StepText:
    """The text on the card of a step."""

    def __init__(self, step: StepDef) -> None:
        self.code = f"{step.number:03}"
        self.failure = f"on failure: {step.on_failure}"
        self.failure_color = SOFT if step.on_failure == "skip" else look.UNSEEN.line
        self.title = wrap(_step_words(step), _STEP - 24, look.pt(12), bold=True, lines=6)
        self.fields = [
            (head, wrap(_list(names, "—"), _STEP - 24 - 46, look.SMALLEST, lines=60))
            for head, names in (("reads", step.reads), ("writes", step.writes))
        ]
        rows = sum(len(names) for _, names in self.fields)
        self.height = 50 + len(self.title) * 20 + rows * _LINE + 12


class _ProcessingChart:
    """The chain from left to right, the questions of the sort from top to bottom."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.palette = look.Palette(model)
        self.canvas = Canvas("processing", theme=model.theme)
        self.words = RuleWriter(model, self.palette, _RULE - 80)

    def draw(self, title: str) -> Canvas:
        """Lay everything out."""
        subtitle = (
            "Everybody who is new passes these steps, in this order, before anything else may "
            f"happen. Model {self.model.version}"
        )
        if self.model.settle:
            settle = Formatter(self.model).length(self.model.settle)
            subtitle += f" · a log that does not say so is sorted {settle} later"
        y = self.canvas.heading(look.MARGIN, 0, _RIGHT - 2 * look.MARGIN, title, subtitle)
        y, x = self._chain(y + 16)
        return self.canvas.trim(_RIGHT, self._sort(y, x) + 22)

    def _arrow(self, *points: Point, width: float = 2.4) -> None:
        self.canvas.line(points, look.Stroke(look.NEUTRAL.line, width), arrow=True)

    # --- The chain

    def _chain(self, y: float) -> tuple[float, float]:
        """Draw the steps; returns where they end, and the middle of the last one."""
        chain = self.model.chain
        middle = look.MARGIN + 40
        first, last = (
            look.MARGIN + _STEP / 2 + place * (_STEP + _GAP) for place in (0, _PER_ROW - 1)
        )
        for start in range(0, len(chain), _PER_ROW):
            texts = [_StepText(step) for step in chain[start : start + _PER_ROW]]
            high = max(text.height for text in texts)
            if start:
                turn = y + _BELOW / 2
                y += _BELOW
            for index, text in enumerate(texts):
                x = look.MARGIN + index * (_STEP + _GAP)
                self._step(text, x, y, high)
                if index:
                    self._arrow((x - _GAP, y + high / 2), (x - 1, y + high / 2))
                elif start:
                    self._arrow((last, y - _BELOW), (last, turn), (first, turn), (first, y))
                middle = x + _STEP / 2
            y += high
        return y, middle

    def _step(self, step: _StepText, x: float, y: float, high: float) -> None:
        canvas, paint = self.canvas, self.palette.stage(self.model.initial.name)
        canvas.box(x, y, _STEP, high, fill=paint.tint, color=paint.line, pen=2)
        canvas.badge(x + 12, y + 20, 36, step.code, paint.line)
        failure = Span(step.failure, color=step.failure_color)
        canvas.text(x + _STEP - 12, y + 20, [failure], align="right")
        title = [[Span(line, True, INK)] for line in step.title]
        at = canvas.paragraph(x + 12, y + 50, title, 20, look.pt(12)) + 4
        for head, names in step.fields:
            canvas.text(x + 12, at, [Span(head, color=HEADING)])
            lines = [[Span(line, color=INK)] for line in names]
            at = canvas.paragraph(x + 12 + 46, at, lines, _LINE)

    # --- The sort

    def _sort(self, y: float, entry: float) -> float:
        """Draw the questions below y, with an arrow from x = entry; returns where they end."""
        canvas, x = self.canvas, look.MARGIN
        head, down = y + 34, x + 24
        if self.model.chain:
            turn = y + 16
            self._arrow((entry, y), (entry, turn), (down, turn), (down, head))
        canvas.box(x, head, _RULE, 34, fill=look.NEUTRAL.line, color=look.NEUTRAL.line, pen=0)
        title = Span("090  The sort: the first answer “yes” wins", True, PAPER)
        canvas.text(x + 14, head + 17, [title], look.pt(11))
        y = head + 34
        for index, rule in enumerate(self.model.sort, 1):
            last = isinstance(rule.when, Always)
            lines = self.words.condition(rule)
            high = max(44.0, len(lines) * 18 + 22)
            top = y + 22
            self._arrow((down, y), (down, top), width=2)
            if index > 1:
                canvas.text(down + 10, y + 10, "no")
            canvas.box(x, top, _RULE, high, color=look.NEUTRAL.line, pen=1.6)
            middle = top + high / 2
            canvas.text(down, middle, [Span(str(index), True, SOFT)], look.pt(11), align="center")
            at = middle - (len(lines) - 1) / 2 * 18
            for line in lines:
                canvas.text(x + 56 + line.indent, at, line.text, look.pt(10))
                at += 18
            self._answer(rule, x + _RULE, middle, yes=not last)
            y = top + high
        for term in self.words.names(self.model.sort):
            y += 16 if term.heading else 0
            for line in term.lines:
                canvas.text(x + line.indent, y + 16, line.text)
                y += 18
        return y

    def _answer(self, rule: SortRule, x: float, y: float, *, yes: bool) -> None:
        """Draw the arrow from a question, whose right edge is x, to the stage of its answer."""
        canvas, target = self.canvas, _RIGHT - look.MARGIN - _TARGET
        color = self.palette.system(rule.system).line
        canvas.line([(x, y), (target - 1, y)], look.Stroke(color, 2.2), arrow=True)
        answer = [Span("yes", True, INK)] if yes else []
        if words := cut(rule_words(rule), target - x - 60, look.SMALLEST):
            answer.append(Span((" · " if yes else "") + words, color=color))
        canvas.text(x + 14, y - 12, answer)
        if rule.skips is not None:
            skipped = "no credit" if rule.skips == "no_credit" else "passed over"
            canvas.text(x + 14, y + 13, f"stages between: {skipped}")
        self._target(rule.target, target, y)

    def _target(self, name: str, x: float, middle: float) -> None:
        canvas, stage = self.canvas, self.model.stage(name)
        paint = self.palette.stage(name)
        off = stage.off_path
        canvas.box(
            x, middle - 20, _TARGET, 40, fill=PAPER if off else paint.tint,
            color=paint.line, pen=2, dash="dashed" if off else "solid",
        )  # fmt: skip
        left, room = x + 12, _TARGET - 24
        if code := clean(stage.code):
            badge = min(70.0, badge_width(code, look.SMALLEST))
            canvas.badge(left, middle, badge, code, paint.line)
            left, room = left + badge + 9, room - badge - 9
        owner = self.palette.owner(name)
        title = cut(clean(stage.display), room, look.pt(12), bold=True)
        canvas.text(left, middle, [Span(title, True, INK)], look.pt(12))
        rest = room - width(title, look.pt(12), bold=True) - 10
        if owner and width(owner, look.SMALLEST, bold=True) <= rest:
            color = self.palette.system(stage.system).line
            canvas.text(x + _TARGET - 12, middle, [Span(owner, True, color)], align="right")


def _sentences(model: Model) -> Iterator[str]:
    if not model.chain:
        yield "There are no steps before the sort."
    for step in model.chain:
        yield (
            f"Step {step.number:03}, {_step_words(step)}: reads {_list(step.reads)}, writes "
            f"{_list(step.writes)}; on failure it is "
            + ("skipped." if step.on_failure == "skip" else "parked.")
        )
    for index, rule in enumerate(model.sort, 1):
        target = clean(model.stage(rule.target).display)
        yield f"Sort rule {index}, {rule_words(rule)}: {_condition(model, rule)}, to {target}."


def _list(names: tuple[str, ...], none: str = "nothing") -> str:
    return ", ".join(name.replace("_", " ") for name in names) or none


def _graph(model: Model, title: str) -> Graph:
    """The steps and the questions as nodes, and the stages that the answers lead to."""
    palette, paint = look.Palette(model), look.Palette(model).stage(model.initial.name)
    nodes = [
        Node(f"step{index}", (f"{step.number:03}", _step_words(step)), paint)
        for index, step in enumerate(model.chain)
    ]
    arrows = [Arrow(tail.name, head.name) for tail, head in pairwise(nodes)]
    for index, rule in enumerate(model.sort):
        last, name = isinstance(rule.when, Always), f"rule{index}"
        if nodes:
            arrows.append(Arrow(nodes[-1].name, name, ("no",) if index else ()))
        question = (_condition(model, rule),)
        nodes.append(Node(name, question, shape="box" if last else "question"))
        answer = ("" if last else "yes", rule_words(rule))
        color = palette.system(rule.system)
        arrows.append(Arrow(name, f"s_{rule.target}", answer, paint=color))
    for stage in map(model.stage, dict.fromkeys(rule.target for rule in model.sort)):
        lines = (f"{stage.code} {stage.display}", palette.owner(stage.name))
        nodes.append(Node(f"s_{stage.name}", lines, palette.stage(stage.name)))
    return Graph(title, tuple(nodes), tuple(arrows), direction="TB")
