"""Oversight and judgement: the model register, reviews, controls, data sets, experiments, offline evaluation."""

import json
from typing import Any

import numpy as np
import pyarrow as pa

from metricstack.core.streams import stream
from metricstack.simulation.columns import register
from metricstack.simulation.company import EMBEDDING, LAST_QUARTER, MODELS, RELEASES, USE_CASES
from metricstack.simulation.demand import HOUR
from metricstack.simulation.identifiers import mix
from metricstack.simulation.past_tests import hour_window
from metricstack.simulation.runs import HOSTILE, SERVICES
from metricstack.simulation.world import World

__all__ = ["judgement", "model_name", "oversight", "production_models"]

_DAY = 24 * HOUR
_CLASSIFIERS = (
    ("intent-router-3", 0, "medium"),
    ("toxicity-filter-2", 0, "high"),
    ("query-rewriter-1", 1, "low"),
    ("reranker-4", 1, "medium"),
    ("layout-parser-2", 2, "medium"),
    ("license-detector-1", 3, "low"),
)
_TIERS = ("medium", "medium", "high", "high", "high", "medium", "medium")
_CONTROL_KINDS = ("pii_scan", "access_rule", "lineage_capture", "approval_gate", "logging_default")
_DATASETS = (
    ("orders", "data", "confidential"),
    ("catalog", "shop", "public"),
    ("tickets", "support-ai", "personal"),
    ("contracts", "documents", "confidential"),
    ("customers", "data", "personal"),
    ("search_index", "discovery", "internal"),
    ("code_graph", "developer-tools", "internal"),
    ("feedback", "data", "internal"),
    ("support_evaluation", "support-ai", "internal"),
    ("search_evaluation", "discovery", "internal"),
    ("documents_evaluation", "documents", "confidential"),
    ("prompts", "platform", "internal"),
)

Row = dict[str, Any]


def model_name(world: World, position: int) -> str:
    """Return the name of a model in this company's registers."""
    return HOSTILE if world.settings.dirt.hostile and position == 5 else MODELS[position].name


def production_models(world: World) -> list[tuple[str, int, str, int, int]]:
    """List the models in production: name, use case, impact tier, since when, until when (microseconds)."""
    end = world.demand.end
    found = []
    for position, _ in enumerate(MODELS):
        uses = [release for release in RELEASES if release.model == position]
        since = min(uses, key=lambda release: release.since)
        following = [
            [
                later.since
                for later in RELEASES
                if (later.use_case, later.tier) == (use.use_case, use.tier) and later.since > use.since
            ]
            for use in uses
        ]
        until = max(min(after) if after else 1.0 for after in following)
        begin = int(world.demand.start[0]) if since.since == 0 else world.instant(since.since)
        found.append(
            (
                model_name(world, position),
                since.use_case,
                _TIERS[position],
                begin,
                end if until == 1.0 else world.instant(until),
            )
        )
    begin = int(world.demand.start[0])
    found.append((EMBEDDING.name, 1, "low", begin, end))
    found += [(name, use_case, tier, begin, end) for name, use_case, tier in _CLASSIFIERS]
    return found


def oversight(world: World) -> dict[str, pa.Table]:
    """Make the register of models, their reviews, the controls and the data sets."""
    rng, demand = stream(world.settings.seed, "oversight"), world.demand
    models: list[Row] = []
    reviews: list[Row] = []
    owners = ("support-ai", "discovery", "documents", "developer-tools")
    for name, use_case, tier, since, until in production_models(world):
        approved = since - 4 * _DAY if rng.random() < 0.93 else None
        card = {"model": name, "use_case": USE_CASES[use_case], "tier": tier, "owner": owners[use_case]}
        stages = [
            ("development", since - 60 * _DAY, None),
            ("staging", since - 20 * _DAY, None),
            ("production", since, approved),
        ]
        if until < demand.end:
            stages.append(("retired", until + _DAY, approved))
        models += [
            card | {"stage": stage, "recorded": at, "approved": ok} for stage, at, ok in stages if at < demand.end
        ]
        at, phase = since - 8 * _DAY, "before_release"
        while at < min(until, demand.end):
            late = at >= world.instant(LAST_QUARTER)
            missed = (0.06, 0.03, 0.07, 0.05, 0.04) if not late else (0.03, 0.02, 0.04, 0.03, 0.02)
            passed = rng.random(5) > missed
            reviews.append(
                {"model": name, "reviewed": at, "use_case": USE_CASES[use_case], "phase": phase}
                | {
                    check: bool(ok)
                    for check, ok in zip(
                        ("fairness", "privacy", "explainability", "safety", "human_oversight"), passed, strict=True
                    )
                }
            )
            at, phase = at + int(rng.uniform(80, 105)) * _DAY, "scheduled"
    controls: list[Row] = []
    for number in range(25):
        kind = _CONTROL_KINDS[number % 5] if number < 22 else "other"
        automated_from = float(rng.random()) * 1.6 - 0.6
        continuous_from = automated_from + 0.15
        for quarter in range(max(1, round(demand.days / 91))):
            at = demand.midnight(quarter * 91)
            fraction = quarter * 91 / demand.days
            tested = rng.random() < 0.85
            controls.append(
                {
                    "control": f"{kind}-{number + 1:02d}",
                    "recorded": at,
                    "kind": kind,
                    "required": number % 12 != 11,
                    "automated": fraction >= automated_from,
                    "tested": at - int(rng.uniform(1, 60)) * _DAY if tested else None,
                    "tested_continuously": fraction >= continuous_from,
                    "owner": ("security", "data", "platform")[number % 3],
                }
            )
    datasets = [
        {"dataset": name, "recorded": at, "owner": owner, "lineage_recorded": lineage, "data_class": data_class}
        for number, (name, owner, data_class) in enumerate(_DATASETS)
        for at, lineage in (
            (demand.midnight(0) - 90 * _DAY, number % 3 != 1),
            (demand.midnight(demand.days // 2), number % 4 != 1),
        )
    ]
    return {
        "models": register("models", models, source="model-register"),
        "model_reviews": register("model_reviews", reviews, source="review-board"),
        "controls": register("controls", controls, source="compliance-register"),
        "datasets": register("datasets", datasets, source="data-catalogue"),
    }


def judgement(world: World) -> dict[str, pa.Table]:
    """Make the declarations of the experiments and the offline evaluation sets."""
    demand = world.demand
    declared = []
    for test in world.tests:
        start, end = hour_window(demand, test)
        declared.append(
            {
                "experiment": test.name,
                "registered_at": start - 3 * _DAY,
                "start": start,
                "end": end if end < demand.end else None,
                "hypothesis": f"A change of the {test.lever} improves {test.primary} of {USE_CASES[test.use_case]}.",
                "use_case": USE_CASES[test.use_case],
                "unit": "user",
                "arms": json.dumps(["control", "treatment"]),
                "allocation": json.dumps([0.5, 0.5]),
                "primary_metric": test.primary,
                "guardrails": test.guardrails_json,
                "smallest_effect": test.smallest_effect,
                "design": test.design,
                "alpha": 0.05,
                "planned_n": float(test.planned_n),
                "owner": test.owner,
                "flag_version": "1",
                "model_version": "",
                "lever": test.lever,
                "service": SERVICES[test.use_case],
            }
        )
    return {
        "experiments": register("experiments", declared, source="flags"),
        "evaluations": register("evaluations", _evaluations(world), source="evaluation-harness", service="evaluation"),
    }


def _evaluations(world: World) -> list[Row]:
    """Judge items of each use case offline: two candidates, a judge model and, for some items, one person or two."""
    rng = stream(world.settings.seed, "evaluations")
    rows: list[Row] = []
    for use_case, name in enumerate(USE_CASES):
        candidates = [model_name(world, position) for position in ((1, 4), (1, 3), (6, 3), (6, 3))[use_case]]
        item_numbers = np.arange(120, dtype=np.uint64) + np.uint64(1000 * use_case)
        items = [f"{value:016x}" for value in mix(item_numbers, world.settings.seed * 65536 + 30).tolist()]
        hardness = rng.beta(2, 3, 120)
        for number, item in enumerate(items):
            at = world.instant(0.78) + (number % 10) * _DAY // 4 + use_case * HOUR
            # Five items are in the training set too: a leak that an audit should find.
            splits = ("evaluation", "train") if number < 5 else ("train",) if number >= 90 else ("evaluation",)
            for position, candidate in enumerate(candidates):
                truth = 0.9 - (0.42, 0.34)[position] * hardness[number] + 0.05 * float(rng.standard_normal())
                experts = ("expert-panel", "team-lead") if number % 6 == 0 else ("expert-panel",)
                for rater in ("judge-1", *experts) if number % 3 == 0 else ("judge-1",):
                    score = min(1.0, max(0.0, truth + 0.06 * float(rng.standard_normal())))
                    rows += [
                        {
                            "dataset": f"{name}-{split}",
                            "split": split,
                            "item": item,
                            "candidate": candidate,
                            "rater": rater,
                            "rater_kind": "llm_judge" if rater == "judge-1" else "human",
                            "use_case": name,
                            "name": "relevance",
                            "judged": at,
                            "score": round(score, 3),
                        }
                        for split in splits
                    ]
    return rows
