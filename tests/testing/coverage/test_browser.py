"""The page of coverage in a real browser: no scrolling sideways on a phone.

Skipped where no Chromium is installed.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

import attrs
import pytest

from lifecycle_fsm.model import load
from lifecycle_fsm.testing.coverage.coverage_report import page
from lifecycle_fsm.testing.coverage.measure import measure
from lifecycle_fsm.testing.recorder import ModelRecord
from tests.sheet.test_browser import CHROMIUM, FRAME, WIDTHS, chromium

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


def test_nothing_is_wider_than_the_screen(tmp_path: Path) -> None:
    model = load("waterfall")
    other = attrs.evolve(model, name="a" * 60, tokens={**model.tokens, "mql_threshold": 50})
    text = escape(page([measure(one, ModelRecord()) for one in (model, other)]))
    frames = "".join(FRAME.format(width=width, page=text) for width in WIDTHS)
    (tmp_path / "frames.html").write_text(f"<!DOCTYPE html>{frames}", "utf-8")
    dumped = chromium(tmp_path, "--dump-dom", (tmp_path / "frames.html").as_uri())
    found = re.findall(r'data-page="(\d+)/(\d+)/(\d+)"', dumped)
    assert [tuple(map(int, one)) for one in found] == [(width, width, 0) for width in WIDTHS]
