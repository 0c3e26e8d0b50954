"""Which journeys are measured: a filter in the guard language [S2] over the fields of history.

A filter reads the row with which a journey entered its first stage behind original processing, as
processing may find out what the filter asks for. A journey that never left processing is judged by
the row with which it entered it. So each journey is either inside a filter or outside of it, with
all its visits, and a filter and its negation together are the whole [S3].
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

import attrs

from lifecycle_fsm.errors import GuardError, LifecycleError, suggest
from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.funnel.visits import Walk
from lifecycle_fsm.guard import (
    Guard,
    Vocabulary,
    as_guard,
    compile_guard,
    inline,
    parse_guard,
    reads,
)
from lifecycle_fsm.history import KEPT_FIELDS, StoredHistory
from lifecycle_fsm.model import Model


def read_filter(where: object, history: StoredHistory, model: Model) -> Guard:
    """A filter, given as text or as a guard; the names of the model's segments and guards are
    written out.

    Raises:
        GuardSyntaxError: the text cannot be parsed.
        LifecycleError: it reads a field that the history does not keep, or does not fit the types
            of the fields.
    """
    guard = parse_guard(where) if isinstance(where, str) else as_guard(where)
    vocabulary = _vocabulary(history, model)
    guard = inline(guard, attrs.evolve(vocabulary, guards={**model.segments, **model.guards}))
    for name in sorted(reads(guard) - set(vocabulary.fields)):
        check_kept(name, KEPT_FIELDS, "filtered", history, model)
    try:
        compile_guard(guard, vocabulary)
    except GuardError as error:
        raise GuardError(f"the filter does not fit the history: {error}") from None
    return guard


def filtered(walks: Iterable[Walk], where: Guard, model: Model) -> Iterator[Walk]:
    """The walks with the visits of those journeys for which the filter holds."""
    test = filter_test(where, model)
    for walk in walks:
        kept: Walk = ()
        for _, journey in groupby(walk, key=attrgetter("journey")):
            visits = tuple(journey)
            behind = (visit for visit in visits if visit.stage != model.initial.name)
            row = next(behind, visits[0]).entry
            if test(row, row.now):
                kept += visits
        if kept:
            yield kept


def filter_test(where: Guard, model: Model) -> Callable[[Any, datetime], bool]:
    """The test whether a filter holds for a row, whose ``value`` gives what it reads, at a time."""
    names = reads(where)
    types = {name: model.field_types[name] for name in names}
    test = compile_guard(where, Vocabulary(_nullable(types), model.tokens))
    return lambda row, now: test(SimpleNamespace(**{name: row.value(name) for name in names}), now)


def check_kept(
    name: str, own: Sequence[str], verb: str, history: StoredHistory, model: Model
) -> None:
    """Check that a history keeps a field, beside its ``own``.

    Raises:
        LifecycleError: it does not; the message says how it can.
    """
    known = (*own, *_dimensions(history, model))
    if name in known:
        return
    if name in model.dimensions:
        remedy = f"the model keeps {name!r} by now: run it again"
    elif name in model.field_types:
        remedy = (
            f"to keep it, write dimensions = [{name!r}] into the model, beside others, "
            "and run it again"
        )
    else:
        remedy = (
            "a field of the person is kept if the model says so: dimensions = "
            f'["…"]{suggest(name, (*known, *model.field_types))}'
        )
    raise LifecycleError(
        f"this history keeps no {name!r}: it can be {verb} by {', '.join(known)}; {remedy}"
    )


def _dimensions(history: StoredHistory, model: Model) -> tuple[str, ...]:
    """The dimensions that a history keeps; those of the model, if it has no rows yet."""
    kept = history.dimensions
    return tuple(sorted(model.dimensions if kept is None else kept))


def _vocabulary(history: StoredHistory, model: Model) -> Vocabulary:
    names = (*KEPT_FIELDS, *_dimensions(history, model))
    types = {name: model.field_types[name] for name in names if name in model.field_types}
    return Vocabulary(_nullable(types), model.tokens)


def _nullable(types: dict[str, FieldType]) -> dict[str, FieldType]:
    """The types of values that an older row of a history may not have."""
    return {name: attrs.evolve(type_, nullable=True) for name, type_ in types.items()}
