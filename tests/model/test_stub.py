"""What a user's editor and type checker know of a model in TOML."""

from pathlib import Path

import pytest
from mypy import api

from lifecycle_fsm import Model, Stage, load, shipped
from lifecycle_fsm.model import SortRule, stub

USE = """
from typing import TYPE_CHECKING, cast

from lifecycle_fsm import Lifecycle

if TYPE_CHECKING:
    from model_types import {lifecycle}

lifecycle = cast("{lifecycle}", Lifecycle("{model}"))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stub")  # one for all, so that mypy finds its cache


def check(folder: Path, model: str, lifecycle: str, lines: str) -> str:
    (folder / "model_types.pyi").write_text(stub(load(model)), "utf-8")
    use = folder / "use.py"
    use.write_text(USE.format(model=model, lifecycle=lifecycle) + lines, "utf-8")
    found, faults, _ = api.run(
        ["--strict", "--no-error-summary", "--follow-imports=silent", "--config-file=",
         f"--cache-dir={folder / 'cache'}", str(use), str(folder / "model_types.pyi")]
    )  # fmt: skip
    assert not faults
    return found


def test_a_checker_knows_triggers_and_fields(folder: Path) -> None:
    found = check(
        folder,
        "waterfall",
        "WaterfallLifecycle",
        'ann = lifecycle.admit("ann", at="2024-05-01", employees=3)\n'
        'decision = ann.sales_rejected(at="2024-05-02").or_raise()\n'
        "for person in lifecycle:\n"
        '    print(person.may_disqualify(at="2024-05-03"), person.stage == "mql")\n',
    )
    assert found == ""


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('lifecycle.person("a").sales_rejectd(at="2024-05-02")', 'no attribute "sales_rejectd"'),
        ('lifecycle.admit("a", at="2024-05-01", employes=3)', 'argument "employes"'),
        ('lifecycle.admit("a", at="2024-05-01", employees="3")', "incompatible type"),
        ('assert lifecycle.person("a").stage == "mqx"', "Non-overlapping equality check"),
    ],
)
def test_a_checker_finds_a_misspelt_name(folder: Path, line: str, fault: str) -> None:
    assert fault in check(folder, "waterfall", "WaterfallLifecycle", line + "\n")


def test_a_model_without_triggers_has_a_stub_too() -> None:
    model = Model(
        name="tiny",
        stages=[Stage("new"), Stage("known")],
        sort=[SortRule(name="all", when="otherwise", target="known")],
    )
    compile(stub(model), "tiny.pyi", "exec")
    assert "Trigger: TypeAlias = str" in stub(model)
    assert "ignore[override]" not in stub(model).partition("class TinyLifecycle")[0]


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_model_has_a_stub_that_compiles(name: str) -> None:
    compile(stub(load(name)), f"{name}.pyi", "exec")
