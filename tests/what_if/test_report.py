"""A what-if as a report: tables and charts that say what the answer says."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from lifecycle_fsm.report import save_report
from lifecycle_fsm.report.content import WhatIfPanels
from lifecycle_fsm.whatif import what_if
from lifecycle_fsm.whatif.what_if_report import range_report, what_if_report
from lifecycle_fsm.wording import rule_words
from tests.what_if.test_range import asked
from tests.what_if.test_what_if import LOG, SMALL
from tests.what_if.test_what_if import asked as worlds_asked


def test_r52_everybody_who_changes_is_listed_by_name() -> None:
    answer = what_if(SMALL, activities=LOG, tokens={"enough": 7})
    tables = {table.name: table for table in what_if_report(answer).tables}
    people = tables["what_if_people"]
    assert people.people
    ids = [row[people.place("person")] for row in people.rows]
    assert ids == [change.person for change in answer.changes]
    entries = tables["what_if"]
    for row, stage in zip(entries.rows, answer.stages, strict=True):
        assert row[entries.place("new")] == stage.new
        kinds = [row[entries.place(kind)] for kind in ("added", "earlier", "later", "same")]
        assert sum(map(int, filter(None, map(str, kinds)))) == stage.new


def test_a_report_says_what_was_asked_and_names_stages_and_rules_as_people_do() -> None:
    answer = what_if(SMALL, activities=LOG, tokens={"enough": 7})
    report = what_if_report(answer)
    assert report.facts[0] == ("What if", "$enough were 7 and not 10?")
    assert len(report.findings) == len(answer.stages) + bool(answer.first_day)
    (people,) = (table for table in report.tables if table.name == "what_if_people")
    titles = {stage.display for stage in answer.old.stages}
    words = {rule_words(rule) for rule in answer.old.moves}
    words |= {rule_words(rule) for rule in answer.old.sort}
    for row in people.rows:
        assert row[people.place("became")] in titles | {""}
        assert row[people.place("rule")] in words
    fact = dict(range_report(asked()).facts)["What if"]
    assert fact[0] + fact[-1] == "$?"


def test_the_load_of_assignees_is_a_table_if_a_capacity_is_said() -> None:
    answer = worlds_asked(50)
    assert "what_if_assignees" not in {table.name for table in what_if_report(answer).tables}
    known = attrs.evolve(answer, capacities={"sdr.south": 0.3})
    tables = {table.name: table for table in what_if_report(known).tables}
    table = tables["what_if_assignees"]
    capacities = {row[table.place("assignee")]: row[table.place("capacity")] for row in table.rows}
    assert capacities["sdr.south"] == 0.3
    assert capacities["sdr.north"] is None


def test_a_range_has_a_bar_for_each_value_and_outcome() -> None:
    answer = asked()
    report = range_report(answer, capacity=3.0)
    ((chart,),) = (part.charts for part in report.parts)
    assert isinstance(chart, WhatIfPanels)
    assert chart.capacity == 3.0
    assert len(chart.values) == len(answer.rows)
    for kind, bars in (("added", chart.added), ("lost", chart.lost)):
        for place, row in enumerate(answer.rows):
            people = sum(row.answer.became.get(kind, {}).values())  # type: ignore[call-overload]
            assert sum(counts[place] for counts in bars.values()) == people


@pytest.mark.parametrize("name", ["a.xlsx", "a.html", "a.pptx"])
def test_it_is_saved_in_every_form(name: str, tmp_path: Path) -> None:
    for report in (
        what_if_report(what_if(SMALL, activities=LOG, tokens={"enough": 7})),
        range_report(asked()),
    ):
        (path,) = save_report(report, tmp_path / name)
        assert path.stat().st_size > 5_000
