"""Modified condition/decision coverage (MC/DC): which conditions of a guard decide alone, which
people show it, and what was seen of it.

A condition *decides* for a person if flipping the outcome of this condition alone would flip the
outcome of the guard; :func:`~lifecycle_fsm.proof.decides` is the guard that says so. Two persons
show that it decides alone: it decides for both, holds for one and not for the other, and the guard
comes out differently for them. Then a test suite that checks both outcomes notices if the condition
is dropped or negated.

- By *unique cause*: two persons who differ in this condition and in no other one.
- By *masking*: two persons who also differ in others, which could not have mattered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Literal, TypeAlias

import attrs

from lifecycle_fsm.fields import Value
from lifecycle_fsm.guard import Conditions, Guard, Vector, always, never, reads
from lifecycle_fsm.guard import conditions as taken_apart
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.proof import Answer, Domain, Witness, decides, is_value, solve_here
from lifecycle_fsm.proof.domain import Atoms, satisfied
from lifecycle_fsm.testing.boundary_points import fields_of, points

How: TypeAlias = Literal["unique cause", "masking"]

# ------------------------------------------------------------------ what was seen


@attrs.frozen
class Evidence:
    """What the vectors show of one condition.

    Args:
        held: whether it was seen to hold.
        failed: whether it was seen not to hold.
        decided_holding: whether it decided for a person for whom it held.
        decided: how it was shown to decide alone, if it was.
    """

    held: bool
    failed: bool
    decided_holding: bool
    decided: How | None


def evidence(parts: Conditions, vectors: Collection[Vector], index: int) -> Evidence:
    """What the vectors show of one condition of the guard."""
    sides: dict[bool, set[bool]] = {True: set(), False: set()}
    seen, unique = set(), False
    for vector in vectors:
        side = parts.seen(vector, index)
        if side is None:
            continue
        seen.add(side)
        outcome, turned = parts.outcome(vector), parts.turned(vector, index)
        other = parts.outcome(turned)
        if outcome is None or other is None or outcome == other:
            continue
        sides[side].add(outcome)
        unique = unique or turned in vectors
    decided: How | None = None
    if unique:
        decided = "unique cause"
    elif any(outcome != other for outcome in sides[True] for other in sides[False]):
        decided = "masking"
    return Evidence(True in seen, False in seen, bool(sides[True]), decided)


# ------------------------------------------------------------------ who shows it


#: The number of contexts after which a search for a unique-cause pair gives up.
_CONTEXTS = 12


@attrs.frozen
class Probe:
    """A person who tests a guard.

    Args:
        person: the fields that differ from their defaults.
        holds: whether the guard holds for them.
        shown: the fields worth showing, in the order of the guard.
        assumed: the assumed answers of Python callables in the guard [S2].
    """

    person: Witness
    holds: bool
    shown: tuple[str, ...] = ()
    assumed: Mapping[str, bool] = attrs.field(factory=dict)


@attrs.frozen
class Boundary:
    """A person at the boundary of a condition; if possible, one for whom the condition decides."""

    condition: Guard
    words: str
    who: Probe


@attrs.frozen
class Pair:
    """Two people between whom one condition decides: the guard holds for one and not for the
    other."""

    condition: Guard
    met: Probe
    unmet: Probe
    how: How


@attrs.frozen
class GuardCases:
    """The cases of one guard.

    ``constant`` says that the guard holds for everybody, or for nobody. ``redundant`` are
    conditions that decide for nobody: the guard means the same without them, and no pair is
    possible, but there are still people at their boundaries. ``undecided`` are conditions for which
    this is not known, with the reason.
    """

    boundaries: tuple[Boundary, ...]
    pairs: tuple[Pair, ...]
    redundant: tuple[Guard, ...]
    undecided: tuple[tuple[Guard, str], ...]
    opaque: tuple[str, ...]
    constant: bool | None = None


def conditions(guard: Guard, domain: Domain) -> tuple[Guard, ...]:
    """The conditions of a guard, each once, in reading order, with named guards written out;
    without conditions that read no field, and without Python callables."""
    atoms = taken_apart(guard, domain.vocabulary).atoms
    return tuple(atom for atom in atoms if not isinstance(atom, tree.Opaque) and reads(atom))


def guard_cases(guard: Guard, domain: Domain, *, here: Guard = always) -> GuardCases:
    """The boundary and MC/DC cases of a guard, for people of this domain who satisfy ``here``.

    Raises:
        GuardError: the guard does not fit the vocabulary.
    """
    return _Cases(guard, domain, here).all()


class _Cases:
    """The search for the cases of one guard."""

    def __init__(self, guard: Guard, domain: Domain, here: Guard) -> None:
        self.domain = domain
        self.here = here
        # Its own, because the numbers of the domain's atoms determine the search order.
        self.atoms = Atoms(domain.vocabulary)
        self.guard = self.atoms.plain(guard)
        self.node = self.atoms.node(self.guard)
        self.opaque = {
            node.name: self.atoms[self.atoms.node(node)].fields[0]
            for node in tree.walk(self.guard)
            if isinstance(node, tree.Opaque)
        }
        self.fields = fields_of(self.guard)
        self.conditions = {
            part: self.atoms[self.atoms.node(part)] for part in conditions(guard, domain)
        }

    def all(self) -> GuardCases:
        """The cases of every condition, in reading order."""
        boundaries: list[Boundary] = []
        pairs: list[Pair] = []
        redundant: list[Guard] = []
        undecided: list[tuple[Guard, str]] = []
        for condition in self.conditions:
            matters = decides(self.guard, condition)
            met, unmet = (
                self.who_meets(condition, matters),
                self.solve(tree.negate(condition), matters),
            )
            if met.refuted or unmet.refuted:
                redundant.append(condition)
                anybody = self.solve(condition)
                if anybody.found:
                    boundaries += self.around(condition, always, anybody.person)
            elif not (met.found and unmet.found):
                undecided.append((condition, met.reason or unmet.reason))
            else:
                around = list(self.around(condition, matters, met.person))
                boundaries += around
                pairs.append(self.pair(condition, matters, around, met, unmet))
        return GuardCases(
            tuple(boundaries),
            tuple(pairs),
            tuple(redundant),
            tuple(undecided),
            tuple(self.opaque),
            self.constant() if redundant and not pairs else None,
        )

    def constant(self) -> bool | None:
        """Whether the guard holds for everybody, or for nobody; None if it depends."""
        if self.solve(self.guard).refuted:
            return False
        return True if self.solve(tree.negate(self.guard)).refuted else None

    def solve(self, *guards: Guard) -> Answer:
        return solve_here(tree.all_of(*guards, self.here), self.domain)

    def who_meets(self, condition: Guard, matters: Guard) -> Answer:
        """A person for whom the condition holds and decides; if possible, with a compared number
        near 0, because such a person is easier to read."""
        if isinstance(condition, tree.Compare):
            zero = [
                is_value(name, kind.accept(0))
                for name in sorted(reads(condition.right))
                if (kind := self.domain.type_of(name)).kind in ("int", "float")
            ]
            if zero and (answer := self.solve(condition, matters, *zero)).found:
                return answer
        return self.solve(condition, matters)

    def around(self, condition: Guard, matters: Guard, base: Witness) -> Iterator[Boundary]:
        """People at each point of a condition's boundary, as similar to ``base`` as possible."""
        own = reads(condition)
        alike = [is_value(name, self.value(base, name)) for name in self.fields if name not in own]
        same = self.others_as(base, condition)
        for point in points(condition, lambda name: self.value(base, name), self.domain):
            for context in (alike, same, ()):
                answer = self.solve(point.pin, matters, *context)
                if answer.found:
                    yield Boundary(condition, point.words, self.probe(answer, condition))
                    break

    def pair(
        self,
        condition: Guard,
        matters: Guard,
        around: list[Boundary],
        with_it: Answer,
        without: Answer,
    ) -> Pair:
        """Two people who show what the condition does: neighbours at the boundary if possible."""
        atom, now = self.conditions[condition], self.domain.now
        probes = [boundary.who for boundary in around]
        met = [probe for probe in probes if atom.holds(self.values(probe.person), now)]
        unmet = [probe for probe in probes if probe not in met]
        for first in met:
            for second in unmet:
                if self.others(first.person, condition) == self.others(second.person, condition):
                    return Pair(condition, first, second, "unique cause")
        tried: list[Guard] = []
        answer = with_it
        for _ in range(_CONTEXTS):
            same = self.others_as(answer.person, condition)
            alike = self.solve(tree.negate(condition), matters, *same)
            if alike.found:
                first, second = self.probe(answer, condition), self.probe(alike, condition)
                return Pair(condition, first, second, "unique cause")
            tried.append(tree.negate(tree.all_of(*same)))
            answer = self.solve(condition, matters, *tried)
            if not answer.found:
                break
        first, *_ = [*met, self.probe(with_it, condition)]
        second, *_ = [*unmet, self.probe(without, condition)]
        return Pair(condition, first, second, "masking")

    # -- people -------------------------------------------------------------------------------

    def value(self, person: Witness, field: str) -> Value:
        return person[field] if field in person else self.domain.start_of(field)

    def values(self, person: Witness) -> dict[str, Value]:
        return {name: self.value(person, name) for name in self.fields}

    def others(self, person: Witness, condition: Guard) -> dict[Guard, bool]:
        """The outcomes of the other conditions for this person."""
        values, now = self.values(person), self.domain.now
        return {
            other: atom.holds(values, now)
            for other, atom in self.conditions.items()
            if other != condition
        }

    def others_as(self, person: Witness, condition: Guard) -> tuple[Guard, ...]:
        """The other conditions, negated where they do not hold for this person."""
        outcomes = self.others(person, condition).items()
        return tuple(other if held else tree.negate(other) for other, held in outcomes)

    def probe(self, answer: Answer, condition: Guard) -> Probe:
        telling = reads(condition) | answer.person.keys()
        answers = {name: answer.assumed.get(name, False) for name in self.opaque}
        values = self.values(answer.person)
        values |= {self.opaque[name]: held for name, held in answers.items()}
        return Probe(
            answer.person,
            satisfied(self.node, self.atoms, values, self.domain.now),
            tuple(name for name in self.fields if name in telling),
            answers,
        )


def assuming(guard: Guard, answers: Mapping[str, bool]) -> Guard:
    """The guard with each Python callable replaced by its assumed answer, by default no."""

    def change(part: Guard) -> Guard:
        if isinstance(part, tree.Opaque):
            return always if answers.get(part.name, False) else never
        return part

    return tree.transform(guard, change)
