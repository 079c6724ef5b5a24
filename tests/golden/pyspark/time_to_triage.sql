-- alerts survival
SELECT
  `t2`.`_period`,
  `t2`.`_unit`,
  `t2`.`_bin`,
  `t2`.`_done`,
  SUM(`t2`.`_w`) AS `_w`,
  COUNT(*) AS `_n`,
  SUM(`t2`.`_e`) AS `_e`,
  SUM(`t2`.`_u`) AS `_u`
FROM (
  SELECT
    `t1`.`_period`,
    `t1`.`_unit`,
    `t1`.`_w`,
    `t1`.`_u`,
    `t1`.`x0`,
    `t1`.`x1`,
    IF(
      `t1`.`x0` IS NOT NULL
      AND NOT ISNAN(`t1`.`x0`)
      AND (
        `t1`.`x1` IS NOT NULL AND NOT ISNAN(`t1`.`x1`)
      ),
      IF(
        `t1`.`x0` IS NULL OR ISNAN(`t1`.`x0`),
        CAST(NULL AS BIGINT),
        IF(
          `t1`.`x0` > 0,
          CAST(CEIL(LN(IF(`t1`.`x0` > 0, `t1`.`x0`, 1.0)) / 0.019998686506689123) AS BIGINT),
          -1000000
        )
      ),
      CAST(NULL AS BIGINT)
    ) AS `_bin`,
    IF(
      `t1`.`x0` IS NOT NULL
      AND NOT ISNAN(`t1`.`x0`)
      AND (
        `t1`.`x1` IS NOT NULL AND NOT ISNAN(`t1`.`x1`)
      ),
      `t1`.`x1`,
      0.0
    ) AS `_done`,
    CAST(TRUE AS BIGINT) AS `_e`
  FROM (
    SELECT
      0 AS `_period`,
      XXHASH64(`t0`.`alert`) & 63 AS `_unit`,
      1.0 / COALESCE(NULLIF(`t0`.`sample_probability`, 0), 1.0) AS `_w`,
      CAST(`t0`.`sample_probability` IS NULL
      OR ISNAN(`t0`.`sample_probability`)
      OR (
        `t0`.`sample_probability` = 0
      ) AS BIGINT) AS `_u`,
      IF(
        (
          (
            UNIX_TIMESTAMP(
              CAST(DATE_TRUNC(
                'second',
                CAST(IF(
                  COALESCE(`t0`.`triaged` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP), FALSE),
                  `t0`.`triaged`,
                  CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
                ) AS TIMESTAMP)
              ) AS TIMESTAMP)
            ) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`fired` AS TIMESTAMP)) AS TIMESTAMP))
          ) + (
            (
              PMOD(
                UNIX_MICROS(
                  CAST(IF(
                    COALESCE(`t0`.`triaged` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP), FALSE),
                    `t0`.`triaged`,
                    CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
                  ) AS TIMESTAMP)
                ),
                1000000
              ) - PMOD(UNIX_MICROS(CAST(`t0`.`fired` AS TIMESTAMP)), 1000000)
            ) / 1000000.0
          )
        ) >= 0,
        (
          UNIX_TIMESTAMP(
            CAST(DATE_TRUNC(
              'second',
              CAST(IF(
                COALESCE(`t0`.`triaged` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP), FALSE),
                `t0`.`triaged`,
                CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
              ) AS TIMESTAMP)
            ) AS TIMESTAMP)
          ) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`fired` AS TIMESTAMP)) AS TIMESTAMP))
        ) + (
          (
            PMOD(
              UNIX_MICROS(
                CAST(IF(
                  COALESCE(`t0`.`triaged` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP), FALSE),
                  `t0`.`triaged`,
                  CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
                ) AS TIMESTAMP)
              ),
              1000000
            ) - PMOD(UNIX_MICROS(CAST(`t0`.`fired` AS TIMESTAMP)), 1000000)
          ) / 1000000.0
        ),
        CAST(NULL AS DOUBLE)
      ) AS `x0`,
      CAST(CAST(COALESCE(`t0`.`triaged` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP), FALSE) AS BIGINT) AS DOUBLE) AS `x1`
    FROM `alerts` AS `t0`
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
      AND `t0`.`fired` >= CAST('2026-07-01T00:00:00+00:00' AS TIMESTAMP)
      AND `t0`.`fired` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
  ) AS `t1`
) AS `t2`
GROUP BY
  1,
  2,
  3,
  4
