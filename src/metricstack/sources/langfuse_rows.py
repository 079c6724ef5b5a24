"""One Langfuse trace and its observations as rows of our tables."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from metricstack.sources.langfuse_observation import (
    Observation,
    environment_of,
    instant_of,
    number_of,
    objects_of,
    seconds_between,
    service_of,
    text_of,
)
from metricstack.sources.langfuse_usage import BUCKETS

__all__ = ["TABLES_FILLED", "TraceRows"]

_SHARED = ("service", "env")
TABLES_FILLED: dict[str, tuple[str, ...]] = {
    "requests": (
        "run", "trace", "session", "user", "input_hash", "workflow", "use_case", "agent", "agent_version", "model",
        "start", "end", "outcome", "latency", "error_type", *BUCKETS, "cost", "cost_state", *_SHARED,
    ),
    "spans": (
        "span", "trace", "run", "parent", "operation", "step", "use_case", "status", "start", "end", "latency",
        *_SHARED,
    ),
    "llm_calls": (
        "call", "run", "trace", "parent", "use_case", "operation", "provider", "model_requested", "model",
        "prompt_version", "start", "end", "latency", "time_to_first_token", "error_type", *BUCKETS,
        "cost", "cost_source", *_SHARED,
    ),
    "actions": (
        "action", "attempt", "run", "use_case", "agent", "tool", "start", "ok", "error_type", "latency", *_SHARED,
    ),
    "handoffs": ("handoff", "run", "use_case", "from_kind", "to_kind", "from_name", "to_name", "requested", *_SHARED),
    "feedback": ("feedback", "run", "user", "use_case", "model", "kind", "name", "given", "value", *_SHARED),
}  # fmt: skip
"""Table → the columns that this source fills."""

_INFERENCES = ("GENERATION", "EMBEDDING")
_STEPS = {"GENERATION": "inference", "EMBEDDING": "inference", "RETRIEVER": "retrieval", "TOOL": "action"}
_SCORE_KINDS = {"EVAL": "llm_judge", "ANNOTATION": "human"}
_MODEL_KEYS = ("gen_ai.request.model", "ls_model_name")
_PROVIDER_KEYS = ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "ls_provider")

# Read, or left out on purpose: Langfuse's bookkeeping and message content. Whatever else comes is counted as unmapped.
_TRACE_KEYS = frozenset((
    "id", "projectId", "name", "timestamp", "environment", "bookmarked", "public", "version", "userId", "sessionId",
    "input", "output", "metadata", "createdAt", "updatedAt", "scores", "latency", "totalCost", "htmlPath",
    "observations", "externalId",
))  # fmt: skip
_OBSERVATION_KEYS = frozenset((
    "id", "traceId", "projectId", "type", "environment", "parentObservationId", "startTime", "endTime", "name",
    "metadata", "level", "statusMessage", "version", "modelParameters", "completionStartTime", "promptId",
    "promptName", "promptVersion", "createdAt", "updatedAt", "usageDetails", "costDetails", "providedCostDetails",
    "providedUsageDetails", "model", "internalModelId", "modelId", "providedModelName", "latency", "timeToFirstToken",
    "inputCost", "outputCost", "totalCost", "inputUsage", "outputUsage", "totalUsage", "usage", "unit",
    "promptTokens", "completionTokens", "totalTokens", "calculatedInputCost", "calculatedOutputCost",
    "calculatedTotalCost", "input", "output", "inputPrice", "outputPrice", "totalPrice",
))  # fmt: skip
_SCORE_KEYS = frozenset((
    "id", "timestamp", "projectId", "environment", "name", "source", "authorUserId", "comment", "metadata",
    "configId", "createdAt", "updatedAt", "queueId", "traceId", "observationId", "sessionId", "datasetRunId", "value",
    "stringValue", "dataType",
))  # fmt: skip


class TraceRows:
    """Turns one trace into rows.

    Args:
        trace: The trace's object.
        observations: Its observations, in any order; a parent may be missing.
        unmapped: Counts of keys that found no place, added to here.
    """

    def __init__(self, trace: Mapping[str, Any], observations: list[Mapping[str, Any]], unmapped: Counter[str]) -> None:
        self.trace, self.unmapped = trace, unmapped
        self.observations = [Observation(each) for each in observations]
        self.by_id = {each.id: each for each in self.observations if each.id}
        for found, known, name in (
            ([trace], _TRACE_KEYS, "trace"),
            (observations, _OBSERVATION_KEYS, "observation"),
            (objects_of(trace.get("scores")), _SCORE_KEYS, "score"),
        ):
            for entry in found:
                unmapped.update(
                    f"{name}.{key}" for key, value in entry.items() if key not in known and value not in (None, [], {})
                )

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of each table."""
        calls = [self._call(each) for each in self._inferences]
        handoffs = [each for each in self.observations if each.handoff]
        return {
            "requests": [self._request(calls)],
            "spans": [self._span(each) for each in self.observations],
            "llm_calls": calls,
            "actions": [self._action(each) for each in self.observations if each.kind == "TOOL" and not each.handoff],
            "handoffs": [self._handoff(each) for each in handoffs],
            "feedback": [self._feedback(each) for each in objects_of(self.trace.get("scores"))],
        }

    @cached_property
    def run(self) -> str | None:
        """The trace's id, which is the run's."""
        own = text_of(self.trace.get("id"))
        return own or next((each.trace for each in self.observations if each.trace), None)

    @cached_property
    def shared(self) -> dict[str, Any]:
        """What every row of the trace says alike."""
        service = next(
            (name for each in (self.trace, *(o.raw for o in self.observations)) if (name := service_of(each))), None
        )
        return {
            "run": self.run,
            "use_case": text_of(self.trace.get("name")),
            "service": service,
            "env": environment_of(self.trace),
        }

    @cached_property
    def _inferences(self) -> list["Observation"]:
        """The innermost observations with usage, and inferences without usage that no other speaks for.

        Frameworks and clients both report a call: the outer observation repeats, or re-counts, what
        the inner one says. Summing them all doubles tokens.
        """
        candidates = [each for each in self.observations if each.kind in _INFERENCES]
        with_usage = {each.id for each in candidates if each.usage}
        covers = {above.id for each in candidates if each.usage for above in self._ancestors(each)}
        chosen = [each for each in candidates if each.usage and each.id not in covers]
        spoken_for = {each.id for each in chosen}
        inner = {above.id for each in candidates for above in self._ancestors(each)}
        silent = [
            each
            for each in candidates
            if not each.usage
            and each.id not in covers
            and each.id not in inner
            and not any(above.id in with_usage | spoken_for for above in self._ancestors(each))
        ]
        wanted = {id(each) for each in (*chosen, *silent)}
        return [each for each in candidates if id(each) in wanted]

    def _ancestors(self, observation: "Observation") -> list["Observation"]:
        found: list[Observation] = []
        seen = {observation.id}
        parent = self.by_id.get(observation.parent or "")
        while parent is not None and parent.id not in seen:
            found.append(parent)
            seen.add(parent.id)
            parent = self.by_id.get(parent.parent or "")
        return found

    def _agent(self, observation: "Observation") -> str | None:
        return next((above.name for above in self._ancestors(observation) if above.kind == "AGENT"), None)

    def _request(self, calls: list[dict[str, Any]]) -> dict[str, Any]:
        roots = [each for each in self.observations if self.by_id.get(each.parent or "") is None]
        start, end = self._bounds(roots)
        costs = [call["cost"] for call in calls if call["cost"] is not None]
        known = "measured" if calls and len(costs) == len(calls) else "partial" if costs else "unknown"
        sums = {
            bucket: sum(counts) if (counts := [c[bucket] for c in calls if c[bucket] is not None]) else None
            for bucket in BUCKETS
        }
        last = max(calls, key=lambda call: str(call["end"] or call["start"] or ""), default={})
        agents = [each.name for each in sorted(self.observations, key=lambda o: str(o.start)) if each.kind == "AGENT"]
        content = self.trace.get("input")
        return self.shared | sums | {
            "trace": self.run,
            "session": text_of(self.trace.get("sessionId")),
            "user": text_of(self.trace.get("userId")),
            "input_hash": None if content in (None, "") else json.dumps(content, sort_keys=True, default=str),
            "workflow": text_of(self.trace.get("name")),
            "agent": agents[0] if agents else None,
            "agent_version": text_of(self.trace.get("version")),
            "model": last.get("model"),
            "start": start,
            "end": end,
            "outcome": "unknown",
            "latency": seconds_between(start, end),
            "error_type": next((each.error for each in roots if each.error), None),
            "cost": sum(costs) if costs else None,
            "cost_state": known,
        }  # fmt: skip

    def _bounds(self, roots: list["Observation"]) -> tuple[Any, Any]:
        """First start and last end; the end is open while a root is open."""
        starts = [each.start for each in self.observations if isinstance(each.start, datetime)]
        ends = [each.end for each in self.observations if isinstance(each.end, datetime)]
        if starts:
            open_still = any(each.end is None for each in roots)
            return min(starts), None if open_still or not ends else max(ends)
        start = instant_of(self.trace.get("timestamp"))
        took = self.trace.get("latency")  # of a trace it is in seconds; there is nothing to compute it from
        if isinstance(start, datetime) and isinstance(took, int | float) and took >= 0:
            try:
                return start, start + timedelta(seconds=took)
            except OverflowError:
                return start, None
        return start, None

    def _span(self, each: "Observation") -> dict[str, Any]:
        return self.shared | {
            "span": each.id,
            "trace": each.trace or self.run,
            "parent": each.parent,
            "operation": each.name,
            "step": _STEPS.get(each.kind),
            "status": "error" if each.failed else "unset",
            "start": each.start,
            "end": each.end,
            "latency": seconds_between(each.start, each.end),
            "env": environment_of(each.raw) or self.shared["env"],
        }

    def _call(self, each: "Observation") -> dict[str, Any]:
        for key in each.usage.unknown:
            self.unmapped[f"usageDetails.{key}"] += 1
        cost = each.cost
        version = text_of(each.raw.get("promptVersion"))
        prompt = text_of(each.raw.get("promptName"))
        return self.shared | dict(zip(BUCKETS, each.usage.buckets, strict=True)) | {
            "call": each.id,
            "trace": each.trace or self.run,
            "parent": each.parent,
            "operation": "embedding" if each.kind == "EMBEDDING" else None,
            "provider": each.attribute(*_PROVIDER_KEYS),
            "model_requested": each.attribute(*_MODEL_KEYS),
            "model": text_of(each.raw.get("model") or each.raw.get("providedModelName")),
            "prompt_version": f"{prompt}:{version}" if prompt and version else version,
            "start": each.start,
            "end": each.end,
            "latency": seconds_between(each.start, each.end),
            "time_to_first_token": seconds_between(each.start, instant_of(each.raw.get("completionStartTime"))),
            "error_type": each.error,
            "cost": cost,
            "cost_source": "unknown" if cost is None else "reported",
            "env": environment_of(each.raw) or self.shared["env"],
        }  # fmt: skip

    def _action(self, each: "Observation") -> dict[str, Any]:
        return self.shared | {
            "action": each.id,
            "attempt": 1,
            "agent": self._agent(each),
            "tool": each.attribute("tool.name", "gen_ai.tool.name") or each.name,
            "start": each.start,
            "ok": False if each.failed else None if each.end is None else True,
            "error_type": each.error,
            "latency": seconds_between(each.start, each.end),
        }

    def _handoff(self, each: "Observation") -> dict[str, Any]:
        return self.shared | {
            "handoff": each.id,
            "from_kind": "agent",
            "to_kind": "agent",
            "from_name": self._agent(each),
            "to_name": each.handoff,
            "requested": each.start,
        }

    def _feedback(self, score: Mapping[str, Any]) -> dict[str, Any]:
        value, reason = _score(score)
        judged = self.by_id.get(text_of(score.get("observationId")) or "")
        return self.shared | {
            "feedback": text_of(score.get("id")),
            "run": text_of(score.get("traceId")) or self.run,
            "user": text_of(self.trace.get("userId")),
            "model": text_of(judged.raw.get("model")) if judged else None,
            "kind": _SCORE_KINDS.get(str(score.get("source"))),
            "name": text_of(score.get("name")),
            "given": instant_of(score.get("timestamp") or score.get("createdAt")),
            "value": value,
            "env": environment_of(score) or self.shared["env"],
            "_reason": reason,
        }


def _score(score: Mapping[str, Any]) -> tuple[float | None, str | None]:
    """Read a score's value; what is no number between 0 and 1 is set aside."""
    if score.get("dataType") == "CATEGORICAL":
        return None, "a categorical score is no number from 0 to 1"
    value = score.get("value")
    if isinstance(value, bool):
        return float(value), None
    number = number_of(value)
    return number, "the score has no number" if number is None else None
