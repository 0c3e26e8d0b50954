"""The SQL that runs for each activity, written once and compiled for each dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import attrs
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Table,
    Text,
    and_,
    any_,
    bindparam,
    case,
    delete,
    false,
    func,
    literal_column,
    null,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.postgresql.psycopg import dialect as postgresql_dialect
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from lifecycle_fsm.store.tables import (
    ACTIVITY,
    ALIAS,
    DEADLINE,
    DECISION,
    HISTORY,
    MODEL,
    PERSON,
    PROCESSING,
    REQUEST,
    REQUEST_PLACE,
    UtcTime,
    encode,
)

# Literals, because parameters would have to be passed to the driver each time.
_ZERO, _ONE = literal_column("0", Integer), literal_column("1", Integer)
_APPLIED = literal_column("'applied'", Text)
_KNOWN = (ACTIVITY.c.person, ACTIVITY.c.id, ACTIVITY.c.content, ACTIVITY.c.status)


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
            return {"pairs": encode(keys)}
        return {"names": [key[0] for key in keys], "ids": [key[1] for key in keys]}

    def list(self, texts: Iterable[str]) -> Any:
        """Texts as one parameter."""
        return [*texts] if self.postgresql else encode([*texts])


def _reading(postgresql: bool) -> dict[str, Any]:
    person, activity = PERSON.c, ACTIVITY.c
    among = _among_array if postgresql else _among_json
    return {
        "lock": select(person.id, person.survivor, person.state)
        .where(among(person.id))
        .order_by(person.id)
        .with_for_update(),
        "lock_person": select(person.id, person.survivor, person.state)
        .where(person.id == bindparam("name", type_=Text))
        .with_for_update(),
        "known": _known(postgresql),
        "version": select(MODEL.c.version)
        .order_by(MODEL.c.number.desc())
        .limit(_ONE)
        .offset(_ZERO),
        "relatives": union_all(
            select(person.id, person.survivor).where(or_(among(person.id), among(person.survivor))),
            select(ALIAS.c.id, ALIAS.c.person).where(or_(among(ALIAS.c.id), among(ALIAS.c.person))),
        ),
        # Two queries, because SQLite would not use the indexes of both for an OR.
        "stopped": union_all(
            *(
                select(activity.place, activity.activity, activity.waits_for, activity.error).where(
                    activity.status != _APPLIED,
                    activity.status.in_([literal_column("'held'"), literal_column("'parked'")]),
                    among(whose),
                )
                for whose in (activity.person, activity.waits_for)
            )
        ).order_by("place"),
        "due": select(person.id, person.survivor, person.state)
        .where(person.due_at <= bindparam("until", type_=UtcTime))
        .order_by(person.due_at, person.id)
        .limit(bindparam("limit"))
        .offset(_ZERO)
        .with_for_update(skip_locked=True),
        "after": select(person.id, person.survivor, person.state)
        .where(person.id > bindparam("name", type_=Text), person.state.is_not(None))
        .order_by(person.id)
        .limit(bindparam("limit"))
        .offset(_ZERO),
    }


def _among_array(texts: ColumnElement[Any]) -> ColumnElement[bool]:
    return texts == any_(bindparam("names", type_=ARRAY(Text)))


def _among_json(texts: ColumnElement[Any]) -> ColumnElement[bool]:
    return texts.in_(select(func.json_each(bindparam("names")).table_valued("value").c.value))


def _known(postgresql: bool) -> Any:
    if postgresql:
        arrays = (bindparam(name, type_=ARRAY(Text)) for name in ("names", "ids"))
        pairs: Any = func.unnest(*arrays).table_valued("person", "id").render_derived()
        same = and_(ACTIVITY.c.person == pairs.c.person, ACTIVITY.c.id == pairs.c.id)
    else:
        pairs = func.json_each(bindparam("pairs")).table_valued("value")
        first, second = (
            func.json_extract(pairs.c.value, literal_column(f"'$[{at}]'")) for at in (0, 1)
        )
        same = and_(ACTIVITY.c.person == first, ACTIVITY.c.id == second)
    return select(*_KNOWN).select_from(pairs.join(ACTIVITY, same))


def _writing(postgresql: bool) -> dict[str, Any]:
    insert: Callable[..., Any] = postgresql_insert if postgresql else sqlite_insert

    def save(table: Table, changed: Sequence[str]) -> Any:
        statement = add(table)
        return statement.on_conflict_do_update(
            index_elements=[*table.primary_key],
            set_={name: statement.excluded[name] for name in changed},
        )

    def add(table: Table, *left_out: str, **values: Any) -> Any:
        names = [column.name for column in table.c if column.name not in left_out]
        return insert(table).values({name: bindparam(name) for name in names} | values).inline()

    state = ("survivor", "stage", "due_at", "parked", "state")
    place = (
        REQUEST_PLACE.next_value()
        if postgresql
        else select(func.coalesce(func.max(REQUEST.c.place), _ZERO) + _ONE).scalar_subquery()
    )
    save_person = (
        update(PERSON)
        .where(PERSON.c.id == bindparam("name"))
        .values({PERSON.c[name]: bindparam(name) for name in state})
        .values(revision=PERSON.c.revision + _ONE)
    )
    same = PERSON.c.state == bindparam("before", type_=Text)
    replaced = save_person.where(same).returning(PERSON.c.id).cte()
    number = func.count()
    nothing = {"attempts": _ZERO, "next_try_at": null(), "error": null()}
    request = add(REQUEST, "delivered_at", place=place, **nothing)
    return {
        "mention": insert(PERSON)
        .values(id=bindparam("id"), parked=false(), revision=_ZERO)
        .on_conflict_do_nothing(index_elements=[PERSON.c.id]),
        "save_person": save_person,
        # These fail by dividing by zero, so that the transaction ends without waiting for a reply.
        "replace_person": select(_ONE.op("/")(number)).select_from(replaced),
        "require_single": select(
            _ONE.op("/")(case((number == _ONE, _ONE), else_=_ZERO))
        ).select_from(_known(postgresql).subquery()),
        "save_alias": save(ALIAS, ["person"]),
        "forget_stopped": delete(ACTIVITY).where(
            ACTIVITY.c.person == bindparam("person"),
            ACTIVITY.c.id == bindparam("id"),
            ACTIVITY.c.status != _APPLIED,
        ),
        "add_activity": add(ACTIVITY, "place"),
        "add_history": add(HISTORY),
        "save_deadline": save(
            DEADLINE, [column.name for column in DEADLINE.c if not column.primary_key]
        ),
        "save_request": request.on_conflict_do_update(
            index_elements=[REQUEST.c.id],
            set_={
                column.name: request.excluded[column.name]
                for column in REQUEST.c
                if column.name not in ("id", "delivered_at")
            },
            where=REQUEST.c.status != literal_column("'delivered'"),
        ),
        "add_decision": add(DECISION, "number"),
        "add_model": add(MODEL, "number"),
        "forget_processing": delete(PROCESSING),
    }
