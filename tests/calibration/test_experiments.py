"""The estimators of experiments against known truth: false positives and coverage, each beside the usual way.

Every scenario of `tests/calibration/known` is drawn some thousands of times. A rate of error may differ from what is
promised by three Monte Carlo errors; what is usual and wrong must be seen to be wrong, or the scenario shows nothing.
"""

import pytest

from tests.calibration.known import SCENARIOS

pytestmark = pytest.mark.calibration


@pytest.mark.parametrize("name", SCENARIOS)
def test_errors_are_as_rare_as_promised(name: str) -> None:
    SCENARIOS[name].hold(SCENARIOS[name].draws)
