"""The register of people: their records and contacts, and the activities that they have had. Each
person can be saved as plain data and restored from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from lifecycle_fsm.activities import Activity, identity
from lifecycle_fsm.errors import RecordError
from lifecycle_fsm.history import DeadlineFact, HistoryRow
from lifecycle_fsm.orchestrator.deduplication import SeenActivities
from lifecycle_fsm.orchestrator.engine import Engine
from lifecycle_fsm.orchestrator.parking import Parked, ParkingLot
from lifecycle_fsm.orchestrator.saved_state import FORMAT, Plain
from lifecycle_fsm.person import Person
from lifecycle_fsm.processing import StepError

NOTHING_SEEN: Mapping[str, bytes] = MappingProxyType({})


class PeopleRegister:
    """The people of a model by their ids; the orchestrator applies activities to them.

    Args:
        engine: the compiled model.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.model = engine.model
        self.machine = engine.machine
        #: All people who were created, including those merged into others since.
        self.people: dict[str, Person] = {}
        #: The id that each loser of a merge was merged into [S23].
        self.merged: dict[str, str] = {}
        #: The id of the lead that was converted, by the id of the contact [S23].
        self.aliases: dict[str, str] = {}
        self._records: dict[str, tuple[Person, ...]] = {}  # of one person, the survivor's first
        #: The ids of all records and contacts of a person who has several.
        self._names: dict[str, tuple[str, ...]] = {}
        #: The ids of the contacts into which a person was converted, with or without activities
        #: of their own: looking them up takes time.
        self._contacts: dict[str, tuple[str, ...]] = {}
        #: Steps that failed and were skipped, by person [S13].
        self.skipped: dict[str, tuple[StepError, ...]] = {}
        self._seen = SeenActivities()
        self._lot = ParkingLot()

    def survivor(self, id: str) -> Person:
        """The person that a record or a contact belongs to, after all merges [S23].

        Raises:
            KeyError: no person with this id was created.
        """
        record = self.aliases.get(id, id)
        while record in self.merged:
            record = self.merged[record]
        return self.people[record]

    def __contains__(self, id: str) -> bool:
        return id in self.people or id in self.aliases

    def release(self) -> None:
        """Forget all people. A person and its register know each other, so otherwise only the
        garbage collector would free them, which takes long."""
        self.people.clear()
        self._records.clear()
        self._lot = ParkingLot()  # its errors know the people as well

    # ------------------------------------------------------------------ ids that came before

    def _content(self, person: Person, record: str, activity: str) -> bytes | None:
        """The content of the record's earlier activity with this id, if it came [S19].

        A record keeps its own activities. Those that came after it was merged into another, or
        under the id of its contact, are kept by the survivor of that time.
        """
        own = self.people.get(record)
        if own is not None:
            brought = self._seen.find(own, identity(activity))
            if brought is not None or own is person:
                return brought
        key = identity(activity, record)
        for keeper in self._records.get(person.id, (person,)):
            brought = self._seen.find(keeper, key)
            if brought is not None:
                return brought
        return None

    def _came_to_others(self, person: Person, activity: Activity, brought: bytes) -> bool:
        """Whether the same activity came before to another record of the same person: a CRM that
        merges two records copies the activities of one to the other.

        The end of processing never counts: each record has its own, in the log as well, so that a
        replay knows which people wait for it [S14][S23].
        """
        names = [name for name in self._names[person.id] if name != activity.person]
        if activity.kind == "processed":
            record = self.aliases.get(activity.person, activity.person)
            names = [name for name in names if self.aliases.get(name, name) == record]
        return any(self._content(person, name, activity.id) == brought for name in names)

    def _all_names(self, person: Person) -> tuple[str, ...]:
        return self._names.get(person.id, (person.id,))

    # ------------------------------------------------------------------ saved people

    def dump(self, id: str) -> Plain:
        """Everything that decides what happens to a person next, for all records of the person, as
        plain data that JSON can write.

        Raises:
            KeyError: no person with this id was created.
        """
        person = self.survivor(id)
        records = self._records.get(person.id, (person,))
        names = self._all_names(person)
        for record in records if self._contacts else ():
            if record.id in self._contacts:
                names = tuple(dict.fromkeys((*names, *self._contacts[record.id])))
        states = self.engine.states
        state = states.dump(person, format=FORMAT, version=self.machine.version)
        if len(records) > 1:
            state["folded"] = [states.dump(record) for record in records[1:]]
            state["merged"] = {name: self.merged[name] for name in names if name in self.merged}
        if len(names) > len(records):
            state["aliases"] = {name: self.aliases[name] for name in names if name in self.aliases}
        if person.id in self.skipped:
            state["skipped"] = [[error.step, error.message] for error in self.skipped[person.id]]
        lot = self._lot.by_person
        if lot and (parked := [waits.dump() for name in names for waits in lot.get(name, ())]):
            state["parked"] = parked
        return state

    def seen(self, id: str) -> Mapping[str, bytes]:
        """The fingerprints of the activities that each record of a person has had [S19].

        Raises:
            KeyError: no person with this id was created.
        """
        person = self.survivor(id)
        records = self._records.get(person.id, (person,))
        return {record.id: self._seen.all_of(record) for record in records}

    def content(self, person: Person, activity: Activity) -> bytes | None:
        """The content of an activity of this person, if it has been applied."""
        return self._content(person, activity.person, activity.id)

    def restore(
        self,
        state: Mapping[str, Any],
        history: Iterable[HistoryRow] = (),
        deadlines: Iterable[DeadlineFact] | None = None,
        seen: Mapping[str, bytes] = NOTHING_SEEN,
    ) -> Person:
        """Restore the person saved by :meth:`dump`.

        Args:
            state: the plain data.
            history: the rows of all records of the person, or the last row of each; a history
                starts after the rows left out.
            deadlines: the recorded deadlines of all records; by default those of the current
                visit.
            seen: the concatenated fingerprints of the activities of each record, by record id.

        Raises:
            RecordError: the data is not a saved state, or has another format or model, or a person
                with one of its ids is here already.
        """
        self._check(state)
        people, parked = self._loaded(state, history, deadlines)
        return self._keep(state, people, parked, seen)

    def _loaded(
        self,
        state: Mapping[str, Any],
        history: Iterable[HistoryRow],
        deadlines: Iterable[DeadlineFact] | None,
    ) -> tuple[list[Person], list[Parked]]:
        """The records of a state and what is parked for them, not registered yet."""
        rows = by_person(history)
        facts = None if deadlines is None else by_person(deadlines)
        load = self.engine.states.load
        people = [
            load(
                record,
                rows.get(record["id"], ()),
                None if facts is None else facts.get(record["id"], []),
            )
            for record in (state, *state.get("folded", ()))
        ]
        return people, [Parked.load(saved) for saved in state.get("parked", ())]

    def _keep(
        self,
        state: Mapping[str, Any],
        people: list[Person],
        parked: Iterable[Parked],
        seen: Mapping[str, bytes],
    ) -> Person:
        """Register the person of a state."""
        person = people[0]
        aliases = state.get("aliases", {})
        for record in people:
            record.entrust_to(self)
            if record.id in seen:
                self._seen.restore(record, seen[record.id])
            self.people[record.id] = record
        if len(people) > 1:
            self._records[person.id] = tuple(people)
            self.merged.update(state.get("merged", {}))
        self.aliases.update(aliases)
        for name, record in aliases.items():
            self._contacts[record] = (*self._contacts.get(record, ()), name)
        if len(people) > 1 or aliases:
            self._names[person.id] = (*(record.id for record in people), *aliases)
        if "skipped" in state:
            self.skipped[person.id] = tuple(StepError(*error) for error in state["skipped"])
        for waiting in parked:
            self._lot.keep(waiting)
        return person

    def _check(self, state: Mapping[str, Any], *, migrates: bool = False) -> None:
        """Refuse data that is not a state or cannot be restored here."""
        name = state.get("id")
        if state.get("format") != FORMAT:
            raise RecordError(
                f"the saved state of {name!r} has the format {state.get('format')!r}, and this "
                f"release reads {FORMAT}: restore it with the release that saved it"
            )
        if migrates and state.get("version") == self.machine.version:
            raise RecordError(
                f"the saved state of {name!r} is of this very version of the model: restore it"
            )
        if not migrates and state.get("version") != self.machine.version:
            raise RecordError(
                f"the saved state of {name!r} is of version {state.get('version')!r} of the model, "
                f"and this is {self.machine.version!r}: use the model that it was saved by, or "
                "migrate the person [S28]"
            )
        for record in (state, *state.get("folded", ())):
            if record["id"] in self:
                raise RecordError(f"{record['id']!r} is kept here already")


_Of = TypeVar("_Of", HistoryRow, DeadlineFact)


def by_person(records: Iterable[_Of]) -> dict[str, list[_Of]]:
    """Rows or facts, grouped by person."""
    sorted_out: dict[str, list[_Of]] = {}
    for record in records:
        sorted_out.setdefault(record.person, []).append(record)
    return sorted_out
