"""Who shall work on a person: a decision list that names, and accepts nothing [S18]."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from lifecycle_fsm import Decision, ModelError, Person
from lifecycle_fsm.model import AlertRule, AssignmentRule, Deadline
from lifecycle_fsm.orchestrator import Orchestrator
from lifecycle_fsm.stable_hash import stable_choice
from tests.machine.small import DAY, HOUR, T, act, admitted, move, running, small

MOVES = (
    move("go", "a", "b", on="go"),
    move("accept", "b", "c", when="owner is known"),
    move("off", ("a", "b", "c"), "x", on="off"),
    move("again", "x", "b", on="again"),
)


def rule(name: str, to: Any, **more: Any) -> AssignmentRule:
    given: dict[str, Any] = {"entering": "b", **more}
    if "on" in more:
        del given["entering"]
    return AssignmentRule(name=name, to=to, **given)


def entered(*rules: AssignmentRule, **more: Any) -> tuple[Person, Decision]:
    """Somebody who has just entered ``b``, and what was decided then."""
    orchestrator, person = running(*MOVES, assignment=rules, **more)
    return person, orchestrator.apply(act("1", "go", T + HOUR))


# ------------------------------------------------------------------ the list

#: The rules, the fields of the person, and who is named.
LISTS: dict[str, tuple[tuple[AssignmentRule, ...], dict[str, Any], str | None]] = {
    "a text": ((rule("one", "'ada'"),), {}, "ada"),
    "a token": ((rule("one", "$boss"),), {}, "grace"),
    "a field": ((rule("one", "source"),), {"source": "web"}, "web"),
    "the first that holds": (
        (rule("one", "'ada'", when="level >= 1"), rule("two", "'eve'"), rule("three", "'bob'")),
        {},
        "eve",
    ),
    "an earlier one": (
        (rule("one", "'ada'", when="level >= 1"), rule("two", "'eve'")),
        {"level": 1},
        "ada",
    ),
    "nobody where none holds": ((rule("one", "'ada'", when="level >= 1"),), {}, None),
    "a field that is not known goes on": ((rule("one", "owner"), rule("two", "'eve'")), {}, "eve"),
    "an empty text goes on": (
        (rule("one", "source"), rule("two", "'eve'")),
        {"source": ""},
        "eve",
    ),
    "nobody known at all": ((rule("one", "owner"),), {}, None),
    "who was named before stays where no rule names anybody": (
        (rule("one", "owner"),),
        {"assigned_to": "old"},
        "old",
    ),
    "who was named before is replaced": (
        (rule("one", "'ada'"),),
        {"assigned_to": "old"},
        "ada",
    ),
    "another stage": ((rule("one", "'ada'", entering="c"), rule("two", "'eve'")), {}, "eve"),
    "one of several stages": ((rule("one", "'ada'", entering=("c", "b")),), {}, "ada"),
    "an activity that did not come": ((rule("one", "'ada'", on="web_visit"),), {}, None),
}


@pytest.mark.parametrize(("rules", "fields", "who"), LISTS.values(), ids=LISTS.keys())
def test_s18_the_first_rule_that_holds_and_names_somebody(
    rules: tuple[AssignmentRule, ...], fields: dict[str, Any], who: str | None
) -> None:
    person, decision = entered(*rules, fields=fields, tokens={"boss": "grace"})
    assert person.assigned_to == who
    assert decision.requests == ()  # no text, no task


def test_s18_rules_see_the_person_as_the_move_left_it() -> None:
    orchestrator, person = running(
        move("go", "a", "b", on="go", then={"level": 7}),
        assignment=(rule("one", "'ada'", when="level == 7 and stage == 'b'"),),
    )
    orchestrator.apply(act("1", "go", T + HOUR))
    assert person.assigned_to == "ada"


def test_s18_assigned_is_not_accepted() -> None:
    """It names; who owns the record says the CRM."""
    person, decision = entered(rule("one", "'ada'"))
    assert (person.stage, decision.result) == ("b", "moved")
    assert (person.owner, person.owner_changed_at, person.sales_touched_at) == (None, None, None)


def test_s18_to_accept_is_an_activity_of_the_crm() -> None:
    orchestrator, person = running(*MOVES, assignment=(rule("one", "'ada'"),))
    orchestrator.apply(act("1", "go", T + HOUR))
    orchestrator.tick(T + 300 * DAY)
    assert person.stage == "b"
    orchestrator.apply(act("2", "owner_changed", T + 301 * DAY, owner="ada"))
    assert person.stage == "c"


def test_s12_who_goes_on_at_once_is_assigned_where_they_stay() -> None:
    orchestrator = Orchestrator(
        small(
            move("one", "a", "b", when="ready"),
            move("two", "b", "c", when="ready"),
            assignment=(rule("one", "'ada'"), rule("two", "'eve'", entering="c")),
        )
    )
    assert admitted(orchestrator, ready=True).assigned_to == "eve"


def test_s18_each_entry_is_asked_anew() -> None:
    orchestrator, person = running(*MOVES, assignment=(rule("one", "source"),))
    for number, (kind, source, who) in enumerate(
        [("go", "web", "web"), ("off", "fair", "web"), ("again", "fair", "fair")]
    ):
        at = T + (number + 1) * DAY
        orchestrator.apply(act(f"c{number}", "changed", at, source=source))
        orchestrator.apply(act(str(number), kind, at))
        assert person.assigned_to == who


def test_s20_time_assigns_as_activities_do() -> None:
    orchestrator, person = running(
        move("grown", "a", "b", when="days in stage >= 3"),
        assignment=(rule("one", "'ada'", text="take {id}"),),
    )
    (decision,) = orchestrator.tick(T + 9 * DAY)
    (task,) = decision.requests
    assert (person.assigned_to, task.to, task.activity) == ("ada", "ada", None)
    assert task.id == "p/one/2024-05-04T09:00:00.000000Z"


# ------------------------------------------------------------------ by activity


#: What happens, in which stage, and who is named.
LISTENING: dict[str, tuple[str, dict[str, Any], str | None]] = {
    "what it brings holds": ("form_filled", {"form": "demo"}, "eve"),
    "what it brings does not": ("form_filled", {"form": "news"}, None),
    "a field that it has just written": ("owner_changed", {"owner": "bob"}, "bob"),
    "nobody listens to it": ("web_visit", {}, None),
}


@pytest.mark.parametrize(("kind", "payload", "who"), LISTENING.values(), ids=LISTENING.keys())
@pytest.mark.parametrize("start", ["a", "d", "x"])
def test_s18_an_activity_assigns_in_any_stage(
    kind: str, payload: dict[str, Any], who: str | None, start: str
) -> None:
    orchestrator, person = running(
        *MOVES,
        assignment=(
            rule("asks", "'eve'", on="form_filled", when="activity.form == 'demo'"),
            rule("taken", "owner", on="owner_changed"),
        ),
        fields={"start": start},
    )
    decision = orchestrator.apply(act("1", kind, T + HOUR, **payload))
    assert (person.assigned_to, person.stage) == (who, start)
    assert decision.requests == ()


def test_s18_an_activity_and_the_stage_it_leads_to_are_one_list() -> None:
    """In the order written, whatever a rule listens to; and one person is named, once."""
    for order, who in (((0, 1), "ada"), ((1, 0), "eve")):
        rules = (rule("entry", "'ada'", text="t"), rule("asked", "'eve'", on="go", text="t"))
        person, decision = entered(*(rules[place] for place in order))
        assert person.assigned_to == who
        assert [one.to for one in decision.requests] == [who]


def test_s14_activities_during_processing_assign_after_the_sort() -> None:
    orchestrator = Orchestrator(
        small(
            *MOVES,
            assignment=(
                rule("visits", "'eve'", on="web_visit", text="{id} at {stage}"),
                rule("starts", "'ada'", entering="a", text="{id} at {stage}"),
            ),
        )
    )
    orchestrator.apply(act("0", "created", T))
    for number in range(2):
        decision = orchestrator.apply(act(str(number + 1), "web_visit", T))
        assert (decision.requests, orchestrator.people["p"].assigned_to) == ((), None)
    decision = orchestrator.process("p", T)
    assert [(one.id, one.to, one.text) for one in decision.requests] == [
        ("p/starts/processed", "ada", "p at a"),
        ("p/visits/1", "eve", "p at a"),
        ("p/visits/2", "eve", "p at a"),
    ]
    assert orchestrator.people["p"].assigned_to == "eve"


# ------------------------------------------------------------------ round robin


def test_s16_a_list_is_shared_out_by_a_stable_hash() -> None:
    team = ("ada", "bob", "eve")
    orchestrator = Orchestrator(
        small(
            *MOVES,
            tokens={"team": team},
            assignment=(rule("shared", "$team"),),
        )
    )
    found: Counter[str | None] = Counter()
    for number in range(300):
        person = admitted(orchestrator, f"p{number}")
        orchestrator.apply(act("1", "go", T + HOUR, f"p{number}"))
        assert person.assigned_to == stable_choice(team, "shared", f"p{number}")
        found[person.assigned_to] += 1
    assert set(found) == set(team)
    assert min(found.values()) > 70


#: From a shell: ``printf shared:p-1 | sha256sum``, its first 15 digits, modulo three.
KNOWN = {"p-1": "bob", "p-2": "eve", "p-3": "bob", "p-4": "eve"}


def test_s16_whose_turn_it_is_does_not_depend_on_who_came_before() -> None:
    """Known answers, for ever: another engine has to give the same."""
    model = small(
        *MOVES, tokens={"team": ("ada", "bob", "eve")}, assignment=(rule("shared", "$team"),)
    )
    named: list[dict[str, str | None]] = []
    for order in (("p-1", "p-2", "p-3", "p-4"), ("p-4", "p-2", "p-1", "p-3")):
        orchestrator = Orchestrator(model)
        for name in order:
            admitted(orchestrator, name)
            orchestrator.apply(act("1", "go", T + HOUR, name))
        named.append({name: orchestrator.people[name].assigned_to for name in sorted(order)})
    assert named[0] == named[1] == KNOWN


def test_s16_a_person_stays_with_one_of_the_list_for_each_rule() -> None:
    orchestrator, person = running(
        *MOVES,
        tokens={"team": tuple(f"rep{n}" for n in range(50))},
        assignment=(rule("shared", "$team"),),
    )
    orchestrator.apply(act("1", "go", T + HOUR))
    first = person.assigned_to
    orchestrator.apply(act("2", "off", T + 2 * HOUR))
    orchestrator.apply(act("3", "again", T + 3 * HOUR))
    assert (person.assigned_to, person.journey) == (first, 2)


# ------------------------------------------------------------------ the task


def test_s18_the_task_goes_to_whoever_was_named_and_is_due_by_the_deadline() -> None:
    person, decision = entered(
        rule(
            "one",
            "'ada'",
            text="{assigned_to} calls {id} of {company}",
            include=("company", "level"),
            deadline="slow",
        ),
        deadlines=(Deadline(name="slow", stage="b", after=4 * HOUR),),
        fields={"company": "Acme"},
    )
    (task,) = decision.requests
    assert (task.rule, task.channel, task.to, task.state) == ("one", "task", "ada", "sent")
    assert task.text == "ada calls p of Acme"
    assert task.data == {"company": "Acme", "level": 0}
    assert (task.at, task.due_at) == (T + HOUR, T + 5 * HOUR)
    assert (task.id, task.stage, task.activity) == ("p/one/1", "b", "1")
    assert person.assigned_to == "ada"


def test_s18_of_the_list_only_the_rule_that_named_somebody_asks() -> None:
    _, decision = entered(
        rule("one", "owner", text="one"), rule("two", "'eve'"), rule("three", "'bob'", text="three")
    )
    assert decision.requests == ()


def test_s24_a_task_that_links_to_the_crm_waits_and_still_goes_to_whoever_was_named() -> None:
    orchestrator, person = running(
        *MOVES, assignment=(rule("one", "'ada'", text="take {id}", links_to_crm=True),)
    )
    (held,) = orchestrator.apply(act("1", "go", T + HOUR)).requests
    assert (held.state, held.to) == ("held", "ada")
    orchestrator.apply(act("2", "changed", T + 2 * HOUR, assigned_to="eve"))
    (released,) = orchestrator.apply(act("3", "crm_synced", T + 3 * HOUR)).requests
    assert (released.state, released.to, released.id) == ("released", "ada", held.id)
    assert person.assigned_to == "eve"


def test_s18_assignment_comes_before_alerts_which_see_who_was_named() -> None:
    _, decision = entered(
        rule("one", "'ada'", text="take {id}"),
        alerts=(
            AlertRule(
                name="call", entering="b", send="task", to=("assigned_to", "'desk'"), text="{id}"
            ),
        ),
    )
    assert [(one.rule, one.to) for one in decision.requests] == [("one", "ada"), ("call", "ada")]


@pytest.mark.parametrize("occasion", [{"on": "crm_synced"}, {"entering": "c"}], ids=str)
def test_s18_what_has_waited_for_the_crm_sees_who_was_assigned_as_it_goes_out(
    occasion: dict[str, str],
) -> None:
    orchestrator, _ = running(
        *MOVES,
        move("known", "b", "c", when="crm_synced_at is known"),
        assignment=(rule("one", "'ada'", **occasion),),
        alerts=(
            AlertRule(
                name="seen",
                on="web_visit",
                send="task",
                to=("assigned_to", "'desk'"),
                text="{assigned_to}",
                links_to_crm=True,
            ),
        ),
    )
    orchestrator.apply(act("1", "go", T + HOUR))
    (held,) = orchestrator.apply(act("2", "web_visit", T + HOUR)).requests
    assert (held.state, held.to) == ("held", "desk")
    (released,) = orchestrator.apply(act("3", "crm_synced", T + 2 * HOUR)).requests
    assert (released.state, released.to, released.text) == ("released", "ada", "ada")


# ------------------------------------------------------------------ what does not build

FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "nobody": ({"to": ()}, "name one in 'to'"),
    "two": ({"to": ("owner", "'ada'")}, "name one in 'to'"),
    "no field": ({"to": "ada"}, "a text has quotes of its own"),
    "no text": ({"to": "level"}, "give a text or a list of texts"),
    "no token": ({"to": "$team"}, "no token named 'team'"),
    "no occasion": ({"entering": ()}, "give either 'entering', a stage, or 'on', an activity"),
    "the stage of processing": ({"entering": "new"}, "everybody waits for the sort"),
    "the name of a deadline": ({"name": "slow"}, "a deadline is named 'slow' too"),
}


@pytest.mark.parametrize(("changes", "said"), FAULTS.values(), ids=FAULTS.keys())
def test_s5_what_does_not_build(changes: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"name": "one", "to": "'ada'", "entering": "b", **changes}
    with pytest.raises(ModelError, match=said):
        small(
            assignment=(AssignmentRule(**given),),
            deadlines=(Deadline(name="slow", stage="b", after=HOUR),),
        )
