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
          THEN CAST(CEIL(LN(CASE WHEN "t10"."x0" > 0 THEN "t10"."x0" ELSE 1.0 END) / 0.019998686506689123) AS BIGINT)
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
    CAST((
      "t10"."e0" > 0
    ) AND (
      "t10"."e1" > 0
    ) AS BIGINT) AS "_e"
  FROM (
    SELECT
      0 AS "_period",
      CAST(HASH(COALESCE("t9"."user", "t9"."session", "t9"."run")) & 63 AS BIGINT) AS "_unit",
      1.0 / COALESCE(NULLIF("t9"."sample_probability", 0), 1.0) AS "_w",
      CAST((
        "t9"."sample_probability" IS NULL
      ) OR (
        "t9"."sample_probability" = 0
      ) AS BIGINT) AS "_u",
      CASE
        WHEN COALESCE("t9"."run" = "t9"."first_of_user.run", FALSE)
        THEN (
          EPOCH(
            CAST(DATE_TRUNC(
              'SECOND',
              CAST(CASE
                WHEN CASE
                  WHEN COALESCE("t9"."run" = "t9"."first_of_user.run", FALSE)
                  THEN COALESCE(
                    (
                      "t9"."first_of_user.succeeded" IS NOT NULL
                    )
                    AND (
                      "t9"."first_of_user.succeeded" < MAKE_TIMESTAMPTZ(2026, 10, 1, 0, 0, 0.0, 'UTC')
                    ),
                    FALSE
                  )
                  ELSE CAST(NULL AS BOOLEAN)
                END
                THEN "t9"."first_of_user.succeeded"
                ELSE MAKE_TIMESTAMPTZ(2026, 10, 1, 0, 0, 0.0, 'UTC')
              END AS TIMESTAMP)
            ) AS TIMESTAMP)
          ) - EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t9"."start" AS TIMESTAMP)) AS TIMESTAMP))
        ) + (
          (
            (
              EXTRACT('MICROSECOND' FROM CAST(CASE
                WHEN CASE
                  WHEN COALESCE("t9"."run" = "t9"."first_of_user.run", FALSE)
                  THEN COALESCE(
                    (
                      "t9"."first_of_user.succeeded" IS NOT NULL
                    )
                    AND (
                      "t9"."first_of_user.succeeded" < MAKE_TIMESTAMPTZ(2026, 10, 1, 0, 0, 0.0, 'UTC')
                    ),
                    FALSE
                  )
                  ELSE CAST(NULL AS BOOLEAN)
                END
                THEN "t9"."first_of_user.succeeded"
                ELSE MAKE_TIMESTAMPTZ(2026, 10, 1, 0, 0, 0.0, 'UTC')
              END AS TIMESTAMP)) % 1000000
            ) - (
              EXTRACT('MICROSECOND' FROM CAST("t9"."start" AS TIMESTAMP)) % 1000000
            )
          ) / 1000000.0
        )
        ELSE CAST(NULL AS DOUBLE)
      END AS "x0",
      CAST(COALESCE(COALESCE("t9"."run" = "t9"."first_of_user.run", FALSE), FALSE) AS BIGINT) AS "e0",
      CAST(CAST(CASE
        WHEN COALESCE("t9"."run" = "t9"."first_of_user.run", FALSE)
        THEN COALESCE(
          (
            "t9"."first_of_user.succeeded" IS NOT NULL
          )
          AND (
            "t9"."first_of_user.succeeded" < MAKE_TIMESTAMPTZ(2026, 10, 1, 0, 0, 0.0, 'UTC')
          ),
          FALSE
        )
        ELSE CAST(NULL AS BOOLEAN)
      END AS BIGINT) AS DOUBLE) AS "x1",
      CAST(COALESCE(COALESCE("t9"."run" = "t9"."first_of_user.run", FALSE), FALSE) AS BIGINT) AS "e1"
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
              CASE WHEN "t4"."_place" = 0 THEN "t4"."run" ELSE CAST(NULL AS TEXT) END AS "_first",
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
                    CONTAINS(COALESCE("t0"."dq_flags", ''), 'duplicate')
                  )
                  AND (
                    (
                      "t0"."env" IS NULL
                    ) OR (
                      "t0"."env" = 'production'
                    )
                  )
                  AND "t0"."start" < MAKE_TIMESTAMPTZ(2026, 10, 1, 0, 0, 0.0, 'UTC')
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
