"""How often linkage is wrong, rung by rung and end to end, beside the naive ways: worlds whose truth is known.

    python benchmarks/linkage.py [--seeds 1000] [--part series portfolio ...] [--write FILE]

Each part is a study of ``linkage_cells``; the slower ones take a share of the seeds. With ``--write`` the tables go to
a file, after each part anew. The command fails where a rate of the end-to-end table is above what is promised. All
parts together take about nine minutes of one core.
"""

import argparse
import os
import platform
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from linkage_cells import changes, end_to_end, panel, portfolio, quasi, series
from verdicts import Rate

from metricstack.linkage.verdict import EdgeVerdict

Row = Mapping[str, Any]
_INTRODUCTION = """\
# How often linkage is wrong

    {command}

Measured on {day}; {machine}; {minutes:.1f} minutes of one core, seconds under each part.
Every world is simulated, so that its truth is known; ± is one standard error. *False* is what is found where there is
nothing, 5 % being accepted.
"""
_WAYS = ("naive series", "naive rows", "D", "C", "B", "A, one test", "A")


def percent(value: float | None) -> str:
    """Write a share in percent, nothing where there is none."""
    return "" if value is None or np.isnan(value) else f"{100 * value:.1f}"


def number(value: float | None) -> str:
    """Write a signed number."""
    return "" if value is None or np.isnan(value) else f"{round(value, 2) + 0.0:+.2f}".replace("-", "−")


def text(value: Any) -> str:
    """Write what is text, or a count."""
    return "" if value is None else str(value)


def table(rows: Iterable[Row], columns: Mapping[str, tuple[str, Callable[[Any], str]]]) -> str:
    """Write rows as Markdown; heading → the row's key and how its value is written."""
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(write(row.get(key)) for key, write in columns.values())} |" for row in rows]
    return "\n".join(lines)


def section(title: str, prose: str, *tables: str) -> str:
    """Put a heading, wrapped prose and tables under each other."""
    return "\n\n".join([f"## {title}", textwrap.fill(prose, 118, break_on_hyphens=False), *tables])


def association(seeds: int) -> str:
    """Unrelated daily series: one day, and the best of all lags."""
    same = series.rows(seeds, parts=("association",))
    led = series.rows(seeds, parts=("lead_lag",))
    rows = [one | two for one, two in zip(same, led, strict=True)]
    columns = {
        "two unrelated series": ("kind", text), "days": ("days", text), "Pearson": ("naive", percent),
        "effective days": ("effective", percent), "calendar": ("calendar", percent),
        "prewhitened": ("prewhitened", percent), "smallest p of 15 lags": ("naive, smallest of 15", percent),
        "lead_lag": ("lead_lag", percent),
    }  # fmt: skip
    return section(
        "Rung D: two unrelated daily series, false in %",
        f"{seeds:,} pairs of each kind. *Pearson* and *smallest p of 15 lags* are the naive ways; the rung itself is "
        "`lead_lag`. *effective days*, *calendar* (the same after weekdays and trend) and *prewhitened* are methods of "
        "`correlation`, on the same day.",
        table(rows, columns),
    )


def foretelling(seeds: int) -> str:
    """Whether one series foretells another, by guard."""
    columns = {
        "two unrelated series": ("kind", text), "days": ("days", text), "`none`": ("none", percent),
        "`augment`": ("augment", percent), "`difference`": ("difference", percent),
        "`innovations`": ("innovations", percent), "found by `augment`": ("augment, found", percent),
        "by `innovations`": ("innovations, found", percent),
    }  # fmt: skip
    return section(
        "Rung D: Granger's F, false in %",
        f"{seeds:,} pairs of each kind, by `guard` of `granger`; `innovations` is what a caller gets, `none` the F of "
        "textbooks. *found* is of y = .35 x the day before + noise of the same kind.",
        table(series.rows(seeds, parts=("granger",)), columns),
    )


def interruption(seeds: int) -> str:
    """One series before and after a date, without an effect."""
    rows = series.rows(seeds, parts=("interrupted",))
    columns = {
        "errors": ("kind", text), "least squares": ("ols", percent), "`ar1_gls`": ("ar1_gls", percent),
        "its jump": ("ar1_gls, jump", percent), "its bend": ("ar1_gls, bend", percent),
        "`local_level`": ("local_level", percent), "found by `ar1_gls`": ("ar1_gls, found", percent),
        "by `local_level`": ("local_level, found", percent),
    }  # fmt: skip
    return section(
        "Interrupted series, no effect: false in %",
        f"60 days before, 30 after; {seeds:,} series of each kind. The mean change where the trend may bend, beside "
        "the jump and the bend themselves; *found* is a jump of 1.5 of a day's news. Days that resemble each other "
        "this long hardly show one, if the trend may bend as well.",
        table(rows, columns),
    )


def dated(seeds: int) -> str:
    """Changes of everybody at once, read by the rung that reads a workspace."""
    columns = {"errors": ("kind", text), "days": ("days", text)} | {
        f"{what}, {name}": (f"{what} {truth:+g}", percent)
        for truth, name in zip(changes.TRUTHS, ("no effect", "opposite", "effect .4"), strict=True)
        for what in ("stands", "supports")
    }
    return section(
        "Rung B: changes of everybody at once, in %",
        f"{seeds:,} of each. Two thirds of the days lie before the change, which moves the cause by {changes.JUMP:g}. "
        "A positive effect is expected. *supports* is of those that stand. Series that wander seldom stand, as they "
        "should; so does a true effect in days with memory, which one date hardly shows.",
        table(changes.rows(seeds), columns),
    )


def contrasts(seeds: int) -> str:
    """Changes of one use case, on a day on which all of them were shaken."""
    columns = {"errors": ("kind", text), "days": ("days", text), "use case": ("way", text)} | {
        f"{what}, {name}": (f"{what} {truth:+g}", percent)
        for truth, name in zip(changes.TRUTHS, ("no effect", "opposite", "effect .4"), strict=True)
        for what in ("stands", "supports")
    }
    return section(
        "Rung B: changes of one use case of four, in %",
        f"{seeds:,} of each. As above, but that on the day of the change something that is in no table lifts the "
        f"effect of all use cases by {changes.SHOCK:g}. *alone*: the use case that was changed, as if it were "
        "everybody; *less the others*: its difference from the mean of the other three.",
        table(changes.contrasts(seeds, lengths=(90,)), columns),
    )


def panels(seeds: int) -> str:
    """Regions over time."""
    columns = {
        "world": ("cell", text), "method": ("method", text), "median": ("median", number),
        "interval misses the truth, %": ("misses", percent), "caught by its check, %": ("caught", percent),
    }  # fmt: skip
    return section(
        "Rung C: panels",
        f"{seeds:,} of each. *independent rows* and *pooled* are the naive ways. True is 0, but .5 where nothing is "
        "hidden, −.2 with a reversed cause and −.5 within units in Simpson's world. A check that fails takes the rung "
        "away: where nothing is hidden it should do so 5 % of the time at most.",
        table(panel.rows(seeds), columns),
    )


_QUASI = {
    "world": ("cell", text), "method": ("method", text), "true": ("truth", number), "median": ("median", number),
    "covers, %": ("covers", percent), "finds an effect, %": ("found", percent), "refused, %": ("refusals", percent),
}  # fmt: skip


def _covering(rows: Iterable[Row]) -> list[Row]:
    return [{**row, "covers": row["coverage"], "refusals": row["refused"] / row["n"]} for row in rows]


def rollouts(seeds: int) -> str:
    """Staged rollouts, one date, and a series against its control."""
    drawn = list(range(seeds))
    rows = _covering([*quasi.rollouts(drawn), *quasi.single_date(drawn), *quasi.series(drawn)])
    return section(
        "Rung B: rollouts and control series",
        f"{seeds:,} of each. *twfe*, the regression on unit and time effects, and *rows taken for independent* are the "
        "naive ways. Where adopters drift away from the others no method is right; the test before adoption tells.",
        table(rows, _QUASI | {"pre-trend fails, %": ("pre_trend", percent)}),
    )


def synthetics(seeds: int) -> str:
    """One unit against a mixture of others."""
    rows = _covering(quasi.synthetics(list(range(seeds))))
    return section("Rung B: synthetic control", f"{seeds:,} of each.", table(rows, _QUASI))


def instruments(seeds: int) -> str:
    """Instruments of several strengths."""
    rows = _covering(quasi.causes(list(range(seeds))))
    return section(
        "Rung B: instruments",
        f"{seeds:,} of each; true is −.2 throughout, and what cause and outcome share pulls up. *least squares*, "
        "*fixed effects* and *Wald* are the naive ways; the rung is the Anderson-Rubin set.",
        table(rows, _QUASI),
    )


def portfolios(seeds: int) -> str:
    """Slopes from many tests."""
    columns = {
        "F": ("strength", text), "tests": ("tests", text), "method": ("method", text), "median": ("median", number),
        "wrong sign, %": ("wrong_sign", percent), "covers, %": ("coverage", percent),
        "refused, %": ("refused", percent),
    }  # fmt: skip
    return section(
        "Rung A: portfolios of tests",
        f"{seeds:,} of each; true is −.3, while the noise of both metrics goes together by .6. *naive* is the "
        "regression of effects on effects, *naive, significant* that of the significant tests; the rung is *noise "
        "subtracted*.",
        table((asdict(row) for row in portfolio.rows(seeds)), columns),
    )


def verdicts(seeds: int) -> tuple[str, list[Rate]]:
    """From data to verdicts, through the rungs that a workspace climbs."""
    few = max(seeds // 4, 1)
    records = list(end_to_end.records(seeds, rollouts=few))
    rows: dict[str, dict[str, Any]] = {}
    for row in end_to_end.summed(records):
        shown = f"{100 * row['supports']:.1f}" if row["decided"] else "none"
        if not row["way"].startswith("naive"):
            shown += f" of {100 * row['stands']:.0f}"
        rows.setdefault(row["world"], {"world": row["world"], "truth": row["truth"]})[row["way"]] = shown
    columns = {"world": ("world", text), "true": ("truth", number)} | {way: (way, text) for way in _WAYS}
    rates = goals(records)
    told = section(
        "End to end: how often a verdict is *supports*, in %",
        f"{seeds:,} of each world, {few:,} of each with a rollout. An effect above 0 is expected in all; where the "
        "truth is not, every *supports* is false. 12 regions, 91 days, 66 tests (*one test*: the largest of ten) "
        "and 40 teams of which 30 adopt, read by the rungs that read a workspace, each edge judged by itself. *3.0 of "
        "90*: the rung stands in 90 % of the worlds, and says *supports* in 3 % of those. The naive ways are Pearson's "
        "p of daily series and of regions by week. In the last world what A and B take as given is false, and nothing "
        "in the data can show it: no rate is promised of it.",
        table(rows.values(), columns),
        "### Against what is promised",
        "*On a map*: all worlds but the last on one map, at q = .05.",
        "| what | promised at most, % | measured, % | of |\n|---|---|---|---|\n" + "\n".join(one.row for one in rates),
    )
    return told, rates


def goals(records: Sequence[Row]) -> list[Rate]:
    """Count false supports by grade, and true edges that are supported."""
    kept = [row for row in records if row["world"] in end_to_end.WORLDS and row["stands"]]
    truths = {name: world.truth for name, world in end_to_end.WORLDS.items()}

    def said(rows: Iterable[Row], where: str) -> list[bool]:
        return [row[where] == EdgeVerdict.SUPPORTS for row in rows if row[where] is not None]

    rates = []
    groups = {"A": ("A",), "A, one test": ("A, one test",), "B": ("B",), "A and B": ("A", "A, one test", "B")}
    for name, ways in (groups | {"C": ("C",), "D": ("D",), **{way: (way,) for way in _WAYS[:2]}}).items():
        mine = [row for row in kept if row["way"] in ways]
        strong = name in groups
        opposite = [row for row in mine if truths[row["world"]] < 0]
        none = [row for row in mine if truths[row["world"]] == 0]
        rates += [
            Rate(f"{name}: supports, though the truth has the other sign", said(opposite, "verdict"),
                 0.02 if strong else None),
            Rate(f"{name}: supports, though there is no effect", said(none, "verdict"), 0.05 if strong else None),
        ]  # fmt: skip
        if "naive" not in name:
            rates.append(Rate(f"{name}: either, on a map", said([*opposite, *none], "map"), 0.05 if strong else None))
        true = [row for row in mine if truths[row["world"]] > 0]
        rates.append(Rate(f"{name}: supports a true effect of .4", said(true, "verdict"), None))
    return rates


PARTS: dict[str, tuple[float, Callable[[int], Any]]] = {
    "end_to_end": (1.0, verdicts), "association": (0.5, association), "granger": (0.5, foretelling),
    "interrupted": (0.5, interruption), "changes": (0.15, dated), "contrasts": (0.15, contrasts),
    "panel": (0.25, panels), "rollout": (0.15, rollouts), "synthetic": (0.15, synthetics),
    "instrument": (0.5, instruments), "portfolio": (0.5, portfolios),
}  # fmt: skip
"""Name → the share of the seeds that it takes, and the study."""


def main() -> None:
    """Run the parts, print and write their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--part", nargs="*", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--write", type=Path, metavar="FILE")
    asked = parser.parse_args()
    command = f"python benchmarks/linkage.py --seeds {asked.seeds}"
    if list(asked.part) != list(PARTS):
        command += f" --part {' '.join(asked.part)}"
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    told, rates = [], []
    for name in asked.part:
        share, study = PARTS[name]
        begun = time.process_time()
        found = study(max(int(asked.seeds * share), 2))
        if isinstance(found, tuple):
            found, rates = found
        told.append(f"{found}\n\n{time.process_time() - begun:.0f} s")
        whole = "\n\n".join([
            _INTRODUCTION.format(
                command=command, day=datetime.now(UTC).date(), machine=machine, minutes=time.process_time() / 60
            ).strip(), *told,
        ])  # fmt: skip
        print(told[-1], flush=True)
        if asked.write:
            asked.write.write_text(f"{whole}\n", encoding="utf-8")
    if any(rate.exceeded for rate in rates):
        sys.exit("A rate is above what is promised.")


if __name__ == "__main__":
    main()
