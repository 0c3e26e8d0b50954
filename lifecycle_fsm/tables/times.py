"""Times in the notations of other systems, converted to instants in UTC [S4].

A time without a zone is a local time of the zone that the mapping names. When clocks go back, a
local time occurs twice: the first one is meant. When they go forward, some local times do not
exist: such a time is moved by as much as the clocks were, so that midnight of a day that begins at
one o'clock is the beginning of that day. A date without a time is midnight.

``%Z`` in a format reads UTC, GMT and offsets. Python itself would read the names of the machine's
own zone, and then ignore them.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

import attrs

from lifecycle_fsm.errors import RecordError
from lifecycle_fsm.rows.parquet_rows import OutOfRange
from lifecycle_fsm.tables.mapping import EPOCHS, TimeNotation
from lifecycle_fsm.wording import counted
from lifecycle_fsm.zones import find_zone

_START = datetime(1970, 1, 1, tzinfo=UTC)
_DIRECTIVE = re.compile(r"%.", re.DOTALL)
_UTC_NAME = re.compile(r"(?<![A-Za-z])(?:UTC|GMT)(?![A-Za-z])", re.IGNORECASE)


@attrs.define
class TimeTally:
    """What was assumed about the times of one file, for its summary."""

    naive: dict[str, int] = attrs.field(factory=dict)
    twice: int = 0
    skipped: int = 0

    def add(self, other: TimeTally) -> None:
        """Add what was assumed about other times."""
        for zone, count in other.naive.items():
            self.naive[zone] = self.naive.get(zone, 0) + count
        self.twice += other.twice
        self.skipped += other.skipped

    def clear(self) -> None:
        """Begin anew."""
        self.naive.clear()
        self.twice = self.skipped = 0

    def notes(self, chosen: Collection[str]) -> list[str]:
        """The notes of the summary on the times.

        Args:
            chosen: the zones that the mapping names; any other zone was a default.
        """
        notes = [
            f"{counted(count, 'time')} without a zone read as {zone}"
            + ("" if zone in chosen else ": a mapping can name another")
            for zone, count in sorted(self.naive.items())
        ]
        if self.twice:
            times = counted(self.twice, "local time")
            notes.append(f"{times} came twice in its night: the first was taken")
        if self.skipped:
            times = counted(self.skipped, "local time")
            notes.append(f"{times} did not exist: they were moved forward")
        return notes


class TimeReader:
    """Reads the times of one source, and counts the assumptions."""

    def __init__(self, times: TimeNotation, tally: TimeTally) -> None:
        self.zone_name = times.zone or "UTC"
        self.zone: tzinfo = find_zone(self.zone_name)
        self.format = times.format
        self.tally = tally
        self._python_format, self._utc = _for_python(times.format or "")
        # Dates repeat, and parsing one by a format is slow.
        self.from_text = lru_cache(maxsize=20_000)(self._from_text)

    def read(self, raw: Any) -> datetime:
        """The instant, in UTC, that a value of a file means.

        Raises:
            RecordError: it is not a time, or is outside the years 1 to 9999.
        """
        try:
            if raw.__class__ is str and self.format is None:
                try:
                    time = datetime.fromisoformat(raw)
                    if time.tzinfo is not None:
                        return time.astimezone(UTC)
                except ValueError:
                    pass
            if isinstance(raw, str):
                instant, verdict = self.from_text(raw)
            elif isinstance(raw, datetime):
                instant, verdict = self.place(raw)
            elif isinstance(raw, date):
                instant, verdict = self.place(datetime(raw.year, raw.month, raw.day))  # noqa: DTZ001
            elif isinstance(raw, int | float | Decimal) and not isinstance(raw, bool):
                instant, verdict = self.from_number(raw)
            elif isinstance(raw, OutOfRange):
                raise OverflowError
            else:
                raise RecordError(f"{raw!r} is no time")
        except (OverflowError, ArithmeticError):
            raise RecordError(f"{raw!r} is no time between the years 1 and 9999") from None
        if verdict is not None:
            tally = self.tally
            tally.naive[self.zone_name] = tally.naive.get(self.zone_name, 0) + 1
            tally.twice += verdict == "twice"
            tally.skipped += verdict == "skipped"
        return instant

    def _from_text(self, text: str) -> tuple[datetime, str | None]:
        if self.format in EPOCHS:
            return self.from_number(text)
        try:
            if self.format:
                plain = text if self._utc is None else _UTC_NAME.sub(self._utc, text)
                time = datetime.strptime(plain, self._python_format)  # noqa: DTZ007 - placed below
            else:
                time = datetime.fromisoformat(text.removesuffix(" UTC"))
                if text.endswith(" UTC") and time.tzinfo is None:
                    time = time.replace(tzinfo=UTC)
        except ValueError:
            expected = (
                f"of the format {self.format}" if self.format else "such as 2024-05-01T10:00:00Z"
            )
            if self._utc is not None:
                expected += ", in which %Z is UTC, GMT or an offset such as +02:00"
            raise RecordError(f"{text!r} is no time {expected}") from None
        return self.place(time)

    def from_number(self, raw: Any) -> tuple[datetime, str | None]:
        """The instant of a number of seconds or milliseconds since 1970."""
        if self.format is None or self.format not in EPOCHS:
            raise RecordError(
                f'{raw!r} is a number: say format = "epoch" or "epoch_ms" in the mapping'
            )
        try:
            microseconds = int(Decimal(str(raw)) * EPOCHS[self.format])
        except (InvalidOperation, ValueError):
            raise RecordError(f"{raw!r} is no number of seconds or milliseconds") from None
        return _START + timedelta(microseconds=microseconds), None

    def place(self, value: datetime) -> tuple[datetime, str | None]:
        """The instant of a time, and what had to be assumed if it was naive."""
        if value.tzinfo is not None:
            return value.astimezone(UTC), None
        if self.zone is UTC:
            return value.replace(tzinfo=UTC), ""
        local = value.replace(tzinfo=self.zone, fold=0)
        before, after = local.utcoffset(), local.replace(fold=1).utcoffset()
        verdict = ""
        if before is not None and after is not None and before != after:
            verdict = "skipped" if before < after else "twice"
        return local.astimezone(UTC), verdict


def _for_python(form: str) -> tuple[str, str | None]:
    """The format for Python, and the directive and text that replace ``%Z``, if it has one."""
    directives = _DIRECTIVE.findall(form)
    if "%Z" not in directives:
        return form, None
    # An offset next to the name, as in "GMT+0200", is enough.
    utc = ("+0000", "%z") if "%z" not in directives else ("", "")
    return _DIRECTIVE.sub(lambda match: utc[1] if match[0] == "%Z" else match[0], form), utc[0]
