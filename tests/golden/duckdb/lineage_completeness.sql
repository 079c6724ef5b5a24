-- datasets states
SELECT
  "t5"."_period",
  "t5"."_unit",
  COUNT(*) AS "_n",
  SUM("t5"."_w" * "t5"."x0") AS "s0",
  SUM("t5"."_w" * "t5"."x1") AS "s1",
  COALESCE(SUM("t5"."x1"), 0) AS "s2",
  SUM("t5"."_u") AS "_unknown"
FROM (
  SELECT
    0 AS "_period",
    CAST(HASH("t4"."dataset") & 63 AS BIGINT) AS "_unit",
    1.0 / COALESCE(NULLIF("t4"."sample_probability", 0), 1.0) AS "_w",
    CAST("t4"."lineage_recorded" AS BIGINT) AS "x0",
    CAST("t4"."lineage_recorded" IS NOT NULL AS BIGINT) AS "x1",
    CAST((
      "t4"."sample_probability" IS NULL
    ) OR (
      "t4"."sample_probability" = 0
    ) AS BIGINT) AS "_u"
  FROM (
    SELECT
      "t3".*
      EXCLUDE ("_place")
    FROM (
      SELECT
        *
      FROM (
        SELECT
          "t1"."recorded",
          "t1"."env",
          "t1"."dataset",
          "t1"."sample_probability",
          "t1"."lineage_recorded",
          "t1"."ingested_at",
          ROW_NUMBER() OVER (
            PARTITION BY "t1"."dataset"
            ORDER BY "t1"."recorded" DESC, "t1"."ingested_at" DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ) - 1 AS "_place"
        FROM (
          SELECT
            "t0"."recorded",
            "t0"."env",
            "t0"."dataset",
            "t0"."sample_probability",
            "t0"."lineage_recorded",
            "t0"."ingested_at"
          FROM "datasets" AS "t0"
          WHERE
            NOT (
              CONTAINS(COALESCE("t0"."dq_flags", ''), 'duplicate')
            )
            AND (
              (
                "t0"."env" IS NULL
              ) OR (
                "t0"."env" = 'production'
              )
            )
            AND "t0"."recorded" < MAKE_TIMESTAMPTZ(2026, 10, 1, 0, 0, 0.0, 'UTC')
        ) AS "t1"
      ) AS "t2"
      WHERE
        "t2"."_place" = 0
    ) AS "t3"
  ) AS "t4"
) AS "t5"
GROUP BY
  1,
  2
