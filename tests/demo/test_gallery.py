"""The gallery is one command, deterministic, and tells when it is stale."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import groupby, pairwise
from pathlib import Path

import pytest

from lifecycle_fsm.demo import gallery
from lifecycle_fsm.demo.histories import END, EXCEPTIONS, ODDS, START, history, odds_of
from lifecycle_fsm.funnel import count
from lifecycle_fsm.model import load, shipped


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("diagrams")
    assert gallery.main(["--out", str(folder)]) == 0
    return folder


def test_it_draws_four_pictures_of_each_shipped_model(folder: Path) -> None:
    expected = {
        f"{name}-{what}.{suffix}"
        for name in shipped()
        for what in ("model", "funnel", "processing", "person")
        for suffix in ("svg", "dot", "layout.dot", "mmd", "drawio")
    }
    assert {path.name for path in folder.iterdir()} == expected


def test_a_fresh_gallery_is_up_to_date(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gallery.main(["--check", "--out", str(folder)]) == 0
    assert "up to date" in capsys.readouterr().out


def test_a_stale_gallery_is_told_file_by_file(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "waterfall-model.dot").write_text("digraph {}")
    (tmp_path / "waterfall-person.mmd").unlink()
    (tmp_path / "waterfall-funnel.svg").unlink()
    (tmp_path / "old-model.svg").write_text("<svg/>")
    assert gallery.main(["--check", "--out", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "waterfall-model.dot is not what the code draws" in told
    assert "waterfall-person.mmd is missing" in told
    assert "waterfall-funnel.svg is missing" in told
    assert "old-model.svg is drawn by nothing" in told
    assert told.rstrip().endswith("python -m lifecycle_fsm.demo.gallery")


@pytest.mark.parametrize("name", shipped())
def test_made_up_people_walk_as_the_model_allows(name: str) -> None:
    model = load(name)
    rows = list(history(model, 200))
    allowed = {(edge.name, edge.source, edge.target) for edge in (*model.sort_edges, *model.edges)}
    assert all(
        (row.rule, row.from_stage, row.to_stage) in allowed for row in rows if row.from_stage
    )
    assert all(row.now < END for row in rows)
    for _, path in groupby(rows, key=lambda row: row.person):
        steps = list(path)
        assert [row.sequence for row in steps] == list(range(1, len(steps) + 1))
    assert rows == list(history(model, 200))


def test_the_odds_are_told_for_every_rule_of_a_shipped_model() -> None:
    models = [load(name) for name in shipped()]
    edges = [(model, edge) for model in models for edge in (*model.sort_edges, *model.edges)]
    assert set(ODDS) == {edge.name for _, edge in edges}
    assert set(EXCEPTIONS) <= {
        (place, edge.name) for model, edge in edges for place in (model.name, edge.source)
    }
    of_stage: Counter[tuple[str, str]] = Counter()
    for model, edge in edges:
        of_stage[model.name, edge.source] += odds_of(model, edge)
    assert max(of_stage.values()) <= 1000


@pytest.mark.parametrize("name", shipped())
def test_every_rule_of_a_shipped_model_is_seen(name: str) -> None:
    model = load(name)
    seen = {(row.from_stage, row.rule) for row in history(model, gallery.PEOPLE)}
    assert {(edge.source, edge.name) for edge in (*model.sort_edges, *model.edges)} <= seen


def test_the_made_up_numbers_are_plausible() -> None:
    model = load("waterfall")
    counts = count(history(model, 6000), model, window=(START, END))

    def moved(rule: str, *sources: str) -> int:
        return sum(
            volume
            for (name, source, _), volume in counts.moves.items()
            if name == rule and (not sources or source in sources)
        )

    assert moved("won_after_all", "disqualified") < 10 > moved("reinstated")
    assert moved("won_early") < moved("closed_won") / 5
    assert moved("qualified_by_hand_raise") < moved("qualified_by_score")
    for stage in ("mql", "sal"):
        assert 0.15 < moved("recycled_by_sales", stage) / counts.entered[stage] < 0.3
    shares = [counts.conversion[a.name, b.name].share or 0 for a, b in pairwise(model.path)]
    least, most = (0.8, 0.15, 0.5, 0.3, 0.15), (0.95, 0.35, 0.75, 0.55, 0.35)
    assert all(a < share < b for a, share, b in zip(least, shares, most, strict=True)), shares
    assert timedelta(days=85) < counts.median_stay["recycled"] < timedelta(days=92)
