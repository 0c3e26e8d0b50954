"""What a changed model would have made of a log, in memory and from files (R51)."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

import attrs
import pytest

from lifecycle_fsm import Activity, LifecycleError, Model, loads
from lifecycle_fsm.demo import company
from lifecycle_fsm.fields import FieldDef, FieldType
from lifecycle_fsm.funnel import observe
from lifecycle_fsm.funnel.entry_changes import NEW_KINDS, OLD_KINDS
from lifecycle_fsm.whatif import StageWhatIf, WhatIf, plan_change, what_if
from tests.what_if.worlds import PEOPLE, SEED, WATERFALL, history, log, with_threshold

SMALL = loads("""
name = "small"
stages = [{ name = "new" }, { name = "lead" }, { name = "ready" }, { name = "sold" },
    { name = "lost", off_path = true }]
sort = [{ name = "everybody", when = "otherwise", to = "lead" }]
tokens = { enough = 10 }
kinds = { buys = {}, leaves = {} }
moves = [
    { name = "warm", from = "lead", to = "ready", when = "behavior_score >= $enough" },
    { name = "bought", from = "ready", to = "sold", on = "buys", when = "always" },
    { name = "left", from = ["lead", "ready"], to = "lost", on = "leaves", when = "always" },
]
""")
START = datetime(2024, 5, 6, 9, tzinfo=UTC)


def on(day: float, person: str, kind: str, **payload: Any) -> Activity:
    at = START + timedelta(days=day)
    return Activity(f"{person}-{kind}-{day}", person, kind, at, payload)


def created(person: str, **fields: Any) -> Activity:
    return on(0, person, "created", first_name=person.title(), company="Acme", **fields)


#: ann has 10 points on day 1, and buys; ben has 7 and 12 on days 2 and 5, and leaves.
LOG = [
    created("ann"), created("ben", owner="rep"), created("cy"),
    on(1, "ann", "score_given", points=10), on(3, "ann", "buys"),
    on(2, "ben", "score_given", points=7), on(5, "ben", "score_given", points=5),
    on(6, "ben", "leaves"), on(8, "cy", "score_given", points=7),
]  # fmt: skip


def ask(enough: int, **how: Any) -> WhatIf:
    return what_if(SMALL, tokens={"enough": enough}, activities=LOG, **how)


@cache
def asked(points: int) -> WhatIf:
    return what_if(WATERFALL, tokens={"mql_threshold": points}, activities=log())


# ---------------------------------------------------------------- by hand


def test_a_lower_threshold_adds_and_brings_forward() -> None:
    what = ask(7)
    (ready,) = what.stages
    assert (ready.stage, ready.old, ready.new) == ("ready", 2, 3)
    assert ready.entries == {"added": 1, "earlier": 1, "same": 1, "lost": 0, "later": 0}
    added, earlier = sorted(what.changes, key=lambda change: change.kind)
    assert (added.person, added.name, added.company, added.kind) == ("cy", "Cy", "Acme", "added")
    assert (added.old_at, added.new_at) == (None, START + timedelta(days=8))
    assert (added.rule, added.why, added.became) == ("warm", "behavior score ≥ 10 (it is 7)", "")
    assert (earlier.person, earlier.owner, earlier.kind) == ("ben", "rep", "earlier")
    assert (earlier.old_at, earlier.new_at) == (
        START + timedelta(days=5), START + timedelta(days=2),
    )  # fmt: skip
    assert (earlier.why, earlier.became) == ("behavior score ≥ 10 (it is 7)", "lost")
    assert ready.shift == {"earlier": 3.0}


def test_a_higher_threshold_loses() -> None:
    what = ask(12)
    (ready,) = what.stages
    assert ready.entries == {"added": 0, "earlier": 0, "same": 1, "lost": 1, "later": 0}
    (lost,) = [change for change in what.changes if change.kind == "lost"]
    assert (lost.person, lost.why) == ("ann", "behavior score ≥ 12 (it is 10)")
    assert lost.became == "sold"
    assert ready.reached("lost", SMALL) == {"sold": 1}
    assert what.others == ("sold",)


def test_stages_behind_a_first_difference_have_no_answer() -> None:
    with pytest.raises(LifecycleError, match="nobody knows how 'sold' would change"):
        ask(12, stages=["sold"])
    assert ask(12, stages=["lost"]).stages[0].entries["same"] == 1
    with pytest.raises(LifecycleError, match="no stage named 'solt'"):
        ask(12, stages=["solt"])


def test_a_rule_that_a_model_lacks_decides() -> None:
    moves = [move for move in SMALL.moves if move.name != "left"]
    what = what_if(SMALL, attrs.evolve(SMALL, moves=moves), activities=LOG)
    assert [(change.person, change.why) for change in what.changes] == [
        ("ben", "the changed model has no rule left")
    ]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"tokens": {"enough": 10}}, "both models mean the same"),
        ({"tokens": {"enuogh": 9}}, "no token 'enuogh'; did you mean 'enough'"),
        ({"tokens": {"enough": 9}, "activities": None}, "there is no log"),
        ({"tokens": {"enough": 9}, "activities": []}, "the log has no activities"),
    ],
)
def test_what_cannot_be_asked_is_told(how: dict[str, Any], message: str) -> None:
    with pytest.raises(LifecycleError, match=message):
        what_if(SMALL, **{"activities": LOG, **how})


def test_a_log_of_another_model_is_not_what_the_old_one_made() -> None:
    told = [activity.applied_by("0123") for activity in LOG]
    with pytest.raises(LifecycleError, match="version 0123 of the model applied this log"):
        what_if(SMALL, tokens={"enough": 7}, activities=told)


def test_the_first_day_is_apart_from_the_past() -> None:
    what = ask(7)
    assert [
        (move.person, move.from_stage, move.to_stage, move.rules) for move in what.first_day
    ] == [("cy", "lead", "ready", ("warm",))]
    planned = plan_change(SMALL, tokens={"enough": 7}, activities=LOG)
    assert planned.first_day == what.first_day
    assert (planned.stages, planned.changes) == ((), ())


def test_people_of_a_removed_stage_are_planned_where_they_go() -> None:
    text = """
name = "small"
stages = [{ name = "new" }, { name = "lead" }, { name = "ready" }, { name = "sold" },
    { name = "gone", off_path = true }]
sort = [{ name = "everybody", when = "otherwise", to = "lead" }]
kinds = { buys = {}, leaves = {} }
moves = [{ name = "left", from = ["lead", "ready"], to = "gone", on = "leaves", when = "always" }]
"""
    planned = plan_change(SMALL, loads(text), map_stages={"lost": "gone"}, activities=LOG)
    assert [(move.person, move.to_stage) for move in planned.first_day] == [("ben", "gone")]
    unmapped = plan_change(SMALL, loads(text), activities=LOG)
    assert list(unmapped.problems) == ["ben"]


# ---------------------------------------------------------------- sums


@pytest.mark.parametrize("points", [50, 80])
@pytest.mark.parametrize(
    "window",
    [{}, {"start": datetime(2024, 6, 1, tzinfo=UTC), "end": datetime(2025, 6, 1, tzinfo=UTC)}],
)
def test_kinds_weeks_assignees_and_rules_add_up_to_both_histories(
    points: int, window: dict[str, Any]
) -> None:
    what = what_if(WATERFALL, tokens={"mql_threshold": points}, activities=log(), **window)
    start, end = window.get("start"), window.get("end")
    for model, side in ((WATERFALL, "old"), (with_threshold(points), "new")):
        rows = list(history(model, log()).history)
        visits = Counter(
            visit.stage for visit in observe(rows, model, window=(start, end)).cohort()
        )
        for stage in what.stages:
            kinds = OLD_KINDS if side == "old" else NEW_KINDS
            assert sum(stage.entries[kind] for kind in kinds) == visits[stage.stage]
            assert getattr(stage, side) == visits[stage.stage]
            for name in ("by_week", "by_assignee", "by_rule"):
                total = sum(getattr(pair, side) for pair in getattr(stage, name))
                assert total == visits[stage.stage]
    for stage in what.stages:
        for kind, became in stage.became.items():
            changes = [row for row in what.changes if (row.stage, row.kind) == (stage.stage, kind)]
            assert len(changes) == stage.known(kind) == sum(became.values())


def test_the_load_of_each_assignee_is_that_of_their_weeks() -> None:
    """Recounted from both histories; three have what is left of the capacity of all."""
    limits = {"sdr.south": 0.3, "sdr.baltic": 1.0, "nobody": 9.0}
    what = what_if(
        WATERFALL, tokens={"mql_threshold": 50}, activities=log(), stages=["mql"], names=False,
        capacity=2.0, capacities=limits,
    )  # fmt: skip
    (stage,) = what.stages
    weeks: list[dict[str, Counter[Any]]] = []
    for model in (WATERFALL, with_threshold(50)):
        entries: dict[str, Counter[Any]] = {}
        for row in history(model, log()).history:
            if row.to_stage == "mql" and row.visits:
                week = row.now.isocalendar()[:2]
                entries.setdefault(row.assigned_to or "", Counter())[week] += 1
        weeks.append(entries)
    loads = what.loads(stage)
    names = {name for side in weeks for name in side if name}
    assert {load.name for load in loads} == names <= {*what.assignees}
    assert [load.new for load in loads] == sorted((load.new for load in loads), reverse=True)
    others = names.difference(limits)
    for load in loads:
        rest = (2.0 - 0.3 - 1.0) / len(others)
        assert load.capacity == pytest.approx(limits.get(load.name, rest))
        assert load.capacity is not None
        mine = [side.get(load.name, Counter[Any]()) for side in weeks]
        assert [load.old, load.new] == pytest.approx(
            [counts.total() / stage.weeks for counts in mine]
        )
        over = tuple(sum(count > load.capacity for count in counts.values()) for counts in mine)
        assert load.weeks_over == over
    assert any(0 < old < new for old, new in (load.weeks_over for load in loads))
    rows = {row["name"]: row for row in what.as_dict()["stages"][0]["loads"]}
    assert rows["sdr.south"]["capacity"] == 0.3


@pytest.mark.parametrize(
    ("capacity", "capacities", "expected"),
    [
        (None, {}, []),
        (None, {"sdr.south": 0.5}, [0.5, None]),
        (2.0, {"sdr.south": 3.0}, [3.0, None]),
        (2.0, {}, [2 / 4, 2 / 4]),
    ],
)
def test_a_capacity_that_nobody_said_is_not_invented(
    capacity: float | None, capacities: dict[str, float], expected: list[float | None]
) -> None:
    what = attrs.evolve(asked(50), capacity=capacity, capacities=capacities)
    loads = {load.name: load.capacity for load in what.loads(what.stage("mql"))}
    assert [loads[name] for name in ("sdr.south", "sdr.baltic") if loads] == expected


def test_a_filter_and_its_negation_are_the_whole() -> None:
    def entries(where: str | None) -> Counter[str]:
        what = what_if(
            WATERFALL, tokens={"mql_threshold": 50}, activities=log(), where=where, stages=["mql"]
        )
        return Counter(dict[str, int](what.stages[0].entries.items()))

    parts = entries("country == 'DE'") + entries("not (country == 'DE')")
    assert parts == +entries(None)


def test_a_test_by_cohort_has_the_size_of_the_formula() -> None:
    (stage,) = asked(50).stages
    share = stage.converted.part / stage.converted.whole
    assert [test.people for test in stage.tests] == [
        ceil(16 * share * (1 - share) / delta**2) for delta in (0.1, 0.05)
    ]
    assert stage.tests[0].weeks == pytest.approx(
        2 * stage.tests[0].people / (stage.known("added") / stage.weeks)
    )
    assert asked(80).tested is None
    assert asked(50).tested == "mql"


def test_weeks_begin_in_the_zone_and_none_is_left_out() -> None:
    what = what_if(
        WATERFALL, tokens={"mql_threshold": 50}, activities=log(), zone="Pacific/Auckland"
    )
    days = [datetime.fromisoformat(week.name) for week in what.stages[0].by_week]
    assert {day.weekday() for day in days} == {0}
    assert {after - before for before, after in pairwise(days)} == {timedelta(days=7)}
    assert what.stages[0].by_week != asked(50).stages[0].by_week


# ---------------------------------------------------------------- files


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    folder = tmp_path_factory.mktemp("company") / "input"
    company.write(company.invent(PEOPLE, SEED).with_processing(WATERFALL), folder)
    return [(role, str(folder / name)) for role, name in company.INPUTS.items()]


def told(what: WhatIf) -> dict[str, Any]:
    return {**what.as_dict(), "rejected": 0}


@pytest.mark.parametrize("few", [10**9, 10])
def test_files_in_parts_give_what_one_piece_gives(
    files: list[tuple[str, str]], few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifecycle_fsm.parts.file_run._FEW", few)
    what = what_if(WATERFALL, tokens={"mql_threshold": 50}, files=files, workers=2)
    assert told(what) == told(asked(50))


def test_models_with_other_fields_read_the_files_each_in_their_own_way(
    files: list[tuple[str, str]], tmp_path: Path
) -> None:
    text = Path(files[0][1]).read_text("utf-8").splitlines()
    lines = [f"{text[0]},budget", *(f"{line},{place % 2}" for place, line in enumerate(text[1:]))]
    people = tmp_path / "people.csv"
    people.write_text("\n".join(lines) + "\n", "utf-8")
    field = FieldDef("budget", FieldType("int", nullable=True))
    changed = attrs.evolve(
        WATERFALL, fields=(*WATERFALL.fields, field),
        guards={**WATERFALL.guards, "fits": "demographic_score >= $fit_threshold and budget == 1"},
    )  # fmt: skip
    inputs = [("people", str(people)), *files[1:]]
    (mql,) = what_if(WATERFALL, changed, files=inputs, stages=["mql"], names=False).stages
    assert 0 < mql.new < mql.old
    assert mql.known("lost") > 0


def test_a_stage_row_is_plain_for_a_program() -> None:
    stage: StageWhatIf = asked(50).stages[0]
    plain = stage.as_dict()
    assert plain["entries"] == dict(stage.entries)
    assert plain["really_converted"] == {
        "to": "sal", "part": stage.converted.part, "whole": stage.converted.whole,
    }  # fmt: skip


def test_the_model_may_be_a_path(tmp_path: Path) -> None:
    from lifecycle_fsm import save

    save(SMALL, tmp_path / "small.toml")
    model: Model = SMALL
    assert what_if(tmp_path / "small.toml", tokens={"enough": 7}, activities=LOG).new.tokens == {
        **model.tokens,
        "enough": 7,
    }
