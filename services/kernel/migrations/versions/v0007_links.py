"""Links to packages: hashes only, each for one package, once, until a day; they end with their case."""

from alembic import op

revision = "0007"
down_revision = "0006"

LINKS = """
CREATE TABLE vault.links (hash bytea PRIMARY KEY, case_key text NOT NULL REFERENCES vault.keys ON DELETE CASCADE,
  request_id text NOT NULL, round int NOT NULL, expires_at timestamptz NOT NULL, used_at timestamptz);
CREATE INDEX ON vault.links (case_key);
CREATE INDEX ON vault.links (expires_at);
"""


def upgrade() -> None:
    """Add the table."""
    op.execute(LINKS)
