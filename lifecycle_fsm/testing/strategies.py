"""Hypothesis strategies of a model: people, activities, logs and whole histories.

Values are drawn mostly from those at which a guard of the model turns: for ``>= 65`` these are 64,
65 and 66.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from os import PathLike
from typing import Any, TypeAlias

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.fields import Value, instant
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Model, load
from lifecycle_fsm.orchestrator import Orchestrator
from lifecycle_fsm.person import Person
from lifecycle_fsm.solving import NOW
from lifecycle_fsm.testing._hypothesis import st
from lifecycle_fsm.testing.bench import Bench
from lifecycle_fsm.testing.drawing import SOMEBODY, Drawing
from lifecycle_fsm.testing.values import lengths

#: A model, the path of its TOML, or the name of a shipped one.
Source: TypeAlias = Model | str | PathLike[str]
#: How long a drawn log may go on behind its last activity.
_REST = timedelta(days=400)


def _model(source: Source) -> Model:
    return source if isinstance(source, Model) else load(source)


def people(
    bench: Bench | Source,
    *,
    stage: str | Iterable[str] = (),
    id: str = SOMEBODY,
    **fields: Any,
) -> st.SearchStrategy[Person]:
    """People of a model, in any stage, as ``bench.person_in`` makes them.

    Args:
        bench: what the test asks and asserts with; of a model alone a bench is made.
        stage: one stage or several; without it, any.
        id: of the person; each one that is drawn replaces the one before.
        fields: fields that every one has, as values or as strategies; also of the visit, such as
            ``days_in_stage``.

    Raises:
        LifecycleError: the model has no such stage.
        RecordError: when it is drawn: a field does not exist or does not take its value.
    """
    on = bench if isinstance(bench, Bench) else Bench(bench)
    stages = (stage,) if isinstance(stage, str) and stage else tuple(stage)
    drawn = Drawing(on.model, on.clock.now).situations(stages, fields)
    return drawn.map(lambda one: on.person_in(one[0], id=id, **one[1]))


def payloads(model: Source, kind: str) -> st.SearchStrategy[dict[str, Value]]:
    """What an activity of a kind may bring, by name: mostly what a rule looks at.

    Raises:
        KeyError: the model has no such kind.
    """
    return Drawing(_model(model)).payload(kind)


def activities(
    model: Source,
    *,
    person: str = SOMEBODY,
    at: datetime | str = NOW,
    kinds: Sequence[str] = (),
) -> st.SearchStrategy[Activity]:
    """One activity of a person at an instant, of any kind that concerns one person alone.

    Args:
        model: the model.
        person: the id of the person.
        at: when it happened.
        kinds: of these kinds only.
    """
    drawing, when = Drawing(_model(model)), instant(at)
    return _contents(drawing, kinds).map(
        lambda one: Activity(f"{one[0]}-1", person, one[0], when, one[1])
    )


def logs(
    model: Source, *, persons: int = 1, most: int = 12, begin: datetime | str = NOW
) -> st.SearchStrategy[list[Activity]]:
    """What happened to some people, in the order of events and without lateness [S19].

    ``created`` comes first for each; the gaps between activities are mostly lengths of time after
    which something is due in the model.

    Args:
        model: the model.
        persons: how many people, with the ids ``person-1`` …
        most: activities of one person behind ``created``.
        begin: when the first is created.
    """
    return _logs(Drawing(_model(model)), persons, most, instant(begin))


def histories(
    model: Source, *, most: int = 12, begin: datetime | str = NOW
) -> st.SearchStrategy[tuple[HistoryRow, ...]]:
    """The history of a person after whatever happened, and a year of silence behind it [S25]."""
    found = _model(model)
    engine = Orchestrator(found)
    return logs(found, most=most, begin=begin).map(lambda log: run(engine, log)[0].history)


def run(engine: Orchestrator, log: Sequence[Activity]) -> list[Person]:
    """Apply a log to nobody, let a year pass, and say who came of it."""
    engine.people.clear()  # a new engine for each log would take most of the time
    for one in log:
        engine.apply(one)
    engine.tick(max(one.at for one in log) + _REST)
    return list(engine.people.values())


def _contents(
    drawing: Drawing, kinds: Sequence[str] = ()
) -> st.SearchStrategy[tuple[str, dict[str, Value]]]:
    """A kind of activity with what it brings."""
    names = list(kinds) or drawing.often()
    brings = {kind: drawing.payload(kind) for kind in dict.fromkeys(names)}
    return st.sampled_from(names).flatmap(lambda kind: st.tuples(st.just(kind), brings[kind]))


def _logs(
    drawing: Drawing, persons: int, most: int, begin: datetime
) -> st.SearchStrategy[list[Activity]]:
    gaps = st.sampled_from(lengths(drawing.model))
    step = st.tuples(gaps, _contents(drawing))
    # Hypothesis prefers short lists; in a short life nothing happens.
    steps = st.lists(step, max_size=most) | st.lists(step, min_size=most // 2, max_size=most)
    life = st.tuples(gaps, drawing.fields(), steps)

    def told(lives: list[Any]) -> list[Activity]:
        found: list[Activity] = []
        for number, (gap, fields, steps) in enumerate(lives, 1):
            name, at = f"person-{number}", begin + gap
            found.append(Activity("created", name, "created", at, fields))
            for place, (length, (kind, payload)) in enumerate(steps):
                at += length
                found.append(Activity(f"{place:03}", name, kind, at, payload))
        # As by event [S19], but across people: first what happened first.
        return sorted(found, key=lambda one: (one.at, one.kind != "created", one.id))

    return st.lists(life, min_size=persons, max_size=persons).map(told)
