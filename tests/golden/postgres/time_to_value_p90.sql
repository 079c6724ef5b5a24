-- requests survival
SELECT
  "t11"."_period",
  "t11"."_unit",
  "t11"."_bin",
  "t11"."_done",
  SUM("t11"."_w") AS "_w",
  COUNT(*) AS "_n",
  SUM("t11"."_e") AS "_e",
  SUM("t11"."_u") AS "_u"
FROM (
  SELECT
    "t10"."_period",
    "t10"."_unit",
    "t10"."_w",
    "t10"."_u",
    "t10"."x0",
    "t10"."e0",
    "t10"."x1",
    "t10"."e1",
    CASE
      WHEN (
        "t10"."x0" IS NOT NULL
      ) AND (
        "t10"."x1" IS NOT NULL
      )
      THEN CASE
        WHEN "t10"."x0" IS NULL
        THEN CAST(NULL AS BIGINT)
        ELSE CASE
          WHEN "t10"."x0" > 0
          THEN CAST(CEIL(
            CAST(LN(CASE WHEN "t10"."x0" > 0 THEN "t10"."x0" ELSE 1.0 END) AS DOUBLE PRECISION) / 0.019998686506689123
          ) AS BIGINT)
          ELSE -1000000
        END
      END
      ELSE CAST(NULL AS BIGINT)
    END AS "_bin",
    CASE
      WHEN (
        "t10"."x0" IS NOT NULL
      ) AND (
        "t10"."x1" IS NOT NULL
      )
      THEN "t10"."x1"
      ELSE 0.0
    END AS "_done",
    CAST(CAST((
      "t10"."e0" > 0
    ) AND (
      "t10"."e1" > 0
    ) AS INT) AS BIGINT) AS "_e"
  FROM (
    SELECT
      0 AS "_period",
      COALESCE(HASHTEXTEXTENDED(COALESCE("t9"."user", "t9"."session", "t9"."run"), 0), 0) & 63 AS "_unit",
      1.0 / COALESCE(NULLIF("t9"."sample_probability", 0), 1.0) AS "_w",
      CAST(CAST((
        "t9"."sample_probability" IS NULL
      ) OR (
        "t9"."sample_probability" = 0
      ) AS INT) AS BIGINT) AS "_u",
      CASE
        WHEN COALESCE("t9"."run" = "t9"."first_of_user.run", FALSE)
        THEN (
          EXTRACT('epoch' FROM DATE_TRUNC(
            'SECOND',
            CAST(CASE
              WHEN CASE
                WHEN COALESCE("t9"."run" = "t9"."first_of_user.run", FALSE)
                THEN COALESCE(
                  (
                    "t9"."first_of_user.succeeded" IS NOT NULL
                  )
                  AND (
                    "t9"."first_of_user.succeeded" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
                  ),
                  FALSE
                )
                ELSE CAST(NULL AS BOOLEAN)
              END
              THEN "t9"."first_of_user.succeeded"
              ELSE CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
            END AS TIMESTAMP)
          )) - EXTRACT('epoch' FROM DATE_TRUNC('SECOND', CAST("t9"."start" AS TIMESTAMP)))
        ) + (
          CAST((
            (
              EXTRACT('microsecond' FROM CAST(CASE
                WHEN CASE
                  WHEN COALESCE("t9"."run" = "t9"."first_of_user.run", FALSE)
                  THEN COALESCE(
                    (
                      "t9"."first_of_user.succeeded" IS NOT NULL
                    )
                    AND (
                      "t9"."first_of_user.succeeded" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
                    ),
                    FALSE
                  )
                  ELSE CAST(NULL AS BOOLEAN)
                END
                THEN "t9"."first_of_user.succeeded"
                ELSE CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
              END AS TIMESTAMP)) % 1000000
            ) - (
              EXTRACT('microsecond' FROM CAST("t9"."start" AS TIMESTAMP)) % 1000000
            )
          ) AS DOUBLE PRECISION) / 1000000.0
        )
        ELSE CAST(NULL AS DOUBLE PRECISION)
      END AS "x0",
      CAST(CAST(COALESCE(COALESCE("t9"."run" = "t9"."first_of_user.run", FALSE), FALSE) AS INT) AS BIGINT) AS "e0",
      CAST(CAST(CAST(CASE
        WHEN COALESCE("t9"."run" = "t9"."first_of_user.run", FALSE)
        THEN COALESCE(
          (
            "t9"."first_of_user.succeeded" IS NOT NULL
          )
          AND (
            "t9"."first_of_user.succeeded" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
          ),
          FALSE
        )
        ELSE CAST(NULL AS BOOLEAN)
      END AS INT) AS BIGINT) AS DOUBLE PRECISION) AS "x1",
      CAST(CAST(COALESCE(COALESCE("t9"."run" = "t9"."first_of_user.run", FALSE), FALSE) AS INT) AS BIGINT) AS "e1"
    FROM (
      SELECT
        "t3"."start",
        "t3"."env",
        "t3"."user",
        "t3"."session",
        "t3"."run",
        "t3"."sample_probability",
        "t8"."first_of_user.run",
        "t8"."first_of_user.succeeded"
      FROM (
        SELECT
          "t0"."start",
          "t0"."env",
          "t0"."user",
          "t0"."session",
          "t0"."run",
          "t0"."sample_probability"
        FROM "requests" AS "t0"
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
          "t6"."_key",
          0 AS "_at",
          "t6"."run" AS "first_of_user.run",
          "t6"."succeeded" AS "first_of_user.succeeded"
        FROM (
          SELECT
            "t5"."user" AS "_key",
            MAX("t5"."_first") AS "run",
            MIN("t5"."_success") AS "succeeded"
          FROM (
            SELECT
              "t4"."user",
              CASE WHEN "t4"."_place" = 0 THEN "t4"."run" ELSE CAST(NULL AS VARCHAR) END AS "_first",
              CASE
                WHEN "t4"."outcome" = 'success'
                THEN COALESCE("t4"."end", "t4"."start")
                ELSE CAST(NULL AS TIMESTAMPTZ)
              END AS "_success"
            FROM (
              SELECT
                "t2"."user",
                "t2"."run",
                "t2"."start",
                "t2"."end",
                "t2"."outcome",
                "t2"."env",
                ROW_NUMBER() OVER (
                  PARTITION BY "t2"."user"
                  ORDER BY "t2"."start" ASC, "t2"."run" ASC
                  ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                ) - 1 AS "_place"
              FROM (
                SELECT
                  "t0"."user",
                  "t0"."run",
                  "t0"."start",
                  "t0"."end",
                  "t0"."outcome",
                  "t0"."env"
                FROM "requests" AS "t0"
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
                  AND "t0"."start" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
                  AND "t0"."user" IS NOT NULL
              ) AS "t2"
            ) AS "t4"
          ) AS "t5"
          GROUP BY
            1
        ) AS "t6"
      ) AS "t8"
        ON "t3"."user" = "t8"."_key"
    ) AS "t9"
  ) AS "t10"
) AS "t11"
GROUP BY
  1,
  2,
  3,
  4
