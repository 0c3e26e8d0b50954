"""``lifecycle-fsm migrate``: move the people of a store to a changed model [S28]."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import attrs

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.arguments import load_model, read_time
from lifecycle_fsm.cli.console import by_reason, print_json
from lifecycle_fsm.cli.exit_status import REJECTED
from lifecycle_fsm.cli.options import flag, option
from lifecycle_fsm.cli.status import minute
from lifecycle_fsm.cli.stores import existing_database, place_of
from lifecycle_fsm.document.plain_text import lined_up
from lifecycle_fsm.errors import LifecycleError, suggest
from lifecycle_fsm.fields import utc_text
from lifecycle_fsm.model import Model
from lifecycle_fsm.wording import counted

if TYPE_CHECKING:
    from lifecycle_fsm.orchestrator import MigrationReport
    from lifecycle_fsm.store.database import Database

_PEOPLE = ("person", "people")
#: How many a list shows.
_SHOWN = 10


def migrate(
    model: options.Model,
    store: options.Store,
    map: Annotated[
        list[str] | None,
        option(
            "OLD=NEW",
            "A stage that the changed model lacks, and the one that replaces it; can be repeated.",
        ),
    ] = None,
    at: Annotated[str, option("TIME", "When the model changes.")] = "now",
    yes: Annotated[
        bool, flag("Migrate. Without this, only show what would change.", "--yes")
    ] = False,
    allow_tables: options.Tables = None,
    json: options.Json = False,
) -> int:
    r"""Migrate the people of a store to a changed model.

    ```sh
    lifecycle-fsm migrate lifecycle.toml --map lead=prospect --store lifecycle.db
    lifecycle-fsm migrate lifecycle.toml --map lead=prospect --store lifecycle.db \
        --yes
    lifecycle-fsm outbox --store lifecycle.db --release
    ```

    Without `--yes`, shows what would change and changes nothing. With it, everybody is migrated to
    MODEL, or nobody, and workers that still run the old model can no longer change anything. What
    the moves that follow ask for is held in the outbox until you release it. First apply what is
    due: run `tick` with the old model.

    The exit status is 1 if somebody cannot be migrated; then nobody is.
    """
    when = read_time("--at", at)
    assert when is not None, "a text is a time"
    stages = _stages(map or ())
    new = load_model(model, allow_tables)
    with existing_database(store) as database:
        from lifecycle_fsm.store.model_change import held

        before = _Before.of(database, when)
        place = place_of(database)
        if before.version == new.version:
            report, applied = None, False
        else:
            before.check(stages)
            report, applied = _report(new, database, stages, when, apply=yes)
        waits = held(database) if applied else 0
    if json:
        print_json(_as_dict(new, before, when, report, held=waits if applied else None))
    elif report is None:
        print(
            f"the people of {place} already follow version {new.version} of {new.name!r}: there "
            "is nothing to migrate"
        )
    else:
        heads = _heads(new, before, when, place)
        ends = _ends(report, before, when, waits if applied else None)
        print("\n".join([*heads, *_as_text(report, new), "", *ends]))
    return REJECTED if report is not None and report.problems else 0


@attrs.frozen
class _Before:
    """The model before the migration: its name and version, the model itself if the store has its
    text, and for how many people something is due."""

    name: str
    version: str
    model: Model | None
    due: int

    @classmethod
    def of(cls, database: Database, at: datetime) -> _Before:
        from lifecycle_fsm.store.model_change import due
        from lifecycle_fsm.store.snapshot import Snapshot

        with database.reading() as connection:
            moment = Snapshot(connection, place_of(database))
            (name, version), model = moment.version(), moment.model()
        return cls(name, version, model, due(database, at))

    def check(self, stages: Mapping[str, str]) -> None:
        """Require that the old model has every stage that is mapped.

        Raises:
            LifecycleError: it lacks one.
        """
        known = self.model.by_name if self.model is not None else stages
        for old, new in stages.items():
            if old not in known:
                raise LifecycleError(
                    f"--map {old}={new}: the old model has no stage named {old!r}"
                    f"{suggest(old, known)}"
                )


def _stages(texts: Sequence[str]) -> dict[str, str]:
    """The old stages, each with the one that replaces it.

    Raises:
        LifecycleError: a text is not of the form ``OLD=NEW``, or a stage is given twice.
    """
    stages: dict[str, str] = {}
    for text in texts:
        old, equals, new = (part.strip() for part in text.partition("="))
        if not (old and equals and new):
            raise LifecycleError(f"--map: {text!r} is not two stages: write lead=prospect")
        if old in stages:
            raise LifecycleError(f"--map: {old!r} is given twice: map it to one stage")
        stages[old] = new
    return stages


def _report(
    new: Model, database: Database, stages: Mapping[str, str], at: datetime, *, apply: bool
) -> tuple[MigrationReport, bool]:
    """The report, and whether the migration was applied."""
    from lifecycle_fsm.orchestrator import Engine
    from lifecycle_fsm.store import model_change

    engine = Engine(new)
    if apply:
        try:
            return model_change.migrate(engine, database, stages, at=at), True
        except LifecycleError:
            report = model_change.try_migration(engine, database, stages, at=at)
            if not report.problems:
                raise
            return report, False
    return model_change.try_migration(engine, database, stages, at=at), False


def _as_dict(
    new: Model,
    before: _Before,
    at: datetime,
    report: MigrationReport | None,
    *,
    held: int | None,
) -> dict[str, Any]:
    """The outcome for a program; ``held`` is ``None`` if nothing was applied."""
    head: dict[str, Any] = {
        "model": new.name,
        "version": new.version,
        "from_version": before.version,
        "at": at,
        "applied": held is not None,
    }
    if report is None:
        return head
    return {
        **head,
        "due": before.due,
        "stages": [
            {"from": old, "to": stage, "people": count}
            for (old, stage), count in report.stages.items()
        ],
        "moves": [
            {"person": row.person, "from": row.from_stage, "to": row.to_stage, "rule": row.rule}
            for row in report.moves
        ],
        "missed": report.missed,
        "dropped": report.dropped,
        "problems": report.problems,
        "held": held,
    }


def _heads(new: Model, before: _Before, at: datetime, place: str) -> list[str]:
    return [
        f"{new.title or new.name} (model {new.name}, version {new.version})",
        f"{place} at {minute(at)}, from version {before.version}"
        + (f" of {before.name!r}" if before.name != new.name else ""),
    ]


def _as_text(report: MigrationReport, new: Model) -> Iterator[str]:
    if report.stages:
        places = {stage.name: place for place, stage in enumerate(new.stages)}
        ordered = sorted(report.stages.items(), key=lambda item: (places[item[0][1]], item[0]))
        rows = [(old, stage, f"{count:,}") for (old, stage), count in ordered]
        yield "\n" + lined_up([("stage before", "after", "people"), *rows], right=(2,))
    moves: dict[str, list[str]] = {}
    for row in report.moves:
        name = f"{row.from_stage} → {row.to_stage} by {row.rule!r}"
        moves.setdefault(name, []).append(row.person)
    yield from _lists("moves that follow immediately", moves)
    yield from _lists("deadlines missed immediately", report.missed)
    yield from _lists("dropped, because the changed model lacks it", report.dropped)
    if report.problems:
        yield f"\n{counted(len(report.problems), *_PEOPLE)} cannot be migrated"
        reasons = {
            person: problem.removeprefix(f"{person!r} cannot be migrated: ")
            for person, problem in report.problems.items()
        }
        yield from by_reason(reasons, _SHOWN)


def _lists(heading: str, lists: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if lists:
        yield f"\n{heading}"
    for name, people in lists.items():
        yield f"  {name}: {counted(len(people), *_PEOPLE)}: {_names(people)}"


def _names(people: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(people) - _SHOWN
    return ", ".join(people[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def _ends(
    report: MigrationReport, before: _Before, at: datetime, held: int | None
) -> Iterator[str]:
    """What was done, and what to do next."""
    if before.due and report.problems:
        time = utc_text(at)
        yield (
            f"something is due for {counted(before.due, *_PEOPLE)} by then: first run "
            f"`tick --at {time}` with the old model ({before.name}, version {before.version}), "
            f"then migrate with --at {time}"
        )
    if held is None:
        yield "nothing was changed" + (
            "" if report.problems else ": --yes migrates everybody to the changed model"
        )
        return
    yield (
        f"done: {counted(sum(report.stages.values()), *_PEOPLE)} migrated to version "
        f"{report.version}; now run `ingest`, `tick`, `process` and `retry` with the changed model"
    )
    if held:
        yield (
            f"{counted(held, 'request is', 'requests are')} held: `outbox --release` releases "
            "what migrations have asked for"
        )
