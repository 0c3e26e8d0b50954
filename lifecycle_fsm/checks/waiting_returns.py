"""Returns that may hold already when somebody enters the detour, so that they wait [S9].

Such a return is not made: its guard has to *become* true. Who raised a hand before the detour, and
comes back by a raised hand, waits there until the hand was taken down once.
"""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.checks.detours import Entry, entries
from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.ground import Ground
from lifecycle_fsm.checks.places import place_of
from lifecycle_fsm.model import Move


def waiting_returns(ground: Ground, check: str) -> Iterator[Finding]:
    """Each return, with all ways into its detour on which it may hold already; told as findings of
    a check."""
    by_rule: dict[str, list[Entry]] = {}
    for entry in entries(ground):
        by_rule.setdefault(entry.back.name, []).append(entry)
    for name, ways in by_rule.items():
        rule = ways[0].back.rule
        assert isinstance(rule, Move)
        shown = next((way for way in ways if way.answer.found), None)
        told = [way for way in ways if way.answer.found] if shown else ways
        by = _listed([repr(fromkey) for fromkey in dict.fromkeys(way.edge.name for way in told)])
        yield Finding(
            check=check,
            severity="warning" if shown else "hint",
            fault="waits" if shown else "not decided",
            where=place_of(ground.model, rule),
            message=f"it may hold already on entry to {told[0].edge.target!r} by {by}, and would "
            f"wait there until it has been false once: {_remedy(told)}"
            if shown
            else f"whether {name!r} may hold already on entry to {told[0].edge.target!r} by {by}: "
            f"{told[0].answer.reason}",
            stage=shown.edge.source if shown else None,
            person=shown.answer.person if shown else {},
            at=shown.answer.at if shown else None,
            assumed=shown.answer.assumed if shown else {},
        )


def _remedy(ways: list[Entry]) -> str:
    """What to change: a detour can undo what the return asks for, the sort can only choose."""
    detours = dict.fromkeys(repr(way.edge.name) for way in ways if isinstance(way.edge.rule, Move))
    sorts = dict.fromkeys(
        repr(way.edge.name) for way in ways if not isinstance(way.edge.rule, Move)
    )
    parts = []
    if detours:
        parts.append(f"let {_listed(list(detours))} undo, in 'then', what it asks for")
    if sorts:
        parts.append(
            f"let a rule before {_listed(list(sorts))} in the sort take those for whom it holds"
        )
    return ", and ".join(parts)


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
