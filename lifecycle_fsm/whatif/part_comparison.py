"""One part of a log through two or more models, and how their histories differ entry by entry."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeAlias

import attrs

from lifecycle_fsm.activities import Activity, by_event
from lifecycle_fsm.errors import RecordError, UnknownPerson
from lifecycle_fsm.funnel import Contact, Scope, conversions, observe
from lifecycle_fsm.funnel.entry_changes import ChangeKind, PairedEntry, paired_entries
from lifecycle_fsm.guard import Outcome, compile_explainer, unmet
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.model import Model
from lifecycle_fsm.orchestrator import Engine
from lifecycle_fsm.silos.effects import attribute_of
from lifecycle_fsm.zones import find_zone

OLD, NEW = 0, 1
_DAY = timedelta(days=1)
Explain: TypeAlias = Callable[[Any, datetime], Outcome]


@attrs.frozen(kw_only=True)
class WhatIfQuestion:
    """What is asked of a log.

    Args:
        old: the model that the company worked by.
        changed: the changed models.
        start, end: the window of the entries, from (included) and to (excluded).
        zone: the zone in which weeks begin.
        where: only journeys for which this guard holds; see :func:`.observe`.
        stages: the removed stages, each with its replacement, for the first day.
        compare: whether histories are compared.
        names: whether every change is listed, with the guard that decides it.
        first_day: whether the change is tried on everybody at the end of the log.
        lacking: a stage of which to count who lacks only one condition at the end of the log, for
            the first and the last of the changed models.
    """

    old: Model
    changed: tuple[Model, ...]
    start: datetime | None = None
    end: datetime | None = None
    zone: str = "UTC"
    where: object = None
    stages: Mapping[str, str] = attrs.field(factory=dict)
    compare: bool = True
    names: bool = True
    first_day: bool = True
    lacking: str | None = None


@attrs.frozen(kw_only=True)
class EntryChange:
    """A person whose first difference is an entry of a stage.

    Args:
        stage, kind: the stage; ``added``, ``lost``, ``earlier`` or ``later``.
        person, name, company, email, owner: who it is, and whose; as known at the end of the log.
        assigned_to: who was named at the entry.
        old_at, new_at: when the person enters in the old and in the changed history.
        rule: the rule of the entry that comes first, which the other history lacks.
        why: what that rule lacks in the other history at this instant, with the values it saw.
        became: see ``PairedEntry``; what really happened.
    """

    stage: str
    kind: ChangeKind
    person: str
    name: str | None
    company: str | None
    email: str | None
    owner: str | None
    assigned_to: str | None
    old_at: datetime | None
    new_at: datetime | None
    rule: str
    why: str
    became: str


@attrs.frozen(kw_only=True)
class PlannedMove:
    """A person whose stage changes at once if the model changes at the end of the log.

    Args:
        person, name, company, email, owner, assigned_to: who it is, and whose.
        from_stage, to_stage: the stage before, and the last one of all moves that follow.
        since: since when the person has been in the first.
        rules: the rules of these moves; that of a removed stage is ``model_changed``.
        assigned_next: who is named after them.
    """

    person: str
    name: str | None
    company: str | None
    email: str | None
    owner: str | None
    assigned_to: str | None
    from_stage: str
    to_stage: str
    since: datetime | None
    rules: tuple[str, ...]
    assigned_next: str | None


@attrs.define
class PartAnswer:
    """What one part of a log answers of one changed model; several add up with ``+=``.

    Args:
        entries: entries in the window by side, stage and the Monday of their week.
        assigned: the same by side, stage, assignee and Monday.
        rules: the same by side, stage and rule.
        kinds: entries by stage, kind, and whether they are first differences.
        became: first differences by stage, kind, and what really became of the person.
        converted: by stage and the next one of the path, the journeys of the old history that
            entered the one, and those that then entered the other.
        shifts: by stage and kind, the days by which first differences are earlier or later.
        lacking: the people who lack only one condition, by that condition.
        changes, first_day: the names, if they are asked for.
        problems: why somebody cannot be moved to the changed model, by person.
    """

    entries: Counter[tuple[int, str, date]] = attrs.field(factory=Counter)
    assigned: Counter[tuple[int, str, str, date]] = attrs.field(factory=Counter)
    rules: Counter[tuple[int, str, str]] = attrs.field(factory=Counter)
    kinds: Counter[tuple[str, ChangeKind, bool]] = attrs.field(factory=Counter)
    became: Counter[tuple[str, ChangeKind, str]] = attrs.field(factory=Counter)
    converted: Counter[tuple[str, str, str]] = attrs.field(factory=Counter)
    shifts: defaultdict[tuple[str, str], list[float]] = attrs.field(
        factory=lambda: defaultdict(list)
    )
    lacking: Counter[str] = attrs.field(factory=Counter)
    changes: list[EntryChange] = attrs.field(factory=list)
    first_day: list[PlannedMove] = attrs.field(factory=list)
    problems: dict[str, str] = attrs.field(factory=dict)

    def __iadd__(self, other: PartAnswer) -> PartAnswer:
        for name in ("entries", "assigned", "rules", "kinds", "became", "converted", "lacking"):
            getattr(self, name).update(getattr(other, name))
        for key, days in other.shifts.items():
            self.shifts[key] += days
        self.changes += other.changes
        self.first_day += other.first_day
        self.problems |= other.problems
        return self


class _Replayed:
    """A log that went through a model up to an instant, and what a comparison reads of it."""

    def __init__(
        self, engine: Engine, log: Sequence[Activity], end: datetime, question: WhatIfQuestion
    ) -> None:
        self.engine, self.model = engine, engine.model
        self.lifecycle = replayed(engine, log, end)
        self._end, self._question = end, question

    @cached_property
    def scope(self) -> Scope:
        """What is measured of the history."""
        question = self._question
        return observe(
            self.lifecycle.history, self.model, window=(question.start, question.end),
            until=self._end, zone=question.zone, where=question.where,
        )  # fmt: skip

    @cached_property
    def _people(self) -> dict[str, str]:
        return {}

    def person_of(self, record: str) -> str:
        """The person whom a record or contact belongs to at the end of the log."""
        known = self._people.get(record)
        if known is None:
            try:
                known = self.lifecycle.person(record).id
            except UnknownPerson:
                known = record
            self._people[record] = known
        return known


def replayed(engine: Engine, log: Sequence[Activity], end: datetime) -> Lifecycle:
    """A lifecycle after a log that is in the order of events."""
    lifecycle = Lifecycle(engine)
    lifecycle.expect_processed(activity.person for activity in log if activity.kind == "processed")
    for activity in log:
        lifecycle.apply(activity)
    lifecycle.tick(end)
    return lifecycle


class PartComparison:
    """Compares what models make of the activities of some people.

    Args:
        question: what is asked.
        logs: the activities as the old model reads them, and as each changed one does.
        end: up to when time passes.
    """

    def __init__(
        self, question: WhatIfQuestion, logs: Sequence[Iterable[Activity]], end: datetime
    ) -> None:
        self._question, self._end = question, end
        read = {id(log): log for log in logs}
        ordered = {key: by_event(row for row in log if row.at <= end) for key, log in read.items()}
        self._logs = [ordered[id(log)] for log in logs]

    def answers(self, engines: Sequence[Engine]) -> list[PartAnswer]:
        """The answer for each changed model.

        Args:
            engines: the old model, compiled, and the changed ones.
        """
        question, end = self._question, self._end
        old = _Replayed(engines[0], self._logs[0], end, question)
        answers: list[PartAnswer] = []
        for engine, log in zip(engines[1:], self._logs[1:], strict=True):
            answer = PartAnswer()
            if question.compare:
                new = _Replayed(engine, log, end, question)
                self._compare(old, new, answer)
                if question.lacking is not None and len(answers) in (0, len(engines) - 2):
                    answer.lacking = Counter(lacking(new, question.lacking, end))
                del new  # before the next one is made
            if question.first_day and engine.model.version != old.model.version:
                _first_day(old, engine, question.stages, end, answer)
            answers.append(answer)
        return answers

    def _compare(self, old: _Replayed, new: _Replayed, answer: PartAnswer) -> None:
        self._count(old, new, answer)
        reasons = _Reasons((old, new), (self._logs[OLD], self._logs[NEW]))
        entries = paired_entries(
            old.scope.walks, new.scope.walks, old.model,
            person_of=old.person_of, inside=old.scope.inside,
        )  # fmt: skip
        for entry in entries:
            answer.kinds[entry.stage, entry.kind, entry.first] += 1
            if entry.first:
                answer.became[entry.stage, entry.kind, entry.became] += 1
                if entry.old is not None and entry.new is not None:
                    days = abs(entry.new.entered - entry.old.entered) / _DAY
                    answer.shifts[entry.stage, entry.kind].append(days)
                if self._question.names:
                    answer.changes.append(reasons.change(entry))

    def _count(self, old: _Replayed, new: _Replayed, answer: PartAnswer) -> None:
        zone = find_zone(self._question.zone)
        for side, replay in ((OLD, old), (NEW, new)):
            for visit in replay.scope.cohort():
                day = visit.entered.astimezone(zone).date()
                stage, entry = visit.stage, visit.entry
                monday = day - day.weekday() * _DAY
                answer.entries[side, stage, monday] += 1
                answer.assigned[side, stage, entry.assigned_to or "", monday] += 1
                answer.rules[side, stage, entry.rule] += 1
        path = [stage.name for stage in old.model.path[1:]]
        for row in conversions(old.scope, list(pairwise(path))):
            answer.converted[row.source, row.target, "journeys"] += row.journeys
            answer.converted[row.source, row.target, "reached"] += row.reached


class _Reasons:
    """Finds what decides a first difference: why the other model does not make the entry."""

    def __init__(
        self, replays: tuple[_Replayed, _Replayed], logs: tuple[Sequence[Activity], ...]
    ) -> None:
        self._replays, self._logs = replays, logs
        self._explainers: dict[tuple[int, str], Explain | None] = {}
        self._found: dict[tuple[int, str, datetime], Lifecycle] = {}

    @cached_property
    def _log_of(self) -> tuple[Mapping[str, list[Activity]], ...]:
        logs: tuple[defaultdict[str, list[Activity]], ...] = (
            defaultdict(list), defaultdict(list),
        )  # fmt: skip
        for log, people in zip(self._logs, logs, strict=True):
            for activity in log:
                people[self._replays[OLD].person_of(activity.person)].append(activity)
        return logs

    def change(self, entry: PairedEntry) -> EntryChange:
        """The change, with who it is and why."""
        old, new, at = entry.old, entry.new, entry.at
        has = NEW if new is not None and new.entered == at else OLD
        visit = new if has == NEW else old
        assert visit is not None, "an entry is in one history at least"
        person = self._replays[OLD].lifecycle.person(entry.person)
        contact = Contact.of(person)
        shown = new if entry.kind == "added" or old is None else old
        return EntryChange(
            stage=entry.stage,
            kind=entry.kind,
            person=entry.person,
            name=contact.name,
            company=contact.company,
            email=contact.email,
            owner=contact.owner,
            assigned_to=None if shown is None else shown.entry.assigned_to,
            old_at=None if old is None else old.entered,
            new_at=None if new is None else new.entered,
            rule=visit.entry.rule,
            why=self._why(1 - has, entry.person, visit.entry.rule, at),
            became=entry.became,
        )

    def _why(self, side: int, person: str, rule: str, at: datetime) -> str:
        """What the rule lacks for the person in one of the models at an instant."""
        model = self._replays[side].model
        name = ("old", "changed")[side]
        explain = self._explainer(side, rule)
        if explain is None:
            return f"the {name} model has no rule {rule}"
        key = side, person, at
        lifecycle = self._found.get(key)
        if lifecycle is None:
            log = [activity for activity in self._log_of[side][person] if activity.at <= at]
            lifecycle = replayed(self._replays[side].engine, log, at)
            self._found = {key: lifecycle}
        try:
            record = lifecycle.person(person)
        except UnknownPerson:
            return f"the {name} model does not know the person then"
        outcome = explain(record, at)
        if outcome.holds:
            return f"in the {name} model the person is in {model.stage(record.stage).display} then"
        return "; ".join(part.line[2:] for part in unmet(outcome))

    def _explainer(self, side: int, rule: str) -> Explain | None:
        key = side, rule
        if key not in self._explainers:
            model = self._replays[side].model
            edges = (*model.sort_edges, *model.edges)
            guards = [edge.when for edge in edges if edge.name == rule]
            self._explainers[key] = (
                compile_explainer(guards[0], model.vocabulary, attribute_of) if guards else None
            )
        return self._explainers[key]


def lacking(replay: _Replayed, stage: str, at: datetime) -> Iterator[str]:
    """For everybody whom only one condition keeps out of a stage, that condition in words."""
    model = replay.model
    moves = {
        (edge.source, edge.name): compile_explainer(edge.when, model.vocabulary, attribute_of)
        for edge in model.edges
        if edge.target == stage and edge.on is None
    }
    for person in replay.lifecycle:
        for (source, _), explain in moves.items():
            if source == person.stage and len(parts := unmet(explain(person, at))) == 1:
                yield parts[0].label


def _first_day(
    old: _Replayed, engine: Engine, stages: Mapping[str, str], at: datetime, answer: PartAnswer
) -> None:
    """Move everybody to the changed model on a copy, and note whose stage changes."""
    for person in old.lifecycle:
        changed = Lifecycle(engine)
        try:
            rows = changed.migrate(old.lifecycle.dump(person.id), stages, at=at).rows
        except RecordError as error:
            answer.problems[person.id] = str(error)
            continue
        if rows:
            contact, after = Contact.of(person), changed.person(person.id)
            answer.first_day.append(
                PlannedMove(
                    person=person.id,
                    **attrs.asdict(contact),
                    from_stage=person.stage,
                    to_stage=after.stage,
                    since=person.stage_entered_at,
                    rules=tuple(row.rule for row in rows),
                    assigned_next=after.assigned_to,
                )
            )
