"""Which version of its key a token of what must stay done was made under; 0 is the key before there were versions."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the column."""
    op.execute("ALTER TABLE directory.suppression ADD COLUMN key_version int NOT NULL DEFAULT 0")
    op.execute("CREATE INDEX ON directory.suppression (key_version)")
