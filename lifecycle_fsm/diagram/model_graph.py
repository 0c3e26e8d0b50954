"""A model as a graph of stages and moves, and as links between the cards of its chart."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.diagram.canvas import Link
from lifecycle_fsm.diagram.chart_data import ChartData, DrawnFlow, FlowRule, moved
from lifecycle_fsm.diagram.graph import Arrow, Graph, Node
from lifecycle_fsm.diagram.look import MARKS, PARTLY, SEEN, UNSEEN, Dash, Paint
from lifecycle_fsm.model import Stage
from lifecycle_fsm.wording import clean

_STEP, _MOST = 3.4, 4.6  # the width of a step without counts; the most of other lines


def model_graph(data: ChartData) -> Graph:
    """The path first, in its order, then fast tracks, detours and returns."""
    path, detours = data.model.path, data.model.detours
    grouped = len({stage.group for stage in path}) > 1
    legend = [
        (f"{data.palette.labels[name]} owns it", paint) for name, paint in data.owners.items()
    ]
    if data.changes is not None:
        legend += [("+ added", MARKS["+"]), ("− removed", MARKS["−"]), ("≠ changed", MARKS["≠"])]
    if data.fired is not None:
        legend += [("✓ a test moved somebody by it", SEEN), ("by some of its rules", PARTLY)]
        legend.append(("× no test did", UNSEEN))
    key = "thick: step of the path"
    if data.exits:
        key += "; dashed: detour, off the path"
    if data.counts is not None:
        key += "; on a stage: people now, and the median time until they leave"
    return Graph(
        data.title,
        tuple(_node(data, stage, grouped=grouped) for stage in (*path, *detours)),
        tuple(_arrow(data, flow) for flow in _in_order(data)),
        facts=data.subtitle,
        legend=tuple(legend),
        key=key,
    )


def model_links(data: ChartData) -> Iterator[tuple[DrawnFlow, Link]]:
    """Each flow, and the link between the cards of its stages."""
    for flow in _in_order(data):
        dash: Dash = "dashed" if flow.kind == "detour" else "solid"
        step = flow.kind == "step"
        stroke = data.stroke(
            [flow], _usual(data, flow), dash,
            uncounted=_STEP if step else 1.6, most=99 if step else _MOST,
        )  # fmt: skip
        text = "; ".join(_words(data, flow))
        owner = data.palette.labels.get(flow.system, "")
        yield flow, Link(flow.source, flow.target, stroke, text, owner)


def _in_order(data: ChartData) -> list[DrawnFlow]:
    ranks = data.ranks
    steps = sorted(data.steps.values(), key=lambda flow: ranks[flow.source])
    return [*steps, *data.fast_tracks, *data.exits, *data.returns]


def _usual(data: ChartData, flow: DrawnFlow) -> Paint | None:
    """The colour of a detour, for what leads there and back; else that of the owner."""
    return data.palette.detours.get(flow.target) or data.palette.detours.get(flow.source)


def _node(data: ChartData, stage: Stage, *, grouped: bool) -> Node:
    lines = [f"{stage.code} {stage.display}", stage.label, data.palette.owner(stage.name)]
    if stage.label == stage.display:
        del lines[1]
    if data.counts is not None:
        lines.append(" · ".join(filter(None, (data.people(stage.name), data.stay(stage.name)))))
    return Node(
        f"s_{stage.name}",
        tuple(lines),
        data.palette.stage(stage.name),
        shape="detour" if stage.off_path else "box",
        group=stage.group if grouped and not stage.off_path else "",
    )


def _arrow(data: ChartData, flow: DrawnFlow) -> Arrow:
    return Arrow(
        f"s_{flow.source}",
        f"s_{flow.target}",
        tuple(_words(data, flow)),
        kind="step" if flow.kind == "step" else "detour" if flow.kind == "detour" else "move",
        paint=data.paint([flow], _usual(data, flow)),
    )


def _words(data: ChartData, flow: DrawnFlow) -> Iterator[str]:
    """How many took a step, and the rules of a flow."""
    alone = flow.kind == "step" and len(flow.rules) == 1
    if flow.count is not None and flow.kind == "step":
        share = f" · {flow.share}" if flow.share else ""
        yield moved(flow.rules) + share
    for rule in flow.rules:
        yield _rule(rule, numbers=not alone)


def _rule(rule: FlowRule, *, numbers: bool) -> str:
    mark = f"{rule.mark} " if rule.mark else ""
    if numbers and rule.count is not None:
        mark += f"{moved([rule])} "
    return mark + clean(rule.label) + (" (by hand)" if rule.by_hand else "")
