-- evaluations kappa
SELECT
  "t6"."_period",
  "t6"."_unit",
  SUM(
    COALESCE(
      CASE WHEN (
        "t6"."_a" = 0
      ) AND (
        "t6"."_b" = 0
      ) THEN "t6"."_w" ELSE 0.0 END,
      0.0
    )
  ) AS "c00",
  SUM(
    COALESCE(
      CASE WHEN (
        "t6"."_a" = 0
      ) AND (
        "t6"."_b" = 1
      ) THEN "t6"."_w" ELSE 0.0 END,
      0.0
    )
  ) AS "c01",
  SUM(
    COALESCE(
      CASE WHEN (
        "t6"."_a" = 1
      ) AND (
        "t6"."_b" = 0
      ) THEN "t6"."_w" ELSE 0.0 END,
      0.0
    )
  ) AS "c10",
  SUM(
    COALESCE(
      CASE WHEN (
        "t6"."_a" = 1
      ) AND (
        "t6"."_b" = 1
      ) THEN "t6"."_w" ELSE 0.0 END,
      0.0
    )
  ) AS "c11",
  SUM(CAST((
    "t6"."_a" IS NOT NULL
  ) AND (
    "t6"."_b" IS NOT NULL
  ) AS BIGINT)) AS "_pairs",
  COUNT(*) AS "_items",
  SUM("t6"."_n") AS "_n",
  SUM("t6"."_e") AS "_e",
  SUM("t6"."_u") AS "_u",
  SUM("t6"."_spans") AS "_spans",
  SUM("t6"."_others") AS "_others",
  SUM("t6"."_second") AS "_second"
FROM (
  SELECT
    "t5"."_period",
    "t5"."c0",
    "t5"."c1",
    "t5"."c2",
    "t5"."c3",
    "t5"."_a",
    "t5"."_b",
    "t5"."_w",
    "t5"."_low",
    "t5"."_high",
    "t5"."_own",
    "t5"."_n",
    "t5"."_e",
    "t5"."_u",
    "t5"."_others",
    "t5"."_second",
    CASE WHEN "t5"."_low" <> "t5"."_high" THEN "t5"."_own" ELSE "t5"."_low" END AS "_unit",
    CAST("t5"."_low" <> "t5"."_high" AS BIGINT) AS "_spans"
  FROM (
    SELECT
      "t4"."_period",
      "t4"."c0",
      "t4"."c1",
      "t4"."c2",
      "t4"."c3",
      MAX("t4"."_vote") FILTER(WHERE
        "t4"."_judge" = "t4"."_first") AS "_a",
      MAX("t4"."_vote") FILTER(WHERE
        (
          "t4"."_judge" = "t4"."_last"
        ) AND NOT (
          "t4"."_judge" = "t4"."_first"
        )) AS "_b",
      MIN("t4"."_w") AS "_w",
      MIN("t4"."_low") AS "_low",
      MAX("t4"."_high") AS "_high",
      MIN("t4"."_own") AS "_own",
      SUM("t4"."_n") AS "_n",
      SUM("t4"."_e") AS "_e",
      SUM("t4"."_u") AS "_u",
      SUM(
        CAST(COALESCE(
          NOT (
            "t4"."_judge" = "t4"."_first"
          )
          AND NOT (
            "t4"."_judge" = "t4"."_last"
          ),
          FALSE
        ) AS BIGINT)
      ) AS "_others",
      SUM(
        CAST(COALESCE(
          (
            "t4"."_judge" = "t4"."_last"
          ) AND NOT (
            "t4"."_judge" = "t4"."_first"
          ),
          FALSE
        ) AS BIGINT)
      ) AS "_second"
    FROM (
      SELECT
        "t3"."_period",
        "t3"."c0",
        "t3"."c1",
        "t3"."c2",
        "t3"."c3",
        "t3"."c4",
        "t3"."_yes",
        "t3"."_n",
        "t3"."_e",
        "t3"."_low",
        "t3"."_high",
        "t3"."_own",
        "t3"."_w",
        "t3"."_u",
        "t3"."_vote",
        "t3"."_judge",
        MIN("t3"."_judge") OVER (
          PARTITION BY "t3"."_period"
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS "_first",
        MAX("t3"."_judge") OVER (
          PARTITION BY "t3"."_period"
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS "_last"
      FROM (
        SELECT
          "t2"."_period",
          "t2"."c0",
          "t2"."c1",
          "t2"."c2",
          "t2"."c3",
          "t2"."c4",
          "t2"."_yes",
          "t2"."_n",
          "t2"."_e",
          "t2"."_low",
          "t2"."_high",
          "t2"."_own",
          "t2"."_w",
          "t2"."_u",
          CASE
            WHEN (
              "t2"."_yes" * 2
            ) > "t2"."_n"
            THEN 1
            ELSE CASE WHEN (
              "t2"."_yes" * 2
            ) < "t2"."_n" THEN 0 ELSE CAST(NULL AS TINYINT) END
          END AS "_vote",
          CASE WHEN "t2"."_n" > 0 THEN "t2"."c4" ELSE CAST(NULL AS TEXT) END AS "_judge"
        FROM (
          SELECT
            "t1"."_period",
            "t1"."c0",
            "t1"."c1",
            "t1"."c2",
            "t1"."c3",
            "t1"."c4",
            SUM("t1"."x0") AS "_yes",
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
              CAST(CASE
                WHEN COALESCE("t0"."rater_kind" = 'human', FALSE)
                THEN CAST("t0"."score" >= 0.75 AS BIGINT)
                ELSE CAST(NULL AS BIGINT)
              END AS DOUBLE) AS "x0",
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
      ) AS "t3"
    ) AS "t4"
    GROUP BY
      1,
      2,
      3,
      4,
      5
  ) AS "t5"
) AS "t6"
GROUP BY
  1,
  2
