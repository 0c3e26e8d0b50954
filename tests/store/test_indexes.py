"""What a store asks for again and again is found by an index, however many people there are."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Select, event, func, literal_column, or_, select
from sqlalchemy import Engine as Database

from lifecycle_fsm.store.schema import upgrade
from lifecycle_fsm.store.tables import ACTIVITY, ALIAS, DEADLINE, HISTORY, PERSON, REQUEST

NOW = datetime(2024, 5, 1, tzinfo=UTC)
DEAD: ColumnElement[str] = literal_column("'dead'")
STOPPED = ACTIVITY.c.status != "applied"
#: What each database calls the index of a key.
KEYS = {
    "key of person": {"sqlite": "sqlite_autoindex_person_1", "postgresql": "person_pkey"},
    "key of history": {"sqlite": "sqlite_autoindex_history_1", "postgresql": "history_pkey"},
    "key of activity": {
        "sqlite": "sqlite_autoindex_activity_1",
        "postgresql": "activity_person_id_key",
    },
}
#: Each question with the indexes that answer it.
QUESTIONS: dict[str, tuple[Select[Any], list[str]]] = {
    "who is due": (
        select(PERSON.c.id).where(PERSON.c.due_at <= NOW).order_by(PERSON.c.due_at, PERSON.c.id),
        ["person_due"],
    ),
    "who is parked": (
        select(PERSON.c.id).where(PERSON.c.parked).order_by(PERSON.c.id),
        ["person_parked"],
    ),
    "who is in a stage": (select(PERSON.c.id).where(PERSON.c.stage == "lead"), ["ix_person_stage"]),
    "who is meant": (
        select(PERSON.c.id).where(
            or_(PERSON.c.id.in_(["ann", "bo"]), PERSON.c.survivor.in_(["ann", "bo"]))
        ),
        ["key of person", "ix_person_survivor"],
    ),
    "whose contacts": (select(ALIAS.c.id).where(ALIAS.c.person == "ann"), ["ix_alias_person"]),
    "whether an activity came": (
        select(ACTIVITY.c.content).where(ACTIVITY.c.person == "ann", ACTIVITY.c.id == "f-1"),
        ["key of activity"],
    ),
    "what waits for somebody": (
        select(ACTIVITY.c.activity).where(ACTIVITY.c.waits_for == "ann"),
        ["activity_waiting"],
    ),
    "what of somebody has not happened": (
        select(ACTIVITY.c.activity).where(ACTIVITY.c.person == "ann", STOPPED),
        ["activity_stopped"],
    ),
    "the history of somebody": (
        select(HISTORY.c.rule).where(HISTORY.c.person == "ann").order_by(HISTORY.c.sequence),
        ["key of history"],
    ),
    "the deadlines of somebody": (
        select(DEADLINE.c.rule).where(DEADLINE.c.person == "ann"),
        ["ix_deadline_person"],
    ),
    "which requests wait": (
        select(REQUEST.c.id).where(REQUEST.c.status == "waiting").order_by(REQUEST.c.place),
        ["request_waiting"],
    ),
    "the requests of somebody": (
        select(REQUEST.c.id).where(REQUEST.c.person == "ann"),
        ["request_person"],
    ),
    "which requests of somebody are held": (
        select(REQUEST.c.place)
        .where(REQUEST.c.person == "ann", REQUEST.c.status == "held")
        .order_by(REQUEST.c.place),
        ["request_person"],
    ),
    "which requests are dead": (
        select(REQUEST.c.id).where(REQUEST.c.status == DEAD).order_by(REQUEST.c.place),
        ["request_dead"],
    ),
    "how many requests are in each status": (
        select(REQUEST.c.status, func.count()).group_by(REQUEST.c.status),
        ["request_person"],
    ),
}


def plan(database: Database, question: Select[Any]) -> str:
    """How the database would answer a question that is sent as a store sends it."""
    sqlite = database.dialect.name == "sqlite"
    explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "

    def explained(*arguments: Any) -> tuple[str, Any]:
        return explain + arguments[2], arguments[3]

    with database.connect() as connection:
        if not sqlite:  # which would rather read the whole of a table that is empty
            connection.exec_driver_sql("SET enable_seqscan = off")
        event.listen(connection, "before_cursor_execute", explained, retval=True)
        cursor: Any = connection.execute(question)
        return "\n".join(str(row[-1]) for row in cursor.cursor.fetchall())


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_index_answers(name: str, database: Database) -> None:
    kind = database.dialect.name
    upgrade(database)
    question, indexes = QUESTIONS[name]
    text = plan(database, question)
    for index in indexes:
        assert re.search(rf"\b{KEYS.get(index, {kind: index})[kind]}\b", text), text
    assert "Seq Scan" not in text
