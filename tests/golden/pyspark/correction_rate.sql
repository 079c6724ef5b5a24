-- feedback states
SELECT
  `t1`.`_period`,
  `t1`.`_unit`,
  COUNT(*) AS `_n`,
  SUM(`t1`.`_w` * `t1`.`x0`) AS `s0`,
  SUM(IF(`t1`.`x0` IS NOT NULL AND NOT ISNAN(`t1`.`x0`), `t1`.`_w`, NULL)) AS `s1`,
  COUNT(`t1`.`x0`) AS `s2`,
  COALESCE(SUM(`t1`.`x1`), 0) AS `s3`,
  SUM(`t1`.`_u`) AS `_unknown`
FROM (
  SELECT
    0 AS `_period`,
    XXHASH64(COALESCE(`t0`.`user`, `t0`.`run`)) & 63 AS `_unit`,
    (
      1.0 / COALESCE(NULLIF(`t0`.`sample_probability`, 0), 1.0)
    ) / COALESCE(NULLIF(`t0`.`selection_probability`, 0), 1.0) AS `_w`,
    IF(`t0`.`name` = 'correction', `t0`.`value`, CAST(NULL AS DOUBLE)) AS `x0`,
    CAST(COALESCE(`t0`.`name` = 'correction', FALSE) AS BIGINT) AS `x1`,
    CAST(`t0`.`sample_probability` IS NULL
    OR ISNAN(`t0`.`sample_probability`)
    OR (
      `t0`.`sample_probability` = 0
    )
    OR (
      `t0`.`selection_probability` IS NULL OR ISNAN(`t0`.`selection_probability`)
    ) AS BIGINT) AS `_u`
  FROM `feedback` AS `t0`
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
    AND `t0`.`given` >= CAST('2026-07-01T00:00:00+00:00' AS TIMESTAMP)
    AND `t0`.`given` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
) AS `t1`
GROUP BY
  1,
  2
