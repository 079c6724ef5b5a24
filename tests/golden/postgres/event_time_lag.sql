-- pipeline_runs age
SELECT
  "t1"."_period",
  MAX("t1"."_x") FILTER(WHERE
    "t1"."_x" <= 1790812800.0) AS "_newest",
  COUNT("t1"."_x") AS "_n",
  SUM("t1"."_e") AS "_e"
FROM (
  SELECT
    0 AS "_period",
    (
      EXTRACT('epoch' FROM DATE_TRUNC('SECOND', CAST("t0"."max_event_time" AS TIMESTAMP))) - EXTRACT('epoch' FROM DATE_TRUNC('SECOND', CAST(CAST('1970-01-01T00:00:00+00:00' AS TIMESTAMPTZ) AS TIMESTAMP)))
    ) + (
      CAST((
        (
          EXTRACT('microsecond' FROM CAST("t0"."max_event_time" AS TIMESTAMP)) % 1000000
        ) - (
          EXTRACT('microsecond' FROM CAST(CAST('1970-01-01T00:00:00+00:00' AS TIMESTAMPTZ) AS TIMESTAMP)) % 1000000
        )
      ) AS DOUBLE PRECISION) / 1000000.0
    ) AS "_x",
    1 AS "_e"
  FROM "pipeline_runs" AS "t0"
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
    AND "t0"."finished" >= CAST('2026-07-01T00:00:00+00:00' AS TIMESTAMPTZ)
    AND "t0"."finished" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
) AS "t1"
GROUP BY
  1
