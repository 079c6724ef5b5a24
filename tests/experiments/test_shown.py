"""What results of experiments promise in a notebook: each that shows itself has a look, words and a picture."""

import inspect

import pytest

from metricstack import experiments
from metricstack.core.show import RENDERERS, Shown
from metricstack.core.values import Moments

KINDS = [getattr(experiments, name) for name in experiments.__all__]
SHOWN = [kind for kind in KINDS if inspect.isclass(kind) and issubclass(kind, Shown)]


@pytest.mark.parametrize("kind", SHOWN, ids=lambda kind: kind.__name__)
def test_a_result_that_shows_itself_can(kind: type) -> None:
    names = [one.__name__ for one in kind.__mro__ if one is not Shown]
    own = all(any((name, verb) in RENDERERS for name in names) for verb in ("say", "html", "chart"))
    assert own or hasattr(kind, "findings")  # of which any result is shown that has no look of its own


def test_a_posterior_and_a_margin_are_shown_and_said() -> None:
    control, treatment = Moments.of(400, 10.0, 4.0), Moments.of(400, 10.5, 4.0)
    posterior = experiments.bayes_normal(control=control, treatment=treatment)
    margin = experiments.noninferiority(control=control, treatment=treatment, margin=0.2, kind="absolute")
    for found in (posterior, margin):
        assert found.say()
        assert "<" in found._repr_html_()
        assert found.chart() is not None
