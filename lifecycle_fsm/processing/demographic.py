"""Step 040: how well the person fits, in points [S13].

The scoring silo computes the score, and again whenever its inputs change; the step only calls it
[S18].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lifecycle_fsm.fields import Value
from lifecycle_fsm.processing.step import BuiltStep, Context, Options, Resources


def make(options: Options, resources: Resources) -> BuiltStep:
    """The step ``demographic_score``; it has no options."""
    score = resources.demographic
    if score is None:
        options.wrong("", "the demographic score was not given: pass demographic=")
    options.close()
    assert score is not None

    def run(person: Any, context: Context) -> Mapping[str, Value]:
        return {"demographic_score": score(person, context.now)}

    return BuiltStep(run, resources.demographic_reads, ("demographic_score",))
