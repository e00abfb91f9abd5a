"""How rows get into the register's tables: one set-based statement per table, the same end whatever the order.

Each takes one parameter, a JSON array of rows. A row that was there before changes nothing; a later word wins by the
order its state gave it, never by when it came.
"""

from typing import Final, LiteralString

ACCEPTED: Final = """
INSERT INTO ops.requests AS r (request_id, case_id, source, brand, "right", role, channel, context, law, law_why,
  granted, policy_version, verify, received_at, receipt_date, acknowledge_by, respond_by, extensible_to, timezone,
  unverified_at, accepted_at)
SELECT DISTINCT ON (request_id) request_id, case_id, source, brand, "right", role, channel, context, law, law_why,
  granted, policy_version, verify, received_at, (clock->>'receipt_date')::date, (clock->>'acknowledge_by')::date,
  (clock->>'respond_by')::date, (clock->>'extended_respond_by')::date, clock->>'timezone', unverified_at, occurred_at
FROM json_to_recordset(%s) AS t (request_id text, case_id text, source text, brand text, "right" text, role text,
  channel text, context text, law text, law_why text, granted bool, policy_version text, verify bool,
  received_at timestamptz, clock json, unverified_at timestamptz, occurred_at timestamptz)
ORDER BY request_id, occurred_at
ON CONFLICT (request_id) DO UPDATE SET (case_id, source, brand, "right", role, channel, context, law, law_why, granted,
  policy_version, verify, received_at, receipt_date, acknowledge_by, respond_by, extensible_to, timezone, unverified_at,
  accepted_at) = (excluded.case_id, excluded.source, excluded.brand, excluded."right", excluded.role, excluded.channel,
  excluded.context, excluded.law, excluded.law_why, excluded.granted, excluded.policy_version, excluded.verify,
  excluded.received_at, excluded.receipt_date, excluded.acknowledge_by, excluded.respond_by, excluded.extensible_to,
  excluded.timezone, excluded.unverified_at, excluded.accepted_at)
WHERE r.accepted_at IS NULL OR excluded.accepted_at < r.accepted_at"""

VERDICTS: Final = """
INSERT INTO ops.requests AS r (request_id, case_id, verdict, verdict_by, verdict_detail, verdict_at, verdict_seq)
SELECT DISTINCT ON (request_id) request_id, case_id, verdict, "by", detail, occurred_at, seq
FROM json_to_recordset(%s) AS t (request_id text, case_id text, verdict text, "by" text, detail text,
  occurred_at timestamptz, seq int)
ORDER BY request_id, seq DESC
ON CONFLICT (request_id) DO UPDATE SET verdict = excluded.verdict, verdict_by = excluded.verdict_by,
  verdict_detail = excluded.verdict_detail, verdict_at = excluded.verdict_at, verdict_seq = excluded.verdict_seq
WHERE excluded.verdict_seq > r.verdict_seq"""

SETTLED: Final = """
INSERT INTO ops.requests AS r (request_id, case_id, settled_at, settled_ending, settled_reason)
SELECT DISTINCT ON (request_id) request_id, case_id, occurred_at, ending, reason
FROM json_to_recordset(%s) AS t (request_id text, case_id text, occurred_at timestamptz, ending text, reason text)
ORDER BY request_id, occurred_at
ON CONFLICT (request_id) DO UPDATE SET settled_at = excluded.settled_at, settled_ending = excluded.settled_ending,
  settled_reason = excluded.settled_reason
WHERE r.settled_at IS NULL OR excluded.settled_at < r.settled_at"""

CLOSED: Final = """
INSERT INTO ops.requests AS r (request_id, case_id, closed_at, ending, reason)
SELECT DISTINCT ON (request_id) request_id, case_id, occurred_at, ending, reason
FROM json_to_recordset(%s) AS t (request_id text, case_id text, occurred_at timestamptz, ending text, reason text)
ORDER BY request_id, occurred_at
ON CONFLICT (request_id) DO UPDATE SET closed_at = excluded.closed_at, ending = excluded.ending,
  reason = excluded.reason
WHERE r.closed_at IS NULL OR excluded.closed_at < r.closed_at"""

DEADLINES: Final = """
INSERT INTO ops.requests AS r (request_id, case_id, percent, missed)
SELECT request_id, min(case_id), max(percent), bool_or(coalesce(missed, false))
FROM json_to_recordset(%s) AS t (request_id text, case_id text, percent int, missed bool)
GROUP BY request_id ORDER BY request_id
ON CONFLICT (request_id) DO UPDATE SET percent = greatest(r.percent, excluded.percent),
  missed = r.missed OR excluded.missed"""

EXTENSIONS: Final = """
INSERT INTO ops.requests AS r (request_id, case_id, extended_to, extension)
SELECT DISTINCT ON (request_id) request_id, case_id, respond_by, reason
FROM json_to_recordset(%s) AS t (request_id text, case_id text, respond_by date, reason text)
ORDER BY request_id, respond_by DESC
ON CONFLICT (request_id) DO UPDATE SET extended_to = excluded.extended_to, extension = excluded.extension
WHERE r.extended_to IS NULL OR excluded.extended_to > r.extended_to"""

ACKNOWLEDGED: Final = """
INSERT INTO ops.requests AS r (request_id, case_id, acknowledged_at)
SELECT request_id, min(case_id), min(occurred_at)
FROM json_to_recordset(%s) AS t (request_id text, case_id text, letter text, reason text, occurred_at timestamptz)
WHERE letter = 'acknowledgement' AND reason IS NULL GROUP BY request_id ORDER BY request_id
ON CONFLICT (request_id) DO UPDATE SET acknowledged_at = least(r.acknowledged_at, excluded.acknowledged_at)"""

WAITS: Final = """
INSERT INTO ops.parts AS p (request_id, part, party, who, waiting, until, since, wait_order)
SELECT DISTINCT ON (request_id, part) request_id, part, party, who, waiting, until, at, wait_order
FROM json_to_recordset(%s) AS t (request_id text, part text, party text, who text, waiting text, until timestamptz,
  at timestamptz, wait_order bigint)
ORDER BY request_id, part, wait_order DESC, at
ON CONFLICT (request_id, part) DO UPDATE SET party = excluded.party, who = excluded.who, waiting = excluded.waiting,
  until = excluded.until, since = excluded.since, wait_order = excluded.wait_order
WHERE excluded.wait_order > p.wait_order OR (excluded.wait_order = p.wait_order AND excluded.since < p.since)"""

ATTEMPTS: Final = """
INSERT INTO ops.parts AS p (request_id, part, attempt)
SELECT request_id, part, max(coalesce(attempt, 1))
FROM json_to_recordset(%s) AS t (request_id text, part text, attempt int)
GROUP BY request_id, part ORDER BY request_id, part
ON CONFLICT (request_id, part) DO UPDATE SET attempt = greatest(p.attempt, excluded.attempt)"""

ENDS: Final = """
INSERT INTO ops.parts AS p (request_id, part, outcome, reason, basis, ended_at, end_order)
SELECT DISTINCT ON (request_id, part) request_id, part, outcome, reason, basis, at, end_order
FROM json_to_recordset(%s) AS t (request_id text, part text, outcome text, reason text, basis text, at timestamptz,
  end_order bigint)
ORDER BY request_id, part, end_order DESC
ON CONFLICT (request_id, part) DO UPDATE SET outcome = excluded.outcome, reason = excluded.reason,
  basis = excluded.basis, ended_at = excluded.ended_at, end_order = excluded.end_order
WHERE excluded.end_order > p.end_order"""

HANDOVERS: Final = """
INSERT INTO ops.handovers AS h (request_id, client, mode, parcel_named, handed_at, received_at, answer, answered_at)
SELECT request_id, client, max(mode), bool_or(parcel_named), min(at) FILTER (WHERE handed),
  min(at) FILTER (WHERE received),
  (array_agg(answer ORDER BY at DESC, answer <> 'received' DESC, answer) FILTER (WHERE answer IS NOT NULL))[1],
  max(at) FILTER (WHERE answer IS NOT NULL)
FROM json_to_recordset(%s) AS t (request_id text, client text, mode text, parcel_named bool, handed bool,
  received bool, answer text, at timestamptz)
GROUP BY request_id, client ORDER BY request_id, client
ON CONFLICT (request_id, client) DO UPDATE SET mode = greatest(h.mode, excluded.mode),
  parcel_named = coalesce(h.parcel_named, false) OR coalesce(excluded.parcel_named, false),
  handed_at = least(h.handed_at, excluded.handed_at), received_at = least(h.received_at, excluded.received_at),
  answer = CASE WHEN (coalesce(h.answered_at, '-infinity'), h.answer IS DISTINCT FROM 'received', h.answer)
    >= (coalesce(excluded.answered_at, '-infinity'), excluded.answer IS DISTINCT FROM 'received', excluded.answer)
    THEN h.answer ELSE excluded.answer END,
  answered_at = greatest(h.answered_at, excluded.answered_at)"""

LETTERS: Final = """
INSERT INTO ops.letters (event_id, request_id, letter, way, recipient, failure, at)
SELECT DISTINCT ON (event_id) event_id, request_id, letter, way, "to", reason, occurred_at
FROM json_to_recordset(%s) AS t (event_id uuid, request_id text, letter text, way text, "to" text, reason text,
  occurred_at timestamptz)
ORDER BY event_id ON CONFLICT DO NOTHING"""

DECIDED: Final = """
INSERT INTO ops.decisions AS d (decision_id, request_id, verb, part, reason, basis, until, by, decided_at)
SELECT DISTINCT ON (event_id) event_id, request_id, verb, part, reason, basis, until, "by", occurred_at
FROM json_to_recordset(%s) AS t (event_id uuid, request_id text, verb text, part text, reason text, basis text,
  until timestamptz, "by" text, occurred_at timestamptz)
ORDER BY event_id
ON CONFLICT (decision_id) DO UPDATE SET request_id = excluded.request_id, verb = excluded.verb, part = excluded.part,
  reason = excluded.reason, basis = excluded.basis, until = excluded.until, by = excluded.by,
  decided_at = excluded.decided_at
WHERE d.decided_at IS NULL"""

APPLIED: Final = """
INSERT INTO ops.decisions AS d (decision_id, request_id, verb, applied, refusal, applied_at)
SELECT DISTINCT ON (decision_id) decision_id, request_id, verb, applied, reason, occurred_at
FROM json_to_recordset(%s) AS t (decision_id uuid, request_id text, verb text, applied bool, reason text,
  occurred_at timestamptz)
ORDER BY decision_id, applied DESC, occurred_at
ON CONFLICT (decision_id) DO UPDATE SET applied = excluded.applied, refusal = excluded.refusal,
  applied_at = excluded.applied_at
WHERE d.applied IS NULL OR (excluded.applied AND NOT d.applied)"""

DECIDED_PARTS: Final = """
INSERT INTO ops.parts AS p (request_id, part, outcome, reason, ended_at, end_order)
SELECT DISTINCT ON (d.request_id, d.part) d.request_id, d.part,
  CASE d.verb WHEN 'skip' THEN 'skipped' WHEN 'deny' THEN 'denied'
    ELSE CASE d.part WHEN 'answer' THEN 'answered' ELSE 'completed' END END,
  coalesce(d.reason, d.basis), d.applied_at,
  (1::bigint << 50) - (extract(epoch FROM d.applied_at) * 1000)::bigint
FROM json_to_recordset(%s) AS t (event_id uuid, decision_id uuid)
JOIN ops.decisions d ON d.decision_id = coalesce(t.decision_id, t.event_id)
WHERE d.applied AND d.part IS NOT NULL AND d.verb IN ('skip', 'deny', 'done', 'release')
ORDER BY d.request_id, d.part, d.applied_at
ON CONFLICT (request_id, part) DO UPDATE SET outcome = excluded.outcome, reason = excluded.reason,
  ended_at = excluded.ended_at, end_order = excluded.end_order
WHERE excluded.end_order > p.end_order"""

REJECTIONS: Final = """
INSERT INTO ops.rejections (event_id, source, problems, at)
SELECT DISTINCT ON (event_id) event_id, source, coalesce(problems, '[]'), occurred_at
FROM json_to_recordset(%s) AS t (event_id uuid, source text, problems jsonb, occurred_at timestamptz)
ORDER BY event_id ON CONFLICT DO NOTHING"""

PARKED: Final = """
INSERT INTO ops.parked AS k (event_id, request_id, case_id, service, topic, partition, "offset", stage, error,
  problems, cause, parked_at)
SELECT DISTINCT ON (event_id) event_id, request_id, case_id, service, topic, partition, "offset", stage, error,
  problems, causation_id, occurred_at
FROM json_to_recordset(%s) AS t (event_id uuid, request_id text, case_id text, service text, topic text,
  partition int, "offset" bigint, stage text, error text, problems jsonb, causation_id uuid, occurred_at timestamptz)
ORDER BY event_id, occurred_at DESC
ON CONFLICT (event_id) DO UPDATE SET request_id = excluded.request_id, case_id = excluded.case_id,
  service = excluded.service, topic = excluded.topic, partition = excluded.partition, "offset" = excluded."offset",
  stage = excluded.stage, error = excluded.error, problems = excluded.problems, cause = excluded.cause,
  parked_at = excluded.parked_at
WHERE k.parked_at IS NULL OR excluded.parked_at > k.parked_at"""

REPAIRS: Final = """
WITH rows AS (SELECT * FROM json_to_recordset(%s) AS t (event_id uuid, parked_id uuid, action text, edited bool,
  "by" text, why text, occurred_at timestamptz)),
logged AS (INSERT INTO ops.repairs (event_id, parked_id, action, edited, by, reason, at)
  SELECT DISTINCT ON (event_id) event_id, parked_id, action, edited, "by", why, occurred_at FROM rows
  ORDER BY event_id ON CONFLICT DO NOTHING)
INSERT INTO ops.parked AS k (event_id, resolution, resolved_at)
SELECT DISTINCT ON (parked_id) parked_id, CASE action WHEN 'RecordReplayed' THEN 'replayed' ELSE 'discarded' END,
  occurred_at FROM rows WHERE action <> 'RecordShown' ORDER BY parked_id, occurred_at DESC
ON CONFLICT (event_id) DO UPDATE SET resolution = excluded.resolution, resolved_at = excluded.resolved_at
WHERE k.resolved_at IS NULL OR excluded.resolved_at > k.resolved_at"""

STATEMENTS: Final[tuple[tuple[str, LiteralString], ...]] = (
    ("accepted", ACCEPTED),
    ("verdicts", VERDICTS),
    ("settled", SETTLED),
    ("closed", CLOSED),
    ("deadlines", DEADLINES),
    ("extensions", EXTENSIONS),
    ("letters", ACKNOWLEDGED),
    ("waits", WAITS),
    ("assigned", ATTEMPTS),
    ("ends", ENDS),
    ("handovers", HANDOVERS),
    ("letters", LETTERS),
    ("decided", DECIDED),
    ("applied", APPLIED),
    ("decided", DECIDED_PARTS),
    ("applied", DECIDED_PARTS),
    ("rejections", REJECTIONS),
    ("parked", PARKED),
    ("repairs", REPAIRS),
)
"""Which rows go into which statement, in an order that is the same for everybody, so that nobody deadlocks."""

PROJECTED: Final = ("requests", "parts", "handovers", "letters", "decisions", "rejections", "parked", "repairs")
"""Tables that a rebuild empties and fills again."""
