-- requests drift_slope
SELECT
  `t2`.`_period`,
  `t2`.`_g0`,
  `t2`.`_unit`,
  `t2`.`s0`,
  `t2`.`s1`,
  `t2`.`s2`,
  `t2`.`_n` AS `s3`,
  `t2`.`_n`,
  `t2`.`_unknown`
FROM (
  SELECT
    `t1`.`_period`,
    `t1`.`_g0`,
    `t1`.`_unit`,
    COUNT(*) AS `_n`,
    SUM(`t1`.`_w` * `t1`.`x0`) AS `s0`,
    SUM(`t1`.`_w` * `t1`.`x1`) AS `s1`,
    COALESCE(SUM(`t1`.`x1`), 0) AS `s2`,
    SUM(`t1`.`_u`) AS `_unknown`
  FROM (
    SELECT
      IF(
        `t0`.`start` < CAST('2026-08-16T00:00:00+00:00' AS TIMESTAMP),
        IF(
          `t0`.`start` < CAST('2026-07-24T00:00:00+00:00' AS TIMESTAMP),
          IF(
            `t0`.`start` < CAST('2026-07-12T00:00:00+00:00' AS TIMESTAMP),
            IF(
              `t0`.`start` < CAST('2026-07-06T00:00:00+00:00' AS TIMESTAMP),
              IF(
                `t0`.`start` < CAST('2026-07-03T00:00:00+00:00' AS TIMESTAMP),
                IF(`t0`.`start` < CAST('2026-07-02T00:00:00+00:00' AS TIMESTAMP), 0, 1),
                IF(
                  `t0`.`start` < CAST('2026-07-04T00:00:00+00:00' AS TIMESTAMP),
                  2,
                  IF(`t0`.`start` < CAST('2026-07-05T00:00:00+00:00' AS TIMESTAMP), 3, 4)
                )
              ),
              IF(
                `t0`.`start` < CAST('2026-07-09T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-07-07T00:00:00+00:00' AS TIMESTAMP),
                  5,
                  IF(`t0`.`start` < CAST('2026-07-08T00:00:00+00:00' AS TIMESTAMP), 6, 7)
                ),
                IF(
                  `t0`.`start` < CAST('2026-07-10T00:00:00+00:00' AS TIMESTAMP),
                  8,
                  IF(`t0`.`start` < CAST('2026-07-11T00:00:00+00:00' AS TIMESTAMP), 9, 10)
                )
              )
            ),
            IF(
              `t0`.`start` < CAST('2026-07-18T00:00:00+00:00' AS TIMESTAMP),
              IF(
                `t0`.`start` < CAST('2026-07-15T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-07-13T00:00:00+00:00' AS TIMESTAMP),
                  11,
                  IF(`t0`.`start` < CAST('2026-07-14T00:00:00+00:00' AS TIMESTAMP), 12, 13)
                ),
                IF(
                  `t0`.`start` < CAST('2026-07-16T00:00:00+00:00' AS TIMESTAMP),
                  14,
                  IF(`t0`.`start` < CAST('2026-07-17T00:00:00+00:00' AS TIMESTAMP), 15, 16)
                )
              ),
              IF(
                `t0`.`start` < CAST('2026-07-21T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-07-19T00:00:00+00:00' AS TIMESTAMP),
                  17,
                  IF(`t0`.`start` < CAST('2026-07-20T00:00:00+00:00' AS TIMESTAMP), 18, 19)
                ),
                IF(
                  `t0`.`start` < CAST('2026-07-22T00:00:00+00:00' AS TIMESTAMP),
                  20,
                  IF(`t0`.`start` < CAST('2026-07-23T00:00:00+00:00' AS TIMESTAMP), 21, 22)
                )
              )
            )
          ),
          IF(
            `t0`.`start` < CAST('2026-08-04T00:00:00+00:00' AS TIMESTAMP),
            IF(
              `t0`.`start` < CAST('2026-07-29T00:00:00+00:00' AS TIMESTAMP),
              IF(
                `t0`.`start` < CAST('2026-07-26T00:00:00+00:00' AS TIMESTAMP),
                IF(`t0`.`start` < CAST('2026-07-25T00:00:00+00:00' AS TIMESTAMP), 23, 24),
                IF(
                  `t0`.`start` < CAST('2026-07-27T00:00:00+00:00' AS TIMESTAMP),
                  25,
                  IF(`t0`.`start` < CAST('2026-07-28T00:00:00+00:00' AS TIMESTAMP), 26, 27)
                )
              ),
              IF(
                `t0`.`start` < CAST('2026-08-01T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-07-30T00:00:00+00:00' AS TIMESTAMP),
                  28,
                  IF(`t0`.`start` < CAST('2026-07-31T00:00:00+00:00' AS TIMESTAMP), 29, 30)
                ),
                IF(
                  `t0`.`start` < CAST('2026-08-02T00:00:00+00:00' AS TIMESTAMP),
                  31,
                  IF(`t0`.`start` < CAST('2026-08-03T00:00:00+00:00' AS TIMESTAMP), 32, 33)
                )
              )
            ),
            IF(
              `t0`.`start` < CAST('2026-08-10T00:00:00+00:00' AS TIMESTAMP),
              IF(
                `t0`.`start` < CAST('2026-08-07T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-08-05T00:00:00+00:00' AS TIMESTAMP),
                  34,
                  IF(`t0`.`start` < CAST('2026-08-06T00:00:00+00:00' AS TIMESTAMP), 35, 36)
                ),
                IF(
                  `t0`.`start` < CAST('2026-08-08T00:00:00+00:00' AS TIMESTAMP),
                  37,
                  IF(`t0`.`start` < CAST('2026-08-09T00:00:00+00:00' AS TIMESTAMP), 38, 39)
                )
              ),
              IF(
                `t0`.`start` < CAST('2026-08-13T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-08-11T00:00:00+00:00' AS TIMESTAMP),
                  40,
                  IF(`t0`.`start` < CAST('2026-08-12T00:00:00+00:00' AS TIMESTAMP), 41, 42)
                ),
                IF(
                  `t0`.`start` < CAST('2026-08-14T00:00:00+00:00' AS TIMESTAMP),
                  43,
                  IF(`t0`.`start` < CAST('2026-08-15T00:00:00+00:00' AS TIMESTAMP), 44, 45)
                )
              )
            )
          )
        ),
        IF(
          `t0`.`start` < CAST('2026-09-08T00:00:00+00:00' AS TIMESTAMP),
          IF(
            `t0`.`start` < CAST('2026-08-27T00:00:00+00:00' AS TIMESTAMP),
            IF(
              `t0`.`start` < CAST('2026-08-21T00:00:00+00:00' AS TIMESTAMP),
              IF(
                `t0`.`start` < CAST('2026-08-18T00:00:00+00:00' AS TIMESTAMP),
                IF(`t0`.`start` < CAST('2026-08-17T00:00:00+00:00' AS TIMESTAMP), 46, 47),
                IF(
                  `t0`.`start` < CAST('2026-08-19T00:00:00+00:00' AS TIMESTAMP),
                  48,
                  IF(`t0`.`start` < CAST('2026-08-20T00:00:00+00:00' AS TIMESTAMP), 49, 50)
                )
              ),
              IF(
                `t0`.`start` < CAST('2026-08-24T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-08-22T00:00:00+00:00' AS TIMESTAMP),
                  51,
                  IF(`t0`.`start` < CAST('2026-08-23T00:00:00+00:00' AS TIMESTAMP), 52, 53)
                ),
                IF(
                  `t0`.`start` < CAST('2026-08-25T00:00:00+00:00' AS TIMESTAMP),
                  54,
                  IF(`t0`.`start` < CAST('2026-08-26T00:00:00+00:00' AS TIMESTAMP), 55, 56)
                )
              )
            ),
            IF(
              `t0`.`start` < CAST('2026-09-02T00:00:00+00:00' AS TIMESTAMP),
              IF(
                `t0`.`start` < CAST('2026-08-30T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-08-28T00:00:00+00:00' AS TIMESTAMP),
                  57,
                  IF(`t0`.`start` < CAST('2026-08-29T00:00:00+00:00' AS TIMESTAMP), 58, 59)
                ),
                IF(
                  `t0`.`start` < CAST('2026-08-31T00:00:00+00:00' AS TIMESTAMP),
                  60,
                  IF(`t0`.`start` < CAST('2026-09-01T00:00:00+00:00' AS TIMESTAMP), 61, 62)
                )
              ),
              IF(
                `t0`.`start` < CAST('2026-09-05T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-09-03T00:00:00+00:00' AS TIMESTAMP),
                  63,
                  IF(`t0`.`start` < CAST('2026-09-04T00:00:00+00:00' AS TIMESTAMP), 64, 65)
                ),
                IF(
                  `t0`.`start` < CAST('2026-09-06T00:00:00+00:00' AS TIMESTAMP),
                  66,
                  IF(`t0`.`start` < CAST('2026-09-07T00:00:00+00:00' AS TIMESTAMP), 67, 68)
                )
              )
            )
          ),
          IF(
            `t0`.`start` < CAST('2026-09-19T00:00:00+00:00' AS TIMESTAMP),
            IF(
              `t0`.`start` < CAST('2026-09-13T00:00:00+00:00' AS TIMESTAMP),
              IF(
                `t0`.`start` < CAST('2026-09-10T00:00:00+00:00' AS TIMESTAMP),
                IF(`t0`.`start` < CAST('2026-09-09T00:00:00+00:00' AS TIMESTAMP), 69, 70),
                IF(
                  `t0`.`start` < CAST('2026-09-11T00:00:00+00:00' AS TIMESTAMP),
                  71,
                  IF(`t0`.`start` < CAST('2026-09-12T00:00:00+00:00' AS TIMESTAMP), 72, 73)
                )
              ),
              IF(
                `t0`.`start` < CAST('2026-09-16T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-09-14T00:00:00+00:00' AS TIMESTAMP),
                  74,
                  IF(`t0`.`start` < CAST('2026-09-15T00:00:00+00:00' AS TIMESTAMP), 75, 76)
                ),
                IF(
                  `t0`.`start` < CAST('2026-09-17T00:00:00+00:00' AS TIMESTAMP),
                  77,
                  IF(`t0`.`start` < CAST('2026-09-18T00:00:00+00:00' AS TIMESTAMP), 78, 79)
                )
              )
            ),
            IF(
              `t0`.`start` < CAST('2026-09-25T00:00:00+00:00' AS TIMESTAMP),
              IF(
                `t0`.`start` < CAST('2026-09-22T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-09-20T00:00:00+00:00' AS TIMESTAMP),
                  80,
                  IF(`t0`.`start` < CAST('2026-09-21T00:00:00+00:00' AS TIMESTAMP), 81, 82)
                ),
                IF(
                  `t0`.`start` < CAST('2026-09-23T00:00:00+00:00' AS TIMESTAMP),
                  83,
                  IF(`t0`.`start` < CAST('2026-09-24T00:00:00+00:00' AS TIMESTAMP), 84, 85)
                )
              ),
              IF(
                `t0`.`start` < CAST('2026-09-28T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-09-26T00:00:00+00:00' AS TIMESTAMP),
                  86,
                  IF(`t0`.`start` < CAST('2026-09-27T00:00:00+00:00' AS TIMESTAMP), 87, 88)
                ),
                IF(
                  `t0`.`start` < CAST('2026-09-29T00:00:00+00:00' AS TIMESTAMP),
                  89,
                  IF(`t0`.`start` < CAST('2026-09-30T00:00:00+00:00' AS TIMESTAMP), 90, 91)
                )
              )
            )
          )
        )
      ) AS `_period`,
      COALESCE(`t0`.`use_case`, 'not recorded') AS `_g0`,
      0 AS `_unit`,
      1.0 / COALESCE(NULLIF(`t0`.`sample_probability`, 0), 1.0) AS `_w`,
      CAST(`t0`.`outcome` = 'success' AS BIGINT) AS `x0`,
      CAST(COALESCE(`t0`.`outcome`, 'unknown') <> 'unknown' AS BIGINT) AS `x1`,
      CAST(`t0`.`sample_probability` IS NULL
      OR ISNAN(`t0`.`sample_probability`)
      OR (
        `t0`.`sample_probability` = 0
      ) AS BIGINT) AS `_u`
    FROM `requests` AS `t0`
    WHERE
      NOT (
        CONTAINS(COALESCE(`t0`.`dq_flags`, ''), 'duplicate')
      )
      AND (
        (
          `t0`.`env` IS NULL
        ) OR (
          `t0`.`env` = 'production'
        )
      )
      AND `t0`.`start` >= CAST('2026-07-01T00:00:00+00:00' AS TIMESTAMP)
      AND `t0`.`start` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
  ) AS `t1`
  GROUP BY
    1,
    2,
    3
) AS `t2`
