"""Scenarios whose truth is known, for the estimators of experiments: what is wrong, and how often.

`tests/calibration/test_experiments.py` runs them whole, `tests/experiments/test_calibration.py` with few draws.
"""

from tests.calibration.known import choices, groups, looks, means, shares  # noqa: F401
from tests.calibration.known.scenario import SCENARIOS, Scenario

__all__ = ["SCENARIOS", "Scenario"]
