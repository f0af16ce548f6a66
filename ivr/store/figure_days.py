"""Figure days: what happened on each day that is over, counted and kept (docs/figures.md)."""

from __future__ import annotations

from sqlalchemy import Column, Date, LargeBinary, Table, text
from sqlalchemy.dialects.postgresql import JSONB

from ivr.store.base import metadata, moment
from ivr.voice.our_call import MENU

# `facts`: `ivr.cases.figures.packed`, in the numbers of `names`. The row of the last day knows the names of
# all; `form` among them is the form that all are in. A row says that everything noted on that day has been
# counted, also where it belongs to an earlier one.
figure_days = Table(
    "figure_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("names", JSONB, nullable=False),
    Column("facts", LargeBinary, nullable=False),
    moment("counted_at"),
)

# The body that had a case at the moment of an event: its latest referral by then. Where several began at
# the same moment, the one that went on.
_HOLDER = """
LEFT JOIN LATERAL (
  SELECT r.agency, r.referred_at, r.due_at FROM referrals r
  WHERE r.case_id = e.case_id AND r.referred_at <= e.at
  ORDER BY r.referred_at DESC, r.ended_at DESC NULLS FIRST LIMIT 1
) held ON true"""

# Parts and collective cases are work of a body, but nobody's case beside those of the citizens.
_CITIZENS = "c.channel NOT IN ('part', 'collective')"

# Whether an answer was left standing: what is handed back is none, however it was worded until then.
_STANDS = """(
    SELECT n.event FROM case_events n WHERE n.case_id = {0}.case_id AND n.seq > {0}.seq
      AND n.event IN ('handed_back', 'reopened') ORDER BY n.seq LIMIT 1
  ) IS DISTINCT FROM 'handed_back'"""

# What it is about. A body that had a confidential case (`sealed`), and no longer `has` it, is told what it
# was about when it was opened: what it became since tells of what that body must not see. From the desk only
# what is about itself is kept.
_ABOUT = """c.county, c.topic, c.kind,
    CASE WHEN c.confidential IS NOT NULL THEN c.id END AS sealed, c.agency AS has, c.accused"""
_OPENED_AS = """CASE WHEN sealed IS NULL OR agency = has
    OR (agency = (SELECT desk FROM provinces LIMIT 1) AND accused IS DISTINCT FROM agency) THEN {0} ELSE (
    SELECT o.details ->> '{0}' FROM case_events o WHERE o.case_id = sealed AND o.seq = 1
  ) END"""

# What happened from `since` to `until`, as far as it has happened by `now`. One row: so many times this.
COUNT = text(f"""
WITH told AS MATERIALIZED (
  SELECT case_id, seq, at, event, details FROM case_events
  WHERE at >= :since AND at < :until AND event IN
    ('referred', 'returned', 'ruled', 'topic_changed', 'answered', 'reopened', 'closed', 'withdrawn',
     'advised', 'merged', 'rated', 'escalated', 'handed_back', 'collected', 'split')
), opened AS (
  SELECT 'opened' AS what, first.agency, {_ABOUT},
    extract(hour FROM c.opened_at AT TIME ZONE :zone)::int AS value
  FROM cases c CROSS JOIN LATERAL (
    SELECT r.agency FROM referrals r WHERE r.case_id = c.id
    ORDER BY r.referred_at, r.ended_at NULLS LAST LIMIT 1
  ) first
  WHERE c.opened_at >= :since AND c.opened_at < :until AND {_CITIZENS}
), received AS (
  SELECT DISTINCT ON (r.id) 'received' AS what, r.agency, {_ABOUT}, 0 AS value
  FROM told e JOIN referrals r ON r.case_id = e.case_id AND r.referred_at = e.at
    AND (r.reason <> 'reopened' OR coalesce(e.details ->> 'from', r.agency) <> r.agency)
  JOIN cases c ON c.id = e.case_id
), answered AS (
  SELECT CASE WHEN e.at <= held.due_at THEN 'in_time' ELSE 'late' END AS what,
    held.agency, {_ABOUT},
    (e.at AT TIME ZONE :zone)::date - (coalesce(again.at, c.opened_at) AT TIME ZONE :zone)::date AS value
  FROM told e JOIN cases c ON c.id = e.case_id {_HOLDER}
  LEFT JOIN LATERAL (
    SELECT max(r.referred_at) AS at FROM referrals r
    WHERE r.case_id = e.case_id AND r.referred_at <= e.at AND r.reason = 'reopened'
      AND EXISTS (
        SELECT 1 FROM case_events o WHERE o.case_id = r.case_id AND o.at = r.referred_at
          AND o.event = 'reopened' AND o.details ->> 'rung' IS NOT NULL
      )
  ) again ON true
  WHERE e.event IN ('answered', 'advised') AND {_STANDS.format("e")} AND NOT EXISTS (
    SELECT 1 FROM case_events b WHERE b.case_id = e.case_id AND b.seq < e.seq
      AND b.event IN ('answered', 'advised') AND b.at >= held.referred_at AND {_STANDS.format("b")}
  )
), overdue AS (  -- not what another case brought, past by then, into one that had time left
  SELECT 'overdue' AS what, r.agency, {_ABOUT},
    (extract(isodow FROM c.opened_at AT TIME ZONE :zone)::int - 1) * 24
      + extract(hour FROM c.opened_at AT TIME ZONE :zone)::int AS value
  FROM referrals r JOIN cases c ON c.id = r.case_id
  WHERE r.due_at >= :since AND r.due_at < :until AND r.due_at < :now AND r.referred_at <= r.due_at
    AND (r.ended_at IS NULL OR r.ended_at > r.due_at) AND NOT EXISTS (
    SELECT 1 FROM case_events b WHERE b.case_id = r.case_id AND b.event = 'answered'
      AND b.at >= r.referred_at AND b.at <= r.due_at AND {_STANDS.format("b")}
  ) AND NOT EXISTS (
    SELECT 1 FROM case_events d WHERE d.case_id = r.case_id AND d.event IN ('duplicate_merged', 'collected')
      AND d.at > r.due_at AND (r.ended_at IS NULL OR d.at < r.ended_at)
      AND (d.details ->> 'due_before')::timestamptz > d.at
  )
), others AS (
  SELECT CASE e.event WHEN 'closed' THEN e.details ->> 'closure' ELSE e.event END AS what,
    CASE e.event WHEN 'returned' THEN e.details ->> 'from'
      WHEN 'reopened' THEN coalesce(e.details ->> 'from', held.agency) ELSE held.agency END AS agency,
    {_ABOUT},
    CASE WHEN e.details ->> 'score' ~ '^[1-5]$' THEN (e.details ->> 'score')::int ELSE 0 END AS value
  FROM told e JOIN cases c ON c.id = e.case_id {_HOLDER}
  WHERE e.event = 'returned' OR (e.event = 'escalated' AND NOT EXISTS (
      SELECT 1 FROM case_events b WHERE b.case_id = e.case_id AND b.seq < e.seq AND b.event = 'escalated'
        AND b.details ->> 'level' = e.details ->> 'level' AND b.details -> 'rung' < e.details -> 'rung'
        AND NOT EXISTS (
          SELECT 1 FROM case_events n WHERE n.case_id = e.case_id AND n.seq BETWEEN b.seq AND e.seq
            AND n.event = 'reopened'
        )
    ))
    OR (e.event = 'reopened' AND e.details ->> 'rung' IS NOT NULL)
    OR (e.event = 'rated' AND e.details ->> 'score' ~ '^[1-5]$')
    OR (e.event IN ('closed', 'withdrawn', 'advised', 'merged') AND {_CITIZENS})
), called AS (
  SELECT 'called' AS what, '' AS agency, '' AS county, '' AS topic, '' AS kind,
    NULL::uuid AS sealed, '' AS has, '' AS accused,
    extract(hour FROM started_at AT TIME ZONE :zone)::int AS value
  FROM calls WHERE started_at >= :since AND started_at < :until AND menu_name <> '{MENU}'
)
SELECT what, agency, coalesce({_OPENED_AS.format("county")}, '') AS county,
  coalesce({_OPENED_AS.format("topic")}, '') AS topic, kind, value, count(*) AS count FROM (
  SELECT * FROM opened UNION ALL SELECT * FROM received UNION ALL SELECT * FROM answered
  UNION ALL SELECT * FROM overdue UNION ALL SELECT * FROM others UNION ALL SELECT * FROM called
) fact WHERE what IS NOT NULL AND agency IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6
""")

# Days before `noted` that something noted on that day changed, and that were counted before `cutoff`: what
# came late, what a case that got another topic or county, its answer back, or another deadline, had gone
# through, and deadlines from where they were moved away.
CHANGED = text("""
WITH told AS MATERIALIZED (SELECT * FROM case_events WHERE noted_on = :noted), moved AS (
  SELECT DISTINCT case_id FROM told
  WHERE event IN ('topic_changed', 'handed_back', 'referred', 'retimed', 'ruled', 'confided')
    OR details ? 'due_before' OR details ->> 'from' <> details ->> 'agency'
)
SELECT DISTINCT d.day FROM figure_days d JOIN (
  SELECT (at AT TIME ZONE :zone)::date AS day FROM told
  UNION SELECT (b.at AT TIME ZONE :zone)::date FROM case_events b JOIN moved USING (case_id)
  UNION SELECT (r.due_at AT TIME ZONE :zone)::date FROM referrals r JOIN moved USING (case_id)
  UNION SELECT (coalesce(details ->> 'due_before', CASE event WHEN 'retimed' THEN details ->> 'before' END)
    ::timestamptz AT TIME ZONE :zone)::date FROM told
) changed USING (day) WHERE d.day < :noted AND d.counted_at < :cutoff ORDER BY d.day
""")

# Days that were counted before so long after their end, and it is that late now.
EARLY = text("""
SELECT day FROM (
  SELECT day, counted_at, (day + 1)::timestamp AT TIME ZONE :zone + CAST(:after AS interval) AS due
  FROM figure_days
) counted WHERE counted_at < due AND due <= :now ORDER BY day
""")

# What waits now, by body: `late` of them beyond their deadline.
WAITING = text("""
SELECT agency, coalesce(county, '') AS county, topic, kind, count(*) AS waiting,
  count(*) FILTER (WHERE due_at < :now) AS late
FROM cases WHERE closed_at IS NULL AND stopped_at IS NULL GROUP BY 1, 2, 3, 4
""")
