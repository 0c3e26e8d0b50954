"""An interrupt, at whatever line it comes, counts nothing twice and loses nothing [S11]."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, TypeAlias

import pytest

import lifecycle_fsm
from lifecycle_fsm import Activity, DataRule, Lifecycle, RecordError, ScoreRule, step
from lifecycle_fsm.model import AlertRule, Deadline, Decay
from lifecycle_fsm.orchestrator import Orchestrator
from tests.machine.small import DAY, HOUR, HUGE, MINUTE, TOO_LARGE, T, act, move, slots, small
from tests.orchestrator.copies import again

PACKAGE = Path(lifecycle_fsm.__file__).parent
#: What only reads: an interrupt there is one in the line that called it.
PURE = tuple(
    str(PACKAGE / part)
    for part in (
        "guard", "model", "processing", "activities.py", "effects.py", "fields.py", "history.py",
        "requests.py", "clock/working_time.py",
    )
)  # fmt: skip
Line: TypeAlias = tuple[str, int]


@contextmanager
def traced(at: Callable[[Line], None]) -> Iterator[None]:
    """Call with every line of the package, before it is executed."""

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        name = frame.f_code.co_filename
        if not name.startswith(str(PACKAGE)) or name.startswith(PURE):
            return None
        if event == "line":
            at((name, frame.f_lineno))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


def interrupted(ask: Ask, orchestrator: Orchestrator, line: int) -> None:
    """Ask, with a KeyboardInterrupt in place of the n-th line."""
    seen = 0

    def interrupt(_: Line) -> None:
        nonlocal seen
        seen += 1
        if seen == line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), traced(interrupt):
        ask(orchestrator)


def lines(ask: Ask, orchestrator: Orchestrator) -> list[int]:
    """The places at which to interrupt: each line, when it is executed for the last time."""
    seen: list[Line] = []
    with traced(seen.append):
        ask(orchestrator)
    return sorted({line: place for place, line in enumerate(seen, 1)}.values())


Ask: TypeAlias = Callable[[Orchestrator], object]
MODEL = small(
    move("go", "a", "b", on="go"),
    move("keen", "a", "b", when="behavior_score >= 4"),
    move("stale", "b", "x", when="days in stage >= 3", then={"level": "level + 1"}),
    scoring=(ScoreRule(name="visit", on="web_visit", points=2, cap=6, per="day"),),
    decay=(Decay(name="fade", every=DAY, then={"behavior_score": "behavior_score - 1"}),),
    deadlines=(Deadline(name="slow", stage="b", after=2 * DAY, send="task", to="'desk'"),),
    alerts=(AlertRule(name="call", entering="b", send="task", to="'desk'", links_to_crm=True),),
    settle=MINUTE,
)
READY: tuple[Activity, ...] = (
    act("0", "created", T),
    act("0", "created", T, "q", level=3),
    act("1", "web_visit", T + HOUR),
    act("1", "web_visit", T + HOUR, "q"),
    act("2", "go", T + HOUR, "q"),
    act("5", "web_visit", T + 2 * HOUR, "contact-of-p"),
    act("7", "web_visit", T + 2 * HOUR, "r"),
    act("8", "merged", T + 3 * HOUR, "r", loser="q"),
    act("9", "web_visit", T + 3 * HOUR, "r"),
)


def apply(*activities: Activity) -> Ask:
    def ask(orchestrator: Orchestrator) -> None:
        for activity in activities:
            orchestrator.apply(activity)

    return ask


#: What is interrupted, behind all of the above.
ASKED: dict[str, Ask] = {
    "an ordinary activity that moves": apply(act("3", "web_visit", T + 4 * HOUR)),
    "a trigger": apply(act("3", "go", T + 4 * HOUR)),
    "an activity behind much time": apply(act("3", "go", T + 9 * DAY, "q")),
    "a late one": apply(act("3", "go", T + MINUTE)),
    "a merge": apply(act("m", "merged", T + 4 * HOUR, loser="q")),
    "a merge and what follows": apply(
        act("m", "merged", T + 4 * HOUR, loser="q"), act("3", "web_visit", T + 5 * HOUR, "q")
    ),
    "a conversion, and what was held for the contact": apply(
        act("c", "converted", T + 4 * HOUR, contact="contact-of-p")
    ),
    "a conversion that is a merge": apply(act("c", "converted", T + 4 * HOUR, contact="q")),
    "a creation, and what was held": apply(act("0", "created", T, "r")),
    "the end of processing": apply(
        act("0", "created", T + 4 * HOUR, "s"),
        act("1", "go", T + 4 * HOUR, "s"),
        act("2", "processed", T + 4 * HOUR, "s", level=2),
    ),
    "ticks": lambda orchestrator: orchestrator.tick(T + 9 * DAY),
    "processing now": lambda orchestrator: (
        orchestrator.apply(act("0", "created", T + 4 * HOUR, "s")),
        orchestrator.people["s"]._stage != "new" or orchestrator.process("s", T + 4 * HOUR),
    ),
}


def made() -> tuple[Orchestrator, list[Activity]]:
    log: list[Activity] = []
    orchestrator = Orchestrator(MODEL, log=log.append)
    for activity in READY:
        orchestrator.apply(activity)
    return orchestrator, log


def everything(orchestrator: Orchestrator) -> dict[str, Any]:
    people = {name: slots(person) for name, person in orchestrator.people.items()}
    held = {name: [one.id for one in waiting] for name, waiting in orchestrator.held.items()}
    records = {
        name: [record.id for record in records]
        for name, records in orchestrator._records.items()
        if len(records) > 1
    }
    return {
        "people": people,
        "merged": dict(orchestrator.merged),
        "aliases": dict(orchestrator.aliases),
        "records": records,
        "held": held,
        "parked": dict(orchestrator.parked),
    }


def replayed(log: list[Activity]) -> dict[str, Any]:
    lifecycle = Lifecycle(MODEL)
    lifecycle.replay(log)
    told = everything(lifecycle._orchestrator)
    return {key: told[key] for key in ("people", "merged", "aliases")}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED.keys())
def test_s11_after_an_interrupt_at_any_line_the_same_again_gives_the_same(ask: Ask) -> None:
    start, log = made()
    known = len(log)
    expected = again(start)
    ask(expected)
    # Caches are warm now: all that follow execute the same lines.
    places = lines(ask, again(start))
    assert len(places) > 50, "nothing was traced"
    view = everything(expected)
    logs: dict[tuple[tuple[str, str], ...], list[Activity]] = {}
    for place in places:
        del log[known:]
        orchestrator = again(start)
        interrupted(ask, orchestrator, place)
        ask(orchestrator)
        assert everything(orchestrator) == view, place
        logs[tuple((one.person, one.id) for one in log)] = log[:]
    for told in map(replayed, logs.values()):
        assert told == {key: view[key] for key in told}


# ------------------------------------------------------------------ busy people


def visit(number: int) -> Activity:
    return act(f"visit-{number}", "score_given", T + HOUR, points=1)


@pytest.mark.parametrize("last", [62, 63, 64, 65, 200])
def test_s11_s19_a_busy_person_is_interrupted_and_counts_each_activity_once(last: int) -> None:
    """The first 64 are kept otherwise than the rest, see ``memory``."""
    start = Orchestrator(small())
    start.apply(act("0", "created", T))
    start.process("p", T)
    for number in range(last):
        start.apply(visit(number))
    ask = apply(visit(last))
    for place in lines(ask, again(start)):
        orchestrator = again(start)
        interrupted(ask, orchestrator, place)
        ask(orchestrator)
        assert orchestrator.people["p"].behavior_score == last + 1
    results = {orchestrator.apply(visit(number)).result for number in range(last + 1)}
    assert results == {"duplicate"}
    reused = act("visit-0", "score_given", T + HOUR, points=2)
    assert orchestrator.apply(reused).result == "rejected"


# ------------------------------------------------------------------ what is parked


def test_s11_an_interrupted_retry_loses_nothing_that_is_parked() -> None:
    model = small(
        move("go", "a", "b", on="go", then=TOO_LARGE),
        move("rested", "x", "a", when="days in stage >= 1", then=TOO_LARGE),
        data=(DataRule(name="fails", on="processed", when="ready", then=TOO_LARGE),),
        settle=MINUTE,
    )
    start = Orchestrator(model)
    people: dict[str, dict[str, Any]] = {"p": {}, "q": {"start": "x"}, "r": {"ready": True}}
    for name, fields in people.items():
        start.apply(act("0", "created", T, name, big=HUGE, **fields))
    start.apply(act("1", "go", T + HOUR))
    start.tick(T + 2 * DAY)
    assert list(start.parked) == ["p", "q", "r"]
    for name in "pqr":
        start.apply(act("2", "changed", T + 3 * DAY, name, big=1.0))
    expected = again(start)
    expected.retry(T + 4 * DAY)
    assert not expected.parked
    view = everything(expected)

    def retry(orchestrator: Orchestrator) -> None:
        orchestrator.retry(T + 4 * DAY)

    for place in lines(retry, again(start)):
        orchestrator = again(start)
        interrupted(retry, orchestrator, place)
        retry(orchestrator)
        assert everything(orchestrator) == view, place


def test_s11_what_is_parked_keeps_the_exception_with_its_cause() -> None:
    @step(number=35)
    def ask_directory(person: Any, context: Any) -> dict[str, Any]:
        try:
            return {"industry": {}[person.id]}
        except KeyError as missing:
            raise LookupError(f"no entry of {person.id}") from missing

    orchestrator = Orchestrator(small(), steps=[ask_directory])
    orchestrator.apply(act("0", "created", T))
    orchestrator.tick(T + HOUR)
    (parked,) = orchestrator.parked["p"]
    assert parked.error == "ask_directory: LookupError: no entry of p"
    assert isinstance(parked.exception, LookupError)
    assert isinstance(parked.exception.__cause__, KeyError)
    assert parked.exception.__traceback__ is not None
    assert parked == type(parked)("p", None, parked.error)  # it is no part of what was parked


#: What fails for somebody whose ``big`` is huge: an activity, and a move that time makes.
FAILS: dict[str, tuple[dict[str, Any], Ask]] = {
    "an activity": ({}, apply(act("1", "go", T + HOUR))),
    "a move that time makes": ({"start": "x"}, lambda one: one.tick(T + 2 * DAY)),
}


@pytest.mark.parametrize(("fields", "ask"), FAILS.values(), ids=FAILS.keys())
def test_s11_so_does_what_an_activity_or_time_brings(fields: dict[str, Any], ask: Ask) -> None:
    orchestrator = Orchestrator(
        small(
            move("go", "a", "b", on="go", then=TOO_LARGE),
            move("rested", "x", "a", when="days in stage >= 1", then=TOO_LARGE),
        )
    )
    orchestrator.apply(act("0", "created", T, big=HUGE, **fields))
    orchestrator.process("p", T)
    ask(orchestrator)
    (parked,) = orchestrator.parked["p"]
    assert parked.error == f"{type(parked.exception).__name__}: {parked.exception}"
    assert parked.exception is not None
    assert parked.exception.__traceback__ is not None


def test_s11_admit_raises_from_what_kept_somebody_from_being_created() -> None:
    lifecycle = Lifecycle(small(data=(DataRule(on="created", then=TOO_LARGE),)))
    with pytest.raises(RecordError) as caught:
        lifecycle.admit("p", at=T, big=HUGE)
    (parked,) = lifecycle.parked["p"]
    assert caught.value.__cause__ is parked.exception is not None
    assert "p" not in lifecycle
