-- requests drift_slope
SELECT
  "t2"."_period",
  "t2"."_g0",
  "t2"."_unit",
  "t2"."s0",
  "t2"."s1",
  "t2"."s2",
  "t2"."_n" AS "s3",
  "t2"."_n",
  "t2"."_unknown"
FROM (
  SELECT
    "t1"."_period",
    "t1"."_g0",
    "t1"."_unit",
    COUNT(*) AS "_n",
    SUM("t1"."_w" * "t1"."x0") AS "s0",
    SUM("t1"."_w" * "t1"."x1") AS "s1",
    COALESCE(SUM("t1"."x1"), 0) AS "s2",
    SUM("t1"."_u") AS "_unknown"
  FROM (
    SELECT
      CASE
        WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 16, 0, 0, 0.0, 'UTC')
        THEN CASE
          WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 24, 0, 0, 0.0, 'UTC')
          THEN CASE
            WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 12, 0, 0, 0.0, 'UTC')
            THEN CASE
              WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 6, 0, 0, 0.0, 'UTC')
              THEN CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 3, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 2, 0, 0, 0.0, 'UTC')
                  THEN 0
                  ELSE 1
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 4, 0, 0, 0.0, 'UTC')
                  THEN 2
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 5, 0, 0, 0.0, 'UTC')
                    THEN 3
                    ELSE 4
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 9, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 7, 0, 0, 0.0, 'UTC')
                  THEN 5
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 8, 0, 0, 0.0, 'UTC')
                    THEN 6
                    ELSE 7
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 10, 0, 0, 0.0, 'UTC')
                  THEN 8
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 11, 0, 0, 0.0, 'UTC')
                    THEN 9
                    ELSE 10
                  END
                END
              END
            END
            ELSE CASE
              WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 18, 0, 0, 0.0, 'UTC')
              THEN CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 15, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 13, 0, 0, 0.0, 'UTC')
                  THEN 11
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 14, 0, 0, 0.0, 'UTC')
                    THEN 12
                    ELSE 13
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 16, 0, 0, 0.0, 'UTC')
                  THEN 14
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 17, 0, 0, 0.0, 'UTC')
                    THEN 15
                    ELSE 16
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 21, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 19, 0, 0, 0.0, 'UTC')
                  THEN 17
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 20, 0, 0, 0.0, 'UTC')
                    THEN 18
                    ELSE 19
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 22, 0, 0, 0.0, 'UTC')
                  THEN 20
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 23, 0, 0, 0.0, 'UTC')
                    THEN 21
                    ELSE 22
                  END
                END
              END
            END
          END
          ELSE CASE
            WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 4, 0, 0, 0.0, 'UTC')
            THEN CASE
              WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 29, 0, 0, 0.0, 'UTC')
              THEN CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 26, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 25, 0, 0, 0.0, 'UTC')
                  THEN 23
                  ELSE 24
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 27, 0, 0, 0.0, 'UTC')
                  THEN 25
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 28, 0, 0, 0.0, 'UTC')
                    THEN 26
                    ELSE 27
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 1, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 30, 0, 0, 0.0, 'UTC')
                  THEN 28
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 31, 0, 0, 0.0, 'UTC')
                    THEN 29
                    ELSE 30
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 2, 0, 0, 0.0, 'UTC')
                  THEN 31
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 3, 0, 0, 0.0, 'UTC')
                    THEN 32
                    ELSE 33
                  END
                END
              END
            END
            ELSE CASE
              WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 10, 0, 0, 0.0, 'UTC')
              THEN CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 7, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 5, 0, 0, 0.0, 'UTC')
                  THEN 34
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 6, 0, 0, 0.0, 'UTC')
                    THEN 35
                    ELSE 36
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 8, 0, 0, 0.0, 'UTC')
                  THEN 37
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 9, 0, 0, 0.0, 'UTC')
                    THEN 38
                    ELSE 39
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 13, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 11, 0, 0, 0.0, 'UTC')
                  THEN 40
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 12, 0, 0, 0.0, 'UTC')
                    THEN 41
                    ELSE 42
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 14, 0, 0, 0.0, 'UTC')
                  THEN 43
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 15, 0, 0, 0.0, 'UTC')
                    THEN 44
                    ELSE 45
                  END
                END
              END
            END
          END
        END
        ELSE CASE
          WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 8, 0, 0, 0.0, 'UTC')
          THEN CASE
            WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 27, 0, 0, 0.0, 'UTC')
            THEN CASE
              WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 21, 0, 0, 0.0, 'UTC')
              THEN CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 18, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 17, 0, 0, 0.0, 'UTC')
                  THEN 46
                  ELSE 47
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 19, 0, 0, 0.0, 'UTC')
                  THEN 48
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 20, 0, 0, 0.0, 'UTC')
                    THEN 49
                    ELSE 50
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 24, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 22, 0, 0, 0.0, 'UTC')
                  THEN 51
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 23, 0, 0, 0.0, 'UTC')
                    THEN 52
                    ELSE 53
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 25, 0, 0, 0.0, 'UTC')
                  THEN 54
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 26, 0, 0, 0.0, 'UTC')
                    THEN 55
                    ELSE 56
                  END
                END
              END
            END
            ELSE CASE
              WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 2, 0, 0, 0.0, 'UTC')
              THEN CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 30, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 28, 0, 0, 0.0, 'UTC')
                  THEN 57
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 29, 0, 0, 0.0, 'UTC')
                    THEN 58
                    ELSE 59
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 31, 0, 0, 0.0, 'UTC')
                  THEN 60
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 1, 0, 0, 0.0, 'UTC')
                    THEN 61
                    ELSE 62
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 5, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 3, 0, 0, 0.0, 'UTC')
                  THEN 63
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 4, 0, 0, 0.0, 'UTC')
                    THEN 64
                    ELSE 65
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 6, 0, 0, 0.0, 'UTC')
                  THEN 66
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 7, 0, 0, 0.0, 'UTC')
                    THEN 67
                    ELSE 68
                  END
                END
              END
            END
          END
          ELSE CASE
            WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 19, 0, 0, 0.0, 'UTC')
            THEN CASE
              WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 13, 0, 0, 0.0, 'UTC')
              THEN CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 10, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 9, 0, 0, 0.0, 'UTC')
                  THEN 69
                  ELSE 70
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 11, 0, 0, 0.0, 'UTC')
                  THEN 71
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 12, 0, 0, 0.0, 'UTC')
                    THEN 72
                    ELSE 73
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 16, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 14, 0, 0, 0.0, 'UTC')
                  THEN 74
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 15, 0, 0, 0.0, 'UTC')
                    THEN 75
                    ELSE 76
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 17, 0, 0, 0.0, 'UTC')
                  THEN 77
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 18, 0, 0, 0.0, 'UTC')
                    THEN 78
                    ELSE 79
                  END
                END
              END
            END
            ELSE CASE
              WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 25, 0, 0, 0.0, 'UTC')
              THEN CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 22, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 20, 0, 0, 0.0, 'UTC')
                  THEN 80
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 21, 0, 0, 0.0, 'UTC')
                    THEN 81
                    ELSE 82
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 23, 0, 0, 0.0, 'UTC')
                  THEN 83
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 24, 0, 0, 0.0, 'UTC')
                    THEN 84
                    ELSE 85
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 28, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 26, 0, 0, 0.0, 'UTC')
                  THEN 86
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 27, 0, 0, 0.0, 'UTC')
                    THEN 87
                    ELSE 88
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 29, 0, 0, 0.0, 'UTC')
                  THEN 89
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 30, 0, 0, 0.0, 'UTC')
                    THEN 90
                    ELSE 91
                  END
                END
              END
            END
          END
        END
      END AS "_period",
      COALESCE("t0"."use_case", 'not recorded') AS "_g0",
      0 AS "_unit",
      1.0 / COALESCE(NULLIF("t0"."sample_probability", 0), 1.0) AS "_w",
      CAST(LIST_CONTAINS(['success'], "t0"."outcome") AS BIGINT) AS "x0",
      CAST(COALESCE("t0"."outcome", 'unknown') <> 'unknown' AS BIGINT) AS "x1",
      CAST((
        "t0"."sample_probability" IS NULL
      ) OR (
        "t0"."sample_probability" = 0
      ) AS BIGINT) AS "_u"
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
  GROUP BY
    1,
    2,
    3
) AS "t2"
