"""What a changed model does differently, by meaning, with a person who shows it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from lifecycle_fsm import Model, Move, load, loads
from lifecycle_fsm.checks.difference import Difference, differences
from lifecycle_fsm.model import from_plain, shipped_text
from tests.model.test_version import BASE, MEANING, WORDS

TEXT = shipped_text("waterfall")
OLD = load("waterfall")


def changed(*edits: tuple[str, str]) -> Model:
    text = TEXT
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    return loads(text)


def found(*edits: tuple[str, str]) -> dict[tuple[str, str], Difference]:
    return {(one.part, one.name): one for one in differences(OLD, changed(*edits))}


def test_the_same_model_has_no_difference() -> None:
    assert differences(OLD, load("waterfall")) == ()


def test_labels_make_no_difference() -> None:
    assert found(('label = "Closed won"', 'label = "They bought"')) == {}


def test_r43_a_lower_threshold_is_looser_wherever_it_is_read() -> None:
    told = found(("mql_threshold = 65", "mql_threshold = 50"))
    assert told["token", "mql_threshold"].after == "50"
    for part in (("guard of sort", "sorted_by_score"), ("guard of move", "qualified_by_score")):
        assert told[part].change == "looser"
        assert told[part].gains == {"behavior_score": 50, "demographic_score": 20}
        assert told[part].loses is None
    assert told["sorted", "to mql, not mal"].gains == {
        "behavior_score": 50,
        "demographic_score": 20,
    }


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (
            'when = "hand_raised"\nto = "mql"',
            'when = "hand_raised and fits"\nto = "mql"',
            "stricter",
        ),
        ('when = "hand_raised"\nto = "mql"', 'when = "hand_raised or fits"\nto = "mql"', "looser"),
        ('when = "hand_raised"\nto = "mql"', 'when = "fits"\nto = "mql"', "other"),
        ('when = "hand_raised"\nto = "mql"', 'when = "not not hand_raised"\nto = "mql"', None),
        (
            'when = "hand_raised"\nto = "mql"',
            'when = "hand_raised or (hand_raised and fits)"\nto = "mql"',
            "same",
        ),
    ],
)
def test_guards_by_their_meaning(old: str, new: str, change: str | None) -> None:
    one = found((old, new)).get(("guard of sort", "sorted_by_hand_raise"))
    assert (one.change if one else None) == change
    if one is not None:
        assert (one.gains is not None) == (change in ("looser", "other"))
        assert (one.loses is not None) == (change in ("stricter", "other"))


def test_an_order_of_the_sort_that_matters_shows_who_goes_elsewhere() -> None:
    rules = list(OLD.sort)
    rules[4], rules[5] = rules[5], rules[4]  # sales made them, and they raised a hand
    told = {(one.part, one.name): one for one in differences(OLD, attrs.evolve(OLD, sort=rules))}
    assert told["sort", "order"].change == "moved"
    assert told["sorted", "to mql, not sal"].gains == {"hand_raised": True, "sourced_by": "sales"}


def test_stages_moves_effects_and_silos() -> None:
    told = found(
        ('to = "recycled"\non = "sales_rejected"', 'to = "recycled"\non = "not_now"'),
        ("points = 20\n", "points = 25\n"),
    )
    assert "on not_now" in told["move", "recycled_by_sales"].after
    assert "points = 25" in told["scoring", "decision_maker"].after
    extra = Move(sources="mal", target="recycled", on="rest", name="rest_them")
    more = differences(OLD, attrs.evolve(OLD, moves=(*OLD.moves, extra)))
    assert [(one.part, one.name, one.change) for one in more] == [("move", "rest_them", "added")]
    fewer = differences(attrs.evolve(OLD, moves=(*OLD.moves, extra)), OLD)
    assert [(one.part, one.name, one.change) for one in fewer] == [("move", "rest_them", "removed")]


def test_what_is_told_reads_as_a_sentence() -> None:
    one = found(("mql_threshold = 65", "mql_threshold = 50"))["guard of move", "qualified_by_score"]
    assert str(one).splitlines() == [
        "guard of move qualified_by_score: looser",
        "  - fits and interested  (demographic_score >= 20 and behavior_score >= 65)",
        "  + fits and interested  (demographic_score >= 20 and behavior_score >= 50)",
        "  now also: behavior score 50, demographic score 20",
    ]


@pytest.mark.parametrize("change", MEANING.values(), ids=MEANING.keys())
def test_s28_another_version_is_a_difference(change: Callable[[dict[str, Any]], Any]) -> None:
    plain = copy.deepcopy(BASE)
    change(plain)
    assert any(one.change != "same" for one in differences(from_plain(BASE), from_plain(plain)))


@pytest.mark.parametrize("change", WORDS.values(), ids=WORDS.keys())
def test_s28_words_are_no_difference(change: Callable[[dict[str, Any]], Any]) -> None:
    plain = copy.deepcopy(BASE)
    change(plain)
    assert differences(from_plain(BASE), from_plain(plain)) == ()


def test_s28_a_token_that_gives_way_to_its_number_is_no_longer_followed() -> None:
    numbers = changed(('"days in stage >= $rest_days"', '"days in stage >= 90"'))
    (one,) = differences(OLD, numbers)
    assert (one.part, one.name, one.change) == ("guard of move", "rested", "changed")
    assert str(one).endswith("it no longer follows $rest_days")
    (back,) = differences(numbers, OLD)
    assert back.note == "it now follows $rest_days"


def test_a_named_guard_that_is_written_out_decides_the_same() -> None:
    (one,) = differences(
        OLD, changed(('when = "opportunity_open"', 'when = "open_opportunities >= 1"'))
    )
    assert (one.change, one.note) == ("same", "")


def test_who_is_shown_stands_where_the_move_is_asked_for() -> None:
    moves = {one.name: one for one in OLD.moves}

    def told(when: str) -> Difference:
        other = attrs.evolve(moves["ruled_out"], when=when)
        new = attrs.evolve(OLD, moves=tuple({**moves, "ruled_out": other}.values()))
        (one,) = differences(OLD, new)
        return one

    stricter = told("stage in ['mql', 'customer']")
    assert stricter.change == "stricter"
    assert stricter.loses is not None
    assert stricter.loses["stage"] in {"mal", "sal", "sql", "recycled"}
    # Nobody is asked there, so that leaving these out leaves out nobody.
    assert told("stage != 'customer' and stage != 'processing'").change == "same"
