"""What the fixtures and the marker of the plugin do, imported once a test uses them."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import pytest

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.model import Model, load
from lifecycle_fsm.testing.tables import GuardRow, guard_table

_LOADED = pytest.StashKey[dict[object, Model]]()


def model_of(request: pytest.FixtureRequest) -> Model:
    """The model of a test: of its marker, else of the ini option.

    Raises:
        pytest.UsageError: neither names one.
        LifecycleError: it cannot be read, or does not build.
    """
    marker = request.node.get_closest_marker("lifecycle_model")
    if marker is not None:
        source = _only(marker, "a model")
        folder = request.path.parent
    else:
        source = request.config.getini("lifecycle_model")
        folder = request.config.inipath.parent if request.config.inipath else Path.cwd()
    if isinstance(source, Model):
        return source
    if not source:
        raise pytest.UsageError(
            "no model to test: set the ini option 'lifecycle_model' (a shipped name, or a TOML "
            "file beside the ini file), mark the test with "
            "@pytest.mark.lifecycle_model('my.toml'), or override the fixture 'lifecycle_model'"
        )
    return _load(request.config, source, folder)


def _load(config: pytest.Config, source: str | PathLike[str], folder: Path) -> Model:
    """The model, read once for each state of its file."""
    known = config.stash.setdefault(_LOADED, {})
    key: object = source
    if not isinstance(source, str) or any(sign in source for sign in "./\\"):
        source = folder / source
        key = (source, source.stat().st_mtime_ns if source.is_file() else None)
    if key not in known:
        known[key] = load(source)
    return known[key]


def rows_of(metafunc: pytest.Metafunc, marker: pytest.Mark | None) -> tuple[GuardRow, ...]:
    """The rows of a test's guard table; a file is looked for beside the test.

    Raises:
        pytest.UsageError: there is no marker, or the table cannot be read.
    """
    if marker is None:
        raise pytest.UsageError(
            f"{metafunc.definition.nodeid} takes guard_row: say of which table with "
            "@pytest.mark.guard_table('guards.csv')"
        )
    if "guard_row" not in metafunc.fixturenames:
        raise pytest.UsageError(
            f"{metafunc.definition.nodeid} is marked guard_table and does not take guard_row: "
            "add the argument, and check it with lifecycle_bench.check(guard_row)"
        )
    source = _only(marker, "the table")
    if isinstance(source, str | PathLike):
        source = metafunc.definition.path.parent / source
    try:
        return guard_table(source)
    except LifecycleError as error:
        raise pytest.UsageError(str(error)) from None


def _only(marker: pytest.Mark, what: str) -> Any:
    if len(marker.args) != 1 or marker.kwargs:
        raise pytest.UsageError(f"the marker {marker.name} takes {what}, and nothing else")
    return marker.args[0]
