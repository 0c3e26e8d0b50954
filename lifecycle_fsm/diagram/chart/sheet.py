"""What every part of a chart gets, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs

from lifecycle_fsm.diagram.canvas import Canvas
from lifecycle_fsm.diagram.chart.columns import Columns
from lifecycle_fsm.diagram.chart.subject import Subject


@attrs.frozen
class Sheet:
    """What is shown, where it lies from left to right, and the canvas that it is drawn on."""

    subject: Subject
    columns: Columns
    canvas: Canvas


Part: TypeAlias = Callable[[Sheet, float], float]
"""Draws itself below a height; returns where it ends."""
