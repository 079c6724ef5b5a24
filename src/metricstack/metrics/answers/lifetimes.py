"""How long things take when some are not done yet (`survival`), and how old the newest of them is (`age`)."""

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Check, Estimate, Reason, Refusal
from metricstack.metrics.answers.answer import Answered
from metricstack.metrics.answers.single import Single, gathered
from metricstack.metrics.language.formula import Number
from metricstack.metrics.model import Definition
from metricstack.metrics.query import binning
from metricstack.metrics.query import compile as queries
from metricstack.metrics.query.grouped import Key
from metricstack.metrics.query.rows import eligible, row_value
from metricstack.numerics.quantiles import BIN_RATIO, bin_edges
from metricstack.numerics.survival import Reached, kaplan_meier, survival_quantile
from metricstack.telemetry.measures import seconds_between
from metricstack.telemetry.tables import table

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["Newest", "Survival"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, eq=False)
class _Watched:
    """A group's durations: times, whether done, weights and units of those known, shape (m,); rows unweighted."""

    times: NDArray[np.float64]
    done: NDArray[np.bool_]
    weights: NDArray[np.float64]
    counts: NDArray[np.int64]
    units: NDArray[np.int64]
    eligible: int
    unknown: int
    rows: int

    @property
    def n(self) -> int:
        return int(self.counts.sum())


class Survival(Single):
    """The Kaplan–Meier quantile of a duration: by the values where rows are few, else by a logarithmic histogram."""

    @property
    def share(self) -> float:
        """Share that is done by then."""
        p = self.call.arguments[2] if len(self.call.arguments) > 2 else None
        return p.value if isinstance(p, Number) else 0.5

    def query(self) -> "ir.Table | Refusal":
        """Build the query of the values, or of their histogram by whether they are done."""
        if self.data.is_small:
            return queries.vectors(self.frame, self.data.name, self.quantities, replace(self.data.plan, gathered=False))
        return self.binned()

    def binned(self) -> "ir.Table | Refusal":
        """Build the query of the histogram: group, unit, bin and whether done → weight and rows."""
        import ibis

        flat = queries.vectors(self.frame, self.data.name, self.quantities, self.data.plan)
        if isinstance(flat, Refusal):
            return flat
        both = flat["x0"].notnull() & flat["x1"].notnull()
        bins = ibis.ifelse(both, binning.bin_of(flat["x0"]), ibis.null("int64"))
        among = [flat[f"e{i}"] > 0 for i in range(2) if f"e{i}" in flat.columns]
        about = ibis.literal(value=True) if not among else among[0] if len(among) == 1 else among[0] & among[1]
        flat = flat.mutate(_bin=bins, _done=ibis.ifelse(both, flat["x1"], 0.0), _e=about.cast("int64"))
        return flat.group_by([*self.frame.keys, "_unit", "_bin", "_done"]).aggregate(
            _w=flat["_w"].sum(), _n=ibis._.count(), _e=flat["_e"].sum(), _u=flat["_u"].sum()
        )

    def watched(self, key: Key) -> "_Watched | Refusal":
        """Return a group's durations."""
        grouped = self.grouped
        if isinstance(grouped, Refusal):
            return grouped
        if self.data.is_small:
            times, done = (grouped.of(key, name).astype(np.float64) for name in ("x0", "x1"))
            known = ~np.isnan(times) & ~np.isnan(done)
            among = np.ones(len(times), dtype=bool)
            for name in ("e0", "e1"):
                if name in grouped.columns:
                    among &= grouped.of(key, name) > 0
            counts = np.ones(len(times), dtype=np.int64)
            about = int(among.sum())
        else:
            bins, done = (grouped.of(key, name).astype(np.float64) for name in ("_bin", "_done"))
            known = ~np.isnan(bins)
            low, high = bin_edges(np.where(known, bins, 0).astype(np.int64))
            times, counts = np.sqrt(low * high), grouped.of(key, "_n")
            about = int(grouped.of(key, "_e").sum())
        weights, units = grouped.of(key, "_w"), grouped.of(key, "_unit")
        return _Watched(
            times[known], done[known] > 0, weights[known], counts[known], units[known], about,
            int(grouped.of(key, "_u").sum()), int(counts.sum()),
        )  # fmt: skip

    def answered(self, definition: Definition, key: Key, *, factor: float, level: float, unit: str) -> Answered:
        """Give the time by which the share is done; where the curve ends before, say so: a lower bound."""
        seen = self.watched(key)
        if isinstance(seen, Refusal):
            return Answered(seen)
        checks = self.checks(known=seen.n, eligible=seen.eligible, rows=seen.rows, unknown=seen.unknown)
        refusal = self.refusal(definition, known=seen.n, eligible=seen.eligible, n=seen.n, what="observations")
        if refusal is not None:
            return Answered(refusal, checks)
        found = survival_quantile(
            seen.times, seen.done, self.share, weights=seen.weights, units=self.units(seen), level=level
        )
        still = int(seen.counts[~seen.done].sum())
        kind = "" if self.data.is_small else ", logarithmic histogram (bins of 2 %)"
        method = f"Kaplan–Meier, {still:,} of {seen.n:,} still open{kind}"
        if found.value is None:
            return self.not_reached(seen, found, checks, method, factor=factor, level=level, unit=unit)
        wide = 1.0 if self.data.is_small else math.sqrt(BIN_RATIO)  # to the edges of the bins
        low, high = self.bounded(found.low / wide, found.high * wide, seen, level)
        low, high = sorted((low * factor, high * factor))
        return Answered(
            Estimate(found.value * factor, unit, seen.n, f"{method}; {found.method}", low, high, level), checks
        )

    def bounded(self, low: float, high: float, seen: _Watched, level: float) -> tuple[float, float]:
        """Leave a side open where so few units cannot close it.

        All m independent times lie below the p-quantile with chance p^m, and all above it with (1 − p)^m: where
        that is more than half of what may be missed, the largest (smallest) of them is no bound.
        """
        units = len(np.unique(seen.units)) if self.data.is_small else seen.n
        missed = (1 - level) / 2
        return (
            low if (1 - self.share) ** units <= missed else 0.0,
            high if self.share**units <= missed else math.inf,
        )

    def units(self, seen: _Watched) -> "NDArray[np.int64] | None":
        """Return the unit of each entry; None where every row is one and counts alike."""
        plan = self.data.plan
        alone = plan.cluster[:1] == table(self.data.name).key
        if not plan.weighted and (alone or (self.data.is_small and len(np.unique(seen.units)) == len(seen.units))):
            return None
        return gathered(seen.units)

    def not_reached(
        self, seen: _Watched, found: Reached, checks: tuple[Check, ...], method: str, *, factor: float, level: float,
        unit: str,
    ) -> Answered:  # fmt: skip
        """Answer with what is sure: it takes longer than anything was watched."""
        curve = kaplan_meier(seen.times, seen.done, seen.weights)
        share = 1 - float(curve.open_share[-1]) if len(curve.open_share) else 0.0
        at_least = f"; with {level:.0%} confidence later than {found.low * factor:.4g}" if found.low > 0 else ""
        text = f"{share:.1%} are done within the longest time watched, {self.share:.0%} were asked for{at_least}"
        if curve.longest <= 0:
            return Answered(Refusal(Reason.NOT_MEASURED, f"nothing was watched for any time: {text}"), checks)
        bound = Estimate(curve.longest * factor, unit, seen.n, f"lower bound: fewer are done; {method}")
        return Answered(bound, (Check("reached", passed=False, detail=text), *checks))


class Newest(Single):
    """The age of the newest instant, at the end of what the data tell of each period."""

    def query(self) -> "ir.Table | Refusal":
        """Build the query: group → newest instant by then, in seconds since 1970, rows known and in question."""
        import ibis

        (quantity,) = self.quantities
        found = self.frame.rows(self.data.name, [quantity])
        if isinstance(found, Refusal):
            return found
        x, among = (of(found.table, quantity, self.frame.given) for of in (row_value, eligible))
        columns = dict(found.keys) | {"_x": seconds_between(x, ibis.literal(_EPOCH, type="timestamp('UTC')"))}
        columns["_e"] = ibis.literal(1, type="int64") if among is None else among.cast("int64")
        flat = found.table.select(**columns)
        ends = [end.timestamp() for end in self.ends]
        branches = [(flat["_period"] == i, ibis.literal(end)) for i, end in enumerate(ends)]
        by_then = flat["_x"] <= (ibis.cases(*branches) if len(set(ends)) > 1 else ibis.literal(ends[0]))
        return flat.group_by(self.frame.keys).aggregate(
            _newest=flat["_x"].max(where=by_then), _n=flat["_x"].count(), _e=flat["_e"].sum()
        )

    def answered(self, definition: Definition, key: Key, *, factor: float, level: float, unit: str) -> Answered:
        """Give the time from the newest instant to the end of what the data tell: a census."""
        if isinstance(self.grouped, Refusal):
            return Answered(self.grouped)
        known, about = (int(self.grouped.of(key, name).sum()) for name in ("_n", "_e"))
        checks = self.checks(known=known, eligible=about, rows=about, unknown=0)
        if not about or not known:
            return Answered(
                self.refusal(definition, known=known, eligible=about, n=known, what="observations")
                or Refusal(Reason.NO_DATA, f"{self.label!r} is not known of any row"), checks
            )  # fmt: skip
        newest = float(self.grouped.of(key, "_newest")[0])
        if math.isnan(newest):
            return Answered(Refusal(Reason.NO_DATA, f"every {self.label!r} lies after the end of what the data tell"))
        age = self.ends[key[0]].timestamp() - newest
        return Answered(Estimate(age * factor, unit, known, "census"), checks)
