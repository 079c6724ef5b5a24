-- change_deployments histogram
SELECT
  `t22`.`_period`,
  `t22`.`_unit`,
  `t22`.`_bin`,
  SUM(`t22`.`_weight`) AS `_w`,
  COUNT(*) AS `_n`,
  SUM(`t22`.`_eligible`) AS `_e`,
  SUM(`t22`.`_u`) AS `_unknown`
FROM (
  SELECT
    0 AS `_period`,
    XXHASH64(`t21`.`change`) & 63 AS `_unit`,
    IF(
      IF(
        COALESCE(`t21`.`first_production` AND NOT (
          `t21`.`deployment.failed`
        ), FALSE),
        IF(
          (
            (
              UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t21`.`deployed` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
                CAST(DATE_TRUNC('second', CAST(`t21`.`change.approved` AS TIMESTAMP)) AS TIMESTAMP)
              )
            ) + (
              (
                PMOD(UNIX_MICROS(CAST(`t21`.`deployed` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t21`.`change.approved` AS TIMESTAMP)), 1000000)
              ) / 1000000.0
            )
          ) >= 0,
          (
            UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t21`.`deployed` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
              CAST(DATE_TRUNC('second', CAST(`t21`.`change.approved` AS TIMESTAMP)) AS TIMESTAMP)
            )
          ) + (
            (
              PMOD(UNIX_MICROS(CAST(`t21`.`deployed` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t21`.`change.approved` AS TIMESTAMP)), 1000000)
            ) / 1000000.0
          ),
          CAST(NULL AS DOUBLE)
        ),
        CAST(NULL AS DOUBLE)
      ) IS NULL
      OR ISNAN(
        IF(
          COALESCE(`t21`.`first_production` AND NOT (
            `t21`.`deployment.failed`
          ), FALSE),
          IF(
            (
              (
                UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t21`.`deployed` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
                  CAST(DATE_TRUNC('second', CAST(`t21`.`change.approved` AS TIMESTAMP)) AS TIMESTAMP)
                )
              ) + (
                (
                  PMOD(UNIX_MICROS(CAST(`t21`.`deployed` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t21`.`change.approved` AS TIMESTAMP)), 1000000)
                ) / 1000000.0
              )
            ) >= 0,
            (
              UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t21`.`deployed` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
                CAST(DATE_TRUNC('second', CAST(`t21`.`change.approved` AS TIMESTAMP)) AS TIMESTAMP)
              )
            ) + (
              (
                PMOD(UNIX_MICROS(CAST(`t21`.`deployed` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t21`.`change.approved` AS TIMESTAMP)), 1000000)
              ) / 1000000.0
            ),
            CAST(NULL AS DOUBLE)
          ),
          CAST(NULL AS DOUBLE)
        )
      ),
      CAST(NULL AS BIGINT),
      IF(
        IF(
          COALESCE(`t21`.`first_production` AND NOT (
            `t21`.`deployment.failed`
          ), FALSE),
          IF(
            (
              (
                UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t21`.`deployed` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
                  CAST(DATE_TRUNC('second', CAST(`t21`.`change.approved` AS TIMESTAMP)) AS TIMESTAMP)
                )
              ) + (
                (
                  PMOD(UNIX_MICROS(CAST(`t21`.`deployed` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t21`.`change.approved` AS TIMESTAMP)), 1000000)
                ) / 1000000.0
              )
            ) >= 0,
            (
              UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t21`.`deployed` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
                CAST(DATE_TRUNC('second', CAST(`t21`.`change.approved` AS TIMESTAMP)) AS TIMESTAMP)
              )
            ) + (
              (
                PMOD(UNIX_MICROS(CAST(`t21`.`deployed` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t21`.`change.approved` AS TIMESTAMP)), 1000000)
              ) / 1000000.0
            ),
            CAST(NULL AS DOUBLE)
          ),
          CAST(NULL AS DOUBLE)
        ) > 0,
        CAST(CEIL(
          LN(
            IF(
              IF(
                COALESCE(`t21`.`first_production` AND NOT (
                  `t21`.`deployment.failed`
                ), FALSE),
                IF(
                  (
                    (
                      UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t21`.`deployed` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
                        CAST(DATE_TRUNC('second', CAST(`t21`.`change.approved` AS TIMESTAMP)) AS TIMESTAMP)
                      )
                    ) + (
                      (
                        PMOD(UNIX_MICROS(CAST(`t21`.`deployed` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t21`.`change.approved` AS TIMESTAMP)), 1000000)
                      ) / 1000000.0
                    )
                  ) >= 0,
                  (
                    UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t21`.`deployed` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
                      CAST(DATE_TRUNC('second', CAST(`t21`.`change.approved` AS TIMESTAMP)) AS TIMESTAMP)
                    )
                  ) + (
                    (
                      PMOD(UNIX_MICROS(CAST(`t21`.`deployed` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t21`.`change.approved` AS TIMESTAMP)), 1000000)
                    ) / 1000000.0
                  ),
                  CAST(NULL AS DOUBLE)
                ),
                CAST(NULL AS DOUBLE)
              ) > 0,
              IF(
                COALESCE(`t21`.`first_production` AND NOT (
                  `t21`.`deployment.failed`
                ), FALSE),
                IF(
                  (
                    (
                      UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t21`.`deployed` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
                        CAST(DATE_TRUNC('second', CAST(`t21`.`change.approved` AS TIMESTAMP)) AS TIMESTAMP)
                      )
                    ) + (
                      (
                        PMOD(UNIX_MICROS(CAST(`t21`.`deployed` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t21`.`change.approved` AS TIMESTAMP)), 1000000)
                      ) / 1000000.0
                    )
                  ) >= 0,
                  (
                    UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t21`.`deployed` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
                      CAST(DATE_TRUNC('second', CAST(`t21`.`change.approved` AS TIMESTAMP)) AS TIMESTAMP)
                    )
                  ) + (
                    (
                      PMOD(UNIX_MICROS(CAST(`t21`.`deployed` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t21`.`change.approved` AS TIMESTAMP)), 1000000)
                    ) / 1000000.0
                  ),
                  CAST(NULL AS DOUBLE)
                ),
                CAST(NULL AS DOUBLE)
              ),
              1.0
            )
          ) / 0.019998686506689123
        ) AS BIGINT),
        -1000000
      )
    ) AS `_bin`,
    CAST(`t21`.`sample_probability` IS NULL
    OR ISNAN(`t21`.`sample_probability`)
    OR (
      `t21`.`sample_probability` = 0
    ) AS BIGINT) AS `_u`,
    CAST(COALESCE(`t21`.`first_production` AND NOT (
      `t21`.`deployment.failed`
    ), FALSE) AS BIGINT) AS `_eligible`,
    1.0 / COALESCE(NULLIF(`t21`.`sample_probability`, 0), 1.0) AS `_weight`
  FROM (
    SELECT
      `t20`.`deployed`,
      `t20`.`env`,
      `t20`.`change`,
      `t20`.`sample_probability`,
      `t20`.`first_production`,
      `t20`.`deployment`,
      `t20`.`deployment.failed`,
      `t20`.`change.approved`
    FROM (
      SELECT
        `t19`.`deployed`,
        `t19`.`env`,
        `t19`.`change`,
        `t19`.`sample_probability`,
        `t19`.`first_production`,
        `t19`.`deployment`,
        `t19`.`deployment.failed`,
        `t15`.`_key`,
        `t15`.`change.approved`
      FROM (
        SELECT
          `t17`.`deployed`,
          `t17`.`env`,
          `t17`.`change`,
          `t17`.`sample_probability`,
          `t17`.`first_production`,
          `t17`.`deployment`,
          `t17`.`deployment.failed`
        FROM (
          SELECT
            `t6`.`deployed`,
            `t6`.`env`,
            `t6`.`change`,
            `t6`.`sample_probability`,
            `t6`.`first_production`,
            `t6`.`deployment`,
            `t16`.`_key`,
            `t16`.`deployment.failed`
          FROM (
            SELECT
              `t0`.`deployed`,
              `t0`.`env`,
              `t0`.`change`,
              `t0`.`sample_probability`,
              `t0`.`first_production`,
              `t0`.`deployment`
            FROM `change_deployments` AS `t0`
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
              AND `t0`.`deployed` >= CAST('2026-07-01T00:00:00+00:00' AS TIMESTAMP)
              AND `t0`.`deployed` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
          ) AS `t6`
          LEFT OUTER JOIN (
            SELECT
              `t12`.`deployment` AS `_key`,
              `t12`.`failed` AS `deployment.failed`
            FROM (
              SELECT
                `t10`.`deployment`,
                `t10`.`deployed`,
                `t10`.`ingested_at`,
                `t10`.`failed`
              FROM (
                SELECT
                  *
                FROM (
                  SELECT
                    `t5`.`deployment`,
                    `t5`.`deployed`,
                    `t5`.`ingested_at`,
                    `t5`.`failed`,
                    ROW_NUMBER() OVER (
                      PARTITION BY `t5`.`deployment`
                      ORDER BY `t5`.`deployed` DESC, `t5`.`ingested_at` DESC
                    ) - 1 AS `_place`
                  FROM (
                    SELECT
                      `t2`.`deployment`,
                      `t2`.`deployed`,
                      `t2`.`ingested_at`,
                      `t2`.`failed`
                    FROM `deployments` AS `t2`
                    WHERE
                      NOT (
                        CONTAINS(COALESCE(`t2`.`dq_flags`, ''), 'duplicate')
                      )
                  ) AS `t5`
                ) AS `t8`
                WHERE
                  `t8`.`_place` = 0
              ) AS `t10`
            ) AS `t12`
          ) AS `t16`
            ON `t6`.`deployment` = `t16`.`_key`
        ) AS `t17`
      ) AS `t19`
      LEFT OUTER JOIN (
        SELECT
          `t11`.`change` AS `_key`,
          `t11`.`approved` AS `change.approved`
        FROM (
          SELECT
            `t9`.`change`,
            `t9`.`opened`,
            `t9`.`ingested_at`,
            `t9`.`approved`
          FROM (
            SELECT
              *
            FROM (
              SELECT
                `t4`.`change`,
                `t4`.`opened`,
                `t4`.`ingested_at`,
                `t4`.`approved`,
                ROW_NUMBER() OVER (PARTITION BY `t4`.`change` ORDER BY `t4`.`opened` DESC, `t4`.`ingested_at` DESC) - 1 AS `_place`
              FROM (
                SELECT
                  `t1`.`change`,
                  `t1`.`opened`,
                  `t1`.`ingested_at`,
                  `t1`.`approved`
                FROM `changes` AS `t1`
                WHERE
                  NOT (
                    CONTAINS(COALESCE(`t1`.`dq_flags`, ''), 'duplicate')
                  )
              ) AS `t4`
            ) AS `t7`
            WHERE
              `t7`.`_place` = 0
          ) AS `t9`
        ) AS `t11`
      ) AS `t15`
        ON `t19`.`change` = `t15`.`_key`
    ) AS `t20`
  ) AS `t21`
) AS `t22`
GROUP BY
  1,
  2,
  3
