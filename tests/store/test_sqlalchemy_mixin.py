"""Rows of SQLAlchemy that have their columns from the mixin, in both databases."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Engine as Database
from sqlalchemy import ForeignKey, Integer, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from lifecycle_fsm import Activity, Decision, Engine, OwnRows, RecordError, load
from lifecycle_fsm.fields import instant
from lifecycle_fsm.sqlalchemy_mixin import LifecycleMixin
from tests.store.conftest import Opened

ROWS = OwnRows(Engine(load("two_step")))
T = instant("2024-05-01T09:00Z")
HOUR = timedelta(hours=1)
apply: Callable[..., Decision] = ROWS.apply


class Base(DeclarativeBase):
    pass


class Company(Base):
    __tablename__ = "company"
    id: Mapped[int] = mapped_column(primary_key=True)


class Lead(LifecycleMixin, Base):
    __tablename__ = "lead"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str | None]
    behavior_score: Mapped[int] = mapped_column(default=0)
    company_id: Mapped[int | None] = mapped_column(ForeignKey("company.id"))
    firm: Mapped[Company | None] = relationship(lazy="joined")


class BigLead(Lead):
    """In the table of its base."""

    budget: Mapped[int | None]


class Partner(Base, LifecycleMixin):
    __tablename__ = "partner"
    id: Mapped[str] = mapped_column(primary_key=True)


@pytest.fixture
def restarted(address: str, opened: Opened) -> Callable[[], Session]:
    """Sessions, each of a process of its own."""
    Base.metadata.create_all(opened(address))
    return lambda: Session(opened(address))


def forms(lead: Any, *numbers: int, at: Any = T + HOUR) -> list[str]:
    return [apply(lead, "form_filled", at=at, id=f"f-{n}", form="Demo").result for n in numbers]


def test_rows_go_on_after_a_restart(restarted: Callable[[], Session]) -> None:
    with restarted() as session, session.begin():
        lead = Lead(id=1, email="ann@acme.example")
        session.add(lead)
        ROWS.create(lead, at=T)
        assert lead.due_at == T + timedelta(minutes=1)
    with restarted() as session, session.begin():
        lead = session.scalars(Lead.select_locked(1)).one()
        assert forms(lead, 1) == ["unchanged"]
        session.flush()
        # The second change of a session is saved like the first.
        assert forms(lead, 1, 2) == ["duplicate", "moved"]
    with restarted() as session:
        lead = session.scalars(select(Lead).where(Lead.stage == "lead")).one()
        assert (lead.behavior_score, lead.due_at) == (40, None)
        assert forms(lead, 1, 2) == ["duplicate", "duplicate"]
        assert "behavior_score" not in (lead.lifecycle_state or {})["fields"]


def test_a_rollback_undoes_everything(restarted: Callable[[], Session]) -> None:
    with restarted() as session:
        lead = Lead(id=1)
        session.add(lead)
        ROWS.create(lead, at=T)
        session.commit()
        forms(lead, 1, 2)
        session.flush()
        session.rollback()
        assert (lead.stage, lead.behavior_score) == ("new", 0)
        assert forms(lead, 1) == ["unchanged"]


def test_s20_whoever_is_due_is_found_and_ticked(
    restarted: Callable[[], Session], address: str
) -> None:
    with restarted() as session, session.begin():
        for number in (1, 2, 3):
            lead = Lead(id=number)
            session.add(lead)
            ROWS.create(lead, at=T + number * HOUR)
        session.add(Lead(id=4, lifecycle_state=None))  # of before, without a lifecycle
    at = "2024-05-01T16:30+05:00"
    with restarted() as session, session.begin():
        due = session.scalars(Lead.select_due(at)).all()
        assert [lead.id for lead in due] == [1, 2]
        assert due == session.scalars(select(Lead).where(Lead.due_at <= T + 2.5 * HOUR)).all()
        # Only SQLite forgets the zone.
        assert due[0].due_at
        assert (due[0].due_at.tzinfo is None) == address.startswith("sqlite")
        for lead in due:
            ROWS.tick(lead, at)
    with restarted() as session:
        assert session.scalars(Lead.select_due(at)).all() == []
        assert session.scalars(select(Lead.stage).order_by(Lead.id)).all() == [
            *("contact", "contact", "new", None)
        ]
        new = session.scalars(select(Lead).where(Lead.lifecycle_state.is_(None)))
        assert [lead.id for lead in new] == [4]


def test_s23_a_merge_locks_both_rows(restarted: Callable[[], Session]) -> None:
    with restarted() as session, session.begin():
        for number in (2, 1):
            lead = Lead(id=number)
            session.add(lead)
            ROWS.create(lead, at=T)
            forms(lead, number)
    with restarted() as session, session.begin():
        loser, survivor = session.scalars(Lead.select_locked(2, 1))
        assert apply(survivor, "merged", at=T + 2 * HOUR, other=loser).result == "unchanged"
    with restarted() as session, session.begin():
        loser, survivor = session.scalars(select(Lead).order_by(Lead.id))
        assert (loser.stage, loser.due_at, ROWS.survivor(loser)) == ("", None, "2")
        form = Activity("f-3", "1", "form_filled", T + 3 * HOUR, {"form": "Demo"})
        assert ROWS.apply(survivor, form).result == "moved"


def test_a_locked_row_is_read_anew_and_left_to_its_owner(
    restarted: Callable[[], Session], address: str
) -> None:
    with restarted() as session, session.begin():
        for number in (1, 2):
            lead = Lead(id=number)
            session.add(lead)
            ROWS.create(lead, at=T)
    with restarted() as ours, restarted() as theirs:
        lead = ours.get_one(Lead, 1)
        ours.commit()
        assert lead.behavior_score == 0
        ours.connection().commit()  # ends its reading, and keeps what it has read
        forms(theirs.scalars(Lead.select_locked(1)).one(), 1)
        if address.startswith("postgresql"):
            due = ours.scalars(Lead.select_due(T + HOUR)).all()
            assert [lead.id for lead in due] == [2]
        theirs.commit()
        assert forms(ours.scalars(Lead.select_locked(1)).one(), 2) == ["moved"]


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What is asked of any database meanwhile."""
    asked: list[str] = []

    def ask(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        asked.append(statement)

    event.listen(Database, "before_cursor_execute", ask)
    yield asked
    event.remove(Database, "before_cursor_execute", ask)


def test_nothing_is_loaded_behind_an_async_session(
    restarted: Callable[[], Session], statements: list[str]
) -> None:
    with restarted() as session, session.begin():
        lead = Lead(id=1)
        session.add(lead)
        session.flush()
        statements.clear()
        ROWS.create(lead, at=T)
        assert statements == []
    with restarted() as session:
        lead = session.scalars(Lead.select_locked(1)).one()
        statements.clear()
        forms(lead, 1)
        assert ROWS.next_due(lead) is None
        assert statements == []
        session.flush()
        assert [statement.split()[0] for statement in statements] == ["UPDATE"]
        statements.clear()
        forms(lead, 2)
        assert statements == []


def test_several_classes_have_the_columns(restarted: Callable[[], Session]) -> None:
    with restarted() as session, session.begin():
        for row in (Partner(id="1"), BigLead(id=1, budget=5), Lead(id=2)):
            session.add(row)
            ROWS.create(row, at=T)
    with restarted() as session:
        assert [lead.id for lead in session.scalars(BigLead.select_due(T + HOUR))] == [1, 2]
        partner = session.scalars(Partner.select_locked("1")).one()
        forms(partner, 1, 2)
        assert partner.stage == "lead"


def test_alembic_makes_the_columns(database: Database) -> None:
    with database.begin() as connection:
        context = MigrationContext.configure(connection)
        Operations(context)
        made = produce_migrations(context, Base.metadata).upgrade_ops
        assert made is not None
        program = render_python_code(made)
        # A migration imports nothing but Alembic and SQLAlchemy.
        assert "lifecycle_fsm" not in program
        assert "ix_lead_due_at" in program
        body = "\n".join(line.removeprefix("    ") for line in program.splitlines())
        exec(body, {"op": Operations(context), "sa": sqlalchemy})
        assert compare_metadata(context, Base.metadata) == []


@pytest.mark.parametrize(
    "declared",
    [
        {"stage": mapped_column(Integer)},
        {"due_at": None},
        {"lifecycle_state": relationship("Clash")},
        {"__annotations__": {"stage": Mapped[str]}},
    ],
    ids=["a column", "nothing", "a relationship", "an annotation"],
)
def test_a_name_that_a_class_uses_itself_is_refused(declared: dict[str, Any]) -> None:
    class Own(DeclarativeBase):
        pass

    key = mapped_column(Integer, primary_key=True)
    name = next(iter(declared.get("__annotations__", declared)))
    with pytest.raises(RecordError, match=rf"Clash.{name}: LifecycleMixin has a column of this na"):
        type("Clash", (LifecycleMixin, Own), {"__tablename__": "clash", "id": key, **declared})
    Own.registry.dispose()


def test_without_sqlalchemy_the_extra_is_named() -> None:
    program = """
import sys
sys.modules["sqlalchemy"] = None
import lifecycle_fsm.sqlalchemy_mixin
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines()[-1] == (
        "lifecycle_fsm.errors.MissingExtra: a mixin for SQLAlchemy needs sqlalchemy, which is not "
        "installed: pip install 'lifecycle-fsm[sql]'"
    )
