"""For each move of a model, somebody to whom it is open, and none that is tried before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lifecycle_fsm.checks import world_of
from lifecycle_fsm.fields import Value
from lifecycle_fsm.guard import Compare, Const, Field, all_of, negate
from lifecycle_fsm.model import Edge, Model
from lifecycle_fsm.solving import NOW, solve

#: How hard to look for one: a drawn person that is missing is no loss.
_BUDGET = 2_000


def witnesses(model: Model) -> Iterator[tuple[Edge, Mapping[str, Value]]]:
    """Each move, and what ``person_in`` takes beside its stage, as of the solver's instant.

    A move that nobody can make, that asks a Python callable, or for which nobody was found soon,
    has none.
    """
    world = world_of(model)
    before: dict[tuple[str, str | None], list[Edge]] = {}
    for edge in (*model.sort_edges, *model.edges):
        tried = before.setdefault((edge.source, edge.on), [])
        guards = [edge.when, *(negate(one.when) for one in tried)]
        here = Compare("==", Field("stage"), Const(edge.source))
        tried.append(edge)
        answer = solve(all_of(here, *guards), world, budget=_BUDGET)
        if not answer.found or answer.assumed:
            continue
        fields = {name: value for name, value in answer.person.items() if name != "stage"}
        if edge.kind != "return":
            # The world's times, for conditions that compare with them; nobody returns at once [S9].
            entered = fields.setdefault("stage_entered_at", NOW)
            fields.setdefault("journey_started_at", entered)
        if edge.source == model.initial.name:
            fields.pop("journey_started_at", None)
        yield edge, fields
