"""The page of requirements: every line has a row, and what the row says is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/understand/requirements.md"
LINES = (*range(1, 54), 57, 58, 59)
LATER = {41}  # a part of them is not built yet
ROW = re.compile(r"^- \*\*R(\d+)\*\* (.+)\\\n  Met: (.+)\\\n  Tests: (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#]*)(?:#([^)]*))?\)")
ROWS = {int(row[1]): row for row in ROW.finditer(PAGE.read_text("utf-8"))}


@cache
def named() -> dict[str, set[int]]:
    """The lines that each test names: in its own name, its docstring or that of its file."""
    found: dict[str, set[int]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        module = ast.parse(path.read_text("utf-8"))
        about = re.findall(r"\bR(\d+)\b", ast.get_docstring(module) or "")
        for one in module.body:
            if isinstance(one, ast.FunctionDef) and one.name.startswith("test_"):
                said = re.findall(r"\bR(\d+)\b", ast.get_docstring(one) or "")
                said += re.findall(r"_r(\d+)(?=_|$)", one.name)
                found.setdefault(one.name, set()).update(map(int, [*about, *said]))
    return found


@cache
def anchors(path: Path) -> set[str]:
    """The places of a page that a link may lead to: its headings, and the names of its own."""
    text = path.read_text("utf-8")
    headings = re.findall(r"^#{1,3} (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}
    return slugs | set(re.findall(r'^<a id="([\w-]+)"></a>$', text, re.MULTILINE))


def test_every_line_has_its_row_in_order() -> None:
    text = PAGE.read_text("utf-8")
    assert [int(row[1]) for row in ROW.finditer(text)] == list(LINES)


@pytest.mark.parametrize("line", LINES)
def test_where_it_is_met_is_there(line: int) -> None:
    links = LINK.findall(ROWS[line][3])
    assert links
    for page, anchor in links:
        path = PAGE.parent / page
        assert path.is_file(), page
        assert not anchor or anchor in anchors(path), f"{page}#{anchor}"


@pytest.mark.parametrize("line", LINES)
def test_the_tests_are_there_and_name_the_line(line: int) -> None:
    tests = re.findall(r"`(\w+)`", ROWS[line][4])
    assert tests
    for name in tests:
        assert name in named(), f"there is no {name}"
        assert line in named()[name], f"{name} does not name R{line}"


def test_what_is_not_built_yet_says_so() -> None:
    assert {line for line, row in ROWS.items() if "*Later:*" in row[2]} == LATER
