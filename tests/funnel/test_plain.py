"""Every number of a report again, from the history, as docs/understand/formulas.md does it.

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
from lifecycle_fsm.funnel import measure
from lifecycle_fsm.model import load
from lifecycle_fsm.tables import read_deadlines, read_history

Line: TypeAlias = dict[str, Any]
MODEL = load("waterfall")
STAGES = [stage.name for stage in MODEL.stages]
PATH = [stage.name for stage in MODEL.path]
DAY = timedelta(days=1)
#: From, to, up to when it is known: parts of the time that the history tells of.
WINDOWS = [(None, None, None), (0.12, 0.66, None), (0.17, None, 0.63)]
SPLIT = 0.45
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
    last: dict[str, Line] = {}
    for line in lines:
        last[line["person"]] = line
    here = [last[person] for person in sorted(last) if last[person]["to_stage"] != ""]
    for place, both in enumerate(zip(here[::3], here[1::3], strict=False)):
        survivor, loser = both if place % 2 else both[::-1]
        lines += merged(survivor, loser, f"merge-{place}")
    path = folder / "history.csv"
    save(path, lines)
    save(folder / "deadlines.csv", list(recorded(path)))
    return path


def merged(survivor: Line, loser: Line, activity: str) -> Iterator[Line]:
    """The rows of a merge three days behind the last of both, and that the survivor is recycled
    later."""
    at = after(max(survivor["now"], loser["now"], key=time), 3 * DAY)
    winner = max(survivor, loser, key=lambda one: (weight(one["to_stage"]), time(one["now"])))
    common = {"at": at, "now": at, "kind": "merge", "rule": "merged", "activity": activity}
    common |= {"passed_over": "", "credit": "true", "trigger": "", "late": "false"}
    yield {**loser, **common, "sequence": int(loser["sequence"]) + 1, "entered_at": at,
           "from_stage": loser["to_stage"], "to_stage": ""}  # fmt: skip
    onward = {**winner, **common, "person": survivor["person"]}
    onward |= {"sequence": int(survivor["sequence"]) + 1, "from_stage": survivor["to_stage"]}
    yield onward
    if winner["to_stage"] in ("sal", "sql"):
        at = after(at, 2 * DAY)
        yield {**onward, "at": at, "now": at, "entered_at": at, "from_stage": winner["to_stage"],
               "sequence": onward["sequence"] + 1, "kind": "detour", "rule": "sales_rejected",
               "to_stage": "recycled"}  # fmt: skip


def weight(stage: str) -> int:
    rank = PATH.index(stage) if stage in PATH else 0
    return rank or (-1 if stage == PATH[0] else 0)


def recorded(path: Path) -> Iterator[Line]:
    """What may have become of the deadlines of all visits."""
    outcomes = cycle([("kept", "false"), ("missed", "false"), (None, ""), ("kept", "true"),
                      ("missed", "false"), ("void", "false")])  # fmt: skip
    for visit in Plain(path, (None, None, None), None, "all").visits:
        for one in MODEL.deadlines:
            outcome, late = next(outcomes)
            if one.stage == visit["stage"] and outcome is not None:
                due = after(visit["entered_at"], DAY)
                yield {
                    "person": visit["person"], "rule": one.name, "stage": one.stage,
                    **{name: visit[name] for name in ("journey_record", "journey", "entered_at")},
                    "due_at": due, "outcome": outcome, "owner": visit["owner"], "assigned_to": "",
                    "decided_at": after(due, DAY * (late == "true")), "late": late,
                }  # fmt: skip


def after(text: str, length: timedelta) -> str:
    return (time(text) + length).isoformat().replace("+00:00", "Z")


def save(path: Path, lines: list[Line]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)


def time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def key(line: Line) -> Any:
    return line["journey_record"], line["journey"], line["to_stage"], line["entered_at"]


def journey(visit: Line) -> Any:
    return visit["journey_record"], visit["journey"]


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
        self.lines = lines
        people: dict[str, list[Line]] = {}
        for line in sorted(lines, key=lambda one: (one["person"], one["sequence"])):
            people.setdefault(line["person"], []).append(line)
        # What each record has of a visit; behind a merge the survivor's goes on with the winner's.
        pieces: dict[Any, list[Line]] = {}
        for rows in people.values():
            piece: Line | None = None
            for line in rows:
                if piece is not None and line["kind"] == "merge" and key(line) == key(piece):
                    continue
                if piece is not None:
                    piece["ending"] = line
                piece = None
                if line["to_stage"] != "":
                    piece = {**line, "ending": None}
                    pieces.setdefault(key(line), []).append(piece)
        self.visits: list[Line] = []
        for parts in pieces.values():
            parts.sort(key=lambda one: (one["kind"] == "merge", one["now"]))
            ending = parts[-1]["ending"]
            visit = {**parts[0], "ending": ending, "stage": parts[0]["to_stage"]}
            visit["now"] = time(visit["entered_at"])
            visit["left"] = ending["now"] if ending else None
            visit["merged"] = ending is not None and ending["kind"] == "merge"
            visit["ended_by"] = ending["kind"] if ending else None
            visit["holder"] = parts[-1]["person"]
            self.visits.append(visit)
        self.visits.sort(key=lambda one: (one["journey_record"], one["now"], one["sequence"]))
        began: dict[Any, Line] = {}
        for visit in sorted(self.visits, key=lambda one: one["now"]):
            if visit["stage"] in PATH[1:]:
                began.setdefault(journey(visit), visit)
        for visit in self.visits:
            first = began.get(journey(visit), visit)
            mine = self.folded(first["person"], first["now"])
            others = [
                one for one in began.values()
                if one["journey_record"] in mine and journey(one) != journey(visit)
                and one["now"] < first["now"]
            ]  # fmt: skip
            visit["nth"] = len(others) + 1 if journey(visit) in began else max(1, len(others))
            visit["first"] = visit["nth"] == 1
            visit["group"] = self.group(visit)

    def folded(self, record: str, at: datetime) -> set[str]:
        """The record, and those that had been merged into it by then."""
        found = {record}
        for line in self.lines:
            if line["kind"] == "merge" and line["person"] == record and line["now"] <= at:
                for other in self.lines:
                    same = other["kind"] == "merge" and other["activity"] == line["activity"]
                    if same and other["to_stage"] == "" and other["person"] != record:
                        found |= self.folded(other["person"], at)
        return found

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
            met = journeys.setdefault(journey(visit), [])
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
        target=0.6, compare=split, deadlines=read_deadlines(table.with_name("deadlines.csv")),
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
        ((one["now"], one["holder"]) for one in here if one["stage"] == "mql"),
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
        assert row["merged"] == len([one for one in went if one["merged"]])
    if plain.by is None and plain.journeys == "all":
        for row in (row for row in rows if row["stage"] == ""):
            parts = [one for one in rows if one["period"] == row["period"] and one["stage"] != ""]
            assert row["opening"] == sum(one["opening"] for one in parts)
            assert row["closing"] == sum(one["closing"] for one in parts)
            assert row["entered"] == row["new"] == sum(one["new"] for one in parts)
            assert row["left"] == row["merged"] == sum(one["merged"] for one in parts)


def converted(
    plain: Plain, over: bool, source: str, target: str, horizon: timedelta | None
) -> dict[str, list[timedelta | None]]:
    """By group, for each journey that counts how long it took, or that it did not.

    One that a merge ended before it had come so far, and had the time to, does not count.
    """
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
        last = met[-1][1]
        if took is None and last["merged"] and (
            horizon is None or last["left"] - first["now"] < horizon
        ):  # fmt: skip
            continue
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
        entries = [
            (name, visit) for met in plain.walked(over) for name, visit in met
            if plain.inside(visit["now"]) and plain.measured(visit)
            and visit["group"] == row["group"]
        ]  # fmt: skip
        into = [[one for one, _ in entries].count(row[side]) for side in ("source", "target")]
        assert [row["source_entries"], row["target_entries"]] == into
        assert row["flow_ratio"] == (pytest.approx(into[1] / into[0]) if into[0] else None)


UNITS = {
    "hours": timedelta(hours=1), "days": DAY, "weeks": 7 * DAY, "months of 30 days": 30 * DAY,
}  # fmt: skip


def followed(
    plain: Plain, source: str, target: str
) -> Iterator[tuple[Line, timedelta | None, bool]]:
    """The first entry of each journey that is measured, how long it took, and whether a merge ended
    it."""
    for met in plain.walked(over=False):
        names = [name for name, _ in met]
        if source in names:
            place = names.index(source)
            first = met[place][1]
            later = [visit["now"] for name, visit in met[place + 1 :] if name == target]
            if plain.inside(first["now"]) and plain.measured(first):
                yield first, later[0] - first["now"] if later else None, met[-1][1]["merged"]


def test_r50_cohorts(both: tuple[Plain, Any]) -> None:
    plain, found = both
    rows = found["cohorts"]["rows"]
    seen: dict[Any, int] = {}
    for row in rows:
        start, end = (time(row["period"][side]) for side in ("start", "end"))
        mine = [
            (first["now"], took, merged)
            for first, took, merged in followed(plain, row["source"], row["target"])
            if start <= first["now"] < end and first["group"] == row["group"]
        ]
        counted = [(began, took) for began, took, merged in mine if took is not None or not merged]
        times = [took for _, took in counted if took is not None]
        assert row["merged"] == len(mine) - len(counted)
        assert (row["journeys"], row["reached"]) == (len(counted), len(times))
        unit = UNITS[row["unit"]]
        for cell in row["cells"]:
            assert cell["reached"] == len([took for took in times if took <= cell["age"] * unit])
            ages = [plain.until - began for began, _ in counted]
            assert cell["complete"] == (
                end <= plain.until and bool(ages) and min(ages) >= cell["age"] * unit
            )
        pair = row["group"], row["source"], row["target"]
        seen[pair] = seen.get(pair, 0) + row["journeys"] + row["merged"]
    for source, target in pairwise(PATH):
        for group in {group for group, *_ in seen}:
            of_all = [first for first, *_ in followed(plain, source, target)]
            of_group = [first for first in of_all if first["group"] == group]
            assert seen.get((group, source, target), 0) == len(of_group)


def test_leaks(both: tuple[Plain, Any]) -> None:
    plain, found = both
    rows = found["leaks"]["rows"]
    assert {(row["source"], row["target"]) for row in rows} == set(pairwise(PATH[1:]))
    for row in rows:
        step, onward = (
            converted(plain, False, source, target, None).get(row["group"], [])
            for source, target in ((row["source"], row["target"]), (row["target"], PATH[-1]))
        )
        reached = len([one for one in step if one is not None])
        assert row["ratio"] == share(reached, len(step))
        ends = [one is not None for one in onward]
        if row["target"] == PATH[-1]:
            ends = [True] * reached
        assert row["onward"] == share(sum(ends), len(ends))
        if step and ends:
            more = min(0.1, 1 - reached / len(step)) * len(step)
            assert row["customers"] == pytest.approx(more * sum(ends) / len(ends))
    by_group: dict[str, list[float]] = {}
    for row in rows:
        by_group.setdefault(row["group"], []).append(row["customers"] or 0)
    assert all(more == sorted(more, reverse=True) for more in by_group.values())


def test_rate_and_mix(both: tuple[Plain, Any], table: Path, split: datetime) -> None:
    """Each part by hand, and all together the whole change."""
    plain, found = both
    for row in found["mix"]["rows"]:
        sides = []
        for start, end in ((plain.start, split), (split, plain.end)):
            side = Plain(table, (start, end, plain.until), plain.by, plain.journeys)
            groups: dict[str, list[bool]] = {}
            for met in side.walked(over=False):
                names = [name for name, _ in met]
                if row["source"] not in names:
                    continue
                first = met[names.index(row["source"])][1]
                if not (side.inside(first["now"]) and side.measured(first)):
                    continue
                if first["now"] + 45 * DAY > plain.until:
                    continue
                later = [
                    visit["now"] for name, visit in met[names.index(row["source"]) + 1 :]
                    if name == row["target"]
                ]  # fmt: skip
                took = later[0] - first["now"] if later else None
                reached = took is not None and took <= 45 * DAY
                last = met[-1][1]
                if not reached and last["merged"] and last["left"] - first["now"] < 45 * DAY:
                    continue
                name = first["group"]
                if plain.by is None:
                    name = "first journeys" if first["first"] else "repeat journeys"
                groups.setdefault(name, []).append(reached)
            sides.append(groups)
        before, after = sides
        wholes = [sum(map(len, side.values())) for side in sides]
        totals = [
            sum(map(sum, side.values())) / whole for side, whole in zip(sides, wholes, strict=True)
        ]
        assert row["rate"] + row["mix"] == pytest.approx(totals[1] - totals[0])
        for part in row["parts"]:
            old, new = before.get(part["group"], []), after.get(part["group"], [])
            assert part["before"] == share(sum(old), len(old))
            assert part["after"] == share(sum(new), len(new))
            if old and new:
                change = sum(new) / len(new) - sum(old) / len(old)
                weight = (len(old) / wholes[0] + len(new) / wholes[1]) / 2
                assert part["rate"] == pytest.approx(weight * change)
            else:
                assert part["rate"] == 0


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
        if met[-1][1]["merged"] and not won:
            continue
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


def test_duplicates(both: tuple[Plain, Any]) -> None:
    """From each visit that a merge ended back to the row that made its record."""
    plain, tables = both
    visits = {key(visit): visit for visit in plain.visits}
    lines = {(line["person"], line["sequence"]): line for line in plain.lines}
    expected: dict[str, list[Any]] = {}
    ended = [visit for visit in plain.visits if visit["ending"] is None or visit["merged"]]
    for visit in ended:
        chain = [visit]
        while chain[0]["from_stage"] != "":
            before = lines[chain[0]["person"], chain[0]["sequence"] - 1]
            chain.insert(0, visits[key(before)])
        if plain.inside(chain[0]["now"]) and plain.measured(chain[0]):
            behind = [step for step in chain if step["stage"] != PATH[0]]
            group = (behind or chain)[0]["group"]
            lead = any(step["stage"] in PATH[PATH.index("mql") :] for step in chain)
            length = visit["left"] - chain[0]["now"] if visit["merged"] else None
            expected.setdefault(group, []).append((length, lead))
    for row in tables["duplicates"]["rows"]:
        mine = expected.pop(row["group"])
        merged = [(length, lead) for length, lead in mine if length is not None]
        assert row["ratio"] == share(len(merged), len(mine))
        assert row["leads"] == share(sum(lead for _, lead in merged), len(merged))
        assert row["median_days"] == pytest.approx(middle([length for length, _ in merged]))
    assert not expected


def test_marketings_share(both: tuple[Plain, Any]) -> None:
    plain, found = both
    sides: dict[tuple[str, str], list[str]] = {}
    lost: set[Any] = set()
    for visit in plain.visits:
        if visit["passed"] and visit["credit"] == "false":
            lost.add(journey(visit))
        if not (plain.inside(visit["now"]) and plain.measured(visit)):
            continue
        side = "marketing" if visit["sourced_by"] == "marketing" else "sales"
        if journey(visit) in lost:
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


def test_agreements(both: tuple[Plain, Any], table: Path) -> None:
    plain, found = both
    with table.with_name("deadlines.csv").open(newline="") as file:
        facts = list(csv.DictReader(file))

    def outcome(visit: Line, rule: str, at: datetime, *, over: bool = False) -> Line | None:
        """What was known then, or right before."""
        of = {**visit, "rule": rule, "journey": str(visit["journey"])}
        for fact in facts:
            same = ("journey_record", "journey", "entered_at", "stage", "rule")
            if all(fact[name] == of[name] for name in same):
                told = [(fact["decided_at"], fact["outcome"])]
                told += [(fact["due_at"], "missed")] if fact["late"] == "true" else []
                for since, said in told:
                    if time(since) < at or (time(since) == at and not over):
                        return {**fact, "outcome": said}
        return None

    for row in found["sla"]["rows"]:
        mine = [
            one for one in plain.cohort()
            if (one["group"], one["stage"]) == (row["group"], row["stage"])
        ]  # fmt: skip
        told = [(one, outcome(one, row["deadline"], plain.until)) for one in mine]
        known = [fact["outcome"] for _, fact in told if fact]
        for name in ("kept", "missed", "void"):
            assert row[name] == known.count(name)
        assert row["overdue"] == len(
            [1 for one, fact in told if fact and fact["outcome"] == "missed" and not one["left"]]
        )
        assert row["waiting"] == len([1 for one, fact in told if not fact and not one["left"]])
        assert row["merged"] == len([1 for one, fact in told if not fact and one["merged"]])
        assert row["ratio"] == share(row["kept"], row["kept"] + row["missed"])
        watched = [one for one, fact in told if fact or not one["left"] or one["merged"]]
        assert row["visits"] == len(watched)
        assert row["median_days"] == pytest.approx(quantile(*lengths(plain, watched), 0.5))
    for row in found["touch"]["rows"]:
        waited = []
        for one in plain.cohort():
            fact = outcome(one, row["deadline"], plain.until)
            if one["group"] != row["group"] or fact is None or fact["outcome"] == "void":
                continue
            if (fact["assigned_to"] or fact["owner"] or "(none)") == row["assigned_to"]:
                end = min(time(fact["decided_at"]), time(fact["due_at"]))
                waited.append((end - one["now"], fact["outcome"]))
        in_time = [length for length, end in waited if end == "kept"]
        too_late = [length for length, end in waited if end == "missed"]
        assert (row["visits"], row["kept"]) == (len(waited), len(in_time))
        assert row["median_days"] == pytest.approx(quantile(in_time, too_late, 0.5))
    late = []
    for one in plain.present():
        for deadline in MODEL.deadlines:
            whole = plain.end is None or plain.end > plain.until
            fact = outcome(one, deadline.name, plain.until if whole else plain.end, over=not whole)
            if fact and fact["outcome"] == "missed":
                late.append((time(fact["due_at"]), one["holder"], deadline.name))
    told_late = [
        (time(row["due"]), row["person"], row["deadline"]) for row in found["overdue"]["rows"]
    ]
    assert told_late == sorted(late)


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
                (one["now"], one["holder"]) for one in plain.present()
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
    assert any(one["merged"] for one in plain.visits)
    assert any(one["holder"] != one["person"] and one["left"] is not None for one in plain.visits)
    assert any(not one["first"] for one in plain.visits)
