"""``lifecycle-fsm check``: what can be proved of a model without running anybody through it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.arguments import load_model
from lifecycle_fsm.cli.console import print_json
from lifecycle_fsm.cli.options import flag
from lifecycle_fsm.model import shipped_text
from lifecycle_fsm.model.toml_files import find, lines_of
from lifecycle_fsm.proof.answer import TOTAL
from lifecycle_fsm.wording import counted

if TYPE_CHECKING:
    from lifecycle_fsm.checks import Finding

FAULTY = 1


def check(
    model: options.Model,
    json: options.Json = False,
    prove: options.Prove = False,
    budget: options.Budget = TOTAL,
    seconds: options.Seconds = None,
    strict: Annotated[bool, flag("Exit with 1 for warnings and hints, too.", "--strict")] = False,
) -> int:
    """Prove that a model does what it says: nobody is forgotten, no rule is dead, nobody goes back
    and forth.

    ```sh
    lifecycle-fsm check waterfall
    lifecycle-fsm check my-lifecycle.toml --json
    ```

    Each finding names the line, says the fault, and shows the smallest person for whom it happens.
    Exit codes: 0 no errors, 1 errors, 2 the model does not build.
    """
    from lifecycle_fsm.checks import CHECKS, check, located
    from lifecycle_fsm.checks.finding import SEVERITIES

    lifecycle = load_model(model)
    file, text = _file(model)
    lines = lines_of(text)
    findings = located(
        check(lifecycle, budget=budget, seconds=seconds, prover="both" if prove else "search"),
        lambda where: find(lines, where),
    )
    if json:
        print_json(
            {
                "model": lifecycle.name,
                "version": lifecycle.version,
                "file": file,
                "checks": [name for name, _ in CHECKS],
                "findings": [finding.as_plain() for finding in findings],
            }
        )
    else:
        for finding in findings:
            print("\n".join(_lines(finding, file)), end="\n\n")
        counts = {name: sum(row.severity == name for row in findings) for name in SEVERITIES}
        total = ", ".join(counted(count, name) for name, count in counts.items() if count)
        checks = f"{len(CHECKS)} checks, {total or 'nothing found'}"
        print(f"{lifecycle.name} {lifecycle.version}: {checks}")
    harmless = {"note"} if strict else {*SEVERITIES} - {"error"}
    return FAULTY if any(finding.severity not in harmless for finding in findings) else 0


def _file(model: str) -> tuple[str, str]:
    """The name of the model's file, as findings tell it, and its text."""
    if any(sign in model for sign in "./\\"):
        return model, Path(model).read_text("utf-8-sig")
    return f"{model}.toml", shipped_text(model)


def _lines(finding: Finding, file: str) -> Iterator[str]:
    place = f"{file}:{finding.line}" if finding.line else file
    yield f"{place}: {finding.severity}: {finding.fault}"
    yield f"  {finding.where}"
    yield f"  {finding.message}"
    if finding.elsewhere:
        yield f"  {finding.elsewhere}"
    if finding.shows:
        yield f"  for example {finding.shows}"
    if finding.code:
        yield f"  in a test:  {finding.code}"
