"""Past A/B tests of an edge: all of them as a portfolio, and the one that was meant to move the cause."""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from metricstack.core.values import Check, Reason, Refusal
from metricstack.experiments.effect import effect
from metricstack.linkage.evidence import Assumption, Diagnostic, Evidence, Sensitivity, Status
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.observed import Observed
from metricstack.linkage.pooling import pool
from metricstack.linkage.portfolio import portfolio_slope
from metricstack.linkage.portfolio_result import EXCLUSION, WEAKEST_FIRST_STAGE, PortfolioSlope
from metricstack.linkage.randomised import portfolio_evidence, single_test_evidence
from metricstack.linkage.rungs.rivals import Rivals, rivals
from metricstack.linkage.sizes import size_of
from metricstack.linkage.slopes import covariance
from metricstack.numerics.multiplicity import p_value

__all__ = ["portfolio", "single_test"]

_ALPHA = 0.05
_FEWEST_OF_LEVER = 5
"""Tests of a kind below which their mean says little, and of the next one nothing."""


def portfolio(seen: Observed, edge: Hypothesis) -> Iterator[Evidence]:
    """Effect on effect over all past tests that tell both metrics; and with other causes held that they moved as well.

    The slope on the cause alone decides, unless other causes, held fixed, leave nothing of it: then theirs does. Only
    a slope that stands by itself is looked at so, and causes are held only where the tests tell them apart.
    """
    alone = _slope(seen, [edge.cause, edge.effect])
    found = _told(seen, edge, alone)
    found = replace(found, sensitivity=(*found.sensitivity, *_levers(seen, edge)))
    if not isinstance(alone, PortfolioSlope) or not alone.verdict_allowed:
        yield found
        return
    others = rivals(edge, seen.effects, seen.pairs, made_of_the_same=partial(_same, seen, edge))
    held = _slope(seen, [edge.cause, *others.held, edge.effect]) if others.held and others.apart else None
    if others.told:
        found = replace(found, sensitivity=(*found.sensitivity, Sensitivity("other causes", detail=others.told)))
    found = _with_doubt(found, edge, others)
    stated = tuple(name for name in others.entangled if name in edge.confounders)
    if stated:  # said to move both: no way by which the cause acts
        told = f"the tests do not tell {edge.cause} from {' and '.join(stated)}, which is declared to confound it"
        apart = Diagnostic(Check("told_apart", passed=False, detail=told), required=True)
        found = replace(found, diagnostics=(*found.diagnostics, apart))
    if isinstance(held, PortfolioSlope):
        found = replace(found, diagnostics=(*found.diagnostics, *_held_checks(alone, held)))
    yield found
    if isinstance(held, PortfolioSlope):
        yield _with_doubt(_holding(seen, edge, held), edge, others)


def _levers(seen: Observed, edge: Hypothesis) -> Iterator[Sensitivity]:
    """Tell what tests of each kind of lever do to the effect, on average and the next one, whatever they move."""
    told = seen.effects.of([edge.cause, edge.effect])
    kinds = [one.lever for one in told.declared]
    unit = seen.unit(edge.effect)
    for kind in sorted({one for one in kinds if one}):
        mine = np.flatnonzero([one == kind for one in kinds])
        errors = np.sqrt(told.covariances[mine, 1, 1])
        if len(mine) < _FEWEST_OF_LEVER or not (errors > 0).all():
            continue
        pooled = pool(told.values[mine, 1], errors, unit=unit)
        if isinstance(pooled, Refusal) or pooled.prediction is None:
            continue
        mean, after = (
            size_of(replace(pooled.effect, estimate=one), bounds=True)
            for one in (pooled.effect.estimate, pooled.prediction)
        )
        detail = f"{len(mine)} tests of {kind} move {edge.effect} by {mean} on average, a next one by {after}"
        yield Sensitivity(f"lever {kind}", pooled.prediction, detail)


def _same(seen: Observed, edge: Hypothesis, name: str) -> bool:
    """Whether another metric shares parts with the edge's own."""
    return bool(seen.shared(edge.cause, name) or seen.shared(name, edge.effect))


def _with_doubt(found: Evidence, edge: Hypothesis, others: Rivals) -> Evidence:
    """Tell of causes that are not told from the edge's own; a note of exclusion claims that these do nothing.

    A claim stands in for what is not known, not for what is seen against it.
    """
    if not others.entangled:
        return found
    claimed = Assumption(EXCLUSION, Status.UNTESTED, edge.exclusion)
    alone = claimed if edge.exclusion else Assumption(EXCLUSION, Status.FAILED, _entangled(edge, others))
    told = tuple(
        alone if one.name == EXCLUSION and not (edge.exclusion and one.status is Status.FAILED) else one
        for one in found.assumptions
    )
    return replace(found, assumptions=told, entangled=() if edge.exclusion else others.entangled)


def _entangled(edge: Hypothesis, others: Rivals) -> str:
    names = " and ".join(others.entangled)
    return (
        f"tests that moved {edge.cause} moved {names} too, and do not tell them apart: the slope is of them together, "
        f"unless {names} {'moves' if len(others.entangled) == 1 else 'move'} by {edge.cause} itself (declare that edge)"
    )


def _slope(seen: Observed, metrics: list[str]) -> PortfolioSlope | Refusal:
    """The slope of the last metric on the others."""
    found = seen.effects.of(metrics)
    tests = len(found.experiments)
    if tests < 2:
        detail = f"{tests} past A/B tests tell both metrics"
        return Refusal(Reason.TOO_FEW_UNITS, detail, "Run tests of changes that move the cause.")
    return portfolio_slope(
        found.values, found.covariances, names=found.metrics, unit="1",
        levers=[one.lever or "not told" for one in found.declared], tests=found.experiments,
    )  # fmt: skip


def _told(seen: Observed, edge: Hypothesis, slope: PortfolioSlope | Refusal) -> Evidence:
    return portfolio_evidence(
        slope, step=edge.step, unit=seen.unit(edge.effect), smallest_effect=edge.smallest_effect,
        tests=len(seen.effects.of([edge.cause, edge.effect]).experiments), window=seen.window,
        provenance=seen.provenance([edge.cause, edge.effect]),
    )  # fmt: skip


def _holding(seen: Observed, edge: Hypothesis, slope: PortfolioSlope) -> Evidence:
    """Tell of the slope with other causes held."""
    found = _told(seen, edge, slope)
    stage = slope.first_stage[0]
    own = Check(
        "first_stage", stage.strength is None or stage.strength >= WEAKEST_FIRST_STAGE,
        f"F = {stage.strength:.2f} of {stage.cause}, net of the others; {WEAKEST_FIRST_STAGE:g} is the least",
    )  # fmt: skip
    kept = (one for one in found.diagnostics if one.check.name != "first_stage")
    return replace(
        found, method=f"{found.method}, {' and '.join(slope.causes[1:])} held",
        diagnostics=(Diagnostic(own, required=True), *kept),
        provenance=seen.provenance([edge.cause, edge.effect, *slope.causes[1:]]),
    )  # fmt: skip


def _held_checks(alone: PortfolioSlope, held: PortfolioSlope) -> Iterator[Diagnostic]:
    """Check what is left of a slope when other causes are held: whether it is seen still, and whether it has moved."""
    names, left = " and ".join(held.causes[1:]), held.effect
    assert alone.effect.p_value is not None
    assert left.p_value is not None
    seen_still = alone.effect.p_value > _ALPHA or (left.p_value <= _ALPHA and left.value * alone.effect.value > 0)
    detail = (
        f"with {names} held the slope is {left.value:.3g} instead of {alone.effect.value:.3g} (p = {left.p_value:.2g})"
    )
    if not seen_still:
        detail += f"; if {names} moved by {alone.causes[0]} itself, declare that edge"
    yield Diagnostic(Check("stands_with_others_held", seen_still, detail), required=True)
    if alone.tests != held.tests:
        return
    without = np.array(held.without)[:, 0] - np.array(alone.without)[:, 0]
    error = math.sqrt(float(covariance(without[:, None])[0, 0]))
    gap = left.value - alone.effect.value
    p = p_value(gap, error, held.tests - 1 - len(held.causes)) if error > 0 else 1.0
    yield Diagnostic(Check("same_with_others_held", p > _ALPHA, f"holding {names} moves it by {gap:.3g} (p = {p:.2g})"))


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
