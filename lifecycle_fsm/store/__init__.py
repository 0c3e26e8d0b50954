"""People in a database: one row per person, one transaction per activity."""

from lifecycle_fsm.errors import MissingExtra

try:
    from lifecycle_fsm.store.store import Store
except ModuleNotFoundError as error:
    if error.name not in ("alembic", "orjson", "sqlalchemy"):
        raise
    raise MissingExtra("sql", error.name, "a store") from None

__all__ = ["Store"]
