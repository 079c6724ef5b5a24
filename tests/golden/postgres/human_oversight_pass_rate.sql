-- model_reviews states
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
    COALESCE(HASHTEXTEXTENDED("t12"."model", 0), 0) & 63 AS "_unit",
    CAST(1.0 AS DOUBLE PRECISION) / COALESCE(NULLIF("t12"."sample_probability", 0), 1.0) AS "_w",
    CAST(CAST(COALESCE(COALESCE("t12"."registered.stage" <> 'retired', TRUE), FALSE)
    AND "t12"."human_oversight" AS INT) AS BIGINT) AS "x0",
    CAST(CAST(COALESCE(COALESCE("t12"."registered.stage" <> 'retired', TRUE), FALSE)
    AND (
      "t12"."human_oversight" IS NOT NULL
    ) AS INT) AS BIGINT) AS "x1",
    CAST(CAST(COALESCE(COALESCE("t12"."registered.stage" <> 'retired', TRUE), FALSE) AS INT) AS BIGINT) AS "x2",
    CAST(CAST((
      "t12"."sample_probability" IS NULL
    ) OR (
      "t12"."sample_probability" = 0
    ) AS INT) AS BIGINT) AS "_u"
  FROM (
    SELECT
      "t11"."reviewed",
      "t11"."env",
      "t11"."model",
      "t11"."sample_probability",
      "t11"."human_oversight",
      "t11"."ingested_at",
      "t11"."_period",
      "t8"."registered.stage"
    FROM (
      SELECT
        "t9"."reviewed",
        "t9"."env",
        "t9"."model",
        "t9"."sample_probability",
        "t9"."human_oversight",
        "t9"."ingested_at",
        0 AS "_period"
      FROM (
        SELECT
          "t7"."reviewed",
          "t7"."env",
          "t7"."model",
          "t7"."sample_probability",
          "t7"."human_oversight",
          "t7"."ingested_at"
        FROM (
          SELECT
            *
          FROM (
            SELECT
              "t3"."reviewed",
              "t3"."env",
              "t3"."model",
              "t3"."sample_probability",
              "t3"."human_oversight",
              "t3"."ingested_at",
              ROW_NUMBER() OVER (
                PARTITION BY "t3"."model"
                ORDER BY "t3"."reviewed" DESC NULLS LAST, "t3"."ingested_at" DESC NULLS LAST
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
              ) - 1 AS "_place"
            FROM (
              SELECT
                "t1"."reviewed",
                "t1"."env",
                "t1"."model",
                "t1"."sample_probability",
                "t1"."human_oversight",
                "t1"."ingested_at"
              FROM "model_reviews" AS "t1"
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
                AND "t1"."reviewed" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
            ) AS "t3"
          ) AS "t5"
          WHERE
            "t5"."_place" = 0
        ) AS "t7"
      ) AS "t9"
    ) AS "t11"
    LEFT OUTER JOIN (
      SELECT
        "t4"."model" AS "_key",
        0 AS "_at",
        "t4"."stage" AS "registered.stage"
      FROM (
        SELECT
          "t2"."model",
          "t2"."recorded",
          "t2"."stage",
          "t2"."ingested_at",
          "t2"."env",
          ROW_NUMBER() OVER (
            PARTITION BY "t2"."model"
            ORDER BY "t2"."recorded" DESC NULLS LAST, "t2"."ingested_at" DESC NULLS LAST
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ) - 1 AS "_place"
        FROM (
          SELECT
            "t0"."model",
            "t0"."recorded",
            "t0"."stage",
            "t0"."ingested_at",
            "t0"."env"
          FROM "models" AS "t0"
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
            AND "t0"."recorded" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
        ) AS "t2"
      ) AS "t4"
      WHERE
        "t4"."_place" = 0
    ) AS "t8"
      ON "t11"."model" = "t8"."_key" AND "t11"."_period" = "t8"."_at"
  ) AS "t12"
) AS "t13"
GROUP BY
  1,
  2
