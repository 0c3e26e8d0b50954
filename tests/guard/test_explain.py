"""An explanation shows what the guard saw, and every reason for a refusal [S10]."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings

from lifecycle_fsm.errors import GuardError
from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.guard import (
    And,
    Guard,
    Named,
    Not,
    Opaque,
    Or,
    Outcome,
    Vocabulary,
    all_of,
    compile_guard,
    explain,
    inline,
    negate,
    parse_guard,
    resolve,
    unmet,
)
from tests.guard.trees import GUARDS, NOW, PERSONS, VOCABULARY

PERSON = SimpleNamespace(
    score=40, bonus=None, ratio=0.5, fit=None, hand_raised=False, opted_in=None, company="Acme",
    source="web", created_at=None, lost_at=NOW.replace(day=1, month=4), stage_entered_at=NOW,
)  # fmt: skip


def seen(text: str, person: Any = PERSON) -> Outcome:
    return explain(resolve(parse_guard(text), VOCABULARY), person, NOW, VOCABULARY)


@settings(max_examples=300)
@given(GUARDS, PERSONS)
def test_explanation_agrees_with_the_guard_s10(guard: Guard, person: Any) -> None:
    outcome = explain(guard, person, NOW, VOCABULARY)
    assert outcome.holds is compile_guard(guard, VOCABULARY)(person, NOW)
    assert (unmet(outcome) == ()) is outcome.holds
    for reason in unmet(outcome):
        assert not reason.holds
        assert compile_guard(reason.guard, VOCABULARY)(person, NOW) is False
        assert reason.label
        assert not isinstance(reason.guard, And | Or | Named)


def _given(guard: Guard, facts: dict[Guard, bool]) -> bool:
    """Whether the guard holds where the atoms are as the facts say."""
    match guard:
        case And(guards):
            return all(_given(part, facts) for part in guards)
        case Or(guards):
            return any(_given(part, facts) for part in guards)
        case Not(part):
            return not _given(part, facts)
    return facts[guard]


def _atoms(outcome: Outcome) -> dict[Guard, bool]:
    if not outcome.children:
        return {outcome.guard: outcome.holds}
    return {atom: held for child in outcome.children for atom, held in _atoms(child).items()}


@settings(max_examples=300)
@given(GUARDS, PERSONS)
def test_unmet_leaves_out_nothing_that_can_help_s10(guard: Guard, person: Any) -> None:
    """Where everything else stays as it is, meeting all reasons is the best that can be done: if
    some change of atoms opens the guard, that change touches one of the reasons."""
    guard = inline(guard, VOCABULARY)
    outcome = explain(guard, person, NOW, VOCABULARY)
    facts = _atoms(outcome)
    reasons = {reason.guard for reason in unmet(outcome)}
    for atom, held in facts.items():
        if not outcome.holds and _given(guard, {**facts, atom: not held}):
            assert (negate(atom) if held else atom) in reasons


def test_meeting_every_reason_opens_a_guard_without_repeated_atoms() -> None:
    guard = parse_guard(
        "score > 50 and not (hand_raised or company == 'Acme') and (opted_in or fit > 1)"
    )
    outcome = explain(guard, PERSON, NOW, VOCABULARY)
    facts = _atoms(outcome)
    for reason in unmet(outcome):
        atom = reason.guard.guard if isinstance(reason.guard, Not) else reason.guard
        facts[atom] = not facts[atom]
    assert not outcome.holds
    assert _given(guard, facts)


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("score >= $threshold or hand_raised", ["score ≥ 65", "hand raised"]),
        ("score >= $threshold and hand_raised", ["score ≥ 65", "hand raised"]),
        ("score >= 1 and hand_raised", ["hand raised"]),
        ("score >= 1 or hand_raised", []),
        ("source is missing", ["source missing"]),
        ("source != 'web'", ["source ≠ web"]),
        ("not (score > 1 or hand_raised)", ["not score > 1"]),
        ("not (score > 1 and source is known)", ["not score > 1", "source missing"]),
        ("not (score > 1 and not hand_raised)", ["not score > 1", "hand raised"]),
        ("fits and hot and hand_raised", ["hand raised"]),
        ("not fits", ["not score ≥ 3", "source missing"]),
        ("score > 50 and (score > 50 or hand_raised)", ["score > 50", "hand raised"]),
        ("never", ["never"]),
    ],
)
def test_unmet_s10(text: str, reasons: list[str]) -> None:
    assert [reason.label for reason in unmet(seen(text))] == reasons


def test_reasons_have_a_text_that_reads_back() -> None:
    (reason,) = unmet(seen("not hand_raised", SimpleNamespace(hand_raised=True)))
    assert (reason.text, reason.seen) == ("not hand_raised", (("hand_raised", True),))
    assert parse_guard(reason.text) == reason.guard


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("score >= $threshold", (("score", 40), ("$threshold", 65))),
        ("bonus + score > 5", (("bonus", None), ("score", 40))),
        ("days since lost_at >= 30", (("days since lost_at", 30),)),
        ("days since created_at >= 30", (("days since created_at", None),)),
        ("days in stage >= $rest", (("days in stage", 0), ("$rest", 2))),
        ("source in $sources", (("source", "web"), ("$sources", ("web", "event")))),
        ("hand_raised", (("hand_raised", False),)),
        ("always", ()),
    ],
)
def test_seen_has_every_value_that_the_atom_read(text: str, values: Any) -> None:
    assert seen(text).seen == values


def test_drawn_as_a_tree() -> None:
    text = (
        "(score >= $threshold or hand_raised or opted_in) and source != 'web' and company is known "
        "and fits and not (days since lost_at >= 30 and bonus + score > 5) and source is missing"
    )
    assert str(seen(text)) == (
        "✗ all of\n"
        "  ✗ any of\n"
        "    ✗ score ≥ 65 (it is 40)\n"
        "    ✗ hand raised\n"
        "    ✗ opted in (it is missing)\n"
        "  ✗ source ≠ web (it is web)\n"
        "  ✓ company known (it is Acme)\n"
        "  ✓ fits\n"
        "    ✓ all of\n"
        "      ✓ score ≥ 3 (it is 40)\n"
        "      ✓ source known (it is web)\n"
        "  ✓ not\n"
        "    ✗ all of\n"
        "      ✓ 30 days or more since lost (it is 30)\n"
        "      ✗ bonus + score > 5 (bonus is missing, score is 40)\n"
        "  ✗ source missing (it is web)"
    )


def test_callable_is_explained_by_its_name() -> None:
    vip = Opaque("is_vip", lambda person, now: False)
    outcome = explain(all_of(vip, parse_guard("score > 1")), PERSON, NOW, VOCABULARY)
    assert [(reason.text, reason.label) for reason in unmet(outcome)] == [("is vip", "is vip")]
    (denied,) = unmet(explain(negate(Opaque("is_vip", lambda p, n: True)), PERSON, NOW, VOCABULARY))
    assert denied.label == "not is vip"


def test_guard_that_does_not_fit_has_no_explanation_s5() -> None:
    with pytest.raises(GuardError, match="did you mean 'score'"):
        seen("scor > 3")


def test_s10_a_reason_under_not_reads_as_its_negation_with_the_value() -> None:
    words = Vocabulary({"role": FieldType("str", nullable=True)})
    guard = parse_guard("role is missing or role not in ['legal']")
    found = unmet(explain(guard, SimpleNamespace(role="legal"), NOW, words))
    assert [str(one) for one in found] == [
        "✗ role missing (it is legal)",
        "✗ role is not legal (it is legal)",
    ]
