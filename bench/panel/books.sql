-- Many cases made by PostgreSQL itself (bench/panel/books.py fills in the names that begin with a colon).

CREATE OR REPLACE FUNCTION pg_temp.r(n bigint, salt int, below int) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT ((hashint8extended(n, salt) & 2147483647) % below)::int';

INSERT INTO cases (id, code, kind, topic, county, agency, status, channel, language, caller, caller_key,
  caller_name, callback, national_id, opened_at, due_at, answer, answered_at, draft, words, last_seq,
  stopped_at, closed_at, closure, rung, level, next_rung_at, timed_by, person_id, entered)
SELECT md5(n::text)::uuid, code,
  (ARRAY['complaint','complaint','complaint','request','request','criticism','suggestion','meeting'])[1 + pg_temp.r(n, 1, 8)],
  topic, CASE WHEN pg_temp.r(n, 2, 20) > 0 THEN county END,
  CASE WHEN status IN ('opened', 'returned') THEN ':desk' ELSE agency END, status,
  (ARRAY['phone','phone','phone','phone','desk','city_app'])[1 + pg_temp.r(n, 3, 6)], 'fa',
  caller, caller, '', '', '', opened_at, due_at,
  CASE WHEN answered THEN (SELECT body FROM texts WHERE texts.n = pg_temp.r(cases.n, 4, 40)) ELSE '' END,
  CASE WHEN answered THEN opened_at + interval '6 days' END,
  CASE WHEN status = 'in_progress' AND pg_temp.r(n, 5, 12) = 0
    THEN jsonb_build_object('text', 'x', 'by', 'x', 'agency', agency) END,
  CASE WHEN pg_temp.r(n, 6, 10) < 4 THEN (SELECT body FROM texts WHERE texts.n = pg_temp.r(cases.n, 7, :texts))
    || CASE WHEN n % 10000 = 7 THEN ' :rare' ELSE '' END ELSE '' END, 5,
  CASE WHEN answered THEN opened_at + interval '6 days' END,
  CASE WHEN status IN ('closed', 'withdrawn', 'advised') THEN opened_at + interval '9 days' END,
  CASE WHEN status = 'closed' THEN 'solved' WHEN status IN ('withdrawn', 'advised') THEN status END,
  rung, (ARRAY['officer','officer','head','deputy_governor','governor'])[1 + rung], NULL, 1,
  CASE WHEN status = 'in_progress' AND pg_temp.r(n, 8, 40) = 0 THEN ':officer'::uuid END, true
FROM (
  SELECT *, status IN ('answered', 'closed') AS answered,
    CASE WHEN status IN ('referred', 'in_progress', 'reopened') AND due_at < ':now'
      THEN least(4, 1 + pg_temp.r(n, 9, 5)) ELSE 0 END AS rung
  FROM (
    SELECT n, code, topic, county, agency, opened_at, date_trunc('day', opened_at) + interval '14 days 20 hours' AS due_at,
      (ARRAY['+98914','+98914','+98914','+98912','+98935','+98413'])[1 + pg_temp.r(n / 3, 10, 6)]
        || lpad(pg_temp.r(n / 3, 11, 10000000)::text, 7, '0') AS caller,
      CASE WHEN pg_temp.r(n, 12, 1000) < CASE WHEN age < 10 THEN 700 WHEN age < 60 THEN 200 ELSE 30 END
        THEN (ARRAY['opened','referred','referred','referred','in_progress','in_progress','in_progress',
                    'answered','returned','reopened'])[1 + pg_temp.r(n, 13, 10)]
        ELSE (ARRAY['closed','closed','closed','closed','closed','closed','closed','closed','withdrawn','advised'])[1 + pg_temp.r(n, 14, 10)]
      END AS status
    FROM (
      SELECT codes.n, codes.code, topic, county, agency,
        ':now'::timestamptz - interval ':days days' * (1 - codes.n / :count.0)
          - interval '1 second' * pg_temp.r(codes.n, 15, 3600) AS opened_at,
        :days * (1 - codes.n / :count.0) AS age
      FROM codes JOIN wheel ON wheel.n = pg_temp.r(codes.n, 16, :places)
      ORDER BY codes.n
    ) AS born
  ) AS standing
) AS cases;

INSERT INTO recordings (name, case_id, call_id, recorded_at, seconds, voiced_seconds, silent, size, sha256, ended,
  superseded, transcript)
SELECT CASE WHEN pg_temp.r(n, 20, 200) = 0 THEN 'fallback/' ELSE '2026/01/01/' END || md5(n::text), id, NULL,
  opened_at, 10 + pg_temp.r(n, 21, 110), CASE WHEN pg_temp.r(n, 22, 50) = 0 THEN 0 ELSE 8 END,
  pg_temp.r(n, 22, 50) = 0, 100000, repeat('ab', 32), 'hash', false,
  CASE WHEN pg_temp.r(n, 23, 10) < 4 THEN (SELECT body FROM texts WHERE texts.n = pg_temp.r(codes.n, 24, :texts)) END
FROM codes JOIN cases USING (code) WHERE channel = 'phone' ORDER BY codes.n;

INSERT INTO referrals (id, case_id, agency, reason, referred_at, due_at, ended_at, ended_reason)
SELECT gen_random_uuid(), id, agency, 'rule', opened_at, due_at, closed_at, closure FROM cases;

INSERT INTO inbox_entries (case_id, opened_at, agency, lexemes, seq, seconds, silent, fallback, faint, over_limit, repeats)
SELECT cases.id, opened_at, agency, array_to_tsvector(
    coalesce(said.terms, '{}') || coalesce(heard.terms, '{}') || coalesce(told.terms, '{}')
    || CASE WHEN words LIKE '% ' || ':rare' THEN ARRAY[':stem'] ELSE '{}' END
    || ARRAY['=k:' || kind, '=t:' || topic, '=c:' || coalesce(county, ''), '=a:' || agency, '=s:' || status,
             '=w:' || channel, '=0:' || day, '=1:' || day / 8, '=2:' || day / 64, '=3:' || day / 512]),
  last_seq, coalesce(seconds, 0), coalesce(silent, false), coalesce(name LIKE 'fallback/%', false),
  closed_at IS NULL AND stopped_at IS NULL AND coalesce(silent OR name LIKE 'fallback/%', false), false, 0
FROM codes JOIN (SELECT *, floor(extract(epoch FROM opened_at) / 86400)::int AS day FROM cases) AS cases USING (code)
LEFT JOIN recordings ON case_id = cases.id
LEFT JOIN texts AS said ON words <> '' AND said.n = pg_temp.r(codes.n, 7, :texts)
LEFT JOIN texts AS heard ON transcript IS NOT NULL AND heard.n = pg_temp.r(codes.n, 24, :texts)
LEFT JOIN texts AS told ON answer <> '' AND told.n = pg_temp.r(codes.n, 4, 40)
ORDER BY codes.n;
