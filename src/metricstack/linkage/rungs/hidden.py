"""How strong something hidden would have to be to take a panel's slope away, and what such things look like."""

from collections.abc import Iterator

from metricstack.core.values import Estimate, Refusal
from metricstack.experiments.effect import Effect
from metricstack.linkage.benchmarks import benchmark
from metricstack.linkage.evidence import Sensitivity, scaled
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.panel import PanelEffect
from metricstack.linkage.rungs.panel_table import PanelTable
from metricstack.linkage.sensitivity import e_value, robustness_value
from metricstack.linkage.sizes import size_of

__all__ = ["hidden"]


def hidden(table: PanelTable, edge: Hypothesis, found: PanelEffect, step: Effect) -> Iterator[Sensitivity]:
    """Tell how strong a hidden confounder would have to be: as a share, as a risk ratio, and against what is held.

    Nothing is told where hardly a row is left over.

    Args:
        table: The panel's rows.
        edge: What was declared.
        found: The slope.
        step: The slope of one named step.
    """
    if found.residual_freedom <= 1:
        return
    share = robustness_value(found).value
    told = f"one that explains {share:.1%} of what is left of cause and effect takes it away"
    yield Sensitivity("hidden confounder", Estimate(share, "fraction", found.clusters, "robustness value"), told)
    sd = float(table.rows[edge.effect].std())
    if sd > 0:
        ratio = e_value(step.value, step.low, step.high, measure="difference", sd=sd)
        told = f"one with risk ratios of {ratio.value:.2f} to cause and effect explains a step away"
        if ratio.bound is not None:
            told += f", of {ratio.bound:.2f} its interval"
        yield Sensitivity("E-value", Estimate(ratio.value, "1", found.clusters, "E-value"), told)
    for name in table.metrics:
        others = [one for one in table.covariates if one != name]
        against = benchmark(
            table.rows, edge.effect, edge.cause, "unit", "period", against=name, covariates=others, times=(1.0,)
        )
        if isinstance(against, Refusal) or not against.bounds:
            continue
        if against[0].r2_outcome >= 1:  # no more is left to explain, and no error that an interval could tell
            yield Sensitivity(f"as strong as {name}", None, f"one that goes with both as {name} does may be all of it")
            continue
        left = scaled(against[0].adjusted, edge.step, unit=step.unit)
        told = f"one that goes with both as {name} does leaves {size_of(left, bounds=True)} of a step"
        yield Sensitivity(f"as strong as {name}", left.estimate, told)
