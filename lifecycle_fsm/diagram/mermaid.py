"""The same pictures in Mermaid's language, for places that draw it from text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from lifecycle_fsm.diagram.flows import Flow
from lifecycle_fsm.diagram.look import Palette
from lifecycle_fsm.funnel import Counts
from lifecycle_fsm.model import Model
from lifecycle_fsm.wording import clean, duration, format_number, percent

_ENTITIES = str.maketrans(
    {
        '"': "#quot;", "#": "#35;", "<": "#lt;", ">": "#gt;", "&": "#amp;",
        "`": "#96;",  # Markdown
        "$": "#36;",  # $$ is mathematics
        "\\": "#92;",  # \n is a line break
    }
)  # fmt: skip
BREAK = "<br/>"


def quoted(*lines: str) -> str:
    """Lines as one quoted label."""
    texts = [clean(line).translate(_ENTITIES).replace("%%", "#37;#37;") for line in lines]
    return '"' + BREAK.join(text for text in texts if text) + '"'


def flowchart(title: str, lines: Iterable[str], direction: str = "LR") -> str:
    """A whole flowchart with a title."""
    # A text of JSON is one of YAML, too; a directive, %%{…}%%, is read wherever it stands.
    head = json.dumps(clean(title), ensure_ascii=False).replace("%%", "\\x25\\x25")
    return "\n".join(
        ["---", f"title: {head}", "---", f"flowchart {direction}", *(f"    {x}" for x in lines)]
    ) + "\n"  # fmt: skip


def lifecycle(model: Model, flows: Sequence[Flow], counts: Counts | None, title: str) -> str:
    """The stages and moves of a model."""
    palette = Palette(model)
    lines = []
    for stage in model.stages:
        text = [f"{stage.code} {stage.display}", stage.label, palette.owner(stage.name)]
        if counts is not None:
            people = format_number(counts.people.get(stage.name, 0))
            stay = counts.median_stay.get(stage.name)
            text.append(people + (f" · {duration(stay)}" if stay is not None else ""))
        left, right = ("([", "])") if stage.off_path else ("[", "]")
        lines.append(f"s_{stage.name}{left}{quoted(*text)}{right}")
    for flow in flows:
        words = []
        if counts is not None and flow.kind == "step":
            found = counts.conversion.get((flow.source, flow.target))
            rate = found.share if found is not None else None
            words.append(
                format_number(flow.count or 0) + (f" · {percent(rate)}" if rate is not None else "")
            )
        for part in flow.parts:
            by = " (by hand)" if part.by_hand else ""
            mark = "" if part.seen is None else "✓ " if part.seen else "× "
            shown = part.count is not None and (flow.kind != "step" or len(flow.parts) > 1)
            words.append(
                mark + (f"{format_number(part.count or 0)} " if shown else "") + part.label + by
            )
        arrow = {"step": "==>", "detour": "-.->"}.get(flow.kind, "-->")
        lines.append(f"s_{flow.source} {arrow}|{quoted(*words)}| s_{flow.target}")
    for stage in model.stages:
        paint = palette.stage(stage.name)
        dash = ",stroke-dasharray:5 4" if stage.off_path else ""
        lines.append(
            f"style s_{stage.name} fill:{paint.tint},stroke:{paint.line},color:#0f172a{dash}"
        )
    return flowchart(title, lines)
