"""From readings to a verdict: the first rule that fits, and why, in one sentence."""

import math
from collections.abc import Sequence

from metricstack.core.units import write, write_change
from metricstack.core.values import Check, Refusal
from metricstack.experiments.declaration import Declaration, Design, ShipIf
from metricstack.experiments.design import is_reached
from metricstack.experiments.effect import Effect
from metricstack.experiments.futility import Futility, futility_of
from metricstack.experiments.reading import Reading, Role
from metricstack.experiments.readout import Decided, Verdict

__all__ = ["decide_verdict", "guardrail_state"]


def guardrail_state(reading: Reading) -> str:
    """Tell how a guardrail stands: ``kept``, ``broken`` or ``undecided``.

    It is kept where harm beyond the margin is excluded at the declared level, and broken where the metric is worse
    beyond chance, by more than the margin. Of a metric that is neither better higher nor lower, any change is harm.

    Args:
        reading: A guardrail with its margin.
    """
    assert reading.guardrail is not None
    effect = _margined(reading)
    if isinstance(effect, Refusal) or effect.low is None or effect.high is None:
        return "undecided"
    harm, least, most = -effect.value * reading.sign, -effect.high * reading.sign, -effect.low * reading.sign
    least, most = min(least, most), max(least, most)
    if reading.better == "neither":  # a change either way is harm
        harm, least, most = abs(harm), max(least, -most, 0.0), max(most, -least)
    if most < reading.guardrail.margin:
        return "kept"
    return "broken" if least > 0 and harm > reading.guardrail.margin else "undecided"


def decide_verdict(declared: Declaration, readings: Sequence[Reading], checks: Sequence[Check], n: int) -> Decided:
    """Decide by the first rule that fits: invalid, rollback, ship, hold, inconclusive.

    Args:
        declared: What was declared.
        readings: The primary first.
        checks: Whether the comparison holds; one that failed makes it invalid.
        n: Units of all arms.
    """
    failed = [check for check in checks if check.passed is False]
    if failed:
        return Decided(Verdict.INVALID, f"The comparison does not hold: {failed[0].detail}.")
    primary = readings[0]
    reached = is_reached(declared, n)
    if not reached and declared.design is Design.FIXED:
        assert declared.planned_n is not None
        return Decided(
            Verdict.HOLD,
            f"Not yet: {n:,} of {declared.planned_n:,} planned units, and its design is read once, at the end.",
            declared.planned_n - n,
        )
    if isinstance(primary.effect, Refusal):
        return Decided(Verdict.HOLD, f"Its primary metric cannot be read yet: {primary.effect.detail}.")
    if primary.better == "neither":
        return Decided(
            Verdict.INCONCLUSIVE,
            f"{primary.title} is neither better higher nor lower: it cannot decide. Its change is {_told(primary)}.",
        )
    guards = [(one, guardrail_state(one)) for one in readings if one.role is Role.GUARDRAIL]
    broken = [one for one, state in guards if state == "broken"]
    if broken:
        return Decided(Verdict.ROLLBACK, f"It makes {_list(broken)} worse, by more than the margin.")
    gain, low, high = _gain(primary)
    material = _matters(declared, primary)
    if high < 0 and material:
        return Decided(Verdict.ROLLBACK, f"It makes {primary.title} worse: {_told(primary)}.")
    if low > 0 and material:
        undecided = [one for one, state in guards if state == "undecided"]
        if not undecided:
            kept = "every guardrail is kept" if guards else "there are no guardrails"
            return Decided(Verdict.SHIP, f"It makes {primary.title} better: {_told(primary)}, and {kept}.")
        more = _more(undecided, n)
        return Decided(
            Verdict.HOLD,
            f"It makes {primary.title} better, {_open(undecided)}.",
            more,
        )
    futility = futility_of(declared, primary, n)
    if futility is not None and futility.is_met:
        return Decided(Verdict.INCONCLUSIVE, _given_up(primary, futility))
    if not reached:
        assert declared.planned_n is not None
        return Decided(
            Verdict.HOLD,
            f"Nothing is decided after {n:,} of {declared.planned_n:,} planned units.",
            declared.planned_n - n,
        )
    if (low > 0 or high < 0) and not material:
        assert gain is not None
        assert declared.smallest_effect is not None
        return Decided(
            Verdict.INCONCLUSIVE,
            f"Its effect on {primary.title} is real but immaterial: {_told(primary)}, where "
            f"{write(declared.smallest_effect, 'fraction')} is the smallest that matters.",
        )
    return Decided(
        Verdict.INCONCLUSIVE, f"The planned n is reached, and {primary.title} shows no clear effect: {_told(primary)}."
    )


def _given_up(primary: Reading, futility: Futility) -> str:
    sides = f"z = {futility.z:.2f} towards good, at or below {futility.bound:.2f}"
    return (
        f"It is given up for futility at look {futility.look} of {futility.looks}: {primary.title} changed by "
        f"{_told(primary)}, {sides}. To go on all the same keeps alpha."
    )


def _matters(declared: Declaration, primary: Reading) -> bool:
    """Whether the effect is as large as was asked for; a relative one that cannot be told is."""
    least, relative = declared.smallest_effect, primary.relative
    if least is None or declared.ship_if is ShipIf.BETTER or isinstance(relative, Refusal):
        return True
    size = abs(relative.value)
    if declared.ship_if is ShipIf.SURELY_MATTERS and relative.value * primary.sign > 0:
        low, high = relative.low, relative.high
        size = -math.inf if low is None or high is None else min(low * primary.sign, high * primary.sign)
    return size >= least


def _gain(reading: Reading) -> tuple[float | None, float, float]:
    """The relative effect, and the bounds of the absolute one, in the direction of good."""
    assert not isinstance(reading.effect, Refusal)
    low = -math.inf if reading.effect.low is None else reading.effect.low
    high = math.inf if reading.effect.high is None else reading.effect.high
    first, second = low * reading.sign, high * reading.sign
    return reading.gain, min(first, second), max(first, second)


def _told(reading: Reading) -> str:
    """The effect alone: its interval stands beside it wherever a verdict is shown."""
    if not isinstance(reading.relative, Refusal):
        return write_change(1.0, 1.0 + reading.relative.value, "1")
    assert not isinstance(reading.effect, Refusal)
    return write_change(0.0, reading.effect.value, reading.effect.unit)


def _list(readings: Sequence[Reading]) -> str:
    *first, last = [one.title for one in readings]
    return f"{', '.join(first)} and {last}" if first else last


def _open(undecided: Sequence[Reading]) -> str:
    """What is not known of guardrails: how they stand, or anything at all."""
    unread = [one for one in undecided if isinstance(_margined(one), Refusal)]
    known = [one for one in undecided if not isinstance(_margined(one), Refusal)]
    told = [f"and {_list(known)} may still be worse by {'its' if len(known) == 1 else 'their'} margin"] if known else []
    return ", ".join([*told, f"and {_list(unread)} cannot be read"] if unread else told)


def _margined(reading: Reading) -> Effect | Refusal:
    """The effect that a guardrail's margin is about."""
    assert reading.guardrail is not None
    return reading.relative if reading.guardrail.relative else reading.effect


def _more(undecided: Sequence[Reading], n: int) -> int | None:
    """About how many more units would settle the guardrails, if their effects stay as they are seen."""
    factors = []
    for one in undecided:
        assert one.guardrail is not None
        effect = _margined(one)
        if isinstance(effect, Refusal) or effect.low is None or effect.high is None:
            return None
        harm = abs(effect.value) if one.better == "neither" else -effect.value * one.sign
        room = one.guardrail.margin - harm
        if room <= 0:
            return None
        factors.append(((effect.high - effect.low) / 2 / room) ** 2)
    return max(math.ceil(n * (max(factors) - 1)), 0) if factors else None
