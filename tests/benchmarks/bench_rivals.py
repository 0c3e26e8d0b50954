"""A small lifecycle with other libraries, and written by hand, beside this one: the same work.

    python -m tests.benchmarks.bench_rivals [PEOPLE]

A contact with 30 points becomes a lead; a lead that sales gives up is lost, has no points, and
comes back with 30 new ones. For each activity, every rival finds the person, adds the points,
tries the move and appends a row of history for it. The last line is the model ``two_step`` of this
package, which does the rest of an activity too: original processing, duplicates, decisions. All
take turns in chunks of one log, so that a busy machine is busy for all; in the end the people must
be in the same stages after the same number of moves.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from random import Random
from typing import Any

from transitions import Machine

from lifecycle_fsm import Activity, Lifecycle

START = datetime(2024, 1, 1, tzinfo=UTC)
CHUNK = 1_000
THRESHOLD = 30
POINTS = {"form_filled": 20, "web_visit": 5}
MOVES = {"interested", "gave_up", "interested_again"}


class Lead:
    """A person of a rival."""

    def __init__(self) -> None:
        self.state = "contact"
        self.score = 0
        self.rows: list[tuple[str, datetime]] = []

    def enough(self) -> bool:
        """Whether the points make a lead."""
        return self.score >= THRESHOLD

    def reset(self) -> None:
        """Take the points away."""
        self.score = 0

    def moved(self, at: datetime) -> None:
        """Append a row of history, with the new stage."""
        self.rows.append((self.state, at))


class ByHand:
    """The moves as plain Python, which the rivals below do otherwise."""

    name = "Python by hand"

    def __init__(self) -> None:
        self.people: dict[str, Lead] = {}

    def create(self) -> Lead:
        """A new person."""
        return Lead()

    def apply(self, activity: Activity) -> None:
        """Take one activity of a person to its end."""
        if activity.kind == "created":
            self.people[activity.person] = self.create()
            return
        lead = self.people[activity.person]
        lead.score += POINTS.get(activity.kind, 0)
        self.fire(lead, "give_up" if activity.kind == "give_up" else "scored", activity.at)

    def fire(self, lead: Lead, trigger: str, at: datetime) -> None:
        """Make the move of a trigger, if there is one."""
        if trigger == "give_up":
            if lead.state == "lead":
                lead.state = "lost"
                lead.reset()
                lead.moved(at)
        elif lead.state in ("contact", "lost") and lead.enough():
            lead.state = "lead"
            lead.moved(at)

    def result(self) -> tuple[dict[str, str], int]:
        """The stage of each person, and how many moves there were."""
        stages = {name: lead.state for name, lead in self.people.items()}
        return stages, sum(len(lead.rows) for lead in self.people.values())


class SharedTransitions(ByHand):
    """``transitions``, with events fired for people of whom the machine does not know."""

    name = "transitions, one event for all"

    def __init__(self) -> None:
        super().__init__()
        self.machine = Machine(
            model=None,
            states=["contact", "lead", "lost"],
            initial="contact",
            auto_transitions=False,
            ignore_invalid_triggers=True,
            send_event=True,
            after_state_change=lambda event: event.model.moved(event.kwargs["at"]),
        )
        self.machine.add_transition(
            "scored", ["contact", "lost"], "lead", conditions=lambda event: event.model.enough()
        )
        self.machine.add_transition(
            "give_up", "lead", "lost", before=lambda event: event.model.reset()
        )

    def fire(self, lead: Lead, trigger: str, at: datetime) -> None:
        """Fire the event."""
        self.machine.events[trigger].trigger(lead, at=at)


class AddedModels(SharedTransitions):
    """``transitions`` as its README shows it, with a trigger for each person."""

    name = "transitions, add_model"

    def create(self) -> Lead:
        """A new person, with triggers."""
        lead = Lead()
        self.machine.add_model(lead, initial="contact")
        return lead

    def fire(self, lead: Lead, trigger: str, at: datetime) -> None:
        """Call the trigger."""
        getattr(lead, trigger)(at=at)


class PythonStatemachine(ByHand):
    """``python-statemachine``, with a machine for each person."""

    name = "python-statemachine"

    def __init__(self) -> None:
        library: Any = import_module("statemachine")

        class Machine(library.StateMachine):  # type: ignore[misc]
            allow_event_without_transition = True
            contact, lead, lost = library.State(initial=True), library.State(), library.State()
            scored = contact.to(lead, cond="enough") | lost.to(lead, cond="enough")
            give_up = lead.to(lost, before="reset")

            def after_transition(self, at: datetime) -> None:
                self.model.moved(at)

        super().__init__()
        self.kind: Any = Machine
        self.machines: dict[Lead, Any] = {}

    def create(self) -> Lead:
        """A new person, with a machine."""
        lead = Lead()
        self.machines[lead] = self.kind(lead)
        return lead

    def fire(self, lead: Lead, trigger: str, at: datetime) -> None:
        """Send the event."""
        self.machines[lead].send(trigger, at=at)


class TwoStep:
    """The model ``two_step`` of this package."""

    name = "lifecycle_fsm"

    def __init__(self) -> None:
        self.lifecycle = Lifecycle("two_step")
        self.apply: Callable[[Activity], object] = self.lifecycle.apply

    def result(self) -> tuple[dict[str, str], int]:
        """The stage of each person, and how many moves there were."""
        stages = {person.id: person.stage for person in self.lifecycle}
        return stages, sum(row.rule in MOVES for row in self.lifecycle.history)


def log_of(people: int) -> list[Activity]:
    """The activities of so many people, in the order of time."""
    random = Random(1)
    log: list[Activity] = []
    for number in range(people):
        person, at = f"person-{number:06}", START + timedelta(seconds=number)
        log.append(Activity(f"{number}-0", person, "created", at))
        for place in range(1, 10):
            at += timedelta(hours=random.randint(1, 100))
            kind = random.choice(("form_filled", "form_filled", "web_visit", "give_up"))
            payload = {"form": "Demo"} if kind == "form_filled" else {}
            log.append(Activity(f"{number}-{place}", person, kind, at, payload))
    return sorted(log, key=lambda activity: (activity.at, activity.id))


def main() -> None:
    """Measure and print."""
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    log = log_of(people)
    kinds: list[type[ByHand | TwoStep]] = [ByHand, SharedTransitions, AddedModels]
    if find_spec("statemachine"):
        kinds.append(PythonStatemachine)
    else:
        print("python-statemachine is left out: pip install python-statemachine")
    rivals = [kind() for kind in (*kinds, TwoStep)]
    spent = dict.fromkeys(rivals, 0.0)
    gc.collect()
    gc.freeze()
    gc.disable()  # as run and demo do, for all
    for start in range(0, len(log), CHUNK):
        for rival in rivals:
            began = time.process_time()
            for activity in log[start : start + CHUNK]:
                rival.apply(activity)
            spent[rival] += time.process_time() - began
    first, *others = (rival.result() for rival in rivals)
    assert all(other == first for other in others), "they do not do the same work"
    print(f"{people:,} people, {len(log):,} activities, {first[1]:,} moves")
    ours = spent[rivals[-1]]
    for rival, seconds in spent.items():
        each = seconds / len(log) * 1e6
        ratio = seconds / ours
        print(f"{rival.name:<32}{each:>8.2f} µs per activity, {ratio:>6.3f} of lifecycle_fsm")


if __name__ == "__main__":
    main()
