"""What is judged or tried several times: agreement of raters (`kappa`, `alpha`) and repeated success (`pass_at`).

The engine first makes one row of each item or task, then sums over those of a unit (or of 64 buckets of many), so
that what leaves it stays small and names nobody.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Check, Estimate, Reason, Refusal
from metricstack.metrics.answers.answer import Answered
from metricstack.metrics.answers.single import Single, gathered
from metricstack.metrics.language.formula import Number
from metricstack.metrics.model import Definition
from metricstack.metrics.query.grouped import Grouped, Key
from metricstack.numerics.agreement import Agreement, cohen_kappa, krippendorff_alpha
from metricstack.numerics.repeated import mean_over_tasks

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["Alpha", "Kappa", "PassAt"]


def _held(rows: "ir.Table") -> "dict[str, ir.Value]":
    """The units of a thing's rows: the first and the last, and the thing itself."""
    return {"_low": rows["_low"].min(), "_high": rows["_high"].max(), "_own": rows["_own"].min()}


def _placed(things: "ir.Table") -> "ir.Table":
    """Give each thing its unit: that of its rows where they have one, else the thing is a unit of its own."""
    import ibis

    spans = things["_low"] != things["_high"]
    return things.mutate(_unit=ibis.ifelse(spans, things["_own"], things["_low"]), _spans=spans.cast("int64"))


class _Repeats(Single):
    """What the three share: sums per unit, and the answer made of them."""

    def seen(self, grouped: Grouped, key: Key) -> tuple[int, int, int]:
        """Return rows that are known, that it is about, and that do not say how they were sampled."""
        known, about, unknown = (int(grouped.of(key, name).sum()) for name in ("_n", "_e", "_u"))
        return known, about, unknown

    def by_unit(self, grouped: Grouped, key: Key, names: Sequence[str]) -> tuple[NDArray[np.float64], str]:
        """Return sums of each unit that has any of the first, many units gathered at random, and what the units are."""
        columns = np.stack([grouped.of(key, name).astype(np.float64) for name in names], axis=1)
        kept = columns[:, 0] > 0 if names[0] != "c00" else columns.sum(axis=1) > 0
        units = gathered(grouped.of(key, "_unit")[kept])
        _, at = np.unique(units, return_inverse=True)
        count = int(at.max()) + 1 if len(at) else 0
        sums = [np.bincount(at, weights=column, minlength=count) for column in columns[kept].T]
        cluster = self.data.plan.cluster
        one = "item" if grouped.of(key, "_spans").sum() or not cluster else cluster[0]
        random = not self.data.is_small or count < len(at)
        return np.stack(
            sums, axis=1
        ), f"{count} {'random groups of ' if random else ''}{one}{'s' if count != 1 else ''}"

    def agreement(
        self,
        found: Agreement,
        checks: tuple[Check, ...],
        n: int,
        *,
        factor: float,
        level: float,
        unit: str,
        method: str,
    ) -> Answered:
        """Turn an agreement into an answer."""
        if found.value is None:
            text = "all judgements are the same, so that agreement beyond chance has no value"
            return Answered(Refusal(Reason.UNDEFINED_RATIO, text, "Judge items of both kinds."), checks)
        if found.low is None or found.high is None:
            text = "it hangs on a single item or user: without it the number does not exist"
            return Answered(Refusal(Reason.TOO_FEW_UNITS, text, "Judge more items."), checks)
        low, high = sorted((found.low * factor, found.high * factor))
        return Answered(Estimate(found.value * factor, unit, n, method, low, high, level), checks)


class Kappa(_Repeats):
    """Cohen's kappa between the two values of a column, over the items that both judged."""

    def query(self) -> "ir.Table | Refusal":
        """Build the query: group, unit → weight of the items by what the two said, and how many items and rows.

        Several judgements of one side count as its majority; where it is split, the side said nothing.
        """
        import ibis

        made = self.judgements()
        if isinstance(made, Refusal):
            return made
        flat, item, (rater,) = made
        keys = self.frame.keys
        sides = flat.group_by([*item, rater]).aggregate(
            _yes=flat["x0"].sum(), _n=flat["x0"].count(), _e=ibis._.count(), **_held(flat),
            _w=flat["_w"].min(), _u=flat["_u"].sum(),
        )  # fmt: skip
        twice = 2 * sides["_yes"]
        vote = ibis.ifelse(twice > sides["_n"], 1, ibis.ifelse(twice < sides["_n"], 0, ibis.null("int8")))
        judge = ibis.ifelse(sides["_n"] > 0, sides[rater], ibis.null("string"))
        sides = sides.mutate(_vote=vote, _judge=judge)
        sides = sides.mutate(
            _first=sides["_judge"].min().over(group_by=keys), _last=sides["_judge"].max().over(group_by=keys)
        )
        first, last = sides["_judge"] == sides["_first"], sides["_judge"] == sides["_last"]
        items = sides.group_by(item).aggregate(
            _a=sides["_vote"].max(where=first), _b=sides["_vote"].max(where=last & ~first), _w=sides["_w"].min(),
            **_held(sides), _n=sides["_n"].sum(), _e=sides["_e"].sum(), _u=sides["_u"].sum(),
            _others=(~first & ~last).fill_null(False).cast("int64").sum(),
            _second=(last & ~first).fill_null(False).cast("int64").sum(),
        )  # fmt: skip
        items = _placed(items)
        cells = {
            f"c{a}{b}": ibis.ifelse((items["_a"] == a) & (items["_b"] == b), items["_w"], 0.0).fill_null(0.0).sum()
            for a in (0, 1)
            for b in (0, 1)
        }
        both = (items["_a"].notnull() & items["_b"].notnull()).cast("int64")
        return items.group_by([*keys, "_unit"]).aggregate(
            **cells, _pairs=both.sum(), _items=ibis._.count(), _n=items["_n"].sum(), _e=items["_e"].sum(),
            _u=items["_u"].sum(), _spans=items["_spans"].sum(), _others=items["_others"].sum(),
            _second=items["_second"].sum(),
        )  # fmt: skip

    def answered(self, definition: Definition, key: Key, *, factor: float, level: float, unit: str) -> Answered:
        """Give the kappa, or say which raters are missing."""
        grouped = self.grouped
        if isinstance(grouped, Refusal):
            return Answered(grouped)
        known, about, unknown = self.seen(grouped, key)
        pairs, items, others, second = (
            int(grouped.of(key, name).sum()) for name in ("_pairs", "_items", "_others", "_second")
        )
        checks = self.checks(known=known, eligible=about, rows=about, unknown=unknown)
        column = self.quantities[-1].text
        if known and (others or not second):
            held = "more than two values" if others else "one value only"
            text = f"column {column!r} has {held} among the judged rows of {self.data.name!r}; kappa compares two"
            remedy = "Narrow with 'where'." if others else "Have a second rater judge the same items."
            return Answered(Refusal(Reason.NOT_MEASURED, text, remedy), checks)
        refusal = self.refusal(definition, known=known, eligible=about, n=pairs, what="items that both judged")
        if refusal is not None:
            return Answered(refusal, checks)
        if pairs < items:
            text = f"both judged {pairs:,} of {items:,} items, without a tie; the others are left out"
            checks = (Check("pairs", None, text), *checks)
        cells, over = self.by_unit(grouped, key, ("c00", "c01", "c10", "c11"))
        found = cohen_kappa(cells, level=level)
        method = f"Cohen's kappa, jackknife over {over}"
        return self.agreement(found, checks, pairs, factor=factor, level=level, unit=unit, method=method)


class Alpha(_Repeats):
    """Krippendorff's alpha, interval metric, over items with two or more raters."""

    def query(self) -> "ir.Table | Refusal":
        """Build the query: group, unit → the sums that `numerics.agreement.alpha_of_sums` takes, items and rows.

        Several judgements of one rater count as their mean.
        """
        import ibis

        made = self.judgements()
        if isinstance(made, Refusal):
            return made
        flat, item, (rater,) = made
        sides = flat.group_by([*item, rater]).aggregate(
            _x=flat["x0"].mean(), _n=flat["x0"].count(), _e=ibis._.count(), **_held(flat),
            _w=flat["_w"].min(), _u=flat["_u"].sum(),
        )  # fmt: skip
        items = sides.group_by(item).aggregate(
            _m=sides["_x"].count(), _s=sides["_x"].sum(), _q=(sides["_x"] * sides["_x"]).sum(),
            _w=sides["_w"].min(), **_held(sides), _n=sides["_n"].sum(), _e=sides["_e"].sum(),
            _u=sides["_u"].sum(),
        )  # fmt: skip
        items = _placed(items)
        m = items["_m"].cast("float64")
        weight = ibis.ifelse(items["_m"] >= 2, items["_w"], 0.0)
        within = m / (m - 1).nullif(0) * (items["_q"] - items["_s"] * items["_s"] / m.nullif(0))
        sums = {"a0": m, "a1": items["_s"], "a2": items["_q"], "a3": within}
        items = items.mutate(**{name: (weight * value).fill_null(0.0) for name, value in sums.items()})
        return items.group_by([*self.frame.keys, "_unit"]).aggregate(
            **{name: items[name].sum() for name in sums}, _pairs=(items["_m"] >= 2).cast("int64").sum(),
            _items=ibis._.count(), _n=items["_n"].sum(), _e=items["_e"].sum(), _u=items["_u"].sum(),
            _spans=items["_spans"].sum(),
        )  # fmt: skip

    def answered(self, definition: Definition, key: Key, *, factor: float, level: float, unit: str) -> Answered:
        """Give the alpha."""
        grouped = self.grouped
        if isinstance(grouped, Refusal):
            return Answered(grouped)
        known, about, unknown = self.seen(grouped, key)
        pairs, items = (int(grouped.of(key, name).sum()) for name in ("_pairs", "_items"))
        checks = self.checks(known=known, eligible=about, rows=about, unknown=unknown)
        what = "items with two or more raters"
        refusal = self.refusal(definition, known=known, eligible=about, n=pairs, what=what)
        if refusal is not None:
            return Answered(refusal, checks)
        if pairs < items:
            checks = (Check("pairs", None, f"{pairs:,} of {items:,} items have two or more raters"), *checks)
        sums, over = self.by_unit(grouped, key, ("a0", "a1", "a2", "a3"))
        found = krippendorff_alpha(sums, level=level)
        method = f"Krippendorff's alpha (interval), jackknife over {over}"
        return self.agreement(found, checks, pairs, factor=factor, level=level, unit=unit, method=method)


class PassAt(_Repeats):
    """Chance that k attempts at a task all succeed."""

    @property
    def k(self) -> int:
        """Attempts that must all succeed."""
        k = self.call.arguments[2]
        return int(k.value) if isinstance(k, Number) else 1

    def query(self) -> "ir.Table | Refusal":
        """Build the query: group, unit → weight × C(c, k) / C(n, k), and weight, over tasks with n ≥ k; tasks, rows."""
        import ibis

        made = self.judgements()
        if isinstance(made, Refusal):
            return made
        flat, task, _ = made
        tasks = flat.group_by(task).aggregate(
            _c=flat["x0"].sum().fill_null(0.0), _n=flat["x0"].count(), _e=ibis._.count(), **_held(flat),
            _w=flat["_w"].min(), _u=flat["_u"].sum(),
        )  # fmt: skip
        tasks = _placed(tasks)
        n, chance = tasks["_n"].cast("float64"), ibis.literal(1.0)
        for i in range(self.k):
            chance = chance * ibis.greatest(tasks["_c"] - float(i), 0.0) / (n - float(i)).nullif(0)
        weight = ibis.ifelse(tasks["_n"] >= self.k, tasks["_w"], 0.0)
        tasks = tasks.mutate(_top=(weight * chance).fill_null(0.0), _below=weight)
        return tasks.group_by([*self.frame.keys, "_unit"]).aggregate(
            _top=tasks["_top"].sum(), _below=tasks["_below"].sum(), _items=ibis._.count(),
            _pairs=(tasks["_n"] >= self.k).cast("int64").sum(), _n=tasks["_n"].sum(), _e=tasks["_e"].sum(),
            _u=tasks["_u"].sum(), _spans=tasks["_spans"].sum(),
        )  # fmt: skip

    def answered(self, definition: Definition, key: Key, *, factor: float, level: float, unit: str) -> Answered:
        """Give the chance."""
        grouped = self.grouped
        if isinstance(grouped, Refusal):
            return Answered(grouped)
        known, about, unknown = self.seen(grouped, key)
        tasks, items = (int(grouped.of(key, name).sum()) for name in ("_pairs", "_items"))
        checks = self.checks(known=known, eligible=about, rows=about, unknown=unknown)
        if any(check.name == "sampling" for check in checks):
            # Of a task with N attempts kept one by one, C(c, k) / C(n, k) is its chance only where all were kept with
            # one probability, and the task is seen at all only where n >= k: N, which would weigh that, is unknown.
            text = (
                "attempts were sampled one by one: a task is seen only where enough of its attempts were kept, and "
                "where success changes what is kept, the value is of the attempts kept"
            )
            checks = (Check("attempts_kept", False, text), *checks)
        what = f"tasks with {self.k} or more attempts"
        refusal = self.refusal(definition, known=known, eligible=about, n=tasks, what=what)
        if refusal is not None:
            return Answered(refusal, checks)
        if tasks < items:
            checks = (
                Check("repeated", None, f"{tasks:,} of {items:,} tasks were tried {self.k} times or more"),
                *checks,
            )
        sums, over = self.by_unit(grouped, key, ("_below", "_top"))
        found = mean_over_tasks(sums[:, ::-1], level=level)
        if found.low is None or found.high is None:
            text = f"all tasks belong to {over}, so that chance cannot be told from it"
            return Answered(Refusal(Reason.TOO_FEW_UNITS, text, "Take a longer window or a larger group."), checks)
        low, high = sorted((found.low * factor, found.high * factor))
        method = f"pass^{self.k}, jackknife over {over}"
        return Answered(Estimate(found.value * factor, unit, tasks, method, low, high, level), checks)
