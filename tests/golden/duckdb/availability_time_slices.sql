-- requests states
SELECT
  "t2"."_period",
  "t2"."_unit",
  COUNT(*) AS "_n",
  SUM("t2"."_w" * "t2"."x0") AS "s0",
  COUNT("t2"."x0") AS "s1",
  SUM("t2"."_w" * "t2"."x1") AS "s3",
  COUNT("t2"."x1") AS "s4",
  SUM("t2"."_u") AS "_unknown"
FROM (
  SELECT
    "t1"."_period",
    CAST(HASH(COALESCE("t1"."user", "t1"."session", "t1"."run")) & 63 AS BIGINT) AS "_unit",
    1.0 / COALESCE(NULLIF("t1"."sample_probability", 0), 1.0) AS "_w",
    CASE
      WHEN CASE
        WHEN (
          "t1"."outcome" IS NOT NULL
        ) OR (
          "t1"."error_type" IS NOT NULL
        )
        THEN CASE
          WHEN "t1"."error_type" IS NOT NULL
          THEN FALSE
          ELSE COALESCE(
            "t1"."latency",
            (
              EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."end" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."start" AS TIMESTAMP)) AS TIMESTAMP))
            ) + (
              (
                (
                  EXTRACT('MICROSECOND' FROM CAST("t1"."end" AS TIMESTAMP)) % 1000000
                ) - (
                  EXTRACT('MICROSECOND' FROM CAST("t1"."start" AS TIMESTAMP)) % 1000000
                )
              ) / 1000000.0
            )
          ) <= 60.0
        END
        ELSE CAST(NULL AS BOOLEAN)
      END IS NOT NULL
      THEN CASE
        WHEN SUM(
          CASE
            WHEN COALESCE(
              CASE
                WHEN (
                  "t1"."outcome" IS NOT NULL
                ) OR (
                  "t1"."error_type" IS NOT NULL
                )
                THEN CASE
                  WHEN "t1"."error_type" IS NOT NULL
                  THEN FALSE
                  ELSE COALESCE(
                    "t1"."latency",
                    (
                      EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."end" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."start" AS TIMESTAMP)) AS TIMESTAMP))
                    ) + (
                      (
                        (
                          EXTRACT('MICROSECOND' FROM CAST("t1"."end" AS TIMESTAMP)) % 1000000
                        ) - (
                          EXTRACT('MICROSECOND' FROM CAST("t1"."start" AS TIMESTAMP)) % 1000000
                        )
                      ) / 1000000.0
                    )
                  ) <= 60.0
                END
                ELSE CAST(NULL AS BOOLEAN)
              END,
              FALSE
            )
            THEN 1.0 / COALESCE(NULLIF("t1"."sample_probability", 0), 1.0)
            ELSE 0.0
          END
        ) OVER (
          PARTITION BY CAST(FLOOR(EPOCH(CAST(CAST("t1"."start" AS TIMESTAMP) AS TIMESTAMP)) / 60) AS BIGINT), CASE
            WHEN (
              "t1"."outcome" IS NOT NULL
            ) OR (
              "t1"."error_type" IS NOT NULL
            )
            THEN CASE
              WHEN "t1"."error_type" IS NOT NULL
              THEN FALSE
              ELSE COALESCE(
                "t1"."latency",
                (
                  EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."end" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."start" AS TIMESTAMP)) AS TIMESTAMP))
                ) + (
                  (
                    (
                      EXTRACT('MICROSECOND' FROM CAST("t1"."end" AS TIMESTAMP)) % 1000000
                    ) - (
                      EXTRACT('MICROSECOND' FROM CAST("t1"."start" AS TIMESTAMP)) % 1000000
                    )
                  ) / 1000000.0
                )
              ) <= 60.0
            END
            ELSE CAST(NULL AS BOOLEAN)
          END IS NOT NULL, "t1"."_period"
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) >= (
          SUM(1.0 / COALESCE(NULLIF("t1"."sample_probability", 0), 1.0)) OVER (
            PARTITION BY CAST(FLOOR(EPOCH(CAST(CAST("t1"."start" AS TIMESTAMP) AS TIMESTAMP)) / 60) AS BIGINT), CASE
              WHEN (
                "t1"."outcome" IS NOT NULL
              ) OR (
                "t1"."error_type" IS NOT NULL
              )
              THEN CASE
                WHEN "t1"."error_type" IS NOT NULL
                THEN FALSE
                ELSE COALESCE(
                  "t1"."latency",
                  (
                    EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."end" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."start" AS TIMESTAMP)) AS TIMESTAMP))
                  ) + (
                    (
                      (
                        EXTRACT('MICROSECOND' FROM CAST("t1"."end" AS TIMESTAMP)) % 1000000
                      ) - (
                        EXTRACT('MICROSECOND' FROM CAST("t1"."start" AS TIMESTAMP)) % 1000000
                      )
                    ) / 1000000.0
                  )
                ) <= 60.0
              END
              ELSE CAST(NULL AS BOOLEAN)
            END IS NOT NULL, "t1"."_period"
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ) * 0.95 * 0.999999999999
        )
        THEN 1.0 / SUM(1.0 / COALESCE(NULLIF("t1"."sample_probability", 0), 1.0)) OVER (
          PARTITION BY CAST(FLOOR(EPOCH(CAST(CAST("t1"."start" AS TIMESTAMP) AS TIMESTAMP)) / 60) AS BIGINT), CASE
            WHEN (
              "t1"."outcome" IS NOT NULL
            ) OR (
              "t1"."error_type" IS NOT NULL
            )
            THEN CASE
              WHEN "t1"."error_type" IS NOT NULL
              THEN FALSE
              ELSE COALESCE(
                "t1"."latency",
                (
                  EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."end" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."start" AS TIMESTAMP)) AS TIMESTAMP))
                ) + (
                  (
                    (
                      EXTRACT('MICROSECOND' FROM CAST("t1"."end" AS TIMESTAMP)) % 1000000
                    ) - (
                      EXTRACT('MICROSECOND' FROM CAST("t1"."start" AS TIMESTAMP)) % 1000000
                    )
                  ) / 1000000.0
                )
              ) <= 60.0
            END
            ELSE CAST(NULL AS BOOLEAN)
          END IS NOT NULL, "t1"."_period"
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        )
        ELSE 0.0
      END
      ELSE CAST(NULL AS DOUBLE)
    END AS "x0",
    CASE
      WHEN CASE
        WHEN (
          "t1"."outcome" IS NOT NULL
        ) OR (
          "t1"."error_type" IS NOT NULL
        )
        THEN CASE
          WHEN "t1"."error_type" IS NOT NULL
          THEN FALSE
          ELSE COALESCE(
            "t1"."latency",
            (
              EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."end" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."start" AS TIMESTAMP)) AS TIMESTAMP))
            ) + (
              (
                (
                  EXTRACT('MICROSECOND' FROM CAST("t1"."end" AS TIMESTAMP)) % 1000000
                ) - (
                  EXTRACT('MICROSECOND' FROM CAST("t1"."start" AS TIMESTAMP)) % 1000000
                )
              ) / 1000000.0
            )
          ) <= 60.0
        END
        ELSE CAST(NULL AS BOOLEAN)
      END IS NOT NULL
      THEN 1.0 / SUM(1.0 / COALESCE(NULLIF("t1"."sample_probability", 0), 1.0)) OVER (
        PARTITION BY CAST(FLOOR(EPOCH(CAST(CAST("t1"."start" AS TIMESTAMP) AS TIMESTAMP)) / 60) AS BIGINT), CASE
          WHEN (
            "t1"."outcome" IS NOT NULL
          ) OR (
            "t1"."error_type" IS NOT NULL
          )
          THEN CASE
            WHEN "t1"."error_type" IS NOT NULL
            THEN FALSE
            ELSE COALESCE(
              "t1"."latency",
              (
                EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."end" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."start" AS TIMESTAMP)) AS TIMESTAMP))
              ) + (
                (
                  (
                    EXTRACT('MICROSECOND' FROM CAST("t1"."end" AS TIMESTAMP)) % 1000000
                  ) - (
                    EXTRACT('MICROSECOND' FROM CAST("t1"."start" AS TIMESTAMP)) % 1000000
                  )
                ) / 1000000.0
              )
            ) <= 60.0
          END
          ELSE CAST(NULL AS BOOLEAN)
        END IS NOT NULL, "t1"."_period"
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
      )
      ELSE CAST(NULL AS DOUBLE)
    END AS "x1",
    CAST((
      "t1"."sample_probability" IS NULL
    ) OR (
      "t1"."sample_probability" = 0
    ) AS BIGINT) AS "_u"
  FROM (
    SELECT
      "t0"."start",
      "t0"."env",
      "t0"."user",
      "t0"."session",
      "t0"."run",
      "t0"."sample_probability",
      "t0"."outcome",
      "t0"."error_type",
      "t0"."latency",
      "t0"."end",
      0 AS "_period"
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
  ) AS "t1"
) AS "t2"
GROUP BY
  1,
  2

-- requests sampling
SELECT
  "t4"."_period",
  SUM(
    (
      (
        1.0 - "t4"."_p"
      ) / (
        "t4"."_p" * "t4"."_p"
      )
    ) * "t4"."x0" * "t4"."x0"
  ) AS "v_0_0",
  SUM(
    (
      (
        1.0 - "t4"."_p"
      ) / (
        "t4"."_p" * "t4"."_p"
      )
    ) * "t4"."x0" * "t4"."x1"
  ) AS "v_0_1",
  SUM(
    (
      (
        1.0 - "t4"."_p"
      ) / (
        "t4"."_p" * "t4"."_p"
      )
    ) * "t4"."x1" * "t4"."x1"
  ) AS "v_1_1"
FROM (
  SELECT
    "t3"."_period",
    "t3"."_kept",
    MIN("t3"."_p") AS "_p",
    COALESCE(SUM("t3"."x0"), 0) AS "x0",
    COALESCE(SUM("t3"."x1"), 0) AS "x1"
  FROM (
    SELECT
      *
    FROM (
      SELECT
        "t1"."_period",
        "t1"."run" AS "_kept",
        1.0 / (
          1.0 / COALESCE(NULLIF("t1"."sample_probability", 0), 1.0)
        ) AS "_p",
        CASE
          WHEN CASE
            WHEN (
              "t1"."outcome" IS NOT NULL
            ) OR (
              "t1"."error_type" IS NOT NULL
            )
            THEN CASE
              WHEN "t1"."error_type" IS NOT NULL
              THEN FALSE
              ELSE COALESCE(
                "t1"."latency",
                (
                  EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."end" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."start" AS TIMESTAMP)) AS TIMESTAMP))
                ) + (
                  (
                    (
                      EXTRACT('MICROSECOND' FROM CAST("t1"."end" AS TIMESTAMP)) % 1000000
                    ) - (
                      EXTRACT('MICROSECOND' FROM CAST("t1"."start" AS TIMESTAMP)) % 1000000
                    )
                  ) / 1000000.0
                )
              ) <= 60.0
            END
            ELSE CAST(NULL AS BOOLEAN)
          END IS NOT NULL
          THEN CASE
            WHEN SUM(
              CASE
                WHEN COALESCE(
                  CASE
                    WHEN (
                      "t1"."outcome" IS NOT NULL
                    ) OR (
                      "t1"."error_type" IS NOT NULL
                    )
                    THEN CASE
                      WHEN "t1"."error_type" IS NOT NULL
                      THEN FALSE
                      ELSE COALESCE(
                        "t1"."latency",
                        (
                          EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."end" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."start" AS TIMESTAMP)) AS TIMESTAMP))
                        ) + (
                          (
                            (
                              EXTRACT('MICROSECOND' FROM CAST("t1"."end" AS TIMESTAMP)) % 1000000
                            ) - (
                              EXTRACT('MICROSECOND' FROM CAST("t1"."start" AS TIMESTAMP)) % 1000000
                            )
                          ) / 1000000.0
                        )
                      ) <= 60.0
                    END
                    ELSE CAST(NULL AS BOOLEAN)
                  END,
                  FALSE
                )
                THEN 1.0 / COALESCE(NULLIF("t1"."sample_probability", 0), 1.0)
                ELSE 0.0
              END
            ) OVER (
              PARTITION BY CAST(FLOOR(EPOCH(CAST(CAST("t1"."start" AS TIMESTAMP) AS TIMESTAMP)) / 60) AS BIGINT), CASE
                WHEN (
                  "t1"."outcome" IS NOT NULL
                ) OR (
                  "t1"."error_type" IS NOT NULL
                )
                THEN CASE
                  WHEN "t1"."error_type" IS NOT NULL
                  THEN FALSE
                  ELSE COALESCE(
                    "t1"."latency",
                    (
                      EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."end" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."start" AS TIMESTAMP)) AS TIMESTAMP))
                    ) + (
                      (
                        (
                          EXTRACT('MICROSECOND' FROM CAST("t1"."end" AS TIMESTAMP)) % 1000000
                        ) - (
                          EXTRACT('MICROSECOND' FROM CAST("t1"."start" AS TIMESTAMP)) % 1000000
                        )
                      ) / 1000000.0
                    )
                  ) <= 60.0
                END
                ELSE CAST(NULL AS BOOLEAN)
              END IS NOT NULL, "t1"."_period"
              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) >= (
              SUM(1.0 / COALESCE(NULLIF("t1"."sample_probability", 0), 1.0)) OVER (
                PARTITION BY CAST(FLOOR(EPOCH(CAST(CAST("t1"."start" AS TIMESTAMP) AS TIMESTAMP)) / 60) AS BIGINT), CASE
                  WHEN (
                    "t1"."outcome" IS NOT NULL
                  ) OR (
                    "t1"."error_type" IS NOT NULL
                  )
                  THEN CASE
                    WHEN "t1"."error_type" IS NOT NULL
                    THEN FALSE
                    ELSE COALESCE(
                      "t1"."latency",
                      (
                        EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."end" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."start" AS TIMESTAMP)) AS TIMESTAMP))
                      ) + (
                        (
                          (
                            EXTRACT('MICROSECOND' FROM CAST("t1"."end" AS TIMESTAMP)) % 1000000
                          ) - (
                            EXTRACT('MICROSECOND' FROM CAST("t1"."start" AS TIMESTAMP)) % 1000000
                          )
                        ) / 1000000.0
                      )
                    ) <= 60.0
                  END
                  ELSE CAST(NULL AS BOOLEAN)
                END IS NOT NULL, "t1"."_period"
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
              ) * 0.95 * 0.999999999999
            )
            THEN 1.0 / SUM(1.0 / COALESCE(NULLIF("t1"."sample_probability", 0), 1.0)) OVER (
              PARTITION BY CAST(FLOOR(EPOCH(CAST(CAST("t1"."start" AS TIMESTAMP) AS TIMESTAMP)) / 60) AS BIGINT), CASE
                WHEN (
                  "t1"."outcome" IS NOT NULL
                ) OR (
                  "t1"."error_type" IS NOT NULL
                )
                THEN CASE
                  WHEN "t1"."error_type" IS NOT NULL
                  THEN FALSE
                  ELSE COALESCE(
                    "t1"."latency",
                    (
                      EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."end" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."start" AS TIMESTAMP)) AS TIMESTAMP))
                    ) + (
                      (
                        (
                          EXTRACT('MICROSECOND' FROM CAST("t1"."end" AS TIMESTAMP)) % 1000000
                        ) - (
                          EXTRACT('MICROSECOND' FROM CAST("t1"."start" AS TIMESTAMP)) % 1000000
                        )
                      ) / 1000000.0
                    )
                  ) <= 60.0
                END
                ELSE CAST(NULL AS BOOLEAN)
              END IS NOT NULL, "t1"."_period"
              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            )
            ELSE 0.0
          END
          ELSE CAST(NULL AS DOUBLE)
        END AS "x0",
        CASE
          WHEN CASE
            WHEN (
              "t1"."outcome" IS NOT NULL
            ) OR (
              "t1"."error_type" IS NOT NULL
            )
            THEN CASE
              WHEN "t1"."error_type" IS NOT NULL
              THEN FALSE
              ELSE COALESCE(
                "t1"."latency",
                (
                  EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."end" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."start" AS TIMESTAMP)) AS TIMESTAMP))
                ) + (
                  (
                    (
                      EXTRACT('MICROSECOND' FROM CAST("t1"."end" AS TIMESTAMP)) % 1000000
                    ) - (
                      EXTRACT('MICROSECOND' FROM CAST("t1"."start" AS TIMESTAMP)) % 1000000
                    )
                  ) / 1000000.0
                )
              ) <= 60.0
            END
            ELSE CAST(NULL AS BOOLEAN)
          END IS NOT NULL
          THEN 1.0 / SUM(1.0 / COALESCE(NULLIF("t1"."sample_probability", 0), 1.0)) OVER (
            PARTITION BY CAST(FLOOR(EPOCH(CAST(CAST("t1"."start" AS TIMESTAMP) AS TIMESTAMP)) / 60) AS BIGINT), CASE
              WHEN (
                "t1"."outcome" IS NOT NULL
              ) OR (
                "t1"."error_type" IS NOT NULL
              )
              THEN CASE
                WHEN "t1"."error_type" IS NOT NULL
                THEN FALSE
                ELSE COALESCE(
                  "t1"."latency",
                  (
                    EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."end" AS TIMESTAMP)) AS TIMESTAMP)) - EPOCH(CAST(DATE_TRUNC('SECOND', CAST("t1"."start" AS TIMESTAMP)) AS TIMESTAMP))
                  ) + (
                    (
                      (
                        EXTRACT('MICROSECOND' FROM CAST("t1"."end" AS TIMESTAMP)) % 1000000
                      ) - (
                        EXTRACT('MICROSECOND' FROM CAST("t1"."start" AS TIMESTAMP)) % 1000000
                      )
                    ) / 1000000.0
                  )
                ) <= 60.0
              END
              ELSE CAST(NULL AS BOOLEAN)
            END IS NOT NULL, "t1"."_period"
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          )
          ELSE CAST(NULL AS DOUBLE)
        END AS "x1"
      FROM (
        SELECT
          "t0"."start",
          "t0"."env",
          "t0"."run",
          "t0"."sample_probability",
          "t0"."outcome",
          "t0"."error_type",
          "t0"."latency",
          "t0"."end",
          0 AS "_period"
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
      ) AS "t1"
    ) AS "t2"
    WHERE
      "t2"."_p" < 1.0
  ) AS "t3"
  GROUP BY
    1,
    2
) AS "t4"
GROUP BY
  1
