"""Rules that read what a later silo writes [S18]: they would read it one activity too late."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.question_context import QuestionContext
from lifecycle_fsm.model.name_resolution import fields_read

_ASSIGNED = {"assigned_to": "assignment"}
_SCORES = dict.fromkeys(("behavior_score", "demographic_score", "scored_at"), "scoring")
#: For each section, the silo in words, and the fields that later silos write.
_SILOS = {
    **dict.fromkeys(("kinds", "data"), ("data", _SCORES | _ASSIGNED)),
    **dict.fromkeys(("scoring", "decay"), ("scoring", _ASSIGNED)),
    **dict.fromkeys(("sort", "moves"), ("the lifecycle", _ASSIGNED)),
}
_INSTEAD = {
    "scoring": "Read what the score is given for instead, such as 'last_form' or 'employees'",
    "assignment": "Being assigned is not being accepted: read 'owner' or 'sales_touched_at' "
    "instead, which sales sets in the CRM",
}


def check(context: QuestionContext) -> Iterator[Finding]:
    """Rules of data, scoring, lifecycle, assignment or alerts that read fields of a later silo."""
    for rule in context.model.rules:
        silo, later = _SILOS.get(rule.section, ("", {}))
        for name in fields_read(context.model, rule.trees):
            if name in later:
                message = (
                    f"{silo} comes before {later[name]} and reads {name!r}, which is written by "
                    f"{later[name]}: it sees the value from before this activity. "
                    f"{_INSTEAD[later[name]]}"
                )
                yield Finding("error", "order", rule.place, message)
