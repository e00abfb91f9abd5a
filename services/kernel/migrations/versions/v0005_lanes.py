"""Effects are found lane by lane, parked messages stay known to the inbox, expired counters are found."""

from alembic import op

revision = "0005"
down_revision = "0004"

STAGES = ("intake", "verifier", "fulfiller", "tasks", "notifier")

STAGE = """
ALTER TABLE {s}.inbox ADD COLUMN parked bool NOT NULL DEFAULT false;
CREATE INDEX ON {s}.state (id) WHERE parked > 0;
CREATE INDEX ON {s}.effects (kind, lane, not_before);
DROP INDEX {s}.effects_kind_not_before_idx;
CREATE INDEX ON {s}.counters (expires_at);
"""


def upgrade() -> None:
    """Change every stage's schema."""
    for stage in STAGES:
        op.execute(STAGE.format(s=stage))
