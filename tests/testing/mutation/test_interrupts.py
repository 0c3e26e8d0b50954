"""Forks are never left behind, whenever Ctrl-C comes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from lifecycle_fsm.model import loads
from lifecycle_fsm.testing.mutation.runner import Forks, Job, Machines
from tests.testing.mutation.small import MODEL

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

#: Its tests are none, so it ends as soon as the machines are made anew.
JOB = Job(None, ())


@pytest.fixture(autouse=True)
def raised_at_once() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The forks that a test makes: other tests of this process may have children of their own."""
    fork = os.fork
    made: list[int] = []

    def noted() -> int:
        process = fork()
        if process:
            made.append(process)
        return process

    monkeypatch.setattr(os, "fork", noted)
    return made


@pytest.fixture
def forks(request: pytest.FixtureRequest) -> Forks:
    return _forks(request, lambda: None)


def _forks(request: pytest.FixtureRequest, renew: Callable[[], None]) -> Forks:
    return Forks([request.node], [0.0], 60.0, loads(MODEL), Machines(), renew, room=2)


def test_an_interrupt_between_two_jobs_is_heard_at_the_next_wait(
    forks: Forks, made: list[int]
) -> None:
    forks.start(JOB)
    signal.raise_signal(signal.SIGINT)
    forks.start(JOB)
    with pytest.raises(KeyboardInterrupt):
        forks.wait()
    forks.close()
    _nobody_is_left(made)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_after_the_last_wait_is_heard_when_all_is_closed(
    forks: Forks, made: list[int]
) -> None:
    forks.start(JOB)
    assert [job for job, _ in forks.wait()] == [JOB]
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        forks.close()
    _nobody_is_left(made)


def test_an_interrupt_while_it_waits_ends_the_wait(
    request: pytest.FixtureRequest, made: list[int]
) -> None:
    forks = _forks(request, lambda: time.sleep(60))
    alarm = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    forks.start(JOB)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(KeyboardInterrupt):
            forks.wait()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, alarm)
        forks.close()
    _nobody_is_left(made)


def test_who_ignores_interrupts_goes_on_doing_so(forks: Forks) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    forks.start(JOB)
    signal.raise_signal(signal.SIGINT)
    assert [job for job, _ in forks.wait()] == [JOB]
    forks.close()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def _nobody_is_left(made: list[int]) -> None:
    assert made
    for process in made:
        with pytest.raises(ChildProcessError):
            os.waitpid(process, os.WNOHANG)
