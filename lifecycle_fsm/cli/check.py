"""``lifecycle-fsm check``: what can be proved of a model without running anybody through it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lifecycle_fsm.cli.common import (
    BudgetOption,
    JsonOption,
    ModelArgument,
    ProveOption,
    SecondsOption,
    load_model,
    print_json,
)
from lifecycle_fsm.model import shipped_text
from lifecycle_fsm.model.toml_files import find, lines_of
from lifecycle_fsm.proof.answer import TOTAL

if TYPE_CHECKING:
    from lifecycle_fsm.checks import Finding
    from lifecycle_fsm.model import Model

FOUND = 1


def check(
    model: ModelArgument,
    json: JsonOption = False,
    prove: ProveOption = False,
    budget: BudgetOption = TOTAL,
    seconds: SecondsOption = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 for warnings and hints, too.")
    ] = False,
) -> int:
    """Prove that a model does what it says: nobody is forgotten, nothing is dead, nobody swings.

    ```sh
    lifecycle-fsm check waterfall
    lifecycle-fsm check my-lifecycle.toml --json
    ```

    Each finding names the line, says the fault, and shows the smallest person for whom it happens.
    Exit codes: 0 no errors, 1 errors, 2 the model does not build.
    """
    from lifecycle_fsm.checks import CHECKS, check, located

    lifecycle = load_model(model)
    name, text = _file(model)
    lines = lines_of(text)
    found = located(
        check(lifecycle, budget=budget, seconds=seconds, prover="both" if prove else "search"),
        lambda where: find(lines, where),
    )
    wrong = [one for one in found if one.severity == "error" or (strict and one.severity != "note")]
    if json:
        print_json(
            {
                "model": lifecycle.name,
                "version": lifecycle.version,
                "file": name,
                "checks": [check for check, _ in CHECKS],
                "findings": [one.as_plain() for one in found],
            }
        )
    else:
        for line in _told(found, lifecycle, name, len(CHECKS)):
            print(line)
    return FOUND if wrong else 0


def _file(model: str) -> tuple[str, str]:
    """The name of the model's file, as findings tell it, and its text."""
    if any(sign in model for sign in "./\\"):
        return model, Path(model).read_text("utf-8-sig")
    return f"{model}.toml", shipped_text(model)


def _told(found: tuple[Finding, ...], model: Model, name: str, checks: int) -> list[str]:
    from lifecycle_fsm.checks.finding import SEVERITIES

    told = []
    for one in found:
        place = f"{name}:{one.line}" if one.line else name
        told += [f"{place}: {one.severity}: {one.fault}", f"  {one.where}", f"  {one.message}"]
        if one.elsewhere:
            told.append(f"  {one.elsewhere}")
        if one.shows:
            told.append(f"  for example {one.shows}")
        if one.code:
            told.append(f"  in a test:  {one.code}")
        told.append("")
    counts = {severity: sum(one.severity == severity for one in found) for severity in SEVERITIES}
    said = [
        f"{count} {severity}{'s' if count != 1 else ''}"
        for severity, count in counts.items()
        if count
    ]
    told.append(
        f"{model.name} {model.version}: {checks} checks, {', '.join(said) or 'nothing found'}"
    )
    return told
