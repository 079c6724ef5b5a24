-- sessions states
SELECT
  "t9"."_period",
  "t9"."_unit",
  COUNT(*) AS "_n",
  SUM("t9"."_w" * "t9"."x0") AS "s0",
  SUM("t9"."_w") FILTER(WHERE
    "t9"."x0" IS NOT NULL) AS "s1",
  COUNT("t9"."x0") AS "s2",
  COALESCE(SUM("t9"."x1"), 0) AS "s3",
  SUM("t9"."_u") AS "_unknown"
FROM (
  SELECT
    0 AS "_period",
    COALESCE(HASHTEXTEXTENDED(COALESCE("t8"."user", "t8"."session"), 0), 0) & 63 AS "_unit",
    CAST(1.0 AS DOUBLE PRECISION) / COALESCE(NULLIF("t8"."sample_probability", 0), 1.0) AS "_w",
    CASE
      WHEN COALESCE(COALESCE("t8"."session_runs.runs" > 0, FALSE), FALSE)
      THEN (
        "t8"."revenue" - "t8"."cost_to_serve"
      ) - "t8"."session_runs.cost"
      ELSE CAST(NULL AS DOUBLE PRECISION)
    END AS "x0",
    CAST(CAST(COALESCE(COALESCE("t8"."session_runs.runs" > 0, FALSE), FALSE) AS INT) AS BIGINT) AS "x1",
    CAST(CAST((
      "t8"."sample_probability" IS NULL
    ) OR (
      "t8"."sample_probability" = 0
    ) AS INT) AS BIGINT) AS "_u"
  FROM (
    SELECT
      "t3"."start",
      "t3"."env",
      "t3"."user",
      "t3"."session",
      "t3"."sample_probability",
      "t3"."revenue",
      "t3"."cost_to_serve",
      "t7"."session_runs.cost",
      "t7"."session_runs.runs"
    FROM (
      SELECT
        "t0"."start",
        "t0"."env",
        "t0"."user",
        "t0"."session",
        "t0"."sample_probability",
        "t0"."revenue",
        "t0"."cost_to_serve"
      FROM "sessions" AS "t0"
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
        AND "t0"."start" >= CAST('2026-07-01T00:00:00+00:00' AS TIMESTAMPTZ)
        AND "t0"."start" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
    ) AS "t3"
    LEFT OUTER JOIN (
      SELECT
        "t5"."_key",
        0 AS "_at",
        "t5"."cost" AS "session_runs.cost",
        "t5"."runs" AS "session_runs.runs"
      FROM (
        SELECT
          "t4"."session" AS "_key",
          SUM("t4"."_weight") AS "runs",
          CASE
            WHEN COUNT("t4"."_cost") = COUNT(*)
            THEN SUM("t4"."_cost")
            ELSE CAST(NULL AS DOUBLE PRECISION)
          END AS "cost"
        FROM (
          SELECT
            "t1"."session",
            CAST(1.0 AS DOUBLE PRECISION) / COALESCE(NULLIF("t1"."sample_probability", 0), 1.0) AS "_weight",
            (
              CAST(1.0 AS DOUBLE PRECISION) / COALESCE(NULLIF("t1"."sample_probability", 0), 1.0)
            ) * "t1"."cost" AS "_cost"
          FROM "requests" AS "t1"
          WHERE
            NOT (
              POSITION('duplicate' IN COALESCE("t1"."dq_flags", '')) > 0
            )
            AND (
              (
                "t1"."env" IS NULL
              ) OR (
                "t1"."env" = 'production'
              )
            )
            AND "t1"."start" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
            AND "t1"."session" IS NOT NULL
        ) AS "t4"
        GROUP BY
          1
      ) AS "t5"
    ) AS "t7"
      ON "t3"."session" = "t7"."_key"
  ) AS "t8"
) AS "t9"
GROUP BY
  1,
  2
