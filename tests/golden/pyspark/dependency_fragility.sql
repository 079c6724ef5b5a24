-- spans states
SELECT
  `t13`.`_period`,
  `t13`.`_unit`,
  COUNT(*) AS `_n`,
  COALESCE(SUM(`t13`.`_dx0`), 0.0) AS `s0`,
  COUNT(`t13`.`x0`) AS `s1`,
  COALESCE(SUM(`t13`.`x1`), 0) AS `s2`,
  COALESCE(SUM(`t13`.`_dx2`), 0.0) AS `s3`,
  COUNT(`t13`.`x2`) AS `s4`,
  COALESCE(SUM(`t13`.`x3`), 0) AS `s5`,
  SUM(`t13`.`_u`) AS `_unknown`
FROM (
  SELECT
    `t12`.`_period`,
    `t12`.`_unit`,
    `t12`.`_w`,
    `t12`.`x0`,
    `t12`.`x1`,
    `t12`.`x2`,
    `t12`.`x3`,
    `t12`.`_u`,
    IF(
      `t12`.`x0` IS NOT NULL,
      `t12`.`_w` / NULLIF(
        COUNT(`t12`.`x0`) OVER (
          PARTITION BY `t12`.`_period`, `t12`.`x0`
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ),
        0
      ),
      CAST(NULL AS DOUBLE)
    ) AS `_dx0`,
    IF(
      `t12`.`x2` IS NOT NULL,
      `t12`.`_w` / NULLIF(
        COUNT(`t12`.`x2`) OVER (
          PARTITION BY `t12`.`_period`, `t12`.`x2`
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ),
        0
      ),
      CAST(NULL AS DOUBLE)
    ) AS `_dx2`
  FROM (
    SELECT
      0 AS `_period`,
      XXHASH64(COALESCE(`t11`.`run`, `t11`.`trace`, `t11`.`span`)) & 63 AS `_unit`,
      1.0 / COALESCE(NULLIF(`t11`.`sample_probability`, 0), 1.0) AS `_w`,
      IF(
        COALESCE(
          COALESCE((
            `t11`.`dependency` IS NOT NULL
          ) AND (
            `t11`.`status` = 'error'
          ), FALSE),
          FALSE
        )
        AND COALESCE(`t11`.`run.error_type` IS NOT NULL, FALSE),
        `t11`.`run`,
        CAST(NULL AS STRING)
      ) AS `x0`,
      CAST(COALESCE(
        COALESCE((
          `t11`.`dependency` IS NOT NULL
        ) AND (
          `t11`.`status` = 'error'
        ), FALSE),
        FALSE
      )
      AND COALESCE(`t11`.`run.error_type` IS NOT NULL, FALSE) AS BIGINT) AS `x1`,
      IF(
        COALESCE(`t11`.`run.error_type` IS NOT NULL, FALSE),
        `t11`.`run`,
        CAST(NULL AS STRING)
      ) AS `x2`,
      CAST(COALESCE(`t11`.`run.error_type` IS NOT NULL, FALSE) AS BIGINT) AS `x3`,
      CAST(`t11`.`sample_probability` IS NULL
      OR ISNAN(`t11`.`sample_probability`)
      OR (
        `t11`.`sample_probability` = 0
      ) AS BIGINT) AS `_u`
    FROM (
      SELECT
        `t10`.`start`,
        `t10`.`env`,
        `t10`.`run`,
        `t10`.`trace`,
        `t10`.`span`,
        `t10`.`sample_probability`,
        `t10`.`dependency`,
        `t10`.`status`,
        `t10`.`run.error_type`
      FROM (
        SELECT
          `t4`.`start`,
          `t4`.`env`,
          `t4`.`run`,
          `t4`.`trace`,
          `t4`.`span`,
          `t4`.`sample_probability`,
          `t4`.`dependency`,
          `t4`.`status`,
          `t9`.`_key`,
          `t9`.`run.error_type`
        FROM (
          SELECT
            `t0`.`start`,
            `t0`.`env`,
            `t0`.`run`,
            `t0`.`trace`,
            `t0`.`span`,
            `t0`.`sample_probability`,
            `t0`.`dependency`,
            `t0`.`status`
          FROM `spans` AS `t0`
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
        ) AS `t4`
        LEFT OUTER JOIN (
          SELECT
            `t7`.`run` AS `_key`,
            `t7`.`error_type` AS `run.error_type`
          FROM (
            SELECT
              `t6`.`run`,
              `t6`.`start`,
              `t6`.`ingested_at`,
              `t6`.`error_type`
            FROM (
              SELECT
                *
              FROM (
                SELECT
                  `t3`.`run`,
                  `t3`.`start`,
                  `t3`.`ingested_at`,
                  `t3`.`error_type`,
                  ROW_NUMBER() OVER (PARTITION BY `t3`.`run` ORDER BY `t3`.`start` DESC, `t3`.`ingested_at` DESC) - 1 AS `_place`
                FROM (
                  SELECT
                    `t1`.`run`,
                    `t1`.`start`,
                    `t1`.`ingested_at`,
                    `t1`.`error_type`
                  FROM `requests` AS `t1`
                  WHERE
                    NOT (
                      CONTAINS(COALESCE(`t1`.`dq_flags`, ''), 'duplicate')
                    )
                ) AS `t3`
              ) AS `t5`
              WHERE
                `t5`.`_place` = 0
            ) AS `t6`
          ) AS `t7`
        ) AS `t9`
          ON `t4`.`run` = `t9`.`_key`
      ) AS `t10`
    ) AS `t11`
  ) AS `t12`
) AS `t13`
GROUP BY
  1,
  2
