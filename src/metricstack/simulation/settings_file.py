"""The `metricstack.toml` of the simulated company: its zone, policies and use-case cards."""

from metricstack.simulation.settings import ZONE

__all__ = ["settings_file"]

_CARDS = {
    "support_copilot": (
        "Support copilot",
        "support-ai",
        "The case is closed without a person.",
        "A statement about an order, a refund or a policy that no record supports.",
        6.0,
        0.030,
    ),
    "search_answers": (
        "Search answers",
        "discovery",
        "The shopper finds what was asked for and does not ask again.",
        "A product fact that the catalogue does not hold.",
        4.0,
        0.020,
    ),
    "document_agent": (
        "Document agent",
        "documents",
        "The document is processed and passes review unchanged.",
        "A figure or clause that is not in the document.",
        14.0,
        0.060,
    ),
    "code_assistant": (
        "Code assistant",
        "developer-tools",
        "The suggestion is kept and its tests pass.",
        "A call to something that does not exist in the repository.",
        8.0,
        0.040,
    ),
}
# Metric: owner, target, warn, breach.
_POLICIES = {
    "conversion_rate": ("growth", 0.085, 0.075, 0.065),
    "revenue_per_session": ("growth", 9.0, 7.5, 6.0),
    "task_success": ("product", 0.86, 0.83, 0.80),
    "support_cost_per_case": ("service-desk", 1.4, 1.7, 2.0),
    "retention_28d": ("growth", 0.66, 0.63, 0.60),
    "relevance": ("product", 0.80, 0.76, 0.72),
    "escalation_rate": ("service-desk", 0.04, 0.05, 0.07),
    "latency_p95": ("platform", 7.0, 9.0, 12.0),
    "availability": ("platform", 0.998, 0.996, 0.993),
    "error_rate": ("platform", 0.002, 0.004, 0.007),
    "fallback_rate": ("platform", 0.004, 0.006, 0.010),
    "cost_per_request": ("finance", 0.020, 0.024, 0.030),
    "cost_per_successful_outcome": ("finance", 0.024, 0.029, 0.036),
    "incident_rate": ("platform", 0.06, 0.10, 0.15),
    "time_to_recover": ("platform", 1.5, 3.0, 6.0),
    "data_freshness": ("data", 0.25, 0.5, 1.0),
    "integration_health": ("data", 0.97, 0.95, 0.90),
    "responsible_ai_pass_rate": ("risk", 0.95, 0.90, 0.80),
    "compliance_automation": ("risk", 0.80, 0.70, 0.60),
    "alerts_triaged": ("platform", 0.90, 0.80, 0.70),
    "unassisted_success": ("product", 0.80, 0.76, 0.70),
}


def settings_file() -> str:
    """Return the text of the company's `metricstack.toml`."""
    lines = [
        "# A simulated company; truth.json beside this file says what is true of it.",
        "[workspace]",
        'name = "Northwind (simulated)"',
        'warehouse = "data"',
        f'zone = "{ZONE}"',
        'currency = "USD"',
        "fiscal_year_start = 1",
        'environment = "production"',
        'privacy_key = { file = "privacy.key" }',
    ]
    for metric, (owner, target, warn, breach) in _POLICIES.items():
        lines += [
            "",
            f"[policies.{metric}]",
            f'owner = "{owner}"',
            f"target = {target}",
            f"warn = {warn}",
            f"breach = {breach}",
        ]
    for use_case, (title, owner, success, hallucination, latency, boundary) in _CARDS.items():
        lines += [
            "",
            f"[use_cases.{use_case}]",
            f'title = "{title}"',
            f'owner = "{owner}"',
            f'success = "{success}"',
            f'hallucination = "{hallucination}"',
            f"acceptable_latency = {latency}",
            f"cost_boundary = {boundary:.3f}",
        ]
    return "\n".join(lines) + "\n"
