"""Every number of a report again, from the table of history, with the formulas of docs/measures.md.

Nothing of the room is used here but the report itself: the table is read as a CSV, and counted in
plain loops, as a reader with a spreadsheet would.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import cycle, pairwise
from math import sqrt
from pathlib import Path
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import pytest

from lifecycle_fsm.cli.app import app
from lifecycle_fsm.clock.working_time import WorkingTime
from lifecycle_fsm.funnel import measure
from lifecycle_fsm.model import load
from lifecycle_fsm.tables import read_history

Line: TypeAlias = dict[str, Any]
MODEL = load("waterfall")
STAGES = [stage.name for stage in MODEL.stages]
PATH = [stage.name for stage in MODEL.path]
DAY = timedelta(days=1)
#: From, to, up to when it is known: parts of the time that the history tells of.
WINDOWS = [(None, None, None), (0.12, 0.66, None), (0.17, None, 0.63)]
SPLIT = 0.45
DECIDED = next(one for one in MODEL.deadlines if one.name == "sal_decided")
#: What ends a visit right at its due instant: time, an activity, one that came late.
ENDS: list[Line] = [
    {"activity": "", "trigger": "", "late": "false"},
    {"activity": "a", "trigger": "", "late": "false"},
    {"activity": "", "trigger": "sales_rejected", "late": "false"},
    {"activity": "a", "trigger": "sales_rejected", "late": "true"},
]
WAYS = [
    (None, "all"),
    ("owner", "all"),
    ("sourced_by", "first"),
    (None, "repeat"),
    ("journey", "all"),
]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The history of the demo, and what it has too seldom: merges, and ends at a due instant."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.raises(SystemExit):
        app(
            ["demo", "--out", str(folder / "demo"), "--people", "250", "--no-pictures", "--json"],
            prog_name="lifecycle-fsm",
        )
    with (folder / "demo/history.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    last = {line["person"]: line for line in lines}
    ends = cycle(ENDS)
    for place, line in enumerate(last[person] for person in sorted(last)):
        if line["to_stage"] == "":
            continue
        later = (time(line["now"]) + 3 * DAY).isoformat().replace("+00:00", "Z")
        more = {**line, "sequence": int(line["sequence"]) + 1, "at": later, "now": later}
        more |= {"from_stage": line["to_stage"], "kind": "merge", "rule": "merged"}
        more |= {"passed_over": "", "credit": "true"}
        if place % 9 == 0:
            lines.append({**more, "to_stage": ""})
        elif place % 9 == 1:
            lines.append(more)
        elif place % 9 == 2 and line["to_stage"] == "mal":
            lines.append({**more, "to_stage": "sql", "passed_over": "mql;sal", "credit": "false"})
        elif line["to_stage"] == "sal":
            due = (time(line["now"]) + DECIDED.after).isoformat().replace("+00:00", "Z")
            more |= {"at": due, "now": due, "kind": "detour", "rule": "sales_rejected"}
            lines.append({**more, "to_stage": "recycled", **next(ends)})
    path = folder / "history.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    return path


def time(text: str) -> datetime:
    return datetime.fromisoformat(text)


class Plain:
    """A history as a reader sees it: visits, journeys and groups, by the words of the docs."""

    def __init__(self, path: Path, window: Any, by: str | None, journeys: str) -> None:
        start, end, until = window
        self.start, self.end, self.by, self.journeys = start, end, by, journeys
        with path.open(newline="") as file:
            lines: list[Line] = list(csv.DictReader(file))
        for line in lines:
            line["now"] = time(line["now"])
            line["sequence"], line["journey"] = int(line["sequence"]), int(line["journey"])
            line["passed"] = [one for one in line["passed_over"].split(";") if one]
        if until is not None:
            lines = [line for line in lines if line["now"] <= until]
        self.until = until or max(line["now"] for line in lines)
        self.as_of = self.until if end is None else min(end, self.until)
        people: dict[str, list[Line]] = {}
        for line in sorted(lines, key=lambda one: (one["person"], one["sequence"])):
            if line["from_stage"] != line["to_stage"]:
                people.setdefault(line["person"], []).append(line)
        self.visits: list[Line] = []
        for rows in people.values():
            counted: set[int] = set()
            for place, line in enumerate(rows):
                if line["to_stage"] in PATH[1:]:
                    counted.add(line["journey"])
                if line["to_stage"] == "":
                    continue
                after = rows[place + 1] if place + 1 < len(rows) else None
                visit = {
                    **line,
                    "stage": line["to_stage"],
                    "left": after["now"] if after else None,
                    "ended_by": after["kind"] if after else None,
                    "ending": after,
                    "gone": after is not None and after["to_stage"] == "",
                    "first": len(counted) <= 1,
                    "nth": max(1, len(counted)),
                }
                visit["group"] = self.group(visit)
                self.visits.append(visit)

    def group(self, visit: Line) -> str:
        if self.by is None:
            return ""
        if self.by == "journey":
            return str(visit["nth"])
        return visit[self.by] or "(none)"

    def inside(self, at: datetime) -> bool:
        return (self.start is None or self.start <= at) and (self.end is None or at < self.end)

    def measured(self, visit: Line) -> bool:
        return self.journeys == "all" or visit["first"] == (self.journeys == "first")

    def all(self) -> list[Line]:
        return [visit for visit in self.visits if self.measured(visit)]

    def cohort(self) -> list[Line]:
        return [visit for visit in self.all() if self.inside(visit["now"])]

    def open_at(self, at: datetime) -> Iterator[Line]:
        """Those that had begun before and had not ended before."""
        for visit in self.all():
            if visit["now"] < at and (visit["left"] is None or visit["left"] >= at):
                yield visit

    def present(self) -> list[Line]:
        if self.end is not None and self.end <= self.until:
            return list(self.open_at(self.end))
        return [visit for visit in self.all() if visit["left"] is None]

    def walked(self, over: bool) -> Iterator[list[tuple[str, Line]]]:
        """For each journey what it entered, and what it passed over with credit."""
        journeys: dict[tuple[str, int], list[tuple[str, Line]]] = {}
        for visit in self.visits:
            met = journeys.setdefault((visit["person"], visit["journey"]), [])
            if over and visit["credit"] == "true":
                met += [(name, visit) for name in visit["passed"]]
            met.append((visit["stage"], visit))
        yield from journeys.values()


def quantile(ended: list[timedelta], still: list[timedelta], share: float) -> float | None:
    """Kaplan and Meier's estimate, in days."""
    there = 1.0
    for length in sorted(set(ended)):
        watched = len([one for one in (*ended, *still) if one >= length])
        there *= 1 - ended.count(length) / watched
        if there <= 1 - share + 1e-9:
            return length / DAY
    return None


def lengths(plain: Plain, visits: list[Line]) -> tuple[list[timedelta], list[timedelta]]:
    ended = [
        one["left"] - one["now"] for one in visits
        if one["left"] is not None and one["ended_by"] not in ("merge", "migrate")
    ]  # fmt: skip
    still = [
        (one["left"] or plain.until) - one["now"] for one in visits
        if one["left"] is None or one["ended_by"] in ("merge", "migrate")
    ]  # fmt: skip
    return ended, still


def middle(times: list[timedelta]) -> float | None:
    """The shortest time after which at least half had come."""
    for one in sorted(times):
        if len([other for other in times if other <= one]) * 2 >= len(times):
            return one / DAY
    return None


def share(part: int, whole: int) -> Line:
    if not whole:
        return {"part": part, "whole": whole, "share": None, "few": True, "range": None}
    p, z = part / whole, 1.96
    centre = (p + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z * sqrt(p * (1 - p) / whole + z * z / (4 * whole**2)) / (1 + z * z / whole)
    return {
        "part": part, "whole": whole, "share": pytest.approx(p), "few": whole < 30,
        "range": pytest.approx([max(0, centre - half), min(1, centre + half)]),
    }  # fmt: skip


@pytest.fixture(scope="module", params=WINDOWS, ids=["all", "window", "until"])
def window(request: pytest.FixtureRequest, span: tuple[datetime, datetime]) -> Any:
    first, last = span
    return tuple(None if one is None else first + one * (last - first) for one in request.param)


@pytest.fixture(scope="module", params=WAYS, ids=lambda way: f"{way[0]}-{way[1]}")
def way(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="module")
def span(table: Path) -> tuple[datetime, datetime]:
    """When the history begins and ends."""
    with table.open(newline="") as file:
        times = sorted(time(line["now"]) for line in csv.DictReader(file))
    return times[0], times[-1]


@pytest.fixture(scope="module")
def split(span: tuple[datetime, datetime]) -> datetime:
    return span[0] + SPLIT * (span[1] - span[0])


@pytest.fixture(scope="module")
def both(table: Path, window: Any, way: Any, split: datetime) -> tuple[Plain, dict[str, Any]]:
    start, end, until = window
    by, journeys = way
    report = measure(
        read_history(table, dimensions=MODEL.field_types), MODEL, window=(start, end), until=until,
        by=by, journeys=journeys, every="month", zone="Europe/Berlin", horizon=45 * DAY,
        target=0.6, compare=split,
    )  # fmt: skip
    found = json.loads(json.dumps(report.as_dict()))
    return Plain(table, window, by, journeys), found["measures"]


def test_people_and_who_is_ready(both: tuple[Plain, Any]) -> None:
    plain, found = both
    here = plain.present()
    for row in found["people"]["rows"]:
        mine = [one for one in here if (one["group"], one["stage"]) == (row["group"], row["stage"])]
        assert row["people"] == len(mine)
    assert sum(row["people"] for row in found["people"]["rows"]) == len(here)
    ready = sorted(
        ((one["now"], one["person"]) for one in here if one["stage"] == "mql"),
    )
    assert [(time(row["since"]), row["person"]) for row in found["ready"]["rows"]] == ready
    for row in found["ready"]["rows"]:
        assert row["time_days"] == pytest.approx((plain.as_of - time(row["since"])) / DAY)


def test_flows(both: tuple[Plain, Any]) -> None:
    plain, found = both
    rows = found["flows"]["rows"]
    assert len({row["period"]["name"] for row in rows}) >= 5
    for row in rows:
        if row["stage"] == "":
            continue
        begins, ends = time(row["period"]["start"]), time(row["period"]["end"])
        local = begins.astimezone(ZoneInfo("Europe/Berlin"))
        assert begins == plain.start or (local.day, local.hour, local.minute) == (1, 0, 0)
        mine = [
            one for one in plain.all()
            if (one["group"], one["stage"]) == (row["group"], row["stage"])
        ]  # fmt: skip
        came = [one for one in mine if begins <= one["now"] < ends]
        went = [one for one in mine if one["left"] is not None and begins <= one["left"] < ends]
        opening = [
            one
            for one in plain.open_at(begins)
            if (one["group"], one["stage"]) == (row["group"], row["stage"])
        ]
        assert row["opening"] == len(opening)
        assert row["entered"] == len(came)
        assert row["left"] == len(went)
        assert row["closing"] == row["opening"] + row["entered"] - row["left"]
        assert row["new"] == len([one for one in came if one["from_stage"] == ""])
        assert row["gone"] == len([one for one in went if one["gone"]])
    if plain.by is None and plain.journeys == "all":
        for row in (row for row in rows if row["stage"] == ""):
            parts = [one for one in rows if one["period"] == row["period"] and one["stage"] != ""]
            assert row["opening"] == sum(one["opening"] for one in parts)
            assert row["closing"] == sum(one["closing"] for one in parts)
            assert row["entered"] == row["new"] == sum(one["new"] for one in parts)
            assert row["left"] == row["gone"] == sum(one["gone"] for one in parts)


def converted(
    plain: Plain, over: bool, source: str, target: str, horizon: timedelta | None
) -> dict[str, list[timedelta | None]]:
    """By group, for each journey that counts how long it took, or that it did not."""
    found: dict[str, list[timedelta | None]] = {}
    for met in plain.walked(over):
        names = [name for name, _ in met]
        if source not in names:
            continue
        place = names.index(source)
        first = met[place][1]
        if not (plain.inside(first["now"]) and plain.measured(first)):
            continue
        if horizon is not None and first["now"] + horizon > plain.until:
            continue
        later = [visit["now"] for name, visit in met[place + 1 :] if name == target]
        took = later[0] - first["now"] if later else None
        if took is not None and horizon is not None and took > horizon:
            took = None
        found.setdefault(first["group"], []).append(took)
    return found


def test_conversion(both: tuple[Plain, Any]) -> None:
    plain, found = both
    rows = found["conversion"]["rows"]
    assert {(row["source"], row["target"]) for row in rows} == {
        *pairwise(PATH),
        ("mal", "customer"),
    }
    for row in rows:
        over = row["reading"] == "over"
        by_group = converted(plain, over, row["source"], row["target"], 45 * DAY)
        mine = by_group.get(row["group"], [])
        times = [one for one in mine if one is not None]
        assert (row["journeys"], row["reached"]) == (len(mine), len(times))
        assert row["ratio"] == share(len(times), len(mine))
        assert row["median_days"] == pytest.approx(middle(times))
        everybody = converted(plain, over, row["source"], row["target"], None)
        assert row["young"] == len(everybody.get(row["group"], [])) - len(mine)
        entries = [
            (name, visit) for met in plain.walked(over) for name, visit in met
            if plain.inside(visit["now"]) and plain.measured(visit)
            and visit["group"] == row["group"]
        ]  # fmt: skip
        into = [[one for one, _ in entries].count(row[side]) for side in ("source", "target")]
        assert [row["source_entries"], row["target_entries"]] == into
        assert row["flow_ratio"] == (pytest.approx(into[1] / into[0]) if into[0] else None)


def test_time_in_stage(both: tuple[Plain, Any]) -> None:
    plain, found = both
    for row in found["stay"]["rows"]:
        mine = [
            one for one in plain.cohort()
            if (one["group"], one["stage"]) == (row["group"], row["stage"])
        ]  # fmt: skip
        ended, still = lengths(plain, mine)
        assert (row["visits"], row["ended"]) == (len(mine), len(ended))
        assert row["open"] == len([one for one in mine if one["left"] is None])
        assert row["folded"] == len(still) - row["open"]
        names = ("first_quartile_days", "median_days", "third_quartile_days")
        for name, part in zip(names, (0.25, 0.5, 0.75), strict=True):
            assert row[name] == pytest.approx(quantile(ended, still, part))


def test_salespeople(both: tuple[Plain, Any]) -> None:
    plain, found = both
    rows = found["reps"]["rows"]
    expected: dict[tuple[str, str], list[Any]] = {}
    for met in plain.walked(over=False):
        names = [name for name, _ in met]
        if "sal" not in names:
            continue
        first, later = met[names.index("sal")][1], met[names.index("sal") + 1 :]
        if not (plain.inside(first["now"]) and plain.measured(first)):
            continue
        key = first["group"], first["owner"] or "(none)"
        won = [visit["now"] - first["now"] for name, visit in later if name == "customer"]
        lost = [name for name, _ in later if name not in PATH]
        expected.setdefault(key, []).append(won[0] if won else "lost" if lost else "open")
    for row in rows:
        mine = expected.pop((row["group"], row["owner"]), [])
        won = [one for one in mine if isinstance(one, timedelta)]
        assert (row["journeys"], row["won"]) == (len(mine), len(won))
        assert (row["lost"], row["open"]) == (mine.count("lost"), mine.count("open"))
        assert row["close_rate"] == share(len(won), len(mine))
        assert row["median_days"] == pytest.approx(middle(won))
        assert row["load"] == len(
            [
                one for one in plain.present()
                if one["stage"] in ("sal", "sql") and one["group"] == row["group"]
                and (one["owner"] or "(none)") == row["owner"]
            ]
        )  # fmt: skip
    assert not expected


def test_marketings_share(both: tuple[Plain, Any]) -> None:
    plain, found = both
    sides: dict[tuple[str, str], list[str]] = {}
    lost: set[tuple[str, int]] = set()
    for visit in plain.visits:
        journey = visit["person"], visit["journey"]
        if visit["passed"] and visit["credit"] == "false":
            lost.add(journey)
        if not (plain.inside(visit["now"]) and plain.measured(visit)):
            continue
        side = "marketing" if visit["sourced_by"] == "marketing" else "sales"
        if journey in lost:
            side = "sales"
        elif not visit["sourced_by"]:
            side = "unknown"
        sides.setdefault((visit["group"], visit["stage"]), []).append(side)
    for row in found["share"]["rows"]:
        mine = sides.get((row["group"], row["stage"]), [])
        for side in ("marketing", "sales", "unknown"):
            assert row[side] == mine.count(side)
        assert row["ratio"] == share(row["marketing"], len(mine))
        if mine:
            assert row["gap"] == pytest.approx(row["marketing"] / len(mine) - 0.6)
            assert row["met"] == (row["gap"] >= -1e-12)


def test_agreements(both: tuple[Plain, Any]) -> None:
    plain, found = both
    deadlines = {one.name: one for one in MODEL.deadlines}
    calendars = {one.name: one for one in MODEL.calendars}

    def due(name: str, since: datetime) -> datetime:
        one = deadlines[name]
        start = due(one.escalates, since) if one.escalates else since
        return WorkingTime(calendars.get(one.calendar)).after(start, one.after)

    late: dict[str, list[tuple[datetime, str]]] = {}
    for row in found["sla"]["rows"]:
        kept = missed = waiting = open_late = 0
        mine = [
            one for one in plain.cohort()
            if (one["group"], one["stage"]) == (row["group"], row["stage"])
        ]  # fmt: skip
        for one in mine:
            at = due(row["deadline"], one["now"])
            if one["left"] == at:
                # Activities, then deadlines, then moves of time; who comes late comes behind them.
                caused = one["ending"]["activity"] or one["ending"]["trigger"]
                kept += bool(caused and one["ending"]["late"] == "false")
                missed += not caused or one["ending"]["late"] == "true"
            elif one["left"] is not None:
                kept += one["left"] < at
                missed += one["left"] > at
            elif plain.until <= at:
                waiting += 1
            else:
                open_late += 1
                late.setdefault(row["deadline"], []).append((at, one["person"]))
        assert (row["visits"], row["kept"], row["late"]) == (len(mine), kept, missed)
        assert (row["waiting"], row["overdue"]) == (waiting, open_late)
        assert row["missed"] == missed + open_late
        assert row["ratio"] == share(kept, kept + missed + open_late)
        assert row["median_days"] == pytest.approx(quantile(*lengths(plain, mine), 0.5))
    for name in deadlines:
        mine_late = [row for row in found["overdue"]["rows"] if row["deadline"] == name]
        told = [(time(row["due"]), row["person"]) for row in mine_late]
        assert told == sorted(late.get(name, []))


def test_who_is_stuck(both: tuple[Plain, Any]) -> None:
    plain, found = both
    expected = []
    for limit in found["stuck"]["limits"]:
        mine = [one for one in plain.cohort() if one["stage"] == limit["stage"]]
        ended, still = lengths(plain, mine)
        usual = quantile(ended, still, 0.9) if len(ended) >= 10 else None
        if usual is None and quantile(ended, still, 0.5) is not None and len(ended) >= 10:
            usual = quantile(ended, [], 0.9)
            assert limit["of"] == "ended"
        assert limit["time_days"] == pytest.approx(usual)
        if usual is not None:
            expected += [
                (one["now"], one["person"]) for one in plain.present()
                if one["stage"] == limit["stage"] and (plain.as_of - one["now"]) / DAY > usual
            ]  # fmt: skip
    assert [limit["stage"] for limit in found["stuck"]["limits"]] == PATH[:-1]
    told = [(time(row["since"]), row["person"]) for row in found["stuck"]["rows"]]
    assert told == sorted(expected)


def test_before_and_after(
    both: tuple[Plain, Any], table: Path, window: Any, way: Any, split: datetime
) -> None:
    _, found = both
    start, end, until = window
    by, journeys = way
    sides = {
        "before": Plain(table, (start, split, until), by, journeys),
        "after": Plain(table, (split, end, until), by, journeys),
    }
    comparison = found["compare"]["comparison"]
    for row in comparison["volumes"]:
        for name, side in sides.items():
            mine = [
                one for one in side.cohort()
                if (one["group"], one["stage"]) == (row["group"], row["stage"])
            ]  # fmt: skip
            assert row[name] == len(mine)
            opened = side.start or min(one["now"] for one in side.visits)
            rate = len(mine) / ((side.as_of - opened) / (30 * DAY))
            assert row[f"{name}_rate"] == pytest.approx(rate)
    for change in comparison["conversions"]:
        shares = []
        for name, side in sides.items():
            row = change[name]
            over = row["reading"] == "over"
            mine_took = converted(side, over, row["source"], row["target"], 45 * DAY)
            took = mine_took.get(row["group"], [])
            reached = len([one for one in took if one is not None])
            assert (row["journeys"], row["reached"]) == (len(took), reached)
            shares.append(reached / len(took) if took else None)
        before, after = shares
        if before is None or after is None:
            assert change["points"] is None
        else:
            assert change["points"] == pytest.approx(after - before)
            low, high = change["before"]["ratio"]["range"], change["after"]["ratio"]["range"]
            assert change["apart"] == (low[1] < high[0] or high[1] < low[0])
    for change in comparison["stays"]:
        medians = []
        for name, side in sides.items():
            row = change[name]
            mine = [
                one for one in side.cohort()
                if (one["group"], one["stage"]) == (row["group"], row["stage"])
            ]  # fmt: skip
            medians.append(quantile(*lengths(side, mine), 0.5))
            assert row["median_days"] == pytest.approx(medians[-1])
        before, after = medians
        missing = before is None or after is None
        assert change["difference_days"] == (
            None if missing else pytest.approx(after - before)  # type: ignore[operator]
        )


def test_the_history_has_what_makes_this_worth_while(table: Path) -> None:
    plain = Plain(table, (None, None, None), "sourced_by", "all")
    assert len(plain.visits) > 500
    assert {one["group"] for one in plain.visits} >= {"marketing", "sales"}
    assert {one["stage"] for one in plain.visits} >= set(PATH)
    assert any(one["gone"] for one in plain.visits)
    assert any(one["kind"] == "merge" for one in plain.visits)
    assert any(not one["first"] for one in plain.visits)
    decided = [
        one for one in plain.visits
        if one["stage"] == DECIDED.stage and one["left"] == one["now"] + DECIDED.after
    ]  # fmt: skip
    ended = {(bool(one["ending"]["activity"]), one["ending"]["late"]) for one in decided}
    assert ended == {(False, "false"), (True, "false"), (True, "true")}
