-- models states
SELECT
  "t12"."_period",
  "t12"."_unit",
  COUNT(*) AS "_n",
  SUM("t12"."_w" * "t12"."x0") AS "s0",
  SUM("t12"."_w" * "t12"."x1") AS "s1",
  COALESCE(SUM("t12"."x1"), 0) AS "s2",
  SUM("t12"."_u") AS "_unknown"
FROM (
  SELECT
    "t11"."_period",
    CAST(HASH("t11"."model") & 63 AS BIGINT) AS "_unit",
    1.0 / COALESCE(NULLIF("t11"."sample_probability", 0), 1.0) AS "_w",
    CAST(COALESCE(LIST_CONTAINS(['production'], "t11"."stage"), FALSE)
    AND COALESCE("t11"."review.reviewed", FALSE) AS BIGINT) AS "x0",
    CAST(COALESCE(LIST_CONTAINS(['production'], "t11"."stage"), FALSE) AS BIGINT) AS "x1",
    CAST((
      "t11"."sample_probability" IS NULL
    ) OR (
      "t11"."sample_probability" = 0
    ) AS BIGINT) AS "_u"
  FROM (
    SELECT
      "t10"."recorded",
      "t10"."env",
      "t10"."model",
      "t10"."sample_probability",
      "t10"."stage",
      "t10"."ingested_at",
      "t10"."_period",
      "t5"."review.reviewed"
    FROM (
      SELECT
        "t8"."recorded",
        "t8"."env",
        "t8"."model",
        "t8"."sample_probability",
        "t8"."stage",
        "t8"."ingested_at",
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
              "t3"."recorded",
              "t3"."env",
              "t3"."model",
              "t3"."sample_probability",
              "t3"."stage",
              "t3"."ingested_at",
              ROW_NUMBER() OVER (
                PARTITION BY "t3"."model"
                ORDER BY "t3"."recorded" DESC, "t3"."ingested_at" DESC
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
              ) - 1 AS "_place"
            FROM (
              SELECT
                "t1"."recorded",
                "t1"."env",
                "t1"."model",
                "t1"."sample_probability",
                "t1"."stage",
                "t1"."ingested_at"
              FROM "models" AS "t1"
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
                AND "t1"."recorded" < MAKE_TIMESTAMPTZ(2026, 10, 1, 0, 0, 0.0, 'UTC')
            ) AS "t3"
          ) AS "t6"
          WHERE
            "t6"."_place" = 0
        ) AS "t7"
      ) AS "t8"
    ) AS "t10"
    LEFT OUTER JOIN (
      SELECT
        "t2"."_key",
        0 AS "_at",
        "t2"."reviewed" AS "review.reviewed"
      FROM (
        SELECT DISTINCT
          "t0"."model" AS "_key",
          TRUE AS "reviewed"
        FROM "model_reviews" AS "t0"
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
          AND "t0"."reviewed" < MAKE_TIMESTAMPTZ(2026, 10, 1, 0, 0, 0.0, 'UTC')
      ) AS "t2"
    ) AS "t5"
      ON "t10"."model" = "t5"."_key" AND "t10"."_period" = "t5"."_at"
  ) AS "t11"
) AS "t12"
GROUP BY
  1,
  2
