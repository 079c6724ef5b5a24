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
    CAST(HASH(COALESCE("t1"."user", "t1"."session", "t1"."run")) & 63 AS BIGINT) AS "_unit",
    1.0 / COALESCE(NULLIF("t1"."sample_probability", 0), 1.0) AS "_w",
    CASE
      WHEN (
        "t1"."input_hash" IS NOT NULL
      )
      AND (
        CAST(CASE
          WHEN COALESCE("t1"."outcome", 'unknown') <> 'unknown'
          THEN LIST_CONTAINS(['success'], "t1"."outcome")
          ELSE CAST(NULL AS BOOLEAN)
        END AS BIGINT) IS NOT NULL
      )
      AND (
        COUNT(
          CAST(CASE
            WHEN COALESCE("t1"."outcome", 'unknown') <> 'unknown'
            THEN LIST_CONTAINS(['success'], "t1"."outcome")
            ELSE CAST(NULL AS BOOLEAN)
          END AS BIGINT)
        ) OVER (
          PARTITION BY "t1"."_period", "t1"."input_hash"
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) > 1
      )
      THEN CASE
        WHEN CAST(CASE
          WHEN COALESCE("t1"."outcome", 'unknown') <> 'unknown'
          THEN LIST_CONTAINS(['success'], "t1"."outcome")
          ELSE CAST(NULL AS BOOLEAN)
        END AS BIGINT) = 1
        THEN SUM(
          CAST(CASE
            WHEN COALESCE("t1"."outcome", 'unknown') <> 'unknown'
            THEN LIST_CONTAINS(['success'], "t1"."outcome")
            ELSE CAST(NULL AS BOOLEAN)
          END AS BIGINT)
        ) OVER (
          PARTITION BY "t1"."_period", "t1"."input_hash"
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) - 1
        ELSE (
          COUNT(
            CAST(CASE
              WHEN COALESCE("t1"."outcome", 'unknown') <> 'unknown'
              THEN LIST_CONTAINS(['success'], "t1"."outcome")
              ELSE CAST(NULL AS BOOLEAN)
            END AS BIGINT)
          ) OVER (
            PARTITION BY "t1"."_period", "t1"."input_hash"
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ) - SUM(
            CAST(CASE
              WHEN COALESCE("t1"."outcome", 'unknown') <> 'unknown'
              THEN LIST_CONTAINS(['success'], "t1"."outcome")
              ELSE CAST(NULL AS BOOLEAN)
            END AS BIGINT)
          ) OVER (
            PARTITION BY "t1"."_period", "t1"."input_hash"
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          )
        ) - 1
      END / NULLIF(
        COUNT(
          CAST(CASE
            WHEN COALESCE("t1"."outcome", 'unknown') <> 'unknown'
            THEN LIST_CONTAINS(['success'], "t1"."outcome")
            ELSE CAST(NULL AS BOOLEAN)
          END AS BIGINT)
        ) OVER (
          PARTITION BY "t1"."_period", "t1"."input_hash"
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) - 1,
        0
      )
      ELSE CAST(NULL AS DOUBLE)
    END AS "x0",
    CAST(COALESCE("t1"."input_hash" IS NOT NULL, FALSE) AS BIGINT) AS "x1",
    CAST((
      "t1"."sample_probability" IS NULL
    ) OR (
      "t1"."sample_probability" = 0
    ) AS BIGINT) AS "_u"
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
) AS "t2"
GROUP BY
  1,
  2
