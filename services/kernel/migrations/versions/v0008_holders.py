"""The account a client holds with the company: whoever deletes it must know what lies with that client."""

from alembic import op

revision = "0008"
down_revision = "0007"

HOLDERS = """
ALTER TABLE ops.clients ADD COLUMN account text;
CREATE INDEX ON ops.clients (account) WHERE account IS NOT NULL;
"""


def upgrade() -> None:
    """Add the column."""
    op.execute(HOLDERS)
