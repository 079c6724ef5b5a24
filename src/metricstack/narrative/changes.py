"""Sentences for a change: which way, how far, how sure, and whether that way is good."""

from metricstack.core.units import write, write_change
from metricstack.core.values import Answer, Estimate, Refusal
from metricstack.narrative.answers import how_sure, say_answer
from metricstack.narrative.words import difference_interval, stem
from metricstack.numerics.change import Better, Change, Verdict

__all__ = ["ARROWS", "course", "moved_by", "say_change", "say_target"]

# One arrow per course, never per verdict: a fall that is good still points down.
ARROWS = {"rose": "↑", "fell": "↓", "held": "→", "": ""}


def course(change: Change) -> str:
    """Name the way a number went as far as a reader can see it: rose, fell, held; "" where unknown.

    Example:
        >>> from metricstack.numerics.change import change
        >>> course(change(*(Estimate(x, unit="s", n=1, method="census") for x in (2.0, 1.0)), better="lower"))
        'fell'
    """
    if isinstance(change.before, Refusal) or isinstance(change.after, Refusal):
        return ""
    by = moved_by(change)
    if not any(figure in by for figure in "123456789"):
        return "held"
    return "rose" if change.after.value > change.before.value else "fell"


def moved_by(change: Change) -> str:
    """Write how far a number moved: points for shares, else per cent of where it was; "" where unknown."""
    if isinstance(change.before, Refusal) or isinstance(change.after, Refusal):
        return ""
    return write_change(change.before.value, change.after.value, change.after.unit)


def say_change(change: Change, *, title: str = "") -> str:
    """Say which way a metric went, how far, how sure that is, and whether it is good.

    Example:
        >>> from metricstack.numerics.change import change
        >>> before = Estimate(5.0, unit="s", n=900, method="mean", low=4.7, high=5.3, level=0.95)
        >>> after = Estimate(4.0, unit="s", n=900, method="mean", low=3.6, high=4.4, level=0.95)
        >>> said = say_change(change(before, after, better="lower"), title="Latency")
        >>> said.partition(" (")[0]
        'Latency fell from 5.00\\xa0s to 4.00\\xa0s, which is better'
        >>> said.partition("; ")[2]
        '95\\xa0% interval of the difference −1.50 to −0.500\\xa0s).'
    """
    title = title.strip()
    if isinstance(change.difference, Refusal):
        return _say_unknown(change, title)
    assert isinstance(change.before, Estimate)
    assert isinstance(change.after, Estimate)
    was, is_now = (write(answer.value, answer.unit) for answer in (change.before, change.after))
    tail = f" per {change.after.unit.partition('/')[2]}"
    if is_now.endswith(tail) and was != is_now:
        was = was.removesuffix(tail)
    sure = difference_interval(change.difference) or "counted in full in both periods"
    way = course(change)
    if change.verdict is Verdict.UNCLEAR:
        text = f"held at {is_now}" if was == is_now else f"showed no clear change, {was} before and {is_now} now"
        return _sentence(title, f"{text} ({moved_by(change)}; {sure})")
    if way == "held":
        text = f"held at {is_now}; it is {change.verdict} by less than the figures shown ({sure})"
        return _sentence(title, text)
    good = "" if change.verdict is Verdict.MOVED else f", which is {change.verdict}"
    text = f"{way} from {was} to {is_now}{good} ({moved_by(change)}; {sure})"
    return _sentence(title, text)


def _say_unknown(change: Change, title: str) -> str:
    assert isinstance(change.difference, Refusal)
    if isinstance(change.after, Estimate):
        text = f"stood at {write(change.after.value, change.after.unit)} ({how_sure(change.after)})"
        sentence = _sentence(title, f"{text}; the change cannot be said: {stem(change.difference.detail)}")
        return f"{sentence} {change.difference.remedy}".rstrip()
    said = say_answer(change.after)
    return f"{title}: c{said[1:]}" if title else said


def _sentence(title: str, text: str) -> str:
    return f"{title} {text}." if title else f"{text[0].upper()}{text[1:]}."


def say_target(answer: Answer, target: float, better: Better) -> str:
    """Say whether a target is met, and whether that is sure.

    Args:
        answer: What was measured.
        target: The number to reach, in the answer's unit.
        better: ``"higher"``: at least the target is asked; ``"lower"``: at most.

    Example:
        >>> say_target(Estimate(4.21, unit="s", n=9, method="", low=4.1, high=4.33, level=0.95), 4.0, "lower")
        'missed: at most 4.00\\xa0s is the target'
    """
    if isinstance(answer, Refusal):
        return "cannot be held against its target"
    asked = f"{'at least' if better == 'higher' else 'at most'} {write(target, answer.unit)} is the target"
    low = answer.value if answer.low is None else answer.low
    high = answer.value if answer.high is None else answer.high
    worst, best = (low, high) if better == "higher" else (-high, -low)
    goal = target if better == "higher" else -target
    if worst >= goal:
        return f"met: {asked}"
    if best < goal:
        return f"missed: {asked}"
    point = answer.value if better == "higher" else -answer.value
    return f"{'met' if point >= goal else 'missed'}, but within the noise: {asked}"
