"""The API for programs: load a model, admit people, apply activities, ask why, draw.

It only delegates; the packages below do the work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from os import PathLike
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from lifecycle_fsm.activities import Activity, by_event, made_id, of_version
from lifecycle_fsm.errors import LifecycleError, RecordError, UnknownPerson, async_fault, suggest
from lifecycle_fsm.fields import instant
from lifecycle_fsm.history import DeadlineFact, HistoryRow
from lifecycle_fsm.machine import Decision, LifecycleMachine, Refusal
from lifecycle_fsm.model import Model, load
from lifecycle_fsm.orchestrator import Engine, Orchestrator, Parked, replay_versions
from lifecycle_fsm.people_search import look_up
from lifecycle_fsm.person import Person
from lifecycle_fsm.processing import ChainResult, Run, Step, StepError

if TYPE_CHECKING:
    from lifecycle_fsm.diagram import Drawing
    from lifecycle_fsm.story import Story


class Lifecycle:
    """A running lifecycle: a model and its people.

    Args:
        model: a :class:`~lifecycle_fsm.Model`, the path of its TOML, the name of a shipped model,
            or a shared :class:`~lifecycle_fsm.Engine`.
        steps: the project's own steps of original processing; a function named ``enrich`` supplies
            company data. Not allowed with an engine, which has its own.
        tables: rows for the enrich steps, by the name of the step. Not allowed with an engine.
        record: called with every decision as it is made, to keep or send it.
        log: called with every activity that was applied, with the ``processed`` that ends original
            processing, and with a ``time_passed`` for each instant at which time changed a person.
            Replaying such a log always gives the same history [S14][S19].

    Raises:
        ModelError: the model does not build; the error lists every problem.
        FileProblem: a file cannot be read.
        LifecycleError: steps or tables are given along with an engine.

    Each person may have only one writer at a time. If several threads or processes apply
    activities, use a lock, a queue partition or a row lock per person. Other threads may read in
    the meantime: iterate, draw, get the history. They see each person either before or after an
    activity.

    A copy, including one made by ``pickle``, is independent. It holds all the people but has
    neither ``record`` nor ``log``, so nothing that it does is sent. Copies by ``copy`` share the
    engine.
    """

    def __init__(
        self,
        model: Model | Engine | str | PathLike[str],
        *,
        steps: Mapping[str, Run] | Iterable[Step] = (),
        tables: Mapping[str, Any] | None = None,
        record: Callable[[Decision], None] | None = None,
        log: Callable[[Activity], None] | None = None,
    ) -> None:
        if not isinstance(model, Model | Engine | str | PathLike):
            raise RecordError(
                "a lifecycle needs a model, the path of one, the name of a shipped one or an "
                f"engine, not {model!r}"
            )
        for name, function in (("record", record), ("log", log)):
            if fault := async_fault(function):
                raise RecordError(f"{name}=: {fault}")
        if isinstance(model, str | PathLike):
            model = load(model)
        self._orchestrator = Orchestrator(model, steps=steps, tables=tables, record=record, log=log)
        self.model = self._orchestrator.model

    def __repr__(self) -> str:
        return f"<Lifecycle {self.model.name} {self.model.version}: {len(self):,} people>"

    def __getstate__(self) -> dict[str, Any]:
        engine = self._orchestrator.engine
        return {
            "model": self.model,
            "steps": engine.steps,
            "tables": engine.tables,
            "people": self._orchestrator.dump_all(),
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__init__(state["model"], steps=state["steps"], tables=state["tables"])  # type: ignore[misc]
        self._orchestrator.restore_all(state["people"])

    def __copy__(self) -> Lifecycle:
        copied = Lifecycle(self._orchestrator.engine)
        copied._orchestrator.restore_all(self._orchestrator.dump_all())
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> Lifecycle:
        return self.__copy__()

    @property
    def engine(self) -> Engine:
        """The compiled model, which other Lifecycles can share."""
        return self._orchestrator.engine

    @property
    def machine(self) -> LifecycleMachine:
        """The machine, for objects of your own; see ``machine.fire`` and ``Foreign``."""
        return self._orchestrator.machine

    # ------------------------------------------------------------------ people

    def admit(self, id: str, *, at: datetime | str, **fields: Any) -> Person:
        """Create a person, run original processing at once, and sort [S13]–[S15].

        If processing waits for a slow service, apply a ``created`` activity instead, keep applying
        other activities in the meantime, and call :meth:`process` once the service has answered.
        Pass the ids of these people to :meth:`expect_processed`; otherwise they are sorted when
        the model's ``settle`` is over.

        Raises:
            RecordError: a field does not exist or does not take its value, the person was already
                created with other content, or an error prevented the creation.
        """
        created = self._activity(id, "created", at, fields, activity=f"created:{id}")
        decision = self.apply(created)
        if decision.result in ("rejected", "parked"):
            parked = self.parked.get(id, ()) if decision.result == "parked" else ()
            raise RecordError(decision.reason) from (parked[-1].exception if parked else None)
        person = self.person(id)
        if person.stage == self.model.initial.name:
            self._orchestrator.process(id, created.at)
        return person

    def person(self, id: str) -> Person:
        """The person with this id, or the person that this record or contact belongs to [S23].

        Raises:
            UnknownPerson: no person with this id has been created.
        """
        try:
            return self._orchestrator.survivor(id)
        except KeyError:
            raise UnknownPerson(
                f"nobody with the id {id!r} has been created"
                f"{suggest(id, self._orchestrator.people) if len(self) <= 10_000 else ''}"
            ) from None

    def find(self, text: str) -> tuple[Person, ...]:
        """The people whose id, e-mail address or name matches the text; none if there is no match.

        An id finds one person, even if it is the id of a merged record. Addresses and names match
        regardless of case. A name matches if every word of the text is in the first name, last
        name or company.
        """
        try:
            return (self.person(text),)
        except UnknownPerson:
            people = (self.person(record.id) for record in look_up(text, self._everybody()))
            return tuple({person.id: person for person in people}.values())

    def __iter__(self) -> Iterator[Person]:
        merged = self._orchestrator.merged
        return (person for person in self._everybody() if person.id not in merged)

    def _everybody(self) -> list[Person]:
        # Copied in one step: another thread may create people while this one reads.
        return list(self._orchestrator.people.values())

    def __len__(self) -> int:
        return len(self._orchestrator.people) - len(self._orchestrator.merged)

    def __contains__(self, id: str) -> bool:
        return id in self._orchestrator

    @property
    def history(self) -> Iterator[HistoryRow]:
        """Every history row, person by person in the order of creation, including the rows of
        merged records [S25]."""
        return (row for person in self._everybody() for row in person.history)

    @property
    def deadlines(self) -> Iterator[DeadlineFact]:
        """The decided deadlines of each visit, person by person [S21]."""
        return (fact for person in self._everybody() for fact in person.deadlines)

    @property
    def merged(self) -> Mapping[str, str]:
        """The id that each loser was merged into directly; :meth:`person` follows chains [S23]."""
        return self._orchestrator.merged

    def mail(self, id: str) -> str | None:
        """The person's current marketing mail status [S12]: ``unsubscribed``, or the status that
        the stage sets (``nurture``, ``paused``, ``suspended``), or ``None`` if it sets none."""
        person = self.person(id)
        return "unsubscribed" if person.unsubscribed else self.model.stage(person.stage).mail

    # ------------------------------------------------------------------ saved people

    def dump(self, id: str) -> dict[str, Any]:
        """Everything that decides what happens to a person next, as plain data that JSON can write
        (0.5 to 2 kB). It covers all records of the person; ``docs/embed/state.md`` describes the
        keys. It leaves out the history, the recorded deadlines and the :meth:`seen` activities,
        which belong in tables of their own.

        Raises:
            UnknownPerson: no person with this id has been created.
        """
        return self._orchestrator.dump(self.person(id).id)

    def seen(self, id: str) -> Mapping[str, bytes]:
        """Fingerprints of the activities that each record of a person has had, by record id:
        twelve bytes each, eight for the activity's id and four for its content. They are the same
        in every process [S19].

        Raises:
            UnknownPerson: no person with this id has been created.
        """
        return self._orchestrator.seen(self.person(id).id)

    def seen_content(self, activity: Activity) -> bytes | None:
        """The four bytes for the content of an activity in the :meth:`seen` fingerprints; ``None``
        if no activity with this id has been applied to this person or record.

        Raises:
            UnknownPerson: nobody with the id of the person has been created.
        """
        return self._orchestrator.content(self.person(activity.person), activity)

    def restore(
        self,
        state: Mapping[str, Any],
        *,
        history: Iterable[HistoryRow] = (),
        deadlines: Iterable[DeadlineFact] | None = None,
        seen: Mapping[str, bytes] = MappingProxyType({}),
    ) -> Person:
        """Restore a person saved by :meth:`dump`, in this process or another.

        Args:
            state: the plain data.
            history: the history rows of all records of the person, or the last row of each. The
                history here starts after the rows left out and continues their numbering.
            deadlines: the recorded deadlines of all records; by default those of the current
                visit, which can still change.
            seen: what :meth:`seen` returned, or the part of it that may come again. Without it,
                the caller has to recognise activities that came before.

        Raises:
            RecordError: the data is not a saved state, or has another format or another version of
                the model, or a person with one of its ids is here already.
        """
        return self._orchestrator.restore(state, history, deadlines, seen)

    def drop_past(self) -> None:
        """Drop the history, recorded deadlines and :meth:`seen` activities of all people, once
        they are saved elsewhere. Each person is then as if restored without them."""
        for person in self._everybody():
            person.drop_past()

    def migrate(
        self,
        state: Mapping[str, Any],
        stages: Mapping[str, str] = MappingProxyType({}),
        *,
        at: datetime | str,
        history: Iterable[HistoryRow] = (),
        deadlines: Iterable[DeadlineFact] | None = None,
        seen: Mapping[str, bytes] = MappingProxyType({}),
    ) -> Decision:
        """Restore a person saved under another version of the model, and go on in this one [S28].

        This is the activity ``model_changed``, which goes to ``log``. A person in a removed stage
        enters its replacement by a row of the kind ``migrate``, without effects or requests, and
        the visit continues. Open deadlines get new due times, counted from the start of the visit;
        those that are over by now count as missed. Decided deadlines stay decided. Then the system
        moves run as usual. Data that this version of the model lacks, such as a field, is dropped,
        and the ``reason`` of the decision names it.

        Args:
            state: what :meth:`dump` returned there, after everything due up to ``at``.
            stages: the removed stages, each with its replacement.
            at: when; it comes after everything else at that instant.
            history: as for :meth:`restore`.
            deadlines: likewise.
            seen: likewise.

        Raises:
            LifecycleError: ``stages`` does not fit the model.
            RecordError: the data is not a saved state, or is one of this version; a person with
                one of its ids is here already; a stage was removed and is not mapped; a value no
                longer fits its field; or something is due before ``at``.
        """
        return self._orchestrator.migrate(state, stages, at, history, deadlines, seen)

    def release(self) -> None:
        """Forget all people, so that their memory is freed at once and not when the garbage
        collector next looks; the lifecycle is of no use afterwards."""
        self._orchestrator.release()

    # ------------------------------------------------------------------ what happens

    def apply(
        self,
        person: Activity | str,
        kind: str = "",
        *,
        at: datetime | str | None = None,
        id: str | None = None,
        **payload: Any,
    ) -> Decision:
        """Apply one activity to a person, and return the decision on it.

        Pass an :class:`~lifecycle_fsm.Activity`, or its parts: the person's id, the kind, ``at``
        and the payload. Without an ``id``, one is made from the content, so the same activity sent
        twice is a duplicate [S19].
        """
        if isinstance(person, Activity):
            return self._orchestrator.apply(person)
        return self._orchestrator.apply(self._activity(person, kind, at, payload, activity=id))

    def replay(
        self,
        log: Iterable[Activity],
        order: Literal["arrival", "event"] = "arrival",
        *,
        what_if: bool = False,
        earlier: Iterable[Model | Engine] = (),
    ) -> Mapping[str, int]:
        """Apply an entire log, and count the results [S10].

        If the log says when a person's original processing ended, the sort runs at that time;
        other people are sorted when the model's ``settle`` is over [S14]. Call :meth:`tick`
        afterwards to let the remaining time pass.

        Args:
            log: activities, as ``Lifecycle(log=…)`` gives them.
            order: ``arrival`` applies them in the given order, which gives the original history;
                ``event`` applies them by the time they happened, as if none had come late, and
                works out anew what time changes [S19].
            what_if: whether another version of the model may have applied the log. People then end
                up where this version would have led them, not where they were.
            earlier: the other versions of the model that applied parts of the log, up to the
                ``model_changed`` that moved people on. Each part is replayed by its own version.

        Raises:
            LifecycleError: some of the log was applied by another version of the model that is not
                in ``earlier``, and ``what_if`` is false; or people were never moved on from an
                earlier version [S28].
        """
        if order not in ("arrival", "event"):
            raise RecordError(f"no order named {order!r}: use 'arrival' or 'event'")
        if earlier := tuple(earlier):
            if what_if or order == "event":
                raise LifecycleError(
                    "a log of several versions is replayed as it was applied: leave what_if and "
                    "order out"
                )
            return Counter(
                decision.result
                for decision in replay_versions(self._orchestrator, earlier, list(log))
            )
        activities = list(log) if what_if else of_version(log, self.model.version)
        if order == "event":
            activities = by_event(activities)
        self.expect_processed(
            activity.person for activity in activities if activity.kind == "processed"
        )
        return Counter(self.apply(activity).result for activity in activities)

    def expect_processed(self, persons: Iterable[str]) -> None:
        """Name the people whose log says when original processing ended [S14]."""
        self._orchestrator.expect_processed([persons] if isinstance(persons, str) else persons)

    def process(self, id: str, *, at: datetime | str, given: ChainResult | None = None) -> Decision:
        """End original processing for a person now: run the chain, then sort [S13].

        Args:
            id: the person's id.
            at: when processing ends.
            given: the result of the chain if the program has already run it; then only sort.

        Raises:
            UnknownPerson: no person with this id has been created.
            LifecycleError: the person is already sorted.
        """
        return self._orchestrator.process(id, at, given)

    def tick(self, until: datetime | str) -> list[Decision]:
        """Let time pass: everything due by ``until`` happens, each at its own instant [S20]."""
        return self._orchestrator.tick(until)

    def next_due(self, id: str) -> datetime | None:
        """When time alone may change the person next, or ``None`` if it never will. Wake up then
        and call :meth:`tick` [S20].

        Raises:
            UnknownPerson: no person with this id has been created.
        """
        return self.machine.next_due(self.person(id))

    def park(self, parked: Parked) -> None:
        """Take over what was :attr:`parked` in another Lifecycle, to retry it here. The saved state
        of a person includes what is parked for that person, but not a parked ``created``."""
        self._orchestrator.park(parked)

    def retry(self, at: datetime | str) -> list[Decision]:
        """Retry everything that an error parked [S11][S13]."""
        return self._orchestrator.retry(at)

    @property
    def held(self) -> Mapping[str, list[Activity]]:
        """Activities that wait for a person who has not been created, by that person's id [S19]."""
        return self._orchestrator.held

    @property
    def parked(self) -> Mapping[str, list[Parked]]:
        """Work that an error prevented, kept for a retry, by person [S11]."""
        return self._orchestrator.parked

    @property
    def skipped(self) -> Mapping[str, tuple[StepError, ...]]:
        """Steps of original processing that failed and were skipped, by person [S13]."""
        return self._orchestrator.skipped

    # ------------------------------------------------------------------ knowing

    def explain(
        self, id: str, trigger: str | None = None, *, at: datetime | str | None = None
    ) -> tuple[Refusal, ...]:
        """Why the person does not move: every closed move of the trigger, or of the system if no
        trigger is given, with every unmet condition and the values seen [S10]. The answer is for
        the person as an activity at ``at`` would find them, after everything due before it [S20];
        without ``at``, for the person's clock.

        Raises:
            NoSuchMove: the trigger does not exist, or has no move out of the person's stage.
        """
        person = self.person(id)
        now = person.clock if at is None else at
        assert now is not None, "a person in the book has a clock"
        return self.machine.explain(person, trigger, now)

    def story(
        self,
        id: str,
        log: Iterable[Activity],
        *,
        at: datetime | str | None = None,
        zone: str = "UTC",
    ) -> Story:
        """The story of one person in sentences: what happened, what it changed, what was refused
        and why, what was skipped, and what comes next. ``str()`` gives the text.

        Args:
            id: the person's id. For a merged record, the story covers both records.
            log: the applied activities in their order, as ``Lifecycle(log=…)`` gives them;
                activities of other people are ignored.
            at: where the story ends; by default at the person's clock.
            zone: the time zone of the text.

        Raises:
            UnknownPerson: no person with this id has been created, or not by this log.
        """
        from lifecycle_fsm.story import tell  # not needed to run

        until = self.person(id).clock if at is None else instant(at)
        # Compiled anew: a story observes its machine, and this engine's machine is shared.
        engine = self._orchestrator.engine
        return tell(
            self.model, log, id, until=until, zone=zone, steps=engine.steps, tables=engine.tables
        )

    def draw(self, id: str | None = None) -> Drawing:
        """A drawing of the model with its current people, or the path of one person."""
        from lifecycle_fsm import diagram  # heavy, and not needed to run
        from lifecycle_fsm.funnel import count

        if id is not None:
            return diagram.draw_person(self.model, self.person(id).history)
        if not len(self):
            return diagram.draw_model(self.model)
        return diagram.draw_funnel(self.model, count(self.history, self.model))

    def _activity(
        self,
        person: str,
        kind: str,
        at: datetime | str | None,
        payload: Mapping[str, Any],
        activity: str | None = None,
    ) -> Activity:
        if at is None:
            raise RecordError(f"when did {kind or 'it'} happen? give at=…")
        at = instant(at)
        if activity is None:
            activity = made_id(kind, at, payload)
        return Activity(activity, person, kind, at, payload)
