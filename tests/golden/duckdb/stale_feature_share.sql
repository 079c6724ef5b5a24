-- pipeline_runs states
SELECT
  "t1"."_period",
  "t1"."_unit",
  COUNT(*) AS "_n",
  SUM("t1"."_w" * "t1"."x0") AS "s0",
  SUM("t1"."_w" * "t1"."x1") AS "s1",
  COALESCE(SUM("t1"."x1"), 0) AS "s2",
  COALESCE(SUM("t1"."x2"), 0) AS "s3",
  SUM("t1"."_u") AS "_unknown"
FROM (
  SELECT
    0 AS "_period",
    CAST(HASH("t0"."feed") & 63 AS BIGINT) AS "_unit",
    1.0 / COALESCE(NULLIF("t0"."sample_probability", 0), 1.0) AS "_w",
    CAST(COALESCE(LIST_CONTAINS(['pipeline_to_store'], "t0"."stage"), FALSE)
    AND (
      CASE
        WHEN (
          (
            EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t0"."finished" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(
              CAST(DATE_TRUNC('SECOND', CAST("t0"."max_event_time" AS TIMESTAMP)) AS TIMESTAMP)
            )
          ) + (
            (
              (
                EXTRACT('MICROSECOND' FROM CAST("t0"."finished" AS TIMESTAMP)) % 1000000
              ) - (
                EXTRACT('MICROSECOND' FROM CAST("t0"."max_event_time" AS TIMESTAMP)) % 1000000
              )
            ) / 1000000.0
          )
        ) >= 0
        THEN (
          EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t0"."finished" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(
            CAST(DATE_TRUNC('SECOND', CAST("t0"."max_event_time" AS TIMESTAMP)) AS TIMESTAMP)
          )
        ) + (
          (
            (
              EXTRACT('MICROSECOND' FROM CAST("t0"."finished" AS TIMESTAMP)) % 1000000
            ) - (
              EXTRACT('MICROSECOND' FROM CAST("t0"."max_event_time" AS TIMESTAMP)) % 1000000
            )
          ) / 1000000.0
        )
        ELSE CAST(NULL AS DOUBLE)
      END > 3600.0
    ) AS BIGINT) AS "x0",
    CAST(COALESCE(LIST_CONTAINS(['pipeline_to_store'], "t0"."stage"), FALSE)
    AND (
      CASE
        WHEN (
          (
            EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t0"."finished" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(
              CAST(DATE_TRUNC('SECOND', CAST("t0"."max_event_time" AS TIMESTAMP)) AS TIMESTAMP)
            )
          ) + (
            (
              (
                EXTRACT('MICROSECOND' FROM CAST("t0"."finished" AS TIMESTAMP)) % 1000000
              ) - (
                EXTRACT('MICROSECOND' FROM CAST("t0"."max_event_time" AS TIMESTAMP)) % 1000000
              )
            ) / 1000000.0
          )
        ) >= 0
        THEN (
          EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t0"."finished" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(
            CAST(DATE_TRUNC('SECOND', CAST("t0"."max_event_time" AS TIMESTAMP)) AS TIMESTAMP)
          )
        ) + (
          (
            (
              EXTRACT('MICROSECOND' FROM CAST("t0"."finished" AS TIMESTAMP)) % 1000000
            ) - (
              EXTRACT('MICROSECOND' FROM CAST("t0"."max_event_time" AS TIMESTAMP)) % 1000000
            )
          ) / 1000000.0
        )
        ELSE CAST(NULL AS DOUBLE)
      END IS NOT NULL
    ) AS BIGINT) AS "x1",
    CAST(COALESCE(LIST_CONTAINS(['pipeline_to_store'], "t0"."stage"), FALSE) AS BIGINT) AS "x2",
    CAST((
      "t0"."sample_probability" IS NULL
    ) OR (
      "t0"."sample_probability" = 0
    ) AS BIGINT) AS "_u"
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
  1,
  2
