"""``pytest --lifecycle-mutate``: run the suite once as it is, watched; then try each mutant."""

from __future__ import annotations

import functools
import gc
import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.files import write_file
from lifecycle_fsm.machine import EVERYWHERE
from lifecycle_fsm.model import Model, load
from lifecycle_fsm.testing.mutation.generator import Mutant, mutants
from lifecycle_fsm.testing.mutation.mutation_report import MutationReport, Origins, percent, score
from lifecycle_fsm.testing.mutation.runner import Forks, Machines, Runner
from lifecycle_fsm.testing.mutation.trials import Trial, Trials
from lifecycle_fsm.testing.recorder import NO_TEST, ModelRecord, Watch
from lifecycle_fsm.wording import harmless

#: The actions of a fixture that several tests share are attributed to each of them.
_FIXTURE = "fixture "
#: Changes that may open a move to more people: a test that notices did not fire it before.
_MAY_OPEN = frozenset({"operator", "threshold", "and/or", "dropped condition"})
#: The letter for each mutant in the progress line.
_LETTERS = {"killed": ".", "survived": "S", "equivalent": "=", "untouched": "U", "not_run": ""}


class MutationPlugin:
    """Watches the suite, tries the mutants when it is over, and sets the exit status.

    Raises:
        UsageError: pytest-xdist would run the tests in other processes, or an option is wrong.
    """

    def __init__(self, config: pytest.Config) -> None:
        if hasattr(config, "workerinput") or config.getoption("numprocesses", 0):
            raise pytest.UsageError(
                "--lifecycle-mutate runs the tests itself, several mutants at once "
                "(--lifecycle-mutate-jobs): run it without pytest-xdist, with -n 0"
            )
        self._config = config
        self._watch = Watch()
        self._origins = Origins(config.rootpath)
        self._files = [_file(option) for option in config.getoption("lifecycle_mutate_report")]
        self._seconds: dict[str, float] = {}
        self._failed: set[str] = set()
        self._reports: list[MutationReport] = []
        self._note = ""
        self._machines = Machines()
        EVERYWHERE.append(self._machines)  # test files make machines when they are collected
        self._origins.start()

    # ------------------------------------------------------------------ the suite, as it is

    def pytest_sessionstart(self) -> None:
        """Start watching."""
        self._watch.start()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Attribute everything from here on to this test."""
        self._watch.switch(item.nodeid)
        try:
            return (yield)
        finally:
            self._watch.switch(NO_TEST)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, Any, Any]:
        """Attribute the actions of a shared fixture to all tests that use it."""
        if fixturedef.scope == "function":
            return (yield)
        self._watch.switch(_FIXTURE + fixturedef.argname)
        try:
            return (yield)
        finally:
            self._watch.switch(request._pyfuncitem.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how long a test took, and whether it passed."""
        self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0.0) + report.duration
        if report.failed or report.skipped:
            self._failed.add(report.nodeid)

    # ------------------------------------------------------------------ the mutants

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(
        self, session: pytest.Session, exitstatus: int | pytest.ExitCode
    ) -> None:
        """Try the mutants, and set the exit status."""
        self._watch.stop()
        self._origins.stop()
        if exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            self._note = "the run of the tests was not finished, so no mutant was tried"
            return
        try:
            models = self._models()
            self._origins.start(recall=True)
            for model in models:
                self._try(model, session)
        except LifecycleError as error:
            self._note = str(error)
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
            return
        except KeyboardInterrupt:
            self._note = "interrupted: this is what is known by now"
            session.exitstatus = pytest.ExitCode.INTERRUPTED
        finally:
            self._origins.stop()
        self._write()
        least = self._config.getoption("lifecycle_mutate_fail_under")
        reached = score(self._reports)
        if least is not None and session.exitstatus == pytest.ExitCode.OK:
            if reached is None:
                self._note = "no mutant was tried: no test ran a model of that name"
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
            elif reached < least:
                self._note = f"the score is {percent(reached)}, and less than {least:g} %"
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _models(self) -> list[Model]:
        """The models to change: those that were named, else all that the tests ran.

        Raises:
            FileProblem, ModelError: a named path cannot be read.
        """
        wanted = self._config.getoption("lifecycle_mutate_model")
        if not wanted and self._config.getini("lifecycle_model"):
            wanted = [str(self._config.getini("lifecycle_model"))]
        ran = list(self._watch.models.values())
        if not wanted:
            return ran
        models: dict[str, Model] = {}
        for name in wanted:
            named = [model for model in ran if model.name == name]
            if len(named) != 1:
                # A changed copy may have the same name; the file has the intended one.
                path = self._config.rootpath / name
                version = load(path if path.exists() else name).version
                named = [model for model in ran if model.version == version]
            models |= {model.version: model for model in named}
        return list(models.values())

    def _try(self, model: Model, session: pytest.Session) -> None:
        began = time.monotonic()
        items = [
            item
            for item in session.items
            if item.nodeid in self._seconds and item.nodeid not in self._failed
        ]
        items.sort(key=lambda item: self._seconds[item.nodeid])
        record = self._watch.record.of(model)
        made = mutants(model)
        trials = Trials(
            model,
            made,
            _touching(record, items, made),
            self._runner(model, items),
            self._progress(model, len(made)),
        )
        failing = sum(item.nodeid in self._failed for item in session.items)
        session._setupstate.teardown_exact(None)
        watching = [observer for observer in EVERYWHERE if isinstance(observer, Watch)]
        for watch in watching:  # what mutants do is not coverage
            watch.stop()
        gc.collect()  # discarded machines need not be changed
        gc.freeze()  # objects that are never collected need not be copied into each fork
        try:
            trials.run()
        finally:
            gc.unfreeze()
            for watch in watching:
                watch.start()
            self._reports.append(
                MutationReport(
                    model,
                    self._origins.of(model),
                    trials.trials,
                    tuple(item.nodeid for item in items),
                    trials.unfit,
                    time.monotonic() - began,
                    failing,
                )
            )

    def _progress(self, model: Model, count: int) -> Callable[[Trial], None]:
        """Writes a letter for each mutant as it ends."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None or self._config.get_verbosity() < -1:
            return lambda trial: None
        done = itertools.count(1)
        reporter.write_line(harmless(f"\n{model.name}: {count} mutants"))

        def tell(trial: Trial) -> None:
            number = next(done)
            full = number % 72 == 0 or number == count
            end = f" [{100 * number // count:3}%]\n" if full else ""
            reporter.write(_LETTERS[trial.fate] + end, flush=True)

        return tell

    def _runner(self, model: Model, items: Sequence[pytest.Item]) -> Runner:
        jobs = self._config.getoption("lifecycle_mutate_jobs")
        if jobs is None:
            jobs = os.cpu_count() or 1
        forks = jobs and hasattr(os, "fork")
        return (Forks if forks else Runner)(
            items,
            [self._seconds[item.nodeid] for item in items],
            self._config.getoption("lifecycle_mutate_timeout"),
            model,
            self._machines,
            _forgetting(self._config.rootpath),
            jobs if forks else 1,
        )

    def _write(self) -> None:
        for path in self._files:
            text = json.dumps([report.to_json() for report in self._reports], indent=2)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, text + "\n")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Report what happened to the mutants, and which tests are missing."""
        terminalreporter.section("lifecycle mutants")
        for report in self._reports:
            for line in report.text():
                terminalreporter.write_line(harmless(line))
        if not self._reports and not self._note:
            terminalreporter.write_line("no test ran a lifecycle model")
        if self._note:
            terminalreporter.write_line(self._note)


def _touching(
    record: ModelRecord, items: Sequence[pytest.Item], mutants: Iterable[Mutant]
) -> dict[str, tuple[int, ...]]:
    """For each mutant, by its id, the indexes of the tests that evaluate what it changes, fastest
    first. If the move itself is changed, tests that fired it come before all others, because they
    are most likely to notice."""
    places: dict[str, set[int]] = {}
    for place, item in enumerate(items):
        for name in (item.nodeid, *(_FIXTURE + name for name in getattr(item, "fixturenames", ()))):
            places.setdefault(name, set()).add(place)
    tests_by_id = {}
    for mutant in mutants:
        rules = mutant.change.rules
        if mutant.change.elsewhere:
            # Other sections are evaluated without being watched.
            rules = frozenset(rule for rule, _ in record.touches)
        asking = {name for rule in rules for name in record.tests_of(rule)}
        tests = {place for name in asking for place in places.get(name, ())}
        moved = {
            place
            for (rule, _), touches in record.touches.items()
            if rule in rules and mutant.change.kind not in _MAY_OPEN
            for test, touch in touches.items()
            if touch.fired and not test.startswith(_FIXTURE)
            for place in places.get(test, ())
        }
        tests_by_id[mutant.id] = (*sorted(tests & moved), *sorted(tests - moved))
    return tests_by_id


def _forgetting(root: Path) -> Callable[[], None]:
    """The function that clears the ``functools.cache`` of the project's functions and methods,
    whose results were computed with the model."""
    caches = [
        member
        for module in list(sys.modules.values())
        if _is_of_project(module, root)
        for value in list(vars(module).values())
        for member in (value, *(vars(value).values() if isinstance(value, type) else ()))
        if isinstance(member, functools._lru_cache_wrapper)
    ]

    def forget() -> None:
        for cache in caches:
            cache.cache_clear()

    return forget


def _is_of_project(module: ModuleType, root: Path) -> bool:
    file = getattr(module, "__file__", None)
    if file is None or module.__name__.partition(".")[0] == "lifecycle_fsm":
        return False
    path = Path(file)
    return path.is_relative_to(root) and "site-packages" not in path.parts


def _file(option: str) -> Path:
    kind, _, name = option.partition(":")
    if kind != "json" or not name:
        raise pytest.UsageError(
            f"--lifecycle-mutate-report {option}: write json:FILE, as in json:mutants.json"
        )
    return Path(name)
