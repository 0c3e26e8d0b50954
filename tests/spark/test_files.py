"""Files of companies give on Spark what ``lifecycle-fsm run`` makes of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lifecycle_fsm.model import load
from lifecycle_fsm.parts.file_run import run_files
from lifecycle_fsm.spark import run
from lifecycle_fsm.tables import load_mapping
from tests.spark.comparing import TABLES, differences, table, tables

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs/examples/olist"
OLIST = Path(os.environ.get("LIFECYCLE_OLIST", ROOT / "../shared/data/olist"))
LEADS = OLIST / "olist_marketing_qualified_leads_dataset.csv"
DEALS = OLIST / "olist_closed_deals_dataset.csv"


def test_a_made_up_company(spark: Any, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lifecycle_fsm.cli", "demo", "--people", "300"]
    subprocess.run([*command, "--out", str(tmp_path / "demo")], check=True, capture_output=True)
    folder = tmp_path / "demo/input"
    compare(
        spark, tmp_path, folder / "lifecycle.toml", folder / "people.csv", folder / "activities.csv"
    )


@pytest.mark.skipif(not LEADS.exists(), reason="needs the tables of Olist")
def test_a_real_company_with_a_mapping(spark: Any, tmp_path: Path) -> None:
    compare(spark, tmp_path, EXAMPLE / "model.toml", LEADS, DEALS, EXAMPLE / "mapping.toml")


def compare(
    spark: Any, folder: Path, model: Path, people: Path, activities: Path, map: Path | None = None
) -> None:
    own = load(model)
    (folder / "local").mkdir()
    with run_files(
        own, [("people", str(people)), ("activities", str(activities))], folder / "local",
        mapping=load_mapping(map) if map else None, workers=1,
        reject=lambda _: None, progress=lambda *_: None,
    ) as whole:  # fmt: skip
        expected = {name: table(pl.concat(list(whole.table(name)))) for name in TABLES}
    left, right = (
        spark.read.csv(str(file), header=True, escape='"') for file in (people, activities)
    )
    made = run(left, right, own, mapping=map, parts=4, path=str(folder / "spark"))
    assert expected["history"]
    assert not differences(tables(made), expected)
