"""Oversight: models, their reviews, controls and data sets, each a state that changes over time."""

from metricstack.telemetry.contract import Table, choice, flag, instant, key, text

__all__ = ["CONTROLS", "DATASETS", "MODELS", "MODEL_REVIEWS"]

MODELS = Table(
    "models",
    about="the register of models",
    grain="one state of one model",
    event_time="recorded",
    key=("model", "recorded"),
    state_of=("model",),
    provider="the model register: model, recorded, stage, tier",
    columns=(
        key("model", "the model, with version"),
        instant("recorded", "since when this state holds"),
        text("use_case", "the use case"),
        choice("stage", "where it stands", "development", "staging", "production", "retired"),
        choice("tier", "impact tier", "low", "medium", "high"),
        instant("approved", "when it was approved; null = not"),
        text("owner", "team that owns it"),
    ),
)

MODEL_REVIEWS = Table(
    "model_reviews",
    about="responsible-AI reviews of models, before release and on schedule after",
    grain="one review of one model",
    event_time="reviewed",
    key=("model", "reviewed"),
    state_of=("model",),
    provider="the review board: model, reviewed, fairness, privacy, explainability",
    columns=(
        key("model", "the model"),
        instant("reviewed", "when"),
        text("use_case", "the use case"),
        choice("phase", "why it was reviewed", "before_release", "scheduled"),
        flag("fairness", "fair across groups"),
        flag("privacy", "privacy holds"),
        flag("explainability", "its answers can be explained"),
        flag("safety", "safety holds"),
        flag("human_oversight", "a person can step in"),
    ),
)

CONTROLS = Table(
    "controls",
    about="compliance controls: required, automated, tested",
    grain="one state of one control",
    event_time="recorded",
    key=("control", "recorded"),
    state_of=("control",),
    provider="the compliance register: control, recorded, required, automated",
    columns=(
        key("control", "the control"),
        instant("recorded", "since when this state holds"),
        choice(
            "kind",
            "what it does",
            "pii_scan",
            "access_rule",
            "lineage_capture",
            "approval_gate",
            "logging_default",
            "other",
        ),
        flag("required", "a policy requires it"),
        flag("automated", "it is enforced automatically"),
        instant("tested", "when it was last tested; null = never"),
        flag("tested_continuously", "its test runs on schedule"),
        text("owner", "team that owns it"),
    ),
)

DATASETS = Table(
    "datasets",
    about="data sets with their owner, class and lineage",
    grain="one state of one data set",
    event_time="recorded",
    key=("dataset", "recorded"),
    state_of=("dataset",),
    provider="the data catalogue: dataset, recorded, owner, lineage_recorded, class",
    columns=(
        key("dataset", "the data set"),
        instant("recorded", "since when this state holds"),
        text("owner", "team that owns it"),
        flag("lineage_recorded", "where it comes from is recorded"),
        choice("data_class", "how sensitive", "public", "internal", "confidential", "personal"),
    ),
)
