"""Mutants themselves: what is changed, that each builds, and what is proved of them."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm import Model, load
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.guard import parse_guard, to_text
from lifecycle_fsm.machine import LifecycleMachine, observe
from lifecycle_fsm.model import loads
from lifecycle_fsm.model.toml_files import dumps
from lifecycle_fsm.testing import Bench
from lifecycle_fsm.testing.mutation.generator import Mutant, guard_changes, mutants
from lifecycle_fsm.testing.mutation.runner import Job, Machines, Runner
from lifecycle_fsm.testing.mutation.trials import compare
from lifecycle_fsm.testing.mutation.witness import missing_test
from tests.testing.mutation.small import MODEL

SMALL = loads(MODEL, "small.toml")


@cache
def of_waterfall() -> tuple[Mutant, ...]:
    return mutants(load("waterfall"))


@pytest.mark.parametrize(
    ("guard", "changed"),
    {
        "behavior_score >= 65": {
            "operator": ["behavior_score > 65", "behavior_score == 65"],
            "threshold": ["behavior_score >= 64", "behavior_score >= 66"],
            "negation": ["not behavior_score >= 65"],
            "dropped condition": ["always"],
        },
        "hand_raised and not unsubscribed": {
            "and/or": ["hand_raised or not unsubscribed"],
            "dropped condition": ["not unsubscribed", "hand_raised"],
            "negation": [
                "not hand_raised and not unsubscribed",
                "hand_raised and unsubscribed",
                "not (hand_raised and not unsubscribed)",
            ],
        },
        "role in ['a', 'b']": {
            "list": ["role in ['b']", "role in ['a']"],
            "negation": ["role not in ['a', 'b']"],
            "dropped condition": ["always"],
        },
        "always": {},
        "fits": {"negation": ["not fits"], "dropped condition": ["always"]},
    }.items(),
)
def test_the_changes_of_a_guard(guard: str, changed: dict[str, list[str]]) -> None:
    found: dict[str, list[str]] = {}
    for kind, one in guard_changes(parse_guard(guard)):
        found.setdefault(kind, []).append(to_text(one))
    wanted = {kind: [to_text(parse_guard(one)) for one in texts] for kind, texts in changed.items()}
    assert found == wanted


def told(made: tuple[Mutant, ...], kind: str) -> list[str]:
    return [f"{one.change.where}: {one.change.after}" for one in made if one.change.kind == kind]


def test_what_is_changed_beside_guards() -> None:
    assert told(mutants(SMALL), "threshold") == ["token ready: 9", "token ready: 11"]
    assert told(mutants(SMALL), "wrong target") == [
        "all: to won", "all: to lost", "buys: to lost", "gives_up: to won",
    ]  # fmt: skip
    assert told(mutants(SMALL), "deleted move") == ["buys: nothing", "gives_up: nothing"]
    assert told(mutants(SMALL), "dropped effect") == ["gives_up: nothing"]


def test_s6_a_wrong_target_is_one_that_may_be() -> None:
    found = [one.model for one in mutants(load("two_step")) if one.change.kind == "wrong target"]
    assert len(found) > 10
    for one in found:
        assert loads(dumps(one)) == one


def test_changes_that_say_the_same_are_one_mutant() -> None:
    text = MODEL.replace("behavior_score >= $ready", "behavior_score >= 10")
    found = [one.change.after for one in mutants(loads(text)) if one.change.where == "buys"]
    assert "behavior_score > 10" in found
    assert "behavior_score >= 11" not in found


def test_order_of_rules_and_of_moves() -> None:
    found = told(of_waterfall(), "order")
    assert "no_prospect: customers_contact before no_prospect" in found
    assert "qualified_by_hand_raise: qualified_by_score before qualified_by_hand_raise" in found


def test_a_mutant_names_the_rules_on_which_it_bears_and_whether_others_read_it() -> None:
    by_name = {one.change.where: one.change for one in of_waterfall()}
    assert by_name["guard won"].rules == {
        "customers_contact", "closed_won", "won_early", "won_after_all",
    }  # fmt: skip
    assert by_name["token sdr_team"].elsewhere  # assignment reads it
    assert not by_name["token rest_days"].elsewhere
    assert "guard left_alone" not in by_name, "deadlines alone read it"


def test_every_mutant_builds_and_is_like_no_other() -> None:
    model = load("two_step")
    made = mutants(model)
    versions = Counter(one.id for one in made)
    assert max(versions.values()) == 1
    assert model.version not in versions
    for one in made:
        assert dumps(one.model) != dumps(model)
    for one in made[::10]:
        LifecycleMachine(one.model)


# ---------------------------------------------------------------------- generated guards

ATOMS = st.sampled_from(
    ["behavior_score >= 65", "behavior_score < 20", "hand_raised", "unsubscribed", "owner is known",
     "role in ['a', 'b']", "sales_touched_at >= journey_started_at", "days in stage >= 3",
     "employees == 50"]
)  # fmt: skip
GUARDS = st.recursive(
    ATOMS,
    lambda parts: (
        st.tuples(parts, parts).map(" and ".join)
        | st.tuples(parts, parts).map(lambda two: f"({two[0]} or {two[1]})")
        | parts.map(lambda one: f"not ({one})")
    ),
    max_leaves=4,
)
PEOPLE = st.fixed_dictionaries(
    {
        "behavior_score": st.sampled_from([0, 19, 20, 64, 65, 66]),
        "hand_raised": st.booleans(),
        "unsubscribed": st.booleans(),
        "owner": st.sampled_from([None, "ann"]),
        "role": st.sampled_from([None, "a", "b", "c"]),
        "employees": st.sampled_from([None, 49, 50, 51]),
        "days_in_stage": st.sampled_from([0, 2, 3, 4]),
    }
)


@settings(max_examples=5, deadline=None)
@given(first=GUARDS, second=GUARDS, people=st.lists(PEOPLE, min_size=1, max_size=5))
def test_a_proved_equivalent_decides_alike_and_a_witness_does_not(
    first: str, second: str, people: list[dict[str, Any]]
) -> None:
    buys, gives_up = SMALL.moves
    model = attrs.evolve(
        SMALL,
        moves=(
            attrs.evolve(buys, when=parse_guard(first)),
            attrs.evolve(gives_up, on=None, when=parse_guard(second)),
        ),
    )
    for one in mutants(model):
        assert dumps(one.model) != dumps(model)
        verdict = compare(model, one)
        if verdict.equivalent:
            for person in people:
                assert comes_to(model, person) == comes_to(one.model, person)
        elif verdict.different:
            code = missing_test(model, one, verdict)
            assert code, "a person who is told apart makes a test"
            assert passes(code, model)
            assert not passes(code, one.model)


def comes_to(model: Model, person: dict[str, Any]) -> tuple[str, list[str], bool]:
    bench = Bench(model)
    one = bench.person_in("open", **person)
    rows = bench.ask(one)
    return one.stage, [row.rule for row in rows], one.hand_raised


def passes(code: str, model: Model) -> bool:
    space: dict[str, object] = {"MODEL": model}
    exec(code, space)
    (test,) = [one for name, one in space.items() if name.startswith("test_")]
    try:
        test()  # type: ignore[operator]
    except (AssertionError, LifecycleError):
        return False
    return True


def of(model: Model, where: str, kind: str, after: str = "") -> Mutant:
    return next(
        one
        for one in mutants(model)
        if (one.change.where, one.change.kind) == (where, kind) and after in one.change.after
    )


@pytest.mark.parametrize(
    ("where", "kind", "after", "line"),
    [
        ("buys", "operator", "==", 'bench.assert_moves(person, to="won", by="buys")'),
        ("buys", "dropped condition", "", "bench.assert_stays(person)"),
        ("gives_up", "negation", "", 'bench.assert_refused(person, "give_up")'),
        ("gives_up", "dropped effect", "", "assert person.hand_raised is False"),
        ("all", "wrong target", "won", 'bench.assert_moves(person, to="open", by="all")'),
    ],
)
def test_the_missing_test_says_what_the_model_does(
    where: str, kind: str, after: str, line: str
) -> None:
    mutant = of(SMALL, where, kind, after)
    code = missing_test(SMALL, mutant, compare(SMALL, mutant), "small.toml")
    assert line in code
    assert 'Bench("small.toml")' in code


def test_what_is_equivalent_where_it_is_asked() -> None:
    # Everybody who is unsubscribed is "unsubscribed or hand_raised".
    assert compare(SMALL, of(SMALL, "gives_up", "dropped condition", "unsubscribed")).equivalent
    assert not compare(SMALL, of(SMALL, "gives_up", "and/or")).equivalent


def test_what_other_sections_read_is_not_proved_by_moves_alone() -> None:
    text = MODEL.replace(
        "[[moves]]",
        '[[alerts]]\nname = "tell"\nentering = "won"\nsend = "task"\nto = "owner"\n'
        'when = "odd"\n\n[[moves]]',
        1,
    ).replace("[[stages]]", '[guards]\nodd = "behavior_score >= 10 and days in stage >= 0"\n\n'
              "[[stages]]", 1).replace("behavior_score >= $ready", "odd")  # fmt: skip
    model = loads(text)
    dropped = next(
        one
        for one in mutants(model)
        if one.change.where == "guard odd" and one.change.after == "behavior_score >= 10"
    )
    verdict = compare(model, dropped)
    assert not verdict.different
    assert not verdict.equivalent
    assert "other sections" in verdict.reason


# ---------------------------------------------------------------------- in the place of the model


def test_a_mutant_stands_in_for_its_model_and_goes_without_a_trace() -> None:
    model = loads(MODEL)
    machines = Machines()
    with observe(machines):
        bench = Bench(model)
    before = dict(vars(model)), set(vars(bench.machine))
    mutant = of(model, "buys", "dropped condition")
    with observe(machines), machines.hold(model, mutant.model):
        bench.assert_moves(bench.person_in("open"), to="won", by="buys")
        later = Bench(loads(MODEL))
        later.assert_moves(later.person_in("open"), to="won", by="buys")
        assert later.model.version == model.version, "a test shall not find it by its version"
        other = Bench("two_step")
        other.assert_stays(other.person_in("contact"))
    bench.assert_stays(bench.person_in("open"))
    again = Bench(loads(MODEL))
    again.assert_stays(again.person_in("open"))
    after = Bench(later.model)
    after.assert_stays(after.person_in("open"))
    assert {name: vars(model)[name] for name in before[0]} == before[0]
    assert set(vars(bench.machine)) == before[1]
    assert not hasattr(bench.machine, "nothing_of_that_name")


def test_where_no_mutant_is_tried_the_model_is_put_in_its_own_place() -> None:
    """So that a test that notices that alone fails without a mutant, too."""
    model, machines = loads(MODEL), Machines()
    with observe(machines):
        machine = Bench(model).machine
    before, events = machine.events, []

    def renew() -> None:
        events.append(machine.events)

    result = Runner([], [], 60.0, model, machines, renew).run(Job(None, ()), lambda test: None)
    assert result.ending == "passed"
    assert len(events) == 1
    assert events[0] is not before


def test_what_a_machine_makes_from_its_model_is_made_anew_when_it_is_wired() -> None:
    machine = LifecycleMachine(SMALL)
    made = dict(vars(machine))
    machine.wire(SMALL)
    dropped = set(made) - set(vars(machine))
    assert "events" in dropped
    for name in dropped:
        assert getattr(machine, name) is not made[name] or name in ("_words", "_advance")
    assert set(vars(machine)) == set(made)
