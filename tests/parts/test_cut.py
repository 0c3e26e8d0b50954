"""A log that is cut by people gives what the whole log gives, however it is cut."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zlib import crc32

import attrs
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from lifecycle_fsm import model
from lifecycle_fsm.activities import Activity
from lifecycle_fsm.components import Components, part_of
from lifecycle_fsm.orchestrator import Engine
from lifecycle_fsm.parts.part_run import TABLES, Order, PartResult, PartRun
from lifecycle_fsm.parts.part_tables import in_order, write_part_tables
from lifecycle_fsm.parts.spool import Place, Spool

START = datetime(2025, 1, 1, tzinfo=UTC)
PEOPLE = "abcdefgh"


def fails_for_some(person: Any, context: Any) -> dict[str, Any]:
    if person.id in "bg":
        raise ConnectionError("the data provider does not answer")
    return {}


def parking() -> model.Model:
    """The waterfall, whose step ``enrich`` parks whom it fails for."""
    waterfall = model.load("waterfall")
    chain = (
        attrs.evolve(step, on_failure="park") if step.name == "enrich" else step
        for step in waterfall.processing
    )
    return attrs.evolve(waterfall, processing=tuple(chain))


ENGINES = {
    "waterfall": Engine(parking(), steps={"enrich": fails_for_some}),
    "engagement": Engine(model.load("engagement")),
}
KINDS: dict[str, dict[str, list[Any]]] = {
    "created": {"email": ["ann@acme.example", "ANN@acme.example ", None], "employees": [9, 300]},
    "web_visit": {"page": ["/pricing", "/"]},
    "form_filled": {"form": ["Hand-Raise: Demo", "Contact: us"]},
    "sales_touched": {"by": ["rep.one"]},
    "owner_changed": {"owner": ["rep.one", "sdr.north"]},
    "crm_synced": {},
    "score_given": {"points": [-90, 7, 60]},
    "sales_rejected": {"reason": ["no_time", "competitor"]},
    "opportunity_opened": {
        "opportunity": ["o", "u"],
        "amount": [9],
        "currency": ["USD", None],
        "closes_at": [START + timedelta(days=300)],
    },
    "opportunity_won": {"opportunity": ["o"], "amount": [12, None]},
    "opportunity_lost": {"opportunity": ["o", "u"]},
    "changed": {"employees": [7, 99], "role": ["legal", "x"], "hand_raised": [True, "perhaps"]},
    "processed": {},
    "merged": {"loser": list(PEOPLE)},
    "converted": {"contact": [*PEOPLE, "contact-1", "contact-2"]},
}
#: Few instants, so that many activities share one; and ids that come twice.
MINUTES = st.sampled_from([0, 0, 1, 2, 60, 1440, 10_000, 200_000])


@st.composite
def logs(draw: st.DrawFn) -> list[Activity]:
    """What happens to eight records and two contacts within half a year, in any order."""
    records = [*PEOPLE, "contact-1"]
    activities = [
        Activity("0", person, "created", START + timedelta(minutes=draw(MINUTES)))
        for person in PEOPLE
        if draw(st.integers(0, 5))
    ]
    for _ in range(draw(st.integers(0, 30))):
        kind = draw(st.sampled_from(sorted(KINDS)))
        payload = {name: draw(st.sampled_from(values)) for name, values in KINDS[kind].items()}
        activities.append(
            Activity(
                str(draw(st.integers(0, 12))),
                draw(st.sampled_from(records)),
                kind,
                START + timedelta(minutes=draw(MINUTES)),
                {name: value for name, value in payload.items() if value is not None},
                sequence=draw(st.sampled_from([None, None, 1, 2])),
            )
        )
    return draw(st.permutations(activities))


def tables_of(
    engine: Engine,
    log: Sequence[Activity],
    parts: int,
    folder: Path,
    order: Order = "event",
    until: datetime | None = None,
) -> tuple[PartResult, dict[str, pl.DataFrame]]:
    """The result and the tables of a log that is cut into parts."""
    folder.mkdir()
    spool = Spool(folder, parts)
    for line, activity in enumerate(log, 1):
        spool.add(activity, Place(0, line))
    result = PartResult()
    written: dict[str, list[Any]] = {}
    for number, part in enumerate(spool.cut(parts)):
        run = PartRun(engine)
        last = spool.spooled.end
        end = until or (last and last + engine.model.settle)
        result += run.run(part.read(), order=order, end=end, until=until)
        for name, table in write_part_tables(folder, number, run.tables(), TABLES).items():
            written.setdefault(name, []).append(table)
    return result, {name: pl.concat(in_order(written[name], key)) for name, key in TABLES.items()}


def plain(result: PartResult) -> dict[str, Any]:
    """A result whose parts were added in any order."""
    state = attrs.asdict(result, recurse=False)
    state["refused"] = sorted(map(repr, result.refused))
    state["waits"] = sorted(map(repr, result.waits))
    state["counts"] = {
        reading: attrs.evolve(counts, stays={}) for reading, counts in result.counts.items()
    }
    state["stays"] = [
        (reading, stage, sorted(times.ended), sorted(times.still), times.folded)
        for reading, counts in result.counts.items()
        for stage, times in counts.stays.items()
    ]
    return state


HALF = START + timedelta(minutes=1440)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    logs(),
    st.sampled_from([2, 7, 64]),
    st.sampled_from(["event", "arrival"]),
    st.sampled_from([None, HALF]),
    st.sampled_from(sorted(ENGINES)),
)
@example([], 7, "event", None, "waterfall")
def test_s23_parts_together_give_what_the_whole_gives(
    tmp_path_factory: pytest.TempPathFactory,
    log: list[Activity],
    parts: int,
    order: Order,
    until: datetime | None,
    name: str,
) -> None:
    folder = tmp_path_factory.mktemp("log")
    engine = ENGINES[name]
    whole, whole_tables = tables_of(engine, log, 1, folder / "1", order, until)
    result, tables = tables_of(engine, log, parts, folder / str(parts), order, until)
    assert plain(result) == plain(whole)
    for both in (tables, whole_tables):  # those of one address are in any order
        both["owners"] = both["owners"].sort("address", "id")
    for table, frame in tables.items():
        assert_frame_equal(frame, whole_tables[table])


def test_the_random_logs_have_what_parts_must_not_separate(tmp_path: Path) -> None:
    seen = PartResult()
    count = 0

    @settings(max_examples=200, deadline=None, derandomize=True, database=None)
    @given(logs())
    def look(log: list[Activity]) -> None:
        nonlocal seen, count
        run = PartRun(ENGINES["waterfall"])
        places = [(activity, Place(0, line)) for line, activity in enumerate(log)]
        count += 1
        seen += run.run(places, order="arrival", end=START + timedelta(days=200))

    look()
    assert seen.merged > 20
    assert seen.late.total() > 20
    assert seen.waits
    assert seen.parked
    assert {"duplicate", "rejected", "held", "deferred", "moved"} <= set(seen.results)
    assert seen.deadlines


def test_a_part_is_the_same_on_every_machine() -> None:
    ids = [f"p{number}" for number in range(2_000)]
    assert [part_of(name, 7) for name in ids] == [crc32(name.encode()) % 7 for name in ids]
    sizes = [sum(part_of(name, 8) == part for name in ids) for part in range(8)]
    assert min(sizes) > 200
    script = "from lifecycle_fsm.components import part_of; print(part_of('Zoë', 64))"
    for seed in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            check=True,
        )
        assert int(done.stdout) == part_of("Zoë", 64)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20))), st.randoms())
def test_the_root_is_the_smallest_of_all_who_belong_together(
    pairs: list[tuple[int, int]], random: Any
) -> None:
    edges = [(f"{one:02}", f"{other:02}") for one, other in pairs]
    components = Components()
    for record, other in edges:
        components.join(record, other)
    shuffled = Components()
    for record, other in random.sample(edges, len(edges)):
        shuffled.join(other, record)
    for record, other in edges:
        assert components.root(record) == components.root(other) <= min(record, other)
        assert shuffled.root(record) == components.root(record)
    roots = components.moved()
    assert all(components.root(root) == root and root < name for name, root in roots.items())
    assert components.root("99") == "99"


def test_what_waited_for_what_waited_is_refused_with_its_place() -> None:
    log = [
        Activity("1", "contact-1", "changed", START, {"hand_raised": "perhaps"}),
        Activity("2", "a", "converted", START, {"contact": "contact-1"}),
        Activity("0", "a", "created", START),
    ]
    run = PartRun(ENGINES["waterfall"])
    places = [(activity, Place(0, line)) for line, activity in enumerate(log, 1)]
    (refused,) = run.run(places, order="arrival", end=START).refused
    assert (refused.activity.id, refused.place) == ("1", Place(0, 1))
    assert "hand_raised" in refused.reason


def test_a_refusal_belongs_to_its_activity_also_after_a_merge() -> None:
    """Two activities of one id wait for different people; the merge of one of them is released in
    the same step as its refused activity."""
    wrong = {"hand_raised": "perhaps"}
    log = [
        Activity("0", "g", "created", START),
        Activity("0", "h", "created", START),
        Activity("3", "e", "form_filled", START, {"form": "Demo"}),
        Activity("3", "c", "changed", START, wrong),
        Activity("10", "g", "merged", START + timedelta(days=1), {"loser": "c"}),
        Activity("5", "h", "converted", START, {"contact": "c"}),
    ]
    run = PartRun(Engine(model.load("waterfall")))
    places = [(activity, Place(0, line)) for line, activity in enumerate(log, 1)]
    (refused,) = run.run(places, order="arrival", end=START).refused
    assert (refused.activity.person, refused.place) == ("c", Place(0, 4))


def test_a_part_frees_its_people_without_the_garbage_collector() -> None:
    engine = Engine(model.load("waterfall"))
    log = [
        Activity("1", "a", "created", START),
        Activity("2", "b", "created", START),
        Activity("3", "a", "merged", START + timedelta(days=1), {"loser": "b"}),
    ]
    run = PartRun(engine)
    gc.disable()
    try:
        run.run([(activity, Place(0, 1)) for activity in log], order="event", end=START)
        tables = dict(run.tables())
        people = [
            each for each in gc.get_objects() if isinstance(each, engine.machine.person_class)
        ]
    finally:
        gc.enable()
    assert tables["people"].height == 1
    assert people == []
