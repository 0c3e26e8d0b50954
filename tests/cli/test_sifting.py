"""``explain`` looks only at rows that may matter, and finds what it would find among all."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lifecycle_fsm.cli.activity_log import Log, read_log
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.tables import Intake, Reject
from tests.cli.commands import Cli

MODEL = Lifecycle("two_step")
IDS = ["1", "12", "p1", "p12", "p-1", "e5", "é1"]
DAYS = ["2024-05-01", "2024-05-02", "2024-06-30", "2024-12-31"]
TIMES = ["T09:00:00Z", "T23:30:00-11:00", "T00:30:00+13:00", " 10:00", "", ".x"]
TEXTS = ["", "Demo", 'say "p1"', "two\nlines", "p1", "2024-12-31", "a,b", "C:\\new", "\u00fc"]
ids = st.sampled_from(IDS)
times = st.builds(lambda day, time: day + time, st.sampled_from(DAYS), st.sampled_from(TIMES))
odd_times = times | st.sampled_from(["", "yesterday", "01/05/2024", "9999-99-99", "20240501"])
Read = tuple[list[Any], list[int], Any, list[Reject]]


@st.composite
def rows(draw: st.DrawFn) -> list[dict[str, str]]:
    time = draw(st.sampled_from([times, times, odd_times]))
    made = []
    for place in range(draw(st.integers(0, 12))):
        kind = draw(st.sampled_from(["form_filled", "web_visit", "merged", "nothing"]))
        row = {"id": f"e{place}", "person": draw(ids), "kind": kind, "at": draw(time)}
        if kind == "merged":
            row["loser"] = draw(ids)
        if kind == "form_filled":
            row["form"] = draw(st.sampled_from(TEXTS))
        made.append(row)
    return made


@st.composite
def people(draw: st.DrawFn) -> list[dict[str, str]]:
    names = draw(st.lists(ids, unique=True))
    return [
        {"id": name, "created_at": draw(times), "last_name": draw(st.sampled_from(TEXTS))}
        for name in names
    ]


def as_csv(records: list[dict[str, str]], columns: list[str], quoting: int, ending: str) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, quoting=quoting, lineterminator=ending)  # type: ignore[arg-type]
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def as_jsonl(records: list[dict[str, str]], ascii: bool) -> str:
    def plain(one: dict[str, str]) -> dict[str, Any]:
        return {name: int(text) if text.isdigit() else text for name, text in one.items()}

    return "".join(json.dumps(plain(one), ensure_ascii=ascii) + "\n" for one in records)


def read(inputs: list[tuple[str, str]], person: str, mapping: str | None, sifted: bool) -> Read:
    rejects: list[Reject] = []

    def nothing(self: Intake, names: Any) -> None:
        return None

    with nullcontext() if sifted else patch.object(Intake, "sift", nothing):
        log: Log = read_log(
            MODEL,
            inputs,
            mapping=mapping,
            format=None,
            order="event",
            reject=rejects.append,
            bar=lambda what, done: None,
            only=person,
        )
    return log.activities, list(log.places), log.end, rejects


def same_either_way(inputs: list[tuple[str, str]], person: str, mapping: str | None = None) -> None:
    found: list[Any] = []
    for sifted in (True, False):
        try:
            found.append(read(inputs, person, mapping, sifted))
        except LifecycleError as error:
            found.append(str(error))
    assert found[0] == found[1]


ANYTHING = settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


@ANYTHING
@given(
    rows(),
    people(),
    ids,
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "2024-12-31,\n", '"open,\n', "\n", ",,,,,\n", "\ufeff"]),
)
@example([], [], "p1", csv.QUOTE_MINIMAL, "\n", "")
def test_the_rows_of_a_csv(
    tmp_path: Path,
    activities: list[dict[str, str]],
    who: list[dict[str, str]],
    person: str,
    quoting: int,
    ending: str,
    more: str,
) -> None:
    columns = ["id", "person", "kind", "form", "at", "loser"]
    text = as_csv(activities, columns, quoting, ending)
    (tmp_path / "a.csv").write_text(more + text if more == "\ufeff" else text + more, newline="")
    names = ["id", "created_at", "last_name"]
    (tmp_path / "p.csv").write_text(as_csv(who, names, quoting, ending), newline="")
    inputs = [("people", str(tmp_path / "p.csv")), ("activities", str(tmp_path / "a.csv"))]
    same_either_way(inputs, person)


@ANYTHING
@given(rows(), ids, st.booleans(), st.sampled_from(["", "\n", "{\n", '{"at": "2024-05-01"}\n']))
def test_the_lines_of_json(
    tmp_path: Path, activities: list[dict[str, str]], person: str, ascii: bool, more: str
) -> None:
    (tmp_path / "a.jsonl").write_text(as_jsonl(activities, ascii) + more, "utf-8")
    same_either_way([("activities", str(tmp_path / "a.jsonl"))], person)


MAPPINGS = {
    "plain": 'person = "person"\ngives = [{kind = "web_visit", at = "at"}]',
    "translated": 'person = {column = "person", values = {x = "p1"}}\n'
    'gives = [{kind = "web_visit", at = "at"}]',
    "put together": 'person = "p{person}"\ngives = [{kind = "web_visit", at = "at"}]',
    "instead of nothing": 'person = {column = "person", if_empty = "p1"}\n'
    'gives = [{kind = "web_visit", at = "at"}]',
    "another form of time": 'person = "person"\n'
    'gives = [{kind = "web_visit", at = {column = "at", format = "%Y-%m-%dT%H:%M:%SZ"}}]',
    "days before months": 'person = "person"\n'
    'gives = [{kind = "web_visit", at = {column = "at", format = "%Y-%d-%mT%H:%M:%SZ"}}]',
    "a constant loser": 'person = "person"\n'
    'gives = [{kind = "merged", at = "at", payload = {loser = {const = "p1"}}}]',
    "two times": 'person = "person"\ngives = [{kind = "web_visit", at = "at"}, '
    '{kind = "created", at = "also", only_if = {column = "also", present = true}}]',
}


@pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=MAPPINGS.keys())
@pytest.mark.parametrize("person", ["p1", "1", "x"])
def test_whatever_a_mapping_makes_of_a_row(tmp_path: Path, mapping: str, person: str) -> None:
    made = (
        "person,at,also\n1,2024-05-01T09:00:00Z,\nx,2024-05-02T09:00:00Z,2024-05-20\n"
        ",2024-05-03T09:00:00Z,\np1,2024-05-04T09:00:00Z,2024-08-01\ny,2024-06-04T09:00:00Z,\n"
        "1,2024-05-05T09:00:00Z,2024-09-01\np1,2024-01-07T09:00:00Z,\ny,2024-02-08T09:00:00Z,\n"
    )
    (tmp_path / "a.csv").write_text(made)
    (tmp_path / "map.toml").write_text(f'zone = "Europe/Berlin"\n[activities]\n{mapping}\n')
    same_either_way([("activities", str(tmp_path / "a.csv"))], person, str(tmp_path / "map.toml"))


def test_the_last_row_may_have_an_earlier_day_in_its_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "person,kind,at\np1,web_visit,2024-03-01\np2,web_visit,2024-05-01T23:30:00-11:00\n"
        "p3,web_visit,2024-05-02T00:30:00+13:00\n"
    )
    inputs = [("activities", str(tmp_path / "a.csv"))]
    assert f"{read(inputs, 'p1', None, True)[2]:%Y-%m-%dT%H:%M}" == "2024-05-02T10:30"
    same_either_way(inputs, "p1")


def bound_rows(work: Callable[[], object]) -> int:
    """How many rows are bound to the model."""
    from lifecycle_fsm.tables.binding import BoundFile

    count = 0
    real = BoundFile.converted

    def counting(self: BoundFile, row: Any) -> Any:
        nonlocal count
        count += 1
        return real(self, row)

    with patch.object(BoundFile, "converted", counting):
        work()
    return count


@pytest.mark.parametrize("kind", ["csv", "quoted", "jsonl"])
def test_rows_of_others_are_passed_by(tmp_path: Path, kind: str) -> None:
    some = [
        {"person": f"p{place % 50}", "kind": "web_visit", "at": f"2024-{month:02}-{day:02}T09:00Z"}
        for place, (month, day) in enumerate((m, d) for m in range(1, 13) for d in range(1, 29))
    ]
    some.append({"person": "p7", "kind": "merged", "at": "2024-03-01T09:00Z", "loser": "p8"})
    path = tmp_path / f"a.{'jsonl' if kind == 'jsonl' else 'csv'}"
    quoting = csv.QUOTE_ALL if kind == "quoted" else csv.QUOTE_MINIMAL
    columns = ["person", "kind", "at", "loser"]
    path.write_text(
        as_jsonl(some, True) if kind == "jsonl" else as_csv(some, columns, quoting, "\n")
    )
    inputs = [("activities", str(path))]
    assert bound_rows(lambda: read(inputs, "p9", None, True)) < 15
    assert bound_rows(lambda: read(inputs, "p9", None, False)) == len(some)
    activities, _, end, _ = read(inputs, "p8", None, True)
    assert {one.person for one in activities} == {"p7", "p8"}
    assert f"{end:%Y-%m-%d}" == "2024-12-28"
    same_either_way(inputs, "p8")


def test_only_rows_about_the_person_are_told_to_be_of_no_use(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("id,created_at,employees\np1,2024-05-01,\np2,2024-05-01,x\n")
    (tmp_path / "a.csv").write_text("person,kind,at\np1,web_visit,never\np2,web_visit,2024-05-02\n")
    done = cli("explain", "two_step", "p1", "--people", "p.csv", "--activities", "a.csv")
    assert done.code == 0
    assert done.err == "note: 1 row about 'p1' could not be used: see `run`\n"
