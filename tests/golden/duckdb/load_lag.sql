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
      EPOCH(
        CAST(DATE_TRUNC(
          'SECOND',
          CAST(CASE
            WHEN COALESCE(NOT (
              "t0"."status" = 'failure'
            ), FALSE)
            THEN "t0"."finished"
            ELSE CAST(NULL AS TIMESTAMPTZ)
          END AS TIMESTAMP)
        ) AS TIMESTAMP)
      ) - EPOCH(
        CAST(DATE_TRUNC('SECOND', CAST(MAKE_TIMESTAMPTZ(1970, 1, 1, 0, 0, 0.0, 'UTC') AS TIMESTAMP)) AS TIMESTAMP)
      )
    ) + (
      (
        (
          EXTRACT('MICROSECOND' FROM CAST(CASE
            WHEN COALESCE(NOT (
              "t0"."status" = 'failure'
            ), FALSE)
            THEN "t0"."finished"
            ELSE CAST(NULL AS TIMESTAMPTZ)
          END AS TIMESTAMP)) % 1000000
        ) - (
          EXTRACT('MICROSECOND' FROM CAST(MAKE_TIMESTAMPTZ(1970, 1, 1, 0, 0, 0.0, 'UTC') AS TIMESTAMP)) % 1000000
        )
      ) / 1000000.0
    ) AS "_x",
    CAST(COALESCE(NOT (
      LIST_CONTAINS(['failure'], "t0"."status")
    ), FALSE) AS BIGINT) AS "_e"
  FROM "pipeline_runs" AS "t0"
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
    AND "t0"."finished" >= MAKE_TIMESTAMPTZ(2026, 7, 1, 0, 0, 0.0, 'UTC')
    AND "t0"."finished" < MAKE_TIMESTAMPTZ(2026, 10, 1, 0, 0, 0.0, 'UTC')
) AS "t1"
GROUP BY
  1
