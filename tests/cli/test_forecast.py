"""``lifecycle-fsm forecast``: as text, as JSON, as files, and what it refuses."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import attrs
import polars
import pytest

from lifecycle_fsm import save
from lifecycle_fsm.tables import TableWriter, history_columns
from tests.cli.commands import Cli
from tests.forecast.steady import steady
from tests.funnel.made import MODEL

KEEPING = attrs.evolve(MODEL, dimensions=("country",))
ROWS = steady(450, seed=2)


@pytest.fixture(autouse=True)
def history(tmp_path: Path) -> None:
    save(KEEPING, tmp_path / "model.toml")
    types = {"country": MODEL.field_types["country"]}
    TableWriter(history_columns(types), ROWS).save(tmp_path / "history.parquet")


def forecast(cli: Cli, *arguments: object) -> str:
    done = cli("forecast", "history.parquet", "--model", "model.toml", *arguments)
    assert done.code == 0, done.err
    return done.out


def test_r32_it_fits_the_terminal(cli: Cli) -> None:
    text = forecast(cli)
    assert max(map(len, text.splitlines())) <= 100
    lines = text.splitlines()
    assert lines[1] == "forecast of 90 days from 2025-03-26 (UTC)"
    assert lines[2].startswith("from 450 days of history and ")
    assert [line.split()[:2] for line in lines if line.startswith("  2025-")] == [
        ["2025-03", "6"], ["2025-04", "30"], ["2025-05", "31"], ["2025-06", "23"]
    ]  # fmt: skip
    assert "backtest: 7 earlier forecasts of 90 days, made as this one" in lines
    assert "… contacts" in text
    weekly = forecast(cli, "--every", "week", "--zone", "Europe/Berlin")
    assert "  2025-W13     5 " in weekly
    assert max(map(len, weekly.splitlines())) <= 100


def test_r32_groups_are_shown_by_their_totals(cli: Cli) -> None:
    text = forecast(cli, "--by", "country")
    assert "entries to expect" not in text
    assert {line.split()[0] for line in text.splitlines() if " MQL " in line} >= {"DE", "US"}


def test_r32_a_scenario_is_called_so(cli: Cli) -> None:
    text = forecast(cli, "--horizon", "365d", "--growth", "10%", "--where", "country == 'DE'")
    assert 'scenario of 365 days from 2025-03-26 (UTC), where country == "DE"' in text
    assert "new people: as in the same days last year +10%" in text
    assert "warning: a scenario: what follows if 10% more people arrive" in text


def test_r32_tables_and_json_have_every_week(cli: Cli, tmp_path: Path) -> None:
    result: dict[str, Any] = json.loads(forecast(cli, "--json", "--out", "weeks.json"))
    assert json.loads((tmp_path / "weeks.json").read_text()) == result["weeks"]
    for name in ("weeks.csv", "weeks.parquet"):
        forecast(cli, "--out", name)
    rows = list(csv.DictReader((tmp_path / "weeks.csv").read_text().splitlines()))
    frame = polars.read_parquet(tmp_path / "weeks.parquet")
    assert len(rows) == len(frame) == len(result["weeks"])
    assert frame.to_dicts() == result["weeks"]
    assert float(rows[1]["expected"]) == pytest.approx(result["weeks"][1]["expected"])
    assert sum(
        row["expected"] for row in result["weeks"] if row["stage"] == "mql"
    ) == pytest.approx(next(row["expected"] for row in result["totals"] if row["stage"] == "mql"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--out", "weeks.txt"), "--out: weeks.txt: name it .csv, .parquet, .json"),
        (("--growth", "much"), "--growth: 'much' is no share: write it as 10% or 0.1"),
        (("--horizon", "300d"), "more than 183 days is a scenario"),
        (("--until", "2024-05-01"), "needs 270 days of history"),
        (("--by", "shoe_size"), "keeps no 'shoe_size'"),
    ],
)
def test_r32_what_it_refuses(cli: Cli, arguments: tuple[str, ...], message: str) -> None:
    done = cli("forecast", "history.parquet", "--model", "model.toml", *arguments)
    assert done.code == 2
    assert message in done.err
