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
        WHEN "t0"."start" < CAST('2026-08-16T00:00:00+00:00' AS TIMESTAMPTZ)
        THEN CASE
          WHEN "t0"."start" < CAST('2026-07-24T00:00:00+00:00' AS TIMESTAMPTZ)
          THEN CASE
            WHEN "t0"."start" < CAST('2026-07-12T00:00:00+00:00' AS TIMESTAMPTZ)
            THEN CASE
              WHEN "t0"."start" < CAST('2026-07-06T00:00:00+00:00' AS TIMESTAMPTZ)
              THEN CASE
                WHEN "t0"."start" < CAST('2026-07-03T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-07-02T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 0
                  ELSE 1
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-07-04T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 2
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-07-05T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 3
                    ELSE 4
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < CAST('2026-07-09T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-07-07T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 5
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-07-08T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 6
                    ELSE 7
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-07-10T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 8
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-07-11T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 9
                    ELSE 10
                  END
                END
              END
            END
            ELSE CASE
              WHEN "t0"."start" < CAST('2026-07-18T00:00:00+00:00' AS TIMESTAMPTZ)
              THEN CASE
                WHEN "t0"."start" < CAST('2026-07-15T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-07-13T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 11
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-07-14T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 12
                    ELSE 13
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-07-16T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 14
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-07-17T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 15
                    ELSE 16
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < CAST('2026-07-21T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-07-19T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 17
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-07-20T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 18
                    ELSE 19
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-07-22T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 20
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-07-23T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 21
                    ELSE 22
                  END
                END
              END
            END
          END
          ELSE CASE
            WHEN "t0"."start" < CAST('2026-08-04T00:00:00+00:00' AS TIMESTAMPTZ)
            THEN CASE
              WHEN "t0"."start" < CAST('2026-07-29T00:00:00+00:00' AS TIMESTAMPTZ)
              THEN CASE
                WHEN "t0"."start" < CAST('2026-07-26T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-07-25T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 23
                  ELSE 24
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-07-27T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 25
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-07-28T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 26
                    ELSE 27
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < CAST('2026-08-01T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-07-30T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 28
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-07-31T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 29
                    ELSE 30
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-08-02T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 31
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-08-03T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 32
                    ELSE 33
                  END
                END
              END
            END
            ELSE CASE
              WHEN "t0"."start" < CAST('2026-08-10T00:00:00+00:00' AS TIMESTAMPTZ)
              THEN CASE
                WHEN "t0"."start" < CAST('2026-08-07T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-08-05T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 34
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-08-06T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 35
                    ELSE 36
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-08-08T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 37
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-08-09T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 38
                    ELSE 39
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < CAST('2026-08-13T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-08-11T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 40
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-08-12T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 41
                    ELSE 42
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-08-14T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 43
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-08-15T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 44
                    ELSE 45
                  END
                END
              END
            END
          END
        END
        ELSE CASE
          WHEN "t0"."start" < CAST('2026-09-08T00:00:00+00:00' AS TIMESTAMPTZ)
          THEN CASE
            WHEN "t0"."start" < CAST('2026-08-27T00:00:00+00:00' AS TIMESTAMPTZ)
            THEN CASE
              WHEN "t0"."start" < CAST('2026-08-21T00:00:00+00:00' AS TIMESTAMPTZ)
              THEN CASE
                WHEN "t0"."start" < CAST('2026-08-18T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-08-17T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 46
                  ELSE 47
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-08-19T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 48
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-08-20T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 49
                    ELSE 50
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < CAST('2026-08-24T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-08-22T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 51
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-08-23T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 52
                    ELSE 53
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-08-25T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 54
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-08-26T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 55
                    ELSE 56
                  END
                END
              END
            END
            ELSE CASE
              WHEN "t0"."start" < CAST('2026-09-02T00:00:00+00:00' AS TIMESTAMPTZ)
              THEN CASE
                WHEN "t0"."start" < CAST('2026-08-30T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-08-28T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 57
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-08-29T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 58
                    ELSE 59
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-08-31T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 60
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-09-01T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 61
                    ELSE 62
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < CAST('2026-09-05T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-09-03T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 63
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-09-04T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 64
                    ELSE 65
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-09-06T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 66
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-09-07T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 67
                    ELSE 68
                  END
                END
              END
            END
          END
          ELSE CASE
            WHEN "t0"."start" < CAST('2026-09-19T00:00:00+00:00' AS TIMESTAMPTZ)
            THEN CASE
              WHEN "t0"."start" < CAST('2026-09-13T00:00:00+00:00' AS TIMESTAMPTZ)
              THEN CASE
                WHEN "t0"."start" < CAST('2026-09-10T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-09-09T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 69
                  ELSE 70
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-09-11T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 71
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-09-12T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 72
                    ELSE 73
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < CAST('2026-09-16T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-09-14T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 74
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-09-15T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 75
                    ELSE 76
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-09-17T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 77
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-09-18T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 78
                    ELSE 79
                  END
                END
              END
            END
            ELSE CASE
              WHEN "t0"."start" < CAST('2026-09-25T00:00:00+00:00' AS TIMESTAMPTZ)
              THEN CASE
                WHEN "t0"."start" < CAST('2026-09-22T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-09-20T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 80
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-09-21T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 81
                    ELSE 82
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-09-23T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 83
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-09-24T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 84
                    ELSE 85
                  END
                END
              END
              ELSE CASE
                WHEN "t0"."start" < CAST('2026-09-28T00:00:00+00:00' AS TIMESTAMPTZ)
                THEN CASE
                  WHEN "t0"."start" < CAST('2026-09-26T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 86
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-09-27T00:00:00+00:00' AS TIMESTAMPTZ)
                    THEN 87
                    ELSE 88
                  END
                END
                ELSE CASE
                  WHEN "t0"."start" < CAST('2026-09-29T00:00:00+00:00' AS TIMESTAMPTZ)
                  THEN 89
                  ELSE CASE
                    WHEN "t0"."start" < CAST('2026-09-30T00:00:00+00:00' AS TIMESTAMPTZ)
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
      AND "t0"."start" >= CAST('2026-07-01T00:00:00+00:00' AS TIMESTAMPTZ)
      AND "t0"."start" < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMPTZ)
  ) AS "t1"
  GROUP BY
    1,
    2,
    3
) AS "t2"
