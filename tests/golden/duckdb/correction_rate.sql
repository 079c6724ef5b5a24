-- feedback states
SELECT
  "t1"."_period",
  "t1"."_unit",
  COUNT(*) AS "_n",
  SUM("t1"."_w" * "t1"."x0") AS "s0",
  SUM("t1"."_w") FILTER(WHERE
    "t1"."x0" IS NOT NULL) AS "s1",
  COUNT("t1"."x0") AS "s2",
  COALESCE(SUM("t1"."x1"), 0) AS "s3",
  SUM("t1"."_u") AS "_unknown"
FROM (
  SELECT
    0 AS "_period",
    CAST(HASH(COALESCE("t0"."user", "t0"."run")) & 63 AS BIGINT) AS "_unit",
    (
      1.0 / COALESCE(NULLIF("t0"."sample_probability", 0), 1.0)
    ) / COALESCE(NULLIF("t0"."selection_probability", 0), 1.0) AS "_w",
    CASE WHEN "t0"."name" = 'correction' THEN "t0"."value" ELSE CAST(NULL AS DOUBLE) END AS "x0",
    CAST(COALESCE(LIST_CONTAINS(['correction'], "t0"."name"), FALSE) AS BIGINT) AS "x1",
    CAST((
      "t0"."sample_probability" IS NULL
    )
    OR (
      "t0"."sample_probability" = 0
    )
    OR (
      "t0"."selection_probability" IS NULL
    ) AS BIGINT) AS "_u"
  FROM "feedback" AS "t0"
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
    AND "t0"."given" >= MAKE_TIMESTAMPTZ(2026, 7, 1, 0, 0, 0.0, 'UTC')
    AND "t0"."given" < MAKE_TIMESTAMPTZ(2026, 10, 1, 0, 0, 0.0, 'UTC')
) AS "t1"
GROUP BY
  1,
  2
