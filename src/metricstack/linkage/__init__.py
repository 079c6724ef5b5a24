"""Causal linkage: which levers move the business, and how sure that is."""

from metricstack.linkage.adjusted import AdjustedEffect, adjusted_effect
from metricstack.linkage.alternatives import alternatives
from metricstack.linkage.association import Correlation, correlation, effective_sample_size
from metricstack.linkage.benchmarks import Benchmarked, Bound, benchmark
from metricstack.linkage.between import BetweenWithin, between_within
from metricstack.linkage.calendar import CalendarAdjusted, calendar_adjusted
from metricstack.linkage.control_series import difference_of_series
from metricstack.linkage.controls import Falsification, future_placebo, negative_control
from metricstack.linkage.direction import Clue, DirectionAudit, Says, Way
from metricstack.linkage.evidence import Assumption, Diagnostic, Evidence, Rung, Sensitivity, Status
from metricstack.linkage.explain import DatedRow, Explained, explain, explain_each
from metricstack.linkage.granger import Granger, granger
from metricstack.linkage.hypothesis import Hypothesis, default_map, hypotheses
from metricstack.linkage.instruments import InstrumentEffect, instrument
from metricstack.linkage.interrupted import Interrupted, interrupted
from metricstack.linkage.lagged_slope import lagged_slope
from metricstack.linkage.lead_lag import LagPoint, LeadLag, lead_lag
from metricstack.linkage.ledger import Ledger, Trial
from metricstack.linkage.link import link
from metricstack.linkage.linkage_map import EdgeChange, LinkageMap, linkage_map
from metricstack.linkage.mediation import Mediation, mediation
from metricstack.linkage.next_steps import Settling
from metricstack.linkage.panel import PanelEffect, panel_effect
from metricstack.linkage.pooling import Pooled, pool
from metricstack.linkage.portfolio import portfolio_slope
from metricstack.linkage.portfolio_power import PortfolioPower, portfolio_power
from metricstack.linkage.portfolio_result import PortfolioSlope
from metricstack.linkage.questions import FourQuestions, Question, four_questions
from metricstack.linkage.rollout import RolloutEffect, RolloutPoint, rollout_effect
from metricstack.linkage.sensitivity import EValue, Robustness, e_value, robustness_value
from metricstack.linkage.specifications import Specification, Specifications, specifications
from metricstack.linkage.stability import BreakTest, Stationarity, break_test, stationarity
from metricstack.linkage.stratified import StratifiedOddsRatio, stratified_odds_ratio
from metricstack.linkage.synthetic import SyntheticEffect, synthetic_control
from metricstack.linkage.two_by_two import difference_in_differences
from metricstack.linkage.verdict import Conflict, Edge, EdgeVerdict, judge

__all__ = [
    "AdjustedEffect",
    "Assumption",
    "Benchmarked",
    "BetweenWithin",
    "Bound",
    "BreakTest",
    "CalendarAdjusted",
    "Clue",
    "Conflict",
    "Correlation",
    "DatedRow",
    "Diagnostic",
    "DirectionAudit",
    "EValue",
    "Edge",
    "EdgeChange",
    "EdgeVerdict",
    "Evidence",
    "Explained",
    "Falsification",
    "FourQuestions",
    "Granger",
    "Hypothesis",
    "InstrumentEffect",
    "Interrupted",
    "LagPoint",
    "LeadLag",
    "Ledger",
    "LinkageMap",
    "Mediation",
    "PanelEffect",
    "Pooled",
    "PortfolioPower",
    "PortfolioSlope",
    "Question",
    "Robustness",
    "RolloutEffect",
    "RolloutPoint",
    "Rung",
    "Says",
    "Sensitivity",
    "Settling",
    "Specification",
    "Specifications",
    "Stationarity",
    "Status",
    "StratifiedOddsRatio",
    "SyntheticEffect",
    "Trial",
    "Way",
    "adjusted_effect",
    "alternatives",
    "benchmark",
    "between_within",
    "break_test",
    "calendar_adjusted",
    "correlation",
    "default_map",
    "difference_in_differences",
    "difference_of_series",
    "e_value",
    "effective_sample_size",
    "explain",
    "explain_each",
    "four_questions",
    "future_placebo",
    "granger",
    "hypotheses",
    "instrument",
    "interrupted",
    "judge",
    "lagged_slope",
    "lead_lag",
    "link",
    "linkage_map",
    "mediation",
    "negative_control",
    "panel_effect",
    "pool",
    "portfolio_power",
    "portfolio_slope",
    "robustness_value",
    "rollout_effect",
    "specifications",
    "stationarity",
    "stratified_odds_ratio",
    "synthetic_control",
]
