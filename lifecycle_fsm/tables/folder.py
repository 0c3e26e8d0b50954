"""Output that appears completely or not at all.

A run writes into a hidden folder, whose contents move into place at the very end. Nothing is
visible before that, and a run that fails or is stopped leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType

from lifecycle_fsm.errors import FileProblem
from lifecycle_fsm.files import hidden_name, made_folder, names_in, put_in_place, why, write_file
from lifecycle_fsm.rows.row import listed

MARKER = ".lifecycle-fsm.json"
_ABOUT = "written by lifecycle-fsm; the next run replaces these files"


class OutputFolder:
    """The output folder of one run, as a context manager; files go to :meth:`file` inside it.

    A folder that an earlier run made is used again: new files replace the files of that run, and
    other files stay where they are. A non-empty folder that no run made is refused, so that a
    typing error destroys nothing; with ``force``, its files stay except those that have the name of
    a new one.

    Raises:
        FileProblem: the folder may not be used or cannot be written.
    """

    def __init__(self, path: str | Path, *, force: bool = False) -> None:
        self.name = str(path)
        self._force = force
        self._inputs: list[Path] = []
        try:
            self.path = Path(path).resolve()
            self._check()
        except (OSError, ValueError, RuntimeError) as error:
            raise FileProblem(f"{self.name} cannot be the output: {why(error)}") from error
        self._hidden: Path | None = None
        self._cleaning = ExitStack()

    def keep(self, inputs: Iterable[str | Path]) -> None:
        """Never replace these files, because they are the input of the run.

        Raises:
            FileProblem: the run would replace one.
        """
        given = (Path("/dev/stdin" if path == "-" else path) for path in inputs)
        self._inputs += [path for path in given if path.is_file()]
        self._check_inputs(self._ours() or ())

    def file(self, name: str) -> Path:
        """The path at which to write a file of the output."""
        assert self._hidden is not None, "the folder is open inside 'with' only"
        return self._hidden / "new" / name

    def scratch(self) -> Path:
        """A folder on the same disk for what is needed during the run only."""
        assert self._hidden is not None, "the folder is open inside 'with' only"
        folder = self._hidden / "scratch"
        folder.mkdir(exist_ok=True)
        return folder

    def __enter__(self) -> OutputFolder:
        try:
            self._cleaning.enter_context(made_folder(self.path.parent))
            # Inside the folder if it exists, because its parent may be on another disk.
            self._hidden = hidden_name(self.path if self.path.exists() else self.path.parent)
            self._cleaning.callback(self._clean)
            self._hidden.mkdir()
            self.file("").mkdir()
        except BaseException as error:
            self._cleaning.__exit__(type(error), error, error.__traceback__)
            if isinstance(error, OSError):
                raise FileProblem(f"{self.name} cannot be written: {why(error)}") from error
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._cleaning.__exit__(kind, error, trace)
            return
        try:
            with self._cleaning:
                self._publish()
        except OSError as problem:
            raise FileProblem(f"{self.name} cannot be written: {why(problem)}") from problem

    def _clean(self) -> None:
        try:
            self._remove_hidden()
        except BaseException:  # clean up after an interrupt as well
            self._remove_hidden()
            raise

    def _remove_hidden(self) -> None:
        """Remove the hidden folder, except replaced files that could not be restored."""
        if self._hidden is None:
            return
        shutil.rmtree(self._hidden / "scratch", ignore_errors=True)
        if not self._made():  # everything is in place
            shutil.rmtree(self._hidden / "old", ignore_errors=True)
        shutil.rmtree(self.file(""), ignore_errors=True)
        with suppress(OSError):
            self._hidden.rmdir()

    def _made(self) -> list[str]:
        """The files that are not in place yet."""
        new = self.file("")
        return sorted(file.relative_to(new).as_posix() for file in new.rglob("*") if file.is_file())

    def _check(self) -> set[str]:
        """The files of an earlier run; raises if the folder must not be used."""
        here = Path.cwd().resolve()
        if self.path in (here, *here.parents):
            raise FileProblem(
                f"{self.name} is where you are, or above it: name a folder for the output"
            )
        if not self.path.exists():
            return set()
        if not self.path.is_dir():
            raise FileProblem(f"{self.name} is a file: name a folder for the output")
        present = names_in(self.path)
        ours = self._ours()
        if present and ours is None and not self._force:
            raise FileProblem(
                f"{self.name} has files that no run has made ({listed(sorted(present), 3)}): "
                "name another folder, or say --force to write beside them"
            )
        return ours or set()

    def _ours(self) -> set[str] | None:
        """The files that an earlier run made and that still exist."""
        try:
            names = map(str, json.loads((self.path / MARKER).read_text("utf-8"))["files"])
            return {
                name for name in names if self._is_inside(name) and (self.path / name).is_file()
            }
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _is_inside(self, name: str) -> bool:
        """Whether the path stays inside the folder, even if the folder contains links."""
        above = (self.path / name).parent
        return above.resolve() == above

    def _check_inputs(self, replaced: Iterable[str]) -> None:
        for name in replaced:
            for path in self._inputs:
                if path.samefile(self.path / name):
                    raise FileProblem(
                        f"{path} is read here, and would be replaced: {self.name} is the output of "
                        "an earlier run, which this one replaces; name another folder"
                    )

    def _publish(self) -> None:
        new = self._made()
        ours = self._check()
        clash = {name for name in new if os.path.lexists(self.path / name)} - ours
        if clash and not (self._force and all((self.path / name).is_file() for name in clash)):
            raise FileProblem(
                f"{self.name} has files that no run has made, and a new one of the same name "
                f"({listed(sorted(clash), 3)}): move them, or say --force to replace them"
            )
        self._check_inputs(ours | clash)
        if not self.path.exists():
            self._mark(self.file(""), new)
            self.file("").rename(self.path)
            return
        assert self._hidden is not None
        # If the process is killed, all files that it has moved here are already marked as a run's.
        self._mark(self.path, ours.union(new))
        try:
            room = sorted(ours | clash)
            put_in_place(self.file(""), self.path, new, replaced=room, old=self._hidden / "old")
        finally:
            moved = set(new).difference(self._made())
            self._mark(self.path, moved | {name for name in ours if (self.path / name).exists()})

    def _mark(self, folder: Path, files: Collection[str]) -> None:
        if not files:
            (folder / MARKER).unlink(missing_ok=True)
            return
        text = json.dumps({"about": _ABOUT, "files": sorted(files)}, indent=1)
        write_file(folder / MARKER, text + "\n")
