"""People in a database: one person is a row, one activity a transaction. Not public yet."""

from lifecycle_fsm.store.store import Store

__all__ = ["Store"]
