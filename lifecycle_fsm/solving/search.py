"""The search for a person: one value after the other, remembering what was refuted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from lifecycle_fsm.fields import Value
from lifecycle_fsm.guard import Compare, Field
from lifecycle_fsm.solving.candidates import candidates
from lifecycle_fsm.solving.formula import Atom, Atoms, Node, given, numbers
from lifecycle_fsm.solving.work import STEPS, OutOfBudget
from lifecycle_fsm.solving.world import World

#: How many cases one question may look at before it gives up.
BUDGET = 20_000
#: Of a formula so large that a case takes more steps, fewer cases are looked at.
_STEPS_A_CASE = STEPS // 2


class Search:
    """One search over one formula.

    The formula shrinks with each field that gets a value: an atom whose fields are all known is
    true or false. What is left decides, so that a rest that was refuted once is not tried again.
    """

    def __init__(self, atoms: Atoms, world: World, budget: int = BUDGET) -> None:
        self._atoms = atoms
        self._world = world
        self._budget, self._left = budget, budget
        self._steps = budget * _STEPS_A_CASE
        self._refuted: set[tuple[object, ...]] = set()
        #: Whether all values that can matter were tried so far.
        self.complete = True

    def run(self, node: Node) -> Mapping[str, Value] | None:
        """Values under which the formula holds; nothing where there are none.

        Raises:
            OutOfBudget: nobody knows.
        """
        return self._run(node, {})

    def _run(self, node: Node, bound: dict[str, Value]) -> Mapping[str, Value] | None:
        if node is True:
            return dict(bound)
        if node is False:
            return None
        every = list(numbers(node))
        present = [self._atoms[number] for number in dict.fromkeys(every)]
        half = {name for atom in present for name in atom.fields if name in bound}
        key = (node, *((name, type(bound[name]), bound[name]) for name in sorted(half)))
        if key in self._refuted:
            return None
        self._left -= 1
        if self._left < 0:
            raise OutOfBudget(f"more than {self._budget:,} cases")
        field, linked = self._next(present, bound)
        reading = [atom for atom in present if not linked.isdisjoint(atom.fields)]
        # To look for the thresholds of a number takes as much as some comparisons.
        self._spend(len(every) + STEPS * len(reading))
        tried = candidates(field, reading, bound, self._world, linked)
        self.complete = self.complete and tried.complete
        told = {number for number in every if field in self._atoms[number].fields}
        seen: set[tuple[object, ...]] = set()
        for value in tried.values:
            bound[field] = value
            self._spend(len(told) + len(every))
            outcomes = {
                number: self._atoms[number].holds(
                    {name: bound[name] for name in self._atoms[number].fields}, self._world.now
                )
                for number in told
                if all(name in bound for name in self._atoms[number].fields)
            }
            open_still = len(outcomes) < len(told)
            same = (tuple(outcomes.items()), (type(value), value) if open_still else None)
            if same not in seen:
                seen.add(same)
                found = self._run(given(node, outcomes), bound)
                if found is not None:
                    return found
            del bound[field]
        self._refuted.add(key)
        return None

    def _spend(self, steps: int) -> None:
        self._steps -= steps
        if self._steps < 0:
            raise OutOfBudget(f"more than {self._budget:,} cases")
        self._world.work.spend(steps)

    def _next(self, present: list[Atom], bound: Mapping[str, Value]) -> tuple[str, frozenset[str]]:
        """The field to try next, with those that it is compared with, itself included: first the
        one that most others hang on."""
        near: dict[str, set[str]] = {}
        count: Counter[str] = Counter()
        for atom in present:
            free = [name for name in atom.fields if name not in bound]
            for name in free:
                count[name] += 1
                near.setdefault(name, set()).update(free if _orders(atom) else (name,))
        first = max(count, key=lambda name: (len(near[name]), count[name]))
        return first, _reached(first, near)


def _orders(atom: Atom) -> bool:
    return (
        isinstance(atom.guard, Compare)
        and isinstance(atom.guard.left, Field)
        and isinstance(atom.guard.right, Field)
    )


def _reached(start: str, near: Mapping[str, set[str]]) -> frozenset[str]:
    found, waiting = {start}, [start]
    while waiting:
        for name in near[waiting.pop()] - found:
            found.add(name)
            waiting.append(name)
    return frozenset(found)
