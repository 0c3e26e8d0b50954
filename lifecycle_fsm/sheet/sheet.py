"""The sheet as a whole: made from a model, with or without what happened, and saved as a page."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

import attrs

from lifecycle_fsm.diagram import Drawing
from lifecycle_fsm.errors import FileProblem, LifecycleError
from lifecycle_fsm.fields import instant
from lifecycle_fsm.files import whole_file, write_file
from lifecycle_fsm.funnel import observe
from lifecycle_fsm.history import DeadlineFact, HistoryRow
from lifecycle_fsm.model import Model
from lifecycle_fsm.sheet import agreed, html, markdown
from lifecycle_fsm.sheet.contents import Contents
from lifecycle_fsm.sheet.litmus import Candidate, litmus
from lifecycle_fsm.sheet.numbers import numbers
from lifecycle_fsm.sheet.picture import draw
from lifecycle_fsm.tables import Column, TableWriter
from lifecycle_fsm.wording import clean
from lifecycle_fsm.zones import find_zone


@attrs.frozen
class Sheet:
    """What marketing and sales agreed, on one page; made by :func:`make_sheet`."""

    contents: Contents
    """Everything that stands on it, as plain records."""
    picture: Drawing = attrs.field(repr=False)
    """The picture of the model, or of its funnel."""

    def html(self) -> str:
        """The sheet as one HTML file that needs nothing beside it.

        Raises:
            MissingExtra: Jinja, Graphviz or its font is not installed.
        """
        return html.page(self.contents, self.picture)

    def markdown(self, picture: str | None = None) -> str:
        """The sheet as Markdown.

        Args:
            picture: a link to the picture as a file; without it, it is drawn from a Mermaid block.
        """
        return markdown.page(self.contents, self.picture, picture)

    def save(self, path: str | os.PathLike[str]) -> tuple[Path, ...]:
        """Write the form that the suffix names: ``.html`` or ``.md``.

        Markdown cannot carry a picture, so that lies beside it as an SVG.

        Returns:
            the files that were written.

        Raises:
            FileProblem: the suffix names neither, or a file cannot be written.
        """
        target = Path(path)
        match target.suffix.lower():
            case ".html" | ".htm":
                write_file(target, self.html())
                return (target,)
            case ".md":
                beside = target.with_name(f"{target.stem}-picture.svg")
                with whole_file(target) as page, whole_file(beside) as picture:
                    page.write(self.markdown(beside.name).encode())
                    picture.write(self.picture.svg().encode())
                return target, beside
        what = f"the suffix {target.suffix!r}" if target.suffix else "a name without suffix"
        raise FileProblem(f"{target}: {what} names no form of a sheet; use .html or .md")

    def save_people(self, path: str | os.PathLike[str]) -> Path:
        """Write everybody of the lists of people as a table, CSV or Parquet by its name: who would
        qualify, and who is just below, the nearest first.

        Raises:
            LifecycleError: the sheet has no such lists.
            FileProblem: the name is of neither, or the file cannot be written.
        """
        found = self.contents.litmus
        if found is None:
            raise LifecycleError("the sheet lists nobody: it was made without people")
        table = TableWriter(_LISTED)
        table.extend((*found.qualify, *found.nearest))
        target = Path(path)
        table.save(target)
        return target


_LISTED: tuple[Column[Candidate], ...] = (
    Column("list", "str", lambda one: "just below" if one.unmet else "would qualify"),
    Column("id", "str", attrgetter("id")),
    Column("name", "str", attrgetter("name")),
    Column("email", "str", attrgetter("email")),
    Column("owner", "str", attrgetter("owner")),
    Column("assigned_to", "str", attrgetter("assigned_to")),
    Column("stage", "str", attrgetter("stage")),
    Column("since", "datetime", attrgetter("since")),
    Column("move", "str", attrgetter("label")),
    Column("reasons", "texts", attrgetter("reasons")),
)


def make_sheet(
    model: Model,
    *,
    history: Iterable[HistoryRow] | None = None,
    people: Iterable[Any] | None = None,
    deadlines: Iterable[DeadlineFact] | None = None,
    now: datetime | str | None = None,
    zone: str = "UTC",
    ready: str | None = None,
) -> Sheet:
    """Put together what marketing and sales sign.

    Args:
        model: what they agree on.
        history: what happened, for the numbers: rows that a run of the model left.
        people: persons, for the litmus list: who qualifies now, who is nearest, and why.
        deadlines: what became of deadlines, for how they were kept.
        now: the instant of the numbers and the list; the last thing that the history tells where
            nothing is said. What happened later is left out of the numbers.
        zone: in which times are shown.
        ready: the stage that the litmus list is about; without it the one of those who are ready
            for sales.

    Raises:
        LifecycleError: there is no such zone or stage, or no way to know what time it is.
        MissingExtra: the numbers need scipy.
    """
    find_zone(zone)
    rows = None if history is None else list(history)
    persons = None if people is None else list(people)
    as_of = _now(now, rows, persons)
    measured = None
    if rows and as_of is not None:
        scope = observe(rows, model, until=as_of, zone=zone, deadlines=deadlines)
        measured = numbers(scope, as_of)
    found = None
    if persons is not None and as_of is not None:
        found = litmus(model, persons, as_of, ready)
    contents = Contents(
        title=agreed.named(model),
        description=clean(model.description),
        model=model.name,
        version=model.version,
        zone=zone,
        as_of=as_of,
        stages=agreed.stages(model),
        starts=agreed.starts(model),
        fast_tracks=agreed.fast_tracks(model),
        reasons=agreed.reasons(model),
        dues=agreed.dues(model),
        hours=agreed.hours(model),
        assignment=agreed.assignment(model),
        alerts=agreed.alerts(model),
        lists=agreed.lists(model),
        tokens=agreed.tokens(model),
        scores=agreed.scores(model),
        limits=agreed.limits(model),
        owners=agreed.owners(model),
        vocabulary=agreed.vocabulary(model),
        numbers=measured,
        litmus=found,
    )
    counts = measured.counts if measured is not None else None
    return Sheet(contents, draw(model, counts, contents.title))


def _now(
    now: datetime | str | None, rows: list[HistoryRow] | None, people: list[Any] | None
) -> datetime | None:
    """The instant that a sheet speaks of: nobody asks the clock of this machine."""
    if now is not None:
        return instant(now)
    if rows:
        return max(row.now for row in rows)
    if people:
        known: list[datetime] = [
            one.stage_entered_at for one in people if one.stage_entered_at is not None
        ]
        if not known:
            raise LifecycleError(
                "the litmus list needs an instant, and nothing says when anybody came into a "
                "stage: give now"
            )
        return max(known)
    return None
