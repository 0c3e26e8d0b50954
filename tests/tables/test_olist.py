"""Two public tables of a real company, where they lie beside the project."""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lifecycle_fsm.model import load
from lifecycle_fsm.tables import Intake, Targets, by_event, load_mapping, open_inputs

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs/examples/olist"
DATA = Path(os.environ.get("LIFECYCLE_OLIST", ROOT / "../shared/data/olist"))
LEADS = DATA / "olist_marketing_qualified_leads_dataset.csv"
DEALS = DATA / "olist_closed_deals_dataset.csv"

pytestmark = pytest.mark.skipif(not LEADS.exists(), reason="needs the tables of Olist")


def test_the_mapping_reads_every_row() -> None:
    targets = Targets.of(load(EXAMPLE / "model.toml"))
    mapping = load_mapping(EXAMPLE / "mapping.toml")
    tables = open_inputs([("people", LEADS), ("activities", DEALS)], mapping)
    with tables[0][1], tables[1][1]:
        intake = Intake(tables, targets, mapping)
        activities = by_event(intake)
    assert [(one.rows, one.activities, one.rejected) for one in intake.reports] == [
        (8000, 8000, 0),
        (842, 2 * 842, 0),
    ]
    people = {one.person: one for one in activities[:8000]}
    assert {one.kind for one in people.values()} == {"created"}
    origins = Counter(one.payload.get("source") for one in people.values())
    assert (origins["organic search"], origins["unknown"], origins[None]) == (2296, 1099, 60)
    won = {one.person: one for one in activities if one.kind == "opportunity_won"}
    early = [one.person for one in won.values() if one.at < people[one.person].at]
    assert early == ["b91cf8812365f50ff4bda4bcd6206b05"]
    # A day of São Paulo, without and with summer time, and the day that began at one o'clock.
    starts = {one.at.hour for one in people.values()}
    assert starts == {2, 3}
    assert datetime(2017, 10, 15, 3, tzinfo=UTC) in {one.at for one in people.values()}


def test_the_hours_of_the_deals_are_those_of_utc() -> None:
    """Their midnights follow the summer time of São Paulo, as those of local times would not."""
    with DEALS.open(encoding="utf-8") as file:
        stamps = [datetime.fromisoformat(line.split(",")[4]) for line in list(file)[1:]]
    exact = [one for one in stamps if (one.minute, one.second) == (0, 0) and one.hour < 8]
    end = datetime.fromisoformat("2018-02-18")
    assert Counter(one.hour for one in exact if one < end) == {2: 12}
    assert Counter(one.hour for one in exact if one >= end) == {3: 49, 0: 1}
