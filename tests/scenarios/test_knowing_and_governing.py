"""What a company can know of its lifecycle, and how it can change it, line by line."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import attrs
import pytest

from lifecycle_fsm import Activity, Foreign, Lifecycle, Request, Stage, StageConflict, dumps, load
from lifecycle_fsm.diagram import draw_model
from lifecycle_fsm.tables import TableWriter, history_columns, read_history
from tests.machine.small import DAY, HOUR, T


def test_r1_another_label_is_not_another_lifecycle() -> None:
    """Labels are changed, and every log gives the same; a stage more is another lifecycle."""
    model = load("two_step")
    renamed = attrs.evolve(
        model,
        title="Ours",
        stages=[
            attrs.evolve(one, label=f"Our {one.name}", code=f"X{one.code}", title=one.name.title())
            for one in model.stages
        ],
    )
    assert renamed.version == model.version
    histories = []
    for one in (model, renamed):
        lifecycle = Lifecycle(one)
        lifecycle.admit("p", at=T)
        lifecycle.apply("p", "score_given", at=T + HOUR, points=50)
        histories.append(list(lifecycle.history))
    assert histories[0] == histories[1]
    longer = attrs.evolve(model, stages=[*model.stages, Stage("partner", off_path=True)])
    assert longer.version != model.version


def test_r15_who_came_through_which_rule_of_the_sort_is_a_list() -> None:
    lifecycle = Lifecycle("waterfall")
    people: dict[str, dict[str, Any]] = {
        "ann": {},
        "bo": {"created_by": "sales"},
        "cy": {"hand_raised": True},
        "dee": {"created_by": "sales"},
    }
    for name, fields in people.items():
        lifecycle.admit(name, at=T, **fields)
    lifecycle.apply("ann", "form_filled", at=T + DAY, form="Hand-Raise: Demo")
    through: dict[str, list[str]] = {}
    for row in lifecycle.history:
        if row.from_stage == "processing":
            through.setdefault(row.rule, []).append(row.person)
    assert through == {
        "everybody_else": ["ann"],
        "made_by_sales": ["bo", "dee"],
        "sorted_by_hand_raise": ["cy"],
    }


@pytest.mark.parametrize(
    ("model", "fields", "stage"),
    [
        ("waterfall", {}, "sal"),
        ("waterfall", {"open_opportunities": 1}, "sql"),
        ("waterfall", {"won_opportunities": 1}, "customer"),
        ("waterfall", {"role": "legal"}, "off_path"),
        ("engagement", {}, "sal"),
        ("sales_led", {}, "working"),
        ("sales_led", {"role": "accounts_payable", "open_opportunities": 1}, "off_path"),
        ("two_step", {}, "contact"),  # which has no such rule: then they are like all others
    ],
)
def test_r22_where_those_begin_whom_sales_made_is_a_policy(
    model: str, fields: dict[str, Any], stage: str
) -> None:
    made = Lifecycle(model).admit("p", at=T, created_by="sales", created_through="crm", **fields)
    assert made.stage == stage


class Record:
    """A row of somebody's own table."""

    def __init__(self) -> None:
        self.id, self.stage, self.behavior_score = "p", "mql", 80


def test_r41_a_stage_that_somebody_else_wrote_is_noticed() -> None:
    """Of rows that the machine moves; finding other writers in an export is not built yet."""
    mine = Foreign(Lifecycle("waterfall").machine)
    record = Record()
    history = mine.adopt(record, at=T)
    record.stage = "customer"
    with pytest.raises(StageConflict, match="its history says 'mql'"):
        mine.fire(record, "disqualify", at=T + DAY, history=history)
    assert record.stage == "customer"


def test_r42_assignment_can_live_elsewhere() -> None:
    """The model has no rule for it; another system names somebody, and the alert goes there."""
    model = attrs.evolve(load("waterfall"), assignment=())
    asked: list[Request] = []
    lifecycle = Lifecycle(model, record=lambda decision: asked.extend(decision.requests))
    lifecycle.admit("p", at=T, created_through="crm")
    lifecycle.apply("p", "changed", at=T + HOUR, assigned_to="routing.tool")
    lifecycle.apply("p", "form_filled", at=T + DAY, form="Hand-Raise: Demo")
    assert lifecycle.person("p").assigned_to == "routing.tool"
    assert [one.to for one in asked if one.rule == "mql_to_call"] == ["routing.tool"]


def test_r44_the_picture_is_coloured_by_the_system_that_owns_each_part() -> None:
    """Another owner of a stage, and the card has another colour and says the other name."""
    model = load("two_step")
    others = [
        attrs.evolve(one, system="crm" if one.system == "marketing" else "marketing")
        for one in model.stages
    ]
    before = draw_model(model).layout
    after = draw_model(attrs.evolve(model, stages=others)).layout
    assert before != after
    for dot in (before, after):
        assert "Marketing" in dot
        assert "CRM" in dot


def test_r46_a_changed_model_leaves_the_history_of_the_old_one_as_it_is(tmp_path: Path) -> None:
    """The new model makes a history of its own of the same log. Carrying people over is not built
    yet."""
    old = load("two_step")
    changed = dumps(old).replace("lead_threshold = 30", "lead_threshold = 10")
    (tmp_path / "new.toml").write_text(changed, "utf-8")
    log: list[Activity] = []
    before = Lifecycle(old, log=log.append)
    before.admit("p", at=T)
    before.apply("p", "score_given", at=T + HOUR, points=20)
    table = TableWriter(history_columns({}))
    table.extend(before.history)
    table.save(tmp_path / "history.csv")
    written = (tmp_path / "history.csv").read_bytes()

    after = Lifecycle(tmp_path / "new.toml")
    after.replay(log, what_if=True)
    assert (before.person("p").stage, after.person("p").stage) == ("contact", "lead")
    assert {row.version for row in after.history} == {after.model.version} != {old.version}
    assert (tmp_path / "history.csv").read_bytes() == written
    rows = read_history(tmp_path / "history.csv")
    assert rows == list(before.history)
    versions = {row["version"] for row in csv.DictReader(written.decode().splitlines())}
    assert versions == {old.version}
