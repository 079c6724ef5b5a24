-- pipeline_runs age
SELECT
  `t1`.`_period`,
  MAX(IF(`t1`.`_x` <= 1790812800.0, `t1`.`_x`, NULL)) AS `_newest`,
  COUNT(`t1`.`_x`) AS `_n`,
  SUM(`t1`.`_e`) AS `_e`
FROM (
  SELECT
    0 AS `_period`,
    (
      UNIX_TIMESTAMP(
        CAST(DATE_TRUNC(
          'second',
          CAST(IF(
            COALESCE(NOT (
              `t0`.`status` = 'failure'
            ), FALSE),
            `t0`.`finished`,
            CAST(NULL AS TIMESTAMP)
          ) AS TIMESTAMP)
        ) AS TIMESTAMP)
      ) - UNIX_TIMESTAMP(
        CAST(DATE_TRUNC('second', CAST(CAST('1970-01-01T00:00:00+00:00' AS TIMESTAMP) AS TIMESTAMP)) AS TIMESTAMP)
      )
    ) + (
      (
        PMOD(
          UNIX_MICROS(
            CAST(IF(
              COALESCE(NOT (
                `t0`.`status` = 'failure'
              ), FALSE),
              `t0`.`finished`,
              CAST(NULL AS TIMESTAMP)
            ) AS TIMESTAMP)
          ),
          1000000
        ) - PMOD(
          UNIX_MICROS(CAST(CAST('1970-01-01T00:00:00+00:00' AS TIMESTAMP) AS TIMESTAMP)),
          1000000
        )
      ) / 1000000.0
    ) AS `_x`,
    CAST(COALESCE(NOT (
      `t0`.`status` = 'failure'
    ), FALSE) AS BIGINT) AS `_e`
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
  1
