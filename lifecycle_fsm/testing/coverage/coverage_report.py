"""Coverage as plain data: the JSON report, and what its page shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from lifecycle_fsm.errors import GuardError
from lifecycle_fsm.fields import Value
from lifecycle_fsm.files import write_file
from lifecycle_fsm.guard import Guard, label, to_text
from lifecycle_fsm.testing.coverage import words
from lifecycle_fsm.testing.coverage.measure import (
    Coverage,
    Item,
    RuleSeen,
    Somebody,
    percent,
    tally,
)


def total(coverages: Sequence[Coverage]) -> float:
    """The one percentage: of all things to see in all models, the share that was seen. Where no
    model ran, nothing was."""
    if not coverages:
        return 0.0
    return percent(tally(item for coverage in coverages for item in coverage.items))


def as_plain(coverages: Sequence[Coverage]) -> dict[str, Any]:
    """All coverages as JSON tells them."""
    return {"percent": total(coverages), "models": [_model(coverage) for coverage in coverages]}


def write_json(coverages: Sequence[Coverage], path: Path) -> None:
    """Write the JSON report."""
    text = json.dumps(as_plain(coverages), ensure_ascii=False, indent=2)
    write_file(path, f"{text}\n")


def _model(coverage: Coverage) -> dict[str, Any]:
    return {
        "name": coverage.model.name,
        "version": coverage.model.version,
        "percent": coverage.percent,
        "totals": {kind: {"seen": seen, "of": of} for kind, (seen, of) in coverage.totals.items()},
        "rules": [_rule(coverage, rule) for rule in coverage.rules],
        "askings": [
            {
                "stage": refusal.stage,
                "trigger": refusal.trigger,
                "refused": refusal.refused,
                "no_such_move": refusal.no_such_move,
            }
            for refusal in coverage.refusals
        ],
        "missing": [_item(coverage, one) for one in coverage.missing],
        "impossible": [_item(coverage, one) for one in coverage.impossible],
    }


def _rule(coverage: Coverage, rule: RuleSeen) -> dict[str, Any]:
    return {
        "name": rule.name,
        "sort": rule.sort,
        "guard": _text(rule.fired[0].edge.when),
        "held": rule.held,
        "unmet": rule.failed,
        "stages": [
            {
                "from": one.edge.source,
                "to": one.edge.target,
                "trigger": one.edge.on,
                "fired": one.count,
                "tests": list(one.tests),
            }
            for one in rule.fired
        ],
        "conditions": [
            {
                "text": _text(atom),
                "label": words.condition_words(coverage, rule, index),
                "held": shown.held,
                "failed": shown.failed,
                "decided": shown.decided,
            }
            for index, (atom, shown) in enumerate(zip(rule.parts.atoms, rule.evidence, strict=True))
        ],
    }


def _text(guard: Guard) -> str:
    """The guard in its own language; with a Python callable, which has no text, in words."""
    try:
        return to_text(guard)
    except GuardError:
        return label(guard)


def _item(coverage: Coverage, item: Item) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "rule": item.rule,
        "stage": item.stage,
        "words": words.said(coverage, item),
        "person": _somebody(item.shown_by),
        "test": words.code(item.shown_by) if item.shown_by else None,
        "undecided": item.unknown or None,
    }


def _somebody(somebody: Somebody | None) -> dict[str, Any] | None:
    if somebody is None:
        return None
    return {
        "stage": somebody.stage,
        "fields": {name: _plain(value) for name, value in somebody.fields.items()},
        "assumed": dict(somebody.assumed),
        "trigger": somebody.trigger,
    }


def _plain(value: Value) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
