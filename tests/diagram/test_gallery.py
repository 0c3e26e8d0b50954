"""The gallery is one command, deterministic, and tells when it is stale."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pytest

from lifecycle_fsm.diagram import gallery
from lifecycle_fsm.diagram.made_up import END, history
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
        for suffix in ("svg", "dot", "mmd")
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
    assert told.rstrip().endswith("python -m lifecycle_fsm.diagram.gallery")


@pytest.mark.parametrize("name", shipped())
def test_made_up_people_walk_as_the_model_allows(name: str) -> None:
    model = load(name)
    rows = list(history(model, 200))
    allowed = {(edge.name, edge.source, edge.target) for edge in (*model.sort_edges, *model.edges)}
    assert all(
        (one.rule, one.from_stage, one.to_stage) in allowed for one in rows if one.from_stage
    )
    assert all(one.now < END for one in rows)
    for _, path in groupby(rows, key=lambda one: one.person):
        steps = list(path)
        assert [one.sequence for one in steps] == list(range(1, len(steps) + 1))
    assert rows == list(history(model, 200))
