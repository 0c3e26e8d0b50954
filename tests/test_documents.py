"""What the README and the documentation show is run: Python blocks, and ``console`` blocks.

In a ``console`` block, each line after ``$ `` is run by a shell in an empty folder, which one
document keeps for all its blocks, and must succeed, or end as a comment says: ``# exit status 1``.
Lines below it are compared with what it prints, where there are any; ``...`` stands for anything.
Lines that install software are shown, not run, and so are ``sh`` blocks.

A ``toml``, ``csv`` or ``py`` block is what the reader types into a file. Its text is ``shown`` in
what comes behind it, and ``typed`` has all such texts of the page so far. Comments that no reader
sees put it into the file: ``<!-- file: NAME -->`` writes it, and ``<!-- run: CODE -->`` is a line
of Python with the functions below, ``os``, whose variables are as before at the end of the page,
and ``exits``, which then closes what it has been given.

What else a page needs is in ``tests/pages``: the folder of its name is copied to where it runs, and
the module of its name brings functions.
"""

from __future__ import annotations

import csv
import doctest
import importlib
import logging
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from sybil import Document, Example, Region, Sybil
from sybil.example import SybilFailure
from sybil.parsers.myst import CodeBlockParser, PythonCodeBlockParser, SkipParser

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "tests/pages"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
INSTALLS = re.compile(r"\b(pip3? install|python3? -m venv)\b")
Parser = Callable[[Document], Iterable[Region]]
SAME = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def commands(block: str) -> list[tuple[str, str]]:
    """Split a block into the commands and what is shown below each."""
    prompt = re.compile(r"^\$ ((?:.*\\\n)*.*)\n?", re.MULTILINE)
    _, *rest = prompt.split(block)
    return list(zip(rest[::2], rest[1::2], strict=True))


def run_console(example: Example) -> str | None:
    found = commands(example.parsed)
    if not found:
        return "a console block without a line that begins with '$ '"
    for command, shown in found:
        if INSTALLS.search(command):
            continue
        environment = os.environ | {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
            "COLUMNS": "100",
            "NO_COLOR": "1",
            "TERM": "dumb",
        }
        done = subprocess.run(
            ["bash", "-c", command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
        status = re.search(r"# exit status (\d+)$", command)
        if done.returncode != (int(status[1]) if status else 0):
            return f"$ {command}\nended with {done.returncode}:\n{done.stdout}"
        if shown.strip() and not doctest.OutputChecker().check_output(shown, done.stdout, SAME):
            return f"$ {command}\nis shown to print:\n{shown}\nbut printed:\n{done.stdout}"
    return None


def keep_shown(example: Example) -> None:
    text = str(example.parsed)
    example.namespace["shown"] = text
    example.namespace.setdefault("typed", []).append(text)


def read(name: str) -> str:
    return Path(name).read_text("utf-8")


def write(name: str, *texts: str) -> None:
    """Save texts as a file, an empty line between two."""
    Path(name).write_text("\n".join(texts), "utf-8")


def append(name: str, text: str) -> None:
    """Add a text at the end of a file, as a definition of its own."""
    write(name, f"{read(name)}\n\n{text}")


def edit(name: str, old: str, new: str, times: int = 1) -> None:
    """Replace a text in a file, which must have it so many times."""
    text = read(name)
    assert text.count(old) == times, f"{name} has {old!r} {text.count(old)} times"
    write(name, text.replace(old, new))


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    return list(csv.DictReader(read(name).splitlines()))


def hidden_lines(document: Document) -> Iterator[Region]:
    comments = list(re.finditer(r"^<!-- (file|run): (.+) -->$", document.text, re.MULTILINE))
    meant = len(re.findall(r"<!-+ *(?:file|run)\b", document.text))
    assert len(comments) == meant, "a hidden line is '<!-- file: NAME -->' or '<!-- run: CODE -->'"
    for comment in comments:
        code = f"write({comment[2]!r}, shown)" if comment[1] == "file" else comment[2]
        yield Region(comment.start(), comment.end(), code, run_line)


def run_line(example: Example) -> None:
    exec(compile(example.parsed, example.path, "exec"), example.namespace)


def fixtures(path: Path) -> dict[str, Any]:
    """What a page may use; its files are put into the folder in which it runs."""
    if (folder := PAGES / path.stem).is_dir():
        shutil.copytree(folder, ".", dirs_exist_ok=True)
    names: dict[str, Any] = {
        function.__name__: function for function in (read, write, append, edit, rows)
    }
    module = path.stem.replace("-", "_")
    if (PAGES / f"{module}.py").exists():
        names |= vars(importlib.import_module(f"tests.pages.{module}"))
    return names


def run_document(path: Path) -> int:
    """Run what a document shows, in its order; return how many blocks that was."""
    parsers: list[Parser] = [
        SkipParser(),
        PythonCodeBlockParser(doctest_optionflags=SAME),
        CodeBlockParser(language="console", evaluator=run_console),
        CodeBlockParser(language="toml", evaluator=keep_shown),
        CodeBlockParser(language="csv", evaluator=keep_shown),
        CodeBlockParser(language="py", evaluator=keep_shown),
        hidden_lines,
    ]
    count = 0
    document = Sybil(parsers=parsers).parse(path)
    document.namespace.update(fixtures(path))
    with mock.patch.dict(os.environ), ExitStack() as exits:
        document.namespace.update(os=os, exits=exits)
        for example in document.examples():
            example.evaluate()
            count += 1
    return count


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_shows_runs(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    log = logging.getLogger("lifecycle_fsm")
    level, handlers = log.level, log.handlers[:]
    try:
        run_document(path)
    finally:  # a page may show how to listen, and the tests behind it must not
        log.setLevel(level)
        log.handlers[:] = handlers


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "document.md"


def test_blocks_share_a_folder_and_python_blocks_their_names(document: Path) -> None:
    document.write_text(
        "```python\nsaid = 'one'\n```\n\n"
        "```console\n$ echo one > file\n$ cat \\\n  file\none\n$ pip install nothing\n```\n\n"
        "```python\n>>> from pathlib import Path\n>>> Path('file').read_text() == f'{said}\\n'\n"
        "True\n```\n\n"
        "```console\n$ echo 1 of many\n1 ... many\n$ exit 3  # exit status 3\n```\n\n"
        "```sh\nfalse\n```\n"
    )
    assert run_document(document) >= 4


def test_what_is_typed_into_a_file_is_put_there_by_the_line_behind_it(document: Path) -> None:
    document.write_text(
        "```toml\na = 1\n```\n<!-- file: a.toml -->\n\n"
        "```py\nnever run\n```\n<!-- run: edit('a.toml', '1', shown) -->\n\n"
        "```console\n$ cat a.toml\na = never run\n```\n"
    )
    assert run_document(document) == 5


def test_a_hidden_line_that_would_not_run_is_found(document: Path) -> None:
    document.write_text("<!-- run: first()\nsecond() -->\n")
    with pytest.raises(AssertionError, match="a hidden line is"):
        run_document(document)


def test_a_page_has_files_and_functions_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "holds" in fixtures(Path("guards.md"))
    fixtures(Path("results.md"))
    assert rows("new.csv")[0]["id"] == "n1"
    pages = {path.stem.replace("-", "_") for path in DOCUMENTS}
    named = {path.stem.replace("-", "_") for path in PAGES.iterdir()} - {"__pycache__"}
    assert {name for name in named if not name.startswith("test_")} <= pages


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        ("```console\n$ echo out; exit 3\n```", "ended with 3:\nout"),
        ("```console\n$ exit 3  # exit status 2\n```", "ended with 3:"),
        ("```console\n$ true  # exit status 2\n```", "ended with 0:"),
        ("```console\n$ echo one\ntwo\n```", "but printed:\none"),
        ("```console\necho one\n```", "without a line that begins with"),
        ("```python\n>>> 1 + 1\n3\n```", "Got:\n    2"),
    ],
)
def test_what_does_not_hold_is_found(document: Path, block: str, complaint: str) -> None:
    document.write_text(f"{block}\n")
    with pytest.raises(SybilFailure, match=re.escape(complaint)):
        run_document(document)


@cache
def places(path: Path) -> set[str]:
    """What a link may lead to in a page: its headings, as a code host names them, and anchors."""
    text = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#{1,3} (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}
    return slugs | set(re.findall(r'<a id="([\w-]+)"></a>', text))


@pytest.mark.parametrize(
    "path", [*DOCUMENTS, ROOT / "docs/llms.txt"], ids=lambda path: str(path.relative_to(ROOT))
)
def test_links_lead_somewhere_on_a_code_host_too(path: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    assert not re.findall(r"\{[a-z:]+\}`", text), "a role of Sphinx: write a plain link"
    for words, target in re.findall(r"\[([^\[\]]*)\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        page, _, anchor = target.partition("#")
        there = path.parent / page if page else path
        assert words, f"a link to {target} without words"
        assert there.exists(), target
        assert not anchor or anchor in places(there), target


def test_the_tutorial_has_every_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    tutorial = (ROOT / "docs/agree/tutorial.md").read_text("utf-8")
    table = tutorial.split("| extra | what it adds |")[1]
    listed = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    assert listed == set(project["optional-dependencies"]) - {"dev"}


def test_the_index_for_tools_has_every_page() -> None:
    listed = re.findall(r"\]\(([^)]+)\)", (ROOT / "docs/llms.txt").read_text("utf-8"))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert set(listed) == pages - {"index.md"}
