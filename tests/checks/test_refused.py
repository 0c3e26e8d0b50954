"""Two checks look once more at what building refuses: here it is smuggled past it."""

from __future__ import annotations

from typing import Any

import attrs

from lifecycle_fsm import Model, loads
from lifecycle_fsm.checks import check
from tests.checks.seeded import BASE, holds, places, somebody


def smuggled(**parts: Any) -> Model:
    """The base model with parts that no building has seen."""
    model = loads(BASE)
    for name, value in parts.items():
        object.__setattr__(model, name, value)
    for name in ("edges", "sort_edges", "triggers", "path", "ranks", "detours"):
        vars(model).pop(name, None)
    return model


def test_a_sort_that_ends_without_otherwise_has_a_gap() -> None:
    model = smuggled(sort=loads(BASE).sort[:-1])
    (found,) = (one for one in check(model) if one.check == "sort_exhaustive")
    assert (found.severity, found.fault, found.where, found.stage) == (
        "error",
        "gap",
        "sort",
        "new",
    )
    assert "when = 'otherwise'" in found.message
    person = somebody(model, found)
    assert not any(holds(model, places(model)[rule.name], person) for rule in model.sort)


def test_a_move_backwards_is_found() -> None:
    base = loads(BASE)
    back = attrs.evolve(base.moves[3], name="given_back", sources="sal", target="known")
    (found,) = (
        one for one in check(smuggled(moves=(*base.moves, back))) if one.check == "forward_only"
    )
    assert (found.severity, found.fault, found.where, found.stage) == (
        "error",
        "backwards",
        "moves[14] sal -> known",
        "sal",
    )
    assert "from 'sal' back to 'known'" in found.message


def test_a_return_to_the_very_beginning_is_found() -> None:
    base = loads(BASE)
    back = attrs.evolve(base.moves[3], name="begun_anew", sources="lost", target="new")
    found = check(smuggled(moves=(*base.moves, back)))
    assert [one.where for one in found if one.check == "forward_only"] == ["moves[14] lost -> new"]
