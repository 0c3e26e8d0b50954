"""Where a person is now, what time alone will bring, and what would move them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

import attrs

from lifecycle_fsm.machine import Refusal
from lifecycle_fsm.model import Model
from lifecycle_fsm.person import Opportunity, Person
from lifecycle_fsm.story.entries import Entry, Teller
from lifecycle_fsm.story.replay import Moment, Replay
from lifecycle_fsm.story.words import Speech
from lifecycle_fsm.wording import clean, counted, sentence

#: How far ahead the story looks, and at how many things at most.
AHEAD = timedelta(days=366)
_MOST = 12


@attrs.frozen(kw_only=True)
class Way:
    """A move out of the present stage: who asks for it, and what it needs.

    ``trigger`` is what a human asks for; a system move has none. ``open`` says that it would be
    made if somebody asked now. ``refusal`` is why not.
    """

    move: str
    target: str
    trigger: str | None
    open: bool
    text: str
    refusal: Refusal | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True)
class Situation:
    """How things stand at the end of the story: facts, a sentence each."""

    facts: tuple[str, ...]
    coming: tuple[Entry, ...]
    ways: tuple[Way, ...]


def situation(replay: Replay, teller: Teller, trigger: str | None) -> Situation:
    """Look around, then ahead; the replay's person then stands at the end of that."""
    facts = tuple(_facts(replay, teller.speech))
    found = tuple(ways(replay, teller, trigger))
    coming = () if trigger is not None else tuple(_coming(replay, teller))
    return Situation(facts=facts, coming=coming, ways=found)


# ---------------------------------------------------------------- now


def _facts(replay: Replay, speech: Speech) -> Iterator[str]:
    person, model, end = replay.person, speech.model, replay.end
    since = person.stage_entered_at or end
    journey = f"journey {person.journey}"
    yield (
        f"In {speech.place(person.stage)} since {speech.moment(since)}, "
        f"{speech.lasting(end - since)}; {journey}."
    )
    scores = [
        f"{speech.field(name)} {speech.said(getattr(person, name))}"
        for name in ("behavior_score", "demographic_score")
    ]
    if person.hand_raised:
        scores.append("a hand is raised")
    yield f"{sentence(', '.join(scores))}."
    who = [f"Owner: {clean(person.owner)}"] if person.owner else []
    if person.assigned_to and person.assigned_to != person.owner:
        who.append(f"{'assigned' if who else 'Assigned'} to {clean(person.assigned_to)}")
    yield f"{'; '.join(who) or 'Nobody of sales owns the record'}."
    deals: dict[str, Opportunity] = dict(person.opportunities)
    for name, deal in deals.items():
        if deal.status == "open":
            yield f"{speech.deal(name, deal, 'is open')}."
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
        closed = {one.move for one in replay.orchestrator.machine.explain(person, None, end)}
        rule = next(one for one in model.sort if one.name not in closed)
        yield f"Now it would be sorted to {speech.place(rule.target)} by {speech.rule(rule.name)}."


# ---------------------------------------------------------------- what time brings


def _coming(replay: Replay, teller: Teller) -> Iterator[Entry]:
    """What happens if nothing else does: of fading only the first, up to the next move."""
    faded = False
    try:
        limit = replay.end + AHEAD
    except OverflowError:
        return
    for moment in replay.look_ahead(limit, _MOST):
        if all(one.kind == "decay" for one in moment.decisions):
            if faded:
                continue
            faded = True
        if _says_something(moment):
            yield teller.entry(moment)


def _says_something(moment: Moment) -> bool:
    return bool(
        moment.rows or moment.changes or any(one.requests for one in moment.decisions)
    ) or any(one.kind == "deadline" for one in moment.decisions)


# ---------------------------------------------------------------- what would move them


def ways(replay: Replay, teller: Teller, trigger: str | None = None) -> Iterator[Way]:
    """The moves out of the person's stage: what each system move needs, and what can be asked.

    Raises:
        NoSuchMove: a trigger is given, and none of its moves leaves the stage.
    """
    machine, person, now = replay.orchestrator.machine, replay.person, replay.end
    model = machine.model
    asked: Iterable[str | None]
    if trigger is not None:
        asked = (trigger,)
    else:
        leaving = [one.on for one in model.edges if one.source == person.stage and one.on]
        asked = (None, *dict.fromkeys(leaving))
    for one in asked:
        refusals = {found.move: found for found in machine.explain(person, one, now)}
        for move, target in _moves(person, model, one):
            refusal = refusals.get(move)
            if refusal is None and one is None:
                continue  # it is made by itself, at the next thing that happens
            said = f"→ {teller.speech.place(target)} by {teller.speech.rule(move)}"
            needs = "is open now" if refusal is None else teller.needs.refusal(refusal)
            yield Way(
                move=move,
                target=target,
                trigger=one,
                open=refusal is None,
                text=f"{said} {needs}.",
                refusal=refusal,
            )


def _moves(person: Person, model: Model, trigger: str | None) -> list[tuple[str, str]]:
    """The moves that the trigger asks for here, those along the path first."""
    edges = model.sort_edges if person.stage == model.initial.name else model.edges
    found = [
        (edge.name, edge.target)
        for edge in edges
        if edge.source == person.stage and edge.on == trigger
    ]
    behind = len(model.path)
    return sorted(found, key=lambda one: model.ranks.get(one[1], behind))
