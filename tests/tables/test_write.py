from __future__ import annotations

import csv
import errno
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import attrs
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle_fsm.errors import FileProblem, MissingExtra
from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.history import DeadlineFact, DeadlineOutcome, HistoryRow, MoveKind
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.machine import Decision, Refusal
from lifecycle_fsm.person import BASE_FIELDS, Person
from lifecycle_fsm.tables import (
    DEADLINES,
    DECISIONS,
    HISTORY,
    REJECTS,
    Column,
    Intake,
    Reject,
    TableWriter,
    Targets,
    history_columns,
    open_inputs,
    output_tables,
    people_columns,
    read_deadlines,
    read_history,
)

T = datetime(2018, 2, 1, 3, tzinfo=UTC)
DAY = timedelta(days=1)
UNSEEN: Any = None
ROW = HistoryRow(
    "p1", 2, T, T, "mal", "customer", "fast_track", "won", "opportunity_won", "a1", 1,
    ("mql", "sal"), True, None, "web", "0123456789ab", False,
)  # fmt: skip

names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=5)
# What is missing and what is empty look alike in a CSV, and so do ids with space around them.
ids = names.filter(lambda one: one.strip() == one)
instants = st.datetimes(
    datetime.fromisoformat("1900-01-01"),
    datetime.fromisoformat("2200-01-01"),
    timezones=st.just(UTC),
)
rows = st.builds(
    HistoryRow,
    person=ids,
    sequence=st.integers(1, 10**12),
    at=instants,
    now=instants,
    from_stage=st.none() | ids,
    to_stage=ids,
    kind=st.sampled_from(get_args(MoveKind)),
    rule=ids,
    trigger=st.none() | ids,
    activity=st.none() | ids,
    journey=st.integers(0, 99),
    passed_over=st.lists(st.sampled_from(["mql", "sal", "sql"]), max_size=3).map(tuple),
    credit=st.booleans(),
    owner=st.none() | ids,
    source=st.none() | ids,
    version=ids,
    late=st.booleans(),
    assigned_to=st.none() | ids,
    journey_record=ids,
    entered_at=instants,
)
facts = st.builds(
    DeadlineFact,
    person=ids,
    rule=ids,
    stage=ids,
    journey_record=ids,
    journey=st.integers(0, 99),
    entered_at=instants,
    due_at=instants,
    outcome=st.sampled_from(get_args(DeadlineOutcome)),
    decided_at=instants,
    owner=st.none() | ids,
    assigned_to=st.none() | ids,
    late=st.booleans(),
)


@given(st.lists(rows, max_size=6), st.sampled_from([".csv", ".parquet"]), st.integers(1, 4))
def test_a_history_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, history: list[HistoryRow], suffix: str, chunk: int
) -> None:
    path = tmp_path_factory.mktemp("h") / f"history{suffix}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(output_tables, "CHUNK", chunk)
        writer = TableWriter(HISTORY)
        writer.extend(history)
        writer.save(path)
    assert len(writer) == len(history)
    assert read_history(path) == history


FORMULAS = [
    "=1+1", "+1+cmd|' /C calc'!A0", "-2-3", "@SUM(A1)", "\tx", "=", "'=1", "''@x", "-", "+", "+x",
    "=a\nb", "-12.5\n", "+49 30 1234 ext",
]  # fmt: skip
PLAIN = [
    "a=1", "-12.5", "+1", "1e-5", "-1,250.00", "-5%", "+49 (0)30 1234-56", "'tis", "'", "'-5",
    "''", "'+49 30 1234", " =1", "", "a'=b", "O'Neil",
]  # fmt: skip


def test_a_csv_has_no_text_that_a_spreadsheet_would_run(tmp_path: Path) -> None:
    history = [attrs.evolve(ROW, owner=text) for text in (*FORMULAS, *PLAIN)]
    history += [attrs.evolve(ROW, passed_over=("=a", "b"))]
    columns = history_columns({"score": FieldType("float")})
    for suffix in ("csv", "parquet"):
        writer = TableWriter(columns)
        writer.extend(attrs.evolve(one, kept=(("score", -1.5),)) for one in history)
        writer.save(tmp_path / f"h.{suffix}")
    with (tmp_path / "h.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    expected = [f"'{text}" for text in FORMULAS] + PLAIN
    assert [row["owner"] for row in written[:-1]] == expected
    assert written[-1]["passed_over"] == "'=a;b"
    assert {row["score"] for row in written} == {"-1.5"}
    assert pl.read_parquet(tmp_path / "h.parquet")["owner"].to_list()[:-1] == [*FORMULAS, *PLAIN]
    for suffix in ("csv", "parquet"):
        back = read_history(tmp_path / f"h.{suffix}", dimensions={"score": FieldType("float")})
        assert [one.owner or "" for one in back[:-1]] == [*FORMULAS, *PLAIN]
        assert back[-1].passed_over == ("=a", "b")
        assert back[0].kept == (("score", -1.5),)


def test_what_a_run_wrote_is_read_as_it_was(tmp_path: Path) -> None:
    texts = [text for text in (*FORMULAS, *PLAIN) if text.strip() == text != ""]
    table = TableWriter(
        (Column[str]("id", "str", str), Column[str]("created_at", "datetime", lambda _: T))
    )
    table.extend(texts)
    table.save(tmp_path / "people.csv")
    inputs = open_inputs([("people", tmp_path / "people.csv")])
    with inputs[0][1]:
        assert [one.person for one in Intake(inputs, Targets({}, {"created": None}))] == texts


@given(st.lists(facts, max_size=4), st.sampled_from([".csv", ".parquet"]))
def test_what_became_of_deadlines_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, told: list[DeadlineFact], suffix: str
) -> None:
    path = tmp_path_factory.mktemp("d") / f"deadlines{suffix}"
    writer = TableWriter(DEADLINES)
    writer.extend(told)
    writer.save(path)
    assert read_deadlines(path) == told


def test_what_is_no_table_of_deadlines_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    head = ",".join(one.name for one in DEADLINES)
    at = "2018-02-01T03:00:00Z"
    for content, complaint in (
        ("person,rule\np,r\n", "is no table of deadlines: it has no column 'stage', "),
        (f"{head}\np,r,s,p,1,{at},{at},late,{at},,,false\n", "column outcome: 'late' is none of"),
    ):
        path.write_text(content)
        with pytest.raises(FileProblem) as caught:
            read_deadlines(path)
        assert complaint in str(caught.value)


def test_the_columns_of_history_are_those_of_its_rows() -> None:
    names = {one.name for one in attrs.fields(HistoryRow)} - {"kept"}
    assert {one.name for one in HISTORY} == names
    assert [one.name for one in DEADLINES] == [one.name for one in attrs.fields(DeadlineFact)]
    assert [one.name for one in REJECTS] == [one.name for one in attrs.fields(Reject)]
    assert [one.name for one in REJECTS] == [one.name for one in attrs.fields(Reject)]


def test_a_csv_has_times_in_utc_and_lists_with_semicolons(tmp_path: Path) -> None:
    writer = TableWriter(HISTORY)
    writer.add(ROW)
    writer.add(attrs.evolve(ROW, at=T.replace(microsecond=5), passed_over=(), owner='a "b"'))
    writer.save(tmp_path / "h.csv")
    assert (tmp_path / "h.csv").read_text() == (
        "person,sequence,at,now,from_stage,to_stage,kind,rule,trigger,activity,journey_record,"
        "journey,passed_over,credit,owner,assigned_to,source,version,late,entered_at\n"
        "p1,2,2018-02-01T03:00:00Z,2018-02-01T03:00:00Z,mal,customer,fast_track,won,"
        "opportunity_won,a1,p1,1,mql;sal,true,,,web,0123456789ab,false,2018-02-01T03:00:00Z\n"
        "p1,2,2018-02-01T03:00:00.000005Z,2018-02-01T03:00:00Z,mal,customer,fast_track,won,"
        'opportunity_won,a1,p1,1,,true,"a ""b""",,web,0123456789ab,false,2018-02-01T03:00:00Z\n'
    )


def test_parquet_columns_have_the_types_of_their_values_even_without_rows(tmp_path: Path) -> None:
    fields = {"score": FieldType("float"), "met_at": FieldType("datetime"), "n": FieldType("int")}
    writer = TableWriter(people_columns(fields))
    writer.save(tmp_path / "p.parquet")
    assert pl.read_parquet_schema(tmp_path / "p.parquet") == {
        "id": pl.String(),
        "stage": pl.String(),
        "stage_entered_at": pl.Datetime("us", "UTC"),
        "journey": pl.Int64(),
        "journey_started_at": pl.Datetime("us", "UTC"),
        "score": pl.Float64(),
        "met_at": pl.Datetime("us", "UTC"),
        "n": pl.Int64(),
    }
    writer.save(tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_text() == (
        "id,stage,stage_entered_at,journey,journey_started_at,score,met_at,n\n"
    )


def test_people_have_all_fields_of_the_model(tmp_path: Path) -> None:
    person = Person("p1", created_at=T, employees=12, hand_raised=True, source="")
    writer = TableWriter(people_columns({name: one.type for name, one in BASE_FIELDS.items()}))
    writer.add(person)
    writer.save(tmp_path / "p.parquet")
    (found,) = pl.read_parquet(tmp_path / "p.parquet").to_dicts()
    assert set(found) == {"id", *BASE_FIELDS, "stage", "stage_entered_at", "journey",
                          "journey_started_at"}  # fmt: skip
    assert {name: found[name] for name in ("id", "created_at", "employees", "hand_raised")} == {
        "id": "p1",
        "created_at": T,
        "employees": 12,
        "hand_raised": True,
    }
    assert (found["source"], found["company"], found["journey"]) == ("", None, 0)


def test_a_decision_names_its_rules_and_all_that_is_unmet(tmp_path: Path) -> None:
    writer = TableWriter(DECISIONS)
    lifecycle = Lifecycle("two_step", record=writer.add)
    lifecycle.admit("p1", at=T)
    lifecycle.apply("p1", "score_given", at=T + DAY, id="a1", points=40)
    lifecycle.apply("p1", "web_visit", at=T + DAY, id="a2")
    lifecycle.apply("p2", "web_visit", at=T + DAY, id="a3")
    writer.add(
        Decision(
            "refused", "p3", T, T, "lead", "go", "a4", "go", (), 1,
            (Refusal("one", "x", UNSEEN, (), "first"), Refusal("two", "x", UNSEEN, (), "second")),
            late=True,
        )
    )  # fmt: skip
    writer.save(tmp_path / "d.parquet")
    found = pl.read_parquet(tmp_path / "d.parquet").to_dicts()
    asked = ["person", "kind", "result", "stage", "rules", "unmet", "reason", "late"]
    assert [[one[name] for name in asked] for one in found[2:]] == [
        ["p1", "score_given", "moved", "lead", ["interested"], None, None, False],
        ["p1", "web_visit", "unchanged", "lead", [], None, None, False],
        ["p2", "web_visit", "held", "", [], None,
         "nobody has created 'p2' yet; this waits for 'created'", False],
        ["p3", "go", "refused", "lead", [], "one -> x: first\ntwo -> x: second", None, True],
    ]  # fmt: skip
    assert (found[-1]["at"], found[-1]["trigger"], found[-1]["activity"]) == (T, "go", "a4")
    writer.save(tmp_path / "d.csv")
    with (tmp_path / "d.csv").open(newline="") as file:
        rules = [row["rules"] for row in csv.DictReader(file)]
    assert rules[2:4] == ["interested", ""]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("person,at\np,x\n", "is no history: it has no column 'sequence', 'now'"),
        ("person,at\np,x\n", ", only person, at"),
        ("HEAD,x,x\n", "has the column 'x' twice (columns 21 and 22): rename one of them"),
        ("HEAD\np1,two\n", "line 2: it has 2 columns"),
        (
            "HEAD\np1,two,A,A,,m,enter,r,,,p1,1,,true,,,,v,false,A\n",
            "line 2, column sequence: 'two' is",
        ),
        (
            "HEAD\np1,2,A,A,,m,entre,r,,,p1,1,,true,,,,v,false,A\n",
            "column kind: 'entre' is none of",
        ),
        ("HEAD\np1,2,,A,,m,enter,r,,,p1,1,,true,,,,v,false,A\n", "column at: a value is missing"),
    ],
)
def test_what_is_no_history_is_refused(tmp_path: Path, content: str, complaint: str) -> None:
    head = ",".join(one.name for one in HISTORY)
    path = tmp_path / "h.csv"
    path.write_text(content.replace("HEAD", head).replace("A", "2018-02-01T03:00:00Z"))
    with pytest.raises(FileProblem) as caught:
        read_history(path)
    assert complaint in str(caught.value)


def test_a_history_of_json_lines_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    times = ("at", "now", "entered_at")
    plain = attrs.asdict(ROW) | {name: getattr(ROW, name).isoformat() for name in times}
    del plain["kept"]
    pl.DataFrame([plain]).write_ndjson(path)
    assert read_history(path) == [ROW]


def test_a_table_is_written_as_csv_or_parquet(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=r"a table is written as \.csv or \.parquet"):
        TableWriter(HISTORY).save(tmp_path / "h.xlsx")
    with pytest.raises(FileProblem, match="cannot be written"):
        TableWriter(HISTORY).save(tmp_path / "none" / "h.csv")


def test_without_polars_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    with pytest.raises(MissingExtra, match="writing tables needs polars"):
        TableWriter(HISTORY)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_dimensions_are_read_back_with_their_types(tmp_path: Path, suffix: str) -> None:
    types = {
        "country": FieldType("str", nullable=True),
        "employees": FieldType("int", nullable=True),
        "unsubscribed": FieldType("bool"),
    }
    rows = [
        attrs.evolve(ROW, kept=(("country", "DE"), ("employees", 40), ("unsubscribed", True))),
        attrs.evolve(ROW, sequence=2, to_stage="", kind="merge",
                     kept=(("country", None), ("employees", None), ("unsubscribed", False))),
    ]  # fmt: skip
    path = tmp_path / f"history{suffix}"
    table = TableWriter(history_columns(types))
    table.extend(rows)
    table.save(path)
    assert read_history(path, dimensions=types) == rows
    untold = read_history(path)
    whole = suffix == ".parquet"
    assert untold[0].value("employees") == (40 if whole else "40")
    assert untold[1].to_stage == ""
    assert not untold[1].visits


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="of systems with a full device")
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("count", [1, 50_000])
def test_a_full_disk_is_told_as_the_system_tells_it(
    tmp_path: Path, suffix: str, count: int
) -> None:
    writer = TableWriter(REJECTS)
    writer.extend([Reject("people.csv", 2, None, "no time", "x")] * count)
    path = tmp_path / f"full{suffix}"
    path.symlink_to("/dev/full")
    with pytest.raises(FileProblem, match="cannot be written: No space left on device") as caught:
        writer.save(path)
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC
