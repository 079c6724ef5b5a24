-- requests degraded
SELECT
  `t2`.`_period`,
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
    `t1`.`_unit`,
    COUNT(*) AS `_n`,
    SUM(`t1`.`_w` * `t1`.`x0`) AS `s0`,
    SUM(`t1`.`_w` * `t1`.`x1`) AS `s1`,
    COALESCE(SUM(`t1`.`x1`), 0) AS `s2`,
    SUM(`t1`.`_u`) AS `_unknown`
  FROM (
    SELECT
      IF(
        `t0`.`start` < CAST('2026-08-02T00:00:00+00:00' AS TIMESTAMP),
        IF(
          `t0`.`start` < CAST('2026-07-03T00:00:00+00:00' AS TIMESTAMP),
          IF(
            `t0`.`start` < CAST('2026-06-18T00:00:00+00:00' AS TIMESTAMP),
            IF(
              `t0`.`start` < CAST('2026-06-10T00:00:00+00:00' AS TIMESTAMP),
              IF(
                `t0`.`start` < CAST('2026-06-06T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-06-04T00:00:00+00:00' AS TIMESTAMP),
                  0,
                  IF(`t0`.`start` < CAST('2026-06-05T00:00:00+00:00' AS TIMESTAMP), 1, 2)
                ),
                IF(
                  `t0`.`start` < CAST('2026-06-08T00:00:00+00:00' AS TIMESTAMP),
                  IF(`t0`.`start` < CAST('2026-06-07T00:00:00+00:00' AS TIMESTAMP), 3, 4),
                  IF(`t0`.`start` < CAST('2026-06-09T00:00:00+00:00' AS TIMESTAMP), 5, 6)
                )
              ),
              IF(
                `t0`.`start` < CAST('2026-06-14T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-06-12T00:00:00+00:00' AS TIMESTAMP),
                  IF(`t0`.`start` < CAST('2026-06-11T00:00:00+00:00' AS TIMESTAMP), 7, 8),
                  IF(`t0`.`start` < CAST('2026-06-13T00:00:00+00:00' AS TIMESTAMP), 9, 10)
                ),
                IF(
                  `t0`.`start` < CAST('2026-06-16T00:00:00+00:00' AS TIMESTAMP),
                  IF(`t0`.`start` < CAST('2026-06-15T00:00:00+00:00' AS TIMESTAMP), 11, 12),
                  IF(`t0`.`start` < CAST('2026-06-17T00:00:00+00:00' AS TIMESTAMP), 13, 14)
                )
              )
            ),
            IF(
              `t0`.`start` < CAST('2026-06-25T00:00:00+00:00' AS TIMESTAMP),
              IF(
                `t0`.`start` < CAST('2026-06-21T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-06-19T00:00:00+00:00' AS TIMESTAMP),
                  15,
                  IF(`t0`.`start` < CAST('2026-06-20T00:00:00+00:00' AS TIMESTAMP), 16, 17)
                ),
                IF(
                  `t0`.`start` < CAST('2026-06-23T00:00:00+00:00' AS TIMESTAMP),
                  IF(`t0`.`start` < CAST('2026-06-22T00:00:00+00:00' AS TIMESTAMP), 18, 19),
                  IF(`t0`.`start` < CAST('2026-06-24T00:00:00+00:00' AS TIMESTAMP), 20, 21)
                )
              ),
              IF(
                `t0`.`start` < CAST('2026-06-29T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-06-27T00:00:00+00:00' AS TIMESTAMP),
                  IF(`t0`.`start` < CAST('2026-06-26T00:00:00+00:00' AS TIMESTAMP), 22, 23),
                  IF(`t0`.`start` < CAST('2026-06-28T00:00:00+00:00' AS TIMESTAMP), 24, 25)
                ),
                IF(
                  `t0`.`start` < CAST('2026-07-01T00:00:00+00:00' AS TIMESTAMP),
                  IF(`t0`.`start` < CAST('2026-06-30T00:00:00+00:00' AS TIMESTAMP), 26, 27),
                  IF(`t0`.`start` < CAST('2026-07-02T00:00:00+00:00' AS TIMESTAMP), 28, 29)
                )
              )
            )
          ),
          IF(
            `t0`.`start` < CAST('2026-07-18T00:00:00+00:00' AS TIMESTAMP),
            IF(
              `t0`.`start` < CAST('2026-07-10T00:00:00+00:00' AS TIMESTAMP),
              IF(
                `t0`.`start` < CAST('2026-07-06T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-07-04T00:00:00+00:00' AS TIMESTAMP),
                  30,
                  IF(`t0`.`start` < CAST('2026-07-05T00:00:00+00:00' AS TIMESTAMP), 31, 32)
                ),
                IF(
                  `t0`.`start` < CAST('2026-07-08T00:00:00+00:00' AS TIMESTAMP),
                  IF(`t0`.`start` < CAST('2026-07-07T00:00:00+00:00' AS TIMESTAMP), 33, 34),
                  IF(`t0`.`start` < CAST('2026-07-09T00:00:00+00:00' AS TIMESTAMP), 35, 36)
                )
              ),
              IF(
                `t0`.`start` < CAST('2026-07-14T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-07-12T00:00:00+00:00' AS TIMESTAMP),
                  IF(`t0`.`start` < CAST('2026-07-11T00:00:00+00:00' AS TIMESTAMP), 37, 38),
                  IF(`t0`.`start` < CAST('2026-07-13T00:00:00+00:00' AS TIMESTAMP), 39, 40)
                ),
                IF(
                  `t0`.`start` < CAST('2026-07-16T00:00:00+00:00' AS TIMESTAMP),
                  IF(`t0`.`start` < CAST('2026-07-15T00:00:00+00:00' AS TIMESTAMP), 41, 42),
                  IF(`t0`.`start` < CAST('2026-07-17T00:00:00+00:00' AS TIMESTAMP), 43, 44)
                )
              )
            ),
            IF(
              `t0`.`start` < CAST('2026-07-25T00:00:00+00:00' AS TIMESTAMP),
              IF(
                `t0`.`start` < CAST('2026-07-21T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-07-19T00:00:00+00:00' AS TIMESTAMP),
                  45,
                  IF(`t0`.`start` < CAST('2026-07-20T00:00:00+00:00' AS TIMESTAMP), 46, 47)
                ),
                IF(
                  `t0`.`start` < CAST('2026-07-23T00:00:00+00:00' AS TIMESTAMP),
                  IF(`t0`.`start` < CAST('2026-07-22T00:00:00+00:00' AS TIMESTAMP), 48, 49),
                  IF(`t0`.`start` < CAST('2026-07-24T00:00:00+00:00' AS TIMESTAMP), 50, 51)
                )
              ),
              IF(
                `t0`.`start` < CAST('2026-07-29T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-07-27T00:00:00+00:00' AS TIMESTAMP),
                  IF(`t0`.`start` < CAST('2026-07-26T00:00:00+00:00' AS TIMESTAMP), 52, 53),
                  IF(`t0`.`start` < CAST('2026-07-28T00:00:00+00:00' AS TIMESTAMP), 54, 55)
                ),
                IF(
                  `t0`.`start` < CAST('2026-07-31T00:00:00+00:00' AS TIMESTAMP),
                  IF(`t0`.`start` < CAST('2026-07-30T00:00:00+00:00' AS TIMESTAMP), 56, 57),
                  IF(`t0`.`start` < CAST('2026-08-01T00:00:00+00:00' AS TIMESTAMP), 58, 59)
                )
              )
            )
          )
        ),
        IF(
          `t0`.`start` < CAST('2026-09-01T00:00:00+00:00' AS TIMESTAMP),
          IF(
            `t0`.`start` < CAST('2026-08-17T00:00:00+00:00' AS TIMESTAMP),
            IF(
              `t0`.`start` < CAST('2026-08-09T00:00:00+00:00' AS TIMESTAMP),
              IF(
                `t0`.`start` < CAST('2026-08-05T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-08-03T00:00:00+00:00' AS TIMESTAMP),
                  60,
                  IF(`t0`.`start` < CAST('2026-08-04T00:00:00+00:00' AS TIMESTAMP), 61, 62)
                ),
                IF(
                  `t0`.`start` < CAST('2026-08-07T00:00:00+00:00' AS TIMESTAMP),
                  IF(`t0`.`start` < CAST('2026-08-06T00:00:00+00:00' AS TIMESTAMP), 63, 64),
                  IF(`t0`.`start` < CAST('2026-08-08T00:00:00+00:00' AS TIMESTAMP), 65, 66)
                )
              ),
              IF(
                `t0`.`start` < CAST('2026-08-13T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-08-11T00:00:00+00:00' AS TIMESTAMP),
                  IF(`t0`.`start` < CAST('2026-08-10T00:00:00+00:00' AS TIMESTAMP), 67, 68),
                  IF(`t0`.`start` < CAST('2026-08-12T00:00:00+00:00' AS TIMESTAMP), 69, 70)
                ),
                IF(
                  `t0`.`start` < CAST('2026-08-15T00:00:00+00:00' AS TIMESTAMP),
                  IF(`t0`.`start` < CAST('2026-08-14T00:00:00+00:00' AS TIMESTAMP), 71, 72),
                  IF(`t0`.`start` < CAST('2026-08-16T00:00:00+00:00' AS TIMESTAMP), 73, 74)
                )
              )
            ),
            IF(
              `t0`.`start` < CAST('2026-08-24T00:00:00+00:00' AS TIMESTAMP),
              IF(
                `t0`.`start` < CAST('2026-08-20T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-08-18T00:00:00+00:00' AS TIMESTAMP),
                  75,
                  IF(`t0`.`start` < CAST('2026-08-19T00:00:00+00:00' AS TIMESTAMP), 76, 77)
                ),
                IF(
                  `t0`.`start` < CAST('2026-08-22T00:00:00+00:00' AS TIMESTAMP),
                  IF(`t0`.`start` < CAST('2026-08-21T00:00:00+00:00' AS TIMESTAMP), 78, 79),
                  IF(`t0`.`start` < CAST('2026-08-23T00:00:00+00:00' AS TIMESTAMP), 80, 81)
                )
              ),
              IF(
                `t0`.`start` < CAST('2026-08-28T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-08-26T00:00:00+00:00' AS TIMESTAMP),
                  IF(`t0`.`start` < CAST('2026-08-25T00:00:00+00:00' AS TIMESTAMP), 82, 83),
                  IF(`t0`.`start` < CAST('2026-08-27T00:00:00+00:00' AS TIMESTAMP), 84, 85)
                ),
                IF(
                  `t0`.`start` < CAST('2026-08-30T00:00:00+00:00' AS TIMESTAMP),
                  IF(`t0`.`start` < CAST('2026-08-29T00:00:00+00:00' AS TIMESTAMP), 86, 87),
                  IF(`t0`.`start` < CAST('2026-08-31T00:00:00+00:00' AS TIMESTAMP), 88, 89)
                )
              )
            )
          ),
          IF(
            `t0`.`start` < CAST('2026-09-16T00:00:00+00:00' AS TIMESTAMP),
            IF(
              `t0`.`start` < CAST('2026-09-08T00:00:00+00:00' AS TIMESTAMP),
              IF(
                `t0`.`start` < CAST('2026-09-04T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-09-02T00:00:00+00:00' AS TIMESTAMP),
                  90,
                  IF(`t0`.`start` < CAST('2026-09-03T00:00:00+00:00' AS TIMESTAMP), 91, 92)
                ),
                IF(
                  `t0`.`start` < CAST('2026-09-06T00:00:00+00:00' AS TIMESTAMP),
                  IF(`t0`.`start` < CAST('2026-09-05T00:00:00+00:00' AS TIMESTAMP), 93, 94),
                  IF(`t0`.`start` < CAST('2026-09-07T00:00:00+00:00' AS TIMESTAMP), 95, 96)
                )
              ),
              IF(
                `t0`.`start` < CAST('2026-09-12T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-09-10T00:00:00+00:00' AS TIMESTAMP),
                  IF(`t0`.`start` < CAST('2026-09-09T00:00:00+00:00' AS TIMESTAMP), 97, 98),
                  IF(`t0`.`start` < CAST('2026-09-11T00:00:00+00:00' AS TIMESTAMP), 99, 100)
                ),
                IF(
                  `t0`.`start` < CAST('2026-09-14T00:00:00+00:00' AS TIMESTAMP),
                  IF(`t0`.`start` < CAST('2026-09-13T00:00:00+00:00' AS TIMESTAMP), 101, 102),
                  IF(`t0`.`start` < CAST('2026-09-15T00:00:00+00:00' AS TIMESTAMP), 103, 104)
                )
              )
            ),
            IF(
              `t0`.`start` < CAST('2026-09-23T00:00:00+00:00' AS TIMESTAMP),
              IF(
                `t0`.`start` < CAST('2026-09-19T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-09-17T00:00:00+00:00' AS TIMESTAMP),
                  105,
                  IF(`t0`.`start` < CAST('2026-09-18T00:00:00+00:00' AS TIMESTAMP), 106, 107)
                ),
                IF(
                  `t0`.`start` < CAST('2026-09-21T00:00:00+00:00' AS TIMESTAMP),
                  IF(`t0`.`start` < CAST('2026-09-20T00:00:00+00:00' AS TIMESTAMP), 108, 109),
                  IF(`t0`.`start` < CAST('2026-09-22T00:00:00+00:00' AS TIMESTAMP), 110, 111)
                )
              ),
              IF(
                `t0`.`start` < CAST('2026-09-27T00:00:00+00:00' AS TIMESTAMP),
                IF(
                  `t0`.`start` < CAST('2026-09-25T00:00:00+00:00' AS TIMESTAMP),
                  IF(`t0`.`start` < CAST('2026-09-24T00:00:00+00:00' AS TIMESTAMP), 112, 113),
                  IF(`t0`.`start` < CAST('2026-09-26T00:00:00+00:00' AS TIMESTAMP), 114, 115)
                ),
                IF(
                  `t0`.`start` < CAST('2026-09-29T00:00:00+00:00' AS TIMESTAMP),
                  IF(`t0`.`start` < CAST('2026-09-28T00:00:00+00:00' AS TIMESTAMP), 116, 117),
                  IF(`t0`.`start` < CAST('2026-09-30T00:00:00+00:00' AS TIMESTAMP), 118, 119)
                )
              )
            )
          )
        )
      ) AS `_period`,
      XXHASH64(COALESCE(`t0`.`user`, `t0`.`session`, `t0`.`run`)) & 63 AS `_unit`,
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
      AND `t0`.`start` >= CAST('2026-06-03T00:00:00+00:00' AS TIMESTAMP)
      AND `t0`.`start` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
  ) AS `t1`
  GROUP BY
    1,
    2
) AS `t2`
