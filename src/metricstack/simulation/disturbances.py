"""What goes wrong at the company: incidents with their whole life, and one degradation that nobody sees."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.core.streams import stream
from metricstack.simulation.company import LAST_QUARTER, USE_CASES
from metricstack.simulation.demand import HOUR, Demand
from metricstack.simulation.settings import Settings

__all__ = ["Degradation", "Disturbances", "Incident"]

_CAUSES = ("model", "data_pipeline", "prompt", "workflow", "infrastructure", "vendor")
_CAUSE_SHARES = (0.14, 0.18, 0.15, 0.13, 0.22, 0.18)
AI_CAUSES = frozenset({"model", "data_pipeline", "prompt", "workflow"})
_NAMES = {
    "model": ("Wrong refund amounts", "Answers in the wrong language", "Overconfident answers after a model update"),
    "data_pipeline": ("Stale product facts", "Half of the documents missing", "Feature feed late"),
    "prompt": (
        "Instructions ignored after a prompt change",
        "Answers too short to help",
        "Polite refusals of easy tasks",
    ),
    "workflow": ("Runs stuck between two agents", "Approval step skipped", "Acting weird: loops over one tool"),
    "infrastructure": ("Gateway time-outs", "Vector store out of memory", "Queue backlog"),
    "vendor": ("Provider returns 529", "Provider slow in one region", "Rate limit lowered without notice"),
}


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident: instants in microseconds, None where nobody wrote it down, and what it does.

    Args:
        error: Added chance that an attempt fails while it lasts.
        latency: Added to the log of the latency while it lasts.
        quality: Added to the latent quality while it lasts.
    """

    number: int
    name: str
    use_case: int
    severity: str
    cause: str
    started: int
    detected: int
    acknowledged: int | None
    diagnosed: int | None
    mitigated: int
    fixed: int | None
    closed: int | None
    error: float = 0.0
    latency: float = 0.0
    quality: float = 0.0

    @property
    def ai_related(self) -> bool:
        """Its fix needs a change to model, data pipeline, prompt or workflow logic."""
        return self.cause in AI_CAUSES


@dataclass(frozen=True, slots=True)
class Degradation:
    """Quality that falls for weeks while latency and errors look well, until something breaks."""

    use_case: int
    start: int
    failure: int
    end: int
    depth: float


@dataclass(frozen=True, slots=True)
class Disturbances:
    """Incidents and degradation, and their effects by hour and use case, shape (hours, use cases)."""

    incidents: tuple[Incident, ...]
    degradation: Degradation
    error: NDArray[np.float64]
    latency: NDArray[np.float64]
    quality: NDArray[np.float64]

    @classmethod
    def of(cls, settings: Settings, demand: Demand) -> "Disturbances":
        """Let things go wrong, about one incident in nine days, and the scripted degradation of search."""
        degradation, failure = _degradation(demand)
        drawn = [*_incidents(settings, demand), failure]
        drawn.sort(key=lambda incident: (incident.started, incident.number))
        effects = {name: np.zeros((demand.hours, len(USE_CASES))) for name in ("error", "latency", "quality")}
        for incident in drawn:
            lasting = _overlap(demand, incident.started, incident.mitigated)
            for name, effect in effects.items():
                effect[:, incident.use_case] += getattr(incident, name) * lasting
        middle = demand.start + HOUR // 2
        silent = (middle >= degradation.start) & (middle < degradation.end)
        depth = (middle - degradation.start) / max(degradation.failure - degradation.start, HOUR)
        effects["quality"][:, degradation.use_case] -= silent * degradation.depth * np.clip(depth, 0.0, 1.0)
        np.clip(effects["error"], 0.0, 0.7, out=effects["error"])
        return cls(incidents=tuple(drawn), degradation=degradation, **effects)


def _overlap(demand: Demand, start: int, end: int) -> NDArray[np.float64]:
    """Return the part of each hour that lies in [start, end)."""
    inside = np.minimum(demand.start + HOUR, end) - np.maximum(demand.start, start)
    return np.asarray(np.clip(inside / HOUR, 0.0, 1.0))


def _at(demand: Demand, fraction: float) -> int:
    return int(demand.start[0]) + int(fraction * (demand.end - int(demand.start[0]))) // 60_000_000 * 60_000_000


def _minutes(number: float) -> int:
    return max(1, round(number)) * 60_000_000


def _degradation(demand: Demand) -> tuple[Degradation, Incident]:
    start, failure = _at(demand, 0.862), _at(demand, 0.905)
    mitigated = failure + 5 * HOUR + _minutes(20)
    degradation = Degradation(1, start, failure, mitigated, depth=1.1)
    incident = Incident(
        0,
        "Search index rebuild failed",
        1,
        "sev1",
        "data_pipeline",
        started=failure,
        detected=failure + _minutes(11),
        acknowledged=failure + _minutes(16),
        diagnosed=failure + _minutes(140),
        mitigated=mitigated,
        fixed=mitigated + _minutes(35),
        closed=mitigated + 30 * HOUR,
        error=0.40,
        latency=0.5,
    )
    return degradation, incident


def _incidents(settings: Settings, demand: Demand) -> list[Incident]:
    rng = stream(settings.seed, "incidents")
    n = max(3, round(settings.days / 9.2))
    found = []
    for number in range(1, n + 1):
        fraction = float(rng.random())
        cause = _CAUSES[int(np.searchsorted(np.cumsum(_CAUSE_SHARES), rng.random()).clip(0, 5))]
        use_case = int(rng.choice(4, p=(0.34, 0.32, 0.18, 0.16)))
        severity = ("sev1", "sev2", "sev3")[int(rng.choice(3, p=(0.15, 0.4, 0.45)))]
        # Skewed durations in minutes; the last quarter recovers faster, and detects no faster.
        pace = 0.6 if fraction >= LAST_QUARTER else 1.0
        ai = cause in AI_CAUSES
        medians = (25.0 if ai else 8.0, 7.0, (95.0 if ai else 40.0) * pace, (60.0 if ai else 30.0) * pace)
        detect, take, diagnose, repair = (
            median * float(np.exp(0.75 * z)) for median, z in zip(medians, rng.standard_normal(4), strict=True)
        )
        started = _at(demand, fraction)
        detected = started + _minutes(detect)
        acknowledged = detected + _minutes(take)
        diagnosed = acknowledged + _minutes(diagnose)
        fixed = diagnosed + _minutes(repair)
        # A way round is sometimes found before the fix is live.
        mitigated = diagnosed + _minutes(repair * 0.4) if rng.random() < 0.45 else fixed + _minutes(5)
        size = {"sev1": 1.6, "sev2": 1.0, "sev3": 0.5}[severity]
        lost = rng.random(4) < (0.08, 0.12, 0.10, 0.06)
        found.append(
            Incident(
                number,
                _NAMES[cause][int(rng.integers(3))],
                use_case,
                severity,
                cause,
                started=started,
                detected=detected,
                acknowledged=None if lost[0] else acknowledged,
                diagnosed=None if lost[1] else diagnosed,
                mitigated=mitigated,
                fixed=None if lost[2] else fixed,
                closed=None
                if lost[3]
                else max(fixed, mitigated) + _minutes(600 * float(np.exp(rng.standard_normal()))),
                error={"infrastructure": 0.16, "vendor": 0.22, "workflow": 0.08}.get(cause, 0.0) * size,
                latency={"infrastructure": 0.35, "vendor": 0.30}.get(cause, 0.0) * size,
                quality=0.0 if cause in ("infrastructure", "vendor") else -0.75 * size,
            )
        )
    return found
