"""Where a person is now, what time alone will bring, and what would move them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

import attrs

from lifecycle_fsm.machine import Refusal
from lifecycle_fsm.model import Model
from lifecycle_fsm.person import Person
from lifecycle_fsm.story.entries import Entry, EntryBuilder
from lifecycle_fsm.story.replay import Replay, StoryMoment
from lifecycle_fsm.story.story_formatter import StoryFormatter
from lifecycle_fsm.wording import clean, counted, lasting, sentence

#: How far ahead the story looks, and the most moments that it looks at.
AHEAD = timedelta(days=366)
_MOST = 12


@attrs.frozen(kw_only=True)
class Way:
    """A move out of the present stage: who triggers it, and what it needs.

    ``trigger`` is the trigger of a process move; a system move has none. ``open`` says whether the
    move would be made now if it were asked for. ``refusal`` explains why not.
    """

    move: str
    target: str
    trigger: str | None
    open: bool
    text: str
    refusal: Refusal | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True)
class Situation:
    """The situation at the end of the story: facts, a sentence each."""

    facts: tuple[str, ...]
    coming: tuple[Entry, ...]
    ways: tuple[Way, ...]


def situation(replay: Replay, builder: EntryBuilder, trigger: str | None) -> Situation:
    """Describe the present, then look ahead, which advances the replay's person in time."""
    facts = tuple(_facts(replay, builder.formatter))
    moves_out = tuple(ways(replay, builder, trigger))
    coming = () if trigger is not None else tuple(_coming(replay, builder))
    return Situation(facts=facts, coming=coming, ways=moves_out)


# ---------------------------------------------------------------- now


def _facts(replay: Replay, formatter: StoryFormatter) -> Iterator[str]:
    person, model, end = replay.person, formatter.model, replay.end
    since = person.stage_entered_at or end
    yield (
        f"In {formatter.place(person.stage)} since {formatter.moment(since)}, "
        f"{lasting(end - since)}; journey {person.journey}."
    )
    scores = [
        f"{formatter.field(name)} {formatter.field_value(getattr(person, name))}"
        for name in ("behavior_score", "demographic_score")
    ]
    if person.hand_raised:
        scores.append("a hand is raised")
    yield f"{sentence(', '.join(scores))}."
    who = [f"Owner: {clean(person.owner)}"] if person.owner else []
    if person.assigned_to and person.assigned_to != person.owner:
        who.append(f"{'assigned' if who else 'Assigned'} to {clean(person.assigned_to)}")
    yield f"{'; '.join(who) or 'Nobody of sales owns the record'}."
    for name, deal in person.opportunities.items():
        if deal.status == "open":
            yield f"{formatter.deal(name, deal, 'is open')}."
    if person.unsubscribed:
        yield "Marketing mail: none, they unsubscribed."
    elif any(stage.mail for stage in model.stages):
        yield f"Marketing mail: {model.stage(person.stage).mail or 'as usual'}."
    if person.held_requests:
        held = counted(len(person.held_requests), "request")
        yield f"{held} held until the CRM knows the record."
    for parked in replay.orchestrator.parked.get(person.id, ()):
        what = parked.activity.kind if parked.activity is not None else "what was due"
        yield f"Stopped by an error, to be tried again: {clean(what)}, {clean(parked.error)}."
    if person.stage == model.initial.name:
        yield "Original processing is not over: triggers and moves wait for its end."
        closed = {
            refusal.move for refusal in replay.orchestrator.machine.explain(person, None, end)
        }
        rule = next(rule for rule in model.sort if rule.name not in closed)
        place = formatter.place(rule.target)
        yield f"Now it would be sorted to {place} by {formatter.rule(rule.name)}."


# ---------------------------------------------------------------- what time brings


def _coming(replay: Replay, builder: EntryBuilder) -> Iterator[Entry]:
    """What time alone brings, up to the next move; of decay only the first."""
    faded = False
    try:
        limit = replay.end + AHEAD
    except OverflowError:
        return
    for moment in replay.look_ahead(limit, _MOST):
        if all(decision.kind == "decay" for decision in moment.decisions):
            if faded:
                continue
            faded = True
        if _says_something(moment):
            yield builder.entry(moment)


def _says_something(moment: StoryMoment) -> bool:
    return bool(
        moment.rows or moment.changes or any(decision.requests for decision in moment.decisions)
    ) or any(decision.kind == "deadline" for decision in moment.decisions)


# ---------------------------------------------------------------- what would move them


def ways(replay: Replay, builder: EntryBuilder, trigger: str | None = None) -> Iterator[Way]:
    """The moves out of the person's stage: what each system move needs, and the possible triggers.

    Raises:
        NoSuchMove: a trigger is given, and none of its moves leaves the stage.
    """
    machine, person, now = replay.orchestrator.machine, replay.person, replay.end
    model = machine.model
    triggers: Iterable[str | None] = (trigger,)
    if trigger is None:
        leaving = [edge.on for edge in model.edges if edge.source == person.stage and edge.on]
        triggers = (None, *dict.fromkeys(leaving))
    for name in triggers:
        refusals = {refusal.move: refusal for refusal in machine.explain(person, name, now)}
        for move, target in _moves(person, model, name):
            refusal = refusals.get(move)
            if refusal is None and name is None:
                continue  # it happens by itself, with the next activity
            move_text = f"→ {builder.formatter.place(target)} by {builder.formatter.rule(move)}"
            needs = "is open now" if refusal is None else builder.formatter.refusal(refusal)
            yield Way(
                move=move,
                target=target,
                trigger=name,
                open=refusal is None,
                text=f"{move_text} {needs}.",
                refusal=refusal,
            )


def _moves(person: Person, model: Model, trigger: str | None) -> list[tuple[str, str]]:
    """The moves of the trigger from here, those along the path first."""
    edges = model.sort_edges if person.stage == model.initial.name else model.edges
    moves = [
        (edge.name, edge.target)
        for edge in edges
        if edge.source == person.stage and edge.on == trigger
    ]
    behind = len(model.path)
    return sorted(moves, key=lambda move: model.ranks.get(move[1], behind))
