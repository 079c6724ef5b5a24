"""Puts readouts together at a desk: what each arm did, whether the comparison holds, and the verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from metricstack.core.values import Check, Moments, Reason, Refusal
from metricstack.experiments.declaration import Declaration
from metricstack.experiments.design import read_effect
from metricstack.experiments.desk import Arm, Desk
from metricstack.experiments.dilution import dilute
from metricstack.experiments.effect import Effect
from metricstack.experiments.families import adjust
from metricstack.experiments.joined import everyone_of, over_time_of
from metricstack.experiments.over_time import EDGES, OverTime, over_time
from metricstack.experiments.reading import Reading, Role
from metricstack.experiments.readout import Readout, Verdict
from metricstack.experiments.segments import Segmented, Segments, segmented
from metricstack.experiments.validity import Seen, validity
from metricstack.experiments.verdict import decide_verdict

__all__ = ["Reader"]


@dataclass(eq=False)
class Reader:
    """Puts readouts together.

    Args:
        desk: Where the experiments are read.
        counts: Experiment → units by how they were assigned; or why they cannot be counted.
        early: Experiment → units that were exposed before it started.
        days: Experiment → day of first exposure → arm → units.
    """

    desk: Desk
    counts: Mapping[str, Mapping[str, int]] | Refusal
    early: Mapping[str, int]
    days: Mapping[str, Mapping[date, Mapping[str, int]]]

    @classmethod
    def of(cls, desk: Desk) -> "Reader":
        """Count units first."""
        early, days = desk.exposed.early(), desk.exposed.by_day()
        return cls(
            desk,
            desk.exposed.counts(),
            {} if isinstance(early, Refusal) else early,
            {} if isinstance(days, Refusal) else days,
        )

    def readouts(self) -> list[Readout]:
        """Return one readout per experiment; in depth where there is one only."""
        return [self._readout(one) for one in self.desk.declared]

    def _readout(self, one: Declaration) -> Readout:
        """Put one experiment together: its checks, what each arm did, and the verdict."""
        desk = self.desk
        parts = {name: {arm: desk.arm(one, name, arm) for arm in one.arms} for name in one.metrics}
        units, checks = self._units(one), self.checks(one)
        n = sum(units.values())
        by_arm = {arm: self._readings(one, arm, parts, n=n) for arm in one.arms[1:]}
        decided = {arm: decide_verdict(one, readings, checks, n) for arm, readings in by_arm.items()}
        best = min(decided, key=lambda arm: _FIRST.index(decided[arm].verdict))
        others = (reading for arm, readings in by_arm.items() if arm != best for reading in readings)
        read = (*by_arm[best], *others)
        invalid = decided[best].verdict is Verdict.INVALID
        if invalid:  # what each arm did stays; their difference means nothing
            broken = next(check.detail for check in checks if check.passed is False)
            refusal = Refusal(Reason.UNSTABLE, f"the comparison does not hold: {broken}", "Mend the split; run again.")
            read = tuple(_refused(reading, refusal) for reading in read)
        provenance = desk.ws.provenance(("assignments", "experiments"), desk.span, one.hash)
        readout = Readout(one, units, read, checks, decided[best], provenance, by_day=self.days.get(one.key, {}))
        if len(desk.declared) > 1 or n == 0:
            return readout
        if invalid:
            return replace(readout, segments=Segments(why="the comparison does not hold"), over_time=refusal)
        segments = self._segments(one, best, read[0], n=n)
        return replace(readout, segments=segments, over_time=self._over_time(one, best, read[0]))

    def _units(self, one: Declaration) -> dict[str, int]:
        found = self.desk.joint
        if isinstance(found, Refusal):
            return {}
        return {arm: sum(part.n for part in found.of(one.key, arm).values()) for arm in one.arms}

    def checks(self, one: Declaration) -> tuple[Check, ...]:
        """Check whether one comparison holds."""
        return validity(one, self._seen(one))

    def _seen(self, one: Declaration) -> Seen:
        """What is known of an experiment's units."""
        desk, found = self.desk, self.desk.joint
        if isinstance(found, Refusal) or isinstance(self.counts, Refusal):
            return Seen()
        stretches = {arm: {at: part.n for at, part in found.of(one.key, arm).items()} for arm in found.arms(one.key)}
        names = desk.before([one.primary], found)
        before = {arm: found.of(one.key, arm) for arm in one.arms} if names else {}
        return Seen(
            counts=self.counts.get(one.key, {}),
            stretches=stretches,
            days=self.days.get(one.key, {}),
            early=self.early.get(one.key, 0),
            unknown=desk.unknown_rows(one, one.primary),
            before={arm: {at: _picked(part, names) for at, part in parts.items()} for arm, parts in before.items()},
        )

    def _readings(
        self, one: Declaration, arm: str, parts: Mapping[str, Mapping[str, Arm]], *, n: int
    ) -> tuple[Reading, ...]:
        found = [self._reading(one, name, arm, parts[name], n=n) for name in one.metrics]
        told = [
            (i, reading.effect.p_value)
            for i, reading in enumerate(found)
            if reading.role is Role.SECONDARY and isinstance(reading.effect, Effect)
        ]
        known = [(i, p) for i, p in told if p is not None]
        if known:
            size = sum(reading.role is Role.SECONDARY for reading in found)
            adjusted = adjust([p for _, p in known], one.correction, alpha=one.alpha, size=size)
            assert not isinstance(adjusted, Refusal)
            for (i, _), p in zip(known, adjusted.adjusted, strict=True):
                found[i] = replace(found[i], p_adjusted=p)
        return tuple(found)

    def _reading(self, one: Declaration, name: str, arm: str, parts: Mapping[str, Arm], *, n: int) -> Reading:
        """Hold one metric of an arm against control, as the design allows."""
        desk = self.desk
        definition = desk.jobs[name][0].definition if name in desk.jobs else None
        title, better = (definition.title, str(definition.better)) if definition is not None else (name, "neither")
        if len(one.arms) > 2:
            title = f"{title} in {arm!r}"
        guardrail = next((guard for guard in one.guardrails if guard.metric == name), None)
        role = Role.PRIMARY if name == one.primary else Role.GUARDRAIL if guardrail else Role.SECONDARY
        control, treatment = (desk.whole(one, name, each, parts[each]) for each in (one.arms[0], arm))
        found = desk.contrast(one, name, arm)
        effect: Effect | Refusal
        relative: Effect | Refusal
        reduction, everyone = None, None
        if isinstance(found, Refusal):
            effect = relative = found
        else:
            effect, relative = read_effect(one, found, n=n, unit=self.desk.unit(name))
            reduction = found.variance_reduction
            everyone = self._everyone(one, name, arm, effect, n=n) if one.triggered else None
        return Reading(
            name, title, role, better, arm, control, treatment, effect, relative, guardrail,
            variance_reduction=reduction, everyone=everyone,
        )  # fmt: skip

    def _everyone(self, one: Declaration, name: str, arm: str, effect: Effect | Refusal, *, n: int) -> Effect | Refusal:
        """Spread an effect on the units that reached the changed code over all that were assigned."""
        if isinstance(effect, Refusal):
            return effect
        if not self.desk.is_total(name):
            found = everyone_of(self.desk, one, name, arm)
            return found if isinstance(found, Refusal) else read_effect(one, found, n=n, unit=self.desk.unit(name))[0]
        units, assigned = self._units(one), self.days.get(one.key, {}).values()
        both = (one.arms[0], arm)
        triggered, all_of = (units[each] for each in both), (sum(day.get(each, 0) for day in assigned) for each in both)
        return dilute(effect, tuple(zip(triggered, all_of, strict=True)))

    def _segments(self, one: Declaration, arm: str, primary: Reading, *, n: int) -> Segments:
        desk, found = self.desk, list[Segmented]()
        for place, dimension in enumerate(desk.by):
            effects: dict[str, tuple[int, Effect | Refusal, Effect | Refusal]] = {}
            for value in desk.values(one, place):
                told = desk.contrast(one, one.primary, arm, value=(place, value))
                read = (told, told) if isinstance(told, Refusal) else read_effect(
                    one, told, n=n, unit=self.desk.unit(one.primary)
                )  # fmt: skip
                effects[value] = (desk.units(one, arm, (place, value)), *read)
            if effects:
                found.append(segmented(primary, dimension, effects, alpha=one.alpha))
        return Segments(tuple(found))

    def _over_time(self, one: Declaration, arm: str, primary: Reading) -> OverTime | Refusal:
        end, days = self.desk.exposed.exposures[0].end, self.days.get(one.key, {})

        def watched(edge: int) -> int:
            """Count the units of the smaller arm that were there for longer than so many days."""
            last = (end - timedelta(days=edge)).date()
            return min(
                sum(units.get(each, 0) for day, units in days.items() if day < last) for each in (one.arms[0], arm)
            )

        edges = tuple(edge for edge in EDGES if watched(edge) >= _FEWEST)
        found = over_time_of(self.desk, one, one.primary, arm, edges)
        if isinstance(found, Refusal):
            return found
        values, covariance, n = found
        unit = self.desk.unit(one.primary)
        return over_time(primary, values, covariance, edges=edges, n=n, unit=unit, alpha=one.alpha, cap=one.cap)


def _refused(reading: Reading, refusal: Refusal) -> Reading:
    if isinstance(reading.effect, Refusal):
        return reading
    return replace(reading, effect=refusal, relative=refusal, p_adjusted=None, everyone=None, variance_reduction=None)


def _picked(moments: Moments, names: Sequence[str]) -> Moments:
    at = [moments.names.index(name) for name in names]
    return Moments(moments.n, moments.means[at], moments.cross[at][:, at], tuple(names))


_FEWEST = 100
"""Units of an arm below which a stretch of days is not told apart: not all of them do something in it."""
_FIRST = (Verdict.INVALID, Verdict.SHIP, Verdict.HOLD, Verdict.INCONCLUSIVE, Verdict.ROLLBACK)
"""Of several arms the one that is best off speaks for the experiment."""
