"""What a metric truly is in a population, and the difference that setting something makes to it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from metricstack.core.errors import UnknownName
from metricstack.simulation.model import JUDGE_SPREAD, Outcomes
from metricstack.simulation.population import Population

__all__ = ["METRICS", "Effect", "Pair", "measure"]

_BLOCKS = 20
"""Blocks of sessions whose spread gives the Monte Carlo error of an effect."""


def _request_mean(value: Callable[[Population, Outcomes], Any]) -> Callable[[Population, Outcomes, Any, Any], float]:
    return lambda people, outcomes, runs, _: float(np.mean(value(people, outcomes)[runs]))


def _session_mean(value: Callable[[Population, Outcomes], Any]) -> Callable[[Population, Outcomes, Any, Any], float]:
    """Average over sessions that can convert: those of customers."""

    def mean(people: Population, outcomes: Outcomes, _: Any, sessions: Any) -> float:
        business = people.s_use_case[sessions] != 3
        return float(np.mean(value(people, outcomes)[sessions][business])) if business.any() else 0.0

    return mean


def _judged(people: Population, outcomes: Outcomes, runs: Any, _: Any) -> float:
    """Average the score that judges give to the answered runs.

    A score is the quality and a judge's noise, clipped to [0, 1]. Of the best answers the clip takes what is above 1,
    so that scores move by about 1 % less than quality: ``E clip(q + s z, 0, 1)`` is
    ``q (F(b) - F(a)) + s (f(a) - f(b)) + 1 - F(b)``, with a = -q / s, b = (1 - q) / s and f, F of the normal law.
    """
    from scipy.special import ndtr

    quality = outcomes.quality[runs][~outcomes.failed[runs]]
    below, above = -quality / JUDGE_SPREAD, (1.0 - quality) / JUDGE_SPREAD
    density = (np.exp(-(below**2) / 2) - np.exp(-(above**2) / 2)) / np.sqrt(2 * np.pi)
    return float(np.mean(quality * (ndtr(above) - ndtr(below)) + JUDGE_SPREAD * density + ndtr(-above)))


def _cache_share(people: Population, outcomes: Outcomes, runs: Any, _: Any) -> float:
    tokens = outcomes.tokens[runs].sum(axis=(0, 1))
    return float(tokens[1] / tokens[:3].sum())


def _cost_per_success(people: Population, outcomes: Outcomes, runs: Any, _: Any) -> float:
    return float(outcomes.cost[runs].sum() / max(outcomes.success[runs].sum(), 1))


METRICS: dict[str, tuple[str, Callable[[Population, Outcomes, Any, Any], float]]] = {
    "relevance": ("score", _judged),
    "task_success": ("fraction", _request_mean(lambda _, outcomes: outcomes.success)),
    "escalation_rate": ("fraction", _request_mean(lambda _, outcomes: outcomes.escalated)),
    "error_rate": ("fraction", _request_mean(lambda _, outcomes: outcomes.failed)),
    "latency_p95": ("s", lambda _, outcomes, runs, __: float(np.quantile(outcomes.latency[runs], 0.95))),
    "cost_per_request": ("USD/request", _request_mean(lambda _, outcomes: outcomes.cost)),
    "cost_per_successful_outcome": ("USD/outcome", _cost_per_success),
    "cache_hit_share": ("fraction", _cache_share),
    "answer_length": ("count", _request_mean(lambda _, outcomes: outcomes.words)),
    "capable_model_share": ("fraction", _request_mean(lambda _, outcomes: outcomes.capable)),
    "conversion_rate": ("fraction", _session_mean(lambda _, outcomes: outcomes.conversion)),
    "revenue_per_session": ("USD/session", _session_mean(lambda _, outcomes: outcomes.expected_revenue)),
    "support_cost_per_case": (
        "USD/case",
        lambda _, outcomes, __, sessions: float(np.mean(outcomes.expected_cost_to_serve[sessions])),
    ),
    "retention_28d": ("fraction", lambda _, outcomes, __, sessions: float(np.mean(outcomes.expected_return[sessions]))),
    "demand": ("1", lambda *_: 1.0),
}
"""Metric id → its unit, and its value in the model; ``demand`` is requests against what was planned for."""


def measure(name: str, people: Population, outcomes: Outcomes) -> float:
    """Return the true value of a metric in a population.

    Raises:
        UnknownName: the model does not know such a metric.
    """
    if name not in METRICS:
        raise UnknownName("metric of the simulation", name, METRICS)
    return METRICS[name][1](people, outcomes, slice(None), slice(None))


@dataclass(frozen=True, slots=True)
class Effect:
    """A true effect on one metric.

    Args:
        value: Difference of the means of the two worlds, in ``unit``.
        error: Monte Carlo standard error of ``value``.
        unit: The metric's unit.
        baseline: The metric without the intervention.
    """

    value: float
    error: float
    unit: str
    baseline: float

    @property
    def relative(self) -> float:
        """The effect as a fraction of the baseline."""
        return self.value / self.baseline if self.baseline else 0.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Two worlds over one population, looked at in some of its requests and sessions.

    Args:
        people: The population that both share.
        before: What became of it.
        after: What became of it where something was set.
        runs: Requests that count: positions or a slice.
        sessions: Sessions that count.
    """

    people: Population
    before: Outcomes
    after: Outcomes
    runs: Any
    sessions: Any

    @classmethod
    def whole(cls, people: Population, before: Outcomes, after: Outcomes) -> "Pair":
        """Compare the worlds in the whole population."""
        return cls(people, before, after, slice(None), slice(None))

    def effect(self, name: str) -> Effect:
        """Return the true effect on one metric, with its Monte Carlo error."""
        unit, value = METRICS[name]
        whole = [value(self.people, world, self.runs, self.sessions) for world in (self.before, self.after)]
        return Effect(whole[1] - whole[0], self._error(value), unit, whole[0])

    def _error(self, value: Callable[[Population, Outcomes, Any, Any], float]) -> float:
        session = np.arange(self.people.sessions)[self.sessions]
        run = np.arange(self.people.n)[self.runs]
        block = session * _BLOCKS // max(self.people.sessions, 1)
        run_block = self.people.session[run] * _BLOCKS // max(self.people.sessions, 1)
        steps = []
        for number in range(_BLOCKS):
            runs, sessions = run[run_block == number], session[block == number]
            if len(runs) and len(sessions):
                before, after = (value(self.people, world, runs, sessions) for world in (self.before, self.after))
                steps.append(after - before)
        return float(np.std(steps, ddof=1) / np.sqrt(len(steps))) if len(steps) > 1 else 0.0
