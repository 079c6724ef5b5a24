-- incidents states
SELECT
  `t1`.`_period`,
  `t1`.`_unit`,
  COUNT(*) AS `_n`,
  SUM(`t1`.`_w`) AS `s0`,
  SUM(`t1`.`_u`) AS `_unknown`
FROM (
  SELECT
    0 AS `_period`,
    XXHASH64(`t0`.`incident`) & 63 AS `_unit`,
    1.0 / COALESCE(NULLIF(`t0`.`sample_probability`, 0), 1.0) AS `_w`,
    CAST(`t0`.`sample_probability` IS NULL
    OR ISNAN(`t0`.`sample_probability`)
    OR (
      `t0`.`sample_probability` = 0
    ) AS BIGINT) AS `_u`
  FROM `incidents` AS `t0`
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
  2

-- incidents sampling
SELECT
  `t3`.`_period`,
  SUM(
    (
      (
        1.0 - `t3`.`_p`
      ) / (
        `t3`.`_p` * `t3`.`_p`
      )
    ) * `t3`.`x0` * `t3`.`x0`
  ) AS `v_0_0`
FROM (
  SELECT
    `t2`.`_period`,
    `t2`.`_kept`,
    MIN(`t2`.`_p`) AS `_p`,
    COALESCE(SUM(`t2`.`x0`), 0) AS `x0`
  FROM (
    SELECT
      *
    FROM (
      SELECT
        0 AS `_period`,
        `t0`.`incident` AS `_kept`,
        1.0 / (
          1.0 / COALESCE(NULLIF(`t0`.`sample_probability`, 0), 1.0)
        ) AS `_p`,
        1 AS `x0`
      FROM `incidents` AS `t0`
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
    WHERE
      `t1`.`_p` < 1.0
  ) AS `t2`
  GROUP BY
    1,
    2
) AS `t3`
GROUP BY
  1
