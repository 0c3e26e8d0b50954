"""What the README and the documentation show is run: Python blocks, and ``console`` blocks.

In a ``console`` block, each line after ``$ `` is run by a shell in an empty folder, which one
document keeps for all its blocks, and must succeed, or end as a comment says: ``# exit status 1``.
Lines below it are compared with what it prints, where there are any; ``...`` stands for anything.
Lines that install software are shown, not run, and so are ``sh`` blocks.

A ``toml``, ``csv`` or ``py`` block is what the reader types into a file: its text is ``shown`` in
the Python block behind it, which may be an invisible one, and puts it there. ``typed`` has all such
texts of the page so far, and ``page`` is the text of the page.
"""

from __future__ import annotations

import doctest
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pytest
from sybil import Document, Example, Region, Sybil
from sybil.example import SybilFailure
from sybil.parsers.myst import CodeBlockParser, PythonCodeBlockParser, SkipParser

ROOT = Path(__file__).parents[1]
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


def run_document(path: Path) -> int:
    """Run what a document shows, in its order; return how many blocks that was."""
    parsers: list[Parser] = [
        SkipParser(),
        PythonCodeBlockParser(doctest_optionflags=SAME),
        CodeBlockParser(language="console", evaluator=run_console),
        CodeBlockParser(language="toml", evaluator=keep_shown),
        CodeBlockParser(language="csv", evaluator=keep_shown),
        CodeBlockParser(language="py", evaluator=keep_shown),
    ]
    count = 0
    document = Sybil(parsers=parsers).parse(path)
    document.namespace["page"] = document.text
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


def test_what_is_typed_into_a_file_is_known_to_the_block_behind_it(document: Path) -> None:
    document.write_text(
        "```toml\na = 1\n```\n\n"
        "<!-- invisible-code-block: python\nassert shown == 'a = 1\\n'\n-->\n\n"
        "```py\nnever run\n```\n\n"
        "```python\nassert shown == 'never run\\n'\n```\n"
    )
    assert run_document(document) == 4


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


def test_the_index_for_tools_has_every_page() -> None:
    listed = re.findall(r"\]\(([^)]+)\)", (ROOT / "docs/llms.txt").read_text("utf-8"))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert set(listed) == pages - {"index.md"}
