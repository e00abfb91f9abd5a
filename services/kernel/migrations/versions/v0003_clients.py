"""How a client is reached: by its topic, a webhook or mail; and why one is not."""

from alembic import op

revision = "0003"
down_revision = "0002"

CLIENTS = """
ALTER TABLE ops.clients
  ADD COLUMN transport text NOT NULL DEFAULT 'topic' CHECK (transport IN ('topic', 'webhook', 'mail')),
  ADD COLUMN url text,
  ADD COLUMN secret_round int NOT NULL DEFAULT 1,
  ADD COLUMN disabled_why text,
  ADD COLUMN changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ADD CHECK ((transport = 'webhook') = (url IS NOT NULL));
CREATE INDEX ON ops.clients (changed_at);
"""


def upgrade() -> None:
    """Add the columns."""
    op.execute(CLIENTS)
