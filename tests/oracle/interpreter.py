"""A naive interpreter of the rules [S3]–[S25], written from the rules and not from the package.

It knows a model as plain data (see :mod:`tests.oracle.generator`), keeps everything in dicts and
lists, and works all that is due out anew each time: to be read beside the rules, not to be fast.
Instants are minutes since :data:`~tests.oracle.language.START`; a clock is a pair of an instant
and a phase, 0 for activities and 1 for what is due [S20].
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

import attrs

from tests.oracle.language import (
    DAY,
    GREATEST,
    LEAST,
    Node,
    Scene,
    as_time,
    effect_value,
    holds,
    payload_read,
    reads,
)

#: What every person has, as far as the models here use it: type and, for a number, its bounds.
BASE_FIELDS: dict[str, dict[str, Any]] = {
    "created_at": {"type": "datetime"},
    "source": {"type": "str", "nullable": True},
    "source_latest": {"type": "str", "nullable": True},
    "demographic_score": {"type": "int"},
    "behavior_score": {"type": "int"},
    "scored_at": {"type": "datetime"},
    "hand_raised": {"type": "bool"},
    "hand_raised_at": {"type": "datetime"},
    "last_form": {"type": "str", "nullable": True},
    "unsubscribed": {"type": "bool"},
    "owner": {"type": "str", "nullable": True},
    "owner_changed_at": {"type": "datetime"},
    "sales_touched_at": {"type": "datetime"},
    "assigned_to": {"type": "str", "nullable": True},
    "lead_status": {"type": "str", "nullable": True},
    "rejection_reason": {"type": "str", "nullable": True},
    "open_opportunities": {"type": "int"},
    "won_opportunities": {"type": "int"},
    "last_lost_at": {"type": "datetime"},
    "crm_synced_at": {"type": "datetime"},
    "converted_at": {"type": "datetime"},
}
#: What everybody has as well where the model knows about money.
AMOUNTS: dict[str, dict[str, Any]] = {
    "open_amount": {"type": "float"},
    "won_amount": {"type": "float"},
}
#: What the built-in kinds set, and the trigger that they pull.
KINDS: dict[str, dict[str, Any]] = {
    "created": {},
    "processed": {},
    "changed": {},
    "form_filled": {
        "sets": {"last_form": ("payload", "form"), "source_latest": ("payload", "source")},
        "required": ["form"],
    },
    "web_visit": {"sets": {"source_latest": ("payload", "source")}},
    "unsubscribed": {"sets": {"unsubscribed": ("const", True)}},
    "score_given": {"required": ["points"]},
    "owner_changed": {
        "sets": {"owner": ("payload", "owner"), "owner_changed_at": ("now",)},
        "trigger": "owner_changed",
        "required": ["owner"],
    },
    "sales_touched": {"sets": {"sales_touched_at": ("now",)}, "trigger": "sales_touched"},
    "lead_status_changed": {
        "sets": {
            "lead_status": ("payload", "status"),
            "rejection_reason": ("payload", "reason"),
        },
        "trigger": "lead_status_changed",
        "required": ["status"],
    },
    "opportunity_opened": {"trigger": "opportunity_opened", "required": ["opportunity"]},
    "opportunity_changed": {"trigger": "opportunity_changed", "required": ["opportunity"]},
    "opportunity_won": {"trigger": "opportunity_won", "required": ["opportunity"]},
    "opportunity_lost": {"trigger": "opportunity_lost", "required": ["opportunity"]},
    "crm_synced": {"sets": {"crm_synced_at": ("now",)}},
    "converted": {"sets": {"converted_at": ("now",)}, "trigger": "converted"},
    "merged": {"required": ["loser"]},
}
#: The id of the ``processed`` that settle brings.
SETTLED = "processed:settled"
OPEN = ("created", "processed", "changed")
#: How fields of two records become one, where the model says nothing [S23].
MERGING = {
    "created_at": "min",
    "unsubscribed": "max",
    "hand_raised": "max",
    "behavior_score": "max",
    "scored_at": "max",
    "hand_raised_at": "max",
    "sales_touched_at": "max",
    "last_lost_at": "max",
}
#: What is worked out of other things that a merge unites, and so is merged by no rule.
DERIVED = (
    "open_opportunities", "won_opportunities", "open_amount", "won_amount", "last_lost_at",
    "demographic_score",
)  # fmt: skip

Clock = tuple[int, int]


@attrs.define
class Activity:
    """One line of a log."""

    id: str
    person: str
    kind: str
    at: int
    brings: dict[str, Any] = attrs.field(factory=dict)
    sequence: int | None = None

    @property
    def content(self) -> tuple[Any, ...]:
        """What makes it the same as another of the same id; the sequence does not count [S19]."""
        return self.kind, self.at, sorted(self.brings.items())

    @property
    def order(self) -> tuple[Any, ...]:
        """The order in which the activities of one person count [S19]."""
        by_source = (1, 0) if self.sequence is None else (0, self.sequence)
        return self.kind != "created", self.at, by_source, natural(self.id)


def natural(id: str) -> list[Any]:
    """Texts and runs of digits in turn: ``evt-9`` before ``evt-10`` [S19]."""
    parts = re.split("([0-9]+)", id)
    # Of ids that are equal in all of these, such as e1 and e01, the text decides.
    return [[int(part) if number % 2 else part for number, part in enumerate(parts)], id]


@attrs.define
class Visit:
    """One stay in a stage; it goes on when a merge hands it over [S23]."""

    stage: str
    entered: int
    #: The record that entered it, and the journey: told apart by record and number.
    record: str
    journey: int
    journey_record: str
    journey_started: int
    #: By name, when each deadline is due, and whether its condition has held [S21].
    due: dict[str, int] = attrs.field(factory=dict)
    held: set[str] = attrs.field(factory=set)
    decided: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    #: The system returns whose guard has been false in this visit [S9].
    closed_once: set[str] = attrs.field(factory=set)


@attrs.define
class Person:
    """One record, and all that is kept of it."""

    id: str
    fields: dict[str, Any]
    clock: Clock
    visit: Visit
    settles: int | None
    history: list[dict[str, Any]] = attrs.field(factory=list)
    facts: list[dict[str, Any]] = attrs.field(factory=list)
    deferred: list[tuple[Activity, bool]] = attrs.field(factory=list)
    opportunities: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    #: What capped rules have given, by rule and period.
    given: dict[tuple[str, Any], int] = attrs.field(factory=dict)
    journeys: int = 1
    #: Requests that wait for the CRM, each with the visit whose entry asked, if one did [S24].
    waiting: list[dict[str, Any]] = attrs.field(factory=list)
    #: What marketing mail may do, as it was last told [S12].
    mail: str | None = None
    #: The stages that the present activity has led to, until what they ask for is told.
    entered: list[str] = attrs.field(factory=list)

    @property
    def kept(self) -> tuple[Any, ...]:
        """What tells whether an instant has changed anything [S19]: fields, rows, facts about
        deadlines, and notes about returns."""
        notes = frozenset(self.visit.closed_once)
        return dict(self.fields), len(self.history), len(self.facts), notes


class World:
    """Everybody whom a log speaks of."""

    def __init__(self, model: dict[str, Any], expected: set[str] | None = None) -> None:
        self.model = model
        self.expected = expected or set()
        self.people: dict[str, Person] = {}
        self.folded: dict[str, str] = {}
        self.aliases: dict[str, str] = {}
        self.seen: dict[tuple[str, str], tuple[Any, ...]] = {}
        self.held: list[Activity] = []
        self.requests: list[dict[str, Any]] = []
        #: What a merge hands over, until it is told again.
        self.again: list[dict[str, Any]] = []
        #: What came of each trigger that waited, for the sort or as held: record, id and result.
        self.answers: list[tuple[str, str, str]] = []
        self.types = BASE_FIELDS | (AMOUNTS if model["money"] else {}) | model["fields"]
        self.path = [name for name, detour in model["stages"] if not detour]
        self.rank = {name: rank for rank, name in enumerate(self.path)}
        self.triggers = {move["on"] for move in model["moves"] if move["on"]}
        self.fit_inputs = self._fit_inputs()

    # -------------------------------------------------------------- who

    def person(self, id: str) -> Person | None:
        """The person of that id: of an alias its person, of a folded record the survivor."""
        record = self.aliases.get(id, id)
        while record in self.folded:
            record = self.folded[record]
        return self.people.get(record)

    def known(self, id: str) -> bool:
        return self.person(id) is not None

    def _records_of(self, person: Person) -> list[str]:
        records = {*self.people, *self.aliases}
        return [record for record in records if self.person(record) is person]

    # -------------------------------------------------------------- what comes in

    def apply(self, activity: Activity) -> dict[str, Any]:
        """What an activity does, and its decision [S7][S10][S19]."""
        person = self.person(activity.person)
        for one in self.held:
            if (one.person, one.id) == (activity.person, activity.id):
                same = one.content == activity.content
                result = "duplicate" if same else "rejected"
                return {"result": result, "rows": [], "stage": ""}
        if person is None and activity.kind != "created":
            self.held.append(activity)
            return {"result": "held", "rows": [], "stage": ""}
        if person is not None:
            stage = person.visit.stage
            seen = self.seen.get((activity.person, activity.id))
            if seen is not None and seen != activity.content:
                return {"result": "rejected", "rows": [], "stage": stage}
            records = self._records_of(person)
            if activity.kind == "processed":  # each record has its own end of processing [S23]
                own = self.aliases.get(activity.person, activity.person)
                records = [record for record in records if self.aliases.get(record, record) == own]
            if any(self.seen.get((record, activity.id)) == activity.content for record in records):
                return {"result": "duplicate", "rows": [], "stage": stage}
        if self._faulty(activity) or (activity.kind == "created" and person is not None):
            return {"result": "rejected", "rows": [], "stage": person.visit.stage if person else ""}
        if activity.kind == "merged" and not self.known(activity.brings["loser"]):
            self.held.append(activity)
            return {"result": "held", "rows": [], "stage": ""}
        self.seen[activity.person, activity.id] = activity.content
        if person is None:
            return self._create(activity)
        return self._happen(person, activity)

    def _faulty(self, activity: Activity) -> bool:
        kind = self._kind(activity.kind)
        if kind is None:
            return True
        if any(activity.brings.get(name) is None for name in kind.get("required", ())):
            return True
        if activity.kind in OPEN:
            return any(not self._takes(name, value) for name, value in activity.brings.items())
        return False

    def _takes(self, name: str, value: Any) -> bool:
        declared = self.types.get(name)
        if declared is None:
            return False
        if value is None:
            return True
        if declared.get("choices"):
            return value in declared["choices"] or (value == "" and self._nullable(name))
        if declared["type"] in ("int", "datetime"):
            return isinstance(value, int) and not isinstance(value, bool)
        return isinstance(value, {"bool": bool, "str": str}[declared["type"]])

    def _nullable(self, name: str) -> bool:
        declared = self.types[name]
        return bool(declared.get("nullable")) or declared["type"] == "datetime"

    def _kind(self, name: str) -> dict[str, Any] | None:
        """A kind: built in, added by the model, or that of a trigger which no other raises."""
        kinds: dict[str, dict[str, Any]] = KINDS | self.model["kinds"]
        raised = {kind.get("trigger") for kind in kinds.values()}
        kind = kinds.get(name)
        if kind is not None:
            if kind.get("trigger") is None and name in self.triggers and name not in raised:
                return kind | {"trigger": name}
            return kind
        if name in self.triggers and name not in raised:
            return {"trigger": name, "asks": True}
        return None

    def _trigger(self, activity: Activity) -> str | None:
        """What the activity asks for, if any move is asked for in this way [S7]."""
        trigger = (self._kind(activity.kind) or {}).get("trigger")
        return trigger if trigger in self.triggers else None

    def tick(self, until: int) -> None:
        """All that is due up to then happens [S20]."""
        for record, person in self.people.items():
            if record not in self.folded:
                self.advance(person, (until, 2))

    # -------------------------------------------------------------- time

    def advance(self, person: Person, limit: Clock) -> None:
        """Everything that is due below the limit, each at its own instant [S20]. An instant that
        changes nothing leaves the clock as it was [S19]."""
        position = person.clock
        while (instant := self._next(person, position)) is not None and (instant, 1) < limit:
            position = (instant, 1)
            before = person.kept
            faded = self._due(person, instant)
            if faded or person.kept != before:
                person.clock = max(person.clock, position)

    def _next(self, person: Person, position: Clock) -> int | None:
        """The next instant at which anything may be due, or a time term may turn."""
        instant, phase = position
        least = instant if phase == 0 else instant + 1
        coming: list[int] = []
        if self._in_processing(person):
            if person.settles is not None:
                coming.append(max(least, person.settles))
        else:
            coming += [due for due in person.visit.due.values() if due >= least]
            # A term of time turns at whole days from the time that it reads.
            starts = [value for value in self._times(person).values() if value is not None]
            coming += [least + (start - least) % DAY for start in starts]
        for rule in self.model["decay"]:
            since = person.fields[rule["since"]]
            if since is not None:
                first = max(since + rule["every"], least)
                coming.append(first + (since - first) % rule["every"])
        return min(coming, default=None)

    def _due(self, person: Person, now: int) -> bool:
        """At one instant: the sort that settle brings, decay, deadlines, moves [S20]. Whether a
        rule of decay changed anything, though another one undid it."""
        faded = False
        if self._in_processing(person) and person.settles is not None and person.settles <= now:
            ending = Activity(SETTLED, person.id, "processed", now)
            before = (person.fields["owner"], person.fields["assigned_to"])
            self._end_processing(person, now, ending, False, before)
            person.clock = max(person.clock, (now, 1))
        for rule in self.model["decay"]:
            since = person.fields[rule["since"]]
            if since is None or now <= since or (now - since) % rule["every"]:
                continue
            if self._holds(rule["when"], person, now):
                fields, inputs = dict(person.fields), self._inputs(person)
                self._write(person, self._effects(rule["then"], person, now))
                self._fit_anew(person, inputs, now)
                faded = faded or fields != person.fields
        if self._in_processing(person):
            return faded
        for rule in self.model["deadlines"]:
            if (
                person.visit.due.get(rule["name"]) == now
                and rule["name"] not in person.visit.decided
            ):
                self._note_conditions(person, now)
                missed = self._holds(rule["when"], person, now)
                # A promise whose condition ceased to hold was kept without leaving.
                ceased = "kept" if rule["name"] in person.visit.held else "void"
                self._decide(person, rule["name"], "missed" if missed else ceased, now)
                if missed and rule["send"]:
                    due = person.visit.due[rule["name"]]
                    self._ask(person, rule, now, None, person.visit.stage, due)
        self._run_to_completion(person, now, None)
        self._note_conditions(person, now)
        self._aftermath(person, now, None)
        return faded

    # -------------------------------------------------------------- one activity

    def _create(self, activity: Activity) -> dict[str, Any]:
        fields: dict[str, Any] = {name: self._start(name) for name in self.types}
        visit = Visit(self.path[0], activity.at, activity.person, 1, activity.person, activity.at)
        settles = None if activity.person in self.expected else activity.at + self.model["settle"]
        person = Person(activity.person, fields, (activity.at, 0), visit, settles)
        self.people[activity.person] = person
        self._write(person, {"created_at": activity.at} | activity.brings)
        self._row(
            person, activity, now=activity.at, source=None, target=self.path[0], kind="enter",
            rule="created", trigger=None, late=False,
        )  # fmt: skip
        decision = {"result": "moved", "rows": person.history[:1], "stage": self.path[0]}
        self._release(activity.person)
        return decision

    def _release(self, id: str) -> None:
        """What was held for somebody of whom nothing was known, in its order [S19]."""
        waiting = [
            one for one in self.held
            if one.person == id or (one.kind == "merged" and one.brings.get("loser") == id)
        ]  # fmt: skip
        for one in sorted(waiting, key=lambda one: one.order):
            if one in self.held:
                self.held.remove(one)
                result = self.apply(one)["result"]
                if self._trigger(one) is not None:
                    self.answers.append((one.person, one.id, result))

    def _start(self, name: str) -> Any:
        declared = self.types[name]
        if "default" in declared:
            return declared["default"]
        if self._nullable(name):
            return None
        if declared.get("choices"):
            return declared["choices"][0]
        empty = {"int": max(0, declared.get("min", 0)), "float": 0.0, "bool": False, "str": ""}
        return empty[declared["type"]]

    def _happen(self, person: Person, activity: Activity) -> dict[str, Any]:
        late = (activity.at, 0) < person.clock
        if not late:
            self.advance(person, (activity.at, 0))
            person.clock = max(person.clock, (activity.at, 0))
        contact = activity.brings.get("contact") if activity.kind == "converted" else None
        loser = activity.brings["loser"] if activity.kind == "merged" else contact
        if loser is not None and self.person(loser) not in (None, person):
            return self._merge(person, activity, loser)
        rows = len(person.history)
        now = person.clock[0]
        assigned, owner = person.fields["assigned_to"], person.fields["owner"]
        if activity.kind == "processed" and self._in_processing(person):
            self._write(person, activity.brings)
            self._end_processing(person, now, activity, late, (owner, assigned))
            return self._decision(person, rows)
        knew_crm = person.fields["crm_synced_at"] is not None
        inputs, promised = self._inputs(person), self._promises(person, now)
        self._data(person, activity, now)
        self._score(person, activity, now)
        self._fit_anew(person, inputs, now)
        trigger = self._trigger(activity)
        result = None
        if self._in_processing(person):
            asks = [rule for rule in self.model["alerts"] if rule["on"] == activity.kind]
            asks += [rule for rule in self.model["assignment"] if rule["on"] == activity.kind]
            if trigger is not None or asks:
                person.deferred.append((activity, late))
            if trigger is not None:
                result = "deferred"
        else:
            before = (owner, assigned)
            if trigger is not None:
                result = self._fire(person, trigger, now, activity, late, before)
            self._run_to_completion(person, now, activity, late, before)
            self._note_conditions(person, now)
            for name in promised - self._promises(person, now):
                self._keep_late(person, name, now, activity, before)
        if not self._in_processing(person):
            self._aftermath(person, now, activity)
        if person.fields["crm_synced_at"] is not None and not knew_crm:
            self._let_go(person, now)
        decision = self._decision(person, rows, result)
        if contact is not None and not self.known(contact):
            self.aliases[contact] = person.id
            self._release(contact)
        return decision

    def _decision(self, person: Person, rows: int, result: str | None = None) -> dict[str, Any]:
        made = person.history[rows:]
        moved = any(row["from_stage"] != row["to_stage"] for row in made)
        return {
            "result": "moved" if moved else result or "unchanged",
            "rows": made,
            "stage": person.visit.stage,
        }

    def _data(self, person: Person, activity: Activity, now: int) -> None:
        """Activity → fields; never reads the stage [S18]."""
        brings = activity.brings
        if activity.kind in OPEN:
            self._write(person, brings)
        elif activity.kind == "score_given":
            points = brings["points"]
            changes = {"behavior_score": person.fields["behavior_score"] + points}
            if points > 0:
                changes["scored_at"] = now
            self._write(person, changes)
        elif activity.kind.startswith("opportunity_"):
            self._opportunity(person, activity, now)
        else:
            kind = self._kind(activity.kind) or {}
            sets = kind.get("sets", {})
            if kind.get("asks"):
                self._write(person, {"rejection_reason": brings.get("reason")})
            self._write(person, self._effects(sets, person, now, brings))
        for rule in self.model["data"]:
            if rule["on"] == activity.kind and self._holds(rule["when"], person, now, brings):
                self._write(person, self._effects(rule["then"], person, now, brings))

    def _opportunity(self, person: Person, activity: Activity, now: int) -> None:
        """Kept by id; a loss leaves SQL only when none is open [S22]."""
        brings = activity.brings
        deal = person.opportunities.setdefault(
            brings["opportunity"],
            {"state": "open", "amount": None, "closes_at": None, "lost": None, "currency": "EUR"},
        )
        for name in ("amount", "closes_at", "currency"):
            if brings.get(name) is not None:
                deal[name] = brings[name]
        if activity.kind == "opportunity_opened":
            deal["state"] = "open"
        elif activity.kind == "opportunity_won":
            deal["state"] = "won"
        elif activity.kind == "opportunity_lost":
            deal["state"] = "lost"
            deal["lost"] = now
            self._write(person, {"last_lost_at": now})
        self._write(person, self._counted(person))

    def _counted(self, person: Person) -> dict[str, Any]:
        deals = person.opportunities.values()
        complete = [deal for deal in deals if None not in (deal["amount"], deal["closes_at"])]
        counted = {
            "open_opportunities": sum(deal["state"] == "open" for deal in complete),
            "won_opportunities": sum(deal["state"] == "won" for deal in deals),
        }
        if self.model["money"]:
            rates = {"EUR": 1.0} | self.model["money"]
            for state, among in (("open", complete), ("won", deals)):
                counted[f"{state}_amount"] = sum(
                    deal["amount"] * rates[deal["currency"]]
                    for deal in among
                    if deal["state"] == state and deal["amount"] and deal["currency"] in rates
                )
        return counted

    def _score(self, person: Person, activity: Activity, now: int) -> None:
        """Behaviour: points at an activity, within the cap of a period [S18]."""
        if activity.kind in ("created", "processed"):
            return
        scene = self._scene(person, now, activity.brings)
        changes: dict[str, Any] = {}
        total = 0
        for rule in self.model["scoring"]:
            if rule["on"] == activity.kind and holds(rule["when"], scene):
                points = effect_value(rule["points"], scene)
                if points > 0:
                    changes["scored_at"] = now
                total += self._capped(person, rule, points, now)
        changes["behavior_score"] = person.fields["behavior_score"] + total
        self._write(person, changes)

    def _capped(self, person: Person, rule: dict[str, Any], points: int, now: int) -> int:
        cap = rule["cap"]
        if cap is None:
            return points
        key = (rule["name"], _period(rule["per"], now))
        given = person.given.get(key, 0)
        if points > 0:
            points = max(0, min(points, cap - given))
        else:
            points = min(0, max(points, -cap - given))
        person.given[key] = given + points
        return points

    # -------------------------------------------------------------- fields

    def _scene(self, person: Person, now: int, brings: dict[str, Any] | None = None) -> Scene:
        seen = person.fields | {
            "stage": person.visit.stage,
            "stage_entered_at": person.visit.entered,
            "journey": person.visit.journey,
            "journey_started_at": person.visit.journey_started,
        }
        return Scene(seen, self.model["tokens"], self.model["guards"], now, brings or {})

    def _times(self, person: Person) -> dict[str, int | None]:
        """Every time that a guard may read."""
        visit = person.visit
        times = {"stage_entered_at": visit.entered, "journey_started_at": visit.journey_started}
        return times | {
            name: person.fields[name]
            for name, declared in self.types.items()
            if declared["type"] == "datetime"
        }

    def _holds(
        self, guard: Node, person: Person, now: int, brings: dict[str, Any] | None = None
    ) -> bool:
        return holds(guard, self._scene(person, now, brings))

    def _effects(
        self,
        then: dict[str, Node],
        person: Person,
        now: int,
        brings: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The values of effects, all of them from the fields as they were; one whose payload value
        did not come is left out."""
        scene = self._scene(person, now, brings)
        return {
            field: effect_value(value, scene)
            for field, value in then.items()
            if all(scene.brings.get(name) is not None for name in payload_read(value))
        }

    def _write(self, person: Person, changes: dict[str, Any]) -> None:
        """Fields change; numbers are held within their bounds, a text without content is missing,
        and what always has a value is erased to what it starts with [S4]."""
        for name, value in changes.items():
            stored = self._stored(name, value)
            person.fields[name] = self._start(name) if stored is None else stored

    def _inputs(self, person: Person) -> dict[str, Any]:
        return {name: person.fields[name] for name in self.fit_inputs}

    def _fit_anew(self, person: Person, before: dict[str, Any], now: int) -> None:
        """The demographic score again, where one of its inputs has changed [S18]; in processing the
        chain will work it out."""
        if before != self._inputs(person) and not self._in_processing(person):
            self._fit(person, now)

    def _stored(self, name: str, value: Any) -> Any:
        declared = self.types[name]
        if value == "" and self._nullable(name):
            return None
        if declared["type"] == "int" and value is not None:
            return max(declared.get("min", LEAST), min(declared.get("max", GREATEST), value))
        return value

    def _fit_inputs(self) -> set[str]:
        rules = [rule for rule in self.model["scoring"] if rule["on"] is None]
        return {
            name
            for rule in rules
            for node in (rule["when"], rule["points"])
            for name in reads(node, self.model["guards"])
        }

    def _fit(self, person: Person, now: int) -> None:
        """The demographic score: the sum of all rules about what is known that hold [S18]."""
        rules = [rule for rule in self.model["scoring"] if rule["on"] is None]
        if not rules:
            return
        scene = self._scene(person, now)
        points = [
            effect_value(rule["points"], scene) for rule in rules if holds(rule["when"], scene)
        ]
        total = sum(one for one in points if one is not None)
        person.fields["demographic_score"] = self._stored("demographic_score", total)

    # -------------------------------------------------------------- original processing

    def _in_processing(self, person: Person) -> bool:
        return bool(person.visit.stage == self.path[0])

    def _end_processing(
        self,
        person: Person,
        now: int,
        activity: Activity,
        late: bool,
        before: tuple[Any, Any],
    ) -> None:
        """The chain, the sort, the deferred triggers in their order, then run to completion
        [S13]–[S15]."""
        # One that was logged brings what the chain has given.
        if "demographic_score" not in activity.brings:
            self._fit(person, now)
        rule = next(rule for rule in self.model["sort"] if self._holds(rule["when"], person, now))
        self._enter(person, rule | {"on": None, "then": {}}, now, activity, None, late, before)
        deferred = sorted(person.deferred, key=_waiting_order)
        person.deferred = []
        for one, was_late in deferred:
            self._fire_deferred(person, one, was_late, now, before, activity)
        self._run_to_completion(person, now, activity, late, before)
        self._note_conditions(person, now)
        self._aftermath(person, now, activity, [one for one, _ in deferred])

    def _fire_deferred(
        self,
        person: Person,
        one: Activity,
        late: bool,
        now: int,
        before: tuple[Any, Any],
        cause: Activity,
    ) -> None:
        trigger = self._trigger(one)
        if trigger is not None:
            result = self._fire(person, trigger, now, one, late, before, cause)
            self.answers.append((one.person, one.id, result))

    # -------------------------------------------------------------- moves

    def _moves(self, person: Person, trigger: str | None) -> list[dict[str, Any]]:
        """The moves of the stage, by priority, then as written [S8]."""
        ordered = sorted(self.model["moves"], key=lambda move: move["priority"])
        return [
            move for move in ordered if person.visit.stage in move["from"] and move["on"] == trigger
        ]

    def _is_return(self, person: Person, move: dict[str, Any]) -> bool:
        return bool(person.visit.stage not in self.rank and move["to"] in self.rank)

    def _fire(
        self,
        person: Person,
        trigger: str,
        now: int,
        activity: Activity,
        late: bool,
        before: tuple[Any, Any],
        cause: Activity | None = None,
    ) -> str:
        """The process trigger of an activity, once, in the stage found [S7]; ``cause`` is what lets
        it fire now, if that is another activity."""
        moves = self._moves(person, trigger)
        for move in moves:
            if self._holds(move["when"], person, now):
                self._enter(person, move, now, activity, trigger, late, before, cause)
                return "moved"
        return "refused" if moves else "no_such_move"

    def _run_to_completion(
        self,
        person: Person,
        now: int,
        activity: Activity | None,
        late: bool = False,
        before: tuple[Any, Any] | None = None,
    ) -> None:
        before = before or (person.fields["owner"], person.fields["assigned_to"])
        while (move := self._open_move(person, now)) is not None:
            self._enter(person, move, now, activity, None, late, before)

    def _open_move(self, person: Person, now: int) -> dict[str, Any] | None:
        """The first system move that is open. A return is open where its guard holds and has been
        false in this visit; whether it is, is noted here [S9]."""
        self._note_returns(person, now)
        for move in self._moves(person, None):
            waits = self._is_return(person, move) and move["name"] not in person.visit.closed_once
            if not waits and self._holds(move["when"], person, now):
                return move
        return None

    def _note_returns(self, person: Person, now: int) -> None:
        for move in self._moves(person, None):
            if self._is_return(person, move) and not self._holds(move["when"], person, now):
                person.visit.closed_once.add(move["name"])

    def _enter(
        self,
        person: Person,
        move: dict[str, Any],
        now: int,
        activity: Activity | None,
        trigger: str | None,
        late: bool,
        before: tuple[Any, Any],
        cause: Activity | None = None,
    ) -> None:
        """One hop: a visit ends, its effects are written, the next begins, a row is kept."""
        source, target = person.visit.stage, move["to"]
        self._leave(person, now, cause or activity, before)
        effects = self._effects(move["then"], person, now)
        passed: list[str] = []
        if target not in self.rank:
            kind = "detour"
        elif source not in self.rank:
            kind = "return"
        else:
            passed = self.path[self.rank[source] + 1 : self.rank[target]]
            kind = "fast_track" if passed else "step"
        old = person.visit
        person.visit = Visit(
            target, now, old.record, old.journey, old.journey_record, old.journey_started
        )
        if kind == "return":
            person.journeys += 1
            person.visit.journey = person.journeys
            person.visit.journey_started = now
        inputs = self._inputs(person)
        self._write(person, effects)
        self._fit_anew(person, inputs, now)
        for rule in self.model["deadlines"]:
            if rule["stage"] == target:
                start = now if not rule["escalates"] else person.visit.due[rule["escalates"]]
                person.visit.due[rule["name"]] = self._promised(rule, start)
        self._note_returns(person, now)
        self._note_conditions(person, now)
        person.entered.append(target)
        self._row(
            person, activity, now=now, source=source, target=target, kind=kind, rule=move["name"],
            trigger=trigger, late=late, passed=passed, credit=move["skips"] != "no_credit",
        )  # fmt: skip

    def _row(
        self,
        person: Person,
        activity: Activity | None,
        *,
        now: int,
        source: str | None,
        target: str,
        kind: str,
        rule: str,
        trigger: str | None,
        late: bool,
        passed: list[str] | None = None,
        credit: bool = True,
    ) -> None:
        person.history.append(
            {
                "person": person.id,
                "sequence": len(person.history) + 1,
                "at": activity.at if activity else now,
                "now": now,
                "from_stage": source,
                "to_stage": target,
                "kind": kind,
                "rule": rule,
                "trigger": trigger,
                "activity": activity.id if activity else None,
                "journey": person.visit.journey,
                "journey_record": person.visit.journey_record,
                "entered_at": person.visit.entered if target else now,
                "passed_over": passed or [],
                "credit": credit,
                "owner": person.fields["owner"],
                "assigned_to": person.fields["assigned_to"],
                "source": person.fields["source"],
                "late": late,
                "kept": [(name, person.fields[name]) for name in self.model["dimensions"]],
            }
        )

    # -------------------------------------------------------------- deadlines

    def _promised(self, rule: dict[str, Any], start: int) -> int:
        """When a deadline is due: hours count open time, days working days, weeks are weeks on the
        wall and then the next opening [S21]. It is counted minute by minute."""
        after = rule["after"]
        if not rule.get("calendar"):
            return start + (after if isinstance(after, int) else _minutes(after))
        calendar = self.model["calendars"][rule["calendar"]]
        if isinstance(after, int):
            minute, counted = start, 0
            while counted < after:
                counted += _is_open(calendar, minute)
                minute += 1
            return minute
        number, unit = after.split()
        if unit.startswith("week"):
            return _opening(calendar, start + 7 * DAY * int(number))
        minute = _opening(calendar, start)
        for _ in range(int(number)):
            minute += DAY
            while not _is_working_day(calendar, minute):
                minute += DAY
        return _opening(calendar, minute)

    def _note_conditions(self, person: Person, now: int) -> None:
        """Whether the condition of a deadline has ever held in this visit [S21]."""
        person.visit.held |= self._promises(person, now)

    def _decide(
        self,
        person: Person,
        name: str,
        outcome: str,
        now: int,
        before: tuple[Any, Any] | None = None,
    ) -> None:
        owner, assigned = before or (person.fields["owner"], person.fields["assigned_to"])
        fact = {
            "person": person.id,
            "rule": name,
            "stage": person.visit.stage,
            "journey": person.visit.journey,
            "journey_record": person.visit.journey_record,
            "entered_at": person.visit.entered,
            "due_at": person.visit.due[name],
            "outcome": outcome,
            "decided_at": now,
            "owner": owner,
            "assigned_to": assigned,
            "late": False,
        }
        person.visit.decided[name] = fact
        person.facts.append(fact)

    def _leave(
        self, person: Person, now: int, activity: Activity | None, before: tuple[Any, Any]
    ) -> None:
        """Deadlines of the visit that ends: kept, or void where the condition never held; a late
        activity whose own time was in time turns missed into kept [S21]."""
        visit = person.visit
        for rule in self.model["deadlines"]:
            name = rule["name"]
            if name not in visit.due:
                continue
            if name not in visit.decided:
                self._decide(person, name, "kept" if name in visit.held else "void", now, before)
            elif activity is not None:
                self._keep_late(person, name, now, activity, before)

    def _promises(self, person: Person, now: int) -> set[str]:
        """The deadlines of the present visit whose condition holds."""
        return {
            rule["name"]
            for rule in self.model["deadlines"]
            if rule["name"] in person.visit.due and self._holds(rule["when"], person, now)
        }

    def _keep_late(
        self, person: Person, name: str, now: int, activity: Activity, before: tuple[Any, Any]
    ) -> None:
        """A late activity by which the person leaves, or the condition ceases to hold."""
        fact = person.visit.decided.get(name)
        if fact and fact["outcome"] == "missed" and activity.at <= person.visit.due[name]:
            fact |= {"outcome": "kept", "late": True, "decided_at": now}
            fact |= {"owner": before[0], "assigned_to": before[1]}

    # -------------------------------------------------------------- assignment and alerts

    def _aftermath(
        self,
        person: Person,
        now: int,
        activity: Activity | None,
        deferred: list[Activity] | None = None,
    ) -> None:
        """Assignment, then alerts: for the stage entered last and for the activity; what the other
        stages on the way ask for is superseded [S7][S12][S18][S24]."""
        entered, person.entered = person.entered, []
        self._mail(person, now, activity)
        came = [*(deferred or []), *([activity] if activity else [])]
        last = entered[-1] if entered else None
        for one in deferred or []:
            self._assign(person, now, one, None)
        self._assign(person, now, activity, last)
        for stage in entered[:-1]:
            for rule in self.model["alerts"]:
                if stage in rule["entering"] and self._holds(rule["when"], person, now):
                    self._ask(person, rule, now, activity, stage, None, state="superseded")
        for rule in self.model["alerts"]:
            if last in rule["entering"] and self._holds(rule["when"], person, now):
                self._ask(person, rule, now, activity, last, None)
        for one in came:
            for rule in self.model["alerts"]:
                if rule["on"] == one.kind and self._holds(rule["when"], person, now, one.brings):
                    self._ask(person, rule, now, one, None, None)

    def _mail(self, person: Person, now: int, activity: Activity | None) -> None:
        """What marketing mail may do, where that has changed [S12]."""
        mail = self.model["mail"].get(person.visit.stage)
        if mail != person.mail:
            person.mail = mail
            self.requests.append(
                {
                    "person": person.id, "rule": "mail", "channel": "mail", "to": "marketing",
                    "state": "sent", "at": now, "stage": person.visit.stage,
                    "activity": activity.id if activity else None, "due_at": None,
                    "text": mail or "as usual",
                }
            )  # fmt: skip

    def _assign(
        self, person: Person, now: int, activity: Activity | None, stage: str | None
    ) -> None:
        for rule in self.model["assignment"]:
            asked = stage in rule["entering"] or (activity and rule["on"] == activity.kind)
            brings = activity.brings if activity else {}
            if asked and self._holds(rule["when"], person, now, brings):
                who = (
                    self._scene(person, now).person[rule["to"][1]]
                    if (rule["to"][0] == "field")
                    else rule["to"][1]
                )
                if who:
                    person.fields["assigned_to"] = who
                    if stage is not None:  # the row of the entry names whom it assigned
                        person.history[-1]["assigned_to"] = who
                    return

    def _ask(
        self,
        person: Person,
        rule: dict[str, Any],
        now: int,
        activity: Activity | None,
        stage: str | None,
        due: int | None,
        state: str = "sent",
    ) -> None:
        if rule.get("deadline"):
            due = person.visit.due.get(rule["deadline"])
        request = {
            "person": person.id, "rule": rule["name"], "channel": rule["send"], "stage": stage,
            "activity": activity.id if activity else None, "due_at": due,
        }  # fmt: skip
        if state == "sent" and rule["links_to_crm"] and person.fields["crm_synced_at"] is None:
            state = "held"
            visit = (person.visit.stage, person.visit.entered) if stage else None
            person.waiting.append({"rule": rule, "request": request, "visit": visit})
        self._tell(person, rule, request, state, now)

    def _tell(
        self,
        person: Person,
        rule: dict[str, Any],
        request: dict[str, Any],
        state: str,
        now: int,
        stage: str | None = None,
    ) -> None:
        to = next(
            (
                who
                for kind, name in rule["to"]
                if (who := person.fields[name] if kind == "field" else name)
            ),
            None,
        )
        # Who is merged into another is in no stage any more.
        place = person.visit.stage if stage is None else stage
        words = f"{person.id} {place or 'unknown'} {person.fields['level']}"
        self.requests.append(request | {"to": to, "state": state, "at": now, "text": words})

    def _let_go(self, person: Person, now: int) -> None:
        """The CRM has acknowledged the person: what waits goes out in the words of now, or is
        superseded where its visit is over [S24]."""
        waiting, person.waiting = person.waiting, []
        for one in waiting:
            here = one["visit"] in (None, (person.visit.stage, person.visit.entered))
            self._tell(
                person, one["rule"], one["request"], "released" if here else "superseded", now
            )

    # -------------------------------------------------------------- questions

    def first_change(self, id: str) -> int | None:
        """When time alone changes the person next, within some days; no step runs for this."""
        world = deepcopy(self)
        person = world.person(id)
        assert person is not None
        before, until = person.clock, person.clock[0] + 20 * DAY
        position = person.clock
        while person.clock == before and (instant := world._next(person, position)) is not None:
            if instant > until:
                return None
            position = (instant, 1)
            world.advance(person, (instant, 2))
        return None if person.clock == before else person.clock[0]

    def answer(self, id: str, trigger: str | None, at: int) -> dict[str, bool] | None:
        """Which moves of a trigger, or which system moves, are open at that instant: after all that
        is due before it, and not at it; below the clock, at the clock [S20]. Nothing is known of
        who is still in processing: no step runs for a question."""
        world = deepcopy(self)
        person = world.person(id)
        assert person is not None
        if self._in_processing(person):
            return None
        if (at, 0) >= person.clock:
            world.advance(person, (at, 0))
        now = max(at, person.clock[0])
        world._note_returns(person, now)
        return {
            move["name"]: world._holds(move["when"], person, now)
            and not (
                trigger is None
                and world._is_return(person, move)
                and move["name"] not in person.visit.closed_once
            )
            for move in world._moves(person, trigger)
        }

    # -------------------------------------------------------------- two records of one person

    def _merge(self, person: Person, activity: Activity, loser: str) -> dict[str, Any]:
        """All of one person, at the latest of its time and the clocks [S23]; then the activity,
        a merge or a conversion, goes the way of every other [S7]."""
        rows = len(person.history)
        other = self.person(loser)
        assert other is not None, "it was held otherwise"
        clock = max(person.clock, other.clock, (activity.at, 0))
        self.advance(person, clock)
        self.advance(other, clock)
        person.clock = clock
        now = clock[0]
        late = (activity.at, 0) < clock
        rows = len(person.history)
        winner, yielder = sorted([person, other], key=self._standing)
        before, promised = person.visit.stage, self._promises(winner, now)
        owners = (winner.fields["owner"], winner.fields["assigned_to"])
        self._close(other, activity, now, late)
        self._hand_over(other, person, now, taken=winner is other)
        self._merge_fields(person, winner, yielder)
        person.visit = winner.visit
        person.journeys = max(person.journeys, other.journeys)
        for key, points in other.given.items():
            person.given[key] = person.given.get(key, 0) + points
        person.deferred = person.deferred + other.deferred
        ends = [one.settles for one in (person, other) if one.settles is not None]
        person.settles = min(ends, default=None)
        self.folded[other.id] = person.id
        self._row(
            person, activity, now=now, source=before, target=person.visit.stage, kind="merge",
            rule="merged", trigger=None, late=late,
        )  # fmt: skip
        self._data(person, activity, now)
        self._score(person, activity, now)
        self._fit(person, now)
        result: str | None = None
        trigger = self._trigger(activity)
        if self._in_processing(person):
            if trigger is not None:
                person.deferred.append((activity, late))
                result = "deferred"
        else:
            # By event, as all that waited; the decision of the merge answers its own trigger [S10].
            waiting = sorted([*person.deferred, (activity, late)], key=_waiting_order)
            others = [one for one, _ in waiting if one is not activity]
            person.deferred = []
            theirs = 0
            for one, was_late in waiting:
                if one is not activity:
                    # It comes now because of the merge, which may be late itself [S21].
                    hops = len(person.history)
                    self._fire_deferred(person, one, was_late, now, owners, activity)
                    theirs += len(person.history) - hops
                elif trigger is not None:
                    result = self._fire(person, trigger, now, activity, late, owners)
            self._run_to_completion(person, now, activity, late, owners)
            self._note_conditions(person, now)
            for name in promised - self._promises(person, now):
                self._keep_late(person, name, now, activity, owners)
            self._aftermath(person, now, activity, others)
            row = person.history[rows]
            if len(person.history) > rows + 1 + theirs or row["from_stage"] != row["to_stage"]:
                result = "moved"
        again, self.again = self.again, []
        if person.fields["crm_synced_at"] is not None:
            self._let_go(person, now)
        else:
            for waits in again:
                self._tell(person, waits["rule"], waits["request"], "held", now)
        made = person.history[rows:]
        return {"result": result or "unchanged", "rows": made, "stage": person.visit.stage}

    def _standing(self, person: Person) -> tuple[Any, ...]:
        """The winning visit is the least: highest rank, path before detour but for detours that the
        model names, processing last; then the older entry, then the smaller record id."""
        visit = person.visit
        if visit.stage in self.model["winning"]:
            place = -1_000
        elif visit.stage == self.path[0]:
            place = 1_000
        else:
            place = -self.rank.get(visit.stage, 0)
        return place, visit.entered, natural(visit.record)

    def _close(self, loser: Person, activity: Activity, now: int, late: bool) -> None:
        self._row(
            loser, activity, now=now, source=loser.visit.stage, target="", kind="merge",
            rule="merged", trigger=None, late=late,
        )  # fmt: skip

    def _hand_over(self, loser: Person, survivor: Person, now: int, *, taken: bool) -> None:
        """What waits for the CRM's record of the loser waits for that of the survivor, if an
        activity asked for it, or the entry of the visit that goes on [S23]."""
        if taken:  # what the entry of the survivor's own visit asked for, which ends
            ends = (survivor.visit.stage, survivor.visit.entered)
            waiting, survivor.waiting = survivor.waiting, []
            for one in waiting:
                if one["visit"] != ends:
                    survivor.waiting.append(one)
                else:
                    self._tell(survivor, one["rule"], one["request"], "superseded", now)
        waiting, loser.waiting = loser.waiting, []
        visit = (loser.visit.stage, loser.visit.entered)
        for one in waiting:
            self._tell(loser, one["rule"], one["request"], "superseded", now, stage="")
            if one["visit"] is None or (taken and one["visit"] == visit):
                survivor.waiting.append(one | {"request": one["request"] | {"person": survivor.id}})
                self.again.append(survivor.waiting[-1])

    def _merge_fields(self, person: Person, winner: Person, yielder: Person) -> None:
        rules = MERGING | self.model["merging"]
        merged: dict[str, Any] = {}
        for name in self.types:
            one, other = winner.fields[name], yielder.fields[name]
            if one is None or other is None:
                merged[name] = other if one is None else one
                continue
            match rules.get(name, "survivor"):
                case "max":
                    merged[name] = max(one, other)
                case "min":
                    merged[name] = min(one, other)
                case "sum":
                    merged[name] = one + other
                case "survivor":
                    merged[name] = one
                case "loser":
                    merged[name] = other
        person.opportunities = yielder.opportunities | winner.opportunities
        self._write(person, merged | self._counted(person))


def _waiting_order(pair: tuple[Activity, bool]) -> tuple[Any, ...]:
    """By event, and what is equal in all of it by record, whoever survives [S19][S23]."""
    return *pair[0].order, natural(pair[0].person)


def _minutes(length: str) -> int:
    number, unit = length.split()
    return int(number) * {"day": DAY, "week": 7 * DAY}[unit.rstrip("s")]


def _is_working_day(calendar: dict[str, Any], minute: int) -> bool:
    day = minute // DAY
    name = as_time(minute).strftime("%a").lower()
    return name in calendar["days"] and day not in calendar["closed"]


def _is_open(calendar: dict[str, Any], minute: int) -> bool:
    """Whether the minute that begins then is open."""
    opens, closes = calendar["hours"]
    return _is_working_day(calendar, minute) and opens <= minute % DAY < closes


def _opening(calendar: dict[str, Any], minute: int) -> int:
    """The instant itself, or the next at which it opens."""
    while not _is_open(calendar, minute):
        minute += 1
    return minute


def _period(per: str | None, now: int) -> Any:
    """The day, the week from Monday, the month or the year in UTC; without one for ever."""
    at = as_time(now)
    match per:
        case "day":
            return at.date()
        case "week":
            return at.isocalendar()[:2]
        case "month":
            return at.year, at.month
        case "year":
            return at.year
    return None
