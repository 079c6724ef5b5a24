-- requests states
SELECT
  `t2`.`_period`,
  `t2`.`_unit`,
  COUNT(*) AS `_n`,
  SUM(`t2`.`_w` * `t2`.`x0`) AS `s0`,
  COUNT(`t2`.`x0`) AS `s1`,
  SUM(`t2`.`_w` * `t2`.`x1`) AS `s3`,
  COUNT(`t2`.`x1`) AS `s4`,
  SUM(`t2`.`_u`) AS `_unknown`
FROM (
  SELECT
    `t1`.`_period`,
    XXHASH64(COALESCE(`t1`.`user`, `t1`.`session`, `t1`.`run`)) & 63 AS `_unit`,
    1.0 / COALESCE(NULLIF(`t1`.`sample_probability`, 0), 1.0) AS `_w`,
    IF(
      IF(
        (
          `t1`.`outcome` IS NOT NULL
        ) OR (
          `t1`.`error_type` IS NOT NULL
        ),
        IF(
          `t1`.`error_type` IS NOT NULL,
          FALSE,
          COALESCE(
            `t1`.`latency`,
            (
              UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`end` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`start` AS TIMESTAMP)) AS TIMESTAMP))
            ) + (
              (
                PMOD(UNIX_MICROS(CAST(`t1`.`end` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t1`.`start` AS TIMESTAMP)), 1000000)
              ) / 1000000.0
            )
          ) <= 60.0
        ),
        CAST(NULL AS BOOLEAN)
      ) IS NOT NULL,
      IF(
        SUM(
          IF(
            COALESCE(
              IF(
                (
                  `t1`.`outcome` IS NOT NULL
                ) OR (
                  `t1`.`error_type` IS NOT NULL
                ),
                IF(
                  `t1`.`error_type` IS NOT NULL,
                  FALSE,
                  COALESCE(
                    `t1`.`latency`,
                    (
                      UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`end` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`start` AS TIMESTAMP)) AS TIMESTAMP))
                    ) + (
                      (
                        PMOD(UNIX_MICROS(CAST(`t1`.`end` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t1`.`start` AS TIMESTAMP)), 1000000)
                      ) / 1000000.0
                    )
                  ) <= 60.0
                ),
                CAST(NULL AS BOOLEAN)
              ),
              FALSE
            ),
            1.0 / COALESCE(NULLIF(`t1`.`sample_probability`, 0), 1.0),
            0.0
          )
        ) OVER (
          PARTITION BY CAST(FLOOR(UNIX_TIMESTAMP(CAST(CAST(`t1`.`start` AS TIMESTAMP) AS TIMESTAMP)) / 60) AS BIGINT), IF(
            (
              `t1`.`outcome` IS NOT NULL
            ) OR (
              `t1`.`error_type` IS NOT NULL
            ),
            IF(
              `t1`.`error_type` IS NOT NULL,
              FALSE,
              COALESCE(
                `t1`.`latency`,
                (
                  UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`end` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`start` AS TIMESTAMP)) AS TIMESTAMP))
                ) + (
                  (
                    PMOD(UNIX_MICROS(CAST(`t1`.`end` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t1`.`start` AS TIMESTAMP)), 1000000)
                  ) / 1000000.0
                )
              ) <= 60.0
            ),
            CAST(NULL AS BOOLEAN)
          ) IS NOT NULL, `t1`.`_period`
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) >= (
          SUM(1.0 / COALESCE(NULLIF(`t1`.`sample_probability`, 0), 1.0)) OVER (
            PARTITION BY CAST(FLOOR(UNIX_TIMESTAMP(CAST(CAST(`t1`.`start` AS TIMESTAMP) AS TIMESTAMP)) / 60) AS BIGINT), IF(
              (
                `t1`.`outcome` IS NOT NULL
              ) OR (
                `t1`.`error_type` IS NOT NULL
              ),
              IF(
                `t1`.`error_type` IS NOT NULL,
                FALSE,
                COALESCE(
                  `t1`.`latency`,
                  (
                    UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`end` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`start` AS TIMESTAMP)) AS TIMESTAMP))
                  ) + (
                    (
                      PMOD(UNIX_MICROS(CAST(`t1`.`end` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t1`.`start` AS TIMESTAMP)), 1000000)
                    ) / 1000000.0
                  )
                ) <= 60.0
              ),
              CAST(NULL AS BOOLEAN)
            ) IS NOT NULL, `t1`.`_period`
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ) * 0.95 * 0.999999999999
        ),
        1.0 / SUM(1.0 / COALESCE(NULLIF(`t1`.`sample_probability`, 0), 1.0)) OVER (
          PARTITION BY CAST(FLOOR(UNIX_TIMESTAMP(CAST(CAST(`t1`.`start` AS TIMESTAMP) AS TIMESTAMP)) / 60) AS BIGINT), IF(
            (
              `t1`.`outcome` IS NOT NULL
            ) OR (
              `t1`.`error_type` IS NOT NULL
            ),
            IF(
              `t1`.`error_type` IS NOT NULL,
              FALSE,
              COALESCE(
                `t1`.`latency`,
                (
                  UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`end` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`start` AS TIMESTAMP)) AS TIMESTAMP))
                ) + (
                  (
                    PMOD(UNIX_MICROS(CAST(`t1`.`end` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t1`.`start` AS TIMESTAMP)), 1000000)
                  ) / 1000000.0
                )
              ) <= 60.0
            ),
            CAST(NULL AS BOOLEAN)
          ) IS NOT NULL, `t1`.`_period`
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ),
        0.0
      ),
      CAST(NULL AS DOUBLE)
    ) AS `x0`,
    IF(
      IF(
        (
          `t1`.`outcome` IS NOT NULL
        ) OR (
          `t1`.`error_type` IS NOT NULL
        ),
        IF(
          `t1`.`error_type` IS NOT NULL,
          FALSE,
          COALESCE(
            `t1`.`latency`,
            (
              UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`end` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`start` AS TIMESTAMP)) AS TIMESTAMP))
            ) + (
              (
                PMOD(UNIX_MICROS(CAST(`t1`.`end` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t1`.`start` AS TIMESTAMP)), 1000000)
              ) / 1000000.0
            )
          ) <= 60.0
        ),
        CAST(NULL AS BOOLEAN)
      ) IS NOT NULL,
      1.0 / SUM(1.0 / COALESCE(NULLIF(`t1`.`sample_probability`, 0), 1.0)) OVER (
        PARTITION BY CAST(FLOOR(UNIX_TIMESTAMP(CAST(CAST(`t1`.`start` AS TIMESTAMP) AS TIMESTAMP)) / 60) AS BIGINT), IF(
          (
            `t1`.`outcome` IS NOT NULL
          ) OR (
            `t1`.`error_type` IS NOT NULL
          ),
          IF(
            `t1`.`error_type` IS NOT NULL,
            FALSE,
            COALESCE(
              `t1`.`latency`,
              (
                UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`end` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`start` AS TIMESTAMP)) AS TIMESTAMP))
              ) + (
                (
                  PMOD(UNIX_MICROS(CAST(`t1`.`end` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t1`.`start` AS TIMESTAMP)), 1000000)
                ) / 1000000.0
              )
            ) <= 60.0
          ),
          CAST(NULL AS BOOLEAN)
        ) IS NOT NULL, `t1`.`_period`
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
      ),
      CAST(NULL AS DOUBLE)
    ) AS `x1`,
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
      `t0`.`outcome`,
      `t0`.`error_type`,
      `t0`.`latency`,
      `t0`.`end`,
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

-- requests sampling
SELECT
  `t4`.`_period`,
  SUM(
    (
      (
        1.0 - `t4`.`_p`
      ) / (
        `t4`.`_p` * `t4`.`_p`
      )
    ) * `t4`.`x0` * `t4`.`x0`
  ) AS `v_0_0`,
  SUM(
    (
      (
        1.0 - `t4`.`_p`
      ) / (
        `t4`.`_p` * `t4`.`_p`
      )
    ) * `t4`.`x0` * `t4`.`x1`
  ) AS `v_0_1`,
  SUM(
    (
      (
        1.0 - `t4`.`_p`
      ) / (
        `t4`.`_p` * `t4`.`_p`
      )
    ) * `t4`.`x1` * `t4`.`x1`
  ) AS `v_1_1`
FROM (
  SELECT
    `t3`.`_period`,
    `t3`.`_kept`,
    MIN(`t3`.`_p`) AS `_p`,
    COALESCE(SUM(`t3`.`x0`), 0) AS `x0`,
    COALESCE(SUM(`t3`.`x1`), 0) AS `x1`
  FROM (
    SELECT
      *
    FROM (
      SELECT
        `t1`.`_period`,
        `t1`.`run` AS `_kept`,
        1.0 / (
          1.0 / COALESCE(NULLIF(`t1`.`sample_probability`, 0), 1.0)
        ) AS `_p`,
        IF(
          IF(
            (
              `t1`.`outcome` IS NOT NULL
            ) OR (
              `t1`.`error_type` IS NOT NULL
            ),
            IF(
              `t1`.`error_type` IS NOT NULL,
              FALSE,
              COALESCE(
                `t1`.`latency`,
                (
                  UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`end` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`start` AS TIMESTAMP)) AS TIMESTAMP))
                ) + (
                  (
                    PMOD(UNIX_MICROS(CAST(`t1`.`end` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t1`.`start` AS TIMESTAMP)), 1000000)
                  ) / 1000000.0
                )
              ) <= 60.0
            ),
            CAST(NULL AS BOOLEAN)
          ) IS NOT NULL,
          IF(
            SUM(
              IF(
                COALESCE(
                  IF(
                    (
                      `t1`.`outcome` IS NOT NULL
                    ) OR (
                      `t1`.`error_type` IS NOT NULL
                    ),
                    IF(
                      `t1`.`error_type` IS NOT NULL,
                      FALSE,
                      COALESCE(
                        `t1`.`latency`,
                        (
                          UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`end` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`start` AS TIMESTAMP)) AS TIMESTAMP))
                        ) + (
                          (
                            PMOD(UNIX_MICROS(CAST(`t1`.`end` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t1`.`start` AS TIMESTAMP)), 1000000)
                          ) / 1000000.0
                        )
                      ) <= 60.0
                    ),
                    CAST(NULL AS BOOLEAN)
                  ),
                  FALSE
                ),
                1.0 / COALESCE(NULLIF(`t1`.`sample_probability`, 0), 1.0),
                0.0
              )
            ) OVER (
              PARTITION BY CAST(FLOOR(UNIX_TIMESTAMP(CAST(CAST(`t1`.`start` AS TIMESTAMP) AS TIMESTAMP)) / 60) AS BIGINT), IF(
                (
                  `t1`.`outcome` IS NOT NULL
                ) OR (
                  `t1`.`error_type` IS NOT NULL
                ),
                IF(
                  `t1`.`error_type` IS NOT NULL,
                  FALSE,
                  COALESCE(
                    `t1`.`latency`,
                    (
                      UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`end` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`start` AS TIMESTAMP)) AS TIMESTAMP))
                    ) + (
                      (
                        PMOD(UNIX_MICROS(CAST(`t1`.`end` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t1`.`start` AS TIMESTAMP)), 1000000)
                      ) / 1000000.0
                    )
                  ) <= 60.0
                ),
                CAST(NULL AS BOOLEAN)
              ) IS NOT NULL, `t1`.`_period`
              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) >= (
              SUM(1.0 / COALESCE(NULLIF(`t1`.`sample_probability`, 0), 1.0)) OVER (
                PARTITION BY CAST(FLOOR(UNIX_TIMESTAMP(CAST(CAST(`t1`.`start` AS TIMESTAMP) AS TIMESTAMP)) / 60) AS BIGINT), IF(
                  (
                    `t1`.`outcome` IS NOT NULL
                  ) OR (
                    `t1`.`error_type` IS NOT NULL
                  ),
                  IF(
                    `t1`.`error_type` IS NOT NULL,
                    FALSE,
                    COALESCE(
                      `t1`.`latency`,
                      (
                        UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`end` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`start` AS TIMESTAMP)) AS TIMESTAMP))
                      ) + (
                        (
                          PMOD(UNIX_MICROS(CAST(`t1`.`end` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t1`.`start` AS TIMESTAMP)), 1000000)
                        ) / 1000000.0
                      )
                    ) <= 60.0
                  ),
                  CAST(NULL AS BOOLEAN)
                ) IS NOT NULL, `t1`.`_period`
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
              ) * 0.95 * 0.999999999999
            ),
            1.0 / SUM(1.0 / COALESCE(NULLIF(`t1`.`sample_probability`, 0), 1.0)) OVER (
              PARTITION BY CAST(FLOOR(UNIX_TIMESTAMP(CAST(CAST(`t1`.`start` AS TIMESTAMP) AS TIMESTAMP)) / 60) AS BIGINT), IF(
                (
                  `t1`.`outcome` IS NOT NULL
                ) OR (
                  `t1`.`error_type` IS NOT NULL
                ),
                IF(
                  `t1`.`error_type` IS NOT NULL,
                  FALSE,
                  COALESCE(
                    `t1`.`latency`,
                    (
                      UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`end` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`start` AS TIMESTAMP)) AS TIMESTAMP))
                    ) + (
                      (
                        PMOD(UNIX_MICROS(CAST(`t1`.`end` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t1`.`start` AS TIMESTAMP)), 1000000)
                      ) / 1000000.0
                    )
                  ) <= 60.0
                ),
                CAST(NULL AS BOOLEAN)
              ) IS NOT NULL, `t1`.`_period`
              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ),
            0.0
          ),
          CAST(NULL AS DOUBLE)
        ) AS `x0`,
        IF(
          IF(
            (
              `t1`.`outcome` IS NOT NULL
            ) OR (
              `t1`.`error_type` IS NOT NULL
            ),
            IF(
              `t1`.`error_type` IS NOT NULL,
              FALSE,
              COALESCE(
                `t1`.`latency`,
                (
                  UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`end` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`start` AS TIMESTAMP)) AS TIMESTAMP))
                ) + (
                  (
                    PMOD(UNIX_MICROS(CAST(`t1`.`end` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t1`.`start` AS TIMESTAMP)), 1000000)
                  ) / 1000000.0
                )
              ) <= 60.0
            ),
            CAST(NULL AS BOOLEAN)
          ) IS NOT NULL,
          1.0 / SUM(1.0 / COALESCE(NULLIF(`t1`.`sample_probability`, 0), 1.0)) OVER (
            PARTITION BY CAST(FLOOR(UNIX_TIMESTAMP(CAST(CAST(`t1`.`start` AS TIMESTAMP) AS TIMESTAMP)) / 60) AS BIGINT), IF(
              (
                `t1`.`outcome` IS NOT NULL
              ) OR (
                `t1`.`error_type` IS NOT NULL
              ),
              IF(
                `t1`.`error_type` IS NOT NULL,
                FALSE,
                COALESCE(
                  `t1`.`latency`,
                  (
                    UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`end` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t1`.`start` AS TIMESTAMP)) AS TIMESTAMP))
                  ) + (
                    (
                      PMOD(UNIX_MICROS(CAST(`t1`.`end` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t1`.`start` AS TIMESTAMP)), 1000000)
                    ) / 1000000.0
                  )
                ) <= 60.0
              ),
              CAST(NULL AS BOOLEAN)
            ) IS NOT NULL, `t1`.`_period`
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ),
          CAST(NULL AS DOUBLE)
        ) AS `x1`
      FROM (
        SELECT
          `t0`.`start`,
          `t0`.`env`,
          `t0`.`run`,
          `t0`.`sample_probability`,
          `t0`.`outcome`,
          `t0`.`error_type`,
          `t0`.`latency`,
          `t0`.`end`,
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
    WHERE
      `t2`.`_p` < 1.0
  ) AS `t3`
  GROUP BY
    1,
    2
) AS `t4`
GROUP BY
  1
