"""The shape of the package: rooms, names, and where each rule lives."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from textwrap import dedent

import pytest

from lifecycle_fsm.cli.app import COMMANDS, python_name
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


def test_the_page_lists_the_rooms_and_no_others() -> None:
    table = PAGE.split("| rooms, from the top |")[1].split("\n\n")[0]
    cells = re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)
    listed = {name for cell in cells for name in re.findall(r"`(\w+)(?:/|\.py)?`", cell)}
    rooms = {module.room for module in HOUSE.modules if "." in module.name}
    assert listed == rooms - {"attributes", "stable_hash", "zones", "people_search"}


def test_every_file_that_the_page_names_is_there() -> None:
    places = [ROOT / "lifecycle_fsm", ROOT]
    paths = set(re.findall(r"`((?:\w+/)+\w+\.py)`", PAGE))
    assert paths
    assert [path for path in paths if not any((place / path).exists() for place in places)] == []
    files = {module.path.name for module in HOUSE.modules}
    assert set(re.findall(r"`(\w+\.py)`", PAGE)) <= files


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
    """But for a command, which is called like what it does."""
    assert set(HOUSE.repeated_files) <= {f"{python_name(command)}.py" for command in COMMANDS}


def test_no_function_is_longer_than_eighty_lines() -> None:
    assert [name for length, name in HOUSE.functions if length > 80] == []


def test_no_verb_of_a_person_is_a_setter() -> None:
    """A method that only stores what it gets would make a private slot public."""
    tree = ast.parse(inspect.getsource(Person))
    setters = [
        function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        and (body := [node for node in function.body if not _is_docstring(node)])
        and all(_stores_names(node) for node in body)
    ]
    assert setters == []


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _stores_names(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Assign):
        return False
    values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
    return all(isinstance(value, ast.Name) for value in values)


#: A package that has one of each thing that the figures count.
FAULTY = {
    "ground.py": """
        '''The ground.'''

        from __future__ import annotations


        class Box:
            '''A thing.'''

            def __init__(self, one: int) -> None:
                # A comment is no code.
                self._content = one


        def _open(box: Box) -> None: ...
    """,
    "upper/__init__.py": "",
    "upper/box.py": """
        from lifecycle_fsm.ground import Box, _open
        from lifecycle_fsm.upper import lid


        def peek(box: Box) -> int:
            '''What is in it.'''
            return lid.lift(box._content)
    """,
    "upper/lid.py": """
        from typing import TYPE_CHECKING

        if TYPE_CHECKING:
            from lifecycle_fsm.lower import box


        def lift(found: int) -> int:
            from lifecycle_fsm.upper.box import peek

            text = "one"
            return found
    """,
    "lower/box.py": """
        from lifecycle_fsm.upper.box import peek


        class Box: ...
    """,
}
FIGURES = """\
lines of code               18
files                        5
with a single importer       2
longest function             5  lifecycle_fsm.upper.lid:lift
class names repeated         1
file names repeated          1
private reaches              2
import circles               1
vague names             one 1 found 1 said 0
  upper              11 in 3
  ground              5 in 1
  lower               2 in 1
class Box lifecycle_fsm.ground lifecycle_fsm.lower.box
file box.py lifecycle_fsm.lower.box lifecycle_fsm.upper.box
circle lifecycle_fsm.upper.box lifecycle_fsm.upper.lid
reach lifecycle_fsm.upper.box 8 _content
reach lifecycle_fsm.upper.box 2 _open
function 5 lifecycle_fsm.upper.lid:lift
"""


def test_the_figures_count_and_name_each_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, source in FAULTY.items():
        path = tmp_path / "lifecycle_fsm" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(source))
    main([str(tmp_path), "--list"])
    assert capsys.readouterr().out.startswith(FIGURES)
