"""The first shape: a schema per stage, the vault, the directory, and what operators register."""

from alembic import op

revision = "0001"
down_revision = None

STAGES = ("intake", "verifier", "fulfiller", "tasks", "notifier")

STAGE = """
CREATE SCHEMA {s};
CREATE TABLE {s}.state (id text PRIMARY KEY, version int NOT NULL, body_version int NOT NULL, body jsonb,
  due_at timestamptz, parked int NOT NULL DEFAULT 0);
CREATE INDEX ON {s}.state (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE {s}.inbox (event_id uuid PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX ON {s}.inbox (at);
CREATE TABLE {s}.outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, topic text NOT NULL, key bytea NOT NULL,
  value bytea NOT NULL, headers jsonb NOT NULL, sealed bool NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX ON {s}.outbox (key);
CREATE TABLE {s}.effects (id uuid PRIMARY KEY, kind text NOT NULL, lane text NOT NULL, request_id text NOT NULL,
  case_id text NOT NULL, name text NOT NULL, body jsonb NOT NULL, attempts int NOT NULL DEFAULT 0,
  not_before timestamptz NOT NULL, leased_until timestamptz, traceparent text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX ON {s}.effects (kind, not_before);
CREATE TABLE {s}.counters (key text PRIMARY KEY, expires_at timestamptz NOT NULL, n int NOT NULL);
"""

VAULT = """
CREATE SCHEMA vault;
CREATE TABLE vault.keys (case_key text PRIMARY KEY, epoch text NOT NULL, wrapped bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX ON vault.keys (epoch);
CREATE TABLE vault.items (case_key text NOT NULL REFERENCES vault.keys ON DELETE CASCADE, name text NOT NULL,
  sealed bytea NOT NULL, PRIMARY KEY (case_key, name));
"""

DIRECTORY = """
CREATE SCHEMA directory;
CREATE TABLE directory.person (subject uuid PRIMARY KEY, brand text NOT NULL, population text NOT NULL, client text,
  sealed bytea NOT NULL);
CREATE TABLE directory.point (subject uuid NOT NULL REFERENCES directory.person ON DELETE CASCADE, kind text NOT NULL,
  digest bytea NOT NULL, key_version int NOT NULL, normaliser int NOT NULL, source text NOT NULL,
  reliable bool NOT NULL, held_since date, PRIMARY KEY (subject, kind, digest));
CREATE INDEX ON directory.point (digest) INCLUDE (subject, kind);
CREATE TABLE directory.record (subject uuid NOT NULL REFERENCES directory.person ON DELETE CASCADE,
  system text NOT NULL, digest bytea NOT NULL, sealed bytea NOT NULL, PRIMARY KEY (subject, system, digest));
CREATE TABLE directory.suppression (token bytea NOT NULL, kind text NOT NULL, at timestamptz NOT NULL,
  PRIMARY KEY (token, kind));
"""

OPERATORS = """
CREATE SCHEMA kernel;
CREATE TABLE kernel.clock (one bool PRIMARY KEY DEFAULT true CHECK (one), ahead interval NOT NULL);
CREATE SCHEMA ops;
CREATE TABLE ops.sources (name text PRIMARY KEY, created_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE TABLE ops.clients (id text PRIMARY KEY, name text NOT NULL, contact text NOT NULL, mode text NOT NULL,
  jwk jsonb, enabled bool NOT NULL DEFAULT true, created_at timestamptz NOT NULL DEFAULT clock_timestamp());
"""


def upgrade() -> None:
    """Make everything."""
    for statement in (OPERATORS, VAULT, DIRECTORY, *(STAGE.format(s=stage) for stage in STAGES)):
        op.execute(statement)
