"""Lifecycles of many shapes, as companies have them: for the tests and measures of the pictures."""

from __future__ import annotations

from array import array
from datetime import datetime, timedelta
from itertools import pairwise

import attrs

from lifecycle_fsm.funnel import Conversion, Counts
from lifecycle_fsm.funnel.time_in_stage import Times
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Edge, Model, Move, SortRule, Stage

_SHORT = (
    "Raw", "Known", "Engaged", "MQL", "SAL", "SQL", "Demo", "Trial", "Proposal", "Legal",
    "Security", "Contract", "Signed", "Live", "Adopted", "Customer",
)  # fmt: skip
_LONG = (
    "Neu angelegter Kontakt", "Bekannter Ansprechpartner", "Engagiert",
    "Vom Marketing qualifiziert",
    "Vom Vertrieb angenommen", "Vertriebschance", "Vorführung vereinbart", "Testphase läuft",
    "Angebot abgegeben", "Rechtsprüfung", "Sicherheitsüberprüfung", "Vertragsverhandlung",
    "Unterschrieben", "Produktivsetzung", "Erfolgreich eingeführt", "Bestandskundin",
)  # fmt: skip
_WORDS = (
    "sales accepts", "asks for a demo", "score of 65", "opportunity opened", "partner registers",
    "first meeting held", "budget confirmed", "in procurement",
)  # fmt: skip
_LONG_WORDS = (
    "vom zuständigen Vertriebsmitarbeiter angenommen", "fordert eine Vorführung an",
    "Punktestand von fünfundsechzig erreicht", "Verkaufschance eröffnet und bestätigt",
    "durch eine Partnerfirma angemeldet", "Budget von der Geschäftsleitung freigegeben",
    "Datenschutzfolgenabschätzung liegt vor", "in der Beschaffungsabteilung",
)  # fmt: skip
_AWAY = (
    "Recycled", "Disqualified", "On hold", "Partner hold", "Blocked", "Competitor", "No consent",
    "Student", "Wrong country", "Duplicate", "Lost", "Supplier",
)  # fmt: skip


@attrs.frozen
class Shape:
    """What a model has: stages on the path, detours, fast tracks, systems, long texts."""

    stages: int
    detours: int = 0
    fast_tracks: int = 0
    systems: int = 2
    long: bool = False

    def __str__(self) -> str:
        text = f"{self.stages} stages, {self.detours} detours, {self.fast_tracks} fast tracks"
        return text + (", long texts" if self.long else "")

    def model(self) -> Model:
        """A model of this shape; the same in every process."""
        titles, words = (_LONG, _LONG_WORDS) if self.long else (_SHORT, _WORDS)
        systems = {f"system{number}": f"System {number + 1}" for number in range(self.systems)}
        per_system = -(-self.stages // self.systems)

        def owner(rank: int) -> str:
            return f"system{min(rank // per_system, self.systems - 1)}"

        def title(rank: int) -> str:
            again = rank // len(titles)
            return titles[rank % len(titles)] + (f" {again + 1}" if again else "")

        path = [
            Stage(f"s{rank}", code=str(rank), title=title(rank), system=owner(rank),
                  label=words[rank % len(words)].capitalize() if rank % 3 else "")
            for rank in range(self.stages)
        ]  # fmt: skip
        detours = [
            Stage(f"d{number}", code=str(self.stages + number), off_path=True,
                  title=_AWAY[number % len(_AWAY)], system=owner(number % self.stages),
                  label=words[number % len(words)])
            for number in range(self.detours)
        ]  # fmt: skip
        moves = [
            Move(name=f"step{rank}", sources=f"s{rank}", target=f"s{rank + 1}", system=owner(rank),
                 label=words[rank % len(words)], on=f"go{rank}" if rank % 2 else None,
                 when=f"behavior_score >= {rank}")
            for rank in range(1, self.stages - 1)
        ]  # fmt: skip
        moves += [*self._fast_tracks(words), *self._detours(words)]
        return Model(
            name="shape", title=str(self), systems=systems, stages=(*path, *detours),
            sort=[SortRule(name="rest", target="s1", when="otherwise", label="everybody else")],
            moves=moves,
        )  # fmt: skip

    def _fast_tracks(self, words: tuple[str, ...]) -> list[Move]:
        pairs = [
            (source, target)
            for length in range(2, self.stages)
            for source in range(1, self.stages - length)
            for target in [source + length]
        ]
        chosen = [
            pairs[number * len(pairs) // self.fast_tracks] for number in range(self.fast_tracks)
        ]
        return [
            Move(name=f"fast{number}", sources=f"s{source}", target=f"s{target}",
                 label=words[number % len(words)], on=f"fast{number}", skips="passed_over",
                 system="system0")
            for number, (source, target) in enumerate(dict.fromkeys(chosen))
        ]  # fmt: skip

    def _detours(self, words: tuple[str, ...]) -> list[Move]:
        moves = []
        for number in range(self.detours):
            first = 1 + number * 2 % (self.stages - 2)
            sources = range(first, min(first + 2 + number % 2, self.stages - 1))
            moves.append(
                Move(name=f"away{number}", sources=[f"s{rank}" for rank in sources],
                     target=f"d{number}", label=words[number % len(words)],
                     on=f"away{number}", system="system0")
            )  # fmt: skip
            if number % 4 != 3:
                moves.append(
                    Move(name=f"back{number}", sources=f"d{number}", target=f"s{max(1, first - 1)}",
                         label=words[(number + 3) % len(words)], when="behavior_score >= 20")
                )  # fmt: skip
        return moves


def counted(model: Model, volume: int, stay: timedelta | None = None) -> Counts:
    """The same number everywhere, and the same stay."""
    edges = (*model.sort_edges, *model.edges)
    return Counts(
        people={stage.name: volume for stage in model.stages},
        moves={(edge.name, edge.source, edge.target): volume for edge in edges},
        conversion={
            (stage.name, after.name): Conversion(volume, volume // 3)
            for stage, after in pairwise(model.path)
        },
        stays={
            stage.name: Times(array("d", [stay.total_seconds()]))
            for stage in model.stages
            if stay is not None
        },
    )


def entered(
    model: Model,
    edge: Edge | None,
    before: str | None,
    stage: str,
    now: datetime,
    sequence: int,
    journey: int,
    *,
    late: bool,
) -> HistoryRow:
    """The row with which somebody enters a stage, by a move or when they are created."""
    return HistoryRow(
        person="p", sequence=sequence, at=now, now=now, from_stage=before, to_stage=stage,
        kind=edge.kind if edge else "enter", rule=edge.name if edge else "created",
        trigger=edge.on if edge else None, activity=None, journey=journey,
        passed_over=edge.passed if edge else (), credit=edge.credit if edge else True,
        owner=None, source=None, version=model.version, late=late,
    )  # fmt: skip


SHAPES = (
    Shape(2), Shape(3, 1), Shape(4, 1, 1), Shape(5, 2, 2), Shape(5, 2, 3, long=True),
    Shape(6, 3, 4), Shape(6, 6, 4), Shape(6, 9, 4), Shape(6, 12, 4), Shape(6, 3, 4, long=True),
    Shape(7, 3, 6), Shape(7, 4, 6, 12), Shape(8, 3, 5), Shape(8, 5, 5, long=True),
    Shape(9, 3, 6), Shape(9, 3, 12), Shape(9, 3, 20), Shape(10, 4, 6, 4),
    Shape(10, 4, 6, long=True),
    Shape(12, 4, 8, 4), Shape(12, 8, 8, 6, long=True), Shape(16, 5, 10, 5),
    Shape(16, 9, 10, long=True),
    Shape(20, 6, 10, 6), Shape(24, 8, 12, 12), Shape(31, 9, 12, 12, long=True),
)  # fmt: skip
"""Shapes from the smallest to one that is larger than any company's."""
