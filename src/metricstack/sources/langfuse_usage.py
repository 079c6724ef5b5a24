"""Usage of one inference in Langfuse's many spellings, as five disjoint buckets.

Langfuse's own convention is that ``input`` leaves cached tokens out; instrumentations that copy a
vendor's numbers include them. The observation's ``total`` tells which: it is the sum of the
disjoint buckets, or of input and output alone.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["BUCKETS", "Usage", "read_usage"]

BUCKETS = ("tokens_input_uncached", "tokens_cache_read", "tokens_cache_write", "tokens_output", "tokens_reasoning")

_INPUT = ("input", "input_tokens", "prompt_tokens", "promptTokens", "inputTokens")
_OUTPUT = ("output", "output_tokens", "completion_tokens", "completionTokens", "outputTokens")
_TOTAL = ("total", "total_tokens", "totalTokens")
_CACHE_READ = (
    "input_cache_read", "cache_read_input_tokens", "input_cached_tokens", "prompt_details.cache_read",
    "input_token_details.cache_read", "input_tokens_details.cached_tokens", "prompt_tokens_details.cached_tokens",
    "prompt_cached_tokens", "cached_tokens", "cache_read", "cached_content_token_count", "input_cached_content",
)  # fmt: skip
_CACHE_WRITE = (
    "input_cache_creation", "cache_creation_input_tokens", "prompt_details.cache_write",
    "input_token_details.cache_creation", "input_cache_write", "cache_write_input_tokens", "cache_creation",
)  # fmt: skip
_REASONING = (
    "output_reasoning", "completion_details.reasoning", "output_token_details.reasoning", "output_reasoning_tokens",
    "completion_tokens_details.reasoning_tokens", "output_tokens_details.reasoning_tokens", "reasoning_tokens",
    "thoughts_token_count",
)  # fmt: skip
_KNOWN = frozenset((*_INPUT, *_OUTPUT, *_TOTAL, *_CACHE_READ, *_CACHE_WRITE, *_REASONING))

_MOST = 2**40
"""A count above it is a fault of the instrumentation: no inference has a trillion tokens."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one inference in disjoint buckets, None where nothing was said of a bucket.

    Args:
        buckets: One count per name of `BUCKETS`.
        unknown: Keys with a positive count that are none of the known ones.
    """

    buckets: tuple[int | None, ...] = (None,) * len(BUCKETS)
    unknown: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(bucket is not None for bucket in self.buckets)


def read_usage(details: Mapping[str, Any], *, legacy: Mapping[str, Any] | None = None) -> Usage:
    """Read one observation's usage.

    Args:
        details: Its ``usageDetails``: key → count.
        legacy: ``input``, ``output`` and ``total`` from ``inputUsage``, ``outputUsage`` and
            ``totalUsage``, used where the details are empty.

    Example:
        >>> read_usage({"input": 100, "output": 20, "total": 120, "input_cached_tokens": 80}).buckets
        (20, 80, None, 20, None)
        >>> read_usage({"input": 20, "output": 20, "total": 120, "input_cached_tokens": 80}).buckets
        (20, 80, None, 20, None)
    """
    counts = {name: number for name, value in details.items() if (number := _whole(value)) is not None}
    if not counts and legacy:
        counts = {name: number for name, value in legacy.items() if (number := _whole(value)) is not None}
        if not any(counts.values()):
            return Usage()  # zeros that stand for "nothing was reported"
    given, visible, total = (_first(counts, names) for names in (_INPUT, _OUTPUT, _TOTAL))
    read, write, reasoning = (_first(counts, names) for names in (_CACHE_READ, _CACHE_WRITE, _REASONING))
    if given is None and visible is None and total is not None:
        given = total  # embeddings report a total alone
        total = None
    cached = (read or 0) + (write or 0)
    given, visible = _disjoint(given, cached, visible, reasoning or 0, total)
    unknown = tuple(name for name, number in counts.items() if name not in _KNOWN and number > 0)
    return Usage((given, read, write, visible, reasoning), unknown)


def _disjoint(
    given: int | None, cached: int, visible: int | None, reasoning: int, total: int | None
) -> tuple[int | None, int | None]:
    """Take cached tokens off the input and reasoning off the output, where the total says that they are in."""
    inside, outside = given or 0, visible or 0
    fits = [
        (cached_in, reasoning_in)
        for cached_in in (False, True)
        for reasoning_in in (False, True)
        if (not cached_in or inside >= cached) and (not reasoning_in or outside >= reasoning)
        if total is None
        or inside + outside + (0 if cached_in else cached) + (0 if reasoning_in else reasoning) == total
    ]
    cached_in, reasoning_in = fits[0] if fits else (False, False)
    if given is not None and cached_in:
        given -= cached
    if visible is not None and reasoning_in:
        visible -= reasoning
    return given, visible


def _first(counts: Mapping[str, int], names: tuple[str, ...]) -> int | None:
    return next((counts[name] for name in names if name in counts), None)


def _whole(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return int(number) if math.isfinite(number) and 0 <= number <= _MOST and number == int(number) else None
