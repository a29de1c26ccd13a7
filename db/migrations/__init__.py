"""Alembic's environment and revisions; `db.connection.upgrade` applies them."""
