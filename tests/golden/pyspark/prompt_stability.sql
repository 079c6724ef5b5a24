-- requests states
SELECT
  `t2`.`_period`,
  `t2`.`_unit`,
  COUNT(*) AS `_n`,
  SUM(`t2`.`_w` * `t2`.`x0`) AS `s0`,
  SUM(IF(`t2`.`x0` IS NOT NULL AND NOT ISNAN(`t2`.`x0`), `t2`.`_w`, NULL)) AS `s1`,
  COUNT(`t2`.`x0`) AS `s2`,
  COALESCE(SUM(`t2`.`x1`), 0) AS `s3`,
  SUM(`t2`.`_u`) AS `_unknown`
FROM (
  SELECT
    `t1`.`_period`,
    XXHASH64(COALESCE(`t1`.`user`, `t1`.`session`, `t1`.`run`)) & 63 AS `_unit`,
    1.0 / COALESCE(NULLIF(`t1`.`sample_probability`, 0), 1.0) AS `_w`,
    IF(
      (
        `t1`.`input_hash` IS NOT NULL
      )
      AND (
        CAST(IF(
          COALESCE(`t1`.`outcome`, 'unknown') <> 'unknown',
          `t1`.`outcome` = 'success',
          CAST(NULL AS BOOLEAN)
        ) AS BIGINT) IS NOT NULL
      )
      AND (
        COUNT(
          CAST(IF(
            COALESCE(`t1`.`outcome`, 'unknown') <> 'unknown',
            `t1`.`outcome` = 'success',
            CAST(NULL AS BOOLEAN)
          ) AS BIGINT)
        ) OVER (
          PARTITION BY `t1`.`_period`, `t1`.`input_hash`
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) > 1
      ),
      IF(
        CAST(IF(
          COALESCE(`t1`.`outcome`, 'unknown') <> 'unknown',
          `t1`.`outcome` = 'success',
          CAST(NULL AS BOOLEAN)
        ) AS BIGINT) = 1,
        SUM(
          CAST(IF(
            COALESCE(`t1`.`outcome`, 'unknown') <> 'unknown',
            `t1`.`outcome` = 'success',
            CAST(NULL AS BOOLEAN)
          ) AS BIGINT)
        ) OVER (
          PARTITION BY `t1`.`_period`, `t1`.`input_hash`
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) - 1,
        (
          COUNT(
            CAST(IF(
              COALESCE(`t1`.`outcome`, 'unknown') <> 'unknown',
              `t1`.`outcome` = 'success',
              CAST(NULL AS BOOLEAN)
            ) AS BIGINT)
          ) OVER (
            PARTITION BY `t1`.`_period`, `t1`.`input_hash`
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ) - SUM(
            CAST(IF(
              COALESCE(`t1`.`outcome`, 'unknown') <> 'unknown',
              `t1`.`outcome` = 'success',
              CAST(NULL AS BOOLEAN)
            ) AS BIGINT)
          ) OVER (
            PARTITION BY `t1`.`_period`, `t1`.`input_hash`
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          )
        ) - 1
      ) / NULLIF(
        COUNT(
          CAST(IF(
            COALESCE(`t1`.`outcome`, 'unknown') <> 'unknown',
            `t1`.`outcome` = 'success',
            CAST(NULL AS BOOLEAN)
          ) AS BIGINT)
        ) OVER (
          PARTITION BY `t1`.`_period`, `t1`.`input_hash`
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) - 1,
        0
      ),
      CAST(NULL AS DOUBLE)
    ) AS `x0`,
    CAST(COALESCE(`t1`.`input_hash` IS NOT NULL, FALSE) AS BIGINT) AS `x1`,
    CAST(`t1`.`sample_probability` IS NULL
    OR ISNAN(`t1`.`sample_probability`)
    OR (
      `t1`.`sample_probability` = 0
    ) AS BIGINT) AS `_u`
  FROM (
    SELECT
      `t0`.`start`,
      `t0`.`env`,
      `t0`.`user`,
      `t0`.`session`,
      `t0`.`run`,
      `t0`.`sample_probability`,
      `t0`.`input_hash`,
      `t0`.`outcome`,
      0 AS `_period`
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
) AS `t2`
GROUP BY
  1,
  2
