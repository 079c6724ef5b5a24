"""What is true of a simulated company: its edges, tests and rollouts, as ``truth.json`` holds them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from metricstack.core.errors import UnknownName
from metricstack.simulation.effects import Effect

__all__ = ["Edge", "RolloutTruth", "TestTruth", "Truth"]


@dataclass(frozen=True, slots=True)
class Edge:
    """One arrow of the linkage map, true or tempting.

    Args:
        cause, effect: Metric ids.
        kind: ``causal``; ``null`` (no path); ``confounded`` (no path, a common cause);
            ``reverse`` (the arrow points the other way); ``simpson`` (the sign turns within strata).
        step: The named step of the cause, in ``step_unit``: do(cause + step).
        truth: What the step does to the effect.
        confounders: Metrics or columns that open a back door.
        about: Why it is so.
    """

    cause: str
    effect: str
    kind: str
    step: float
    step_unit: str
    truth: Effect
    confounders: tuple[str, ...]
    about: str


@dataclass(frozen=True, slots=True)
class TestTruth:
    """What one A/B test should have found.

    Args:
        name: The experiment's key.
        story: ``plain``, or what is special about it.
        primary: Metric that decides.
        effects: Metric → true effect of treatment against control, over its window and use case.
        signal: Expected size of the primary effect in its standard errors, with the units that came.
        deserves: The verdict under full knowledge of the effects and of how the test was run.
        why: The reason, in words.
        chances: Verdict → how often a valid reading of the units that came gives it, about; the likeliest first.
        right: The verdicts that are right: `deserves` first, then what a reading short of power may say for it.
    """

    __test__ = False  # not a test of this project, whatever its name says

    name: str
    story: str
    primary: str
    lever: str
    use_case: str
    start: str
    end: str
    effects: Mapping[str, Effect]
    signal: float
    deserves: str
    why: str
    chances: Mapping[str, float]
    right: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RolloutTruth:
    """What a staged rollout did: average effects on the treated, of each cohort and of all."""

    name: str
    use_case: str
    by: str
    cohorts: Mapping[str, str]
    never: tuple[str, ...]
    effects: Mapping[str, Mapping[str, Effect]]


@dataclass(frozen=True, slots=True)
class Truth:
    """All that is true of a simulated company; `to_dict` is the content of ``truth.json``."""

    settings: Mapping[str, Any]
    edges: tuple[Edge, ...]
    tests: tuple[TestTruth, ...]
    first_stage: Mapping[str, float]
    rollouts: tuple[RolloutTruth, ...]
    incidents: tuple[Mapping[str, Any], ...]
    degradation: Mapping[str, Any]
    dirt: Mapping[str, Any]
    totals: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def edge(self, cause: str, effect: str) -> Edge:
        """Look an edge up by its metric ids."""
        by_name = {f"{edge.cause} -> {edge.effect}": edge for edge in self.edges}
        name = f"{cause} -> {effect}"
        if name not in by_name:
            raise UnknownName("edge", name, by_name)
        return by_name[name]

    def test(self, name: str) -> TestTruth:
        """Look a past test up by its key."""
        by_name = {test.name: test for test in self.tests}
        if name not in by_name:
            raise UnknownName("experiment", name, by_name)
        return by_name[name]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, floats in nine significant digits so that machines agree."""
        return dict(_plain(asdict(self)))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.9g}")
    return value
