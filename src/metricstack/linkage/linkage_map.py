"""The map: every edge judged with all the others in mind, and what has changed since the last one."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.show import Shown
from metricstack.core.values import Finding
from metricstack.experiments.effect import Effect
from metricstack.experiments.families import AdjustedPValues, adjust
from metricstack.linkage.evidence import Evidence
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.ledger import Ledger, Trial, trials
from metricstack.linkage.verdict import Edge, best_standing, judge

__all__ = ["EdgeChange", "LinkageMap", "linkage_map"]


@dataclass(frozen=True, slots=True)
class EdgeChange:
    """How an edge differs from the last map.

    Args:
        edge: The edge.
        what: ``"new"``, ``"gone"``, ``"grade"``, ``"verdict"``, ``"sign"`` or ``"size"`` (outside of the old interval).
        before: What it was.
        after: What it is.
    """

    edge: str
    what: str
    before: str
    after: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"edge": self.edge, "what": self.what, "before": self.before, "after": self.after}


@dataclass(frozen=True)
class LinkageMap(Shown):
    """Which causes move which effects, and how sure that is.

    Args:
        edges: Each with its verdict.
        ledger: Every test that was run.
        family: What the multiplicity is controlled over, in words.
        q: The false discovery rate over the edges.
        level: Level of every interval: one that keeps its promise for the edges that were found.
    """

    edges: tuple[Edge, ...]
    ledger: Ledger
    family: str
    q: float
    level: float

    def __len__(self) -> int:
        return len(self.edges)

    def __iter__(self) -> Iterator[Edge]:
        return iter(self.edges)

    def edge(self, cause: str, effect: str) -> Edge:
        """Return one edge.

        Raises:
            UnknownName: it is not on the map; names the nearest.
        """
        by_key = {one.key: one for one in self.edges}
        key = f"{cause} -> {effect}"
        if key not in by_key:
            raise UnknownName("edge", key, by_key)
        return by_key[key]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One finding for each edge."""
        return tuple(one.finding for one in self.edges)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "kind": "linkage_map", "edges": [one.to_dict() for one in self.edges], "ledger": self.ledger.to_dict(),
            "family": self.family, "q": self.q, "level": self.level,
        }  # fmt: skip

    def diff(self, previous: "LinkageMap | Mapping[str, Any]") -> tuple[EdgeChange, ...]:
        """Say what has changed since another map: grades, verdicts, signs, and sizes outside of the old interval.

        Args:
            previous: The older map, or what its ``to_dict`` gave.

        Raises:
            InvalidInput: a mapping that is no map; names what is wrong with it.
        """
        told = previous.to_dict() if isinstance(previous, LinkageMap) else previous
        if not isinstance(told.get("edges"), list | tuple):
            raise InvalidInput("The previous map has no list of edges; give a LinkageMap or its to_dict().")
        for place, one in enumerate(told["edges"], start=1):
            _check(place, one)
        old = {f"{one['cause']} -> {one['effect']}": one for one in told["edges"]}
        new = {one.key: one.to_dict() for one in self.edges}
        changes = [EdgeChange(key, "new", "", str(one["verdict"])) for key, one in new.items() if key not in old]
        changes += [EdgeChange(key, "gone", str(one["verdict"]), "") for key, one in old.items() if key not in new]
        for key, one in new.items():
            if key in old:
                changes += _changes(key, old[key], one)
        return tuple(changes)


def _check(place: int, told: Any) -> None:
    """Refuse an edge of which nothing can be told, with what is wrong."""
    edge = told if isinstance(told, Mapping) else {}
    scale = edge.get("scale")
    wrong = [name for name in ("cause", "effect", "grade", "verdict") if not isinstance(edge.get(name), str)]
    wrong += [name for name in ("estimate", "low", "high") if name not in edge or not _is_number_or_none(edge[name])]
    if not isinstance(scale, Mapping) or scale.get("step") is None or not _is_number_or_none(scale["step"]):
        wrong.append("scale")
    if wrong:
        raise InvalidInput(
            f"In edge {place} of the previous map {' and '.join(wrong)} cannot be read; give a LinkageMap or its "
            "to_dict(), or write a file with `metricstack link --format json`."
        )


def _is_number_or_none(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not math.isnan(value))


def _changes(key: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[EdgeChange]:
    for what in ("grade", "verdict"):
        if before[what] != after[what]:
            yield EdgeChange(key, what, str(before[what]), str(after[what]))
    was, now = before["estimate"], after["estimate"]
    if was is None or now is None or any(before["scale"].get(of) != after["scale"][of] for of in ("step", "unit")):
        return  # effects of different steps, or in different units, have no common size
    if was * now < 0 and (_is_sure(before) or _is_sure(after)):  # else chance alone turns it every quarter
        yield EdgeChange(key, "sign", f"{was:+.4g}", f"{now:+.4g}")
    low = -math.inf if before["low"] is None else before["low"]
    high = math.inf if before["high"] is None else before["high"]
    if not low <= now <= high:
        yield EdgeChange(key, "size", f"{was:+.4g} [{low:.4g}, {high:.4g}]", f"{now:+.4g}")


def _is_sure(edge: Mapping[str, Any]) -> bool:
    """True where the interval of an edge leaves out 0."""
    low, high = edge["low"], edge["high"]
    return (low is not None and low > 0) or (high is not None and high < 0)


def linkage_map(
    edges: Iterable[tuple[Hypothesis, Sequence[Evidence]]], *, q: float = 0.05, more: Sequence[Trial] = ()
) -> LinkageMap:
    """Judge all edges together.

    Args:
        edges: Each hypothesis with what its rungs said.
        q: False discovery rate over the edges, whatever their dependence: they share their data.
        more: Further trials that were run, as of lags and placebos: they are told.

    Raises:
        InvalidInput: an edge that is there twice, or a rate outside (0, 1).

    Source:
        Benjamini and Yekutieli (2001) for the edges found under any dependence; Benjamini and Yekutieli (2005) for
        the intervals: of m edges, R found, each has the level ``1 - R q / (m (1 + 1/2 + ... + 1/m))``, and leaves out
        0 exactly where the edge is found. All edges have this level, R being 1 at least.

    Example:
        >>> from metricstack.experiments.effect import effect
        >>> from metricstack.linkage.evidence import Rung
        >>> edge = Hypothesis("relevance", "task_success", 0.05, +1, 0.01, effect_unit="fraction")
        >>> found = effect(0.03, 0.002, unit="fraction", n=66, method="portfolio of tests")
        >>> drawn = linkage_map([(edge, [Evidence(Rung.PORTFOLIO, "portfolio of tests", found, 66)])])
        >>> str(drawn.edge("relevance", "task_success").verdict), drawn.level
        ('supports', 0.95)
    """
    given = [(hypothesis, tuple(evidence)) for hypothesis, evidence in edges]
    keys = [hypothesis.key for hypothesis, _ in given]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise InvalidInput(f"The edge {twice[0]!r} is on the map twice.")
    if not 0 < q < 1:
        raise InvalidInput(f"The false discovery rate {q} is outside (0, 1); 0.05 is usual.")
    best = [best_standing(evidence) for _, evidence in given]
    told = {
        at: one.estimate.p_value
        for at, one in enumerate(best)
        if one is not None and isinstance(one.estimate, Effect) and one.estimate.p_value is not None
    }
    adjusted: dict[int, float] = {}
    m, found = len(given), 0
    if told:
        family = adjust(list(told.values()), "by", alpha=q, size=m)
        assert isinstance(family, AdjustedPValues)  # there is one p-value at least
        adjusted = dict(zip(told, family.adjusted, strict=True))
        found = sum(family.rejected)
    level = 1 - max(found, 1) * q / (max(m, 1) * sum(1 / i for i in range(1, max(m, 1) + 1)))
    judged = tuple(
        judge(hypothesis, evidence, level=level, p_adjusted=adjusted.get(at))
        for at, (hypothesis, evidence) in enumerate(given)
    )
    written = tuple(one for edge in judged for one in trials(edge.hypothesis, edge.evidence, edge.best))
    text = (
        f"{m} edges, {found} found; Benjamini-Yekutieli at q = {q:g}, intervals of level {level:.4f} "
        f"({len(written) + len(more)} tests in the ledger)"
    )
    return LinkageMap(judged, Ledger((*written, *more)), text, q, level)
