"""The only module of the package that writes files. Each file, and each line that is appended to
one, is written completely or not at all."""

from __future__ import annotations

import errno
import logging
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path, PurePath
from typing import BinaryIO

from lifecycle_fsm.errors import FileProblem, suggest

_log = logging.getLogger(__name__)
#: The prefix of temporary names, until a file is moved to its place.
_HIDDEN = ".lifecycle-fsm-"
_STREAMS = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_DESCRIPTOR = re.compile(r"(?:/dev/fd|/proc/self/fd)/(\d+)")


@contextmanager
def whole_file(path: str | PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing; it gets its name when the block ends without an error.

    Until then the content is in a hidden file beside the target, and the target does not change. A
    link is followed. A replaced file keeps its owner and permissions. A device, a pipe or a stream
    of this process, such as ``/dev/stdout``, cannot be replaced: it is written to directly.

    Raises:
        FileProblem: the file cannot be written.
    """
    try:
        with _opened(path) as file:
            yield file
    except (OSError, ValueError) as error:
        raise FileProblem(f"{path} cannot be written: {why(error)}") from error


def write_file(path: str | PathLike[str], content: bytes | str) -> None:
    """Write a file, completely or not at all. Text is UTF-8; its line ends are kept.

    Raises:
        FileProblem: the file cannot be written.
    """
    with whole_file(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def append_line(path: str | PathLike[str], line: str) -> None:
    """Append a line to a file, completely or not at all, and sync it to disk before returning.

    Several processes may append at once. The file is created if it does not exist. If its last line
    has no newline, because a process was killed or the disk was full, that line stays as it is.

    Raises:
        FileProblem: the file cannot be written.
    """
    content = f"{line}\n".encode()
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags, 0o666)
        try:
            _lock(handle)
            end = os.lseek(handle, 0, os.SEEK_END)
            os.lseek(handle, max(end - 1, 0), os.SEEK_SET)
            if os.read(handle, 1) not in (b"", b"\n"):
                content = b"\n" + content
            try:
                while content:
                    content = content[os.write(handle, content) :]
                os.fsync(handle)
            except BaseException:
                os.ftruncate(handle, end)
                raise
        finally:
            os.close(handle)  # this also releases the lock
        if not end:
            _sync_folder(Path(path).parent)
    except (OSError, ValueError) as error:
        raise FileProblem(f"{path} cannot be written: {why(error)}") from error


def _lock(handle: int) -> None:
    """Wait until no other process appends to the file."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Make a folder and its parents. If the block fails, those that are empty are removed again.

    Raises:
        OSError: a folder cannot be made.
    """
    created: list[Path] = []
    try:
        for path in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
            created.append(path)
            path.mkdir(exist_ok=True)
        yield
    except BaseException:
        for path in reversed(created):
            with suppress(OSError):
                path.rmdir()
        raise


def hidden_name(folder: Path) -> Path:
    """An unused name in a folder that no pattern such as ``*`` matches."""
    return folder / f"{_HIDDEN}{os.urandom(8).hex()}"


def names_in(folder: Path) -> set[str]:
    """The names in a folder, without the temporary files that killed processes left."""
    return {file.name for file in folder.iterdir() if not file.name.startswith(_HIDDEN)}


def near_files(path: str | PathLike[str], suffix: str = "") -> str:
    """``"; did you mean 'x.csv'?"`` for a missing file, from the names in its folder."""
    try:
        names = [file.name for file in Path(path).parent.iterdir() if file.name.endswith(suffix)]
    except (OSError, ValueError):
        return ""
    return suggest(Path(path).name, names)


def put_in_place(
    new: Path, folder: Path, names: Iterable[str], *, old: Path, replaced: Iterable[str] = ()
) -> None:
    """Move files from the folder ``new`` to ``folder``: all of them, or none.

    Names are relative and may contain folders. The files in ``replaced`` are first moved to the
    folder ``old``. No other file is moved, and none is overwritten, even if an exception or the end
    of the process interrupts this.

    Raises:
        OSError: a name is taken, or a file cannot be moved; all files are then back in place.
    """
    names, replaced = tuple(names), tuple(replaced)
    lacking = {path for path in _folders(folder, names) if not path.exists()}
    try:
        for name in replaced:
            _make_room(old / name)
            (folder / name).rename(old / name)
        for name in names:
            _make_room(folder / name)
            _move_to_free(new / name, folder / name)
    except BaseException:
        for name in names:
            _move_back(new / name, folder / name)
        for name in replaced:
            if os.path.lexists(old / name):
                _make_room(folder / name)
                _move_to_free(old / name, folder / name)
        _remove_empty({*lacking, old, *_folders(old, replaced)})
        raise
    _remove_empty(_folders(folder, replaced))


def _move_back(source: Path, target: Path) -> None:
    """Undo a move that may have been interrupted anywhere: the two names show how far it got."""
    if not os.path.lexists(target):
        return
    if not os.path.lexists(source):
        target.rename(source)
    elif os.path.samestat(source.lstat(), target.lstat()):
        target.unlink()


def _folders(folder: Path, names: Iterable[str]) -> set[Path]:
    """The folders below ``folder`` that contain files with these names."""
    return {folder / above for name in names for above in PurePath(name).parents[:-1]}


def _make_room(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)


def _move_to_free(source: Path, target: Path) -> None:
    """Move a file by a link, which fails if the name is taken: a rename would overwrite."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # not every file system supports links
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, f"{target.name} is there already") from None
        source.rename(target)
    else:
        source.unlink()


def _remove_empty(folders: Iterable[Path]) -> None:
    for path in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        with suppress(OSError):
            path.rmdir()


def why(error: BaseException) -> str:
    """The operating system's reason why a file cannot be read or written."""
    return getattr(error, "strerror", None) or str(error)


@contextmanager
def _opened(path: str | PathLike[str]) -> Iterator[BinaryIO]:
    stream = _stream(os.fspath(path))
    if stream is not None:
        if stream == 1 and sys.stdout is not None:
            sys.stdout.flush()
        # A duplicate shares its position with everything that is printed before and after.
        with os.fdopen(os.dup(stream), "wb") as file:
            yield file
        return
    target = Path(os.path.realpath(path))
    before = _status(target)
    if before is not None and not stat.S_ISREG(before.st_mode):
        with target.open("wb") as file:
            yield file
        return
    # Choose the name first, so that an interrupt at any moment leaves a known file to remove.
    beside = hidden_name(target.parent)
    try:
        with beside.open("xb") as file:
            if before is not None:
                _keep_owner(beside, before)
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
        _log.debug("written: %s", target)
    finally:
        beside.unlink(missing_ok=True)
    _sync_folder(target.parent)


def _stream(path: str) -> int | None:
    match = _DESCRIPTOR.fullmatch(path)
    return int(match[1]) if match else _STREAMS.get(path)


def _status(target: Path) -> os.stat_result | None:
    """The status of the target if it exists and is writable.

    Raises:
        PermissionError: the file is write-protected; replacing it would bypass that.
    """
    try:
        status = target.stat()
    except FileNotFoundError:
        return None
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return status


def _keep_owner(file: Path, before: os.stat_result) -> None:
    if hasattr(os, "chown"):
        with suppress(PermissionError):  # only root may change the owner of a file
            os.chown(file, before.st_uid, before.st_gid)
    file.chmod(stat.S_IMODE(before.st_mode))


def _sync_folder(folder: Path) -> None:
    """Sync the new name to disk as well, on systems that can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
