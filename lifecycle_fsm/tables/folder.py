"""Output that appears whole or not at all.

A run writes into a folder beside the one that was asked for, which takes its name at the very end.
Nothing is to be seen before, and nothing is left of a run that failed or was stopped.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from types import TracebackType

from lifecycle_fsm.errors import FileProblem
from lifecycle_fsm.files import hidden_name, made_folder, why, write_file

MARKER = ".lifecycle-fsm.json"


class OutputFolder:
    """The folder of one run, as a context manager; files go to :meth:`file` inside it.

    A folder that an earlier run has made is replaced, and what others have put there stays. One
    that is not empty and that no run has made is refused, so that a slip of the hand destroys
    nothing; with ``force`` its files stay, but for those that have the name of a new one.

    Raises:
        FileProblem: the folder may not be replaced or cannot be written.
    """

    def __init__(self, path: str | Path, *, force: bool = False) -> None:
        self.name = str(path)
        self._force = force
        try:
            self.path = Path(path).resolve()
            self._check()
        except (OSError, ValueError, RuntimeError) as error:
            raise FileProblem(f"{self.name} cannot be the output: {why(error)}") from error
        self._folder: Path | None = None
        self._cleaning = contextlib.ExitStack()

    def file(self, name: str) -> Path:
        """Where a file of the output is to be written."""
        assert self._folder is not None, "the folder is open inside 'with' only"
        return self._folder / name

    def __enter__(self) -> OutputFolder:
        above = self.path.parent
        try:
            with contextlib.ExitStack() as cleaning:
                cleaning.enter_context(made_folder(above))
                self._folder = hidden_name(above)
                cleaning.callback(self._clean)
                self._folder.mkdir()
                self._cleaning = cleaning.pop_all()
        except OSError as error:
            raise FileProblem(f"{self.name} cannot be written: {why(error)}") from error
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
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _check(self) -> set[str]:
        """Names in the folder that are not ours, if the folder may be replaced."""
        here = Path.cwd().resolve()
        if self.path in (here, *here.parents):
            raise FileProblem(
                f"{self.name} is where you are, or above it: name a folder for the output"
            )
        if not self.path.exists():
            return set()
        if not self.path.is_dir():
            raise FileProblem(f"{self.name} is a file: name a folder for the output")
        present = {one.name for one in self.path.iterdir()}
        if not present:
            return set()
        ours = self._ours()
        if ours is None and not self._force:
            raise FileProblem(
                f"{self.name} has files that no run has made ({_some(present)}): "
                "name another folder, or say --force to write beside them"
            )
        return present - (ours or set())

    def _ours(self) -> set[str] | None:
        try:
            said = json.loads((self.path / MARKER).read_text("utf-8"))
            return {MARKER, *map(str, said["files"])}
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _publish(self) -> None:
        assert self._folder is not None
        new = {one.name for one in self._folder.iterdir()}
        kept = self._check()
        clash = kept & new
        if clash and not self._force:
            raise FileProblem(
                f"{self.name} has files that no run has made, and a new one of the same name "
                f"({_some(clash)}): move them, or say --force to replace them"
            )
        marker = {"about": "written by lifecycle-fsm; the next run replaces these files"}
        text = json.dumps({**marker, "files": sorted(new)}, indent=1)
        write_file(self._folder / MARKER, text + "\n")
        if not self.path.exists():
            self._folder.rename(self.path)
            self._folder = None
            return
        self._swap(kept - clash)

    def _swap(self, kept: set[str]) -> None:
        """Put the new folder in the place of the old one; the old one is gone last of all."""
        assert self._folder is not None
        before = hidden_name(self.path.parent)
        self.path.rename(before)
        try:
            self._folder.rename(self.path)
        except BaseException:
            before.rename(self.path)
            raise
        self._folder = None
        try:
            for name in kept:
                (before / name).rename(self.path / name)
        except OSError as error:
            raise FileProblem(
                f"{self.name} is written, but {', '.join(sorted(kept))} could not be moved there "
                f"and may still be in {before}: {why(error)}"
            ) from error
        shutil.rmtree(before, ignore_errors=True)


def _some(names: set[str]) -> str:
    first = ", ".join(sorted(names)[:3])
    return first if len(names) <= 3 else f"{first} and {len(names) - 3} more"
