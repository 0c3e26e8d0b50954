"""The pytest plugin: its options, and what they ask for, loaded on demand.

pytest loads this file in every project where the package is installed, so it imports only those
parts of the package that a suite uses.
"""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lifecycle_fsm.model import Model
    from lifecycle_fsm.person import Person
    from lifecycle_fsm.testing.bench import Bench, Clock
    from lifecycle_fsm.testing.guard_tables import GuardRow

_LOADED = pytest.StashKey[dict[object, "Model"]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the plugin."""
    group = parser.getgroup("lifecycle", "lifecycle models")
    several: dict[str, Any] = {"action": "append", "default": []}
    parser.addini(
        "lifecycle_model", "the model under test: a shipped name or a TOML file", default=""
    )
    group.addoption(
        "--lifecycle-cov",
        action="store_true",
        help="report which moves were fired and which conditions decided, for each model",
    )
    group.addoption(
        "--lifecycle-cov-report",
        **several,
        metavar="KIND:FILE",
        help="write the report as json:FILE, html:FILE or svg:FOLDER; may be repeated",
    )
    group.addoption(
        "--lifecycle-cov-model",
        **several,
        metavar="MODEL",
        help="count this model alone, a shipped name or a TOML file; may be repeated; else the one "
        "of the setting lifecycle_model, else every model that ran",
    )
    group.addoption(
        "--lifecycle-cov-fail-under",
        type=float,
        metavar="N",
        help="fail if less than N per cent is covered",
    )
    group.addoption(
        "--lifecycle-mutate",
        action="store_true",
        help="change the model in many small ways, and see whether a test notices each",
    )
    group.addoption(
        "--lifecycle-mutate-model",
        **several,
        metavar="NAME",
        help="change this model: its name, a shipped one or a TOML file; may be repeated. Else the "
        "one of the ini option lifecycle_model, or all that the tests run",
    )
    group.addoption(
        "--lifecycle-mutate-report",
        **several,
        metavar="json:FILE",
        help="write what became of each mutant, and the missing tests",
    )
    group.addoption(
        "--lifecycle-mutate-fail-under",
        type=float,
        metavar="N",
        help="fail if less than N per cent of the mutants are killed",
    )
    group.addoption(
        "--lifecycle-mutate-jobs",
        type=int,
        metavar="N",
        help="how many mutants to try at once, as many as there are processors without it; 0 tries "
        "one after the other without a process of its own",
    )
    group.addoption(
        "--lifecycle-mutate-timeout",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="a test with a mutant is stopped after ten times its usual time and so many seconds",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Load what was asked for."""
    config.addinivalue_line(
        "markers",
        "lifecycle_model(model): the model under test: a Model, a shipped name or a TOML file, "
        "which is looked for beside the test",
    )
    config.addinivalue_line(
        "markers",
        "guard_table(source): run the test once for each row, as its argument guard_row; the "
        "source is a .csv or .toml file beside the test, or rows from Python",
    )
    if (
        config.getoption("lifecycle_cov")
        or config.getoption("lifecycle_cov_report")
        or config.getoption("lifecycle_cov_fail_under") is not None
    ):
        from lifecycle_fsm.testing.coverage.coverage_plugin import CoveragePlugin

        config.pluginmanager.register(CoveragePlugin(config), "lifecycle-coverage")
    if (
        config.getoption("lifecycle_mutate")
        or config.getoption("lifecycle_mutate_fail_under") is not None
    ):
        from lifecycle_fsm.testing.mutation.mutation_plugin import MutationPlugin

        config.pluginmanager.register(MutationPlugin(config), "lifecycle-mutation")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test for each row of its guard table."""
    marker = metafunc.definition.get_closest_marker("guard_table")
    if marker is not None or "guard_row" in metafunc.fixturenames:
        rows = _guard_rows(metafunc, marker)
        metafunc.parametrize("guard_row", rows, ids=[row.id for row in rows])


def _guard_rows(metafunc: pytest.Metafunc, marker: pytest.Mark | None) -> tuple[GuardRow, ...]:
    """The rows of a test's guard table; a file name is relative to the folder of the test.

    Raises:
        pytest.UsageError: the marker is missing, or the table cannot be read.
    """
    from lifecycle_fsm.errors import LifecycleError
    from lifecycle_fsm.testing.guard_tables import guard_table

    test = metafunc.definition
    if marker is None:
        raise pytest.UsageError(
            f"{test.nodeid} takes guard_row: say of which table with "
            "@pytest.mark.guard_table('guards.csv')"
        )
    if "guard_row" not in metafunc.fixturenames:
        raise pytest.UsageError(
            f"{test.nodeid} is marked guard_table and does not take guard_row: "
            "add the argument, and check it with lifecycle_bench.check(guard_row)"
        )
    source = _only_argument(marker, "the table")
    if isinstance(source, str | PathLike):
        source = test.path.parent / source
    try:
        return guard_table(source)
    except LifecycleError as error:
        raise pytest.UsageError(str(error)) from None


def _only_argument(marker: pytest.Mark, what: str) -> Any:
    if len(marker.args) != 1 or marker.kwargs:
        raise pytest.UsageError(f"the marker {marker.name} takes {what}, and nothing else")
    return marker.args[0]


@pytest.fixture
def lifecycle_model(request: pytest.FixtureRequest) -> Model:
    """The model under test: of the marker ``lifecycle_model``, else of the ini option of that name.

    Override the fixture if the model is made in Python.

    Raises:
        pytest.UsageError: neither names a model.
        LifecycleError: it cannot be read, or does not build.
    """
    from lifecycle_fsm.model import Model, load

    marker = request.node.get_closest_marker("lifecycle_model")
    if marker is not None:
        source = _only_argument(marker, "a model")
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
    # A model is read once for each state of its file.
    known = request.config.stash.setdefault(_LOADED, {})
    key: object = source
    if not isinstance(source, str) or any(sign in source for sign in "./\\"):
        source = folder / source
        key = (source, source.stat().st_mtime_ns if source.is_file() else None)
    if key not in known:
        known[key] = load(source)
    return known[key]


@pytest.fixture
def lifecycle_bench(lifecycle_model: Model) -> Bench:
    """A bench of the model under test, without people and with the clock at its start."""
    from lifecycle_fsm.testing.bench import Bench

    return Bench(lifecycle_model)


@pytest.fixture
def lifecycle_clock(lifecycle_bench: Bench) -> Clock:
    """The clock of the bench; only the test moves it."""
    return lifecycle_bench.clock


@pytest.fixture
def person_in(lifecycle_bench: Bench) -> Callable[..., Person]:
    """``person_in("mql", behavior_score=64)``: a person in any stage, on the bench."""
    return lifecycle_bench.person_in


@pytest.fixture
def assert_moves(lifecycle_bench: Bench) -> Callable[..., None]:
    """``assert_moves(person, "qualify", to="mql", by="scored")``: ask, and assert where it ends."""
    return lifecycle_bench.assert_moves


@pytest.fixture
def assert_stays(lifecycle_bench: Bench) -> Callable[..., None]:
    """``assert_stays(person)``: assert that the system does not move the person now."""
    return lifecycle_bench.assert_stays


@pytest.fixture
def assert_refused(lifecycle_bench: Bench) -> Callable[..., None]:
    """``assert_refused(person, "qualify", because={…})``: ask, and assert what is unmet."""
    return lifecycle_bench.assert_refused
