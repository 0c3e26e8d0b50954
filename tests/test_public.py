"""What is public is exported, documented, and explained."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import lifecycle_fsm

ROOT = Path(__file__).parents[1]
REFERENCE = (ROOT / "docs/understand/reference.md").read_text("utf-8")
CONCEPTS = (ROOT / "docs/understand/concepts.md").read_text("utf-8")
CITED = re.compile(r"\[S(\d+)\]")
RULES = range(1, 29)


def test_every_name_that_is_exported_is_there_and_in_the_reference() -> None:
    assert lifecycle_fsm.__all__ == sorted(set(lifecycle_fsm.__all__))
    names = lifecycle_fsm._HOME
    assert [name for name in names if not hasattr(lifecycle_fsm, name)] == []
    documented = set(re.findall(r":: lifecycle_fsm\.(\w+)$", REFERENCE, re.MULTILINE))
    documented |= set(re.findall(r"`(\w+)`", REFERENCE))
    assert set(names) - documented == set()


def test_what_type_checkers_see_is_what_programs_get() -> None:
    source = Path(lifecycle_fsm.__file__).read_text("utf-8")
    imported = {
        alias.name: node.module
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.module and node.col_offset
        for alias in node.names
    }
    assert imported == {name: f"lifecycle_fsm.{room}" for name, room in lifecycle_fsm._HOME.items()}
    of_store = {name for name, room in lifecycle_fsm._HOME.items() if room.startswith("store")}
    assert of_store
    assert set(imported) == set(lifecycle_fsm.__all__) | of_store
    assert set(imported) <= set(dir(lifecycle_fsm))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = lifecycle_fsm.nothing


def test_the_reference_has_nothing_that_is_not_exported() -> None:
    documented = re.findall(r":: lifecycle_fsm\.(\w+)$", REFERENCE, re.MULTILINE)
    assert set(documented) - set(lifecycle_fsm._HOME) == set()
    assert len(set(documented)) == len(documented)


@pytest.mark.parametrize("number", RULES)
def test_every_rule_has_its_section_in_the_concepts(number: int) -> None:
    assert CONCEPTS.count(f'\n<a id="s{number}"></a>\n\n### S{number}: ') == 1


def test_docstrings_cite_rules_that_there_are() -> None:
    files = sorted((ROOT / "lifecycle_fsm").rglob("*.py"))
    cited = {int(one) for path in files for one in CITED.findall(path.read_text("utf-8"))}
    assert cited
    assert cited <= set(RULES)
