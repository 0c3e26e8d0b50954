"""Applies the migrations in the transaction that :func:`lifecycle_fsm.store.schema.upgrade` began.

Alembic runs this file.
"""

from alembic import context

from lifecycle_fsm.store.schema import REVISION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=REVISION_TABLE)
context.run_migrations()
