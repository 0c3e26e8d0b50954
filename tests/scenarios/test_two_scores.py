"""Who is a lead at all, and who is ready for sales, in the shipped ``waterfall`` [S18]."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle_fsm import Lifecycle
from tests.machine.small import DAY, T

FITS = {"seniority": "vp", "employees": 200}  # 35 points of fit, of which 20 are enough


@pytest.mark.parametrize(
    ("fields", "points", "form", "stage"),
    [
        pytest.param(FITS, 0, None, "mal", id="we are interested in them"),
        pytest.param(FITS, 64, None, "mal", id="and they not quite in us"),
        pytest.param(FITS, 65, None, "mql", id="and they in us"),
        pytest.param({}, 200, None, "mal", id="they are interested, and we are not"),
        pytest.param({}, 0, "Hand-Raise: Demo", "mql", id="they raise a hand"),
        pytest.param(FITS, 0, "Newsletter", "mal", id="another form is no raised hand"),
    ],
)
def test_r2_an_mql_fits_and_is_interested_or_raises_a_hand(
    fields: dict[str, Any], points: int, form: str | None, stage: str
) -> None:
    lifecycle = Lifecycle("waterfall")
    ann = lifecycle.admit("ann", at=T, **fields)
    assert ann.stage == "mal"
    if points:
        lifecycle.apply("ann", "score_given", at=T + DAY, points=points)
    if form:
        lifecycle.apply("ann", "form_filled", at=T + 2 * DAY, form=form)
    assert ann.stage == stage
