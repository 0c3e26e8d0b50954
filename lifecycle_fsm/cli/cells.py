"""The words and cells that the tables of a report are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from lifecycle_fsm.cli.common import lined_up
from lifecycle_fsm.funnel import Ratio, Report
from lifecycle_fsm.funnel.scope import local
from lifecycle_fsm.model import Model
from lifecycle_fsm.wording import duration

#: How many people a list shows.
SHOWN = 10


class Cells:
    """Writes what one report speaks of; ``few`` is whether a share had a star."""

    def __init__(self, report: Report, model: Model) -> None:
        self.report, self.model = report, model
        self.few = False

    def stage(self, name: str) -> str:
        """A stage in the words of its model."""
        return self.model.stage(name).display

    def group(self, group: str) -> list[str]:
        """The cell of a group, where the report is split."""
        return [group] if self.report.by else []

    def time(self, at: datetime | None) -> str:
        """An instant in the zone of the report."""
        if at is None:
            return ""
        return f"{local(at, self.report.zone):%Y-%m-%d %H:%M}".removesuffix(" 00:00")

    def ratio(self, ratio: Ratio) -> list[str]:
        """``12 of 40`` and its share; a star where that says little."""
        if ratio.share is None:
            return ["", ""]
        self.few = self.few or ratio.few
        star = "*" if ratio.few else " "
        return [f"{ratio.part:,} of {ratio.whole:,}", percent(ratio.share) + star]

    def table(self, head: str, cells: Sequence[Sequence[str]], left: str = "") -> str:
        """A table that is split like the report; columns but those of ``left`` are numbers.

        Args:
            head: the names of the columns, with ``|`` between.
            cells: what stands in each.
            left: the names of those that are words.
        """
        split = self.group(self.report.by or "")
        names = [*split, *(name.strip() for name in head.split("|"))]
        words = {*split, *(name.strip() for name in left.split("|"))}
        if not cells:
            return "  nobody"
        right = [place for place, name in enumerate(names) if name not in words or not name]
        return lined_up([names, *cells], right=right)


def percent(share: float) -> str:
    """``12.5 %``."""
    return f"{share * 100:.1f} %"


def length(time: timedelta | None) -> str:
    """A length of time, or nothing."""
    return "" if time is None else duration(time)


def reached(time: timedelta | None, count: int) -> str:
    """A quantile of so many visits; it may not be reached."""
    if time is None:
        return "not reached" if count else ""
    return duration(time)


def more(count: int) -> Iterator[str]:
    """How many a list leaves out."""
    if count > SHOWN:
        yield f"  … and {count - SHOWN:,} more: --json has all"
