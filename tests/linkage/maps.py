"""Maps made by hand, with the hard cases in them, for all that shows them."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd

from metricstack import linkage
from metricstack.core.streams import stream
from metricstack.core.values import Check, Estimate, Reason, Refusal
from metricstack.experiments.effect import effect
from metricstack.linkage import Assumption, Diagnostic, Evidence, Hypothesis, LinkageMap, Rung, Sensitivity, Status

HOSTILE = "<script>alert(1)</script>"
REFUSED = Refusal(Reason.TOO_FEW_UNITS, "4 regions; 12 are needed", "Add regions.")


def said(
    value: float, error: float, *, rung: Rung = Rung.PANEL, unit: str = "fraction", n: int = 90, fails: str = ""
) -> Evidence:
    """What one rung said; ``fails`` names a required check that failed."""
    checks = (Diagnostic(Check(fails, passed=False, detail="made up"), required=True),) if fails else ()
    return Evidence(
        rung, "a method", effect(value, error, n=n, unit=unit, method="m"), n, diagnostics=checks,
        assumptions=(
            Assumption("Nothing else changed.", Status.UNTESTED, "nothing can tell"),
            Assumption("It was random.", Status.HELD),
            Assumption("It is straight.", Status.FAILED, "a bend at 3"),
        ),
        sensitivity=(
            Sensitivity("hidden confounder", Estimate(0.12, "fraction", n, "robustness value")),
            Sensitivity("left_out", REFUSED),
            Sensitivity("note", detail=HOSTILE),
        ),
    )  # fmt: skip


def refused(rung: Rung = Rung.PANEL) -> Evidence:
    """A rung that cannot answer."""
    return Evidence(rung, "a method", REFUSED, 4)


def hypothesis(cause: str, outcome: str, *, sign: int = 1, smallest: float = 0.005) -> Hypothesis:
    """An edge of shares."""
    return Hypothesis(cause, outcome, 0.05, sign, smallest, effect_unit="fraction")


def drawn(*edges: tuple[Hypothesis, Sequence[Evidence]]) -> LinkageMap:
    """A map of these edges."""
    return linkage.linkage_map(edges)


def whole() -> LinkageMap:
    """One edge of each verdict, a conflict, and names that came with the data."""
    return drawn(
        (
            hypothesis("relevance", "conversion_rate"),
            [said(0.008, 0.0005, rung=Rung.PORTFOLIO, n=66), said(0.02, 0.001), refused(Rung.LEAD_LAG)],
        ),
        (hypothesis("latency_p95", "task_success", sign=-1), [said(0.004, 0.0005, rung=Rung.ROLLOUT, n=40)]),
        (hypothesis("trust", "retention_28d"), [said(0.01, 0.01), said(0.05, 0.001, fails="future_placebo")]),
        (hypothesis(HOSTILE, "conversion_rate"), [said(0.0, 0.05, rung=Rung.ASSOCIATION)]),
        (hypothesis("availability", HOSTILE), [refused(), refused(Rung.ASSOCIATION)]),
    )


def one() -> LinkageMap:
    """One edge that is found, without conflict."""
    return drawn((hypothesis("relevance", "conversion_rate"), [said(0.008, 0.0005, rung=Rung.PORTFOLIO)]))


def refusals() -> LinkageMap:
    """Edges of which nothing can be said."""
    return drawn((hypothesis("relevance", "conversion_rate"), [refused()]), (hypothesis("trust", "retention_28d"), []))


def many(count: int = 40) -> LinkageMap:
    """Edges among a dozen metrics, back and forth and within a layer."""
    known = ("relevance", "trust", "task_success", "conversion_rate", "retention_28d")
    names = [*(f"lever_{i}" for i in range(6)), *known]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]][:count]
    draws = stream(7, "maps").normal(size=(count, 2))
    rungs = list(Rung)
    return drawn(
        *(
            (hypothesis(a, b), [said(0.006 * (1 + draws[i, 0]), 0.001 + 0.002 * abs(draws[i, 1]), rung=rungs[i % 9])])
            if i % 5
            else (hypothesis(a, b), [refused()])
            for i, (a, b) in enumerate(pairs)
        )
    )


def backwards() -> LinkageMap:
    """Edges that lead from the business back to cost, and past the layer between."""
    return drawn(
        (hypothesis("conversion_rate", "cost_per_request"), [said(0.01, 0.001)]),
        (hypothesis("cost_per_request", "relevance"), [said(0.01, 0.001)]),
        (hypothesis("cost_per_request", "conversion_rate"), [said(0.01, 0.001)]),
    )


# Results of single estimators


@cache
def rollout() -> linkage.RolloutEffect:
    """Teams that adopt in weeks 3 and 4, or never."""
    rows = [
        (u, t, t + u + (u * t * 7 % 5) / 10 + 2.0 * (t >= g), g if g < 9 else None)
        for u in range(24) for t in range(6) for g in [(3, 4, 9)[u % 3]]
    ]  # fmt: skip
    df = pd.DataFrame(rows, columns=["team", "week", "hours", "adopted"])
    found = linkage.rollout_effect(df, "hours", "team", "week", "adopted", outcome_unit="h")
    assert isinstance(found, linkage.RolloutEffect)
    return found


@cache
def lags() -> linkage.LeadLag:
    """One series that moves two days before the other."""
    x = np.cos(np.arange(60.0) ** 2)
    found = linkage.lead_lag(x, np.append([0.0, 0.0], 3.0 * x[:-2]) + np.sin(np.arange(60.0) ** 2 / 3))
    assert isinstance(found, linkage.LeadLag)
    return found


@cache
def ways() -> linkage.Specifications:
    """A panel asked in several ways, its metrics named badly."""
    rng = stream(1, "ways")
    df = pd.DataFrame({"team": np.repeat(np.arange(40), 20), "week": np.tile(np.arange(20), 40)})
    df[HOSTILE], df["z"] = rng.normal(size=800), rng.normal(size=800)
    df["y"] = 2 * df[HOSTILE] + rng.normal(size=800)
    return linkage.specifications(df, "y", HOSTILE, "team", "week", covariates="z")


@cache
def tests() -> tuple[np.ndarray, np.ndarray, linkage.PortfolioSlope]:
    """Sixty tests of slope 0.1 whose noise goes the other way, and what they say."""
    rng = stream(2, "tests")
    true = rng.normal(scale=0.03, size=60)
    noise = np.array([[0.02**2, -0.5 * 0.02 * 0.003], [-0.5 * 0.02 * 0.003, 0.003**2]])
    effects = np.column_stack([true, 0.1 * true]) + rng.multivariate_normal([0, 0], noise, size=60)
    covariances = np.repeat(noise[None], 60, axis=0)
    found = linkage.portfolio_slope(effects, covariances, names=("relevance", "conversion_rate"))
    assert isinstance(found, linkage.PortfolioSlope)
    return effects, covariances, found
