"""Pictures and sheets in a real browser: axe-core finds no barrier, a pointer finds every spot.

Skipped where no Chromium, or no axe-core, is installed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from importlib.util import find_spec
from pathlib import Path

import pytest

from lifecycle_fsm.demo.histories import END, START, history
from lifecycle_fsm.diagram import draw_funnel, draw_model, draw_person
from lifecycle_fsm.funnel import count
from lifecycle_fsm.model import load, shipped
from tests.sheet.test_browser import CHROMIUM, SHEETS, chromium

AXE = find_spec("axe_core_python")

pytestmark = pytest.mark.skipif(
    CHROMIUM is None or AXE is None, reason="needs Chromium and the package axe-core-python"
)

PAGE = """<!doctype html><html lang="en"><title>Pictures</title>
<meta name="viewport" content="width=device-width"><style>
@media (prefers-color-scheme: dark) {{ body {{ background: #0f172a; color: white }} }}
</style><main><h1>Pictures</h1>{}</main></html>"""
RUN = """<pre id="barriers"></pre><script src="{}"></script><script>
const out = document.getElementById("barriers");
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
const spots = [...document.querySelectorAll(".lifecycle-picture [tabindex]")];
const some = spots.filter((spot, place) => place % 9 == 0);
(async () => {{
  // As it is, or with one open panel after the other.
  const found = new Set();
  for (const part of {}) {{
    if (part) part.focus();
    const options = {{ resultTypes: ["violations"] }};
    for (const {{ id, nodes }} of (await axe.run({{ exclude: ["#barriers"] }}, options)).violations)
      for (const {{ html }} of nodes) found.add(id + ": " + html.slice(0, 200));
  }}
  out.textContent = "DONE " + JSON.stringify({{ dark, found: [...found] }});
}})();
</script>"""


def pictures() -> str:
    """Two funnels and a person on one page."""
    drawings = []
    for name in ("waterfall", "engagement"):
        model = load(name)
        rows = list(history(model, 300))
        drawings.append(draw_funnel(model, count(rows, model, window=(START, END))))
    drawings.append(draw_person(model, [row for row in rows if row.person == rows[0].person]))
    return PAGE.format("".join(drawing.svg() for drawing in drawings))


PAGES: dict[str, Callable[[], str]] = {
    "pictures": pictures,
    "sheet": lambda: SHEETS["waterfall with numbers"]().html(),
    "rich sheet": lambda: SHEETS["everything"]().html(),
}


def barriers(folder: Path, html: str, *, dark: bool, parts: str = "[null]") -> list[str]:
    assert AXE is not None
    assert AXE.origin is not None
    script = Path(AXE.origin).with_name("axe.min.js").as_uri()
    page = folder / "page.html"
    page.write_text(html + RUN.format(script, parts), "utf-8")
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    dumped = chromium(folder, scheme, "--virtual-time-budget=60000", "--dump-dom", page.as_uri())
    output = re.search(r'<pre id="barriers">DONE (.*?)</pre>', dumped, re.DOTALL)
    assert output is not None
    result = json.loads(unescape(output[1]))
    assert result["dark"] is dark
    found: list[str] = result["found"]
    return found


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_no_page_has_a_barrier(tmp_path: Path, name: str, dark: bool) -> None:
    parts = "some" if name == "pictures" else "[null]"
    assert barriers(tmp_path, PAGES[name](), dark=dark, parts=parts) == []


def test_a_barrier_is_found(tmp_path: Path) -> None:
    broken = pictures().replace('role="listitem"', 'role="tab"')
    assert any("aria" in barrier for barrier in barriers(tmp_path, broken, dark=False))


POINT = """<pre id="pointed"></pre><script>
const found = {};
const hit = (spot, x, y) => document.elementFromPoint(x, y)?.closest(".spot") === spot;
for (const box of document.querySelectorAll(".box")) {
  const { left, right, top, bottom } = box.getBoundingClientRect(), spot = box.parentNode;
  found[spot.getAttribute("aria-label")] = +hit(spot, (left + right) / 2, (top + bottom) / 2);
}
for (const area of document.querySelectorAll(".area")) {
  const spot = area.parentNode, hits = [];
  for (let at = 1; at < area.getTotalLength(); at += 2) {
    const point = area.getPointAtLength(at).matrixTransform(area.getScreenCTM());
    hits.push(hit(spot, point.x, point.y));
  }
  const name = spot.getAttribute("aria-label").split(",")[0];
  found[name] = hits.filter((each) => each).length / hits.length;
}
document.getElementById("pointed").textContent = "DONE " + JSON.stringify(found);
</script>"""


@pytest.mark.parametrize("name", shipped())
def test_a_pointer_finds_every_stage_and_move(tmp_path: Path, name: str) -> None:
    drawing = draw_model(load(name))
    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><body>{drawing.svg()}{POINT}", "utf-8")
    dumped = chromium(tmp_path, "--window-size=1700,3000", "--dump-dom", page.as_uri())
    output = re.search(r'<pre id="pointed">DONE (.*?)</pre>', dumped, re.DOTALL)
    assert output is not None
    shares = json.loads(unescape(output[1]))
    assert len(shares) == len(drawing.details)
    # Where lines cross or lie side by side, another may be found.
    assert not {move: share for move, share in shares.items() if share < 0.3}
