"""A kept log replays to the same, always; told by event it is a rebuild [S14][S19]."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm import Activity, DataRule, Lifecycle, ScoreRule, StepDef, step
from lifecycle_fsm.activities import TIME_PASSED
from lifecycle_fsm.model import AlertRule, Deadline, Decay
from tests.machine.small import (
    DAY,
    HOUR,
    HUGE,
    TOO_LARGE,
    T,
    act,
    move,
    slots,
    small,
)
from tests.orchestrator.copies import again

#: Whom a step fails at the moment: another system is down.
DOWN: set[str] = set()


@step(number=20, name="directory", writes="industry")
def directory(person: Any, context: Any) -> Mapping[str, Any]:
    if person.id in DOWN:
        raise OSError("no answer")
    return {"industry": "steel"}


MODEL = small(
    move("go", "a", "b", on="go"),
    move("fails", ("a", "b"), "c", on="fails", skips="no_credit", then=TOO_LARGE),
    move("off", ("a", "b", "c"), "x", on="off"),
    move("keen", "a", "b", when="behavior_score >= 10"),
    move("grown", "b", "c", when="days in stage >= 4", then=TOO_LARGE),
    move("rested", "x", "a", when="days in stage >= 3 or ready"),
    scoring=(
        ScoreRule(name="visit", on="web_visit", points=5, cap=10, per="week"),
        ScoreRule(name="large", when="employees >= 50", points=20),
    ),
    processing=(
        StepDef(number=20, name="directory", writes="industry"),
        StepDef(number=40, use="demographic_score"),
    ),
    data=(DataRule(name="noted", on="processed", then={"level": "level + 1"}),),
    decay=(Decay(name="fade", every=2 * DAY, then={"behavior_score": "behavior_score - 3"}),),
    deadlines=(
        Deadline(name="answer", stage="a", after=2 * DAY, when="not ready", send="task", to="'d'"),
    ),
    alerts=(AlertRule(name="enters", entering="b", send="task", to="'d'", links_to_crm=True),),
    merging={"level": "sum"},
    settle=6 * HOUR,
)
PEOPLE = ("p", "q", "r")
HAPPENS: dict[str, dict[str, Any]] = {
    "go": {},
    "off": {},
    "fails": {},
    "web_visit": {},
    "crm_synced": {},
    "changed ready": {"ready": True},
    "changed not ready": {"ready": False},
    "changed huge": {"big": HUGE},
    "changed small": {"big": 1.0},
    "changed employees": {"employees": 80},
    "processed": {"role": "buyer"},
    "converted": {"contact": "c"},
    "converted into q": {"contact": "q"},
}
Step: TypeAlias = tuple[str, str, int]
#: What happens to whom and when; the order in which it comes is that of the list.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [*sorted(HAPPENS), *("merged with " + one for one in PEOPLE), "created", "tick",
             "retry", "down", "up"]
        ),
        st.sampled_from((*PEOPLE, "c")),
        st.integers(1, 15 * 24),
    ),
    max_size=16,
)  # fmt: skip


def took(lifecycle: Lifecycle, log: list[Activity]) -> Lifecycle:
    copy = Lifecycle.__new__(Lifecycle)
    copy.__dict__.update(lifecycle.__dict__)
    copy._orchestrator = again(lifecycle._orchestrator)
    log.clear()
    return copy


LOG: list[Activity] = []
LIVE = Lifecycle(MODEL, steps=[directory], log=LOG.append)
COPY = Lifecycle(MODEL, steps=[directory])


def live(steps: list[Step], expected: Iterable[str]) -> Lifecycle:
    """Run all of it; in the end every service answers, and nothing stays in processing."""
    lifecycle = took(LIVE, LOG)
    lifecycle.expect_processed(expected)
    DOWN.clear()
    lifecycle.apply(act("0", "created", T, "p"))
    lifecycle.apply(act("0", "created", T, "q", start="b"))
    for number, (what, whom, hour) in enumerate(steps):
        at = T + hour * HOUR
        kind = what.partition(" ")[0]
        if what == "tick":
            lifecycle.tick(at)
        elif what == "retry":
            lifecycle.retry(at)
        elif what == "down":
            DOWN.add(whom)
        elif what == "up":
            DOWN.discard(whom)
        elif kind == "merged":
            lifecycle.apply(act(f"e{number}", kind, at, whom, loser=what.split()[-1]))
        elif what == "created":
            lifecycle.apply(act("created", kind, at, whom, company="Acme"))
        else:
            lifecycle.apply(act(f"e{number}", kind, at, whom, **HAPPENS[what]))
    DOWN.clear()
    lifecycle.tick(T + 20 * DAY)
    lifecycle.retry(T + 20 * DAY)
    for person in lifecycle:
        if person.stage == "new":
            lifecycle.process(person.id, at=T + 20 * DAY)
    return lifecycle


def told(lifecycle: Lifecycle) -> dict[str, Any]:
    """Everything that is kept of everybody, but what belongs to the process that ran."""
    orchestrator = lifecycle._orchestrator
    return {
        f"{person.id}.{name}": value
        for person in orchestrator.people.values()
        for name, value in slots(person).items()
        # What is parked waits for a retry, wherever that was tried.
        if name not in ("_seen", "_due")
    } | {"merged": {**lifecycle.merged}, "aliases": {**orchestrator.aliases}}


def replay(log: list[Activity], order: Literal["arrival", "event"] = "arrival") -> Lifecycle:
    copy = took(COPY, [])
    if order == "arrival":
        # Whoever was sorted has a ``processed`` in a kept log, so that the clock sorts nobody: of
        # somebody who was folded while a service was down, the log alone does not tell.
        copy.expect_processed((*PEOPLE, "c"))
    copy.replay(log, order)
    return copy


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, expected=st.frozensets(st.sampled_from(PEOPLE)))
def test_s19_a_kept_log_replays_to_what_was_live(
    steps: list[Step], expected: frozenset[str]
) -> None:
    lifecycle = live(steps, expected)
    assert told(replay(LOG[:])) == told(lifecycle)


@settings(max_examples=30, deadline=None)
@given(steps=STEPS, seed=st.randoms(use_true_random=False))
def test_s19_by_event_it_is_a_rebuild_whatever_the_log_says_of_time(
    steps: list[Step], seed: Any
) -> None:
    live(steps, ())
    kept = LOG[:]
    shuffled = [one for one in kept if one.kind != TIME_PASSED]
    seed.shuffle(shuffled)
    rebuilt = replay(shuffled, "event")
    assert told(replay(kept, "event")) == told(rebuilt)
    # The rebuild is what would have been, had nothing come late.
    in_order = took(COPY, [])
    in_order.expect_processed({one.person for one in kept if one.kind == "processed"})
    for activity in sorted(shuffled, key=lambda one: (*one.order, one.person)):
        in_order.apply(activity)
    assert told(in_order) == told(rebuilt)
