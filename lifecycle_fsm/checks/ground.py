"""What all checks stand on: the model, its persons, and the questions that were asked before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import takewhile

import attrs

from lifecycle_fsm.checks.detours import entries
from lifecycle_fsm.checks.places import Condition
from lifecycle_fsm.checks.worlds import start_of_brought, world_of
from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.guard import (
    Const,
    Field,
    Guard,
    Payload,
    Term,
    Token,
    Vocabulary,
    all_of,
    inline,
    negate,
    resolve,
    transform_terms,
)
from lifecycle_fsm.model import Edge, Model
from lifecycle_fsm.solving import Answer, Prover, Work, World, solve_whenever, substitute

#: In front of the name of what an activity brings, where a person has it as a field.
PAYLOAD = "activity__"
#: In front of the name of a token that may have any value.
FREED = "token__"


class Ground:
    """A model made ready to be asked about.

    Args:
        model: the model.
        work: what all questions may take together before they are "not decided".
        prover: who decides, see :func:`~lifecycle_fsm.solving.solve`.
    """

    def __init__(self, model: Model, work: Work, prover: Prover = "search") -> None:
        self.model = model
        self.world = world_of(model, work)
        self._prover = prover
        self._known: dict[tuple[Guard, str | None], Answer] = {}
        self._at: dict[tuple[Guard, str], Guard] = {}
        self._worlds: dict[str | None, World] = {None: self.world}
        self._waiting: frozenset[tuple[str, str]] | None = None

    @property
    def over(self) -> str:
        """Why no more questions are asked, or nothing where they are."""
        return self.world.work.over

    def ask(self, guard: Guard, *, kind: str | None = None) -> Answer:
        """Somebody for whom the guard holds; it may read what an activity of the kind brings."""
        key = (guard, kind)
        if key not in self._known:
            lifted = guard if kind is None else _lifted(guard, self.world.vocabulary)
            self._known[key] = solve_whenever(lifted, self._world(kind), prover=self._prover)
        return self._known[key]

    def each(self, one: Condition, guard: Guard) -> list[Answer]:
        """Somebody for whom the guard holds, in each of the stages where a condition is asked."""
        stages = one.stages or (None,)
        return [
            self.ask(guard if stage is None else self.at(guard, stage), kind=one.kind)
            for stage in stages
        ]

    def at(self, guard: Guard, stage: str) -> Guard:
        """The guard as it is asked in a stage: whatever it says of the stage is decided."""
        key = (guard, stage)
        if key not in self._at:
            here = {"stage": Const(stage)}
            self._at[key] = substitute(guard, here, self.world.vocabulary)
        return self._at[key]

    def turn(self, edge: Edge, group: Sequence[Edge]) -> Guard:
        """That it is this move's turn: its guard holds, and none that is tried before it, but for
        returns that may wait though they hold [S9]."""
        before = takewhile(lambda one: one.name != edge.name, group)
        return all_of(
            self.at(edge.when, edge.source),
            *(negate(self.at(one.when, one.source)) for one in before if not self.may_wait(one)),
        )

    def may_wait(self, edge: Edge) -> bool:
        """Whether it is a return that may have held on entry, so that it waits [S9]."""
        if edge.kind != "return" or edge.on is not None:
            return False
        if self._waiting is None:
            # Who waits in a detour may leave it for another: until nothing new is known to wait.
            self._waiting = frozenset()
            while (found := _waiting(self)) != self._waiting:
                self._waiting = found
        return (edge.source, edge.name) in self._waiting

    def for_any(self, guard: Guard, tokens: Collection[str]) -> Answer:
        """Somebody for whom the guard holds, whatever values these tokens might have had."""
        words = self.world.vocabulary
        fields = dict(words.fields)
        for name in tokens:
            whole = isinstance(words.tokens[name], int)
            fields[f"{FREED}{name}"] = FieldType("int" if whole else "float")
        world = attrs.evolve(self.world, vocabulary=attrs.evolve(words, fields=fields))

        def change(term: Term) -> Term:
            if isinstance(term, Token) and term.name in tokens:
                return Field(f"{FREED}{term.name}")
            return term

        freed = transform_terms(inline(resolve(guard, words), words), change)
        return solve_whenever(freed, world, prover=self._prover)

    def _world(self, kind: str | None) -> World:
        """The persons, with what an activity brings as fields of theirs."""
        if kind not in self._worlds:
            brought = self.model.vocabulary_for(kind).payload
            words = self.world.vocabulary
            more = {f"{PAYLOAD}{name}": one for name, one in brought.items()}
            self._worlds[kind] = attrs.evolve(
                self.world,
                vocabulary=attrs.evolve(words, fields={**words.fields, **more}),
                start={**self.world.start, **start_of_brought(more)},
            )
        return self._worlds[kind]


def _waiting(ground: Ground) -> frozenset[tuple[str, str]]:
    return frozenset((entry.back.source, entry.back.name) for entry in entries(ground))


def _lifted(guard: Guard, words: Vocabulary) -> Guard:
    """The guard with what the activity brings as fields of the person."""

    def change(term: Term) -> Term:
        return Field(f"{PAYLOAD}{term.name}") if isinstance(term, Payload) else term

    return transform_terms(inline(resolve(guard, words), words), change)
