"""Sentences for an answer and for a finding: the finding first, then the number, then how sure."""

from metricstack.core.units import write
from metricstack.core.values import Answer, Estimate, Finding, Grade, Refusal
from metricstack.narrative.words import count, how_counted, interval, stem

__all__ = ["GRADES", "how_sure", "say_answer", "say_finding"]

# What each grade of evidence lets a reader believe.
GRADES: dict[Grade, str] = {
    Grade.A: "Evidence A: randomised.",
    Grade.B: "Evidence B: a natural experiment that passed its checks.",
    Grade.C: "Evidence C: an association, adjusted for named confounders.",
    Grade.D: "Evidence D: an association only, no proof of cause.",
    Grade.MEASURED: "",
    Grade.NONE: "No evidence.",
}


def how_sure(answer: Estimate) -> str:
    """Say how sure an estimate is: its interval and n, or that all were counted.

    Example:
        >>> how_sure(Estimate(12, unit="count", n=12, method="census"))
        'all 12 of them counted'
    """
    if not answer.is_census:
        return f"{interval(answer) or how_counted(answer)}, n = {count(answer.n)}"
    if answer.n > 1:
        return f"all {count(answer.n)} of them counted"
    return "the only one" if answer.n else "counted, none found"


def say_answer(answer: Answer) -> str:
    """Say an estimate with its interval, or why there is none.

    Example:
        >>> say_answer(Estimate(4.21, unit="s", n=48_211, method="mean", low=4.1, high=4.33, level=0.95))
        '4.21\\xa0s (95\\xa0% interval 4.10 to 4.33\\xa0s, n = 48,211)'
    """
    if isinstance(answer, Refusal):
        remedy = answer.remedy.strip()
        return f"Cannot say: {stem(answer.detail)}.{' ' if remedy else ''}{remedy}"
    return f"{write(answer.value, answer.unit)} ({how_sure(answer)})"


def say_finding(finding: Finding) -> str:
    """Say a finding: what was asked, the answer, the evidence, every check that failed, what was assumed.

    Example:
        >>> answer = Estimate(12, unit="count", n=12, method="census")
        >>> say_finding(Finding("AI incidents in 2026Q3", answer))
        'AI incidents in 2026Q3: 12 (all 12 of them counted).'
    """
    question, said = finding.question.strip(), say_answer(finding.answer)
    if isinstance(finding.answer, Refusal):
        said = said if not question or question.endswith("?") else f"c{said[1:]}"
    else:
        said += "."
    lead = f"{question}{' ' if question.endswith('?') else ': '}{said}" if question else said
    sentences = [lead]
    if isinstance(finding.answer, Estimate):
        sentences.append(GRADES[finding.grade])
    sentences += [
        f"Check failed: {stem(check.name)} ({stem(check.detail)})." for check in finding.checks if check.passed is False
    ]
    if finding.assumptions:
        sentences.append(f"Assumed: {'; '.join(stem(assumption) for assumption in finding.assumptions)}.")
    return " ".join(sentence for sentence in sentences if sentence)
