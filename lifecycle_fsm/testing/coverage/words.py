"""What is missing in the field's words, and the person who would show it as a line of a test."""

from __future__ import annotations

import math
from collections.abc import Mapping

from lifecycle_fsm.checks.finding import person_in_code
from lifecycle_fsm.guard import label
from lifecycle_fsm.testing.coverage.measure import Coverage, Item, Kind, RuleSeen, Somebody
from lifecycle_fsm.wording import clean, decimal_percent, joined, rule_words

ROWS: Mapping[Kind, str] = {
    "sorted": "sort rules that were reached",
    "moved": "moves that were fired, out of each stage",
    "guards": "guards seen to hold, and not to hold",
    "conditions": "conditions seen to hold, and not to hold",
    "decided": "conditions that decided alone",
    "refused": "triggers that were refused, in each stage",
}
"""What the numbers of a kind count."""


def shown_percent(value: float) -> str:
    """With one decimal, rounded down: what is not whole never looks so."""
    return decimal_percent(math.floor(value * 10) / 10)


def heading(coverage: Coverage, rule: RuleSeen) -> str:
    """A rule with its stages: ``qualified_by_score: MAL → MQL, fits and interested``."""
    model = coverage.model
    edges = [one.edge for one in rule.fired]
    sources = ", ".join(clean(model.stage(edge.source).display) for edge in edges)
    words = clean(rule_words(edges[0].rule))
    said = f", {words}" if words.replace(" ", "_").lower() != rule.name else ""
    return f"{rule.name}: {sources} → {clean(model.stage(edges[0].target).display)}{said}"


def condition_words(coverage: Coverage, rule: RuleSeen, index: int) -> str:
    """A condition in words: "behavior score ≥ 65"."""
    return clean(label(rule.parts.atoms[index], coverage.model.vocabulary))


def said(coverage: Coverage, item: Item) -> str:
    """What was not seen, in a sentence without its rule."""
    stage = clean(coverage.model.stage(item.stage).display) if item.stage else ""
    match item.kind:
        case "sorted":
            return "it sorted nobody"
        case "moved":
            return f"it moved nobody out of {stage}"
        case "guards":
            return "its guard never held" if item.side else "its guard was never unmet"
        case "refused":
            return f"it was never refused in {stage}"
    rule = next(one for one in coverage.rules if one.name == item.rule)
    assert item.condition is not None, "an item of a condition names it"
    words = f"“{condition_words(coverage, rule, item.condition)}”"
    if item.kind == "conditions":
        return f"{words} never held" if item.side else f"{words} was never unmet"
    if item.state == "impossible":
        return f"{words} never decides: without it the guard says the same"
    return f"{words} never decided alone while it {'held' if item.side else 'did not hold'}"


def code(somebody: Somebody) -> str:
    """The person as a line of a test: ``person_in("mql", behavior_score=64)``. Times are those of
    somebody at the instant at which a :class:`~lifecycle_fsm.testing.Clock` starts."""
    text = person_in_code(somebody.stage, somebody.fields)
    if somebody.trigger:
        text += f', asked for "{somebody.trigger}"'
    if somebody.assumed:
        answers = (f"{name} answers {answer}" for name, answer in somebody.assumed.items())
        text += f", if {joined(answers)}"
    return text


def who(item: Item) -> str:
    """Who would show what is missing, or why nobody can be named."""
    if item.shown_by is not None:
        return code(item.shown_by)
    return f"nobody can be named ({item.unknown})" if item.unknown else ""
