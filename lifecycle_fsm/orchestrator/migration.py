"""Rewrites the saved state of a person for another version of the model [S28].

Data that the version no longer has is dropped and named. What cannot be decided here, such as where
the people of a removed stage belong, is an error.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import attrs

from lifecycle_fsm.errors import LifecycleError, RecordError, suggest
from lifecycle_fsm.history import DeadlineFact
from lifecycle_fsm.orchestrator.engine import Engine
from lifecycle_fsm.orchestrator.saved_state import Plain


class MigratedState(NamedTuple):
    """A state that this version of the model can restore.

    Args:
        state: the plain data.
        before: the stage in the other version.
        dropped: what the person had and this version lacks.
    """

    state: Plain
    before: str
    dropped: tuple[str, ...]


class Migration:
    """Rewrites states from another version of a model for this one.

    Args:
        engine: the engine of this version.
        stages: the removed stages, each with its replacement. A migration cannot map other stages:
            people in those change stage only by moves [S6].

    Raises:
        LifecycleError: the model still has a stage that is mapped as removed, or lacks a
            replacement.
    """

    def __init__(self, engine: Engine, stages: Mapping[str, str]) -> None:
        model = engine.model
        for old, new in stages.items():
            if old in model.by_name:
                raise LifecycleError(
                    f"the model still has the stage {old!r}, so it cannot be mapped to {new!r}: "
                    "map only stages that were removed"
                )
            model.stage(new)
        self._engine = engine
        self._stages = stages

    def rewrite(self, state: Mapping[str, Any], at: datetime) -> MigratedState:
        """The state of a person, with all merged records, for this version.

        Raises:
            RecordError: the state cannot be rewritten, with every reason; or it is not a state.
        """
        try:
            return self._rewrite(state, at)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RecordError(
                f"the saved state of {state.get('id')!r} cannot be read: "
                f"{type(error).__name__}: {error}"
            ) from error

    def _rewrite(self, state: Mapping[str, Any], at: datetime) -> MigratedState:
        person = state["id"]
        problems = list(self._problems(state, at))
        dropped: list[str] = []
        rewritten = self._record(state, dropped, problems)
        folded = [self._record(record, dropped, problems) for record in state.get("folded", ())]
        if problems:
            raise RecordError(f"{person!r} cannot be migrated: " + "; ".join(problems))
        rewritten["version"] = self._engine.machine.version
        if folded:
            rewritten["folded"] = folded
        return MigratedState(rewritten, state["stage"], tuple(dict.fromkeys(dropped)))

    def _problems(self, state: Mapping[str, Any], at: datetime) -> Iterator[str]:
        model, before = self._engine.model, state["stage"]
        stage = self._stages.get(before, before)
        if stage not in model.by_name:
            near = suggest(stage, model.by_name)
            yield (
                f"the model has no stage {stage!r}: map it to the stage that replaces it, in "
                f"`stages` or with --map {stage}=STAGE{near}"
            )
        elif state.get("processing", False) and stage != model.initial.name:
            yield (
                f"{before!r} was original processing, which is now {model.initial.name!r}, not "
                f"{stage!r}: map it to {model.initial.name!r}, or let processing end first"
            )
        elif stage == model.initial.name and not state.get("processing", False):
            yield (
                f"{stage!r} is now original processing, which is over for this person: map "
                f"{before!r} to another stage"
            )
        due, now = state.get("due"), max(at, datetime.fromisoformat(state["clock"]))
        if due is not None and datetime.fromisoformat(due) <= now:
            yield (
                "something is due before the migration: first let time pass until then (tick) "
                "with the model that saved the state, or migrate earlier"
            )

    def _record(self, state: Mapping[str, Any], dropped: list[str], problems: list[str]) -> Plain:
        """Rewrite one record."""
        engine, record = self._engine, dict(state)
        stage = record["stage"] = self._stages.get(state["stage"], state["stage"])
        record["fields"] = dict(self._fields(state, dropped, problems))
        rules = {rule.name for rule in engine.model.scoring}
        record["points"] = _known(state.get("points", {}), rules, "the points of", dropped)
        deadlines = {rule.name for rule in engine.model.deadlines if rule.stage == stage}
        open_deadlines = {deadline[0]: deadline for deadline in state.get("deadlines", ())}
        record["deadlines"] = [*_known(open_deadlines, deadlines, "the deadline", dropped).values()]
        record["waiting"] = list(self._waiting(state, dropped))
        record["deferred"] = list(self._deferred(state, dropped, problems))
        for name in ("points", "deadlines", "waiting", "deferred"):
            if not record[name]:
                del record[name]
        return record

    def _fields(
        self, state: Mapping[str, Any], dropped: list[str], problems: list[str]
    ) -> Iterator[tuple[str, Any]]:
        types = self._engine.model.field_types
        for name, value in _known(state["fields"], types, "the field", dropped).items():
            try:
                types[name].accept(value)
            except RecordError as error:
                problems.append(f"the field {name!r} is {value!r}: {error}")
            yield name, value

    def _waiting(self, state: Mapping[str, Any], dropped: list[str]) -> Iterator[Plain]:
        """The requests that wait for the CRM's record; those of the current visit get its new
        stage."""
        for request in state.get("waiting", ()):
            if (request["section"], request["rule"]) in self._engine.states.templates:
                stage = request.get("stage")
                yield {**request, "stage": self._stages.get(stage, stage)}
            else:
                dropped.append(f"the request of {request['rule']!r} that waited")

    def _deferred(
        self, state: Mapping[str, Any], dropped: list[str], problems: list[str]
    ) -> Iterator[Plain]:
        """The activities that wait for the sort, with triggers and payloads of this version."""
        engine = self._engine
        for waits in state.get("deferred", ()):
            kind = waits["kind"]
            if kind not in engine.handling:
                dropped.append(f"the activity {kind!r} that waited for the sort")
                continue
            deferred = {**waits, "trigger": engine.triggers.get(kind)}
            if "payload" in waits:
                known = engine.data.names(kind)
                brought = _known(
                    waits["payload"],
                    known,
                    f"what {kind!r}, that waited for the sort, brought as",
                    dropped,
                )
                deferred["payload"] = brought
                try:
                    engine.data.accept(kind, brought)
                except RecordError as error:
                    problems.append(f"{waits['activity']!r} waits for the sort: {error}")
            yield deferred


def _known(
    values: Mapping[str, Any], names: Container[str], what: str, dropped: list[str]
) -> dict[str, Any]:
    """The values with known names; the others are dropped."""
    dropped += [f"{what} {name!r}" for name in values if name not in names]
    return {name: value for name, value in values.items() if name in names}


def carried_over(
    facts: Iterable[DeadlineFact], state: Mapping[str, Any], stage: str
) -> list[DeadlineFact]:
    """The recorded deadlines of a person, with the new stage in those of the current visit: the
    visit continues, and its decided deadlines stay decided.

    Args:
        facts: the deadlines of all records.
        state: the state from the other version.
        stage: the stage in this version.
    """
    visit = (
        state.get("journey_record") or state["id"],
        state["journey"],
        state["stage"],
        datetime.fromisoformat(state["entered_at"]),
    )
    return [attrs.evolve(fact, stage=stage) if fact.visit == visit else fact for fact in facts]
