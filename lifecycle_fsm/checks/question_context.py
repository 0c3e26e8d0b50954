"""The common basis of all checks: the model, its people, and the answers so far."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property

from lifecycle_fsm.checks.detour_futures import held_returns
from lifecycle_fsm.guard import Const, Guard, Opaque, Term, all_of, negate
from lifecycle_fsm.model import Edge, Model, Rule
from lifecycle_fsm.proof import (
    Answer,
    Budget,
    Domain,
    Prover,
    domain_of,
    solve_whenever,
    substitute,
)
from lifecycle_fsm.proof.domain import as_fields, payload_fields


class QuestionContext:
    """A model prepared for questions.

    Args:
        model: the model.
        budget: the limit for all questions together; those beyond it are "not decided".
        prover: the method of proof, see :func:`~lifecycle_fsm.proof.solve`.
    """

    def __init__(self, model: Model, budget: Budget, prover: Prover = "search") -> None:
        self.model = model
        self.domain = domain_of(model, budget)
        self.words = self.domain.vocabulary
        self._prover = prover
        self._known: dict[tuple[Guard, str | None], Answer] = {}
        self._at: dict[tuple[Guard, str], Guard] = {}
        self._domains: dict[str | None, Domain] = {None: self.domain}
        self._waiting: frozenset[tuple[str, str]] | None = None

    # -- the rules ----------------------------------------------------------------------------

    @cached_property
    def groups(self) -> Mapping[tuple[str, str | None], tuple[Edge, ...]]:
        """The moves that are tried together, by the stage that they leave and their trigger."""
        order = {stage.name: index for index, stage in enumerate(self.model.stages)}
        _, *moves = self.model.groups
        moves.sort(key=lambda group: (order[group[0].source], group[0].on or ""))
        return {(group[0].source, group[0].on): group for group in moves}

    @property
    def edges(self) -> tuple[Edge, ...]:
        """Every way into a stage: the sort, and the moves group by group."""
        moves = (edge for group in self.groups.values() for edge in group)
        return (*self.model.sort_edges, *moves)

    @cached_property
    def conditions(self) -> tuple[Rule, ...]:
        """The rules with a condition, except the sort's ``otherwise`` and Python callables, which
        cannot be inspected [S2]."""
        last = self.model.sort[-1].name
        return tuple(
            rule
            for rule in self.model.rules
            if rule.section != "kinds" and not isinstance(rule.when, Opaque)
            if (rule.section, rule.name) != ("sort", last)
        )

    def trees(self) -> Iterator[Guard | Term]:
        """Every guard and value of the model that can read a field or a token."""
        for rule in self.model.rules:
            yield from rule.trees
        for claim in self.model.claims:
            yield from (tree for tree in (claim.always, claim.never) if tree is not None)

    @cached_property
    def _places(self) -> Mapping[str, str]:
        rules = (rule for rule in self.model.rules if rule.section in ("sort", "moves"))
        return {rule.name: rule.place for rule in rules}

    def place(self, edge: Edge) -> str:
        """The place of the move or sort rule, as in the problems of a model."""
        return self._places[edge.name]

    # -- questions ----------------------------------------------------------------------------

    @property
    def over(self) -> str:
        """Why no more questions are asked; empty while the budget lasts."""
        return self.domain.budget.over

    def ask(self, guard: Guard, *, activity: str | None = None) -> Answer:
        """A person for whom the guard holds; it may read the values of an activity of that kind."""
        key = (guard, activity)
        if key not in self._known:
            question = guard if activity is None else as_fields(guard, self.words)
            domain = self._domain_with(activity)
            self._known[key] = solve_whenever(question, domain, prover=self._prover)
        return self._known[key]

    def each(self, rule: Rule, guard: Guard) -> list[Answer]:
        """A person for whom the guard holds, for each stage in which the rule is evaluated."""
        questions = [self.at(guard, stage) for stage in rule.stages] or [guard]
        return [self.ask(question, activity=rule.activity) for question in questions]

    def anywhere(self, rule: Rule, guard: Guard) -> Answer:
        """A person for whom the guard holds in one of the stages in which the rule is evaluated."""
        return settled(self.each(rule, guard))

    def taker(self, edge: Edge, before: Iterable[Edge]) -> Edge | None:
        """The first of these edges that alone takes everyone for whom the edge is open."""
        for other in before:
            if self.ask(all_of(self.opens(edge), negate(self.opens(other)))).refuted:
                return other
        return None

    def for_any(self, guard: Guard, tokens: Collection[str]) -> Answer:
        """A person for whom the guard holds with some values of these tokens."""
        free = as_fields(guard, self.words, tokens)
        return solve_whenever(free, self.domain.with_free(tokens), prover=self._prover)

    def _domain_with(self, activity: str | None) -> Domain:
        """The people, with the values of an activity as additional fields. A required text is not
        empty there, while that of a person may never have been set [S4]."""
        if activity not in self._domains:
            fields = payload_fields(self.model, activity)
            texts = {
                name: "other"
                for name, kind in fields.items()
                if kind.kind == "str" and not kind.nullable and not kind.choices
            }
            self._domains[activity] = self.domain.with_fields(fields, texts)
        return self._domains[activity]

    # -- guards -------------------------------------------------------------------------------

    def at(self, guard: Guard, stage: str) -> Guard:
        """The guard as it is evaluated in a stage: conditions on the stage are decided."""
        key = (guard, stage)
        if key not in self._at:
            self._at[key] = substitute(guard, {"stage": Const(stage)}, self.words)
        return self._at[key]

    def opens(self, edge: Edge) -> Guard:
        """The guard of a move or a sort rule, as it is evaluated in the stage that it leaves."""
        return self.at(edge.when, edge.source)

    def turn(self, edge: Edge) -> Guard:
        """Holds if it is this move's turn: its guard holds, and no guard that is tried before it,
        except those of returns that may wait although they hold [S9]."""
        before = self.model.tried_before(edge)
        return all_of(
            self.opens(edge),
            *(negate(self.opens(other)) for other in before if not self.may_wait(other)),
        )

    def may_wait(self, edge: Edge) -> bool:
        """Whether the edge is a return that may have held on entry, so that it waits [S9]."""
        if edge.kind != "return" or edge.on is not None:
            return False
        if self._waiting is None:
            # People who wait in one detour may leave it for another: repeat until nothing changes.
            self._waiting = frozenset()
            while (waiting := self._waiting_returns()) != self._waiting:
                self._waiting = waiting
        return (edge.source, edge.name) in self._waiting

    def _waiting_returns(self) -> frozenset[tuple[str, str]]:
        return frozenset((held.back.source, held.back.name) for held in held_returns(self))


def settled(answers: Collection[Answer]) -> Answer:
    """The answer for any of several places: the first person found, or else the first undecided
    answer."""
    verdicts = ("found", "undecided", "refuted")
    return min(answers, key=lambda answer: verdicts.index(answer.verdict))


def decided_by(rule: Rule) -> str:
    """What the condition of a rule decides, in words."""
    kinds = {"guards": "the named guard", "moves": "the move"}
    return f"{kinds[rule.section]} {rule.name!r}" if rule.section in kinds else "this rule"
