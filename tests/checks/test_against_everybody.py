"""The checks against the plain way: asking every person there can be, and running them.

The models here have so few persons that all of them can be looked at. What a check says must be
what comes of that, and whom it prints must show it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from itertools import product
from typing import Any

import attrs
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from lifecycle_fsm import ActivityKind, LifecycleMachine, Model, Move, Person, SortRule, Stage
from lifecycle_fsm.checks import Finding, check
from lifecycle_fsm.checks.redundant_conditions import without_one
from lifecycle_fsm.fields import FieldDef, FieldType
from lifecycle_fsm.guard import Guard, Known, Not, compile_guard, parse_guard
from lifecycle_fsm.proof import NOW
from tests.checks.seeded import holds, places, somebody
from tests.lengths import examples

DAY, TICK = timedelta(days=1), timedelta(microseconds=1)
FIELDS = (
    FieldDef("level", FieldType("int", minimum=0, maximum=6)),
    FieldDef("bonus", FieldType("int", nullable=True, minimum=0, maximum=3)),
    FieldDef("ready", FieldType("bool")),
    FieldDef("plan", FieldType("str", nullable=True, choices=("basic", "pro"))),
)
STAGES = (*(Stage(name) for name in ("new", "a", "b", "c")), Stage("x", off_path=True))
OTHERWISE = SortRule(name="otherwise", target="a", when="otherwise")

ATOMS = st.one_of(
    st.builds("level {} {}".format, st.sampled_from(["<", ">=", "=="]), st.integers(0, 6)),
    st.builds("bonus {} {}".format, st.sampled_from(["<", ">=", "=="]), st.integers(0, 3)),
    st.builds("level {} bonus".format, st.sampled_from(["<", ">=", "=="])),
    st.builds("level + bonus >= {}".format, st.integers(1, 9)),
    st.builds("level * 0.5 >= {}".format, st.integers(1, 3)),
    st.builds("days in stage {} {}".format, st.sampled_from(["<", ">="]), st.integers(1, 3)),
    st.sampled_from(
        ["ready", "plan == 'pro'", "plan in ['basic', 'pro']", "plan is known", "bonus is missing"]
    ),
)


def joined(below: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(below, min_size=2, max_size=3)
    return st.one_of(
        several.map(lambda parts: f"({' and '.join(parts)})"),
        several.map(lambda parts: f"({' or '.join(parts)})"),
        below.map(lambda part: f"not {part}"),
    )


GUARDS = st.recursive(ATOMS, joined, max_leaves=5)
thoroughly = settings(
    max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def made(*moves: Move, sort: tuple[SortRule, ...] = (), **more: Any) -> Model:
    return Model(
        name="tiny", stages=STAGES, fields=FIELDS, sort=(*sort, OTHERWISE), moves=moves, **more
    )


@cache
def everybody() -> tuple[Person, ...]:
    """Every person of such a model whom a guard can tell apart from the others."""
    machine = LifecycleMachine(made())
    return tuple(_everybody(machine))


def _everybody(machine: LifecycleMachine, days: int = 5) -> Iterator[Person]:
    for level, bonus, ready, plan, day in product(
        range(7), (None, 0, 1, 2, 3), (False, True), (None, "basic", "pro"), range(days)
    ):
        person = machine.person("ann", level=level, bonus=bonus, ready=ready, plan=plan)
        machine.begin(person, NOW - day * DAY, None)
        person._stage = "a"
        yield person


def asked(model: Model, guard: Guard | str) -> list[bool]:
    """Of whom the guard holds."""
    tree = parse_guard(guard) if isinstance(guard, str) else guard
    test: Callable[..., bool] = compile_guard(tree, model.vocabulary)
    return [test(person, NOW) for person in everybody()]


def one_of(model: Model, name: str, where: str) -> Finding | None:
    found = [
        one
        for one in check(model)
        if one.check == name and any(place.startswith(where) for place in (one.where, *one.also))
    ]
    assert len(found) <= 1, found
    return found[0] if found else None


def agree(found: Finding | None, fault: str, truly: bool) -> bool:
    """Whether the fault was told; that it was told exactly where there is one, if it is decided."""
    verdict = found.fault if found is not None else "nothing"
    event(verdict)
    if verdict != "not decided":
        assert (verdict == fault) is truly, (found, truly)
    return verdict == fault


def unsure(model: Model, where: str) -> bool:
    """Whether it is not decided that a guard is dead: then it may be said to be shadowed, which is
    true of it as well."""
    found = one_of(model, "guard_never", where)
    return found is not None and found.fault == "not decided"


@thoroughly
@given(GUARDS, GUARDS)
@example("level * 0.5 >= 2", "not level >= 0 and not (level < bonus and level + bonus >= 1)")
def test_two_moves_overlap_where_somebody_can_make_both(one: str, other: str) -> None:
    model = made(
        Move(name="one", sources="a", target="b", when=one),
        Move(name="other", sources="a", target="b", when=other),
    )
    truly = any(map(all, zip(asked(model, one), asked(model, other), strict=True)))
    found = one_of(model, "overlapping_moves", "moves[1]")
    if agree(found, "overlap", truly):
        assert found is not None
        person = somebody(model, found)
        assert holds(model, one, person)
        assert holds(model, other, person)


@thoroughly
@given(GUARDS, GUARDS)
def test_a_move_is_shadowed_where_another_takes_everybody_before(one: str, other: str) -> None:
    model = made(
        Move(name="one", sources="a", target="b", when=one),
        Move(name="other", sources="a", target="b", when=other, priority=1),
    )
    before, own = asked(model, one), asked(model, other)
    truly = any(own) and not any(b and not a for a, b in zip(before, own, strict=True))
    found = one_of(model, "overlapping_moves", "moves[1]")
    if found is not None and not any(own):
        assert unsure(model, "moves[1]")
    elif agree(found, "shadowed", truly):
        assert found is not None
        assert holds(model, other, somebody(model, found))


@thoroughly
@given(st.lists(GUARDS, min_size=2, max_size=3))
@example(["level < bonus", "level < bonus and level + bonus >= 6"])
def test_a_rule_of_the_sort_is_shadowed_where_nobody_is_left_for_it(whens: list[str]) -> None:
    rules = [SortRule(name=f"rule{at}", target="a", when=when) for at, when in enumerate(whens)]
    model = made(sort=tuple(rules))
    left = [True] * len(everybody())
    for at, when in enumerate([*whens, "always"]):
        # Nobody has been in processing for a while: the check looks at any time there.
        own = asked(model, when)
        truly = any(own) and not any(a and b for a, b in zip(left, own, strict=True))
        found = one_of(model, "sort_rules", f"sort[{at}]")
        if found is not None and not any(own):
            assert unsure(model, f"sort[{at}]")
        elif agree(found, "shadowed", truly) and found is not None and found.person:
            assert holds(model, when, somebody(model, found))
        left = [a and not b for a, b in zip(left, own, strict=True)]


@thoroughly
@given(GUARDS)
def test_a_condition_is_dead_always_true_or_has_idle_parts(text: str) -> None:
    model = made(Move(name="one", sources="a", target="b", when=text))
    whole = parse_guard(text)
    told = asked(model, whole)
    agree(one_of(model, "guard_never", "moves[0]"), "dead", not any(told))
    agree(one_of(model, "guard_always", "moves[0]"), "always", all(told))
    idle = any(
        asked(model, rest) == told
        for part, rest in without_one(whole)
        if not isinstance(part.guard if isinstance(part, Not) else part, Known)
    )
    found = [one for one in check(model) if one.check == "redundant_conditions"]
    if not any(one.fault == "not decided" for one in found):
        assert bool(found) is (idle and any(told) and not all(told))


# ------------------------------------------------------------------ ping-pong, by running them

EFFECTS = st.fixed_dictionaries(
    {},
    optional={
        "level": st.sampled_from([0, "level * 0.5", "min(level, 3)", "max(level, 2)"]),
        "ready": st.sampled_from([False, True, "level >= 3"]),
        "plan": st.just("'basic'"),
    },
)

#: Mostly not on entry: who waits then is told of by another check.
AFTER_A_WHILE = st.one_of(
    GUARDS,
    *(GUARDS.map(f"days in stage >= {days} and {{}}".format) for days in (1, 2, 3)),
)


def came_back(model: Model, machine: LifecycleMachine, person: Person) -> set[str]:
    """What comes of it when somebody goes to the detour: the return holds on entry, so that it
    waits; or it comes to hold, and they are sent on at once."""
    back = places(model)["back"]
    person._stage = "b"
    if machine.evaluate(person, NOW).moved:
        return set()  # was not at rest
    machine.fire(person, "ask", at=NOW)
    if person.stage != "x":
        return set()
    happens = {"waits"} if holds(model, back, person) else set()
    for day in range(1, 10):
        turn = NOW + day * DAY
        if holds(model, back, person, turn) and not holds(model, back, person, turn - TICK):
            # The same return by its day, so that only the day decides.
            moves = [
                attrs.evolve(move, when=f"days in stage >= {day}") if move.name == "back" else move
                for move in model.moves
            ]
            machine = LifecycleMachine(attrs.evolve(model, moves=moves))
            fields = {one.name: getattr(person, one.name) for one in FIELDS}
            again = machine.person("ann", **fields)
            machine.begin(again, NOW, None)
            again._stage = "x"
            machine.evaluate(again, turn)
            happens |= (
                {"on"} if [row.rule for row in again.history][1:3] == ["back", "on"] else set()
            )
            break
    return happens


@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(GUARDS, AFTER_A_WHILE, GUARDS, GUARDS, EFFECTS, EFFECTS)
@example("ready", "days in stage < 1 or days in stage >= 3", "ready", "bonus >= 3", {}, {})
def test_who_waits_and_who_swings_is_told_where_somebody_runs_into_it(
    leave: str, back: str, on: str, beside: str, left: dict[str, Any], returned: dict[str, Any]
) -> None:
    model = made(
        Move(name="leave", sources="b", target="x", when=leave, on="ask", then=left),
        Move(name="back", sources="x", target="a", when=back, then=returned),
        Move(name="on", sources="a", target="b", when=on),
        Move(name="beside", sources="b", target="c", when=beside),
        kinds=[ActivityKind(name="ask", trigger="ask")],
    )
    machine = LifecycleMachine(model)
    ran = {
        one for person in _everybody(machine, days=1) for one in came_back(model, machine, person)
    }
    swings = one_of(model, "ping_pong", "moves[0]")
    waits = one_of(model, "ping_pong", "moves[1]")
    event(f"{swings and swings.fault}, {waits and waits.fault}, {sorted(ran)}")
    assert swings is not None or "on" not in ran
    assert waits is not None or "waits" not in ran
    # What the guards of the source say of the time in it is not looked at.
    if swings and swings.fault == "ping-pong" and "days in stage" not in leave + beside:
        assert "on" in came_back(model, machine, somebody(model, swings, machine))
    if waits and waits.fault == "waits":
        assert "waits" in came_back(model, machine, somebody(model, waits, machine))
