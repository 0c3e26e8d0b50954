"""A crowd of people who are busy all at once, and the serial run that a store has to equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from random import Random
from typing import Any
from zlib import crc32

import attrs
from sqlalchemy import Engine as Database
from sqlalchemy import select

from lifecycle_fsm import Activity, Context, DataRule, Engine, Lifecycle, Person, load, step
from lifecycle_fsm.fields import FieldDef, FieldType
from lifecycle_fsm.requests import Request
from lifecycle_fsm.store import Store
from lifecycle_fsm.store.processing import Processing
from lifecycle_fsm.store.tables import ACTIVITY, PERSON, REQUEST
from tests.store.test_exactness import text

START = datetime.fromisoformat("2024-05-01T09:00:00Z")
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
#: By then everything has happened that an activity can bring about.
UNTIL = START + 400 * DAY
#: Raises for a person whose ``big`` is as large as a number can be.
TOO_LARGE = {"big": "big * 10.0"}
HUGE = 1e308
#: What comes of an activity that is accepted when it comes first.
ACCEPTED = {"moved", "unchanged", "refused", "no_such_move", "deferred", "held", "parked"}
Key = tuple[str, str]


@step(number=25, writes="employees", on_failure="park", attempts=2)
def register(person: Person, context: Context) -> Mapping[str, Any]:
    """Fail at times: for some people always, for the others by the instant of the attempt."""
    attempt = f"{person.id}@{context.now:%Y-%m-%dT%H:%M:%S.%f}"
    if crc32(person.id.encode()) % 16 == 0 or crc32(attempt.encode()) % 3 == 0:
        raise ConnectionError("the register does not answer")
    return {"employees": crc32(person.id.encode()) % 100}


@cache
def engine() -> Engine:
    """The shipped model with a step that fails at times, and with activities that do."""
    model = load("waterfall")
    rules = [
        DataRule(name=f"too_large_{kind}", on=kind, when="big is known", then=TOO_LARGE)
        for kind in ("created", "score_given")
    ]
    big = FieldDef("big", FieldType("float", nullable=True))
    crowded = attrs.evolve(
        model,
        fields=(*model.fields, big),
        data=(*model.data, *rules),
    )
    return Engine(crowded, steps=[register])


def is_expected(person: str) -> bool:
    """Whether the end of this record's original processing is in its log [S14]."""
    return crc32(person.encode()) % 4 == 0


def open_store(address: str | Database, people: Iterable[str]) -> Store:
    """A store that knows whose log tells when original processing ended."""
    store = Store(engine(), address)
    store.expect_processed(name for name in people if is_expected(name))
    return store


def new_process(work: Callable[[], None]) -> BaseProcess:
    """A process for some work, with nothing in it of this process: no connection, and no lock."""
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context.Process(target=work)


# ------------------------------------------------------------------ what happens

#: Kinds with what they may bring.
KINDS: tuple[tuple[str, tuple[Mapping[str, Any], ...]], ...] = (
    ("form_filled", ({"form": "Hand-Raise: Demo"}, {"form": "Paper"})),
    ("web_visit", ({"page": "/pricing"}, {"page": "/careers"})),
    ("email_clicked", ({},)),
    ("score_given", ({"points": 40}, {"points": -20})),
    ("changed", ({"big": HUGE}, {"big": 1.0}, {"seniority": "director"}, {"role": "legal"})),
    ("owner_changed", ({"owner": "sdr.north"}, {"owner": "somebody"})),
    ("sales_touched", ({},)),
    ("crm_synced", ({},)),
    ("lead_status_changed", ({"status": "rejected", "reason": "no_time"},)),
    ("opportunity_opened", ({"opportunity": "o", "amount": 5.0, "closes_at": "2024-09-01"},)),
    ("opportunity_lost", ({"opportunity": "o"},)),
    ("opportunity_won", ({"opportunity": "o"},)),
    ("unsubscribed", ({},)),
)


@attrs.frozen
class Crowd:
    """``size`` hot people, and everything that happens to them, in any order.

    A third of them is created late; records are merged, both ways, and converted, also into
    somebody who is there; activities come to contacts, and come again.
    """

    seed: str
    size: int

    @property
    def people(self) -> list[str]:
        """The ids of the records."""
        return [f"{self.seed}-{number}" for number in range(self.size)]

    @property
    def expected(self) -> list[str]:
        """Those whose log tells when original processing ended."""
        return [*filter(is_expected, self.people)]

    def activities(self) -> list[Activity]:
        """Everything, each of it once for its record."""
        random, names = Random(self.seed), self.people
        log: list[Activity] = []
        late: list[Activity] = []
        for number, name in enumerate(names):
            created = START + number * timedelta(minutes=1)
            fields: dict[str, Any] = {"email": f"a{number}@acme{number % 7}.example"}
            if number % 40 == 17:
                fields["big"] = HUGE
            lot = late if number % 3 == 0 else log
            lot.append(Activity("c", name, "created", created, fields))
            for place in range(8):
                kind, payloads = random.choice(KINDS)
                at = created + random.randrange(2000) * HOUR
                log.append(Activity(f"e{place}", name, kind, at, random.choice(payloads)))
        for number in range(self.size // 5):
            survivor, loser = random.sample(names, 2)
            at = START + random.randrange(2000) * HOUR
            log.append(Activity(f"m{number}", survivor, "merged", at, {"loser": loser}))
            if number % 2:
                log.append(Activity(f"n{number}", loser, "merged", at, {"loser": survivor}))
            contact = random.choice(names) if number % 3 == 0 else f"{self.seed}-contact-{number}"
            converted = random.choice(names)
            log.append(Activity(f"v{number}", converted, "converted", at, {"contact": contact}))
            log.append(
                Activity(f"w{number}", contact, "web_visit", at + HOUR, {"page": "/pricing"})
            )
        random.shuffle(log)
        return [*log, *late]

    def again(self) -> list[Activity]:
        """A fifth of it once more: some to another record, as a CRM does that merges them."""
        random, log = Random(f"{self.seed} again"), self.activities()
        again = random.sample(log, len(log) // 5)
        plain = [each for each in again if each.kind in ("form_filled", "sales_touched")]
        echoes = [attrs.evolve(each, person=random.choice(self.people)) for each in plain[::3]]
        return again + [attrs.evolve(each, id=f"{each.id} of {each.person}") for each in echoes]

    def clashing(self) -> list[Activity]:
        """Activities whose ids are used twice, for what is not the same."""
        random = Random(f"{self.seed} clashing")
        some = random.sample(self.activities(), self.size // 3)
        return [attrs.evolve(each, at=each.at + SECOND) for each in some]


# ------------------------------------------------------------------ the end


def settle_down(store: Store) -> None:
    """Let everything happen that is due, processed or parked."""
    worker = Processing(store, clock=lambda: UNTIL)
    for _ in range(3):
        store.tick(UNTIL)
        store.retry(UNTIL)
        worker.retry()
        while worker.run_once():
            pass


def check_against_serial_run(store: Store) -> Lifecycle:
    """See that a store is where a ``Lifecycle`` is that had its log, one by one, and then what is
    held or parked."""
    with store.database.reading() as connection:
        stopped = select(ACTIVITY.c.activity).where(ACTIVITY.c.status != "applied")
        left = [Activity.load(saved) for saved in connection.scalars(stopped)]
        outbox = {row.id: row for row in connection.execute(select(REQUEST))}
        due = select(PERSON.c.id).where(PERSON.c.due_at <= UNTIL)
        assert connection.scalars(due).all() == []
    requests: dict[str, Request] = {}
    log: list[Activity] = []
    serial = Lifecycle(
        engine(),
        record=lambda made: requests.update((asked.id, asked) for asked in made.requests),
        log=log.append,
    )
    applied = store.log
    serial.expect_processed(filter(is_expected, {each.person for each in applied}))
    serial.replay(applied)
    serial.tick(UNTIL)
    for activity in left:
        serial.apply(activity)
    serial.retry(UNTIL)
    assert {*store.history} == {*serial.history}
    assert {*store.deadlines} == {*serial.deadlines}
    assert Counter(map(text, applied)) == Counter(map(text, log))
    for person in serial:
        kept = store.lifecycle(person.id)
        assert _in_order(kept.dump(person.id)) == _in_order(serial.dump(person.id))
        assert kept.person(person.id).history == person.history
    assert _held(store.held) == _held(serial.held)
    assert _parked(store) == _parked(serial)
    assert {name: _facts(row) for name, row in outbox.items()} == {
        name: (asked.state, asked.person, asked.channel, asked.to, asked.text, asked.at)
        for name, asked in requests.items()
    }
    return serial


def _in_order(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state in which what is parked is not in the order in which it was tried."""
    return {**state, "parked": sorted(map(repr, state.get("parked", ())))}


def _held(held: Mapping[str, Iterable[Activity]]) -> dict[str, Counter[str]]:
    return {name: Counter(map(text, activities)) for name, activities in held.items()}


def _parked(book: Store | Lifecycle) -> Counter[str]:
    return Counter(repr(each) for lot in book.parked.values() for each in lot)


def _facts(row: Any) -> tuple[Any, ...]:
    return row.state, row.person, row.channel, row.receiver, row.text, row.at


def stored_keys(store: Store) -> dict[Key, Activity]:
    """Every activity that a store has, applied or stopped."""
    with store.database.reading() as connection:
        rows = connection.scalars(select(ACTIVITY.c.activity))
        activities = [Activity.load(saved) for saved in rows]
    return {(each.person, each.id): each for each in activities}
