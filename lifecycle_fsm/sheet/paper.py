"""How large the letters of a sheet may be on paper, so that it takes two pages of A4.

The template lays a sheet out for paper in two pages of a fixed plan; what differs from model to
model is how much there is to say. A browser cannot choose the size of its letters by that, so it
is estimated here, from widths of letters a little greater than those of common fonts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import ceil

from lifecycle_fsm.diagram.text_fit import width
from lifecycle_fsm.sheet import show
from lifecycle_fsm.sheet.contents import Asked, Contents, Score, StageLine
from lifecycle_fsm.sheet.litmus import Candidate

LARGEST, SMALLEST, STEP = 8.6, 5.8, 0.1
_PT = 0.3528  # mm
_FIRST, _SECOND, _HEAD = 189.0, 193.0, 12.5  # of 196 mm
_LINE = 1.24
_LETTER = 0.94  # common fonts run narrower than that of the pictures
_SHOWN = 5  # people of the litmus list
# Widths in mm: of the picture, the column beside it, and a column of the rules.
_PICTURE, _BESIDE, _COLUMN, _STRIP = 234.0, 44.0, 66.5, 75.0
# The most height in mm that the template gives the picture, with numbers below it and without.
_LOW, _HIGH = 132.0, 138.0
_STAGES = (28.5, 48.5, 113.5, 83.0)
_PEOPLE = (46.0, 25.0, 60.0)


def letter_sizes(contents: Contents, picture: float) -> tuple[float, float]:
    """The sizes in points, of the first page and of the second: the largest at which each holds
    what it has to.

    Args:
        contents: what they have to hold.
        picture: the height of the picture as a part of its width.
    """

    def first(size: float) -> float:
        return _Plan(contents, size).first(picture)

    def second(size: float) -> float:
        return _Plan(contents, size).second()

    return _largest(first, _FIRST), _largest(second, _SECOND)


def _largest(height: Callable[[float], float], room: float) -> float:
    size = LARGEST
    while size > SMALLEST and height(size) > room:
        size = round(size - STEP, 1)
    return size


class _Plan:
    """The heights of the parts, in mm, with letters of a size."""

    def __init__(self, contents: Contents, size: float) -> None:
        self.contents = contents
        self.letter = size * _PT
        self.line = self.letter * _LINE

    def lines(self, text: str, room: float) -> int:
        return max(1, ceil(width(text, self.letter) * _LETTER / room)) if text else 0

    def items(self, texts: Iterable[str], room: float, gap: float = 0.65) -> float:
        return sum(self.lines(text, room) * self.line + gap for text in texts)

    # -- the first page ------------------------------------------------------------------------

    def first(self, picture: float) -> float:
        high = min(_PICTURE * picture, _LOW if self.contents.numbers else _HIGH)
        below = self.numbers() + self.strip()
        return _HEAD + max(high + below + 3.0, self.beside())

    def beside(self) -> float:
        found = self.contents
        parts = [
            [f"{one.name} {one.value}" for one in found.tokens if one.kind != "reasons"],
            [f"{one.name} {', '.join(one.stages)}" for one in found.owners],
            [f"1. {one.label} → {one.target}" for one in found.starts],
            [f"{one.word} {one.rule}" for one in found.vocabulary if one.rule],
        ]
        height = sum(self.items(part, _BESIDE, 0.75) + self.line + 3.4 for part in parts if part)
        for one in found.reasons:
            left = self.lines(f"{one.name}: {', '.join(one.reasons)}", 26.0)
            right = self.lines(f"{one.target} from {' or '.join(one.origins)}", 14.0)
            height += max(left, right) * self.line + 1.0
        return height + (2 * self.line + 3.0 if found.reasons else 0.0) + 2 * self.line

    def numbers(self) -> float:
        if self.contents.numbers is None:
            return 0.0
        return 6 * (self.line + 0.85) + 0.5

    def strip(self) -> float:
        found = self.contents
        tracks = self.items(_fast_tracks(found), _STRIP)
        if found.numbers is not None:
            return tracks / 3 + 4 * self.line if found.fast_tracks else 0.0
        scores = sum(self.score(one, _STRIP) for one in (*found.scores, *found.limits))
        return (tracks + 4 * self.line + scores) / 3 + self.line

    def score(self, score: Score, room: float) -> float:
        rows = [f"{one.what} {one.limit}" for one in score.points]
        head = self.line * (
            1.2 + self.lines(f"They make the {score.meaning}, {score.bounds}", room)
        )
        return head + self.items(rows, room - 8.0, 1.0) + self.items(score.fades, room) + 2.0

    # -- the second page -----------------------------------------------------------------------

    def second(self) -> float:
        sign = max(self.line + 10.0, 3 * self.line) + 3.0
        return self.stages() + self.rules() + self.litmus() + sign

    def stages(self) -> float:
        rows = (self.stage(one) + 0.9 for one in self.contents.stages)
        return self.line + 1.0 + sum(rows) + 2.5

    def stage(self, stage: StageLine) -> float:
        _, means, ways, does = _STAGES
        then = [" and ".join(stage.then) + "Whoever is moved here"] if stage.then else []
        note = ". ".join((*stage.due, stage.mail))
        most = max(
            2,
            self.lines(f"{stage.label}. {stage.meaning}", means),
            sum(self.lines(text, ways) for text in (*_ways(stage), *then)),
            self.lines(stage.playbook, does) + self.lines(note, does),
        )
        return most * self.line

    def rules(self) -> float:
        found = self.contents
        height, longest = 0.0, 0.0
        for texts in (_dues(found), _asked(found.assignment), _asked(found.alerts), _lists(found)):
            if texts:
                height += self.items(texts, _COLUMN, 0.55) + 2 * self.line + 2.0
                longest = max(longest, *(self.lines(text, _COLUMN) for text in texts))
        if found.numbers is not None:
            scores = (*found.scores, *found.limits)
            height += sum(self.score(score, _COLUMN) + 2.0 for score in scores)
        # Nothing breaks within a line of a list, so columns do not end alike.
        return height / 4 + min(longest, 2) * self.line

    def litmus(self) -> float:
        found = self.contents.litmus
        if found is None:
            return 0.0
        lists = [
            sum(self.candidate(one) + 0.9 for one in people[:_SHOWN])
            for people in (found.qualify, found.nearest)
        ]
        return 3 * (self.line + 0.9) + max(lists) + 3.5

    def candidate(self, one: Candidate) -> float:
        who, where, why = _PEOPLE
        most = max(
            self.lines(f"{one.name} {show.who(one)}", who),
            self.lines(f"{one.stage} since 2024-12-31 {show.acting(one)}", where),
            self.lines("; ".join(one.reasons), why),
        )
        return most * self.line


def _fast_tracks(found: Contents) -> list[str]:
    return [
        f"{one.label}: {' and '.join(one.origins) or 'new people'} → {one.target} "
        f"{', '.join(one.passed)} without credit"
        for one in found.fast_tracks
    ]


def _ways(stage: StageLine) -> Iterator[str]:
    for one in stage.ways:
        hand = f" by hand: {one.by_hand} " if one.by_hand else ""
        start = "new people, " if one.new else ""
        then = " and ".join(one.then)
        yield f"{one.label}: {one.condition}{hand} from {start}{', '.join(one.origins)} {then}"


def _dues(found: Contents) -> list[str]:
    return [
        f"{one.within} later, {one.what}: {one.missed}."
        if one.after
        else f"{one.stage}, {one.what}: within {one.within}"
        + (f", if {one.condition}" if one.condition else "")
        + f". If not: {one.missed}. Kept: 100% of 1,000."
        for one in found.dues
    ]


def _asked(rows: Iterable[Asked]) -> list[str]:
    texts: list[str] = []
    before: object = None
    for one in rows:
        occasion = (one.entering, one.activity)
        if occasion != before:
            texts.append(f"On entering {', '.join(one.entering)}{one.activity}")
        before = occasion
        texts.append(
            (f"If {one.condition}: " if one.condition else "")
            + one.what
            + (f", due in {one.due}" if one.due else "")
            + (", once the CRM has the record" if one.waits else "")
        )
    return texts


def _lists(found: Contents) -> list[str]:
    return [
        f"{one.name}: onto it {', and '.join(one.on)}; off it {', and '.join(one.off)}"
        for one in found.lists
    ]
