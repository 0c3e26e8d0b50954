"""Tries a change of the model before it is made, and replays one from a log [S28]."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import attrs

from lifecycle_fsm.activities import MODEL_CHANGED, Activity
from lifecycle_fsm.errors import LifecycleError, RecordError
from lifecycle_fsm.fields import instant
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.machine import Decision
from lifecycle_fsm.model import Model
from lifecycle_fsm.orchestrator.engine import Engine
from lifecycle_fsm.orchestrator.migration import Migration
from lifecycle_fsm.orchestrator.orchestrator import Orchestrator


@attrs.frozen(kw_only=True)
class MigrationReport:
    """What a migration would do; made by :meth:`of`.

    Args:
        version: the new version of the model.
        stages: how many people would go from which stage to which, before any system moves;
            includes people whose stage stays the same.
        moves: the rows of the system moves that would follow at once, with person, stages and rule.
        missed: by deadline, the ids of the people who would have missed it by its new length.
        dropped: by what the model no longer has, the ids of the people who have it.
        problems: by person id, why the person cannot be migrated; while there are any, the
            migration is not ready.
    """

    version: str
    stages: Mapping[tuple[str, str], int]
    moves: tuple[HistoryRow, ...]
    missed: Mapping[str, tuple[str, ...]]
    dropped: Mapping[str, tuple[str, ...]]
    problems: Mapping[str, str]

    @classmethod
    def of(
        cls,
        engine: Engine,
        states: Iterable[Mapping[str, Any]],
        stages: Mapping[str, str],
        *,
        at: datetime | str,
    ) -> MigrationReport:
        """Try the migration of all people on a copy: nothing is kept, logged or sent.

        Args:
            engine: the engine of the new version.
            states: states from the old version, from ``Lifecycle.dump``; read one at a time.
            stages: the removed stages, each with its replacement.
            at: when the model would change.

        Raises:
            LifecycleError: ``stages`` does not fit the model.
        """
        when = instant(at)
        migration = Migration(engine, stages)
        counts: Counter[tuple[str, str]] = Counter()
        moves: list[HistoryRow] = []
        missed: dict[str, list[str]] = {}
        dropped: dict[str, list[str]] = {}
        problems: dict[str, str] = {}
        for state in states:
            decisions: list[Decision] = []
            try:
                Orchestrator(engine, record=decisions.append).migrate(state, stages, when)
            except RecordError as error:
                problems[str(state.get("id"))] = str(error)
                continue
            person = state["id"]
            counts[state["stage"], stages.get(state["stage"], state["stage"])] += 1
            moves += [row for row in decisions[0].rows if row.kind != "migrate"]
            for decision in decisions[1:]:
                missed.setdefault(decision.reason, []).append(person)
            for what in migration.rewrite(state, when).dropped:
                dropped.setdefault(what, []).append(person)
        return cls(
            version=engine.machine.version,
            stages=dict(sorted(counts.items())),
            moves=tuple(moves),
            missed={rule: tuple(people) for rule, people in missed.items()},
            dropped={what: tuple(people) for what, people in dropped.items()},
            problems=problems,
        )


def replay_versions(
    last: Orchestrator, earlier: Iterable[Model | Engine], log: list[Activity]
) -> Iterator[Decision]:
    """Replay a log that several versions of a model applied, each part by its own version, to the
    same history.

    Args:
        last: holds all people at the end.
        earlier: the other versions.
        log: the activities in the order in which they were applied.

    Raises:
        LifecycleError: a version is missing, or a person was never moved on from an earlier one.
    """
    earlier_keepers = [Orchestrator(model) for model in earlier]
    keepers = {keeper.machine.version: keeper for keeper in (*earlier_keepers, last)}
    expected = [activity.person for activity in log if activity.kind == "processed"]
    for keeper in keepers.values():
        keeper.expect_processed(expected)

    def keeper_of(activity: Activity, version: object) -> Orchestrator:
        if version is None:
            return last
        if version not in keepers:
            raise LifecycleError(
                f"the log has {activity.id!r} of {activity.person!r} from version {version!r} of "
                "the model: give that model too, in earlier=[…]"
            )
        return keepers[version]

    for activity in log:
        keeper = keeper_of(activity, activity.version)
        if activity.kind == MODEL_CHANGED:
            before = keeper_of(activity, activity.payload.get("from_version"))
            yield before.hand_over(keeper, activity)
        else:
            yield keeper.apply(activity)
    left = [name for keeper in earlier_keepers for name in keeper.people if name not in last]
    if left:
        raise LifecycleError(
            f"the log has no model_changed that brings {left[0]!r} to version "
            f"{last.machine.version!r} of the model ({len(left)} in all)"
        )
