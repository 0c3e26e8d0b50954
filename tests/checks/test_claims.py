"""What a company asserts of its model: proved, or shown to be broken by a person."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from lifecycle_fsm import Claim, Lifecycle, ModelError, dumps, load, loads
from lifecycle_fsm.checks import Finding, check
from lifecycle_fsm.model import Model

WATERFALL = attrs.evolve(load("waterfall"), claims=())


def claiming(*claims: Claim) -> Model:
    return attrs.evolve(WATERFALL, claims=claims)


def found(*claims: Claim) -> list[Finding]:
    return [one for one in check(claiming(*claims)) if one.check == "claims"]


@pytest.mark.parametrize(
    "claim",
    [
        {"entering": "mal", "by": "sort", "never": "hand_raised"},
        {"entering": "mql", "by": "sort", "always": "hand_raised or behavior_score >= 65"},
        {"entering": "mql", "by": "sort", "never": "domain in $competitors"},
        {"entering": "customer", "always": "won"},
        {"entering": "recycled", "never": "hand_raised"},
        {"entering": "recycled", "always": "behavior_score < $mql_threshold"},
        {"entering": ["recycled", "disqualified"], "by": "moves", "never": "hand_raised"},
        {"entering": "sal", "by": "accepted", "always": "sales_owns"},
        {"always": "days in stage == 0"},
        {"entering": "mal", "by": "rested", "always": "stage == 'mal'"},
        {
            "entering": "mal",
            "by": ["rested", "reinstated"],
            "never": "sales_touched_at > journey_started_at",
        },
    ],
)
def test_what_is_true_of_everybody_is_no_finding(claim: dict[str, Any]) -> None:
    assert found(Claim(name="c", **claim)) == []


@pytest.mark.parametrize(
    ("claim", "by", "person"),
    [
        ({"entering": "mal", "never": "hand_raised"}, "reinstated", {"hand_raised": True}),
        (
            {"entering": "mql", "always": "behavior_score >= 65"},
            "sorted_by_hand_raise",
            {"hand_raised": True},
        ),
        (
            {"entering": "mql", "by": "moves", "always": "fits"},
            "qualified_by_hand_raise",
            {"hand_raised": True},
        ),
        ({"entering": "sql", "by": "sort", "never": "hand_raised"}, "on_open_opportunity", {}),
    ],
)
def test_what_is_not_true_is_shown_by_a_person(
    claim: dict[str, Any], by: str, person: dict[str, Any]
) -> None:
    (one,) = found(Claim(name="c", because="we agreed", **claim))
    assert one.severity == "error"
    assert one.fault == "broken claim"
    assert repr(by) in one.message
    assert "(we agreed)" in one.message
    assert person.items() <= one.person.items()


def test_the_person_really_breaks_the_claim() -> None:
    (one,) = found(Claim(name="c", entering="sql", by="sort", never="hand_raised"))
    lifecycle = Lifecycle(WATERFALL)
    given = {name: value for name, value in one.person.items() if name != "stage"}
    somebody = lifecycle.admit("somebody", at="2024-06-03T12:00Z", **given)
    assert somebody.stage == "sql"
    assert somebody.hand_raised


ANY = {"entering": "mql", "by": "sorted_by_score", "given": "$mql_threshold >= 40"}


def test_a_claim_for_any_value_of_a_token() -> None:
    assert found(Claim(name="c", always="behavior_score >= 40", **ANY)) == []
    (one,) = found(Claim(name="c", always="behavior_score >= 41", **ANY))
    assert one.fault == "broken claim"
    assert "$mql_threshold 40" in one.shows
    assert one.code == ""


def test_arithmetic_with_such_a_token_is_for_the_solver() -> None:
    pytest.importorskip("z3")
    cooled = Claim(
        name="c",
        entering="recycled",
        by="moves",
        always="behavior_score < $mql_threshold",
        given="$mql_threshold >= 1",
    )
    (one,) = found(cooled)
    assert one.fault == "not decided"
    assert [one for one in check(claiming(cooled), prover="both") if one.check == "claims"] == []


def test_a_claim_about_nothing_says_so() -> None:
    (one,) = found(Claim(name="c", entering="customer", by="rested", always="won"))
    assert one.fault == "empty claim"


def test_a_claim_is_no_other_version_and_goes_through_a_file() -> None:
    model = claiming(
        Claim(name="calls", entering="mal", by="sort", never="hand_raised", because="sales calls"),
        Claim(name="wins", entering=("customer",), always="won"),
    )
    assert model.version == WATERFALL.version
    text = dumps(model)
    assert 'never = "hand_raised"' in text
    assert loads(text).claims == model.claims


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "c"', "give either 'always' or 'never'"),
        ('name = "c"\nalways = "won"\nnever = "fits"', "give either 'always' or 'never'"),
        ('name = "c"\nalways = "wonn"', "did you mean"),
        ('name = "c"\nentering = "mall"\nalways = "won"', "did you mean 'mal'"),
        ('name = "c"\nby = "acepted"\nalways = "won"', "did you mean 'accepted'"),
        ('name = "c"\nby = 3\nalways = "won"', "the name of a move or a sort rule"),
        ('always = "won"', "'name' is missing"),
        ('name = "c"\nalways = "won"\ngiven = "fits"', "speaks of tokens alone"),
        ('name = "c"\nalways = "won"\ngiven = "behavior_score > $mql_threshold"', "tokens alone"),
        ('name = "c"\nsometimes = "won"', "no key 'sometimes'"),
    ],
)
def test_claims_that_do_not_build_say_where_and_what(text: str, said: str) -> None:
    with pytest.raises(ModelError, match=r"claims\[0\]") as caught:
        loads(f"{dumps(WATERFALL)}\n[[claims]]\n{text}\n")
    assert said in str(caught.value)
