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
    COALESCE(HASHTEXTEXTENDED(COALESCE("t0"."user", "t0"."session", "t0"."run"), 0), 0) & 63 AS "_unit",
    CAST(1.0 AS DOUBLE PRECISION) / COALESCE(NULLIF("t0"."sample_probability", 0), 1.0) AS "_w",
    CASE
      WHEN "t0"."latency" IS NOT NULL
      THEN CASE
        WHEN "t0"."latency" >= "t0"."active"
        THEN "t0"."latency" - "t0"."active"
        ELSE CAST(NULL AS DOUBLE PRECISION)
      END
      ELSE CAST(NULL AS DOUBLE PRECISION)
    END AS "x0",
    CASE
      WHEN CASE
        WHEN "t0"."latency" >= "t0"."active"
        THEN "t0"."latency" - "t0"."active"
        ELSE CAST(NULL AS DOUBLE PRECISION)
      END IS NOT NULL
      THEN "t0"."latency"
      ELSE CAST(NULL AS DOUBLE PRECISION)
    END AS "x1",
    CAST(CAST((
      "t0"."sample_probability" IS NULL
    ) OR (
      "t0"."sample_probability" = 0
    ) AS INT) AS BIGINT) AS "_u"
  FROM "requests" AS "t0"
  WHERE
    NOT (
      POSITION('duplicate' IN COALESCE("t0"."dq_flags", '')) > 0
    )
    AND (
      (
        "t0"."env" IS NULL
      ) OR (
        "t0"."env" = 'production'
      )
    )
    AND "t0"."start" >= CAST('2026-07-01T00:00:00+00:00' AS TIMESTAMPTZ)
    AND "t0"."start" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
) AS "t1"
GROUP BY
  1,
  2
