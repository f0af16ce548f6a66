-- A day of a hotline after three years: its share of new cases, three times as many of the last weeks that move
-- on, and as many old ones that retention takes; in the end what autovacuum does at night. Files are not looked at.
CREATE TEMP TABLE new AS SELECT id, gen_random_uuid() AS own, row_number() OVER () AS n
  FROM (SELECT id FROM cases ORDER BY opened_at DESC, id LIMIT :many) AS newest;

CREATE TEMP TABLE young AS SELECT id FROM cases WHERE opened_at > now() - interval '45 days' ORDER BY md5(id::text)
  LIMIT 3 * :many;

CREATE TEMP TABLE old AS SELECT id, call_id FROM cases WHERE anonymised_at IS NULL ORDER BY opened_at LIMIT :many;

INSERT INTO cases SELECT (jsonb_populate_record(NULL::cases, to_jsonb(cases) || jsonb_build_object('id', own,
  'code', (5000000000 + :day * 100000 + n)::text, 'opened_at', now()))).* FROM cases JOIN new USING (id);

INSERT INTO case_events SELECT (jsonb_populate_record(NULL::case_events, to_jsonb(told) || jsonb_build_object('id',
  gen_random_uuid(), 'case_id', own, 'at', now(), 'noted_no', nextval('custody_numbers')))).*
  FROM case_events AS told JOIN new ON new.id = told.case_id;

INSERT INTO case_events (id, case_id, seq, at, actor, event, details, hash, noted_on) SELECT gen_random_uuid(), id,
  100 + :day, now(), 'agency/karimi', 'accepted', '{"agency": "abfa"}', sha256(id::text::bytea), current_date FROM young;

INSERT INTO calls SELECT (jsonb_populate_record(NULL::calls, to_jsonb(calls) || jsonb_build_object('id',
  gen_random_uuid(), 'unique_id', gen_random_uuid()::text, 'started_at', now(),
  'noted_no', nextval('custody_numbers')))).*
  FROM calls ORDER BY started_at DESC LIMIT :many;

INSERT INTO outbox SELECT (jsonb_populate_record(NULL::outbox, to_jsonb(outbox) || jsonb_build_object('id',
  gen_random_uuid(), 'key', gen_random_uuid()::text, 'noted_no', nextval('custody_numbers')))).*
  FROM outbox ORDER BY created_at DESC LIMIT 2 * :many;

INSERT INTO recordings SELECT (jsonb_populate_record(NULL::recordings, to_jsonb(recordings) || jsonb_build_object('id',
  gen_random_uuid(), 'name', gen_random_uuid()::text, 'recorded_at', now()))).*
  FROM recordings ORDER BY recorded_at DESC LIMIT :many;

INSERT INTO referrals SELECT (jsonb_populate_record(NULL::referrals, to_jsonb(referrals) || jsonb_build_object('id',
  gen_random_uuid(), 'case_id', own, 'noted_no', nextval('custody_numbers')))).*
  FROM referrals JOIN new ON new.id = referrals.case_id;

INSERT INTO inbox_entries SELECT (jsonb_populate_record(NULL::inbox_entries, to_jsonb(entry) ||
  jsonb_build_object('case_id', own))).* FROM inbox_entries AS entry JOIN new ON new.id = entry.case_id;

UPDATE cases SET last_seq = last_seq + 1 WHERE id IN (SELECT id FROM young);

UPDATE inbox_entries SET seq = seq + 1 WHERE case_id IN (SELECT id FROM young);

UPDATE referrals SET ended_at = now() WHERE case_id IN (SELECT id FROM young);

UPDATE cases SET caller = '', caller_key = '', words = '', anonymised_at = now() WHERE id IN (SELECT id FROM old);

UPDATE recordings SET transcript = NULL, removed_at = now() WHERE case_id IN (SELECT id FROM old);

UPDATE calls SET caller = '', caller_key = '', steps = '[]' WHERE id IN (SELECT id FROM calls WHERE caller <> ''
  ORDER BY started_at LIMIT :many);

DROP TABLE new, young, old;

VACUUM cases, case_events, calls, outbox, recordings, referrals, inbox_entries;
