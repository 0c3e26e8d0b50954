"""The missing test, as code: a person for whom a mutant and its model decide differently."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from lifecycle_fsm.checks.finding import arguments, literal
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Model
from lifecycle_fsm.proof import NOW
from lifecycle_fsm.testing.bench import Bench
from lifecycle_fsm.testing.mutation.generator import Mutant
from lifecycle_fsm.testing.mutation.trials import Asked, Verdict

#: The times of the visit in a test; without them, the stage was entered an hour ago.
_VISIT = ("stage_entered_at", "journey_started_at")
_WIDTH = 88


@attrs.frozen
class _Outcome:
    """The result of asking for one person: the stage, the rules that moved, and the fields."""

    stage: str
    rules: tuple[str, ...]
    refused: bool
    fields: Mapping[str, Any]


def missing_test(model: Model, mutant: Mutant, verdict: Verdict, source: str = "") -> str:
    """A test that passes with the model and fails with the mutant; empty if there is none.

    It is tried with both before it is returned.

    Args:
        model: the model.
        mutant: a mutant that can be told from it.
        verdict: has the person for whom they differ.
        source: how a test loads the model: the name of a shipped one, or a path.
    """
    answer = verdict.answer
    if not verdict.different or verdict.asked is None or answer.assumed or answer.at is not None:
        return ""  # the clock of a bench is fixed, so no line can set it to a date
    asked = verdict.asked
    person = {name: value for name, value in verdict.answer.person.items() if name != "stage"}
    # The person is used as found; if that works without times of the visit, the test omits them.
    at_once = dict.fromkeys(_VISIT, NOW) if asked.trigger or not _sorts(model, asked) else {}
    for fields in (person, {**at_once, **person}):
        try:
            ours, theirs = (_outcome(either, asked, fields) for either in (model, mutant.model))
        except LifecycleError:
            continue
        if ours != theirs:
            return _code(model, mutant, asked, fields, ours, theirs, source)
    return ""


def _sorts(model: Model, asked: Asked) -> bool:
    return asked.stage == model.initial.name


def _outcome(model: Model, asked: Asked, fields: Mapping[str, Any]) -> _Outcome:
    bench = Bench(model, now=NOW)
    person = bench.person_in(asked.stage, id="p", **fields)
    trigger = asked.trigger if asked.trigger in model.triggers else None
    rows: tuple[HistoryRow, ...] = ()
    declared = any(edge.on == trigger and edge.source == asked.stage for edge in model.edges)
    if asked.trigger is None or trigger is not None:
        rows = bench.ask(person, trigger)
    return _Outcome(
        person.stage,
        tuple(row.rule for row in rows),
        bool(trigger and declared and not rows),
        {name: getattr(person, name) for name in model.field_types},
    )


def _code(
    model: Model,
    mutant: Mutant,
    asked: Asked,
    fields: Mapping[str, Any],
    ours: _Outcome,
    theirs: _Outcome,
    source: str,
) -> str:
    given = arguments(asked.stage, fields)
    trigger = f', "{asked.trigger}"' if asked.trigger else ""
    lines = [
        "from lifecycle_fsm.testing import Bench",
        "",
        "",
        f"def test_{_name(mutant)}() -> None:",
        f"    bench = Bench({literal(source) if source else 'MODEL'})",
        *_call("    person = bench.person_in", given),
    ]
    if ours.rules:
        rules = ours.rules if ours.rules[-1:] == theirs.rules[-1:] else ours.rules[-1:]
        by = literal(rules[0] if len(rules) == 1 else list(rules))
        lines.append(f'    bench.assert_moves(person{trigger}, to="{ours.stage}", by={by})')
    elif ours.refused:
        lines.append(f"    bench.assert_refused(person{trigger})")
    elif asked.trigger:
        lines.append(f"    assert bench.ask(person{trigger}) == ()")
    else:
        lines.append("    bench.assert_stays(person)")
    if (ours.stage, ours.rules, ours.refused) == (theirs.stage, theirs.rules, theirs.refused):
        lines += [
            f"    assert person.{name} "
            f"{'is' if value is None or isinstance(value, bool) else '=='} {literal(value)}"
            for name, value in ours.fields.items()
            if value != theirs.fields[name]
        ]
    return "\n".join(lines) + "\n"


def _call(start: str, given: list[str]) -> list[str]:
    line = f"{start}({', '.join(given)})"
    if len(line) <= _WIDTH:
        return [line]
    return [f"{start}(", *(f"        {argument}," for argument in given), "    )"]


def _name(mutant: Mutant) -> str:
    words = f"{mutant.change.where} {mutant.change.kind} {mutant.id[:4]}"
    return re.sub(r"\W+", "_", words).strip("_").lower()
