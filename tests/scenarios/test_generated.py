"""What holds in every lifecycle that builds, for everybody, whatever happens: generated models and
logs, with decay, caps, deadlines, calendars, assignment, alerts and merges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from itertools import pairwise, zip_longest
from typing import Any

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle_fsm import Activity, HistoryRow, Model, Person, stamps
from lifecycle_fsm.activities import SETTLED
from lifecycle_fsm.guard import Always, to_text
from lifecycle_fsm.machine.clock import MachineClock
from lifecycle_fsm.machine.lean_transitions import LeanTransition
from lifecycle_fsm.model import Deadline
from lifecycle_fsm.orchestrator.entry_requests import EntryRequests
from lifecycle_fsm.silos.deadlines import Scheduler
from lifecycle_fsm.silos.working_time import WorkingTime
from lifecycle_fsm.tables import by_event
from tests.machine.small import DAY, HOUR, SECOND, T, check_chain
from tests.scenarios.generated import END, MICRO, Given, Run, differences, lives

quickly = settings(
    max_examples=35,
    phases=[__import__("hypothesis").Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def shuffled(given: Given, data: st.DataObject) -> Given:
    """The same log as it may arrive: late, but for the creations."""
    created = [one for one in given.log if one.kind == "created"]
    others = [one for one in given.log if one.kind != "created"]
    return Given(given.model, [*created, *data.draw(st.permutations(others))])


# ------------------------------------------------------------------ history


def check_journeys(model: Model, rows: list[HistoryRow]) -> None:
    """Forward only within a journey; coming off a detour begins the next [S6]."""
    ranks = model.ranks
    highest: dict[tuple[str, int], int] = {}
    for before, row in pairwise([rows[0], *rows]):
        journey = (row.journey_record, row.journey)
        rank = ranks.get(row.to_stage)
        if not row.visits:
            if rank is not None:  # the journey that a merge goes on with may be another's
                assert rank >= highest.get(journey, -1)
                highest[journey] = rank
            continue
        if row.from_stage is not None and row.from_stage not in ranks and rank is not None:
            assert row.kind == "return"
            assert journey not in highest
        else:
            assert journey == (before.journey_record, before.journey)
        if rank is not None:
            assert rank > highest.get(journey, -1)
            highest[journey] = rank
            assert row.kind in ("enter", "step", "fast_track", "return")
        else:
            assert row.kind == "detour"


@quickly
@given(lives(), st.booleans(), st.data())
def test_s6_forward_only_within_a_journey_also_over_merges_and_when_all_comes_late(
    given: Given, late: bool, data: st.DataObject
) -> None:
    run = Run(*(shuffled(given, data) if late else given))
    for name, rows in run.told().items():
        check_chain(tuple(rows))
        check_journeys(given.model, rows)
        folded = name in run.lifecycle.merged
        assert [row.to_stage for row in rows].count("") == folded
        assert (rows[-1].to_stage == "") is folded
        assert run.people[name].stage == rows[-1].to_stage


@quickly
@given(lives(), st.booleans(), st.data())
def test_s25_one_row_for_each_hop_and_each_is_told_once(
    given: Given, late: bool, data: st.DataObject
) -> None:
    model = given.model
    run = Run(*(shuffled(given, data) if late else given))
    told: dict[str, list[HistoryRow]] = {name: [] for name in run.people}
    for decision in run.decisions:
        told[decision.person] += decision.rows
        assert decision.now >= decision.at
        if decision.rows:
            assert decision.stage == decision.rows[-1].to_stage
        if decision.result != "moved":
            assert not decision.moved
    assert told == run.told()
    edges = {(one.name, one.source, one.target) for one in (*model.edges, *model.sort_edges)}
    for rows in told.values():
        for row in rows[1:]:
            hop = (row.rule, row.from_stage, row.to_stage)
            assert hop in edges if row.kind != "merge" else row.rule == "merged"


@quickly
@given(lives(), st.booleans())
def test_s25_stamps_equal_a_plain_recount(given: Given, open_end: bool) -> None:
    until = END if open_end else None
    for rows in Run(*given).told().values():
        first: dict[str, datetime] = {}
        latest: dict[str, datetime] = {}
        visits: Counter[str] = Counter()
        total: dict[str, timedelta] = {}
        stage, since = "", T
        for row in [*rows, None]:
            if row is not None and (row.to_stage, row.entered_at) == (stage, since):
                continue  # a merge that leaves the visit as it was
            end = row.now if row is not None else until or since
            if stage:
                # Of a visit that a merge handed over, all but what was before it began.
                stay = max(end - since, timedelta(0))
                total[stage] = total.get(stage, timedelta(0)) + stay
            if row is None:
                break
            stage, since = row.to_stage, row.entered_at
            if stage:
                first[stage] = min(first.get(stage, since), since)
                latest[stage] = max(latest.get(stage, since), since)
                visits[stage] += 1
        found = stamps(rows, until)
        assert {one: (s.first, s.latest, s.visits, s.total) for one, s in found.items()} == {
            one: (first[one], latest[one], visits[one], total[one]) for one in first
        }


@quickly
@given(lives(), st.lists(st.integers(0, 150 * 24), min_size=2, max_size=2, unique=True))
def test_s27_opening_and_in_less_out_is_closing(given: Given, hours: list[int]) -> None:
    start, end = sorted(T + hour * HOUR + SECOND for hour in hours)
    rows = [row for one in Run(*given).told().values() for row in one]

    def people(when: datetime) -> Counter[str]:
        last = {row.person: row.to_stage for row in rows if row.now < when}
        return Counter(stage for stage in last.values() if stage)

    moved = [row for row in rows if start <= row.now < end and row.from_stage != row.to_stage]
    into = Counter(row.to_stage for row in moved if row.to_stage)
    out = Counter(row.from_stage for row in moved if row.from_stage)
    balance = people(start)
    balance.update(into)
    balance.subtract(out)
    assert +balance == people(end)


#: The same condition in other words.
SPELLINGS = (
    "({0}) or (({0}) and ready)",
    "({0}) and (ready or not ready)",
    "not (not ({0}) and not (({0}) and level >= 1))",
    "({0}) and (hours in stage >= 30 or not hours in stage >= 30)",
)


@quickly
@given(lives(), st.sampled_from(SPELLINGS), st.booleans(), st.data())
def test_s9_equivalent_guards_behave_alike(
    given: Given, spelling: str, late: bool, data: st.DataObject
) -> None:
    """Also those of returns that held as the detour was entered; in processing a time term says
    nothing."""
    model, log = shuffled(given, data) if late else given
    other = attrs.evolve(
        model,
        moves=[attrs.evolve(one, when=spelling.format(to_text(one.when))) for one in model.moves],
    )
    run, again = Run(model, log), Run(other, log)
    for name, rows in run.told().items():
        assert [attrs.evolve(row, version="") for row in again.told()[name]] == [
            attrs.evolve(row, version="") for row in rows
        ]
        assert again.people[name].deadlines == run.people[name].deadlines


@quickly
@given(lives())
def test_s14_nothing_is_stamped_before_the_sort_and_what_waited_comes_with_it(
    given: Given,
) -> None:
    model, log = given
    run = Run(model, log)
    came = {(one.person, one.id): one.at for one in log}
    for name, rows in run.told().items():
        created = came[name, "created"]
        if len(rows) == 1 or any(row.kind == "merge" for row in rows):
            continue  # somebody who waits still, or who meets another who may have been sorted
        assert rows[1].from_stage == model.initial.name
        assert rows[1].now == created + model.settle
        for row in rows[1:]:
            at = came.get((name, row.activity or ""))
            if at is not None and at <= rows[1].now and row.at == at and not row.late:
                assert row.now == rows[1].now
        assert rows[1].rule in {rule.name for rule in model.sort}


# ------------------------------------------------------------------ what must not matter


@quickly
@given(lives(), st.data())
def test_s19_duplicates_change_nothing(given: Given, data: st.DataObject) -> None:
    model, log = given
    doubled: list[Activity] = []
    for number, activity in enumerate(log):
        doubled.append(activity)
        doubled += data.draw(st.lists(st.sampled_from(log[: number + 1]), max_size=2))
    once, twice = Run(model, log), Run(model, doubled)
    assert twice.told() == once.told()
    assert differences(twice, once) == {}
    assert twice.asked() == once.asked()


@quickly
@given(lives(), st.data())
def test_s20_any_schedule_of_ticks_gives_the_same(given: Given, data: st.DataObject) -> None:
    """History, fields, clocks, and all that is asked for, in the same words."""
    model, log = given
    near = [timedelta(0), MICRO, SECOND, HOUR, DAY, 7 * DAY, -MICRO, -HOUR]
    drawn = st.tuples(st.sampled_from(log), st.sampled_from(near))
    ticks = sorted(one.at + gap for one, gap in data.draw(st.lists(drawn, max_size=25)))
    once = Run(model, log)
    often = Run(model)
    for number, activity in enumerate(log):
        # A tick says that this time has come: everything up to it has been applied.
        coming = min(one.at for one in log[number:])
        while ticks and ticks[0] < coming:
            often.lifecycle.tick(ticks.pop(0))
        often.lifecycle.apply(activity)
    for tick in [*ticks, END, END]:
        often.lifecycle.tick(tick)
    assert often.told() == once.told()
    assert differences(often, once) == {}
    assert often.asked() == once.asked()
    assert often.logged() == once.logged()


@quickly
@given(lives(), st.booleans(), st.lists(st.integers(0, 40 * 24), max_size=3), st.data())
def test_s19_the_log_that_was_kept_replays_to_the_same(
    given: Given, late: bool, ticks: list[int], data: st.DataObject
) -> None:
    """In whatever order it came, and whoever looked when: history, deadlines, decisions, clocks,
    and the log of the replay itself. Nobody lets time pass: the log says what it brought."""
    model, log = shuffled(given, data) if late else given
    live = Run(model)
    for number, activity in enumerate(log):
        if number in ticks:
            live.lifecycle.tick(activity.at + HOUR)  # what comes next may be late by it
        live.lifecycle.apply(activity)
    live.lifecycle.tick(T + max(ticks, default=0) * HOUR)
    again = Run(model)
    again.lifecycle.replay(live.kept)
    assert again.told() == live.told()
    different = differences(again, live)
    # When somebody looks next where nothing came of the last look is no part of the person.
    assert not {one for one in different if not one.endswith("._due")}, different
    assert again.asked() == live.asked()
    assert again.lifecycle.merged == live.lifecycle.merged
    assert again.decided() == live.decided()
    assert again.kept == live.kept
    for run in (live, again):
        run.lifecycle.tick(END)
    assert differences(again, live) == {}


@quickly
@given(lives(merges=False), st.integers(0, 12))
def test_s14_so_does_a_log_that_says_when_processing_ended(given: Given, when: int) -> None:
    """A slow service: the sort comes when it has answered, and the log says so."""
    model, log = given
    live = Run(model)
    names = sorted({one.person for one in log})
    live.lifecycle.expect_processed(names)
    for number, activity in enumerate(log):
        live.lifecycle.apply(activity)
        person = live.people[activity.person]
        if number >= when and person.stage == model.initial.name:
            live.lifecycle.process(person.id, at=activity.at)
    live.lifecycle.tick(END)
    for name in names:
        if live.people[name].stage == model.initial.name:
            live.lifecycle.process(name, at=END)
    again = Run(model)
    again.lifecycle.replay(live.kept)
    again.lifecycle.tick(END)
    assert again.told() == live.told()
    assert again.asked() == live.asked()


@quickly
@given(lives(merges=False), st.randoms(use_true_random=False))
def test_s19_how_people_are_interleaved_does_not_matter(given: Given, random: Any) -> None:
    model, log = given
    queues = {one.person: [] for one in log}  # type: dict[str, list[Activity]]
    for activity in log:
        queues[activity.person].append(activity)
    arrived: list[Activity] = []
    while queues:
        name = random.choice(sorted(queues))
        arrived.append(queues[name].pop(0))
        if not queues[name]:
            del queues[name]
    live, event = Run(model, arrived), Run(model, log)
    assert live.told() == event.told()
    assert differences(live, event) == {}
    assert live.asked() == event.asked()
    assert by_event(arrived) == log


@quickly
@given(lives(), st.data())
def test_s19_what_is_held_is_applied_as_if_it_had_come_in_order(
    given: Given, data: st.DataObject
) -> None:
    """All of somebody's activities come before their creation, in any order; merges aside, which
    touch two."""
    model = given.model
    log = [one for one in given.log if one.kind != "merged"]
    created = [one for one in log if one.kind == "created"]
    others = [one for one in log if one.kind != "created"]
    early = Run(model, [*data.draw(st.permutations(others)), *created])
    assert early.told() == Run(model, log).told()
    assert not early.lifecycle.held


# ------------------------------------------------------------------ requests


@quickly
@given(lives(), st.booleans(), st.data())
def test_s24_each_request_has_its_id_and_what_is_held_ends_at_most_once(
    given: Given, late: bool, data: st.DataObject
) -> None:
    run = Run(*(shuffled(given, data) if late else given))
    states: dict[str, list[str]] = {}
    for one in run.requests:
        states.setdefault(one.id, []).append(one.state)
    allowed = [["sent"], ["held"], ["superseded"], ["held", "released"], ["held", "superseded"]]
    if run.lifecycle.merged:  # what waited for a record, where the CRM knows the other
        allowed.append(["released"])
    for name, seen in states.items():
        assert seen in allowed, name
    for decision in run.decisions:
        for one in decision.requests:
            assert one.person == decision.person
            assert one.at == decision.now
    waiting = {name for name, seen in states.items() if seen == ["held"]}
    assert len(waiting) == sum(len(one._waiting) for one in run.people.values())


@quickly
@given(lives())
def test_s12_only_the_last_stage_of_an_activity_asks(given: Given) -> None:
    run = Run(*given)
    entries = {one.name for one in given.model.alerts if one.entering}
    for decision, stage in zip(run.decisions, run.stages, strict=True):
        for one in decision.requests:
            if one.rule in entries and one.state in ("sent", "held"):
                assert one.stage == stage


@quickly
@given(lives())
def test_s12_mail_says_at_any_time_what_the_stage_says(given: Given) -> None:
    """Who follows the changes of mail knows what mail may do, but for what a merge changed."""
    run = Run(*given)
    mail = {stage.name: stage.mail for stage in given.model.stages}
    known: dict[str, Any] = {}
    merges = {one.person for one in run.decisions if one.kind == "merged"}
    for one in run.requests:
        if one.rule == "mail":
            if one.person not in merges:
                assert known.get(one.person) == one.data["before"] != one.data["mail"]
            known[one.person] = one.data["mail"]
            assert one.data["mail"] == mail[one.stage or ""]
    for name, person in run.people.items():
        if name not in merges:
            assert known.get(name) == mail[person.stage]


# ------------------------------------------------------------------ time, counted once more


def visits(rows: list[HistoryRow]) -> Iterator[tuple[str, datetime, HistoryRow | None]]:
    """The stage, when it was entered, and the row that left it."""
    moved = [row for row in rows if row.from_stage != row.to_stage]
    for number, row in enumerate(moved):
        if row.to_stage:
            yield row.to_stage, row.now, moved[number + 1] if number + 1 < len(moved) else None


@quickly
@given(lives(persons=2, merges=False))
def test_s21_missed_deadlines_equal_a_recount_of_history(given: Given) -> None:
    model = given.model
    run = Run(*given)
    calendars = {one.name: WorkingTime(one) for one in model.calendars}
    promises = {one.name: one for one in model.deadlines}

    def due_at(promise: Deadline, entered: datetime) -> datetime:
        before = promises.get(promise.escalates)
        start = due_at(before, entered) if before else entered
        return calendars.get(promise.calendar, WorkingTime(None)).after(start, promise.after)

    expected = Counter()  # type: Counter[tuple[str, str, datetime]]
    possible = Counter()  # type: Counter[tuple[str, str, datetime]]
    for name, rows in run.told().items():
        for stage, entered, left in visits(rows):
            for promise in model.deadlines:
                due = due_at(promise, entered)
                if promise.stage != stage or due > END or (left is not None and left.now < due):
                    continue
                # At the very instant an activity is in time, and time is not [S20].
                if left is not None and left.now == due and left.activity is not None:
                    continue
                possible[name, promise.name, due] += 1
                if promise.when == Always():
                    expected[name, promise.name, due] += 1
    found = Counter(
        (one.person, one.reason, one.now) for one in run.decisions if one.kind == "deadline"
    )
    assert not expected - found
    assert not found - possible
    assert max(found.values(), default=1) == 1


@quickly
@given(lives(persons=2, merges=False))
def test_s21_each_visit_decides_each_of_its_deadlines_once(given: Given) -> None:
    model = given.model
    run = Run(*given)
    conditions = {one.name: one.when for one in model.deadlines}
    for name, rows in run.told().items():
        ends = {row.visit: after for row, after in zip_longest(rows, rows[1:])}
        facts = run.people[name].deadlines
        decided = Counter((fact.visit, fact.rule) for fact in facts)
        assert set(decided.values()) <= {1}
        for visit, left in ends.items():
            rules = {one.name for one in model.deadlines if one.stage == visit[2]}
            told = {rule for other, rule in decided if other == visit}
            assert told == rules if left is not None else told <= rules
        for fact in facts:
            left = ends[fact.visit]
            in_time = left is not None and (
                left.now < fact.due_at or (left.now == fact.due_at and left.activity is not None)
            )
            assert fact.decided_at == (left.now if left is not None and in_time else fact.due_at)
            if conditions[fact.rule] == Always():
                assert fact.outcome == ("kept" if in_time else "missed")
            else:
                assert fact.outcome != "missed" or not in_time
            assert not fact.late


@quickly
@given(lives(persons=1, merges=False))
def test_s20_decay_comes_at_its_instants_and_at_no_other(given: Given) -> None:
    run = Run(*given)
    person = run.people["p"]
    for rule in given.model.decay:
        told = [
            one.now
            for one in run.decisions
            if one.kind == "decay" and one.reason.startswith(f"{rule.name}:")
        ]
        assert told == sorted(set(told))
        if rule.since == "created_at":
            assert all((one - person.created_at) % rule.every == timedelta(0) for one in told)
            assert all(one > person.history[0].now for one in told)


# ------------------------------------------------------------------ errors


class Injected(Exception):
    """What goes wrong in the middle of something."""


class Trouble:
    """The n-th of many small pieces of work fails: before it is done, or right after."""

    def __init__(self, left: int, after: bool) -> None:
        self.left = left
        self.after = after
        self.on = False

    def wrap(self, original: Any) -> Any:
        def work(*arguments: Any, **more: Any) -> Any:
            fails = False
            if self.on:
                self.left -= 1
                fails = self.left == 0
            if fails and not self.after:
                raise Injected
            result = original(*arguments, **more)
            if fails:
                raise Injected
            return result

        return work


def stepwise(run: Run, until: datetime, trouble: Trouble, people: Collection[Person]) -> None:
    """Let time pass for these people, one due instant after the other; what fails is tried again
    at once."""
    while True:
        due = min((one._due for one in people if one._due), default=None)
        if due is None or due > until:
            return
        before = run.everything()
        passed = [run.engine._run_due(one, due, inclusive=True) for one in people]
        parked = [each for each in passed if each and each[-1].result == "parked"]
        for first, *more in parked:
            # Other work of the same instant, such as the sort, may have come before what failed.
            if not more:
                # It waits to be tried again, and no longer for the clock.
                waits = {"_due": None, "_settles_at": None}
                after = run.everything()[first.person]
                assert {**after, **waits} == {**before[first.person], **waits}
        if parked:
            trouble.on = False
            run.lifecycle.retry(due)
            assert not run.lifecycle.parked


def meet(run: Run, merge: Activity, trouble: Trouble) -> None:
    """A merge that comes late first lets both clocks run up to the later of them. That is time,
    and no part of the merge: it stays where the merge fails."""
    both = [run.engine.survivor(one) for one in (merge.person, merge.payload["loser"])]
    now = merge.at
    while True:
        stepwise(run, now - MICRO, trouble, both)
        latest = max(one._clock or now for one in both)
        if latest <= now:
            return
        now = latest


@quickly
@given(lives(), st.integers(1, 60), st.booleans())
def test_s11_an_exception_anywhere_leaves_everybody_as_before_and_a_retry_gives_the_rest(
    given: Given, left: int, after: bool
) -> None:
    """Guards, effects, moves, assignment, alerts, deadlines, the log itself: the n-th call fails.
    Nothing of its work stays; tried again at once it is as if nothing had been."""
    model, log = given
    trouble = Trouble(left, after)
    places = [
        (LeanTransition, "make"),
        (EntryRequests, "follow"),
        (MachineClock, "schedule"),
        (Scheduler, "fade"),
        (Scheduler, "enter"),
        (Scheduler, "leave"),
        (Scheduler, "decide"),
    ]
    originals = [(owner, name, getattr(owner, name)) for owner, name in places]
    for owner, name, original in originals:
        setattr(owner, name, trouble.wrap(original))
    try:
        run = Run(model)
        run.engine._flow._log = trouble.wrap(run.engine._flow._log)
        run.engine._flow.data.apply = trouble.wrap(run.engine._flow.data.apply)  # type: ignore[method-assign]
        for number, activity in enumerate(log):
            trouble.on = True
            coming = min(one.at for one in log[number:])
            stepwise(run, coming - MICRO, trouble, run.people.values())
            if activity.kind == "merged":
                meet(run, activity, trouble)
            before, merged = run.everything(), dict(run.lifecycle.merged)
            decision = run.lifecycle.apply(activity)
            if decision.result == "parked":
                trouble.on = False
                assert (run.everything(), dict(run.lifecycle.merged)) == (before, merged)
                assert (decision.rows, decision.requests) == ((), ())
                (parked,) = (one for several in run.lifecycle.parked.values() for one in several)
                assert parked.activity == activity
                run.lifecycle.retry(activity.at)
                assert not run.lifecycle.parked
        trouble.on = True
        stepwise(run, END, trouble, run.people.values())
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)
    smooth = Run(model, log)
    # Who is sorted because somebody tries again is not sorted by settle any more.
    assert repr(run.told()).replace(SETTLED, "processed") == repr(smooth.told()).replace(
        SETTLED, "processed"
    )
    assert [one[1:] for one in run.asked()] == [one[1:] for one in smooth.asked()]
