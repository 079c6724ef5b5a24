"""What keeps the workbench answerable: keyed identifiers and the smallest group."""

from metricstack.governance.privacy import SHORTEST_KEY, SMALLEST_GROUP, PrivacyKey

__all__ = ["SHORTEST_KEY", "SMALLEST_GROUP", "PrivacyKey"]
