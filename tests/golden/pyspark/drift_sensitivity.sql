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
      CAST(FLOOR((
        UNIX_TIMESTAMP(CAST(`t0`.`start` AS TIMESTAMP)) - 1782864000
      ) / 86400) AS BIGINT) + 0 AS `_period`,
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
