"""Lifecycles nobody would write, people who do anything: generated models and logs with all that a
model can agree: decay, caps, deadlines with calendars, assignment, alerts, mail, merges."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import strategies as st

from lifecycle_fsm import (
    Activity,
    DataRule,
    Decision,
    Lifecycle,
    Model,
    Move,
    ScoreRule,
    Stage,
    dumps,
)
from lifecycle_fsm.model import (
    AlertRule,
    AssignmentRule,
    Calendar,
    Channel,
    Deadline,
    Decay,
)
from lifecycle_fsm.model.moves import Mail
from lifecycle_fsm.requests import Request
from lifecycle_fsm.tables import by_event
from tests.machine.small import (
    DAY,
    DETOURS,
    HOUR,
    MINUTE,
    PATH,
    SECOND,
    SORT,
    STEP_040,
    T,
    slots,
    small,
)

END = T + 150 * DAY
STAGES = (*PATH[1:], *DETOURS)
MICRO = timedelta(microseconds=1)

# ------------------------------------------------------------------ models

SELDOM = {"mon": "08:00-20:00", "thu": "09:00-10:00"}
CALENDARS = (
    Calendar(name="office", zone="Europe/Berlin", hours="09:00-12:00, 13:00-17:00"),
    Calendar(name="abroad", zone="America/New_York", hours=SELDOM),
)
#: Conditions of moves; some are opened by time, some by decay, some by what people do.
GUARDS = st.sampled_from(
    [
        "always",
        "ready",
        "not ready",
        "level >= 2",
        "level < 0",
        "behavior_score >= 20",
        "behavior_score < 5",
        "owner is known",
        "open_opportunities >= 1",
        "open_opportunities == 0 and last_lost_at >= journey_started_at",
        "won_opportunities >= 1",
        "sales_touched_at >= journey_started_at",
        "days in stage >= 1",
        "days in stage >= 2 and ready",
        "days in stage >= 14",
        "days in stage >= 30",
        "days in stage == 7 and ready",
        "days since scored_at >= 10",
        "days since created_at > 40 and level >= 1",
    ]
)
#: Conditions of what reads no stage.
PLAIN = st.sampled_from(
    ["always", "ready", "level >= 1", "behavior_score >= 1", "owner is known", "not ready"]
)
#: And of what is asked where time alone may change the answer.
TURNING = st.sampled_from(
    ["days since created_at < 3", "days in stage >= 1 and ready", "hours in stage >= 2"]
)
THEN: st.SearchStrategy[Mapping[str, object]] = st.sampled_from(
    [
        {},
        {"ready": False},
        {"level": "level - 1"},
        {"level": "level + 1", "ready": True},
        {"behavior_score": "min(behavior_score * 0.5, 10)"},
        {"hand_raised_at": "now"},
    ]
)
FADES: st.SearchStrategy[Mapping[str, object]] = st.sampled_from(
    [
        {"behavior_score": "behavior_score * 0.5"},
        {"level": "level - 1"},
        {"ready": False},
        {"behavior_score": "behavior_score - 3", "level": "0"},
    ]
)
TRIGGERS = ("go", "off", "again", "sales_touched", "merged")
LENGTHS: st.SearchStrategy[Any] = st.sampled_from(
    [MINUTE, HOUR, 4 * HOUR, "24 hours", 3 * DAY + HOUR, "1 day", "2 days", "1 week", "30 days"]
)
CHANNELS: st.SearchStrategy[Channel] = st.sampled_from(
    ("task", "email", "list_add", "webhook", "crm_sync")
)
MAILS: st.SearchStrategy[Mail | None] = st.sampled_from(
    (None, None, "nurture", "paused", "suspended")
)


@st.composite
def _move(draw: st.DrawFn, name: str) -> Move:
    source = draw(st.sampled_from(STAGES))
    ahead = [one for one in STAGES if one != source]
    if source in PATH:
        ahead = [*PATH[PATH.index(source) + 1 :], *DETOURS]
    target = draw(st.sampled_from(ahead))
    skips = source in PATH and target in PATH and PATH.index(target) > PATH.index(source) + 1
    # System moves lead from x to y only: a circle of detours does not build [S6].
    by_system = (None, None) if (source, target) != ("y", "x") else ()
    return Move(
        name=name,
        sources=source,
        target=target,
        on=draw(st.sampled_from([*by_system, *TRIGGERS])),
        when=draw(GUARDS),
        then=draw(THEN),
        skips=draw(st.sampled_from(["passed_over", "no_credit"])) if skips else None,
        priority=draw(st.integers(-1, 1)),
    )


@st.composite
def _scoring(draw: st.DrawFn, name: str) -> ScoreRule:
    cap = draw(st.sampled_from([None, 1, 12, 30]))
    return ScoreRule(
        name=name,
        on=draw(st.sampled_from(["web_visit", "form_filled", "go", "merged"])),
        when=draw(PLAIN),
        points=draw(st.sampled_from([5, 10, -10, "$visit", "level * 3"])),
        cap=cap,
        per=None if cap is None else draw(st.sampled_from([None, "day", "week", "month", "year"])),
    )


@st.composite
def _decay(draw: st.DrawFn, name: str) -> Decay:
    return Decay(
        name=name,
        every=draw(st.sampled_from([HOUR * 36, 5 * DAY, 7 * DAY, 30 * DAY])),
        since=draw(st.sampled_from(["scored_at", "created_at", "hand_raised_at"])),
        when=draw(
            st.one_of(
                PLAIN, st.sampled_from(["days since created_at >= 20", "assigned_to is known"])
            )
        ),
        then=draw(FADES),
    )


def _asks(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "to": draw(st.sampled_from([("'desk'",), ("owner", "'desk'"), ("assigned_to", "$boss")])),
        "text": draw(st.sampled_from(["", "{id} at {stage}: {level}, {company}"])),
        "include": draw(st.sampled_from([(), ("level", "behavior_score")])),
        "links_to_crm": draw(st.booleans()),
    }


@st.composite
def _deadline(draw: st.DrawFn, name: str, others: Sequence[Deadline]) -> Deadline:
    before = draw(st.sampled_from([None, *others]))
    send = draw(st.one_of(st.none(), CHANNELS))
    return Deadline(
        name=name,
        stage=before.stage if before else draw(st.sampled_from(STAGES)),
        after=draw(LENGTHS),
        calendar=draw(st.sampled_from(["", "office", "abroad"])),
        when=draw(st.one_of(st.just("always"), PLAIN, TURNING)),
        escalates=before.name if before else "",
        send=send,
        **(_asks(draw) if send else {}),
    )


def _occasion(draw: st.DrawFn) -> dict[str, Any]:
    if draw(st.booleans()):
        stages = st.lists(st.sampled_from(STAGES), min_size=1, max_size=3, unique=True)
        return {"entering": tuple(draw(stages))}
    kinds = ["web_visit", "go", "off", "changed", "created", "processed", "merged"]
    return {"on": draw(st.sampled_from(kinds))}


@st.composite
def _assignment(draw: st.DrawFn, name: str) -> AssignmentRule:
    asks = _asks(draw)
    asks["to"] = draw(st.sampled_from(["'ada'", "owner", "$team", "$boss", "assigned_to"]))
    return AssignmentRule(name=name, when=draw(PLAIN), **_occasion(draw), **asks)


@st.composite
def _alert(draw: st.DrawFn, name: str) -> AlertRule:
    return AlertRule(
        name=name, when=draw(PLAIN), send=draw(CHANNELS), **_occasion(draw), **_asks(draw)
    )


def _several(
    draw: st.DrawFn, one: Callable[..., st.SearchStrategy[Any]], prefix: str, most: int
) -> tuple[Any, ...]:
    return tuple(draw(one(f"{prefix}{n}")) for n in range(draw(st.integers(most // 3, most))))


@st.composite
def models(draw: st.DrawFn) -> Model:
    """A small lifecycle of which every part is drawn."""
    deadlines: list[Deadline] = []
    for number in range(draw(st.integers(0, 4))):
        deadlines.append(draw(_deadline(f"late{number}", deadlines)))
    rules = st.sampled_from(["max", "min", "sum", "survivor", "loser"])
    return small(
        *(draw(_move(f"move{n}")) for n in range(draw(st.integers(2, 9)))),
        # So that every kind of activity is known, and most people get somewhere.
        Move(name="goes", sources="a", target="b", on="go"),
        Move(name="leaves", sources=("b", "c"), target="x", on="off"),
        Move(name="returns", sources="x", target="b", on="again"),
        stages=(
            *(Stage(name, mail=draw(MAILS) if name != "new" else None) for name in PATH),
            *(Stage(name, off_path=True, mail=draw(MAILS)) for name in DETOURS),
        ),
        sort=SORT,
        tokens={"visit": 7, "boss": "grace", "team": ("ada", "bob", "eve")},
        data=draw(
            st.sampled_from(
                [(), (DataRule(name="seen", on="web_visit", then={"level": "level + 1"}),)]
            )
        ),
        scoring=(
            *_several(draw, _scoring, "points", 3),
            *draw(st.sampled_from([(), (ScoreRule(name="fit", when="level >= 1", points=10),)])),
        ),
        decay=_several(draw, _decay, "decay", 2),
        calendars=CALENDARS,
        deadlines=tuple(deadlines),
        assignment=_several(draw, _assignment, "rep", 3),
        alerts=_several(draw, _alert, "alert", 4),
        merging={name: draw(rules) for name in ("level", "behavior_score")},
        winning_detours=draw(st.sampled_from([(), ("x",), ("x", "y")])),
        processing=STEP_040,
        dimensions=draw(st.sampled_from([(), ("country",), ("country", "level")])),
        settle=draw(st.sampled_from([0 * SECOND, MINUTE, 5 * HOUR])),
    )


# ------------------------------------------------------------------ logs

KINDS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "go": [{}],
    "off": [{}, {"reason": "no"}],
    "again": [{}],
    "web_visit": [{}, {"page": "/pricing"}],
    "form_filled": [{"form": "News"}],
    "sales_touched": [{}],
    "owner_changed": [{"owner": "ada"}, {"owner": ""}],
    "score_given": [{"points": 25}, {"points": -40}],
    "crm_synced": [{}],
    "changed": [
        {"ready": True},
        {"ready": False},
        {"level": 3},
        {"level": -1},
        {"company": "Acme"},
        {"hand_raised_at": T},
    ],
    "opportunity_opened": [
        {"opportunity": "o", "amount": 5, "closes_at": END},
        {"opportunity": "u", "amount": 5, "closes_at": END},
    ],
    "opportunity_lost": [{"opportunity": "o"}],
    "opportunity_won": [{"opportunity": "u"}],
}
#: What leads somewhere comes more often.
OFTEN = (*sorted(KINDS), "go", "off", "again", "crm_synced", "web_visit", "changed", "changed")
CREATED: Sequence[Mapping[str, Any]] = [
    {},
    {"ready": True, "country": "DE"},
    {"start": "b", "level": 2},
    {"start": "x", "company": "Bolt"},
    {"crm_synced_at": T, "scored_at": T, "behavior_score": 30},
]
#: Close together, at one instant, whole days and whole weeks, so that things fall together.
GAPS = st.sampled_from([0 * SECOND, SECOND, MINUTE, HOUR, DAY, 7 * DAY, 36 * HOUR, 30 * DAY])


class Given(NamedTuple):
    """A model, and what happens, in the order of events and without lateness."""

    model: Model
    log: list[Activity]

    def __repr__(self) -> str:
        """What a failing example is read by."""
        lines = [f"{one.person} {one.at - T} {one.kind} {one.id} {one.payload}" for one in self.log]
        return "\n".join(["", dumps(self.model), *lines])


@st.composite
def lives(draw: st.DrawFn, *, persons: int = 3, merges: bool = True) -> Given:
    """A generated model and a log of some people; ids are unique for a person only."""
    names = "pqr"[: draw(st.integers(1, persons))]
    found: list[Activity] = []
    for name in names:
        at = T + draw(GAPS)
        found.append(Activity("created", name, "created", at, dict(draw(st.sampled_from(CREATED)))))
        for number in range(draw(st.integers(0, 10))):
            at += draw(GAPS)
            if merges and len(names) > 1 and draw(st.integers(0, 7)) == 5:
                kind, payload = "merged", {"loser": draw(st.sampled_from(names))}
            else:
                kind = draw(st.sampled_from(OFTEN))
                payload = dict(draw(st.sampled_from(KINDS[kind])))
            found.append(Activity(f"{number:02}", name, kind, at, payload))
    return Given(draw(models()), by_event(found))


# ------------------------------------------------------------------ runs


class Run:
    """One run of a log, with everything that came of it."""

    def __init__(self, model: Model, log: Iterable[Activity] = (), until: datetime = END) -> None:
        self.decisions: list[Decision] = []
        #: Where each decision has left its person.
        self.stages: list[str] = []
        self.kept: list[Activity] = []
        self.model = model
        self.lifecycle = Lifecycle(model, record=self._record, log=self.kept.append)
        self.engine = self.lifecycle._orchestrator
        for activity in log:
            self.lifecycle.apply(activity)
        if log:
            self.lifecycle.tick(until)

    def _record(self, decision: Decision) -> None:
        person = self.engine.people.get(decision.person)
        self.decisions.append(decision)
        self.stages.append(person.stage if person else "")

    @property
    def people(self) -> dict[str, Any]:
        """Everybody who was created, also those who were merged into others."""
        return self.engine.people

    @property
    def requests(self) -> list[Request]:
        """Everything that was asked for, in the order of the decisions."""
        return [request for decision in self.decisions for request in decision.requests]

    def asked(self) -> list[tuple[str, str, datetime, str | None, str]]:
        """The same, to be compared with that of another run."""
        return sorted((one.id, one.state, one.at, one.to, one.text) for one in self.requests)

    def told(self) -> dict[str, list[Any]]:
        """The history of everybody."""
        return {name: list(person.history) for name, person in sorted(self.people.items())}

    def everything(self) -> dict[str, Any]:
        """All that is kept of everybody; of what was seen, how much, in whatever order."""
        return {
            name: {**slots(person), "_seen": len(person._seen)}
            for name, person in sorted(self.people.items())
        }

    def decided(self) -> dict[str, list[Decision]]:
        """The decisions about everybody, but for those that left no trace in the log."""
        found: dict[str, list[Decision]] = {name: [] for name in sorted(self.people)}
        for one in self.decisions:
            if one.result not in ("held", "duplicate", "rejected"):
                found[one.person].append(one)
        return found

    def logged(self) -> dict[str, list[Activity]]:
        """What the log keeps of everybody, time that passed too."""
        return {
            name: [one for one in self.kept if one.person == name] for name in sorted(self.people)
        }


def differences(one: Run, other: Run) -> dict[str, tuple[Any, Any]]:
    """What is not the same of everybody, by person and name, to be read where a test fails."""
    ours, theirs = one.everything(), other.everything()
    assert ours.keys() == theirs.keys()
    return {
        f"{person}.{name}": (value, theirs[person][name])
        for person, held in ours.items()
        for name, value in held.items()
        if value != theirs[person][name]
    }
