"""One list of all rules, and of all edges by the reason for which they are tried [S7][S8]."""

from __future__ import annotations

import pytest

from lifecycle_fsm.guard import Token, negate, p, parse_guard, walk
from lifecycle_fsm.model import ActivityKind, DataRule, Set, load, shipped
from tests.model.test_model import LOST, MAL, MQL, SAL, acme

SECTIONS = "data scoring decay sort moves deadlines assignment alerts".split()


@pytest.mark.parametrize("name", shipped())
def test_every_rule_is_listed_once_section_by_section(name: str) -> None:
    model = load(name)
    listed = [(rule.section, rule.when) for rule in model.rules if rule.section in SECTIONS]
    assert listed == [
        (section, rule.when) for section in SECTIONS for rule in getattr(model, section)
    ]
    assert [rule.name for rule in model.rules if rule.section == "guards"] == list(model.guards)
    assert len({rule.place for rule in model.rules}) == len(model.rules)


def test_a_rule_tells_where_it_stands_and_when_it_is_asked() -> None:
    rules = {(rule.section, rule.name): rule for rule in load("waterfall").rules}
    lost = rules["moves", "lost"]
    assert lost.place == "moves[10] sql -> recycled"
    assert lost.condition == "moves[10] sql -> recycled, when"
    assert lost.stages == ("sql",)
    assert lost.activity is None
    assert rules["guards", "won"].condition == "guards.won"
    assert rules["sort", "competitor"].stages == ("processing",)
    assert rules["scoring", "form"].activity == "form_filled"
    assert rules["deadlines", "mql_answered"].stages == ("mql",)
    assert rules["assignment", "north"].stages == ("mql", "sal")
    read = {node.name for tree in lost.trees for node in walk(tree) if isinstance(node, Token)}
    assert read == {"mql_threshold"}  # by an effect


def test_effects_are_those_of_activities_and_of_rules() -> None:
    visited = Set("role", "'legal'")
    called = Set("source", "'call'")
    raised = Set("hand_raised", "false")
    model = acme(
        MAL.to(MQL, name="qualified", then=[raised]),
        kinds=[ActivityKind(name="called", sets=[called])],
        data=[DataRule(on="web_visit", then=[visited])],
    )
    assert {called, visited, raised} <= set(model.effects)
    assert any(effect.field == "owner_changed_at" for effect in model.effects)  # built in
    assert model.effects.count(called) == 1


def test_edges_that_are_tried_for_one_reason_stand_together() -> None:
    model = acme(
        MAL.to(MQL, p.hand_raised, name="late", priority=2),
        (MAL | MQL).detour(LOST, p.unsubscribed, name="lost", priority=1),
        MAL.to(MQL, on="qualify", name="asked"),
        MQL.to(SAL, name="accepted"),
    )
    groups = [[(edge.source, edge.name) for edge in group] for group in model.groups]
    assert groups == [
        [("new", "ready"), ("new", "hopeless"), ("new", "rest")],
        [("mal", "lost"), ("mal", "late")],
        [("mal", "asked")],
        [("mql", "accepted"), ("mql", "lost")],
    ]
    _, late = model.groups[1]
    assert [edge.name for edge in model.tried_before(late)] == ["lost"]
    assert model.earlier_closed(late) == (negate(parse_guard("unsubscribed")),)
    (asked,) = model.groups[2]
    assert model.tried_before(asked) == ()
    rest = model.sort_edges[2]
    assert [edge.name for edge in model.tried_before(rest)] == ["ready", "hopeless"]
