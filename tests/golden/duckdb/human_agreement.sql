-- evaluations alpha
SELECT
  "t4"."_period",
  "t4"."_unit",
  SUM("t4"."a0") AS "a0",
  SUM("t4"."a1") AS "a1",
  SUM("t4"."a2") AS "a2",
  SUM("t4"."a3") AS "a3",
  SUM(CAST("t4"."_m" >= 2 AS BIGINT)) AS "_pairs",
  COUNT(*) AS "_items",
  SUM("t4"."_n") AS "_n",
  SUM("t4"."_e") AS "_e",
  SUM("t4"."_u") AS "_u",
  SUM("t4"."_spans") AS "_spans"
FROM (
  SELECT
    "t3"."_period",
    "t3"."c0",
    "t3"."c1",
    "t3"."c2",
    "t3"."c3",
    "t3"."_m",
    "t3"."_s",
    "t3"."_q",
    "t3"."_w",
    "t3"."_low",
    "t3"."_high",
    "t3"."_own",
    "t3"."_n",
    "t3"."_e",
    "t3"."_u",
    CASE WHEN "t3"."_low" <> "t3"."_high" THEN "t3"."_own" ELSE "t3"."_low" END AS "_unit",
    CAST("t3"."_low" <> "t3"."_high" AS BIGINT) AS "_spans",
    COALESCE(
      CASE WHEN "t3"."_m" >= 2 THEN "t3"."_w" ELSE 0.0 END * CAST("t3"."_m" AS DOUBLE),
      0.0
    ) AS "a0",
    COALESCE(CASE WHEN "t3"."_m" >= 2 THEN "t3"."_w" ELSE 0.0 END * "t3"."_s", 0.0) AS "a1",
    COALESCE(CASE WHEN "t3"."_m" >= 2 THEN "t3"."_w" ELSE 0.0 END * "t3"."_q", 0.0) AS "a2",
    COALESCE(
      CASE WHEN "t3"."_m" >= 2 THEN "t3"."_w" ELSE 0.0 END * (
        (
          CAST("t3"."_m" AS DOUBLE) / NULLIF(CAST("t3"."_m" AS DOUBLE) - 1, 0)
        ) * (
          "t3"."_q" - (
            (
              "t3"."_s" * "t3"."_s"
            ) / NULLIF(CAST("t3"."_m" AS DOUBLE), 0)
          )
        )
      ),
      0.0
    ) AS "a3"
  FROM (
    SELECT
      "t2"."_period",
      "t2"."c0",
      "t2"."c1",
      "t2"."c2",
      "t2"."c3",
      COUNT("t2"."_x") AS "_m",
      SUM("t2"."_x") AS "_s",
      SUM("t2"."_x" * "t2"."_x") AS "_q",
      MIN("t2"."_w") AS "_w",
      MIN("t2"."_low") AS "_low",
      MAX("t2"."_high") AS "_high",
      MIN("t2"."_own") AS "_own",
      SUM("t2"."_n") AS "_n",
      SUM("t2"."_e") AS "_e",
      SUM("t2"."_u") AS "_u"
    FROM (
      SELECT
        "t1"."_period",
        "t1"."c0",
        "t1"."c1",
        "t1"."c2",
        "t1"."c3",
        "t1"."c4",
        AVG("t1"."x0") AS "_x",
        COUNT("t1"."x0") AS "_n",
        COUNT(*) AS "_e",
        MIN("t1"."_low") AS "_low",
        MAX("t1"."_high") AS "_high",
        MIN("t1"."_own") AS "_own",
        MIN("t1"."_w") AS "_w",
        SUM("t1"."_u") AS "_u"
      FROM (
        SELECT
          0 AS "_period",
          CAST(HASH("t0"."item") & 63 AS BIGINT) AS "_unit",
          1.0 / COALESCE(NULLIF("t0"."sample_probability", 0), 1.0) AS "_w",
          CAST((
            "t0"."sample_probability" IS NULL
          ) OR (
            "t0"."sample_probability" = 0
          ) AS BIGINT) AS "_u",
          CASE
            WHEN COALESCE("t0"."rater_kind" = 'human', FALSE)
            THEN "t0"."score"
            ELSE CAST(NULL AS DOUBLE)
          END AS "x0",
          CAST(COALESCE(LIST_CONTAINS(['human'], "t0"."rater_kind"), FALSE) AS BIGINT) AS "e0",
          "t0"."dataset" AS "c0",
          "t0"."item" AS "c1",
          "t0"."candidate" AS "c2",
          "t0"."name" AS "c3",
          "t0"."rater" AS "c4",
          CAST(HASH("t0"."item") & 63 AS BIGINT) AS "_low",
          CAST(HASH("t0"."item") & 63 AS BIGINT) AS "_high",
          CAST(HASH(
            "t0"."dataset" || '|' || "t0"."item" || '|' || "t0"."candidate" || '|' || "t0"."name"
          ) & 63 AS BIGINT) AS "_own"
        FROM "evaluations" AS "t0"
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
          AND "t0"."judged" >= MAKE_TIMESTAMPTZ(2026, 7, 1, 0, 0, 0.0, 'UTC')
          AND "t0"."judged" < MAKE_TIMESTAMPTZ(2026, 10, 1, 0, 0, 0.0, 'UTC')
          AND CAST(COALESCE(LIST_CONTAINS(['human'], "t0"."rater_kind"), FALSE) AS BIGINT) > 0
          AND "t0"."dataset" IS NOT NULL
          AND "t0"."item" IS NOT NULL
          AND "t0"."candidate" IS NOT NULL
          AND "t0"."name" IS NOT NULL
          AND "t0"."rater" IS NOT NULL
      ) AS "t1"
      GROUP BY
        1,
        2,
        3,
        4,
        5,
        6
    ) AS "t2"
    GROUP BY
      1,
      2,
      3,
      4,
      5
  ) AS "t3"
) AS "t4"
GROUP BY
  1,
  2
