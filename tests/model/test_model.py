"""What a model knows of itself: path, edges, the chain, the words of its guards [S6][S8][S13]."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.fields import FieldDef, FieldType
from lifecycle_fsm.guard import p
from lifecycle_fsm.model import (
    ActivityKind,
    DataRule,
    Model,
    ScoreRule,
    SortRule,
    Stage,
    StepDef,
    load,
)
from lifecycle_fsm.model.processing_steps import BUILT_IN

NEW, MAL, MQL, SAL, WON = map(Stage, ("new", "mal", "mql", "sal", "won"))
LOST, OUT = (Stage(name, off_path=True) for name in ("lost", "out"))


def acme(*moves: Any, **more: Any) -> Model:
    parts: dict[str, Any] = {
        "name": "acme",
        "stages": [NEW, LOST, MAL, MQL, OUT, SAL, WON],
        "sort": [
            SortRule(name="ready", when=p.hand_raised, target=SAL, skips="no_credit"),
            SortRule(name="hopeless", when=p.unsubscribed, target=OUT),
            SortRule(name="rest", when="otherwise", target="mal"),
        ],
    }
    return Model(**(parts | more), moves=moves)


def test_the_order_of_the_stages_on_the_path_is_their_rank() -> None:
    model = acme()
    assert [stage.name for stage in model.path] == ["new", "mal", "mql", "sal", "won"]
    assert [stage.name for stage in model.detours] == ["lost", "out"]
    assert model.ranks == {"new": 0, "mal": 1, "mql": 2, "sal": 3, "won": 4}
    assert model.initial is NEW
    assert model.stage("sal") is SAL
    with pytest.raises(LifecycleError) as caught:
        model.stage("sla")
    assert str(caught.value) == "the model 'acme' has no stage named 'sla'; did you mean 'sal'?"


KINDS: list[tuple[Any, list[tuple[str, str, str, tuple[str, ...], bool]]]] = [
    (MAL.to(MQL), [("mal", "mql", "step", (), True)]),
    (
        MAL.to(SAL, skips="passed_over"),
        [("mal", "sal", "fast_track", ("mql",), True)],
    ),
    (
        (MAL | SAL).to(WON, skips="no_credit"),
        [("mal", "won", "fast_track", ("mql", "sal"), False), ("sal", "won", "step", (), False)],
    ),
    (
        (SAL | LOST).detour(OUT),
        [("lost", "out", "detour", (), True), ("sal", "out", "detour", (), True)],
    ),
    ((LOST | OUT).back_to(SAL), [("lost", "sal", "return", (), True),
                                 ("out", "sal", "return", (), True)]),
]  # fmt: skip


@pytest.mark.parametrize(("move", "expected"), KINDS)
def test_s6_the_kind_of_a_move_follows_from_its_stages(move: Any, expected: list[Any]) -> None:
    edges = acme(move).edges
    assert [(one.source, one.target, one.kind, one.passed, one.credit) for one in edges] == expected
    assert {(one.name, one.when, one.on) for one in edges} == {(move.name, move.when, move.on)}


def test_s17_the_sort_leads_from_processing() -> None:
    assert [
        (one.source, one.target, one.kind, one.passed, one.credit, one.on)
        for one in acme().sort_edges
    ] == [
        ("new", "sal", "fast_track", ("mal", "mql"), False, None),
        ("new", "out", "detour", (), True, None),
        ("new", "mal", "step", (), True, None),
    ]


def test_s8_moves_of_a_stage_are_tried_by_priority_then_as_written() -> None:
    model = acme(
        MAL.to(MQL, name="c", priority=1),
        MAL.to(MQL, p.hand_raised, name="a", priority=-1),
        (MQL | MAL).detour(OUT, name="b"),
        MAL.detour(LOST, name="b2", on="drop"),
    )
    assert [(one.source, one.name) for one in model.edges] == [
        ("mal", "a"), ("mal", "b"), ("mal", "b2"), ("mal", "c"), ("mql", "b")
    ]  # fmt: skip
    assert model.triggers == ("drop",)


def test_s13_the_chain_by_number_with_what_each_step_reads_and_writes() -> None:
    model = acme(
        guards={"big": "employees >= 100"},
        scoring=[
            ScoreRule(name="a", when="big and country == 'DE'", points=5),
            ScoreRule(name="b", on="web_visit", when="activity.page == last_form", points=5),
        ],
        processing=[
            StepDef(number=40, use="demographic_score", on_failure="skip", label="fit"),
            StepDef(number=10, use="normalise"),
            StepDef(
                number=20,
                use="enrich",
                name="company",
                options={"key": "email", "columns": ["industry"]},
            ),
            StepDef(number=25, use="enrich", options={"columns": {"staff": "employees"}}),
            StepDef(number=50, name="own", reads="phone", writes=["role"]),
            StepDef(number=60, name="soft", on_failure="skip"),
        ],
    )  # fmt: skip
    assert [(one.number, one.name, one.on_failure, one.label) for one in model.chain] == [
        (10, "normalise", "park", "clean the record"),
        (20, "company", "skip", "add company data"),
        (25, "enrich", "skip", "add company data"),
        (40, "demographic_score", "skip", "fit"),
        (50, "own", "park", ""),
        (60, "soft", "skip", ""),
    ]
    found = {one.name: (one.reads, one.writes) for one in model.chain}
    assert found["normalise"] == (BUILT_IN["normalise"].reads, BUILT_IN["normalise"].writes)
    assert found["company"] == (("email",), ("industry",))
    assert found["enrich"] == (("domain",), ("employees",))
    assert found["demographic_score"] == (("employees", "country"), ("demographic_score",))
    assert found["own"] == (("phone",), ("role",))


def test_s18_what_a_rule_may_speak_of() -> None:
    model = acme(
        fields={"tier": "str"},
        kinds=[ActivityKind(name="called", payload=(FieldDef("by", FieldType("str")),))],
        data=[DataRule(on="called", when="activity.by == 'ann'", then={"owner": "activity.by"})],
    )
    assert model.vocabulary.fields["stage"].choices == (
        "new", "lost", "mal", "mql", "out", "sal", "won"
    )  # fmt: skip
    assert not model.vocabulary.in_effect
    assert model.vocabulary_for("called").payload == {"by": FieldType("str")}
    # What brings fields of the person brings any of them, and need not bring it.
    assert model.vocabulary_for("changed").payload["tier"] == FieldType("str", nullable=True)
    assert model.vocabulary_for("nonsense").payload == {}
    assert model.vocabulary_for(None).payload == {}


def test_a_model_shows_itself_without_its_classes() -> None:
    assert repr(load("two_step")).startswith("Model(name='two_step', stages=(Stage(name='new'")
    assert "folder" not in repr(load("two_step"))
