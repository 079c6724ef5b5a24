-- tool_touches states
SELECT
  "t2"."_period",
  "t2"."_unit",
  COUNT(*) AS "_n",
  SUM("t2"."_w" * "t2"."x0") AS "s0",
  COALESCE(SUM("t2"."_dx1"), 0.0) AS "s3",
  COUNT("t2"."x1") AS "s4",
  COALESCE(SUM("t2"."x2"), 0) AS "s5",
  SUM("t2"."_u") AS "_unknown"
FROM (
  SELECT
    "t1"."_period",
    "t1"."_unit",
    "t1"."_w",
    "t1"."x0",
    "t1"."x1",
    "t1"."x2",
    "t1"."_u",
    CASE
      WHEN "t1"."x1" IS NOT NULL
      THEN "t1"."_w" / NULLIF(
        COUNT("t1"."x1") OVER (
          PARTITION BY "t1"."_period", "t1"."x1"
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ),
        0
      )
      ELSE CAST(NULL AS DOUBLE)
    END AS "_dx1"
  FROM (
    SELECT
      0 AS "_period",
      CAST(HASH("t0"."run") & 63 AS BIGINT) AS "_unit",
      1.0 / COALESCE(NULLIF("t0"."sample_probability", 0), 1.0) AS "_w",
      CAST(COALESCE(LIST_CONTAINS(['before'], "t0"."phase"), FALSE) AS BIGINT) AS "x0",
      CASE
        WHEN COALESCE(COALESCE("t0"."phase" = 'before', FALSE), FALSE)
        THEN "t0"."run"
        ELSE CAST(NULL AS TEXT)
      END AS "x1",
      CAST(COALESCE(COALESCE(LIST_CONTAINS(['before'], "t0"."phase"), FALSE), FALSE) AS BIGINT) AS "x2",
      CAST((
        "t0"."sample_probability" IS NULL
      ) OR (
        "t0"."sample_probability" = 0
      ) AS BIGINT) AS "_u"
    FROM "tool_touches" AS "t0"
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
      AND "t0"."touched" < MAKE_TIMESTAMPTZ(2026, 10, 1, 0, 0, 0.0, 'UTC')
  ) AS "t1"
) AS "t2"
GROUP BY
  1,
  2
