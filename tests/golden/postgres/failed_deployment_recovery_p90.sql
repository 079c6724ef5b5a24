-- deployments survival
SELECT
  "t2"."_period",
  "t2"."_unit",
  "t2"."_bin",
  "t2"."_done",
  SUM("t2"."_w") AS "_w",
  COUNT(*) AS "_n",
  SUM("t2"."_e") AS "_e",
  SUM("t2"."_u") AS "_u"
FROM (
  SELECT
    "t1"."_period",
    "t1"."_unit",
    "t1"."_w",
    "t1"."_u",
    "t1"."x0",
    "t1"."e0",
    "t1"."x1",
    "t1"."e1",
    CASE
      WHEN (
        "t1"."x0" IS NOT NULL
      ) AND (
        "t1"."x1" IS NOT NULL
      )
      THEN CASE
        WHEN "t1"."x0" IS NULL
        THEN CAST(NULL AS BIGINT)
        ELSE CASE
          WHEN "t1"."x0" > 0
          THEN CAST(CEIL(
            CAST(LN(CASE WHEN "t1"."x0" > 0 THEN "t1"."x0" ELSE 1.0 END) AS DOUBLE PRECISION) / 0.019998686506689123
          ) AS BIGINT)
          ELSE -1000000
        END
      END
      ELSE CAST(NULL AS BIGINT)
    END AS "_bin",
    CASE
      WHEN (
        "t1"."x0" IS NOT NULL
      ) AND (
        "t1"."x1" IS NOT NULL
      )
      THEN "t1"."x1"
      ELSE 0.0
    END AS "_done",
    CAST(CAST((
      "t1"."e0" > 0
    ) AND (
      "t1"."e1" > 0
    ) AS INT) AS BIGINT) AS "_e"
  FROM (
    SELECT
      0 AS "_period",
      COALESCE(HASHTEXTEXTENDED(COALESCE("t0"."service", "t0"."deployment"), 0), 0) & 63 AS "_unit",
      1.0 / COALESCE(NULLIF("t0"."sample_probability", 0), 1.0) AS "_w",
      CAST(CAST((
        "t0"."sample_probability" IS NULL
      ) OR (
        "t0"."sample_probability" = 0
      ) AS INT) AS BIGINT) AS "_u",
      CASE
        WHEN COALESCE("t0"."failed", FALSE)
        THEN CASE
          WHEN (
            (
              EXTRACT('epoch' FROM DATE_TRUNC(
                'SECOND',
                CAST(CASE
                  WHEN COALESCE("t0"."recovered" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ), FALSE)
                  THEN "t0"."recovered"
                  ELSE CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
                END AS TIMESTAMP)
              )) - EXTRACT('epoch' FROM DATE_TRUNC('SECOND', CAST("t0"."deployed" AS TIMESTAMP)))
            ) + (
              CAST((
                (
                  EXTRACT('microsecond' FROM CAST(CASE
                    WHEN COALESCE("t0"."recovered" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ), FALSE)
                    THEN "t0"."recovered"
                    ELSE CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
                  END AS TIMESTAMP)) % 1000000
                ) - (
                  EXTRACT('microsecond' FROM CAST("t0"."deployed" AS TIMESTAMP)) % 1000000
                )
              ) AS DOUBLE PRECISION) / 1000000.0
            )
          ) >= 0
          THEN (
            EXTRACT('epoch' FROM DATE_TRUNC(
              'SECOND',
              CAST(CASE
                WHEN COALESCE("t0"."recovered" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ), FALSE)
                THEN "t0"."recovered"
                ELSE CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
              END AS TIMESTAMP)
            )) - EXTRACT('epoch' FROM DATE_TRUNC('SECOND', CAST("t0"."deployed" AS TIMESTAMP)))
          ) + (
            CAST((
              (
                EXTRACT('microsecond' FROM CAST(CASE
                  WHEN COALESCE("t0"."recovered" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ), FALSE)
                  THEN "t0"."recovered"
                  ELSE CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
                END AS TIMESTAMP)) % 1000000
              ) - (
                EXTRACT('microsecond' FROM CAST("t0"."deployed" AS TIMESTAMP)) % 1000000
              )
            ) AS DOUBLE PRECISION) / 1000000.0
          )
          ELSE CAST(NULL AS DOUBLE PRECISION)
        END
        ELSE CAST(NULL AS DOUBLE PRECISION)
      END AS "x0",
      CAST(CAST(COALESCE("t0"."failed", FALSE) AS INT) AS BIGINT) AS "e0",
      CAST(CASE
        WHEN COALESCE("t0"."failed", FALSE)
        THEN CAST(CAST(COALESCE("t0"."recovered" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ), FALSE) AS INT) AS BIGINT)
        ELSE CAST(NULL AS BIGINT)
      END AS DOUBLE PRECISION) AS "x1",
      CAST(CAST(COALESCE("t0"."failed", FALSE) AS INT) AS BIGINT) AS "e1"
    FROM "deployments" AS "t0"
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
      AND "t0"."deployed" >= CAST('2026-07-01T00:00:00+00:00' AS TIMESTAMPTZ)
      AND "t0"."deployed" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
  ) AS "t1"
) AS "t2"
GROUP BY
  1,
  2,
  3,
  4
