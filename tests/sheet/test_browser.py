"""The page in a real browser: few full sheets of paper, and no scrolling sideways on a phone.

Skipped where no Chromium is installed.
"""

from __future__ import annotations

import math
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

WIDTHS = (390, 768, 1400)
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


#: Two pages, or one that everything fits on; more for numbers and people of nine stages.
PAGES = {
    "waterfall": 2,
    "waterfall with numbers": 3,
    "engagement": 2,
    "sales_led": 2,
    "two_step": 1,
    "everything": 2,
}
PAPER = {"A4": (297, 210), "Letter": (279, 216)}


def printed(folder: Path, name: str, paper: str) -> Path:
    page, pdf = folder / "sheet.html", folder / "sheet.pdf"
    # The sheet leaves the paper to the printer.
    size = f"<style>@page {{ size: {paper} landscape }}</style></head>"
    page.write_text(SHEETS[name]().html().replace("</head>", size, 1), "utf-8")
    chromium(folder, "--no-pdf-header-footer", f"--print-to-pdf={pdf}", page.as_uri())
    return pdf


@pytest.mark.skipif(widest_of_fonts(), reason="no font that people print with is installed")
@pytest.mark.parametrize("paper", PAPER)
@pytest.mark.parametrize("name", SHEETS)
def test_it_prints_on_landscape_paper_without_an_empty_page(
    tmp_path: Path, name: str, paper: str
) -> None:
    pdf = printed(tmp_path, name, paper)
    content = pdf.read_bytes()
    assert len(re.findall(rb"/Type /Page\b", content)) == PAGES[name]
    for box in re.findall(rb"/MediaBox \[([^\]]*)\]", content):
        _, _, width, height = map(float, box.split())
        assert (round(width / 72 * 25.4), round(height / 72 * 25.4)) == PAPER[paper]
    if pdftotext := shutil.which("pdftotext"):
        done = subprocess.run(
            [pdftotext, str(pdf), "-"], capture_output=True, text=True, check=True
        )
        pages = done.stdout.split("\f")[:-1]
        assert all(page.strip() for page in pages)


@pytest.mark.parametrize("name", ["waterfall with numbers", "everything"])
def test_every_letter_on_paper_has_seven_and_a_half_points(tmp_path: Path, name: str) -> None:
    pypdf = pytest.importorskip("pypdf", reason="measures the letters of a PDF")
    sizes = dict[str, float]()

    def see(text: str, page: list[float], line: list[float], _: object, size: float) -> None:
        if text.strip():
            sizes[text.strip()] = size * math.hypot(*page[2:4]) * math.hypot(*line[2:4])

    for page in pypdf.PdfReader(printed(tmp_path, name, "Letter")).pages:
        page.extract_text(visitor_text=see)
    assert len(sizes) > 20
    assert not {text: size for text, size in sizes.items() if size < 7.5}


@pytest.mark.parametrize("name", ["waterfall with numbers", "everything"])
def test_nothing_is_wider_than_the_screen(tmp_path: Path, name: str) -> None:
    page = escape(SHEETS[name]().html())
    frames = "".join(FRAME.format(width=width, page=page) for width in WIDTHS)
    (tmp_path / "frames.html").write_text(f"<!DOCTYPE html>{frames}", "utf-8")
    dumped = chromium(tmp_path, "--dump-dom", (tmp_path / "frames.html").as_uri())
    found = re.findall(r'data-page="(\d+)/(\d+)/(\d+)"', dumped)
    assert [tuple(map(int, one)) for one in found] == [(width, width, 0) for width in WIDTHS]
