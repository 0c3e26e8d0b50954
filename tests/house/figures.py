"""The size and shape of the package, as figures: ``python -m tests.house.figures [ROOT] [--list]``.

``ROOT`` is the folder of a checkout, so that the same figures can be taken of an earlier commit.
"""

from __future__ import annotations

import argparse
import ast
import io
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

PACKAGE = "lifecycle_fsm"
#: Names of variables that say nothing of the thing that they hold.
VAGUE = ("one", "found", "said")
#: Tests that ``init`` writes into a project of one's own: text of the package, not code of it.
_STARTERS = "starter"
#: Attributes with a leading underscore that are a public interface of somebody else's library.
_FOREIGN = {"_fields", "_replace", "_asdict", "_make", "_name"}
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Module(NamedTuple):
    """A file of the package, parsed."""

    name: str
    path: Path
    source: str
    tree: ast.Module

    @property
    def room(self) -> str:
        """The folder, or the file, directly below the package."""
        return self.name.split(".")[1] if "." in self.name else ""


class Reach(NamedTuple):
    """The use of a private name of another room."""

    module: str
    line: int
    name: str


class House:
    """The modules of a checkout, and what can be counted of them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.modules = [
            Module(_module_name(path.relative_to(root)), path, source, ast.parse(source))
            for path in sorted((root / PACKAGE).rglob("*.py"))
            if _STARTERS not in path.parts
            for source in [path.read_text()]
        ]

    @property
    def code_lines(self) -> int:
        """Lines without blanks, comments and docstrings."""
        return sum(_code_lines(module) for module in self.modules)

    @property
    def code_by_room(self) -> Mapping[str, tuple[int, int]]:
        """Lines of code and files of each room."""
        rooms: dict[str, tuple[int, int]] = {}
        for module in self.modules:
            lines, files = rooms.get(module.room, (0, 0))
            rooms[module.room] = lines + _code_lines(module), files + 1
        return rooms

    @property
    def repeated_classes(self) -> Mapping[str, list[str]]:
        """Names of classes that stand at the top of more than one module."""
        places: dict[str, list[str]] = defaultdict(list)
        for module in self.modules:
            for node in module.tree.body:
                if isinstance(node, ast.ClassDef):
                    places[node.name].append(module.name)
        return {name: modules for name, modules in sorted(places.items()) if len(modules) > 1}

    @property
    def repeated_files(self) -> Mapping[str, list[str]]:
        """Names of files that stand in more than one room."""
        places: dict[str, list[str]] = defaultdict(list)
        for module in self.modules:
            if not module.path.name.startswith("__"):
                places[module.path.name].append(module.name)
        return {name: modules for name, modules in sorted(places.items()) if len(modules) > 1}

    @property
    def functions(self) -> list[tuple[int, str]]:
        """All functions with their length in lines, the longest first."""
        lengths = [
            ((node.end_lineno or node.lineno) - node.lineno + 1, f"{module.name}:{node.name}")
            for module in self.modules
            for node in ast.walk(module.tree)
            if isinstance(node, _Function)
        ]
        return sorted(lengths, reverse=True)

    @cached_property
    def imports(self) -> Mapping[str, frozenset[str]]:
        """What each module imports of the package, in functions too; not for annotations only."""
        known = {module.name for module in self.modules}
        return {
            module.name: frozenset(_imported(module.tree, known)) - {module.name}
            for module in self.modules
        }

    @property
    def circles(self) -> list[list[str]]:
        """Modules that import each other in a circle, with imports inside of functions."""
        return [part for part in _strongly_connected(self.imports) if len(part) > 1]

    @property
    def single_importer(self) -> int:
        """How many modules are imported by exactly one other."""
        importers = Counter(name for names in self.imports.values() for name in names)
        return sum(count == 1 for count in importers.values())

    @property
    def vague_names(self) -> Mapping[str, int]:
        """How often a variable, a parameter or a function has a name that says nothing."""
        counts = Counter(name for module in self.modules for name in _bound_names(module.tree))
        return {name: counts[name] for name in VAGUE}

    @property
    def reaches(self) -> list[Reach]:
        """Uses of a private name that its own room does not define."""
        defined: dict[str, set[str]] = defaultdict(set)
        for module in self.modules:
            defined[module.room] |= set(_defined_names(module.tree))
        ours = set().union(*defined.values())  # others belong to somebody else's library
        return [
            Reach(module.name, node.lineno, node.attr)
            for module in self.modules
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Attribute)
            and node.attr.startswith("_")
            and not node.attr.startswith("__")
            and node.attr in ours - _FOREIGN
            and node.attr not in defined[module.room]
        ] + [
            Reach(module.name, node.lineno, alias.name)
            for module in self.modules
            for node in ast.walk(module.tree)
            if isinstance(node, ast.ImportFrom)
            and node.module
            and node.module.startswith(PACKAGE)
            and node.module.split(".")[1:2] != [module.room]
            for alias in node.names
            if alias.name.startswith("_")
        ]


def _module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _code_lines(module: Module) -> int:
    silent = {
        tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
        tokenize.ENDMARKER,
    }  # fmt: skip
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(module.source).readline):
        if token.type not in silent:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Module | ast.ClassDef | _Function) and ast.get_docstring(node):
            lines -= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    blank = {
        number for number, line in enumerate(module.source.splitlines(), 1) if not line.strip()
    }
    return len(lines - blank)


def _imported(tree: ast.Module, known: set[str]) -> Iterator[str]:
    annotations: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            annotations.update(ast.walk(node))
    for node in ast.walk(tree):
        if node in annotations:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in names if name in known)
            if any(name not in known for name in names):
                yield node.module


def _strongly_connected(edges: Mapping[str, frozenset[str]]) -> list[list[str]]:
    """Tarjan's algorithm, without recursion."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    parts: list[list[str]] = []
    for root in edges:
        if root in index:
            continue
        work = [(root, iter(sorted(edges[root])))]
        index[root] = low[root] = len(index)
        stack.append(root)
        while work:
            node, targets = work[-1]
            for target in targets:
                if target not in index:
                    index[target] = low[target] = len(index)
                    stack.append(target)
                    work.append((target, iter(sorted(edges[target]))))
                    break
                if target in stack:
                    low[node] = min(low[node], index[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    at = stack.index(node)
                    parts.append(sorted(stack[at:]))
                    del stack[at:]
    return parts


def _bound_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, _Function):
            yield node.name


def _defined_names(tree: ast.Module) -> Iterator[str]:
    """The names that a module gives to attributes, functions, classes and fields."""
    for node in ast.walk(tree):
        if isinstance(node, _Function | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
                yield node.attr
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="The size and shape of the package, as figures.")
    parser.add_argument("root", nargs="?", type=Path, default=Path(), help="folder of a checkout")
    parser.add_argument("--list", action="store_true", help="also name what is counted")
    options = parser.parse_args(arguments)
    house = House(options.root)
    if not house.modules:
        parser.error(f"there is no {PACKAGE} in {options.root}")
    length, longest = house.functions[0]
    rooms = sorted(house.code_by_room.items(), key=lambda room: -room[1][0])
    print(f"lines of code          {house.code_lines:>7,}")
    print(f"files                  {len(house.modules):>7,}")
    print(f"with a single importer {house.single_importer:>7,}")
    print(f"longest function       {length:>7,}  {longest}")
    print(f"class names repeated   {len(house.repeated_classes):>7,}")
    print(f"file names repeated    {len(house.repeated_files):>7,}")
    print(f"private reaches        {len(house.reaches):>7,}")
    print(f"import circles         {len(house.circles):>7,}")
    print("vague names            ", *(f"{name} {n}" for name, n in house.vague_names.items()))
    print("\n".join(f"  {name or 'package':<14}{code:>7,} in {n}" for name, (code, n) in rooms))
    if options.list:
        for name, places in house.repeated_classes.items():
            print("class", name, *places)
        for name, places in house.repeated_files.items():
            print("file", name, *places)
        for circle in house.circles:
            print("circle", *circle)
        for reach in house.reaches:
            print("reach", *reach)
        for length, name in house.functions[:10]:
            print("function", length, name)


if __name__ == "__main__":
    main()
