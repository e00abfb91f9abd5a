"""Declarations and mandates outlive their case; the blind index only finds, what it found is compared unsealed.

What was loaded into the directory before must be loaded again.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

RECORDS = """
CREATE TABLE vault.records (case_key text NOT NULL, name text NOT NULL, epoch text NOT NULL, wrapped bytea NOT NULL,
  sealed bytea NOT NULL, expires_at timestamptz NOT NULL, PRIMARY KEY (case_key, name));
CREATE INDEX ON vault.records (expires_at);
CREATE INDEX ON vault.records (epoch);
"""

POINTS = """
ALTER TABLE directory.point DROP COLUMN source, DROP COLUMN reliable, DROP COLUMN held_since;
TRUNCATE directory.person CASCADE;
"""


def upgrade() -> None:
    """Add the records, take the values' qualities out of the index."""
    op.execute(RECORDS)
    op.execute(POINTS)
