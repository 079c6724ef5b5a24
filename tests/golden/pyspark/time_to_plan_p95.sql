-- plans histogram
SELECT
  `t1`.`_period`,
  `t1`.`_unit`,
  `t1`.`_bin`,
  SUM(`t1`.`_weight`) AS `_w`,
  COUNT(*) AS `_n`,
  COUNT(*) AS `_e`,
  SUM(`t1`.`_u`) AS `_unknown`
FROM (
  SELECT
    0 AS `_period`,
    XXHASH64(COALESCE(`t0`.`run`, `t0`.`plan`)) & 63 AS `_unit`,
    IF(
      IF(
        (
          (
            UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`ready` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`started` AS TIMESTAMP)) AS TIMESTAMP))
          ) + (
            (
              PMOD(UNIX_MICROS(CAST(`t0`.`ready` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`started` AS TIMESTAMP)), 1000000)
            ) / 1000000.0
          )
        ) >= 0,
        (
          UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`ready` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`started` AS TIMESTAMP)) AS TIMESTAMP))
        ) + (
          (
            PMOD(UNIX_MICROS(CAST(`t0`.`ready` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`started` AS TIMESTAMP)), 1000000)
          ) / 1000000.0
        ),
        CAST(NULL AS DOUBLE)
      ) IS NULL
      OR ISNAN(
        IF(
          (
            (
              UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`ready` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`started` AS TIMESTAMP)) AS TIMESTAMP))
            ) + (
              (
                PMOD(UNIX_MICROS(CAST(`t0`.`ready` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`started` AS TIMESTAMP)), 1000000)
              ) / 1000000.0
            )
          ) >= 0,
          (
            UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`ready` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`started` AS TIMESTAMP)) AS TIMESTAMP))
          ) + (
            (
              PMOD(UNIX_MICROS(CAST(`t0`.`ready` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`started` AS TIMESTAMP)), 1000000)
            ) / 1000000.0
          ),
          CAST(NULL AS DOUBLE)
        )
      ),
      CAST(NULL AS BIGINT),
      IF(
        IF(
          (
            (
              UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`ready` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`started` AS TIMESTAMP)) AS TIMESTAMP))
            ) + (
              (
                PMOD(UNIX_MICROS(CAST(`t0`.`ready` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`started` AS TIMESTAMP)), 1000000)
              ) / 1000000.0
            )
          ) >= 0,
          (
            UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`ready` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`started` AS TIMESTAMP)) AS TIMESTAMP))
          ) + (
            (
              PMOD(UNIX_MICROS(CAST(`t0`.`ready` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`started` AS TIMESTAMP)), 1000000)
            ) / 1000000.0
          ),
          CAST(NULL AS DOUBLE)
        ) > 0,
        CAST(CEIL(
          LN(
            IF(
              IF(
                (
                  (
                    UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`ready` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`started` AS TIMESTAMP)) AS TIMESTAMP))
                  ) + (
                    (
                      PMOD(UNIX_MICROS(CAST(`t0`.`ready` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`started` AS TIMESTAMP)), 1000000)
                    ) / 1000000.0
                  )
                ) >= 0,
                (
                  UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`ready` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`started` AS TIMESTAMP)) AS TIMESTAMP))
                ) + (
                  (
                    PMOD(UNIX_MICROS(CAST(`t0`.`ready` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`started` AS TIMESTAMP)), 1000000)
                  ) / 1000000.0
                ),
                CAST(NULL AS DOUBLE)
              ) > 0,
              IF(
                (
                  (
                    UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`ready` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`started` AS TIMESTAMP)) AS TIMESTAMP))
                  ) + (
                    (
                      PMOD(UNIX_MICROS(CAST(`t0`.`ready` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`started` AS TIMESTAMP)), 1000000)
                    ) / 1000000.0
                  )
                ) >= 0,
                (
                  UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`ready` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`started` AS TIMESTAMP)) AS TIMESTAMP))
                ) + (
                  (
                    PMOD(UNIX_MICROS(CAST(`t0`.`ready` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`started` AS TIMESTAMP)), 1000000)
                  ) / 1000000.0
                ),
                CAST(NULL AS DOUBLE)
              ),
              1.0
            )
          ) / 0.019998686506689123
        ) AS BIGINT),
        -1000000
      )
    ) AS `_bin`,
    CAST(`t0`.`sample_probability` IS NULL
    OR ISNAN(`t0`.`sample_probability`)
    OR (
      `t0`.`sample_probability` = 0
    ) AS BIGINT) AS `_u`,
    1.0 / COALESCE(NULLIF(`t0`.`sample_probability`, 0), 1.0) AS `_weight`
  FROM `plans` AS `t0`
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
    AND `t0`.`started` >= CAST('2026-07-01T00:00:00+00:00' AS TIMESTAMP)
    AND `t0`.`started` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
) AS `t1`
GROUP BY
  1,
  2,
  3
