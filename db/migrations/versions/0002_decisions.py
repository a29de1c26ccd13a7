"""Decisions of people, which the database itself refuses to change or to delete.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_REFUSED = "decisions are append-only"
# INSERT OR REPLACE takes the row that is in its way out without waking the trigger on DELETE.
_IN_THE_WAY = "number = NEW.number OR digest = NEW.digest OR previous = NEW.previous"
_SQLITE = (
    f"CREATE TRIGGER decisions_never_replaced BEFORE INSERT ON decisions WHEN EXISTS (SELECT 1 FROM decisions WHERE {_IN_THE_WAY}) "
    f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END",
    f"CREATE TRIGGER decisions_never_updated BEFORE UPDATE ON decisions BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END",
    f"CREATE TRIGGER decisions_never_deleted BEFORE DELETE ON decisions BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END",
)
_POSTGRESQL = (
    "CREATE FUNCTION decisions_are_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$",
    "CREATE TRIGGER decisions_never_changed BEFORE UPDATE OR DELETE ON decisions "
    "FOR EACH ROW EXECUTE FUNCTION decisions_are_append_only()",
    "CREATE TRIGGER decisions_never_truncated BEFORE TRUNCATE ON decisions "
    "FOR EACH STATEMENT EXECUTE FUNCTION decisions_are_append_only()",
)


def upgrade() -> None:
    """Brings the tables from the revision before to this one."""
    op.create_table(
        "decisions",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("scan_id", sa.String(length=80), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires", sa.Date(), nullable=True),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["scan_id"], ["scans.id"], name=op.f("fk_decisions_scan_id_scans")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_decisions")),
        sa.UniqueConstraint("previous", name=op.f("uq_decisions_previous")),
        sa.UniqueConstraint("digest", name=op.f("uq_decisions_digest")),
    )
    with op.batch_alter_table("decisions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_decisions_scan_id"), ["scan_id"], unique=False)
    dialect = op.get_bind().dialect.name
    for statement in {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}.get(dialect, ()):
        op.execute(statement)


def downgrade() -> None:
    """Takes them back."""
    with op.batch_alter_table("decisions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_decisions_scan_id"))

    op.drop_table("decisions")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION decisions_are_append_only()")
