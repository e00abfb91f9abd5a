"""The directory by versions: an index of one key and one normaliser per person; and the stage that follows changes.

What was loaded into the directory before must be loaded again.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

PEOPLE = """
DROP TABLE directory.record, directory.point, directory.person;
CREATE TABLE directory.person (subject uuid PRIMARY KEY, brand text NOT NULL, population text NOT NULL, client text,
  key_version int NOT NULL, normaliser int NOT NULL, sealed bytea NOT NULL);
CREATE TABLE directory.point (digest bytea NOT NULL,
  subject uuid NOT NULL REFERENCES directory.person ON DELETE CASCADE, PRIMARY KEY (digest, subject));
CREATE INDEX ON directory.point (subject);
CREATE TABLE directory.version (key_version int NOT NULL, normaliser int NOT NULL,
  since timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (key_version, normaliser));
"""

STAGE = """
CREATE TABLE directory.state (id text PRIMARY KEY, version int NOT NULL, body_version int NOT NULL, body jsonb,
  due_at timestamptz, parked int NOT NULL DEFAULT 0);
CREATE INDEX ON directory.state (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX ON directory.state (id) WHERE parked > 0;
CREATE TABLE directory.inbox (event_id uuid PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(),
  parked bool NOT NULL DEFAULT false);
CREATE INDEX ON directory.inbox (at);
CREATE TABLE directory.outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, topic text NOT NULL,
  key bytea NOT NULL, value bytea NOT NULL, headers jsonb NOT NULL, sealed bool NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX ON directory.outbox (key);
CREATE TABLE directory.effects (id uuid PRIMARY KEY, kind text NOT NULL, lane text NOT NULL, request_id text NOT NULL,
  case_id text NOT NULL, name text NOT NULL, body jsonb NOT NULL, attempts int NOT NULL DEFAULT 0,
  not_before timestamptz NOT NULL, leased_until timestamptz, traceparent text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX ON directory.effects (kind, lane, not_before);
CREATE TABLE directory.counters (key text PRIMARY KEY, expires_at timestamptz NOT NULL, n int NOT NULL);
CREATE INDEX ON directory.counters (expires_at);
"""


def upgrade() -> None:
    """Make the index anew, and the stage's tables beside it."""
    op.execute(PEOPLE)
    op.execute(STAGE)
