"""The rungs of the ladder, each climbed where the data allow: one edge in, its evidence out.

Every rung tells the effect of one named step of the cause. A rung that cannot be climbed says why; one whose required
check fails stays visible and does not stand.
"""

from metricstack.linkage.rungs.ladder import climb
from metricstack.linkage.rungs.rivals import asked_together

__all__ = ["asked_together", "climb"]
