"""Every estimator errs about as seldom as it promises: the scenarios of `tests/calibration`, with few draws.

Three Monte Carlo errors of a few hundred draws are some points: what a slip in a formula does, it shows. The whole
runs in `make calibrate`.
"""

import pytest

from tests.calibration.known import SCENARIOS


@pytest.mark.parametrize("name", [name for name, one in SCENARIOS.items() if one.few])
def test_errors_are_about_as_rare_as_promised(name: str) -> None:
    SCENARIOS[name].hold(SCENARIOS[name].few)
