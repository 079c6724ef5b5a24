-- pipeline_runs histogram
SELECT
  `t1`.`_period`,
  `t1`.`_unit`,
  `t1`.`_bin`,
  SUM(`t1`.`_weight`) AS `_w`,
  COUNT(*) AS `_n`,
  SUM(`t1`.`_eligible`) AS `_e`,
  SUM(`t1`.`_u`) AS `_unknown`
FROM (
  SELECT
    0 AS `_period`,
    XXHASH64(`t0`.`feed`) & 63 AS `_unit`,
    IF(
      IF(
        COALESCE(`t0`.`stage` = 'source_to_pipeline', FALSE),
        IF(
          (
            (
              UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`finished` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
                CAST(DATE_TRUNC('second', CAST(`t0`.`max_event_time` AS TIMESTAMP)) AS TIMESTAMP)
              )
            ) + (
              (
                PMOD(UNIX_MICROS(CAST(`t0`.`finished` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`max_event_time` AS TIMESTAMP)), 1000000)
              ) / 1000000.0
            )
          ) >= 0,
          (
            UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`finished` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
              CAST(DATE_TRUNC('second', CAST(`t0`.`max_event_time` AS TIMESTAMP)) AS TIMESTAMP)
            )
          ) + (
            (
              PMOD(UNIX_MICROS(CAST(`t0`.`finished` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`max_event_time` AS TIMESTAMP)), 1000000)
            ) / 1000000.0
          ),
          CAST(NULL AS DOUBLE)
        ),
        CAST(NULL AS DOUBLE)
      ) IS NULL
      OR ISNAN(
        IF(
          COALESCE(`t0`.`stage` = 'source_to_pipeline', FALSE),
          IF(
            (
              (
                UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`finished` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
                  CAST(DATE_TRUNC('second', CAST(`t0`.`max_event_time` AS TIMESTAMP)) AS TIMESTAMP)
                )
              ) + (
                (
                  PMOD(UNIX_MICROS(CAST(`t0`.`finished` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`max_event_time` AS TIMESTAMP)), 1000000)
                ) / 1000000.0
              )
            ) >= 0,
            (
              UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`finished` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
                CAST(DATE_TRUNC('second', CAST(`t0`.`max_event_time` AS TIMESTAMP)) AS TIMESTAMP)
              )
            ) + (
              (
                PMOD(UNIX_MICROS(CAST(`t0`.`finished` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`max_event_time` AS TIMESTAMP)), 1000000)
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
          COALESCE(`t0`.`stage` = 'source_to_pipeline', FALSE),
          IF(
            (
              (
                UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`finished` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
                  CAST(DATE_TRUNC('second', CAST(`t0`.`max_event_time` AS TIMESTAMP)) AS TIMESTAMP)
                )
              ) + (
                (
                  PMOD(UNIX_MICROS(CAST(`t0`.`finished` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`max_event_time` AS TIMESTAMP)), 1000000)
                ) / 1000000.0
              )
            ) >= 0,
            (
              UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`finished` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
                CAST(DATE_TRUNC('second', CAST(`t0`.`max_event_time` AS TIMESTAMP)) AS TIMESTAMP)
              )
            ) + (
              (
                PMOD(UNIX_MICROS(CAST(`t0`.`finished` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`max_event_time` AS TIMESTAMP)), 1000000)
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
                COALESCE(`t0`.`stage` = 'source_to_pipeline', FALSE),
                IF(
                  (
                    (
                      UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`finished` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
                        CAST(DATE_TRUNC('second', CAST(`t0`.`max_event_time` AS TIMESTAMP)) AS TIMESTAMP)
                      )
                    ) + (
                      (
                        PMOD(UNIX_MICROS(CAST(`t0`.`finished` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`max_event_time` AS TIMESTAMP)), 1000000)
                      ) / 1000000.0
                    )
                  ) >= 0,
                  (
                    UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`finished` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
                      CAST(DATE_TRUNC('second', CAST(`t0`.`max_event_time` AS TIMESTAMP)) AS TIMESTAMP)
                    )
                  ) + (
                    (
                      PMOD(UNIX_MICROS(CAST(`t0`.`finished` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`max_event_time` AS TIMESTAMP)), 1000000)
                    ) / 1000000.0
                  ),
                  CAST(NULL AS DOUBLE)
                ),
                CAST(NULL AS DOUBLE)
              ) > 0,
              IF(
                COALESCE(`t0`.`stage` = 'source_to_pipeline', FALSE),
                IF(
                  (
                    (
                      UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`finished` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
                        CAST(DATE_TRUNC('second', CAST(`t0`.`max_event_time` AS TIMESTAMP)) AS TIMESTAMP)
                      )
                    ) + (
                      (
                        PMOD(UNIX_MICROS(CAST(`t0`.`finished` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`max_event_time` AS TIMESTAMP)), 1000000)
                      ) / 1000000.0
                    )
                  ) >= 0,
                  (
                    UNIX_TIMESTAMP(CAST(DATE_TRUNC('second', CAST(`t0`.`finished` AS TIMESTAMP)) AS TIMESTAMP)) - UNIX_TIMESTAMP(
                      CAST(DATE_TRUNC('second', CAST(`t0`.`max_event_time` AS TIMESTAMP)) AS TIMESTAMP)
                    )
                  ) + (
                    (
                      PMOD(UNIX_MICROS(CAST(`t0`.`finished` AS TIMESTAMP)), 1000000) - PMOD(UNIX_MICROS(CAST(`t0`.`max_event_time` AS TIMESTAMP)), 1000000)
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
    CAST(`t0`.`sample_probability` IS NULL
    OR ISNAN(`t0`.`sample_probability`)
    OR (
      `t0`.`sample_probability` = 0
    ) AS BIGINT) AS `_u`,
    CAST(COALESCE(`t0`.`stage` = 'source_to_pipeline', FALSE) AS BIGINT) AS `_eligible`,
    1.0 / COALESCE(NULLIF(`t0`.`sample_probability`, 0), 1.0) AS `_weight`
  FROM `pipeline_runs` AS `t0`
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
    AND `t0`.`finished` >= CAST('2026-07-01T00:00:00+00:00' AS TIMESTAMP)
    AND `t0`.`finished` < CAST('2026-10-01T00:00:00+00:00' AS TIMESTAMP)
) AS `t1`
GROUP BY
  1,
  2,
  3
