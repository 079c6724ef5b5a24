-- actions states
SELECT
  "t13"."_period",
  "t13"."_unit",
  COUNT(*) AS "_n",
  SUM("t13"."_w" * "t13"."x0") AS "s0",
  SUM("t13"."_w" * "t13"."x1") AS "s1",
  COALESCE(SUM("t13"."x1"), 0) AS "s2",
  COALESCE(SUM("t13"."x2"), 0) AS "s3",
  SUM("t13"."_u") AS "_unknown"
FROM (
  SELECT
    "t12"."_period",
    COALESCE(HASHTEXTEXTENDED(COALESCE("t12"."run", "t12"."action"), 0), 0) & 63 AS "_unit",
    CAST(1.0 AS DOUBLE PRECISION) / COALESCE(NULLIF("t12"."sample_probability", 0), 1.0) AS "_w",
    CAST(CAST(COALESCE(
      NOT (
        COALESCE("t12"."ok", TRUE)
      )
      AND (
        "t12"."run" IS NOT NULL
      )
      AND (
        (
          ROW_NUMBER() OVER (
            PARTITION BY "t12"."run", NOT (
              COALESCE("t12"."ok", TRUE)
            ) AND (
              "t12"."run" IS NOT NULL
            ), "t12"."_period"
            ORDER BY "t12"."start" ASC, "t12"."action" ASC, "t12"."attempt" ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ) - 1
        ) = 0
      ),
      FALSE
    )
    AND (
      "t12"."run.outcome" = 'success'
    ) AS INT) AS BIGINT) AS "x0",
    CAST(CAST(COALESCE(
      NOT (
        COALESCE("t12"."ok", TRUE)
      )
      AND (
        "t12"."run" IS NOT NULL
      )
      AND (
        (
          ROW_NUMBER() OVER (
            PARTITION BY "t12"."run", NOT (
              COALESCE("t12"."ok", TRUE)
            ) AND (
              "t12"."run" IS NOT NULL
            ), "t12"."_period"
            ORDER BY "t12"."start" ASC, "t12"."action" ASC, "t12"."attempt" ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ) - 1
        ) = 0
      ),
      FALSE
    )
    AND (
      COALESCE("t12"."run.outcome", 'unknown') <> 'unknown'
    ) AS INT) AS BIGINT) AS "x1",
    CAST(CAST(COALESCE(
      NOT (
        COALESCE("t12"."ok", TRUE)
      )
      AND (
        "t12"."run" IS NOT NULL
      )
      AND (
        (
          ROW_NUMBER() OVER (
            PARTITION BY "t12"."run", NOT (
              COALESCE("t12"."ok", TRUE)
            ) AND (
              "t12"."run" IS NOT NULL
            ), "t12"."_period"
            ORDER BY "t12"."start" ASC, "t12"."action" ASC, "t12"."attempt" ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ) - 1
        ) = 0
      ),
      FALSE
    ) AS INT) AS BIGINT) AS "x2",
    CAST(CAST((
      "t12"."sample_probability" IS NULL
    ) OR (
      "t12"."sample_probability" = 0
    ) AS INT) AS BIGINT) AS "_u"
  FROM (
    SELECT
      "t11"."start",
      "t11"."env",
      "t11"."run",
      "t11"."action",
      "t11"."sample_probability",
      "t11"."ok",
      "t11"."attempt",
      "t11"."run.outcome",
      0 AS "_period"
    FROM (
      SELECT
        "t10"."start",
        "t10"."env",
        "t10"."run",
        "t10"."action",
        "t10"."sample_probability",
        "t10"."ok",
        "t10"."attempt",
        "t10"."run.outcome"
      FROM (
        SELECT
          "t4"."start",
          "t4"."env",
          "t4"."run",
          "t4"."action",
          "t4"."sample_probability",
          "t4"."ok",
          "t4"."attempt",
          "t9"."_key",
          "t9"."run.outcome"
        FROM (
          SELECT
            "t0"."start",
            "t0"."env",
            "t0"."run",
            "t0"."action",
            "t0"."sample_probability",
            "t0"."ok",
            "t0"."attempt"
          FROM "actions" AS "t0"
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
        ) AS "t4"
        LEFT OUTER JOIN (
          SELECT
            "t7"."run" AS "_key",
            "t7"."outcome" AS "run.outcome"
          FROM (
            SELECT
              "t6"."run",
              "t6"."start",
              "t6"."ingested_at",
              "t6"."outcome"
            FROM (
              SELECT
                *
              FROM (
                SELECT
                  "t3"."run",
                  "t3"."start",
                  "t3"."ingested_at",
                  "t3"."outcome",
                  ROW_NUMBER() OVER (
                    PARTITION BY "t3"."run"
                    ORDER BY "t3"."start" DESC NULLS LAST, "t3"."ingested_at" DESC NULLS LAST
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                  ) - 1 AS "_place"
                FROM (
                  SELECT
                    "t1"."run",
                    "t1"."start",
                    "t1"."ingested_at",
                    "t1"."outcome"
                  FROM "requests" AS "t1"
                  WHERE
                    NOT (
                      POSITION('duplicate' IN COALESCE("t1"."dq_flags", '')) > 0
                    )
                ) AS "t3"
              ) AS "t5"
              WHERE
                "t5"."_place" = 0
            ) AS "t6"
          ) AS "t7"
        ) AS "t9"
          ON "t4"."run" = "t9"."_key"
      ) AS "t10"
    ) AS "t11"
  ) AS "t12"
) AS "t13"
GROUP BY
  1,
  2
