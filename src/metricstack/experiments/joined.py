"""What varies together at a desk: effects on several metrics at once, one from day to day, one on everyone."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Moments, Reason, Refusal
from metricstack.experiments.contrast import FEWEST, Contrast
from metricstack.experiments.declaration import Declaration, NullPolicy
from metricstack.experiments.desk import NOT_0, Desk, merged
from metricstack.experiments.dilution import EVERYONE
from metricstack.experiments.everyone import Layer, arms_of_everyone
from metricstack.experiments.measured import counted_as_0, is_total, linear_of, linear_of_histogram
from metricstack.metrics.query.asked import OTHERS, TRIGGERED
from metricstack.metrics.query.states import State

__all__ = ["effects_of", "everyone_of", "over_time_of"]


def effects_of(
    desk: Desk, one: Declaration, names: Sequence[str], arm: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], int] | Refusal:
    """Compute an arm's effects on metrics made of sums, and how they vary together.

    Returns:
        Effects, values in control, their covariance, and units; NaN of a metric that cannot be told. Stretches
        of the allocation are weighed by their units.
    """
    found = desk.joint
    if isinstance(found, Refusal):
        return found
    control, treatment = found.of(one.key, one.arms[0]), found.of(one.key, arm)
    both = [at for at in control if at in treatment]
    if not both:
        return Refusal(Reason.NO_DATA, "nothing was recorded of its units in both arms")
    m, places = len(names), desk.places(one, found)
    units = sum(side[at].n for side in (control, treatment) for at in both)
    values, baselines, covariance = np.zeros(m), np.zeros(m), np.zeros((m, m))
    for at in both:
        share = (control[at].n + treatment[at].n) / units
        for sign, variant, moments in ((-1.0, one.arms[0], control[at]), (1.0, arm, treatment[at])):
            cell = (one.key, variant, at)
            told = [_linear(desk, name, moments, places, cell=cell) for name in names]
            weights = np.column_stack([weight for _, weight in told])
            means = np.array([value for value, _ in told])
            values += sign * share * means
            baselines += share * means if sign < 0 else 0.0
            covariance += share**2 * weights.T @ moments.cross @ weights / (moments.n - 1) / moments.n
    np.fill_diagonal(covariance, np.where(np.diag(covariance) < 0, 0.0, np.diag(covariance)))  # only rounding
    return values, baselines, covariance, units


def _linear(
    desk: Desk, name: str, moments: Moments, places: Mapping[State, str], *, cell: tuple[str, str, int]
) -> tuple[float, NDArray[np.float64]]:
    nothing = (math.nan, np.full(len(moments.names), math.nan))
    if f"{name}:below" in moments.names:
        bins = desk.bins(name, by_unit=False)
        entries = None if isinstance(bins, Refusal) else bins.get((*cell, ()))
        found = linear_of_histogram(desk.jobs[name][0], name, moments, entries)
        return nothing if isinstance(found, Refusal) else found
    if not list(desk.summed([name])):
        return nothing
    assert not isinstance(desk.joint, Refusal)
    found = linear_of(*desk.jobs[name], moments, places, desk.joint.refused)
    return nothing if isinstance(found, Refusal) else found


def over_time_of(
    desk: Desk, one: Declaration, name: str, arm: str, edges: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64], int] | Refusal:
    """Compute an arm's effect in stretches of days since exposure: effects, their covariance, units.

    Amounts are capped as they are in the readout, by both arms together, in each stretch by what units did in it.
    """
    if not list(desk.summed([name])):
        return Refusal(Reason.NOT_MEASURED, "only a metric made of sums can be followed from day to day")
    job, part = desk.jobs[name]
    if is_total(job):
        return Refusal(
            Reason.NOT_MEASURED,
            "it adds up from day to day, so that units exposed later have less of it",
            "Follow a share or a mean.",
        )
    as_0 = one.null_policy is NullPolicy.ZERO
    if as_0 and any(part.tables[table].plan.weighted for table in job.tables):
        return NOT_0
    alone = replace(desk.exposed, exposures=tuple(e for e in desk.exposed.exposures if e.experiment == one.key))
    caps = {} if one.cap is None else {one.key: one.cap}
    found = alone.over_time(desk.states([name]), desk.plans, edges, caps=caps)
    if isinstance(found, Refusal):
        return found
    values, covariance, units = np.zeros(len(edges) + 1), np.zeros((len(edges) + 1,) * 2), 0
    for sign, variant in ((-1.0, one.arms[0]), (1.0, arm)):
        parts = found.of(one.key, variant)
        if not parts:
            return Refusal(Reason.NO_DATA, f"arm {variant!r} has no units in this workspace")
        moments = merged(parts.values())
        stood = [found.places.get(i, {}) for i in range(len(values))]
        stood = [counted_as_0(places) for places in stood] if as_0 else stood
        told = [linear_of(job, part, moments, places, found.refused) for places in stood]
        kept = [one for one in told if not isinstance(one, Refusal)]
        if len(kept) < len(told):
            return next(one for one in told if isinstance(one, Refusal))
        weights = np.column_stack([weight for _, weight in kept])
        values += sign * np.array([value for value, _ in kept])
        covariance += weights.T @ moments.cross @ weights / (moments.n - 1) / moments.n
        units += moments.n
    return values, covariance, units


def everyone_of(desk: Desk, one: Declaration, name: str, arm: str) -> Contrast | Refusal:
    """Hold one metric of everyone in an arm against control, where triggered units count: see `arms_of_everyone`.

    Stretches of the allocation are weighed by all their units; one in which an arm has too few triggered units is left
    out, as it is of the effect on them. Covariates take nothing off.
    """
    if not list(desk.summed([name])):
        return Refusal(
            Reason.NOT_MEASURED,
            "what a triggered unit moves of everyone's quantile depends on where all others lie",
            "Ask of a metric that is made of sums: a share of slow requests in place of a percentile.",
        )
    found, as_0 = desk.everyone, one.null_policy is NullPolicy.ZERO
    if isinstance(found, Refusal):
        return found
    job, part = desk.jobs[name]
    if as_0 and any(part.tables[table].plan.weighted for table in job.tables):
        return NOT_0
    places = counted_as_0(found.places.get(0, {})) if as_0 else found.places.get(0, {})
    kinds = [found.by_value(one.key, each, 0) for each in (one.arms[0], arm)]
    control, treatment = (kind.get(TRIGGERED, {}) for kind in kinds)
    both = sorted(set(control) & set(treatment))
    held = [at for at in both if min(control[at].n, treatment[at].n) >= FEWEST] if len(both) > 1 else both
    if not held:
        return Refusal(Reason.TOO_FEW_UNITS, "no stretch has enough triggered units of both arms", "Run longer.")
    rests = [kind.get(OTHERS, {}) for kind in kinds]
    layers = [Layer(control[at], treatment[at], rests[0].get(at), rests[1].get(at)) for at in held]

    def linear(moments: Moments, _: str) -> tuple[float, NDArray[np.float64]] | Refusal:
        return linear_of(job, part, moments, places, found.refused)

    told = arms_of_everyone(layers, linear)
    return told if isinstance(told, Refusal) else Contrast(told[0], EVERYONE, None, told[1])
