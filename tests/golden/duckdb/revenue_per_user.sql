-- sessions states
SELECT
  "t3"."_period",
  "t3"."_unit",
  COUNT(*) AS "_n",
  SUM("t3"."_w" * "t3"."x0") AS "s0",
  SUM("t3"."_w") FILTER(WHERE
    "t3"."x0" IS NOT NULL) AS "s1",
  COUNT("t3"."x0") AS "s2",
  SUM("t3"."_u") AS "_unknown"
FROM (
  SELECT
    "t2"."_period",
    CAST(HASH(COALESCE("t2"."user", "t2"."session")) & 63 AS BIGINT) AS "_unit",
    1.0 / COALESCE(NULLIF("t2"."sample_probability", 0), 1.0) AS "_w",
    "t2"."_per_28a88a1be48f" AS "x0",
    CAST((
      "t2"."sample_probability" IS NULL
    ) OR (
      "t2"."sample_probability" = 0
    ) AS BIGINT) AS "_u"
  FROM (
    SELECT
      "t1"."_period",
      "t1"."user",
      MIN("t1"."session") AS "session",
      MAX("t1"."sample_probability") AS "sample_probability",
      SUM("t1"."_per_28a88a1be48f") AS "_per_28a88a1be48f"
    FROM (
      SELECT
        0 AS "_period",
        "t0"."user",
        "t0"."session",
        "t0"."sample_probability",
        "t0"."revenue" AS "_per_28a88a1be48f"
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
        AND "t0"."user" IS NOT NULL
    ) AS "t1"
    GROUP BY
      1,
      2
  ) AS "t2"
) AS "t3"
GROUP BY
  1,
  2
