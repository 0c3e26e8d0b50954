"""``pytest --lifecycle-cov``: watch every test, add up what workers saw, report, decide."""

from __future__ import annotations

import io
import pickle
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from datetime import datetime
from functools import cache
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, NoReturn

import pytest

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.model import Model, load
from lifecycle_fsm.person import Person
from lifecycle_fsm.testing.coverage.coverage_report import (
    read_report,
    shown_percent,
    summary,
    total,
    versions,
    write_report,
)
from lifecycle_fsm.testing.coverage.measure import Coverage, measure
from lifecycle_fsm.testing.recorder import NO_TEST, ModelKey, Record, Watch
from lifecycle_fsm.wording import harmless, joined

# ------------------------------------------------------------------ pickling
#
# A model on its way from a worker of pytest-xdist to the process that reports.
#
# The report draws a model and looks for people in it, and never runs it. So its Python callables
# stay behind, and only their names are sent. They may be local to a test, where no other process
# could find them.


def pack(model: Model) -> bytes | None:
    """The model pickled without its callables; None if one of its tokens or options cannot exist in
    another process."""
    buffer = io.BytesIO()
    try:
        _Pickler(buffer).dump(model)
    except Exception:
        return None  # a foreign object may raise anything; the report says which model is left out
    return buffer.getvalue()


@cache
def _absent(name: str) -> Callable[[Any, datetime], NoReturn]:
    """A stand-in for a Python callable that stayed in another process; one for each name."""

    def absent(person: Any, now: datetime) -> NoReturn:
        raise LifecycleError(f"the guard {name!r} stayed in the process of its tests")

    absent.__name__ = name
    return absent


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        """Pickle names instead of callables, and the plain person instead of a project's class."""
        if isinstance(obj, FunctionType | MethodType | BuiltinFunctionType):
            if str(getattr(obj, "__module__", "")).startswith("lifecycle_fsm."):
                return NotImplemented
            return _absent, (obj.__name__,)
        if isinstance(obj, type) and issubclass(obj, Person) and obj is not Person:
            return _plain_person, ()
        return NotImplemented


def _plain_person() -> type[Person]:
    return Person


# ------------------------------------------------------------------ plugin


_OUTPUT = "lifecycle_coverage"


class CoveragePlugin:
    """Watches from the moment at which pytest is configured, so that machines of modules and
    session fixtures are seen as well.

    Under pytest-xdist each worker watches, and the controller adds up and reports.

    Raises:
        pytest.UsageError: an option is invalid; no test has run yet.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._record = Record()
        self._models: dict[ModelKey, Model] = {}
        self._lost: list[str] = []
        self._notes: list[str] = []
        self._coverages: tuple[Coverage, ...] = ()
        self._others: tuple[ModelKey, ...] = ()
        self._failed = ""
        try:
            self._chosen = _chosen(config)
            self._reports = [
                read_report(text, config.invocation_params.dir)
                for text in config.getoption("lifecycle_cov_report")
            ]
        except LifecycleError as error:
            raise pytest.UsageError(str(error)) from None
        self._watch = Watch()
        self._watch.start()

    # -- watching ----------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Attribute to a test everything that happens while it runs, including its fixtures."""
        self._watch.switch(item.nodeid)
        try:
            return (yield)
        finally:
            self._watch.switch(NO_TEST)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Stop watching after the tests: what others do to models then (mutants) does not count."""
        try:
            return (yield)
        finally:
            self._watch.stop()

    def pytest_unconfigure(self) -> None:
        """Remove all instruments, for programs that run pytest inside their own process."""
        self._watch.stop()

    # -- adding up ---------------------------------------------------------------------------

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Add what a worker of pytest-xdist saw."""
        sent = getattr(node, "workeroutput", {}).get(_OUTPUT)
        if sent is None:
            self._lost.append(node.gateway.id)
            return
        record, models = pickle.loads(sent)  # noqa: S301 - our own worker wrote it a moment ago
        self._record.add(record)
        for (name, version), packed in models.items():
            if packed is None:
                self._notes.append(f"{name} {version} is left out: it cannot leave its worker")
            elif (name, version) not in self._models:
                self._models[name, version] = pickle.loads(packed)  # noqa: S301 - likewise

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Report, and set the exit status, whether or not a summary is shown."""
        self._watch.switch(NO_TEST)
        output: dict[str, object] | None = getattr(self._config, "workeroutput", None)
        if output is not None:
            models = {key: pack(model) for key, model in self._watch.models.items()}
            output[_OUTPUT] = pickle.dumps((self._watch.record, models))
            return
        if self._config.getoption("collectonly"):
            return
        self._record.add(self._watch.record)
        self._models.update(self._watch.models)
        # Workers finish in any order.
        under_test = self._chosen or {key: self._models[key] for key in sorted(self._models)}
        self._others = tuple(key for key in self._models if key not in under_test)
        self._coverages = tuple(
            measure(model, self._record.of(model)) for model in under_test.values()
        )
        for kind, path in self._reports:
            try:
                files = write_report(self._coverages, kind, path)
                self._notes += [f"written: {file}" for file in files]
            except (LifecycleError, OSError) as error:
                self._failed = f"the report {path} was not written: {error}"
        least = self._config.getoption("lifecycle_cov_fail_under")
        covered = total(self._coverages)
        if least is not None and covered < least:
            self._failed = f"{shown_percent(covered)} is covered: less than {least:g} %"
        if self._failed and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    # -- reporting ---------------------------------------------------------------------------

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what is covered and what is missing."""
        if self._config.getoption("collectonly"):
            return

        def write(line: str, **markup: bool) -> None:
            terminalreporter.write_line(harmless(line), **markup)

        terminalreporter.section("lifecycle coverage")
        for line in summary(self._coverages):
            write(line)
        if self._others:
            names = Counter(name for name, _ in self._others)
            named = joined(versions(name, count) for name, count in names.items())
            write(f"not under test, and not counted: {named}")
        for line in self._notes:
            write(line)
        for worker in self._lost:
            write(f"what the worker {worker} saw is lost: it ended before it could tell")
        if self._failed:
            write(self._failed, red=True, bold=True)


def _chosen(config: pytest.Config) -> Mapping[ModelKey, Model]:
    """The models that were named; empty if none was, which means all."""
    here = config.invocation_params.dir
    named = [(name, here) for name in config.getoption("lifecycle_cov_model")]
    ini = str(config.getini("lifecycle_model"))
    if not named and ini:
        named = [(ini, config.inipath.parent if config.inipath else here)]
    chosen = {}
    for name, folder in named:
        file = folder / name  # a shipped model has only a name
        model = load(file if file.is_file() else name)
        chosen[model.name, model.version] = model
    return chosen
