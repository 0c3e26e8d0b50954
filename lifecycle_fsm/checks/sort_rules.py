"""Rules of the sort that are never reached, because earlier ones take everybody [S15]."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.question_context import Ground
from lifecycle_fsm.checks.rule_index import place_of
from lifecycle_fsm.guard import all_of, negate

NAME = "sort_rules"


def check(ground: Ground) -> Iterator[Finding]:
    """Rules that are shadowed. A rule that nobody satisfies at all is a dead guard."""
    model = ground.model
    start = model.initial.name
    whens = [ground.at(rule.when, start) for rule in model.sort]
    for place, rule in enumerate(model.sort):
        if not place:
            continue
        left = ground.ask(all_of(whens[place], *(negate(one) for one in whens[:place])))
        if left.found:
            continue
        own = ground.ask(whens[place])
        if own.refuted:
            continue
        if not left.refuted:
            yield Finding(
                check=NAME,
                severity="hint",
                fault="not decided",
                where=place_of(model, rule),
                message=f"whether anybody is left for it: {left.reason}",
            )
            continue
        shadow = next(
            (
                model.sort[before].name
                for before in range(place)
                if ground.ask(all_of(whens[place], negate(whens[before]))).refuted
            ),
            "",
        )
        by = f"by {shadow!r}" if shadow else "by the rules before it, taken together"
        last = place == len(model.sort) - 1
        yield Finding(
            check=NAME,
            severity="warning" if last else "error",
            fault="shadowed",
            where=place_of(model, rule),
            message=f"everybody whom it would take is taken before, {by}: "
            + (
                "nobody is left for it, so look whether an earlier rule takes too many"
                if last
                else "move it up, or leave it out"
            ),
            stage=start,
            person=own.person,
            at=own.at,
        )
