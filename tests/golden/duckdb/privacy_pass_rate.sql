-- model_reviews states
SELECT
  "t13"."_period",
  "t13"."_unit",
  COUNT(*) AS "_n",
  SUM("t13"."_w" * "t13"."x0") AS "s0",
  SUM("t13"."_w" * "t13"."x1") AS "s1",
  COALESCE(SUM("t13"."x1"), 0) AS "s2",
  SUM("t13"."_u") AS "_unknown"
FROM (
  SELECT
    "t12"."_period",
    CAST(HASH("t12"."model") & 63 AS BIGINT) AS "_unit",
    1.0 / COALESCE(NULLIF("t12"."sample_probability", 0), 1.0) AS "_w",
    CAST(COALESCE(COALESCE(NOT LIST_CONTAINS(['retired'], "t12"."registered.stage"), TRUE), FALSE)
    AND COALESCE("t12"."privacy", FALSE) AS BIGINT) AS "x0",
    CAST(COALESCE(COALESCE(NOT LIST_CONTAINS(['retired'], "t12"."registered.stage"), TRUE), FALSE) AS BIGINT) AS "x1",
    CAST((
      "t12"."sample_probability" IS NULL
    ) OR (
      "t12"."sample_probability" = 0
    ) AS BIGINT) AS "_u"
  FROM (
    SELECT
      "t11"."reviewed",
      "t11"."env",
      "t11"."model",
      "t11"."sample_probability",
      "t11"."privacy",
      "t11"."ingested_at",
      "t11"."_period",
      "t8"."registered.stage"
    FROM (
      SELECT
        "t9"."reviewed",
        "t9"."env",
        "t9"."model",
        "t9"."sample_probability",
        "t9"."privacy",
        "t9"."ingested_at",
        0 AS "_period"
      FROM (
        SELECT
          "t7".*
          EXCLUDE ("_place")
        FROM (
          SELECT
            *
          FROM (
            SELECT
              "t3"."reviewed",
              "t3"."env",
              "t3"."model",
              "t3"."sample_probability",
              "t3"."privacy",
              "t3"."ingested_at",
              ROW_NUMBER() OVER (
                PARTITION BY "t3"."model"
                ORDER BY "t3"."reviewed" DESC, "t3"."ingested_at" DESC
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
              ) - 1 AS "_place"
            FROM (
              SELECT
                "t1"."reviewed",
                "t1"."env",
                "t1"."model",
                "t1"."sample_probability",
                "t1"."privacy",
                "t1"."ingested_at"
              FROM "model_reviews" AS "t1"
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
                AND "t1"."reviewed" < MAKE_TIMESTAMPTZ(2026, 10, 1, 0, 0, 0.0, 'UTC')
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
            ORDER BY "t2"."recorded" DESC, "t2"."ingested_at" DESC
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
              CONTAINS(COALESCE("t0"."dq_flags", ''), 'duplicate')
            )
            AND (
              (
                "t0"."env" IS NULL
              ) OR (
                "t0"."env" = 'production'
              )
            )
            AND "t0"."recorded" < MAKE_TIMESTAMPTZ(2026, 10, 1, 0, 0, 0.0, 'UTC')
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
