"""The clock of a test: it stands still until the test moves it."""

from __future__ import annotations

from datetime import datetime, timedelta

from lifecycle_fsm.errors import RecordError
from lifecycle_fsm.fields import instant
from lifecycle_fsm.proof import NOW


class Clock:
    """A clock that only a test moves, and only forwards [S4][S20].

    It starts at the instant at which the persons live that ``lifecycle-fsm check`` finds, so that
    they can be pasted into a test as they are.

    Args:
        now: where it starts; a naive time counts as UTC.
    """

    def __init__(self, now: datetime | str = NOW) -> None:
        self._now = instant(now)

    def __repr__(self) -> str:
        return f"<Clock {self._now:%Y-%m-%d %H:%M:%S} UTC>"

    @property
    def now(self) -> datetime:
        """The instant at which everything is asked, in UTC."""
        return self._now

    def forward(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> datetime:
        """Move it forwards, and say what it shows then.

        Raises:
            RecordError: that would be backwards.
        """
        step = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return self.set(self._now + step)

    def set(self, when: datetime | str) -> datetime:
        """Move it to an instant that is not earlier, and say what it shows then.

        Raises:
            RecordError: the instant is earlier.
        """
        then = instant(when)
        if then < self._now:
            raise RecordError(
                f"the clock shows {self._now:%Y-%m-%d %H:%M:%S} and goes forwards only, not back "
                f"to {then:%Y-%m-%d %H:%M:%S}: begin with an earlier time"
            )
        self._now = then
        return then
