"""What is asked for, of whom, and when: alerts by stage and by activity, mail [S12][S24]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from lifecycle_fsm import (
    Activity,
    ActivityKind,
    Decision,
    Lifecycle,
    ModelError,
    Person,
    Stage,
    step,
)
from lifecycle_fsm.model import AlertRule, AssignmentRule, Deadline, Model
from lifecycle_fsm.orchestrator import Orchestrator
from lifecycle_fsm.requests import Request
from tests.machine.small import (
    DAY,
    DETOURS,
    HOUR,
    PATH,
    SECOND,
    T,
    act,
    admitted,
    move,
    slots,
    small,
)

MOVES = (
    move("go", "a", "b", on="go"),
    move("accept", "b", "c", on="accept"),
    move("done", "c", "d", when="level >= 9"),
    move("off", ("a", "b", "c"), "x", on="off"),
    move("again", "x", "b", on="again"),
    move("stale", "b", "x", when="days in stage >= 30"),
)


def alert(name: str, **more: Any) -> AlertRule:
    given: dict[str, Any] = {"send": "task", "to": "'desk'", **more}
    return AlertRule(name=name, **given)


class Book:
    """A small lifecycle with these rules, and everything that it asks for, in order."""

    def __init__(self, *alerts: AlertRule, sort: bool = True, **more: Any) -> None:
        self.decisions: list[Decision] = []
        fields = more.pop("fields", {})
        moves = more.pop("moves", MOVES)
        model = small(*moves, alerts=alerts, **more)
        self.orchestrator = Orchestrator(model, record=self.decisions.append)
        self.orchestrator.apply(Activity("created", "p", "created", T, fields))
        if sort:
            self.orchestrator.process("p", T)

    @property
    def person(self) -> Person:
        return self.orchestrator.people["p"]

    def happens(self, *kinds: str, hour: int = 1) -> tuple[Request, ...]:
        """These activities, an hour after each other; what the last of them asks for."""
        for number, kind in enumerate(kinds):
            at = T + (hour + number) * HOUR
            decision = self.orchestrator.apply(act(f"{kind}{hour + number}", kind, at))
        return decision.requests

    @property
    def asked(self) -> list[tuple[str, str]]:
        """Rule and state of everything that was asked for so far."""
        return [(one.rule, one.state) for each in self.decisions for one in each.requests]


# ------------------------------------------------------------------ by the entry of a stage


def test_s24_the_entry_of_a_stage_asks_and_nothing_else_does() -> None:
    book = Book(alert("b", entering="b"), alert("c", entering=("c", "x")))
    assert book.asked == []
    for kind, found in (
        ("web_visit", []),
        ("go", ["b"]),
        ("go", []),
        ("off", ["c"]),
        ("again", ["b"]),
        ("accept", ["c"]),
    ):
        hour = len(book.decisions) + 1
        assert [one.rule for one in book.happens(kind, hour=hour)] == found


def test_s24_everything_that_a_request_says() -> None:
    book = Book(
        alert(
            "call",
            entering="b",
            to=("owner", "assigned_to", "'desk'"),
            text="{id}: {company}, {level} points at {stage}",
            include=("company", "level", "ready"),
        ),
        fields={"company": "Acme", "level": 3, "assigned_to": "eve"},
    )
    assert book.happens("go") == (
        Request(
            id="p/call/go1",
            person="p",
            rule="call",
            channel="task",
            to="eve",
            text="p: Acme, 3 points at b",
            at=T + HOUR,
            stage="b",
            activity="go1",
            due_at=None,
            state="sent",
            data={"company": "Acme", "level": 3, "ready": False},
        ),
    )


@pytest.mark.parametrize(
    "channel", ["task", "email", "list_add", "list_remove", "webhook", "crm_sync"]
)
def test_s24_the_ways_of_asking(channel: Any) -> None:
    (request,) = Book(alert("one", entering="b", send=channel)).happens("go")
    assert (request.channel, request.goes_out) == (channel, True)


def test_s24_every_rule_that_holds_asks_as_written() -> None:
    book = Book(
        alert("three", entering="b"),
        alert("one", entering="b", when="level >= 1"),
        alert("two", entering="b", when="stage == 'b' and level == 0"),
    )
    assert [one.rule for one in book.happens("go")] == ["three", "two"]


#: Who gets it: the rule's receivers, the person's fields, and whom it goes to.
RECEIVERS: dict[str, tuple[Any, dict[str, Any], str | None]] = {
    "a text": ("'desk'", {}, "desk"),
    "a token": ("$boss", {}, "grace"),
    "a field": ("owner", {"owner": "ada"}, "ada"),
    "the first that is known": (("owner", "source", "$boss"), {"source": "web"}, "web"),
    "an empty text is not known": (("source", "'desk'"), {"source": ""}, "desk"),
    "nobody": (("owner", "source"), {}, None),
}


@pytest.mark.parametrize(("to", "fields", "who"), RECEIVERS.values(), ids=RECEIVERS.keys())
def test_s24_the_first_receiver_that_is_known(
    to: Any, fields: dict[str, Any], who: str | None
) -> None:
    book = Book(alert("one", entering="b", to=to), fields=fields, tokens={"boss": "grace"})
    (request,) = book.happens("go")
    assert request.to == who


#: A text, the person's fields, and what it says.
TEXTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "no place": ("call them", {}, "call them"),
    "a text": ("{company}!", {"company": "Acme"}, "Acme!"),
    "a number": ("{level} and {behavior_score}", {"level": 3, "behavior_score": 40}, "3 and 40"),
    "yes and no": ("{ready} {hand_raised}", {"ready": True}, "yes no"),
    "a time": ("since {hand_raised_at}", {"hand_raised_at": T}, "since 2024-05-01 09:00 UTC"),
    "nobody knows": ("{company} of {first_name}", {"first_name": ""}, "unknown of unknown"),
    "the same twice": ("{id}{id}", {}, "pp"),
    "what the machine keeps": (
        "{stage} in journey {journey} since {journey_started_at}",
        {},
        "b in journey 1 since 2024-05-01 09:00 UTC",
    ),
    "a value with braces": ("{company}", {"company": "{id} {0}"}, "{id} {0}"),
}


@pytest.mark.parametrize(("text", "fields", "said"), TEXTS.values(), ids=TEXTS.keys())
def test_s24_texts_have_places_for_fields(text: str, fields: dict[str, Any], said: str) -> None:
    (request,) = Book(alert("one", entering="b", text=text), fields=fields).happens("go")
    assert request.text == said


def test_s14_the_sort_asks_too() -> None:
    book = Book(alert("start", entering="a"))
    assert book.asked == [("start", "sent")]
    (decision,) = [one for one in book.decisions if one.requests]
    assert (decision.kind, decision.requests[0].activity) == ("processed", "processed")


def test_s20_what_time_moves_asks_at_its_instant() -> None:
    book = Book(alert("gone", entering="x"))
    book.happens("go")
    (decision,) = book.orchestrator.tick(T + 90 * DAY)
    (request,) = decision.requests
    assert (request.id, request.at, request.activity) == (
        "p/gone/2024-05-31T10:00:00.000000Z",
        T + HOUR + 30 * DAY,
        None,
    )


# ------------------------------------------------------------------ interim stages

FAST = (
    move("one", "a", "b", when="ready"),
    move("two", "b", "c", when="ready"),
    move("three", "c", "d", when="level >= 9"),
)


def test_s12_of_several_stages_only_the_last_asks_and_the_others_are_recorded() -> None:
    book = Book(
        alert("b", entering="b"),
        alert("c", entering="c"),
        alert("d", entering="d"),
        moves=FAST,
    )
    decision = book.orchestrator.apply(act("1", "changed", T + HOUR, ready=True, level=9))
    assert [row.to_stage for row in decision.rows] == ["b", "c", "d"]
    assert [(one.rule, one.state, one.stage) for one in decision.requests] == [
        ("b", "superseded", "b"),
        ("c", "superseded", "c"),
        ("d", "sent", "d"),
    ]
    assert [one.goes_out for one in decision.requests] == [False, False, True]


def test_s12_one_rule_of_several_stages_has_an_id_for_each() -> None:
    book = Book(alert("any", entering=("a", "b", "c")), moves=FAST, fields={"ready": True})
    assert [(one.rule, one.state) for one in book.decisions[-1].requests] == [
        ("any", "superseded"),
        ("any", "superseded"),
        ("any", "sent"),
    ]
    assert [one.id for one in book.decisions[-1].requests] == [
        "p/any/processed/a",
        "p/any/processed/b",
        "p/any/processed",
    ]


def test_s12_a_stage_that_was_passed_through_by_time_is_superseded_too() -> None:
    book = Book(
        alert("b", entering="b"),
        alert("c", entering="c"),
        moves=(move("one", "a", "b", when="days in stage >= 3"), move("two", "b", "c")),
    )
    (decision,) = book.orchestrator.tick(T + 3 * DAY)
    assert [(one.rule, one.state) for one in decision.requests] == [
        ("b", "superseded"),
        ("c", "sent"),
    ]


def test_s12_what_is_superseded_is_never_held_nor_released() -> None:
    book = Book(
        alert("b", entering="b", links_to_crm=True),
        alert("c", entering="c", links_to_crm=True),
        moves=FAST,
    )
    book.orchestrator.apply(act("1", "changed", T + HOUR, ready=True))
    book.orchestrator.apply(act("2", "crm_synced", T + 2 * HOUR))
    assert book.asked == [("b", "superseded"), ("c", "held"), ("c", "released")]


# ------------------------------------------------------------------ by activity


@pytest.mark.parametrize("start", [*PATH[1:], *DETOURS])
def test_s24_an_activity_asks_in_any_stage(start: str) -> None:
    book = Book(
        alert("asks", on="form_filled", when="activity.form starts with 'Hand-Raise:'"),
        fields={"start": start},
    )
    for number, (form, found) in enumerate(
        [("News", []), ("Hand-Raise: Demo", ["asks"]), ("Hand-Raise: Demo", ["asks"])]
    ):
        at = T + (number + 1) * HOUR
        decision = book.orchestrator.apply(act(f"f{number}", "form_filled", at, form=form))
        assert [one.rule for one in decision.requests] == found
        for one in decision.requests:
            assert (one.id, one.stage, one.activity) == (f"p/asks/f{number}", None, f"f{number}")
    assert book.person.stage == start


def test_s24_a_rule_for_an_activity_sees_what_that_has_changed() -> None:
    book = Book(alert("asks", on="go", when="stage == 'b'", text="now at {stage}"))
    (request,) = book.happens("go")
    assert request.text == "now at b"
    assert book.happens("off", "go", hour=2) == ()


def test_s24_a_refused_trigger_asks_all_the_same() -> None:
    """It came: what it asked for did not happen, and a rule may want to tell somebody."""
    book = Book(
        alert("asks", on="win"),
        moves=(move("win", "a", "b", on="win", when="level >= 9"),),
    )
    decision = book.orchestrator.apply(act("1", "win", T + HOUR))
    assert (decision.result, [one.rule for one in decision.requests]) == ("refused", ["asks"])


def test_s24_entry_first_then_the_activity_as_written() -> None:
    book = Book(alert("on", on="go"), alert("entry", entering="b"), alert("on_too", on="go"))
    assert [one.rule for one in book.happens("go")] == ["entry", "on", "on_too"]


def test_s24_kinds_of_the_models_own_ask() -> None:
    book = Book(
        alert("booked", on="meeting_booked", text="{id}"),
        kinds=(ActivityKind(name="meeting_booked"),),
    )
    assert [one.rule for one in book.happens("meeting_booked")] == ["booked"]


@pytest.mark.parametrize(
    ("kind", "payload"), [("changed", {"level": 1}), ("crm_synced", {}), ("converted", {})]
)
def test_s24_built_in_kinds_ask(kind: str, payload: dict[str, Any]) -> None:
    book = Book(alert("one", on=kind))
    assert book.orchestrator.apply(act("1", kind, T + HOUR, **payload)).requests


# ------------------------------------------------------------------ during processing


def test_s14_alerts_of_activities_during_processing_wait_for_the_sort() -> None:
    book = Book(
        alert("made", on="created", when="activity.company == 'Acme'"),
        alert("asks", on="form_filled", when="activity.form == 'demo'", text="{id} at {stage}"),
        alert("start", entering="a"),
        alert("gone", entering="b"),
        sort=False,
        settle=DAY,
        fields={"company": "Acme"},
    )
    for number, form in enumerate(["demo", "news", "demo"]):
        at = T + number * SECOND
        decision = book.orchestrator.apply(act(f"f{number}", "form_filled", at, form=form))
        assert (decision.result, decision.requests) == ("unchanged", ())
    decision = book.orchestrator.apply(act("g", "go", T + 9 * SECOND))
    assert (decision.result, decision.requests) == ("deferred", ())
    first = book.orchestrator.process("p", T + HOUR)
    assert [(one.id, one.state) for one in first.requests] == [
        ("p/start/processed/a", "superseded"),
        ("p/gone/processed", "sent"),
        ("p/made/created", "sent"),
        ("p/asks/f0", "sent"),
        ("p/asks/f2", "sent"),
    ]
    # They speak of the person as the sort has left it, at the sort's own instant.
    assert {one.at for one in first.requests} == {T + HOUR}
    assert first.requests[-1].text == "p at b"
    assert [one.requests for one in book.decisions[-2:]] == [first.requests, ()]


def test_s14_the_end_of_processing_itself_may_ask() -> None:
    book = Book(alert("sorted", on="processed", text="{stage}"))
    assert [one.text for one in book.decisions[-1].requests] == ["a"]


def test_s13_alerts_of_somebody_parked_come_after_the_retry() -> None:
    down = [True]

    @step(number=20, writes=["company"])
    def look_up(person: Any, context: Any) -> dict[str, Any]:
        if down[0]:
            raise OSError("down")
        return {}

    orchestrator = Orchestrator(small(alerts=(alert("asks", on="web_visit"),)), steps=[look_up])
    orchestrator.apply(act("0", "created", T))
    orchestrator.apply(act("1", "web_visit", T))
    assert orchestrator.tick(T + HOUR)[0].result == "parked"
    down[0] = False
    (decision,) = orchestrator.retry(T + DAY)
    assert [(one.id, one.at) for one in decision.requests] == [("p/asks/1", T + DAY)]


# ------------------------------------------------------------------ until the CRM knows the person


def test_s24_what_links_to_the_crm_waits_for_its_acknowledgement() -> None:
    book = Book(
        alert("call", entering="b", links_to_crm=True, text="{company} has {level}"),
        alert("list", entering="b", send="list_add"),
    )
    assert [(one.rule, one.state) for one in book.happens("go")] == [
        ("call", "held"),
        ("list", "sent"),
    ]
    held = book.decisions[-1].requests[0]
    assert not held.goes_out
    book.orchestrator.apply(act("c", "changed", T + 2 * HOUR, company="Acme", level=4))
    (released,) = book.orchestrator.apply(act("s", "crm_synced", T + 3 * HOUR)).requests
    assert (released.id, released.state, released.at) == (held.id, "released", T + 3 * HOUR)
    assert (released.stage, released.activity, released.rule) == ("b", "go1", "call")
    assert released.text == "Acme has 4"  # in the words of now
    assert released.goes_out
    assert book.happens("crm_synced", hour=9) == ()


def test_s24_whom_the_crm_knows_needs_no_wait() -> None:
    book = Book(
        alert("call", entering="b", links_to_crm=True), fields={"crm_synced_at": T - 90 * DAY}
    )
    assert [one.state for one in book.happens("go")] == ["sent"]


@pytest.mark.parametrize("kind", ["crm_synced", "changed"])
def test_s24_an_acknowledgement_during_processing_counts(kind: str) -> None:
    book = Book(alert("start", entering="a", links_to_crm=True), sort=False, settle=DAY)
    payload: dict[str, Any] = {"crm_synced_at": T} if kind == "changed" else {}
    book.orchestrator.apply(act("1", kind, T, **payload))
    assert [one.state for one in book.orchestrator.process("p", T).requests] == ["sent"]


def test_s24_any_activity_that_brings_the_acknowledgement_releases() -> None:
    book = Book(alert("call", entering="b", links_to_crm=True))
    book.happens("go")
    decision = book.orchestrator.apply(act("1", "changed", T + DAY, crm_synced_at=T + DAY))
    assert [one.state for one in decision.requests] == ["released"]


#: What happens between the asking and the acknowledgement, and what becomes of the request.
MEANWHILE: dict[str, tuple[tuple[str, ...], str]] = {
    "nothing": ((), "released"),
    "a visit of the web site": (("web_visit",), "released"),
    "the person has gone on": (("accept",), "superseded"),
    "the person was given back": (("off",), "superseded"),
    "the person is back, for another visit": (("off", "again"), "superseded"),
}


@pytest.mark.parametrize(("between", "state"), MEANWHILE.values(), ids=MEANWHILE.keys())
def test_s24_what_a_stage_asked_for_is_superseded_once_the_person_has_left_it(
    between: Sequence[str], state: str
) -> None:
    book = Book(alert("call", entering="b", links_to_crm=True))
    (held,) = book.happens("go")
    if between:
        book.happens(*between, hour=2)
    again = [one for one in book.asked if one[1] == "held"][1:]
    found = book.happens("crm_synced", hour=9)
    assert [(one.id, one.state) for one in found][:1] == [(held.id, state)]
    # The second visit of the stage has asked for itself, and that is still wanted.
    assert [one.state for one in found[1:]] == ["released" for _ in again]


def test_s24_what_an_activity_asked_for_is_wanted_in_whatever_stage() -> None:
    book = Book(alert("asks", on="web_visit", links_to_crm=True))
    book.happens("go", "web_visit", "accept")
    assert [one.state for one in book.happens("crm_synced", hour=9)] == ["released"]


def test_s24_one_activity_acknowledges_moves_and_asks() -> None:
    """Released or superseded by where the person is after the moves; the new stage asks at once."""
    book = Book(
        alert("call", entering="b", links_to_crm=True),
        alert("next", entering="c", links_to_crm=True),
        moves=(*MOVES[:1], move("known", "b", "c", when="crm_synced_at is known")),
    )
    book.happens("go")
    assert [(one.rule, one.state) for one in book.happens("crm_synced", hour=3)] == [
        ("call", "superseded"),
        ("next", "sent"),
    ]


def test_s24_requests_are_released_in_the_order_in_which_they_were_asked_for() -> None:
    book = Book(
        alert("one", on="web_visit", links_to_crm=True),
        alert("two", on="email_clicked", links_to_crm=True),
    )
    book.happens("web_visit", "email_clicked", "web_visit")
    assert [one.id for one in book.happens("crm_synced", hour=9)] == [
        "p/one/web_visit1",
        "p/two/email_clicked2",
        "p/one/web_visit3",
    ]


def test_s11_an_activity_that_fails_asks_for_nothing_and_holds_nothing() -> None:
    def fails(activity: Activity) -> None:
        if activity.id == "bad":
            raise OSError("the disk is full")

    model = small(
        *MOVES,
        alerts=(alert("call", entering="b", links_to_crm=True),),
        assignment=(AssignmentRule(name="one", entering="b", to="'ada'"),),
    )
    orchestrator = Orchestrator(model, log=fails)
    person = admitted(orchestrator)
    before = slots(person)
    decision = orchestrator.apply(act("bad", "go", T + HOUR))
    assert (decision.result, decision.requests) == ("parked", ())
    assert slots(person) == before
    orchestrator.apply(act("good", "go", T + HOUR))
    assert [one.state for one in orchestrator.apply(act("s", "crm_synced", T + DAY)).requests] == [
        "released"
    ]


# ------------------------------------------------------------------ ids


def test_s24_ids_are_the_same_on_every_run_and_each_its_own() -> None:
    def run() -> list[Request]:
        book = Book(
            alert("call", entering=("b", "c"), links_to_crm=True),
            alert("asks", on="web_visit"),
            deadlines=(Deadline(name="slow", stage="b", after=HOUR, send="task", to="'d'"),),
            assignment=(AssignmentRule(name="who", entering="b", to="'ada'", text="t"),),
        )
        book.happens("go", "web_visit", "web_visit", "off", "again", "accept", "crm_synced")
        book.orchestrator.tick(T + 90 * DAY)
        return [one for each in book.decisions for one in each.requests]

    first, second = run(), run()
    assert first == second
    asked = [one.id for one in first if one.state in ("sent", "held")]
    assert len(asked) == len(set(asked)) > 5
    answered = [one.id for one in first if one.state in ("released", "superseded")]
    assert set(answered) <= set(asked)


# ------------------------------------------------------------------ marketing mail

MAILS: dict[str, Any] = {"a": "nurture", "b": "nurture", "c": "paused", "x": "suspended"}


def mailing(*moves: Any, **more: Any) -> Model:
    return small(
        *moves,
        stages=(
            *(Stage(name, mail=MAILS.get(name)) for name in PATH),
            *(Stage(name, off_path=True, mail=MAILS.get(name)) for name in DETOURS),
        ),
        **more,
    )


def test_s12_mail_follows_the_stages_and_leaving_one_undoes_what_it_said() -> None:
    lifecycle = Lifecycle(mailing(*MOVES, move("worse", "x", "y", on="worse")))
    lifecycle.admit("p", at=T)
    seen: list[tuple[str, object, object]] = []
    for number, kind in enumerate(["go", "off", "worse"]):
        decision = lifecycle.apply(act(str(number), kind, T + (number + 1) * HOUR))
        for one in decision.requests:
            assert (one.rule, one.channel, one.to, one.stage) == (
                "mail",
                "mail",
                "marketing",
                decision.stage,
            )
            seen.append((kind, one.data["before"], one.data["mail"]))
        assert lifecycle.mail("p") == MAILS.get(decision.stage)
    assert seen == [("off", "nurture", "suspended"), ("worse", "suspended", None)]


def test_s12_the_sort_says_what_mail_may_do_from_now_on() -> None:
    seen: list[Decision] = []
    Lifecycle(mailing(*MOVES), record=seen.append).admit("p", at=T)
    (request,) = [one for each in seen for one in each.requests]
    assert (request.id, request.data) == ("p/mail/processed", {"mail": "nurture", "before": None})
    assert request.text == "marketing mail: nurture, before as usual"


def test_s12_what_time_moves_changes_mail_too() -> None:
    lifecycle = Lifecycle(mailing(move("stale", "b", "x", when="days in stage >= 30")))
    lifecycle.admit("p", at=T, start="b")
    (decision,) = lifecycle.tick(T + 90 * DAY)
    assert [(one.id, one.data) for one in decision.requests] == [
        ("p/mail/2024-05-31T09:00:00.000000Z", {"mail": "suspended", "before": "nurture"})
    ]


def test_s12_one_change_of_mail_for_all_hops_of_an_activity() -> None:
    """From where it was to where it is; there and back is no change at all."""
    lifecycle = Lifecycle(
        mailing(
            move("one", "a", "b", when="ready"),
            move("two", "b", "c", when="ready"),
            move("three", "c", "x", when="level >= 1"),
        )
    )
    lifecycle.admit("p", at=T)
    decision = lifecycle.apply(act("1", "changed", T + HOUR, ready=True, level=1))
    assert [one.data for one in decision.requests] == [{"mail": "suspended", "before": "nurture"}]


def test_s12_where_mail_is_in_the_end_as_it_was_nothing_has_changed() -> None:
    """From d over x to y: of d and y the model says nothing."""
    lifecycle = Lifecycle(mailing(move("off", "d", "x", on="off"), move("two", "x", "y")))
    lifecycle.admit("p", at=T, start="d")
    assert lifecycle.apply(act("1", "off", T + HOUR)).requests == ()
    assert lifecycle.person("p").stage == "y"


def test_s12_who_wants_no_mail_gets_none_whatever_the_stage_says() -> None:
    lifecycle = Lifecycle(mailing(*MOVES))
    lifecycle.admit("p", at=T)
    assert lifecycle.mail("p") == "nurture"
    lifecycle.apply(act("1", "unsubscribed", T + HOUR))
    assert lifecycle.mail("p") == "unsubscribed"


def test_s12_a_model_that_says_nothing_of_mail_never_speaks_of_it() -> None:
    book = Book()
    book.happens("go", "off", "again")
    assert book.asked == []


# ------------------------------------------------------------------ what does not build

FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no occasion": ({"entering": ()}, "give either 'entering', a stage, or 'on', an activity"),
    "two occasions": ({"on": "web_visit"}, "give either 'entering', a stage, or 'on', an activity"),
    "no receiver": ({"to": ()}, "nobody gets it"),
    "a list of receivers": ({"to": "$team"}, "give a text"),
    "an unknown field in the text": ({"text": "{compnay}"}, "did you mean 'company'"),
    "an empty place": ({"text": "{}"}, "an empty place"),
    "other braces": ({"text": "{company!r}"}, "other braces have no meaning"),
    "an unknown way": ({"send": "fax"}, "'fax' is none of"),
    "the name of mail": ({"name": "mail"}, "what a change of marketing mail is called"),
    "the name of a deadline": ({"name": "slow"}, "an assignment or a deadline is named 'slow' too"),
    "the name of an assignment": (
        {"name": "who"},
        "is named 'who' too",
    ),
    "a deadline of another stage": ({"entering": "c", "deadline": "slow"}, "enter that alone"),
    "the stage of processing": ({"entering": "new"}, "everybody waits for the sort"),
}


@pytest.mark.parametrize(("changes", "said"), FAULTS.values(), ids=FAULTS.keys())
def test_s5_what_does_not_build(changes: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {
        "name": "one",
        "entering": "b",
        "send": "task",
        "to": "'desk'",
        **changes,
    }
    with pytest.raises(ModelError, match=said):
        small(
            tokens={"team": ("ada", "eve")},
            alerts=(AlertRule(**given),),
            assignment=(AssignmentRule(name="who", entering="b", to="'ada'"),),
            deadlines=(Deadline(name="slow", stage="b", after=HOUR),),
        )
