"""What tests have shown of a model: moves fired, guards and conditions seen both ways, refusals.

``pytest --lifecycle-cov`` reports it; without pytest, call :func:`measure` with what a
:class:`~lifecycle_fsm.testing.recorder.Watch` recorded.
"""

from lifecycle_fsm.testing.coverage.coverage_report import as_plain
from lifecycle_fsm.testing.coverage.measure import Coverage, Item, Somebody, measure

__all__ = ["Coverage", "Item", "Somebody", "as_plain", "measure"]
