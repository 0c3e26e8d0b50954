"""The tables of the first release; :mod:`lifecycle_fsm.store.tables` explains them."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TIME = sa.DateTime(timezone=True)
#: A number that the database assigns.
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the tables."""
    _people()
    _activities()
    _facts()
    _work()


def _partial_index(
    name: str, table: str, columns: list[str], condition: str | sa.ColumnElement[bool]
) -> None:
    where = sa.text(condition) if isinstance(condition, str) else condition
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def _people() -> None:
    op.create_table(
        "model",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("definition", sa.Text),
    )
    tick = op.create_table(
        "tick",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("until", _TIME),
    )
    op.bulk_insert(tick, [{"number": 1}])
    op.create_table(
        "person",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("survivor", sa.Text),
        sa.Column("stage", sa.Text),
        sa.Column("due_at", _TIME),
        sa.Column("parked", sa.Boolean, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("state", sa.Text),
    )
    op.create_index("ix_person_survivor", "person", ["survivor"])
    op.create_index("ix_person_stage", "person", ["stage"])
    _partial_index("person_due", "person", ["due_at", "id"], "due_at IS NOT NULL")
    _partial_index("person_parked", "person", ["id"], sa.column("parked", sa.Boolean) == sa.true())
    op.create_table(
        "alias",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, nullable=False),
    )
    op.create_index("ix_alias_person", "alias", ["person"])


def _activities() -> None:
    op.create_table(
        "activity",
        sa.Column("place", _NUMBER, primary_key=True),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("waits_for", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("activity", sa.Text, nullable=False),
        sa.UniqueConstraint("person", "id"),
    )
    _partial_index("activity_waiting", "activity", ["waits_for"], "waits_for IS NOT NULL")
    _partial_index("activity_stopped", "activity", ["person", "status"], "status != 'applied'")


def _facts() -> None:
    op.create_table(
        "history",
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("now", _TIME, nullable=False),
        sa.Column("from_stage", sa.Text),
        sa.Column("to_stage", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("trigger", sa.Text),
        sa.Column("activity", sa.Text),
        sa.Column("journey", sa.Integer, nullable=False),
        sa.Column("passed_over", sa.Text, nullable=False),
        sa.Column("credit", sa.Boolean, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("source", sa.Text),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("late", sa.Boolean, nullable=False),
        sa.Column("kept", sa.Text, nullable=False),
        sa.Column("assigned_to", sa.Text),
        sa.Column("journey_record", sa.Text, nullable=False),
        sa.Column("entered_at", _TIME, nullable=False),
    )
    op.create_table(
        "deadline",
        sa.Column("rule", sa.Text, primary_key=True),
        sa.Column("journey_record", sa.Text, primary_key=True),
        sa.Column("journey", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("stage", sa.Text, primary_key=True),
        sa.Column("entered_at", _TIME, primary_key=True),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("decided_at", _TIME, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("assigned_to", sa.Text),
        sa.Column("late", sa.Boolean, nullable=False),
    )
    op.create_index("ix_deadline_person", "deadline", ["person"])
    op.create_table(
        "decision",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("activity", sa.Text),
        sa.Column("now", _TIME, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("refusals", sa.Text, nullable=False),
    )
    op.create_index("ix_decision_person", "decision", ["person"])
    op.create_index("ix_decision_now", "decision", ["now"])


def _work() -> None:
    op.create_table(
        "request",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("place", sa.BigInteger, nullable=False, unique=True),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("receiver", sa.Text),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("stage", sa.Text),
        sa.Column("activity", sa.Text),
        sa.Column("due_at", _TIME),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_try_at", _TIME),
        sa.Column("delivered_at", _TIME),
        sa.Column("error", sa.Text),
    )
    if op.get_bind().dialect.supports_sequences:
        op.execute(sa.schema.CreateSequence(sa.Sequence("request_place")))
    _partial_index("request_waiting", "request", ["place"], "status = 'waiting'")
    _partial_index("request_dead", "request", ["place"], "status = 'dead'")
    put_off = "status = 'waiting' AND next_try_at IS NOT NULL"
    _partial_index("request_put_off", "request", ["place"], put_off)
    op.create_index("request_person", "request", ["person", "status", "place"])
    op.create_table(
        "processing",
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("given", sa.Text, nullable=False),
        sa.Column("skipped", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_try_at", _TIME),
        sa.Column("claimed_until", _TIME),
        sa.Column("error", sa.Text),
    )
