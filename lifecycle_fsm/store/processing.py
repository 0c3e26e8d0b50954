"""Original processing of people in a store, step by step [S13][S14].

A step may ask a service that is slow, or down, so none is run within a transaction. What each step
gave is kept, and whoever takes over from a worker that was killed goes on behind the last step that
ended. The end is the activity ``processed``, as in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

import attrs
from sqlalchemy import ColumnElement, Row, and_, delete, or_, select, update
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
#: How long to wait after the first failure of a step; twice as long after each further one.
FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(hours=1)
#: The step that is next when all have ended.
_SORT = ""


@attrs.frozen
class ProcessingResult:
    """How far a worker came with one person.

    ``state`` is *sorted*; *waiting* (a step failed, and is tried again later); *parked* (a step, or
    the sort, failed and is tried again on request only); or *dropped* (somebody else has sorted the
    person, folded it into another, or taken it over). ``error`` says what failed, ``skipped`` which
    steps the person went on without, and ``decision`` what came of the sort.
    """

    person: str
    state: ProcessingState
    error: StepError | None = None
    skipped: tuple[StepError, ...] = ()
    decision: Decision | None = None


@attrs.define
class _Progress:
    """A claimed row of the table ``processing``; ``claimed_until`` tells whose claim it is."""

    person: str
    claimed_until: datetime
    step: str
    given: dict[str, Value] = attrs.field(factory=dict)
    skipped: list[StepError] = attrs.field(factory=list)
    attempts: int = 0
    #: The person as it was last seen, and of which revision.
    seen: tuple[int | None, Person | None] = (None, None)

    def result(
        self,
        state: ProcessingState,
        error: StepError | None = None,
        decision: Decision | None = None,
    ) -> ProcessingResult:
        return ProcessingResult(self.person, state, error, tuple(self.skipped), decision)


class Processing:
    """A worker that takes the people of a store through original processing. Any number of them may
    work at once, in threads, processes and machines: each person is with one of them at a time.

    Whoever was not named to :meth:`.Store.expect_processed` before the creation is sorted by the
    clock when the model's ``settle`` is over, even if a worker has not ended by then.

    Args:
        store: the people, and the engine with the steps.
        clock: gives the present instant.
        lease: how long a worker may be silent about a person, beyond the longest ``timeout`` of a
            step, before another takes over. A step without a timeout that takes longer is called
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
        """Take up to ``limit`` people as far as they come now: new ones, those whose next try is
        due, and those whom a worker has left.

        Returns:
            what came of each; nothing if nobody is waiting.
        """
        in_processing = select(PERSON.c.id).where(PERSON.c.stage == self._initial)
        with self._database.writing() as connection:
            connection.execute(delete(PROCESSING).where(PROCESSING.c.person.not_in(in_processing)))
        results: list[ProcessingResult] = []
        while len(results) < limit and (progress := self._claim()) is not None:
            results.append(self._run(progress))
        return results

    def retry(self, person: str | None = None) -> int:
        """Let parked people be tried again, from the step that failed.

        Args:
            person: one of them; without it all.

        Returns:
            how many people that are.
        """
        again = (
            update(PROCESSING)
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
        """The steps that are still to be run, each with the name of the following."""
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
            self._forget(progress)  # somebody else has sorted the person, or folded it into another
            return progress.result("dropped")
        stopped = decision.result in ("parked", "rejected")
        if stopped and self._person(progress) is not None:
            return self._leave(progress, StepError("sort", decision.reason), decision=decision)
        self._forget(progress)
        return progress.result("dropped" if stopped else "sorted", decision=decision)

    def _person(self, progress: _Progress) -> Person | None:
        """The person as it is now, or nothing if it is in original processing no more."""
        kept = select(PERSON.c.revision).where(PERSON.c.id == progress.person)
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
        """Take somebody whom no other worker has."""
        now = self._now()
        until = now + self._lease
        free = _free(now)
        waiting = (
            select(PERSON.c.id)
            .outerjoin(PROCESSING, PROCESSING.c.person == PERSON.c.id)
            .where(PERSON.c.stage == self._initial, or_(PROCESSING.c.person.is_(None), free))
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

    def _load(self, row: Row[Any]) -> _Progress:
        """The progress of a row; from the start if the model has not these steps or fields now."""
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
        """Let go of somebody for whom a step has failed, until the next try or a request."""
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
        """Write the progress, unless somebody else has taken over or dropped it."""
        written = _own(update(PROCESSING), progress).values(
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
            connection.execute(_own(delete(PROCESSING), progress))


def _storable(text: str) -> str:
    """The message of a service without what a database refuses: nobody may be stuck for it."""
    return text.encode("utf-8", "replace").decode().replace("\0", "?")


def _own(statement: Any, progress: _Progress) -> Any:
    """The statement for the row, as long as the claim of the progress holds."""
    return statement.where(
        PROCESSING.c.person == progress.person,
        PROCESSING.c.claimed_until == progress.claimed_until,
    )


def _free(now: datetime) -> ColumnElement[bool]:
    """Whether a row waits for a worker: no claim holds, and it is neither parked nor put off."""
    row = PROCESSING.c
    return and_(
        or_(row.claimed_until.is_(None), row.claimed_until <= now),
        or_(row.next_try_at <= now, and_(row.next_try_at.is_(None), row.error.is_(None))),
    )


def _wait(progress: _Progress) -> timedelta:
    """How long to wait after this failure: from a half to all of what doubles with each, so that
    people who failed together do not come back together; the same in every run."""
    doublings = min(progress.attempts - 1, 20)
    longest = min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)
    share = bucket(f"{progress.step}:{progress.attempts}", progress.person) / BUCKETS
    return longest * (1 + share) / 2
