"""``lifecycle-fsm forget``: erase people from a store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import attrs

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.console import print_json
from lifecycle_fsm.cli.exit_status import REJECTED
from lifecycle_fsm.cli.stores import open_database, place_of, require_people
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.interrupts import to_the_end
from lifecycle_fsm.wording import counted

if TYPE_CHECKING:
    from lifecycle_fsm.store.database import Database
    from lifecycle_fsm.store.forget import ForgetReport

#: Singular and plural of a row of each table.
_ROWS = {
    "activity": ("activity", "activities"),
    "decision": ("decision", "decisions"),
    "request": ("request", "requests"),
    "processing": ("unfinished original processing", "unfinished original processings"),
    "history": ("row of history", "rows of history"),
    "deadline": ("deadline", "deadlines"),
}


def forget(
    store: options.Store,
    persons: options.Persons = None,
    yes: options.Yes = False,
    json: options.Json = False,
) -> int:
    r"""Erase people from a store, and keep the numbers.

    ```sh
    lifecycle-fsm forget p1 p2 --store lifecycle.db
    lifecycle-fsm forget p1 p2 --store lifecycle.db --yes
    ```

    Without `--yes`, shows what would be erased and changes nothing. This cannot be undone: a person
    is erased with all records, contacts, activities, decisions and requests. History rows and
    deadlines stay under a pseudonym, so the funnel counts stay the same.

    The free space of a SQLite file is overwritten. The exit status is 1 if that was impossible
    because the file was being read: run it later with `--yes` and no PERSON. Copies of the store,
    such as exports and backups, are not changed.
    """
    if not persons and not yes:
        raise LifecycleError("nobody to forget: name a PERSON by an id")
    require_people(store, persons or ())
    with open_database(store) as database:
        from lifecycle_fsm.store.forget import overwrite

        reports = _forget(database, persons or (), dry_run=True)
        overwritten, place = False, place_of(database)
        if yes:
            with to_the_end():
                reports = _forget(database, persons or (), dry_run=False)
                overwritten = overwrite(database)
        busy = yes and not overwritten and not database.postgresql
    if json:
        people = [attrs.asdict(each) | {"overwritten": overwritten} for each in reports]
        print_json({"store": place, "forgotten": yes, "people": people})
        return REJECTED if busy else 0
    for report in reports:
        print(_as_text(report, done=yes))
    if not yes:
        print("nothing was changed: --yes erases them, and this cannot be undone")
    elif overwritten:
        print(f"{place} was overwritten: no trace of the erased rows is left in it")
    elif busy:
        print(
            f"{place} could not be overwritten because it is being read, so it may still contain "
            "traces of the erased rows; later run: lifecycle-fsm forget --store ADDRESS --yes"
        )
    return REJECTED if busy else 0


def _forget(database: Database, persons: Iterable[str], *, dry_run: bool) -> list[ForgetReport]:
    """Forget each person once, even if several ids belong to one person."""
    from lifecycle_fsm.store.forget import forget

    reports: list[ForgetReport] = []
    for person in persons:
        if not any(person in (*report.records, *report.contacts) for report in reports):
            reports.append(forget(database, person, dry_run=dry_run, overwrite_file=False))
    return reports


def _as_text(report: ForgetReport, *, done: bool) -> str:
    first, *others = report.records
    names = "".join(
        f", with {kind}{'s' * (len(ids) > 1)} {', '.join(ids)}"
        for kind, ids in (("record", others), ("contact", report.contacts))
        if ids
    )
    erased, kept = _rows(report.erased), _rows(report.kept)
    if not done:
        return f"{first}{names}: would erase {erased} and keep {kept} for statistics"
    under = f" as {', '.join(report.pseudonyms)}" if report.pseudonyms else ""
    return f"{first}{names}: erased {erased} and kept {kept}{under}"


def _rows(counts: Mapping[str, int]) -> str:
    some = [counted(count, *_ROWS[table]) for table, count in counts.items() if count]
    return ", ".join(some) or "nothing"
