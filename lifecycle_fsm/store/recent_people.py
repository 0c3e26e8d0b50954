"""The people whom a process has worked on of late, so that it need not restore them anew."""

from __future__ import annotations

from collections import OrderedDict

import attrs

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.machine import Decision
from lifecycle_fsm.orchestrator import Engine


@attrs.frozen(init=False)
class Book:
    """A Lifecycle, and what it decides and logs."""

    lifecycle: Lifecycle
    decisions: list[Decision]
    log: list[Activity]

    def __init__(self, engine: Engine) -> None:
        decisions: list[Decision] = []
        log: list[Activity] = []
        lifecycle = Lifecycle(engine, record=decisions.append, log=log.append)
        self.__attrs_init__(lifecycle, decisions, log)

    def begin(self) -> None:
        """Forget what was decided and logged before."""
        self.decisions.clear()
        self.log.clear()


class RecentPeople:
    """Books of one person each, by the text of the state that the person had at last.

    The text is all that decides what happens next. So whoever finds the same text in the database
    may go on with the book, whatever other processes have done meanwhile. A book is taken out for
    the work, and kept again when its transaction is in the database.

    Args:
        limit: how many people are kept, the latest; a few kilobytes each.
    """

    def __init__(self, limit: int = 5_000) -> None:
        self._limit = limit
        self._books: OrderedDict[str, tuple[str, Book]] = OrderedDict()
        #: Of people who have several: the ids of all records and contacts, by each of them.
        self._names: dict[str, tuple[str, ...]] = {}

    def names(self, name: str) -> tuple[str, ...]:
        """The ids of all records and contacts of a person, the survivor's first, as far as anybody
        knows here."""
        return self._names.get(name) or (name,)

    def take(self, name: str, text: str) -> Book | None:
        """The book of a person in this very state, if there is one; nobody else has it then."""
        kept = self._books.pop(name, None)
        return kept[1] if kept is not None and kept[0] == text else None

    def keep(self, names: tuple[str, ...], text: str, book: Book) -> None:
        """Keep the book of a person for the next activity.

        Args:
            names: the ids of all records and contacts of the person, the survivor's first.
            text: the state as it is in the database now.
            book: has the person, in this state, and nobody else.
        """
        book.begin()
        book.lifecycle.drop_past()
        self._books[names[0]] = text, book
        if len(names) > 1:
            self._names.update(dict.fromkeys(names, names))
        if len(self._books) > self._limit:
            name, _ = self._books.popitem(last=False)
            for other in self._names.get(name, ()):
                self._names.pop(other, None)
