"""What the page on the model file needs until it has a sort, and what a run counts."""

from __future__ import annotations

import json
from pathlib import Path

OTHERWISE = """
[[sort]]
name = "everybody"
when = "otherwise"
to = "contact"
"""


def reached(source: str, target: str) -> dict[str, tuple[int, int]]:
    """How many reached a stage, of how many, in each reading."""
    summary = json.loads(Path("out/summary.json").read_text("utf-8"))
    return {
        row["reading"]: (row["reached"], row["journeys"])
        for row in summary["conversion"]
        if (row["from"], row["to"]) == (source, target)
    }
