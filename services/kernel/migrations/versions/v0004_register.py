"""The operators' register: what is asked, waits and ended; and the audit chains it is projected beside."""

from alembic import op

revision = "0004"
down_revision = "0003"

AUDIT = """
CREATE TABLE ops.chains (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, topic text NOT NULL, partition int NOT NULL,
  next_offset bigint NOT NULL DEFAULT 0, length bigint NOT NULL DEFAULT 0, head bytea NOT NULL,
  sealed bigint NOT NULL DEFAULT 0, UNIQUE (topic, partition));
CREATE TABLE ops.audit (chain int NOT NULL, n bigint NOT NULL, case_key text, salt bytea, entry bytea,
  leaf bytea NOT NULL, link bytea NOT NULL, PRIMARY KEY (chain, n));
CREATE INDEX ON ops.audit (case_key) WHERE case_key IS NOT NULL;
CREATE TABLE ops.roots (number int PRIMARY KEY, document bytea NOT NULL, published bool NOT NULL DEFAULT false);
"""

REQUESTS = """
CREATE TABLE ops.requests (request_id text PRIMARY KEY, case_id text, source text, brand text, "right" text,
  role text, channel text, context text, law text, law_why text, granted bool, policy_version text, verify bool,
  received_at timestamptz, receipt_date date, acknowledge_by date, respond_by date, extensible_to date,
  timezone text, unverified_at timestamptz, accepted_at timestamptz,
  extended_to date, extension text, percent int NOT NULL DEFAULT 0, missed bool NOT NULL DEFAULT false,
  verdict text, verdict_by text, verdict_detail text, verdict_at timestamptz, verdict_seq int NOT NULL DEFAULT -1,
  acknowledged_at timestamptz, settled_at timestamptz, settled_ending text, settled_reason text,
  closed_at timestamptz, ending text, reason text) WITH (fillfactor = 80);
CREATE INDEX ON ops.requests (respond_by) WHERE closed_at IS NULL;
CREATE INDEX ON ops.requests (settled_at);
CREATE INDEX ON ops.requests (left(replace(case_id, '-', ''), 18));
CREATE TABLE ops.parts (request_id text NOT NULL, part text NOT NULL, party text, who text, waiting text,
  until timestamptz, since timestamptz, attempt int NOT NULL DEFAULT 0, wait_order bigint NOT NULL DEFAULT -1,
  outcome text, reason text, basis text, ended_at timestamptz, end_order bigint NOT NULL DEFAULT -1,
  PRIMARY KEY (request_id, part)) WITH (fillfactor = 80);
CREATE TABLE ops.handovers (request_id text NOT NULL, client text NOT NULL, mode text, parcel_named bool,
  handed_at timestamptz, received_at timestamptz, answer text, answered_at timestamptz,
  PRIMARY KEY (request_id, client));
CREATE TABLE ops.letters (event_id uuid PRIMARY KEY, request_id text NOT NULL, letter text NOT NULL, way text,
  recipient text, failure text, at timestamptz NOT NULL);
CREATE INDEX ON ops.letters (request_id);
CREATE TABLE ops.decisions (decision_id uuid PRIMARY KEY, request_id text, verb text, part text, reason text,
  basis text, until timestamptz, by text, decided_at timestamptz, applied bool, refusal text, applied_at timestamptz);
CREATE INDEX ON ops.decisions (request_id);
CREATE TABLE ops.rejections (event_id uuid PRIMARY KEY, source text, problems jsonb NOT NULL, at timestamptz NOT NULL);
"""

PARKED = """
CREATE TABLE ops.parked (event_id uuid PRIMARY KEY, request_id text, case_id text, service text, topic text,
  partition int, "offset" bigint, stage text, error text, problems jsonb, cause uuid,
  parked_at timestamptz, resolution text, resolved_at timestamptz,
  lies bool GENERATED ALWAYS AS (parked_at IS NOT NULL AND (resolved_at IS NULL OR resolved_at < parked_at)) STORED);
CREATE INDEX ON ops.parked (parked_at) WHERE lies;
CREATE INDEX ON ops.parked (request_id);
CREATE TABLE ops.repairs (event_id uuid PRIMARY KEY, parked_id uuid NOT NULL, action text NOT NULL, edited bool,
  by text NOT NULL, reason text NOT NULL, at timestamptz NOT NULL);
CREATE TABLE ops.sealed (event_id uuid PRIMARY KEY, sealed bytea NOT NULL);
"""

WAITS = """
CREATE VIEW ops.open AS SELECT r.*, coalesce(r.extended_to, r.respond_by) AS answer_by,
  ((coalesce(r.extended_to, r.respond_by) + 1)::timestamp AT TIME ZONE coalesce(r.timezone, 'UTC')) AS last_moment
  FROM ops.requests r WHERE r.closed_at IS NULL;
CREATE VIEW ops.waits AS
  SELECT o.request_id, p.part, p.party, p.who, p.waiting, p.since,
    CASE WHEN p.part = 'own/verification' THEN greatest(p.until, o.unverified_at)
      ELSE coalesce(p.until, o.last_moment) END AS until
    FROM ops.open o JOIN ops.parts p USING (request_id) WHERE p.outcome IS NULL
  UNION ALL
  SELECT k.request_id, 'parked:' || k.service, 'operator', k.service, 'parked', k.parked_at, o.last_moment
    FROM ops.parked k JOIN ops.open o USING (request_id) WHERE k.lies
  UNION ALL
  SELECT o.request_id, 'own', 'system', 'rightsbus', 'task', o.accepted_at, o.last_moment FROM ops.open o
    WHERE NOT EXISTS (SELECT FROM ops.parts p WHERE p.request_id = o.request_id AND p.outcome IS NULL)
      AND NOT EXISTS (SELECT FROM ops.parked k WHERE k.request_id = o.request_id AND k.lies);
"""


def upgrade() -> None:
    """Make the register's tables and views."""
    for statement in (AUDIT, REQUESTS, PARKED, WAITS):
        op.execute(statement)
