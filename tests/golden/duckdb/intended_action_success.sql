-- actions states
SELECT
  "t2"."_period",
  "t2"."_unit",
  COUNT(*) AS "_n",
  SUM("t2"."_w" * "t2"."x0") AS "s0",
  SUM("t2"."_w" * "t2"."x1") AS "s1",
  COALESCE(SUM("t2"."x1"), 0) AS "s2",
  COALESCE(SUM("t2"."x2"), 0) AS "s3",
  SUM("t2"."_u") AS "_unknown"
FROM (
  SELECT
    "t1"."_period",
    CAST(HASH(COALESCE("t1"."run", "t1"."action")) & 63 AS BIGINT) AS "_unit",
    1.0 / COALESCE(NULLIF("t1"."sample_probability", 0), 1.0) AS "_w",
    CAST(COALESCE(
      (
        "t1"."ok" IS NOT NULL
      )
      AND (
        (
          ROW_NUMBER() OVER (
            PARTITION BY "t1"."action", "t1"."ok" IS NOT NULL, "t1"."_period"
            ORDER BY "t1"."attempt" DESC, "t1"."start" DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ) - 1
        ) = 0
      ),
      FALSE
    )
    AND COALESCE(COALESCE("t1"."intended", TRUE), FALSE)
    AND (
      MAX(CAST(COALESCE("t1"."ok", FALSE) AS BIGINT)) OVER (
        PARTITION BY "t1"."action", "t1"."_period"
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
      ) = 1
    ) AS BIGINT) AS "x0",
    CAST(COALESCE(
      (
        "t1"."ok" IS NOT NULL
      )
      AND (
        (
          ROW_NUMBER() OVER (
            PARTITION BY "t1"."action", "t1"."ok" IS NOT NULL, "t1"."_period"
            ORDER BY "t1"."attempt" DESC, "t1"."start" DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ) - 1
        ) = 0
      ),
      FALSE
    )
    AND COALESCE(COALESCE("t1"."intended", TRUE), FALSE)
    AND (
      MAX(CAST(COALESCE("t1"."ok", FALSE) AS BIGINT)) OVER (
        PARTITION BY "t1"."action", "t1"."_period"
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
      ) IS NOT NULL
    ) AS BIGINT) AS "x1",
    CAST(COALESCE(
      (
        "t1"."ok" IS NOT NULL
      )
      AND (
        (
          ROW_NUMBER() OVER (
            PARTITION BY "t1"."action", "t1"."ok" IS NOT NULL, "t1"."_period"
            ORDER BY "t1"."attempt" DESC, "t1"."start" DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ) - 1
        ) = 0
      ),
      FALSE
    )
    AND COALESCE(COALESCE("t1"."intended", TRUE), FALSE) AS BIGINT) AS "x2",
    CAST((
      "t1"."sample_probability" IS NULL
    ) OR (
      "t1"."sample_probability" = 0
    ) AS BIGINT) AS "_u"
  FROM (
    SELECT
      "t0"."start",
      "t0"."env",
      "t0"."run",
      "t0"."action",
      "t0"."sample_probability",
      "t0"."intended",
      "t0"."ok",
      "t0"."attempt",
      0 AS "_period"
    FROM "actions" AS "t0"
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
