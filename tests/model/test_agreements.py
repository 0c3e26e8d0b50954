"""What a model agrees beside its moves: read, written, compared, refused with its place [S5]."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from lifecycle_fsm import Model, ModelError, loads
from lifecycle_fsm.guard import Const, Field, Token
from lifecycle_fsm.model import (
    AlertRule,
    AssignmentRule,
    Calendar,
    Deadline,
    Decay,
    Length,
    ScoreRule,
    dumps,
    to_plain,
)

BASE = """
name = "x"
dimensions = ["country", "sourced_by"]
[tokens]
team = ["ada", "bob"]
desk = "desk"
limit = 30
[guards]
silent = "days since sales_touched_at >= $limit"
[calendars.office]
zone = "Europe/Berlin"
hours = "09:00-17:00"
closed = ["2026-12-24"]
[merging]
behavior_score = "sum"
winning_detours = ["lost"]
[[stages]]
name = "new"
[[stages]]
name = "mql"
playbook = "call within the day"
[[stages]]
name = "sal"
[[stages]]
name = "lost"
off_path = true
[[stages]]
name = "gone"
off_path = true
[[sort]]
name = "all"
when = "otherwise"
to = "mql"
[[moves]]
from = "mql"
to = "sal"
on = "accept"
[[scoring]]
name = "visit"
on = "web_visit"
points = 2
cap = 10
per = "day"
[[decay]]
name = "fade"
every = "30 days"
when = "behavior_score > 0"
then = { behavior_score = "behavior_score * 0.5" }
[[deadlines]]
name = "answer"
stage = "mql"
after = "4 hours"
calendar = "office"
when = "silent or owner is missing"
send = "task"
to = ["owner", "$desk"]
text = "{first_name} of {company} waits"
[[deadlines]]
name = "boss"
stage = "mql"
after = "1 day"
calendar = "office"
escalates = "answer"
[[assignment]]
name = "share"
entering = "mql"
to = "$team"
text = "Call {first_name}"
deadline = "answer"
[[alerts]]
name = "hand"
on = "form_filled"
when = "activity.form starts with 'Hand' and stage == 'sal'"
send = "webhook"
to = "'hook'"
include = ["email", "behavior_score"]
links_to_crm = true
[[alerts]]
name = "sync"
entering = ["mql", "sal"]
send = "crm_sync"
"""


def test_r42_every_part_is_read_as_it_is_written() -> None:
    model = loads(BASE)
    assert model.dimensions == ("country", "sourced_by")
    assert model.calendars == (
        Calendar(name="office", zone="Europe/Berlin", hours="09:00-17:00", closed=("2026-12-24",)),
    )
    assert set(model.calendars[0].hours) == {"mon", "tue", "wed", "thu", "fri"}
    assert model.merging == {"behavior_score": "sum"}
    assert model.winning_detours == ("lost",)
    assert model.stage("mql").playbook == "call within the day"
    assert model.scoring[0] == ScoreRule(name="visit", on="web_visit", points=2, cap=10, per="day")
    fade = model.decay[0]
    assert (fade.every, fade.since) == (timedelta(days=30), "scored_at")
    answer, boss = model.deadlines
    assert answer.after == Length(timedelta(hours=4))
    assert answer.to == (Field("owner"), Token("desk"))
    assert (boss.after, boss.escalates, boss.send) == (
        Length(timedelta(days=1), "days"), "answer", None
    )  # fmt: skip
    assert model.assignment[0].to == (Token("team"),)
    hand, sync = model.alerts
    assert (hand.to, hand.include) == ((Const("hook"),), ("email", "behavior_score"))
    assert sync.entering == ("mql", "sal")


def test_the_python_form_is_the_same_model() -> None:
    model = loads(BASE)
    plain = to_plain(model)
    parts: dict[str, Any] = {
        "decay": [
            Decay(
                name="fade",
                every=timedelta(days=30),
                when="behavior_score > 0",
                then={"behavior_score": "behavior_score * 0.5"},
            )
        ],
        "deadlines": [
            Deadline(
                name="answer",
                stage="mql",
                after=timedelta(hours=4),
                calendar="office",
                when="silent or owner is missing",
                send="task",
                to=["owner", "$desk"],
                text="{first_name} of {company} waits",
            ),
            Deadline(
                name="boss",
                stage="mql",
                after="1 day",
                calendar="office",
                escalates="answer",
            ),
        ],
        "assignment": [
            AssignmentRule(
                name="share", entering="mql", to="$team", text="Call {first_name}",
                deadline="answer",
            )
        ],
        "alerts": [
            AlertRule(
                name="hand",
                on="form_filled",
                when="activity.form starts with 'Hand' and stage == 'sal'",
                send="webhook",
                to="'hook'",
                include=("email", "behavior_score"),
                links_to_crm=True,
            ),
            AlertRule(name="sync", entering=("mql", "sal"), send="crm_sync"),
        ],
    }  # fmt: skip
    written = Model(
        name=model.name,
        stages=model.stages,
        sort=model.sort,
        moves=model.moves,
        tokens=dict(model.tokens),
        guards=dict(model.guards),
        scoring=model.scoring,
        calendars=[
            Calendar(name="office", zone="Europe/Berlin", hours="09:00-17:00", closed="2026-12-24")
        ],
        merging={"behavior_score": "sum"},
        winning_detours=["lost"],
        dimensions=["country", "sourced_by"],
        **parts,
    )
    assert written == model
    assert written.version == model.version
    assert to_plain(written) == plain


def test_what_is_written_is_read_back() -> None:
    model = loads(BASE)
    again = loads(dumps(model))
    assert again == model
    assert again.version == model.version
    assert dumps(again) == dumps(model)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("call within the day", "call at once"),
        ("{first_name} of {company} waits", "{company} waits"),
        ('dimensions = ["country", "sourced_by"]', 'dimensions = ["country"]'),
        ('escalates = "answer"', 'escalates = "answer"\nlabel = "the boss hears of it"'),
    ],
)
def test_s28_words_for_people_are_no_other_version(old: str, new: str) -> None:
    assert old in BASE
    assert loads(BASE.replace(old, new)).version == loads(BASE).version


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("cap = 10", "cap = 11"),
        ('per = "day"', 'per = "week"'),
        ('every = "30 days"', 'every = "31 days"'),
        ('after = "4 hours"', 'after = "5 hours"'),
        ('hours = "09:00-17:00"', 'hours = "09:00-18:00"'),
        ('closed = ["2026-12-24"]', "closed = []"),
        ('behavior_score = "sum"', 'behavior_score = "max"'),
        ('winning_detours = ["lost"]', 'winning_detours = ["gone"]'),
        ('winning_detours = ["lost"]', "winning_detours = []"),
        # In a calendar 24 hours of open time are three working days.
        ('after = "1 day"', 'after = "24 hours"'),
        ('after = "1 day"', 'after = "1440 minutes"'),
        ('after = "1 day"', 'after = "1 week"'),
        ('to = "$team"', 'to = "$desk"'),
        ('send = "webhook"', 'send = "email"'),
        ("links_to_crm = true", "links_to_crm = false"),
        ('include = ["email", "behavior_score"]', 'include = ["email"]'),
    ],
)
def test_s28_another_meaning_is_another_version(old: str, new: str) -> None:
    assert old in BASE
    assert loads(BASE.replace(old, new)).version != loads(BASE).version


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('after = "4 hours"', 'after = "240 minutes"'),
        ('after = "4 hours"', 'after = "14400 seconds"'),
        ('winning_detours = ["lost"]', 'winning_detours = "lost"'),
    ],
)
def test_s28_the_same_in_other_words_is_the_same_version(old: str, new: str) -> None:
    assert old in BASE
    assert loads(BASE.replace(old, new)) == loads(BASE)
    assert loads(BASE.replace(old, new)).version == loads(BASE).version


#: What is written, what it means, and how it is written again.
LENGTHS: list[tuple[str, Length, str]] = [
    ("90 seconds", Length(timedelta(seconds=90)), "90 seconds"),
    ("120 seconds", Length(timedelta(minutes=2)), "2 minutes"),
    ("1 minute", Length(timedelta(minutes=1)), "1 minute"),
    ("90 minutes", Length(timedelta(minutes=90)), "90 minutes"),
    ("24 hours", Length(timedelta(days=1)), "24 hours"),
    ("1 day", Length(timedelta(days=1), "days"), "1 day"),
    ("7 days", Length(timedelta(days=7), "days"), "7 days"),
    ("168 hours", Length(timedelta(days=7)), "168 hours"),
    ("1 week", Length(timedelta(days=7), "weeks"), "1 week"),
    (" 2  weeks ", Length(timedelta(days=14), "weeks"), "2 weeks"),
]


@pytest.mark.parametrize(("text", "length", "again"), LENGTHS, ids=[text for text, *_ in LENGTHS])
@pytest.mark.parametrize("calendar", ["office", ""])
def test_s21_the_unit_of_a_deadline_stays_as_it_was_agreed(
    text: str, length: Length, again: str, calendar: str
) -> None:
    written = BASE.replace('after = "1 day"\ncalendar = "office"', f'after = "{text}"')
    if calendar:
        written = BASE.replace('after = "1 day"', f'after = "{text}"')
    assert written != BASE or text == "1 day"
    model = loads(written)
    assert model.deadlines[1].after == Length.read(text) == length
    assert str(length) == again
    assert f'after = "{again}"' in dumps(model)
    assert loads(dumps(model)) == model


def test_s21_no_two_units_are_one_length() -> None:
    """Of a day, a working day is another promise than 24 open hours, in equality, too."""
    lengths = [Length.read(text) for text in ("24 hours", "1 day", "168 hours", "7 days", "1 week")]
    assert len({*lengths}) == len(lengths)
    versions = {
        loads(BASE.replace('after = "1 day"', f'after = "{length}"')).version for length in lengths
    }
    assert len(versions) == len(lengths)
    hours = Deadline(name="d", stage="mql", after=timedelta(days=1))
    assert hours.after == Length.read("24 hours")


FAULTS = [
    ('winning_detours = ["lost"]', 'winning_detours = ["lst"]',
     "merging.winning_detours: no detour named 'lst'; did you mean 'lost'?"),
    ('winning_detours = ["lost"]', 'winning_detours = ["sal"]',
     "merging.winning_detours: no detour named 'sal'"),
    ('winning_detours = ["lost"]', 'winning_detours = ["lost", "lost"]',
     "merging.winning_detours: 'lost' stands here 2 times"),
    ('winning_detours = ["lost"]', "winning_detours = 3", "merging.winning_detours: "),
    ('winning_detours = ["lost"]', 'winning_detour = ["lost"]',
     "merging.winning_detour: "),
    ('after = "1 day"', 'after = "1 month"',
     "deadlines[1] boss, after: '1 month' is not a length of time: write '10 minutes', "
     "'4 hours' or '2 days'"),
    ('every = "30 days"', "every = 30", "decay[0] fade, every: 30 is not a length of time"),
    ('after = "1 day"', "after = 24", "deadlines[1] boss, after: 24 is not a length of time"),
    ('after = "1 day"', 'after = "0 days"', "deadlines[1] boss: after: "),
    ('after = "1 day"', 'after = "1.5 days"', "'1.5 days' is not a length of time"),
    ('after = "1 day"', 'after = "-1 day"', "'-1 day' is not a length of time"),
    ('after = "1 day"', 'after = "999999999 weeks"', "is longer than time can be"),
    ('dimensions = ["country", "sourced_by"]', 'dimensions = ["contry"]',
     "dimensions: no field named 'contry'; did you mean 'country'?"),
    ('dimensions = ["country", "sourced_by"]', 'dimensions = ["owner"]',
     "dimensions: history keeps 'owner' anyway"),
    ('dimensions = ["country", "sourced_by"]', "dimensions = [1]",
     "dimensions: this is a list of fields, not [1]"),
    ('zone = "Europe/Berlin"', 'zone = "Europe/Berln"', "calendars.office: zone"),
    ('hours = "09:00-17:00"', 'hours = "9-17"', "calendars.office: hours"),
    ('hours = "09:00-17:00"', "hours = 9", "calendars.office, hours: this is hours as"),
    ('closed = ["2026-12-24"]', 'closed = ["24.12.2026"]', "calendars.office: closed"),
    ('behavior_score = "sum"', 'behaviour_score = "sum"',
     "merging.behaviour_score: no field named 'behaviour_score'; did you mean 'behavior_score'?"),
    ('behavior_score = "sum"', 'company = "sum"', "merging.company: there is no sum of str | None"),
    ('behavior_score = "sum"', 'behavior_score = "most"',
     "merging.behavior_score: rule: 'most' is none of max, min, sum, survivor, loser"),
    ('behavior_score = "sum"', 'open_opportunities = "sum"',
     "merging.open_opportunities: this follows from the opportunities of both"),
    ("cap = 10", "cap = 0", "scoring[0] visit: cap: a whole number of points, at least 1, not 0"),
    ("cap = 10\n", "", "scoring[0] visit: 'per' says for how long a 'cap' holds"),
    ('per = "day"', 'per = "hour"', "scoring[0] visit: per: 'hour' is none of"),
    ('every = "30 days"', 'every = "0 days"', "decay[0] fade: every: whole seconds"),
    ('every = "30 days"', 'every = "30"', "decay[0] fade, every: '30' is not a length of time"),
    ('every = "30 days"', 'every = "30 days"\nsince = "company"',
     "decay[0] fade: since: 'company' is no time, but str | None"),
    ('when = "behavior_score > 0"', "when = \"stage == 'mql'\"", "decay[0] fade: it reads 'stage'"),
    ('stage = "mql"\nafter = "4 hours"', 'stage = "mqll"\nafter = "4 hours"',
     "deadlines[0] answer: no stage named 'mqll'; did you mean 'mql'?"),
    ('stage = "mql"\nafter = "4 hours"', 'stage = "new"\nafter = "4 hours"',
     "deadlines[0] answer: in 'new' everybody waits for the sort"),
    ('calendar = "office"\nwhen', 'calendar = "ofice"\nwhen',
     "deadlines[0] answer: no calendar named 'ofice'; did you mean 'office'?"),
    ('escalates = "answer"', 'escalates = "anser"',
     "deadlines[1] boss: escalates: no deadline named 'anser'; did you mean 'answer'?"),
    ('escalates = "answer"', 'escalates = "boss"',
     "deadlines[1] boss: its escalation comes back to itself"),
    ('escalates = "answer"', 'escalates = "answer"\nto = "owner"',
     "deadlines[1] boss: say by which way in 'send'"),
    ('stage = "mql"\nafter = "1 day"', 'stage = "sal"\nafter = "1 day"',
     "deadlines[1] boss: 'answer' is a deadline of the stage 'mql'"),
    ('to = ["owner", "$desk"]', "to = []", "deadlines[0] answer: nobody gets it"),
    ('to = ["owner", "$desk"]', 'to = ["ownr"]',
     "deadlines[0] answer: to: no field named 'ownr'; did you mean 'owner'?"),
    ('to = ["owner", "$desk"]', 'to = ["$team"]', "deadlines[0] answer: to: give a text:"),
    ('to = ["owner", "$desk"]', 'to = ["employees"]', "deadlines[0] answer: to: give a text:"),
    ("{first_name} of", "{firstname} of",
     "deadlines[0] answer: text: no field named 'firstname'; did you mean 'first_name'?"),
    ("{first_name} of", "{first_name of", "deadlines[0] answer: text: write a field as {company}"),
    ('entering = "mql"\nto = "$team"', 'to = "$team"',
     "assignment[0] share: give either 'entering', a stage, or 'on', an activity"),
    ('to = "$team"', 'to = "$limit"', "assignment[0] share: to: give a text or a list of texts"),
    ('to = "$team"', 'to = ["$team", "owner"]', "assignment[0] share: name one in 'to'"),
    ('deadline = "answer"', 'deadline = "anser"',
     "assignment[0] share: no deadline named 'anser'; did you mean 'answer'?"),
    ('on = "form_filled"', 'on = "form_fild"',
     "alerts[0] hand: no activity named 'form_fild'; did you mean 'form_filled'?"),
    ('on = "form_filled"', 'on = "form_filled"\nentering = "mql"',
     "alerts[0] hand: give either 'entering', a stage, or 'on', an activity"),
    ("activity.form", "activity.frm", "alerts[0] hand"),
    ('send = "webhook"', 'send = "fax"', "alerts[0] hand: send: 'fax' is none of"),
    ('include = ["email", "behavior_score"]', 'include = ["mail"]',
     "alerts[0] hand: include: no field named 'mail'"),
    ('name = "hand"', 'name = "answer"',
     "alerts[0] answer: an assignment or a deadline is named 'answer' too"),
    ('entering = ["mql", "sal"]', 'entering = ["mql", "sall"]',
     "alerts[1] sync: no stage named 'sall'; did you mean 'sal'?"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), FAULTS, ids=[said for *_, said in FAULTS])
def test_s5_a_fault_names_its_place_and_the_remedy(old: str, new: str, said: str) -> None:
    assert old in BASE
    with pytest.raises(ModelError) as caught:
        loads(BASE.replace(old, new, 1))
    assert said in str(caught.value)


def test_toml_dates_are_dates() -> None:
    model = loads(BASE.replace('["2026-12-24"]', "[2026-12-24]"))
    assert model == loads(BASE)
