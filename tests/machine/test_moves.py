"""Asking for a move: fire, may, explain, and what each says [S6]-[S12]."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from lifecycle_fsm import (
    Activity,
    FieldDef,
    FieldType,
    LifecycleError,
    LifecycleMachine,
    Model,
    ModelError,
    NoSuchMove,
    Person,
    RecordError,
    Refused,
    load,
)
from lifecycle_fsm.orchestrator import Engine, Orchestrator
from tests.machine.small import (
    DAY,
    HOUR,
    T,
    act,
    admitted,
    check_chain,
    hops,
    move,
    running,
    slots,
    small,
)

WATERFALL = Engine(load("waterfall"))


def mql(orchestrator: Orchestrator | None = None) -> Any:
    """A person of the shipped model who asked for sales."""
    orchestrator = orchestrator or Orchestrator(WATERFALL)
    return admitted(orchestrator, hand_raised=True)


# ------------------------------------------------------------------ the words of a person


def test_a_trigger_is_a_method_of_the_models_own_class() -> None:
    person = mql()
    person.rejection_reason = "no_time"
    assert person.may_sales_rejected(at=T + HOUR) is True
    decision = person.sales_rejected(at=T + HOUR, activity="crm-7", reason="no_time")
    assert decision.result == "moved"
    assert decision.trigger == "sales_rejected"
    assert (person.stage, decision.stage) == ("recycled", "recycled")
    assert person.history[-1].activity == "crm-7"
    assert person.may_sales_rejected(at=T + HOUR) is False
    assert type(person).sales_rejected.__doc__


def test_two_who_share_an_engine_keep_their_own_people() -> None:
    logs: tuple[list[Activity], list[Activity]] = ([], [])
    keepers = [Orchestrator(WATERFALL, log=log.append) for log in logs]
    people: list[Any] = [mql(keeper) for keeper in keepers]
    people[0].sales_rejected(at=T + HOUR, activity="crm-7", reason="no_time")
    assert [person.stage for person in people] == ["recycled", "mql"]
    assert [log[-1].id for log in logs] == ["crm-7", "processed"]
    with pytest.raises(LifecycleError, match="is kept by another Lifecycle"):
        people[0].entrust_to(people[1].keeper)


def test_fire_may_and_explain_are_the_same_by_name() -> None:
    one, other = mql(), mql()
    for person in (one, other):
        person.rejection_reason = "student"
    assert one.may("sales_rejected", at=T + HOUR)
    assert one.fire("sales_rejected", at=T + HOUR) == other.sales_rejected(at=T + HOUR)


def test_asking_may_and_explain_changes_nothing() -> None:
    person = mql()
    before = slots(person)
    person.may("disqualify", at=T + DAY)
    person.may_sales_rejected(at=T + DAY)
    person.explain("sales_rejected", at=T + DAY)
    person.explain(at=T + DAY)
    assert slots(person) == before


def test_two_models_live_in_one_process_with_their_own_classes_fields_and_triggers_s1() -> None:
    first = LifecycleMachine(
        small(
            move("go", "a", "b", on="go"),
            fields=(FieldDef("plan", FieldType("str"), "free"),),
            sort=small().sort[-1:],
        )
    )
    second = LifecycleMachine(
        small(
            move("stop", "a", "x", on="stop"),
            fields=(FieldDef("plan", FieldType("int"), 3),),
            sort=small().sort[-1:],
        )
    )
    one, other = first.person("p"), second.person("p")
    assert (one.plan, other.plan) == ("free", 3)  # type: ignore[attr-defined]
    assert hasattr(one, "go")
    assert not hasattr(one, "stop")
    assert hasattr(other, "stop")
    assert not hasattr(other, "go")
    assert not hasattr(Person, "go")


def test_a_person_of_another_model_is_not_moved() -> None:
    _, person = running(move("go", "a", "b", on="go"))
    stranger = LifecycleMachine(small(move("go", "a", "x", on="go"), name="other"))
    before = slots(person)
    with pytest.raises(LifecycleError):
        stranger.fire(person, "go", at=T + HOUR)
    assert slots(person) == before


@pytest.mark.parametrize("trigger", ["fire", "may", "explain"])
def test_s5_a_trigger_may_not_hide_a_method_of_the_person(trigger: str) -> None:
    with pytest.raises(ModelError, match=trigger):
        small(move("go", "a", "b", on=trigger))


def test_s5_a_trigger_may_not_hide_the_question_for_another() -> None:
    with pytest.raises(ModelError, match="may_go"):
        small(move("one", "a", "b", on="go"), move("two", "a", "x", on="may_go"))


@pytest.mark.parametrize("field", ["fire", "may", "explain", "go", "may_go"])
def test_s5_a_field_may_not_hide_a_method_of_the_person(field: str) -> None:
    fields = (*small().fields, FieldDef(field, FieldType("bool")))
    with pytest.raises(ModelError, match=field):
        small(move("go", "a", "b", on="go"), fields=fields)


def test_s6_a_person_needs_a_text_as_its_id_and_fields_that_exist() -> None:
    machine = LifecycleMachine(small())
    for wrong in ("", 7, None):
        with pytest.raises(RecordError, match="text as its id"):
            machine.person(wrong)  # type: ignore[arg-type]
    with pytest.raises(RecordError, match="did you mean 'level'"):
        machine.person("p", levl=1)
    with pytest.raises(RecordError, match="written by the machine only"):
        machine.person("p", stage="b")


def test_s13_a_person_is_created_once() -> None:
    machine = LifecycleMachine(small())
    person = machine.person("p")
    machine.enter(person, T)
    with pytest.raises(LifecycleError, match="already"):
        machine.enter(person, T)


def test_s4_a_naive_time_counts_as_utc_everywhere() -> None:
    naive = datetime(2024, 5, 1, 10)  # noqa: DTZ001 -- what is tested
    orchestrator, person = running(
        move("go", "a", "b", on="go"), move("rest", "b", "c", when="days in stage >= 3")
    )
    machine: Any = orchestrator.machine
    assert machine.may(person, "go", naive)
    assert machine.fire(person, "go", at=naive).now == T + HOUR
    moved: Any = person
    assert [one.move for one in moved.explain(at=naive)] == ["rest"]
    assert moved.may("go", at=naive) is False


# ------------------------------------------------------------------ refusals


def test_s10_refused_names_every_unmet_guard_of_every_candidate_with_values() -> None:
    orchestrator, person = running(
        move("one", "a", "b", on="go", when="level >= 5 and ready"),
        move("two", "a", "x", on="go", when="level >= 9 or owner is known"),
        fields={"level": 2},
    )
    before = slots(person)
    decision = orchestrator.machine.fire(person, "go", at=T + HOUR)
    assert decision.result == "refused"
    assert not decision.moved
    assert [(one.move, one.target) for one in decision.unmet] == [("one", "b"), ("two", "x")]
    assert [part.text for part in decision.unmet[0].unmet] == ["level >= 5", "ready"]
    assert [part.text for part in decision.unmet[1].unmet] == ["level >= 9", "owner is known"]
    text = str(decision)
    for said in ("level ≥ 5", "it is 2", "ready", "level ≥ 9", "owner"):
        assert said in text
    after = slots(person)
    assert {name for name in after if after[name] != before[name]} <= {"_clock", "_phase", "_due"}


def test_s10_refused_is_not_no_such_move() -> None:
    orchestrator, person = running(
        move("go", "a", "b", on="go", when="ready"), move("stop", "b", "x", on="stop")
    )
    machine = orchestrator.machine
    refused = machine.fire(person, "go", at=T + HOUR)
    missing = machine.fire(person, "stop", at=T + HOUR)
    assert (refused.result, missing.result) == ("refused", "no_such_move")
    assert refused.unmet
    assert not missing.unmet
    assert "go" in missing.reason
    with pytest.raises(Refused) as first:
        refused.or_raise()
    assert first.value.decision is refused
    with pytest.raises(NoSuchMove) as second:
        missing.or_raise()
    assert second.value.decision is missing
    assert not isinstance(first.value, NoSuchMove)
    moved = machine.fire(person, "go", at=T + HOUR)
    assert moved.result == "refused"
    person.ready = True  # type: ignore[attr-defined]
    done = machine.fire(person, "go", at=T + HOUR)
    assert done.or_raise() is done


def test_s10_or_raise_raises_nothing_for_somebody_whom_a_system_move_has_moved() -> None:
    """The result says so, and what was refused stays to be read."""
    orchestrator, person = running(
        move("go", "a", "x", on="go", when="level >= 5"), move("on", "a", "b", when="ready")
    )
    person.ready = True  # type: ignore[attr-defined]
    decision = orchestrator.machine.fire(person, "go", at=T + HOUR)
    assert (person.stage, decision.result, decision.moved) == ("b", "moved", True)
    assert [one.move for one in decision.unmet] == ["go"]
    assert decision.or_raise() is decision


#: A trigger and the moves; what the decision says, and the triggers that its rows name [S7].
RESULTS: dict[str, tuple[tuple[Any, ...], str, list[str | None], list[str]]] = {
    "moved by the trigger": ((move("go", "a", "b", on="go"),), "moved", ["go"], []),
    "moved by both": (
        (move("go", "a", "b", on="go"), move("on", "b", "c")),
        "moved",
        ["go", None],
        [],
    ),
    "refused, and moved by the system": (
        (move("go", "a", "x", on="go", when="level >= 5"), move("on", "a", "b", when="big == 1.0")),
        "moved",
        [None],
        ["go"],
    ),
    "no such move, and moved by the system": (
        (move("go", "c", "d", on="go"), move("on", "a", "b", when="big == 1.0")),
        "moved",
        [None],
        [],
    ),
    "refused": ((move("go", "a", "x", on="go", when="level >= 5"),), "refused", [], ["go"]),
    "no such move": ((move("go", "c", "d", on="go"),), "no_such_move", [], []),
}


@pytest.mark.parametrize("by_activity", [False, True], ids=["by the machine", "by an activity"])
@pytest.mark.parametrize(("moves", "result", "triggers", "unmet"), RESULTS.values(), ids=RESULTS)
def test_s10_the_result_says_whether_rows_were_made(
    moves: Any, result: str, triggers: list[str | None], unmet: list[str], by_activity: bool
) -> None:
    orchestrator, person = running(*moves)
    person.big = 1.0  # type: ignore[attr-defined]
    if by_activity:
        decision = orchestrator.apply(act("1", "go", T + HOUR))
    else:
        decision = orchestrator.machine.fire(person, "go", at=T + HOUR)
    assert (decision.result, decision.trigger) == (result, "go")
    assert [row.trigger for row in decision.rows] == triggers
    assert [one.move for one in decision.unmet] == unmet
    if result == "moved":
        assert decision.or_raise() is decision
    else:
        with pytest.raises(Refused if result == "refused" else NoSuchMove):
            decision.or_raise()


@pytest.mark.parametrize("ask", ["fire", "may", "explain"])
def test_s5_an_unknown_trigger_is_told_with_a_suggestion(ask: str) -> None:
    person = mql()
    with pytest.raises(NoSuchMove, match="did you mean 'sales_rejected'"):
        getattr(person, ask)("sales_rejcted", at=T + HOUR)
    assert person.stage == "mql"


def test_s7_a_refused_trigger_is_not_remembered() -> None:
    orchestrator, person = running(move("go", "a", "b", on="go", when="ready"))
    assert orchestrator.apply(act("1", "go", T + HOUR)).result == "refused"
    assert orchestrator.apply(act("2", "changed", T + DAY, ready=True)).result == "unchanged"
    assert person.stage == "a"


def test_s10_a_system_move_that_is_not_open_is_no_refusal() -> None:
    orchestrator, _ = running(move("on", "a", "b", when="ready"))
    decision = orchestrator.apply(act("1", "changed", T + HOUR, level=1))
    assert (decision.result, decision.unmet) == ("unchanged", ())
    assert decision.or_raise() is decision


def test_s10_explain_without_a_trigger_names_every_system_move_that_is_not_open() -> None:
    _, one = running(
        move("open", "a", "b", when="level >= 0 and ready"),
        move("far", "a", "c", when="level >= 9", skips="passed_over"),
        move("asked", "a", "x", on="go", when="ready"),
    )
    person: Any = one
    found = person.explain(at=T + HOUR)
    assert [refusal.move for refusal in found] == ["open", "far"]
    assert [part.text for part in found[0].unmet] == ["ready"]
    assert [refusal.move for refusal in person.explain("go", at=T + HOUR)] == ["asked"]


def test_s10_explain_of_a_trigger_that_leaves_another_stage_only_says_so() -> None:
    """Nothing would read like: there is nothing in the way."""
    _, one = running(move("stop", "b", "x", on="stop"), move("go", "a", "b", on="go"))
    person: Any = one
    with pytest.raises(NoSuchMove, match=r"'stop' leaves 'a'.*can ask for go"):
        person.explain("stop", at=T + HOUR)
    assert person.explain("go", at=T + HOUR) == ()


def test_explain_somebody_in_processing_goes_through_the_sort() -> None:
    orchestrator = Orchestrator(load("waterfall"))
    orchestrator.apply(act("0", "created", T))
    person: Any = orchestrator.people["p"]
    found = [one.move for one in person.explain(at=T)]
    assert found == [rule.name for rule in orchestrator.model.sort[:-1]]


# ------------------------------------------------------------------ which move


def test_s8_smaller_priority_first_then_as_written() -> None:
    candidates = {
        "first": (move("first", "a", "b", on="go"), move("second", "a", "x", on="go")),
        "second": (
            move("first", "a", "b", on="go", priority=1),
            move("second", "a", "x", on="go"),
        ),
        "third": (
            move("first", "a", "b", on="go", priority=-1, when="ready"),
            move("second", "a", "x", on="go", priority=5),
            move("third", "a", "y", on="go", priority=0),
        ),
    }
    for expected, moves in candidates.items():
        orchestrator, person = running(*moves)
        orchestrator.machine.fire(person, "go", at=T + HOUR)
        assert person.history[-1].rule == expected


def test_s8_system_moves_too_are_tried_by_priority_then_as_written() -> None:
    _, person = running(
        move("late", "a", "x", when="ready", priority=2),
        move("early", "a", "y", when="ready", priority=-2),
        move("never_reached", "a", "b", when="ready", priority=-2),
        fields={"ready": True},
    )
    assert person.history[-1].rule == "early"


def test_s7_a_process_trigger_does_not_take_a_system_move_nor_the_other_way_round() -> None:
    orchestrator, person = running(
        move("asked", "a", "x", on="go", when="ready"), move("on", "a", "b", when="level >= 3")
    )
    orchestrator.apply(act("1", "changed", T + HOUR, ready=True))
    assert person.stage == "a"
    orchestrator.apply(act("2", "changed", T + HOUR, level=3))
    assert person.stage == "b"


def test_s7_the_trigger_fires_once_in_the_stage_found_before_system_moves() -> None:
    orchestrator, person = running(
        move("one", "a", "b", on="go"),
        move("two", "b", "c", on="go"),
        move("three", "c", "d", on="go"),
    )
    orchestrator.apply(act("1", "go", T + HOUR))
    assert person.stage == "b"
    # A system move open in the stage found waits for the trigger.
    orchestrator, person = running(
        move("on", "a", "b", when="ready"), move("asked", "a", "x", on="go")
    )
    person.ready = True  # type: ignore[attr-defined]
    orchestrator.apply(act("1", "go", T + HOUR))
    assert person.stage == "x"


def test_s2_a_python_guard_on_a_move_sees_person_and_now_and_is_named() -> None:
    seen: list[tuple[str, datetime]] = []

    def after_hours(person: Person, now: datetime) -> bool:
        seen.append((person.stage, now))
        return now.hour >= 18

    orchestrator, person = running(move("go", "a", "b", on="go", when=after_hours))
    refused = orchestrator.machine.fire(person, "go", at=T + HOUR)
    assert refused.result == "refused"
    assert "after_hours" in str(refused) or "after hours" in str(refused)
    assert orchestrator.machine.fire(person, "go", at=T + 9 * HOUR).result == "moved"
    assert seen[0] == ("a", T + HOUR)
    assert orchestrator.machine.version == person.history[-1].version


def test_s2_an_unnamed_python_guard_does_not_build() -> None:
    with pytest.raises(LifecycleError, match="needs a name"):
        move("go", "a", "b", when=lambda person, now: True)


# ------------------------------------------------------------------ run to completion


def test_s12_four_hops_in_one_asking_each_with_its_row_at_the_same_now() -> None:
    orchestrator, person = running(
        move("one", "a", "b", on="go"),
        move("two", "b", "c"),
        move("three", "c", "d", when="level >= 2"),
        move("four", "d", "x", when="ready"),
        fields={"level": 2, "ready": True},
    )
    decision = orchestrator.apply(act("1", "go", T + HOUR))
    assert [row.to_stage for row in decision.rows] == ["b", "c", "d", "x"]
    assert decision.stage == "x"
    assert {row.now for row in decision.rows} == {T + HOUR}
    assert {row.at for row in decision.rows} == {T + HOUR}
    assert {row.activity for row in decision.rows} == {"1"}
    # Only the first was asked for by the trigger; the activity stands behind all of them [S7].
    assert [row.trigger for row in decision.rows] == ["go", None, None, None]
    assert decision.rows == person.history[-4:]
    assert [row.kind for row in decision.rows] == ["step", "step", "step", "detour"]
    # A visit of no length counts as entered.
    for stage in ("b", "c", "d"):
        assert person.stamps[stage].visits == 1
        assert person.stamps[stage].total.total_seconds() == 0
    check_chain(person.history)


def test_s25_effects_see_the_fields_as_before_the_move_and_rows_keep_owner_and_source() -> None:
    orchestrator, person = running(
        move("go", "a", "b", on="go", then={"level": "level + 1", "big": "level * 2.0"}),
        fields={"level": 3, "owner": "ada", "source": "fair"},
    )
    orchestrator.apply(act("1", "owner_changed", T + HOUR, owner="grace"))
    orchestrator.apply(act("2", "go", T + 2 * HOUR))
    assert (person.level, person.big) == (4, 6.0)  # type: ignore[attr-defined]
    first, *_, last = person.history
    assert (first.owner, first.source) == ("ada", "fair")
    assert (last.owner, last.source) == ("grace", "fair")


def test_s6_a_fast_track_names_what_it_passed_over_and_whether_that_has_credit() -> None:
    orchestrator, person = running(
        move("jump", "a", "d", on="jump", skips="passed_over"),
        move("leap", "a", "c", on="leap", skips="no_credit"),
    )
    jumped = orchestrator.apply(act("1", "jump", T + HOUR)).rows[0]
    assert (jumped.kind, jumped.passed_over, jumped.credit) == ("fast_track", ("b", "c"), True)
    orchestrator, person = running(move("leap", "a", "c", on="leap", skips="no_credit"))
    leapt = orchestrator.apply(act("1", "leap", T + HOUR)).rows[0]
    assert (leapt.kind, leapt.passed_over, leapt.credit) == ("fast_track", ("b",), False)
    assert "b" not in person.stamps


def test_s17_a_sort_without_credit_says_so_and_stamps_only_where_the_person_is() -> None:
    _, person = running(fields={"start": "c"})
    row = person.history[-1]
    assert (row.kind, row.passed_over, row.credit) == ("fast_track", ("a", "b"), False)
    assert set(person.stamps) == {"new", "c"}


def test_s25_a_row_says_everything() -> None:
    orchestrator, person = running(move("go", "a", "b", on="go"))
    row = orchestrator.apply(act("act-1", "go", T + HOUR)).rows[0]
    assert (row.person, row.sequence, row.at, row.now) == ("p", 3, T + HOUR, T + HOUR)
    assert (row.from_stage, row.to_stage, row.kind, row.rule) == ("a", "b", "step", "go")
    assert (row.trigger, row.activity, row.journey, row.late) == ("go", "act-1", 1, False)
    assert row.version == orchestrator.model.version
    assert [one.sequence for one in person.history] == [1, 2, 3]


def test_a_model_without_any_move_still_sorts() -> None:
    orchestrator, person = running()
    assert orchestrator.apply(act("1", "web_visit", T + HOUR)).result == "unchanged"
    assert hops(person) == [(None, "new", "created"), ("new", "a", "everybody_else")]


# ------------------------------------------------------------------ time and persons without a book


def test_s20_fire_on_a_person_lets_earlier_due_moves_happen_first_and_winds_the_clock() -> None:
    orchestrator, person = running(
        move("off", "a", "x", on="off"),
        move("back", "x", "a", when="days in stage >= 10"),
        move("go", "a", "b", on="go"),
    )
    machine = orchestrator.machine
    assert machine.fire(person, "off", at=T + HOUR).result == "moved"
    decision = machine.fire(person, "go", at=T + 30 * DAY)
    assert hops(person)[-2:] == [("x", "a", "back"), ("a", "b", "go")]
    assert person.history[-2].now == T + HOUR + 10 * DAY
    assert [row.rule for row in decision.rows] == ["go"]


def test_s20_after_fire_a_tick_still_finds_what_is_due() -> None:
    orchestrator, person = running(
        move("off", "a", "x", on="off"), move("back", "x", "a", when="days in stage >= 10")
    )
    orchestrator.machine.fire(person, "off", at=T + HOUR)
    assert [one.stage for one in orchestrator.tick(T + 30 * DAY)] == ["a"]
    assert person.history[-1].now == T + HOUR + 10 * DAY


def test_s19_fire_before_the_persons_clock_is_late_and_applies_now() -> None:
    orchestrator, person = running(move("go", "a", "b", on="go"))
    orchestrator.apply(act("1", "web_visit", T + DAY))
    decision = orchestrator.machine.fire(person, "go", at=T + HOUR)
    assert (decision.at, decision.now, decision.late) == (T + HOUR, T + DAY, True)
    row = person.history[-1]
    assert (row.at, row.now, row.late) == (T + HOUR, T + DAY, True)
    assert orchestrator.machine.fire(person, "go", at=T + DAY).late is False


@pytest.mark.parametrize("model", ["waterfall", "two_step"])
def test_r47_every_shipped_model_makes_a_machine_with_a_method_for_each_trigger(model: str) -> None:
    machine = LifecycleMachine(load(model))
    for trigger in machine.model.triggers:
        assert callable(getattr(machine.person_class, trigger))
        assert callable(getattr(machine.person_class, f"may_{trigger}"))


def test_the_triggers_of_a_model_are_asked_by_activities_of_that_name_too() -> None:
    """A built-in kind that has no trigger of its own either asks, or the model says it cannot."""
    for on in ("web_visit", "crm_synced", "email_clicked", "changed", "merged"):
        try:
            model: Model = small(move("go", "a", "b", on=on))
        except ModelError:
            continue
        orchestrator = Orchestrator(model)
        person = admitted(orchestrator)
        payload = {}
        if on == "merged":
            orchestrator.apply(Activity("c", "q", "created", T))
            payload = {"loser": "q"}
        orchestrator.apply(act("1", on, T + HOUR, **payload))
        assert person.stage == "b", on
