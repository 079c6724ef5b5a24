"""Parts of the change of a quantile: what groups' own values and their shares did holds the truth of a large sample."""

import numpy as np
import pytest

from metricstack.core.streams import stream
from metricstack.numerics.decomposition import KINDS
from metricstack.numerics.distributions import Sample, jackknife, quantile_shift
from metricstack.numerics.intervals import interval

from .conftest import assert_nominal

RATE, MIX = KINDS.index("rate"), KINDS.index("mix")

pytestmark = pytest.mark.calibration


def test_intervals_of_a_quantiles_parts_cover_what_is_so() -> None:
    # Log-normal values, 640 users of 8 values each in both windows; group 1 gets 10 % larger and half again as
    # frequent. The truth is that of one very large sample.
    random, draws = stream(13, "quantile"), 400

    def draw(users: int) -> tuple[Sample, Sample]:
        own = random.normal(0, 0.3, users)
        sides = []
        for scale, share in ((1.0, 0.4), (1.1, 0.5)):
            user = np.repeat(np.arange(users), 8)
            group = (random.uniform(size=len(user)) < share).astype(np.int64)
            x = np.exp(random.normal(0, 0.5, len(user)) + own[user]) * np.where(group == 1, 2 * scale, 1.0)
            sides.append(Sample(x, np.ones(len(x)), group, user % 64))
        return sides[0], sides[1]

    def parts_of(sides: tuple[Sample, Sample]):
        bins = tuple(np.ceil(np.log(side.x) / np.log(1.0202)).astype(np.int64) for side in sides)
        return quantile_shift(*sides, 0.9, groups=2, binned=False, bins=bins)

    truth = parts_of(draw(200_000)).parts
    hits = np.zeros(2)
    for _ in range(draws):
        found = parts_of(draw(640))
        for kind in (RATE, MIX):
            low, high = interval(float(found.parts[kind]), jackknife(found.part_replicates[kind]), level=0.95)
            hits[kind] += low <= truth[kind] <= high
    for kind, name in ((RATE, "rate"), (MIX, "mix")):
        assert_nominal(float(hits[kind]) / draws, draws, what=f"{name} of the change of a 90 % point")
