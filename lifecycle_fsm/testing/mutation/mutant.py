"""One small change of a model, and what there is to say of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import attrs

from lifecycle_fsm.model import Model
from lifecycle_fsm.model.lines import Path

#: What was done to the model.
Kind: TypeAlias = Literal[
    "operator",
    "threshold",
    "list",
    "and/or",
    "negation",
    "dropped condition",
    "wrong target",
    "deleted move",
    "deleted sort rule",
    "dropped source",
    "order",
    "dropped effect",
]

#: The parts of a model that a mutant may have otherwise. It claims nothing: a claim may name the
#: very move that is deleted.
PARTS = ("tokens", "guards", "sort", "moves", "claims")


@attrs.frozen
class Change:
    """A change that may or may not give a model.

    Args:
        kind: what is done.
        where: the move, sort rule, named guard or token to which it is done, in words.
        path: the same as a path in the TOML, for its line.
        before: how it reads in the model.
        after: how it reads now.
        parts: the parts of the model that are other than before.
        rules: the moves and sort rules on which it may bear, by name.
        elsewhere: whether other sections read what was changed too, such as the data silo.
    """

    kind: Kind
    where: str
    path: Path
    before: str
    after: str
    parts: Mapping[str, Any] = attrs.field(repr=False)
    rules: frozenset[str]
    elsewhere: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.kind}: {self.before} ==> {self.after}"


@attrs.frozen
class Mutant:
    """A change that gives a model which means something else [S28]."""

    change: Change
    model: Model = attrs.field(repr=False)

    @property
    def id(self) -> str:
        """A name that is the same in every run, as long as the model is: the mutant's version."""
        return self.model.version

    def __str__(self) -> str:
        return str(self.change)
