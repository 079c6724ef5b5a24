"""What `forms_of` promises: totals and ratios of sums are found wherever they hide, nothing else is taken for one."""

import pytest

from metricstack.metrics import catalogue
from metricstack.metrics.language.forms import constant, forms_of
from metricstack.metrics.language.formula import parse
from metricstack.metrics.language.resolve import inline
from metricstack.metrics.query.states import Role

close = pytest.approx


def test_means_ratios_and_totals_are_told_apart() -> None:
    (mean,) = forms_of(parse("mean(cost)"), "requests")
    assert [state.role for _, state in (*mean.top, *mean.bottom)] == [Role.TOTAL, Role.KNOWN]
    (ratio,) = forms_of(parse("2 * sum(cost) / (count(successful) + count(escalated))"), "requests")
    assert list(ratio.top.values()) == [2.0]
    assert len(ratio.bottom) == 2
    (total,) = forms_of(parse("sum(cost)"), "requests")
    assert total.bottom is None


def test_a_constant_beside_a_mean_never_moves() -> None:
    (form,) = forms_of(parse("1 - mean(successful)"), "requests")
    assert constant(form.scale, lambda: 1.0) == close(-1.0)


def test_days_scale_a_total() -> None:
    (form,) = forms_of(parse("count() / days()"), "requests")
    assert form.bottom is None
    assert constant(form.scale, lambda: 2.0) == close(1 / (2 * 86_400))


def test_a_ratio_over_rows_known_in_both_is_one_form() -> None:
    known = catalogue()
    found = [d for d in known if d.formula.startswith("ratio(")]
    assert found
    for definition in found:
        (form,) = forms_of(inline(definition, known.definitions), definition.table)
        assert [state.role for _, state in (*form.top, *form.bottom)] == [Role.TOTAL, Role.TOTAL]


@pytest.mark.parametrize(
    "formula",
    ["distinct(user)", "stddev(cost)", "sum(cost) / distinct(user)", "sum(cost) * count()", "mean(retries per user)",
     "mean(cost) / mean(latency)"],
)  # fmt: skip
def test_anything_else_is_none(formula: str) -> None:
    assert forms_of(parse(formula), "requests") is None
