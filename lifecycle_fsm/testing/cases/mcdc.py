"""The people who test one guard: around each boundary, and for each condition two between whom it
alone decides (MC/DC).

For every condition of a guard there is a *formula* that says when it decides: the guard with the
condition taken as true, and as false, differ. Whoever satisfies that is somebody whose outcome
hangs on this condition; nobody does where the condition is redundant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Literal, TypeAlias

import attrs

from lifecycle_fsm.fields import Value
from lifecycle_fsm.guard import (
    Always,
    And,
    Compare,
    Elapsed,
    Field,
    Guard,
    Not,
    Opaque,
    Or,
    Vocabulary,
    all_of,
    always,
    any_of,
    compile_condition,
    inline,
    negate,
    never,
    reads,
    resolve,
    transform,
    walk,
)
from lifecycle_fsm.proof import Answer, Person, World, solve_here
from lifecycle_fsm.testing.cases.boundary_points import is_value, points

#: How a pair shows what its condition does. ``unique``: all other conditions are the same.
#: ``masking``: others differ too, and could not change the outcome.
How: TypeAlias = Literal["unique", "masking"]
Test: TypeAlias = Callable[[Any, datetime], bool]
#: After how many contexts a search for a pair of unique cause gives up.
_CONTEXTS = 12


@attrs.frozen
class Somebody:
    """A person who tests a guard.

    Args:
        person: the fields that differ from those of somebody of whom nothing is known.
        holds: whether the guard holds for them.
        shown: the fields worth telling, in the order of the guard.
        assumed: what Python callables in the guard are taken to answer [S2].
    """

    person: Person
    holds: bool
    shown: tuple[str, ...] = ()
    assumed: Mapping[str, bool] = attrs.field(factory=dict)


@attrs.frozen
class Boundary:
    """Somebody at the boundary of a condition, on which the outcome hangs there, if it does for
    anybody."""

    condition: Guard
    words: str
    who: Somebody


@attrs.frozen
class Pair:
    """Two people between whom one condition decides: with it the guard comes out so, without it
    the other way."""

    condition: Guard
    met: Somebody
    unmet: Somebody
    how: How


@attrs.frozen
class GuardCases:
    """The cases of one guard.

    ``constant`` says that the guard holds for everybody, or for nobody. ``redundant`` are
    conditions that decide for nobody: the guard says the same without them, and no pair is
    possible; there are people at their boundaries all the same. ``undecided`` are those for which
    nobody knows, with the reason.
    """

    boundaries: tuple[Boundary, ...]
    pairs: tuple[Pair, ...]
    redundant: tuple[Guard, ...]
    undecided: tuple[tuple[Guard, str], ...]
    opaque: tuple[str, ...]
    constant: bool | None = None


def conditions(guard: Guard, world: World) -> tuple[Guard, ...]:
    """The conditions of a guard, each once, in reading order, named guards written out."""
    written = inline(resolve(guard, world.vocabulary), world.vocabulary)
    return tuple(
        dict.fromkeys(
            one
            for one in walk(written)
            if isinstance(one, Guard)
            and not isinstance(one, And | Or | Not | Always | Opaque)
            and reads(one)
        )
    )


def guard_cases(guard: Guard, world: World, *, here: Guard = always) -> GuardCases:
    """The boundary and MC/DC cases of a guard, for people of this world who satisfy ``here``.

    Raises:
        GuardError: the guard does not fit the vocabulary.
    """
    return _Cases(guard, world, here).all()


class _Cases:
    def __init__(self, guard: Guard, world: World, here: Guard) -> None:
        words = world.vocabulary
        self.guard = inline(resolve(guard, words), words)
        self.world = world
        self.here = here
        self.conditions = conditions(guard, world)
        self.opaque = tuple(
            dict.fromkeys(one.name for one in walk(self.guard) if isinstance(one, Opaque))
        )
        self.fields = fields_of(self.guard)
        self._tests = {one: ready(one, words) for one in self.conditions}
        self._ready: dict[tuple[bool, ...], Test] = {}

    def all(self) -> GuardCases:
        boundaries: list[Boundary] = []
        pairs: list[Pair] = []
        redundant: list[Guard] = []
        undecided: list[tuple[Guard, str]] = []
        for one in self.conditions:
            matters = self.matters(one)
            with_it, without = self.one_who(one, matters), self.solve(negate(one), matters)
            if with_it.refuted or without.refuted:
                redundant.append(one)
                anybody = self.solve(one)
                boundaries += self.around(one, always, anybody.person) if anybody.found else ()
            elif not (with_it.found and without.found):
                undecided.append((one, with_it.reason or without.reason))
            else:
                around = tuple(self.around(one, matters, with_it.person))
                boundaries += around
                pairs.append(self.pair(one, matters, around, with_it, without))
        return GuardCases(
            tuple(boundaries),
            tuple(pairs),
            tuple(redundant),
            tuple(undecided),
            self.opaque,
            self.constant() if redundant and not pairs else None,
        )

    def constant(self) -> bool | None:
        """Whether the guard holds for everybody, or for nobody; nothing where it depends."""
        if self.solve(self.guard).refuted:
            return False
        return True if self.solve(negate(self.guard)).refuted else None

    def matters(self, condition: Guard) -> Guard:
        """Holds for those whose outcome hangs on the condition."""
        taken = [
            transform(self.guard, lambda part, answer=answer: answer if part == condition else part)  # type: ignore[misc]
            for answer in (always, never)
        ]
        yes, no = taken
        return any_of(all_of(yes, negate(no)), all_of(no, negate(yes)))

    def solve(self, *guards: Guard) -> Answer:
        return solve_here(all_of(*guards, self.here), self.world)

    def one_who(self, condition: Guard, matters: Guard) -> Answer:
        """Somebody for whom the condition holds and decides; with a number that it is compared with
        near 0, where that can be, because such a person is easier to read."""
        if isinstance(condition, Compare):
            zero = [
                is_value(name, kind.accept(0))
                for name in sorted(reads(condition.right))
                if (kind := self.world.type_of(name)).kind in ("int", "float")
            ]
            answer = self.solve(condition, matters, *zero) if zero else None
            if answer is not None and answer.found:
                return answer
        return self.solve(condition, matters)

    def around(self, condition: Guard, matters: Guard, base: Person) -> Iterator[Boundary]:
        """People at each point of a condition's boundary, as much like the first as can be."""
        own = reads(condition)
        alike = [is_value(one, self.value(base, one)) for one in self.fields if one not in own]
        same = self.others_as(base, condition)
        for point in points(condition, lambda name: self.value(base, name), self.world):
            for context in (alike, same, ()):
                answer = self.solve(point.pin, matters, *context)
                if answer.found:
                    yield Boundary(condition, point.words, self.somebody(answer, condition))
                    break

    def pair(
        self,
        condition: Guard,
        matters: Guard,
        around: tuple[Boundary, ...],
        with_it: Answer,
        without: Answer,
    ) -> Pair:
        """The two who show what the condition does: neighbours at the boundary where there are."""
        test = self._tests[condition]
        met = [one.who for one in around if test(self.whole(one.who.person), self.world.now)]
        unmet = [one.who for one in around if one.who not in met]
        for one in met:
            for other in unmet:
                if self.others(one.person, condition) == self.others(other.person, condition):
                    return Pair(condition, one, other, "unique")
        tried: list[Guard] = []
        answer = with_it
        for _ in range(_CONTEXTS):
            same = self.others_as(answer.person, condition)
            found = self.solve(negate(condition), matters, *same)
            if found.found:
                one, other = self.somebody(answer, condition), self.somebody(found, condition)
                return Pair(condition, one, other, "unique")
            tried.append(negate(all_of(*same)))
            answer = self.solve(condition, matters, *tried)
            if not answer.found:
                break
        one, other = self.somebody(with_it, condition), self.somebody(without, condition)
        return Pair(condition, met[0] if met else one, unmet[0] if unmet else other, "masking")

    # ------------------------------------------------------------------ people

    def value(self, person: Person, field: str) -> Value:
        return person[field] if field in person else self.world.start_of(field)

    def whole(self, person: Person) -> SimpleNamespace:
        return SimpleNamespace(**{one: self.value(person, one) for one in self.fields})

    def others(self, person: Person, condition: Guard) -> tuple[bool, ...]:
        whole = self.whole(person)
        return tuple(
            test(whole, self.world.now) for one, test in self._tests.items() if one != condition
        )

    def others_as(self, person: Person, condition: Guard) -> tuple[Guard, ...]:
        """The other conditions, each as it comes out for this person."""
        rest = [one for one in self.conditions if one != condition]
        outcomes = zip(rest, self.others(person, condition), strict=True)
        return tuple(one if held else negate(one) for one, held in outcomes)

    def somebody(self, answer: Answer, condition: Guard) -> Somebody:
        telling = reads(condition) | answer.person.keys()
        return Somebody(
            answer.person,
            self._holds(answer.assumed)(self.whole(answer.person), self.world.now),
            tuple(one for one in self.fields if one in telling),
            {name: answer.assumed.get(name, False) for name in self.opaque},
        )

    def _holds(self, assumed: Mapping[str, bool]) -> Test:
        key = tuple(assumed.get(name, False) for name in self.opaque)
        if key not in self._ready:
            self._ready[key] = ready(assuming(self.guard, assumed), self.world.vocabulary)
        return self._ready[key]


def ready(guard: Guard, words: Vocabulary) -> Test:
    """The function that the machine would run, also for a condition that may read ``now``.

    Raises:
        GuardError: the guard does not fit the vocabulary.
    """
    test = compile_condition(guard, words)
    return lambda person, now: test(person, now, {})


def assuming(guard: Guard, answers: Mapping[str, bool]) -> Guard:
    """The guard with each Python callable replaced by the answer that it is taken to give; no,
    where none is named."""

    def change(part: Guard) -> Guard:
        if isinstance(part, Opaque):
            return always if answers.get(part.name, False) else never
        return part

    return transform(guard, change)


def fields_of(guard: Guard) -> tuple[str, ...]:
    """The fields that a guard reads, in reading order."""
    found: dict[str, None] = {}
    for node in walk(guard):
        if isinstance(node, Field):
            found[node.name] = None
        elif isinstance(node, Elapsed):
            found[node.start.name] = None
    return tuple(found)
