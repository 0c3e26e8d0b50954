"""The shape of the package: rooms, names, and where each rule lives."""

from __future__ import annotations

import ast
import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle_fsm.person import Person
from tests.house.figures import House

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/understand/contributing.md").read_text("utf-8")
ROW = re.compile(
    r"^\| \[S(\d+)\]\(.*?\) \| \[`(.+?)`\]\(.*?\) \| \[`(.+?)`\]\(.*?\) \|$", re.MULTILINE
)
RULES = {int(number): (home, test) for number, home, test in ROW.findall(PAGE)}
HOUSE = House(ROOT)


def test_every_rule_has_a_home() -> None:
    assert sorted(RULES) == list(range(1, 29))


@pytest.mark.parametrize("number", sorted(RULES))
def test_the_head_of_its_home_names_the_rule(number: int) -> None:
    home, _ = RULES[number]
    head = ast.get_docstring(ast.parse((ROOT / "lifecycle_fsm" / home).read_text("utf-8"))) or ""
    assert f"[S{number}]" in head.split("\n\nWhat becomes", 1)[0][:400]


@pytest.mark.parametrize("number", sorted(RULES))
def test_tests_cite_the_rule(number: int) -> None:
    text = (ROOT / RULES[number][1]).read_text("utf-8")
    assert re.search(rf"\[S{number}\]|test_s{number}_", text)


@pytest.mark.parametrize("number", sorted(RULES))
def test_the_concepts_lead_to_the_home(number: int) -> None:
    concepts = (ROOT / "docs/understand/concepts.md").read_text("utf-8")
    section = re.split(
        r"\n### S\d+: |\n## ", concepts.split(f"\n### S{number}: ", 1)[1], maxsplit=1
    )[0]
    assert f"../../lifecycle_fsm/{RULES[number][0]})" in section


def test_every_room_is_on_the_page() -> None:
    rooms = {module.room for module in HOUSE.modules if "." in module.name} - {"__main__"}
    missing = {room for room in rooms if f"`{room}" not in PAGE}
    assert missing <= {"stable", "zones", "lookup"}


def test_every_file_that_the_page_names_is_there() -> None:
    names = set(re.findall(r"`((?:\w+/)+\w+\.py)`", PAGE)) - {"checks/no_way_back.py"}
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
    """But for the plugins of pytest, and the command that is called like what it makes."""
    assert set(HOUSE.repeated_files) == {"plugin.py", "sheet.py"}


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


# ---------------------------------------------------------------------- how to add


def test_the_check_of_the_page_can_be_added_as_it_says(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "lifecycle_fsm", tmp_path / "lifecycle_fsm")
    code = re.search(r"\*\*A check\.\*\*.*?```py\n(.*?)```", PAGE, re.DOTALL)
    assert code is not None
    (tmp_path / "lifecycle_fsm/checks/no_way_back.py").write_text(code[1])
    checking = tmp_path / "lifecycle_fsm/checks/checking.py"
    text = checking.read_text()
    text = text.replace("    negated_missing,\n", "    negated_missing,\n    no_way_back,\n", 1)
    first = '    ("sort_exhaustive", sort_exhaustive.check),\n'
    added = first + '    ("no_way_back", no_way_back.check),\n'
    checking.write_text(text.replace(first, added, 1))
    program = (
        "from lifecycle_fsm import check\n"
        "from tests.machine.small import small\n"
        "print([one.where for one in check(small()) if one.check == 'no_way_back'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "['stages.x']"
