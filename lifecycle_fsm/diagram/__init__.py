"""Diagrams of a lifecycle: the model, the funnel, one person's path, original processing.

Each function returns a :class:`Drawing`, which shows itself in a notebook and can be saved as SVG,
PNG, PDF, for draw.io and PowerPoint, or as DOT or Mermaid text.
"""

from lifecycle_fsm.diagram.drawing import Drawing
from lifecycle_fsm.diagram.model_diagram import (
    draw_coverage,
    draw_difference,
    draw_funnel,
    draw_model,
)
from lifecycle_fsm.diagram.person_path import draw_person
from lifecycle_fsm.diagram.processing_chain import draw_processing

__all__ = [
    "Drawing",
    "draw_coverage",
    "draw_difference",
    "draw_funnel",
    "draw_model",
    "draw_person",
    "draw_processing",
]
