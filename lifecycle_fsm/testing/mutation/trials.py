"""Which mutants the tests notice; and first, whether a mutant can be told from its model at all,
at the places where its moves are evaluated [S8][S15].

A changed guard may still decide the same in its place: after sort rules that took the other people
already, or because of what the stage itself implies. So entire decisions are compared: for each
stage and trigger, who gets which of the moves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal, TypeAlias

import attrs

from lifecycle_fsm.guard import Guard, Term, always, never
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.model import Edge, Model, Set
from lifecycle_fsm.proof import Answer, apart, domain_of, is_value, solve_whenever, written_out
from lifecycle_fsm.testing.mutation.generator import Mutant
from lifecycle_fsm.testing.mutation.runner import Ending, Job, Result, Runner


@attrs.frozen
class Asked:
    """Where moves are evaluated: a stage and a trigger. Without a trigger the system asks; in the
    stage of original processing, that is the sort [S7][S15]."""

    stage: str
    trigger: str | None


@attrs.frozen
class Verdict:
    """Whether a mutant can be told from its model.

    ``different`` has a person for whom they decide differently at ``asked``. ``equivalent`` is a
    proof that there is no such person. ``undecided`` is neither, and ``reason`` says why.
    """

    answer: Answer
    asked: Asked | None = None

    @property
    def different(self) -> bool:
        """Whether a person tells them apart."""
        return self.answer.found

    @property
    def equivalent(self) -> bool:
        """Whether it is proved that no person tells them apart."""
        return self.answer.refuted

    @property
    def reason(self) -> str:
        """Why it is not decided."""
        return self.answer.reason


@attrs.frozen
class _Choice:
    """One of the moves that are tried in order: its guard, with named guards and tokens written
    out, and what it does."""

    guard: Guard
    does: tuple[object, ...]
    sets: tuple[Set, ...] = ()


def compare(model: Model, mutant: Mutant) -> Verdict:
    """Find the smallest person for whom the mutant decides differently from the model.

    The proof covers every person that the fields allow, whether or not activities lead there. It
    does not cover changes that other sections read as well.
    """
    undecided: Verdict | None = None
    domain = domain_of(model)
    ours, theirs = _choices(model), _choices(mutant.model)
    for asked in dict.fromkeys((*ours, *theirs)):
        before, after = ours.get(asked, ()), theirs.get(asked, ())
        if before == after:
            continue
        here = is_value("stage", asked.stage)
        answer = solve_whenever(tree.all_of(here, _apart(before, after)), domain)
        if answer.found:
            return Verdict(answer, asked)
        if not answer.refuted and undecided is None:
            undecided = Verdict(answer, asked)
    if undecided is not None:
        return undecided
    if mutant.change.elsewhere:
        reason = "no move tells them apart, and other sections read it too"
        return Verdict(Answer("undecided", reason=reason))
    return Verdict(Answer("refuted"))


# ---------------------------------------------------------------------- the choices, in order


def _choices(model: Model) -> dict[Asked, tuple[_Choice, ...]]:
    choices: dict[Asked, tuple[_Choice, ...]] = {}
    for edge in (*model.sort_edges, *model.edges):
        asked = Asked(edge.source, edge.on)
        choices[asked] = (*choices.get(asked, ()), _choice(edge, model))
    return choices


def _choice(edge: Edge, model: Model) -> _Choice:
    """The edge in a form that can be compared with that of another model."""
    words = model.vocabulary
    sets = tuple(
        Set(effect.field, written_out(effect.value, words))
        for effect in getattr(edge.rule, "then", ())
    )
    does = (edge.name, edge.target, edge.kind, edge.passed, edge.credit)
    return _Choice(written_out(edge.when, words), does, sets)


# ---------------------------------------------------------------------- differences


def _apart(ours: tuple[_Choice, ...], theirs: tuple[_Choice, ...]) -> Guard:
    """Holds for people who get different results from the two sequences of choices."""
    same = 0
    while same < min(len(ours), len(theirs)) and ours[same] == theirs[same]:
        same += 1
    before = [tree.negate(choice.guard) for choice in ours[:same]]
    ours, theirs = ours[same:], theirs[same:]
    if ours and theirs and ours[1:] == theirs[1:] and _unlike(ours[0], ours[1:]):
        return tree.all_of(*before, _choices_apart(ours[0], theirs[0]))
    return tree.all_of(*before, tree.any_of(*_pairs(ours, theirs)))


def _unlike(choice: _Choice, others: tuple[_Choice, ...]) -> bool:
    return all(choice.does != other.does for other in others)


def _choices_apart(choice: _Choice, changed: _Choice) -> Guard:
    """Holds for people whom a changed choice affects, if nothing after it does the same."""
    both = tree.all_of(choice.guard, changed.guard, _effects_apart(choice, changed))
    if choice.guard == changed.guard:
        return both
    return tree.any_of(apart(choice.guard, changed.guard), both)


def _pairs(ours: tuple[_Choice, ...], theirs: tuple[_Choice, ...]) -> Iterator[Guard]:
    for choice, first in _firsts(ours):
        for other, also in _firsts(theirs):
            if choice is not None and other is not None:
                parted = _effects_apart(choice, other)
            else:
                parted = never if choice is other else always
            if parted != never:
                yield tree.all_of(first, also, parted)


def _firsts(choices: tuple[_Choice, ...]) -> Iterator[tuple[_Choice | None, Guard]]:
    """Each choice with a guard for the people who get it, and None for those who get none."""
    before: list[Guard] = []
    for choice in choices:
        yield choice, tree.all_of(*before, choice.guard)
        before.append(tree.negate(choice.guard))
    yield None, tree.all_of(*before)


def _effects_apart(choice: _Choice, other: _Choice) -> Guard:
    """Holds for people for whom the two choices, if made, have different results."""
    if choice.does != other.does:
        return always
    mine = {effect.field: effect.value for effect in choice.sets}
    theirs = {effect.field: effect.value for effect in other.sets}
    return tree.any_of(
        *(
            _values_apart(field, mine.get(field), theirs.get(field))
            for field in dict.fromkeys((*mine, *theirs))
            if mine.get(field) != theirs.get(field)
        )
    )


def _values_apart(field: str, value: Term | Guard | None, other: Term | Guard | None) -> Guard:
    """Holds for people who get different field values; None stands for the current value."""
    if isinstance(value, Guard) or isinstance(other, Guard) or _yes_no(value) or _yes_no(other):
        return apart(_truth(field, value), _truth(field, other))
    return tree.negate(tree.Compare("==", value or tree.Field(field), other or tree.Field(field)))


def _yes_no(value: Term | Guard | None) -> bool:
    return isinstance(value, tree.Const) and isinstance(value.value, bool)


def _truth(field: str, value: Term | Guard | None) -> Guard:
    match value:
        case Guard():
            return value
        case tree.Const(bool() as known):
            return always if known else never
        case tree.Field():
            return tree.Truth(value)
    return tree.Truth(tree.Field(field))


# ---------------------------------------------------------------------- trials
#
# Which mutants the tests notice: the order of the work, and what counts.


#: What happened to a mutant. ``untouched``: no test evaluates what was changed. ``not_run``: the
#: run stopped before its turn.
Fate: TypeAlias = Literal["killed", "survived", "equivalent", "untouched", "not_run"]


@attrs.frozen
class Trial:
    """A mutant and what happened to it.

    Args:
        mutant: the mutant.
        fate: what happened to it.
        verdict: whether it can be told from its model.
        by: the index of the test that noticed it.
        ending: how that test ended: it failed, ran too long, or died.
        touching: how many tests evaluate what was changed.
    """

    mutant: Mutant
    fate: Fate
    verdict: Verdict
    by: int | None = None
    ending: Ending | None = None
    touching: int = 0

    @property
    def undecided(self) -> bool:
        """Whether it is unknown if it can be told from its model at all."""
        return not self.verdict.different and not self.verdict.equivalent


class Trials:
    """Tries the mutants of a model.

    A test that fails counts only if it passes a second time without any mutant. A test that cannot
    be run twice in a process is left out, and ``unfit`` names it.

    Args:
        model: the model.
        mutants: its mutants.
        tests: for each mutant, by its id, the tests that evaluate what it changes, fastest first.
        runner: runs tests.
        report: called with each trial as it ends.
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
        self._verdicts = {mutant.id: compare(model, mutant) for mutant in self._mutants}
        self._settled: dict[str, Trial] = {}
        self._fit: set[int] = set()
        self.unfit: dict[int, Ending] = {}
        #: Jobs whose failing test has not yet been shown to pass without the mutant.
        self._waiting: dict[int, list[tuple[Job, Result]]] = {}
        self._jobs: deque[Job] = deque()

    @property
    def trials(self) -> tuple[Trial, ...]:
        """What is known so far of each mutant, in order."""
        return tuple(
            self._settled.get(mutant.id, self._trial(mutant, "not_run")) for mutant in self._mutants
        )

    def run(self) -> None:
        """Try all mutants; :attr:`trials` has what is known even if this is interrupted."""
        for mutant in self._mutants:
            if self._verdicts[mutant.id].equivalent:
                self._settle(mutant, "equivalent")
            elif not self._touching[mutant.id]:
                self._settle(mutant, "untouched")
            else:
                self._jobs.append(Job(mutant, self._touching[mutant.id]))
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
        if job.mutant is None:
            return job
        tests = tuple(test for test in job.tests if test not in self.unfit)
        if tests:
            return attrs.evolve(job, tests=tests)
        self._settle(job.mutant, "survived")
        return None

    def _ended(self, job: Job, result: Result) -> None:
        if job.mutant is None:
            self._controlled(job.tests[-1], result)
        elif result.ending == "passed":
            self._settle(job.mutant, "survived")
        elif result.test is None or result.test in self._fit:
            self._settle(job.mutant, "killed", result)
        elif result.test in self.unfit:
            self._jobs.appendleft(job)
        else:
            waiting = self._waiting.setdefault(result.test, [])
            waiting.append((job, result))
            if len(waiting) == 1:
                # Run the same tests in the same way, with the model in its own place: any other
                # cause of the failure shows here.
                before = job.tests[: job.tests.index(result.test) + 1]
                self._jobs.appendleft(Job(None, before))

    def _controlled(self, test: int, result: Result) -> None:
        if result.ending == "passed":
            self._fit.add(test)
        else:
            failed = test if result.test is None else result.test
            self.unfit[failed] = result.ending
            self._fit.discard(failed)
        for job, failure in self._waiting.pop(test, ()):
            if test in self._fit and job.mutant is not None:
                self._settle(job.mutant, "killed", failure)
            else:
                self._jobs.appendleft(job)

    def _trial(self, mutant: Mutant, fate: Fate, by: Result | None = None) -> Trial:
        test, ending = (by.test, by.ending) if by else (None, None)
        touching = len(self._touching[mutant.id])
        return Trial(mutant, fate, self._verdicts[mutant.id], test, ending, touching)

    def _settle(self, mutant: Mutant, fate: Fate, by: Result | None = None) -> None:
        trial = self._settled[mutant.id] = self._trial(mutant, fate, by)
        self._report(trial)
