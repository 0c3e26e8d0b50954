"""A large CSV or JSON lines history is measured from a temporary file, like one in memory."""

from __future__ import annotations

import gc
import gzip
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import attrs
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle_fsm.errors import FileProblem
from lifecycle_fsm.funnel import measure
from lifecycle_fsm.history import HistoryRow, StoredHistory, StoredTable
from lifecycle_fsm.tables import (
    DEADLINES,
    TableWriter,
    history_tables,
    open_deadlines,
    open_history,
    spooled_rows,
)
from tests.funnel.made import day, days, decided, histories, walk
from tests.funnel.test_large_history import COLUMNS, MODEL, ORDERS

ANYTHING = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def as_large() -> Iterator[None]:
    with patch.object(spooled_rows, "LARGE", 0):
        yield


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def write(path: Path, rows: list[HistoryRow]) -> Path:
    """The table of rows, in the format that the name shows."""
    writer = TableWriter(COLUMNS, rows)
    if path.suffix == ".jsonl":
        times = pl.selectors.datetime().dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
        writer.take().with_columns(times).write_ndjson(path)
    elif path.suffix == ".gz":
        writer.save(path.with_suffix(""))
        path.write_bytes(gzip.compress(path.with_suffix("").read_bytes()))
    else:
        writer.save(path)
    return path


@pytest.mark.usefixtures("as_large")
@pytest.mark.parametrize("name", ["h.csv", "h.jsonl", "h.csv.gz"])
@ANYTHING
@given(histories(8), st.sampled_from([*ORDERS]), st.sampled_from([1, 3, 100]))
def test_every_row_of_a_text(
    tmp_path: Path, name: str, rows: list[HistoryRow], order: str, size: int
) -> None:
    path = write(tmp_path / name, ORDERS[order](rows))
    with patch.object(spooled_rows, "LARGE", 10**9):
        whole = open_history(path, dimensions=MODEL.field_types)
    assert isinstance(whole, list)
    facts = decided(rows, MODEL, day(60))
    TableWriter(DEADLINES, facts).save(tmp_path / "d.csv")
    with patch.object(history_tables, "PART", size), patch.object(spooled_rows, "_CHUNK", size):
        stored = open_history(path, dimensions=MODEL.field_types)
        known = open_deadlines(tmp_path / "d.csv")
        assert isinstance(stored, StoredHistory)
        assert isinstance(known, StoredTable)
        assert [*stored] == whole
        assert [*known] == facts
        options: Any = {"until": day(60), "stuck_after": days(3)}
        assert (
            measure(stored, MODEL, deadlines=known, **options).as_dict()
            == measure(whole, MODEL, deadlines=facts, **options).as_dict()
        )


#: The number of a row, its column, and what stands there.
BAD = [
    (0, "kind", "hop"),
    (3, "sequence", "many"),
    (2, "now", "yesterday"),
    (1, "person", ""),
    (3, "country", "Elbonia"),
]


@pytest.mark.usefixtures("as_large")
@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize(("place", "column", "value"), BAD)
def test_a_bad_row_of_a_large_text_has_the_same_error(
    tmp_path: Path, temporary: Path, form: str, place: int, column: str, value: str
) -> None:
    rows = walk("a", ("processing", 0), ("mal", 1), ("mql", 2), ("sal", 3))
    texts = tmp_path / "texts.csv"
    TableWriter(COLUMNS, rows).save(texts)
    frame = pl.read_csv(texts, infer_schema=False)
    bad = pl.when(pl.int_range(pl.len()) == place).then(pl.lit(value)).otherwise(pl.col(column))
    frame = frame.with_columns(bad.alias(column))
    path = tmp_path / f"h.{form}"
    (frame.write_csv if form == "csv" else frame.write_ndjson)(path)
    country = attrs.evolve(MODEL.field_types["country"], choices=("DE",))
    types = {**MODEL.field_types, "country": country}
    errors = []
    for large in (0, 10**9):
        with (
            patch.object(spooled_rows, "LARGE", large),
            patch.object(spooled_rows, "_CHUNK", 1),
            pytest.raises(FileProblem) as error,
        ):
            open_history(path, dimensions=types)
        errors.append(str(error.value))
    assert errors[0] == errors[1]
    assert f"column {column}" in errors[0]
    assert [*temporary.iterdir()] == []


@pytest.mark.usefixtures("as_large")
@pytest.mark.parametrize(
    ("more", "other"),
    [
        ("", ', "region": "DE"'),
        (', "region": "DE"', ', "region": 5'),
    ],
)
def test_rows_of_several_kinds_stay_in_memory(tmp_path: Path, more: str, other: str) -> None:
    rows = walk("a", ("processing", 0), ("mal", 1))
    path = write(tmp_path / "h.jsonl", rows)
    first, second = path.read_text("utf-8").splitlines()
    path.write_text(f"{first[:-1]}{more}}}\n{second[:-1]}{other}}}\n", "utf-8")
    read = open_history(path)
    assert isinstance(read, list)
    with patch.object(spooled_rows, "LARGE", 10**9):
        assert read == open_history(path)


@pytest.mark.usefixtures("as_large")
def test_the_temporary_file_goes_with_its_reader(tmp_path: Path, temporary: Path) -> None:
    path = write(tmp_path / "h.csv", walk("a", ("processing", 0), ("mal", 1)))
    history = open_history(path)
    assert len([*temporary.iterdir()]) == 1
    assert len([*history]) == 2
    del history
    gc.collect()
    assert [*temporary.iterdir()] == []


def test_small_texts_are_read_as_a_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "h.csv", walk("a", ("processing", 0), ("mal", 1)))
    assert isinstance(open_history(path), list)
