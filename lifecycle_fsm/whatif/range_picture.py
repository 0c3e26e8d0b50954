"""One picture of a range: entries per week by value, and what really became of those who change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from math import ceil

from lifecycle_fsm.diagram.look import FAINT, HEADING, INK, PAPER, RULE, SOFT
from lifecycle_fsm.diagram.render import FALLBACK_FONTS, FONT
from lifecycle_fsm.diagram.text_fit import width
from lifecycle_fsm.model import Model
from lifecycle_fsm.whatif.token_range import RangeRow, WhatIfRange
from lifecycle_fsm.whatif.what_if_results import StageWhatIf
from lifecycle_fsm.wording import clean, format_number

_WIDTH, _HEIGHT, _LEFT, _RIGHT = 1000.0, 700.0, 74.0, 30.0
_UPPER, _LOWER = (116.0, 336.0), (424.0, 622.0)
#: From those who came furthest to those who came nowhere; they differ in lightness too.
_SHADES = ("#1e3a8a", "#2563eb", "#7aa7f5", "#c3d9fb")
_LETTER = 1.12  # room for the wider letters of another font
_DETOUR, _NOTHING, _LIMIT = "#f0b35f", "#e2e8f0", "#b91c1c"


def range_svg(answer: WhatIfRange, capacity: float | None = None) -> str:
    """The picture of a range as SVG.

    Args:
        answer: the range.
        capacity: a line at so many entries per week.
    """
    model = answer.old
    stage = model.stage(answer.stage).display
    title = f"What if ${answer.token} were another value: {stage} per week"
    rates = [f"{row.value}: {row.answer.new_per_week:.1f}" for row in answer.rows]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" '
        f'width="{_WIDTH:g}" height="{_HEIGHT:g}" role="img" '
        f'font-family="\'{FONT}\', {FALLBACK_FONTS}" font-size="14" fill="{INK}">',
        f"<title>{escape(clean(title))}</title>",
        f"<desc>{escape(clean('Entries per week by value: ' + ', '.join(rates)))}</desc>",
        f'<rect width="100%" height="100%" fill="{PAPER}"/>',
        _text(_LEFT, 34, clean(title), size=int(_fitting(title)), weight=700, fill=HEADING),
        _text(_LEFT, 60, f"now: ${answer.token} = {model.tokens[answer.token]}", fill=SOFT),
        *_rates(answer, stage, capacity),
        *_ends(answer, stage),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _rates(answer: WhatIfRange, stage: str, capacity: float | None) -> Iterator[str]:
    """The upper panel: entries per week by value, with the capacity."""
    top, bottom = _UPPER
    rates = [row.answer.new_per_week for row in answer.rows]
    most = max([*rates, capacity or 0.0, 0.1]) * 1.15

    def y(value: float) -> float:
        return bottom - (bottom - top) * value / most

    yield _text(_LEFT, top - 12, f"entries of {stage} per week", weight=700)
    yield _line(_LEFT, bottom, _WIDTH - _RIGHT, bottom, FAINT)
    if capacity is not None:
        yield _line(_LEFT, y(capacity), _WIDTH - _RIGHT, y(capacity), _LIMIT, dash="7 5")
        label = f"capacity {format_number(capacity)} per week"
        yield _text(_WIDTH - _RIGHT, y(capacity) - 6, label, anchor="end", fill=_LIMIT)
    points = [(x, y(rate)) for x, rate in zip(_places(answer.rows), rates, strict=True)]
    way = " ".join(f"{x:.1f},{height:.1f}" for x, height in points)
    yield f'<polyline points="{way}" fill="none" stroke="{_SHADES[1]}" stroke-width="2.5"/>'
    shown = _labelled(answer)
    for (x, height), row, rate in zip(points, answer.rows, rates, strict=True):
        now = row.value == answer.old.tokens[answer.token]
        yield (
            f'<circle cx="{x:.1f}" cy="{height:.1f}" r="{6 if now else 4}" '
            f'fill="{INK if now else _SHADES[1]}"/>'
        )
        if row in shown:
            crossed = capacity is not None and height - 26 < y(capacity) < height - 6
            yield _text(x, height + (22 if crossed else -11), f"{rate:.1f}", anchor="middle")
            value = f"{row.value}{' (now)' if now else ''}"
            yield _text(x, bottom + 20, value, anchor="middle", weight=700 if now else 400)


def _ends(answer: WhatIfRange, stage: str) -> Iterator[str]:
    """The lower panel: added above the line and lost below it, by what really became of them."""
    top, bottom = _LOWER
    names = _categories(answer.old, answer.rows)
    most = max(1, *(row.answer.known(kind) for row in answer.rows for kind in ("added", "lost")))
    added = max(row.answer.known("added") for row in answer.rows)
    lost = max(row.answer.known("lost") for row in answer.rows)
    scale = (bottom - top) / max(added + lost, most)
    zero = top + added * scale
    head = f"added to {stage} (above), lost (below), by what really became of them"
    yield _text(_LEFT, top - 28, f"{head}: nobody acted on an added entry", weight=700)
    half = min(28.0, (_WIDTH - _LEFT - _RIGHT) / len(answer.rows) / 3)
    shown = _labelled(answer)
    for x, row in zip(_places(answer.rows), answer.rows, strict=True):
        for kind, sign in (("added", -1), ("lost", 1)):
            height = zero
            for name, color in names.items():
                size = _people(row.answer, kind, name, answer.old) * scale
                low = height - size if sign < 0 else height
                if size:
                    yield (
                        f'<rect x="{x - half:.1f}" y="{low:.1f}" width="{2 * half:.1f}" '
                        f'height="{size:.1f}" fill="{color}"/>'
                    )
                height += sign * size
            count = row.answer.known("added" if sign < 0 else "lost")
            if count and row in shown:
                yield _text(x, height + (-5 if sign < 0 else 16), f"{count:,}", anchor="middle")
    yield _line(_LEFT, zero, _WIDTH - _RIGHT, zero, INK)
    x = _LEFT
    for name, color in names.items():
        yield f'<rect x="{x:.1f}" y="{_HEIGHT - 34:g}" width="14" height="14" fill="{color}"/>'
        yield _text(x + 20, _HEIGHT - 22, name)
        x += 34 + 8.2 * len(name)


def _categories(model: Model, rows: Sequence[RangeRow]) -> dict[str, str]:
    """What may have become of somebody, with its colour; who came furthest first."""
    least = model.ranks.get(rows[0].answer.stage, 0)
    later = [stage.display for stage in model.path[least + 1 :]][::-1]
    shades = {name: _SHADES[min(place, 3)] for place, name in enumerate(later)}
    return {**shades, "a detour": _DETOUR, "none of these": _NOTHING}


def _people(answer: StageWhatIf, kind: str, name: str, model: Model) -> int:
    """How many people of a kind are in a category."""
    total = 0
    for end, count in answer.became[kind].items():  # type: ignore[index]
        if end in model.ranks:
            category = model.stage(end).display
        else:
            category = "a detour" if end else "none of these"
        total += count if category == name else 0
    return total


def _fitting(title: str) -> float:
    """The size in which a title is no wider than the picture."""
    return min(21.0, 21.0 * (_WIDTH - _LEFT - _RIGHT) / width(title, 21 * _LETTER, bold=True))


def _labelled(answer: WhatIfRange) -> Sequence[RangeRow]:
    """The rows whose numbers have room beside each other, among them the present value."""
    values = [row.value for row in answer.rows]
    now = answer.old.tokens[answer.token]
    first = values.index(now) if now in values else 0
    widest = max(width(f"{value} (now)", 14 * _LETTER, bold=True) for value in values)
    every = ceil((widest + 8) * len(values) / (_WIDTH - _LEFT - _RIGHT))
    return answer.rows[first % every :: every]


def _places(rows: Sequence[RangeRow]) -> list[float]:
    step = (_WIDTH - _LEFT - _RIGHT) / len(rows)
    return [_LEFT + step * (place + 0.5) for place in range(len(rows))]


def _line(x1: float, y1: float, x2: float, y2: float, color: str = RULE, dash: str = "") -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}" '
        f'stroke-width="1.5"{dashed}/>'
    )


def _text(
    x: float, y: float, text: str, *, size: int = 14, weight: int = 400, anchor: str = "start",
    fill: str = INK,
) -> str:  # fmt: skip
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" '
        f'text-anchor="{anchor}" fill="{fill}">{escape(text)}</text>'
    )
