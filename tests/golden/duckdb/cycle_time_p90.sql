-- requests survival
SELECT
  "t2"."_period",
  "t2"."_unit",
  "t2"."_bin",
  "t2"."_done",
  SUM("t2"."_w") AS "_w",
  COUNT(*) AS "_n",
  SUM("t2"."_e") AS "_e",
  SUM("t2"."_u") AS "_u"
FROM (
  SELECT
    "t1"."_period",
    "t1"."_unit",
    "t1"."_w",
    "t1"."_u",
    "t1"."x0",
    "t1"."x1",
    CASE
      WHEN (
        "t1"."x0" IS NOT NULL
      ) AND (
        "t1"."x1" IS NOT NULL
      )
      THEN CASE
        WHEN "t1"."x0" IS NULL
        THEN CAST(NULL AS BIGINT)
        ELSE CASE
          WHEN "t1"."x0" > 0
          THEN CAST(CEIL(LN(CASE WHEN "t1"."x0" > 0 THEN "t1"."x0" ELSE 1.0 END) / 0.019998686506689123) AS BIGINT)
          ELSE -1000000
        END
      END
      ELSE CAST(NULL AS BIGINT)
    END AS "_bin",
    CASE
      WHEN (
        "t1"."x0" IS NOT NULL
      ) AND (
        "t1"."x1" IS NOT NULL
      )
      THEN "t1"."x1"
      ELSE 0.0
    END AS "_done",
    CAST(TRUE AS BIGINT) AS "_e"
  FROM (
    SELECT
      0 AS "_period",
      CAST(HASH(COALESCE("t0"."user", "t0"."session", "t0"."run")) & 63 AS BIGINT) AS "_unit",
      1.0 / COALESCE(NULLIF("t0"."sample_probability", 0), 1.0) AS "_w",
      CAST((
        "t0"."sample_probability" IS NULL
      ) OR (
        "t0"."sample_probability" = 0
      ) AS BIGINT) AS "_u",
      COALESCE(
        COALESCE(
          "t0"."latency",
          (
            EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t0"."end" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t0"."start" AS TIMESTAMP)) AS TIMESTAMP))
          ) + (
            (
              (
                EXTRACT('MICROSECOND' FROM CAST("t0"."end" AS TIMESTAMP)) % 1000000
              ) - (
                EXTRACT('MICROSECOND' FROM CAST("t0"."start" AS TIMESTAMP)) % 1000000
              )
            ) / 1000000.0
          )
        ),
        (
          EPOCH(
            CAST(DATE_TRUNC('SECOND', CAST(MAKE_TIMESTAMPTZ(2026, 10, 1, 0, 0, 0.0, 'UTC') AS TIMESTAMP)) AS TIMESTAMP)
          ) - EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t0"."start" AS TIMESTAMP)) AS TIMESTAMP))
        ) + (
          (
            (
              EXTRACT('MICROSECOND' FROM CAST(MAKE_TIMESTAMPTZ(2026, 10, 1, 0, 0, 0.0, 'UTC') AS TIMESTAMP)) % 1000000
            ) - (
              EXTRACT('MICROSECOND' FROM CAST("t0"."start" AS TIMESTAMP)) % 1000000
            )
          ) / 1000000.0
        )
      ) AS "x0",
      CAST(CAST((
        (
          "t0"."end" IS NOT NULL
        ) OR (
          "t0"."latency" IS NOT NULL
        )
      )
      AND (
        COALESCE("t0"."outcome", '') <> 'abandoned'
      ) AS BIGINT) AS DOUBLE) AS "x1"
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
  2,
  3,
  4
