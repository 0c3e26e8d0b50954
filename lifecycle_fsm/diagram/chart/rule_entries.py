"""The rules of a model in words, as lines for the columns below a chart.

The words are those of the sheet. Brackets become indentation, and nothing is cut: long lists and
named guards with a label are explained once, after the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

import attrs

from lifecycle_fsm.diagram.canvas import ICON, Span, TextLine, spans_width
from lifecycle_fsm.diagram.chart.columns import LINE, TEXT
from lifecycle_fsm.diagram.look import HEADING, INK, Palette
from lifecycle_fsm.diagram.text_fit import cut, width, words, words_fit, wrap
from lifecycle_fsm.model import Model, Move, SortRule
from lifecycle_fsm.wording import Formatter, Phrase, clean, outline, plain, rule_words, sentence

_BULLET = "• "
_INDENT = width(_BULLET, TEXT)
# Longer than any text that people agree on: the picture of a hostile file still ends.
_LONGEST, _LONGEST_LIST = 2_000, 20_000


@attrs.frozen
class RuleLine:
    """A line of an entry, from its left edge, at which its mark stands."""

    text: TextLine
    indent: float = 0.0
    mark: Span = Span("")


@attrs.frozen
class RuleEntry:
    """A rule, a heading, or the meaning of a name."""

    lines: Sequence[RuleLine]
    heading: bool = False

    @property
    def after(self) -> float:
        """The space below it."""
        return 7.5 if self.heading else 9.5

    @property
    def height(self) -> float:
        """The room that it takes."""
        return LINE * len(self.lines) + self.after


def marked_entry(mark: Span, texts: Iterable[Span], room: float, indent: float) -> RuleEntry:
    """Texts below each other, with a mark left of the first."""
    rows = [
        attrs.evolve(text, text=row)
        for text in texts
        for row in wrap(text.text, room - indent, TEXT, bold=text.bold, lines=99)
    ]
    first, *others = (RuleLine(TextLine([row]), indent) for row in rows)
    return RuleEntry([attrs.evolve(first, mark=mark), *others])


def rule_entries(model: Model, palette: Palette, room: float) -> tuple[list[RuleEntry], bool]:
    """The entries for a column of that width, and whether each of their words fits in it."""
    writer = RuleWriter(model, palette, room)
    return list(writer.entries()), writer.whole


class RuleWriter:
    """Writes the rules of a model in lines of a width.

    ``whole`` says whether each word that was written fits in its line.
    """

    def __init__(self, model: Model, palette: Palette, room: float) -> None:
        self.model, self.palette, self.room = model, palette, room
        self.formatter = Formatter(model, whole=True)
        self.whole = True

    def entries(self) -> Iterator[RuleEntry]:
        """Every rule, then the names that their words use."""
        if self.model.sort:
            yield self._heading("THE SORT OF NEW PEOPLE: THE FIRST THAT HOLDS WINS")
        for index, rule in enumerate(self.model.sort, 1):
            yield self._rule(rule, [f"Rule {index}"])
        if self.model.moves:
            yield self._heading("THE MOVES")
        for move in self.model.moves:
            yield self._rule(move, map(self.formatter.stage, move.sources))
        yield from self.names(self.model.sort, self.model.moves)

    def names(self, *rules: Iterable[Move | SortRule]) -> Iterator[RuleEntry]:
        """What the names stand for that the words of rules use."""
        guards, tokens = self.formatter.names_used(rule.when for part in rules for rule in part)
        if guards or tokens:
            yield self._heading("WHAT THE WORDS STAND FOR")
        for name in guards:
            phrase = outline(self.formatter, self.model.guards[name])
            meaning = self._phrase(phrase or Phrase("always"), 0.0, "")
            yield self._term(self.model.guard_labels[name], meaning)
        for name in tokens:
            meaning = self._text(self.formatter.token(name), 0.0, "", most=_LONGEST_LIST)
            yield self._term(self.formatter.token_name(name), meaning)

    def _heading(self, text: str) -> RuleEntry:
        lines = wrap(text, self.room, TEXT, bold=True)
        return RuleEntry([_line([Span(line, True, HEADING)]) for line in lines], heading=True)

    def _term(self, name: str, meaning: Iterable[RuleLine]) -> RuleEntry:
        head = wrap(sentence(clean(name)), self.room, TEXT, bold=True, lines=9)
        return RuleEntry([*(_line([Span(line, True, INK)]) for line in head), *meaning])

    def _rule(self, rule: Move | SortRule, sources: Iterable[str]) -> RuleEntry:
        """Who goes where by which rule, then who asks, when it holds, and what it skips."""
        trigger = rule.on if isinstance(rule, Move) else None
        lines = self._head(rule, sources, by_hand=trigger is not None)
        if trigger is not None:
            lines += self._text(f"asked for by “{plain(trigger)}”")
        if trigger is None or self.formatter.condition(rule.when):
            lines += self.condition(rule, "when ")
        if rule.skips == "no_credit":
            lines += self._text("no credit for the stages between")
        return RuleEntry(lines)

    def _head(
        self, rule: Move | SortRule, sources: Iterable[str], *, by_hand: bool
    ) -> list[RuleLine]:
        """As in "MQL, SAL → Recycled · not ready"."""
        color = self.palette.stage(rule.target).line
        texts: list[tuple[Span, bool]] = []
        for source in sources:
            texts += [(Span(", ", True, INK), True)] if texts else []
            texts.append((Span(source, True, INK), False))
        texts += [(Span(" → ", True, INK), False)]
        texts += [(Span(self.formatter.stage(rule.target), True, INK), True)]
        texts += [(Span(" · ", color=color), True), (Span(rule_words(rule), color=color), False)]
        if len(self.palette.systems) > 1 and (mark := self.palette.marks.get(rule.system)):
            owner = self.palette.system(rule.system).line
            texts += [(Span(" · ", color=color), True), (Span(mark, True, owner), True)]
        first, *rest = self._flowed(texts, ICON if by_hand else 0.0)
        return [RuleLine(TextLine(first, icon=by_hand)), *map(_line, rest)]

    def condition(self, rule: Move | SortRule, start: str = "") -> list[RuleLine]:
        """When a rule holds."""
        phrase = outline(self.formatter, rule.when)
        if phrase is not None:
            return list(self._phrase(phrase, 0.0, start))
        return list(self._text("everybody else" if isinstance(rule, SortRule) else "always"))

    def _phrase(self, phrase: Phrase, indent: float, start: str) -> Iterator[RuleLine]:
        """A condition, its parts one step further in."""
        yield from self._text(phrase.text, indent, start)
        for part in phrase.parts:
            yield from self._phrase(part, indent + (_INDENT if start == _BULLET else 4), _BULLET)

    def _text(
        self, text: str, indent: float = 0.0, start: str = "", *, most: int = _LONGEST
    ) -> Iterator[RuleLine]:
        """A text in lines; after a bullet, the others are aligned with the first."""
        hang = _INDENT if start == _BULLET else 0.0
        room = self.room - indent - hang
        text = _bounded(text if hang else start + text, most)
        self.whole = self.whole and words_fit(text, room, TEXT)
        for index, line in enumerate(wrap(text, room, TEXT, lines=most)):
            if hang and not index:
                yield _line([Span(_BULLET + line)], indent)
            else:
                yield _line([Span(line)], indent + hang)

    def _flowed(self, texts: Iterable[tuple[Span, bool]], used: float) -> Iterator[list[Span]]:
        """Texts in lines, ``used`` being taken in the first; each text says whether it is glued to
        the one before.

        Each remains a text of its own, so that names whose letters run from right to left stay on
        their side of the arrow.
        """
        line: list[tuple[int, Span]] = []
        left = self.room - used
        for chunk in _chunks(texts):
            wide = spans_width((span for _, span in chunk), TEXT)
            if wide > left and line:
                yield _joined(line)
                line, left = [], self.room
            self.whole = self.whole and wide <= left
            room = left / len(chunk)
            line += chunk if wide <= left else [(key, _cut(span, room)) for key, span in chunk]
            left -= wide
        yield _joined(line)


def _chunks(texts: Iterable[tuple[Span, bool]]) -> Iterator[list[tuple[int, Span]]]:
    """What stays on one line: words, each with the number of its text, and what is glued to it."""
    chunk: list[tuple[int, Span]] = []
    for key, (span, glued) in enumerate(texts):
        name = span.text.strip(" ,→·")
        for index, word in enumerate(words(_bounded(span.text)) if name else [span.text]):
            if chunk and (index or not glued):
                yield chunk
                chunk = []
            chunk.append((key, attrs.evolve(span, text=word)))
    yield chunk


def _joined(line: Iterable[tuple[int, Span]]) -> list[Span]:
    """A line with one span for each text in it."""
    runs = (list(run) for _, run in groupby(line, key=itemgetter(0)))
    spans = [attrs.evolve(run[0][1], text="".join(span.text for _, span in run)) for run in runs]
    return [attrs.evolve(spans[0], text=spans[0].text.lstrip()), *spans[1:]]


def _cut(span: Span, room: float) -> Span:
    return attrs.evolve(span, text=cut(span.text, room, TEXT, bold=span.bold))


def _bounded(text: str, most: int = _LONGEST) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _line(spans: Sequence[Span], indent: float = 0.0) -> RuleLine:
    return RuleLine(TextLine(spans), indent)
