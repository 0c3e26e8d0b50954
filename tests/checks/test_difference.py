"""What a changed model does differently, by meaning, with a person who shows it."""

from __future__ import annotations

import attrs
import pytest

from lifecycle_fsm import Model, Move, load, loads
from lifecycle_fsm.checks.difference import Difference, differences
from lifecycle_fsm.model import shipped_text

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
