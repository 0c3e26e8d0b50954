"""The diffs by which the page on additions adds a check, a step, a renderer and a measure apply,
and what they add works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/understand/additions.md").read_text("utf-8")
#: The diffs by the headings above them.
DIFFS = {
    name.lower(): diff
    for name, diff in re.findall(
        r"^## (An? [\w ]+)$(?:(?!```).)*?^```diff\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE
    )
}
#: What uses each addition, and a line that it prints.
PROGRAMS = {
    "a check": (
        """
from lifecycle_fsm import Move, check
from tests.machine.small import small
moves = Move(sources="x", target="y", on="worse"), Move(sources="y", target="a", on="come_back")
model = small(*moves)
findings = [finding for finding in check(model) if finding.check == "no_way_back"]
print([(finding.where, finding.also) for finding in findings])
""",
        "[('stages.x', ())]",
    ),
    "a step of original processing": (
        """
from lifecycle_fsm import Lifecycle, dumps, load, loads
step = '''
[[processing]]
number = 35
step = "mailbox"
options = { roles = { invoices = "accounts_payable" } }
'''
lifecycle = Lifecycle(loads(dumps(load("waterfall")) + step))
for mailbox in ("invoices", "ann"):
    lifecycle.admit(mailbox, at="2024-05-01T09:00Z", email=f"{mailbox}@acme.example")
print([(person.role, person.stage) for person in map(lifecycle.person, ("invoices", "ann"))])
""",
        "[('accounts_payable', 'off_path'), (None, 'mal')]",
    ),
    "a renderer": (
        """
import json
from lifecycle_fsm.document import render_json
from lifecycle_fsm.document.blocks import BulletList, Document, Paragraph, Section
blocks = [Section(title="Path", blocks=[Paragraph("On and on."), BulletList(["new", "old"])])]
section = json.loads(render_json(Document(title="Stages", blocks=blocks)))["blocks"][0]
print(section["title"], [block["type"] for block in section["blocks"]])
""",
        "Path ['Paragraph', 'BulletList']",
    ),
    "a measure": (
        """
import subprocess, sys
from pathlib import Path
Path("people.csv").write_text(
    "id,created_at,won_opportunities,owner\\nann,2024-05-01,1,\\nben,2024-05-02,1,rep.ben\\n"
    "cy,2024-05-03,1,\\n"
)
for command in (
    "run two_step --people people.csv --out out --no-pictures",
    "funnel out/history.csv --model two_step --show unowned --out tables/",
):
    subprocess.run([sys.executable, "-m", "lifecycle_fsm.cli", *command.split()], check=True)
""",
        "with sales, and nobody's: 2 people",
    ),
}


def test_the_page_has_a_diff_for_each() -> None:
    assert set(DIFFS) == set(PROGRAMS)
    for name, diff in DIFFS.items():
        added = [line for line in re.findall(r"^\+(?!\+\+ )(.*)$", diff, re.MULTILINE) if line]
        assert len(added) <= 25, f"{name} takes {len(added)} lines"


@pytest.mark.skipif(shutil.which("git") is None, reason="git applies the diffs")
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_diff_applies_and_what_it_adds_works(name: str, tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "lifecycle_fsm",
        tmp_path / "lifecycle_fsm",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for hunk in hunks(DIFFS[name]):
        applied = subprocess.run(
            ["git", "apply", "--recount", "-"],
            cwd=tmp_path,
            env=os.environ | {"GIT_CEILING_DIRECTORIES": str(tmp_path.parent), "LC_ALL": "C"},
            input=hunk,
            capture_output=True,
            text=True,
            check=False,
        )
        assert applied.returncode == 0, (
            f"this hunk of {name!r} in additions.md does not apply:\n{hunk}\n{applied.stderr}"
        )
    program, expected = PROGRAMS[name]
    used = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert used.returncode == 0, used.stderr
    assert expected in used.stdout.splitlines(), used.stdout


def hunks(diff: str) -> list[str]:
    """Each hunk of a diff as a diff of its own."""
    return [
        head + hunk
        for head, body in re.findall(
            r"^(--- \S+\n\+\+\+ \S+\n)((?:(?!--- \S+\n\+\+\+ ).*\n)+)", diff, re.MULTILINE
        )
        for hunk in re.split(r"^(?=@@ )", body, flags=re.MULTILINE)
        if hunk
    ]
