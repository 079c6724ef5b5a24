"""How often a verdict is wrong: simulated companies whose experiments have a known truth, read as a reader would.

    python benchmarks/verdicts.py [--seeds 20] [--first 1] [--records FILE] [--write FILE] [--requests N] [--days N]

Each seed is a company of 66 experiments, simulated with the dirt that is usual, read by
`metricstack.experiments.portfolio`, and held against the truth that the simulator knows. The command fails where a
rate is above what is promised. With ``--records`` every experiment is appended to a file of JSON lines, and seeds that
it holds already are not simulated again: many seeds may come from several runs. With ``--write`` the table goes to a
file. A company takes about five seconds.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

REQUESTS, DAYS = 240_000, 120
_INTRODUCTION = """\
# How often a verdict is wrong

    python benchmarks/verdicts.py --seeds {seeds} --requests {requests} --days {days}

{n:,} experiments of {seeds} simulated companies, {units:,} units each (the median), with the usual dirt in their
telemetry, read by `ms.experiments.portfolio` and held against the truth that the simulator knows. ± is one standard
error of the rate; a rate that is above its promise by more than chance gives once in a thousand runs is marked, and
the command fails.

{table}

Rates without a promise depend on how large the companies are. *Broken* and *rolled back* need an estimate beyond what
is accepted and an interval clear of no effect: a true effect close to a margin is called either way. Each metric that
can roll back may err by itself: with several guardrails, one of them errs more often than 2.5 %.

*Named* are the verdicts that the truth of an experiment calls right: the one that it deserves, and what a reading that
is short of power may say for it (``right`` in ``truth.json``). How often each is due (``chances``) is computed from the
true effects and the units that came, as if metrics were independent: the rates that it expects are no promise.
"""
STOPPED = ("peeked", "stopped_early")
Row = dict[str, Any]


def read_company(folder: Path, seed: int, requests: int, days: int) -> Iterator[Row]:
    """Simulate one company, read all its experiments, and set each beside its truth."""
    import metricstack as ms
    from metricstack.simulation import simulate

    truth = simulate(folder, requests=requests, days=days, seed=seed)
    for readout in ms.experiments.portfolio(ms.open(folder)).readouts:
        yield {"seed": seed} | _row(readout, truth.test(readout.key))


def _row(readout: Any, truth: Any) -> Row:
    from metricstack.core.values import Refusal
    from metricstack.experiments.verdict import guardrail_state

    declared, primary = readout.declaration, readout.primary
    found = primary.effect
    guards = []
    for one in readout.readings:
        if one.guardrail is None or isinstance(one.effect, Refusal):
            continue
        true = truth.effects.get(one.metric)
        if true is not None:
            guards.append([one.metric, one.guardrail.margin, true.relative * one.sign, guardrail_state(one)])
    effect = truth.effects[truth.primary]
    return {
        "key": readout.key, "story": truth.story, "design": str(declared.design), "verdict": str(readout.verdict),
        "units": sum(readout.units.values()), "planned": declared.planned_n, "deserves": truth.deserves,
        "right": list(truth.right), "chances": dict(truth.chances),
        "failed": [check.name for check in readout.checks if check.passed is False], "metric": truth.primary,
        "true": effect.value, "true_error": effect.error, "true_gain": effect.relative * primary.sign,
        "smallest": declared.smallest_effect, "signal": truth.signal, "guards": guards,
        "effect": None if isinstance(found, Refusal) else [found.value, found.low, found.high],
        "p": None if isinstance(found, Refusal) else found.p_value,
        "error": None if isinstance(found, Refusal) else found.standard_error, "sign": primary.sign,
        "why": readout.decided.why,
    }  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One rate: what is counted, among what, and the rate that is promised at most (None where none is)."""

    what: str
    among: Callable[[Row], bool]
    counted: Callable[[Row], bool]
    promised: float | None = None

    def rate(self, rows: list[Row]) -> "Rate":
        return Rate(self.what, [self.counted(row) for row in rows if self.among(row)], self.promised)


@dataclass(frozen=True)
class Rate:
    """What was counted, and whether it is more than was promised."""

    what: str
    events: list[bool]
    promised: float | None

    @property
    def exceeded(self) -> bool:
        """Beyond what is promised by more than chance gives once in a thousand runs."""
        from scipy.stats import binom

        n = len(self.events)
        return self.promised is not None and n > 0 and sum(self.events) > binom.ppf(0.999, n, self.promised)

    @property
    def row(self) -> str:
        """The rate as a row of Markdown, with its Monte Carlo error."""
        n = len(self.events)
        wanted = "" if self.promised is None else f"{100 * self.promised:g}"
        if not n:
            return f"| {self.what} | {wanted} | | 0 |"
        rate = float(np.mean(self.events))
        error = float(np.sqrt(max(rate * (1 - rate), 1 / n**2) / n))
        told = f"{100 * rate:.2f} ± {100 * error:.2f}{' **exceeded**' if self.exceeded else ''}"
        return f"| {self.what} | {wanted} | {told} | {sum(self.events):,} of {n:,} |"


def _is(*verdicts: str) -> Callable[[Row], bool]:
    return lambda row: row["verdict"] in verdicts


def _read(row: Row) -> bool:
    """Its split is fair, and it ran to its planned end."""
    return row["story"] not in ("broken_split", *STOPPED)


def _null(row: Row) -> bool:
    return _read(row) and row["story"] == "null"


def _called(row: Row, way: int) -> bool:
    """The interval of the primary lies on one side of 0: 1 for better, -1 for worse."""
    return row["effect"] is not None and min(bound * row["sign"] * way for bound in row["effect"][1:]) > 0


def _changed(row: Row) -> bool:
    return _called(row, 1) or _called(row, -1)


def _unharmed(row: Row) -> bool:
    return all(true >= 0 for _, _, true, _ in row["guards"])


def _hurt(row: Row) -> bool:
    return any(true < -margin for _, margin, true, _ in row["guards"])


def _deserving(verdict: str) -> Callable[[Row], bool]:
    return lambda row: _read(row) and row["deserves"] == verdict


def _missed(row: Row) -> bool:
    value, low, high = row["effect"]
    # The truth is itself simulated; its own error widens the interval as variances add.
    wider = float(np.sqrt(1 + (row["true_error"] / row["error"]) ** 2))
    return not value - (value - low) * wider <= row["true"] <= value + (high - value) * wider


# Each metric may be wrong in its direction in alpha / 2 of the experiments: a primary and up to three guardrails.
SIDE, ANY_SIDE = 0.025, 0.1
GUARDS = 3 * 0.001  # the split, its constancy, and the time before: each stops one fair experiment in a thousand
LINES = {
    "Wrong": (
        Line("invalid, though the split is fair", lambda row: row["story"] != "broken_split", _is("invalid"), GUARDS),
        Line("no effect: shipped", _null, _is("ship"), SIDE),
        Line("no effect: rolled back for its primary", _null,
             lambda row: row["verdict"] == "rollback" and _called(row, -1), SIDE),
        Line("no effect: rolled back, for its primary or any guardrail", _null, _is("rollback"), ANY_SIDE),
        Line("no effect: the primary is called changed", _null, _changed, 0.05),
        Line("primary the same or worse: shipped", lambda row: _read(row) and row["true_gain"] <= 0, _is("ship"), SIDE),
        Line("a guardrail worse by more than its margin: shipped", lambda row: _read(row) and _hurt(row), _is("ship"),
             SIDE),
        Line("primary and guardrails the same or better: rolled back",
             lambda row: _read(row) and row["true_gain"] >= 0 and _unharmed(row), _is("rollback"), ANY_SIDE),
        Line("stopped early: shipped or rolled back, though its design has not ended",
             lambda row: row["story"] in STOPPED, _is("ship", "rollback"), 0.05),
        Line("peeked, no effect: the primary is called changed", lambda row: row["story"] == "peeked", _changed, 0.05),
    ),
    "Right, but for size: no level is promised": (
        Line("better by less than matters: shipped", lambda row: _read(row) and 0 < row["true_gain"] < row["smallest"],
             _is("ship")),
        Line("story `immaterial` (3 % fewer tokens): shipped", lambda row: row["story"] == "immaterial", _is("ship")),
        Line("worse by less than matters, guardrails within their margins: rolled back",
             lambda row: _read(row) and -row["smallest"] < row["true_gain"] < 0 and not _hurt(row), _is("rollback")),
    ),
    "Found and missed: a matter of power": (
        Line("broken split: found", lambda row: row["story"] == "broken_split", _is("invalid")),
        Line("deserves to ship: shipped", _deserving("ship"), _is("ship")),
        Line("deserves to ship: hold or inconclusive", _deserving("ship"), _is("hold", "inconclusive")),
        Line("deserves to ship: rolled back", _deserving("ship"), _is("rollback")),
        Line("deserves rollback: rolled back", _deserving("rollback"), _is("rollback")),
        Line("deserves rollback: hold or inconclusive", _deserving("rollback"), _is("hold", "inconclusive")),
        Line("deserves rollback: shipped", _deserving("rollback"), _is("ship")),
    ),
}  # fmt: skip


def _parts(rows: list[Row]) -> dict[str, list[Rate]]:
    """Count what verdicts are made of: guardrails and intervals, one by one."""
    guards = [guard for row in rows if _read(row) for guard in row["guards"]]
    found = [
        Rate("guardrail the same or better: broken", [state == "broken" for _, _, t, state in guards if t >= 0], SIDE),
        Rate("guardrail worse by more than its margin: kept",
             [state == "kept" for _, margin, true, state in guards if true < -margin], SIDE),
        Rate("guardrail worse by less than its margin: broken",
             [state == "broken" for _, margin, true, state in guards if -margin < true < 0], None),
    ]  # fmt: skip
    read = [row for row in rows if row["effect"] is not None and row["story"] != "broken_split" and row["error"]]
    what = "the primary's interval misses the truth"
    for design in sorted({row["design"] for row in read} - {"fixed"}):
        some = [_missed(row) for row in read if row["design"] == design]
        found.append(Rate(f"{what}, {design.replace('_', ' ')}", some, 0.05))
    fixed = [row for row in read if row["design"] == "fixed"]
    small = [_missed(row) for row in fixed if abs(row["true_gain"]) < 0.03]
    found.append(Rate(f"{what}, fixed, effects under 3 %", small, 0.05))
    for metric in sorted({row["metric"] for row in fixed}):
        some = [_missed(row) for row in fixed if row["metric"] == metric]
        found.append(Rate(f"{what}, fixed, all effects, `{metric}`", some, None))
    return {"Guardrails and intervals, one by one": found}


def expected_wrong(row: Row) -> float:
    """How often a valid reading of such an experiment gives a verdict that its truth does not name as right."""
    return sum(chance for verdict, chance in row["chances"].items() if verdict not in row["right"])


def _named(rows: list[Row]) -> dict[str, list[Rate]]:
    """Count the verdicts that are those of the truth, beside what it expects of readings of that size."""
    told = [row for row in rows if "chances" in row]
    deserved = [row["chances"].get(row["deserves"], 0.0) for row in told]
    counted = (
        ("as deserved", [row["verdict"] == row["deserves"] for row in told], deserved),
        ("not named as right", [row["verdict"] not in row["right"] for row in told], [*map(expected_wrong, told)]),
    )
    rates = [
        Rate(f"{what}; {100 * float(np.mean(due)) if due else 0.0:.2f} % are expected", seen, None)
        for what, seen, due in counted
    ]
    return {"Against the verdicts that the truth names": rates}


def rates_of(rows: list[Row]) -> dict[str, list[Rate]]:
    """Count every rate, by heading."""
    by_line = {title: [line.rate(rows) for line in lines] for title, lines in LINES.items()}
    return by_line | _named(rows) | _parts(rows)


def table_of(rates: dict[str, list[Rate]]) -> str:
    """Write rates as Markdown: promised, measured, how many of how many."""
    head = "| what | promised at most, % | measured, % | of |\n|---|---|---|---|"
    return "\n\n".join(
        "\n".join([f"## {title}\n", head, *(rate.row for rate in found)]) for title, found in rates.items()
    )


def main() -> None:
    """Simulate, read, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--records", type=Path, metavar="FILE")
    parser.add_argument("--write", type=Path, metavar="FILE")
    asked = parser.parse_args()
    rows: list[Row] = []
    if asked.records and asked.records.exists():
        rows = [json.loads(line) for line in asked.records.read_text(encoding="utf-8").splitlines()]
    known = {row["seed"] for row in rows}
    for seed in range(asked.first, asked.first + asked.seeds):
        if seed in known:
            continue
        with tempfile.TemporaryDirectory() as folder:
            found = list(read_company(Path(folder) / "company", seed, asked.requests, asked.days))
        rows += found
        if asked.records:
            with asked.records.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in found)
    rates = rates_of(rows)
    text = _INTRODUCTION.format(
        seeds=len({row["seed"] for row in rows}), n=len(rows), requests=asked.requests, days=asked.days,
        units=int(np.median([row["units"] for row in rows])), table=table_of(rates),
    )  # fmt: skip
    print(text)
    if asked.write:
        asked.write.write_text(text, encoding="utf-8")
    if any(rate.exceeded for found in rates.values() for rate in found):
        raise SystemExit("A rate is above what is promised.")


if __name__ == "__main__":
    main()
