-- requests states
SELECT
  "t2"."_period",
  "t2"."_unit",
  COUNT(*) AS "_n",
  SUM("t2"."_w" * "t2"."x0") AS "s0",
  SUM("t2"."_w") FILTER(WHERE
    "t2"."x0" IS NOT NULL) AS "s1",
  COUNT("t2"."x0") AS "s2",
  COALESCE(SUM("t2"."x1"), 0) AS "s3",
  SUM("t2"."_u") AS "_unknown"
FROM (
  SELECT
    "t1"."_period",
    COALESCE(HASHTEXTEXTENDED(COALESCE("t1"."user", "t1"."session", "t1"."run"), 0), 0) & 63 AS "_unit",
    CAST(1.0 AS DOUBLE PRECISION) / COALESCE(NULLIF("t1"."sample_probability", 0), 1.0) AS "_w",
    CASE
      WHEN (
        "t1"."input_hash" IS NOT NULL
      )
      AND (
        CAST(CAST(CASE
          WHEN COALESCE("t1"."outcome", 'unknown') <> 'unknown'
          THEN "t1"."outcome" = 'success'
          ELSE CAST(NULL AS BOOLEAN)
        END AS INT) AS BIGINT) IS NOT NULL
      )
      AND (
        COUNT(
          CAST(CAST(CASE
            WHEN COALESCE("t1"."outcome", 'unknown') <> 'unknown'
            THEN "t1"."outcome" = 'success'
            ELSE CAST(NULL AS BOOLEAN)
          END AS INT) AS BIGINT)
        ) OVER (
          PARTITION BY "t1"."_period", "t1"."input_hash"
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) > 1
      )
      THEN CAST(CASE
        WHEN CAST(CAST(CASE
          WHEN COALESCE("t1"."outcome", 'unknown') <> 'unknown'
          THEN "t1"."outcome" = 'success'
          ELSE CAST(NULL AS BOOLEAN)
        END AS INT) AS BIGINT) = 1
        THEN SUM(
          CAST(CAST(CASE
            WHEN COALESCE("t1"."outcome", 'unknown') <> 'unknown'
            THEN "t1"."outcome" = 'success'
            ELSE CAST(NULL AS BOOLEAN)
          END AS INT) AS BIGINT)
        ) OVER (
          PARTITION BY "t1"."_period", "t1"."input_hash"
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) - 1
        ELSE (
          COUNT(
            CAST(CAST(CASE
              WHEN COALESCE("t1"."outcome", 'unknown') <> 'unknown'
              THEN "t1"."outcome" = 'success'
              ELSE CAST(NULL AS BOOLEAN)
            END AS INT) AS BIGINT)
          ) OVER (
            PARTITION BY "t1"."_period", "t1"."input_hash"
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ) - SUM(
            CAST(CAST(CASE
              WHEN COALESCE("t1"."outcome", 'unknown') <> 'unknown'
              THEN "t1"."outcome" = 'success'
              ELSE CAST(NULL AS BOOLEAN)
            END AS INT) AS BIGINT)
          ) OVER (
            PARTITION BY "t1"."_period", "t1"."input_hash"
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          )
        ) - 1
      END AS DOUBLE PRECISION) / NULLIF(
        COUNT(
          CAST(CAST(CASE
            WHEN COALESCE("t1"."outcome", 'unknown') <> 'unknown'
            THEN "t1"."outcome" = 'success'
            ELSE CAST(NULL AS BOOLEAN)
          END AS INT) AS BIGINT)
        ) OVER (
          PARTITION BY "t1"."_period", "t1"."input_hash"
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) - 1,
        0
      )
      ELSE CAST(NULL AS DOUBLE PRECISION)
    END AS "x0",
    CAST(CAST(COALESCE("t1"."input_hash" IS NOT NULL, FALSE) AS INT) AS BIGINT) AS "x1",
    CAST(CAST((
      "t1"."sample_probability" IS NULL
    ) OR (
      "t1"."sample_probability" = 0
    ) AS INT) AS BIGINT) AS "_u"
  FROM (
    SELECT
      "t0"."start",
      "t0"."env",
      "t0"."user",
      "t0"."session",
      "t0"."run",
      "t0"."sample_probability",
      "t0"."input_hash",
      "t0"."outcome",
      0 AS "_period"
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
) AS "t2"
GROUP BY
  1,
  2
