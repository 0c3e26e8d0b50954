"""The columns that :class:`.OwnRows` writes, for a declarative SQLAlchemy class."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from lifecycle_fsm.errors import MissingExtra, RecordError
from lifecycle_fsm.fields import instant

try:
    from sqlalchemy import JSON, DateTime, Select, event, select
    from sqlalchemy.orm import Mapped, Mapper, mapped_column
except ModuleNotFoundError as error:
    if error.name != "sqlalchemy":
        raise
    raise MissingExtra("sql", error.name, "a mixin for SQLAlchemy") from None

if sys.version_info >= (3, 14):
    from annotationlib import Format, get_annotations
else:
    from inspect import get_annotations

_OURS = {"lifecycle_fsm": "written by OwnRows"}


class LifecycleMixin:
    """The columns that :class:`.OwnRows` writes, each under its default name there.

    A class adds its own primary key and columns for the fields that it wants to query; an
    attribute ``email`` keeps the field ``email``. All columns are nullable, so they can be added
    to a table that already has rows.

    Raises:
        RecordError: a class declares an attribute with one of these names itself.
    """

    #: Everything that no other column keeps. ``OwnRows`` writes a new dictionary each time, so that
    #: the session sees every change; nothing else may change it.
    lifecycle_state: Mapped[dict[str, Any] | None] = mapped_column(
        JSON(none_as_null=True), info=_OURS
    )
    #: The stage, for queries; empty for a merged row [S23].
    stage: Mapped[str | None] = mapped_column(index=True, info=_OURS)
    #: When time alone may change the row next. SQLite returns it as UTC, without its zone.
    due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), index=True, info=_OURS)

    if TYPE_CHECKING:  # every mapped class has it
        __mapper__: Mapper[Any]

    @classmethod
    def select_locked(cls, *ids: Any) -> Select[Self]:
        """Select the rows with these primary keys, locked until the transaction ends; rows already
        in the session are refreshed. Rows are locked in the order of their keys, so two merges
        cannot deadlock. SQLite has no row locks: start with ``BEGIN IMMEDIATE`` there."""
        (key,) = cls.__mapper__.primary_key
        return cls._locking(select(cls).where(key.in_(ids)).order_by(key))

    @classmethod
    def select_due(cls, at: datetime | str) -> Select[Self]:
        """Select the rows to :meth:`.OwnRows.tick`, longest due first, locked in the same way. Rows
        that others have locked are skipped, so several processes can share the work."""
        due = select(cls).where(cls.due_at <= instant(at)).order_by(cls.due_at)
        return cls._locking(due, skip_locked=True)

    @classmethod
    def _locking(cls, rows: Select[Any], *, skip_locked: bool = False) -> Select[Any]:
        # Only this table: PostgreSQL cannot lock the outer-joined rows of a relationship.
        locking = rows.with_for_update(of=cls, skip_locked=skip_locked)
        return locking.execution_options(populate_existing=True)


@event.listens_for(LifecycleMixin, "after_mapper_constructed", propagate=True)
def _check_names(mapper: Mapper[Any], cls: type[LifecycleMixin]) -> None:
    """Refuse a class that uses one of our names for something else."""
    for name in _names(LifecycleMixin):
        column = mapper.columns.get(name)
        others = [base for base in cls.__mro__ if base is not LifecycleMixin]
        if column is None or column.info != _OURS or any(name in _names(base) for base in others):
            raise RecordError(
                f"{cls.__name__}.{name}: LifecycleMixin has a column of this name. Rename yours; "
                "or leave the mixin out, declare the three columns under names of your own, and "
                "give these to OwnRows(state=…, stage=…, due=…)"
            )


def _names(cls: type) -> tuple[str, ...]:
    """The names that a class annotates itself."""
    if sys.version_info >= (3, 14):
        # Reading annotations evaluates them, and they may use names that only checkers import.
        return tuple(get_annotations(cls, format=Format.FORWARDREF))
    return tuple(get_annotations(cls))
