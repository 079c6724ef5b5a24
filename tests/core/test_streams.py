"""What named streams promise: the same numbers for the same names, on every machine; a fair split."""

import numpy as np
from scipy import stats

from metricstack.core import hash_fraction, stream


def test_a_stream_is_a_pure_function_of_its_names() -> None:
    assert stream(7, "users", 3).integers(0, 1 << 62) == stream(7, "users", 3).integers(0, 1 << 62)


def test_names_do_not_run_together() -> None:
    assert stream(1, "ab", "c").random() != stream(1, "a", "bc").random()


def test_the_split_is_uniform_and_independent_between_salts() -> None:
    first = np.array([hash_fraction(f"user-{i}", "a") for i in range(4000)])
    second = np.array([hash_fraction(f"user-{i}", "b") for i in range(4000)])
    # a fixed input: these p-values are constants, and a fair hash has one below 0.001 once in a thousand salts
    assert stats.kstest(first, "uniform").pvalue > 0.001
    assert abs(np.corrcoef(first, second)[0, 1]) < 3.3 / np.sqrt(4000)
