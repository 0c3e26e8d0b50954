"""What a command could not use of its files: told on stderr, with what would make it a success."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from lifecycle_fsm.cli.console import complain
from lifecycle_fsm.cli.run_outcome import Unmatched
from lifecycle_fsm.tables import Reject

_SHOWN = 5


class FirstRejects:
    """Takes the rows that cannot be used, and keeps the first of them to show.

    Args:
        pass_on: is given each of them as well.
    """

    def __init__(self, pass_on: Callable[[Reject], None] | None = None) -> None:
        self.first: list[Reject] = []
        self._pass_on = pass_on

    def __call__(self, reject: Reject) -> None:
        """Take one of them."""
        if self._pass_on:
            self._pass_on(reject)
        if len(self.first) < _SHOWN:
            self.first.append(reject)


def tell_held(roles: Iterable[Unmatched], notes: Iterable[str], *, allowed: bool) -> bool:
    """Print which files are mostly about nobody, and the notes; True if that is a failure."""
    roles = [*roles]
    for role in roles:
        complain(f"{role}{'' if allowed else ' (--allow-held makes this a success)'}")
    for note in notes:
        complain(f"note: {note}")
    return bool(roles) and not allowed


def tell_rejected(
    count: int, first: Sequence[Reject], *, allowed: bool, table: str | None = None
) -> bool:
    """Print how many were rejected, and the first of them; True if that is a failure.

    Args:
        count: of all of them.
        first: some of them.
        allowed: whether they are no failure.
        table: the file that has them all.
    """
    if not count:
        return False
    shown = first[:_SHOWN]
    for reject in shown:
        column = f", column {reject.column}" if reject.column else ""
        complain(f"{reject.file}, line {reject.line}{column}: {reject.reason}")
    if count > _SHOWN:
        complain(f"… and {count - _SHOWN:,} more")
    complain(
        f"{count:,} rejected"
        + (f": see {table}" if table is not None else "")
        + ("" if allowed else "; --allow-rejected makes this a success")
    )
    return not allowed
