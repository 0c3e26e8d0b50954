"""Which mutants the tests notice: the order of the work, and what counts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, TypeAlias

import attrs

from lifecycle_fsm.model import Model
from lifecycle_fsm.testing.mutation.context import Verdict, compare
from lifecycle_fsm.testing.mutation.mutant import Mutant
from lifecycle_fsm.testing.mutation.running import Ending, Job, Result, Runner

#: What became of a mutant. ``untouched``: no test asks what was changed. ``not_run``: stopped
#: before its turn.
Fate: TypeAlias = Literal["killed", "survived", "equivalent", "untouched", "not_run"]


@attrs.frozen
class Trial:
    """A mutant and what became of it.

    Args:
        mutant: the mutant.
        fate: what became of it.
        verdict: whether anybody can tell it from its model.
        by: the test that noticed it, by its place.
        ending: how that test ended: it failed, ran for too long, or died.
        touching: how many tests ask what was changed.
    """

    mutant: Mutant
    fate: Fate
    verdict: Verdict
    by: int | None = None
    ending: Ending | None = None
    touching: int = 0

    @property
    def undecided(self) -> bool:
        """Whether nobody knows if it can be told from its model at all."""
        return not self.verdict.different and not self.verdict.equivalent


@attrs.define
class _Waiting:
    """A mutant whose first failing test has not shown yet that it passes without the mutant."""

    mutant: Mutant
    result: Result
    tests: tuple[int, ...]


@attrs.frozen
class _Control:
    """Whether a test passes where the model itself stands in its place."""

    test: int


class Trials:
    """Tries the mutants of a model.

    A test that fails counts only if it passes a second time without any mutant: one that cannot be
    run twice in a process is left out, and ``unfit`` names it.

    Args:
        model: the model.
        mutants: its mutants.
        tests: for each mutant, by its id, the tests that ask what it changes, fastest first.
        runner: runs tests.
        report: told of each trial as it ends.
    """

    def __init__(
        self,
        model: Model,
        mutants: Iterable[Mutant],
        tests: Mapping[str, tuple[int, ...]],
        runner: Runner,
        report: Callable[[Trial], None] = lambda trial: None,
    ) -> None:
        self._model = model
        self._runner = runner
        self._report = report
        self._touching = tests
        self._mutants = tuple(mutants)
        self._verdicts = {one.id: compare(model, one) for one in self._mutants}
        self._found: dict[str, Trial] = {}
        self._fit: set[int] = set()
        self.unfit: dict[int, Ending] = {}
        self._waiting: dict[int, list[_Waiting]] = {}
        self._jobs: deque[Job] = deque()

    @property
    def trials(self) -> tuple[Trial, ...]:
        """What is known by now of each mutant, in their order."""
        return tuple(self._found.get(one.id, self._trial(one, "not_run")) for one in self._mutants)

    def run(self) -> None:
        """Try all mutants; :attr:`trials` has what is known even if this is interrupted."""
        for one in self._mutants:
            if self._verdicts[one.id].equivalent:
                self._settle(self._trial(one, "equivalent"))
            elif not self._touching[one.id]:
                self._settle(self._trial(one, "untouched"))
            else:
                self._jobs.append(Job(one, one.model, self._touching[one.id]))
        at_work = 0
        try:
            while self._jobs or at_work:
                while self._jobs and at_work < self._runner.room:
                    job = self._renewed(self._jobs.popleft())
                    if job is not None:
                        self._runner.start(job)
                        at_work += 1
                for job, result in self._runner.wait():
                    at_work -= 1
                    self._ended(job, result)
        finally:
            self._runner.close()

    def _renewed(self, job: Job) -> Job | None:
        """The job without tests that have turned out to be unfit since it was planned."""
        if not isinstance(job.tag, Mutant):
            return job
        tests = tuple(one for one in job.tests if one not in self.unfit)
        if tests:
            return attrs.evolve(job, tests=tests)
        self._settle(self._trial(job.tag, "survived"))
        return None

    def _ended(self, job: Job, result: Result) -> None:
        if not isinstance(job.tag, Mutant):
            assert isinstance(job.tag, _Control)
            self._controlled(job.tag.test, result)
        elif result.ending == "passed":
            self._settle(self._trial(job.tag, "survived"))
        elif result.test is None or result.test in self._fit:
            self._killed(job.tag, result)
        elif result.test in self.unfit:
            self._jobs.appendleft(job)
        else:
            waiting = self._waiting.setdefault(result.test, [])
            waiting.append(_Waiting(job.tag, result, job.tests))
            if len(waiting) == 1:
                # The same tests in the same way, and the model in its own place: what else could
                # make it fail shows here.
                before = job.tests[: job.tests.index(result.test) + 1]
                self._jobs.appendleft(Job(_Control(result.test), self._model, before))

    def _controlled(self, test: int, result: Result) -> None:
        if result.ending == "passed":
            self._fit.add(test)
        else:
            failed = test if result.test is None else result.test
            self.unfit[failed] = result.ending
            self._fit.discard(failed)
        for one in self._waiting.pop(test, ()):
            if test in self._fit:
                self._killed(one.mutant, one.result)
            else:
                self._jobs.appendleft(Job(one.mutant, one.mutant.model, one.tests))

    def _killed(self, mutant: Mutant, result: Result) -> None:
        trial = self._trial(mutant, "killed")
        self._settle(attrs.evolve(trial, by=result.test, ending=result.ending))

    def _trial(self, mutant: Mutant, fate: Fate) -> Trial:
        touching = len(self._touching[mutant.id])
        return Trial(mutant, fate, self._verdicts[mutant.id], touching=touching)

    def _settle(self, trial: Trial) -> None:
        self._found[trial.mutant.id] = trial
        self._report(trial)
