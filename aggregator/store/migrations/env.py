"""Alembic runs this for every migration; the connection, and who hears of each, come from store/engine.py."""

from alembic import context

given = context.config.attributes
context.configure(connection=given["connection"], on_version_apply=given["applied"], transactional_ddl=False)
with context.begin_transaction():
    context.run_migrations()
