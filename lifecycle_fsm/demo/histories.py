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
    "engagement": {
        "processing": {
            "no_prospect": Odds(20),
            "customers_contact": Odds(9),
            "on_open_opportunity": Odds(6),
            "made_by_sales": Odds(45),
            "sorted_by_hand_raise": Odds(30),
            "sorted_by_score": Odds(12),
            "engaged_at_once": Odds(118),
            "everybody_else": Odds(760),
        },
        "known": {
            "became_engaged": Odds(330, 45),
            "raised_hand": Odds(24, 40),
            "warm_enough": Odds(9, 30),
            "picked_by_sales": Odds(8, 40),
            "opportunity_at_once": Odds(3, 40),
            "won_at_once": Odds(1, 60),
            "ruled_out": Odds(14, 30),
        },
        "engaged": {
            "raised_hand": Odds(90, 30),
            "warm_enough": Odds(240, 40),
            "picked_by_sales": Odds(22, 30),
            "opportunity_at_once": Odds(6, 30),
            "won_at_once": Odds(2, 60),
            "ruled_out": Odds(20, 30),
        },
        "mql": {
            "accepted": Odds(610, 1),
            "returned": Odds(240, 2),
            "returned_for_good": Odds(70, 2),
            "opportunity_at_once": Odds(15, 6),
            "won_at_once": Odds(2, 30),
            "ruled_out": Odds(10, 6),
        },
        "sal": {
            "opportunity_opened": Odds(480, 14),
            "won_at_once": Odds(6, 40),
            "returned": Odds(280, 18),
            "returned_for_good": Odds(80, 12),
            "ruled_out": Odds(10, 15),
        },
        "sql": {
            "closed_won": Odds(310, 55),
            "opportunity_lost": Odds(460, 50),
            "ruled_out": Odds(8, 30),
        },
        "lost": {  # many are still waiting for their half year
            "new_opportunity": Odds(30, 60),
            "won_after_all": Odds(5, 60),
            "picked_again": Odds(25, 60),
            "raised_hand_again": Odds(20, 60),
            "warm_again": Odds(25, 60),
            "ruled_out": Odds(15, 30),
            "time_to_try_again": Odds(880, least=180),
        },
        "recycled": {
            "new_opportunity": Odds(8, 15),
            "won_after_all": Odds(2, 20),
            "picked_again": Odds(20, 15),
            "raised_hand_again": Odds(40, 15),
            "warm_again": Odds(50, 15),
            "ruled_out": Odds(15, 15),
            "rested": Odds(865, least=60),
        },
        "disqualified": {"reinstated": Odds(25, 50, 14), "won_after_all": Odds(4, 80, 30)},
    },
    "sales_led": {
        "processing": {
            "no_prospect": Odds(45),
            "customers_contact": Odds(30),
            "on_open_opportunity": Odds(35),
            "made_by_sales": Odds(640),
            "asked_at_once": Odds(40),
            "everybody_else": Odds(210),
        },
        "inquiry": {
            "asked": Odds(90, 40),
            "warmed_up": Odds(110, 50),
            "taken_early": Odds(140, 30),
            "met_early": Odds(16, 30),
            "opportunity_early": Odds(8, 40),
            "won_early": Odds(3, 60),
            "ruled_out": Odds(20, 30),
            "no_prospect_after_all": Odds(10, 30),
        },
        "mql": {
            "taken": Odds(720, 2),
            "met_early": Odds(30, 6),
            "opportunity_early": Odds(12, 10),
            "won_early": Odds(3, 30),
            "not_now": Odds(120, 4),
            "no_fit": Odds(60, 4),
            "ruled_out": Odds(10, 4),
            "no_prospect_after_all": Odds(5, 4),
        },
        "working": {
            "met_them": Odds(330, 18),
            "opportunity_early": Odds(35, 20),
            "won_early": Odds(8, 40),
            "not_now": Odds(330, 25),
            "no_fit": Odds(120, 20),
            "ruled_out": Odds(15, 20),
            "no_prospect_after_all": Odds(12, 15),
        },
        "meeting": {
            "opportunity_opened": Odds(540, 12),
            "won_early": Odds(10, 30),
            "not_now": Odds(260, 15),
            "no_fit": Odds(80, 12),
            "ruled_out": Odds(6, 10),
            "no_prospect_after_all": Odds(4, 10),
        },
        "opportunity": {
            "closed_won": Odds(290, 60),
            "opportunity_lost": Odds(450, 55),
            "ruled_out": Odds(6, 30),
            "no_prospect_after_all": Odds(3, 30),
        },
        "later": {
            "picked_up_again": Odds(90, 40),
            "asked_again": Odds(20, 40),
            "new_opportunity": Odds(14, 40),
            "won_after_all": Odds(3, 40),
            "ruled_out": Odds(15, 30),
            "no_prospect_after_all": Odds(8, 30),
            "call_again": Odds(850, least=120),
        },
        "disqualified": {"reinstated": Odds(15, 60, 14), "won_after_all": Odds(3, 80, 30)},
        "off_path": {"reinstated": Odds(10, 60), "became_prospect": Odds(35, 70)},
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
