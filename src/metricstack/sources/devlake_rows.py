"""From DevLake's tables to ours: changes, deployments, the links between them, incidents.

What DevLake's data taught, and what is done about it:

- a deployment may have several parts (commits of several repositories): it is one deployment, live
  where the last part of a repository succeeded, and marked where that is not so of all of them;
- only the environment makes a deployment production; one that is not told is ``unknown``;
- the diff of a first deployment against nothing is the repository's whole history: its changes are
  linked, but when they reached production for the first time is not known;
- a first commit that is dated after the pull request was opened has been rewritten since: the change
  was there when it was opened, so that is when it began at the latest;
- comments by the author, before the opening or after the merge are no review;
- 0 lines added and 0 removed means that the forge was not asked: the size is unknown;
- DevLake keeps every record that it collects: nothing is sampled;
- titles, descriptions, authors and reviewers are not kept.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from metricstack.sources.devlake_changes import Change, Changes
from metricstack.sources.devlake_deployments import (
    PRODUCTION,
    Deployment,
    Part,
    deployments_of,
    live_parts,
    predecessors,
    read_parts,
)
from metricstack.sources.devlake_export import Export
from metricstack.sources.devlake_incidents import Incidents

__all__ = ["TABLES_FILLED", "Row", "export_rows"]

TABLES_FILLED: dict[str, tuple[str, ...]] = {
    "incidents": ("incident", "name", "service", "severity", "started", "closed", "attributes"),
    "deployments": (
        "deployment", "service", "env", "deployed", "status", "kind", "rework", "failed", "recovered", "dq_flags",
    ),
    "changes": (
        "change", "service", "first_commit", "opened", "first_review", "merged", "closed", "size", "dq_flags",
    ),
    "change_deployments": ("change", "deployment", "service", "env", "deployed", "first_production", "dq_flags"),
}  # fmt: skip
"""Our table → the columns that can be filled."""

Row = dict[str, Any]


def export_rows(export: Export) -> dict[str, tuple[list[str], list[Row]]]:
    """Read an export.

    Returns:
        Our table → the columns that the export says something of, and its rows, beside them ``_row`` (number
        in the source) and ``_reason`` (why it is set aside). A column of which nothing is said is left
        out, so that what needs it can say so.
    """
    changes, parts = Changes(export), read_parts(export)
    incidents = Incidents(export, parts, changes.ids)
    links = list(_links(export, changes, parts))
    carried: dict[str, list[str]] = defaultdict(list)
    for link in links:
        if link["env"] == PRODUCTION:
            carried[link["deployment"]].append(link["change"])
    rows = {
        "incidents": list(incidents.rows()),
        "deployments": [_deployment(export, one, incidents, carried[one.id]) for one in deployments_of(parts)],
        "changes": list(changes.rows()),
        "change_deployments": links,
    }
    unsaid = _unsaid(export, incidents)
    return {
        name: ([column for column in TABLES_FILLED[name] if (name, column) not in unsaid], found)
        for name, found in rows.items()
    }


def _unsaid(export: Export, incidents: Incidents) -> set[tuple[str, str]]:
    """Return the columns of which an export says nothing at all."""
    nothing: set[tuple[str, str]] = set()
    if not incidents.knows_ends:
        nothing |= {("deployments", "recovered"), ("incidents", "closed")}
    if not incidents.knows_fixes:
        nothing |= {("deployments", "rework"), ("deployments", "kind")}
    if not export.has("incidents"):
        nothing.add(("deployments", "failed"))
    for table, column in (("pull_request_commits", "first_commit"), ("pull_request_comments", "first_review")):
        if not export.has(table):
            nothing.add(("changes", column))
    return nothing


def _links(export: Export, changes: Changes, parts: Sequence[Part]) -> Iterator[Row]:
    """Link each merged change with every deployment that brought it somewhere, in order of time."""
    contained: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for _, row in export.rows("commits_diffs"):
        commit, new = row["commit_sha"], row["new_commit_sha"]
        if commit in changes.by_merge_commit and commit and new:
            contained[new].add((row["old_commit_sha"] or "", commit))
    replaced = predecessors(parts)
    done: set[tuple[str, str]] = set()
    in_production: set[str] = set()
    for moment, part in live_parts(parts):
        for change, whole in _brought(part, replaced[part.id], contained, changes):
            if change.id is None or (change.id, part.deployment) in done:
                continue
            done.add((change.id, part.deployment))
            in_use = part.env == PRODUCTION
            first: bool | None = in_use and change.id not in in_production
            if in_use:
                in_production.add(change.id)
            early = in_use and change.merged.at is not None and moment < change.merged.at
            yield {
                "change": change.id, "deployment": part.deployment, "env": part.env,
                "service": export.service("repos", change.scope), "deployed": moment.isoformat(),
                "first_production": None if first and whole else first,
                "dq_flags": "deployed_before_merge" if early else None, "_row": len(done),
            }  # fmt: skip


def _brought(
    part: Part, old: str | None, contained: dict[str, set[tuple[str, str]]], changes: Changes
) -> Iterator[tuple[Change, bool]]:
    """Yield the changes that a part brought, and whether it came as part of the whole history."""
    for change in changes.by_merge_commit.get(part.commit, ()):
        yield change, False
    for before, commit in sorted(contained.get(part.commit, ())):
        if commit != part.commit and (before == old if old is not None else before != ""):
            for change in changes.by_merge_commit[commit]:
                yield change, before == ""


def _deployment(export: Export, one: Deployment, incidents: Incidents, carried: Sequence[str]) -> Row:
    live = one.env == PRODUCTION and one.status == "success"
    judged = live and any(export.projects_of("cicd_scopes", scope) for scope in one.scopes)
    recovered = incidents.recovered(one.id)
    rework = incidents.is_mended(carried, one.deployed) if live and carried and one.deployed else None
    return {
        "deployment": one.id or None, "service": export.service("cicd_scopes", one.scope), "env": one.env,
        "deployed": one.deployed.isoformat() if one.deployed else None, "status": one.status or None,
        "kind": "hotfix" if rework else None, "rework": rework,
        "failed": bool(incidents.caused.get(one.id)) if judged else None,
        "recovered": recovered.isoformat() if recovered else None,
        "dq_flags": "partly_live" if one.mixed else None, "_row": one.row, "_reason": one.fault or None,
    }  # fmt: skip
