-- changes survival
SELECT
  `t15`.`_period`,
  `t15`.`_unit`,
  `t15`.`_bin`,
  `t15`.`_done`,
  SUM(`t15`.`_w`) AS `_w`,
  COUNT(*) AS `_n`,
  SUM(`t15`.`_e`) AS `_e`,
  SUM(`t15`.`_u`) AS `_u`
FROM (
  SELECT
    `t14`.`_period`,
    `t14`.`_unit`,
    `t14`.`_w`,
    `t14`.`_u`,
    `t14`.`x0`,
    `t14`.`e0`,
    `t14`.`x1`,
    `t14`.`e1`,
    IF(
      `t14`.`x0` IS NOT NULL
      AND NOT ISNAN(`t14`.`x0`)
      AND (
        `t14`.`x1` IS NOT NULL AND NOT ISNAN(`t14`.`x1`)
      ),
      IF(
        `t14`.`x0` IS NULL OR ISNAN(`t14`.`x0`),
        CAST(NULL AS BIGINT),
        IF(
          `t14`.`x0` > 0,
          CAST(CEIL(LN(IF(`t14`.`x0` > 0, `t14`.`x0`, 1.0)) / 0.019998686506689123) AS BIGINT),
          -1000000
        )
      ),
      CAST(NULL AS BIGINT)
    ) AS `_bin`,
    IF(
      `t14`.`x0` IS NOT NULL
      AND NOT ISNAN(`t14`.`x0`)
      AND (
        `t14`.`x1` IS NOT NULL AND NOT ISNAN(`t14`.`x1`)
      ),
      `t14`.`x1`,
      0.0
    ) AS `_done`,
    CAST((
      `t14`.`e0` > 0
    ) AND (
      `t14`.`e1` > 0
    ) AS BIGINT) AS `_e`
  FROM (
    SELECT
      0 AS `_period`,
      XXHASH64(COALESCE(`t13`.`service`, `t13`.`change`)) & 63 AS `_unit`,
      1.0 / COALESCE(NULLIF(`t13`.`sample_probability`, 0), 1.0) AS `_w`,
      CAST(`t13`.`sample_probability` IS NULL
      OR ISNAN(`t13`.`sample_probability`)
      OR (
        `t13`.`sample_probability` = 0
      ) AS BIGINT) AS `_u`,
      IF(
        COALESCE(`t13`.`first_commit` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP), FALSE)
        AND NOT (
          COALESCE(`t13`.`closed` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP), FALSE)
          AND NOT (
            COALESCE(
              `t13`.`first_production.deployed` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP),
              FALSE
            )
          )
        )
        AND NOT (
          COALESCE(`t13`.`first_production.unclear`, FALSE)
        )
        AND (
          (
            (
              UNIX_TIMESTAMP(
                CAST(DATE_TRUNC(
                  'second',
                  CAST(IF(
                    COALESCE(
                      `t13`.`first_production.deployed` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP),
                      FALSE
                    ),
                    `t13`.`first_production.deployed`,
                    CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
                  ) AS TIMESTAMP)
                ) AS TIMESTAMP)
              ) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t13`.`first_commit` AS TIMESTAMP)) AS TIMESTAMP))
            ) + (
              (
                PMOD(
                  UNIX_MICROS(
                    CAST(IF(
                      COALESCE(
                        `t13`.`first_production.deployed` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP),
                        FALSE
                      ),
                      `t13`.`first_production.deployed`,
                      CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
                    ) AS TIMESTAMP)
                  ),
                  1000000
                ) - PMOD(UNIX_MICROS(CAST(`t13`.`first_commit` AS TIMESTAMP)), 1000000)
              ) / 1000000.0
            )
          ) >= 0
        ),
        (
          UNIX_TIMESTAMP(
            CAST(DATE_TRUNC(
              'second',
              CAST(IF(
                COALESCE(
                  `t13`.`first_production.deployed` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP),
                  FALSE
                ),
                `t13`.`first_production.deployed`,
                CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
              ) AS TIMESTAMP)
            ) AS TIMESTAMP)
          ) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t13`.`first_commit` AS TIMESTAMP)) AS TIMESTAMP))
        ) + (
          (
            PMOD(
              UNIX_MICROS(
                CAST(IF(
                  COALESCE(
                    `t13`.`first_production.deployed` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP),
                    FALSE
                  ),
                  `t13`.`first_production.deployed`,
                  CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
                ) AS TIMESTAMP)
              ),
              1000000
            ) - PMOD(UNIX_MICROS(CAST(`t13`.`first_commit` AS TIMESTAMP)), 1000000)
          ) / 1000000.0
        ),
        CAST(NULL AS DOUBLE)
      ) AS `x0`,
      CAST(COALESCE(
        COALESCE(`t13`.`first_commit` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP), FALSE)
        AND NOT (
          COALESCE(`t13`.`closed` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP), FALSE)
          AND NOT (
            COALESCE(
              `t13`.`first_production.deployed` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP),
              FALSE
            )
          )
        )
        AND NOT (
          COALESCE(`t13`.`first_production.unclear`, FALSE)
        ),
        FALSE
      ) AS BIGINT) AS `e0`,
      CAST(CAST(IF(
        COALESCE(`t13`.`first_commit` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP), FALSE)
        AND NOT (
          COALESCE(`t13`.`closed` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP), FALSE)
          AND NOT (
            COALESCE(
              `t13`.`first_production.deployed` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP),
              FALSE
            )
          )
        )
        AND NOT (
          COALESCE(`t13`.`first_production.unclear`, FALSE)
        ),
        COALESCE(
          `t13`.`first_production.deployed` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP),
          FALSE
        ),
        CAST(NULL AS BOOLEAN)
      ) AS BIGINT) AS DOUBLE) AS `x1`,
      CAST(COALESCE(
        COALESCE(`t13`.`first_commit` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP), FALSE)
        AND NOT (
          COALESCE(`t13`.`closed` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP), FALSE)
          AND NOT (
            COALESCE(
              `t13`.`first_production.deployed` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP),
              FALSE
            )
          )
        )
        AND NOT (
          COALESCE(`t13`.`first_production.unclear`, FALSE)
        ),
        FALSE
      ) AS BIGINT) AS `e1`
    FROM (
      SELECT
        `t6`.`opened`,
        `t6`.`env`,
        `t6`.`service`,
        `t6`.`change`,
        `t6`.`sample_probability`,
        `t6`.`first_commit`,
        `t6`.`closed`,
        `t12`.`first_production.unclear`,
        `t12`.`first_production.deployed`
      FROM (
        SELECT
          `t0`.`opened`,
          `t0`.`env`,
          `t0`.`service`,
          `t0`.`change`,
          `t0`.`sample_probability`,
          `t0`.`first_commit`,
          `t0`.`closed`
        FROM `changes` AS `t0`
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
          AND `t0`.`opened` >= CAST('2026-07-01T00:00:00+00:00' AS TIMESTAMP)
          AND `t0`.`opened` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
      ) AS `t6`
      LEFT OUTER JOIN (
        SELECT
          `t10`.`_key`,
          0 AS `_at`,
          `t10`.`deployed` IS NULL AS `first_production.unclear`,
          `t10`.`deployed` AS `first_production.deployed`
        FROM (
          SELECT
            `t9`.`change` AS `_key`,
            MIN(IF(`t9`.`first_production`, `t9`.`deployed`, CAST(NULL AS TIMESTAMP))) AS `deployed`
          FROM (
            SELECT
              `t7`.`change`,
              `t7`.`deployment`,
              `t7`.`deployed`,
              `t7`.`first_production`,
              `t7`.`env`
            FROM (
              SELECT
                `t1`.`change`,
                `t1`.`deployment`,
                `t1`.`deployed`,
                `t1`.`first_production`,
                `t1`.`env`
              FROM `change_deployments` AS `t1`
              WHERE
                NOT (
                  CONTAINS(COALESCE(`t1`.`dq_flags`, ''), 'duplicate')
                )
                AND (
                  (
                    `t1`.`env` IS NULL
                  ) OR (
                    `t1`.`env` = 'production'
                  )
                )
                AND `t1`.`deployed` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
                AND COALESCE(`t1`.`first_production`, TRUE)
            ) AS `t7`
            LEFT ANTI JOIN (
              SELECT
                `t2`.`deployment`
              FROM `deployments` AS `t2`
              WHERE
                NOT (
                  CONTAINS(COALESCE(`t2`.`dq_flags`, ''), 'duplicate')
                )
                AND `t2`.`status` IN ('failure', 'cancelled')
            ) AS `t8`
              ON `t7`.`deployment` = `t8`.`deployment`
          ) AS `t9`
          GROUP BY
            1
        ) AS `t10`
      ) AS `t12`
        ON `t6`.`change` = `t12`.`_key`
    ) AS `t13`
  ) AS `t14`
) AS `t15`
GROUP BY
  1,
  2,
  3,
  4
