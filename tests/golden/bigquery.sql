-- means of flags and numbers: task_success, requests states
SELECT
  `t1`.`_period`,
  `t1`.`_unit`,
  COUNT(*) AS `_n`,
  SUM(`t1`.`_w` * `t1`.`x0`) AS `s0`,
  SUM(`t1`.`_w` * `t1`.`x1`) AS `s1`,
  COALESCE(SUM(`t1`.`x1`), 0) AS `s2`,
  SUM(`t1`.`_u`) AS `_unknown`
FROM (
  SELECT
    0 AS `_period`,
    FARM_FINGERPRINT(COALESCE(`t0`.`user`, `t0`.`session`, `t0`.`run`)) & 63 AS `_unit`,
    ieee_divide(1.0, COALESCE(NULLIF(`t0`.`sample_probability`, 0), 1.0)) AS `_w`,
    CAST(`t0`.`outcome` = 'success' AS INT64) AS `x0`,
    CAST(COALESCE(`t0`.`outcome`, 'unknown') <> 'unknown' AS INT64) AS `x1`,
    CAST((
      `t0`.`sample_probability` IS NULL
    ) OR (
      `t0`.`sample_probability` = 0
    ) AS INT64) AS `_u`
  FROM `requests` AS `t0`
  WHERE
    NOT (
      INSTR(COALESCE(`t0`.`dq_flags`, ''), 'duplicate') > 0
    )
    AND (
      (
        `t0`.`env` IS NULL
      ) OR (
        `t0`.`env` = 'production'
      )
    )
    AND `t0`.`start` >= TIMESTAMP('2026-07-01T00:00:00+00:00')
    AND `t0`.`start` < TIMESTAMP('2026-10-01T00:00:00+00:00')
) AS `t1`
GROUP BY
  1,
  2

-- a ratio, by dimension and month: cost_per_successful_outcome, requests states
SELECT
  `t1`.`_period`,
  `t1`.`_g0`,
  `t1`.`_unit`,
  COUNT(*) AS `_n`,
  SUM(`t1`.`_w` * `t1`.`x0`) AS `s0`,
  COUNT(`t1`.`x0`) AS `s1`,
  SUM(`t1`.`_w` * `t1`.`x1`) AS `s3`,
  COALESCE(SUM(`t1`.`x2`), 0) AS `s4`,
  SUM(`t1`.`_u`) AS `_unknown`
FROM (
  SELECT
    IF(
      `t0`.`start` < TIMESTAMP('2026-08-01T00:00:00+00:00'),
      0,
      IF(`t0`.`start` < TIMESTAMP('2026-09-01T00:00:00+00:00'), 1, 2)
    ) AS `_period`,
    COALESCE(`t0`.`region`, 'not recorded') AS `_g0`,
    FARM_FINGERPRINT(COALESCE(`t0`.`user`, `t0`.`session`, `t0`.`run`)) & 63 AS `_unit`,
    ieee_divide(1.0, COALESCE(NULLIF(`t0`.`sample_probability`, 0), 1.0)) AS `_w`,
    `t0`.`cost` AS `x0`,
    CAST(`t0`.`outcome` = 'success' AS INT64) AS `x1`,
    CAST(COALESCE(`t0`.`outcome`, 'unknown') <> 'unknown' AS INT64) AS `x2`,
    CAST((
      `t0`.`sample_probability` IS NULL
    ) OR (
      `t0`.`sample_probability` = 0
    ) AS INT64) AS `_u`
  FROM `requests` AS `t0`
  WHERE
    NOT (
      INSTR(COALESCE(`t0`.`dq_flags`, ''), 'duplicate') > 0
    )
    AND (
      (
        `t0`.`env` IS NULL
      ) OR (
        `t0`.`env` = 'production'
      )
    )
    AND `t0`.`start` >= TIMESTAMP('2026-07-01T00:00:00+00:00')
    AND `t0`.`start` < TIMESTAMP('2026-10-01T00:00:00+00:00')
) AS `t1`
GROUP BY
  1,
  2,
  3

-- a total, with its sampling variance: total_cost, requests states
SELECT
  `t1`.`_period`,
  `t1`.`_unit`,
  COUNT(*) AS `_n`,
  SUM(`t1`.`_w` * `t1`.`x0`) AS `s0`,
  COUNT(`t1`.`x0`) AS `s1`,
  SUM(`t1`.`_u`) AS `_unknown`
FROM (
  SELECT
    0 AS `_period`,
    FARM_FINGERPRINT(COALESCE(`t0`.`user`, `t0`.`session`, `t0`.`run`)) & 63 AS `_unit`,
    ieee_divide(1.0, COALESCE(NULLIF(`t0`.`sample_probability`, 0), 1.0)) AS `_w`,
    `t0`.`cost` AS `x0`,
    CAST((
      `t0`.`sample_probability` IS NULL
    ) OR (
      `t0`.`sample_probability` = 0
    ) AS INT64) AS `_u`
  FROM `requests` AS `t0`
  WHERE
    NOT (
      INSTR(COALESCE(`t0`.`dq_flags`, ''), 'duplicate') > 0
    )
    AND (
      (
        `t0`.`env` IS NULL
      ) OR (
        `t0`.`env` = 'production'
      )
    )
    AND `t0`.`start` >= TIMESTAMP('2026-07-01T00:00:00+00:00')
    AND `t0`.`start` < TIMESTAMP('2026-10-01T00:00:00+00:00')
) AS `t1`
GROUP BY
  1,
  2

-- a total, with its sampling variance: total_cost, requests sampling
SELECT
  `t3`.`_period`,
  SUM(ieee_divide(1.0 - `t3`.`_p`, `t3`.`_p` * `t3`.`_p`) * `t3`.`x0` * `t3`.`x0`) AS `v_0_0`
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
        `t0`.`run` AS `_kept`,
        ieee_divide(1.0, ieee_divide(1.0, COALESCE(NULLIF(`t0`.`sample_probability`, 0), 1.0))) AS `_p`,
        `t0`.`cost` AS `x0`
      FROM `requests` AS `t0`
      WHERE
        NOT (
          INSTR(COALESCE(`t0`.`dq_flags`, ''), 'duplicate') > 0
        )
        AND (
          (
            `t0`.`env` IS NULL
          ) OR (
            `t0`.`env` = 'production'
          )
        )
        AND `t0`.`start` >= TIMESTAMP('2026-07-01T00:00:00+00:00')
        AND `t0`.`start` < TIMESTAMP('2026-10-01T00:00:00+00:00')
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

-- a percentile, within one value: latency_p95, requests histogram
SELECT
  `t1`.`_period`,
  `t1`.`_unit`,
  `t1`.`_bin`,
  SUM(`t1`.`_weight`) AS `_w`,
  COUNT(*) AS `_n`,
  COUNT(*) AS `_e`,
  SUM(`t1`.`_u`) AS `_unknown`
FROM (
  SELECT
    0 AS `_period`,
    FARM_FINGERPRINT(COALESCE(`t0`.`user`, `t0`.`session`, `t0`.`run`)) & 63 AS `_unit`,
    IF(
      `t0`.`latency` IS NULL,
      CAST(NULL AS INT64),
      IF(
        `t0`.`latency` > 0,
        CAST(CEIL(
          ieee_divide(LN(IF(`t0`.`latency` > 0, `t0`.`latency`, 1.0)), 0.019998686506689123)
        ) AS INT64),
        -1000000
      )
    ) AS `_bin`,
    CAST((
      `t0`.`sample_probability` IS NULL
    ) OR (
      `t0`.`sample_probability` = 0
    ) AS INT64) AS `_u`,
    ieee_divide(1.0, COALESCE(NULLIF(`t0`.`sample_probability`, 0), 1.0)) AS `_weight`
  FROM `requests` AS `t0`
  WHERE
    NOT (
      INSTR(COALESCE(`t0`.`dq_flags`, ''), 'duplicate') > 0
    )
    AND (
      (
        `t0`.`env` IS NULL
      ) OR (
        `t0`.`env` = 'production'
      )
    )
    AND `t0`.`start` >= TIMESTAMP('2026-07-01T00:00:00+00:00')
    AND `t0`.`start` < TIMESTAMP('2026-10-01T00:00:00+00:00')
    AND COALESCE(`t0`.`use_case`, 'not recorded') = 'support_copilot'
) AS `t1`
GROUP BY
  1,
  2,
  3

-- seconds between two instants: time_to_recover_mean, incidents states
SELECT
  `t1`.`_period`,
  `t1`.`_unit`,
  COUNT(*) AS `_n`,
  SUM(`t1`.`_w` * `t1`.`x0`) AS `s0`,
  SUM(IF(`t1`.`x0` IS NOT NULL, `t1`.`_w`, NULL)) AS `s1`,
  COUNT(`t1`.`x0`) AS `s2`,
  SUM(`t1`.`_u`) AS `_unknown`
FROM (
  SELECT
    0 AS `_period`,
    FARM_FINGERPRINT(`t0`.`incident`) & 63 AS `_unit`,
    ieee_divide(1.0, COALESCE(NULLIF(`t0`.`sample_probability`, 0), 1.0)) AS `_w`,
    IF(
      (
        (
          UNIX_SECONDS(TIMESTAMP_TRUNC(CAST(`t0`.`mitigated` AS DATETIME), SECOND)) - UNIX_SECONDS(TIMESTAMP_TRUNC(CAST(`t0`.`detected` AS DATETIME), SECOND))
        ) + ieee_divide(
          EXTRACT(microsecond FROM CAST(`t0`.`mitigated` AS DATETIME)) - EXTRACT(microsecond FROM CAST(`t0`.`detected` AS DATETIME)),
          1000000.0
        )
      ) >= 0,
      (
        UNIX_SECONDS(TIMESTAMP_TRUNC(CAST(`t0`.`mitigated` AS DATETIME), SECOND)) - UNIX_SECONDS(TIMESTAMP_TRUNC(CAST(`t0`.`detected` AS DATETIME), SECOND))
      ) + ieee_divide(
        EXTRACT(microsecond FROM CAST(`t0`.`mitigated` AS DATETIME)) - EXTRACT(microsecond FROM CAST(`t0`.`detected` AS DATETIME)),
        1000000.0
      ),
      CAST(NULL AS FLOAT64)
    ) AS `x0`,
    CAST((
      `t0`.`sample_probability` IS NULL
    ) OR (
      `t0`.`sample_probability` = 0
    ) AS INT64) AS `_u`
  FROM `incidents` AS `t0`
  WHERE
    NOT (
      INSTR(COALESCE(`t0`.`dq_flags`, ''), 'duplicate') > 0
    )
    AND (
      (
        `t0`.`env` IS NULL
      ) OR (
        `t0`.`env` = 'production'
      )
    )
    AND `t0`.`started` >= TIMESTAMP('2026-07-01T00:00:00+00:00')
    AND `t0`.`started` < TIMESTAMP('2026-10-01T00:00:00+00:00')
) AS `t1`
GROUP BY
  1,
  2

-- distinct values within a unit: fragmented_systems, tool_touches states
SELECT
  `t2`.`_period`,
  `t2`.`_unit`,
  COUNT(*) AS `_n`,
  SUM(`t2`.`_w` * `t2`.`x0`) AS `s0`,
  COALESCE(SUM(`t2`.`_dx1`), 0.0) AS `s3`,
  COUNT(`t2`.`x1`) AS `s4`,
  COALESCE(SUM(`t2`.`x2`), 0) AS `s5`,
  SUM(`t2`.`_u`) AS `_unknown`
FROM (
  SELECT
    `t1`.`_period`,
    `t1`.`_unit`,
    `t1`.`_w`,
    `t1`.`x0`,
    `t1`.`x1`,
    `t1`.`x2`,
    `t1`.`_u`,
    IF(
      `t1`.`x1` IS NOT NULL,
      ieee_divide(
        `t1`.`_w`,
        NULLIF(
          COUNT(`t1`.`x1`) OVER (
            PARTITION BY `t1`.`_period`, `t1`.`x1`
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ),
          0
        )
      ),
      CAST(NULL AS FLOAT64)
    ) AS `_dx1`
  FROM (
    SELECT
      0 AS `_period`,
      FARM_FINGERPRINT(`t0`.`run`) & 63 AS `_unit`,
      ieee_divide(1.0, COALESCE(NULLIF(`t0`.`sample_probability`, 0), 1.0)) AS `_w`,
      CAST(COALESCE(`t0`.`phase` = 'with_ai', FALSE) AS INT64) AS `x0`,
      IF(
        COALESCE(COALESCE(`t0`.`phase` = 'with_ai', FALSE), FALSE),
        `t0`.`run`,
        CAST(NULL AS STRING)
      ) AS `x1`,
      CAST(COALESCE(COALESCE(`t0`.`phase` = 'with_ai', FALSE), FALSE) AS INT64) AS `x2`,
      CAST((
        `t0`.`sample_probability` IS NULL
      ) OR (
        `t0`.`sample_probability` = 0
      ) AS INT64) AS `_u`
    FROM `tool_touches` AS `t0`
    WHERE
      NOT (
        INSTR(COALESCE(`t0`.`dq_flags`, ''), 'duplicate') > 0
      )
      AND (
        (
          `t0`.`env` IS NULL
        ) OR (
          `t0`.`env` = 'production'
        )
      )
      AND `t0`.`touched` >= TIMESTAMP('2026-07-01T00:00:00+00:00')
      AND `t0`.`touched` < TIMESTAMP('2026-10-01T00:00:00+00:00')
  ) AS `t1`
) AS `t2`
GROUP BY
  1,
  2

-- the last state of each thing: responsible_ai_pass_rate, model_reviews states
SELECT
  `t13`.`_period`,
  `t13`.`_unit`,
  COUNT(*) AS `_n`,
  SUM(`t13`.`_w` * `t13`.`x0`) AS `s0`,
  SUM(`t13`.`_w` * `t13`.`x1`) AS `s1`,
  COALESCE(SUM(`t13`.`x1`), 0) AS `s2`,
  SUM(`t13`.`_u`) AS `_unknown`
FROM (
  SELECT
    `t12`.`_period`,
    FARM_FINGERPRINT(`t12`.`model`) & 63 AS `_unit`,
    ieee_divide(1.0, COALESCE(NULLIF(`t12`.`sample_probability`, 0), 1.0)) AS `_w`,
    CAST(COALESCE(COALESCE(`t12`.`registered_stage` <> 'retired', TRUE), FALSE)
    AND COALESCE(`t12`.`fairness` AND `t12`.`privacy` AND `t12`.`explainability`, FALSE) AS INT64) AS `x0`,
    CAST(COALESCE(COALESCE(`t12`.`registered_stage` <> 'retired', TRUE), FALSE) AS INT64) AS `x1`,
    CAST((
      `t12`.`sample_probability` IS NULL
    ) OR (
      `t12`.`sample_probability` = 0
    ) AS INT64) AS `_u`
  FROM (
    SELECT
      `t11`.`reviewed`,
      `t11`.`env`,
      `t11`.`model`,
      `t11`.`sample_probability`,
      `t11`.`explainability`,
      `t11`.`fairness`,
      `t11`.`privacy`,
      `t11`.`ingested_at`,
      `t11`.`_period`,
      `t8`.`registered_stage`
    FROM (
      SELECT
        `t9`.`reviewed`,
        `t9`.`env`,
        `t9`.`model`,
        `t9`.`sample_probability`,
        `t9`.`explainability`,
        `t9`.`fairness`,
        `t9`.`privacy`,
        `t9`.`ingested_at`,
        0 AS `_period`
      FROM (
        SELECT
          `t7`.*
          EXCEPT (`_place`)
        FROM (
          SELECT
            *
          FROM (
            SELECT
              `t3`.`reviewed`,
              `t3`.`env`,
              `t3`.`model`,
              `t3`.`sample_probability`,
              `t3`.`explainability`,
              `t3`.`fairness`,
              `t3`.`privacy`,
              `t3`.`ingested_at`,
              ROW_NUMBER() OVER (PARTITION BY `t3`.`model` ORDER BY `t3`.`reviewed` DESC, `t3`.`ingested_at` DESC) - 1 AS `_place`
            FROM (
              SELECT
                `t1`.`reviewed`,
                `t1`.`env`,
                `t1`.`model`,
                `t1`.`sample_probability`,
                `t1`.`explainability`,
                `t1`.`fairness`,
                `t1`.`privacy`,
                `t1`.`ingested_at`
              FROM `model_reviews` AS `t1`
              WHERE
                NOT (
                  INSTR(COALESCE(`t1`.`dq_flags`, ''), 'duplicate') > 0
                )
                AND (
                  (
                    `t1`.`env` IS NULL
                  ) OR (
                    `t1`.`env` = 'production'
                  )
                )
                AND `t1`.`reviewed` < TIMESTAMP('2026-10-01T00:00:00+00:00')
            ) AS `t3`
          ) AS `t5`
          WHERE
            `t5`.`_place` = 0
        ) AS `t7`
      ) AS `t9`
    ) AS `t11`
    LEFT OUTER JOIN (
      SELECT
        `t4`.`model` AS `_key`,
        0 AS `_at`,
        `t4`.`stage` AS `registered_stage`
      FROM (
        SELECT
          `t2`.`model`,
          `t2`.`recorded`,
          `t2`.`stage`,
          `t2`.`ingested_at`,
          `t2`.`env`,
          ROW_NUMBER() OVER (PARTITION BY `t2`.`model` ORDER BY `t2`.`recorded` DESC, `t2`.`ingested_at` DESC) - 1 AS `_place`
        FROM (
          SELECT
            `t0`.`model`,
            `t0`.`recorded`,
            `t0`.`stage`,
            `t0`.`ingested_at`,
            `t0`.`env`
          FROM `models` AS `t0`
          WHERE
            NOT (
              INSTR(COALESCE(`t0`.`dq_flags`, ''), 'duplicate') > 0
            )
            AND (
              (
                `t0`.`env` IS NULL
              ) OR (
                `t0`.`env` = 'production'
              )
            )
            AND `t0`.`recorded` < TIMESTAMP('2026-10-01T00:00:00+00:00')
        ) AS `t2`
      ) AS `t4`
      WHERE
        `t4`.`_place` = 0
    ) AS `t8`
      ON `t11`.`model` = `t8`.`_key` AND `t11`.`_period` = `t8`.`_at`
  ) AS `t12`
) AS `t13`
GROUP BY
  1,
  2

-- a joined table: change_lead_time, changes survival
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
      (
        `t14`.`x0` IS NOT NULL
      ) AND (
        `t14`.`x1` IS NOT NULL
      ),
      IF(
        `t14`.`x0` IS NULL,
        CAST(NULL AS INT64),
        IF(
          `t14`.`x0` > 0,
          CAST(CEIL(ieee_divide(LN(IF(`t14`.`x0` > 0, `t14`.`x0`, 1.0)), 0.019998686506689123)) AS INT64),
          -1000000
        )
      ),
      CAST(NULL AS INT64)
    ) AS `_bin`,
    IF((
      `t14`.`x0` IS NOT NULL
    ) AND (
      `t14`.`x1` IS NOT NULL
    ), `t14`.`x1`, 0.0) AS `_done`,
    CAST((
      `t14`.`e0` > 0
    ) AND (
      `t14`.`e1` > 0
    ) AS INT64) AS `_e`
  FROM (
    SELECT
      0 AS `_period`,
      FARM_FINGERPRINT(COALESCE(`t13`.`service`, `t13`.`change`)) & 63 AS `_unit`,
      ieee_divide(1.0, COALESCE(NULLIF(`t13`.`sample_probability`, 0), 1.0)) AS `_w`,
      CAST((
        `t13`.`sample_probability` IS NULL
      ) OR (
        `t13`.`sample_probability` = 0
      ) AS INT64) AS `_u`,
      IF(
        COALESCE(`t13`.`first_commit` < TIMESTAMP('2026-10-01T00:00:00+00:00'), FALSE)
        AND NOT (
          COALESCE(`t13`.`closed` < TIMESTAMP('2026-10-01T00:00:00+00:00'), FALSE)
          AND NOT (
            COALESCE(`t13`.`first_production_deployed` < TIMESTAMP('2026-10-01T00:00:00+00:00'), FALSE)
          )
        )
        AND NOT (
          COALESCE(`t13`.`first_production_unclear`, FALSE)
        )
        AND (
          (
            (
              UNIX_SECONDS(
                TIMESTAMP_TRUNC(
                  CAST(IF(
                    COALESCE(`t13`.`first_production_deployed` < TIMESTAMP('2026-10-01T00:00:00+00:00'), FALSE),
                    `t13`.`first_production_deployed`,
                    TIMESTAMP('2026-10-01T00:00:00+00:00')
                  ) AS DATETIME),
                  SECOND
                )
              ) - UNIX_SECONDS(TIMESTAMP_TRUNC(CAST(`t13`.`first_commit` AS DATETIME), SECOND))
            ) + ieee_divide(
              EXTRACT(microsecond FROM CAST(IF(
                COALESCE(`t13`.`first_production_deployed` < TIMESTAMP('2026-10-01T00:00:00+00:00'), FALSE),
                `t13`.`first_production_deployed`,
                TIMESTAMP('2026-10-01T00:00:00+00:00')
              ) AS DATETIME)) - EXTRACT(microsecond FROM CAST(`t13`.`first_commit` AS DATETIME)),
              1000000.0
            )
          ) >= 0
        ),
        (
          UNIX_SECONDS(
            TIMESTAMP_TRUNC(
              CAST(IF(
                COALESCE(`t13`.`first_production_deployed` < TIMESTAMP('2026-10-01T00:00:00+00:00'), FALSE),
                `t13`.`first_production_deployed`,
                TIMESTAMP('2026-10-01T00:00:00+00:00')
              ) AS DATETIME),
              SECOND
            )
          ) - UNIX_SECONDS(TIMESTAMP_TRUNC(CAST(`t13`.`first_commit` AS DATETIME), SECOND))
        ) + ieee_divide(
          EXTRACT(microsecond FROM CAST(IF(
            COALESCE(`t13`.`first_production_deployed` < TIMESTAMP('2026-10-01T00:00:00+00:00'), FALSE),
            `t13`.`first_production_deployed`,
            TIMESTAMP('2026-10-01T00:00:00+00:00')
          ) AS DATETIME)) - EXTRACT(microsecond FROM CAST(`t13`.`first_commit` AS DATETIME)),
          1000000.0
        ),
        CAST(NULL AS FLOAT64)
      ) AS `x0`,
      CAST(COALESCE(
        COALESCE(`t13`.`first_commit` < TIMESTAMP('2026-10-01T00:00:00+00:00'), FALSE)
        AND NOT (
          COALESCE(`t13`.`closed` < TIMESTAMP('2026-10-01T00:00:00+00:00'), FALSE)
          AND NOT (
            COALESCE(`t13`.`first_production_deployed` < TIMESTAMP('2026-10-01T00:00:00+00:00'), FALSE)
          )
        )
        AND NOT (
          COALESCE(`t13`.`first_production_unclear`, FALSE)
        ),
        FALSE
      ) AS INT64) AS `e0`,
      CAST(CAST(IF(
        COALESCE(`t13`.`first_commit` < TIMESTAMP('2026-10-01T00:00:00+00:00'), FALSE)
        AND NOT (
          COALESCE(`t13`.`closed` < TIMESTAMP('2026-10-01T00:00:00+00:00'), FALSE)
          AND NOT (
            COALESCE(`t13`.`first_production_deployed` < TIMESTAMP('2026-10-01T00:00:00+00:00'), FALSE)
          )
        )
        AND NOT (
          COALESCE(`t13`.`first_production_unclear`, FALSE)
        ),
        COALESCE(`t13`.`first_production_deployed` < TIMESTAMP('2026-10-01T00:00:00+00:00'), FALSE),
        CAST(NULL AS BOOL)
      ) AS INT64) AS FLOAT64) AS `x1`,
      CAST(COALESCE(
        COALESCE(`t13`.`first_commit` < TIMESTAMP('2026-10-01T00:00:00+00:00'), FALSE)
        AND NOT (
          COALESCE(`t13`.`closed` < TIMESTAMP('2026-10-01T00:00:00+00:00'), FALSE)
          AND NOT (
            COALESCE(`t13`.`first_production_deployed` < TIMESTAMP('2026-10-01T00:00:00+00:00'), FALSE)
          )
        )
        AND NOT (
          COALESCE(`t13`.`first_production_unclear`, FALSE)
        ),
        FALSE
      ) AS INT64) AS `e1`
    FROM (
      SELECT
        `t6`.`opened`,
        `t6`.`env`,
        `t6`.`service`,
        `t6`.`change`,
        `t6`.`sample_probability`,
        `t6`.`first_commit`,
        `t6`.`closed`,
        `t12`.`first_production_unclear`,
        `t12`.`first_production_deployed`
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
            INSTR(COALESCE(`t0`.`dq_flags`, ''), 'duplicate') > 0
          )
          AND (
            (
              `t0`.`env` IS NULL
            ) OR (
              `t0`.`env` = 'production'
            )
          )
          AND `t0`.`opened` >= TIMESTAMP('2026-07-01T00:00:00+00:00')
          AND `t0`.`opened` < TIMESTAMP('2026-10-01T00:00:00+00:00')
      ) AS `t6`
      LEFT OUTER JOIN (
        SELECT
          `t10`.`_key`,
          0 AS `_at`,
          `t10`.`deployed` IS NULL AS `first_production_unclear`,
          `t10`.`deployed` AS `first_production_deployed`
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
                  INSTR(COALESCE(`t1`.`dq_flags`, ''), 'duplicate') > 0
                )
                AND (
                  (
                    `t1`.`env` IS NULL
                  ) OR (
                    `t1`.`env` = 'production'
                  )
                )
                AND `t1`.`deployed` < TIMESTAMP('2026-10-01T00:00:00+00:00')
                AND COALESCE(`t1`.`first_production`, TRUE)
            ) AS `t7`
            WHERE
              NOT EXISTS(
                SELECT
                  1
                FROM (
                  SELECT
                    `t2`.`deployment`
                  FROM `deployments` AS `t2`
                  WHERE
                    NOT (
                      INSTR(COALESCE(`t2`.`dq_flags`, ''), 'duplicate') > 0
                    )
                    AND `t2`.`status` IN ('failure', 'cancelled')
                ) AS `t8`
                WHERE
                  `t7`.`deployment` = `t8`.`deployment`
              )
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

-- a dimension of another table: relevance, feedback states
SELECT
  `t1`.`_period`,
  `t1`.`_g0`,
  `t1`.`_unit`,
  COUNT(*) AS `_n`,
  SUM(`t1`.`_w` * `t1`.`x0`) AS `s0`,
  SUM(IF(`t1`.`x0` IS NOT NULL, `t1`.`_w`, NULL)) AS `s1`,
  COUNT(`t1`.`x0`) AS `s2`,
  COALESCE(SUM(`t1`.`x1`), 0) AS `s3`,
  SUM(`t1`.`_u`) AS `_unknown`
FROM (
  SELECT
    0 AS `_period`,
    COALESCE(`t0`.`use_case`, 'not recorded') AS `_g0`,
    FARM_FINGERPRINT(COALESCE(`t0`.`user`, `t0`.`run`)) & 63 AS `_unit`,
    ieee_divide(
      ieee_divide(1.0, COALESCE(NULLIF(`t0`.`sample_probability`, 0), 1.0)),
      COALESCE(NULLIF(`t0`.`selection_probability`, 0), 1.0)
    ) AS `_w`,
    IF(`t0`.`name` = 'relevance', `t0`.`value`, CAST(NULL AS FLOAT64)) AS `x0`,
    CAST(COALESCE(`t0`.`name` = 'relevance', FALSE) AS INT64) AS `x1`,
    CAST((
      `t0`.`sample_probability` IS NULL
    )
    OR (
      `t0`.`sample_probability` = 0
    )
    OR (
      `t0`.`selection_probability` IS NULL
    ) AS INT64) AS `_u`
  FROM `feedback` AS `t0`
  WHERE
    NOT (
      INSTR(COALESCE(`t0`.`dq_flags`, ''), 'duplicate') > 0
    )
    AND (
      (
        `t0`.`env` IS NULL
      ) OR (
        `t0`.`env` = 'production'
      )
    )
    AND `t0`.`given` >= TIMESTAMP('2026-07-01T00:00:00+00:00')
    AND `t0`.`given` < TIMESTAMP('2026-10-01T00:00:00+00:00')
) AS `t1`
GROUP BY
  1,
  2,
  3
