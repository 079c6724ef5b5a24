"""A trial: every metric of a workspace's catalogue, computed once on its data, to see which of them cannot be."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metricstack.core.errors import Fault, MetricstackError
from metricstack.core.values import Finding, Refusal
from metricstack.core.windows import Window
from metricstack.metrics.definitions import Catalogue, catalogue
from metricstack.metrics.evaluate import evaluate
from metricstack.telemetry.completeness import last_full_quarter

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["Trial", "try_metrics"]


@dataclass(frozen=True)
class Trial:
    """What came of computing every metric.

    Args:
        window: The window that they were computed for.
        findings: One for each metric that could be asked.
        faults: One for each that could not: ``file:line: metric 'id': what went wrong``.
    """

    window: Window
    findings: tuple[Finding, ...]
    faults: tuple[Fault, ...]

    @property
    def answers(self) -> tuple[Finding, ...]:
        """The findings that give a number."""
        return tuple(finding for finding in self.findings if not isinstance(finding.answer, Refusal))

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """The findings that say why there is none."""
        return tuple(finding for finding in self.findings if isinstance(finding.answer, Refusal))

    @property
    def reasons(self) -> Mapping[str, int]:
        """Reason → how many were refused for it, the commonest first."""
        counted = Counter(
            str(finding.answer.reason) for finding in self.findings if isinstance(finding.answer, Refusal)
        )
        return dict(counted.most_common())

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "window": {
                "name": self.window.name,
                "start": self.window.start.isoformat(),
                "end": self.window.end.isoformat(),
            },
            "metrics": len(self.findings) + len(self.faults),
            "answers": len(self.answers),
            "refusals": len(self.refusals),
            "reasons": dict(self.reasons),
            "faults": list(self.faults),
            "refused": [{"metric": finding.subject} | finding.answer.to_dict() for finding in self.refusals],
        }


def try_metrics(ws: "Workspace", window: Window | str | None = None) -> Trial:
    """Compute every metric of a workspace's catalogue once.

    They are computed together, as a report does; where that fails, one by one, so that those which
    fail are named with the file and line of their definition.

    Args:
        ws: The workspace.
        window: A window, a quarter's name, or None for the last quarter that the data fill.

    Raises:
        ConfigurationError: a definition cannot be loaded; all faults of all files, with file and line.
        InvalidInput: the workspace has no data to compute anything of.
    """
    known = catalogue(ws)
    span = last_full_quarter(ws) if window is None else ws.quarter(window) if isinstance(window, str) else window
    try:
        return Trial(span, evaluate(ws, known.ids, window=span).findings, ())
    except Exception:  # noqa: BLE001 - whatever an engine raises: which metric it was is found out by asking each
        return _one_by_one(ws, known, span)


def _one_by_one(ws: "Workspace", known: Catalogue, span: Window) -> Trial:
    findings: list[Finding] = []
    faults: list[Fault] = []
    for definition in known:
        try:
            findings += evaluate(ws, definition.id, window=span).findings
        except Exception as error:  # noqa: BLE001 - a metric's fault is what is asked for
            said = str(error).strip() or type(error).__name__
            if not isinstance(error, MetricstackError):
                said = f"{type(error).__name__}: {said.splitlines()[0]}"
            faults.append(Fault(f"{definition.origin}: metric {definition.id!r}: {said}"))
    return Trial(span, tuple(findings), tuple(faults))
