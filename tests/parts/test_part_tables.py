"""Tables of many parts, put together, are the table of the whole."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any
from zlib import crc32

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from lifecycle_fsm.parts import part_tables
from lifecycle_fsm.parts.part_tables import (
    PartTable,
    in_order,
    shared_addresses,
    write_part_tables,
)
from lifecycle_fsm.tables import Column, save_frames

COLUMNS: tuple[Column[Any], ...] = (
    Column("person", "str", "person"),
    Column("place", "int", "place"),
)


@pytest.fixture
def whole() -> pl.DataFrame:
    """1,000 people with few rows each, and some with more than a block has room for."""
    draw = random.Random(5)
    people = [f"p{number:04}" for number in range(1_000)]
    rows = [person for person in people for _ in range(draw.choice([0, 1, 1, 2, 5]))]
    rows += [person for person in people[::90] for _ in range(300)]
    draw.shuffle(rows)
    return pl.DataFrame({"person": rows, "place": range(len(rows))}).sort(
        "person", maintain_order=True
    )


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of about 20 rows, and frames of about 200."""
    monkeypatch.setattr(part_tables, "_BATCH", 4_000)
    monkeypatch.setattr(part_tables, "_SMALLEST", 300)


def cut(whole: pl.DataFrame, parts: int, folder: Path) -> list[PartTable]:
    """The table in parts, the last of which is empty."""
    folder.mkdir()
    numbers = [crc32(person.encode()) % parts for person in whole["person"]]
    part = pl.Series(numbers, dtype=pl.Int64)
    return [
        write_part_tables(
            folder, number, [("rows", whole.filter(part == number))], {"rows": "person"}, parts
        )["rows"]
        for number in range(parts + 1)
    ]


@pytest.mark.parametrize("parts", [1, 2, 7, 64])
def test_rows_keep_their_order_and_people_stay_whole(
    whole: pl.DataFrame, tmp_path: Path, parts: int
) -> None:
    tables = cut(whole, parts, tmp_path / "parts")
    frames = list(in_order(tables, "person"))
    assert_frame_equal(pl.concat(frames), whole)
    assert sum(table.rows for table in tables) == whole.height
    people = [set(frame["person"]) for frame in frames]
    assert sum(map(len, people)) == len(set(whole["person"]))  # nobody is in two frames
    # What is in memory does not grow with the table.
    assert len(frames) > 5
    assert max(frame.height for frame in frames) < whole.height / 3


def test_no_rows_have_columns_too(whole: pl.DataFrame, tmp_path: Path) -> None:
    (frame,) = in_order(cut(whole.clear(), 3, tmp_path / "parts"), "person")
    assert_frame_equal(frame, whole.clear())


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_files_do_not_depend_on_the_parts(whole: pl.DataFrame, tmp_path: Path, suffix: str) -> None:
    content = []
    for parts in (1, 2, 7, 64):
        tables = cut(whole, parts, tmp_path / str(parts))
        both = [tmp_path / f"{parts}.csv", tmp_path / f"{parts}.parquet"]
        save_frames(both, in_order(tables, "person"), COLUMNS, rows=700)
        alone = tmp_path / f"alone-{parts}{suffix}"
        save_frames([alone], in_order(tables, "person"), COLUMNS, rows=700)
        content += [alone.read_bytes(), (tmp_path / f"{parts}{suffix}").read_bytes()]
    assert content == [content[0]] * len(content)
    read = pl.read_csv if suffix == ".csv" else pl.read_parquet
    assert_frame_equal(read(tmp_path / f"7{suffix}"), whole)


def test_addresses_that_several_have_are_named_whichever_part_they_are_in(tmp_path: Path) -> None:
    addresses = [f"a{number}" for number in range(500)]
    owners = pl.DataFrame({"address": addresses, "id": [f"p{name}" for name in addresses]})
    shared = pl.DataFrame({"address": addresses[::100], "id": addresses[::100]})
    tables = [
        write_part_tables(
            tmp_path, number, [("owners", rows.sort("address"))], {"owners": "address"}, 2
        )["owners"]
        for number, rows in enumerate([owners, shared])
    ]
    pairs = sorted(shared_addresses(tables))
    assert pairs == sorted([*shared.rows(), *((name, f"p{name}") for name in addresses[::100])])
