"""What a compiled guard costs beside a lambda written by hand, in the same run.

python tests/benchmarks/bench_guard.py
"""

from __future__ import annotations

import timeit
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.guard import (
    Vocabulary,
    compile_explainer,
    compile_guard,
    parse_guard,
    problems,
    resolve,
)

NOW = datetime(2024, 5, 1, tzinfo=UTC)
ROUNDS = 300_000
VOCABULARY = Vocabulary(
    fields={
        "behavior_score": FieldType("int"),
        "hand_raised": FieldType("bool"),
        "country": FieldType("str", nullable=True),
        "last_lost_at": FieldType("datetime", nullable=True),
    },
    tokens={"mql_threshold": 65, "markets": ("CH", "DE", "AT")},
)


@attrs.define(eq=False)
class Lead:
    behavior_score: int = 40
    hand_raised: bool = True
    country: str | None = "DE"
    last_lost_at: datetime | None = NOW - timedelta(days=40)


MARKETS = frozenset({"CH", "DE", "AT"})
CASES: list[tuple[str, Any]] = [
    (
        "behavior_score >= $mql_threshold or hand_raised",
        lambda p, now: p.behavior_score >= 65 or p.hand_raised,
    ),
    (
        "20 <= behavior_score < $mql_threshold and country in $markets",
        lambda p, now: p.behavior_score >= 20 and p.behavior_score < 65 and p.country in MARKETS,
    ),
    (
        "days since last_lost_at >= 30",
        lambda p, now: p.last_lost_at is not None and (now - p.last_lost_at).days >= 30,
    ),
]


def cost(statement: str, **names: Any) -> float:
    """Microseconds for one run, the best of five."""
    return min(timeit.repeat(statement, globals=names, number=ROUNDS, repeat=5)) / ROUNDS * 1e6


def main() -> None:
    lead = Lead()
    for text, by_hand in CASES:
        guard = compile_guard(parse_guard(text), VOCABULARY)
        assert guard(lead, NOW) is by_hand(lead, NOW) is True
        own = cost("f(p, now)", f=guard, p=lead, now=NOW)
        other = cost("f(p, now)", f=by_hand, p=lead, now=NOW)
        print(f"{own:6.3f} µs compiled, {other:6.3f} µs by hand, ratio {own / other:4.2f}  {text}")
    text = CASES[0][0]
    explainer = compile_explainer(parse_guard(text), VOCABULARY)
    for name, run in {
        "parse": lambda: parse_guard(text),
        "check": lambda: problems(resolve(parse_guard(text), VOCABULARY), VOCABULARY),
        "compile": lambda: compile_guard(parse_guard(text), VOCABULARY),
        "explain": lambda: explainer(lead, NOW),
    }.items():
        print(f"{min(timeit.repeat(run, number=500, repeat=3)) / 500 * 1e6:7.1f} µs to {name}")


if __name__ == "__main__":
    main()
