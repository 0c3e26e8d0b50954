"""Original processing: the numbered chain, and the sort as the list of questions that it is."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.diagram.canvas import Canvas, Span
from lifecycle_fsm.diagram.look import INK, MARGIN, NEUTRAL, PAPER, SMALLEST, SOFT, Palette, pt
from lifecycle_fsm.diagram.mermaid import flowchart, quoted
from lifecycle_fsm.diagram.render import Drawing
from lifecycle_fsm.diagram.text_fit import cut, width, wrap
from lifecycle_fsm.guard import Always, label
from lifecycle_fsm.model import Model, SortRule, StepDef
from lifecycle_fsm.wording import Formatter, clean, rule_words

_RIGHT = 1240.0
_PER_ROW = 5
_ROW = 15.5


def draw_processing(model: Model, *, title: str | None = None) -> Drawing:
    """Draw what every new person passes: the steps by number, then the sort."""
    if title is None:
        title = f"{model.title or model.name}: original processing"
    return Drawing(
        dot=_ProcessingChart(model, clean(title)).draw(),
        title=clean(title),
        description=" ".join(_sentences(model)),
        mermaid=_mermaid(model, title),
    )


def step_words(step: StepDef) -> str:
    """The words of a step."""
    return clean(step.label) or clean(step.name.replace("_", " "))


def condition(model: Model, rule: SortRule, *, expand: bool = True) -> str:
    """The question of a sort rule in words."""
    if isinstance(rule.when, Always):
        return "everybody else"
    return clean(label(rule.when, model.vocabulary, expand=expand))


class _ProcessingChart:
    """The chain from left to right, the questions of the sort from top to bottom."""

    def __init__(self, model: Model, title: str) -> None:
        self.model = model
        self.title = title
        self.palette = Palette(model)
        self.canvas = Canvas("processing")

    def draw(self) -> str:
        """Lay everything out; returns the DOT text."""
        canvas, model = self.canvas, self.model
        room = _RIGHT - 2 * MARGIN
        text = cut(self.title, room, pt(20), bold=True)
        canvas.text(MARGIN, 36, [Span(text, True, INK)], pt(20))
        subtitle = (
            "Everybody who is new passes these steps, in this order, before anything else may "
            f"happen. Model {model.version}"
        )
        if model.settle:
            settle = Formatter(model).length(model.settle)
            subtitle += f" · a log that does not say so is sorted {settle} later"
        y = 66.0
        for line in wrap(subtitle, room, pt(10)):
            canvas.text(MARGIN, y, line, pt(10))
            y += 18
        y, x = self._chain(y + 16)
        return canvas.source(_RIGHT, self._sort(y, x) + 22)

    # --- The chain

    def _chain(self, y: float) -> tuple[float, float]:
        """The steps; returns where they end, and the middle of the last one."""
        chain = self.model.chain
        per_row = min(_PER_ROW, max(1, len(chain)))
        gap = 40.0
        w = min(250.0, (_RIGHT - 2 * MARGIN - (_PER_ROW - 1) * gap) / _PER_ROW)
        heights = [self._step_height(step, w) for step in chain]
        middle = MARGIN + 40
        for start in range(0, len(chain), per_row):
            row = chain[start : start + per_row]
            high = max(heights[start : start + per_row])
            for index, step in enumerate(row):
                x = MARGIN + index * (w + gap)
                self._step(step, x, y, w, high)
                if index:
                    self.canvas.line(
                        [(x - gap, y + high / 2), (x - 1, y + high / 2)],
                        color=NEUTRAL.line, pen=2.4, arrow=True,
                    )  # fmt: skip
                elif start:
                    first = MARGIN + w / 2
                    edge = first + (per_row - 1) * (w + gap)
                    self.canvas.line(
                        [(edge, y - 34), (edge, y - 17), (first, y - 17), (first, y)],
                        color=NEUTRAL.line, pen=2.4, arrow=True,
                    )  # fmt: skip
                middle = x + w / 2
            y += high + 34
        return y - (34 if chain else 0), middle

    def _rows(self, step: StepDef, w: float) -> list[tuple[str, list[str]]]:
        rows = []
        for head, names in (("reads", step.reads), ("writes", step.writes)):
            text = ", ".join(name.replace("_", " ") for name in names) or "—"
            rows.append((head, wrap(text, w - 24 - 46, SMALLEST, lines=5)))
        return rows

    def _step_height(self, step: StepDef, w: float) -> float:
        lines = len(wrap(step_words(step), w - 24, pt(12), bold=True))
        return 50 + lines * 20 + sum(len(rows) for _, rows in self._rows(step, w)) * _ROW + 12

    def _step(self, step: StepDef, x: float, y: float, w: float, high: float) -> None:
        canvas = self.canvas
        paint = self.palette.stage(self.model.initial.name)
        canvas.box(x, y, w, high, fill=paint.tint, color=paint.line, pen=2)
        code = f"{step.number:03}"
        canvas.box(x + 12, y + 11, 36, 18, fill=paint.line, color=paint.line, pen=0)
        canvas.text(x + 30, y + 20, [Span(code, True, PAPER)], align="center")
        park = step.on_failure != "skip"
        text = "on failure: park" if park else "on failure: skip"
        canvas.text(
            x + w - 12, y + 20, [Span(text, False, "#b91c1c" if park else SOFT)], align="right"
        )
        at = y + 50
        for line in wrap(step_words(step), w - 24, pt(12), bold=True):
            canvas.text(x + 12, at, [Span(line, True, INK)], pt(12))
            at += 20
        at += 4
        for head, rows in self._rows(step, w):
            canvas.text(x + 12, at, [Span(head, False, "#64748b")])
            for row in rows:
                canvas.text(x + 12 + 46, at, [Span(row, False, INK)])
                at += _ROW

    # --- The sort

    def _sort(self, y: float, entry: float) -> float:
        canvas, model = self.canvas, self.model
        x, w = MARGIN, 640.0
        target_x = _RIGHT - MARGIN - 220
        head = y + 34
        down = x + 24
        if model.chain:
            mid = y + 16
            canvas.line(
                [(entry, y), (entry, mid), (down, mid), (down, head)],
                color=NEUTRAL.line, pen=2.4, arrow=True,
            )  # fmt: skip
        canvas.box(x, head, w, 34, fill=NEUTRAL.line, color=NEUTRAL.line, pen=0)
        canvas.text(
            x + 14,
            head + 17,
            [Span("090  The sort: the first answer “yes” wins", True, PAPER)],
            pt(11),
        )
        y = head + 34
        for index, rule in enumerate(model.sort, 1):
            last = isinstance(rule.when, Always)
            lines = wrap(condition(model, rule) + ("" if last else "?"), w - 80, pt(10), lines=4)
            high = max(44.0, len(lines) * 18 + 22)
            top = y + 22
            canvas.line([(down, y), (down, top)], color=NEUTRAL.line, pen=2, arrow=True)
            if index > 1:
                canvas.text(down + 10, y + 10, "no")
            canvas.box(x, top, w, high, fill=PAPER, color=NEUTRAL.line, pen=1.6)
            middle = top + high / 2
            canvas.text(down, middle, [Span(str(index), True, SOFT)], pt(11), align="center")
            for place, line in enumerate(lines):
                at = middle + (place - (len(lines) - 1) / 2) * 18
                canvas.text(x + 56, at, [Span(line, False, INK)], pt(10))
            paint = self.palette.system(rule.system)
            canvas.line(
                [(x + w, middle), (target_x - 1, middle)], color=paint.line, pen=2.2, arrow=True
            )
            room = target_x - x - w - 60
            answer = [Span("yes", True, INK)] if not last else []
            text = cut(rule_words(rule), room, SMALLEST)
            if width(rule_words(rule), SMALLEST) > 0:
                answer.append(Span((" · " if answer else "") + text, False, paint.line))
            canvas.text(x + w + 14, middle - 12, answer)
            if rule.skips is not None:
                skipped = "no credit" if rule.skips == "no_credit" else "passed over"
                canvas.text(x + w + 14, middle + 13, f"stages between: {skipped}")
            self._target(rule.target, target_x, middle)
            y = top + high
        return y

    def _target(self, name: str, x: float, middle: float) -> None:
        canvas, stage = self.canvas, self.model.stage(name)
        paint = self.palette.stage(name)
        w, high = 220.0, 40.0
        top = middle - high / 2
        canvas.box(
            x, top, w, high,
            fill=PAPER if stage.off_path else paint.tint,
            color=paint.line, pen=2, dash="dashed" if stage.off_path else "solid",
        )  # fmt: skip
        left, room = x + 12, w - 24
        code = clean(stage.code)
        if code:
            badge = min(70.0, max(18.0, width(code, SMALLEST, bold=True) + 10))
            canvas.box(left, middle - 9, badge, 18, fill=paint.line, color=paint.line, pen=0)
            text = cut(code, badge - 6, SMALLEST, bold=True)
            canvas.text(left + badge / 2, middle, [Span(text, True, PAPER)], align="center")
            left, room = left + badge + 9, room - badge - 9
        owner = self.palette.owner(name)
        title = cut(clean(stage.display), room, pt(12), bold=True)
        canvas.text(left, middle, [Span(title, True, INK)], pt(12))
        rest = room - width(title, pt(12), bold=True) - 10
        if owner and width(owner, SMALLEST, bold=True) <= rest:
            color = self.palette.system(stage.system).line
            canvas.text(x + w - 12, middle, [Span(owner, True, color)], align="right")


def _sentences(model: Model) -> Iterator[str]:
    if not model.chain:
        yield "There are no steps before the sort."
    for step in model.chain:
        yield (
            f"Step {step.number:03}, {step_words(step)}: reads {_list(step.reads)}, writes "
            f"{_list(step.writes)}; on failure it is "
            + ("skipped." if step.on_failure == "skip" else "parked.")
        )
    for index, rule in enumerate(model.sort, 1):
        target = clean(model.stage(rule.target).display)
        yield f"Sort rule {index}, {rule_words(rule)}: {condition(model, rule)}, to {target}."


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(name.replace("_", " ") for name in names) or "nothing"


def _mermaid(model: Model, title: str) -> str:
    palette = Palette(model)
    lines = []
    before = ""
    for index, step in enumerate(model.chain):
        lines.append(f"step{index}[{quoted(f'{step.number:03}', step_words(step))}]")
        if before:
            lines.append(f"{before} --> step{index}")
        before = f"step{index}"
    for index, rule in enumerate(model.sort):
        last = isinstance(rule.when, Always)
        left, right = ("[", "]") if last else ("{", "}")
        lines.append(f"rule{index}{left}{quoted(condition(model, rule, expand=False))}{right}")
        if before:
            lines.append(f"{before} -->{'' if index == 0 else '|no|'} rule{index}")
        lines.append(
            f"rule{index} -->|{quoted('' if last else 'yes', rule_words(rule))}| s_{rule.target}"
        )
        before = f"rule{index}"
    for name in dict.fromkeys(rule.target for rule in model.sort):
        stage, paint = model.stage(name), palette.stage(name)
        lines.append(f"s_{name}[{quoted(f'{stage.code} {stage.display}', palette.owner(name))}]")
        lines.append(f"style s_{name} fill:{paint.tint},stroke:{paint.line},color:#0f172a")
    return flowchart(title, lines, "TB")
