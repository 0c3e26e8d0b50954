"""Files appear whole or not at all, and one room alone writes them."""

from __future__ import annotations

import ast
import errno
import os
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import lifecycle_fsm
from lifecycle_fsm.errors import FileProblem
from lifecycle_fsm.files import made_folder, whole_file, write_file

PACKAGE = Path(lifecycle_fsm.__file__).parent
POSIX = pytest.mark.skipif(os.name != "posix", reason="of POSIX systems")


def contents(folder: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in folder.iterdir()}


def broken_off(path: Path, error: BaseException) -> None:
    with whole_file(path) as file:
        file.write(b"half")
        file.flush()
        raise error


def test_a_file_is_written_as_it_is_given(tmp_path: Path) -> None:
    write_file(tmp_path / "text", "Zoë\r\n\n")
    write_file(tmp_path / "bytes", b"\xff")
    assert contents(tmp_path) == {"text": b"Zo\xc3\xab\r\n\n", "bytes": b"\xff"}


def test_nobody_sees_a_file_before_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_file(path, "old")
    with whole_file(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old"
        assert list(tmp_path.glob("[!.]*")) == [path]
    assert contents(tmp_path) == {"a": b"new"}


@pytest.mark.parametrize(
    "error", [ValueError("v"), OSError("o"), KeyboardInterrupt(), SystemExit()]
)
@pytest.mark.parametrize("before", [{}, {"a": b"old"}])
def test_what_fails_leaves_what_was_there(
    tmp_path: Path, error: BaseException, before: dict[str, bytes]
) -> None:
    for name, content in before.items():
        write_file(tmp_path / name, content)
    with pytest.raises((type(error), FileProblem)):
        broken_off(tmp_path / "a", error)
    assert contents(tmp_path) == before


def test_a_file_that_cannot_take_its_name_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_file(tmp_path / "f.svg", "two")

    def broken(self: Path, to: Path) -> Path:
        raise OSError("no")

    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(FileProblem, match=r"f\.svg cannot be written: no"):
        write_file(tmp_path / "f.svg", "three")
    assert contents(tmp_path) == {"f.svg": b"two"}


def test_where_a_file_cannot_be_the_error_names_it_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for name in ("none/f", "folder", "file/f", "a\0b"):
        with pytest.raises(FileProblem, match=r"cannot be written: ."):
            write_file(tmp_path / name, "x")
    assert sorted(one.name for one in tmp_path.rglob("*")) == ["file", "folder"]


def test_a_name_of_full_length_is_written(tmp_path: Path) -> None:
    write_file(tmp_path / ("x" * 255), "x")
    assert [one.name for one in tmp_path.iterdir()] == ["x" * 255]


@POSIX
def test_a_new_file_has_the_permissions_of_the_umask_and_an_old_one_keeps_its_own(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a"
    before = os.umask(0o027)
    try:
        write_file(path, "1")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        write_file(path, "2")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o604
    if os.geteuid() == 0:
        os.chown(path, 12345, 54321)
        write_file(path, "3")
        assert (path.stat().st_uid, path.stat().st_gid) == (12345, 54321)


def test_a_protected_file_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    write_file(path, "1")
    path.chmod(0o444)
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may do anything
    with pytest.raises(FileProblem, match="Permission denied"):
        write_file(path, "2")
    assert contents(tmp_path) == {"a": b"1"}


@POSIX
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "other").mkdir()
    link = tmp_path / "other" / "link"
    link.symlink_to("../real/file")
    for text in ("made by way of the link", "replaced"):
        write_file(link, text)
        assert link.is_symlink()
        assert (tmp_path / "real/file").read_text() == text
    assert [one.name for one in (tmp_path / "other").iterdir()] == ["link"]


@POSIX
def test_a_link_in_a_circle_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(FileProblem, match="cannot be written"):
        write_file(tmp_path / "a", "x")


def run_python(program: str, folder: Path, **given: object) -> subprocess.CompletedProcess[str]:
    code = "from lifecycle_fsm.files import *\n" + textwrap.dedent(program)
    run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run
    return run([sys.executable, "-c", code], cwd=folder, text=True, **given)


@POSIX
def test_devices_and_streams_are_written_to(tmp_path: Path) -> None:
    write_file("/dev/null", "x")
    program = """
        print("one")
        write_file("/dev/stdout", "two\\n")
        write_file("/dev/fd/1", "three\\n")
        print("four")
        """
    done = run_python(program, tmp_path, capture_output=True)
    assert done.stdout == "one\ntwo\nthree\nfour\n"
    with (tmp_path / "log").open("a") as log:
        log.write("zero\n")
        log.flush()
        assert run_python(program, tmp_path, stdout=log).returncode == 0
    assert contents(tmp_path) == {"log": b"zero\none\ntwo\nthree\nfour\n"}


@POSIX
def test_a_named_pipe_is_written_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE, text=True)
    write_file(tmp_path / "pipe", "through")
    assert reader.communicate()[0] == "through"


@POSIX
def test_a_full_disk_is_told_and_leaves_what_was_there(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="No space left on device") as caught:
        write_file("/dev/full", "x")
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC
    write_file(tmp_path / "a", "approved")
    done = run_python(
        """
        import resource, sys
        sys.dont_write_bytecode = True  # Python would keep what it could not write whole
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        write_file("a", "x" * 5000)
        """,
        tmp_path,
        capture_output=True,
    )
    assert "FileProblem: a cannot be written: File too large" in done.stderr
    assert contents(tmp_path) == {"a": b"approved"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root may mount a disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_on_a_small_disk_a_file_is_replaced_whole_or_stays(small_disk: Path) -> None:
    write_file(small_disk / "a", "approved")
    with pytest.raises(FileProblem, match="No space left on device"):
        write_file(small_disk / "a", b"x" * 100_000)
    assert contents(small_disk) == {"a": b"approved"}
    write_file(small_disk / "a", b"y" * 20_000)
    assert contents(small_disk) == {"a": b"y" * 20_000}


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_any_moment_leaves_a_whole_file_and_nothing_beside_it(
    tmp_path: Path, number: signal.Signals
) -> None:
    program = """
        import signal, sys
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        print("ready", flush=True)
        for turn in range(1_000_000):
            write_file("a", str(turn % 10) * 100_000)
        """
    code = "from lifecycle_fsm.files import *\n" + textwrap.dedent(program)
    for turn in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.003 * turn)
        process.send_signal(number)
        process.wait()
        process.stdout.close()
        found = contents(tmp_path)
        assert found.keys() <= {"a"}
        for content in found.values():
            assert content == content[:1] * 100_000


def fail_in(folder: Path, *files: str) -> None:
    with made_folder(folder):
        for name in files:
            (folder / name).write_text("x")
        raise KeyboardInterrupt


def test_a_folder_that_was_made_for_nothing_is_gone_again(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(KeyboardInterrupt):
        fail_in(tmp_path / "mine/a/b")
    assert list(tmp_path.rglob("*")) == [tmp_path / "mine"]
    with pytest.raises(KeyboardInterrupt):
        fail_in(tmp_path / "mine")
    assert (tmp_path / "mine").is_dir()
    with pytest.raises(KeyboardInterrupt):
        fail_in(tmp_path / "a/b", "theirs")
    assert contents(tmp_path / "a/b") == {"theirs": b"x"}
    with made_folder(tmp_path / "mine/c"):
        pass
    assert (tmp_path / "mine/c").is_dir()


def test_a_folder_that_cannot_be_made_leaves_none_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.mkdir

    def broken(self: Path, mode: int = 0o777, *, exist_ok: bool = False) -> None:
        if self.name == "b":
            raise OSError("no")
        real(self, mode, exist_ok=exist_ok)

    monkeypatch.setattr(Path, "mkdir", broken)
    with pytest.raises(OSError, match="no"), made_folder(tmp_path / "a/b"):
        pass
    assert list(tmp_path.iterdir()) == []


# -- one room ---------------------------------------------------------------------------------

#: Methods and functions that write a file by themselves.
WRITERS = {
    "write_text", "write_bytes", "write_parquet", "write_csv", "sink_parquet", "sink_csv",
    "touch", "mkstemp", "NamedTemporaryFile", "copyfile", "copy2", "savefig",
}  # fmt: skip
OPENERS = {"open", "fdopen", "TextIOWrapper", "FileIO"}
#: Files of the process alone, which are gone with it; frames into the file that they are given;
#: and nowhere.
ALLOWED = {
    ("cli/__init__.py", "open"),
    ("rows/row_file.py", "open"),
    ("parts/spool.py", "open"),  # appends to a temporary file of the same run
    ("tables/output_tables.py", "sink_parquet"),
    ("tables/output_tables.py", "write_csv"),
}


def writers_of(source: str) -> Iterator[tuple[str, int]]:
    """Calls that open a file to write, or write one: the name, and the line."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if isinstance(node.func, ast.Name):
            name = node.func.id
        given = [*node.args, *(one.value for one in node.keywords if one.arg == "mode")]
        modes = [one.value for one in given if isinstance(one, ast.Constant)]
        opens = name in OPENERS and any(
            isinstance(one, str) and len(one) <= 3 and set(one) & set("wax+") for one in modes
        )
        if name in WRITERS or opens:
            yield name, node.lineno


def test_one_room_writes_files() -> None:
    """Whoever writes a file in another way writes half of it on a full disk."""
    others = [
        f"{place}:{line}: {name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if (place := path.relative_to(PACKAGE).as_posix()) != "files.py"
        for name, line in writers_of(path.read_text("utf-8"))
        if (place, name) not in ALLOWED
    ]
    assert others == [], "write with lifecycle_fsm.files"


@pytest.mark.parametrize(
    "code",
    [
        "open(path, 'w')", "path.open('wb')", "path.open(mode='a')", "io.open(path, mode='x')",
        "path.write_text(text)", "frame.write_csv(path)", "os.fdopen(handle, 'r+')",
    ],
)  # fmt: skip
def test_another_way_of_writing_is_found(code: str) -> None:
    assert list(writers_of(code))


@pytest.mark.parametrize("code", ["open(path)", "path.open('rb')", "table.open(role, 'data')"])
def test_reading_is_no_writing(code: str) -> None:
    assert list(writers_of(code)) == []
