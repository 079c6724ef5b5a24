"""The headline of a review: what moved, ranked, in one sentence and a few bullets.

What went well comes first, then what got worse, then what cannot be said; nothing is left out of the
counts, so a reader sees how many measures the sentence stands on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from metricstack.core.values import Estimate, Refusal
from metricstack.narrative.changes import course, moved_by, say_change, say_target
from metricstack.narrative.words import count, listed, reason_words, stem
from metricstack.numerics.change import Change, Verdict

__all__ = ["Headline", "Moved", "headline"]

_WELL, _WORSE = 3, 2


@dataclass(frozen=True, slots=True)
class Moved:
    """One metric of a board and how it moved.

    Args:
        title: The metric as a reader knows it: ``"Latency p95"``.
        change: Both answers and the verdict.
        layer: Which of the four layers it belongs to: ``"business"``, ``"quality"``, ``"reliability"``, ``"cost"``.
        use_case: The use case it is narrowed to, empty for the whole company.
        metric: The metric's id.
        target: What was promised, in the metric's unit; None where nothing was.
        caveats: What was checked about the number and did not hold: ``"the total is a lower bound"``.
    """

    title: str
    change: Change
    layer: str = ""
    use_case: str = ""
    metric: str = ""
    target: float | None = None
    caveats: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The title, with the use case where it is narrowed to one."""
        return f"{self.title} ({self.use_case})" if self.use_case else self.title


@dataclass(frozen=True, slots=True)
class Headline:
    """What a review says first, with the ranked lists that it was made of.

    Args:
        sentence: The one sentence.
        bullets: Up to six sentences: gains, losses, targets missed, what cannot be said.
        better: What got better, largest first.
        worse: What got worse, largest first.
        steady: What showed no clear change.
        unknown: What cannot be said.
    """

    sentence: str
    bullets: tuple[str, ...]
    better: tuple[Moved, ...]
    worse: tuple[Moved, ...]
    steady: tuple[Moved, ...]
    unknown: tuple[Moved, ...]


def headline(
    board: Iterable[Moved],
    *,
    period: str,
    against: str = "the quarter before",
    promised: Iterable[Moved] | None = None,
) -> Headline:
    """Rank the changes of a board and write what a review says first.

    Within a group the largest move comes first (`Change.size`, free of units), ties in the order given.

    Args:
        board: One entry per metric and use case.
        period: How the later period is called: ``"2026Q3"``.
        against: How the earlier one is called.
        promised: Whose targets are counted; by default the board's own.

    Returns:
        The sentence, its bullets and the ranked groups. An empty board gives a sentence that says so.

    Example:
        >>> headline([], period="2026Q3").sentence
        'Nothing was measured in 2026Q3, so nothing can be said about it.'
    """
    board = list(board)
    better, worse, steady, unknown = (
        tuple(sorted((m for m in board if m.change.verdict is verdict), key=lambda m: -m.change.size))
        for verdict in (Verdict.BETTER, Verdict.WORSE, Verdict.UNCLEAR, Verdict.UNKNOWN)
    )
    bullets = [say_change(moved.change, title=moved.name) for moved in better[:_WELL]]
    bullets += [say_change(moved.change, title=moved.name) for moved in worse[:_WORSE]]
    if not bullets:
        bullets = [say_change(moved.change, title=moved.name) for moved in steady[:_WELL]]
    bullets += _missed(board if promised is None else list(promised))[: 6 - len(bullets) - bool(unknown)]
    bullets += _cannot_say(unknown)
    sentence = _sentence((better, worse, steady, unknown), period, against)
    return Headline(sentence, tuple(bullets), better, worse, steady, unknown)


def _sentence(groups: Sequence[Sequence[Moved]], period: str, against: str) -> str:
    better, worse, steady, unknown = groups
    compared = len(better) + len(worse) + len(steady)
    if not compared:
        if not unknown:
            return f"Nothing was measured in {period}, so nothing can be said about it."
        measured = sum(isinstance(moved.change.after, Estimate) for moved in unknown)
        if not measured:
            return (
                f"The one measure cannot be given for {period}."
                if len(unknown) == 1
                else f"None of the {count(len(unknown))} measures can be given for {period}."
            )
        told = "has a number" if measured == 1 else "have a number"
        return f"{_some_of(measured, len(unknown))} {told} for {period}, but nothing can be compared with {against}."
    first = _largest(better, "got better", f" in {period} against {against}")
    if not first:
        none = "The one measure did not get" if compared == 1 else f"None of the {count(compared)} measures got"
        first = f"{none} clearly better in {period} than in {against}"
    parts = [first, _largest(worse, "got worse")]
    parts += [f"{count(len(steady))} showed no clear change"] if steady else []
    parts += [f"{count(len(unknown))} cannot be compared"] if unknown else []
    return f"{'; '.join(part for part in parts if part)}."


def _largest(group: Sequence[Moved], verb: str, when: str = "") -> str:
    """Name the largest move of a group and how many there are; "" for an empty group."""
    if not group:
        return ""
    way, by = course(group[0].change), moved_by(group[0].change).lstrip("+−±")
    move = f"{group[0].name} {way} by {by}" if way in ("rose", "fell") else f"{group[0].name} {verb} by a hair"
    share = f"the largest of {count(len(group))} measures that" if len(group) > 1 else "the only measure that"
    return f"{move}, {share} {verb}{when}"


def _some_of(part: int, whole: int) -> str:
    return "The one measure" if whole == 1 else f"{count(part)} of {count(whole)} measures"


def _missed(board: Sequence[Moved]) -> list[str]:
    held = [
        (moved, say_target(moved.change.after, moved.target, moved.change.better))
        for moved in board
        if moved.target is not None and isinstance(moved.change.after, Estimate)
    ]
    if not held:
        return []
    met = sum(said.startswith("met:") for _, said in held)
    missed = [moved.name for moved, said in held if said.startswith("missed:")]
    close = len(held) - met - len(missed)
    parts = [f"{count(met)} of {count(len(held))} targets met"]
    parts += [f"{count(len(missed))} missed ({listed(_some(missed, 4))})"] if missed else []
    parts += [f"{count(close)} too close to call"] if close else []
    return [f"{'; '.join(parts)}."]


def _some(names: Sequence[str], most: int) -> list[str]:
    return [*names[:most], *([f"{count(len(names) - most)} more"] if len(names) > most else [])]


def _cannot_say(unknown: Sequence[Moved]) -> list[str]:
    if not unknown:
        return []
    names = _some([moved.name for moved in unknown], 3)
    first = unknown[0].change.difference
    why = ""
    if isinstance(first, Refusal):
        source = next((a for a in (unknown[0].change.after, unknown[0].change.before) if isinstance(a, Refusal)), first)
        why = f": {stem(source.detail) or reason_words(source.reason)}"
        why = f" ({unknown[0].name}{why})" if len(unknown) > 1 else why
    return [f"Cannot be compared: {listed(names)}{why}."]
