"""DevLake's incidents, and the deployments that they are laid to."""

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from metricstack.sources.devlake_deployments import PRODUCTION, Part, live_parts
from metricstack.sources.devlake_export import Export, Moment

__all__ = ["ATTRIBUTION", "Incident", "Incidents"]

ATTRIBUTION = timedelta(days=7)
"""An incident is laid to the last production deployment before it, where that is at most so long ago."""

_SEVERITIES = {
    "sev1": "sev1", "sev-1": "sev1", "critical": "sev1", "blocker": "sev1",
    "sev2": "sev2", "sev-2": "sev2", "major": "sev2", "high": "sev2",
    "sev3": "sev3", "sev-3": "sev3", "minor": "sev3", "low": "sev3",
}  # fmt: skip
"""Words for severities that mean the same everywhere → ours; any other is unknown."""


@dataclass(slots=True)
class Incident:
    """An incident as it is put together.

    Args:
        row: Number of its row in the file, from 1.
        id: DevLake's id of it.
        key: What people call it.
        scope: Kind and id of the board or repository that it was reported to.
        severity: How bad, where DevLake's word is one that everybody means alike.
        started: When it was reported: DevLake knows of no earlier moment.
        closed: When it was resolved.
        before: The last production deployment before it in its project, empty where there is none.
        after: How long after that deployment it was reported.
    """

    row: int
    id: str | None
    key: str | None
    scope: tuple[str, str]
    severity: str | None
    started: Moment
    closed: Moment
    before: str = ""
    after: timedelta | None = None


class Incidents:
    """All incidents of an export, each laid to a deployment where one was shortly before.

    Args:
        export: The export.
        parts: The parts of its deployments.
        changes: Ids of its pull requests.

    Attributes:
        caused: Deployment → the incidents that are laid to it.
        knows_ends: The export says when incidents were resolved.
        knows_fixes: The export says which pull requests fixed incidents.
    """

    def __init__(self, export: Export, parts: Sequence[Part], changes: set[str]) -> None:
        self._export = export
        self.knows_ends = False
        self.all = [self._incident(number, row) for number, row in export.rows("incidents")]
        self.caused: dict[str, list[Incident]] = defaultdict(list)
        self._lay(parts)
        self._began = {incident.id: incident.started.at for incident in self.all if incident.id}
        # DevLake makes an incident of a pull request that was labelled as the fix of one.
        self._fixes: dict[str, set[str]] = {name: {name} for name in changes & self._began.keys()}
        for _, row in export.rows("pull_request_issues"):
            change, incident = row["pull_request_id"], row["issue_id"]
            if change in changes and incident in self._began and change and incident:
                self._fixes.setdefault(change, set()).add(incident)
        self.knows_fixes = export.has("incidents") and (export.has("pull_request_issues") or bool(self._fixes))

    def _incident(self, number: int, row: dict[str, str | None]) -> Incident:
        self.knows_ends = self.knows_ends or "resolution_date" in row
        return Incident(
            number, row["id"], row.get("incident_key"), (row.get("table") or "", row.get("scope_id") or ""),
            _SEVERITIES.get((row.get("severity") or "").casefold()),
            Moment.read(row["created_date"]), Moment.read(row.get("resolution_date")),
        )  # fmt: skip

    def _lay(self, parts: Sequence[Part]) -> None:
        """Find the last part that went live in production before each incident, in a project that both belong to."""
        live: dict[str, list[tuple[datetime, int, str]]] = defaultdict(list)
        for moment, part in live_parts(parts):
            if part.env == PRODUCTION:
                for project in self._export.projects_of("cicd_scopes", part.scope):
                    live[project].append((moment, part.row, part.deployment))
        for incident in self.all:
            reported = incident.started.at
            if reported is None:
                continue
            lists = [live[project] for project in self._export.projects_of(*incident.scope) if project in live]
            places = [(moments, bisect_left(moments, (reported,))) for moments in lists]
            before = [moments[place - 1] for moments, place in places if place]
            if before:
                finished, _, incident.before = max(before)
                incident.after = reported - finished
                if incident.after <= ATTRIBUTION:
                    self.caused[incident.before].append(incident)

    def recovered(self, deployment: str) -> datetime | None:
        """Return when the last incident that is laid to a deployment was over; None while one is not."""
        ends = [incident.closed.at for incident in self.caused.get(deployment, ())]
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) else None

    def is_mended(self, changes: Sequence[str], by: datetime) -> bool:
        """Tell whether one of these changes is the fix of an incident that had begun by then."""
        moments = [self._began[incident] for change in changes for incident in self._fixes.get(change, ())]
        return any(moment is not None and moment <= by for moment in moments)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of our table, in order."""
        for incident in self.all:
            origin = None
            if incident.after is not None:
                hours = round(incident.after.total_seconds() / 3600, 2)
                laid = incident.after <= ATTRIBUTION
                origin = json.dumps({"deployment_before": incident.before, "hours_after": hours, "laid_to_it": laid})
            yield {
                "incident": incident.id, "name": incident.key, "service": self._export.service(*incident.scope),
                "severity": incident.severity, "started": incident.started.text, "closed": incident.closed.text,
                "attributes": origin, "_row": incident.row,
            }  # fmt: skip
