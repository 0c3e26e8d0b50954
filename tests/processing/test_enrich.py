"""Step 020: tables, rows and services that know more, and what happens when they do not."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars
import pytest

from lifecycle_fsm.errors import FileProblem, MissingExtra, ModelError
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.person import BASE_FIELDS, Person
from lifecycle_fsm.processing import Chain, ChainResult, Context, Rows, Run, Step, StepError
from lifecycle_fsm.processing.enrich import make
from lifecycle_fsm.processing.step import BuiltStep, Options, Resources

TYPES: Mapping[str, FieldType] = {name: one.type for name, one in BASE_FIELDS.items()}
NOW = Context(datetime(2024, 5, 1, tzinfo=UTC))
COLUMNS = {"staff": "employees", "branch": "industry"}


def made(
    folder: Path | str = "", rows: Rows | None = None, run: Run | None = None, **options: Any
) -> BuiltStep:
    options.setdefault("columns", COLUMNS)
    return make(Options(options), Resources(types=TYPES, folder=folder, rows=rows, run=run))


def result(one: BuiltStep, person: Person) -> ChainResult:
    step = Step(20, "enrich", one.run, one.reads, one.writes, on_failure="skip")
    return Chain([step], TYPES).run(person, NOW)


def changes(one: BuiltStep, **fields: Any) -> Mapping[str, Value]:
    found = result(one, Person("p-1", **fields))
    assert found.skipped == ()
    return found.values


@pytest.fixture
def companies(tmp_path: Path) -> Path:
    (tmp_path / "companies.csv").write_text(
        "\ufeffdomain,staff,branch,notes\n"
        'acme.com,40,"Tools, traps","two\nlines"\n'
        "Sparse.com,, ,\n"
        ",7,nobody,\n"
        "\n"
        "007.com, 7 , secret ,\n",
        encoding="utf-8",
    )
    return tmp_path


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"domain": "acme.com"}, {"employees": 40, "industry": "Tools, traps"}),
        ({"domain": " ACME.com"}, {"employees": 40, "industry": "Tools, traps"}),
        ({"domain": "007.com"}, {"employees": 7, "industry": "secret"}),
        ({"domain": "acme.com", "employees": 3}, {"industry": "Tools, traps"}),
        ({"domain": "acme.com", "industry": ""}, {"employees": 40, "industry": "Tools, traps"}),
        ({"domain": "sparse.com"}, {}),
        ({"domain": "other.com"}, {}),
        ({"domain": ""}, {}),
        ({}, {}),
    ],
)
def test_a_table_fills_what_is_missing(
    companies: Path, fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    one = made(companies, table="companies.csv")
    assert changes(one, **fields) == expected
    assert one.writes == ("employees", "industry")
    assert one.reads == ("domain", "employees", "industry")


def test_a_table_overwrites_when_told_but_never_with_nothing(companies: Path) -> None:
    one = made(companies, table="companies.csv", overwrite=True)
    assert one.reads == ("domain",)
    assert changes(one, domain="acme.com", employees=3) == {
        "employees": 40,
        "industry": "Tools, traps",
    }
    assert changes(one, domain="sparse.com", employees=3) == {}


def test_a_table_is_read_once(companies: Path) -> None:
    one = made(companies, table="companies.csv")
    (companies / "companies.csv").unlink()
    assert changes(one, domain="acme.com", industry="x") == {"employees": 40}


def test_an_absolute_path_is_taken_as_it_is(companies: Path) -> None:
    one = made(companies, table=str(companies / "companies.csv"))
    assert changes(one, domain="007.com", industry="x") == {"employees": 7}


def test_columns_of_one_name_can_be_listed(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("web,employees\nacme.com,5\n")
    one = made(tmp_path, table="c.csv", key_column="web", columns=["employees"])
    assert changes(one, domain="acme.com") == {"employees": 5}


def test_the_key_may_be_the_id(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("id,employees\np-1,5\np-2,6\n")
    one = made(tmp_path, table="c.csv", key="id", columns=["employees"])
    assert changes(one) == {"employees": 5}


def test_a_key_is_read_as_its_field_is(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("employees,industry\n0040,x\n7,y\n")
    one = made(tmp_path, table="c.csv", key="employees", columns=["industry"])
    assert changes(one, employees=40) == {"industry": "x"}
    (tmp_path / "c.csv").write_text("employees,industry\nforty,x\n")
    with pytest.raises(FileProblem, match="line 2: the key 'forty' is not a whole number"):
        made(tmp_path, table="c.csv", key="employees", columns=["industry"])


def test_a_parquet_file_is_a_table_too(tmp_path: Path) -> None:
    polars.DataFrame(
        {"domain": ["acme.com", None, "b.com"], "staff": [4, 5, None], "branch": ["x", "y", "z"]}
    ).write_parquet(tmp_path / "c.parquet")
    one = made(tmp_path, table="c.parquet")
    assert changes(one, domain="acme.com") == {"employees": 4, "industry": "x"}
    assert changes(one, domain="b.com") == {"industry": "z"}


def test_a_parquet_file_without_polars_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.parquet").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(MissingExtra, match=r"lifecycle-fsm\[tables\]"):
        made(tmp_path, table="c.parquet")


def test_a_csv_file_needs_no_extra(companies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    assert made(companies, table="companies.csv").writes == ("employees", "industry")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'domain,staff,branch\nacme.com,1,"a\nb"\nb.com,2,\nACME.com ,3,\nb.com,4,\nb.com,5,\n',
            [
                "the key 'acme.com' stands 2 times, keep one: line 2, line 5",
                "the key 'b.com' stands 3 times, keep one: line 4, line 6, line 7",
            ],
        ),
        (
            "domain,staff,branch\nacme.com,many,\nb.com,2,\nc.com,1.5,\n",
            [
                "line 2, column 'staff': 'many' is not a whole number",
                "line 4, column 'staff': '1.5'",
            ],
        ),
        (
            "domain,staf,branch\n",
            ["no column named 'staff'; did you mean 'staf'?", "it has 'domain'"],
        ),
        ("", ["is empty: it needs a header with the names of its columns"]),
        ("domain,staff,branch\nacme.com,1\n", ["line 2: it has 2 columns, and the header has 3"]),
        (
            'domain,staff,branch\na.com,1,x\nb.com,"1,x\n',
            ["line 3: a quote is opened and never closed"],
        ),
        ('domain,staff,branch,"a\nb"\na.com,many,x,\n', ["line 3, column 'staff'"]),
        (
            "domain,staff,branch\n" + "".join(f"{n}.com,x,\n" for n in range(9)),
            ["line 6", "and 4 more"],
        ),
    ],
)
def test_a_bad_table_is_told_with_its_lines(tmp_path: Path, text: str, expected: list[str]) -> None:
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(FileProblem) as caught:
        made(tmp_path, table="c.csv")
    for part in (str(tmp_path / "c.csv"), *expected):
        assert part in str(caught.value)


def test_a_table_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_bytes("domain,staff,branch\na.com,1,Büro\n".encode("latin-1"))
    with pytest.raises(
        FileProblem,
        match="line 2: byte 0xFC at character 10 is no text in utf-8: save the file as UTF-8",
    ):
        made(tmp_path, table="c.csv")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gone.csv", "gone.csv: there is no such file"),
        (".", "there is no such file"),
        ("c.xlsx", "c.xlsx: a table is a .csv or a .parquet file"),
        ("c.parquet", "c.parquet is no Parquet file that can be read"),
    ],
)
def test_a_file_that_is_no_table_is_told(tmp_path: Path, name: str, expected: str) -> None:
    (tmp_path / "c.xlsx").write_text("x")
    (tmp_path / "c.parquet").write_text("x")
    with pytest.raises(FileProblem) as caught:
        made(tmp_path, table=name)
    assert expected in str(caught.value)


def test_a_parquet_file_without_the_column_is_told(tmp_path: Path) -> None:
    polars.DataFrame({"domain": ["a.com"], "staff": [1]}).write_parquet(tmp_path / "c.parquet")
    with pytest.raises(FileProblem, match="no column named 'branch'; it has 'domain', 'staff'"):
        made(tmp_path, table="c.parquet")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"columns": {}}, "columns: name what to take"),
        (
            {"columns": {"staff": "employes"}},
            "no field named 'employes'; did you mean 'employees'?",
        ),
        ({"columns": {"a": "industry", "b": "industry"}}, "two columns fill one field"),
        ({"columns": {"a": 3}}, "columns: 'a': give a text, not 3"),
        ({"columns": 3}, "columns: give a table of names and values, not 3"),
        ({"columns": [3]}, "columns: give a list of texts, not [3]"),
        ({"columns": ["stage"]}, "only the machine writes 'stage'"),
        ({"columns": ["hand_raised"]}, "'hand_raised' is never missing"),
        ({"columns": ["behavior_score"]}, "declare it 'int | None', or set overwrite = true"),
        ({"columns": ["created_by"]}, "'created_by' is never missing"),
        ({"key": "domian"}, "key: no field named 'domian'; did you mean 'domain'?"),
        ({"overwrite": "yes"}, "overwrite: write true or false, not 'yes'"),
        ({"table": 1.5}, "table: give a text, not 1.5"),
        ({"collumns": {}}, "no option named 'collumns'; did you mean 'columns'?"),
    ],
)
def test_a_wrong_option_is_explained(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ModelError) as caught:
        made(**options)
    assert any(expected in str(one) for one in caught.value.problems), caught.value


def test_a_field_that_is_never_missing_can_be_overwritten(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("domain,behavior_score\na.com,5\n")
    one = made(tmp_path, table="c.csv", columns=["behavior_score"], overwrite=True)
    assert changes(one, domain="a.com") == {"behavior_score": 5}


def test_a_text_that_is_empty_counts_as_missing() -> None:
    types = {**TYPES, "note": FieldType("str")}
    around = Resources(types=types, rows={"a.com": {"note": "x"}})
    one = make(Options({"columns": ["note"]}), around)
    assert one.writes == ("note",)


def test_a_host_can_bring_rows() -> None:
    rows: dict[str, dict[str, Any]] = {
        "Acme.com": {"staff": 40, "more": 1},
        "b.com": {"branch": "x"},
    }
    one = made(rows=rows, table="companies.csv")
    assert changes(one, domain="acme.com") == {"employees": 40}
    rows["acme.com"] = {}
    with pytest.raises(FileProblem, match=r"the rows given.*row 'Acme.com', row 'acme.com'"):
        made(rows=rows)


def test_a_step_with_no_source_keeps_its_place_and_does_nothing() -> None:
    one = made()
    assert changes(one, domain="acme.com") == {}
    assert one.writes == ("employees", "industry")


def test_a_host_can_bring_a_service_which_fills_what_is_missing() -> None:
    def ask(person: Any, context: Context) -> Mapping[str, Value]:
        return {"employees": 40, "industry": person.domain}

    assert changes(made(run=ask), domain="acme.com", employees=3) == {"industry": "acme.com"}
    overwriting = made(run=ask, overwrite=True)
    assert changes(overwriting, domain="acme.com", employees=3) == {
        "employees": 40,
        "industry": "acme.com",
    }


def test_a_service_that_is_down_is_skipped_with_the_error() -> None:
    def ask(person: Any, context: Context) -> Mapping[str, Value]:
        raise ConnectionError("no answer")

    found = result(made(run=ask), Person("p-1", domain="acme.com"))
    assert found == ChainResult({}, skipped=(StepError("enrich", "ConnectionError: no answer"),))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"industri": "x"}, "wrote 'industri'"),
        (None, "returned NoneType"),
        ({"employees": "?"}, "'?'"),
    ],
)
def test_a_service_that_answers_wrongly_is_skipped_with_the_error(
    given: Any, expected: str
) -> None:
    found = result(made(run=lambda person, context: given), Person("p-1"))
    assert found.values == {}
    assert expected in found.skipped[0].message


def test_a_service_may_not_write_what_is_known_and_not_declared() -> None:
    ask = made(run=lambda person, context: {"source": "service"})
    assert "wrote 'source'" in result(ask, Person("p-1", source="ads")).skipped[0].message


# ---------------------------------------------------------------- where tables may lie


@pytest.fixture
def model_folder(companies: Path) -> Path:
    """A folder for a model beside, and one below, a table."""
    for folder in ("model/data", "models"):
        (companies / folder).mkdir(parents=True)
    for folder in ("model", "model/data", "models"):
        (companies / folder / "companies.csv").write_bytes(
            (companies / "companies.csv").read_bytes()
        )
    return companies / "model"


@pytest.mark.parametrize(
    "table",
    ["companies.csv", "./data/companies.csv", "data/../companies.csv", "../model/companies.csv"],
)
def test_a_table_below_the_folder_of_the_model_is_read(model_folder: Path, table: str) -> None:
    assert changes(made(model_folder, table=table), domain="acme.com")["employees"] == 40
    absolute = str(model_folder / "companies.csv")
    assert changes(made(model_folder, table=absolute), domain="acme.com")["employees"] == 40


@pytest.mark.parametrize(
    "table", ["../companies.csv", "data/../../companies.csv", "../models/companies.csv"]
)
@pytest.mark.parametrize("absolute", [False, True])
def test_a_table_elsewhere_is_read_where_that_was_allowed_only(
    model_folder: Path, table: str, absolute: bool
) -> None:
    path = model_folder / table
    name = str(path.resolve()) if absolute else table
    with pytest.raises(FileProblem, match="below the folder of the model only") as caught:
        made(model_folder, table=name)
    assert f"--allow-tables {path.resolve().parent}" in str(caught.value)
    for allowed in (path, path.parent, path.parent.resolve(), model_folder.parent):
        around = Resources(types=TYPES, folder=model_folder, tables_from=[allowed])
        one = make(Options({"columns": COLUMNS, "table": name}), around)
        assert changes(one, domain="acme.com")["employees"] == 40


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_leads_to_no_table_elsewhere(model_folder: Path) -> None:
    (model_folder / "link.csv").symlink_to(model_folder.parent / "companies.csv")
    with pytest.raises(FileProblem, match="below the folder of the model only"):
        made(model_folder, table="link.csv")
    (model_folder / "loop.csv").symlink_to(model_folder / "loop.csv")
    with pytest.raises(FileProblem):
        made(model_folder, table="loop.csv")
    # The folder itself may be reached through one.
    (model_folder.parent / "other").symlink_to(model_folder)
    assert changes(made(model_folder.parent / "other", table="companies.csv"), domain="acme.com")


def test_nothing_is_looked_at_before_it_is_allowed(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked(path: Path, *_: object, **__: object) -> Path:
        raise AssertionError(f"{path} was looked at")

    monkeypatch.setattr(Path, "resolve", looked)
    monkeypatch.setattr(Path, "is_file", looked)
    with pytest.raises(FileProblem, match="below the folder of the model only"):
        made(model_folder, table="/elsewhere/share/companies.csv")


def test_two_columns_of_one_name_matter_where_they_are_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("domain,staff,branch,x,x\nacme.com,40,,1,2\n")
    assert changes(made(tmp_path, table="t.csv"), domain="acme.com") == {"employees": 40}
    (tmp_path / "t.csv").write_text("domain,staff,branch,staff\nacme.com,40,,41\n")
    with pytest.raises(FileProblem, match="has the column 'staff' twice: rename one of them"):
        made(tmp_path, table="t.csv")


def test_no_number_in_parquet_is_a_value_that_the_table_does_not_know(tmp_path: Path) -> None:
    polars.DataFrame(
        {"domain": ["a.com", "b.com"], "staff": [float("nan"), 7.0], "branch": ["x", None]}
    ).write_parquet(tmp_path / "t.parquet")
    one = made(tmp_path, table="t.parquet")
    assert changes(one, domain="a.com") == {"industry": "x"}
    assert changes(one, domain="b.com") == {"employees": 7}


def test_a_time_of_parquet_that_is_out_of_range_is_a_problem_of_the_table(tmp_path: Path) -> None:
    far = polars.Series([2**62]).cast(polars.Datetime("us"))
    polars.DataFrame({"domain": ["a.com"], "seen": far}).write_parquet(tmp_path / "t.parquet")
    types = {**TYPES, "seen_at": FieldType("datetime", nullable=True)}
    options = Options({"table": "t.parquet", "columns": {"seen": "seen_at"}})
    with pytest.raises(FileProblem, match="not one of the years 1 to 9999"):
        make(options, Resources(types=types, folder=tmp_path))
