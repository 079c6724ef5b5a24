-- requests pass_at
SELECT
  "t4"."_period",
  "t4"."_unit",
  SUM("t4"."_top") AS "_top",
  SUM("t4"."_below") AS "_below",
  COUNT(*) AS "_items",
  SUM(CAST("t4"."_n" >= 2 AS BIGINT)) AS "_pairs",
  SUM("t4"."_n") AS "_n",
  SUM("t4"."_e") AS "_e",
  SUM("t4"."_u") AS "_u",
  SUM("t4"."_spans") AS "_spans"
FROM (
  SELECT
    "t3"."_period",
    "t3"."c0",
    "t3"."_c",
    "t3"."_n",
    "t3"."_e",
    "t3"."_low",
    "t3"."_high",
    "t3"."_own",
    "t3"."_w",
    "t3"."_u",
    CASE WHEN "t3"."_low" <> "t3"."_high" THEN "t3"."_own" ELSE "t3"."_low" END AS "_unit",
    CAST("t3"."_low" <> "t3"."_high" AS BIGINT) AS "_spans",
    COALESCE(
      CASE WHEN "t3"."_n" >= 2 THEN "t3"."_w" ELSE 0.0 END * (
        (
          (
            (
              1.0 * GREATEST("t3"."_c" - 0.0, 0.0)
            ) / NULLIF(CAST("t3"."_n" AS DOUBLE) - 0.0, 0)
          ) * GREATEST("t3"."_c" - 1.0, 0.0)
        ) / NULLIF(CAST("t3"."_n" AS DOUBLE) - 1.0, 0)
      ),
      0.0
    ) AS "_top",
    CASE WHEN "t3"."_n" >= 2 THEN "t3"."_w" ELSE 0.0 END AS "_below"
  FROM (
    SELECT
      "t2"."_period",
      "t2"."c0",
      COALESCE(SUM("t2"."x0"), 0.0) AS "_c",
      COUNT("t2"."x0") AS "_n",
      COUNT(*) AS "_e",
      MIN("t2"."_low") AS "_low",
      MAX("t2"."_high") AS "_high",
      MIN("t2"."_own") AS "_own",
      MIN("t2"."_w") AS "_w",
      SUM("t2"."_u") AS "_u"
    FROM (
      SELECT
        "t1"."_period",
        "t1"."_unit",
        "t1"."_w",
        "t1"."_u",
        "t1"."x0",
        "t1"."c0",
        "t1"."_unit" AS "_low",
        "t1"."_unit" AS "_high",
        CAST(HASH("t1"."c0") & 63 AS BIGINT) AS "_own"
      FROM (
        SELECT
          0 AS "_period",
          CAST(HASH(COALESCE("t0"."user", "t0"."session", "t0"."run")) & 63 AS BIGINT) AS "_unit",
          1.0 / COALESCE(NULLIF("t0"."sample_probability", 0), 1.0) AS "_w",
          CAST((
            "t0"."sample_probability" IS NULL
          ) OR (
            "t0"."sample_probability" = 0
          ) AS BIGINT) AS "_u",
          CAST(CAST(CASE
            WHEN COALESCE("t0"."outcome", 'unknown') <> 'unknown'
            THEN LIST_CONTAINS(['success'], "t0"."outcome")
            ELSE CAST(NULL AS BOOLEAN)
          END AS BIGINT) AS DOUBLE) AS "x0",
          "t0"."input_hash" AS "c0"
        FROM "requests" AS "t0"
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
          AND "t0"."start" >= MAKE_TIMESTAMPTZ(2026, 7, 1, 0, 0, 0.0, 'UTC')
          AND "t0"."start" < MAKE_TIMESTAMPTZ(2026, 10, 1, 0, 0, 0.0, 'UTC')
          AND "t0"."input_hash" IS NOT NULL
      ) AS "t1"
    ) AS "t2"
    GROUP BY
      1,
      2
  ) AS "t3"
) AS "t4"
GROUP BY
  1,
  2
