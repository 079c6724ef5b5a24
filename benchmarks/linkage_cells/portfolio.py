"""How often a slope from many A/B tests is wrong, by method: median, wrong sign and coverage against a known truth.

The truth is b = -0.3 over K = 100 tests. Noise of cause and outcome goes together by 0.6, as of metrics of the same
users; each test also acts on the outcome directly, by 0.3 of what it moves the cause. F is what the tests move
against their noise.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from metricstack.core.streams import stream
from metricstack.core.values import Refusal
from metricstack.linkage.portfolio import portfolio_slope
from metricstack.linkage.portfolio_result import PortfolioSlope

TRUTH, DIRECT, TOGETHER = -0.3, 0.3, 0.6
STRENGTHS = (1.25, 2.0, 3.0, 5.0)


@dataclass(frozen=True)
class Row:
    """One cell of the table."""

    strength: float
    tests: int
    method: str
    median: float
    wrong_sign: float
    coverage: float
    bounded: float
    refused: float


def rows(seeds: int = 1000, *, tests: int = 100, strengths: tuple[float, ...] = STRENGTHS) -> Iterator[Row]:
    """Yield a row for each strength and method, each over as many portfolios as there are seeds."""
    noise = np.array([[1.0, TOGETHER], [TOGETHER, 1.0]])
    lower = np.linalg.cholesky(noise)
    for strength in strengths:
        rng = stream(11, f"portfolio {strength} {tests}")
        moves = rng.standard_normal((seeds, tests)) * np.sqrt(strength - 1)
        direct = rng.standard_normal((seeds, tests)) * np.sqrt(strength - 1) * DIRECT
        true = np.stack([moves, TRUTH * moves + direct], axis=-1)
        whole = true + rng.standard_normal((seeds, tests, 2)) @ lower.T
        apart = rng.standard_normal((seeds, tests, 2)) @ lower.T
        covariances = np.tile(noise, (tests, 1, 1))
        found: dict[str, list[PortfolioSlope | Refusal]] = {}
        for x, d in zip(whole, apart, strict=True):
            clear = np.abs(x[:, 0]) > 1.96
            for name, answer in (
                ("naive", portfolio_slope(x, covariances, "naive", interval="jackknife")),
                ("naive, significant", portfolio_slope(x[clear], covariances[clear], "naive", interval="jackknife")),
                ("noise subtracted", portfolio_slope(x, covariances)),
                ("noise subtracted, jackknife", portfolio_slope(x, covariances, interval="jackknife")),
                ("liml", portfolio_slope(x, covariances, "liml")),
                ("split", portfolio_slope(x, None, "split", split=(x + d, x - d))),
            ):
                found.setdefault(name, []).append(answer)
        for name, answers in found.items():
            kept = [one.effect for one in answers if isinstance(one, PortfolioSlope)]
            value, low, high = (np.array([getattr(one, part) for one in kept]) for part in ("value", "low", "high"))
            inside = [
                any(a <= TRUTH <= b for a, b in one.estimate.parts)
                if one.estimate.parts
                else one.low <= TRUTH <= one.high
                for one in kept
            ]
            yield Row(
                strength,
                tests,
                name,
                float(np.median(value)),
                float(np.mean(value * TRUTH < 0)),
                float(np.mean(inside)),
                float(np.mean(np.isfinite(low) & np.isfinite(high))),
                1 - len(kept) / seeds,
            )


def main() -> None:
    """Print the table."""
    print(f"{'F':>5} {'K':>4} {'method':<28}{'median':>8}{'wrong sign':>12}{'covers':>8}{'bounded':>9}{'refused':>9}")
    for row in rows():
        print(
            f"{row.strength:>5} {row.tests:>4} {row.method:<28}{row.median:>+8.2f}{row.wrong_sign:>12.1%}"
            f"{row.coverage:>8.1%}{row.bounded:>9.0%}{row.refused:>9.1%}"
        )


if __name__ == "__main__":
    main()
