"""Where people leave a stage downwards and come back up, and the room for words between."""

from __future__ import annotations

from lifecycle_fsm.diagram.chart.sheet import Sheet

_BESIDE = 9.0  # from a line to its words


class Rails:
    """The places, from left to right, of the lines between the path and its detours.

    Words of exits stand left of the line by which people leave, words of returns right of the line
    by which they come back: between two stages, both have the room up to the next line.
    """

    def __init__(self, sheet: Sheet) -> None:
        self._subject, self._columns = sheet.subject, sheet.columns
        self._path = [stage.name for stage in sheet.subject.model.path]

    def down(self, name: str) -> float:
        """Where people leave a stage; those who go from detour to detour take the side line."""
        card = self._columns.cards[name]
        if name not in self._subject.ranks:
            return self.side
        if name == self._subject.origin:
            return card.right - 14
        if self._subject.is_last(name):
            return card.x + card.w * 0.25 - min(26, card.w * 0.17)
        return card.mid - min(20, card.w * 0.14)

    def up(self, name: str) -> float:
        """Where people come back up into a stage."""
        card = self._columns.cards[name]
        if self._subject.is_last(name):
            return card.x + card.w * 0.25  # its words stand beside it, and there is no gap behind
        return card.mid + min(20, card.w * 0.14)

    @property
    def side(self) -> float:
        """Where people go from one detour to another."""
        return self._columns.cards[self._subject.origin].right + 4

    def exit_words(self, name: str) -> tuple[float, float]:
        """Where the words of exits out of a stage of the path end, and their room."""
        x = self.down(name) - _BESIDE
        return x, x - self._left_edge(name)

    def side_words(self) -> tuple[float, float]:
        """Where the words begin that have no line of their own to stand at, and their room."""
        x = self.side + _BESIDE
        return x, self._left_edge(self._path[1]) - x - 6

    def return_words(self, name: str) -> tuple[float, float]:
        """Where the words of returns into a stage begin, and their room."""
        x = self.up(name) + _BESIDE
        return x, self._right_edge(name) - x

    def _left_edge(self, name: str) -> float:
        rank = self._subject.ranks[name]
        if rank > 1:
            return self.up(self._path[rank - 1]) + _BESIDE
        return self._columns.cards[name].x - self._columns.first_gap * 0.37 + 5

    def _right_edge(self, name: str) -> float:
        if self._subject.is_last(name):
            return self._columns.cards[name].right + 4
        return self.down(self._path[self._subject.ranks[name] + 1]) - _BESIDE
