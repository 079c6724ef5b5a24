-- pipeline_runs states
SELECT
  `t1`.`_period`,
  `t1`.`_unit`,
  COUNT(*) AS `_n`,
  SUM(`t1`.`_w` * `t1`.`x0`) AS `s0`,
  SUM(`t1`.`_w` * `t1`.`x1`) AS `s1`,
  COALESCE(SUM(`t1`.`x1`), 0) AS `s2`,
  COALESCE(SUM(`t1`.`x2`), 0) AS `s3`,
  SUM(`t1`.`_u`) AS `_unknown`
FROM (
  SELECT
    0 AS `_period`,
    XXHASH64(`t0`.`feed`) & 63 AS `_unit`,
    1.0 / COALESCE(NULLIF(`t0`.`sample_probability`, 0), 1.0) AS `_w`,
    CAST(COALESCE(`t0`.`stage` = 'pipeline_to_store', FALSE)
    AND (
      IF(
        (
          (
            UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`finished` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
              CAST(DATE_TRUNC('second', CAST(`t0`.`max_event_time` AS TIMESTAMP)) AS TIMESTAMP)
            )
          ) + (
            (
              PMOD(UNIX_MICROS(CAST(`t0`.`finished` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`max_event_time` AS TIMESTAMP)), 1000000)
            ) / 1000000.0
          )
        ) >= 0,
        (
          UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`finished` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
            CAST(DATE_TRUNC('second', CAST(`t0`.`max_event_time` AS TIMESTAMP)) AS TIMESTAMP)
          )
        ) + (
          (
            PMOD(UNIX_MICROS(CAST(`t0`.`finished` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`max_event_time` AS TIMESTAMP)), 1000000)
          ) / 1000000.0
        ),
        CAST(NULL AS DOUBLE)
      ) > 3600.0
    ) AS BIGINT) AS `x0`,
    CAST(COALESCE(`t0`.`stage` = 'pipeline_to_store', FALSE)
    AND (
      IF(
        (
          (
            UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`finished` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
              CAST(DATE_TRUNC('second', CAST(`t0`.`max_event_time` AS TIMESTAMP)) AS TIMESTAMP)
            )
          ) + (
            (
              PMOD(UNIX_MICROS(CAST(`t0`.`finished` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`max_event_time` AS TIMESTAMP)), 1000000)
            ) / 1000000.0
          )
        ) >= 0,
        (
          UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`finished` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
            CAST(DATE_TRUNC('second', CAST(`t0`.`max_event_time` AS TIMESTAMP)) AS TIMESTAMP)
          )
        ) + (
          (
            PMOD(UNIX_MICROS(CAST(`t0`.`finished` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`max_event_time` AS TIMESTAMP)), 1000000)
          ) / 1000000.0
        ),
        CAST(NULL AS DOUBLE)
      ) IS NOT NULL
      AND NOT ISNAN(
        IF(
          (
            (
              UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`finished` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
                CAST(DATE_TRUNC('second', CAST(`t0`.`max_event_time` AS TIMESTAMP)) AS TIMESTAMP)
              )
            ) + (
              (
                PMOD(UNIX_MICROS(CAST(`t0`.`finished` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`max_event_time` AS TIMESTAMP)), 1000000)
              ) / 1000000.0
            )
          ) >= 0,
          (
            UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`finished` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
              CAST(DATE_TRUNC('second', CAST(`t0`.`max_event_time` AS TIMESTAMP)) AS TIMESTAMP)
            )
          ) + (
            (
              PMOD(UNIX_MICROS(CAST(`t0`.`finished` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`max_event_time` AS TIMESTAMP)), 1000000)
            ) / 1000000.0
          ),
          CAST(NULL AS DOUBLE)
        )
      )
    ) AS BIGINT) AS `x1`,
    CAST(COALESCE(`t0`.`stage` = 'pipeline_to_store', FALSE) AS BIGINT) AS `x2`,
    CAST(`t0`.`sample_probability` IS NULL
    OR ISNAN(`t0`.`sample_probability`)
    OR (
      `t0`.`sample_probability` = 0
    ) AS BIGINT) AS `_u`
  FROM `pipeline_runs` AS `t0`
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
    AND `t0`.`finished` >= CAST('2026-07-01T00:00:00+00:00' AS TIMESTAMP)
    AND `t0`.`finished` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
) AS `t1`
GROUP BY
  1,
  2
