"""Holds on records; and the one effect that is never done: the pass of every day, by one worker at a time."""

from alembic import op

revision = "0009"
down_revision = "0008"

UPKEEP = """
CREATE TABLE ops.holds (id uuid PRIMARY KEY, subject text NOT NULL, request_id text NOT NULL, ground text NOT NULL,
  basis text NOT NULL, until timestamptz, by text NOT NULL, placed_at timestamptz NOT NULL, released_at timestamptz,
  released_by text);
INSERT INTO tasks.effects (id, kind, lane, request_id, case_id, name, body, not_before)
VALUES ('00000000-0000-0000-0000-000000005ee9', 'upkeep', 'upkeep', '00000000-0000-0000-0000-000000005ee9',
  '00000000-0000-0000-0000-000000005ee9', 'daily', '{}', clock_timestamp() + interval '1 hour');
"""


def upgrade() -> None:
    """Add the table and the effect."""
    op.execute(UPKEEP)
