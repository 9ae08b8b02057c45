"""Alembic runs this for every migration; the connection comes from store/engine.py."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=False)
with context.begin_transaction():
    context.run_migrations()
