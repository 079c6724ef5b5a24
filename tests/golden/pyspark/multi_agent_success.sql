-- handoffs states
SELECT
  `t13`.`_period`,
  `t13`.`_unit`,
  COUNT(*) AS `_n`,
  SUM(`t13`.`_w` * `t13`.`x0`) AS `s0`,
  SUM(`t13`.`_w` * `t13`.`x1`) AS `s1`,
  COALESCE(SUM(`t13`.`x1`), 0) AS `s2`,
  COALESCE(SUM(`t13`.`x2`), 0) AS `s3`,
  SUM(`t13`.`_u`) AS `_unknown`
FROM (
  SELECT
    `t12`.`_period`,
    XXHASH64(COALESCE(`t12`.`run`, `t12`.`handoff`)) & 63 AS `_unit`,
    1.0 / COALESCE(NULLIF(`t12`.`sample_probability`, 0), 1.0) AS `_w`,
    CAST(COALESCE(
      COALESCE((
        `t12`.`from_kind` = 'agent'
      ) AND (
        `t12`.`to_kind` = 'agent'
      ), FALSE)
      AND (
        `t12`.`run` IS NOT NULL
      )
      AND (
        (
          ROW_NUMBER() OVER (
            PARTITION BY `t12`.`run`, COALESCE((
              `t12`.`from_kind` = 'agent'
            ) AND (
              `t12`.`to_kind` = 'agent'
            ), FALSE)
            AND (
              `t12`.`run` IS NOT NULL
            ), `t12`.`_period`
            ORDER BY `t12`.`requested` ASC NULLS LAST, `t12`.`handoff` ASC NULLS LAST
          ) - 1
        ) = 0
      ),
      FALSE
    )
    AND (
      `t12`.`run.outcome` = 'success'
    )
    AND (
      `t12`.`run.human_touches` = 0
    ) AS BIGINT) AS `x0`,
    CAST(COALESCE(
      COALESCE((
        `t12`.`from_kind` = 'agent'
      ) AND (
        `t12`.`to_kind` = 'agent'
      ), FALSE)
      AND (
        `t12`.`run` IS NOT NULL
      )
      AND (
        (
          ROW_NUMBER() OVER (
            PARTITION BY `t12`.`run`, COALESCE((
              `t12`.`from_kind` = 'agent'
            ) AND (
              `t12`.`to_kind` = 'agent'
            ), FALSE)
            AND (
              `t12`.`run` IS NOT NULL
            ), `t12`.`_period`
            ORDER BY `t12`.`requested` ASC NULLS LAST, `t12`.`handoff` ASC NULLS LAST
          ) - 1
        ) = 0
      ),
      FALSE
    )
    AND (
      COALESCE(`t12`.`run.outcome`, 'unknown') <> 'unknown'
    )
    AND (
      `t12`.`run.human_touches` IS NOT NULL
    ) AS BIGINT) AS `x1`,
    CAST(COALESCE(
      COALESCE((
        `t12`.`from_kind` = 'agent'
      ) AND (
        `t12`.`to_kind` = 'agent'
      ), FALSE)
      AND (
        `t12`.`run` IS NOT NULL
      )
      AND (
        (
          ROW_NUMBER() OVER (
            PARTITION BY `t12`.`run`, COALESCE((
              `t12`.`from_kind` = 'agent'
            ) AND (
              `t12`.`to_kind` = 'agent'
            ), FALSE)
            AND (
              `t12`.`run` IS NOT NULL
            ), `t12`.`_period`
            ORDER BY `t12`.`requested` ASC NULLS LAST, `t12`.`handoff` ASC NULLS LAST
          ) - 1
        ) = 0
      ),
      FALSE
    ) AS BIGINT) AS `x2`,
    CAST(`t12`.`sample_probability` IS NULL
    OR ISNAN(`t12`.`sample_probability`)
    OR (
      `t12`.`sample_probability` = 0
    ) AS BIGINT) AS `_u`
  FROM (
    SELECT
      `t11`.`requested`,
      `t11`.`env`,
      `t11`.`run`,
      `t11`.`handoff`,
      `t11`.`sample_probability`,
      `t11`.`from_kind`,
      `t11`.`to_kind`,
      `t11`.`run.human_touches`,
      `t11`.`run.outcome`,
      0 AS `_period`
    FROM (
      SELECT
        `t10`.`requested`,
        `t10`.`env`,
        `t10`.`run`,
        `t10`.`handoff`,
        `t10`.`sample_probability`,
        `t10`.`from_kind`,
        `t10`.`to_kind`,
        `t10`.`run.human_touches`,
        `t10`.`run.outcome`
      FROM (
        SELECT
          `t4`.`requested`,
          `t4`.`env`,
          `t4`.`run`,
          `t4`.`handoff`,
          `t4`.`sample_probability`,
          `t4`.`from_kind`,
          `t4`.`to_kind`,
          `t9`.`_key`,
          `t9`.`run.human_touches`,
          `t9`.`run.outcome`
        FROM (
          SELECT
            `t0`.`requested`,
            `t0`.`env`,
            `t0`.`run`,
            `t0`.`handoff`,
            `t0`.`sample_probability`,
            `t0`.`from_kind`,
            `t0`.`to_kind`
          FROM `handoffs` AS `t0`
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
            AND `t0`.`requested` >= CAST('2026-07-01T00:00:00+00:00' AS TIMESTAMP)
            AND `t0`.`requested` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
        ) AS `t4`
        LEFT OUTER JOIN (
          SELECT
            `t7`.`run` AS `_key`,
            `t7`.`human_touches` AS `run.human_touches`,
            `t7`.`outcome` AS `run.outcome`
          FROM (
            SELECT
              `t6`.`run`,
              `t6`.`start`,
              `t6`.`ingested_at`,
              `t6`.`human_touches`,
              `t6`.`outcome`
            FROM (
              SELECT
                *
              FROM (
                SELECT
                  `t3`.`run`,
                  `t3`.`start`,
                  `t3`.`ingested_at`,
                  `t3`.`human_touches`,
                  `t3`.`outcome`,
                  ROW_NUMBER() OVER (PARTITION BY `t3`.`run` ORDER BY `t3`.`start` DESC, `t3`.`ingested_at` DESC) - 1 AS `_place`
                FROM (
                  SELECT
                    `t1`.`run`,
                    `t1`.`start`,
                    `t1`.`ingested_at`,
                    `t1`.`human_touches`,
                    `t1`.`outcome`
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
