-- changes survival
SELECT
  "t15"."_period",
  "t15"."_unit",
  "t15"."_bin",
  "t15"."_done",
  SUM("t15"."_w") AS "_w",
  COUNT(*) AS "_n",
  SUM("t15"."_e") AS "_e",
  SUM("t15"."_u") AS "_u"
FROM (
  SELECT
    "t14"."_period",
    "t14"."_unit",
    "t14"."_w",
    "t14"."_u",
    "t14"."x0",
    "t14"."e0",
    "t14"."x1",
    "t14"."e1",
    CASE
      WHEN (
        "t14"."x0" IS NOT NULL
      ) AND (
        "t14"."x1" IS NOT NULL
      )
      THEN CASE
        WHEN "t14"."x0" IS NULL
        THEN CAST(NULL AS BIGINT)
        ELSE CASE
          WHEN "t14"."x0" > 0
          THEN CAST(CEIL(
            CAST(LN(CASE WHEN "t14"."x0" > 0 THEN "t14"."x0" ELSE 1.0 END) AS DOUBLE PRECISION) / 0.019998686506689123
          ) AS BIGINT)
          ELSE -1000000
        END
      END
      ELSE CAST(NULL AS BIGINT)
    END AS "_bin",
    CASE
      WHEN (
        "t14"."x0" IS NOT NULL
      ) AND (
        "t14"."x1" IS NOT NULL
      )
      THEN "t14"."x1"
      ELSE 0.0
    END AS "_done",
    CAST(CAST((
      "t14"."e0" > 0
    ) AND (
      "t14"."e1" > 0
    ) AS INT) AS BIGINT) AS "_e"
  FROM (
    SELECT
      0 AS "_period",
      COALESCE(HASHTEXTEXTENDED(COALESCE("t13"."service", "t13"."change"), 0), 0) & 63 AS "_unit",
      1.0 / COALESCE(NULLIF("t13"."sample_probability", 0), 1.0) AS "_w",
      CAST(CAST((
        "t13"."sample_probability" IS NULL
      ) OR (
        "t13"."sample_probability" = 0
      ) AS INT) AS BIGINT) AS "_u",
      CASE
        WHEN COALESCE("t13"."first_commit" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ), FALSE)
        AND NOT (
          COALESCE("t13"."closed" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ), FALSE)
          AND NOT (
            COALESCE(
              "t13"."first_production.deployed" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ),
              FALSE
            )
          )
        )
        AND NOT (
          COALESCE("t13"."first_production.unclear", FALSE)
        )
        AND (
          (
            (
              EXTRACT('epoch' FROM DATE_TRUNC(
                'SECOND',
                CAST(CASE
                  WHEN COALESCE(
                    "t13"."first_production.deployed" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ),
                    FALSE
                  )
                  THEN "t13"."first_production.deployed"
                  ELSE CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
                END AS TIMESTAMP)
              )) - EXTRACT('epoch' FROM DATE_TRUNC('SECOND', CAST("t13"."first_commit" AS TIMESTAMP)))
            ) + (
              CAST((
                (
                  EXTRACT('microsecond' FROM CAST(CASE
                    WHEN COALESCE(
                      "t13"."first_production.deployed" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ),
                      FALSE
                    )
                    THEN "t13"."first_production.deployed"
                    ELSE CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
                  END AS TIMESTAMP)) % 1000000
                ) - (
                  EXTRACT('microsecond' FROM CAST("t13"."first_commit" AS TIMESTAMP)) % 1000000
                )
              ) AS DOUBLE PRECISION) / 1000000.0
            )
          ) >= 0
        )
        THEN (
          EXTRACT('epoch' FROM DATE_TRUNC(
            'SECOND',
            CAST(CASE
              WHEN COALESCE(
                "t13"."first_production.deployed" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ),
                FALSE
              )
              THEN "t13"."first_production.deployed"
              ELSE CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
            END AS TIMESTAMP)
          )) - EXTRACT('epoch' FROM DATE_TRUNC('SECOND', CAST("t13"."first_commit" AS TIMESTAMP)))
        ) + (
          CAST((
            (
              EXTRACT('microsecond' FROM CAST(CASE
                WHEN COALESCE(
                  "t13"."first_production.deployed" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ),
                  FALSE
                )
                THEN "t13"."first_production.deployed"
                ELSE CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
              END AS TIMESTAMP)) % 1000000
            ) - (
              EXTRACT('microsecond' FROM CAST("t13"."first_commit" AS TIMESTAMP)) % 1000000
            )
          ) AS DOUBLE PRECISION) / 1000000.0
        )
        ELSE CAST(NULL AS DOUBLE PRECISION)
      END AS "x0",
      CAST(CAST(COALESCE(
        COALESCE("t13"."first_commit" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ), FALSE)
        AND NOT (
          COALESCE("t13"."closed" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ), FALSE)
          AND NOT (
            COALESCE(
              "t13"."first_production.deployed" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ),
              FALSE
            )
          )
        )
        AND NOT (
          COALESCE("t13"."first_production.unclear", FALSE)
        ),
        FALSE
      ) AS INT) AS BIGINT) AS "e0",
      CAST(CAST(CAST(CASE
        WHEN COALESCE("t13"."first_commit" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ), FALSE)
        AND NOT (
          COALESCE("t13"."closed" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ), FALSE)
          AND NOT (
            COALESCE(
              "t13"."first_production.deployed" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ),
              FALSE
            )
          )
        )
        AND NOT (
          COALESCE("t13"."first_production.unclear", FALSE)
        )
        THEN COALESCE(
          "t13"."first_production.deployed" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ),
          FALSE
        )
        ELSE CAST(NULL AS BOOLEAN)
      END AS INT) AS BIGINT) AS DOUBLE PRECISION) AS "x1",
      CAST(CAST(COALESCE(
        COALESCE("t13"."first_commit" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ), FALSE)
        AND NOT (
          COALESCE("t13"."closed" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ), FALSE)
          AND NOT (
            COALESCE(
              "t13"."first_production.deployed" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ),
              FALSE
            )
          )
        )
        AND NOT (
          COALESCE("t13"."first_production.unclear", FALSE)
        ),
        FALSE
      ) AS INT) AS BIGINT) AS "e1"
    FROM (
      SELECT
        "t6"."opened",
        "t6"."env",
        "t6"."service",
        "t6"."change",
        "t6"."sample_probability",
        "t6"."first_commit",
        "t6"."closed",
        "t12"."first_production.unclear",
        "t12"."first_production.deployed"
      FROM (
        SELECT
          "t0"."opened",
          "t0"."env",
          "t0"."service",
          "t0"."change",
          "t0"."sample_probability",
          "t0"."first_commit",
          "t0"."closed"
        FROM "changes" AS "t0"
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
          AND "t0"."opened" >= CAST('2026-07-01T00:00:00+00:00' AS TIMESTAMPTZ)
          AND "t0"."opened" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
      ) AS "t6"
      LEFT OUTER JOIN (
        SELECT
          "t10"."_key",
          0 AS "_at",
          "t10"."deployed" IS NULL AS "first_production.unclear",
          "t10"."deployed" AS "first_production.deployed"
        FROM (
          SELECT
            "t9"."change" AS "_key",
            MIN(
              CASE
                WHEN "t9"."first_production"
                THEN "t9"."deployed"
                ELSE CAST(NULL AS TIMESTAMPTZ)
              END
            ) AS "deployed"
          FROM (
            SELECT
              "t7"."change",
              "t7"."deployment",
              "t7"."deployed",
              "t7"."first_production",
              "t7"."env"
            FROM (
              SELECT
                "t1"."change",
                "t1"."deployment",
                "t1"."deployed",
                "t1"."first_production",
                "t1"."env"
              FROM "change_deployments" AS "t1"
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
                AND "t1"."deployed" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
                AND COALESCE("t1"."first_production", TRUE)
            ) AS "t7"
            WHERE
              NOT EXISTS(
                SELECT
                  1
                FROM (
                  SELECT
                    "t2"."deployment"
                  FROM "deployments" AS "t2"
                  WHERE
                    NOT (
                      POSITION('duplicate' IN COALESCE("t2"."dq_flags", '')) > 0
                    )
                    AND "t2"."status" IN ('failure', 'cancelled')
                ) AS "t8"
                WHERE
                  "t7"."deployment" = "t8"."deployment"
              )
          ) AS "t9"
          GROUP BY
            1
        ) AS "t10"
      ) AS "t12"
        ON "t6"."change" = "t12"."_key"
    ) AS "t13"
  ) AS "t14"
) AS "t15"
GROUP BY
  1,
  2,
  3,
  4
