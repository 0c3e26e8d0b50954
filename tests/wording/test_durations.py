"""How long something was: rounded alike wherever it is read."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lifecycle_fsm.wording import duration, lasting


@pytest.mark.parametrize(
    ("length", "short", "said"),
    [
        (timedelta(0), "0 s", "no time"),
        (timedelta(seconds=40), "40 s", "less than a minute"),
        (timedelta(seconds=59.5), "1 min", "1 minute"),
        (timedelta(minutes=75), "75 min", "75 minutes"),
        (timedelta(minutes=90, seconds=29), "90 min", "90 minutes"),
        (timedelta(minutes=90, seconds=30), "2 h", "2 hours"),
        (timedelta(hours=2, minutes=29), "2 h", "2 hours"),
        (timedelta(hours=2, minutes=30), "3 h", "3 hours"),
        (timedelta(hours=2, minutes=45), "3 h", "3 hours"),
        (timedelta(hours=3, minutes=30), "4 h", "4 hours"),
        (timedelta(hours=47, minutes=29), "47 h", "47 hours"),
        (timedelta(hours=47, minutes=30), "2.0 d", "2 days"),
        (timedelta(days=3.5), "3.5 d", "3.5 days"),
        (timedelta(days=9.96), "10 d", "10 days"),
        (timedelta(days=30.5), "31 d", "31 days"),
        (timedelta(days=1234), "1,234 d", "1,234 days"),
    ],
)
def test_a_length_is_the_same_in_a_story_and_in_a_picture(
    length: timedelta, short: str, said: str
) -> None:
    assert (duration(length), lasting(length)) == (short, said)
