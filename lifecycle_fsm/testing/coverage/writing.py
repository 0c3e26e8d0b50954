"""The reports that ``--lifecycle-cov-report KIND:FILE`` asks for."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import attrs

from lifecycle_fsm.errors import LifecycleError, MissingExtra, suggest
from lifecycle_fsm.files import write_file
from lifecycle_fsm.testing.coverage.measure import Coverage
from lifecycle_fsm.testing.coverage.report import write_json

#: Writes all coverages, and returns what there is to say about it.
Writer: TypeAlias = Callable[[Sequence[Coverage], Path], list[str]]


@attrs.frozen
class Report:
    """One report that was asked for."""

    kind: str
    path: Path

    def write(self, coverages: Sequence[Coverage]) -> list[str]:
        """Write it; what there is to say about it, in lines.

        Raises:
            FileProblem, OSError: it cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return _WRITERS[self.kind](coverages, self.path)


def read_reports(given: Iterable[str], folder: Path) -> tuple[Report, ...]:
    """The reports of the options, their paths from the folder in which pytest was called.

    Raises:
        LifecycleError: one is not ``KIND:FILE``.
        MissingExtra: one needs what is not installed.
    """
    return tuple(_read(one, folder) for one in given)


def _read(text: str, folder: Path) -> Report:
    kind, colon, file = text.partition(":")
    if not (colon and file and kind in _WRITERS):
        near = suggest(kind, _WRITERS)
        raise LifecycleError(
            f"--lifecycle-cov-report={text}: write json:FILE, html:FILE or svg:FOLDER{near}"
        )
    for module, extra in _NEEDS.get(kind, ()):
        if importlib.util.find_spec(module) is None:
            raise MissingExtra(extra, module, f"--lifecycle-cov-report={kind}")
    return Report(kind, folder / file)


def _json(coverages: Sequence[Coverage], path: Path) -> list[str]:
    write_json(coverages, path)
    return [f"written: {path}"]


def _html(coverages: Sequence[Coverage], path: Path) -> list[str]:
    from lifecycle_fsm.testing.coverage.html import page

    write_file(path, page(coverages))
    return [f"written: {path}"]


def _svg(coverages: Sequence[Coverage], path: Path) -> list[str]:
    from lifecycle_fsm.testing.coverage.picture import draw

    path.mkdir(parents=True, exist_ok=True)
    said = []
    names = [_file_name(one.model.name) for one in coverages]
    for name, coverage in zip(names, coverages, strict=True):
        # Several versions of one model in one suite: each has its picture.
        apart = f"-{coverage.model.version}" if names.count(name) > 1 else ""
        said.append(f"written: {draw(coverage).save(path / f'{name}{apart}.svg')}")
    return said


def _file_name(name: str) -> str:
    """The name of a model, which may be any text, as that of a file in this folder."""
    return re.sub(r"[^\w-]+", "-", name).strip("-")[:80] or "model"


_WRITERS: Mapping[str, Writer] = {"json": _json, "html": _html, "svg": _svg}
_NEEDS: Mapping[str, tuple[tuple[str, str], ...]] = {"html": (("jinja2", "sheet"),)}
