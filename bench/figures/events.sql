-- What the cases of bench/panel lack for figures: their stories and the calls. Answered after 1 to 18 days, late or not.

INSERT INTO case_events (id, case_id, seq, at, actor, event, details, hash, noted_on)
SELECT gen_random_uuid(), id, seq, told.at, 'ivr', event, details, decode(repeat('ab', 32), 'hex'), told.at::date FROM (
  SELECT id, 1 AS seq, opened_at AS at, 'opened' AS event, '{}'::jsonb AS details FROM cases
  UNION ALL SELECT id, 2, opened_at, 'referred', jsonb_build_object('agency', agency) FROM cases
  UNION ALL SELECT id, 3, opened_at + interval '1 day' * (1 + abs(hashtext(code)) % 18), 'answered', '{}' FROM cases
    WHERE answered_at IS NOT NULL
  UNION ALL SELECT id, 4, opened_at + interval '1 day' * (3 + abs(hashtext(code)) % 18), 'closed',
    jsonb_build_object('closure', (ARRAY['solved', 'solved', 'unconfirmed', 'by_desk'])[1 + abs(hashtext(code)) % 4])
    FROM cases WHERE status = 'closed'
  UNION ALL SELECT id, 5, opened_at + interval '1 day' * (3 + abs(hashtext(code)) % 18), 'rated',
    jsonb_build_object('score', 1 + abs(hashtext(code)) % 5) FROM cases
    WHERE status = 'closed' AND abs(hashtext(code)) % 4 < 2
) AS told ORDER BY told.at;

INSERT INTO calls (id, unique_id, caller, caller_key, caller_name, started_at, language, menu_name, menu_revision, steps)
SELECT gen_random_uuid(), '1.1', caller, '', '', opened_at, 'fa', '111', '1', '[]' FROM cases ORDER BY opened_at;

VACUUM (ANALYZE) case_events;

VACUUM (ANALYZE) calls
