"""The story as a whole: it says what the engine did, for every person, and changes nothing."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm import Activity, Context, Decision, Lifecycle, Model, Person, load, shipped
from lifecycle_fsm.cli.console import as_json
from lifecycle_fsm.errors import LifecycleError, NoSuchMove, UnknownPerson
from lifecycle_fsm.story import Story, tell, together
from tests.story.small import at, log, small

REFUSED = log(
    """
2025-03-03 09:14 created created_through=form first_name=Ann last_name=Lee company=Acme country=DE
2025-03-04 10:00 form_filled form=Demo
2025-03-04 10:05 crm_synced
2025-03-04 11:00 opportunity_opened opportunity=o-7
2025-03-04 12:00 sales_rejected reason=bad~weather by=rep.two
"""
)
PAGE = """\
p: MQL, Qualified, since 4 Mar 2025 (6 hours)
Ann Lee, Acme, DE
As of 4 Mar 2025 15:30; times are UTC.

JOURNEY 1

MAL (Accepted): 3 Mar 2025 to 4 Mar 2025, 25 hours
 3 Mar 2025 09:14  Created by a web form.
 3 Mar 2025 09:15  Original processing.
                   Sorted to MAL by “everybody else”.
                   Marketing mail: nurture.

MQL (Qualified): since 4 Mar 2025
 4 Mar 2025 10:00  Filled the form “Demo”. Interest 0 → 10; a hand is raised.
                   → MQL by “hand raise”.
                   Assigned to rep.one.
                   Held until the CRM knows the record: a task for rep.one, due 4 Mar 14:00: “Call
                     Ann Lee”.
 4 Mar 2025 10:05  The CRM acknowledged the record.
                   Goes out now: a task for rep.one, due 4 Mar 14:00.
 4 Mar 2025 11:00  Opportunity o-7 opened; without amount or close date it does not count yet.
 4 Mar 2025 12:00  “Sales rejected” by rep.two (bad weather).
                   Refused: → Recycled by “not now” needs rejection reason to be no budget or no
                     time (it is “bad weather”).
                   Refused: → OUT by “never” needs rejection reason to be competitor (it is “bad
                     weather”).
 4 Mar 2025 14:00  Deadline missed: “answer”, 4 working hours after MQL was entered.
                   Asked: a task for rep.one: “Overdue: Ann Lee”.

NOW
  In MQL (Qualified) since 4 Mar 2025 10:00, 6 hours; journey 1.
  Interest 10, fit 0, a hand is raised.
  Assigned to rep.one.
  Opportunity o-7 is open.
  Marketing mail: nurture.

IF NOTHING ELSE HAPPENS
 5 Mar 2025 14:00  Deadline missed: “forgotten”, 1 working day after “answer” was due.
                   Asked: a mail to boss.
 3 Apr 2025 10:00  Interest faded (“silence”): 10 → 5.

WHAT WOULD MOVE THEM
  → SAL (Worked on) by “sales works” needs a sales activity since this journey began (none yet), or
    an owner change since this journey began (none yet) and owner to be rep.one or rep.two (not
    known).
  → SQL (Opportunity) by “open deal” needs 1 or more open opportunities (0 now).

WHAT CAN BE ASKED FOR
  “sales rejected”: → Recycled by “not now” needs rejection reason to be no budget or no time (it is
    “bad weather”).
  “sales rejected”: → OUT (Never) by “never” needs rejection reason to be competitor (it is “bad
    weather”).

TIME IN EACH STAGE
  stage            first      latest  visits    in all
  Processing  3 Mar 2025  3 Mar 2025       1  1 minute
  MAL         3 Mar 2025  3 Mar 2025       1  25 hours
  MQL         4 Mar 2025  4 Mar 2025       1   6 hours

DEADLINES
  deadline  stage               due  what became of it
  answer      MQL  4 Mar 2025 14:00             missed
"""


def test_the_whole_page() -> None:
    story = tell(small(), REFUSED, "p", until=at("2025-03-04T15:30"))
    assert story.text() == PAGE
    assert str(story) == PAGE


def test_lines_are_as_wide_as_asked_for_within_reason() -> None:
    story = tell(small(), REFUSED, "p", until=at("2025-03-04T15:30"))
    for width, most in ((1, 60), (70, 70), (1000, 100)):
        assert max(map(len, story.text(width).splitlines())) <= most
    plain = [" ".join(story.text(width).split()) for width in (60, 80, 100)]
    assert len({one.replace(" ", "") for one in plain}) == 1


def test_the_same_as_markdown() -> None:
    told = tell(small(), REFUSED, "p", until=at("2025-03-04T15:30")).markdown()
    assert told.startswith(
        "# p: MQL, Qualified, since 4 Mar 2025 (6 hours)\n\nAnn Lee, Acme, DE  \n"
    )
    assert (
        "### MQL (Qualified): since 4 Mar 2025\n\n"
        "- **4 Mar 2025 10:00** Filled the form “Demo”. Interest 0 → 10; a hand is raised.\n"
        "  - → MQL by “hand raise”.\n" in told
    )
    assert "| MAL | 3 Mar 2025 | 3 Mar 2025 | 1 | 25 hours |" in told
    assert [line for line in told.splitlines() if line.startswith("## ")] == [
        "## Journey 1",
        "## Now",
        "## If nothing else happens",
        "## What would move them",
        "## What can be asked for",
        "## Time in each stage",
        "## Deadlines",
    ]


def test_what_people_wrote_is_never_markup_and_never_breaks_a_line() -> None:
    nasty = "a*b*_c_`d`[e](f)<i>|\\ # \x1b[31m\r\n- x"
    activities = [
        Activity("1", "p", "created", at("2025-03-03"), {"first_name": nasty, "source": nasty}),
        Activity("2", "p", "form_filled", at("2025-03-04"), {"form": nasty}),
        Activity("3", "p", "web_visit", at("2025-03-05"), {"page": nasty}),
        Activity("4", "p", "changed", at("2025-03-06"), {"job_title": nasty}),
        Activity("5", "p", "sales_rejected", at("2025-03-07"), {"reason": nasty, "by": nasty}),
        Activity("6", "p", "owner_changed", at("2025-03-08"), {"owner": nasty}),
    ]
    story = tell(small(), activities, "p", until=at("2025-03-20"))
    for text in (story.text(), story.markdown()):
        assert "\x1b" not in text
        assert "\r" not in text
    told = story.markdown()
    for sign in ("*b*", "_c_", "`d`", "[e]", "<i>"):
        assert sign not in told
    assert "a\\*b\\*\\_c\\_\\`d\\`\\[e\\](f)\\<i\\>\\|\\\\ \\#" in told


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("---", r"\---"),
        ("===", r"\==="),
        ("1. Ann", r"1\. Ann"),
        ("- Ann", r"\- Ann"),
        ("3.5 Ann", "3.5 Ann"),
        ("&lt;b&gt; & Co", r"\&lt;b\&gt; & Co"),
        ("$x$", r"\$x\$"),
    ],
)
def test_what_markdown_reads_at_the_beginning_of_a_line_is_text(name: str, told: str) -> None:
    created = Activity("1", "p", "created", at("2025-03-03"), {"first_name": name})
    page = tell(small(), [created], "p", until=at("2025-03-20")).markdown()
    assert page.splitlines()[2].removesuffix("  ") == told


def test_times_are_told_in_the_zone_also_over_a_change_of_the_clocks() -> None:
    activities = log(
        """
2025-03-29 22:30 created
2025-03-30 00:30 form_filled form=One
2025-03-30 01:30 form_filled form=Two
2025-03-31 22:30 form_filled form=Three
"""
    )
    told = tell(small(), activities, "p", until=at("2025-04-02"), zone="Europe/Berlin").text()
    assert "As of 2 Apr 2025 02:00; times are Europe/Berlin." in told
    for when in ("29 Mar 2025 23:30", "30 Mar 2025 01:30", "30 Mar 2025 03:30", "1 Apr 2025 00:30"):
        assert f"{when}  " in told
    with pytest.raises(LifecycleError, match="there is no time zone 'Mars'"):
        tell(small(), activities, "p", zone="Mars")


# ---------------------------------------------------------------- two records

MERGED = log(
    """
2025-03-03 09:00 created first_name=Bo
2025-03-03 10:00 created who=q
2025-03-03 11:00 created who=r
2025-03-03 12:00 created who=s
2025-03-04 10:00 form_filled form=Demo who=r
2025-03-06 10:00 merged loser=r who=q
2025-03-07 10:00 merged loser=q
"""
)


def test_everybody_who_is_folded_together_belongs_to_one_story() -> None:
    assert together(MERGED, "r") == together(MERGED, "p") == {"p", "q", "r"}
    assert together(MERGED, "s") == {"s"}
    converted = log(
        "2025-03-08 10:00 converted contact=c account=r who=q\n2025-03-09 10:00 converted"
    )
    assert together([*MERGED, *converted], "c") == {"c", "p", "q", "r"}
    told = {one: tell(small(), MERGED, one, until=at("2025-03-10")) for one in "pqr"}
    assert {one.person for one in told.values()} == {"p"}
    assert told["p"].chapters == told["q"].chapters == told["r"].chapters
    assert {one.record for one in told["p"].others} == {"q", "r"}
    assert told["p"].stage == "mql"
    assert "q and r: the other records were merged into this one." in told["p"].text()
    assert (
        "The record r was merged into p: this is the story of both."
        in told["r"].text().splitlines()[2]
    )
    assert told["r"].as_dict()["asked_for"] == "r"


def test_before_the_merge_there_are_two_stories() -> None:
    story = tell(small(), MERGED, "r", until=at("2025-03-05"))
    assert (story.person, story.others) == ("r", ())
    assert "p" not in {decision.person for decision in story.decisions}


# ---------------------------------------------------------------- original processing


def broken(person: Person, context: Context) -> dict[str, Any]:
    raise RuntimeError("no network")


def test_a_step_that_failed_is_told() -> None:
    told = tell(small(), REFUSED, "p", steps={"enrich": broken}).text()
    assert "Went on without a step that failed: enrich: RuntimeError: no network." in told


def test_a_person_whom_an_error_keeps_in_processing() -> None:
    from lifecycle_fsm import loads
    from tests.story.small import TOML

    parking = loads(TOML.replace('step = "enrich"\n', 'step = "enrich"\non_failure = "park"\n'))
    until = at("2025-03-04T15:30")
    story = tell(parking, REFUSED, "p", until=until, steps={"enrich": broken})
    told = story.text()
    assert story.stage == "processing"
    assert (
        "3 Mar 2025 09:15  An error stopped original processing, and it waits to be tried again:"
        in told
    )
    assert "Original processing is not over: triggers and moves wait for its end." in told
    assert "Now it would be sorted to MQL (Qualified) by “hand raise”." in told
    assert "WHAT WOULD MOVE THEM" not in told


# ---------------------------------------------------------------- asking


def test_one_request_alone_can_be_explained() -> None:
    story = tell(small(), REFUSED, "p", trigger="sales_rejected")
    assert {one.trigger for one in story.situation.ways} == {"sales_rejected"}
    assert story.situation.coming == ()
    with pytest.raises(LifecycleError, match="did you mean 'sales_rejected'"):
        tell(small(), REFUSED, "p", trigger="sales_reject")
    out = [
        *REFUSED,
        Activity("x", "p", "sales_rejected", at("2025-03-05"), {"reason": "competitor"}),
    ]
    assert tell(small(), out, "p").stage == "out"
    with pytest.raises(NoSuchMove):
        tell(small(), out, "p", trigger="sales_rejected")


@pytest.mark.parametrize(
    ("person", "until", "complaint"),
    [
        ("z", None, "nothing in this log is about 'z'"),
        ("p", "2025-03-01", "'p' is created later, at 2025-03-03 09:14 UTC"),
        ("n", None, "'n' was never created: nobody has created 'n' yet"),
    ],
)
def test_who_has_no_story_is_told_why(person: str, until: str | None, complaint: str) -> None:
    activities = [*REFUSED, Activity("x", "n", "unsubscribed", at("2025-03-05"))]
    end = None if until is None else at(until)
    with pytest.raises(UnknownPerson, match=complaint):
        tell(small(), activities, person, until=end)


def test_the_story_stands_where_it_was_told_although_it_looks_ahead() -> None:
    story = tell(small(), REFUSED, "p", until=at("2025-03-04T15:30"))
    assert story.end == at("2025-03-04T15:30")
    assert story.fields["behavior_score"] == 10
    assert story.situation.coming[-1].at > story.end
    assert max(one.now for one in story.decisions) <= story.end
    (open_,) = [one for one in story.stamps if one.stage == "mql"]
    assert open_.total == timedelta(hours=5, minutes=30)


# ---------------------------------------------------------------- for programs


def test_everything_is_there_for_a_program() -> None:
    story = tell(small(), REFUSED, "p", until=at("2025-03-04T15:30"))
    said = json.loads(as_json(story.as_dict()))
    assert list(said) == [
        "person", "asked_for", "as_of", "zone", "stage", "stage_entered_at", "journey", "model",
        "fields", "mail", "stamps", "history", "deadlines", "decisions", "not_open", "would_move",
        "chapters", "folded_in", "now", "ways", "coming",
    ]  # fmt: skip
    entry = said["chapters"][1]["entries"][0]
    assert entry["activities"] == ["a1"]
    assert {"activity": "a1", "field": "behavior_score", "from": 0, "to": 10} in entry["changes"]
    assert entry["because"] == [
        {"rule": "by_hand", "guard": "hand_raised", "seen": {"hand_raised": True}}
    ]
    asked = [one for decision in said["decisions"] for one in decision["requests"]]
    assert [one["state"] for one in asked if one["rule"] == "call"] == ["held", "released"]
    refused = [one for one in said["decisions"] if one["result"] == "refused"]
    assert refused[0]["unmet"][0]["seen"]["rejection_reason"] == "bad weather"


def test_the_guard_is_told_as_it_was_when_it_opened_the_move() -> None:
    """Before the move's own effects: they would make it look unmet."""
    activities = log(
        """
2025-03-03 09:00 created
2025-03-04 10:00 form_filled form=Demo
2025-03-05 10:00 score_given points=21
2025-03-06 10:00 sales_rejected reason=no_time
"""
    )
    story = tell(small(), activities, "p")
    (last,) = story.chapters[-1].entries
    assert "Interest 31 → 15" in last.text
    (moment,) = last.moments
    assert moment.before["hand_raised"] is True
    assert [(one.rule, one.sequence in moment.reasons) for one in moment.rows] == [
        ("not_now", True)
    ]


# ---------------------------------------------------------------- the same as the engine

#: Kinds of activity, and what they may bring.
KINDS: dict[str, dict[str, list[Any]]] = {
    "web_visit": {"page": ["/pricing", "/", "/careers"]},
    "form_filled": {"form": ["Demo", "News", "Hand-Raise: Demo", "Contact: us"]},
    "email_clicked": {},
    "sales_touched": {"by": ["rep.one"]},
    "owner_changed": {"owner": ["rep.one", "x", ""]},
    "crm_synced": {},
    "unsubscribed": {},
    "score_given": {"points": [-90, -3, 7, 60]},
    "sales_rejected": {"reason": ["no_time", "competitor", "?"]},
    "opportunity_opened": {"opportunity": ["o"], "amount": [9], "closes_at": ["2026-01-01"]},
    "opportunity_lost": {"opportunity": ["o"]},
    "opportunity_won": {"opportunity": ["o", "n"]},
    "changed": {"employees": [7, 99], "role": ["legal", "x"]},
    "merged": {"loser": ["p", "q", "r"]},
}


@st.composite
def logs(draw: st.DrawFn) -> list[Activity]:
    """What happens to three records within a year, not in order."""
    start = at("2025-01-01")
    found = [
        Activity("0", person, "created", start + timedelta(days=draw(st.integers(0, 30))))
        for person in "pqr"
    ]
    for number in range(draw(st.integers(0, 25))):
        kind = draw(st.sampled_from(sorted(KINDS)))
        payload = {name: draw(st.sampled_from(values)) for name, values in KINDS[kind].items()}
        when = start + timedelta(minutes=draw(st.integers(0, 365 * 1440)))
        person = draw(st.sampled_from("pqr"))
        name = str(draw(st.integers(1, number + 1)))
        found.append(Activity(name, person, kind, when, payload))
    return found


@settings(max_examples=25, deadline=None)
@given(activities=logs(), who=st.sampled_from("pqr"))
def test_the_story_is_what_the_engine_did(activities: list[Activity], who: str) -> None:
    check(small(), activities, who)


@pytest.mark.parametrize("name", [name for name in shipped() if name != "two_step"])
@settings(max_examples=5, deadline=None)
@given(activities=logs(), who=st.sampled_from("pqr"))
def test_also_in_the_shipped_models(name: str, activities: list[Activity], who: str) -> None:
    check(load(name), activities, who)


def check(model: Model, activities: list[Activity], who: str) -> None:
    decisions: list[Decision] = []
    lifecycle = Lifecycle(model, record=decisions.append)
    for one in activities:
        lifecycle.apply(one)
    end = at("2026-01-01")
    lifecycle.tick(end)
    story, person = tell(model, activities, who, until=end), lifecycle.person(who)
    assert story.person == person.id
    assert story.history == person.history
    assert story.fields == {field: getattr(person, field) for field in model.field_types}
    assert {one.stage for one in story.stamps} == {row.to_stage for row in person.history}
    ours = [one for one in decisions if one.person == person.id and one.result != "held"]
    assert [
        one for one in story.decisions if one.person == person.id and one.result != "held"
    ] == ours
    check_entries(story)


def check_entries(story: Story) -> None:
    """Every moment stands in one entry, in order, and every change of stage opens a chapter."""
    for record in (story.chapters, story.others):
        for chapter in record:
            assert chapter.entries
            times = [one.at for one in chapter.entries]
            assert times == sorted(times)
    moments = [
        moment
        for chapter in story.chapters
        for entry in chapter.entries
        for moment in entry.moments
    ]
    assert sum(len(one.rows) for one in moments) == len(story.history)
    for text in (story.text(), story.markdown(), as_json(story.as_dict())):
        assert story.person in text
        assert "None" not in text.replace('"None"', "")


def test_a_lifecycle_tells_the_stories_of_its_own_log() -> None:
    kept: list[Activity] = []
    steps = {"enrich": partial(broken)}
    lifecycle = Lifecycle(small(), log=kept.append, steps=steps)
    lifecycle.admit("ann", at="2025-03-03T09:00Z", first_name="Ann")
    lifecycle.admit("bo", at="2025-03-03T09:00Z")
    lifecycle.apply("ann", "form_filled", at="2025-03-04T10:00Z", form="Demo")
    lifecycle.tick("2025-03-05T10:00Z")
    story = lifecycle.story("ann", kept, zone="Europe/Berlin")
    assert story.history == lifecycle.person("ann").history
    assert story.end == lifecycle.person("ann").clock == datetime.fromisoformat("2025-03-04T14:00Z")
    assert " 4 Mar 2025 15:00  Deadline missed: “answer”" in str(story)
    assert lifecycle.story("ann", kept, at="2025-03-03T10:00Z").stage == "mal"
    with pytest.raises(UnknownPerson, match="did you mean 'ann'"):
        lifecycle.story("anne", kept)
