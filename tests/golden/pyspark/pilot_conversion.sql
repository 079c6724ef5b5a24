-- pilots states
SELECT
  `t5`.`_period`,
  `t5`.`_unit`,
  COUNT(*) AS `_n`,
  SUM(`t5`.`_w` * `t5`.`x0`) AS `s0`,
  SUM(`t5`.`_w`) AS `s1`,
  SUM(`t5`.`_u`) AS `_unknown`
FROM (
  SELECT
    0 AS `_period`,
    XXHASH64(`t4`.`pilot`) & 63 AS `_unit`,
    1.0 / COALESCE(NULLIF(`t4`.`sample_probability`, 0), 1.0) AS `_w`,
    CAST(COALESCE(
      (
        `t4`.`stage` = 'product'
      )
      AND `t4`.`monitored`
      AND `t4`.`on_call`
      AND `t4`.`promised`,
      FALSE
    ) AS BIGINT) AS `x0`,
    CAST(`t4`.`sample_probability` IS NULL
    OR ISNAN(`t4`.`sample_probability`)
    OR (
      `t4`.`sample_probability` = 0
    ) AS BIGINT) AS `_u`
  FROM (
    SELECT
      `t3`.`recorded`,
      `t3`.`env`,
      `t3`.`pilot`,
      `t3`.`sample_probability`,
      `t3`.`promised`,
      `t3`.`on_call`,
      `t3`.`monitored`,
      `t3`.`stage`,
      `t3`.`ingested_at`
    FROM (
      SELECT
        *
      FROM (
        SELECT
          `t1`.`recorded`,
          `t1`.`env`,
          `t1`.`pilot`,
          `t1`.`sample_probability`,
          `t1`.`promised`,
          `t1`.`on_call`,
          `t1`.`monitored`,
          `t1`.`stage`,
          `t1`.`ingested_at`,
          ROW_NUMBER() OVER (PARTITION BY `t1`.`pilot` ORDER BY `t1`.`recorded` DESC, `t1`.`ingested_at` DESC) - 1 AS `_place`
        FROM (
          SELECT
            `t0`.`recorded`,
            `t0`.`env`,
            `t0`.`pilot`,
            `t0`.`sample_probability`,
            `t0`.`promised`,
            `t0`.`on_call`,
            `t0`.`monitored`,
            `t0`.`stage`,
            `t0`.`ingested_at`
          FROM `pilots` AS `t0`
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
            AND `t0`.`recorded` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
        ) AS `t1`
      ) AS `t2`
      WHERE
        `t2`.`_place` = 0
    ) AS `t3`
  ) AS `t4`
) AS `t5`
GROUP BY
  1,
  2
