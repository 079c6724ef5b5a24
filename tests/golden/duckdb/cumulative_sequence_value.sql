-- sessions states
SELECT
  "t9"."_period",
  "t9"."_unit",
  COUNT(*) AS "_n",
  SUM("t9"."_w" * "t9"."x0") AS "s0",
  COUNT("t9"."x0") AS "s1",
  COALESCE(SUM("t9"."x1"), 0) AS "s2",
  SUM("t9"."_u") AS "_unknown"
FROM (
  SELECT
    0 AS "_period",
    CAST(HASH(COALESCE("t8"."user", "t8"."session")) & 63 AS BIGINT) AS "_unit",
    1.0 / COALESCE(NULLIF("t8"."sample_probability", 0), 1.0) AS "_w",
    CASE
      WHEN COALESCE(COALESCE("t8"."session_runs.runs" > 0, FALSE), FALSE)
      THEN (
        "t8"."revenue" - "t8"."cost_to_serve"
      ) - "t8"."session_runs.cost"
      ELSE CAST(NULL AS DOUBLE)
    END AS "x0",
    CAST(COALESCE(COALESCE("t8"."session_runs.runs" > 0, FALSE), FALSE) AS BIGINT) AS "x1",
    CAST((
      "t8"."sample_probability" IS NULL
    ) OR (
      "t8"."sample_probability" = 0
    ) AS BIGINT) AS "_u"
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
            ELSE CAST(NULL AS DOUBLE)
          END AS "cost"
        FROM (
          SELECT
            "t1"."session",
            1.0 / COALESCE(NULLIF("t1"."sample_probability", 0), 1.0) AS "_weight",
            (
              1.0 / COALESCE(NULLIF("t1"."sample_probability", 0), 1.0)
            ) * "t1"."cost" AS "_cost"
          FROM "requests" AS "t1"
          WHERE
            NOT (
              CONTAINS(COALESCE("t1"."dq_flags", ''), 'duplicate')
            )
            AND (
              (
                "t1"."env" IS NULL
              ) OR (
                "t1"."env" = 'production'
              )
            )
            AND "t1"."start" < MAKE_TIMESTAMPTZ(2026, 10, 1, 0, 0, 0.0, 'UTC')
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

-- sessions sampling
SELECT
  "t11"."_period",
  SUM(
    (
      (
        1.0 - "t11"."_p"
      ) / (
        "t11"."_p" * "t11"."_p"
      )
    ) * "t11"."x0" * "t11"."x0"
  ) AS "v_0_0"
FROM (
  SELECT
    "t10"."_period",
    "t10"."_kept",
    MIN("t10"."_p") AS "_p",
    COALESCE(SUM("t10"."x0"), 0) AS "x0"
  FROM (
    SELECT
      *
    FROM (
      SELECT
        0 AS "_period",
        "t8"."session" AS "_kept",
        1.0 / (
          1.0 / COALESCE(NULLIF("t8"."sample_probability", 0), 1.0)
        ) AS "_p",
        CASE
          WHEN COALESCE(COALESCE("t8"."session_runs.runs" > 0, FALSE), FALSE)
          THEN (
            "t8"."revenue" - "t8"."cost_to_serve"
          ) - "t8"."session_runs.cost"
          ELSE CAST(NULL AS DOUBLE)
        END AS "x0"
      FROM (
        SELECT
          "t3"."start",
          "t3"."env",
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
            "t0"."session",
            "t0"."sample_probability",
            "t0"."revenue",
            "t0"."cost_to_serve"
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
                ELSE CAST(NULL AS DOUBLE)
              END AS "cost"
            FROM (
              SELECT
                "t1"."session",
                1.0 / COALESCE(NULLIF("t1"."sample_probability", 0), 1.0) AS "_weight",
                (
                  1.0 / COALESCE(NULLIF("t1"."sample_probability", 0), 1.0)
                ) * "t1"."cost" AS "_cost"
              FROM "requests" AS "t1"
              WHERE
                NOT (
                  CONTAINS(COALESCE("t1"."dq_flags", ''), 'duplicate')
                )
                AND (
                  (
                    "t1"."env" IS NULL
                  ) OR (
                    "t1"."env" = 'production'
                  )
                )
                AND "t1"."start" < MAKE_TIMESTAMPTZ(2026, 10, 1, 0, 0, 0.0, 'UTC')
                AND "t1"."session" IS NOT NULL
            ) AS "t4"
            GROUP BY
              1
          ) AS "t5"
        ) AS "t7"
          ON "t3"."session" = "t7"."_key"
      ) AS "t8"
    ) AS "t9"
    WHERE
      "t9"."_p" < 1.0
  ) AS "t10"
  GROUP BY
    1,
    2
) AS "t11"
GROUP BY
  1
