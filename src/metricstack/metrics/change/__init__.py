"""How a metric moved between two windows, and why."""
