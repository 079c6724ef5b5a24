-- plans states
SELECT
  "t2"."_period",
  "t2"."_unit",
  COUNT(*) AS "_n",
  SUM("t2"."_w") AS "s0",
  COALESCE(SUM("t2"."_dx0"), 0.0) AS "s3",
  COUNT("t2"."x0") AS "s4",
  SUM("t2"."_u") AS "_unknown"
FROM (
  SELECT
    "t1"."_period",
    "t1"."_unit",
    "t1"."_w",
    "t1"."x0",
    "t1"."_u",
    CASE
      WHEN "t1"."x0" IS NOT NULL
      THEN "t1"."_w" / NULLIF(
        COUNT("t1"."x0") OVER (
          PARTITION BY "t1"."_period", "t1"."x0"
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ),
        0
      )
      ELSE CAST(NULL AS DOUBLE PRECISION)
    END AS "_dx0"
  FROM (
    SELECT
      0 AS "_period",
      COALESCE(HASHTEXTEXTENDED(COALESCE("t0"."run", "t0"."plan"), 0), 0) & 63 AS "_unit",
      CAST(1.0 AS DOUBLE PRECISION) / COALESCE(NULLIF("t0"."sample_probability", 0), 1.0) AS "_w",
      "t0"."run" AS "x0",
      CAST(CAST((
        "t0"."sample_probability" IS NULL
      ) OR (
        "t0"."sample_probability" = 0
      ) AS INT) AS BIGINT) AS "_u"
    FROM "plans" AS "t0"
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
      AND "t0"."started" >= CAST('2026-07-01T00:00:00+00:00' AS TIMESTAMPTZ)
      AND "t0"."started" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
  ) AS "t1"
) AS "t2"
GROUP BY
  1,
  2
