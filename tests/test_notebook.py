"""Drawings show themselves in a real notebook kernel."""

from __future__ import annotations

import nbformat
import pytest
from nbclient import NotebookClient

CELLS = (
    """
from lifecycle_fsm import Lifecycle
lifecycle = Lifecycle("two_step")
ann = lifecycle.admit("ann", at="2024-05-01T09:00Z")
lifecycle.draw()
""",
    'lifecycle.draw("ann")',
    'lifecycle.apply("ann", "web_visit", at="2024-05-02T09:00Z", page="/")',
)


@pytest.fixture(scope="module")
def outputs() -> list[dict[str, str]]:
    """What each cell shows, by kind of content."""
    notebook = nbformat.v4.new_notebook(  # type: ignore[no-untyped-call]
        cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS]  # type: ignore[no-untyped-call]
    )
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return [dict(cell.outputs[-1]["data"]) for cell in notebook.cells]


@pytest.mark.parametrize("cell", [0, 1])
def test_a_drawing_shows_itself_as_svg(outputs: list[dict[str, str]], cell: int) -> None:
    assert "<svg" in outputs[cell]["image/svg+xml"]
    assert "Customer" in outputs[0]["image/svg+xml"]


def test_a_decision_reads_as_a_line(outputs: list[dict[str, str]]) -> None:
    assert "unchanged" in outputs[2]["text/plain"]
