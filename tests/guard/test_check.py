"""Every fault of a guard is a sentence with a suggestion, found before anything runs [S4][S5]."""

from __future__ import annotations

from datetime import datetime

import attrs
import pytest
from hypothesis import given

from lifecycle_fsm.errors import GuardError
from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.guard import (
    MAX_DEPTH,
    Arithmetic,
    Compare,
    Const,
    Field,
    Guard,
    In,
    Named,
    Not,
    Opaque,
    Term,
    Truth,
    Vocabulary,
    all_of,
    compile_explainer,
    compile_guard,
    effect_problems,
    inline,
    parse_guard,
    parse_term,
    problems,
    reads,
    resolve,
    term_type,
)
from tests.guard.trees import GUARDS, VOCABULARY


def faults(text: str, vocabulary: Vocabulary = VOCABULARY) -> list[str]:
    return problems(resolve(parse_guard(text), vocabulary), vocabulary)


@given(GUARDS)
def test_guards_that_fit_have_no_problems(guard: Guard) -> None:
    assert problems(guard, VOCABULARY) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("scor > 3", "no field named 'scor'; did you mean 'score'?"),
        ("hand_raise", "no field or named guard 'hand_raise'; did you mean 'hand_raised'?"),
        ("fitss", "no field or named guard 'fitss'; did you mean 'fits'?"),
        ("score > $treshold", "no token named 'treshold'; did you mean 'threshold'?"),
        ("source in $sourcs", "no token named 'sourcs'; did you mean 'sources'?"),
        ("days since losst_at > 3", "no field named 'losst_at'; did you mean 'lost_at'?"),
        ("owner is known", "no field named 'owner'"),
        ("score", "is a whole number and not yes or no"),
        ("score == 'a'", "cannot be compared"),
        ("score == true", "is a whole number and not yes or no"),
        ("hand_raised == 1", "cannot be compared"),
        ("created_at == '2024-05-01'", "cannot be compared"),
        ("company < 'a'", "has no order"),
        ("hand_raised < opted_in", "has no order"),
        ("source == 'wbe'", "'wbe' is no choice of the field; did you mean 'web'?"),
        ("source != 'xyz'", "use one of 'web', 'event'"),
        ("source == $prefix", "'Hand-' is no choice"),
        ("source in ['web', 'evnt']", "did you mean 'event'?"),
        ("source in ['web', 1]", "1 in the list is a whole number"),
        ("score in ['web']", "'web' in the list is a text"),
        ("score in $sources", "'web' in the list is a text"),
        ("score in []", "empty list"),
        ("score in $threshold", "after 'in' comes a list"),
        ("score > $numbers", "is a list: use it after 'in'"),
        ("score starts with 'a'", "is for texts"),
        ("company starts with $threshold", "is for texts"),
        ("company starts with $sources", "is a list"),
        ("hand_raised + 1 > 2", "is for numbers"),
        ("lost_at - created_at > 2", "use 'days since …'"),
        ("company + 'a' == 'b'", "is for numbers"),
        ("days since score > 3", "'days since' needs a time"),
        ("days since lost_at > score", "with a whole number or such a token only"),
        ("days since lost_at > 1.5", "with a whole number or such a token only"),
        ("days since lost_at > $half", "with a whole number or such a token only"),
        ("days since lost_at > $numbers", "is a list"),
        ("days since lost_at == true", "with a whole number or such a token only"),
        ("days since lost_at > days in stage", "with a whole number or such a token only"),
        ("days in stage + 1 > 3", "can only be compared"),
        ("days in stage in [1, 2]", "can only be compared"),
        ("score > now", "'now' is for effects only"),
        ("activity.points > 3", "'activity.points' is for effects only"),
        ("min(score, 3) > 3", "'min' is for effects only"),
    ],
)
def test_fault_is_a_sentence_with_a_suggestion_s5(text: str, fault: str) -> None:
    assert [found for found in faults(text) if fault in found]


def test_all_faults_come_at_once_and_each_once_s5() -> None:
    assert len(faults("scor > 3 and scor > 4 and company < 'a' and not (source == 'x')")) == 3


def test_days_in_stage_needs_a_stage() -> None:
    nowhere = Vocabulary({"score": FieldType("int")})
    assert faults("days in stage > 3", nowhere) == ["'days in stage' cannot be read here"]


@pytest.mark.parametrize(
    ("guard", "fault"),
    [
        (Compare("==", Field("score"), Const(2**63)), "64 bits"),
        (Compare("==", Field("ratio"), Const(float("nan"))), "finite"),
        (Compare("==", Field("created_at"), Const(datetime(2024, 5, 1))), "stored form"),  # noqa: DTZ001
        (Compare("==", Field("company"), Const("\ud800")), "surrogate"),
        (Compare("==", Field("company"), Const(None)), "None is no value"),  # type: ignore[arg-type]
        (Compare("==", Field("score"), Const((1,))), "only after 'in'"),
        (In(Field("score"), Const(5)), "after 'in' comes a list"),
        (Named("two words", Truth(Field("hand_raised"))), "cannot be the name"),
        (Named("nobody"), "no named guard 'nobody'"),
        (Named("fit_s"), "did you mean 'fits'?"),
        (Named("score", Truth(Field("hand_raised"))), "both a field and a named guard"),
        (Named("fits", Truth(Field("hand_raised"))), "two different guards"),
        (Named("mine", Truth(Field("hand_raise"))), "did you mean 'hand_raised'?"),
    ],
)
def test_faults_that_only_python_can_write(guard: Guard, fault: str) -> None:
    assert [found for found in problems(guard, VOCABULARY) if fault in found]


def test_callables_are_not_looked_into() -> None:
    assert problems(Opaque("is_vip", lambda person, now: True), VOCABULARY) == []


def test_named_guards_resolve_and_are_written_out() -> None:
    guard = resolve(parse_guard("not hot and hand_raised"), VOCABULARY)
    assert guard == all_of(Not(Named("hot")), Truth(Field("hand_raised")))
    written_out = parse_guard("not (score >= 3 and source is known or opted_in) and hand_raised")
    assert inline(guard, VOCABULARY) == written_out
    assert reads(written_out) == {"score", "source", "opted_in", "hand_raised"}
    assert reads(parse_guard("days in stage > 1 or days since lost_at > 1")) == {
        "stage_entered_at",
        "lost_at",
    }
    # A field wins over a named guard of the same name, which is a fault of its own.
    both = attrs.evolve(VOCABULARY, guards={"hand_raised": parse_guard("score > 3")})
    assert resolve(parse_guard("hand_raised"), both) == Truth(Field("hand_raised"))


def _everything(guard: Guard, vocabulary: Vocabulary) -> None:
    for read in (inline, compile_guard, compile_explainer):
        with pytest.raises(GuardError):
            read(guard, vocabulary)


def test_cycle_of_named_guards_is_named_s5() -> None:
    circle = attrs.evolve(
        VOCABULARY,
        guards={"a": parse_guard("b and score > 1"), "b": parse_guard("not c"), "c": Named("a")},
    )
    (fault,) = problems(Named("a"), circle)
    assert fault == "the named guard 'a' needs itself: a -> b -> c -> a"
    _everything(Named("a"), circle)


def test_named_guards_that_double_are_refused_and_never_written_out() -> None:
    guards = {"g0": parse_guard("score > 1")}
    for number in range(1, 60):
        guards[f"g{number}"] = parse_guard(f"g{number - 1} and (hand_raised or g{number - 1})")
    vocabulary = attrs.evolve(VOCABULARY, guards=guards)
    assert "written out" in problems(Named("g59"), vocabulary)[0]
    assert problems(Named("g5"), vocabulary) == []
    _everything(Named("g59"), vocabulary)


def test_long_chain_of_named_guards_is_refused() -> None:
    guards: dict[str, Guard] = {"g0": parse_guard("score > 1")}
    guards |= {f"g{number}": parse_guard(f"not g{number - 1}") for number in range(1, 5000)}
    vocabulary = attrs.evolve(VOCABULARY, guards=guards)
    assert "deep" in problems(Named("g4999"), vocabulary)[0]
    assert "deep" in problems(all_of(Named("g38"), Named("g4999")), vocabulary)[0]
    _everything(Named("g4999"), vocabulary)
    assert problems(Named("g20"), vocabulary) == []


def test_deep_tree_from_python_is_refused() -> None:
    guard: Guard = Truth(Field("hand_raised"))
    for _ in range(5000):
        guard = Not(all_of(guard, parse_guard("score > 1")))
    assert problems(guard, VOCABULARY) == [
        f"nested more than {MAX_DEPTH} deep: give a part of it a name of its own"
    ]
    vocabulary = attrs.evolve(VOCABULARY, guards={"deep": guard})
    assert "deep" in problems(Named("deep"), vocabulary)[0]
    with pytest.raises(GuardError):
        compile_guard(guard, VOCABULARY)


INT, FLOAT = FieldType("int"), FieldType("float")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("score", INT),
        ("bonus", FieldType("int", nullable=True)),
        ("score + bonus", FieldType("int", nullable=True)),
        ("score * 0.5", INT),
        ("0.5 * score", INT),
        ("score * $half", INT),
        ("score * ratio", FLOAT),
        ("score * (0.5 + 0.5)", FLOAT),
        ("score + 0.5", FLOAT),
        ("ratio * 0.5", FLOAT),
        ("2 * 3", INT),
        ("$threshold - 1", INT),
        ("company", FieldType("str")),
        ("true", FieldType("bool")),
        ("scor", None),
        ("days in stage", None),
        ("now", None),
    ],
)
def test_types_of_values_s5(text: str, expected: FieldType | None) -> None:
    assert term_type(parse_term(text), VOCABULARY) == expected


def test_types_of_values_in_effects() -> None:
    effects = attrs.evolve(VOCABULARY, in_effect=True)
    for text, expected in [
        ("now", FieldType("datetime")),
        ("min(score, bonus)", FieldType("int", nullable=True)),
        ("max(score, ratio)", FLOAT),
        ("max(created_at, now)", FieldType("datetime")),
        ("max(score, now)", None),
        ("min(company, 'a')", None),
        ("activity.points", FieldType("int", nullable=True)),
    ]:
        assert term_type(parse_term(text), effects) == expected


@pytest.mark.parametrize(
    ("text", "target", "fault"),
    [
        ("score * 0.5", INT, None),
        ("min(score * 0.5, $threshold - 1)", INT, None),
        ("score", FLOAT, None),
        ("ratio", INT, "is floored by itself"),
        ("score * ratio", INT, "is floored by itself"),
        ("company", INT, "company is a text, the field is a whole number"),
        ("1", FieldType("bool"), "the field is yes or no"),
        ("bonus", INT, "may be missing"),
        ("bonus", FieldType("int", nullable=True), None),
        ("activity.points", INT, "may be missing"),
        ("activity.pionts", INT, "did you mean 'points'?"),
        ("now", FieldType("datetime"), None),
        ("'web'", VOCABULARY.fields["source"], None),
        ("'wbe'", VOCABULARY.fields["source"], "did you mean 'web'?"),
        ("source", VOCABULARY.fields["source"], None),
        ("source", FieldType("str", nullable=True, choices=("web",)), "'event' is no choice"),
        ("company", VOCABULARY.fields["source"], "may be any text"),
        ("source", FieldType("str", nullable=True), None),
        ("$sources", FieldType("str"), "is a list"),
        ("days in stage", INT, "can only be compared"),
        ("scor", INT, "did you mean 'score'?"),
    ],
)
def test_effects_fit_their_field_s5(text: str, target: FieldType, fault: str | None) -> None:
    found = effect_problems(parse_term(text), target, VOCABULARY)
    if fault is None:
        assert found == []
    else:
        assert len(found) >= 1
        assert any(fault in sentence for sentence in found)


def test_deep_values_are_refused() -> None:
    deep: Term = Field("score")
    for _ in range(3000):
        deep = Arithmetic("+", deep, Const(1))
    assert term_type(deep, VOCABULARY) is None
    assert "deep" in effect_problems(deep, INT, VOCABULARY)[0]
