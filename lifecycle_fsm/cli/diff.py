"""``lifecycle-fsm diff``: what a changed model does differently."""

from __future__ import annotations

from typing import Annotated

import typer

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.arguments import load_model
from lifecycle_fsm.cli.console import print_json
from lifecycle_fsm.proof.answer import TOTAL
from lifecycle_fsm.wording import counted

DIFFERENT = 1


def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The model as it was.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The model as it is now.")],
    json: options.Json = False,
    prove: options.Prove = False,
    budget: options.Budget = TOTAL,
    seconds: options.Seconds = None,
) -> int:
    """Show what a changed model does differently, by meaning and not by text.

    ```sh
    lifecycle-fsm diff waterfall my-lifecycle.toml
    lifecycle-fsm diff before.toml after.toml --json
    ```

    A guard is stricter, looser, other or the same, and a person shows it: somebody who moves now
    and did not, or did and does not now. Exit codes: 0 the same, 1 different, 2 wrong use.
    """
    from lifecycle_fsm.checks.difference import differences

    before, after = load_model(old), load_model(new)
    rows = differences(
        before, after, budget=budget, seconds=seconds, prover="both" if prove else "search"
    )
    changed = sum(row.change != "same" for row in rows)
    if json:
        print_json(
            {
                "old": {"model": before.name, "version": before.version},
                "new": {"model": after.name, "version": after.version},
                "differences": [row.as_plain() for row in rows],
            }
        )
    else:
        for row in rows:
            print(f"{row}\n")
        versions = f"{before.name} {before.version} -> {after.name} {after.version}"
        print(f"{versions}: {counted(changed, 'difference')} of meaning")
    return DIFFERENT if changed else 0
