"""The shape of the package: rooms, names, and where each rule lives."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

from lifecycle_fsm.person import Person
from tests.house.figures import House, main

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/understand/contributing.md").read_text("utf-8")
CONCEPTS = (ROOT / "docs/understand/concepts.md").read_text("utf-8")
#: The home of each rule, as its section of the concepts names it.
RULES = {
    int(number): home
    for number, home in re.findall(
        r"^### S(\d+): (?:(?!^### ).)*?^Code: \[.+?\]\(\.\./\.\./lifecycle_fsm/(.+?)\)$",
        CONCEPTS,
        re.DOTALL | re.MULTILINE,
    )
}
TESTS = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
HOUSE = House(ROOT)


def test_every_rule_has_a_home() -> None:
    assert sorted(RULES) == list(range(1, 29))


@pytest.mark.parametrize("number", sorted(RULES))
def test_the_head_of_its_home_names_the_rule(number: int) -> None:
    home = ROOT / "lifecycle_fsm" / RULES[number]
    head = ast.get_docstring(ast.parse(home.read_text("utf-8"))) or ""
    assert f"[S{number}]" in head.split("\n\nWhat becomes", 1)[0][:400]


@pytest.mark.parametrize("number", sorted(RULES))
def test_tests_cite_the_rule(number: int) -> None:
    assert re.search(rf"\[S{number}\]|_s{number}_", TESTS)


def test_every_room_is_on_the_page() -> None:
    rooms = {module.room for module in HOUSE.modules if "." in module.name} - {"__main__"}
    missing = {room for room in rooms if f"`{room}" not in PAGE}
    assert missing <= {"stable_hash", "zones", "people_search"}


def test_every_file_that_the_page_names_is_there() -> None:
    names = set(re.findall(r"`((?:\w+/)+\w+\.py)`", PAGE))
    assert names
    missing = {name for name in names if not (ROOT / "lifecycle_fsm" / name).exists()}
    assert {name for name in missing if not (ROOT / name).exists()} == set()


def test_no_module_imports_itself_by_way_of_others() -> None:
    assert HOUSE.circles == []


def test_no_room_reaches_into_another_but_the_machine_into_the_person() -> None:
    outside = [
        reach for reach in HOUSE.reaches if not reach.module.startswith("lifecycle_fsm.machine")
    ]
    assert outside == []
    slots = {name for name in vars(Person) if name.startswith("_")}
    assert {reach.name for reach in HOUSE.reaches} <= slots


def test_a_class_name_stands_once() -> None:
    assert HOUSE.repeated_classes == {}


def test_a_file_name_stands_once() -> None:
    """But for the command that is called like what it makes."""
    assert set(HOUSE.repeated_files) == {"sheet.py"}


def test_no_function_is_longer_than_eighty_lines() -> None:
    assert [name for length, name in HOUSE.functions if length > 80] == []


def test_no_verb_of_a_person_is_a_setter() -> None:
    """A method that only stores what it gets would make a private slot public."""
    tree = ast.parse(inspect.getsource(Person))
    setters = [
        function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        and len(body := [node for node in function.body if not _is_docstring(node)]) == 1
        and isinstance(body[0], ast.Assign)
        and isinstance(body[0].value, ast.Name)
    ]
    assert setters == []


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def test_the_figures_are_printed_and_what_they_count_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main([str(ROOT), "--list"])
    printed = capsys.readouterr().out
    assert f"lines of code {HOUSE.code_lines:>16,}" in printed
    assert f"function {HOUSE.functions[0][0]} {HOUSE.functions[0][1]}" in printed
