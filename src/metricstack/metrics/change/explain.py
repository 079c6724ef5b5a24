"""`explain`: why a metric moved between two windows, in parts that add up to the change."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Check, Estimate, Finding, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.metrics.answers.amounts import Amounts, Kind, Pool, effects_of, spread_of
from metricstack.metrics.answers.answer import Answered
from metricstack.metrics.answers.privacy import SMALLEST_GROUP, withheld
from metricstack.metrics.change.distribution import Sampled, distribution_of
from metricstack.metrics.change.explanation import Breakdown, Explanation
from metricstack.metrics.change.shares import Chosen, Columns, Place, Shares, refused
from metricstack.metrics.definitions import Catalogue, catalogue
from metricstack.metrics.language.dimension import dimension
from metricstack.metrics.language.forms import Form, forms_of
from metricstack.metrics.model import Definition, Population
from metricstack.metrics.query.grouped import Key
from metricstack.metrics.query.windowed import Side, answered, moved, sides, two_windows
from metricstack.metrics.question import as_filter, as_names
from metricstack.numerics.distributions import jackknife
from metricstack.numerics.intervals import Spread, check_level

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["explain", "explain_each"]

_MOST_GROUPS = 2_000
_USUAL = ("use_case", "model", "region", "segment", "channel", "team")
_SMALL = f"fewer than {SMALLEST_GROUP} people"


def explain(
    ws: "Workspace",
    metric: str,
    *,
    before: Window | str | None = None,
    after: Window | str | None = None,
    by: Sequence[str] | str = (),
    where: Mapping[str, str] | None = None,
    level: float = 0.95,
) -> Explanation:
    """Explain why a metric moved: what its groups' own rates did, what their mix, what came and what went.

    Each dimension explains the whole change by itself, and several asked together also jointly. A mean or a
    ratio has the parts *rate* (groups changed), *mix* (their shares changed), *new* and *vanished* (groups in
    one window only); a total has *rate* (what a row brings), *volume* (how many rows), *new* and *vanished*.
    A quantile is explained by its distribution, with the parts of a mean. The parts add up to the change.

    Args:
        ws: The workspace.
        metric: Id or alias.
        before: The earlier window, a quarter's name, or None for the one before the later.
        after: The later window, a quarter's name, or None for the last quarter that the data fill.
        by: Dimensions; none = those by which this metric is usually read.
        where: Dimension → the value that it must have.
        level: Confidence level of the intervals.

    Returns:
        An explanation, the dimension that concentrates the change most first. Where the change cannot be
        said, or not by a dimension, it holds the refusal.

    Raises:
        UnknownName: no such metric or dimension.
        InvalidInput: windows that overlap, a dimension that names a person or would multiply rows, or more
            than 2,000 groups.
    """
    return explain_each(ws, [metric], before=before, after=after, by=by, where=where, level=level)[0]


def explain_each(
    ws: "Workspace",
    metrics: Sequence[str] | str,
    *,
    before: Window | str | None = None,
    after: Window | str | None = None,
    by: Sequence[str] | str = (),
    without: Sequence[str] | str = (),
    where: Mapping[str, str] | None = None,
    level: float = 0.95,
) -> tuple[Explanation, ...]:
    """Explain several metrics between the same two windows, with one scan per dimension for all of them.

    Args:
        ws: The workspace.
        metrics: Ids or aliases.
        before: As in `explain`.
        after: As in `explain`.
        by: As in `explain`; none = those by which each metric is usually read.
        without: Of those usual, the dimensions to leave out.
        where: As in `explain`.
        level: Confidence level of the intervals.

    Returns:
        One explanation per metric, in order.

    Raises:
        UnknownName: as `explain`.
        InvalidInput: as `explain`.
    """
    check_level(level)
    known = catalogue(ws)
    definitions = [known.get(metric) for metric in as_names(metrics, "metrics")]
    windows = two_windows(ws, before, after)
    dimensions, where = as_names(by, "by"), as_filter(where) or {}
    if len(set(dimensions)) < len(dimensions):
        raise InvalidInput(f"by = {list(dimensions)}: each dimension once.")
    usual = {*_USUAL, *(one.split for one in definitions if one.split)}
    left_out = as_names(without, "without")
    for name in left_out:
        if name not in usual:
            raise UnknownName("dimension to leave out", name, sorted(usual))
    asked = {one.id: _asked(known, one, dimensions, {*where, *left_out}) for one in definitions}
    every = dict.fromkeys(columns for each in asked.values() for columns in ((), *each))
    found = {
        columns: sides(
            ws, known, [name for name, each in asked.items() if columns in ((), *each)], windows,
            by=columns, where=where, level=level,
        )
        for columns in every
    }  # fmt: skip

    pool = Pool()
    for columns, each in found.items():
        for before_side, after_side in each.values() if columns else ():
            forms = _forms(after_side)
            if forms is not None:
                pool.need((before_side, after_side), forms)

    def told(definition: Definition) -> Explanation:
        pairs = {columns: found[columns][definition.id] for columns in ((), *asked[definition.id])}
        two = {columns: (before, after) for columns, (before, after) in pairs.items()}
        return _explained(ws, known, definition, two, windows=windows, where=where, level=level, pool=pool)

    return tuple(told(definition) for definition in definitions)


def _asked(known: Catalogue, definition: Definition, by: Columns, without: Collection[str]) -> list[Columns]:
    """List the breakdowns that a metric is asked by: those named, else the usual ones without some."""
    if by:
        return [(name,) for name in by] + ([by] if len(by) > 1 else [])
    able = known.dimensions(definition.id)
    usual = dict.fromkeys((definition.split, *_USUAL))
    return [(name,) for name in usual if name in able and name not in without]


def _explained(
    ws: "Workspace",
    known: Catalogue,
    definition: Definition,
    pairs: Mapping[Columns, tuple[Side, Side]],
    *,
    windows: tuple[Window, Window],
    where: Mapping[str, str],
    level: float,
    pool: Pool,
) -> Explanation:
    earlier, later = windows
    pair = pairs[()]
    key: Key = (0, ())
    reached = [_in_window(side, key) for side in pair]
    change, _ = moved(definition, (pair[0], reached[0][0], reached[0][1]), (pair[1], reached[1][0], reached[1][1]), key)
    origin = ws.provenance(known.tables(definition.id), later, known.hash(definition.id))
    base = tuple(where.items())
    total = Finding(
        f"Change of {_title(definition)} from {earlier} to {later}", change.difference, definition.id, base,
        checks=(*_named("before", reached[0][1].checks), *_named("after", reached[1][1].checks)),
        assumptions=tuple(dict.fromkeys((*reached[0][1].assumptions, *reached[1][1].assumptions))),
        provenance=origin,
    )  # fmt: skip
    explanation = Explanation(definition.id, definition, earlier, later, change, (), total)
    if isinstance(change.difference, Refusal):
        return explanation
    found = [_breakdown(columns, pairs[columns], explanation, level, base, pool=pool) for columns in pairs if columns]
    single = sorted((part for part in found if len(part.by) == 1), key=_rank)
    return replace(explanation, breakdowns=(*single, *(part for part in found if len(part.by) > 1)))


def _forms(side: Side) -> tuple[Form, ...] | None:
    """Return a metric's formula as sums over sums; None where it is not made of them, or of a quantile."""
    job = side.job
    if job.quantile is not None or job.special is not None or job.per:
        return None
    return forms_of(job.tree, job.definition.table)


def _rank(part: Breakdown) -> tuple[bool, float]:
    return part.refusal is not None, -part.concentration


def _in_window(side: Side, key: Key) -> tuple[tuple[Key, ...], Answered]:
    groups = side.part.groups(side.job)
    if isinstance(groups, Refusal):
        return (key,), Answered(groups)
    keys = groups.get(key, (key,))
    return keys, answered(side, key, keys)


def _title(definition: Definition) -> str:
    return definition.title or definition.id


def _named(window: str, checks: Sequence[Check]) -> tuple[Check, ...]:
    return tuple(replace(check, detail=f"{window}: {check.detail}") for check in checks)


def _breakdown(
    columns: Columns, pair: tuple[Side, Side], whole: Explanation, level: float, base: Place, *, pool: Pool
) -> Breakdown:
    refusal = _cannot(columns, pair, whole)
    if refusal is not None:
        return refused(columns, whole, refusal, base)
    job = pair[1].job
    if job.quantile is not None:
        found: Shares | Refusal = _of_quantile(columns, pair, whole)
    else:
        found = _of_sums(columns, pair, whole, pool)
    return (
        refused(columns, whole, found, base) if isinstance(found, Refusal) else found.told(columns, whole, level, base)
    )


def _cannot(columns: Columns, pair: tuple[Side, Side], whole: Explanation) -> Refusal | None:
    job = pair[1].job
    if job.definition.id != whole.metric:
        return Refusal(
            Reason.UNSTABLE,
            f"by {' and '.join(columns)} it is answered by {job.definition.id!r}, whose groups do not add up to it",
            f"Explain {job.definition.id!r} by it.",
        )
    if job.special is not None or job.per or (job.quantile and job.quantile[1].function in ("min", "max")):
        return Refusal(
            Reason.UNSTABLE,
            f"{job.definition.formula!r} of the whole does not follow from its groups, so that no part of the change "
            "belongs to one",
            "Evaluate it by the dimension in both windows instead.",
        )
    if job.quantile is None and forms_of(job.tree, job.definition.table) is None:
        return Refusal(
            Reason.UNSTABLE,
            f"{job.definition.formula!r} is not made of sums over sums, so that its change has no exact parts by group",
            "Explain the metrics that it is made of.",
        )
    return None


def _members(columns: Columns, pair: tuple[Side, Side], keys: Sequence[Key]) -> dict[Columns, tuple[Key, ...]]:
    """Groups and their keys; those of too few people, by team, stand together."""
    found: dict[Columns, tuple[Key, ...]] = {}
    for key in keys:
        label = key[1]
        if "team" in columns and any(withheld(side.part.tables, side.job.tables, key) for side in pair):
            label = (_SMALL,) * len(columns)
        found[label] = (*found.get(label, ()), key)
    if len(found) > _MOST_GROUPS:
        raise InvalidInput(
            f"By {' and '.join(columns)} there are {len(found):,} groups; at most {_MOST_GROUPS:,} are explained. "
            "Ask by fewer dimensions, or narrow with where."
        )
    return found


def _of_sums(columns: Columns, pair: tuple[Side, Side], whole: Explanation, pool: Pool) -> "Shares | Refusal":
    job = pair[1].job
    forms = forms_of(job.tree, job.definition.table)
    assert forms is not None
    if any(form.bottom is None and len(form.tables) > 1 for form in forms):
        return Refusal(
            Reason.UNSTABLE,
            "it adds totals of several tables, whose rows are not of one kind, so that it has no volume",
            "Explain the metrics that it is made of.",
        )
    amounts = Amounts.of(pair, forms, pool)
    if isinstance(amounts, Refusal):
        return amounts
    members = _members(columns, pair, amounts.keys())
    effects, kinds = effects_of(amounts, {str(i): keys for i, keys in enumerate(members.values())})
    effects = effects.times(1 / dimension(job.definition.unit).factor)
    n = tuple(sum(amounts.known(window, keys) for window in (0, 1)) for keys in members.values())
    checks = []
    labels = tuple(members)
    if effects.undefined.any():
        names = ", ".join(" · ".join(labels[i]) for i in np.flatnonzero(effects.undefined)[:3])
        detail = f"the rate of {names} has no value in one of the windows; all that it changed is under rate"
        checks.append(Check("rates_defined", False, detail))
    if effects.values[1].any() or effects.reversed_:
        against = "the whole moved against every group's own rate (Simpson's reversal): the mix did it"
        detail = against if effects.reversed_ else "at least one group's own rate moved with the whole"
        checks.append(Check("no_reversal", not effects.reversed_, detail))
    census = job.population is Population.WINDOW and not kinds

    def spread(chosen: Chosen) -> Spread | None:
        return (
            None
            if census
            else spread_of(kinds, [(unit * chosen[:, None, :]).sum(axis=(0, 2)) for unit in effects.units])
        )

    said = " and ".join(dict.fromkeys(_way(kind, effects.units[i].shape[1]) for i, kind in enumerate(kinds)))
    return Shares(effects.values, labels, effects.share, n, f"delta method, {said}", tuple(checks), spread)


def _way(kind: Kind, units: int) -> str:
    if kind[0] == "sampling":
        return "Horvitz–Thompson sampling variance"
    return f"clusters: {units} random groups of {kind[1]}s" if kind[0] == "groups" else f"clusters: {units} {kind[1]}s"


def _of_quantile(columns: Columns, pair: tuple[Side, Side], whole: Explanation) -> "Shares | Refusal":
    job = pair[1].job
    assert job.quantile is not None
    keys: set[Key] = set()
    for side in pair:
        found = side.part.groups(job)
        if isinstance(found, Refusal):
            return found
        keys.update(found)
    members = _members(columns, pair, sorted(keys))
    factor = dimension(job.definition.unit).factor
    assert isinstance(whole.change.difference, Estimate)
    sampled = distribution_of(pair, members, whole.change.difference.value * factor)
    if isinstance(sampled, Refusal):
        return sampled
    return _from_shift(sampled, factor)


def _from_shift(sampled: Sampled, factor: float) -> "Shares":
    shift = sampled.shift

    def spread(chosen: Chosen) -> Spread:
        whole_rows = chosen.all(axis=1) | ~chosen.any(axis=1)
        if whole_rows.all():
            replicates = shift.part_replicates[chosen.any(axis=1)].sum(axis=0)
        else:
            replicates = (shift.group_replicates * chosen[:, :, None]).sum(axis=(0, 1))
        return jackknife(replicates / factor)

    buckets = shift.part_replicates.shape[1]
    method = f"counterfactual distributions (Shapley), jackknife over {buckets} random groups of units"
    return Shares(shift.groups / factor, sampled.labels, sampled.share, sampled.n, method, (), spread)
