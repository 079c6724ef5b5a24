-- requests survival
SELECT
  `t11`.`_period`,
  `t11`.`_unit`,
  `t11`.`_bin`,
  `t11`.`_done`,
  SUM(`t11`.`_w`) AS `_w`,
  COUNT(*) AS `_n`,
  SUM(`t11`.`_e`) AS `_e`,
  SUM(`t11`.`_u`) AS `_u`
FROM (
  SELECT
    `t10`.`_period`,
    `t10`.`_unit`,
    `t10`.`_w`,
    `t10`.`_u`,
    `t10`.`x0`,
    `t10`.`e0`,
    `t10`.`x1`,
    `t10`.`e1`,
    IF(
      `t10`.`x0` IS NOT NULL
      AND NOT ISNAN(`t10`.`x0`)
      AND (
        `t10`.`x1` IS NOT NULL AND NOT ISNAN(`t10`.`x1`)
      ),
      IF(
        `t10`.`x0` IS NULL OR ISNAN(`t10`.`x0`),
        CAST(NULL AS BIGINT),
        IF(
          `t10`.`x0` > 0,
          CAST(CEIL(LN(IF(`t10`.`x0` > 0, `t10`.`x0`, 1.0)) / 0.019998686506689123) AS BIGINT),
          -1000000
        )
      ),
      CAST(NULL AS BIGINT)
    ) AS `_bin`,
    IF(
      `t10`.`x0` IS NOT NULL
      AND NOT ISNAN(`t10`.`x0`)
      AND (
        `t10`.`x1` IS NOT NULL AND NOT ISNAN(`t10`.`x1`)
      ),
      `t10`.`x1`,
      0.0
    ) AS `_done`,
    CAST((
      `t10`.`e0` > 0
    ) AND (
      `t10`.`e1` > 0
    ) AS BIGINT) AS `_e`
  FROM (
    SELECT
      0 AS `_period`,
      XXHASH64(COALESCE(`t9`.`user`, `t9`.`session`, `t9`.`run`)) & 63 AS `_unit`,
      1.0 / COALESCE(NULLIF(`t9`.`sample_probability`, 0), 1.0) AS `_w`,
      CAST(`t9`.`sample_probability` IS NULL
      OR ISNAN(`t9`.`sample_probability`)
      OR (
        `t9`.`sample_probability` = 0
      ) AS BIGINT) AS `_u`,
      IF(
        COALESCE(`t9`.`run` = `t9`.`first_of_user.run`, FALSE),
        (
          UNIX_TIMESTAMP(
            CAST(DATE_TRUNC(
              'second',
              CAST(IF(
                IF(
                  COALESCE(`t9`.`run` = `t9`.`first_of_user.run`, FALSE),
                  COALESCE(
                    (
                      `t9`.`first_of_user.succeeded` IS NOT NULL
                    )
                    AND (
                      `t9`.`first_of_user.succeeded` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
                    ),
                    FALSE
                  ),
                  CAST(NULL AS BOOLEAN)
                ),
                `t9`.`first_of_user.succeeded`,
                CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
              ) AS TIMESTAMP)
            ) AS TIMESTAMP)
          ) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t9`.`start` AS TIMESTAMP)) AS TIMESTAMP))
        ) + (
          (
            PMOD(
              UNIX_MICROS(
                CAST(IF(
                  IF(
                    COALESCE(`t9`.`run` = `t9`.`first_of_user.run`, FALSE),
                    COALESCE(
                      (
                        `t9`.`first_of_user.succeeded` IS NOT NULL
                      )
                      AND (
                        `t9`.`first_of_user.succeeded` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
                      ),
                      FALSE
                    ),
                    CAST(NULL AS BOOLEAN)
                  ),
                  `t9`.`first_of_user.succeeded`,
                  CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
                ) AS TIMESTAMP)
              ),
              1000000
            ) - PMOD(UNIX_MICROS(CAST(`t9`.`start` AS TIMESTAMP)), 1000000)
          ) / 1000000.0
        ),
        CAST(NULL AS DOUBLE)
      ) AS `x0`,
      CAST(COALESCE(COALESCE(`t9`.`run` = `t9`.`first_of_user.run`, FALSE), FALSE) AS BIGINT) AS `e0`,
      CAST(CAST(IF(
        COALESCE(`t9`.`run` = `t9`.`first_of_user.run`, FALSE),
        COALESCE(
          (
            `t9`.`first_of_user.succeeded` IS NOT NULL
          )
          AND (
            `t9`.`first_of_user.succeeded` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
          ),
          FALSE
        ),
        CAST(NULL AS BOOLEAN)
      ) AS BIGINT) AS DOUBLE) AS `x1`,
      CAST(COALESCE(COALESCE(`t9`.`run` = `t9`.`first_of_user.run`, FALSE), FALSE) AS BIGINT) AS `e1`
    FROM (
      SELECT
        `t3`.`start`,
        `t3`.`env`,
        `t3`.`user`,
        `t3`.`session`,
        `t3`.`run`,
        `t3`.`sample_probability`,
        `t8`.`first_of_user.run`,
        `t8`.`first_of_user.succeeded`
      FROM (
        SELECT
          `t0`.`start`,
          `t0`.`env`,
          `t0`.`user`,
          `t0`.`session`,
          `t0`.`run`,
          `t0`.`sample_probability`
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
      ) AS `t3`
      LEFT OUTER JOIN (
        SELECT
          `t6`.`_key`,
          0 AS `_at`,
          `t6`.`run` AS `first_of_user.run`,
          `t6`.`succeeded` AS `first_of_user.succeeded`
        FROM (
          SELECT
            `t5`.`user` AS `_key`,
            MAX(`t5`.`_first`) AS `run`,
            MIN(`t5`.`_success`) AS `succeeded`
          FROM (
            SELECT
              `t4`.`user`,
              IF(`t4`.`_place` = 0, `t4`.`run`, CAST(NULL AS STRING)) AS `_first`,
              IF(
                `t4`.`outcome` = 'success',
                COALESCE(`t4`.`end`, `t4`.`start`),
                CAST(NULL AS TIMESTAMP)
              ) AS `_success`
            FROM (
              SELECT
                `t2`.`user`,
                `t2`.`run`,
                `t2`.`start`,
                `t2`.`end`,
                `t2`.`outcome`,
                `t2`.`env`,
                ROW_NUMBER() OVER (
                  PARTITION BY `t2`.`user`
                  ORDER BY `t2`.`start` ASC NULLS LAST, `t2`.`run` ASC NULLS LAST
                ) - 1 AS `_place`
              FROM (
                SELECT
                  `t0`.`user`,
                  `t0`.`run`,
                  `t0`.`start`,
                  `t0`.`end`,
                  `t0`.`outcome`,
                  `t0`.`env`
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
                  AND `t0`.`start` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
                  AND `t0`.`user` IS NOT NULL
              ) AS `t2`
            ) AS `t4`
          ) AS `t5`
          GROUP BY
            1
        ) AS `t6`
      ) AS `t8`
        ON `t3`.`user` = `t8`.`_key`
    ) AS `t9`
  ) AS `t10`
) AS `t11`
GROUP BY
  1,
  2,
  3,
  4
