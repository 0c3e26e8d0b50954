"""Original processing as a queue that holds everybody, and the two ways to leave it [S13]–[S15]."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle_fsm import Lifecycle, Model, ModelError, Move, SortRule, Stage, StepDef, step
from lifecycle_fsm.diagram import draw_model, draw_processing
from lifecycle_fsm.processing import Context
from tests.machine.small import DAY, T, move, small

EVERYBODY: dict[str, dict[str, Any]] = {
    "lead": {},
    "asks at once": {"hand_raised": True},
    "made by sales": {"created_by": "sales"},
    "on an open opportunity": {"open_opportunities": 1},
    "will never be a lead": {"role": "accounts_payable"},
    "a customer already": {"won_opportunities": 1},
    "a competitor": {"domain": "competitor.example"},
}


def test_r11_everybody_waits_there_for_what_must_happen_to_everybody() -> None:
    asked = []

    @step(number=25, writes=("assigned_to",))
    def tell_them_of_their_rights(person: Any, context: Context) -> dict[str, Any]:
        asked.append(person.id)
        return {"assigned_to": "privacy"}

    lifecycle = Lifecycle("waterfall", steps=[tell_them_of_their_rights])
    for name, fields in EVERYBODY.items():
        lifecycle.apply(name, "created", at=T, **fields)
        assert lifecycle.person(name).stage == "processing"
    lifecycle.tick(T + DAY)
    assert asked == list(EVERYBODY)
    assert {person.history[0].to_stage for person in lifecycle} == {"processing"}
    assert len({person.stage for person in lifecycle}) >= 5


def test_r12_one_entry_for_created_and_steps_in_the_order_of_their_numbers() -> None:
    ran = []

    def say(name: str) -> Any:
        def run(person: Any, context: Context) -> dict[str, Any]:
            ran.append(name)
            return {}

        return run

    numbers = {"enrich_it": 20, "last": 89, "first": 1, "score_it": 40}
    model = small(processing=[StepDef(number=n, name=one) for one, n in numbers.items()])
    lifecycle = Lifecycle(model, steps={name: say(name) for name in numbers})
    lifecycle.admit("p", at=T)
    assert ran == ["first", "enrich_it", "score_it", "last"]
    # Nothing else may listen to a creation.
    with pytest.raises(ModelError, match="created"):
        small(move("early", "a", "b", on="created"))


PATH = [Stage(name) for name in ("new", "mal", "mql", "sal")]


def lifecycle_of(sort: list[SortRule], moves: list[Move], name: str) -> Model:
    return Model(name=name, stages=PATH, sort=sort, moves=moves, tokens={"ready": 50})


def test_r16_a_central_router_and_a_daisy_chain_are_both_expressed_and_drawn() -> None:
    """The router sends everybody to where they belong at once; in the chain each stage hands on to
    the next. Both find the same stage, and the history tells them apart."""
    ready, taken = "behavior_score >= $ready", "sales_touched_at is known"
    to_sal = SortRule(name="taken", when=f"{ready} and {taken}", target="sal", skips="passed_over")
    to_mql = SortRule(name="ready", when=ready, target="mql", skips="passed_over")
    otherwise = SortRule(name="everybody_else", when="otherwise", target="mal")
    steps = [
        Move(name="is_ready", sources="mal", target="mql", when=ready),
        Move(name="is_taken", sources="mql", target="sal", when=taken),
    ]
    router = lifecycle_of([to_sal, to_mql, otherwise], [], "router")
    chain = lifecycle_of([otherwise], steps, "chain")
    ways = {}
    for model in (router, chain):
        ann = Lifecycle(model).admit("ann", at=T, behavior_score=60, sales_touched_at=T)
        ways[model.name] = [row.to_stage for row in ann.history]
        bo = Lifecycle(model).admit("bo", at=T, behavior_score=60)
        assert bo.stage == "mql"
    assert ways == {"router": ["new", "sal"], "chain": ["new", "mal", "mql", "sal"]}
    assert draw_processing(router).layout != draw_processing(chain).layout
    shown = draw_processing(router).layout
    assert all(label in shown for label in ("behavior score of 50 or more", "SAL", "MQL", "MAL"))
    assert "SAL" in draw_model(chain).layout
