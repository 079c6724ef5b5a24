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
        WHEN "t0"."start" < CAST('2026-08-02T00:00:00+00:00' AS TIMESTAMPTZ)
        THEN CASE
          WHEN "t0"."start" < CAST('2026-07-03T00:00:00+00:00' AS TIMESTAMPTZ)
          THEN CASE
            WHEN "t0"."start" < CAST('2026-06-18T00:00:00+00:00' AS TIMESTAMPTZ)
            THEN CASE
              WHEN "t0"."start" < CAST('2026-06-10T00:00:00+00:00' AS TIMESTAMPTZ)
              THEN CASE
                WHEN "t0"."start" < CAST('2026-06-06T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-06-04T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 0
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-06-05T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 1
                    ELSE 2
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-06-08T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN CASE
                    WHEN "t0"."start" < CAST('2026-06-07T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 3
                    ELSE 4
                  END
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-06-09T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 5
                    ELSE 6
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < CAST('2026-06-14T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-06-12T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN CASE
                    WHEN "t0"."start" < CAST('2026-06-11T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 7
                    ELSE 8
                  END
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-06-13T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 9
                    ELSE 10
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-06-16T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN CASE
                    WHEN "t0"."start" < CAST('2026-06-15T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 11
                    ELSE 12
                  END
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-06-17T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 13
                    ELSE 14
                  END
                END
              END
            END
            ELSE CASE
              WHEN "t0"."start" < CAST('2026-06-25T00:00:00+00:00' AS TIMESTAMPTZ)
              THEN CASE
                WHEN "t0"."start" < CAST('2026-06-21T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-06-19T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 15
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-06-20T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 16
                    ELSE 17
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-06-23T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN CASE
                    WHEN "t0"."start" < CAST('2026-06-22T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 18
                    ELSE 19
                  END
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-06-24T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 20
                    ELSE 21
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < CAST('2026-06-29T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-06-27T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN CASE
                    WHEN "t0"."start" < CAST('2026-06-26T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 22
                    ELSE 23
                  END
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-06-28T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 24
                    ELSE 25
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-07-01T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN CASE
                    WHEN "t0"."start" < CAST('2026-06-30T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 26
                    ELSE 27
                  END
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-07-02T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 28
                    ELSE 29
                  END
                END
              END
            END
          END
          ELSE CASE
            WHEN "t0"."start" < CAST('2026-07-18T00:00:00+00:00' AS TIMESTAMPTZ)
            THEN CASE
              WHEN "t0"."start" < CAST('2026-07-10T00:00:00+00:00' AS TIMESTAMPTZ)
              THEN CASE
                WHEN "t0"."start" < CAST('2026-07-06T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-07-04T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 30
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-07-05T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 31
                    ELSE 32
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-07-08T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN CASE
                    WHEN "t0"."start" < CAST('2026-07-07T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 33
                    ELSE 34
                  END
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-07-09T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 35
                    ELSE 36
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < CAST('2026-07-14T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-07-12T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN CASE
                    WHEN "t0"."start" < CAST('2026-07-11T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 37
                    ELSE 38
                  END
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-07-13T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 39
                    ELSE 40
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-07-16T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN CASE
                    WHEN "t0"."start" < CAST('2026-07-15T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 41
                    ELSE 42
                  END
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-07-17T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 43
                    ELSE 44
                  END
                END
              END
            END
            ELSE CASE
              WHEN "t0"."start" < CAST('2026-07-25T00:00:00+00:00' AS TIMESTAMPTZ)
              THEN CASE
                WHEN "t0"."start" < CAST('2026-07-21T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-07-19T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 45
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-07-20T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 46
                    ELSE 47
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-07-23T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN CASE
                    WHEN "t0"."start" < CAST('2026-07-22T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 48
                    ELSE 49
                  END
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-07-24T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 50
                    ELSE 51
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < CAST('2026-07-29T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-07-27T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN CASE
                    WHEN "t0"."start" < CAST('2026-07-26T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 52
                    ELSE 53
                  END
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-07-28T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 54
                    ELSE 55
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-07-31T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN CASE
                    WHEN "t0"."start" < CAST('2026-07-30T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 56
                    ELSE 57
                  END
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-08-01T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 58
                    ELSE 59
                  END
                END
              END
            END
          END
        END
        ELSE CASE
          WHEN "t0"."start" < CAST('2026-09-01T00:00:00+00:00' AS TIMESTAMPTZ)
          THEN CASE
            WHEN "t0"."start" < CAST('2026-08-17T00:00:00+00:00' AS TIMESTAMPTZ)
            THEN CASE
              WHEN "t0"."start" < CAST('2026-08-09T00:00:00+00:00' AS TIMESTAMPTZ)
              THEN CASE
                WHEN "t0"."start" < CAST('2026-08-05T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-08-03T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 60
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-08-04T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 61
                    ELSE 62
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-08-07T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN CASE
                    WHEN "t0"."start" < CAST('2026-08-06T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 63
                    ELSE 64
                  END
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-08-08T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 65
                    ELSE 66
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < CAST('2026-08-13T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-08-11T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN CASE
                    WHEN "t0"."start" < CAST('2026-08-10T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 67
                    ELSE 68
                  END
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-08-12T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 69
                    ELSE 70
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-08-15T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN CASE
                    WHEN "t0"."start" < CAST('2026-08-14T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 71
                    ELSE 72
                  END
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-08-16T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 73
                    ELSE 74
                  END
                END
              END
            END
            ELSE CASE
              WHEN "t0"."start" < CAST('2026-08-24T00:00:00+00:00' AS TIMESTAMPTZ)
              THEN CASE
                WHEN "t0"."start" < CAST('2026-08-20T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-08-18T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 75
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-08-19T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 76
                    ELSE 77
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-08-22T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN CASE
                    WHEN "t0"."start" < CAST('2026-08-21T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 78
                    ELSE 79
                  END
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-08-23T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 80
                    ELSE 81
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < CAST('2026-08-28T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-08-26T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN CASE
                    WHEN "t0"."start" < CAST('2026-08-25T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 82
                    ELSE 83
                  END
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-08-27T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 84
                    ELSE 85
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-08-30T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN CASE
                    WHEN "t0"."start" < CAST('2026-08-29T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 86
                    ELSE 87
                  END
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-08-31T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 88
                    ELSE 89
                  END
                END
              END
            END
          END
          ELSE CASE
            WHEN "t0"."start" < CAST('2026-09-16T00:00:00+00:00' AS TIMESTAMPTZ)
            THEN CASE
              WHEN "t0"."start" < CAST('2026-09-08T00:00:00+00:00' AS TIMESTAMPTZ)
              THEN CASE
                WHEN "t0"."start" < CAST('2026-09-04T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-09-02T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 90
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-09-03T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 91
                    ELSE 92
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-09-06T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN CASE
                    WHEN "t0"."start" < CAST('2026-09-05T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 93
                    ELSE 94
                  END
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-09-07T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 95
                    ELSE 96
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < CAST('2026-09-12T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-09-10T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN CASE
                    WHEN "t0"."start" < CAST('2026-09-09T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 97
                    ELSE 98
                  END
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-09-11T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 99
                    ELSE 100
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-09-14T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN CASE
                    WHEN "t0"."start" < CAST('2026-09-13T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 101
                    ELSE 102
                  END
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-09-15T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 103
                    ELSE 104
                  END
                END
              END
            END
            ELSE CASE
              WHEN "t0"."start" < CAST('2026-09-23T00:00:00+00:00' AS TIMESTAMPTZ)
              THEN CASE
                WHEN "t0"."start" < CAST('2026-09-19T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-09-17T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 105
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-09-18T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 106
                    ELSE 107
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-09-21T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN CASE
                    WHEN "t0"."start" < CAST('2026-09-20T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 108
                    ELSE 109
                  END
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-09-22T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 110
                    ELSE 111
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < CAST('2026-09-27T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-09-25T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN CASE
                    WHEN "t0"."start" < CAST('2026-09-24T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 112
                    ELSE 113
                  END
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-09-26T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 114
                    ELSE 115
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-09-29T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN CASE
                    WHEN "t0"."start" < CAST('2026-09-28T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 116
                    ELSE 117
                  END
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-09-30T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 118
                    ELSE 119
                  END
                END
              END
            END
          END
        END
      END AS "_period",
      COALESCE(HASHTEXTEXTENDED(COALESCE("t0"."user", "t0"."session", "t0"."run"), 0), 0) & 63 AS "_unit",
      CAST(1.0 AS DOUBLE PRECISION) / COALESCE(NULLIF("t0"."sample_probability", 0), 1.0) AS "_w",
      CAST(CAST("t0"."outcome" = 'success' AS INT) AS BIGINT) AS "x0",
      CAST(CAST(COALESCE("t0"."outcome", 'unknown') <> 'unknown' AS INT) AS BIGINT) AS "x1",
      CAST(CAST((
        "t0"."sample_probability" IS NULL
      ) OR (
        "t0"."sample_probability" = 0
      ) AS INT) AS BIGINT) AS "_u"
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
      AND "t0"."start" >= CAST('2026-06-03T00:00:00+00:00' AS TIMESTAMPTZ)
      AND "t0"."start" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
  ) AS "t1"
  GROUP BY
    1,
    2
) AS "t2"
