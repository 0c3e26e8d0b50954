"""Rules that read what a later silo writes [S18]: they would see it one activity too late."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.question_context import Ground
from lifecycle_fsm.checks.rule_index import place_of
from lifecycle_fsm.guard import Guard, Term
from lifecycle_fsm.model import Model
from lifecycle_fsm.model.name_resolution import fields_read

NAME = "silo_order"
_SCORES = dict.fromkeys(("behavior_score", "demographic_score", "scored_at"), "scoring")
_ASSIGNED = {"assigned_to": "assignment"}
_INSTEAD = {
    "scoring": "Read what the score is given for instead, such as 'last_form' or 'employees'",
    "assignment": "Being assigned is not being accepted: read 'owner' or 'sales_touched_at' "
    "instead, which sales sets in the CRM",
}


def check(ground: Ground) -> Iterator[Finding]:
    """Data, scoring, lifecycle, assignment, alerts: nothing reads what comes behind it."""
    model = ground.model
    for where, silo, trees, later in _silos(model):
        for name in fields_read(model, trees):
            if name in later:
                yield Finding(
                    check=NAME,
                    severity="error",
                    fault="order",
                    where=where,
                    message=f"{silo} comes before {later[name]} and reads {name!r}, which is "
                    f"written by {later[name]}: it sees the value from before this activity. "
                    f"{_INSTEAD[later[name]]}",
                )


_Silo = tuple[str, str, Sequence[Guard | Term], dict[str, str]]


def _silos(model: Model) -> Iterator[_Silo]:
    for kind in model.kinds:
        trees = [one.value for one in kind.sets]
        yield f"kinds.{kind.name}", "data", trees, _SCORES | _ASSIGNED
    for index, data in enumerate(model.data):
        where = f"data[{index}] {data.name or data.on}"
        trees = [data.when, *(one.value for one in data.then)]
        yield where, "data", trees, _SCORES | _ASSIGNED
    for index, score in enumerate(model.scoring):
        yield f"scoring[{index}] {score.name}", "scoring", [score.when, score.points], _ASSIGNED
    for index, decay in enumerate(model.decay):
        trees = [decay.when, *(one.value for one in decay.then)]
        yield f"decay[{index}] {decay.name}", "scoring", trees, _ASSIGNED
    for rule in model.sort:
        yield place_of(model, rule), "the lifecycle", [rule.when], _ASSIGNED
    for move in model.moves:
        trees = [move.when, *(one.value for one in move.then)]
        yield place_of(model, move), "the lifecycle", trees, _ASSIGNED
