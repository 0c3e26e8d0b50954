"""Made-up histories for the gallery: plausible, consistent, and the same on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Edge, Model

START = datetime(2024, 1, 1, tzinfo=UTC)
END = datetime(2025, 1, 1, tzinfo=UTC)

# How likely a kind of move is, and how many days it takes.
_WEIGHT = {"step": 10.0, "fast_track": 0.7, "detour": 1.4, "return": 2.0}
_DAYS = {"step": 14, "fast_track": 9, "detour": 30, "return": 80}


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
    # Whole minutes, and sums of them: no rounding that could differ.
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
    while sequence < 12:
        edge = _choose(model, out[stage], chance, first=sequence == 1)
        if edge is None:
            return
        wait = 2 if sequence == 1 else chance.randrange(1, _DAYS[edge.kind] * 2 * 1440)
        now += timedelta(minutes=wait)
        if now >= END:
            return
        source, stage = stage, edge.target
        journey += edge.kind == "return"
        sequence += 1
        yield row(source, edge)


def _choose(model: Model, edges: list[Edge], chance: Random, *, first: bool) -> Edge | None:
    if not edges:
        return None
    if first:  # nearly everybody is sorted by the last rule
        weights = [0.05 * 0.75**index for index in range(len(edges) - 1)] + [1.0]
    else:
        kinds = [edge.kind for edge in edges]
        weights = [_WEIGHT[edge.kind] / kinds.count(edge.kind) for edge in edges]
        rank = model.ranks.get(edges[0].source, 3)
        stays = sum(weights) * (0.25 + 0.35 / rank if rank else 0)
        if chance.random() * (sum(weights) + stays) < stays:
            return None
    mark = chance.random() * sum(weights)
    for edge, weight in zip(edges, weights, strict=True):
        mark -= weight
        if mark < 0:
            return edge
    return edges[-1]
