"""What all checks stand on: the model, its persons, and the questions that were asked before."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import takewhile

import attrs

from lifecycle_fsm.checks.detour_futures import entries
from lifecycle_fsm.checks.rule_index import Condition
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.guard import (
    Const,
    Field,
    Guard,
    Now,
    Payload,
    Term,
    Token,
    Vocabulary,
    all_of,
    inline,
    negate,
    parse_guard,
    resolve,
    transform_terms,
)
from lifecycle_fsm.model import Edge, Model
from lifecycle_fsm.person import BASE_FIELDS
from lifecycle_fsm.proof import NOW, Answer, Prover, Work, World, solve_whenever, substitute

# ------------------------------------------------------------------ worlds
#
# The persons of a model, for a proof: what may be true of somebody at some instant.


#: What holds for everybody who is in a stage: the machine and the data silo see to it.
_LAWS = (
    parse_guard("stage_entered_at is known"),
    parse_guard("journey_started_at is known"),
    parse_guard("journey_started_at <= stage_entered_at"),
    parse_guard("journey >= 1"),
    parse_guard("open_opportunities >= 0"),
    parse_guard("won_opportunities >= 0"),
)
#: Times of the shipped person that something wrote when it happened, so never times to come.
_PAST = frozenset(name for name, one in BASE_FIELDS.items() if one.type.kind == "datetime") | {
    "stage_entered_at",
    "journey_started_at",
}


def world_of(model: Model, work: Work | None = None) -> World:
    """Everybody whom the model can speak of, at one instant.

    Fields start as in somebody of whom nothing is known. Times that only ``now`` writes are not
    later than the instant; the stage began then or before, and its journey not after it [S1].
    ``work`` is what all questions about them may take; without it there is no end.
    """
    starts = {one.name: one.start() for one in (*BASE_FIELDS.values(), *model.fields)}
    starts |= {"stage": model.initial.name, "journey": 1}
    starts |= {"stage_entered_at": NOW, "journey_started_at": NOW}
    kinds = model.vocabulary.fields
    past = {
        name: NOW
        for name, kind in kinds.items()
        if kind.kind == "datetime" and (name in _PAST or _only_now(name, model))
    }
    return World(model.vocabulary, start=starts, latest=past, laws=_LAWS, work=work or Work())


def start_of_brought(fields: Mapping[str, FieldType]) -> dict[str, Value]:
    """What an activity brings of which nothing is known: a text that it has to bring has content,
    while that of a person may never have been set [S4]."""
    return {
        name: "other"
        for name, kind in fields.items()
        if kind.kind == "str" and not kind.nullable and not kind.choices
    }


def _only_now(name: str, model: Model) -> bool:
    written = [value for field, value in _written(model) if field == name]
    return bool(written) and all(isinstance(value, Now) for value in written)


def _written(model: Model) -> Iterator[tuple[str, Term | Guard]]:
    """Every effect of the model: the field, and what it gets."""
    for group in (
        *(kind.sets for kind in model.activity_kinds.values()),
        *(rule.then for rule in model.data),
        *(move.then for move in model.moves),
        *(rule.then for rule in model.decay),
    ):
        for one in group:
            yield one.field, one.value


# ------------------------------------------------------------------ question context


#: In front of the name of what an activity brings, where a person has it as a field.
PAYLOAD = "activity__"
#: In front of the name of a token that may have any value.
FREED = "token__"


class Ground:
    """A model made ready to be asked about.

    Args:
        model: the model.
        work: what all questions may take together before they are "not decided".
        prover: who decides, see :func:`~lifecycle_fsm.proof.solve`.
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
