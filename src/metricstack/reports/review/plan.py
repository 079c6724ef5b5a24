"""What the quarterly review shows, as data: which metric stands where, and what each part asks."""

from dataclasses import dataclass

__all__ = ["CUTS", "LAYERS", "SECTIONS", "TRENDS", "Layer", "every_metric"]


@dataclass(frozen=True, slots=True)
class Layer:
    """A group of metrics that answers one question.

    Args:
        name: Its key.
        title: How a reader calls it.
        question: What it answers.
        metrics: Metric ids, the one that matters most first.
        per_use_case: How many of them are shown again for each use case.
    """

    name: str
    title: str
    question: str
    metrics: tuple[str, ...]
    per_use_case: int = 0


LAYERS = (
    Layer(
        "kpi",
        "Business",
        "What did the business get?",
        ("conversion_rate", "revenue_per_session", "task_completion", "retention_28d", "support_cost_per_case"),
        per_use_case=3,
    ),
    Layer(
        "quality",
        "Experience",
        "Are the answers good?",
        ("relevance", "completeness", "consistency", "trust", "escalation_rate"),
        per_use_case=5,
    ),
    Layer(
        "reliability",
        "Reliability",
        "Can people count on it?",
        ("latency_p95", "availability", "error_rate", "fallback_rate"),
        per_use_case=3,
    ),
    Layer(
        "cost",
        "Cost",
        "What does an outcome cost?",
        ("cost_per_successful_outcome", "cost_per_request", "tokens_per_outcome", "cache_hit_share"),
        per_use_case=2,
    ),
)

SECTIONS = {
    layer.name: layer
    for layer in (
        Layer(
            "incidents",
            "Reliability and incidents",
            "How often did it break, and how fast was it repaired?",
            (
                "incident_rate",
                "time_to_detect",
                "time_to_diagnose",
                "time_to_fix",
                "time_to_recover",
                "sla_attainment",
            ),
        ),
        Layer(
            "usage",
            "Usage",
            "How much was it used?",
            (
                "transactions",
                "sessions",
                "engagement",
                "tokens",
                "tokens_per_request",
                "generated_tokens_mean",
                "generated_tokens_p95",
            ),
        ),
        Layer(
            "value",
            "Value and cost",
            "Is it worth what it costs?",
            (
                "roi",
                "benefits",
                "costs",
                "cost_savings",
                "work_removed",
                "throughput",
                "fragmented_systems_before",
                "fragmented_systems",
            ),
        ),
        Layer(
            "delivery",
            "Delivery",
            "How fast and how safely does it change?",
            (
                "deployment_frequency",
                "change_lead_time",
                "time_to_deploy_safe_change",
                "change_fail_rate",
                "pilot_conversion",
                "unassisted_success",
            ),
        ),
        Layer(
            "risk",
            "Risk",
            "What could go wrong, and would we see it?",
            (
                "responsible_ai_pass_rate",
                "compliance_automation",
                "controls_tested_continuously",
                "drift_check_interval",
                "alerts_triaged",
            ),
        ),
        Layer(
            "data",
            "Data trust",
            "Can these numbers be believed?",
            ("integration_health", "silent_partial_share", "trace_loss"),
        ),
    )
}

# Metrics that mean something only when cut: metric → dimension.
CUTS = {"sla_attainment": "step", "data_freshness": "stage"}

# The courses that are drawn week by week, over this quarter and the one before.
TRENDS = ("conversion_rate", "relevance", "latency_p95", "cost_per_successful_outcome")


def every_metric() -> tuple[str, ...]:
    """List the metrics of the whole review, each once, in the order of the page."""
    groups = (*LAYERS, *SECTIONS.values())
    return tuple(dict.fromkeys(metric for group in groups for metric in group.metrics))
