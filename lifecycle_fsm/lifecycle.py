"""The face for programs: load a model, admit people, apply what happens, ask why, draw.

It only hands on; all of the work is done in the rooms below.
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
    """A lifecycle that runs: its model and its people.

    Args:
        model: a :class:`~lifecycle_fsm.Model`, the path of its TOML, the name of a shipped one, or
            an :class:`~lifecycle_fsm.Engine`, which has been made ready before and is shared.
        steps: the project's own steps of original processing; a function named ``enrich`` is asked
            for company data. An engine has its own.
        tables: rows for the enrich steps, by the name of the step; likewise.
        record: called with every decision as it is made, to keep or send it.
        log: called with every activity that was applied, with the ``processed`` that ends original
            processing, and with a ``time_passed`` for each instant at which time changed somebody.
            Such a log replays to the same history, always [S14][S19].

    Raises:
        ModelError: the model does not build; every problem is told.
        FileProblem: a file cannot be read.
        LifecycleError: steps or tables are given beside an engine.

    One writer per person at a time: keep a lock, a queue partition or a row lock per person where
    several threads or processes apply activities. Other threads may read meanwhile: iterate, draw,
    ask for the history. They see each person as before an activity or as after it.

    A copy, also by ``pickle``, goes its own way: it has everybody, and neither ``record`` nor
    ``log``, so that nothing of what it does is sent. Copies share the engine.
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
        """What has been made of the model, to be shared with another Lifecycle."""
        return self._orchestrator.engine

    @property
    def machine(self) -> LifecycleMachine:
        """The machine, for objects of your own; see ``machine.fire`` and ``Foreign``."""
        return self._orchestrator.machine

    # ------------------------------------------------------------------ people

    def admit(self, id: str, *, at: datetime | str, **fields: Any) -> Person:
        """Create a person, run original processing at once, and sort [S13]–[S15].

        Where processing waits for a slow service, apply a ``created`` activity instead, go on
        applying what happens meanwhile, and call :meth:`process` when the service has answered.
        Name such people to :meth:`expect_processed`, or they are sorted when the model's
        ``settle`` is over.

        Raises:
            RecordError: a field does not exist or does not take its value, the person was created
                before with other content, or an error kept the person from being created.
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
        """The person with this id, or whom the record or contact of this id belongs to [S23].

        Raises:
            UnknownPerson: nobody with this id has been created.
        """
        try:
            return self._orchestrator.survivor(id)
        except KeyError:
            raise UnknownPerson(
                f"nobody with the id {id!r} has been created"
                f"{suggest(id, self._orchestrator.people) if len(self) <= 10_000 else ''}"
            ) from None

    def find(self, text: str) -> tuple[Person, ...]:
        """Everybody who is meant by an id, an e-mail address or a name; nobody is no error.

        An id finds one person, also that of a record that was folded into another. An address is
        told in any case, and so are names: all words of the text stand in first name, last name
        and company.
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
        # A list, made in one step: another thread may create people while this one reads.
        return list(self._orchestrator.people.values())

    def __len__(self) -> int:
        return len(self._orchestrator.people) - len(self._orchestrator.merged)

    def __contains__(self, id: str) -> bool:
        return id in self._orchestrator

    @property
    def history(self) -> Iterator[HistoryRow]:
        """Every history row of everybody, person by person in the order of creation, also of those
        who were folded into others [S25]."""
        return (row for person in self._everybody() for row in person.history)

    @property
    def deadlines(self) -> Iterator[DeadlineFact]:
        """What became of the deadlines of each visit, person by person, as decided [S21]."""
        return (fact for person in self._everybody() for fact in person.deadlines)

    @property
    def merged(self) -> Mapping[str, str]:
        """Whom each loser of a merge was folded into, directly; :meth:`person` follows on [S23]."""
        return self._orchestrator.merged

    def mail(self, id: str) -> str | None:
        """What marketing mail may do with the person now [S12]: ``unsubscribed``, or what the stage
        says (``nurture``, ``paused``, ``suspended``), or nothing where it says nothing."""
        person = self.person(id)
        return "unsubscribed" if person.unsubscribed else self.model.stage(person.stage).mail

    # ------------------------------------------------------------------ saved people

    def dump(self, id: str) -> dict[str, Any]:
        """Everything that decides what happens next to a person, as plain data that JSON can write
        (0.5 to 2 kB). The keys are described in ``docs/embed/state.md``. It is of all records of
        the person. History, recorded deadlines and :meth:`seen` activities are beside it, to be
        kept in tables of their own.

        Raises:
            UnknownPerson: nobody with this id has been created.
        """
        return self._orchestrator.dump(self.person(id).id)

    def seen(self, id: str) -> Mapping[str, bytes]:
        """The activities that each record of a person has had, by the id of the record: twelve
        bytes each, eight for the id and four for the content, the same in every process [S19].

        Raises:
            UnknownPerson: nobody with this id has been created.
        """
        return self._orchestrator.seen(self.person(id).id)

    def restore(
        self,
        state: Mapping[str, Any],
        *,
        history: Iterable[HistoryRow] = (),
        deadlines: Iterable[DeadlineFact] | None = None,
        seen: Mapping[str, bytes] = MappingProxyType({}),
    ) -> Person:
        """Keep a person whom :meth:`dump` has saved, in this process or another.

        Args:
            state: the plain data.
            history: the rows of all records of the person, or the last of each. The history here
                begins behind those that are left out, numbered on.
            deadlines: what was recorded of the deadlines of all records; without them those of the
                present visit, which can still change.
            seen: what :meth:`seen` gave, or as much of it as can come again. Without it, whoever
                calls has to know which activities came before.

        Raises:
            RecordError: it is no state, or of another format or another version of the model, or
                somebody of one of its ids is kept already.
        """
        return self._orchestrator.restore(state, history, deadlines, seen)

    def drop_past(self) -> None:
        """Let go of everybody's history, recorded deadlines and :meth:`seen` activities, once they
        are saved elsewhere: everybody is then as if restored without them."""
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
        """Keep a person whom another version of the model has saved: they go on in this one [S28].

        That is the activity ``model_changed``, which ``log=`` gets. The stage that stands for one
        that went is entered without effects and requests, by a row of the kind ``migrate``, and
        the visit goes on. Deadlines are due anew from its entry; what was decided stays decided,
        and what is over by now was missed. Then the system moves the person on, as always. What
        the model has no more, such as a field, is dropped, and ``reason`` of the decision names it.

        Args:
            state: what :meth:`dump` gave there, after all that is due up to ``at``.
            stages: the stages that went, each with the one that stands for it.
            at: when; it comes behind everything of that instant.
            history: as for :meth:`restore`.
            deadlines: likewise.
            seen: likewise.

        Raises:
            LifecycleError: ``stages`` does not fit the model.
            RecordError: it is no state or one of this version, somebody of one of its ids is kept
                already, a stage went and is not mapped, a value does not fit its field any more, or
                something is due before.
        """
        return self._orchestrator.migrate(state, stages, at, history, deadlines, seen)

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
        """Apply what happened to a person, and say what came of it.

        Give an :class:`~lifecycle_fsm.Activity`, or its parts: the person's id, the kind, ``at``
        and what it brings. Without an ``id`` one is made from the content, so that the same
        activity sent twice is a duplicate [S19].
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
        """Apply a whole log, and count what came of it [S10].

        Where the log says when somebody's original processing ended, that is when the sort runs;
        the others are sorted when the model's ``settle`` is over [S14]. Call :meth:`tick` after
        it, to let the rest of time pass.

        Args:
            log: activities, as ``Lifecycle(log=…)`` gives them.
            order: ``arrival`` applies them as given, to the same history as when they came;
                ``event`` by when they happened, as if nothing had come late, and finds out anew
                what time brings [S19].
            what_if: whether the log may be one that another version of the model has applied: the
                people are then where this version would have led them, and not where they were.
            earlier: the other versions of the model that applied parts of the log, until its
                ``model_changed`` moved people on: each part is replayed by its own.

        Raises:
            LifecycleError: another version of the model applied some of the log, and is not among
                the earlier ones, and nobody asks what if; or people were never moved on from one
                that is [S28].
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
        """Say whose log itself tells when original processing ended [S14]."""
        self._orchestrator.expect_processed([persons] if isinstance(persons, str) else persons)

    def process(self, id: str, *, at: datetime | str, given: ChainResult | None = None) -> Decision:
        """End original processing for a person now: run the chain, then sort [S13].

        Args:
            id: of the person.
            at: when processing ends.
            given: what the chain has given, where a program has run it before; then only sort.

        Raises:
            UnknownPerson: nobody of this id has been created.
            LifecycleError: the person has been sorted before.
        """
        return self._orchestrator.process(id, at, given)

    def tick(self, until: datetime | str) -> list[Decision]:
        """Let time pass: everything due up to then happens, each at its own instant [S20]."""
        return self._orchestrator.tick(until)

    def next_due(self, id: str) -> datetime | None:
        """When time alone may change the person next, or ``None`` if it never does: wake up then,
        and call :meth:`tick` [S20].

        Raises:
            UnknownPerson: nobody with this id has been created.
        """
        return self.machine.next_due(self.person(id))

    def park(self, parked: Parked) -> None:
        """Keep what an error has kept from happening in another Lifecycle, as its :attr:`parked`
        gave it, to be tried again here. What belongs to somebody who was created is in the saved
        person; a ``created`` is not."""
        self._orchestrator.park(parked)

    def retry(self, at: datetime | str) -> list[Decision]:
        """Try once more what an error has parked [S11][S13]."""
        return self._orchestrator.retry(at)

    @property
    def held(self) -> Mapping[str, list[Activity]]:
        """Activities of persons that nobody has created yet [S19]."""
        return self._orchestrator.held

    @property
    def parked(self) -> Mapping[str, list[Parked]]:
        """What an error keeps from happening, by person [S11]."""
        return self._orchestrator.parked

    @property
    def skipped(self) -> Mapping[str, tuple[StepError, ...]]:
        """Steps of original processing that failed and were gone without, by person [S13]."""
        return self._orchestrator.skipped

    # ------------------------------------------------------------------ knowing

    def explain(
        self, id: str, trigger: str | None = None, *, at: datetime | str | None = None
    ) -> tuple[Refusal, ...]:
        """Why the person does not move: for the trigger, or else for the system moves, every move
        that is not open, with every unmet condition and the values seen [S10]. It answers as an
        activity at that instant would find the person, after all that is due before it [S20];
        without ``at``, at the person's clock.

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
        and why, what was passed over, and what comes next. ``str()`` is the text.

        Args:
            id: the person's id; of a record that was folded into another, both are told.
            log: the activities that were applied, in that order, as ``Lifecycle(log=…)`` gives
                them; those of others are passed by.
            at: up to then; without it up to the person's clock.
            zone: the zone in which the texts name times.

        Raises:
            UnknownPerson: nobody with this id has been created, or not by this log.
        """
        from lifecycle_fsm.story import tell  # not needed to run

        until = self.person(id).clock if at is None else instant(at)
        # Compiled anew: whoever tells a story watches its machine, and that one is shared.
        engine = self._orchestrator.engine
        return tell(
            self.model, log, id, until=until, zone=zone, steps=engine.steps, tables=engine.tables
        )

    def draw(self, id: str | None = None) -> Drawing:
        """The picture of the model with the people of now on it, or the path of one person."""
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
