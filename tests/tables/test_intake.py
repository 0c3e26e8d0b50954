from __future__ import annotations

import gc
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.errors import FileProblem
from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.model import load
from lifecycle_fsm.tables import Intake, Targets, by_event, open_inputs, parse_mapping

TARGETS = Targets(
    fields={
        "source": FieldType("str", nullable=True),
        "company": FieldType("str", nullable=True),
        "employees": FieldType("int", nullable=True),
        "score": FieldType("float", nullable=True),
        "hand_raised": FieldType("bool"),
        "created_by": FieldType("str", choices=("marketing", "sales")),
        "met_at": FieldType("datetime", nullable=True),
    },
    kinds={
        "created": None,
        "form_filled": {"form": FieldType("str"), "page": FieldType("str", nullable=True)},
        "score_given": {"points": FieldType("int"), "reason": FieldType("str", nullable=True)},
        "sales_touched": {"by": FieldType("str", nullable=True)},
        "meeting": {"met_at": FieldType("datetime", nullable=True)},
    },
)
PEOPLE = '[people]\nid = "id"\ncreated_at = "at"\nzone = "UTC"\n'


def take(
    folder: Path,
    mapping: str | None = None,
    *,
    targets: Targets = TARGETS,
    suffix: str = "csv",
    **contents: str | bytes,
) -> Intake:
    """The intake of files with these contents, by role, read to the end: ``came`` has it all."""
    inputs: list[tuple[str, Path]] = []
    for role, content in contents.items():
        path = folder / f"{role}.{suffix}"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        inputs.append((role, path))
    return finish(inputs, mapping, targets)


def finish(inputs: Sequence[tuple[str, Path]], mapping: str | None, targets: Targets) -> Intake:
    read = parse_mapping(mapping, "m.toml") if mapping is not None else None
    tables = open_inputs(inputs, read)
    try:
        intake = Intake(tables, targets, read)
        intake.__dict__["came"] = list(intake)
    finally:
        for _, table in tables:
            table.close()
    return intake


def came(intake: Intake) -> list[Activity]:
    found: list[Activity] = intake.__dict__["came"]
    return found


def problems(error: FileProblem) -> list[str]:
    return [line.strip() for line in str(error).split("\n")[1:]]


# ---------------------------------------------------------------- without a mapping


def test_people_and_activities_by_the_names_of_the_model(tmp_path: Path) -> None:
    intake = take(
        tmp_path,
        activities="person,kind,at,form,points,Page\n"
        "p1,form_filled,2024-01-02T10:00:00Z,Demo,,\n"
        "p1,score_given,2024-01-03,,5,\n",
        people="id,created_at,source,employees,stage\np1,2024-01-01,web,12.0,mql\np2,2024-01-01,,,\n",
    )
    assert came(intake) == [
        Activity(
            "created", "p1", "created", datetime(2024, 1, 1, tzinfo=UTC),
            {"source": "web", "employees": 12},
        ),
        Activity("created", "p2", "created", datetime(2024, 1, 1, tzinfo=UTC), {}),
        Activity(
            "activities:0000000002:form_filled", "p1", "form_filled",
            datetime(2024, 1, 2, 10, tzinfo=UTC), {"form": "Demo"},
        ),
        Activity(
            "activities:0000000003:score_given", "p1", "score_given",
            datetime(2024, 1, 3, tzinfo=UTC), {"points": 5},
        ),
    ]  # fmt: skip
    people, activities = intake.reports
    assert (people.rows, people.activities, people.rejected) == (2, 2, 0)
    assert people.notes == (
        "2 times without a zone read as UTC: a mapping can name another",
        "columns that nothing reads: stage",
    )
    assert activities.notes == (
        "1 time without a zone read as UTC: a mapping can name another",
        "columns that nothing reads: Page",
        "nothing reads the column 'Page'; did you mean 'page'?",
    )


def test_the_payload_may_stand_in_a_column_of_json_and_ids_are_kept(tmp_path: Path) -> None:
    intake = take(
        tmp_path,
        activities="id,person,kind,at,payload\n"
        'a1,p,form_filled,2024-01-01,"{""form"": ""Demo"", ""page"": null}"\n'
        ",p,sales_touched,2024-01-01,\n"
        "a3,p,sales_touched,2024-01-01,[1]\n"
        'a4,p,sales_touched,2024-01-01,"{""bye"": 1}"\n'
        'a5,p,meeting,2024-01-01,"{""met_at"": ""soon""}"\n',
    )
    assert [(one.id, one.payload) for one in came(intake)] == [
        ("a1", {"form": "Demo"}),
        ("activities:0000000003:sales_touched", {}),
    ]
    assert [(one.line, one.column, one.reason) for one in intake.rejects] == [
        (4, "payload", 'it is no JSON object, such as {"form": "Demo"}'),
        (5, "payload", "no sales_touched brings 'bye'; did you mean 'by'?"),
        (6, "payload", "met_at: 'soon' is no time such as 2024-05-01T10:00:00Z"),
    ]


def test_json_rows_bring_their_own_columns(tmp_path: Path) -> None:
    rows = [
        {"person": 7, "kind": "form_filled", "at": "2024-01-01", "payload": {"form": "Demo"}},
        {"person": "p", "kind": "score_given", "at": "2024-01-01", "points": 3, "extra": 1},
        {"person": "p", "kind": "form_filled", "at": "2024-01-01", "form": 5.5},
    ]
    intake = take(tmp_path, suffix="json", activities=json.dumps(rows))
    assert [(one.person, one.payload) for one in came(intake)] == [
        ("7", {"form": "Demo"}),
        ("p", {"points": 3}),
    ]
    assert [one.reason for one in intake.rejects] == ["5.5 is not a text"]
    assert "columns that nothing reads: extra" in intake.reports[0].notes


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        (",score_given,2024-01-01,1,", "person", "it is empty: whom is this about?"),
        ("p,score_given,,1,", "at", "it is empty: when did it happen?"),
        ("p,score_given,soon,1,", "at", "'soon' is no time such as 2024-05-01T10:00:00Z"),
        ("p,,2024-01-01,1,", "kind", "it is empty: what happened?"),
        (
            "p,score_givn,2024-01-01,1,",
            "kind",
            "'score_givn' is no kind of activity of the model; did you mean 'score_given'?",
        ),
        ("p,score_given,2024-01-01,many,", "points", "'many' is not a whole number"),
        ("p,score_given,2024-01-01,,", "points", "score_given needs 'points', and it is empty"),
        ("p,score_given,2024-01-01,1,Demo", "form", "no score_given brings 'form'"),
        (",score_given,soon,x,", "person",
         "it is empty: whom is this about?; at: 'soon' is no time such as 2024-05-01T10:00:00Z; "
         "points: 'x' is not a whole number"),
    ],
)  # fmt: skip
def test_a_row_that_does_not_convert_is_one_reject(
    tmp_path: Path, row: str, column: str, reason: str
) -> None:
    head = "person,kind,at,points,form\n"
    good = "p,score_given,2024-01-01,1,\n"
    intake = take(tmp_path, activities=f"{head}{good}{row}\n{good}")
    assert [one.id[-14:-12] for one in came(intake)] == ["02", "04"]
    (reject,) = intake.rejects
    assert (reject.file, reject.line) == (str(tmp_path / "activities.csv"), 3)
    assert (reject.column, reject.reason, reject.raw) == (column, reason, row)
    (report,) = intake.reports
    assert (report.rows, report.activities, report.rejected) == (3, 2, 1)


def test_what_a_file_lacks_without_a_mapping_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileProblem) as caught:
        take(tmp_path, people="Id,created_at\n", activities="who,what\n")
    assert str(caught.value).startswith("without a mapping: 4 problems\n")
    assert (
        "no column 'id': without a mapping, where this one has Id, created_at, a file of people "
    ) in problems(caught.value)[0]
    assert problems(caught.value)[0].endswith("id, created_at; did you mean 'Id'?")


def test_a_parquet_row_shows_its_values_when_it_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    pl.DataFrame(
        {
            "id": [1, 2, None],
            "created_at": [datetime(2024, 1, 1, tzinfo=UTC)] * 3,
            "score": [1.5, float("nan"), None],
            "employees": ["1", "2", "3"],
        }
    ).write_parquet(path)
    intake = finish([("people", path)], None, TARGETS)
    # A number that is none is the way in which data frames write that there is none.
    assert [(one.person, one.payload) for one in came(intake)] == [
        ("1", {"score": 1.5, "employees": 1}),
        ("2", {"employees": 2}),
    ]
    assert [(one.line, one.column) for one in intake.rejects] == [(3, "id")]
    assert json.loads(intake.rejects[0].raw)["created_at"] == "2024-01-01 00:00:00+00:00"


@pytest.mark.parametrize("kind", ["date", "ms", "us", "us in UTC", "us in Berlin"])
def test_a_time_of_parquet_that_is_out_of_range_spoils_its_row_only(
    tmp_path: Path, kind: str
) -> None:
    unit = "days" if kind == "date" else kind[:2]
    a_day = {"days": 1, "ms": 86_400_000, "us": 86_400_000_000}[unit]
    start = date(1970, 1, 1).toordinal()
    year_9999 = (date(9999, 12, 31).toordinal() - start) * a_day
    year_1 = (date(1, 1, 1).toordinal() - start) * a_day
    days = [19_723 * a_day, year_9999 + a_day, year_1 - 1, None, year_9999, year_1]
    zone = {"us in UTC": "UTC", "us in Berlin": "Europe/Berlin"}.get(kind)
    column = (
        pl.Series(days, dtype=pl.Int32).cast(pl.Date)
        if kind == "date"
        else pl.Series(days, dtype=pl.Int64).cast(pl.Datetime(unit, zone))  # type: ignore[arg-type]
    )
    path = tmp_path / "people.parquet"
    frame = pl.DataFrame({"id": [*"abcdef"], "created_at": ["2024-01-01"] * 6, "met_at": column})
    frame.write_parquet(path)
    intake = finish([("people", path)], None, TARGETS)
    assert [(one.person, one.payload.get("met_at")) for one in came(intake)] == [
        ("a", datetime(2024, 1, 1, tzinfo=UTC)),
        ("d", None),
        ("e", datetime(9999, 12, 31, tzinfo=UTC)),
        ("f", datetime(1, 1, 1, tzinfo=UTC)),
    ]
    assert [(one.line, one.column, one.reason) for one in intake.rejects] == [
        (2, "met_at", f"{days[1]} {unit} since 1970 is no time between the years 1 and 9999"),
        (3, "met_at", f"{days[2]} {unit} since 1970 is no time between the years 1 and 9999"),
    ]
    # Nobody asks for the column: nothing is wrong.
    few = Targets({}, {"created": None})
    assert len(came(finish([("people", path)], None, few))) == 6


# ---------------------------------------------------------------- with a mapping


def test_one_row_may_give_several_activities(tmp_path: Path) -> None:
    mapping = """
    zone = "America/Sao_Paulo"
    [people]
    id = "Lead"
    created_at = { column = "Created", format = "%d/%m/%Y" }
    fields.source = { column = "Channel", values = { "Paid Search" = "paid" }, if_empty = "none" }
    fields.company.const = "ACME"
    [[people.gives]]
    kind = "sales_touched"
    at = "Called"
    payload.by = "Rep"
    only_if = { column = "Called", present = true }
    [[people.gives]]
    kind = "form_filled"
    at = { column = "Called", zone = "UTC" }
    id = "form:{Lead}:{Rep}"
    payload.form = "{Rep}'s form"
    [[people.gives.only_if]]
    column = "Channel"
    in = ["Paid Search", "SEO"]
    [[people.gives.only_if]]
    column = "Rep"
    equals = "Bo"
    """
    intake = take(
        tmp_path,
        mapping,
        people="Lead,Created,Channel,Called,Rep\n"
        "1,15/10/2017,Paid Search,2018-01-01 10:00,Bo\n"
        "2,16/10/2017, SEO ,,Bo\n"
        "3,16/10/2017,,2018-01-01,\n",
    )
    assert [(one.person, one.id, one.at.isoformat(), one.payload) for one in came(intake)] == [
        ("1", "created", "2017-10-15T03:00:00+00:00", {"source": "paid", "company": "ACME"}),
        ("1", "people:0000000002.2:sales_touched", "2018-01-01T12:00:00+00:00", {"by": "Bo"}),
        ("1", "form:1:Bo", "2018-01-01T10:00:00+00:00", {"form": "Bo's form"}),
        ("3", "created", "2017-10-16T02:00:00+00:00", {"source": "none", "company": "ACME"}),
        ("3", "people:0000000004.2:sales_touched", "2018-01-01T02:00:00+00:00", {}),
    ]
    # Person 2 has no time for the form that the conditions ask for: the whole row is rejected.
    assert [(one.line, one.column) for one in intake.rejects] == [(3, "Called")]


@pytest.mark.parametrize(
    ("setting", "cell", "expected"),
    [
        ('"x"', " paid ", "paid"),
        ('"x"', "   ", None),
        ('{ column = "x", values = { a = "b" } }', "a", "b"),
        ('{ column = "x", values = { a = "b" } }', "A", "A"),
        ('{ column = "x", values = { a = "b" }, otherwise = "c" }', "A", "c"),
        ('{ column = "x", values = { a = "b" }, otherwise = "c" }', "", None),
        ('{ column = "x", otherwise = "c" }', "A", "c"),
        ('{ column = "x", values = { a = "b" }, if_empty = "d" }', "", "d"),
        ('{ column = "x", if_empty = "d" }', "n/a", "d"),
        ('"{x}/{id}"', "a", "a/p"),
        ('"{x}/{id}"', "", None),
        ('{ const = "k" }', "a", "k"),
    ],
)
def test_where_a_value_comes_from(
    tmp_path: Path, setting: str, cell: str, expected: str | None
) -> None:
    mapping = f'empty = ["n/a"]\n{PEOPLE}fields.source = {setting}\n'
    intake = take(tmp_path, mapping, people=f"id,at,x\np,2024-01-01,{cell}\n")
    (one,) = came(intake)
    assert one.payload == ({} if expected is None else {"source": expected})


@pytest.mark.parametrize(
    ("field", "setting", "cell", "expected"),
    [
        ("employees", '"x"', "1200", 1200),
        ("employees", '"x"', "-3.00", -3),
        ("employees", '{ column = "x", decimal = "," }', "1.200", 1200),
        ("employees", '{ column = "x", decimal = "." }', '"1,200"', 1200),
        ("score", '{ column = "x", decimal = "," }', '"1.200,5"', 1200.5),
        ("score", '"x"', "1200.5", 1200.5),
        ("employees", '{ column = "x", decimal = "," }', "12.0", 12),
        ("employees", '{ column = "x", decimal = "," }', "-1234.000", -1234),
        ("employees", '{ column = "x", decimal = "," }', '"12,0"', 12),
        ("employees", '{ column = "x", decimal = "." }', '"12,0"', 12),
        ("employees", '{ column = "x", decimal = "," }', "1.234.000", 1234000),
        ("score", '{ column = "x", decimal = "," }', "12.0", 12.0),
        ("score", '{ column = "x", decimal = "." }', '"-1,234,567.25"', -1234567.25),
        ("score", '{ column = "x", decimal = "," }', '"+0,5"', 0.5),
        ("score", '{ column = "x", decimal = "," }', '"1,5e3"', 1500.0),
        ("hand_raised", '"x"', "Yes", True),
        ("hand_raised", '{ column = "x", values = { on = true }, otherwise = false }', "on", True),
        ("met_at", '{ column = "x", format = "epoch" }', "0", datetime(1970, 1, 1, tzinfo=UTC)),
        ("met_at", "{ const = 2024-05-01 }", "", datetime(2024, 5, 1, tzinfo=UTC)),
        (
            "met_at",
            '{ const = 2024-05-01T10:00:00, zone = "Europe/Berlin" }',
            "",
            datetime(2024, 5, 1, 8, tzinfo=UTC),
        ),
        ("created_by", '{ column = "x", values = { Rep = "sales" } }', "Rep", "sales"),
    ],
)
def test_a_value_becomes_what_its_field_holds(
    tmp_path: Path, field: str, setting: str, cell: str, expected: Any
) -> None:
    mapping = f"{PEOPLE}fields.{field} = {setting}\n"
    intake = take(tmp_path, mapping, people=f"id,at,x\np,2024-01-01,{cell}\n")
    assert came(intake)[0].payload == {field: expected}
    assert type(came(intake)[0].payload[field]) is type(expected)


@pytest.mark.parametrize(
    ("field", "decimal", "cell"),
    [
        ("score", ",", "12.5"),
        ("score", ",", "0.123"),
        ("score", ",", "1.2345"),
        ("score", ",", "12.34.567"),
        ("score", ",", "1234.567"),
        ("score", ",", "1,200.5"),
        ("score", ",", "1.200.5"),
        ("score", ".", "1.200,5"),
        ("score", ".", "1,5"),
        ("score", ".", "1,,000"),
        ("score", ".", ",000"),
        ("score", ".", "(1,200.50)"),
        ("employees", ",", "12.5"),
        ("employees", ",", "1.20"),
    ],
)
def test_a_sign_that_parts_no_thousands_makes_no_other_number(
    tmp_path: Path, field: str, decimal: str, cell: str
) -> None:
    mapping = f'{PEOPLE}fields.{field} = {{ column = "x", decimal = "{decimal}" }}\n'
    intake = take(tmp_path, mapping, people=f'id,at,x\np,2024-01-01,"{cell}"\n')
    (reject,) = intake.rejects
    assert reject.reason.startswith(f"{cell!r} is no number with the decimal sign {decimal!r}")


@pytest.mark.parametrize(
    ("field", "cell", "reason"),
    [
        ("employees", "1.250,5", "'1.250,5' is not a whole number"),
        ("employees", "99999999999999999999,0", "'99999999999999999999,0' is not within 64 bits"),
        ("score", "1,5x", "'1,5x' is not a number"),
    ],
)
def test_a_reject_quotes_what_stands_in_the_file(
    tmp_path: Path, field: str, cell: str, reason: str
) -> None:
    mapping = f'{PEOPLE}fields.{field} = {{ column = "x", decimal = "," }}\n'
    intake = take(tmp_path, mapping, people=f'id,at,x\np,2024-01-01,"{cell}"\n')
    assert [one.reason for one in intake.rejects] == [reason]


def test_rejected_rows_leave_nothing_to_be_collected(tmp_path: Path) -> None:
    rows = "".join(f"{n},soon,x\n" for n in range(500))
    gc.collect()
    gc.disable()
    try:
        intake = take(tmp_path, people="id,created_at,employees\n" + rows)
        assert len(intake.rejects) == 500
        assert gc.collect() < 500
    finally:
        gc.enable()


def test_all_that_does_not_fit_model_and_columns_is_said_at_once(tmp_path: Path) -> None:
    mapping = """
    zone = "UTC"
    [people]
    id = "Id"
    created_at = "at"
    [people.fields]
    sorce = "x"
    stage = "x"
    employees = { column = "x", if_empty = "none" }
    created_by = { column = "x", values = { a = "sales", b = "market" } }
    score.const = "high"
    [[people.gives]]
    kind = "form_fillt"
    at = "at"
    [[people.gives]]
    kind = "form_filled"
    at = "att"
    [[people.gives]]
    kind = { column = "x", values = { a = "nothing" }, otherwise = "created" }
    at = "at"
    payload = { nobody = "x" }
    [deals]
    person = "id"
    [[deals.gives]]
    kind = "sales_touched"
    at = "at"
    """
    with pytest.raises(FileProblem) as caught:
        take(tmp_path, mapping, people="id,at,x\n")
    assert problems(caught.value) == [
        f"people.id: {tmp_path}/people.csv has no column 'Id', only id, at, x; did you mean 'id'?",
        f"people.gives[1].at: {tmp_path}/people.csv has no column 'att', only id, at, x; "
        "did you mean 'at'?",
        "people.fields.sorce: a person has no field 'sorce'; did you mean 'source'?",
        "people.fields.stage: 'stage' is written by the machine only",
        "people.fields.employees.if_empty: 'none' is not a whole number",
        "people.fields.created_by.values.b: 'market' is none of 'marketing', 'sales'; "
        "did you mean 'marketing'?",
        "people.fields.score: 'high' is not a number",
        "people.gives[0].kind: the model has no kind of activity 'form_fillt'; "
        "did you mean 'form_filled'?",
        "people.gives[1].payload: form_filled needs 'form': say where it is",
        "people.gives[2].kind: the model has no kind of activity 'nothing'",
        "deals: the mapping has this table, and no file of that role was given",
    ]


def test_a_payload_that_no_kind_takes_is_told(tmp_path: Path) -> None:
    mapping = """
    zone = "UTC"
    [activities]
    person = "p"
    [[activities.gives]]
    kind = "sales_touched"
    at = "at"
    payload = { bye = "x", points = "x" }
    [[activities.gives]]
    kind = { column = "x" }
    at = "at"
    payload = { frm = "x" }
    """
    with pytest.raises(FileProblem) as caught:
        take(tmp_path, mapping, activities="p,at,x\n")
    assert problems(caught.value) == [
        "activities.gives[0].payload.bye: no sales_touched brings 'bye'; did you mean 'by'?",
        "activities.gives[0].payload.points: no sales_touched brings 'points'; it brings by",
        "activities.gives[1].payload.frm: no activity brings 'frm'; did you mean 'form'?",
    ]


def test_a_kind_from_a_column_takes_the_payload_of_its_kind(tmp_path: Path) -> None:
    mapping = """
    zone = "UTC"
    [log]
    person = "p"
    [[log.gives]]
    kind = { column = "type", values = { F = "form_filled", C = "sales_touched" } }
    at = "at"
    payload = { form = "what", by = "who" }
    """
    intake = take(
        tmp_path,
        mapping,
        log="p,at,type,what,who\np,2024-01-01,F,Demo,\np,2024-01-01,C,,Bo\np,2024-01-01,C,x,Bo\n",
    )
    assert [(one.kind, one.payload) for one in came(intake)] == [
        ("form_filled", {"form": "Demo"}),
        ("sales_touched", {"by": "Bo"}),
    ]
    assert [(one.column, one.reason) for one in intake.rejects] == [
        ("what", "no sales_touched brings 'form'")
    ]


def test_two_files_of_one_role_have_ids_of_their_own(tmp_path: Path) -> None:
    inputs = []
    for name in ("a", "b"):
        path = tmp_path / f"{name}.csv"
        path.write_text("person,kind,at\np,sales_touched,2024-01-01\n")
        inputs.append(("activities", path))
    intake = finish(inputs, None, TARGETS)
    assert [one.id for one in came(intake)] == [
        "activities.1:0000000002:sales_touched",
        "activities.2:0000000002:sales_touched",
    ]


def test_at_one_instant_default_ids_keep_the_order_of_the_file(tmp_path: Path) -> None:
    from lifecycle_fsm.tables import by_event

    gives = "".join(
        f'[[activities.gives]]\nkind = "{kind}"\nat = "at"\n'
        for kind in ["sales_touched", "meeting"] * 6
    )
    rows = "p,2024-01-01\n" * 12
    intake = take(
        tmp_path, f'zone = "UTC"\n[activities]\nperson = "p"\n{gives}', activities=f"p,at\n{rows}"
    )
    assert len(came(intake)) == 144
    assert by_event(came(intake)) == came(intake)


def test_the_zone_of_a_mapping_holds_for_a_file_that_it_does_not_describe(tmp_path: Path) -> None:
    intake = take(
        tmp_path,
        'zone = "Europe/Berlin"\n[people]\nid = "id"\ncreated_at = "at"\n',
        people="id,at\np,2024-05-01\n",
        activities="person,kind,at\np,sales_touched,2024-05-01\n",
    )
    assert {one.at for one in came(intake)} == {datetime(2024, 4, 30, 22, tzinfo=UTC)}
    assert [one.notes for one in intake.reports] == [
        ("1 time without a zone read as Europe/Berlin",)
    ] * 2


def test_a_mapping_names_the_zone_of_times_that_name_none(tmp_path: Path) -> None:
    mapping = """
    [people]
    id = "id"
    created_at = { column = "at"FORM }
    fields.met_at = { column = "met", format = "epoch" }
    """
    people = "id,at,met\np,01.05.2024 10:00 +0200,0\n"
    with pytest.raises(FileProblem) as caught:
        take(tmp_path, mapping.replace("FORM", ""), people=people)
    (problem,) = problems(caught.value)
    assert problem.startswith("zone: say in which zone times are that name none, such as zone =")
    assert problem.endswith("the first that needs it is people.created_at")
    named = mapping.replace("FORM", ', format = "%d.%m.%Y %H:%M %z"')
    intake = take(tmp_path, named, people=people)
    assert came(intake)[0].at == datetime(2024, 5, 1, 8, tzinfo=UTC)
    assert intake.reports[0].notes == ()


CALLS = """
[calls]
person = "p"
zone = "UTC"
[[calls.gives]]
kind = "sales_touched"
at = "at"
payload.by = "who"
only_if = { column = "at", present = true }
"""


def test_the_summary_counts_rows_that_give_nothing(tmp_path: Path) -> None:
    rows = '{"p": "a", "x": 1}\n{"p": "b", "at": null, "who": ""}\n'
    intake = take(tmp_path, CALLS, suffix="jsonl", calls=rows)
    assert came(intake) == []
    assert intake.reports[0].notes == (
        "2 rows gave no activity: no condition held",
        "columns that nothing reads: x",
    )


@pytest.mark.parametrize("suffix", ["jsonl", "json"])
def test_a_key_that_no_row_has_is_a_column_that_is_not_there(tmp_path: Path, suffix: str) -> None:
    rows = [{"p": "a", "At": "2024-01-01"}, {"p": "b", "deal": {"who": "jo"}}]
    text = json.dumps(rows) if suffix == "json" else "\n".join(map(json.dumps, rows))
    with pytest.raises(FileProblem) as caught:
        take(tmp_path, CALLS.replace('"who"', '"deal.who"'), suffix=suffix, calls=text)
    file = tmp_path / f"calls.{suffix}"
    assert problems(caught.value) == [
        f"calls.gives[0].at: {file} has no row with the key 'at', only p, At, deal; "
        "did you mean 'At'?",
        f"calls.gives[0].payload.by: {file} has no row with the key 'deal.who', only p, At, deal; "
        "did you mean 'deal'?",
        f"calls.gives[0].only_if: {file} has no row with the key 'at', only p, At, deal; "
        "did you mean 'At'?",
    ]


def test_a_file_of_json_without_rows_lacks_nothing(tmp_path: Path) -> None:
    assert came(take(tmp_path, CALLS, suffix="json", calls="[]")) == []


def test_a_row_that_gives_nothing_is_not_asked_whom_it_is_about(tmp_path: Path) -> None:
    intake = take(tmp_path, CALLS, calls="p,at,who\nx,2024-01-01,jo\n,,jo\n,2024-01-01,jo\n")
    assert [one.person for one in came(intake)] == ["x"]
    assert [(one.line, one.column) for one in intake.rejects] == [(4, "p")]


def test_equal_headers_matter_where_they_are_read(tmp_path: Path) -> None:
    head = "p,note,at,who,note\nx,1,2024-01-01,jo,2\n"
    assert len(came(take(tmp_path, CALLS, calls=head))) == 1
    with pytest.raises(FileProblem) as caught:
        take(tmp_path, CALLS.replace('"who"', '"note"'), calls=head)
    assert problems(caught.value) == [
        f"calls.gives[0].payload.by: {tmp_path}/calls.csv has the column 'note' twice "
        "(columns 2 and 5): rename one of them"
    ]
    with pytest.raises(FileProblem, match="has the column 'source' twice"):
        take(tmp_path, people="id,created_at,source,source\n")
    assert came(take(tmp_path, people="id,created_at,x,x\n")) == []


@pytest.mark.parametrize("cell", ["True", "TRUE", "true"])
@pytest.mark.parametrize("test", ["equals = true", "in = [true]", 'equals = "true"'])
def test_a_condition_knows_yes_however_a_program_writes_it(
    tmp_path: Path, cell: str, test: str
) -> None:
    calls = CALLS.replace("present = true", test).replace('column = "at"', 'column = "who"')
    intake = take(tmp_path, calls, calls=f"p,at,who\nx,2024-01-01,{cell}\ny,2024-01-01,False\n")
    assert [one.person for one in came(intake)] == ["x"]


@pytest.mark.parametrize("cell", ["65", "65.0", 65.0, 65])
def test_a_condition_knows_a_whole_number_however_a_program_writes_it(
    tmp_path: Path, cell: str | float
) -> None:
    calls = CALLS.replace("present = true", "equals = 65").replace('"at"', '"who"', 2)
    calls = calls.replace('at = "who"', 'at = "at"')
    rows = f'{{"p": "x", "at": "2024-01-01", "who": {json.dumps(cell)}}}'
    (one,) = came(take(tmp_path, calls, suffix="jsonl", calls=rows))
    assert one.payload["by"] == ("65.0" if cell == "65.0" else "65")


def test_a_missing_value_is_an_empty_text_to_a_condition(tmp_path: Path) -> None:
    calls = CALLS.replace("present = true", 'in = ["", "x"]').replace(
        'column = "at"', 'column = "w"'
    )
    rows = '{"p": "a", "at": "2024-01-01", "who": "", "w": null}'
    assert len(came(take(tmp_path, calls, suffix="jsonl", calls=rows))) == 1


# ---------------------------------------------------------------- ids


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("1499466.0", "1499466"),
        ("1499466", "1499466"),
        ("007.0", "007"),
        ("17.00", "17"),
        ("170", "170"),
        ("1499466.5", "1499466.5"),
        ("L-1.0", "L-1.0"),
        ("1.10", "1.10"),
    ],
)
def test_an_id_is_the_same_as_a_float_of_whole_value(
    tmp_path: Path, raw: str, expected: str
) -> None:
    people = f"id,created_at,company\n{raw},2024-01-01,12.0\n"
    log = (
        "person,kind,at,id,loser,opportunity,note\n"
        f"{raw},merged,2024-01-02,{raw},{raw},,\n{raw},deal,2024-01-02,x,,{raw},12.0\n"
    )
    targets = Targets(
        TARGETS.fields,
        {
            "created": None,
            "merged": {"loser": FieldType("str")},
            "deal": {"opportunity": FieldType("str"), "note": FieldType("str")},
        },
    )
    created, merged, deal = came(take(tmp_path, targets=targets, people=people, activities=log))
    assert (created.person, created.payload) == (expected, {"company": "12.0"})
    assert (merged.person, merged.id, merged.payload) == (expected, expected, {"loser": expected})
    assert deal.payload == {"opportunity": expected, "note": "12.0"}


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_column_of_floats_holds_ids_and_texts_too(tmp_path: Path, suffix: str) -> None:
    frame = pl.DataFrame(
        {"id": [17.0, 2.0**40], "created_at": ["2024-01-01"] * 2, "company": [80331.0, None]}
    )
    path = tmp_path / f"people.{suffix}"
    frame.write_parquet(path) if suffix == "parquet" else frame.write_ndjson(path)
    first, second = came(finish([("people", path)], None, TARGETS))
    assert (first.person, first.payload) == ("17", {"company": "80331"})
    assert (second.person, second.payload) == (str(2**40), {})


# ---------------------------------------------------------------- the place in an instant


SEQUENCES = Targets({}, {"seen": {}})


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "json", "parquet"])
def test_activities_bring_their_place_among_those_of_one_instant(
    tmp_path: Path, suffix: str
) -> None:
    frame = pl.DataFrame(
        {
            "person": ["p"] * 4, "kind": ["seen"] * 4, "at": ["2024-01-01T00:00:00Z"] * 4,
            "id": ["d", "c", "b", "a"], "sequence": [10, None, 2, -1],
        }
    )  # fmt: skip
    path = tmp_path / f"activities.{suffix}"
    writers = {"csv": frame.write_csv, "jsonl": frame.write_ndjson, "json": frame.write_json}
    write: Any = writers.get(suffix, frame.write_parquet)
    write(path)
    intake = finish([("activities", path)], None, SEQUENCES)
    assert [(one.id, one.sequence) for one in came(intake)] == [
        ("d", 10), ("c", None), ("b", 2), ("a", -1),
    ]  # fmt: skip
    assert [one.id for one in by_event(came(intake))] == ["a", "b", "d", "c"]
    assert intake.reports[0].unused == ()


def test_a_mapping_says_where_the_sequence_is(tmp_path: Path) -> None:
    mapping = """
    [log]
    person = "p"
    zone = "UTC"
    [[log.gives]]
    kind = "seen"
    at = "at"
    sequence = { column = "No", decimal = "," }
    [[log.gives]]
    kind = "seen"
    at = "at"
    id = "{p}-x"
    """
    rows = "p,at,No\nx,2024-01-01,1.204\ny,2024-01-01,12.0\nz,2024-01-01,\nu,2024-01-01,first\n"
    intake = take(tmp_path, mapping, targets=SEQUENCES, log=rows)
    assert [(one.person, one.sequence) for one in came(intake)] == [
        ("x", 1204), ("x", None), ("y", 12), ("y", None), ("z", None), ("z", None),
    ]  # fmt: skip
    (reject,) = intake.rejects
    assert (reject.line, reject.column, reject.reason) == (5, "No", "'first' is not a whole number")
    with pytest.raises(FileProblem, match=r"log\.gives\[0\]\.sequence: .* no column 'No'"):
        take(tmp_path, mapping, targets=SEQUENCES, log="p,at\n")


# ---------------------------------------------------------------- what is to be empty


CHANGES = Targets(
    {
        "status": FieldType("str", nullable=True),
        "score": FieldType("int"),
        "met_at": FieldType("datetime", nullable=True),
    },
    {"changed": None, "processed": None, "called": {"status": FieldType("str", nullable=True)}},
)


@pytest.mark.parametrize(
    ("kind", "brought", "expected"),
    [
        ("changed", '"status": null', {"status": None}),
        ("changed", '"status": ""', {"status": None}),
        ("changed", '"status": " ", "met_at": null', {"status": None, "met_at": None}),
        ("changed", '"payload": {"status": null}', {"status": None}),
        ("changed", '"payload": {"status": ""}', {"status": None}),
        ("changed", '"payload": {"status": "x"}, "status": null', {"status": "x"}),
        ("changed", '"status": "x"', {"status": "x"}),
        ("changed", '"other": null', {}),
        ("processed", '"status": null', {}),
        ("called", '"status": null', {}),
        ("called", '"payload": {"status": null}', {}),
    ],
)
def test_null_in_json_empties_a_field_that_changed(
    tmp_path: Path, kind: str, brought: str, expected: dict[str, Any]
) -> None:
    row = f'{{"person": "p", "kind": "{kind}", "at": "2024-01-01", {brought}}}'
    (one,) = came(take(tmp_path, targets=CHANGES, suffix="jsonl", activities=row))
    assert one.payload == expected


@pytest.mark.parametrize("brought", ['"score": null', '"payload": {"score": ""}'])
def test_a_field_that_is_never_missing_cannot_be_emptied(tmp_path: Path, brought: str) -> None:
    row = f'{{"person": "p", "kind": "changed", "at": "2024-01-01", {brought}}}'
    (reject,) = take(tmp_path, targets=CHANGES, suffix="jsonl", activities=row).rejects
    assert "a value is missing: int is required" in reject.reason


def test_an_empty_cell_of_a_table_empties_nothing(tmp_path: Path) -> None:
    head = "person,kind,at,status,payload\n"
    intake = take(tmp_path, targets=CHANGES, activities=head + "p,changed,2024-01-01,,\n")
    assert came(intake)[0].payload == {}
    row = 'p,changed,2024-01-01,,"{""status"": null}"\n'
    assert came(take(tmp_path, targets=CHANGES, activities=head + row))[0].payload == {
        "status": None
    }
    path = tmp_path / "activities.parquet"
    frame = pl.DataFrame({"person": ["p"], "kind": ["changed"], "at": ["2024-01-01"]})
    frame.with_columns(status=pl.lit(None, pl.String)).write_parquet(path)
    assert came(finish([("activities", path)], None, CHANGES))[0].payload == {}


# ---------------------------------------------------------------- what the mapping may not say


def test_only_what_stands_in_a_column_is_translated() -> None:
    mapping = PEOPLE + (
        'fields.source = { text = "{a}-{b}", values = { x = "y" }, otherwise = "z" }\n'
        'fields.company = { const = "x", if_empty = "y" }\n'
    )
    with pytest.raises(FileProblem) as caught:
        parse_mapping(mapping)
    assert [one.split(": ")[0] for one in problems(caught.value)] == [
        "people.fields.source.values", "people.fields.source.otherwise",
        "people.fields.company.if_empty",
    ]  # fmt: skip
    assert problems(caught.value)[2].endswith(
        "it translates what stands in a column, and this is a const: leave it out, or name a column"
    )


def test_rejects_go_where_they_are_asked_to_go(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("id,created_at\n1,\n")
    given: list[Any] = []
    tables = open_inputs([("people", path)])
    with tables[0][1]:
        intake = Intake(tables, TARGETS, reject=given.append)
        assert list(intake) == []
    assert (len(given), intake.rejects) == (1, [])


def test_only_one_file_comes_from_the_standard_input() -> None:
    with pytest.raises(FileProblem, match="only one file can come from the standard input"):
        open_inputs([("people", "-"), ("activities", "-")])


def test_the_encoding_and_delimiter_of_the_mapping_open_the_file(tmp_path: Path) -> None:
    mapping = f'encoding = "cp1252"\ndelimiter = "|"\n{PEOPLE}fields.source = "x"'
    intake = take(tmp_path, mapping, people="id|at|x\np|2024-01-01|a,ñ\n".encode("cp1252"))
    assert came(intake)[0].payload == {"source": "a,ñ"}


@pytest.mark.parametrize("name", ["waterfall", "two_step"])
def test_the_targets_of_a_shipped_model_are_its_fields_and_kinds(name: str) -> None:
    model = load(name)
    targets = Targets.of(model)
    assert targets.fields == model.field_types
    assert set(targets.kinds) == set(model.activity_kinds)
    assert targets.payload("created") == model.field_types
    assert str(targets.payload("form_filled")["form"]) == "str"


values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.dates().map(str),
    st.sampled_from(["p", "created", "form_filled", "score_given", "2024-01-01", "5"]),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.text(max_size=2), st.integers()),
)  # fmt: skip
names = st.sampled_from(
    ["id", "person", "kind", "at", "payload", "form", "points", "met_at", "score"]
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.dictionaries(names, values), max_size=5))
def test_whatever_a_row_holds_it_gives_activities_or_is_rejected(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    content = "".join(json.dumps(one) + "\n" for one in rows)
    intake = take(tmp_path_factory.mktemp("rows"), suffix="jsonl", activities=content)
    assert len(came(intake)) + len(intake.rejects) == len(rows)
    for one in came(intake):
        kind = TARGETS.payload(one.kind)
        assert {
            name: kind[name].accept(value) for name, value in one.payload.items()
        } == one.payload


def test_values_without_a_translation_stay_and_are_counted(tmp_path: Path) -> None:
    mapping = PEOPLE + (
        "[people.fields]\n"
        'source = { column = "Channel", values = { "Paid" = "paid_search" } }\n'
        'company = "Channel"\n'
    )
    rows = (
        "id,at,Channel\n1,2024-01-01,Paid\n2,2024-01-01,Webinar\n3,2024-01-01,Fair\n4,2024-01-01,\n"
    )
    intake = take(tmp_path, mapping, people=rows)
    assert [one.payload.get("source") for one in came(intake)] == [
        "paid_search", "Webinar", "Fair", None,
    ]  # fmt: skip
    assert "2 values of Channel had no translation, such as 'Webinar'" in intake.reports[0].notes


def test_empty_rows_of_a_spreadsheet_are_counted(tmp_path: Path) -> None:
    intake = take(tmp_path, people="id,created_at\n1,2024-01-01\n,\n,\n")
    assert (intake.rejects, intake.reports[0].rows) == ([], 1)
    assert "2 empty rows passed over" in intake.reports[0].notes


@pytest.mark.parametrize("zone", ["UTC", "America/Sao_Paulo", "Europe/Berlin", "Pacific/Auckland"])
@pytest.mark.parametrize("time", ["9999-12-31", "9999-12-31 23:59:59"])
def test_a_time_that_means_never_is_a_reject(tmp_path: Path, zone: str, time: str) -> None:
    mapping = PEOPLE.replace("UTC", zone)
    intake = take(tmp_path, mapping, people=f"id,at\n1,{time}\n2,2024-01-01\n")
    assert [one.person for one in came(intake)] == ["2"]
    (reject,) = intake.rejects
    assert (Path(reject.file).name, reject.line, reject.column) == ("people.csv", 2, "at")


def test_a_table_of_the_mapping_without_a_file_is_always_said(tmp_path: Path) -> None:
    mapping = PEOPLE + (
        '[calls]\nperson = "id"\n[[calls.gives]]\nkind = "sales_touched"\nat = "at"\n'
    )
    intake = take(tmp_path, mapping, people="id,at\n1,2024-01-01\n")
    assert intake.notes == (
        "calls: the mapping has this table, and no file of that role was given",
    )
    with pytest.raises(FileProblem, match="the mapping has no table 'cals'; did you mean 'calls'"):
        take(tmp_path, mapping, people="id,at\n", cals="id,at\n")


def test_files_that_were_swapped_are_told(tmp_path: Path) -> None:
    with pytest.raises(FileProblem) as caught:
        take(tmp_path, people="person,kind,at\n", activities="id,created_at\n")
    said = problems(caught.value)
    assert said[0].endswith("these are the columns of activities: did you mean --activities?")
    assert said[-1].endswith("these are the columns of people: did you mean --people?")
