from __future__ import annotations

import itertools
import os
import signal
import stat
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle_fsm.errors import FileProblem
from lifecycle_fsm.files import write_file
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


def test_a_file_that_comes_at_the_last_moment_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out"
    run(target, a="1")
    real = os.link

    def meanwhile(source: Path, to: Path) -> None:
        if to == target / "b":
            to.write_text("mine")
        real(source, to)

    def unsupported(source: Path, to: Path) -> None:
        if to == target / "b":
            to.write_text("mine")
        raise OSError(95, "Operation not supported")

    for link in (meanwhile, unsupported):
        monkeypatch.setattr(os, "link", link)
        with pytest.raises(FileProblem, match="cannot be written: "):
            run(target, a="2", b="2")
        assert tree(tmp_path) == {"out/a": "1", "out/b": "mine"}
        (target / "b").unlink()


def test_a_file_system_without_links_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(source: Path, to: Path) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", unsupported)
    run(tmp_path / "out", a="1", b="1")
    run(tmp_path / "out", a="2")
    assert tree(tmp_path) == {"out/a": "2"}


def write_deep(path: Path, text: str) -> None:
    with OutputFolder(path) as out:
        out.file("in").mkdir()
        out.file("in/a").write_text(text)


def test_what_others_have_put_into_a_folder_of_the_output_stays_there(tmp_path: Path) -> None:
    target = tmp_path / "out"
    write_deep(target, "1")
    (target / "in/mine").write_text("mine")
    write_deep(target, "2")
    assert tree(target) == {"in/a": "2", "in/mine": "mine"}
    run(target, b="3")
    assert tree(target) == {"b": "3", "in/mine": "mine"}
    (target / "in/mine").unlink()
    write_deep(target, "4")
    run(target, b="5")
    assert {one.name for one in target.iterdir()} == {"b", MARKER}


def test_a_folder_of_somebody_with_the_name_of_a_new_file_stays(tmp_path: Path) -> None:
    target = tmp_path / "out"
    (target / "a").mkdir(parents=True)
    (target / "a/mine").write_text("mine")
    with pytest.raises(FileProblem, match=r"of the same name \(a\)"):
        run(target, force=True, a="1")
    assert tree(target) == {"a/mine": "mine"}


def test_a_folder_keeps_its_place_for_who_stands_in_it(tmp_path: Path) -> None:
    run(tmp_path / "out", a="1")
    before = (tmp_path / "out").stat().st_ino
    run(tmp_path / "out", a="2")
    assert (tmp_path / "out").stat().st_ino == before


@pytest.mark.parametrize("file", ["../theirs", "in/theirs"])
def test_a_marker_owns_nothing_beyond_its_folder(tmp_path: Path, file: str) -> None:
    """It may have been copied, or a link may have come into the folder."""
    target = tmp_path / "out"
    run(target, a="1")
    (tmp_path / "theirs").write_text("theirs")
    (target / "in").symlink_to(tmp_path)
    (target / MARKER).write_text(f'{{"files": ["a", "{file}"]}}')
    run(target, a="2")
    assert (tmp_path / "theirs").read_text() == "theirs"


@pytest.mark.parametrize("force", [False, True])
def test_what_a_run_reads_it_does_not_replace(tmp_path: Path, force: bool) -> None:
    target = tmp_path / "out"
    run(target, a="1", b="1")
    (tmp_path / "link").symlink_to("out/a")
    (target / "mine").write_text("mine")
    for name in ("out/a", "link"):
        with pytest.raises(FileProblem, match="is read here, and would be replaced"):
            OutputFolder(target, force=force).keep([tmp_path / name])
    out = OutputFolder(target, force=force)
    out.keep([target / "mine", tmp_path / "none"])
    with out:
        out.file("c").write_text("2")
    out = OutputFolder(target, force=True)
    out.keep([target / "mine"])
    with pytest.raises(FileProblem, match="mine is read here"), out:
        out.file("mine").write_text("3")
    assert tree(target) == {"c": "2", "mine": "mine"}


# -- stopped at every step -----------------------------------------------------------------------

STEPS = {"open", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir"}


class Stop:
    """Ends this process, or interrupts it, before or after its nth change of a file system."""

    def __init__(self, how: str, turn: int) -> None:
        self.how, self.left = how, turn
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        writes = event != "open" or (isinstance(arguments[2], int) and arguments[2] & os.O_CREAT)
        if event not in STEPS or not writes:
            return
        self.left -= 1
        if self.left == 0:
            if self.how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.how == "interrupted before":
                raise KeyboardInterrupt
            signal.raise_signal(signal.SIGINT)  # heard when the step is done


def stopped(work: Callable[[], None], how: str, turn: int) -> bool:
    """Do some work in a process of its own; was it stopped?"""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that threads of others do not come along
        child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            Stop(how, turn)
            work()
            code = 0
        except KeyboardInterrupt:
            code = 2
        finally:
            os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status != 1
    return status != 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="of systems that fork")
@pytest.mark.parametrize("how", ["killed", "interrupted before", "interrupted after"])
@pytest.mark.parametrize(("linking", "force"), [(True, False), (False, True)])
def test_files_of_others_stay_where_they_are_at_whatever_step_a_run_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, linking: bool, force: bool
) -> None:
    def unsupported(source: Path, to: Path) -> None:
        raise OSError(95, "Operation not supported")

    if not linking:
        monkeypatch.setattr(os, "link", unsupported)

    def work() -> None:
        with OutputFolder(target, force=force) as out:
            out.file("in").mkdir()
            for name in ("a", "c", "in/d"):
                write_file(out.file(name), "2")
            if force:
                write_file(out.file("notes.txt"), "2")

    mine = {"notes.txt": "mine", "in/more.txt": "mine too"}
    old = {"a": "1", "b": "1", **mine}
    new = {"a": "2", "c": "2", "in/d": "2", **mine, **({"notes.txt": "2"} if force else {})}
    for turn in itertools.count(1):
        target = tmp_path / f"out{turn}"
        run(target, a="1", b="1")
        (target / "in").mkdir()
        for name, text in mine.items():
            (target / name).write_text(text)
        numbers = {name: (target / name).stat().st_ino for name in mine}
        if not stopped(work, how, turn):
            break
        found = tree(target)
        if not force:
            assert numbers == {name: (target / name).stat().st_ino for name in mine}
        if how == "killed":  # what the user has is there, if need be in the hidden folder
            texts = list(found.values())
            assert found["in/more.txt"] == "mine too"
            assert "mine" in texts or found["notes.txt"] == "2"
            visible = {name: text for name, text in found.items() if not name.startswith(".")}
            assert visible.items() <= old.items() or visible.items() <= new.items()
        else:
            assert found in (old, new)
            assert {one.name for one in target.glob(".*")} == {MARKER}
        # Whatever was left, the next run is as if nothing had been.
        run(target, a="3")
        visible = {name: text for name, text in tree(target).items() if name[0] != "."}
        assert visible.pop("a") == "3"
        assert visible.items() <= mine.items()
        if not force:
            assert visible == mine
    assert turn > 15
    assert tree(target) == new


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
