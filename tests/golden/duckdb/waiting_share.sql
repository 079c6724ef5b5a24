-- requests states
SELECT
  "t1"."_period",
  "t1"."_unit",
  COUNT(*) AS "_n",
  SUM("t1"."_w" * "t1"."x0") AS "s0",
  SUM("t1"."_w") FILTER(WHERE
    "t1"."x0" IS NOT NULL) AS "s1",
  COUNT("t1"."x0") AS "s2",
  SUM("t1"."_w" * "t1"."x1") AS "s4",
  SUM("t1"."_w") FILTER(WHERE
    "t1"."x1" IS NOT NULL) AS "s5",
  COUNT("t1"."x1") AS "s6",
  SUM("t1"."_u") AS "_unknown"
FROM (
  SELECT
    0 AS "_period",
    CAST(HASH(COALESCE("t0"."user", "t0"."session", "t0"."run")) & 63 AS BIGINT) AS "_unit",
    1.0 / COALESCE(NULLIF("t0"."sample_probability", 0), 1.0) AS "_w",
    CASE
      WHEN "t0"."latency" IS NOT NULL
      THEN CASE
        WHEN "t0"."latency" >= "t0"."active"
        THEN "t0"."latency" - "t0"."active"
        ELSE CAST(NULL AS DOUBLE)
      END
      ELSE CAST(NULL AS DOUBLE)
    END AS "x0",
    CASE
      WHEN CASE
        WHEN "t0"."latency" >= "t0"."active"
        THEN "t0"."latency" - "t0"."active"
        ELSE CAST(NULL AS DOUBLE)
      END IS NOT NULL
      THEN "t0"."latency"
      ELSE CAST(NULL AS DOUBLE)
    END AS "x1",
    CAST((
      "t0"."sample_probability" IS NULL
    ) OR (
      "t0"."sample_probability" = 0
    ) AS BIGINT) AS "_u"
  FROM "requests" AS "t0"
  WHERE
    NOT (
      CONTAINS(COALESCE("t0"."dq_flags", ''), 'duplicate')
    )
    AND (
      (
        "t0"."env" IS NULL
      ) OR (
        "t0"."env" = 'production'
      )
    )
    AND "t0"."start" >= MAKE_TIMESTAMPTZ(2026, 7, 1, 0, 0, 0.0, 'UTC')
    AND "t0"."start" < MAKE_TIMESTAMPTZ(2026, 10, 1, 0, 0, 0.0, 'UTC')
) AS "t1"
GROUP BY
  1,
  2
