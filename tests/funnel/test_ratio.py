"""Shares, and how much chance there is in them."""

from __future__ import annotations

import pytest

from lifecycle_fsm.funnel import Ratio


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        # From tables of Wilson's interval.
        (Ratio(0, 10), (0.0, 0.2775)),
        (Ratio(5, 10), (0.2366, 0.7634)),
        (Ratio(10, 10), (0.7225, 1.0)),
        (Ratio(40, 100), (0.3094, 0.4980)),
    ],
)
def test_the_range_is_wilsons(ratio: Ratio, expected: tuple[float, float]) -> None:
    assert ratio.range == pytest.approx(expected, abs=1e-4)


def test_nothing_has_no_share() -> None:
    nothing = Ratio(0, 0)
    assert (nothing.share, nothing.range, nothing.few) == (None, None, True)
    assert not nothing.apart(Ratio(5, 10))


def test_few_are_said_and_differences_may_be_chance() -> None:
    assert Ratio(1, 29).few
    assert not Ratio(1, 30).few
    assert not Ratio(40, 100).apart(Ratio(50, 100))
    assert Ratio(40, 100).apart(Ratio(70, 100))
    assert Ratio(70, 100).apart(Ratio(40, 100))
