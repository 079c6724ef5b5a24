"""What a scenario is: a world that is drawn many times, answers that are each right or wrong, and rates promised."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metricstack.core.streams import stream
from metricstack.core.values import Estimate, Moments, Refusal
from metricstack.experiments import Effect

_LOG = logging.getLogger("metricstack.calibration")

Draw = Callable[[np.random.Generator, int], Mapping[str, Any]]


@dataclass(frozen=True)
class Rate:
    """What is promised of how often an answer is wrong: from `low` to `high`, and 3 Monte Carlo errors beyond.

    `naive` marks the way that is usual and wrong: it must err more often than `low`, or the scenario shows nothing.
    """

    low: float
    high: float
    naive: bool = False

    def bounds(self, draws: int) -> tuple[float, float]:
        low, high = (3 * np.sqrt(rate * (1 - rate) / draws) for rate in (self.low, self.high))
        return self.low - low, self.high + high

    def __str__(self) -> str:
        if self.naive:
            return f"above {100 * self.low:g}"
        if self.low == self.high:
            return f"{100 * self.low:g}"
        return f"≤ {100 * self.high:g}" if self.low <= 0 else f"{100 * self.low:g} to {100 * self.high:g}"


NOMINAL = Rate(0.05, 0.05)


def at_most(rate: float = 0.05) -> Rate:
    """A method that promises no more than so many errors, and may make fewer."""
    return Rate(0.0, rate)


def between(low: float, high: float) -> Rate:
    """A band wider than chance, for a method that is known not to be exact here; its scenario says why."""
    return Rate(low, high)


def naive(above: float) -> Rate:
    """The usual way, which errs more often than this."""
    return Rate(above, 1.0, naive=True)


@dataclass(frozen=True)
class Scenario:
    """A world with a known truth.

    Args:
        title: What it is about, for the table.
        draw: Draws it so many times and tells, answer by answer, which were wrong: shape (draws,), 1 or a fraction.
        promised: Answer → how often it may be wrong.
        draws: How many in a whole calibration.
        few: How many in the fast tests; 0 leaves it out there.
    """

    title: str
    draw: Draw
    promised: Mapping[str, Rate]
    draws: int
    few: int

    def hold(self, draws: int) -> None:
        """Draw the world so many times, and hold every answer against what is promised of it."""
        wrong = self.draw(stream(77, self.draw.__name__), draws)
        assert list(wrong) == list(self.promised)
        rates = {name: float(np.mean(np.asarray(events, dtype=np.float64))) for name, events in wrong.items()}
        sizes = {name: np.size(events) for name, events in wrong.items()}
        _LOG.info("%s", self.row(rates, sizes))
        for name, rate in self.promised.items():
            low, high = rate.bounds(sizes[name])
            told = f"{self.title}, {name}: {rates[name]:.4f} of {sizes[name]:,} are wrong, {rate} % are promised"
            assert low <= rates[name] <= high, told

    def row(self, rates: Mapping[str, float], sizes: Mapping[str, int]) -> str:
        """Write the scenario as a row of the table in `docs/calibration.md`."""
        parts: dict[bool, list[str]] = {True: [], False: []}
        for name, rate in self.promised.items():
            promise = "" if rate.naive or rate == NOMINAL else f" ({rate})"
            parts[rate.naive].append(f"{name} {100 * rates[name]:.{1 if rate.high > 0.01 else 2}f}{promise}")
        least = min(sizes.values())
        error = 100 * np.sqrt(0.05 * 0.95 / least)
        return f"| {self.title} | {'; '.join(parts[True])} | {'; '.join(parts[False])} | {least:,} ± {error:.1f} |"


SCENARIOS: dict[str, Scenario] = {}


def scenario(title: str, *, draws: int = 2000, few: int = 200, **promised: Rate) -> Callable[[Draw], Draw]:
    """Register a function as a scenario; the keywords promise, underscores standing for spaces."""

    def register(draw: Draw) -> Draw:
        known = {name.replace("_", " "): rate for name, rate in promised.items()}
        SCENARIOS[draw.__name__] = Scenario(title, draw, known, draws, few)
        return draw

    return register


Answered = Effect | Estimate | Refusal


def misses(answers: Iterable[Answered], truth: float | NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which intervals leave the truth out; a refusal says nothing wrong."""
    found = list(answers)
    true = np.broadcast_to(np.asarray(truth, dtype=np.float64), (len(found),))
    return np.array(
        [not isinstance(a, Refusal) and not a.low <= t <= a.high for a, t in zip(found, true, strict=True)]  # type: ignore[operator]
    )


def rejects(answers: Iterable[Effect | Refusal], *, alpha: float = 0.05) -> NDArray[np.bool_]:
    """Tell which tests call a difference."""
    return np.array([not isinstance(a, Refusal) and a.p_value is not None and a.p_value <= alpha for a in answers])


def moments(values: NDArray[np.float64]) -> list[Moments]:
    """Take the moments of each row, of shape (draws, units)."""
    n = values.shape[1]
    pairs = zip(values.mean(axis=1), values.var(axis=1, ddof=1), strict=True)
    return [Moments.of(n, float(mean), float(variance)) for mean, variance in pairs]


def joint(**variables: NDArray[np.float64]) -> list[Moments]:
    """Take the joint moments of several variables, row by row."""
    return [
        Moments.of_samples(**dict(zip(variables, rows, strict=True))) for rows in zip(*variables.values(), strict=True)
    ]


def each(call: Callable[..., Any], control: Sequence[Any], treatment: Sequence[Any], **options: Any) -> list[Any]:
    """Give each pair of arms to an estimator."""
    return [call(control=a, treatment=b, **options) for a, b in zip(control, treatment, strict=True)]
