"""Questions about guards: whether one can hold, and whether two are equivalent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import attrs

from lifecycle_fsm.fields import Value
from lifecycle_fsm.guard import Guard, all_of, reads, walk
from lifecycle_fsm.proof.answer import Answer, OutOfBudget
from lifecycle_fsm.proof.calendar_dates import moved_times, shifted, shifts
from lifecycle_fsm.proof.domain import Atoms, Domain, Node, numbers, satisfied
from lifecycle_fsm.proof.search import BUDGET, Search
from lifecycle_fsm.proof.substitution import apart
from lifecycle_fsm.proof.z3_backend import ask

#: The method of proof.
Prover: TypeAlias = Literal["search", "z3", "both"]


def solve(
    guard: Guard, domain: Domain, *, budget: int = BUDGET, prover: Prover = "search"
) -> Answer:
    """A person for whom the guard holds, at the domain's ``now``.

    ``prover`` is the method: ``search``, without a solver; ``z3`` alone; or ``both``, which uses z3
    if the search did not decide.

    Time and memory grow with the number of outcomes that the guard can distinguish, not with the
    number of values: ``behavior_score >= 65`` has two.

    Raises:
        GuardError: the guard does not fit the domain's vocabulary.
        MissingExtra: z3 is needed but not installed.
    """
    atoms = domain.atoms
    try:
        domain.budget.spend(1)
        plain = atoms.plain(guard)
        domain.budget.spend(sum(1 for _ in walk(plain)))
        node = atoms.node(all_of(plain, *domain.laws_for(reads(plain))))
        answer = Answer("undecided")
        if prover != "z3":
            answer = _searched(node, atoms, domain, budget)
        if prover != "search" and answer.verdict == "undecided":
            answer = ask(node, atoms, domain)
        if not answer.found:
            return answer
        small = _smallest(node, answer.person, atoms, domain)
    except OutOfBudget as over:
        return Answer("undecided", reason=str(over))
    answers = {name for name in small if name not in domain.vocabulary.fields}
    return Answer(
        "found",
        {name: small[name] for name in sorted(small) if name not in answers},
        {name.removesuffix("()"): bool(small[name]) for name in sorted(answers)},
    )


def solve_whenever(guard: Guard, domain: Domain, *, prover: Prover = "search") -> Answer:
    """A person for whom the guard holds at the domain's ``now`` or, if it contains calendar dates,
    at any other instant; ``refuted`` means that the guard never holds.

    Raises:
        GuardError: the guard does not fit the domain's vocabulary.
        MissingExtra: z3 is needed but not installed.
    """
    if over := domain.budget.over:
        return Answer("undecided", reason=over)
    plain, constant = domain.atoms.plain(guard), domain.vocabulary.constant_value
    answer: Answer | None = None
    unclear: Answer | None = None
    for shift in shifts(plain, domain.now, constant):
        moved = shifted(plain, shift, constant) if shift else plain
        answer = solve(moved, domain, prover=prover)
        if answer.found:
            person = moved_times(answer.person, -shift)
            return attrs.evolve(answer, person=person, at=domain.now - shift) if shift else answer
        unclear = unclear or (answer if not answer.refuted else None)
    if answer is None:
        return solve(guard, domain, prover=prover)
    return unclear or answer


def solve_here(guard: Guard, domain: Domain) -> Answer:
    """A person for whom the guard holds at the domain's ``now``. If it can hold only at another
    time, the answer is "not decided", so that ``refuted`` still means that it never holds.

    Raises:
        GuardError: the guard does not fit the domain's vocabulary.
    """
    answer = solve_whenever(guard, domain)
    if answer.at is None:
        return answer
    return Answer("undecided", reason=f"only at another time, such as {answer.at:%Y-%m-%d %H:%M}")


def differs(first: Guard, second: Guard, domain: Domain) -> Answer:
    """A person for whom only one of the two holds; ``refuted`` means that they are equivalent."""
    return solve_whenever(apart(first, second), domain)


def _searched(node: Node, atoms: Atoms, domain: Domain, budget: int) -> Answer:
    search = Search(atoms, domain, budget)
    try:
        person = search.run(node, {})
    except OutOfBudget as over:
        return Answer("undecided", reason=str(over))
    if person is not None:
        return Answer("found", person)
    if search.complete:
        return Answer("refuted")
    return Answer("undecided", reason="arithmetic over several fields")


def _smallest(
    node: Node, person: Mapping[str, Value], atoms: Atoms, domain: Domain
) -> Mapping[str, Value]:
    """The same person with as many fields as possible reset to those of an unknown person."""
    fields = domain.vocabulary.fields
    every = {name for number in numbers(node) for name in atoms[number].fields}
    # A Python callable appears under the name of its result.
    start = {name: domain.start_of(name) if name in fields else False for name in every}
    smaller = start | dict(person)

    def holds() -> bool:
        domain.budget.spend(len(every))
        return satisfied(node, atoms, smaller, domain.now)

    if not holds():
        raise AssertionError("a person that was found satisfies the guard")
    waiting = sorted(person)
    while waiting:
        kept: list[str] = []
        again = False
        for name in waiting:
            before, smaller[name] = smaller[name], start[name]
            if not holds():
                smaller[name] = before
                kept.append(name)
            elif before != start[name] and kept:
                again = True  # without this field, one that was kept may no longer be needed
        waiting = kept if again else []
    return {
        name: value
        for name, value in smaller.items()
        if (type(value), value) != (type(start[name]), start[name]) or name not in fields
    }
