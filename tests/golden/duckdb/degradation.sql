-- requests degraded
SELECT
  "t2"."_period",
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
    "t1"."_unit",
    COUNT(*) AS "_n",
    SUM("t1"."_w" * "t1"."x0") AS "s0",
    SUM("t1"."_w" * "t1"."x1") AS "s1",
    COALESCE(SUM("t1"."x1"), 0) AS "s2",
    SUM("t1"."_u") AS "_unknown"
  FROM (
    SELECT
      CASE
        WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 2, 0, 0, 0.0, 'UTC')
        THEN CASE
          WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 3, 0, 0, 0.0, 'UTC')
          THEN CASE
            WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 18, 0, 0, 0.0, 'UTC')
            THEN CASE
              WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 10, 0, 0, 0.0, 'UTC')
              THEN CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 6, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 4, 0, 0, 0.0, 'UTC')
                  THEN 0
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 5, 0, 0, 0.0, 'UTC')
                    THEN 1
                    ELSE 2
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 8, 0, 0, 0.0, 'UTC')
                  THEN CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 7, 0, 0, 0.0, 'UTC')
                    THEN 3
                    ELSE 4
                  END
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 9, 0, 0, 0.0, 'UTC')
                    THEN 5
                    ELSE 6
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 14, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 12, 0, 0, 0.0, 'UTC')
                  THEN CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 11, 0, 0, 0.0, 'UTC')
                    THEN 7
                    ELSE 8
                  END
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 13, 0, 0, 0.0, 'UTC')
                    THEN 9
                    ELSE 10
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 16, 0, 0, 0.0, 'UTC')
                  THEN CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 15, 0, 0, 0.0, 'UTC')
                    THEN 11
                    ELSE 12
                  END
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 17, 0, 0, 0.0, 'UTC')
                    THEN 13
                    ELSE 14
                  END
                END
              END
            END
            ELSE CASE
              WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 25, 0, 0, 0.0, 'UTC')
              THEN CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 21, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 19, 0, 0, 0.0, 'UTC')
                  THEN 15
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 20, 0, 0, 0.0, 'UTC')
                    THEN 16
                    ELSE 17
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 23, 0, 0, 0.0, 'UTC')
                  THEN CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 22, 0, 0, 0.0, 'UTC')
                    THEN 18
                    ELSE 19
                  END
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 24, 0, 0, 0.0, 'UTC')
                    THEN 20
                    ELSE 21
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 29, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 27, 0, 0, 0.0, 'UTC')
                  THEN CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 26, 0, 0, 0.0, 'UTC')
                    THEN 22
                    ELSE 23
                  END
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 28, 0, 0, 0.0, 'UTC')
                    THEN 24
                    ELSE 25
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 1, 0, 0, 0.0, 'UTC')
                  THEN CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 6, 30, 0, 0, 0.0, 'UTC')
                    THEN 26
                    ELSE 27
                  END
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 2, 0, 0, 0.0, 'UTC')
                    THEN 28
                    ELSE 29
                  END
                END
              END
            END
          END
          ELSE CASE
            WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 18, 0, 0, 0.0, 'UTC')
            THEN CASE
              WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 10, 0, 0, 0.0, 'UTC')
              THEN CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 6, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 4, 0, 0, 0.0, 'UTC')
                  THEN 30
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 5, 0, 0, 0.0, 'UTC')
                    THEN 31
                    ELSE 32
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 8, 0, 0, 0.0, 'UTC')
                  THEN CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 7, 0, 0, 0.0, 'UTC')
                    THEN 33
                    ELSE 34
                  END
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 9, 0, 0, 0.0, 'UTC')
                    THEN 35
                    ELSE 36
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 14, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 12, 0, 0, 0.0, 'UTC')
                  THEN CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 11, 0, 0, 0.0, 'UTC')
                    THEN 37
                    ELSE 38
                  END
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 13, 0, 0, 0.0, 'UTC')
                    THEN 39
                    ELSE 40
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 16, 0, 0, 0.0, 'UTC')
                  THEN CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 15, 0, 0, 0.0, 'UTC')
                    THEN 41
                    ELSE 42
                  END
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 17, 0, 0, 0.0, 'UTC')
                    THEN 43
                    ELSE 44
                  END
                END
              END
            END
            ELSE CASE
              WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 25, 0, 0, 0.0, 'UTC')
              THEN CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 21, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 19, 0, 0, 0.0, 'UTC')
                  THEN 45
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 20, 0, 0, 0.0, 'UTC')
                    THEN 46
                    ELSE 47
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 23, 0, 0, 0.0, 'UTC')
                  THEN CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 22, 0, 0, 0.0, 'UTC')
                    THEN 48
                    ELSE 49
                  END
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 24, 0, 0, 0.0, 'UTC')
                    THEN 50
                    ELSE 51
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 29, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 27, 0, 0, 0.0, 'UTC')
                  THEN CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 26, 0, 0, 0.0, 'UTC')
                    THEN 52
                    ELSE 53
                  END
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 28, 0, 0, 0.0, 'UTC')
                    THEN 54
                    ELSE 55
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 31, 0, 0, 0.0, 'UTC')
                  THEN CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 7, 30, 0, 0, 0.0, 'UTC')
                    THEN 56
                    ELSE 57
                  END
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 1, 0, 0, 0.0, 'UTC')
                    THEN 58
                    ELSE 59
                  END
                END
              END
            END
          END
        END
        ELSE CASE
          WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 1, 0, 0, 0.0, 'UTC')
          THEN CASE
            WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 17, 0, 0, 0.0, 'UTC')
            THEN CASE
              WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 9, 0, 0, 0.0, 'UTC')
              THEN CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 5, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 3, 0, 0, 0.0, 'UTC')
                  THEN 60
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 4, 0, 0, 0.0, 'UTC')
                    THEN 61
                    ELSE 62
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 7, 0, 0, 0.0, 'UTC')
                  THEN CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 6, 0, 0, 0.0, 'UTC')
                    THEN 63
                    ELSE 64
                  END
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 8, 0, 0, 0.0, 'UTC')
                    THEN 65
                    ELSE 66
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 13, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 11, 0, 0, 0.0, 'UTC')
                  THEN CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 10, 0, 0, 0.0, 'UTC')
                    THEN 67
                    ELSE 68
                  END
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 12, 0, 0, 0.0, 'UTC')
                    THEN 69
                    ELSE 70
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 15, 0, 0, 0.0, 'UTC')
                  THEN CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 14, 0, 0, 0.0, 'UTC')
                    THEN 71
                    ELSE 72
                  END
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 16, 0, 0, 0.0, 'UTC')
                    THEN 73
                    ELSE 74
                  END
                END
              END
            END
            ELSE CASE
              WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 24, 0, 0, 0.0, 'UTC')
              THEN CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 20, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 18, 0, 0, 0.0, 'UTC')
                  THEN 75
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 19, 0, 0, 0.0, 'UTC')
                    THEN 76
                    ELSE 77
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 22, 0, 0, 0.0, 'UTC')
                  THEN CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 21, 0, 0, 0.0, 'UTC')
                    THEN 78
                    ELSE 79
                  END
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 23, 0, 0, 0.0, 'UTC')
                    THEN 80
                    ELSE 81
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 28, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 26, 0, 0, 0.0, 'UTC')
                  THEN CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 25, 0, 0, 0.0, 'UTC')
                    THEN 82
                    ELSE 83
                  END
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 27, 0, 0, 0.0, 'UTC')
                    THEN 84
                    ELSE 85
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 30, 0, 0, 0.0, 'UTC')
                  THEN CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 29, 0, 0, 0.0, 'UTC')
                    THEN 86
                    ELSE 87
                  END
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 8, 31, 0, 0, 0.0, 'UTC')
                    THEN 88
                    ELSE 89
                  END
                END
              END
            END
          END
          ELSE CASE
            WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 16, 0, 0, 0.0, 'UTC')
            THEN CASE
              WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 8, 0, 0, 0.0, 'UTC')
              THEN CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 4, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 2, 0, 0, 0.0, 'UTC')
                  THEN 90
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 3, 0, 0, 0.0, 'UTC')
                    THEN 91
                    ELSE 92
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 6, 0, 0, 0.0, 'UTC')
                  THEN CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 5, 0, 0, 0.0, 'UTC')
                    THEN 93
                    ELSE 94
                  END
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 7, 0, 0, 0.0, 'UTC')
                    THEN 95
                    ELSE 96
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 12, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 10, 0, 0, 0.0, 'UTC')
                  THEN CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 9, 0, 0, 0.0, 'UTC')
                    THEN 97
                    ELSE 98
                  END
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 11, 0, 0, 0.0, 'UTC')
                    THEN 99
                    ELSE 100
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 14, 0, 0, 0.0, 'UTC')
                  THEN CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 13, 0, 0, 0.0, 'UTC')
                    THEN 101
                    ELSE 102
                  END
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 15, 0, 0, 0.0, 'UTC')
                    THEN 103
                    ELSE 104
                  END
                END
              END
            END
            ELSE CASE
              WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 23, 0, 0, 0.0, 'UTC')
              THEN CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 19, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 17, 0, 0, 0.0, 'UTC')
                  THEN 105
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 18, 0, 0, 0.0, 'UTC')
                    THEN 106
                    ELSE 107
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 21, 0, 0, 0.0, 'UTC')
                  THEN CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 20, 0, 0, 0.0, 'UTC')
                    THEN 108
                    ELSE 109
                  END
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 22, 0, 0, 0.0, 'UTC')
                    THEN 110
                    ELSE 111
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 27, 0, 0, 0.0, 'UTC')
                THEN CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 25, 0, 0, 0.0, 'UTC')
                  THEN CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 24, 0, 0, 0.0, 'UTC')
                    THEN 112
                    ELSE 113
                  END
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 26, 0, 0, 0.0, 'UTC')
                    THEN 114
                    ELSE 115
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 29, 0, 0, 0.0, 'UTC')
                  THEN CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 28, 0, 0, 0.0, 'UTC')
                    THEN 116
                    ELSE 117
                  END
                  ELSE CASE
                    WHEN "t0"."start" < MAKE_TIMESTAMPTZ(2026, 9, 30, 0, 0, 0.0, 'UTC')
                    THEN 118
                    ELSE 119
                  END
                END
              END
            END
          END
        END
      END AS "_period",
      CAST(HASH(COALESCE("t0"."user", "t0"."session", "t0"."run")) & 63 AS BIGINT) AS "_unit",
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
      AND "t0"."start" >= MAKE_TIMESTAMPTZ(2026, 6, 3, 0, 0, 0.0, 'UTC')
      AND "t0"."start" < MAKE_TIMESTAMPTZ(2026, 10, 1, 0, 0, 0.0, 'UTC')
  ) AS "t1"
  GROUP BY
    1,
    2
) AS "t2"
