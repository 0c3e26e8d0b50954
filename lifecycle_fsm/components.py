"""Which records of a log belong to one person, and in which part of the log that person is [S23].

People are independent of each other except for merges and conversions. So a log can be cut by
people, if all records that are ever folded together stay together.
"""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32


class Components:
    """The records of people: each record, and the root of all records of the same person.

    The root is the smallest of their ids, by code points, so it does not depend on the order of the
    log.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        """Join the records of these pairs."""
        self._above: dict[str, str] = {}
        for record, other in pairs:
            self.join(record, other)

    def join(self, record: str, other: str) -> None:
        """Note that two records are, or will be, one person."""
        first, second = sorted((self.root(record), self.root(other)))
        if first != second:
            self._above[second] = first

    def root(self, record: str) -> str:
        """The root of a record: the record itself, if no other belongs to it."""
        root = record
        while (above := self._above.get(root)) is not None:
            root = above
        while (above := self._above.get(record)) is not None:
            self._above[record] = root  # the next search is one step long
            record = above
        return root

    def group(self, record: str) -> frozenset[str]:
        """All records of the person whose record this is, including itself."""
        root = self.root(record)
        return frozenset(
            {root, *(other for other in list(self._above) if self.root(other) == root)}
        )

    def moved(self) -> dict[str, str]:
        """The records that are not their own root, each with its root."""
        return {record: self.root(record) for record in list(self._above)}


def part_of(root: str, parts: int) -> int:
    """The part of a person, by the root of all of the person's records: the same on every machine.

    >>> part_of("p1", 64)
    51
    """
    return crc32(root.encode()) % parts
