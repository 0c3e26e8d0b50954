"""The test that holds a model to the table that a person has approved."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import TYPE_CHECKING

import attrs

from lifecycle_fsm.errors import MissingExtra
from lifecycle_fsm.model import Model, load
from lifecycle_fsm.testing.cases.comparing import changes, compared, failure, news
from lifecycle_fsm.testing.cases.files import read_table
from lifecycle_fsm.testing.cases.rows import Case
from lifecycle_fsm.testing.cases.running import Runner

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMPLETE = "every case is approved"


class _Fresh:
    """The runner of a model, made anew where the model is another than it was: tests of mutants
    change it in its place."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._parts: tuple[object, ...] = ()
        self._runner: Runner | None = None

    def __call__(self) -> Runner:
        parts = attrs.astuple(self._model, recurse=False)
        changed = any(one is not other for one, other in zip(parts, self._parts, strict=False))
        if self._runner is None or changed:
            self._parts, self._runner = parts, Runner(self._model)
        return self._runner


def approved(
    path: str | PathLike[str], model: Model | str | PathLike[str], *, complete: bool = True
) -> Callable[[Case | None], None]:
    """A pytest test of a model against an approved table, one test for each case.

    ::

        test_lifecycle = approved(HERE / "cases.csv", HERE / "lifecycle.toml")

    Every row is run through the model's compiled guard and its machine, every path of the tour
    through the orchestrator. One more test, ``every case is approved``, fails where the model has
    cases that stand in no row.

    Args:
        path: the table, as ``lifecycle-fsm cases MODEL --out FILE`` has written it.
        model: the lifecycle: a model, the path of its TOML, or the name of a shipped one.
        complete: whether cases that nobody has approved fail.

    Raises:
        FileProblem: the table or the model cannot be read.
        ModelError: the model does not build.
        MissingExtra: pytest is not installed; :func:`~lifecycle_fsm.testing.cases.compared` works
            without it.
    """
    try:
        import pytest
    except ImportError:
        raise MissingExtra("testing", "pytest", "a test of approved cases") from None
    table = read_table(path)
    lifecycle = model if isinstance(model, Model) else load(model)
    runner = _Fresh(lifecycle)
    cases: Sequence[object] = [pytest.param(one, id=one.name) for one in table.cases]
    last = [pytest.param(None, id=_COMPLETE)] if complete else []

    @pytest.mark.parametrize("case", [*cases, *last])
    def test(case: Case | None) -> None:
        __tracebackhide__ = True
        if case is not None:
            found = changes(case, runner())
            if found:
                pytest.fail(failure(found), pytrace=False)
            return
        new = compared(table, lifecycle, runner=runner()).new
        if new:
            said = "\n".join(f"  {one}" for one in news(new))
            pytest.fail(
                f"{len(new)} cases of the model stand in no row of {path}:\n{said}\n"
                f"look at them, and write the table anew: lifecycle-fsm cases MODEL --out {path}",
                pytrace=False,
            )

    return test
