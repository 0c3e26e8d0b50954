"""Made-up histories of any model: plausible, consistent, and the same on every machine.

The company of :mod:`lifecycle_fsm.demo.company` fits only the shipped waterfall. Here people walk
through any model at random, without activities, so that each of its rules is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from lifecycle_fsm.demo.chance import Chance
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Edge, Model

START = datetime(2024, 1, 1, tzinfo=UTC)
END = datetime(2025, 1, 1, tzinfo=UTC)
_PROCESSING = timedelta(minutes=2)
_MOST = 12  # visits of one person

#: Plausible odds for a B2B company: of a thousand visits to a stage, how many end by each rule. A
#: person whom no rule moves stays, except in the first stage, where the last rule takes the rest. A
#: name means the same in each of the shipped models.
ODDS = {
    # sorting
    "no_prospect": 15, "competitor": 5, "customers_contact": 8, "on_open_opportunity": 7,
    "made_by_sales": 40, "sorted_by_hand_raise": 30, "sorted_by_score": 40, "asked_at_once": 40,
    "engaged_at_once": 120, "bought_already": 10, "everybody_else": 0,
    # before sales
    "qualified_by_score": 175, "qualified_by_hand_raise": 80, "became_engaged": 330,
    "raised_hand": 25, "warm_enough": 10, "asked": 90, "warmed_up": 110, "interested": 290,
    # sales is early
    "worked_by_sales": 14, "picked_by_sales": 15, "taken_early": 140, "met_early": 20,
    "opportunity_early": 10, "opportunity_at_once": 8, "won_early": 3, "won_at_once": 3,
    # sales at work
    "accepted": 630, "taken": 600, "met_them": 330, "opportunity_opened": 470, "closed_won": 300,
    "bought": 240, "gave_up": 480, "lost": 460, "opportunity_lost": 460, "recycled_by_sales": 240,
    "returned": 260, "not_now": 250, "disqualified_by_sales": 65, "returned_for_good": 75,
    "no_fit": 80, "ruled_out": 14, "no_prospect_after_all": 7,
    # once more
    "raised_hand_again": 35, "requalified": 60, "warm_again": 40, "asked_again": 20,
    "interested_again": 90, "picked_again": 20, "picked_up_again": 90, "reopened": 12,
    "new_opportunity": 15, "won_after_all": 5, "bought_after_all": 6, "reinstated": 12,
    "became_prospect": 40, "rested": 850, "time_to_try_again": 850, "call_again": 840,
}  # fmt: skip
#: The odds of models or stages that differ.
EXCEPTIONS = {
    ("sales_led", "made_by_sales"): 640, ("sales_led", "no_prospect"): 45,
    ("sales_led", "customers_contact"): 30, ("sales_led", "on_open_opportunity"): 35,
    ("engaged", "raised_hand"): 90, ("engaged", "warm_enough"): 240, ("contact", "bought"): 6,
}  # fmt: skip
#: The rules that wait for as many days as a token of the model says.
_RESTS = {
    "rested": "rest_days", "time_to_try_again": "retry_days", "call_again": "call_again_days"
}  # fmt: skip
#: The average length of a visit to a stage, in days.
_DAYS = {
    "mal": 45, "known": 45, "inquiry": 45, "contact": 45, "engaged": 35, "mql": 4, "lead": 38,
    "sal": 20, "working": 20, "meeting": 13, "sql": 58, "opportunity": 58, "recycled": 20,
    "lost": 60, "later": 40, "disqualified": 60, "off_path": 65,
}  # fmt: skip
#: The defaults for stages and rules of all other models.
_OTHER_DAYS = 30
_ODDS_BY_KIND = {"step": 400, "fast_track": 20, "detour": 60, "return": 20}


def odds_of(model: Model, edge: Edge) -> int:
    """How many of a thousand visits to its stage end by this edge."""
    for special in ((model.name, edge.name), (edge.source, edge.name)):
        if special in EXCEPTIONS:
            return EXCEPTIONS[special]
    return ODDS.get(edge.name, _ODDS_BY_KIND[edge.kind])


def history(model: Model, people: int) -> Iterator[HistoryRow]:
    """Yield the history of made-up people who move through the model at random for one year."""
    chance = Chance("history", 1)
    exits = {stage.name: _exits(model, stage.name) for stage in model.stages}
    for number in range(people):
        yield from _walk(model, exits, f"p{number:05}", chance)


def _exits(model: Model, stage: str) -> Mapping[Edge | None, int]:
    """The edges that end visits to a stage, by weight; None for visits that go on."""
    edges = [edge for edge in (*model.sort_edges, *model.edges) if edge.source == stage]
    odds: dict[Edge | None, int] = {edge: odds_of(model, edge) for edge in edges}
    # Every person is sorted.
    others = edges[-1] if edges and stage == model.initial.name else None
    return odds | {others: odds.get(others, 0) + max(0, 1000 - sum(odds.values()))}


def _walk(
    model: Model, exits: Mapping[str, Mapping[Edge | None, int]], person: str, chance: Chance
) -> Iterator[HistoryRow]:
    now = START + timedelta(minutes=chance.number(0, 360 * 1440))
    edge: Edge | None = None
    journey = 1
    for sequence in range(1, _MOST + 1):
        stage = edge.target if edge else model.initial.name
        yield HistoryRow(
            person=person,
            sequence=sequence,
            at=now,
            now=now,
            from_stage=edge.source if edge else None,
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
        edge = chance.weighted(exits[stage])
        if edge is None:
            return
        now += _PROCESSING if sequence == 1 else _wait(model, edge, chance)
        if now >= END:
            return
        journey += edge.kind == "return"


def _wait(model: Model, edge: Edge, chance: Chance) -> timedelta:
    """How long one visit lasts: usually short, and sometimes long."""
    rest = model.tokens.get(_RESTS.get(edge.name, ""))
    if isinstance(rest, int):
        return timedelta(days=rest, minutes=1)
    days = _DAYS.get(edge.source, _OTHER_DAYS)
    # Whole minutes, so that no rounding can differ.
    spread = chance.number(1, 1000) * chance.number(1, 1000)
    return timedelta(minutes=1 + days * 1440 * spread // 250_000)
