"""The built-in steps by the name that a model's ``use`` gives them [S13]."""

from __future__ import annotations

from collections.abc import Mapping

from lifecycle_fsm.processing import cohort, demographic, enrich, lead_source, normalise
from lifecycle_fsm.processing.step import Make


def makers() -> Mapping[str, Make]:
    """Every built-in step, by the name that ``use`` gives it."""
    return {
        "normalise": normalise.make,
        "enrich": enrich.make,
        "lead_source": lead_source.make,
        "demographic_score": demographic.make,
        "cohort": cohort.make,
    }
