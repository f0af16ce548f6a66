-- What the real path writes of each case beside its rows: the call with its steps, and the chained events.

CREATE OR REPLACE FUNCTION pg_temp.h(n bigint, salt int) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT sha256(int8send(n) || int4send(salt))';

INSERT INTO calls (id, unique_id, caller, caller_key, caller_name, started_at, answered_at, ended_at, outcome, language,
  menu_name, menu_revision, steps, noted_no)
SELECT md5('call' || code)::uuid, '1764028800.' || code, caller, caller_key, '', opened_at, opened_at,
  opened_at + interval '2 minutes', 'completed', 'fa', '111', '1', steps,
  nextval('custody_numbers')
FROM cases, (SELECT jsonb_agg(jsonb_build_object('at', '2026-11-27T21:02:08.523466+03:30', 'key', '1', 'note',
    'CallerKnown', 'step', 'language')) AS steps FROM generate_series(1, 14)) AS path
WHERE channel = 'phone' ORDER BY opened_at;

INSERT INTO case_events (id, case_id, seq, at, actor, event, details, state, previous, hash, noted_on)
SELECT md5(code || seq)::uuid, id, seq, told.at, actor, event, details, pg_temp.h(code::bigint, seq),
  pg_temp.h(code::bigint, seq + 9), pg_temp.h(code::bigint, seq + 10), told.at::date
FROM (
  SELECT id, code, 1 AS seq, opened_at AS at, 'ivr' AS actor, 'opened' AS event, jsonb_build_object('kind', kind, 'topic',
    topic, 'county', county, 'recordings', 1, 'files', jsonb_build_object('2026/11/27/' || md5(code),
    encode(pg_temp.h(code::bigint, 1), 'hex'))) AS details FROM cases
  UNION ALL SELECT id, code, 2, opened_at, 'ivr', 'referred', jsonb_build_object('agency', agency, 'due_at', due_at,
    'reason', 'rule') FROM cases
  UNION ALL SELECT id, code, 3, opened_at + interval '2 days', 'agency/karimi', 'accepted', jsonb_build_object('agency',
    agency) FROM cases WHERE status NOT IN ('opened', 'referred')
  UNION ALL SELECT id, code, 4, answered_at, 'agency/karimi', 'answered', jsonb_build_object('agency', agency, 'text',
    answer) FROM cases WHERE answered_at IS NOT NULL
  UNION ALL SELECT id, code, 5, closed_at, 'ivr', 'closed', jsonb_build_object('closure', closure) FROM cases
    WHERE closed_at IS NOT NULL
) AS told ORDER BY told.at;

INSERT INTO outbox (id, key, kind, payload, created_at, next_at, delivered_at)
SELECT md5('out' || code)::uuid, 'case_opened:' || code, 'case_opened', jsonb_build_object('case', code), opened_at,
  opened_at, opened_at FROM cases ORDER BY opened_at;
