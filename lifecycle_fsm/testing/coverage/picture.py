"""The model's diagram, coloured by what tests have fired."""

from __future__ import annotations

from lifecycle_fsm.diagram import Drawing, draw_coverage
from lifecycle_fsm.testing.coverage import words
from lifecycle_fsm.testing.coverage.measure import Coverage


def draw(coverage: Coverage, *, title: str | None = None) -> Drawing:
    """Draw it."""
    fired = {
        (rule.name, one.edge.source): one.count for rule in coverage.rules for one in rule.fired
    }
    seen = sum(1 for count in fired.values() if count)
    said = f"{seen} of {len(fired)} rules moved somebody · {words.shown_percent(coverage.percent)} "
    return draw_coverage(coverage.model, fired, title=title, subtitle=f"{said}of all is covered")
