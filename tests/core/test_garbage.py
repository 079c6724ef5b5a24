"""What collecting seldom promises: while it lasts only, never more often than before, nothing against one's will."""

import gc
from collections.abc import Iterator

import pytest

from metricstack.core.garbage import seldom_collected


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.mark.parametrize(("before", "during"), [(700, 200_000), (10**6, 10**6), (0, 0)])
def test_it_is_rarer_while_it_lasts_and_as_before_after_an_error(before: int, during: int) -> None:
    gc.set_threshold(before, 11, 12)
    seen = []

    def fail() -> None:
        with seldom_collected():
            seen.append(gc.get_threshold()[0])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert seen == [during]
    assert gc.get_threshold()[:2] == (before, 11)
