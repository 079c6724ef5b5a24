-- sessions states
SELECT
  `t2`.`_period`,
  `t2`.`_unit`,
  COUNT(*) AS `_n`,
  COALESCE(SUM(`t2`.`_dx0`), 0.0) AS `s0`,
  COUNT(`t2`.`x0`) AS `s1`,
  SUM(`t2`.`_u`) AS `_unknown`
FROM (
  SELECT
    `t1`.`_period`,
    `t1`.`_unit`,
    `t1`.`_w`,
    `t1`.`x0`,
    `t1`.`_u`,
    IF(
      `t1`.`x0` IS NOT NULL,
      `t1`.`_w` / NULLIF(
        COUNT(`t1`.`x0`) OVER (
          PARTITION BY `t1`.`_period`, `t1`.`x0`
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ),
        0
      ),
      CAST(NULL AS DOUBLE)
    ) AS `_dx0`
  FROM (
    SELECT
      0 AS `_period`,
      XXHASH64(COALESCE(`t0`.`user`, `t0`.`session`)) & 63 AS `_unit`,
      1.0 / COALESCE(NULLIF(`t0`.`sample_probability`, 0), 1.0) AS `_w`,
      `t0`.`user` AS `x0`,
      CAST(`t0`.`sample_probability` IS NULL
      OR ISNAN(`t0`.`sample_probability`)
      OR (
        `t0`.`sample_probability` = 0
      ) AS BIGINT) AS `_u`
    FROM `sessions` AS `t0`
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
      AND `t0`.`start` >= CAST('2026-09-03T00:00:00+00:00' AS TIMESTAMP)
      AND `t0`.`start` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
  ) AS `t1`
) AS `t2`
GROUP BY
  1,
  2
