from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from lifecycle_fsm.errors import FileProblem
from lifecycle_fsm.tables import OutputFolder
from lifecycle_fsm.tables.folder import MARKER


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder with its text, but for the marker."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MARKER
    }


def run(path: Path, *, force: bool = False, **files: str) -> None:
    with OutputFolder(path, force=force) as out:
        for name, text in files.items():
            out.file(name).write_text(text)


def run_and_raise(path: Path, error: type[BaseException]) -> None:
    with OutputFolder(path) as out:
        out.file("a").write_text("2")
        raise error


def test_the_output_appears_at_the_end_and_whole(tmp_path: Path) -> None:
    target = tmp_path / "new" / "out"
    with OutputFolder(target) as out:
        out.file("a").write_text("1")
        assert not target.exists()
        out.file("b").write_text("2")
    assert tree(tmp_path) == {"new/out/a": "1", "new/out/b": "2"}
    assert [one.name for one in (tmp_path / "new").iterdir()] == ["out"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_run_that_fails_or_is_stopped_leaves_nothing(
    tmp_path: Path, error: type[BaseException]
) -> None:
    with pytest.raises(error):
        run_and_raise(tmp_path / "new" / "deep" / "out", error)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_leaves_the_output_of_the_one_before(tmp_path: Path) -> None:
    run(tmp_path / "out", a="1")
    with pytest.raises(ValueError):  # noqa: PT011 - raised here
        run_and_raise(tmp_path / "out", ValueError)
    assert tree(tmp_path) == {"out/a": "1"}


def test_a_later_run_replaces_what_runs_have_made_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "out"
    run(target, a="1", b="1")
    (target / "notes.txt").write_text("mine")
    (target / "folder").mkdir()
    (target / "folder" / "more.txt").write_text("mine too")
    run(target, a="2", c="2")
    assert tree(tmp_path) == {
        "out/a": "2",
        "out/c": "2",
        "out/folder/more.txt": "mine too",
        "out/notes.txt": "mine",
    }
    run(target, d="3")
    assert set(tree(target)) == {"d", "folder/more.txt", "notes.txt"}


def test_a_folder_that_no_run_has_made_is_refused_before_any_work(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    for name in "abcde":
        (target / name).write_text("mine")
    with pytest.raises(FileProblem, match=r"no run has made \(a, b, c and 2 more\).*--force"):
        OutputFolder(target)
    run(target, force=True, a="1", z="1")
    assert tree(target) == {"a": "1", "b": "mine", "c": "mine", "d": "mine", "e": "mine", "z": "1"}


def test_a_file_of_somebody_else_with_the_name_of_a_new_one_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "out"
    run(target, a="1")
    (target / "b").write_text("mine")
    with pytest.raises(FileProblem, match=r"of the same name \(b\)"):
        run(target, a="2", b="2")
    assert tree(tmp_path) == {"out/a": "1", "out/b": "mine"}
    run(target, force=True, a="2", b="2")
    assert tree(tmp_path) == {"out/a": "2", "out/b": "2"}


def test_a_file_that_comes_while_the_run_goes_on_is_not_lost(tmp_path: Path) -> None:
    target = tmp_path / "out"
    out = OutputFolder(target)
    out.__enter__()
    out.file("a").write_text("1")
    target.mkdir()
    (target / "theirs").write_text("2")
    with pytest.raises(FileProblem, match="no run has made"):
        out.__exit__(None, None, None)
    assert tree(tmp_path) == {"out/theirs": "2"}


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    run(tmp_path / "out", a="1")
    assert tree(tmp_path) == {"out/a": "1"}


def test_a_broken_marker_owns_nothing(tmp_path: Path) -> None:
    run(tmp_path / "out", a="1")
    (tmp_path / "out" / MARKER).write_text("{")
    with pytest.raises(FileProblem, match="no run has made"):
        OutputFolder(tmp_path / "out")


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    run(tmp_path / "link", a="1")
    assert (tmp_path / "link").is_symlink()
    assert tree(tmp_path / "real") == {"a": "1"}


def test_when_the_swap_fails_the_old_output_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out"
    run(target, a="1")
    (target / "notes.txt").write_text("mine")
    rename = Path.rename

    def broken(self: Path, to: Path) -> Path:
        if to == target and (self / "new").exists():
            raise OSError("no")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises(FileProblem, match="cannot be written: no"):
        run(target, new="2")
    assert tree(tmp_path) == {"out/a": "1", "out/notes.txt": "mine"}


def test_when_files_of_others_cannot_be_moved_they_are_not_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out"
    run(target, a="1")
    (target / "notes.txt").write_text("mine")
    rename = Path.rename

    def broken(self: Path, to: Path) -> Path:
        if to.name == "notes.txt":
            raise OSError("no")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises(FileProblem, match=r"notes\.txt could not be moved there"):
        run(target, a="2")
    assert "mine" in tree(tmp_path).values()
    assert (target / "a").read_text() == "2"


def test_where_you_are_is_no_folder_for_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    for name in (".", "..", str(tmp_path)):
        with pytest.raises(FileProblem, match="is where you are, or above it"):
            OutputFolder(name, force=True)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(FileProblem, match="is a file"):
        OutputFolder(tmp_path / "out", force=True)
    with pytest.raises(FileProblem, match="cannot be"), OutputFolder(tmp_path / "out" / "in"):
        pass


def test_the_output_can_be_read_by_whom_the_umask_lets(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        run(tmp_path / "out", a="1")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o750
