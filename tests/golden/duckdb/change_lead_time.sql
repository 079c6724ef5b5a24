-- change_deployments histogram
SELECT
  "t12"."_period",
  "t12"."_unit",
  "t12"."_bin",
  SUM("t12"."_weight") AS "_w",
  COUNT(*) AS "_n",
  SUM("t12"."_eligible") AS "_e",
  SUM("t12"."_u") AS "_unknown"
FROM (
  SELECT
    0 AS "_period",
    CAST(CAST(HASH("t11"."change") AS BIT) AS BIGINT) & 63 AS "_unit",
    CASE
      WHEN CASE
        WHEN COALESCE("t11"."first_production", FALSE)
        THEN (
          EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t11"."deployed" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(
            CAST(DATE_TRUNC('SECOND', CAST("t11"."change.first_commit" AS TIMESTAMP)) AS TIMESTAMP)
          )
        ) + (
          (
            (
              EXTRACT('MICROSECOND' FROM CAST("t11"."deployed" AS TIMESTAMP)) % 1000000
            ) - (
              EXTRACT('MICROSECOND' FROM CAST("t11"."change.first_commit" AS TIMESTAMP)) % 1000000
            )
          ) / 1000000.0
        )
        ELSE CAST(NULL AS DOUBLE)
      END IS NULL
      THEN CAST(NULL AS BIGINT)
      ELSE CASE
        WHEN CASE
          WHEN COALESCE("t11"."first_production", FALSE)
          THEN (
            EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t11"."deployed" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(
              CAST(DATE_TRUNC('SECOND', CAST("t11"."change.first_commit" AS TIMESTAMP)) AS TIMESTAMP)
            )
          ) + (
            (
              (
                EXTRACT('MICROSECOND' FROM CAST("t11"."deployed" AS TIMESTAMP)) % 1000000
              ) - (
                EXTRACT('MICROSECOND' FROM CAST("t11"."change.first_commit" AS TIMESTAMP)) % 1000000
              )
            ) / 1000000.0
          )
          ELSE CAST(NULL AS DOUBLE)
        END > 0
        THEN CAST(CEIL(
          LN(
            CASE
              WHEN CASE
                WHEN COALESCE("t11"."first_production", FALSE)
                THEN (
                  EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t11"."deployed" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(
                    CAST(DATE_TRUNC('SECOND', CAST("t11"."change.first_commit" AS TIMESTAMP)) AS TIMESTAMP)
                  )
                ) + (
                  (
                    (
                      EXTRACT('MICROSECOND' FROM CAST("t11"."deployed" AS TIMESTAMP)) % 1000000
                    ) - (
                      EXTRACT('MICROSECOND' FROM CAST("t11"."change.first_commit" AS TIMESTAMP)) % 1000000
                    )
                  ) / 1000000.0
                )
                ELSE CAST(NULL AS DOUBLE)
              END > 0
              THEN CASE
                WHEN COALESCE("t11"."first_production", FALSE)
                THEN (
                  EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t11"."deployed" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(
                    CAST(DATE_TRUNC('SECOND', CAST("t11"."change.first_commit" AS TIMESTAMP)) AS TIMESTAMP)
                  )
                ) + (
                  (
                    (
                      EXTRACT('MICROSECOND' FROM CAST("t11"."deployed" AS TIMESTAMP)) % 1000000
                    ) - (
                      EXTRACT('MICROSECOND' FROM CAST("t11"."change.first_commit" AS TIMESTAMP)) % 1000000
                    )
                  ) / 1000000.0
                )
                ELSE CAST(NULL AS DOUBLE)
              END
              ELSE 1.0
            END
          ) / 0.019998686506689123
        ) AS BIGINT)
        ELSE -1000000
      END
    END AS "_bin",
    CAST((
      "t11"."sample_probability" IS NULL
    ) OR (
      "t11"."sample_probability" = 0
    ) AS BIGINT) AS "_u",
    1.0 / COALESCE(NULLIF("t11"."sample_probability", 0), 1.0) AS "_weight",
    CAST(COALESCE("t11"."first_production", FALSE) AS BIGINT) AS "_eligible"
  FROM (
    SELECT
      "t10".*
      EXCLUDE ("_key")
    FROM (
      SELECT
        "t4"."deployed",
        "t4"."env",
        "t4"."change",
        "t4"."sample_probability",
        "t4"."first_production",
        "t9"."_key",
        "t9"."change.first_commit"
      FROM (
        SELECT
          "t0"."deployed",
          "t0"."env",
          "t0"."change",
          "t0"."sample_probability",
          "t0"."first_production"
        FROM "change_deployments" AS "t0"
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
          AND "t0"."deployed" >= MAKE_TIMESTAMPTZ(2026, 7, 1, 0, 0, 0.0, 'UTC')
          AND "t0"."deployed" < MAKE_TIMESTAMPTZ(2026, 10, 1, 0, 0, 0.0, 'UTC')
      ) AS "t4"
      LEFT OUTER JOIN (
        SELECT
          "t7"."change" AS "_key",
          "t7"."first_commit" AS "change.first_commit"
        FROM (
          SELECT
            "t6".*
            EXCLUDE ("_place")
          FROM (
            SELECT
              *
            FROM (
              SELECT
                "t3"."change",
                "t3"."opened",
                "t3"."ingested_at",
                "t3"."first_commit",
                ROW_NUMBER() OVER (
                  PARTITION BY "t3"."change"
                  ORDER BY "t3"."opened" DESC, "t3"."ingested_at" DESC
                  ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                ) - 1 AS "_place"
              FROM (
                SELECT
                  "t1"."change",
                  "t1"."opened",
                  "t1"."ingested_at",
                  "t1"."first_commit"
                FROM "changes" AS "t1"
                WHERE
                  NOT (
                    CONTAINS(COALESCE("t1"."dq_flags", ''), 'duplicate')
                  )
              ) AS "t3"
            ) AS "t5"
            WHERE
              "t5"."_place" = 0
          ) AS "t6"
        ) AS "t7"
      ) AS "t9"
        ON "t4"."change" = "t9"."_key"
    ) AS "t10"
  ) AS "t11"
) AS "t12"
GROUP BY
  1,
  2,
  3
