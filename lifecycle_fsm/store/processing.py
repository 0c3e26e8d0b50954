"""Original processing of people in a store, step by step [S13][S14].

A step may call a service that is slow or down, so no step runs within a transaction. The result of
each step is saved, so if a worker is killed, the next one continues after the last finished step.
Processing ends with the activity ``processed``, as it does in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

import attrs
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from lifecycle_fsm.errors import LifecycleError, RecordError
from lifecycle_fsm.fields import Value, instant
from lifecycle_fsm.machine import Decision
from lifecycle_fsm.person import Person
from lifecycle_fsm.processing import ChainResult, Context, Step, StepError
from lifecycle_fsm.stable_hash import BUCKETS, bucket
from lifecycle_fsm.store.store import Store, unstorable
from lifecycle_fsm.store.tables import PERSON, PROCESSING, plain

ProcessingState: TypeAlias = Literal["sorted", "waiting", "parked", "dropped"]
#: How long to wait after the first failure of a step; the wait doubles with each further failure.
FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(hours=1)
#: The next step after all steps are done.
_SORT = ""


@attrs.frozen
class ProcessingResult:
    """How far a worker took one person.

    ``state`` is *sorted*; *waiting* (a step failed and will be retried later); *parked* (a step or
    the sort failed and is retried only on request); or *dropped* (another process has sorted,
    merged or taken over the person). ``error`` says what failed, ``skipped`` which steps were
    skipped, and ``decision`` is the result of the sort.
    """

    person: str
    state: ProcessingState
    error: StepError | None = None
    skipped: tuple[StepError, ...] = ()
    decision: Decision | None = None


@attrs.define
class _Progress:
    """A claimed row of the table ``processing``; ``claimed_until`` identifies the claim."""

    person: str
    claimed_until: datetime
    step: str
    given: dict[str, Value] = attrs.field(factory=dict)
    skipped: list[StepError] = attrs.field(factory=list)
    attempts: int = 0
    #: The revision of the person at the last read, and the person.
    seen: tuple[int | None, Person | None] = (None, None)

    def result(
        self,
        state: ProcessingState,
        error: StepError | None = None,
        decision: Decision | None = None,
    ) -> ProcessingResult:
        return ProcessingResult(self.person, state, error, tuple(self.skipped), decision)


class Processing:
    """A worker that takes the people of a store through original processing. Any number of workers
    may run at once, in threads, processes and machines; each person is with one at a time.

    A person who was not passed to :meth:`.Store.expect_processed` before the creation is sorted
    by the clock when the model's ``settle`` is over, even if a worker has not finished by then.

    Args:
        store: the people, and the engine with the steps.
        clock: returns the current time.
        lease: how long a worker may be silent about a person, beyond the longest ``timeout`` of a
            step, before another takes over. A step that has no timeout and takes longer is called
            twice.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], datetime],
        lease: timedelta = timedelta(minutes=1),
    ) -> None:
        self._store = store
        self._database = store.database
        self._postgresql = store.database.postgresql
        self._clock = clock
        self._chain = store.engine.chain
        self._model = store.engine.model
        self._initial = self._model.initial.name
        self._names = [*(step.name for step in self._chain.steps), _SORT]
        longest = max((step.timeout or 0 for step in self._chain.steps), default=0)
        self._lease = lease + timedelta(seconds=longest)

    def run_once(self, limit: int = 100) -> list[ProcessingResult]:
        """Take up to ``limit`` people as far as possible now: new people, people whose retry is
        due, and people whose worker's claim has expired.

        Returns:
            the result for each person; empty if none is waiting.
        """
        in_processing = sa.select(PERSON.c.id).where(PERSON.c.stage == self._initial)
        with self._database.writing() as connection:
            connection.execute(
                sa.delete(PROCESSING).where(PROCESSING.c.person.not_in(in_processing))
            )
        results: list[ProcessingResult] = []
        while len(results) < limit and (progress := self._claim()) is not None:
            results.append(self._run(progress))
        return results

    def retry(self, person: str | None = None) -> int:
        """Let parked people be retried, starting with the step that failed.

        Args:
            person: the id of one person; by default all.

        Returns:
            the number of people.
        """
        again = (
            sa.update(PROCESSING)
            .where(PROCESSING.c.error.is_not(None), PROCESSING.c.next_try_at.is_(None))
            .values(attempts=0, next_try_at=self._now())
        )
        if person is not None:
            again = again.where(PROCESSING.c.person == person)
        with self._database.writing() as connection:
            return connection.execute(again).rowcount

    # ------------------------------------------------------------------ one person

    def _run(self, progress: _Progress) -> ProcessingResult:
        for step, following in self._left(progress):
            person = self._person(progress)
            if person is None:
                break
            context = Context(self._now(person), self._model.tokens)
            changes = self._chain.run_step(step, person, context, progress.given)
            if isinstance(changes, StepError):
                progress.attempts += 1
                if progress.attempts < step.attempts:
                    return self._leave(progress, changes, self._now() + _wait(progress))
                if step.on_failure == "park":
                    return self._leave(progress, changes)
                progress.skipped.append(changes)
            else:
                progress.given.update(changes)
            progress.step, progress.attempts = following, 0
            if not self._save(progress, self._now() + self._lease):
                return progress.result("dropped")
        return self._sort(progress)

    def _left(self, progress: _Progress) -> Iterator[tuple[Step, str]]:
        """The steps still to run, each with the name of the next step."""
        start = self._names.index(progress.step)
        return zip(self._chain.steps[start:], self._names[start + 1 :], strict=True)

    def _sort(self, progress: _Progress) -> ProcessingResult:
        person = self._person(progress)
        if person is None:
            self._forget(progress)
            return progress.result("dropped")
        if fault := unstorable(progress.given):
            return self._leave(progress, StepError("sort", fault))
        given = ChainResult(progress.given, tuple(progress.skipped))
        try:
            decision = self._store.process(person.id, at=self._now(person), given=given)
        except LifecycleError:
            if self._person(progress) is not None:
                raise
            self._forget(progress)  # another process has sorted or merged the person
            return progress.result("dropped")
        stopped = decision.result in ("parked", "rejected")
        if stopped and self._person(progress) is not None:
            return self._leave(progress, StepError("sort", decision.reason), decision=decision)
        self._forget(progress)
        return progress.result("dropped" if stopped else "sorted", decision=decision)

    def _person(self, progress: _Progress) -> Person | None:
        """The current person, or ``None`` if it is no longer in original processing."""
        kept = sa.select(PERSON.c.revision).where(PERSON.c.id == progress.person)
        with self._store.database.reading() as connection:
            revision = connection.scalar(kept)
        if revision != progress.seen[0]:
            person = self._store.lifecycle(progress.person).person(progress.person)
            waits = person.id == progress.person and person.stage == self._initial
            progress.seen = revision, person if waits else None
        return progress.seen[1]

    def _now(self, person: Person | None = None) -> datetime:
        now = instant(self._clock())
        return now if person is None else max(now, person.clock or now)

    # ------------------------------------------------------------------ claims and progress

    def _claim(self) -> _Progress | None:
        """Claim a person whom no other worker has."""
        now = self._now()
        until = now + self._lease
        free = _free(now)
        waiting = (
            sa.select(PERSON.c.id)
            .outerjoin(PROCESSING, PROCESSING.c.person == PERSON.c.id)
            .where(PERSON.c.stage == self._initial, sa.or_(PROCESSING.c.person.is_(None), free))
            .limit(1)
            .with_for_update(of=PERSON, skip_locked=True)
        )
        with self._database.writing() as connection:
            while (person := connection.scalar(waiting)) is not None:
                claim = (postgresql_insert if self._postgresql else sqlite_insert)(
                    PROCESSING
                ).values(
                    person=person, step=self._names[0], given={}, skipped=[], claimed_until=until
                )
                # Another worker may have claimed the person since it was selected.
                claim = claim.on_conflict_do_update(
                    index_elements=["person"], set_={"claimed_until": until}, where=free
                )
                row = connection.execute(claim.returning(*PROCESSING.c)).first()
                if row is not None:
                    return self._load(row)
        return None

    def _load(self, row: sa.Row[Any]) -> _Progress:
        """The progress of a row; from the start if the model no longer has its step or fields."""
        types = self._model.field_types
        try:
            self._names.index(row.step)
            given = {name: types[name].accept(value) for name, value in row.given.items()}
        except (ValueError, KeyError, RecordError):
            return _Progress(row.person, row.claimed_until, self._names[0])
        skipped = [StepError(*error) for error in row.skipped]
        return _Progress(row.person, row.claimed_until, row.step, given, skipped, row.attempts)

    def _leave(
        self,
        progress: _Progress,
        error: StepError,
        next_try_at: datetime | None = None,
        decision: Decision | None = None,
    ) -> ProcessingResult:
        """Give up the claim after a failed step, until the retry is due or requested."""
        if not self._save(progress, None, error, next_try_at):
            return progress.result("dropped")
        return progress.result("parked" if next_try_at is None else "waiting", error, decision)

    def _save(
        self,
        progress: _Progress,
        claimed_until: datetime | None,
        error: StepError | None = None,
        next_try_at: datetime | None = None,
    ) -> bool:
        """Write the progress, unless another worker has taken it over or dropped it."""
        written = _own(sa.update(PROCESSING), progress).values(
            step=progress.step,
            given=plain(progress.given),
            skipped=[[failed.step, _storable(failed.message)] for failed in progress.skipped],
            attempts=progress.attempts,
            next_try_at=next_try_at,
            claimed_until=claimed_until,
            error=error and _storable(str(error)),
        )
        with self._database.writing() as connection:
            saved = connection.execute(written).rowcount == 1
        progress.claimed_until = claimed_until or progress.claimed_until
        return saved

    def _forget(self, progress: _Progress) -> None:
        with self._database.writing() as connection:
            connection.execute(_own(sa.delete(PROCESSING), progress))


def _storable(text: str) -> str:
    """A service's message without characters that a database refuses, so that it can be saved."""
    return text.encode("utf-8", "replace").decode().replace("\0", "?")


def _own(statement: Any, progress: _Progress) -> Any:
    """The statement limited to the row, and only while the claim holds."""
    return statement.where(
        PROCESSING.c.person == progress.person,
        PROCESSING.c.claimed_until == progress.claimed_until,
    )


def _free(now: datetime) -> sa.ColumnElement[bool]:
    """Whether a row waits for a worker: not claimed, not parked and not postponed."""
    row = PROCESSING.c
    return sa.and_(
        sa.or_(row.claimed_until.is_(None), row.claimed_until <= now),
        sa.or_(row.next_try_at <= now, sa.and_(row.next_try_at.is_(None), row.error.is_(None))),
    )


def _wait(progress: _Progress) -> timedelta:
    """How long to wait after this failure: between half and all of a time that doubles with each
    failure, so that people who failed together are not retried together. Every run gives the same
    wait."""
    doublings = min(progress.attempts - 1, 20)
    longest = min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)
    share = bucket(f"{progress.step}:{progress.attempts}", progress.person) / BUCKETS
    return longest * (1 + share) / 2
