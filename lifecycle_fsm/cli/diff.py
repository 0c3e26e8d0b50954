"""``lifecycle-fsm diff``: what a changed model does differently."""

from __future__ import annotations

from typing import Annotated

import typer

from lifecycle_fsm.cli.common import (
    BudgetOption,
    JsonOption,
    ProveOption,
    SecondsOption,
    load_model,
    print_json,
)
from lifecycle_fsm.proof.answer import TOTAL

DIFFERENT = 1


def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The model as it was.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The model as it is now.")],
    json: JsonOption = False,
    prove: ProveOption = False,
    budget: BudgetOption = TOTAL,
    seconds: SecondsOption = None,
) -> int:
    """Tell what a changed model does differently, by meaning and not by text.

    ```sh
    lifecycle-fsm diff waterfall my-lifecycle.toml
    lifecycle-fsm diff before.toml after.toml --json
    ```

    A guard is stricter, looser, other or the same, and a person shows it: somebody who moves now
    and did not, or did and does not now. Exit codes: 0 the same, 1 different, 2 wrong use.
    """
    from lifecycle_fsm.checks.difference import differences

    before, after = load_model(old), load_model(new)
    found = differences(
        before, after, budget=budget, seconds=seconds, prover="both" if prove else "search"
    )
    if json:
        print_json(
            {
                "old": {"model": before.name, "version": before.version},
                "new": {"model": after.name, "version": after.version},
                "differences": [one.as_plain() for one in found],
            }
        )
    else:
        for one in found:
            print(f"{one}\n")
        count = sum(one.change != "same" for one in found)
        versions = f"{before.name} {before.version} -> {after.name} {after.version}"
        print(f"{versions}: {count} difference{'s' if count != 1 else ''} of meaning")
    return DIFFERENT if any(one.change != "same" for one in found) else 0
