-- requests states
SELECT
  "t1"."_period",
  "t1"."_unit",
  COUNT(*) AS "_n",
  SUM("t1"."_w" * "t1"."x0") AS "s0",
  COUNT("t1"."x0") AS "s1",
  COALESCE(SUM("t1"."x1"), 0) AS "s2",
  SUM("t1"."_w" * "t1"."x2") AS "s3",
  COUNT("t1"."x2") AS "s4",
  COALESCE(SUM("t1"."x3"), 0) AS "s5",
  SUM("t1"."_u") AS "_unknown"
FROM (
  SELECT
    0 AS "_period",
    COALESCE(HASHTEXTEXTENDED(COALESCE("t0"."user", "t0"."session", "t0"."run"), 0), 0) & 63 AS "_unit",
    CAST(1.0 AS DOUBLE PRECISION) / COALESCE(NULLIF("t0"."sample_probability", 0), 1.0) AS "_w",
    CASE
      WHEN COALESCE(
        CASE
          WHEN COALESCE("t0"."outcome", 'unknown') <> 'unknown'
          THEN "t0"."outcome" <> 'success'
          ELSE CAST(NULL AS BOOLEAN)
        END,
        FALSE
      )
      AND COALESCE(COALESCE("t0"."outcome", 'unknown') <> 'unknown', FALSE)
      THEN "t0"."cost"
      ELSE CAST(NULL AS DOUBLE PRECISION)
    END AS "x0",
    CAST(CAST(COALESCE(
      CASE
        WHEN COALESCE("t0"."outcome", 'unknown') <> 'unknown'
        THEN "t0"."outcome" <> 'success'
        ELSE CAST(NULL AS BOOLEAN)
      END,
      FALSE
    )
    AND COALESCE(COALESCE("t0"."outcome", 'unknown') <> 'unknown', FALSE) AS INT) AS BIGINT) AS "x1",
    CASE
      WHEN COALESCE(COALESCE("t0"."outcome", 'unknown') <> 'unknown', FALSE)
      THEN "t0"."cost"
      ELSE CAST(NULL AS DOUBLE PRECISION)
    END AS "x2",
    CAST(CAST(COALESCE(COALESCE("t0"."outcome", 'unknown') <> 'unknown', FALSE) AS INT) AS BIGINT) AS "x3",
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
