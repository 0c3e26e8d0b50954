"""Questions about an instant: ``may``, ``explain`` and ``next_due`` answer as an activity at that
instant would find the person [S20]."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm import Activity, Lifecycle, Model, NoSuchMove, Person, load
from lifecycle_fsm.machine import Decision
from lifecycle_fsm.model import Deadline, Decay
from tests.machine.small import DAY, HOUR, MINUTE, T, act, move, slots, small

MICRO = timedelta(microseconds=1)

#: Time, decay and activities open and close everything; no activity brings more than its trigger.
MODEL = small(
    move("go", "a", "b", on="go", when="level >= 2"),
    move("jump", "a", "c", on="go", when="level < 0", skips="passed_over"),
    move("slow", "a", "b", when="days in stage >= 20"),
    move("on", "b", "c", when="ready and days in stage >= 3"),
    move("done", "c", "d", on="go", when="days in stage < 5"),
    move("off", ("a", "b", "c"), "x", on="off"),
    move("gone", ("b", "c"), "x", when="days in stage >= 9"),
    move("back", "x", "b", when="level >= 1"),
    move("again", ("x", "y"), "b", on="again", when="days in stage >= 2 or ready"),
    move("worse", "x", "y", when="days in stage >= 30"),
    decay=(
        Decay(name="less", every=2 * DAY, since="created_at", then={"level": "level - 1"}),
        Decay(name="calm", every=7 * DAY, since="hand_raised_at", then={"ready": False}),
    ),
    deadlines=(Deadline(name="late", stage="b", after=DAY, when="ready"),),
    settle=HOUR,
)
KINDS: dict[str, list[dict[str, Any]]] = {
    "go": [{}],
    "off": [{}],
    "again": [{}],
    "changed": [
        {"ready": True},
        {"ready": False},
        {"level": 4},
        {"level": -2},
        {"hand_raised_at": T},
    ],
}
TRIGGERS = ("go", "off", "again")
GAPS = st.sampled_from([0 * HOUR, MINUTE, HOUR, DAY, 2 * DAY, 5 * DAY])
START: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {"level": 5}, {"start": "x", "level": 3}, {"start": "b", "ready": True}]
)


@st.composite
def lives(draw: st.DrawFn) -> list[Activity]:
    at = T
    found = [Activity("created", "p", "created", at, draw(START))]
    for number in range(draw(st.integers(0, 8))):
        at += draw(GAPS)
        kind = draw(st.sampled_from(["changed", *KINDS]))
        found.append(act(str(number), kind, at, **draw(st.sampled_from(KINDS[kind]))))
    return found


def lived(log: list[Activity], model: Model = MODEL) -> Lifecycle:
    lifecycle = Lifecycle(model)
    for activity in log:
        lifecycle.apply(activity)
    return lifecycle


def asked(log: list[Activity], trigger: str, at: datetime) -> Decision:
    """What comes of it where somebody really asks."""
    return lived(log).apply("p", trigger, at=at)


#: Before and behind the clock, and at every instant at which something of the model is due.
INSTANTS = st.one_of(
    st.integers(-3 * 24, 45 * 24).map(lambda hours: hours * HOUR),
    st.tuples(st.integers(0, 30), st.sampled_from([-MICRO, 0 * HOUR, MICRO])).map(
        lambda drawn: drawn[0] * DAY + drawn[1]
    ),
)


@settings(max_examples=150, deadline=None)
@given(log=lives(), after=INSTANTS, trigger=st.sampled_from(TRIGGERS), at_due=st.booleans())
def test_s20_may_and_explain_foretell_what_the_trigger_does_at_that_instant(
    log: list[Activity], after: timedelta, trigger: str, at_due: bool
) -> None:
    lifecycle = lived(log)
    person: Any = lifecycle.person("p")
    at = (lifecycle.next_due("p") or T) + after if at_due else T + after
    if person.stage == "new" and at > T + HOUR:
        lifecycle.process("p", at=T + HOUR)
        log = [*log, Activity("end", "p", "processed", T + HOUR)]
    before = slots(person)
    decision = asked(log, trigger, at)
    moved = trigger in [row.trigger for row in decision.rows]
    assert lifecycle.machine.may(person, trigger, at) is moved
    assert person.may(trigger, at=at) is moved
    assert getattr(person, f"may_{trigger}")(at=at) is moved
    if decision.result == "deferred":
        assert all(one.note.startswith("deferred") for one in person.explain(trigger, at=at))
    elif moved or decision.unmet:
        closed = person.explain(trigger, at=at)
        assert closed == lifecycle.explain("p", trigger, at=at)
        if moved:
            assert decision.rows[0].rule not in {one.move for one in closed}
        else:
            assert closed == decision.unmet
    else:
        with pytest.raises(NoSuchMove):
            person.explain(trigger, at=at)
    assert slots(person) == before


@settings(max_examples=60, deadline=None)
@given(log=lives())
def test_s20_nothing_happens_before_it_is_due_and_the_question_wakes_nobody(
    log: list[Activity],
) -> None:
    lifecycle = lived(log)
    person = lifecycle.person("p")
    for _ in range(12):
        due = lifecycle.next_due("p")
        before = slots(person)
        assert lifecycle.tick(T + 9000 * DAY if due is None else due - MICRO) == []
        assert slots(person) == before
        if due is None:
            break
        lifecycle.tick(due)
        after = lifecycle.next_due("p")
        assert after is None or after > due


# ------------------------------------------------------------------ one by one


def resting(**fields: Any) -> tuple[Lifecycle, Any]:
    """Somebody off the path since T + 1 hour, whom time brings back after ten days."""
    lifecycle = Lifecycle(
        small(
            move("off", "a", "x", on="off"),
            move("back", "x", "b", when="days in stage >= 10"),
            move("go", "b", "c", on="go"),
            move("over", "x", "y", on="over"),
        )
    )
    lifecycle.admit("p", at=T, **fields)
    lifecycle.apply("p", "off", at=T + HOUR)
    return lifecycle, lifecycle.person("p")


BACK = T + HOUR + 10 * DAY


@pytest.mark.parametrize(
    ("at", "go", "over"),
    [
        (T, False, True),
        (T + DAY, False, True),
        (BACK, False, True),
        (BACK + MICRO, True, False),
        (BACK + 100 * DAY, True, False),
    ],
    ids=["below the clock", "in between", "at the due instant", "right after it", "long after it"],
)
def test_s20_may_sees_what_is_due_before_the_instant_and_not_at_it(
    at: datetime, go: bool, over: bool
) -> None:
    lifecycle, person = resting()
    assert (person.may_go(at=at), person.may_over(at=at)) == (go, over)
    assert person.stage == "x"
    assert len(lifecycle.person("p").history) == 3


def test_s20_explain_names_the_moves_of_the_stage_of_that_instant() -> None:
    _, person = resting()
    assert [one.move for one in person.explain(at=T + DAY)] == ["back"]
    assert [one.move for one in person.explain(at=BACK)] == []  # open, and nobody has looked yet
    assert person.explain(at=BACK + MICRO) == ()
    with pytest.raises(NoSuchMove, match=r"leaves 'b'; from there one can ask for go"):
        person.explain("over", at=BACK + MICRO)
    with pytest.raises(NoSuchMove, match=r"leaves 'x'; from there one can ask for over"):
        person.explain("go", at=BACK)


def test_s20_an_instant_below_the_clock_is_answered_at_the_clock() -> None:
    model = small(move("go", "a", "b", on="go", when="days in stage >= 2"))
    lifecycle = Lifecycle(model)
    lifecycle.admit("p", at=T)
    lifecycle.apply("p", "web_visit", at=T + 3 * DAY)
    person: Any = lifecycle.person("p")
    assert person.may_go(at=T + HOUR)
    decision = lifecycle.apply("p", "go", at=T + HOUR)
    assert (decision.result, decision.late, decision.now) == ("moved", True, T + 3 * DAY)


@pytest.mark.parametrize("at", [T, T + HOUR, T + DAY, T + 400 * DAY])
def test_s20_who_is_in_processing_is_deferred_and_the_steps_never_run_for_a_question(
    at: datetime,
) -> None:
    """Also behind the instant at which ``settle`` will end it."""
    ran: list[str] = []

    def enrich(person: Person, context: Any) -> dict[str, Any]:
        ran.append(person.id)
        return {}

    lifecycle = Lifecycle(load("waterfall"), steps={"enrich": enrich})
    lifecycle.apply("p", "created", at=T, hand_raised=True)
    person: Any = lifecycle.person("p")
    before = slots(person)
    assert person.may_sales_rejected(at=at) is False
    refusals = person.explain("sales_rejected", at=at)
    assert {one.note for one in refusals} == {
        "deferred: it waits for the end of original processing"
    }
    assert {one.move for one in refusals} == {
        one.name for one in lifecycle.model.moves if one.on == "sales_rejected"
    }
    assert "deferred" in str(refusals[0])
    assert (ran, slots(person)) == ([], before)


def test_s20_decay_is_seen_by_questions_about_somebody_in_processing() -> None:
    model = small(
        move("go", "a", "b", on="go", when="level >= 1"),
        decay=(Decay(name="less", every=DAY, since="created_at", then={"level": "level - 1"}),),
        settle=30 * DAY,
    )
    lifecycle = Lifecycle(model)
    lifecycle.apply("p", "created", at=T, level=3)
    person: Any = lifecycle.person("p")
    seen = [str(person.explain("go", at=T + days * DAY)[0].outcome) for days in (1, 2, 4)]
    assert ["it is 3" in seen[0], "it is 2" in seen[1], "it is 0" in seen[2]] == [True] * 3, seen
    assert person.level == 3


# ------------------------------------------------------------------ when to wake up


def test_s20_next_due_is_the_first_of_settle_decay_deadlines_and_moves() -> None:
    model = small(
        move("slow", "a", "b", when="days in stage >= 5"),
        decay=(Decay(name="less", every=2 * DAY, since="created_at", then={"level": "0"}),),
        deadlines=(Deadline(name="late", stage="a", after=3 * DAY),),
        settle=HOUR,
    )
    lifecycle = Lifecycle(model)
    lifecycle.apply("p", "created", at=T, level=1)
    seen: list[timedelta] = []
    while (due := lifecycle.next_due("p")) is not None and len(seen) < 6:
        seen.append(due - T)
        lifecycle.tick(due)
    assert seen[:4] == [HOUR, 2 * DAY, 3 * DAY + HOUR, 4 * DAY]
    # Fading goes on, though nothing is left of the score: nothing may come of an instant.
    assert seen[4] == 5 * DAY + HOUR
    assert lifecycle.person("p").stage == "b"


def test_s20_whom_time_cannot_change_is_never_due() -> None:
    lifecycle = Lifecycle(small(move("go", "a", "b", on="go")))
    lifecycle.admit("p", at=T)
    assert lifecycle.next_due("p") is None
