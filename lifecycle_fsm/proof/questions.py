"""The questions that can be asked of guards: does anybody satisfy one, does one imply another."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

import attrs

from lifecycle_fsm.fields import Value
from lifecycle_fsm.guard import Guard, all_of, any_of, negate, reads, walk
from lifecycle_fsm.proof.answer import Answer, OutOfBudget
from lifecycle_fsm.proof.calendar_dates import shifted, shifts
from lifecycle_fsm.proof.domain import Atoms, Node, World, given, numbers
from lifecycle_fsm.proof.search import BUDGET, Search
from lifecycle_fsm.proof.z3_backend import ask

#: Who decides.
Prover: TypeAlias = Literal["search", "z3", "both"]
_NOBODY: Mapping[str, Value] = {}


def solve(guard: Guard, world: World, *, budget: int = BUDGET, prover: Prover = "search") -> Answer:
    """Somebody for whom the guard holds, at the world's ``now``.

    ``prover`` says who decides: the ``search``, without any solver; ``z3`` alone; or ``both``, z3
    where the search could not decide.

    The time and memory that it takes grow with the number of outcomes that the guard can tell
    apart, not with the number of values: ``behavior_score >= 65`` has two.

    Raises:
        GuardError: the guard does not fit the world's vocabulary.
        MissingExtra: z3 is needed and not installed.
    """
    words = world.vocabulary
    atoms = world.atoms
    try:
        world.work.spend(1)
        plain = atoms.plain(guard)
        world.work.spend(sum(1 for _ in walk(plain)))
        node = atoms.node(all_of(plain, *world.laws_for(reads(plain))))
        answer, found = Answer("undecided"), _NOBODY
        if prover != "z3":
            answer, found = _try(node, atoms, world, budget)
        if prover != "search" and answer.verdict == "undecided":
            answer, found = ask(node, atoms, world)
        if not answer.found:
            return answer
        small = _smallest(node, found, atoms, world)
    except OutOfBudget as over:
        return Answer("undecided", reason=str(over))
    answers = {name for name in small if name not in words.fields}
    return Answer(
        "found",
        {name: small[name] for name in sorted(small) if name not in answers},
        {name.removesuffix("()"): bool(small[name]) for name in sorted(answers)},
    )


def solve_whenever(
    guard: Guard, world: World, *, budget: int = BUDGET, prover: Prover = "search"
) -> Answer:
    """Somebody for whom the guard holds, at the world's ``now`` or, where it speaks of dates of the
    calendar, at any other instant: ``refuted`` means that there never is anybody.

    Raises:
        GuardError: the guard does not fit the world's vocabulary.
        MissingExtra: z3 is needed and not installed.
    """
    if over := world.work.over:
        return Answer("undecided", reason=over)
    plain = world.atoms.plain(guard)
    answer: Answer | None = None
    unclear: Answer | None = None
    for shift in shifts(plain, world.now, world.vocabulary):
        moved = shifted(plain, shift, world.vocabulary) if shift else plain
        answer = solve(moved, world, budget=budget, prover=prover)
        if answer.found:
            return _moved_back(answer, world, shift) if shift else answer
        unclear = unclear or (answer if not answer.refuted else None)
    if answer is None:
        return solve(guard, world, budget=budget, prover=prover)
    return unclear or answer


def solve_here(
    guard: Guard, world: World, *, budget: int = BUDGET, prover: Prover = "search"
) -> Answer:
    """Somebody for whom the guard holds at the world's ``now``: whom there is only at another time
    is "not decided" here, so that ``refuted`` still means that there never is anybody.

    Raises:
        GuardError: the guard does not fit the world's vocabulary.
        MissingExtra: z3 is needed and not installed.
    """
    answer = solve_whenever(guard, world, budget=budget, prover=prover)
    if answer.at is None:
        return answer
    return Answer("undecided", reason=f"only at another time, such as {answer.at:%Y-%m-%d %H:%M}")


def _moved_back(answer: Answer, world: World, shift: timedelta) -> Answer:
    person = {
        name: value - shift if isinstance(value, datetime) else value
        for name, value in answer.person.items()
    }
    return attrs.evolve(answer, person=person, at=world.now - shift)


def _try(node: Node, atoms: Atoms, world: World, budget: int) -> tuple[Answer, Mapping[str, Value]]:
    search = Search(atoms, world, budget)
    try:
        found = search.run(node)
    except OutOfBudget as over:
        return Answer("undecided", reason=str(over)), _NOBODY
    if found is not None:
        return Answer("found"), found
    if search.complete:
        return Answer("refuted"), _NOBODY
    return Answer("undecided", reason="arithmetic over several fields"), _NOBODY


def implies(
    one: Guard, other: Guard, world: World, *, budget: int = BUDGET, prover: Prover = "search"
) -> Answer:
    """Somebody for whom the first guard holds and the second does not: ``refuted`` means that the
    first implies the second."""
    return solve_whenever(all_of(one, negate(other)), world, budget=budget, prover=prover)


def differs(
    one: Guard, other: Guard, world: World, *, budget: int = BUDGET, prover: Prover = "search"
) -> Answer:
    """Somebody for whom just one of the two holds: ``refuted`` means that they say the same."""
    apart = any_of(all_of(one, negate(other)), all_of(other, negate(one)))
    return solve_whenever(apart, world, budget=budget, prover=prover)


def _smallest(
    node: Node, found: Mapping[str, Value], atoms: Atoms, world: World
) -> Mapping[str, Value]:
    """The same person with every field as in somebody of whom nothing is known that may be so."""
    every = {name for number in numbers(node) for name in atoms[number].fields}
    person = {name: _start(name, world) for name in every} | dict(found)

    def holds() -> bool:
        world.work.spend(len(every))
        outcomes = {
            number: atoms[number].holds(
                {name: person[name] for name in atoms[number].fields}, world.now
            )
            for number in set(numbers(node))
        }
        return given(node, outcomes) is True

    if not holds():
        raise AssertionError("a person that was found satisfies the guard")
    for name in sorted(found):
        before = person[name]
        person[name] = _start(name, world)
        if not holds():
            person[name] = before
    return {
        name: value
        for name, value in person.items()
        if (type(value), value) != (type(_start(name, world)), _start(name, world))
        or name not in world.vocabulary.fields
    }


def _start(name: str, world: World) -> Value:
    return world.start_of(name) if name in world.vocabulary.fields else False
