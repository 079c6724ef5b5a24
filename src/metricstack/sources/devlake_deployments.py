"""DevLake's deployments: their parts, what became of each, and which brought which commit to life."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from metricstack.sources.devlake_export import Export, Moment

__all__ = [
    "ENVIRONMENTS",
    "PRODUCTION",
    "RESULTS",
    "UNKNOWN",
    "Deployment",
    "Part",
    "deployments_of",
    "live_parts",
    "predecessors",
    "read_parts",
]

PRODUCTION = "production"
ENVIRONMENTS = {"production": PRODUCTION, "staging": "staging", "testing": "testing"}
"""DevLake's words for environments → ours; any other name stays as it is."""

UNKNOWN = "unknown"
"""Said of an environment that DevLake could not tell; an empty one would count as the workspace's own."""

RESULTS = {
    "success": "success",
    "failure": "failure",
    "failed": "failure",
    "error": "failure",
    "abort": "cancelled",
    "aborted": "cancelled",
    "cancel": "cancelled",
    "canceled": "cancelled",
    "cancelled": "cancelled",
    "skipped": "cancelled",
}
"""DevLake's words for results → the contract's; any other is no result."""

_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
_BEST_FIRST = ("success", "failure", "cancelled")


@dataclass(frozen=True, slots=True)
class Part:
    """One commit of one repository in a deployment: a row of ``cicd_deployment_commits``.

    Args:
        row: Number of the row in its file, from 1.
        id: DevLake's id of the row.
        deployment: The deployment that it is part of.
        scope: The pipeline or repository that it was configured under.
        repository: The repository's URL.
        commit: SHA of the deployed commit.
        previous: Id of the last successful part before it, as DevLake knows it; empty where it says none.
        result: A result of the contract, or DevLake's word where it is none; empty while it runs.
        env: The environment, never empty.
        finished: When it ended; None = not yet, or not known.
        fault: Why the row cannot be read, empty where it can.
    """

    row: int
    id: str
    deployment: str
    scope: str
    repository: str
    commit: str
    previous: str
    result: str
    env: str
    finished: datetime | None
    fault: str = ""

    @property
    def place(self) -> tuple[str, str, str]:
        """What one part replaces the one before it in."""
        return self.scope, self.repository, self.env


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment, which may have several parts.

    Args:
        id: DevLake's ``cicd_deployment_id``.
        row: Row of its first part.
        scope: The scope of its first part.
        scopes: All of them.
        env: Production where any part is; else the environment of the part that ended last.
        status: ``success`` where the last part in any repository succeeded: that much is live; else
            ``failure`` where one failed; DevLake's word where that is no result.
        deployed: When the last of them ended.
        fault: Why it cannot be placed in time, empty where it can.
        parts: The parts in that environment.
        mixed: Some repositories went live and some did not.
    """

    id: str
    row: int
    scope: str
    scopes: tuple[str, ...]
    env: str
    status: str
    deployed: datetime | None
    fault: str
    parts: tuple[Part, ...] = field(repr=False)
    mixed: bool = False


def read_parts(export: Export) -> list[Part]:
    """Read the parts of all deployments.

    GitHub says when a deployment was last touched, not when it ended, and DevLake takes the one for the
    other. A deployment that the next one replaced was touched by that: it is placed at its start.
    """
    parts = []
    for number, row in export.rows("cicd_deployment_commits"):
        result, env = (row["result"] or "").casefold(), (row["environment"] or "").casefold()
        replaced = (row.get("original_status") or "").casefold() == "inactive" and row.get("started_date")
        ended = Moment.read(row["started_date"] if replaced else row["finished_date"])
        header = "started_date" if replaced else "finished_date"
        parts.append(Part(
            number, row["id"] or "", row["cicd_deployment_id"] or row["id"] or "", row.get("cicd_scope_id") or "",
            row.get("repo_url") or "", row["commit_sha"] or "", row.get("prev_success_deployment_commit_id") or "",
            RESULTS.get(result, result), ENVIRONMENTS.get(env, env or UNKNOWN), ended.at,
            f"{header!r} is not a time" if ended.is_broken else "",
        ))  # fmt: skip
    return parts


def deployments_of(parts: Iterable[Part]) -> list[Deployment]:
    """Gather parts into deployments, in the order of their first rows.

    A part that failed and was tried again in the same deployment and repository counts as what the
    last try came to.
    """
    gathered: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        gathered[part.deployment].append(part)
    return [_deployment(name, members) for name, members in gathered.items()]


def _deployment(name: str, members: Sequence[Part]) -> Deployment:
    first = min(members, key=lambda part: part.row)
    in_time = sorted(members, key=lambda part: (part.finished or _BEFORE_ALL, part.row))
    env = PRODUCTION if any(part.env == PRODUCTION for part in members) else in_time[-1].env
    here = [part for part in in_time if part.env == env]
    last = {(part.scope, part.repository): part for part in here}
    results = [part.result for part in last.values()]
    foreign = [result for result in results if result not in _BEST_FIRST]
    status = foreign[0] if foreign else min(results, key=_BEST_FIRST.index)
    fault = next((part.fault for part in here if part.fault), "")
    moments = [part.finished for part in last.values()]
    if not fault and (not all(results) or None in moments):
        fault = "it has not ended" if not all(results) else "no 'finished_date' says when it ended"
    known = [moment for moment in moments if moment is not None]
    return Deployment(
        name, first.row, first.scope, tuple(dict.fromkeys(part.scope for part in members)), env, status,
        max(known, default=None), fault, tuple(here), len(set(results)) > 1 and "success" in results,
    )  # fmt: skip


def live_parts(parts: Iterable[Part]) -> list[tuple[datetime, Part]]:
    """Return the parts that went live, each with when it did, in order of time."""
    found = [(part.finished, part) for part in parts if part.result == "success" and part.finished is not None]
    return sorted(found, key=lambda pair: (pair[0], pair[1].row))


def predecessors(parts: Sequence[Part]) -> Mapping[str, str | None]:
    """Find what each live part replaced: the commit that was live before it in the same place.

    DevLake's own word for it counts where its part is here; else it is the last live part before in
    the same scope, repository and environment.

    Returns:
        Id of the part → the commit that it replaced; an empty text where it is the first that is known
        there; None where something was before it that is not here.
    """
    commits = {part.id: part.commit for part in parts}
    before: dict[tuple[str, str, str], str] = {}
    found: dict[str, str | None] = {}
    for _, part in live_parts(parts):
        if part.previous:
            found[part.id] = commits.get(part.previous)
        else:
            found[part.id] = before.get(part.place, "")
        before[part.place] = part.commit
    return found
