"""Activities of files, in the order in which they are applied, without keeping them in memory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

from lifecycle_fsm.activities import Activity, by_event
from lifecycle_fsm.cli.options import Order
from lifecycle_fsm.parts.spool import Place

#: How many are written together.
_SOME = 2_000


class SortedActivities:
    """Takes activities as files have them, and gives them back in order.

    They are kept in a temporary database, which SQLite removes when it is closed, and which goes to
    the disk when it grows beyond a few megabytes.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        # Without a name it is a temporary one.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE log (later, at, file, line, activity)")
        self._waiting: list[tuple[bool, str, int, int, str]] = []
        #: Whose log itself tells when original processing ended [S14].
        self.processed: set[str] = set()
        self.count = 0

    def add(self, activity: Activity, place: Place) -> None:
        """Keep an activity."""
        self.count += 1
        if activity.kind == "processed":
            self.processed.add(activity.person)
        at = activity.at.isoformat(timespec="microseconds")
        text = json.dumps(activity.dump())  # ASCII: SQLite would not take a lone surrogate
        self._waiting.append((activity.kind != "created", at, *place, text))
        if len(self._waiting) >= _SOME:
            self._write()

    def __iter__(self) -> Iterator[tuple[Activity, Place]]:
        """All of them, each with its place, by event or as they came [S19]."""
        self._write()
        query = "SELECT later, at, file, line, activity FROM log ORDER BY "
        if self._order == "arrival":
            yield from map(_loaded, self._database.execute(query + "rowid"))
            return
        rows = self._database.execute(query + "later, at, rowid")
        for _, same in groupby(rows, key=itemgetter(0, 1)):
            instant = [_loaded(row) for row in same]
            places = {id(activity): place for activity, place in instant}
            for activity in by_event(activity for activity, _ in instant):
                yield activity, places[id(activity)]

    def close(self) -> None:
        """Remove them."""
        self._database.close()

    def _write(self) -> None:
        self._database.execute("BEGIN")
        self._database.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?)", self._waiting)
        self._database.execute("COMMIT")
        self._waiting.clear()


def _loaded(row: tuple[bool, str, int, int, str]) -> tuple[Activity, Place]:
    return Activity.load(json.loads(row[4])), Place(row[2], row[3])
