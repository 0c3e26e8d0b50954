"""Made-up histories for the gallery: plausible, consistent, and the same on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import attrs

from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Edge, Model

START = datetime(2024, 1, 1, tzinfo=UTC)
END = datetime(2025, 1, 1, tzinfo=UTC)
_PROCESSING = timedelta(minutes=2)
_MOST = 12  # visits of one person


@attrs.frozen
class Odds:
    """Of a thousand visits to a stage, so many end by this rule; after so many days on average."""

    of_thousand: int
    days: int = 0
    least: int = 0  # days that nobody is spared

    def wait(self, chance: Random) -> timedelta:
        """How long one visit lasts: mostly short, and sometimes long."""
        # Whole minutes: no rounding that could differ.
        spread = chance.randrange(1, 1001) * chance.randrange(1, 1001)
        return timedelta(days=self.least, minutes=1 + self.days * 1440 * spread // 250_000)


ODDS: dict[str, dict[str, dict[str, Odds]]] = {
    "waterfall": {
        "processing": {
            "no_prospect": Odds(14),
            "competitor": Odds(5),
            "customers_contact": Odds(8),
            "on_open_opportunity": Odds(7),
            "made_by_sales": Odds(36),
            "sorted_by_hand_raise": Odds(28),
            "sorted_by_score": Odds(41),
            "everybody_else": Odds(861),
        },
        "mal": {
            "qualified_by_score": Odds(175, 50),
            "qualified_by_hand_raise": Odds(80, 40),
            "worked_by_sales": Odds(14, 30),
            "opportunity_early": Odds(4, 40),
            "won_early": Odds(1, 60),
            "ruled_out": Odds(17, 30),
            "no_prospect_after_all": Odds(9, 30),
        },
        "mql": {
            "accepted": Odds(640, 3),
            "opportunity_early": Odds(14, 10),
            "won_early": Odds(2, 30),
            "recycled_by_sales": Odds(210, 6),
            "disqualified_by_sales": Odds(54, 5),
            "ruled_out": Odds(16, 6),
            "no_prospect_after_all": Odds(6, 6),
        },
        "sal": {
            "opportunity_opened": Odds(460, 20),
            "won_early": Odds(5, 45),
            "recycled_by_sales": Odds(270, 28),
            "disqualified_by_sales": Odds(75, 18),
            "ruled_out": Odds(14, 20),
            "no_prospect_after_all": Odds(6, 15),
        },
        "sql": {
            "closed_won": Odds(300, 62),
            "lost": Odds(470, 55),
            "ruled_out": Odds(8, 30),
            "no_prospect_after_all": Odds(3, 30),
        },
        "recycled": {  # all others are rested on the ninetieth day
            "raised_hand_again": Odds(35, 20),
            "requalified": Odds(60, 20),
            "reopened": Odds(12, 20),
            "won_after_all": Odds(2, 20),
            "ruled_out": Odds(14, 20),
            "no_prospect_after_all": Odds(7, 20),
            "rested": Odds(870, least=90),
        },
        "disqualified": {"reinstated": Odds(20, 60, 14), "won_after_all": Odds(4, 80, 30)},
        "off_path": {"reinstated": Odds(10, 60), "became_prospect": Odds(40, 70)},
    },
    "two_step": {
        "new": {"bought_already": Odds(10), "everybody_else": Odds(990)},
        "contact": {"interested": Odds(290, 45), "bought": Odds(6, 60)},
        "lead": {"bought": Odds(240, 40), "gave_up": Odds(480, 35)},
        "lost": {"interested_again": Odds(90, 70), "bought_after_all": Odds(6, 80)},
    },
}
"""What a company that sells to companies may see, by model, stage and rule.

Whom no rule moves stays."""
_BY_KIND = {
    "step": Odds(400, 20),
    "fast_track": Odds(20, 20),
    "detour": Odds(60, 30),
    "return": Odds(20, 60),
}


def history(model: Model, people: int, seed: int = 7) -> Iterator[HistoryRow]:
    """Rows of made-up people who walk through the model by chance, during one year."""
    chance = Random(seed)  # noqa: S311 - a picture, no secret
    out: dict[str, list[Edge]] = {stage.name: [] for stage in model.stages}
    for edge in (*model.sort_edges, *model.edges):
        out[edge.source].append(edge)
    for index in range(people):
        yield from _walk(model, out, f"p{index:05}", chance)


def _walk(
    model: Model, out: dict[str, list[Edge]], person: str, chance: Random
) -> Iterator[HistoryRow]:
    now = START + timedelta(minutes=chance.randrange(360 * 1440))
    stage, journey, sequence = model.initial.name, 1, 1

    def row(source: str | None, edge: Edge | None) -> HistoryRow:
        return HistoryRow(
            person=person,
            sequence=sequence,
            at=now,
            now=now,
            from_stage=source,
            to_stage=stage,
            kind=edge.kind if edge else "enter",
            rule=edge.name if edge else "created",
            trigger=edge.on if edge else None,
            activity=None,
            journey=journey,
            passed_over=edge.passed if edge else (),
            credit=edge.credit if edge else True,
            owner=None,
            source=None,
            version=model.version,
            late=False,
        )

    yield row(None, None)
    while sequence < _MOST:
        move = _choose(model, out[stage], chance)
        if move is None:
            return
        edge, odds = move
        now += odds.wait(chance) if sequence > 1 else _PROCESSING
        if now >= END:
            return
        source, stage = stage, edge.target
        journey += edge.kind == "return"
        sequence += 1
        yield row(source, edge)


def _choose(model: Model, edges: list[Edge], chance: Random) -> tuple[Edge, Odds] | None:
    known = ODDS.get(model.name, {})
    odds = [known.get(one.source, {}).get(one.name) or _BY_KIND[one.kind] for one in edges]
    mark = chance.randrange(max(1000, sum(one.of_thousand for one in odds)))
    for edge, one in zip(edges, odds, strict=True):
        mark -= one.of_thousand
        if mark < 0:
            return edge, one
    if edges and edges[-1].source == model.initial.name:  # nobody is left unsorted
        return edges[-1], odds[-1]
    return None
