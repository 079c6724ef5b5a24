-- plans states
SELECT
  "t1"."_period",
  "t1"."_unit",
  COUNT(*) AS "_n",
  SUM("t1"."_w" * "t1"."x0") AS "s0",
  SUM("t1"."_w") FILTER(WHERE
    "t1"."x0" IS NOT NULL) AS "s1",
  COUNT("t1"."x0") AS "s2",
  SUM("t1"."_u") AS "_unknown"
FROM (
  SELECT
    0 AS "_period",
    CAST(HASH(COALESCE("t0"."run", "t0"."plan")) & 63 AS BIGINT) AS "_unit",
    1.0 / COALESCE(NULLIF("t0"."sample_probability", 0), 1.0) AS "_w",
    CASE
      WHEN (
        (
          EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t0"."ready" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t0"."started" AS TIMESTAMP)) AS TIMESTAMP))
        ) + (
          (
            (
              EXTRACT('MICROSECOND' FROM CAST("t0"."ready" AS TIMESTAMP)) % 1000000
            ) - (
              EXTRACT('MICROSECOND' FROM CAST("t0"."started" AS TIMESTAMP)) % 1000000
            )
          ) / 1000000.0
        )
      ) >= 0
      THEN (
        EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t0"."ready" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t0"."started" AS TIMESTAMP)) AS TIMESTAMP))
      ) + (
        (
          (
            EXTRACT('MICROSECOND' FROM CAST("t0"."ready" AS TIMESTAMP)) % 1000000
          ) - (
            EXTRACT('MICROSECOND' FROM CAST("t0"."started" AS TIMESTAMP)) % 1000000
          )
        ) / 1000000.0
      )
      ELSE CAST(NULL AS DOUBLE)
    END AS "x0",
    CAST((
      "t0"."sample_probability" IS NULL
    ) OR (
      "t0"."sample_probability" = 0
    ) AS BIGINT) AS "_u"
  FROM "plans" AS "t0"
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
    AND "t0"."started" >= MAKE_TIMESTAMPTZ(2026, 7, 1, 0, 0, 0.0, 'UTC')
    AND "t0"."started" < MAKE_TIMESTAMPTZ(2026, 10, 1, 0, 0, 0.0, 'UTC')
) AS "t1"
GROUP BY
  1,
  2
