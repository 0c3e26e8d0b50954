"""``explain`` looks only at rows that may matter, and finds what it would find among all."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lifecycle_fsm.cli.activity_log import Log, read_log
from lifecycle_fsm.errors import FileProblem, LifecycleError
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.rows import parquet_rows
from lifecycle_fsm.tables import Intake, Reject, row_filter
from tests.cli.commands import Cli

MODEL = Lifecycle("two_step").model
IDS = ["1", "12", "p1", "p12", "p-1", "e5", "é1"]
DAYS = ["2024-05-01", "2024-05-02", "2024-06-30", "2024-12-31"]
#: Times of one form and zone each, so that their texts are in the order of the instants; the texts
#: of the last are no times, or none that an activity may have.
FORMS = {
    "seconds": ["T09:00:00Z", "T09:00:01Z", "T23:59:59Z"],
    "parts of a second": ["T09:00:00.000Z", "T09:00:00.125Z", "T09:00:00.500Z"],
    "minutes": [" 09:00+02:00", " 09:01+02:00", " 23:30+02:00"],
    "without a zone": [" 09:00:00", " 02:30:00", " 23:59:59"],
    "days": [""],
    "UTC in words": [" 09:00 UTC", " 10:30 UTC"],
    "all": ["T09:00:00Z", "T23:30:00-11:00", "T00:30:00+13:00", " 10:00", "", ".x"],
}
NO_TIMES = ["", "yesterday", "01/05/2024", "9999-99-99", "20240501", "9999-12-31T09:00:00Z"]
NO_TIMES += ["2024-13-45T09:00:00Z", "\u00a02024-12-31", "'2024-12-31", "2024-W52-2", "-2024"]
TEXTS = ["", "Demo", 'say "p1"', "two\nlines", "p1", "2024-12-31", "a,b", "C:\\new", "\u00fc"]
ids = st.sampled_from(IDS)
#: Ids as programs write them that take a column for one of numbers, or keep a space.
spelled = ids.flatmap(
    lambda name: st.sampled_from([name, name, f" {name}", f"{name}.0" if name.isdigit() else name])
)
#: How many bytes of a file are looked at at once.
block_sizes = st.sampled_from([1, 120, 1 << 18])


def times(form: str) -> st.SearchStrategy[str]:
    return st.builds(
        lambda day, time: day + time, st.sampled_from(DAYS), st.sampled_from(FORMS[form])
    )


Read = tuple[list[Any], Any, list[Reject]]


@st.composite
def rows(draw: st.DrawFn) -> list[dict[str, str]]:
    time = times(draw(st.sampled_from([*FORMS])))
    if draw(st.booleans()):
        time |= st.sampled_from(NO_TIMES)
    made = []
    for place in range(draw(st.integers(0, 12))):
        kind = draw(st.sampled_from(["form_filled", "web_visit", "merged", "nothing"]))
        row = {"id": f"e{place}", "person": draw(spelled), "kind": kind, "at": draw(time)}
        if kind == "merged":
            row["loser"] = draw(spelled)
        if kind == "form_filled":
            row["form"] = draw(st.sampled_from(TEXTS))
        made.append(row)
    return made


@st.composite
def people(draw: st.DrawFn) -> list[dict[str, str]]:
    names = draw(st.lists(ids, unique=True))
    time = times(draw(st.sampled_from([*FORMS])))
    return [
        {"id": name, "created_at": draw(time), "last_name": draw(st.sampled_from(TEXTS))}
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
    def nothing(self: Intake, ids: Any, *, ends: bool) -> None:
        return None

    with nullcontext() if sifted else patch.object(Intake, "filter", nothing):
        log: Log = read_log(
            MODEL,
            inputs,
            person,
            mapping=mapping,
            format=None,
            order="event",
            bar=lambda what, done: None,
        )
    return log.activities, log.end, log.rejects


def same_either_way(
    inputs: list[tuple[str, str]],
    person: str,
    mapping: str | None = None,
    block: int = 1 << 18,
    about: Callable[[Reject], bool] = lambda reject: True,
) -> None:
    """Rows that cannot be used are compared where they are ``about`` the person."""
    logs: list[Any] = []
    for sifted in (True, False):
        try:
            with patch.object(row_filter, "_BLOCK", block):
                activities, end, rejects = read(inputs, person, mapping, sifted)
            logs.append((activities, end, [*filter(about, rejects)]))
        except LifecycleError as error:
            logs.append(str(error))
    assert logs[0] == logs[1]


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
    st.sampled_from(["", "2024-12-31,\n", '"open,\n', "\n", ",,,,,\n", "\ufeff", "x,p1\r"]),
    block_sizes,
)
@example([], [], "p1", csv.QUOTE_MINIMAL, "\n", "", 1 << 18)
def test_the_rows_of_a_csv(
    tmp_path: Path,
    activities: list[dict[str, str]],
    who: list[dict[str, str]],
    person: str,
    quoting: int,
    ending: str,
    more: str,
    block: int,
) -> None:
    columns = ["id", "person", "kind", "form", "at", "loser"]
    text = as_csv(activities, columns, quoting, ending)
    (tmp_path / "a.csv").write_text(more + text if more == "\ufeff" else text + more, newline="")
    names = ["id", "created_at", "last_name"]
    (tmp_path / "p.csv").write_text(as_csv(who, names, quoting, ending), newline="")
    inputs = [("people", str(tmp_path / "p.csv")), ("activities", str(tmp_path / "a.csv"))]
    same_either_way(inputs, person, block=block)


@ANYTHING
@given(
    rows(),
    ids,
    st.booleans(),
    st.sampled_from(["", "\n", "{\n", '{"at": "2024-05-01"}\n', '{"at": 20240501}\n']),
    block_sizes,
)
def test_the_lines_of_json(
    tmp_path: Path,
    activities: list[dict[str, str]],
    person: str,
    ascii: bool,
    more: str,
    block: int,
) -> None:
    (tmp_path / "a.jsonl").write_text(as_jsonl(activities, ascii) + more, "utf-8")
    same_either_way([("activities", str(tmp_path / "a.jsonl"))], person, block=block)


#: Types of the times of a Parquet file, and some of them; -1e17 is in no year that Python has.
INSTANTS: dict[str, tuple[Any, list[Any]]] = {
    "days": (pl.Date, [19844, 19845, 20088, 9_000_000]),
    "milliseconds": (pl.Datetime("ms", "UTC"), [1714554000000, 1714554000001, -(10**17)]),
    "of another zone": (pl.Datetime("us", "Asia/Tokyo"), [1714554000000000, 1735689599999999]),
    "on the wall": (pl.Datetime("us"), [1711852200000000, 1711854600000000, -(10**17)]),
    "nanoseconds": (pl.Datetime("ns", "UTC"), [1714554000000000000, 1714554000000000001]),
    "texts": (pl.String, ["2024-05-01", "2024-05-01T09:00Z", "yesterday"]),
}
LETTERS = ["p1", "p12", "p-1", "e5", "n12"]
NUMBERS = ["1234567", "12345678", "77", "2024"]


@st.composite
def parquet(draw: st.DrawFn) -> pl.DataFrame:
    time, instants = INSTANTS[draw(st.sampled_from([*INSTANTS]))]
    names = draw(st.sampled_from([LETTERS, NUMBERS]))
    texts = ["", "Demo", "p1", "a\n12", 'say "p12"', "1234567", *names]
    columns: dict[str, tuple[Any, list[Any]]] = {
        "person": (pl.String, names),
        "kind": (pl.String, ["form_filled", "web_visit", "merged", "nothing"]),
        "at": (pl.String if time == pl.String else pl.Int64, instants),
        "loser": (pl.String, names),
        "form": (pl.String, texts),
        "amount": (pl.Float64, [0.1234567, 12345678.0, 1e20, float("nan"), float("inf"), 77.5]),
        "visits": (pl.Int32, [1234567, 77, 2024]),
    }
    row = st.tuples(*(st.sampled_from([None, *values]) for _, values in columns.values()))
    made = draw(st.lists(row, min_size=1, max_size=12))
    schema = {name: kind for name, (kind, _) in columns.items()}
    frame = pl.DataFrame(made, schema, orient="row").with_columns(pl.col("at").cast(time))
    if names is NUMBERS:
        kind: Any = draw(st.sampled_from([pl.String, pl.Int64, pl.Float64, pl.Categorical]))
        frame = frame.with_columns(pl.col("person", "loser").cast(kind))
    return frame.rename({"visits": draw(st.sampled_from(["visits", "p1", "in 2024"]))})


@ANYTHING
@given(
    parquet(),
    st.sampled_from(LETTERS + NUMBERS),
    st.sampled_from([1, 3, 20_000]),
    st.booleans(),
)
def test_the_rows_of_a_parquet_file(
    tmp_path: Path, frame: pl.DataFrame, person: str, batch: int, mapped: bool
) -> None:
    frame.write_parquet(tmp_path / "a.parquet")
    (tmp_path / "map.toml").write_text(
        'zone = "Europe/Berlin"\n[activities]\nperson = "person"\n[[activities.gives]]\n'
        'kind = {column = "kind"}\nat = "at"\npayload = {form = "form", loser = "loser"}\n'
    )
    inputs = [("activities", str(tmp_path / "a.parquet"))]

    def about(reject: Reject) -> bool:
        return person in map(as_id, frame.select("person", "loser").row(reject.line - 1))

    with patch.object(parquet_rows, "BATCH", batch), patch.object(row_filter, "BATCH", batch):
        same_either_way(inputs, person, str(tmp_path / "map.toml") if mapped else None, about=about)


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


HEADER = "person,kind,at,points,also\n"
MAPPED = 'zone = "Europe/Berlin"\n[activities]\nperson = "person"\n'
TWO_TIMES = (
    f'{MAPPED}gives = [{{kind = "web_visit", at = "at"}}, '
    '{kind = "web_visit", at = "also", only_if = {column = "points", equals = "yes"}}]'
)
#: Rows behind one of p1, who is asked for; the mapping; and when the last activity happened.
ENDS = {
    "the last one counts": ("p2,web_visit,2024-05-02T09:00Z,,\n", "", "2024-05-02T09:00"),
    "order does not matter": (
        "p2,web_visit,2024-05-09T09:00Z,,\np3,web_visit,2024-05-02T09:00Z,,\n",
        "",
        "2024-05-09T09:00",
    ),
    "an unknown kind": (
        "p2,web_visit,2024-05-02T09:00Z,,\np3,yodel,2024-05-03T09:00Z,,\n",
        "",
        "2024-05-02T09:00",
    ),
    "a value that is no number": (
        "p2,web_visit,2024-05-02T09:00Z,,\np3,score_given,2024-05-03T09:00Z,many,\n",
        "",
        "2024-05-02T09:00",
    ),
    "a date that stands for never": (
        "p2,web_visit,2024-05-02T09:00Z,,\np3,web_visit,9999-12-31T09:00Z,,\n",
        "",
        "2024-05-02T09:00",
    ),
    "a day that there is not": (
        "p2,web_visit,2024-05-02T09:00Z,,\np3,web_visit,2024-06-31T09:00Z,,\n",
        "",
        "2024-05-02T09:00",
    ),
    "too few columns": (
        "p2,web_visit,2024-05-02T09:00Z,,\np3,web_visit\np3,web_visit,2024-06-01T09:00Z\n\n",
        "",
        "2024-05-02T09:00",
    ),
    "another zone": (
        "p2,web_visit,2024-05-01T23:30:00-11:00,,\np3,web_visit,2024-05-02T00:30:00+13:00,,\n",
        "",
        "2024-05-02T10:30",
    ),
    "an earlier day in another zone": (
        "p2,web_visit,2024-05-01T23:30:00-11:00,,\np1,web_visit,2024-05-02T00:10:00Z,,\n",
        "",
        "2024-05-02T10:30",
    ),
    "another form": (
        "p2,web_visit,2024-05-02T09:00Z,,\np3,web_visit,20240503T0900Z,,\n",
        "",
        "2024-05-03T09:00",
    ),
    "days and weeks": (
        "p2,web_visit,2024-05-02T09:00Z,,\np3,web_visit,2024-W52-2T09:00:00Z,,\n",
        "",
        "2024-12-24T09:00",
    ),
    "a space that is none of ASCII": (
        "p2,web_visit,2024-05-02T09:00Z,,\np3,web_visit,\u00a02024-05-03T09:00Z,,\n",
        "",
        "2024-05-03T09:00",
    ),
    "an hour that was left out": (
        "p2,web_visit,2024-03-31 02:30,,\np3,web_visit,2024-03-31 03:10,,\n",
        f'{MAPPED}gives = [{{kind = "web_visit", at = "at"}}]',
        "2024-03-31T01:30",
    ),
    "an hour that was left out, among others": (
        "p2,web_visit,2024-03-31 02:30,,\np1,web_visit,2024-03-31 03:20,,\n",
        f'{MAPPED}gives = [{{kind = "web_visit", at = "at"}}]',
        "2024-03-31T01:30",
    ),
    "a tab behind an apostrophe": (
        "p2,web_visit,2024-05-02T09:00Z,,\np3,web_visit,'\t2024-05-03T09:00Z,,\n",
        "",
        "2024-05-03T09:00",
    ),
    "a carriage return for the end of a line": (
        "p2,web_visit,2023-05-02T09:00Z,,\rp3,web_visit,2024-05-03T09:00Z,,\n",
        "",
        "2024-05-03T09:00",
    ),
    "lines that are within a value": (
        'p2,web_visit,"2024-05-02T09:00Z,,\np3,web_visit,2024-06-03T09:00Z,,\np4,web_visit,",,\n',
        "",
        "2024-01-01T09:00",
    ),
    "a day that was left out": (
        "p2,web_visit,2011-12-30 12:00,,\np3,web_visit,2011-12-31 08:00,,\n",
        'zone = "Pacific/Apia"\n[activities]\nperson = "person"\n'
        'gives = [{kind = "web_visit", at = "at"}]',
        "2011-12-30T22:00",
    ),
    "a condition that does not hold": (
        "p2,web_visit,2024-05-02 09:00,,2024-05-03 09:00\n"
        "p3,web_visit,2024-05-02 08:00,no,2024-05-04 09:00\n",
        TWO_TIMES,
        "2024-05-02T07:00",
    ),
    "a condition that holds": (
        "p2,web_visit,2024-05-02 09:00,,2024-05-03 09:00\n"
        "p3,web_visit,2024-05-02 08:00,yes,2024-05-04 09:00\n",
        TWO_TIMES,
        "2024-05-04T07:00",
    ),
    "what the mapping takes for empty": (
        "p2,web_visit,2024-05-02 09:00,,\np3,web_visit,2024-12-31 00:00,,\n",
        f'{MAPPED}empty = ["2024-12-31 00:00"]\ngives = [{{kind = "web_visit", at = "at"}}]',
        "2024-05-02T07:00",
    ),
    "nothing that can be used": ("p3,yodel,2024-05-02T09:00Z,,\n", "", "2024-01-01T09:00"),
}


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("block", [1, 1 << 18])
def test_all_ends_with_the_last_row_that_can_be_used(tmp_path: Path, name: str, block: int) -> None:
    rows, mapping, end = ENDS[name]
    first = "2024-01-01 10:00" if mapping else "2024-01-01T09:00Z"
    if "Apia" in mapping:
        first = "2011-01-01 10:00"
    (tmp_path / "a.csv").write_text(f"{HEADER}p1,web_visit,{first},,\n{rows}", "utf-8", newline="")
    (tmp_path / "map.toml").write_text(mapping)
    inputs = [("activities", str(tmp_path / "a.csv"))]
    own = str(tmp_path / "map.toml") if mapping else None
    assert f"{read(inputs, 'p1', own, True)[1]:%Y-%m-%dT%H:%M}" == end
    same_either_way(inputs, "p1", own, block)


GIVES = 'person = "person"\ngives = [{kind = "web_visit", at = "at"}]\n'


def test_a_line_that_is_too_short_does_not_hide_the_next(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "person,also,at,kind\np1,,2024-05-01T09:00Z,web_visit\np2,x\n"
        "p3,,2024-06-01T09:00Z,web_visit\np1,,2024-05-02T09:00Z,web_visit\n"
    )
    inputs = [("activities", str(tmp_path / "a.csv"))]
    assert f"{read(inputs, 'p1', None, True)[1]:%Y-%m-%d}" == "2024-06-01"
    same_either_way(inputs, "p1")


def test_what_parts_columns_may_stand_in_a_time(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(f'zone = "UTC"\n[activities]\ndelimiter = "+"\n{GIVES}')
    (tmp_path / "a.csv").write_text(
        "person+at+more\np1+2024-05-02T08:00+02:00\np2+2024-05-02T09:00+02:00\n"
    )
    inputs, mapping = [("activities", str(tmp_path / "a.csv"))], str(tmp_path / "map.toml")
    assert f"{read(inputs, 'p1', mapping, True)[1]:%H:%M}" == "09:00"
    same_either_way(inputs, "p1", mapping)


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("person,at\rp2,2024-06-01\n", "{},{}\n"),  # two lines, to csv
        ("sep=,\nperson,at\n", "{},{}\n"),
        ("\n\nperson,at\n", "{},{}\n"),
        ('person,"at",";\n"\n', "{},{},\n"),
        # To who tries a comma, this header goes on for two lines.
        ('person;at;more,"x\np2;2024-06-01;"y,z\n', "{};{};\n"),
    ],
)
def test_where_the_rows_begin(tmp_path: Path, head: str, row: str) -> None:
    rows = row.format("p1", "2024-05-01") + row.format("p3", "2024-05-02")
    (tmp_path / "a.csv").write_text(head + rows, newline="")
    (tmp_path / "map.toml").write_text(f'zone = "UTC"\n[activities]\n{GIVES}')
    inputs, mapping = [("activities", str(tmp_path / "a.csv"))], str(tmp_path / "map.toml")
    assert read(inputs, "p1", mapping, True)[1] >= datetime(2024, 5, 2, tzinfo=UTC)
    same_either_way(inputs, "p1", mapping)


#: An id, and how a line of JSON may name it.
IN_JSON = [
    ("p1", r'"\u0070\u0031"'),
    ("p1", r'"\np1"'),
    ("p1", r'"\u2003p1\u00a0"'),
    ("12", "1.2e1"),
    ("12", "12.0"),
    ("12", "120E-1"),
    ("-12", "-1.2e1"),
    ("1e+16", "10000000000000000.0"),
]


@pytest.mark.parametrize(("person", "written"), IN_JSON)
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_an_id_in_json(tmp_path: Path, person: str, written: str, start: str) -> None:
    line = '{{"person": {}, "kind": "web_visit", "at": "2024-05-{}T09:00Z"}}\n'.format
    (tmp_path / "a.jsonl").write_text(
        start + line('"p2"', "03") + line(written, "01") + line('"p3"', "02"), "utf-8"
    )
    inputs = [("activities", str(tmp_path / "a.jsonl"))]
    activities, end, _ = read(inputs, person, None, True)
    assert [one.person for one in activities] == [person]
    assert f"{end:%Y-%m-%d}" == "2024-05-03"
    same_either_way(inputs, person)


def test_two_times_in_json(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"person": "p1", "at": "2024-05-01", "also": "2024-05-04"}\n'
        '{"person": "p2", "at": "2024-05-01", "also": "2024-05-05"}\n'
        '{"person": "p3", "at": "2024-05-04", "also": "2024-05-03"}\n'
    )
    (tmp_path / "map.toml").write_text(
        'zone = "UTC"\n[activities]\nperson = "person"\n'
        'gives = [{kind = "web_visit", at = "at"}, {kind = "web_visit", at = "also"}]'
    )
    inputs, mapping = [("activities", str(tmp_path / "a.jsonl"))], str(tmp_path / "map.toml")
    assert f"{read(inputs, 'p1', mapping, True)[1]:%Y-%m-%d}" == "2024-05-05"
    same_either_way(inputs, "p1", mapping)


def as_id(value: Any) -> str:
    return str(value).strip().removesuffix(".0")


@pytest.mark.parametrize(
    ("column", "count"), [("person", 1), ("loser", 1), ("contact", 1), ("form", 0), ("amount", 0)]
)
def test_rejects_of_a_parquet_file_are_about_whom_it_names(
    tmp_path: Path, column: str, count: int
) -> None:
    frame = pl.DataFrame({"person": ["p2", "7654321"], "kind": ["yodel", "web_visit"]})
    frame = frame.with_columns(pl.lit(datetime(2024, 5, 1, tzinfo=UTC)).alias("at"))
    own = pl.Series(column, ["7654321", frame[column][1] if column in frame.columns else None])
    frame.with_columns(own).write_parquet(tmp_path / "a.parquet")
    inputs = [("activities", str(tmp_path / "a.parquet"))]
    activities, _, rejects = read(inputs, "7654321", None, True)
    assert (len(activities), len(rejects)) == (1, count)


def test_most_parts_of_a_sorted_parquet_file_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    frame = pl.DataFrame({"person": [f"p{number:04}" for number in range(1000)]})
    frame.with_columns(
        pl.lit("web_visit").alias("kind"),
        pl.lit(datetime(2024, 5, 1, tzinfo=UTC)).alias("at"),
        pl.lit(None, pl.String).alias("loser"),
    ).write_parquet(path, row_group_size=100, compression="uncompressed")
    data = bytearray(path.read_bytes())
    assert data.count(b"p0950") == 1
    first = data.index(b"p0950")
    data[first : first + 5] = b"\xff\xff\xff\xff\xff"  # no text: an error where it is read
    path.write_bytes(data)
    assert len(read([("activities", str(path))], "p0150", None, True)[0]) == 1
    with pytest.raises(FileProblem, match="cannot be read to its end"):
        read([("activities", str(path))], "p0955", None, True)


@pytest.mark.parametrize(
    ("person", "written"),
    [
        ("p1", "p1"),
        ("p1", " p1"),
        ("p1", "\u00a0p1"),
        ("p1", "p1\t"),
        ("7", "7.0"),
        ("7", "7.00 "),
        ("7", 7),
    ],
)
def test_ids_of_a_parquet_file(tmp_path: Path, person: str, written: Any) -> None:
    others = ["p0", "p11"] if isinstance(written, str) else [6, 77]
    frame = pl.DataFrame({"person": [*others, written]}).with_columns(
        pl.lit("web_visit").alias("kind"), pl.lit(datetime(2024, 5, 1, tzinfo=UTC)).alias("at")
    )
    frame.write_parquet(tmp_path / "a.parquet")
    inputs = [("activities", str(tmp_path / "a.parquet"))]
    assert [one.person for one in read(inputs, person, None, True)[0]] == [person]
    same_either_way(inputs, person)


def test_persons_of_a_parquet_file_that_are_times(tmp_path: Path) -> None:
    at = [datetime(2024, 5, day) for day in (1, 2)]  # noqa: DTZ001
    frame = pl.DataFrame({"person": at, "kind": "web_visit", "at": at})
    frame.write_parquet(tmp_path / "a.parquet")
    inputs = [("activities", str(tmp_path / "a.parquet"))]
    assert len(read(inputs, "2024-05-01T00:00:00", None, True)[0]) == 1
    same_either_way(inputs, "2024-05-01T00:00:00")


def test_losers_in_the_payload_of_a_parquet_file(tmp_path: Path) -> None:
    payload = [r'{"loser": "\u0070\u0031"}', None]
    frame = pl.DataFrame({"person": ["p2", "p1"], "kind": ["merged", "web_visit"]}).with_columns(
        pl.lit(datetime(2024, 5, 1, tzinfo=UTC)).alias("at"), pl.Series("payload", payload)
    )
    frame.write_parquet(tmp_path / "a.parquet")
    inputs = [("activities", str(tmp_path / "a.parquet"))]
    assert {one.person for one in read(inputs, "p1", None, True)[0]} == {"p1", "p2"}
    same_either_way(inputs, "p1")


#: Times on the wall of somebody else and of p1, the zone, and when the last activity happened.
ON_WALLS = {
    "an hour that was left out": (
        ["2024-03-31 02:30", "2024-03-31 03:10"],
        "2024-03-31 03:20",
        "Europe/Berlin",
        "2024-03-31T01:30",
    ),
    "the day before": (
        ["2024-05-01 23:00"],
        "2024-05-01 22:00",
        "America/Los_Angeles",
        "2024-05-02T06:00",
    ),
    "the first of all days": (["0001-01-02 09:00"], "0001-01-01 09:00", "UTC", "1-01-02T09:00"),
}


@pytest.mark.parametrize("name", ON_WALLS)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_times_on_a_wall(tmp_path: Path, name: str, kind: str) -> None:
    others, own, zone, end = ON_WALLS[name]
    frame = pl.DataFrame({"person": [*("p2" for _ in others), "p1"], "at": [*others, own]})
    path = tmp_path / f"a.{kind}"
    if kind == "csv":
        frame.write_csv(path)
    else:
        frame.with_columns(pl.col("at").str.to_datetime("%Y-%m-%d %H:%M")).write_parquet(path)
    (tmp_path / "map.toml").write_text(f'zone = "{zone}"\n[activities]\n{GIVES}')
    inputs, mapping = [("activities", str(path))], str(tmp_path / "map.toml")
    last = read(inputs, "p1", mapping, True)[1]
    assert f"{last.year}-{last:%m-%dT%H:%M}" == end
    same_either_way(inputs, "p1", mapping)


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


def a_year(kind: str, path: Path) -> int:
    """Write a file with a row for most days of a year, of 50 people; how many rows it has."""
    made = [
        {"person": f"p{place % 50}", "kind": "web_visit", "at": f"2024-{month:02}-{day:02}T09:00Z"}
        for place, (month, day) in enumerate((m, d) for m in range(1, 13) for d in range(1, 29))
    ]
    made.append({"person": "p7", "kind": "merged", "at": "2024-03-01T09:00Z", "loser": "p8"})
    made += [
        {"person": "p3", "kind": "yodel", "at": "2024-12-28T10:00Z"},
        {"person": "p3", "kind": "web_visit", "at": "2024-12-28T09:00Z"},
    ]
    columns = ["person", "kind", "at", "loser"]
    if kind == "jsonl":
        path.write_text(as_jsonl(made, True))
    elif kind == "parquet":
        frame = pl.DataFrame(made, schema=columns, infer_schema_length=None)
        frame.with_columns(pl.col("at").str.to_datetime("%Y-%m-%dT%H:%M%#z")).write_parquet(path)
    else:
        quoting = csv.QUOTE_ALL if kind == "quoted" else csv.QUOTE_MINIMAL
        path.write_text(as_csv(made, columns, quoting, "\n"))
    return len(made)


@pytest.mark.parametrize("kind", ["csv", "quoted", "jsonl", "parquet"])
def test_rows_of_others_are_passed_by(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind if kind in ('jsonl', 'parquet') else 'csv'}"
    rows = a_year(kind, path)
    inputs = [("activities", str(path))]
    # Seven rows are their own; the last of all cannot be used, and of the two before it one counts.
    assert bound_rows(lambda: read(inputs, "p9", None, True)) == 7 + 2
    assert bound_rows(lambda: read(inputs, "p9", None, False)) == rows
    activities, end, _ = read(inputs, "p8", None, True)
    assert {one.person for one in activities} == {"p7", "p8"}
    assert f"{end:%Y-%m-%d %H}" == "2024-12-28 09"
    same_either_way(inputs, "p8")


def test_people_of_the_same_day_are_passed_by(tmp_path: Path) -> None:
    rows = "".join(f"p{number},2024-05-01\n" for number in range(100))
    (tmp_path / "p.csv").write_text(f"id,created_at\n{rows}")
    inputs = [("people", str(tmp_path / "p.csv"))]
    assert bound_rows(lambda: read(inputs, "p9", None, True)) == 1
    same_either_way(inputs, "p9")


STORIES = """\
id,person,kind,at,form,loser,score
1,p1,form_filled,2024-03-01T10:00:00Z,Hand-Raise: Demo,,
2,p2,web_visit,2024-11-05T10:00:00Z,,,
3,p3,merged,2024-05-05T10:00:00Z,,p1,
4,p2,form_filled,2024-12-05T10:00:00Z,Newsletter,,
5,p2,yodel,2025-12-05T10:00:00Z,,,
"""


@pytest.mark.parametrize("model", ["two_step", "waterfall"])
@pytest.mark.parametrize("person", ["p1", "p2", "p3", "Bo", "bo@b.example"])
@pytest.mark.parametrize("more", [(), ("--order", "arrival"), ("--at", "2024-06-01"), ("--json",)])
def test_the_story_is_the_same(
    cli: Cli, tmp_path: Path, model: str, person: str, more: tuple[str, ...]
) -> None:
    """Up to the last activity of somebody else time passes, and scores decay."""
    (tmp_path / "p.csv").write_text(
        "id,created_at,first_name,email,country\np1,2024-01-01,Al,al@a.example,DE\n"
        "p2,2024-02-01,Bo,bo@b.example,DE\np3,2024-01-02,Cy,al@a.example,FR\n"
    )
    (tmp_path / "a.csv").write_text(STORIES)
    asked = ("explain", model, person, "--people", "p.csv", "--activities", "a.csv", *more)
    sifted = cli(*asked)
    with patch.object(Intake, "filter", lambda self, ids, *, ends: None):
        assert cli(*asked) == sifted
    assert sifted.code == 0


def test_only_rows_about_the_person_are_told_to_be_of_no_use(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("id,created_at,employees\np1,2024-05-01,\np2,2024-05-01,x\n")
    (tmp_path / "a.csv").write_text("person,kind,at\np1,web_visit,never\np2,web_visit,2024-05-02\n")
    done = cli("explain", "two_step", "p1", "--people", "p.csv", "--activities", "a.csv")
    assert done.code == 0
    assert done.err == "note: 1 row about 'p1' could not be used: see `run`\n"
