"""Experiments: valid statistics from declaration to verdict; numbers of arms in, effects out."""

from metricstack.experiments.adjusted import Adjusted
from metricstack.experiments.adjustment import cuped, regression_adjusted
from metricstack.experiments.anytime import always_valid, always_valid_effect, bounded_mean_sequence, msprt
from metricstack.experiments.anytime_design import always_valid_bounds
from metricstack.experiments.bandits import Allocation, adaptive_difference, thompson_allocation
from metricstack.experiments.bayes import Posterior, bayes_beta_binomial, bayes_normal
from metricstack.experiments.capping import winsorised_difference
from metricstack.experiments.clusters import cluster_difference
from metricstack.experiments.compare import compare, portfolio
from metricstack.experiments.declaration import Change, Declaration, Design, Guardrail, NullPolicy, Ramp, ShipIf
from metricstack.experiments.declare import Declared, declaration, declarations, declared, register
from metricstack.experiments.dilution import Diluted, diluted, diluted_ratio
from metricstack.experiments.effect import Effect
from metricstack.experiments.exact import ExactTest, exact_test
from metricstack.experiments.families import AdjustedPValues, Heterogeneity, adjust, effect_contrast, heterogeneity
from metricstack.experiments.futility import Futility
from metricstack.experiments.guards import Balance, SampleRatio, balance, sample_ratio
from metricstack.experiments.intraclass import IntraclassCorrelation, intraclass_correlation
from metricstack.experiments.many import Effects, Groups, effects
from metricstack.experiments.margins import MarginTest, equivalence, noninferiority
from metricstack.experiments.means import relative_lift, welch
from metricstack.experiments.monitor import Monitor, Watched, monitor
from metricstack.experiments.over_time import OverTime
from metricstack.experiments.pairs import paired_binary, paired_score
from metricstack.experiments.past import PastEffects, past_effects
from metricstack.experiments.plan import plan
from metricstack.experiments.planning import Plan
from metricstack.experiments.policies import PolicyValue, off_policy
from metricstack.experiments.proportions import proportion_difference, proportion_ratio, single_proportion
from metricstack.experiments.prospect import ExperimentPlan, MetricPlan, Needed, Sight
from metricstack.experiments.quantile_effects import BinnedSample, quantile_difference
from metricstack.experiments.rates import rate_ratio
from metricstack.experiments.ratios import ratio_difference
from metricstack.experiments.reading import Reading, Role
from metricstack.experiments.readout import Decided, Portfolio, Readout, Split, Verdict
from metricstack.experiments.replays import AAVerdict, aa_verdict
from metricstack.experiments.segments import Segment, Segmented, Segments
from metricstack.experiments.sequential import GroupSequential, group_sequential_bounds, stagewise_effect
from metricstack.experiments.simulated import SimulatedPower, simulated_power
from metricstack.experiments.sizing import minimum_detectable_effect, power, sample_size
from metricstack.experiments.strata import post_stratified
from metricstack.experiments.switchbacks import switchback_difference
from metricstack.experiments.unit_table import arms, binned_arms

__all__ = [
    "AAVerdict",
    "Adjusted",
    "AdjustedPValues",
    "Allocation",
    "Balance",
    "BinnedSample",
    "Change",
    "Decided",
    "Declaration",
    "Declared",
    "Design",
    "Diluted",
    "Effect",
    "Effects",
    "ExactTest",
    "ExperimentPlan",
    "Futility",
    "GroupSequential",
    "Groups",
    "Guardrail",
    "Heterogeneity",
    "IntraclassCorrelation",
    "MarginTest",
    "MetricPlan",
    "Monitor",
    "Needed",
    "NullPolicy",
    "OverTime",
    "PastEffects",
    "Plan",
    "PolicyValue",
    "Portfolio",
    "Posterior",
    "Ramp",
    "Reading",
    "Readout",
    "Role",
    "SampleRatio",
    "Segment",
    "Segmented",
    "Segments",
    "ShipIf",
    "Sight",
    "SimulatedPower",
    "Split",
    "Verdict",
    "Watched",
    "aa_verdict",
    "adaptive_difference",
    "adjust",
    "always_valid",
    "always_valid_bounds",
    "always_valid_effect",
    "arms",
    "balance",
    "bayes_beta_binomial",
    "bayes_normal",
    "binned_arms",
    "bounded_mean_sequence",
    "cluster_difference",
    "compare",
    "cuped",
    "declaration",
    "declarations",
    "declared",
    "diluted",
    "diluted_ratio",
    "effect_contrast",
    "effects",
    "equivalence",
    "exact_test",
    "group_sequential_bounds",
    "heterogeneity",
    "intraclass_correlation",
    "minimum_detectable_effect",
    "monitor",
    "msprt",
    "noninferiority",
    "off_policy",
    "paired_binary",
    "paired_score",
    "past_effects",
    "plan",
    "portfolio",
    "post_stratified",
    "power",
    "proportion_difference",
    "proportion_ratio",
    "quantile_difference",
    "rate_ratio",
    "ratio_difference",
    "register",
    "regression_adjusted",
    "relative_lift",
    "sample_ratio",
    "sample_size",
    "simulated_power",
    "single_proportion",
    "stagewise_effect",
    "switchback_difference",
    "thompson_allocation",
    "welch",
    "winsorised_difference",
]
