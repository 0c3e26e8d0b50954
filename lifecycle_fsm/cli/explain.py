"""``lifecycle-fsm explain``: why one person is where they are, and what would move them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from lifecycle_fsm.activity import Activity
from lifecycle_fsm.cli.common import (
    JsonOption,
    ModelArgument,
    complain,
    folder_for,
    lined_up,
    load_model,
    moment,
    print_json,
    progress,
    read_time,
)
from lifecycle_fsm.cli.working import (
    ActivitiesOption,
    FormatOption,
    MappingOption,
    OrderOption,
    PeopleOption,
    apply_log,
    inputs_of,
    read_log,
)
from lifecycle_fsm.errors import LifecycleError, UnknownPerson, suggest
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.machine import Decision, Refusal
from lifecycle_fsm.person import Person
from lifecycle_fsm.tables import Reject
from lifecycle_fsm.tables.times import counted

_WIDTH = 80


def explain(
    model: ModelArgument,
    person_id: Annotated[str, typer.Argument(metavar="PERSON_ID", help="The person's id.")],
    people: PeopleOption = None,
    activities: ActivitiesOption = None,
    mapping: MappingOption = None,
    trigger: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Explain this request of a human, not the system moves."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="As of then. [default: the last row of the files]"),
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="Draw the path: .svg, .png, .pdf or .dot.")
    ] = None,
    format: FormatOption = None,
    order: OrderOption = "event",
    json: JsonOption = False,
) -> None:
    r"""Tell one person's story: each move with its rule and cause, and what would be the next.

    ```sh
    lifecycle-fsm explain waterfall p1 --people people.csv \
        --activities activities.csv
    lifecycle-fsm explain waterfall p1 --people people.csv \
        --trigger disqualify --out p1.svg
    ```

    Takes the files and the mapping that `run` takes.
    """
    decisions: list[Decision] = []
    lifecycle = Lifecycle(load_model(model), record=decisions.append)
    if trigger is not None and trigger not in lifecycle.model.triggers:
        known = lifecycle.model.triggers
        hint = suggest(trigger, known) or f"; there are {', '.join(known) or 'none'}"
        raise LifecycleError(f"the model has no trigger {trigger!r}{hint}")
    rejects: list[Reject] = []
    end = read_time("--at", at)
    with progress() as bar:
        log = read_log(
            lifecycle,
            inputs_of(people, activities),
            mapping=mapping,
            format=format,
            order=order,
            reject=rejects.append,
            bar=bar,
            only=person_id,
        )
        came = log.activities
        end = apply_log(lifecycle, log, end, bar)
    for note in log.notes:
        complain(f"note: {note}")
    if rejects:
        complain(
            f"note: {counted(len(rejects), 'row')} of these files could not be used: see `run`"
        )
    if person_id not in lifecycle:
        raise UnknownPerson(_nobody(person_id, came, decisions, end))
    person = lifecycle.person(person_id)
    leaving = dict.fromkeys(
        edge.on for edge in lifecycle.model.edges if edge.source == person.stage and edge.on
    )
    asked = (trigger,) if trigger else (None, *leaving)
    why = {one: lifecycle.explain(person_id, one, at=end) for one in asked}
    causes = {one.id: one for one in log.activities}
    if json:
        story = _plain(lifecycle, person, decisions, causes, why)
        print_json({**story, "would_move": _free(lifecycle, person, why, end)})
    else:
        print("\n".join(_told(lifecycle, person, decisions, causes, why)))
        free = _free(lifecycle, person, why, end)
        if free:
            print(f"\nwould move now, if somebody asked: {', '.join(free)}")
    if out is not None:
        from lifecycle_fsm import diagram

        with folder_for(out):
            diagram.draw_person(lifecycle.model, person.history).save(out)


def _nobody(
    person: str, activities: list[Activity], decisions: list[Decision], end: datetime | None
) -> str:
    if not activities:
        return f"nothing in these files is about {person!r}"
    later = min((one.at for one in activities if one.kind == "created"), default=None)
    if later is not None and end is not None and later > end:
        return f"{person!r} is created later, at {moment(later)} UTC: say a later --at"
    reasons = dict.fromkeys(one.reason for one in decisions if one.reason)
    return f"{person!r} was never created: {'; '.join(reasons)}"


def _told(
    lifecycle: Lifecycle,
    person: Person,
    decisions: list[Decision],
    causes: dict[str, Activity],
    why: dict[str | None, tuple[Refusal, ...]],
) -> Iterable[str]:
    stage = lifecycle.model.stage(person.stage)
    yield (
        f"{person.id}: {stage.display}{f', {stage.label}' if stage.label else ''}"
        f" (stage {stage.name}), since {moment(person.stage_entered_at)} UTC, "
        f"journey {person.journey}"
    )
    yield "\nmoves (UTC)"
    yield lined_up(
        (
            moment(row.now) + (" (late)" if row.late else ""),
            f"{row.from_stage or '·'} → {row.to_stage}",
            row.rule,
            _cause(causes.get(row.activity or ""), row.activity)
            + (f", past {', '.join(row.passed_over)}" if row.passed_over else ""),
        )
        for row in person.history
    )
    others = [one for one in decisions if one.result not in ("moved", "unchanged")]
    if others:
        yield "\nasked, and not moved"
        for one in others:
            told = str(one).removeprefix(f"{one.person}: ")
            told = told.replace(f" at {moment(one.now)} UTC", "", 1).replace("\n", "\n  ")
            yield f"  {moment(one.now)}  {told}"
    for trigger, refusals in why.items():
        if refusals:
            yield f"\n{f'if somebody asked for {trigger}' if trigger else 'not open now'}"
            yield from (f"  {line}" for one in refusals for line in str(one).splitlines())


def _free(
    lifecycle: Lifecycle, person: Person, asked: Iterable[str | None], now: datetime | None
) -> list[str]:
    """The triggers that would move the person."""
    may = lifecycle.machine.may
    return [one for one in asked if one is not None and now is not None and may(person, one, now)]


def _cause(activity: Activity | None, id: str | None) -> str:
    if activity is None:
        return f"because of {id}" if id else "because of time"
    brought = _fitted([f"{name}={value}" for name, value in activity.payload.items()])
    return f"because of {activity.kind}{f' ({brought})' if brought else ''}"


def _fitted(items: Sequence[str]) -> str:
    """As many of the items as one line takes, the first at least in part; cut between words."""
    text = ", ".join(items)
    if len(text) <= _WIDTH:
        return text
    kept = ""
    for item in items:
        longer = f"{kept}, {item}" if kept else item
        if len(longer) > _WIDTH:
            break
        kept = longer
    if kept:
        return f"{kept}, …"
    words = items[0][:_WIDTH].rpartition(" ")[0] or items[0][:_WIDTH]
    return f"{words} …"


def _plain(
    lifecycle: Lifecycle,
    person: Person,
    decisions: list[Decision],
    causes: dict[str, Activity],
    why: dict[str | None, tuple[Refusal, ...]],
) -> dict[str, Any]:
    return {
        "person": person.id,
        "stage": person.stage,
        "stage_entered_at": person.stage_entered_at,
        "journey": person.journey,
        "model": {"name": lifecycle.model.name, "version": lifecycle.model.version},
        "fields": {
            name: value
            for name in lifecycle.model.field_types
            if (value := getattr(person, name)) is not None
        },
        "stamps": [
            {
                "stage": one.stage,
                "first": one.first,
                "latest": one.latest,
                "visits": one.visits,
                "seconds": one.total.total_seconds(),
            }
            for one in person.stamps.values()
        ],
        "history": [
            {
                "sequence": row.sequence,
                "at": row.at,
                "now": row.now,
                "from": row.from_stage,
                "to": row.to_stage,
                "kind": row.kind,
                "rule": row.rule,
                "trigger": row.trigger,
                "activity": row.activity,
                "because": {"kind": cause.kind, "payload": cause.payload} if cause else None,
                "journey": row.journey,
                "passed_over": list(row.passed_over),
                "late": row.late,
            }
            for row in person.history
            for cause in [causes.get(row.activity or "")]
        ],
        "decisions": [
            {
                "at": one.at,
                "now": one.now,
                "result": one.result,
                "stage": one.stage,
                "kind": one.kind,
                "trigger": one.trigger,
                "activity": one.activity,
                "unmet": [_refusal(part) for part in one.unmet],
                "reason": one.reason,
                "late": one.late,
            }
            for one in decisions
        ],
        "not_open": [
            {"trigger": trigger, **_refusal(one)}
            for trigger, refusals in why.items()
            for one in refusals
        ],
    }


def _refusal(one: Refusal) -> dict[str, Any]:
    return {
        "move": one.move,
        "to": one.target,
        "unmet": [part.label for part in one.unmet],
        "seen": {name: value for part in one.unmet for name, value in part.seen},
        "note": one.note,
    }
