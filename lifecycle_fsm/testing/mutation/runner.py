"""Run chosen tests again with a mutant in place of its model, in a separate process.

A fork has everything that the tests have loaded, costs a few milliseconds, and takes with it
whatever a mutant breaks. Where there is no fork (Windows), tests run in this process, one mutant
after the other, and a test that runs for ever cannot be stopped.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Literal, TypeAlias
from weakref import WeakSet

import attrs
import pytest
from _pytest.runner import runtestprotocol

from lifecycle_fsm.machine import LifecycleMachine, Observer
from lifecycle_fsm.model import Model
from lifecycle_fsm.testing.mutation.generator import PARTS, Mutant

# ------------------------------------------------------------------ interrupts
#
# Ctrl-C while processes are started and ended, which must not be interrupted halfway.


class Interrupt:
    """Ctrl-C that is deferred until it can do no harm.

    It uses a handler, not a signal mask: in a process with library threads, another thread would
    take the signal, and the main thread would be interrupted all the same.
    """

    def __init__(self) -> None:
        self._came = False
        self._hearing = False

    def defer(self) -> None:
        """From now on, an interrupt raises only in :meth:`heard` or at :meth:`restore`."""
        # Only the main thread is interrupted, and only if no other handler was installed.
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):
            signal.signal(signal.SIGINT, self._hear)

    def _hear(self, number: int, frame: object) -> None:
        self._came = True
        if self._hearing:
            self._raise()

    def _raise(self) -> None:
        self._came = self._hearing = False
        raise KeyboardInterrupt

    @contextmanager
    def heard(self) -> Iterator[None]:
        """A context in which an interrupt may be raised.

        Raises:
            KeyboardInterrupt: one came, here or before.
        """
        try:
            self._hearing = True
            if self._came:
                self._raise()
            yield
        finally:
            self._hearing = False

    def restore(self) -> None:
        """Raise interrupts immediately again.

        Raises:
            KeyboardInterrupt: one came that was not raised yet.
        """
        if signal.getsignal(signal.SIGINT) == self._hear:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if self._came:
            self._raise()


# ------------------------------------------------------------------ machines
#
# A mutant in place of its model, in every machine, for as long as a test runs.
#
# Models are immutable everywhere else. Only here is one changed in place, because programs under
# test hold it in places that cannot be known: as if its file had been different from the start.


#: What a model has computed from its parts, and would compute differently from others.
_WORKED_OUT = frozenset(
    name for name, value in vars(Model).items() if isinstance(value, functools.cached_property)
)


class Machines(Observer):
    """The machines that are made while this observes the process, as long as they are in use. All
    machines of one model can be made to run a mutant of it."""

    def __init__(self) -> None:
        self._made: WeakSet[LifecycleMachine] = WeakSet()
        self._version = ""
        self._parts: Mapping[str, Any] = {}
        self._before: dict[int, tuple[Model, dict[str, Any]]] = {}

    def machine_made(self, machine: LifecycleMachine) -> None:
        """Keep a weak reference to the machine; if a mutant is held, make the machine run it."""
        self._made.add(machine)
        if machine.version == self._version and id(machine.model) not in self._before:
            self._change(machine)

    @contextmanager
    def hold(self, model: Model, mutant: Model) -> Iterator[None]:
        """Turn every model with the same meaning [S28] into the mutant, and back afterwards.

        Histories still name the version of the model, so that a test that compares versions does
        not find the mutant by that alone.
        """
        self._version = model.version
        self._parts = {name: getattr(mutant, name) for name in PARTS} | {"version": self._version}
        try:
            for machine in self._of_version():
                self._change(machine)
            yield
        finally:
            for changed, values in self._before.values():
                vars(changed).clear()
                vars(changed).update(values)
            self._before.clear()
            for machine in self._of_version():
                machine.wire(machine.model)
            self._version = ""

    def _of_version(self) -> list[LifecycleMachine]:
        return [machine for machine in self._made if machine.version == self._version]

    def _change(self, machine: LifecycleMachine) -> None:
        model = machine.model
        if id(model) not in self._before:
            self._before[id(model)] = model, dict(vars(model))
            for name in _WORKED_OUT:
                vars(model).pop(name, None)
            vars(model).update(self._parts)
        machine.wire(model)


# ------------------------------------------------------------------ running


#: How a run ended: all passed; one failed; one ran too long; the process died in one.
Ending: TypeAlias = Literal["passed", "failed", "timeout", "died"]
#: A test may take this many times as long as with the model, plus the allowance.
TIMES = 10


@attrs.frozen
class Job:
    """Some tests, in this order, up to the first that does not pass.

    Args:
        mutant: the mutant that replaces the model; None to run with the model itself.
        tests: indexes in the list of tests.
    """

    mutant: Mutant | None
    tests: tuple[int, ...]


@attrs.frozen
class Result:
    """How a job ended, and at which test."""

    ending: Ending
    test: int | None = None


@attrs.define(eq=False)
class Runner:
    """Runs tests of a session again: in this process, one job after the other.

    Args:
        items: the tests.
        seconds: how long each took with the model.
        allowance: the seconds that each may take beyond :data:`TIMES` its time.
        model: the model.
        machines: the machines in which mutants replace the model.
        renew: called before the tests of a job, so that nothing is left of the model's own run.
        room: how many jobs it runs at once.
    """

    items: Sequence[pytest.Item]
    seconds: Sequence[float]
    allowance: float
    model: Model
    machines: Machines
    renew: Callable[[], None]
    room: int = 1
    _done: list[tuple[Job, Result]] = attrs.field(factory=list, init=False)

    def start(self, job: Job) -> None:
        """Take a job; there must be room for it."""
        self._done.append((job, self.run(job, lambda test: None)))

    def wait(self) -> list[tuple[Job, Result]]:
        """The jobs that have ended: at least one, if any is running."""
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Stop all running jobs."""

    def limit(self, test: int) -> float:
        """The number of seconds after which a test counts as running for ever."""
        return TIMES * self.seconds[test] + self.allowance

    def run(self, job: Job, begin: Callable[[int], None]) -> Result:
        """Run the tests of a job in this process; ``begin`` is called before each."""
        # The model itself is also replaced, by itself, because a test may notice just that.
        with self.machines.hold(self.model, job.mutant.model if job.mutant else self.model):
            self.renew()
            for test, after in zip_longest(job.tests, job.tests[1:]):
                begin(test)
                item = self.items[test]
                if not _passes(item, None if after is None else self.items[after]):
                    item.session._setupstate.teardown_exact(None)
                    return Result("failed", test)
        return Result("passed")


def _passes(item: pytest.Item, after: pytest.Item | None) -> bool:
    with _steady(item):
        reports = runtestprotocol(item, log=False, nextitem=after)
    return not any(report.failed for report in reports)


@contextmanager
def _steady(item: pytest.Item) -> Iterator[None]:
    """A Hypothesis test with the same examples for every mutant, without saving or shrinking."""
    function: Any = getattr(item, "obj", None)
    function = getattr(function, "__func__", function)
    name = "_hypothesis_internal_use_settings"
    before = getattr(function, name, None)
    if before is None:
        yield
        return
    from hypothesis import Phase, settings

    setattr(
        function,
        name,
        settings(
            before,
            database=None,
            derandomize=True,
            phases=[phase for phase in before.phases if phase in (Phase.explicit, Phase.generate)],
        ),
    )
    try:
        yield
    finally:
        setattr(function, name, before)


@attrs.define
class _Child:
    job: Job
    process: BaseProcess
    test: int | None = None
    since: float = attrs.field(factory=time.monotonic)


@attrs.define(eq=False)
class Forks(Runner):
    """Runs each job in a fork of this process, several at once.

    An interrupt is raised only while it waits: one that came between a fork and its registration
    would leave a process behind that nobody ends.
    """

    _children: dict[Connection, _Child] = attrs.field(factory=dict, init=False)
    _interrupt: Interrupt = attrs.field(factory=Interrupt, init=False)

    def start(self, job: Job) -> None:
        """Start the job."""
        self._interrupt.defer()
        context = multiprocessing.get_context("fork")
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=self._in_child, args=(job, sender))
        with warnings.catch_warnings():
            # Threads of libraries do not survive a fork; its control finds a test that needs them.
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
        sender.close()
        self._children[receiver] = _Child(job, process)

    def _in_child(self, job: Job, sender: Connection) -> None:
        """Run the job and report it; never returns, so that nothing of the session runs twice."""
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles it, and ends us
            nowhere = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nowhere, stream)
            manager = self.items[0].config.pluginmanager
            if manager.has_plugin("pdbinvoke"):
                manager.unregister(name="pdbinvoke")
            sender.send(self.run(job, begin=sender.send))
        finally:
            os._exit(0)

    def wait(self) -> list[tuple[Job, Result]]:
        """Wait until a job has ended or must be stopped."""
        done: list[tuple[Job, Result]] = []
        while self._children and not done:
            soonest = min(self._deadline(child) for child in self._children.values())
            with self._interrupt.heard():
                ready = connection.wait(self._children, max(0.0, soonest - time.monotonic()))
            for pipe, child in list(self._children.items()):
                result = self._read(pipe, child) if pipe in ready else None
                if result is None and self._deadline(child) <= time.monotonic():
                    result = Result("timeout", child.test)
                if result is not None:
                    self._end(pipe)
                    done.append((child.job, result))
        return done

    def _deadline(self, child: _Child) -> float:
        # Before the first test begins, the child makes its machines anew.
        limit = self.allowance + 60 if child.test is None else self.limit(child.test)
        return child.since + limit

    def _read(self, pipe: Connection, child: _Child) -> Result | None:
        """The result that the child has sent; None if it has only begun another test."""
        try:
            message = pipe.recv()
        except (EOFError, OSError):
            return Result("died", child.test)
        if isinstance(message, Result):
            return message
        child.test, child.since = message, time.monotonic()
        return None

    def _end(self, pipe: Connection) -> None:
        process = self._children.pop(pipe).process
        process.kill()
        process.join()
        pipe.close()

    def close(self) -> None:
        """Stop all running jobs."""
        for pipe in list(self._children):
            self._end(pipe)
        self._interrupt.restore()
