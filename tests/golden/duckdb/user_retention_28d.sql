-- sessions states
SELECT
  "t2"."_period",
  "t2"."_unit",
  COUNT(*) AS "_n",
  COALESCE(SUM("t2"."_dx0"), 0.0) AS "s0",
  COUNT("t2"."x0") AS "s1",
  COALESCE(SUM("t2"."x1"), 0) AS "s2",
  COALESCE(SUM("t2"."_dx2"), 0.0) AS "s3",
  COUNT("t2"."x2") AS "s4",
  COALESCE(SUM("t2"."x3"), 0) AS "s5",
  SUM("t2"."_u") AS "_unknown"
FROM (
  SELECT
    "t1"."_period",
    "t1"."_unit",
    "t1"."_w",
    "t1"."x0",
    "t1"."x1",
    "t1"."x2",
    "t1"."x3",
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
      ELSE CAST(NULL AS DOUBLE)
    END AS "_dx0",
    CASE
      WHEN "t1"."x2" IS NOT NULL
      THEN "t1"."_w" / NULLIF(
        COUNT("t1"."x2") OVER (
          PARTITION BY "t1"."_period", "t1"."x2"
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ),
        0
      )
      ELSE CAST(NULL AS DOUBLE)
    END AS "_dx2"
  FROM (
    SELECT
      0 AS "_period",
      CAST(HASH(COALESCE("t0"."user", "t0"."session")) & 63 AS BIGINT) AS "_unit",
      1.0 / COALESCE(NULLIF("t0"."sample_probability", 0), 1.0) AS "_w",
      CASE
        WHEN COALESCE(NOT (
          "t0"."returned_28d"
        ), FALSE)
        THEN "t0"."user"
        ELSE CAST(NULL AS TEXT)
      END AS "x0",
      CAST(COALESCE(NOT (
        "t0"."returned_28d"
      ), FALSE) AS BIGINT) AS "x1",
      CASE
        WHEN COALESCE("t0"."returned_28d" IS NOT NULL, FALSE)
        THEN "t0"."user"
        ELSE CAST(NULL AS TEXT)
      END AS "x2",
      CAST(COALESCE("t0"."returned_28d" IS NOT NULL, FALSE) AS BIGINT) AS "x3",
      CAST((
        "t0"."sample_probability" IS NULL
      ) OR (
        "t0"."sample_probability" = 0
      ) AS BIGINT) AS "_u"
    FROM "sessions" AS "t0"
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
