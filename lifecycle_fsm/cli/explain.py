"""``lifecycle-fsm explain``: the story of one person, and what would move them."""

from __future__ import annotations

import shutil
from typing import Annotated

import typer

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.activity_log import FormatOption, Log, read_log, record_meant
from lifecycle_fsm.cli.arguments import folder_for, inputs_of, keep_inputs, load_model, read_time
from lifecycle_fsm.cli.console import complain, print_json, progress
from lifecycle_fsm.cli.options import flag, option
from lifecycle_fsm.cli.stores import known_records, open_snapshot, store_or_file, unknown_person
from lifecycle_fsm.errors import UnknownPerson
from lifecycle_fsm.files import write_file
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.story import Story, tell
from lifecycle_fsm.wording import counted
from lifecycle_fsm.zones import find_zone


def explain(
    model: options.Model,
    person: Annotated[
        str, typer.Argument(metavar="PERSON", help="The id, the e-mail address or the name.")
    ],
    store: options.StoreInstead = None,
    people: options.People = None,
    activities: options.Activities = None,
    mapping: options.Mapping = None,
    trigger: Annotated[
        str | None,
        option("NAME", "Explain this request of a human, not every move out of the stage."),
    ] = None,
    at: Annotated[
        str | None,
        option(
            "TIME",
            "As of then, or `now`. [default: the last row of the files, or what happened last]",
        ),
    ] = None,
    zone: Annotated[str, flag("Tell times, and read --at, in this zone.")] = "UTC",
    out: Annotated[
        str | None,
        option("FILE", "Write the story as .md, or draw the path: .svg, .png, .pptx, …"),
    ] = None,
    format: FormatOption = None,
    order: options.InOrder = "event",
    allow_tables: options.Tables = None,
    json: options.Json = False,
) -> None:
    r"""Tell one person's story: what happened, what it changed, what was refused, what comes next.

    ```sh
    lifecycle-fsm explain waterfall p1 --people people.csv \
        --activities activities.csv --zone Europe/Berlin
    lifecycle-fsm explain waterfall p1 --people people.csv \
        --activities activities.csv --out p1.md
    lifecycle-fsm explain waterfall p1 --people people.csv \
        --trigger disqualify --out p1.svg
    lifecycle-fsm explain waterfall p1 --store lifecycle.db
    ```

    Takes the files and the mapping that `run` takes, or a store. Where an address or a name may be
    of several people, their ids are listed. Of a record that was merged into another, the
    story of both is told.
    """
    given = [*(people or ()), *(activities or ())]
    address = store_or_file(store, given[0] if given else None, "--people FILE, --activities FILE")
    inputs = inputs_of(people, activities) if address is None else []
    keep_inputs(out, model, mapping, *(path for _, path in inputs))
    end = read_time("--at", at, find_zone(zone))
    lifecycle = Lifecycle(load_model(model, allow_tables))
    if address is not None:
        log = _of_store(address, person)
    else:
        with progress() as bar:
            log = read_log(
                lifecycle.model, inputs, person,
                mapping=mapping, format=format, order=order, bar=bar,
            )  # fmt: skip
    _tell_notes(log, person)
    if address is not None and not log.activities:
        raise UnknownPerson(f"nothing about {log.person!r} has been applied yet")
    story = tell(
        lifecycle.model,
        log.activities,
        log.person,
        until=log.last(lifecycle.model) if end is None else end,
        trigger=trigger,
        zone=zone,
    )
    if json:
        print_json(story.as_dict())
    else:
        print(story.text(shutil.get_terminal_size((100, 24)).columns), end="")
    if out is not None:
        with folder_for(out):
            _save(story, out)


def _tell_notes(log: Log, person: str) -> None:
    for note in log.notes:
        complain(f"note: {note}")
    if log.rejects:
        unused = counted(len(log.rejects), "row")
        complain(f"note: {unused} about {log.person!r} could not be used: see `run`")
    if log.person != person:
        complain(f"note: {person!r} is {log.person!r}")


def _of_store(address: str, text: str) -> Log:
    """The log of the person whom a text names."""
    with open_snapshot(address) as moment:
        person, group = text, moment.group(text)
        if not moment.knows(text):
            records = known_records(moment)
            meant = record_meant(text, records, moment.group)
            if meant is None:
                raise unknown_person(text, moment, records)
            person, group = meant
        waiting = (
            f"{activity.kind} {activity.id!r} of {activity.person!r} has not been applied: {why}"
            for activity, why in moment.stopped(group)
        )
        return Log(moment.log(group), notes=[*waiting], person=person)


def _save(story: Story, out: str) -> None:
    if out.lower().endswith(".md"):
        write_file(out, story.markdown())
        return
    from lifecycle_fsm import diagram

    rows = [row for row in story.history if row.visits]
    diagram.draw_person(story.model, rows, zone=story.zone).save(out)
