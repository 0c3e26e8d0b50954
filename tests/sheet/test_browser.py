"""The page in a real browser: two sheets of paper, and no scrolling sideways on a phone.

Skipped where no Chromium is installed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from html import escape
from pathlib import Path

import pytest

from lifecycle_fsm.demo.histories import END, history
from lifecycle_fsm.model import load
from lifecycle_fsm.sheet import Sheet, make_sheet
from tests.sheet.test_html import with_everything

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM = next((found for name in NAMES if (found := shutil.which(name))), None)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

WIDTHS = (390, 768, 1440)
#: The page in frames, because a window may not be as narrow as a phone.
FRAME = """<iframe width="{width}" height="900" style="border: 0" srcdoc="{page}" onload="
  const inside = this.contentDocument, page = inside.documentElement;
  const wide = [...inside.querySelectorAll('body *')].filter(one =>
    one.getBoundingClientRect().right > page.clientWidth + 1 && !one.closest('.wide'));
  this.setAttribute('data-page', [page.clientWidth, page.scrollWidth, wide.length].join('/'));
"></iframe>"""


def waterfall() -> Sheet:
    """With numbers, and with as many people as a sheet shows."""
    model = load("waterfall")
    rows = list(history(model, 2000))
    crowd = [
        _somebody(f"p{place:05}", stage, place)
        for stage in ("mal", "mql", "recycled")
        for place in range(30)
    ]
    return make_sheet(model, history=rows, people=crowd, now=END)


def _somebody(name: str, stage: str, points: int) -> object:
    from types import SimpleNamespace

    from lifecycle_fsm.person import BASE_FIELDS

    known = {one.name: one.start() for one in BASE_FIELDS.values()}
    own = {
        "id": name,
        "stage": stage,
        "stage_entered_at": END,
        "journey": 1,
        "journey_started_at": END,
        "first_name": "Theodora",
        "last_name": "Papadopoulou",
        "company": "Northwind Precision Instruments",
        "behavior_score": 2 * points,
        "demographic_score": 10 if points % 3 else 30,
    }
    return SimpleNamespace(**known | own)


SHEETS = {
    "waterfall": lambda: make_sheet(load("waterfall")),
    "waterfall with numbers": waterfall,
    "engagement": lambda: make_sheet(load("engagement")),
    "sales_led": lambda: make_sheet(load("sales_led")),
    "two_step": lambda: make_sheet(load("two_step")),
    "everything": with_everything,
}


def chromium(folder: Path, *arguments: str) -> str:
    assert CHROMIUM is not None
    done = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--hide-scrollbars",
            f"--user-data-dir={folder / 'profile'}",
            *arguments,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


def widest_of_fonts() -> bool:
    """Whether all that the browser has for plain text is the font of a machine without fonts."""
    match = shutil.which("fc-match")
    if match is None:
        return False
    done = subprocess.run([match, "Arial"], capture_output=True, text=True, check=False)
    return "DejaVu" in done.stdout


@pytest.mark.skipif(widest_of_fonts(), reason="no font that people print with is installed")
@pytest.mark.parametrize("name", SHEETS)
def test_it_prints_on_two_pages_of_a4_landscape(tmp_path: Path, name: str) -> None:
    SHEETS[name]().save(tmp_path / "sheet.html")
    pdf = tmp_path / "sheet.pdf"
    chromium(
        tmp_path,
        "--no-pdf-header-footer",
        f"--print-to-pdf={pdf}",
        (tmp_path / "sheet.html").as_uri(),
    )
    content = pdf.read_bytes()
    assert len(re.findall(rb"/Type /Page\b", content)) == 2
    for box in re.findall(rb"/MediaBox \[([^\]]*)\]", content):
        _, _, width, height = map(float, box.split())
        assert (round(width / 72 * 25.4), round(height / 72 * 25.4)) == (297, 210)


@pytest.mark.parametrize("name", ["waterfall with numbers", "everything"])
def test_nothing_is_wider_than_the_screen(tmp_path: Path, name: str) -> None:
    page = escape(SHEETS[name]().html())
    frames = "".join(FRAME.format(width=width, page=page) for width in WIDTHS)
    (tmp_path / "frames.html").write_text(f"<!DOCTYPE html>{frames}", "utf-8")
    dumped = chromium(tmp_path, "--dump-dom", (tmp_path / "frames.html").as_uri())
    found = re.findall(r'data-page="(\d+)/(\d+)/(\d+)"', dumped)
    assert [tuple(map(int, one)) for one in found] == [(width, width, 0) for width in WIDTHS]
