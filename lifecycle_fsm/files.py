"""The only place of the package that writes files: each appears whole or not at all, and so does
each line that is added to one."""

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
#: How the names of files begin that are on their way to their place.
_HIDDEN = ".lifecycle-fsm-"
_STREAMS = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_DESCRIPTOR = re.compile(r"(?:/dev/fd|/proc/self/fd)/(\d+)")


@contextmanager
def whole_file(path: str | PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write in the block, which takes its name when the block ends without an error.

    Until then it lies hidden beside the target, and what was there stays as it was. A link is
    followed, and a file that is replaced keeps its owner and its permissions. A device, a pipe and
    a stream of this process, such as ``/dev/stdout``, cannot be replaced: they are written to.

    Raises:
        FileProblem: it cannot be written.
    """
    try:
        with _opened(path) as file:
            yield file
    except (OSError, ValueError) as error:
        raise FileProblem(f"{path} cannot be written: {why(error)}") from error


def write_file(path: str | PathLike[str], content: bytes | str) -> None:
    """Write a file, whole or not at all; text is UTF-8, with its line ends as they are.

    Raises:
        FileProblem: it cannot be written.
    """
    with whole_file(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def append_line(path: str | PathLike[str], line: str) -> None:
    """Add a line at the end of a file, whole or not at all, and have it on the disk before this
    returns. Several processes may do so at once. A file that is not there is made.

    A last line without its end stays as it is: a process was killed there, or the disk was full.

    Raises:
        FileProblem: it cannot be written.
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
            os.close(handle)  # and the lock goes with it
        if not end:
            _sync_folder(Path(path).parent)
    except (OSError, ValueError) as error:
        raise FileProblem(f"{path} cannot be written: {why(error)}") from error


def _lock(handle: int) -> None:
    """Wait until nobody else adds to the file."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Make a folder and those above it; they are gone again where the work fails and nothing has
    come to lie in them.

    Raises:
        OSError: one of them cannot be made.
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
    """A name in a folder that nobody has and that no pattern such as ``*`` finds."""
    return folder / f"{_HIDDEN}{os.urandom(8).hex()}"


def names_in(folder: Path) -> set[str]:
    """What lies in a folder, but for what a process that was killed has left under such a name."""
    return {file.name for file in folder.iterdir() if not file.name.startswith(_HIDDEN)}


def near_files(path: str | PathLike[str], suffix: str = "") -> str:
    """``"; did you mean 'x.csv'?"`` for a file that does not exist, by what its folder has."""
    try:
        names = [file.name for file in Path(path).parent.iterdir() if file.name.endswith(suffix)]
    except (OSError, ValueError):
        return ""
    return suggest(Path(path).name, names)


def put_in_place(
    new: Path, folder: Path, names: Iterable[str], *, old: Path, replaced: Iterable[str] = ()
) -> None:
    """Move files from the folder ``new`` into another one: all of them, or none.

    Names are relative, and may lie in folders. First the files in ``replaced`` make room, and wait
    in the folder ``old``. Nothing else is moved, and nothing written over, at whatever moment an
    exception comes, or the end of the process.

    Raises:
        OSError: a name is taken, or a file cannot be moved; then all is as it was.
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
    """Whatever was interrupted, the files themselves say what was done: it is gone, or linked."""
    if not os.path.lexists(target):
        return
    if not os.path.lexists(source):
        target.rename(source)
    elif os.path.samestat(source.lstat(), target.lstat()):
        target.unlink()


def _folders(folder: Path, names: Iterable[str]) -> set[Path]:
    """The folders below one in which files of these names lie."""
    return {folder / above for name in names for above in PurePath(name).parents[:-1]}


def _make_room(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)


def _move_to_free(source: Path, target: Path) -> None:
    """A link fails where the name has been taken meanwhile; a rename would write over it."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # not every file system has links
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
    """What the system says of a file that cannot be read or written."""
    return getattr(error, "strerror", None) or str(error)


@contextmanager
def _opened(path: str | PathLike[str]) -> Iterator[BinaryIO]:
    stream = _stream(os.fspath(path))
    if stream is not None:
        if stream == 1 and sys.stdout is not None:
            sys.stdout.flush()
        # A copy shares its place in the output with all that is printed before and after.
        with os.fdopen(os.dup(stream), "wb") as file:
            yield file
        return
    target = Path(os.path.realpath(path))
    before = _status(target)
    if before is not None and not stat.S_ISREG(before.st_mode):
        with target.open("wb") as file:
            yield file
        return
    # The name comes first: whenever an interrupt comes, it is known what there is to remove.
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
    """What stands there now, which may be written to.

    Raises:
        PermissionError: its owner has protected it; to replace it would go around that.
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
        with suppress(PermissionError):  # only root may give a file away
            os.chown(file, before.st_uid, before.st_gid)
    file.chmod(stat.S_IMODE(before.st_mode))


def _sync_folder(folder: Path) -> None:
    """The new name is on the disk too; some systems have no way to ask for that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
