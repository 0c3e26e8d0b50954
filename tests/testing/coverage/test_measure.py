"""What is to be seen of a model, what counts as seen, and that whoever is named shows it."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from lifecycle_fsm import Model, Move, SortRule, Stage
from lifecycle_fsm.fields import FieldDef, FieldType
from lifecycle_fsm.machine import LifecycleMachine
from lifecycle_fsm.model import load, shipped
from lifecycle_fsm.testing.bench import Bench
from lifecycle_fsm.testing.coverage.coverage_plugin import pack
from lifecycle_fsm.testing.coverage.coverage_report import (
    as_plain,
    code,
    lines,
    page,
    shown_percent,
    total,
)
from lifecycle_fsm.testing.coverage.measure import Coverage, Kind, measure
from lifecycle_fsm.testing.recorder import ModelRecord, Watch

T = datetime(2024, 6, 3, 12, tzinfo=UTC)


def model(*moves: Move, **more: Any) -> Model:
    given: dict[str, Any] = {
        "name": "measured",
        "stages": (Stage("new"), Stage("a"), Stage("b"), Stage("x", off_path=True)),
        "fields": (FieldDef("level", FieldType("int")), FieldDef("ready", FieldType("bool"))),
        "sort": (SortRule(name="all", target="a", when="otherwise"),),
        "moves": moves,
    }
    return Model(**(given | more))


def up(when: Any, **more: Any) -> Move:
    return Move(name="up", sources="a", target="b", on="rise", when=when, **more)


def seen(one: Model, *asked: Mapping[str, Any]) -> Coverage:
    """The coverage by persons in ``a`` who ask to rise."""
    with Watch() as watch:
        bench = Bench(one)
        for fields in asked:
            bench.machine.fire(bench.person_in("a", **fields), "rise", at=bench.clock.now)
    return measure(one, watch.record.of(one))


@pytest.mark.parametrize(
    ("when", "asked", "expected"),
    [
        # Nothing but the move itself: a guard that always holds has nothing to show.
        ("always", [], {"moved": (0, 1)}),
        ("always", [{}], {"moved": (1, 1)}),
        # One condition: the guard says all of it.
        ("ready", [], {"moved": (0, 1), "guards": (0, 2), "refused": (0, 1)}),
        ("ready", [{}], {"moved": (0, 1), "guards": (1, 2), "refused": (1, 1)}),
        ("ready", [{}, {"ready": True}], {"moved": (1, 1), "guards": (2, 2), "refused": (1, 1)}),
        # Two: each of them, too.
        (
            "ready and level >= 5",
            [{}, {"ready": True, "level": 5}],
            {
                "moved": (1, 1),
                "guards": (2, 2),
                "conditions": (4, 4),
                "decided": (0, 2),
                "refused": (1, 1),
            },
        ),
        (
            "ready and level >= 5",
            [{"level": 5}, {"ready": True, "level": 5}],
            {
                "moved": (1, 1),
                "guards": (2, 2),
                "conditions": (3, 4),
                "decided": (1, 2),
                "refused": (1, 1),
            },
        ),
        # The second can never decide: it is neither missing nor counted.
        (
            "level >= 3 or level >= 5",
            [{"level": 9}],
            {
                "moved": (1, 1),
                "guards": (1, 2),
                "conditions": (2, 4),
                "decided": (0, 1),
                "refused": (0, 1),
            },
        ),
        # The other way round it is redundant where it does not hold.
        (
            "level >= 5 and level >= 3",
            [],
            {
                "moved": (0, 1),
                "guards": (0, 2),
                "conditions": (0, 4),
                "decided": (0, 1),
                "refused": (0, 1),
            },
        ),
        (
            "level >= 5 and level >= 3",
            [{"level": 9}],
            {
                "moved": (1, 1),
                "guards": (1, 2),
                "conditions": (2, 4),
                "decided": (0, 1),
                "refused": (0, 1),
            },
        ),
    ],
)
def test_what_is_counted(
    when: str, asked: list[dict[str, Any]], expected: dict[Kind, tuple[int, int]]
) -> None:
    coverage = seen(model(up(when)), *asked)
    expected = {"sorted": (0, 1), **expected}
    assert {kind: one for kind, one in coverage.totals.items() if one[1]} == expected
    whole = sum(one[0] for one in expected.values()), sum(one[1] for one in expected.values())
    assert coverage.percent == pytest.approx(100 * whole[0] / whole[1])
    assert total([coverage]) == coverage.percent
    assert [one.kind for one in coverage.impossible] == ["decided"] * when.count("3")


def test_a_rule_out_of_several_stages_moves_out_of_each_and_has_one_guard() -> None:
    one = model(Move(name="out", sources=("a", "b"), target="x", when="ready"))
    with Watch() as watch:
        bench = Bench(one)
        bench.machine.evaluate(bench.person_in("a", ready=True), bench.clock.now)
        bench.machine.evaluate(bench.person_in("b"), bench.clock.now)
    coverage = measure(one, watch.record.of(one))
    assert coverage.totals["moved"] == (1, 2)
    assert coverage.totals["guards"] == (2, 2)
    [item] = [one for one in coverage.missing if one.kind == "moved"]
    assert item.shown_by is not None
    assert code(item.shown_by) == 'person_in("b", ready=True)'


def test_what_an_earlier_rule_takes_is_not_asked_for() -> None:
    """A person who shows a rule has to come as far as that rule."""
    one = model(
        Move(name="first", sources="a", target="b", when="level >= 5", priority=1),
        Move(name="second", sources="a", target="x", when="level >= 3", priority=2),
        Move(name="shadowed", sources="a", target="x", when="level >= 4", priority=3),
    )
    coverage = measure(one, ModelRecord())
    states = {item.rule: item for item in coverage.items if item.kind == "moved"}
    assert states["shadowed"].state == "impossible"
    somebody = states["second"].shown_by
    assert somebody is not None
    assert somebody.fields == {"level": 3}


def test_a_callable_takes_part_as_one_condition() -> None:
    def wise(person: Any, now: datetime) -> bool:
        return bool(person.level % 2)

    coverage = seen(model(up(wise)), {"level": 1})
    assert coverage.totals["guards"] == (1, 2)
    [item] = [one for one in coverage.missing if one.kind == "guards"]
    assert item.shown_by is not None
    assert code(item.shown_by) == 'person_in("a"), asked for "rise", if wise answers False'


def test_what_cannot_be_decided_stays_missing_and_says_why() -> None:
    # No square is three more than a multiple of seven; and none is so large that numbers end.
    guard = "level * level == 7 * behavior_score + 3 and level > 1000 and level < 1000000"
    one = model(up(guard))
    item = next(one for one in measure(one, ModelRecord()).missing if one.kind == "moved")
    assert item.shown_by is None
    assert item.unknown
    assert any("nobody can be named" in line for line in lines(measure(one, ModelRecord())))


@pytest.mark.parametrize("name", shipped())
def test_whoever_is_named_shows_what_is_missing(name: str) -> None:
    """From no test at all, following the suggestions leads to all that can be seen."""
    one = load(name)
    coverage = measure(one, ModelRecord())
    assert coverage.percent == 0
    with Watch() as watch:
        bench = Bench(one)
        for _ in range(3):
            for item in coverage.missing:
                somebody = item.shown_by
                assert somebody is not None, item
                fields: dict[str, Any] = dict(somebody.fields)
                person = bench.person_in(somebody.stage, **fields)
                if somebody.trigger:
                    bench.machine.fire(person, somebody.trigger, at=bench.clock.now)
                else:
                    bench.machine.evaluate(person, bench.clock.now)
            coverage = measure(one, watch.record.of(one))
            if not coverage.missing:
                break
    assert coverage.missing == ()
    assert coverage.percent == 100


# -- how it is told --------------------------------------------------------------------------


def test_a_percentage_that_is_not_whole_never_looks_so() -> None:
    assert shown_percent(99.99) == "99.9 %"
    assert shown_percent(100.0) == "100.0 %"


def test_no_model_at_all_is_not_covered() -> None:
    assert total([]) == 0
    assert "No test asked anything" in page([])


def test_the_terminal_tells_the_rule_what_is_missing_and_who_shows_it() -> None:
    coverage = seen(model(up("ready and level >= 5", label="ready to rise")), {"level": 5})
    text = "\n".join(lines(coverage))
    assert "measured (version" in text
    assert "up: A → B, ready to rise" in text
    assert "it moved nobody out of A" in text
    assert "“ready” never decided alone while it held" in text
    assert '→ person_in("a", level=5, ready=True), asked for "rise"' in text


def test_more_than_a_screen_is_not_told_in_the_terminal() -> None:
    coverage = measure(load("waterfall"), ModelRecord())
    told = list(lines(coverage))
    assert len(told) < 90
    assert any("more: --lifecycle-cov-report html" in line for line in told)


def test_the_page_escapes_what_people_write_and_has_signs_beside_colours() -> None:
    one = model(up("ready", label='<script>alert("x")</script> & more'), title="<b>bold</b>")
    text = page([seen(one, {"ready": True})])
    assert "<script" not in text
    assert "<b>bold" not in text
    assert "&lt;script&gt;" in text
    assert "✓" in text
    assert "× never" in text.replace("</span>", "").replace('<span aria-hidden="true">', "")
    assert "http://" not in text.replace("http://www.w3.org/", "")
    assert "https://" not in text


def test_the_page_names_the_tests_that_fired_a_move() -> None:
    one = model(up("ready"))
    with Watch() as watch:
        watch.switch("test_up.py::test_<rise>")
        bench = Bench(one)
        bench.machine.fire(bench.person_in("a", ready=True), "rise", at=bench.clock.now)
    coverage = measure(one, watch.record.of(one))
    assert "test_up.py::test_&lt;rise&gt;" in page([coverage])
    [rule] = [rule for rule in as_plain([coverage])["models"][0]["rules"] if rule["name"] == "up"]
    assert rule["stages"][0]["tests"] == ["test_up.py::test_<rise>"]


# -- from process to process -----------------------------------------------------------------


def test_a_model_travels_without_its_callables() -> None:
    def local(person: Any, now: datetime) -> bool:
        return True

    one = model(up(local))
    packed = pack(one)
    assert packed is not None
    there: Model = pickle.loads(packed)
    assert there.version == one.version
    assert [stage.name for stage in there.stages] == ["new", "a", "b", "x"]
    record = ModelRecord()
    assert as_plain([measure(there, record)]) == as_plain([measure(one, record)])
    machine = LifecycleMachine(there)
    person = machine.person("p")
    machine.enter(person, T)
    machine.evaluate(person, T)
    with pytest.raises(Exception, match="stayed in the process of its tests"):
        machine.fire(person, "rise", at=T)
