"""Past A/B tests of an edge: all of them as a portfolio, and the one that was meant to move the cause."""

from collections.abc import Iterator

import numpy as np

from metricstack.core.values import Reason, Refusal
from metricstack.experiments.effect import effect
from metricstack.linkage.evidence import Evidence
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.observed import Observed
from metricstack.linkage.portfolio import portfolio_slope
from metricstack.linkage.portfolio_result import PortfolioSlope
from metricstack.linkage.randomised import portfolio_evidence, single_test_evidence

__all__ = ["portfolio", "single_test"]


def portfolio(seen: Observed, edge: Hypothesis) -> Iterator[Evidence]:
    """Effect on effect over all past tests that tell both metrics."""
    found = seen.effects.of([edge.cause, edge.effect])
    tests = len(found.experiments)
    unit = seen.unit(edge.effect)
    slope: PortfolioSlope | Refusal = Refusal(
        Reason.TOO_FEW_UNITS, f"{tests} past A/B tests tell both metrics", "Run tests of changes that move the cause."
    )
    if tests >= 2:
        slope = portfolio_slope(
            found.values, found.covariances, names=found.metrics, unit="1",
            levers=[one.lever or "not told" for one in found.declared], tests=found.experiments,
        )  # fmt: skip
    yield portfolio_evidence(
        slope, step=edge.step, unit=unit, smallest_effect=edge.smallest_effect, tests=tests, window=seen.window,
        provenance=seen.provenance([edge.cause, edge.effect]),
    )  # fmt: skip


def single_test(seen: Observed, edge: Hypothesis) -> Iterator[Evidence]:
    """Tell of the largest test that was meant to move the cause, else the largest of all.

    It is chosen without a look at what it showed: of many tests the one that moved the cause most also had the most
    luck, in whatever goes with the cause.
    """
    found = seen.effects.of([edge.cause, edge.effect])
    if not len(found.experiments):
        return
    meant = [one.primary == edge.cause for one in found.declared]
    errors = np.sqrt(np.diagonal(found.covariances, axis1=1, axis2=2))
    values = found.values
    k = max(range(len(meant)), key=lambda at: (meant[at], found.n[at], found.experiments[at]))
    if not errors[k, 0] > 0 or not errors[k, 1] > 0:
        return
    one = found.declared[k]
    effects = [
        effect(
            float(values[k, i]), float(errors[k, i]), freedom=float(found.n[k]) - 2, unit=unit,
            n=int(found.n[k]), method=f"A/B test {one.key}",
        )
        for i, unit in enumerate(found.units)
    ]  # fmt: skip
    end = one.end or seen.window.end
    yield single_test_evidence(
        *effects, covariance=float(found.covariances[k, 0, 1]), step=edge.step, exclusion=edge.exclusion,
        window=None if end <= one.start else type(seen.window)(one.start, end),
        provenance=seen.provenance([edge.cause, edge.effect]),
    )  # fmt: skip
