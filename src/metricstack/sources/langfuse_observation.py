"""One Langfuse observation, and how its values are read."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from metricstack.sources.langfuse_json import parse_json
from metricstack.sources.langfuse_usage import Usage, read_usage

__all__ = [
    "Observation",
    "environment_of",
    "instant_of",
    "number_of",
    "object_of",
    "objects_of",
    "seconds_between",
    "service_of",
    "text_of",
]

_KINDS = {"LLM": "GENERATION", "EMBEDDING": "EMBEDDING", "TOOL": "TOOL", "AGENT": "AGENT", "RETRIEVER": "RETRIEVER"}
_ERROR = re.compile(r"^\s*([A-Za-z_][\w.]{0,80}?(?:Error|Exception|Timeout|Interrupt))\b")
_HANDOFF = re.compile(r"^handoff to (?P<to>\S.*)$", re.IGNORECASE)


class Observation:
    """One observation, with what is read of it.

    Args:
        raw: The observation's object, as exported.
    """

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw
        self.id, self.trace = text_of(raw.get("id")), text_of(raw.get("traceId"))
        self.parent, self.name = text_of(raw.get("parentObservationId")), text_of(raw.get("name"))
        self.start, self.end = instant_of(raw.get("startTime")), instant_of(raw.get("endTime"))
        self.failed = raw.get("level") == "ERROR"
        declared = str(raw.get("type") or "SPAN").upper()
        by_attribute = _KINDS.get(str(self.attribute("openinference.span.kind") or ""))
        self.kind = by_attribute or declared if declared in ("SPAN", "EVENT") else declared

    @cached_property
    def _metadata(self) -> dict[str, Any]:
        metadata = object_of(self.raw.get("metadata"))
        return metadata | object_of(metadata.get("attributes"))

    def attribute(self, *names: str) -> str | None:
        """Return the first of these attributes of the instrumentation that is there."""
        return next((text for name in names if (text := text_of(self._metadata.get(name)))), None)

    @property
    def error(self) -> str | None:
        """The class of its error; the message itself may hold content and is not kept."""
        if not self.failed:
            return None
        named = _ERROR.match(str(self.raw.get("statusMessage") or ""))
        return self.attribute("error.type", "exception.type") or (named[1] if named else "error")

    @property
    def handoff(self) -> str | None:
        """The agent to whom it hands over, where it says so."""
        match = _HANDOFF.match(self.name or "")
        return match["to"] if match and self.kind in ("TOOL", "SPAN", "AGENT") else None

    @cached_property
    def usage(self) -> Usage:
        """Its tokens, in disjoint buckets."""
        details = _flat(object_of(self.raw.get("usageDetails")))
        usage = _flat(object_of(self.raw.get("usage")))
        legacy = {
            name: value
            for name, keys in (
                ("input", ("inputUsage", "promptTokens")),
                ("output", ("outputUsage", "completionTokens")),
                ("total", ("totalUsage", "totalTokens")),
            )
            if (value := next((self.raw[key] for key in keys if self.raw.get(key) is not None), None)) is not None
        }
        numbers = {name: value for name, value in usage.items() if name != "unit"}
        return read_usage(details, legacy=numbers if any(numbers.values()) else legacy)

    @property
    def cost(self) -> float | None:
        """What Langfuse says that it cost; a 0 without details means that no price was known."""
        details = object_of(self.raw.get("costDetails"))
        if (total := number_of(details.get("total"))) is not None:
            return total
        parts = [
            number for name, value in details.items() if name != "total" and (number := number_of(value)) is not None
        ]
        if parts:
            return sum(parts)
        for key in ("totalCost", "calculatedTotalCost"):
            if number := number_of(self.raw.get(key)):
                return number
        return None


def text_of(value: Any) -> str | None:
    """Return a value as text; nothing where it is empty or not a single value."""
    if value is None or isinstance(value, dict | list):
        return None
    return str(value) or None


def number_of(value: Any) -> float | None:
    """Return a value as a number; nothing where it is none."""
    try:
        return None if value is None or isinstance(value, bool | dict | list) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def object_of(value: Any) -> dict[str, Any]:
    """Return a JSON object, also where it was written as text; empty where it is none."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = parse_json(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def objects_of(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _flat(value: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, inner in value.items():
        if isinstance(inner, dict):
            found |= {f"{name}.{part}": number for part, number in _flat(inner).items()}
        else:
            found[name] = inner
    return found


def instant_of(value: Any) -> datetime | str | None:
    """Read a time; what cannot be read stays as it is, for the contract to name. Langfuse writes UTC."""
    if value in (None, ""):
        return None
    try:
        moment = datetime.fromisoformat(str(value))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return str(value)


def seconds_between(start: Any, end: Any) -> float | None:
    """Return end − start in seconds; nothing where one of them is not known."""
    if isinstance(start, datetime) and isinstance(end, datetime):
        return (end - start).total_seconds()
    return None


def environment_of(entry: Mapping[str, Any]) -> str | None:
    """Return the deployment environment; Langfuse's default one is production."""
    name = text_of(entry.get("environment"))
    return "production" if name == "default" else name


def service_of(entry: Mapping[str, Any]) -> str | None:
    """Return the name of the service that the instrumentation gave, where one was set."""
    resource = object_of(object_of(entry.get("metadata")).get("resourceAttributes"))
    name = text_of(resource.get("service.name"))
    return None if name is None or name.startswith("unknown_service") else name
