"""What `check` costs for each shipped model, beside the same with z3 in the same run.

python tests/benchmarks/bench_check.py
"""

from __future__ import annotations

import time

from lifecycle_fsm import Model, load
from lifecycle_fsm.checks import check
from lifecycle_fsm.checks.all_checks import CHECKS
from lifecycle_fsm.checks.question_context import QuestionContext
from lifecycle_fsm.model import shipped
from lifecycle_fsm.proof import Budget, Prover

ROUNDS = {"search": 5, "z3": 2}


def cost(model: Model, prover: Prover) -> float:
    """Milliseconds of processor time for one run, the best of some."""
    best = float("inf")
    for _ in range(ROUNDS[prover]):
        start = time.process_time()
        assert check(model, prover=prover) == ()
        best = min(best, time.process_time() - start)
    return best * 1e3


def shares(model: Model) -> list[tuple[str, float]]:
    """Milliseconds of each check, the dearest first; what one has asked the next need not."""
    context, found = QuestionContext(model, Budget()), []
    for name, one in CHECKS:
        start = time.process_time()
        list(one(context))
        found.append((name, (time.process_time() - start) * 1e3))
    return sorted(found, key=lambda pair: -pair[1])


def main() -> None:
    for name in shipped():
        model = load(name)
        own, other = cost(model, "search"), cost(model, "z3")
        print(f"{own:7.1f} ms by itself, {other:7.1f} with z3, ratio {other / own:4.1f}  {name}")
        dear = ", ".join(f"{one} {spent:.1f}" for one, spent in shares(model)[:4])
        print(f"           of which {dear}")


if __name__ == "__main__":
    main()
