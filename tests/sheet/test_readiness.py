"""The litmus list (R44): who qualifies now, who is just below, and why."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import attrs
import pytest

from lifecycle_fsm import Lifecycle
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.model import Model, load, loads
from lifecycle_fsm.person import BASE_FIELDS
from lifecycle_fsm.sheet import PeopleTable, make_sheet, read_people
from lifecycle_fsm.sheet import readiness as module
from lifecycle_fsm.sheet.readiness import (
    SHOWN,
    Candidate,
    Readiness,
    readiness,
    readiness_section,
    ready_stage,
)
from lifecycle_fsm.tables import TableWriter, people_columns
from tests.sheet.pages import lines
from tests.sheet.samples import START, people

NOW = START + timedelta(days=10)


def somebody(name: str, stage: str, **fields: Any) -> SimpleNamespace:
    known: dict[str, Any] = {
        "id": name,
        "stage": stage,
        "stage_entered_at": START,
        "journey": 1,
        "journey_started_at": START,
        "behavior_score": 0,
        "budget": None,
        "hand_raised": False,
        "owner": None,
        "rejection_reason": None,
        "won_opportunities": 0,
    }
    return SimpleNamespace(**known | fields)


def told(found: tuple[Candidate, ...]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(one.id, one.label, one.reasons) for one in found]


def ask(model: Model, *found: SimpleNamespace) -> Readiness:
    answer = readiness(model, found, NOW)
    assert answer is not None
    return answer


@pytest.mark.parametrize(
    ("name", "stage"), [("waterfall", "mql"), ("two_step", "lead"), ("engagement", "mql")]
)
def test_the_stage_that_is_ready_for_sales(name: str, stage: str) -> None:
    assert ready_stage(load(name)) == stage


def test_a_stage_can_be_named(rich: Model) -> None:
    assert ready_stage(rich) == "mql"
    assert ready_stage(rich, "sal") == "sal"
    with pytest.raises(LifecycleError, match="no stage named 'mqll'; did you mean 'mql'"):
        ready_stage(rich, "mqll")
    with pytest.raises(LifecycleError, match="no system move with a condition leads to 'back'"):
        ready_stage(rich, "back")


def test_a_model_of_human_moves_has_no_such_stage() -> None:
    model = loads("""
        name = "by_hand"
        [[stages]]
        name = "new"
        [[stages]]
        name = "lead"
        [[stages]]
        name = "won"
        [[sort]]
        name = "all"
        when = "otherwise"
        to = "lead"
        [[moves]]
        name = "bought"
        from = "lead"
        to = "won"
        on = "buy"
    """)
    assert ready_stage(model) is None
    assert readiness(model, [], NOW) is None


def test_who_is_below_and_by_how_much(rich: Model) -> None:
    found = ask(
        rich,
        somebody("far", "lead", behavior_score=10, budget=5),
        somebody("near", "lead", behavior_score=45, budget=5),
        somebody("nearer", "lead", behavior_score=49, budget=5),
        somebody("none", "lead", behavior_score=45),
        somebody("elsewhere", "sal"),
    )
    assert (found.inside, len(found.qualify), len(found.nearest)) == (0, 0, 4)
    assert found.origins == ("Lead",)
    assert told(found.nearest) == [
        ("nearer", "ready", ("behavior score 49, needs 50: 1 short",)),
        ("near", "ready", ("behavior score 45, needs 50: 5 short",)),
        ("far", "ready", ("behavior score 10, needs 50: 40 short",)),
        # One unmet condition that nobody can measure is nearer than two, and no number says more.
        ("none", "raised", ("not hand raised",)),
    ]
    assert [(one.unmet, one.distance) for one in found.nearest] == [
        (1, 0.02), (1, 0.1), (1, 0.8), (1, 1.0)
    ]  # fmt: skip


def test_numbers_say_more_than_a_single_thing_that_nobody_measures() -> None:
    """One raised hand is fewer conditions than two scores; but nobody learns anything from it."""
    known = {one.name: one.start() for one in BASE_FIELDS.values()}
    both = SimpleNamespace(**known | vars(somebody("both", "mal")))
    both.behavior_score, both.demographic_score = 60, 15
    (one,) = ask(load("waterfall"), both).nearest
    assert one.reasons == (
        "demographic score 15, needs 20: 5 short",
        "behavior score 60, needs 65: 5 short",
    )
    assert one.unmet == 2
    assert one.distance == pytest.approx(5 / 20 + 5 / 65)


def test_all_that_is_missing_is_told() -> None:
    model = loads("""
        name = "several"
        [[stages]]
        name = "new"
        [[stages]]
        name = "lead"
        [[stages]]
        name = "mql"
        [[stages]]
        name = "sal"
        [[stages]]
        name = "won"
        [[sort]]
        name = "all"
        when = "otherwise"
        to = "lead"
        [[moves]]
        name = "fits"
        from = "lead"
        to = "mql"
        when = '''
            behavior_score + demographic_score >= 100 and employees <= 500 and days in stage > 20
            and open_opportunities == 0 and role in ['buyer', 'user'] and not unsubscribed
            and email is known and sales_touched_at >= journey_started_at
            and not (owner == 'x' or source == 'y')'''
        [[moves]]
        name = "on"
        from = "mql"
        to = "sal"
        when = "owner is known"
        [[moves]]
        name = "won"
        from = "sal"
        to = "won"
        when = "won_opportunities >= 1"
    """)
    person = somebody(
        "p", "lead", behavior_score=30, demographic_score=30, employees=800, open_opportunities=2,
        role="legal", unsubscribed=True, email=None, sales_touched_at=None, owner="x", source="y",
    )  # fmt: skip
    (one,) = ask(model, person).nearest
    assert one.unmet == 10
    assert one.reasons == (
        "behavior score + demographic score 60, needs 100: 40 short",
        "employees 800, may be 500: 300 over",
        "days in this stage 10, needs more than 20: 10 short",
        "open opportunities 2, needs 0: 2 off",
        "role: legal; needed: role is buyer or user",
        "needed: not unsubscribed",
        "email is not known",
        "sales activity not known; needed: sales activity since this journey began",
        "needed: owner is not x",
        "needed: source is not y",
    )


def test_who_would_qualify_and_why(rich: Model) -> None:
    found = ask(
        rich,
        somebody("scored", "mql", behavior_score=70, budget=5),
        somebody("raised", "mql", hand_raised=True, stage_entered_at=START + timedelta(days=3)),
        somebody("cooled", "mql", behavior_score=20, budget=5),
        # This model would let them in; the one that wrote them did not.
        somebody("waiting", "lead", behavior_score=50, budget=5),
    )
    # Who is there already is counted, and in no list.
    assert found.inside == 3
    assert told(found.qualify) == [
        ("waiting", "ready", ("behavior score 50, needs 50", "yearly budget is known")),
    ]
    assert found.nearest == ()


def test_all_are_listed_whatever_order_they_came_in(rich: Model) -> None:
    crowd = [
        somebody(f"lead{one:02}", "lead", behavior_score=one, budget=1) for one in range(30, 70)
    ]
    found = ask(rich, *reversed(crowd))
    assert [len(found.qualify), len(found.nearest)] == [20, 20]
    assert [one.id for one in found.nearest[:3]] == ["lead49", "lead48", "lead47"]
    assert [one.id for one in found.qualify[:3]] == ["lead50", "lead51", "lead52"]
    assert ask(rich, *crowd) == found
    # The sheet has the first of them, and says what saves all.
    shown = list(lines([readiness_section(found, "UTC")]))
    assert shown.count("20 people in Lead; sheet --list FILE saves all.") == 1
    assert shown.count("The nearest of 20 people in Lead; sheet --list FILE saves all.") == 1
    assert len(shown) == 2 + 2 * SHOWN
    few = lines([readiness_section(ask(rich, *crowd[-SHOWN:]), "UTC")])
    assert not any("saves" in line for line in few)


def test_persons_of_a_lifecycle_can_be_asked() -> None:
    lifecycle = people(ann=(70, 10), ben=(40, 10), cem=(0, None))
    found = readiness(lifecycle.model, lifecycle, NOW)
    assert found is not None
    assert (found.inside, found.qualify) == (1, ())
    assert [(one.name, one.stage) for one in found.nearest] == [("ben", "Lead"), ("cem", "Lead")]


def test_a_name_is_put_together_from_what_is_known(rich: Model) -> None:
    found = ask(
        rich,
        somebody("a", "lead", first_name="Ada", last_name="Falk", company="Elm"),
        somebody("b", "lead", company="Oak", email="b@oak.example"),
        somebody("c", "lead", owner="ann", assigned_to="ben"),
    )
    assert [one.name for one in found.nearest] == ["Ada Falk, Elm", "Oak", "c"]
    shown = list(lines([readiness_section(found, "UTC")]))[2:]
    since = "Lead since 2024-05-01"
    assert [row.split(" | ")[:2] for row in shown] == [
        ["Ada Falk, Elm a", since],
        ["Oak b, b@oak.example", since],
        ["c", f"{since}, owner ann, assigned to ben"],
    ]


def test_somebody_in_a_stage_of_another_model(rich: Model) -> None:
    with pytest.raises(LifecycleError, match="no stage named 'customer'"):
        ask(rich, somebody("a", "customer"))


def test_a_rule_that_a_program_decides_is_not_asked() -> None:
    from lifecycle_fsm import Move, SortRule, Stage, p

    def knows_better(person: object, now: object) -> bool:
        raise AssertionError("nobody may ask this of a row of a table")

    model = Model(
        name="own",
        stages=[Stage("new"), Stage("lead"), Stage("mql"), Stage("sal"), Stage("won")],
        sort=[SortRule(name="all", target="lead", when="otherwise")],
        moves=[
            Move(name="own", sources="lead", target="mql", when=knows_better),
            Move(name="score", sources="lead", target="mql", when=p.behavior_score >= 10),
            Move(name="sal", sources="mql", target="sal", when=p.owner.is_known()),
            Move(name="won", sources="sal", target="won", when=p.won_opportunities >= 1),
        ],
    )
    found = ask(model, somebody("a", "lead", behavior_score=4))
    assert found.unasked == ("own",)
    assert told(found.nearest) == [("a", "score", ("behavior score 4, needs 10: 6 short",))]


@pytest.mark.parametrize("where", [None, "source == 'web'"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_of_people_gives_the_same_sheet(
    tmp_path: Path, rich: Model, suffix: str, where: str | None
) -> None:
    path = tmp_path / f"people{suffix}"
    crowd = Lifecycle(rich)
    for number in range(90):
        crowd.admit(
            f"p{number * 7 % 90:02}",
            at=START + timedelta(hours=number),
            behavior_score=number * 11 % 50,
            budget=5 if number % 9 else None,
            source="web" if number % 3 else "event",
        )
    crowd.tick(NOW)
    TableWriter(people_columns(rich.field_types), crowd).save(path)
    now = NOW + timedelta(days=1)
    # A threshold under which many people qualify who did not when they were written.
    model = attrs.evolve(rich, tokens={**rich.tokens, "threshold": 20})
    sheets = []
    for asked in (read_people(path, model), PeopleTable(path, model)):
        with patch.object(module, "_WAITING", 5):
            options: Any = {"people": asked, "where": where, "now": now}
            sheet = make_sheet(model, history=crowd.history, **options)
        sheet.save_people(tmp_path / "list.csv")
        sheets.append((sheet.readiness, sheet.markdown(), (tmp_path / "list.csv").read_text()))
    (whole, *texts), (few, *others) = sheets
    assert texts == others
    assert whole is not None
    assert few is not None
    assert whole.qualifying > SHOWN
    assert whole.below > SHOWN
    with (tmp_path / "list.csv").open(newline="") as file:
        listed = [row["id"] for row in csv.DictReader(file)]
    assert listed == [one.id for one in (*whole.qualify, *whole.nearest)]
    assert (few.qualify, few.nearest) == (whole.qualify[:SHOWN], whole.nearest[:SHOWN])


def test_who_is_missing_in_a_table_of_people_is_not_asked_about(
    tmp_path: Path, rich: Model
) -> None:
    path = tmp_path / "people.csv"
    path.write_text("id,stage\n")
    assert make_sheet(rich, people=PeopleTable(path, rich)).readiness is None
    path.write_text("id,stage\nann,lead\n")
    with pytest.raises(LifecycleError, match="nothing says when anybody came into a stage"):
        make_sheet(rich, people=PeopleTable(path, rich))
    path.write_text("id,stage,stage_entered_at\nann,lead,2024-05-02\nben,lead,2024-05-01\n")
    assert make_sheet(rich, people=PeopleTable(path, rich)).as_of == datetime(
        2024, 5, 2, tzinfo=UTC
    )
