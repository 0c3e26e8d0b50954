"""The SQL that runs for each activity, written once and compiled for each dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.postgresql.psycopg import dialect as postgresql_dialect
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from lifecycle_fsm.store import tables

# Literals, because parameters would have to be passed to the driver each time.
_ZERO, _ONE = sa.literal_column("0", sa.Integer), sa.literal_column("1", sa.Integer)
_APPLIED = sa.literal_column("'applied'", sa.Text)
_KNOWN = (
    tables.ACTIVITY.c.person,
    tables.ACTIVITY.c.id,
    tables.ACTIVITY.c.content,
    tables.ACTIVITY.c.status,
)


@attrs.frozen
class Statements:
    """The statements of one dialect. The parameters have the names of the columns; ``names``
    is a :meth:`list`."""

    postgresql: bool
    #: Locks the records with these ``names``, in the order of their ids, and reads their states.
    lock: str
    #: The same for one ``name``.
    lock_person: str
    #: The activities that came before, for :meth:`pairs` of person and id.
    known: str
    #: The version of the model that people follow now.
    version: str
    #: Pairs of records or contacts of one person, where one of them is among the ``names``.
    relatives: str
    #: The activities of the ``names`` that are held or parked, and those held for them.
    stopped: str
    #: Locks the first ``limit`` people for whom something is due at ``until``, and reads their
    #: states; people who are already locked are skipped.
    due: str
    #: The first ``limit`` people after a ``name``, by id.
    after: str
    mention: str
    save_person: str
    #: For PostgreSQL only: the same, but fails if the state is not the one ``before``.
    replace_person: str
    #: For PostgreSQL only: fails unless just one of these activities is there, for :meth:`pairs`.
    require_single: str
    save_alias: str
    forget_stopped: str
    add_activity: str
    add_history: str
    save_deadline: str
    save_request: str
    add_decision: str
    add_model: str
    forget_processing: str

    @classmethod
    @cache
    def of(cls, dialect: str) -> Statements:
        """The statements for ``sqlite`` or ``postgresql``."""
        postgresql = dialect == "postgresql"
        make_dialect: Any = postgresql_dialect if postgresql else sqlite_dialect
        words = make_dialect() if postgresql else make_dialect(paramstyle="named")
        return cls(
            postgresql,
            **{
                name: str(statement.compile(dialect=words))
                for make in (_reading, _writing)
                for name, statement in make(postgresql).items()
            },
        )

    def pairs(self, keys: Sequence[tuple[str, str]]) -> dict[str, Any]:
        """The parameters of :attr:`known`."""
        if not self.postgresql:
            return {"pairs": tables.encode(keys)}
        return {"names": [key[0] for key in keys], "ids": [key[1] for key in keys]}

    def list(self, texts: Iterable[str]) -> Any:
        """Texts as one parameter."""
        return [*texts] if self.postgresql else tables.encode([*texts])


def _reading(postgresql: bool) -> dict[str, Any]:
    person, activity = tables.PERSON.c, tables.ACTIVITY.c
    among = _among_array if postgresql else _among_json
    return {
        "lock": sa.select(person.id, person.survivor, person.state)
        .where(among(person.id))
        .order_by(person.id)
        .with_for_update(),
        "lock_person": sa.select(person.id, person.survivor, person.state)
        .where(person.id == sa.bindparam("name", type_=sa.Text))
        .with_for_update(),
        "known": _known(postgresql),
        "version": sa.select(tables.MODEL.c.version)
        .order_by(tables.MODEL.c.number.desc())
        .limit(_ONE)
        .offset(_ZERO),
        "relatives": sa.union_all(
            sa.select(person.id, person.survivor).where(
                sa.or_(among(person.id), among(person.survivor))
            ),
            sa.select(tables.ALIAS.c.id, tables.ALIAS.c.person).where(
                sa.or_(among(tables.ALIAS.c.id), among(tables.ALIAS.c.person))
            ),
        ),
        # Two queries, because SQLite would not use the indexes of both for an OR.
        "stopped": sa.union_all(
            *(
                sa.select(
                    activity.place, activity.activity, activity.waits_for, activity.error
                ).where(
                    activity.status != _APPLIED,
                    activity.status.in_(
                        [sa.literal_column("'held'"), sa.literal_column("'parked'")]
                    ),
                    among(whose),
                )
                for whose in (activity.person, activity.waits_for)
            )
        ).order_by("place"),
        "due": sa.select(person.id, person.survivor, person.state)
        .where(person.due_at <= sa.bindparam("until", type_=tables.UtcTime))
        .order_by(person.due_at, person.id)
        .limit(sa.bindparam("limit"))
        .offset(_ZERO)
        .with_for_update(skip_locked=True),
        "after": sa.select(person.id, person.survivor, person.state)
        .where(person.id > sa.bindparam("name", type_=sa.Text), person.state.is_not(None))
        .order_by(person.id)
        .limit(sa.bindparam("limit"))
        .offset(_ZERO),
    }


def _among_array(texts: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    return texts == sa.any_(sa.bindparam("names", type_=sa.ARRAY(sa.Text)))


def _among_json(texts: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    return texts.in_(
        sa.select(sa.func.json_each(sa.bindparam("names")).table_valued("value").c.value)
    )


def _known(postgresql: bool) -> Any:
    if postgresql:
        arrays = (sa.bindparam(name, type_=sa.ARRAY(sa.Text)) for name in ("names", "ids"))
        pairs: Any = sa.func.unnest(*arrays).table_valued("person", "id").render_derived()
        same = sa.and_(
            tables.ACTIVITY.c.person == pairs.c.person, tables.ACTIVITY.c.id == pairs.c.id
        )
    else:
        pairs = sa.func.json_each(sa.bindparam("pairs")).table_valued("value")
        first, second = (
            sa.func.json_extract(pairs.c.value, sa.literal_column(f"'$[{at}]'")) for at in (0, 1)
        )
        same = sa.and_(tables.ACTIVITY.c.person == first, tables.ACTIVITY.c.id == second)
    return sa.select(*_KNOWN).select_from(pairs.join(tables.ACTIVITY, same))


def _writing(postgresql: bool) -> dict[str, Any]:
    insert: Callable[..., Any] = postgresql_insert if postgresql else sqlite_insert

    def save(table: sa.Table, changed: Sequence[str]) -> Any:
        statement = add(table)
        return statement.on_conflict_do_update(
            index_elements=[*table.primary_key],
            set_={name: statement.excluded[name] for name in changed},
        )

    def add(table: sa.Table, *left_out: str, **values: Any) -> Any:
        names = [column.name for column in table.c if column.name not in left_out]
        return insert(table).values({name: sa.bindparam(name) for name in names} | values).inline()

    state = ("survivor", "stage", "due_at", "parked", "state")
    place = (
        tables.REQUEST_PLACE.next_value()
        if postgresql
        else sa.select(
            sa.func.coalesce(sa.func.max(tables.REQUEST.c.place), _ZERO) + _ONE
        ).scalar_subquery()
    )
    save_person = (
        sa.update(tables.PERSON)
        .where(tables.PERSON.c.id == sa.bindparam("name"))
        .values({tables.PERSON.c[name]: sa.bindparam(name) for name in state})
        .values(revision=tables.PERSON.c.revision + _ONE)
    )
    same = tables.PERSON.c.state == sa.bindparam("before", type_=sa.Text)
    replaced = save_person.where(same).returning(tables.PERSON.c.id).cte()
    number = sa.func.count()
    nothing = {"attempts": _ZERO, "next_try_at": sa.null(), "error": sa.null()}
    request = add(tables.REQUEST, "delivered_at", place=place, **nothing)
    return {
        "mention": insert(tables.PERSON)
        .values(id=sa.bindparam("id"), parked=sa.false(), revision=_ZERO)
        .on_conflict_do_nothing(index_elements=[tables.PERSON.c.id]),
        "save_person": save_person,
        # These fail by dividing by zero, so that the transaction ends without waiting for a reply.
        "replace_person": sa.select(_ONE.op("/")(number)).select_from(replaced),
        "require_single": sa.select(
            _ONE.op("/")(sa.case((number == _ONE, _ONE), else_=_ZERO))
        ).select_from(_known(postgresql).subquery()),
        "save_alias": save(tables.ALIAS, ["person"]),
        "forget_stopped": sa.delete(tables.ACTIVITY).where(
            tables.ACTIVITY.c.person == sa.bindparam("person"),
            tables.ACTIVITY.c.id == sa.bindparam("id"),
            tables.ACTIVITY.c.status != _APPLIED,
        ),
        "add_activity": add(tables.ACTIVITY, "place"),
        "add_history": add(tables.HISTORY),
        "save_deadline": save(
            tables.DEADLINE, [column.name for column in tables.DEADLINE.c if not column.primary_key]
        ),
        "save_request": request.on_conflict_do_update(
            index_elements=[tables.REQUEST.c.id],
            set_={
                column.name: request.excluded[column.name]
                for column in tables.REQUEST.c
                if column.name not in ("id", "delivered_at")
            },
            where=tables.REQUEST.c.status != sa.literal_column("'delivered'"),
        ),
        "add_decision": add(tables.DECISION, "number"),
        "add_model": add(tables.MODEL, "number"),
        "forget_processing": sa.delete(tables.PROCESSING),
    }
