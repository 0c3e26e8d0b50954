"""What is known of the persons about whom a guard is asked: fields, bounds, the clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property

import attrs

from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.guard import Guard, Vocabulary, reads
from lifecycle_fsm.solving.formula import Atoms
from lifecycle_fsm.solving.work import Work

#: The instant at which a person that is found lives. Any would do: guards see the clock only as
#: differences to it [S4].
NOW = datetime(2024, 6, 3, 12, tzinfo=UTC)


def _nothing() -> dict[str, Value]:
    return {}


@attrs.frozen
class World:
    """The persons of a model, as far as a guard can tell them apart.

    Args:
        vocabulary: the fields with their types, the tokens, the named guards.
        start: the value of each field of somebody of whom nothing is known, where it is not that
            of its type; a person is told by what differs from it.
        latest: time fields that are never later than this, such as those that only ``now`` writes.
        laws: guards that hold for everybody, such as that a journey begins before its stage.
        now: the instant of the decision.
        work: what all questions about these persons may take together.
    """

    vocabulary: Vocabulary
    start: Mapping[str, Value] = attrs.field(factory=_nothing)
    latest: Mapping[str, datetime] = attrs.field(factory=dict)
    laws: tuple[Guard, ...] = ()
    now: datetime = NOW
    work: Work = attrs.field(factory=Work, eq=False, repr=False)
    #: The comparisons that were asked about so far, ready to run.
    atoms: Atoms = attrs.field(
        init=False,
        eq=False,
        repr=False,
        default=attrs.Factory(lambda self: Atoms(self.vocabulary), takes_self=True),
    )

    @cached_property
    def _reading(self) -> tuple[tuple[Guard, frozenset[str]], ...]:
        return tuple((law, reads(law)) for law in self.laws)

    def type_of(self, field: str) -> FieldType:
        """The type of a field."""
        return self.vocabulary.fields[field]

    def start_of(self, field: str) -> Value:
        """The value of somebody of whom nothing is known."""
        if field in self.start:
            return self.start[field]
        return self.type_of(field).empty

    def laws_for(self, fields: frozenset[str]) -> tuple[Guard, ...]:
        """The laws that speak of these fields alone: the others can always be kept beside them."""
        return tuple(law for law, names in self._reading if names <= fields)
