"""How legible pictures are, by the shape of the model: measured in what Graphviz laid out.

    python -m tests.benchmarks.bench_pictures [ROWS]

For each shape the worse of the model and of a funnel with 9,999,999 people everywhere: the
narrowest card and the smallest letter in pixels of a picture that is 1600 px wide, texts that are
cut, faults (texts on texts, boxes or lines, lines through boxes), crossings of lines beside those
of the layout with one row and all detours at the left, and the height in pixels.
"""

from __future__ import annotations

import re
import sys
import time

from lifecycle_fsm.diagram import Drawing, draw_funnel, draw_model
from tests.diagram.many_models import SHAPES, counted
from tests.diagram.pictures import Picture

#: The crossings of each shape when every path had one row, and every detour stood at the left.
BEFORE = (
    0, 0, 1, 2, 2, 10, 17, 30, 40, 10, 4, 12, 4, 21, 4, 4, 4, 4, 4, 4, 54, 8, 60, 8, 5, 12,
)  # fmt: skip


def measure(drawing: Drawing) -> dict[str, float]:
    """The measures of one picture."""
    picture = Picture(drawing.layout)
    scale = min(1.0, 1600 / (picture.width / 0.75)) / 0.75
    cards = [box for box in picture.boxes if re.fullmatch(r"[sd]\d+", box.what)]
    return {
        "card": min((card.right - card.left) * scale for card in cards),
        "letter": min(text.size * scale for text in picture.texts),
        "cut": sum("…" in text.box.what for text in picture.texts),
        "faults": len(picture.faults()),
        "crossings": picture.crossings(),
        "height": picture.height * scale,
    }


def main() -> None:
    """Measure and print."""
    limit = int(sys.argv[1]) if len(sys.argv) > 1 else len(SHAPES)
    print(f"{'':<48}  card letter cut faults crossings (before) height  seconds")
    for shape, before in zip(SHAPES[:limit], BEFORE, strict=False):
        model = shape.model()
        began = time.perf_counter()
        drawings = draw_model(model, rules=False), draw_funnel(model, counted(model, 9_999_999))
        both = [measure(drawing) for drawing in drawings]
        seconds = time.perf_counter() - began
        worst = {
            name: (min if name in ("card", "letter") else max)(each[name] for each in both)
            for name in both[0]
        }
        print(
            f"{shape!s:<48}{worst['card']:>6.0f}{worst['letter']:>7.1f}{worst['cut']:>4.0f}"
            f"{worst['faults']:>7.0f}{worst['crossings']:>10.0f}{f'({before})':>9}{worst['height']:>7.0f}"
            f"{seconds:>9.2f}"
        )


if __name__ == "__main__":
    main()
