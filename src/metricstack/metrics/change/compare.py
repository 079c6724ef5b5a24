"""`compare`: metrics of one window against another, the same users taken together, many tests corrected for."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from metricstack.core.errors import ConfigurationError, Fault, InvalidInput, UnknownName
from metricstack.core.toml import line_of, read_toml
from metricstack.core.values import Check, Estimate, Finding, Refusal
from metricstack.core.windows import Window
from metricstack.metrics.answers.answer import Answered
from metricstack.metrics.change.comparison import Compared, Comparison
from metricstack.metrics.change.fair import FairPass, Weekdays, can_be_fair, happened, per_day, weekdays
from metricstack.metrics.definitions import Catalogue, catalogue
from metricstack.metrics.language.resolve import degree
from metricstack.metrics.model import Definition
from metricstack.metrics.query.grouped import Key
from metricstack.metrics.query.rows import NOT_RECORDED
from metricstack.metrics.query.windowed import Side, answered, moved, sides, two_windows
from metricstack.metrics.question import as_filter, as_names
from metricstack.numerics.change import Change, Verdict
from metricstack.numerics.intervals import check_level, t_quantile
from metricstack.numerics.multiplicity import Family, benjamini_hochberg, p_value
from metricstack.telemetry.promises import Board

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["compare"]


Place = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Test:
    """A difference before correction."""

    definition: Definition
    where: Place
    change: Change
    freedom: float
    declared: bool
    checks: tuple[Check, ...]
    assumptions: tuple[str, ...]

    @property
    def error(self) -> float | None:
        """Standard error on the side of 0; None where nothing was tested."""
        found = self.change.difference
        if isinstance(found, Refusal) or found.low is None or found.high is None or found.level is None:
            return None
        distance = found.value - found.low if found.value > 0 else found.high - found.value
        return distance / t_quantile(found.level, self.freedom)

    @property
    def p(self) -> float | None:
        found, error = self.change.difference, self.error
        if error is None or isinstance(found, Refusal):
            return None
        return 1.0 if math.isinf(error) else p_value(found.value, error, self.freedom)


def compare(
    ws: "Workspace",
    metrics: Sequence[str] | str = (),
    *,
    before: Window | str | None = None,
    after: Window | str | None = None,
    by: Sequence[str] | str = (),
    where: Mapping[str, str] | None = None,
    fair: Literal["weekdays"] | None = None,
    board: str | None = None,
    level: float = 0.95,
) -> Comparison:
    """Compare metrics of one window with those of another, and correct for how many were looked at.

    Users who are there in both windows are taken together, so that the difference is as sure as it is. The
    metrics of a declared board are one family: Benjamini and Hochberg's procedure keeps the share of wrong
    ones among those called changed; the intervals are widened alike. A metric beyond the board is exploratory.

    Args:
        ws: The workspace.
        metrics: Ids or aliases; none = those of the board.
        before: The earlier window, a quarter's name, or None for the one before the later.
        after: The later window, a quarter's name, or None for the last quarter that the data fill.
        by: Dimensions; every group is a test of its own.
        where: Dimension → the value that it must have.
        fair: ``"weekdays"``: where the windows hold other numbers of each weekday, rates are weighted to the
            same mix and totals are compared per day, without the days that have no data.
        board: A board of ``[boards]`` in `metricstack.toml`; None = what is asked is one family, all exploratory.
        level: Confidence level before correction, a fraction in (0, 1).

    Returns:
        A comparison with a row for each metric and group.

    Raises:
        UnknownName: no such metric, dimension or board.
        ConfigurationError: the board names a metric that does not exist.
        InvalidInput: nothing is asked, windows overlap, or a dimension cannot be asked by.
    """
    check_level(level)
    if fair not in (None, "weekdays"):
        raise InvalidInput(f"fair={fair!r} is unknown. Allowed: 'weekdays', or None.")
    known = catalogue(ws)
    declared = _board(ws, known, board)
    names = as_names(metrics, "metrics")
    ids = list(dict.fromkeys(known.get(name).id for name in (names or (declared.metrics if declared else ()))))
    if not ids:
        raise InvalidInput("Nothing is compared: name metrics, or a board of [boards] in the metricstack.toml.")
    ours = set(ids) if declared is None else {known.get(name).id for name in declared.metrics}
    earlier, later = two_windows(ws, before, after)
    dimensions, where = as_names(by, "by"), as_filter(where)
    pairs = sides(ws, known, ids, (earlier, later), by=dimensions, where=where or {}, level=level)
    balance = weekdays(ws, earlier, later) if fair else None
    passes: dict[int, FairPass] = {}
    base = tuple((where or {}).items())
    tests = [
        test
        for name in ids
        for test in _tests(known.get(name), pairs[name], balance, passes, base=base, declared=name in ours)
    ]
    rate = declared.false_discoveries if declared else 1 - level
    asked = [test for test in tests if test.declared]
    groups = max(len({test.where for test in asked}), 1)
    tested = [test for test in asked if not _exact(test)]
    size = max(len(tested) + groups * len(ours - set(ids)), len(tested))
    made = [test for test in tested if test.p is not None]
    family = benjamini_hochberg([test.p for test in made if test.p is not None], rate=rate, size=size)
    corrected = {id(test): value for test, value in zip(made, family.adjusted, strict=True)}
    checks = [
        *(balance.checks if isinstance(balance, Weekdays) else ()),
        *happened(ws, {"earlier": earlier, "later": later}),
    ]
    if (
        not fair
        and not math.isclose(earlier.days, later.days, abs_tol=0.05)
        and any(known.is_total(name) for name in ids)
    ):
        detail = f"{earlier} has {earlier.days:g} days, {later} {later.days:g}: totals differ by that alone"
        checks.append(Check("same_length", False, detail))
    told = _Told(ws, known, family, (earlier, later), declared)
    return Comparison(
        rows=tuple(told.row(test, corrected.get(id(test))) for test in tests),
        definitions={name: known.get(name) for name in ids},
        before=earlier, after=later, board=declared.name if declared else "", false_discoveries=rate, size=size,
        by=dimensions, fair=fair, checks=tuple(checks),
    )  # fmt: skip


def _exact(test: _Test) -> bool:
    """Counted in full in both windows: a fact, not a test."""
    return isinstance(test.change.difference, Estimate) and test.change.difference.is_census


def _board(ws: "Workspace", known: Catalogue, name: str | None) -> Board | None:
    boards = ws.config.boards
    if name is not None and name not in boards:
        raise UnknownName("board", name, boards, remedy="Declare it under [boards] in the metricstack.toml.")
    path = ws.root / "metricstack.toml"
    faults = []
    for board in boards.values():
        for metric in board.metrics:
            try:
                known.get(metric)
            except UnknownName as error:
                line = line_of(read_toml(path)[1], "boards", board.name, "metrics")
                faults.append(Fault(f"{path.name}:{line}: {error}"))
    if faults:
        raise ConfigurationError(str(path), faults)
    return None if name is None else boards[name]


def _tests(
    definition: Definition,
    pair: tuple[Side, ...],
    balance: Weekdays | Refusal | None,
    passes: dict[int, FairPass],
    *,
    base: Place,
    declared: bool,
) -> list[_Test]:
    job = pair[1].job
    checks: list[Check] = []
    daily = False
    refusal = balance if isinstance(balance, Refusal) else None
    if isinstance(balance, Weekdays) and not balance.alike:
        why = can_be_fair(job)
        if why:
            checks.append(Check("same_weekdays", False, f"not weighted to the same weekdays: {why}"))
        else:
            pair = tuple(
                replace(side, part=passes.setdefault(id(side.part), FairPass.of(side.part, days, factors)))
                for side, days, factors in zip(pair, balance.days, balance.factors, strict=True)
            )
            daily = degree(job.tree) >= 1 and not per_day(job)
    if refusal is not None and can_be_fair(job):
        refusal = None
    found = [side.part.groups(side.job) for side in pair]
    keys: dict[Key, None] = {}
    for groups in found:
        keys |= dict.fromkeys(_known(groups))
    ordered = sorted(keys or {(0, ()): None}, key=lambda key: [(value == NOT_RECORDED, value) for value in key[1]])
    return [
        _test(definition, pair, found, key, refusal, daily=daily, base=base, declared=declared, checks=tuple(checks))
        for key in ordered
    ]


def _known(groups: "dict[Key, tuple[Key, ...]] | Refusal") -> Sequence[Key]:
    return ((0, ()),) if isinstance(groups, Refusal) else tuple(groups)


def _test(
    definition: Definition,
    pair: tuple[Side, ...],
    found: list[dict[Key, tuple[Key, ...]] | Refusal],
    key: Key,
    refusal: Refusal | None,
    *,
    daily: bool,
    base: Place,
    declared: bool,
    checks: tuple[Check, ...],
) -> _Test:
    reached = []
    for side, groups in zip(pair, found, strict=True):
        keys = (key,) if isinstance(groups, Refusal) else groups.get(key, (key,))
        if refusal is not None or isinstance(groups, Refusal):
            answer = Answered(refusal or groups)  # type: ignore[arg-type]
        else:
            answer = answered(side, key, keys)
            if isinstance(side.part, FairPass) and isinstance(answer.answer, Estimate):
                answer = replace(answer, answer=_of_a_day(side.part, answer.answer, side, key, keys, daily=daily))
        reached.append((side, keys, answer))
    change, together = moved(definition, reached[0], reached[1], key)
    by = pair[1].part.request.by
    named = zip(("earlier", "later"), (answer for _, _, answer in reached), strict=True)
    said = [replace(check, detail=f"{name}: {check.detail}") for name, answer in named for check in answer.checks]
    assumed = dict.fromkeys(text for _, _, answer in reached for text in answer.assumptions)
    freedom = together.freedom if together else math.inf
    where = (*zip(by, key[1], strict=False), *base)
    return _Test(definition, where, change, freedom, declared, (*checks, *said), tuple(assumed))


def _of_a_day(part: FairPass, found: Estimate, side: Side, key: Key, keys: tuple[Key, ...], *, daily: bool) -> Estimate:
    """Mend what a weighted day does not know: totals are per day now, and events come in whole numbers."""
    if daily:
        found = replace(found, unit=f"{found.unit}/d")
    if "exact Poisson" in found.method:
        plain = answered(replace(side, part=part.plain), key, keys).answer
        if isinstance(plain, Estimate) and plain.low is not None and plain.high is not None:
            factor = found.value / plain.value if plain.value else 1.0
            found = replace(found, low=plain.low * factor, high=plain.high * factor, method=plain.method)
    return found


@dataclass(frozen=True)
class _Told:
    """What turns tests into rows: the family that corrects them, and where they come from."""

    ws: "Workspace"
    known: Catalogue
    family: Family
    windows: tuple[Window, Window]
    declared: Board | None

    def row(self, test: _Test, adjusted: float | None) -> Compared:
        """Correct a test's interval and verdict for its family."""
        definition, change, family = test.definition, test.change, self.family
        exploratory = self.declared is None or not test.declared
        checks = list(test.checks)
        if adjusted is not None:
            change = _widened(test, family, changed=adjusted <= family.rate)
            detail = f"one of {family.size} tests; adjusted p-value {adjusted:.3g} against {family.rate:g}"
            checks.append(Check("multiplicity", None, detail))
        if exploratory:
            why = "no board was declared" if self.declared is None else f"not on the board {self.declared.name!r}"
            checks.append(Check("declared", False if self.declared else None, f"exploratory: {why}"))
        title = definition.title or definition.id
        group = "".join(f", {value}" for _, value in test.where)
        earlier, later = self.windows
        origin = self.ws.provenance(self.known.tables(definition.id), later, self.known.hash(definition.id))
        finding = Finding(
            f"Change of {title} from {earlier} to {later}{group}", change.difference, definition.id, test.where,
            checks=tuple(checks), assumptions=test.assumptions, provenance=origin,
        )  # fmt: skip
        return Compared(definition.id, title, test.where, change, test.p, adjusted, exploratory, finding)


def _widened(test: _Test, family: Family, *, changed: bool) -> Change:
    """Give the difference its interval at the family's level, and the verdict that goes with it."""
    found, change = test.change.difference, test.change
    assert isinstance(found, Estimate)
    assert found.low is not None
    assert found.high is not None
    assert found.level is not None
    factor = t_quantile(family.level, test.freedom) / t_quantile(found.level, test.freedom)
    difference = replace(
        found,
        low=found.value - (found.value - found.low) * factor,
        high=found.value + (found.high - found.value) * factor,
        level=family.level,
        method=f"{found.method}; widened for a family of {family.size}" if family.size > 1 else found.method,
    )
    if not changed:
        verdict = Verdict.UNCLEAR
    elif change.better == "neither":
        verdict = Verdict.MOVED
    else:
        verdict = Verdict.BETTER if (found.value > 0) == (change.better == "higher") else Verdict.WORSE
    return replace(change, difference=difference, verdict=verdict)
