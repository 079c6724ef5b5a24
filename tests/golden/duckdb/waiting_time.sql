-- requests histogram
SELECT
  "t1"."_period",
  "t1"."_unit",
  "t1"."_bin",
  SUM("t1"."_weight") AS "_w",
  COUNT(*) AS "_n",
  COUNT(*) AS "_e",
  SUM("t1"."_u") AS "_unknown"
FROM (
  SELECT
    0 AS "_period",
    CAST(HASH(COALESCE("t0"."user", "t0"."session", "t0"."run")) & 63 AS BIGINT) AS "_unit",
    CASE
      WHEN CASE
        WHEN "t0"."latency" >= "t0"."active"
        THEN "t0"."latency" - "t0"."active"
        ELSE CAST(NULL AS DOUBLE)
      END IS NULL
      THEN CAST(NULL AS BIGINT)
      ELSE CASE
        WHEN CASE
          WHEN "t0"."latency" >= "t0"."active"
          THEN "t0"."latency" - "t0"."active"
          ELSE CAST(NULL AS DOUBLE)
        END > 0
        THEN CAST(CEIL(
          LN(
            CASE
              WHEN CASE
                WHEN "t0"."latency" >= "t0"."active"
                THEN "t0"."latency" - "t0"."active"
                ELSE CAST(NULL AS DOUBLE)
              END > 0
              THEN CASE
                WHEN "t0"."latency" >= "t0"."active"
                THEN "t0"."latency" - "t0"."active"
                ELSE CAST(NULL AS DOUBLE)
              END
              ELSE 1.0
            END
          ) / 0.019998686506689123
        ) AS BIGINT)
        ELSE -1000000
      END
    END AS "_bin",
    CAST((
      "t0"."sample_probability" IS NULL
    ) OR (
      "t0"."sample_probability" = 0
    ) AS BIGINT) AS "_u",
    1.0 / COALESCE(NULLIF("t0"."sample_probability", 0), 1.0) AS "_weight"
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
  2,
  3
