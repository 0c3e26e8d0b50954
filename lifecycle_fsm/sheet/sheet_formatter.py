"""The words of a sheet: a model's formatter, with helpers for several parts of the sheet."""

from __future__ import annotations

from collections.abc import Iterable

from lifecycle_fsm.model import AlertRule, AssignmentRule, Deadline, Edge, Model, Move, Set
from lifecycle_fsm.wording import Formatter, clean, isolated, joined, plain


class SheetFormatter(Formatter):
    """The words of a model, and its edges and stages in order."""

    def __init__(self, model: Model) -> None:
        super().__init__(model, whole=True)
        self.order = {stage.name: place for place, stage in enumerate(model.stages)}
        self.edges = (*model.sort_edges, *model.edges)

    def stage(self, name: str) -> str:
        """The short name of a stage, on its side of an arrow in any script."""
        return isolated(super().stage(name))

    def stages(self, names: Iterable[str]) -> tuple[str, ...]:
        """The short names of stages, in the order of the model."""
        return tuple(map(isolated, super().stages(names)))

    def origins(self, edges: Iterable[Edge]) -> tuple[str, ...]:
        """The stages that edges leave, without the stage of new people."""
        return self.stages({edge.source for edge in edges} - {self.model.initial.name})

    def occasion(self, rule: AlertRule | AssignmentRule) -> str:
        """When something is requested: ``entering MQL or SAL``, ``“form filled”``."""
        if rule.entering:
            return f"entering {joined(self.stages(rule.entering), 'or')}"
        return f"“{plain(rule.on or '')}”"

    def deadline(self, deadline: Deadline) -> str:
        """What a deadline is about."""
        return clean(deadline.label) or plain(deadline.name)


def effects_of(edge: Edge) -> tuple[Set, ...]:
    """What a move does to fields; the sort changes none."""
    return edge.rule.then if isinstance(edge.rule, Move) else ()
