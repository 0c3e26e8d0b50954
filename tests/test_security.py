"""What the page on security promises, as far as the sources can show it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import lifecycle_fsm
from lifecycle_fsm import ModelError, loads
from lifecycle_fsm.model import shipped_text

PACKAGE = Path(lifecycle_fsm.__file__).parent
EVIL = "x) or __import__('os').abort() or (p.id"
NETWORK = {
    *("aiohttp", "asyncio", "ftplib", "http", "httpx", "imaplib", "poplib", "requests", "smtplib"),
    *("psycopg", "socket", "socketserver", "sqlalchemy", "ssl", "urllib", "urllib3"),
    *("webbrowser", "xmlrpc"),
}
#: Who may do what could run something else than the package, and why; all others may not.
ALLOWED = {
    # A guard, compiled from its tree, and observed; names of attributes, each checked to be one.
    "eval": {"guard", "attributes.py"},
    "exec": {"guard", "attributes.py"},
    "compile": {"guard"},
    "marshal": {"parts"},  # plain values that the same run has written; it cannot run anything
    "pickle": {"testing"},  # between the processes of one test run
    "subprocess": {"diagram"},  # a dot of the system
}


#: What opens the connections of a store. The mixin only declares columns.
DATABASES = {"psycopg", "sqlalchemy"}


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if "starter" not in path.parts:
            yield path.relative_to(PACKAGE).parts[0], ast.parse(path.read_text("utf-8"))


def imported(tree: ast.AST) -> set[str]:
    """The modules that are imported, by the first part of their names."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def called(tree: ast.AST) -> set[str]:
    """The functions that are called by a bare name."""
    return {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def test_nothing_can_open_a_connection_but_a_store_and_its_channels() -> None:
    can = {
        (path.relative_to(PACKAGE).as_posix(), name)
        for path in sorted(PACKAGE.rglob("*.py"))
        for name in imported(ast.parse(path.read_text("utf-8"))) & NETWORK
    }
    assert {path for path, name in can if name not in DATABASES} == {"store/channels.py"}
    assert {path.split("/")[0] for path, name in can if name in DATABASES} == {
        "store",
        "sqlalchemy_mixin.py",
    }


def test_only_these_run_or_load_something_and_they_still_do() -> None:
    does: dict[str, set[str]] = {}
    for room, tree in trees():
        for name in (imported(tree) | called(tree)) & (set(ALLOWED) | {"shelve"}):
            does.setdefault(name, set()).add(room)
    assert does == ALLOWED


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[tokens]\n", f'[fields]\n"{EVIL}" = "int"\n\n[tokens]\n', "is not a name"),
        ("[tokens]\n", f'[tokens]\n"{EVIL}" = 1\n', "is not a name"),
        ("won_opportunities >= 1", f"won_opportunities >= 1 or {EVIL}", "there is no '(' for"),
        ("won_opportunities >= 1", "__import__('os').abort()", "there is no function"),
        ('step = "lead_source"', 'step = "os.abort"', "no built-in step"),
    ],
)
def test_a_model_file_cannot_name_code(old: str, new: str, message: str) -> None:
    text = shipped_text("two_step")
    assert old in text
    with pytest.raises(ModelError, match=re.escape(message)):
        loads(text.replace(old, new))
