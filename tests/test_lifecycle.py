"""The face for programs: a lifecycle in ten lines, and what it hands on."""

from __future__ import annotations

import importlib.util
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from lifecycle_fsm import (
    Activity,
    ChainResult,
    DataRule,
    Decision,
    FileProblem,
    Lifecycle,
    LifecycleError,
    NoSuchMove,
    RecordError,
    UnknownPerson,
    load,
    save,
    step,
)
from tests.machine.small import DAY, HOUR, HUGE, MINUTE, SECOND, TOO_LARGE, T, small


def test_who_was_folded_into_another_is_not_sorted_by_what_its_own_steps_gave() -> None:
    lifecycle = Lifecycle("two_step")
    for name in ("ann", "bo"):
        lifecycle.apply(name, "created", at=T)
    lifecycle.apply("ann", "merged", at=T, loser="bo")
    given = ChainResult({"industry": "shoes"})
    with pytest.raises(LifecycleError, match="bo was merged into ann"):
        lifecycle.process("bo", at=T, given=given)
    assert lifecycle.process("ann", at=T, given=given).result == "moved"
    assert lifecycle.person("ann").industry == "shoes"


def test_ten_lines() -> None:
    lifecycle = Lifecycle("waterfall")
    ann = lifecycle.admit("ann", at="2024-05-01T09:00Z", seniority="vp", employees=120)
    decision = lifecycle.apply(
        "ann", "form_filled", at="2024-05-02T10:00Z", form="Hand-Raise: Demo"
    )
    assert decision.moved
    refused = lifecycle.apply("ann", "sales_rejected", at="2024-05-03T10:00Z", reason="bored")
    assert "rejection reason is one of" in str(refused)
    lifecycle.apply("ann", "sales_touched", at="2024-05-04T10:00Z")
    assert ann.stage == "sal"
    assert [row.to_stage for row in ann.history] == ["processing", "mal", "mql", "sal"]
    assert ann.stamps["mql"].total == timedelta(days=2)


@pytest.mark.skipif(importlib.util.find_spec("graphviz") is None, reason="needs graphviz")
def test_it_draws_the_model_the_people_and_one_path() -> None:
    lifecycle = Lifecycle("waterfall")
    empty = lifecycle.draw()
    lifecycle.admit("ann", at=T, hand_raised=True)
    funnel, path = lifecycle.draw(), lifecycle.draw("ann")
    sources = {drawing.dot for drawing in (empty, funnel, path)}
    assert len(sources) == 3
    assert all(source.startswith("digraph") for source in sources)
    with pytest.raises(UnknownPerson):
        lifecycle.draw("bob")


# ------------------------------------------------------------------ the model


def test_the_model_may_be_a_model_a_path_or_the_name_of_a_shipped_one(tmp_path: Path) -> None:
    model = load("two_step")
    save(model, tmp_path / "mine.toml")
    for source in (model, tmp_path / "mine.toml", str(tmp_path / "mine.toml"), "two_step"):
        assert Lifecycle(source).model == model
    with pytest.raises(FileProblem, match="did you mean 'waterfall'"):
        Lifecycle("waterfal")


# ------------------------------------------------------------------ people


def test_admit_creates_processes_and_sorts_at_once() -> None:
    lifecycle = Lifecycle("waterfall")
    ann = lifecycle.admit("ann", at=T, seniority="vp", domain="acme.com")
    assert [row.to_stage for row in ann.history] == ["processing", "mal"]
    assert {row.now for row in ann.history} == {T}
    assert (ann.demographic_score, ann.sourced_by) == (25, "marketing")
    assert lifecycle.person("ann") is ann
    assert "ann" in lifecycle
    assert len(lifecycle) == 1
    assert list(lifecycle) == [ann]


def test_what_happens_at_the_instant_of_admission_is_not_late_s14() -> None:
    lifecycle = Lifecycle("waterfall")
    lifecycle.admit("ann", at=T)
    decision = lifecycle.apply("ann", "form_filled", at=T, form="Hand-Raise: Demo")
    assert (decision.result, decision.late) == ("moved", False)


def test_to_admit_the_same_person_again_gives_the_person_and_others_are_refused() -> None:
    lifecycle = Lifecycle("waterfall")
    ann = lifecycle.admit("ann", at=T, source="fair")
    lifecycle.apply("ann", "form_filled", at=T + HOUR, form="Hand-Raise: Demo")
    assert lifecycle.admit("ann", at=T, source="fair") is ann
    assert ann.stage == "mql"
    with pytest.raises(RecordError, match="other content"):
        lifecycle.admit("ann", at=T, source="web")
    assert ann.source == "fair"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"employes": 3}, "did you mean 'employees'"),
        ({"stage": "customer"}, "machine only"),
        ({"employees": "many"}, "employees"),
        ({"created_by": "nobody"}, "marketing"),
    ],
)
def test_admit_says_what_it_cannot_take(fields: dict[str, Any], said: str) -> None:
    lifecycle = Lifecycle("waterfall")
    with pytest.raises(RecordError, match=said):
        lifecycle.admit("ann", at=T, **fields)
    assert "ann" not in lifecycle


def test_an_unknown_person_is_told_with_a_suggestion() -> None:
    lifecycle = Lifecycle("waterfall")
    lifecycle.admit("ann-smith", at=T)
    for ask in (lifecycle.person, lifecycle.explain):
        with pytest.raises(UnknownPerson, match="did you mean 'ann-smith'"):
            ask("ann-smit")
    with pytest.raises(UnknownPerson):
        lifecycle.process("bob", at=T)


def test_admit_lets_go_what_was_held_s19() -> None:
    lifecycle = Lifecycle("waterfall")
    assert lifecycle.apply("ann", "web_visit", at=T + SECOND).result == "held"
    assert list(lifecycle.held) == ["ann"]
    ann = lifecycle.admit("ann", at=T)
    assert not lifecycle.held
    assert ann.behavior_score == 2
    assert ann.stage == "mal"


def test_s13_admit_where_a_step_fails_leaves_the_person_parked() -> None:
    down = True

    @step(number=35)
    def fragile(person: Any, context: Any) -> dict[str, Any]:
        if down:
            raise OSError("no answer")
        return {}

    lifecycle = Lifecycle("waterfall", steps=[fragile])
    ann = lifecycle.admit("ann", at=T, hand_raised=True)
    assert ann.stage == "processing"
    assert [one.error for one in lifecycle.parked["ann"]] == ["fragile: OSError: no answer"]
    down = False
    assert [one.stage for one in lifecycle.retry(T + HOUR)] == ["mql"]
    assert not lifecycle.parked


def test_s11_admit_says_what_kept_somebody_from_being_created() -> None:
    model = small(data=(DataRule(on="created", then=TOO_LARGE),))
    lifecycle = Lifecycle(model)
    with pytest.raises(LifecycleError, match="too large"):
        lifecycle.admit("ann", at=T, big=HUGE)
    assert "ann" not in lifecycle


# ------------------------------------------------------------------ what happens


@pytest.mark.parametrize(
    "again",
    [
        "2024-05-01T10:00:00Z",
        "2024-05-01T10:00Z",
        "2024-05-01T12:00+02:00",
        "2024-05-01 10:00",
        T + HOUR,
        datetime(2024, 5, 1, 12, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_s19_without_an_id_the_same_content_twice_is_a_duplicate(again: Any) -> None:
    lifecycle = Lifecycle("waterfall")
    ann = lifecycle.admit("ann", at=T)
    first = lifecycle.apply("ann", "form_filled", at="2024-05-01T10:00:00Z", form="x", page="/")
    assert first.result == "unchanged"
    assert lifecycle.apply("ann", "form_filled", at=again, page="/", form="x").result == "duplicate"
    assert ann.behavior_score == 15
    assert (
        lifecycle.apply("ann", "form_filled", at=again, page="/b", form="x").result == "unchanged"
    )
    assert lifecycle.apply("ann", "email_clicked", at=again).result == "unchanged"


def test_apply_takes_an_activity_or_its_parts() -> None:
    one, other = Lifecycle("waterfall"), Lifecycle("waterfall")
    for lifecycle in (one, other):
        lifecycle.admit("ann", at=T)
    parts = one.apply("ann", "form_filled", at=T + HOUR, id="f-1", form="Hand-Raise: Demo")
    whole = other.apply(
        Activity("f-1", "ann", "form_filled", T + HOUR, {"form": "Hand-Raise: Demo"})
    )
    assert parts == whole


def test_a_time_is_needed() -> None:
    lifecycle = Lifecycle("waterfall")
    lifecycle.admit("ann", at=T)
    with pytest.raises(RecordError, match="when did web_visit happen"):
        lifecycle.apply("ann", "web_visit")


def test_replay_applies_a_log_and_counts_what_came_of_it() -> None:
    recorded: list[Decision] = []
    lifecycle = Lifecycle("waterfall", record=recorded.append)
    log = [
        Activity("0", "ann", "created", T),
        Activity("0", "bob", "created", T + SECOND),
        Activity("1", "ann", "form_filled", T + HOUR, {"form": "Hand-Raise: Demo"}),
        Activity("1", "cid", "web_visit", T + HOUR),
    ]
    assert lifecycle.replay(iter(log)) == {"moved": 3, "held": 1}
    lifecycle.tick(T + DAY)
    assert [(row.person, row.to_stage) for row in lifecycle.history] == [
        ("ann", "processing"),
        ("ann", "mal"),
        ("ann", "mql"),
        ("bob", "processing"),
        ("bob", "mal"),
    ]
    assert [row for one in recorded for row in one.rows if row.person == "bob"] == [
        row for row in lifecycle.history if row.person == "bob"
    ]


def test_s14_what_is_logged_replays_to_the_same_history_whenever_processing_ended() -> None:
    logged: list[Activity] = []
    live = Lifecycle("waterfall", log=logged.append)
    live.expect_processed(["ann"])
    live.apply("ann", "web_visit", at=T + HOUR, page="/pricing")
    live.apply("ann", "created", at=T, seniority="vp", employees=80)
    live.apply("ann", "score_given", at=T + 2 * HOUR, points=60)
    assert live.apply("ann", "score_given", at=T + 2 * HOUR, points=60).result == "duplicate"
    assert live.apply("ann", "score_given", at=T + 2 * HOUR, points="x").result == "rejected"
    live.apply("ann", "sales_touched", at=T + 3 * HOUR)
    live.process("ann", at=T + 4 * HOUR)
    live.apply("ann", "sales_rejected", at=T + DAY, reason="no_time")
    live.tick(T + 200 * DAY)
    assert [one.kind for one in logged if one.kind != "time_passed"] == [
        "created",
        "web_visit",
        "score_given",
        "sales_touched",
        "processed",
        "sales_rejected",
    ]
    assert logged[-1].kind == "time_passed"
    again: list[Activity] = []
    replay = Lifecycle("waterfall", log=again.append)
    replay.replay(logged)
    assert list(replay.history) == list(live.history)
    assert again == logged
    assert live.person("ann").history[2].rule == "accepted"


def test_s14_processing_by_hand() -> None:
    lifecycle = Lifecycle("waterfall")
    lifecycle.expect_processed(["ann"])
    lifecycle.apply("ann", "created", at=T)
    lifecycle.apply("ann", "form_filled", at=T + 5 * MINUTE, form="Hand-Raise: Demo")
    assert lifecycle.tick(T + DAY) == []
    decision = lifecycle.process("ann", at="2024-05-03T09:00Z")
    assert (decision.stage, decision.now) == ("mql", T + 2 * DAY)


# ------------------------------------------------------------------ knowing


def test_s10_explain_says_why_not() -> None:
    lifecycle = Lifecycle("waterfall")
    lifecycle.admit("ann", at=T, seniority="vp")
    lifecycle.apply("ann", "score_given", at=T + HOUR, points=40)
    waiting = {one.move: [str(part) for part in one.unmet] for one in lifecycle.explain("ann")}
    assert waiting["qualified_by_score"] == ["✗ behavior score ≥ 65 (it is 40)"]
    assert waiting["qualified_by_hand_raise"] == ["✗ hand raised"]
    lifecycle.apply("ann", "form_filled", at=T + HOUR, form="Hand-Raise: Demo")
    refusals = lifecycle.explain("ann", "sales_rejected")
    assert [one.target for one in refusals] == ["recycled", "disqualified"]
    with pytest.raises(NoSuchMove, match="did you mean 'sales_rejected'"):
        lifecycle.explain("ann", "sales_rejcted")


def test_s20_explain_at_a_time_sees_that_time() -> None:
    lifecycle = Lifecycle("waterfall")
    lifecycle.admit("ann", at=T, hand_raised=True)
    lifecycle.apply("ann", "sales_rejected", at=T + HOUR, reason="no_time")

    def moves(at: Any) -> list[str]:
        return [one.move for one in lifecycle.explain("ann", at=at)]

    assert "rested" in moves(T + 90 * DAY)
    assert "rested" not in moves(T + HOUR + 90 * DAY)
    assert "rested" in moves("2024-06-01")
    assert lifecycle.person("ann").stage == "recycled"


def test_machine_is_at_hand_for_objects_of_ones_own() -> None:
    lifecycle = Lifecycle(small())
    assert lifecycle.machine.model is lifecycle.model


def test_s14_what_is_asked_on_a_person_is_an_activity_of_the_log() -> None:
    log: list[Activity] = []
    live = Lifecycle("waterfall", log=log.append)
    ann = live.admit("ann", at="2024-05-01T09:00Z", hand_raised=True)
    ann.sales_rejected(at="2024-05-02T09:00Z", reason="no_time")  # type: ignore[attr-defined]
    ann.disqualify(at="2024-05-03T09:00Z")  # type: ignore[attr-defined]
    assert ann.stage == "disqualified"

    again = Lifecycle("waterfall")
    again.replay(log)
    assert list(again.history) == list(live.history)


def test_s14_what_is_asked_in_processing_waits_for_the_sort() -> None:
    lifecycle = Lifecycle("waterfall")
    lifecycle.apply("ann", "created", at="2024-05-01T09:00Z", hand_raised=True)
    ann: Any = lifecycle.person("ann")
    assert ann.sales_rejected(at="2024-05-01T09:00:03Z", reason="no_time").result == "deferred"
    lifecycle.process("ann", at="2024-05-01T09:00:20Z")
    assert [row.to_stage for row in ann.history] == ["processing", "mql", "recycled"]


def test_an_activity_of_never_is_refused_with_a_remedy() -> None:
    with pytest.raises(RecordError, match="stands for 'never'"):
        Lifecycle("two_step").admit("far", at="9999-12-31T23:59:59Z")


def test_s19_a_busy_person_is_remembered_whole() -> None:
    lifecycle = Lifecycle("two_step")
    lifecycle.admit("bot", at="2024-05-01T09:00Z")
    start = datetime(2024, 5, 2, tzinfo=UTC)
    visits = [
        Activity(f"v{minute}", "bot", "web_visit", start + timedelta(minutes=minute))
        for minute in range(300)
    ]
    assert {lifecycle.apply(one).result for one in visits} == {"unchanged", "moved"}
    assert {lifecycle.apply(one).result for one in visits} == {"duplicate"}


def test_s13_steps_that_were_gone_without_can_be_seen() -> None:
    def down(person: Any, context: Any) -> dict[str, Any]:
        raise OSError("the service is down")

    lifecycle = Lifecycle("waterfall", steps={"enrich": down})
    lifecycle.admit("ann", at="2024-05-01T09:00Z", email="ann@acme.example")
    assert [str(one) for one in lifecycle.skipped["ann"]] == [
        "enrich: OSError: the service is down"
    ]
