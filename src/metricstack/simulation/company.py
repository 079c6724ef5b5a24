"""Who works at the simulated company: its use cases, places, models and prompts, by name and number.

Every vocabulary is a tuple; a table of traffic stores positions in it. Points in time are
fractions of the period, so that a company of one week lives through the same story as one of
five quarters. All names are invented.
"""

from dataclasses import dataclass

__all__ = [
    "CAPABLE",
    "CHANNELS",
    "EMBEDDING",
    "LAST_QUARTER",
    "LIGHT",
    "MODELS",
    "PROMPTS",
    "REGIONS",
    "RELEASES",
    "SEGMENTS",
    "TASKS",
    "TEAMS",
    "USE_CASES",
    "Model",
    "Prompt",
    "Release",
]

USE_CASES = ("support_copilot", "search_answers", "document_agent", "code_assistant")
REGIONS = ("dach", "nordics", "uk", "france", "iberia", "us-east", "us-west", "apac")
CHANNELS = ("web", "app", "email", "api")
SEGMENTS = ("consumer", "business", "enterprise", "internal")
TEAMS = tuple(
    f"{area}-{number}"
    for area in ("payments", "catalog", "mobile", "data", "platform", "logistics")
    for number in range(1, 9)
)
"""Engineering teams: those that use the code assistant, and adopt what is rolled out to it."""

TASKS = (
    ("order_status", "refund", "account_access", "complaint"),
    ("product_question", "comparison", "how_to", "policy_question"),
    ("contract_review", "invoice_matching", "claim_summary", "form_filling"),
    ("explain", "write_test", "fix_bug", "refactor"),
)
"""Kinds of task of each use case, from easy to hard."""

LAST_QUARTER = 365 / 458
"""Where the last of five quarters begins: the one that the sample's review is about."""


@dataclass(frozen=True, slots=True)
class Model:
    """One version of a model.

    Args:
        name: Its name, with version.
        provider: Who serves it.
        skill: What it adds to the latent quality of any answer.
        hardness: What a task of difficulty 1 takes away from it, against difficulty 0.
        speed: What it adds to the log of the latency.
        reasoning: Its hidden reasoning, as a multiple of the use case's usual.
        prices: Price of a million tokens: input, cache read, cache write, output (and reasoning).
    """

    name: str
    provider: str
    skill: float
    hardness: float
    speed: float
    reasoning: float
    prices: tuple[float, float, float, float]


MODELS = (
    Model("atlas-small-2.0", "meridian", 0.00, 3.1, -0.25, 0.3, (0.60, 0.06, 0.75, 2.40)),
    Model("atlas-small-2.1", "meridian", 0.06, 3.0, -0.28, 0.3, (0.60, 0.06, 0.75, 2.40)),
    Model("atlas-large-2.0", "meridian", 0.14, 2.6, 0.15, 1.0, (2.80, 0.28, 3.50, 11.0)),
    Model("atlas-large-2.1", "meridian", 0.20, 2.6, 0.12, 1.0, (2.80, 0.28, 3.50, 11.0)),
    Model("atlas-large-3.0", "meridian", 0.42, 2.4, 0.05, 1.2, (3.00, 0.30, 3.75, 12.0)),
    Model("borealis-1.0", "northlight", 0.04, 2.9, 0.00, 0.8, (1.20, 0.12, 1.50, 5.00)),
    Model("borealis-1.1", "northlight", 0.10, 2.8, -0.05, 0.8, (1.20, 0.12, 1.50, 5.00)),
)
EMBEDDING = Model("atlas-embed-1", "meridian", 0.0, 0.0, 0.0, 0.0, (0.08, 0.08, 0.08, 0.08))


@dataclass(frozen=True, slots=True)
class Release:
    """From some point on, one use case answers with another model.

    Args:
        since: Point of the period.
        use_case: Position in `USE_CASES`.
        tier: 0 = the light model for easy work, 1 = the capable one for hard work.
        model: Position in `MODELS`.
    """

    since: float
    use_case: int
    tier: int
    model: int


LIGHT, CAPABLE = 0, 1

RELEASES = (
    Release(0.00, 0, LIGHT, 0),
    Release(0.00, 0, CAPABLE, 2),
    Release(0.00, 1, LIGHT, 0),
    Release(0.00, 1, CAPABLE, 2),
    Release(0.00, 2, LIGHT, 5),
    Release(0.00, 2, CAPABLE, 2),
    Release(0.00, 3, LIGHT, 5),
    Release(0.00, 3, CAPABLE, 2),
    Release(0.24, 1, LIGHT, 1),
    Release(0.31, 0, LIGHT, 1),
    Release(0.42, 0, CAPABLE, 3),
    Release(0.45, 1, CAPABLE, 3),
    Release(0.47, 2, LIGHT, 6),
    Release(0.52, 3, LIGHT, 6),
    Release(0.56, 2, CAPABLE, 3),
    Release(0.60, 3, CAPABLE, 3),
    Release(LAST_QUARTER + 0.012, 0, CAPABLE, 4),
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """From some point on, one use case runs with another prompt.

    Args:
        since: Point of the period.
        use_case: Position in `USE_CASES`.
        name: Its version.
        quality: What it adds to the latent quality.
        reasoning: Factor on the hidden reasoning that it provokes.
    """

    since: float
    use_case: int
    name: str
    quality: float
    reasoning: float = 1.0


PROMPTS = (
    Prompt(0.00, 0, "support-v4", 0.00),
    Prompt(0.22, 0, "support-v5", 0.08),
    Prompt(0.55, 0, "support-v6", 0.10),
    Prompt(LAST_QUARTER + 0.02, 0, "support-v7", 0.36),
    Prompt(0.00, 1, "search-v11", 0.00),
    Prompt(0.40, 1, "search-v12", 0.10),
    Prompt(0.70, 1, "search-v13", 0.14),
    Prompt(0.00, 2, "document-v2", 0.00),
    Prompt(0.35, 2, "document-v3", 0.10),
    Prompt(LAST_QUARTER + 0.03, 2, "document-v4", 0.12, reasoning=2.3),
    Prompt(0.00, 3, "code-v8", 0.00),
    Prompt(0.50, 3, "code-v9", 0.10),
)
