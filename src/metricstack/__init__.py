"""metricstack: what AI does for the business, how sure we are, and what to do.

    >>> import metricstack as ms
    >>> ms.open.__name__
    'open_workspace'

Sub-packages are loaded when they are first used, so that importing this one costs next to nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_FLOORS = (
    "charts",
    "core",
    "experiments",
    "governance",
    "linkage",
    "metrics",
    "narrative",
    "numerics",
    "reports",
    "simulation",
    "sources",
    "telemetry",
)
_NAMES = {"open": ("metricstack.telemetry.workspace", "open_workspace")}

__all__ = ["__version__", "charts", "core", "experiments", "governance", "linkage", "metrics", "narrative", "numerics",
           "open", "reports", "simulation", "sources", "telemetry"]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _FLOORS:
        return import_module(f"metricstack.{name}")
    if name in _NAMES:
        module, attribute = _NAMES[name]
        return getattr(import_module(module), attribute)
    raise AttributeError(f"module 'metricstack' has no attribute {name!r}. It has: {', '.join(__all__)}.")


def __dir__() -> list[str]:
    return list(__all__)
