"""A tour: paths that fire every move of a model, each as short as it can be.

From where a path has led, a solver says which fields would have to change for the next move to be
the one that is taken. Then somebody really walks there, through the orchestrator: only what was
seen to happen becomes part of the tour.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime

import attrs

from lifecycle_fsm.checks import world_of
from lifecycle_fsm.effects import attribute_of
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.fields import Value
from lifecycle_fsm.guard import Guard, all_of, inline, negate, reads, resolve, turning_points
from lifecycle_fsm.guard.vocabulary import Vocabulary
from lifecycle_fsm.model import Edge, Model
from lifecycle_fsm.person import READ_ONLY
from lifecycle_fsm.scoring import Scoring
from lifecycle_fsm.solving import Work, solve_here
from lifecycle_fsm.testing.cases import wording
from lifecycle_fsm.testing.cases.asking import Asking
from lifecycle_fsm.testing.cases.points import is_value
from lifecycle_fsm.testing.cases.walking import PAUSE, WAIT, Walk, Walker

#: From how many paths into one stage the search for its moves goes on.
_ARRIVALS = 4
_Steps = tuple[str, ...]


@attrs.frozen
class Path:
    """The steps that fire a move, and where each of them leads."""

    edge: Edge
    steps: _Steps
    outcomes: _Steps


@attrs.frozen
class Tour:
    """Paths by length, and the moves for which there is none, with the reason."""

    paths: tuple[Path, ...]
    unfired: tuple[tuple[Edge, str], ...]


def tour_of(model: Model, walker: Walker, work: Work | None = None) -> Tour:
    """The paths that fire every sort rule, and every move out of every stage that it leaves.
    ``work`` is what the questions for them may take together."""
    return _Search(model, walker, work).run()


@attrs.frozen
class _Here:
    """Where a path has led: the person as it was then, and when."""

    steps: _Steps
    stage: str
    now: datetime
    values: Mapping[str, Value]


class _Search:
    def __init__(self, model: Model, walker: Walker, work: Work | None) -> None:
        self.model = model
        self.walker = walker
        self.words: Vocabulary = model.vocabulary
        self.world = world_of(model, work)
        self.asking = Asking(model, work)
        self.inputs = Scoring(model).inputs
        self.found: dict[Edge, Path] = {}
        self.arrivals: dict[str, int] = {}
        self.waiting: deque[_Steps] = deque()

    def run(self) -> Tour:
        for edge in self.model.sort_edges:
            for steps in self._into(edge):
                if self._try(edge, steps):
                    break
        while self.waiting:
            here = self._arrived(self.waiting.popleft())
            for edge in self.model.edges:
                if edge.source == here.stage and edge not in self.found:
                    ways = sorted(self._onwards(edge, here), key=len)
                    any(self._try(edge, steps) for steps in dict.fromkeys(ways))
        edges = (*self.model.sort_edges, *self.model.edges)
        taken = {path.steps[:length] for path in self.found.values()
                 for length in range(1, len(path.steps))}  # fmt: skip
        paths = [self.found[edge] for edge in edges if edge in self.found]
        kept = sorted((one for one in paths if one.steps not in taken), key=lambda p: len(p.steps))
        return Tour(
            tuple(kept),
            tuple((edge, self._reason(edge)) for edge in edges if edge not in self.found),
        )

    def _try(self, edge: Edge, steps: _Steps) -> bool:
        """Walk there, and keep the path where the last step fires the move."""
        walk = self.walker.begin()
        try:
            outcomes = tuple(walk.step(one) for one in steps)
        except LifecycleError:
            return False
        if not any(row.rule == edge.name and row.from_stage == edge.source for row in walk.rows):
            return False
        self.found[edge] = Path(edge, steps, outcomes)
        end = walk.person.stage
        if self.arrivals.get(end, 0) < _ARRIVALS:
            self.arrivals[end] = self.arrivals.get(end, 0) + 1
            self.waiting.append(steps)
        return True

    def _arrived(self, steps: _Steps) -> _Here:
        walk: Walk = self.walker.begin()
        for one in steps:
            walk.step(one)
        person = walk.person
        values = {name: getattr(person, attribute_of(name)) for name in self.words.fields}
        return _Here(steps, person.stage, walk.now, values)

    # ------------------------------------------------------------------ new persons

    def _into(self, edge: Edge) -> Iterator[_Steps]:
        """Ways to be created so that this rule of the sort is the first that holds."""
        earlier = []
        for one in self.model.sort_edges:
            if one == edge:
                break
            earlier.append(negate(one.when))
        made = {name for step in self.model.chain for name in step.writes}
        for quiet in (self._closed(edge.target), ()):
            answer = solve_here(all_of(edge.when, *earlier, *quiet), self.world)
            if not answer.found:
                continue
            now = self.world.now
            free = {name: one for name, one in answer.person.items() if name not in READ_ONLY}
            given = {name: one for name, one in free.items() if name not in made}
            gained = {name: one for name, one in free.items() if name in made}
            created = _step("created", given, now)
            yield (created, _step("processed", gained, now))

    # ------------------------------------------------------------------ moves

    def _onwards(self, edge: Edge, here: _Here) -> Iterator[_Steps]:
        """Ways to fire a move from where somebody is: by an activity, or by time."""
        for kind in self.asking.kinds(edge.on) if edge.on else (None,):
            for when in self._instants(edge, here):
                for changes in self._changes(edge, here, when, kind):
                    yield from self._steps(edge, here, when, kind, changes)

    def _instants(self, edge: Edge, here: _Here) -> Iterator[datetime]:
        """When to try: at the next activity, or when time alone changes the guard."""
        first = here.now + PAUSE
        yield first
        for point in turning_points(edge.when, self.words):
            start = here.values[point.field]
            if isinstance(start, datetime):
                instant = start + point.length
                if instant > first:
                    yield instant

    def _changes(
        self, edge: Edge, here: _Here, when: datetime, kind: str | None
    ) -> Iterator[Mapping[str, Value]]:
        """The fields that have to change for this move to be the one that is taken."""
        start = {**here.values, **self.asking.sets(kind, when)}
        world = attrs.evolve(
            self.world, start=start, now=when, latest=dict.fromkeys(self.world.latest, when)
        )
        first = self._first(edge)
        for quiet in (self._closed(edge.target), ()):
            guard = all_of(first, *quiet)
            read = reads(inline(resolve(guard, self.words), self.words))
            held = [is_value(name, start[name]) for name in sorted(READ_ONLY) if name in read]
            answer = solve_here(all_of(guard, *held), world)
            if answer.found:
                yield {name: one for name, one in answer.person.items() if name not in READ_ONLY}

    def _first(self, edge: Edge) -> Guard:
        """Holds where the move is open and is the one that its stage tries first [S8]."""
        before: list[Guard] = []
        for one in self.model.edges:
            if one == edge:
                break
            if one.source == edge.source and one.on == edge.on:
                before.append(negate(one.when))
        # Fields are set before a human asks: no system move may take the person away by that.
        away = self._closed(edge.source) if edge.on else ()
        return all_of(edge.when, *before, *away)

    def _closed(self, stage: str) -> tuple[Guard, ...]:
        """Holds where no system move leads on from a stage."""
        return tuple(
            negate(one.when) for one in self.model.edges if one.source == stage and not one.on
        )

    def _steps(
        self,
        edge: Edge,
        here: _Here,
        when: datetime,
        kind: str | None,
        changes: Mapping[str, Value],
    ) -> Iterator[_Steps]:
        at = here.now + PAUSE
        if when > at:
            set_first = (_step("changed", changes, at),) if changes else ()
            begun = at if changes else here.now
            yield (*here.steps, *set_first, f"{WAIT}{wording.length_said(when - begun)}")
        elif kind is not None:
            brings, rest = self.asking.brings(kind, changes, here.values, at)
            if rest:
                at += PAUSE
                yield (*here.steps, _step("changed", rest, at - PAUSE), _step(kind, brings, at))
            else:
                yield (*here.steps, _step(kind, brings, at))
        elif changes:
            for name, payload in self.asking.naturally(changes, here.values, at):
                yield (*here.steps, _step(name, payload, at))
            yield (*here.steps, _step("changed", changes, at))
            # What points of fit depend on has them computed anew: then they are set behind it.
            first = {name: one for name, one in changes.items() if name in self.inputs}
            then = {name: one for name, one in changes.items() if name not in self.inputs}
            if first and "demographic_score" in then:
                later = _step("changed", then, at + PAUSE)
                yield (*here.steps, _step("changed", first, at), later)

    def _reason(self, edge: Edge) -> str:
        if edge.source != self.model.initial.name and not self.arrivals.get(edge.source):
            return f"nobody gets to {edge.source}"
        world = attrs.evolve(self.world, start={**self.world.start, "stage": edge.source})
        there = is_value("stage", edge.source)
        if solve_here(all_of(edge.when, there), world).refuted:
            return f"its guard holds for nobody in {edge.source}"
        answer = solve_here(all_of(self._first(edge), there), world)
        if edge in self.model.sort_edges:
            before = self.model.sort_edges[: self.model.sort_edges.index(edge)]
            untaken = (negate(one.when) for one in before)
            answer = solve_here(all_of(edge.when, *untaken, there), world)
        if answer.refuted:
            return "what is tried before it leaves nobody"
        return f"no way was found{f': {answer.reason}' if answer.reason else ''}"


def _step(kind: str, payload: Mapping[str, Value], at: datetime) -> str:
    return f"{kind}: {wording.said(payload, at)}" if payload else kind
