"""The frozen values that travel between floors; none of them can hide what it does not know.

`Estimate` and `Refusal` are the two answers to a question, `Check` is a condition under which
an answer holds, `Finding` ties them to where they came from, `Moments` are the sums from which
statistics are computed.
"""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metricstack.core.errors import InvalidInput
from metricstack.core.show import Shown
from metricstack.core.units import check_unit
from metricstack.core.windows import Window

__all__ = ["Answer", "Check", "Estimate", "Finding", "Grade", "Moments", "Provenance", "Reason", "Refusal"]


class Reason(StrEnum):
    """Why right inputs cannot answer: a closed set, so that a reader may act on it."""

    MISSING_TABLE = "missing_table"
    MISSING_COLUMN = "missing_column"
    NO_DATA = "no_data"
    NOT_MEASURED = "not_measured"
    TOO_FEW_UNITS = "too_few_units"
    LOW_COVERAGE = "low_coverage"
    NO_VARIATION = "no_variation"
    UNDEFINED_RATIO = "undefined_ratio"
    MEAN_TOO_CLOSE_TO_ZERO = "mean_too_close_to_zero"
    UNKNOWN_SAMPLING = "unknown_sampling"
    WITHHELD = "withheld"
    UNSTABLE = "unstable"
    DEPENDS_ON_REFUSAL = "depends_on_refusal"


class Grade(StrEnum):
    """How strong the evidence is: from randomised (A) to association (D); measured for a description."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    MEASURED = "measured"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Estimate(Shown):
    """A number with its unit, its n and how sure it is.

    Args:
        value: The best single number.
        unit: One of `core.units`.
        n: How many independent or raw observations it stands on, as ``method`` says.
        method: How it was computed, in a few words; ``"census"`` means every unit was
            seen and there is no interval. Any other method without an interval is a bound.
        low: Lower bound, ``-inf`` where unbounded; None for a census.
        high: Upper bound, ``inf`` where unbounded; None for a census.
        level: Confidence level of the interval, a fraction in (0, 1); None for a census.
        parts: The separate pieces where the interval is a union (Anderson-Rubin sets);
            ``low`` and ``high`` are then its hull.

    Raises:
        InvalidInput: a value that is not finite, an interval without a level, or bounds
            the wrong way round.

    Example:
        >>> Estimate(0.5, unit="fraction", n=100, method="Wilson", low=0.40, high=0.60, level=0.95).half_width
        0.1
    """

    value: float
    unit: str
    n: int
    method: str
    low: float | None = None
    high: float | None = None
    level: float | None = None
    parts: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise InvalidInput(f"An estimate's value is {self.value}; return a Refusal when a number cannot be given.")
        check_unit(self.unit)
        given = [bound is not None for bound in (self.low, self.high, self.level)]
        if any(given) != all(given):
            raise InvalidInput("An interval needs low, high and level together, or none of them for a census.")
        if self.low is not None and self.high is not None and self.level is not None:
            if not self.low <= self.high:
                raise InvalidInput(f"The interval's low {self.low} is above its high {self.high}.")
            if not 0 < self.level < 1:
                raise InvalidInput(f"The level {self.level} is outside (0, 1); 0.95 is usual.")

    @property
    def is_census(self) -> bool:
        """True where every unit was seen, so that there is no interval."""
        return self.low is None and self.method == "census"

    @property
    def is_bound(self) -> bool:
        """True where part of the rows is unknown, so that the value only bounds the truth; ``method`` says how."""
        return self.low is None and self.method != "census"

    @property
    def half_width(self) -> float | None:
        """Half of the interval's length, None for a census."""
        return None if self.low is None or self.high is None else round((self.high - self.low) / 2, 15)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; unbounded bounds become None beside ``"unbounded"``."""
        bounds = {
            name: bound if bound is None or math.isfinite(bound) else None
            for name, bound in (("low", self.low), ("high", self.high))
        }
        result: dict[str, Any] = {
            "kind": "estimate", "value": self.value, **bounds, "level": self.level,
            "unit": self.unit, "n": self.n, "method": self.method,
        }  # fmt: skip
        if any(bound is not None and math.isinf(bound) for bound in (self.low, self.high)):
            result["unbounded"] = True
        if self.parts:
            result["parts"] = [[end if math.isfinite(end) else None for end in part] for part in self.parts]
        return result


@dataclass(frozen=True, slots=True)
class Refusal(Shown):
    """Right inputs that cannot answer: why, in detail, and what would help. Never a 0 instead.

    Example:
        >>> refusal = Refusal(
        ...     Reason.TOO_FEW_UNITS, "the smaller arm has 12 units; 30 are needed", "Run longer."
        ... )
        >>> print(refusal)
        too_few_units: the smaller arm has 12 units; 30 are needed. Run longer.
    """

    reason: Reason
    detail: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail.rstrip('.')}.{' ' if self.remedy else ''}{self.remedy}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"kind": "refusal", "reason": str(self.reason), "detail": self.detail, "remedy": self.remedy}


Answer = Estimate | Refusal


@dataclass(frozen=True, slots=True)
class Check:
    """A condition under which an answer holds: passed, failed, or (None) only to inform.

    Example:
        >>> Check("coverage", passed=None, detail="97 % of requests have a known outcome").passed is None
        True
    """

    name: str
    passed: bool | None
    detail: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"name": self.name, "passed": self.passed, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a number came from: definition, data, window and code.

    Args:
        definition: Hash of the definition's tree and inputs, empty where there is none.
        window: The instants it is about.
        tables: Table name → fingerprint of the rows' files.
        code: The version of metricstack.
    """

    definition: str = ""
    window: Window | None = None
    tables: tuple[tuple[str, str], ...] = ()
    code: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "definition": self.definition,
            "window": None if self.window is None else {
                "name": self.window.name,
                "start": self.window.start.isoformat(),
                "end": self.window.end.isoformat(),
            },
            "tables": dict(self.tables),
            "code": self.code,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding(Shown):
    """A question and its answer, with the evidence, the conditions and the origin.

    Args:
        question: What was asked, for a reader: ``"Latency p95 in 2026Q3, support copilot"``.
        answer: `Estimate` or `Refusal`.
        subject: What was measured: a metric id, an experiment key, an edge.
        where: Dimension → value that narrows it: ``(("use_case", "support_copilot"),)``.
        grade: Strength of the evidence; ``measured`` for a descriptive number.
        checks: What was tested about the answer.
        assumptions: What was taken as given.
        provenance: Where it came from.
    """

    question: str
    answer: Answer
    subject: str = ""
    where: tuple[tuple[str, str], ...] = ()
    grade: Grade = Grade.MEASURED
    checks: tuple[Check, ...] = ()
    assumptions: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)

    @property
    def findings(self) -> tuple["Finding", ...]:
        """Itself: so that whatever is made of findings reads alike."""
        return (self,)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, complete enough to compare with the next quarter."""
        return {
            "question": self.question,
            "subject": self.subject,
            "where": dict(self.where),
            "answer": self.answer.to_dict(),
            "grade": str(self.grade),
            "checks": [check.to_dict() for check in self.checks],
            "assumptions": list(self.assumptions),
            "provenance": self.provenance.to_dict(),
        }


@dataclass(frozen=True, eq=False)
class Moments:
    """The sums of one group: n, means, centred cross-products. Mergeable, and all that statistics need.

    Args:
        n: Number of units.
        means: Mean of each variable, shape (k,), float64, no NaN.
        cross: Centred cross-products ``sum((x - mean_x) * (y - mean_y))``, shape (k, k), symmetric.
        names: Names of the k variables.

    Example:
        >>> a, b = Moments.of_samples(x=[1.0, 2.0]), Moments.of_samples(x=[6.0])
        >>> whole = a.merge(b)
        >>> whole.n, whole.mean, whole.variance
        (3, 3.0, 7.0)
    """

    n: int
    means: NDArray[np.float64]
    cross: NDArray[np.float64]
    names: tuple[str, ...] = ("value",)

    def __post_init__(self) -> None:
        means = np.array(self.means, dtype=np.float64, ndmin=1)
        cross = np.array(self.cross, dtype=np.float64, ndmin=2)
        k = len(self.names)
        if self.n < 0 or means.shape != (k,) or cross.shape != (k, k):
            raise InvalidInput(
                f"Moments of {k} variables need n >= 0, means of shape ({k},) and cross-products of shape "
                f"({k}, {k}); got n = {self.n}, {means.shape} and {cross.shape}."
            )
        if not (np.isfinite(means).all() and np.isfinite(cross).all()):
            raise InvalidInput("Moments hold a value that is not finite. Leave missing observations out of the sums.")
        means.setflags(write=False)
        cross.setflags(write=False)
        object.__setattr__(self, "means", means)
        object.__setattr__(self, "cross", cross)

    @classmethod
    def of(cls, n: int, mean: float, variance: float) -> Self:
        """Build the moments of one variable from its sample mean and variance (divisor n - 1).

        Example:
            >>> Moments.of(400, 10.0, 4.0).variance
            4.0
        """
        return cls(n, np.array([mean]), np.array([[variance * max(n - 1, 0)]]))

    @classmethod
    def of_samples(cls, **samples: ArrayLike) -> Self:
        """Build the joint moments of named samples of equal length, two-pass, so that large means keep their spread."""
        data = np.array([np.asarray(sample, dtype=np.float64) for sample in samples.values()])
        n = data.shape[1]
        means = data.mean(axis=1) if n else np.zeros(len(data))
        centred = data - means[:, None]
        return cls(n, means, centred @ centred.T, tuple(samples))

    def merge(self, other: "Moments") -> "Moments":
        """Combine two disjoint groups (Chan, Golub & LeVeque's pairwise update)."""
        if self.names != other.names:
            raise InvalidInput(f"Moments of {self.names} and of {other.names} cannot be merged.")
        n = self.n + other.n
        if n == 0:
            return self
        step = other.means - self.means
        means = self.means + step * (other.n / n)
        return Moments(n, means, self.cross + other.cross + np.outer(step, step) * (self.n * other.n / n), self.names)

    def _index(self, name: str | None) -> int:
        return 0 if name is None else self.names.index(name)

    @property
    def mean(self) -> float:
        """Mean of the first variable."""
        return float(self.means[0])

    @property
    def variance(self) -> float:
        """Sample variance of the first variable (divisor n - 1), 0 below two units."""
        return self.covariance()

    def covariance(self, x: str | None = None, y: str | None = None) -> float:
        """Sample covariance of two named variables (divisor n - 1); of the first with itself by default."""
        return float(self.cross[self._index(x), self._index(y)]) / max(self.n - 1, 1)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Moments)
            and (self.n, self.names) == (other.n, other.names)
            and np.array_equal(self.means, other.means)
            and np.array_equal(self.cross, other.cross)
        )

    def __hash__(self) -> int:
        return hash((self.n, self.names, self.means.tobytes(), self.cross.tobytes()))
