"""Which verdict an A/B test deserves, and which ones a valid reading of the units that came may give instead.

Full knowledge names one verdict. A reading of a few thousand users cannot always see it: a test that deserves to ship
is held where a guardrail stays undecided, and says nothing clear where its effect drowns. That is short of power, and
no fault; to ship what does nothing is one.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from metricstack.core.streams import stream
from metricstack.simulation.effects import Effect
from metricstack.simulation.model import Coefficients, Outcomes
from metricstack.simulation.past_tests import LOST, PastTest
from metricstack.simulation.world import World

__all__ = ["chances_of", "deserved", "right_verdicts", "standard_error"]

_LOWER_IS_BETTER = frozenset({"latency_p95", "cost_per_request"})
_STOPPED = ("peeked", "stopped_early")
_JUDGED_SHARE = 0.22
"""Share of the runs whose relevance is judged, about."""
_REACH = {"fixed": 1.960, "group_sequential": 2.031, "always_valid": 3.035}
"""Half an interval at the planned n, in standard errors, alpha 5 %: the normal quantile; the last of five looks
of Lan and DeMets' O'Brien-Fleming; the normal mixture where it is narrowest."""
_REACHED, _SPLIT_Z = 0.95, 3.2905  # share of the planned n that counts as all of it; two-sided p of 0.001
_DRAWS = 20_000
_SELDOM = 0.01
"""A verdict that fewer readings than this would give is not named."""


def deserved(test: PastTest, effects: Mapping[str, Effect]) -> tuple[str, str]:
    """Return the verdict that a test deserves and why, knowing its effects and how it was run."""
    if test.story == "broken_split":
        return "invalid", "One arm lost users before they could be counted: the split is not 50 to 50."
    if test.story in _STOPPED:
        return (
            "hold",
            f"It was stopped at {test.expected_n:,} of {test.planned_n:,} units; its design is read at the end.",
        )
    hurt = _hurt(test, effects)
    if hurt:
        return "rollback", f"It hurts {', '.join(hurt)} by more than the margin."
    gain = _gain(effects, test.primary)
    if gain <= -test.smallest_effect:
        return "rollback", f"It makes {test.primary} worse."
    if gain >= test.smallest_effect:
        return (
            "ship",
            f"It improves {test.primary} by at least the smallest effect of interest, and no guardrail suffers.",
        )
    if gain == 0.0:
        return "inconclusive", "It does nothing."
    return "inconclusive", f"Its effect on {test.primary} is real but smaller than what matters."


def chances_of(
    seed: int, test: PastTest, effects: Mapping[str, Effect], errors: Mapping[str, float]
) -> dict[str, float]:
    """Return how often a valid reading of the units that came gives each verdict.

    Estimates are drawn around the true effects and decided on by the rules of a reading: harm beyond a margin and
    beyond chance is rolled back; a primary that is better by what matters and beyond chance is shipped if every
    interval keeps its guardrail's margin, and held if not. Metrics are drawn as if they were independent, and errors
    are approximate: single chances are good to about a tenth, sums over a company to a few hundredths.

    Args:
        seed: The company's.
        test: What was declared.
        effects: Metric → its true effect.
        errors: Metric → standard error of the estimate, in the metric's unit.
    """
    if test.story in _STOPPED:
        return {"hold": 1.0}
    rng = stream(seed, "verdicts", test.name)
    drawn = {name: _estimates(rng, effects, errors, name) for name in (test.primary, *dict(test.guardrails))}
    reach = {name: _REACH[test.design] * errors[name] / effects[name].baseline for name in drawn}
    gain = drawn[test.primary]
    clear = (np.abs(gain) > reach[test.primary]) & (np.abs(gain) >= test.smallest_effect)
    broken, kept = np.zeros(_DRAWS, dtype=bool), np.ones(_DRAWS, dtype=bool)
    for name, margin in test.guardrails:
        broken |= (drawn[name] < -margin) & (drawn[name] < -reach[name])
        kept &= drawn[name] - reach[name] > -margin
    # Users come by chance: the planned units are those that come on average, about as spread as a Poisson number.
    came = test.expected_n + np.sqrt(test.expected_n) * rng.standard_normal(_DRAWS)
    late = came < _REACHED * test.planned_n
    early = late & (test.design == "fixed")
    rules = [early, broken | (clear & (gain < 0)), clear & (gain > 0) & kept, clear & (gain > 0) | late]
    verdict = np.select(rules, [0, 1, 2, 0], default=3)
    share = np.bincount(verdict, minlength=4) / _DRAWS
    found = dict(zip(("hold", "rollback", "ship", "inconclusive"), share.tolist(), strict=True))
    if test.story == "broken_split":
        seen = _seen(test)
        found = {"invalid": seen} | {name: chance * (1.0 - seen) for name, chance in found.items()}
    return {name: chance for name, chance in sorted(found.items(), key=lambda one: -one[1]) if chance > 0.0}


def right_verdicts(test: PastTest, effects: Mapping[str, Effect], chances: Mapping[str, float]) -> tuple[str, ...]:
    """Return the verdicts that are right: what is deserved, and what a reading short of power may say for it.

    A test whose split is broken has one, and so has one that was stopped early. Of any other, ``ship`` is right where
    the primary is better and no guardrail is worse by more than its margin, unless its story is that the effect does
    not matter; ``rollback`` is right where the primary or a guardrail is worse; ``hold`` and ``inconclusive`` claim
    nothing. How close an effect is to what matters or to a margin, a reading tells by chance: a verdict of the right
    direction is named if at least one reading in a hundred gives it.
    """
    best, _ = deserved(test, effects)
    if test.story in ("broken_split", *_STOPPED):
        return (best,)
    gains = {name: _gain(effects, name) for name in (test.primary, *dict(test.guardrails))}
    true = {
        "ship": gains[test.primary] > 0 and not _hurt(test, effects) and test.story != "immaterial",
        "rollback": min(gains.values()) < 0,
        "hold": True,
        "inconclusive": True,
    }
    other = [name for name, holds in true.items() if holds and name != best and chances.get(name, 0.0) >= _SELDOM]
    return (best, *sorted(other, key=lambda name: -chances[name]))


def standard_error(
    world: World, test: PastTest, effect: Effect, metric: str, *, c: Coefficients, control: Outcomes | None = None
) -> float:
    """Approximate the standard error that a comparison of the two arms will have, from first principles.

    Half of the observations in each arm: variance 4 s² / n, times 1.3 for the dependence within users.

    Args:
        world: The company.
        test: When it ran, and for which use case.
        effect: The true effect on the metric, with its baseline.
        metric: Its id.
        c: The stated effects.
        control: Runs without the treatment, for how costs are spread; a usual spread without them.
    """
    n = world.settings.requests * float(world.demand.weight[test.first : test.last, test.use_case].sum())
    if metric == "latency_p95":
        # Asymptotic variance of a quantile, p (1 - p) / f², of a log-normal with this spread.
        spread = float(np.hypot(c.latency_noise, c.latency_user))
        density = np.exp(-(1.645**2) / 2) / np.sqrt(2 * np.pi) / (spread * effect.baseline)
        deviation = float(np.sqrt(0.95 * 0.05) / density)
    elif metric == "relevance":
        deviation, n = 0.15, n * _JUDGED_SHARE
    elif metric in ("task_success", "conversion_rate"):
        deviation = float(np.sqrt(effect.baseline * (1.0 - effect.baseline)))
        n = n / 2.02 if metric == "conversion_rate" else n
    else:
        deviation = 0.6 * effect.baseline if control is None else float(np.std(control.cost))
    if test.use_case == 1 and metric in ("latency_p95", "cost_per_request"):
        dirt, when = world.settings.dirt, world.demand.fraction[test.first : test.last]
        n /= 1.0 + float(np.mean(when >= dirt.sampling_since)) * (1.0 / dirt.sampling_rate - 1.0)
    return float(deviation * np.sqrt(4 * 1.3 / max(n, 4.0)))


def _gain(effects: Mapping[str, Effect], name: str) -> float:
    """The relative effect in the direction of good."""
    return effects[name].relative * (-1.0 if name in _LOWER_IS_BETTER else 1.0) + 0.0


def _hurt(test: PastTest, effects: Mapping[str, Effect]) -> list[str]:
    """The guardrails that it makes worse by more than their margin."""
    return [name for name, margin in test.guardrails if _gain(effects, name) < -margin]


def _estimates(
    rng: np.random.Generator, effects: Mapping[str, Effect], errors: Mapping[str, float], name: str
) -> NDArray[np.float64]:
    return _gain(effects, name) + errors[name] / effects[name].baseline * rng.standard_normal(_DRAWS)


def _seen(test: PastTest) -> float:
    """The chance that units show a split that lost a part of one arm: power of a two-sided test of one half."""
    from scipy.special import ndtr

    n, share = test.expected_n * (1.0 - LOST / 2), (1.0 - LOST) / (2.0 - LOST)
    shift = 2.0 * np.sqrt(n) * (0.5 - share)
    return float(ndtr(shift - _SPLIT_Z) + ndtr(-shift - _SPLIT_Z))
