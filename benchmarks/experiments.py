"""How fast experiments are read: 10 million users × 4 metrics from one DuckDB file, against SQL and tea-tasting.

    python benchmarks/experiments.py [--rows 10000000] [--keep DIR] [--only CASE ...] [--rounds 3]

The metrics are a mean, a ratio of means, and both adjusted by what users did before (CUPED). Every case runs in a
process of its own, on one thread; rounds go through all cases in the same order, and the best run of each counts.
CPU seconds, since wall time tells what else the machine does; peak memory is above that of a process that has
imported everything. With ``--keep`` the data are made in a folder and used again; else they are deleted.
tea-tasting is no dependency: where it cannot be imported its rows are left out.
"""

import argparse
import importlib.util
import json
import math
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROWS = 10_000_000
PER_USER = 20
SEGMENTS = 20
TESTS = 10_000
COLUMNS = ("y", "num", "den", "y_pre", "num_pre", "den_pre")
CENTRES = {"y": 20.0, "num": 3, "den": 7, "y_pre": 20.0, "num_pre": 3, "den_pre": 7}
METRICS = {
    "mean": ("y",),
    "ratio": ("num", "den"),
    "CUPED mean": ("y", "y_pre"),
    "CUPED ratio": ("num", "den", "num_pre", "den_pre"),
}
ASKED: dict[str, dict[str, Any]] = {
    "mean": {},
    "ratio": {"denominator": "den"},
    "CUPED mean": {"covariates": "y_pre"},
    "CUPED ratio": {"denominator": "den", "covariates": ("num_pre", "den_pre")},
}


def _uniform(of: str, salt: int) -> str:
    return f"((hash({of} + {salt}) >> 11)::double / 9007199254740992.0 + 1e-18)"


def _normal(of: str, salt: int) -> str:
    return f"sqrt(-2 * ln({_uniform(of, salt)})) * cos({math.tau} * {_uniform(of, salt + 1)})"


UNITS = f"""create table units as
with drawn as (
    select i, (hash(i) >> 63) = 1 as treated, (hash(i + 11) >> 8) % {SEGMENTS} as s,
        {_normal("i", 101)} as z, {_normal("i", 201)} as z1, {_normal("i", 301)} as z2,
        {_uniform("i", 401)} as u1, {_uniform("i", 501)} as u2, {_uniform("i", 601)} as u3, {_uniform("i", 701)} as u4
    from range({{rows}}) t(i)
), active as (
    select *, 20 * exp(0.8 * z - 0.32) as spend,
        1 + floor(-ln(u1) * 6 * exp(0.6 * z)) as views, 1 + floor(-ln(u2) * 6 * exp(0.6 * z)) as views_pre
    from drawn
)
select i as "user", case when treated then 'treatment' else 'control' end as variant,
    's' || lpad(s::varchar, 2, '0') as segment,
    round(spend * exp(0.5 * z1 - 0.125) * case when treated then 1.0015 else 1 end, 2) as y,
    floor(views * least(0.9, (0.3 + 0.05 * z) * case when treated then 1.0004 else 1 end) + u3)::bigint as num,
    views::bigint as den,
    round(spend * exp(0.5 * z2 - 0.125), 2) as y_pre,
    floor(views_pre * least(0.9, 0.3 + 0.05 * z) + u4)::bigint as num_pre,
    views_pre::bigint as den_pre
from active"""

REQUESTS = f"""create table requests as
with drawn as (select i, (hash(i + 17) % ({{rows}} // {PER_USER}))::bigint as u from range({{rows}}) t(i))
select u as "user", 'u' || lpad(u::varchar, 8, '0') as account, md5(u::varchar) as token,
    case when (hash(u + 3) >> 63) = 1 then 'treatment' else 'control' end as variant,
    exp(0.2 + 0.6 * {_normal("u", 5)} + 0.6 * {_normal("i", 101)}) as latency
from drawn"""


def generate(path: Path, rows: int) -> None:
    """Write one file with a table of units and one of requests: log-normal amounts, counts that go with them."""
    import duckdb

    with duckdb.connect(str(path)) as engine:
        engine.execute("SET threads = 2")
        engine.execute(UNITS.format(rows=rows))
        engine.execute(REQUESTS.format(rows=rows))


def _duckdb(path: Path) -> Any:
    import duckdb

    engine = duckdb.connect(str(path), read_only=True)
    engine.execute("SET threads = 1")
    return engine


def _ibis(path: Path, name: str) -> Any:
    import ibis

    engine = ibis.duckdb.connect(str(path), read_only=True)
    engine.raw_sql("SET threads = 1")
    return engine.table(name)


def _pairs() -> list[tuple[str, str]]:
    found = {tuple(sorted((x, y))) for names in METRICS.values() for x in names for y in names}
    return sorted((x, y) for x, y in found)


def _hand(path: Path, by: str = "variant") -> Callable[[], Any]:
    """What somebody who knows the data would write: each variable less a constant, and the 13 products."""
    less = {name: f"({name} - {centre})" for name, centre in CENTRES.items()}
    sums = [f"sum({one})" for one in less.values()] + [f"sum({less[x]} * {less[y]})" for x, y in _pairs()]
    engine = _duckdb(path)
    return lambda: engine.execute(f"select {by}, count(*), {', '.join(sums)} from units group by {by}").fetchall()


def _engine(path: Path) -> Callable[[], Any]:
    """The engine's own variances and covariances."""
    own = [f"avg({name})" for name in COLUMNS]
    own += [f"var_samp({x})" if x == y else f"covar_samp({x}, {y})" for x, y in _pairs()]
    engine = _duckdb(path)
    return lambda: engine.execute(f"select variant, count(*), {', '.join(own)} from units group by 1").fetchall()


def _ours(path: Path) -> Callable[[], Any]:
    from metricstack.experiments import arms, cuped, ratio_difference, relative_lift, welch

    units = _ibis(path, "units")

    def run() -> Any:
        found = arms(units, values=METRICS)
        a, b = found["control"], found["treatment"]
        answers = {}
        for relative in (False, True):
            mean = (relative_lift if relative else welch)(control=a["mean"], treatment=b["mean"])
            answers[relative] = {"mean": mean} | {
                "ratio": ratio_difference(control=a["ratio"], treatment=b["ratio"], relative=relative),
                "CUPED mean": cuped(
                    control=a["CUPED mean"], treatment=b["CUPED mean"], relative=relative, **ASKED["CUPED mean"]
                ),
                "CUPED ratio": cuped(
                    control=a["CUPED ratio"], treatment=b["CUPED ratio"], relative=relative, **ASKED["CUPED ratio"]
                ),
            }
        return answers

    return run


def _tea(path: Path, **covariates: Any) -> Callable[[], Any]:
    experiment, units = _experiment(**covariates), _ibis(path, "units")
    return lambda: experiment.analyze(units, control="control")


def _experiment(**covariates: Any) -> Any:
    import tea_tasting as tt

    before = covariates or {"numer_covariate": "num_pre", "denom_covariate": "den_pre"}
    return tt.Experiment(
        {
            "mean": tt.Mean("y"),
            "ratio": tt.RatioOfMeans("num", "den"),
            "CUPED mean": tt.Mean("y", "y_pre"),
            "CUPED ratio": tt.RatioOfMeans("num", "den", **before),
        }
    )


def _ours_by_segment(path: Path) -> Callable[[], Any]:
    from metricstack.experiments import arms, effects

    units = _ibis(path, "units")

    def run() -> Any:
        found = arms(units, values=METRICS, by="segment")
        a, b = ([each for key, each in found.items() if key[0] == arm] for arm in ("control", "treatment"))
        return {
            name: effects(control=[one[name] for one in a], treatment=[one[name] for one in b], relative=True, **asked)
            for name, asked in ASKED.items()
        }

    return run


def _tea_by_segment(path: Path) -> Callable[[], Any]:
    experiment, units = _experiment(), _ibis(path, "units")
    names = [f"s{i:02}" for i in range(SEGMENTS)]
    return lambda: [experiment.analyze(units.filter(units.segment == name), control="control") for name in names]


def _moments() -> tuple[list[Any], list[Any]]:
    """Two arms of as many groups as give the tests, with all six variables."""
    import numpy as np

    from metricstack.core.values import Moments

    draw, arms = np.random.default_rng(7), []
    for _ in range(2):
        groups = []
        for _ in range(TESTS // len(METRICS)):
            n, loose = int(draw.integers(100, 100_000)), draw.normal(size=(12, 6))
            groups.append(Moments(n, 10 + draw.normal(size=6), loose.T @ loose * n / 12, COLUMNS))
        arms.append(groups)
    return arms[0], arms[1]


def _at_once(_: Path) -> Callable[[], Any]:
    from metricstack.experiments import Groups, effects

    moments = _moments()

    def run() -> Any:
        a, b = (Groups.of(arm) for arm in moments)
        return [
            effects(control=a, treatment=b, outcome=METRICS[name][0], relative=True, **asked)
            for name, asked in ASKED.items()
        ]

    return run


def _one_by_one(_: Path) -> Callable[[], Any]:
    from metricstack.core.values import Moments
    from metricstack.experiments import cuped, ratio_difference, relative_lift

    a, b = _moments()
    first = [
        (Moments.of(x.n, x.mean, x.variance), Moments.of(y.n, y.mean, y.variance)) for x, y in zip(a, b, strict=True)
    ]

    def run() -> Any:
        return [
            (
                relative_lift(control=u, treatment=v),
                ratio_difference(control=x, treatment=y, numerator="num", denominator="den", relative=True),
                cuped(control=x, treatment=y, outcome="y", relative=True, **ASKED["CUPED mean"]),
                cuped(control=x, treatment=y, outcome="num", relative=True, **ASKED["CUPED ratio"]),
            )
            for x, y, (u, v) in zip(a, b, first, strict=True)
        ]

    return run


def _exact(path: Path) -> Callable[[], Any]:
    engine = _duckdb(path)
    return lambda: engine.execute("select variant, quantile_cont(latency, 0.95) from requests group by 1").fetchall()


def _clustered(unit: str) -> Callable[[Path], Callable[[], Any]]:
    def prepare(path: Path) -> Callable[[], Any]:
        from metricstack.experiments import binned_arms, quantile_difference

        requests = _ibis(path, "requests")

        def run() -> Any:
            found = binned_arms(requests, value="latency", unit=unit)
            return quantile_difference(control=found["control"], treatment=found["treatment"], q=0.95, unit="s")

        return run

    return prepare


Case = tuple[str, Callable[[Path], Callable[[], Any]], str]
CASES: dict[str, Case] = {
    "hand": ("hand-written sums of (x − constant) (floor)", _hand, "hand"),
    "ours": ("**metricstack**, `arms` and 8 effects", _ours, "hand"),
    "engine": ("the engine's `var_samp`, `covar_samp`", _engine, "hand"),
    "tea": ("tea-tasting", _tea, "hand"),
    "ours_segments": (f"**metricstack**, {SEGMENTS} segments in one scan", _ours_by_segment, "ours_segments"),
    "tea_segments": (f"tea-tasting, {SEGMENTS} segments in a loop", _tea_by_segment, "ours_segments"),
    "at_once": (f"**metricstack**, {TESTS:,} tests from moments, `effects`", _at_once, "at_once"),
    "one_by_one": ("… one by one", _one_by_one, "at_once"),
    "exact": ("exact p95 of requests by arm, unclustered", _exact, "exact"),
    "clustered": ("**metricstack**, effect on p95, clustered by user (a number)", _clustered("user"), "exact"),
    "clustered_text": ("… by a user who is named by 9 characters", _clustered("account"), "exact"),
    "clustered_token": ("… by 32 characters", _clustered("token"), "exact"),
}
NEEDS_TEA = {"tea", "tea_segments"}
RUNS = 3


def _measure(case: str, path: Path, runs: int) -> dict[str, float]:
    """Run one case here: best CPU and wall seconds, and peak memory above the imports, in MB."""
    import duckdb  # noqa: F401
    import ibis.backends.duckdb
    import ibis.formats.pandas  # noqa: F401
    import pandas as pd  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import scipy.special  # noqa: F401

    import metricstack.experiments.compare
    import metricstack.experiments.unit_table  # noqa: F401

    if case in NEEDS_TEA:
        import tea_tasting  # noqa: F401
    before = _peak()
    run = CASES[case][1](path)
    times = []
    for _ in range(runs):
        wall, used = time.perf_counter(), _used()
        run()
        times.append((_used() - used, time.perf_counter() - wall))
    return {"cpu": min(used for used, _ in times), "wall": min(wall for _, wall in times), "memory": _peak() - before}


def _used() -> float:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


def _peak() -> float:
    """Most memory that this process ever held, in MB; `getrusage` would count its parent's too."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) / 1024  # type: ignore[index]
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _agreement(path: Path) -> dict[str, float]:
    """Hold our numbers against tea-tasting's: the largest relative difference of effects, bounds and p-values.

    Of the adjusted ratio, tea-tasting takes the ratio before as one covariate, ours its two parts as two: with one
    covariate, the numerator before, both mean the same. Its relative bounds are those of the logarithm's.
    """
    from metricstack.experiments import arms, cuped, ratio_difference, relative_lift, welch

    peer = _tea(path, numer_covariate="num_pre")()
    found = arms(_ibis(path, "units"), values=METRICS)
    a, b = found["control"], found["treatment"]
    asked = ASKED | {"CUPED ratio": {"denominator": "den", "covariates": "num_pre"}}
    worst: dict[str, float] = {}
    for name in METRICS:
        arm: dict[str, Any] = {"control": a[name], "treatment": b[name]}
        log: dict[str, Any] = {"method": "log_delta"}
        if name == "mean":
            plain, lift = welch(**arm), relative_lift(**arm, **log)
        elif name == "ratio":
            plain, lift = ratio_difference(**arm), ratio_difference(**arm, **log, relative=True)
        else:
            plain, lift = cuped(**arm, **asked[name]), cuped(**arm, **asked[name], **log, relative=True)
        theirs = peer[name]
        told = {
            "effect": (plain.value, theirs.effect_size),  # type: ignore[union-attr]
            "low": (plain.low, theirs.effect_size_ci_lower),  # type: ignore[union-attr]
            "high": (plain.high, theirs.effect_size_ci_upper),  # type: ignore[union-attr]
            "p": (plain.p_value, theirs.pvalue),  # type: ignore[union-attr]
            "relative effect": (lift.value, theirs.rel_effect_size),  # type: ignore[union-attr]
            "relative low": (lift.low, theirs.rel_effect_size_ci_lower),  # type: ignore[union-attr]
            "relative high": (lift.high, theirs.rel_effect_size_ci_upper),  # type: ignore[union-attr]
        }
        for what, (one, other) in told.items():
            # Bounds may lie near 0: what they differ by is held against the effect, if that is larger.
            effect = theirs.rel_effect_size if what.startswith("relative") else theirs.effect_size
            size = abs(other) if what == "p" else max(abs(effect), abs(other))
            worst[f"{name}: {what}"] = abs(one - other) / size
    return worst


def _apart(*arguments: str) -> dict[str, float] | str:
    """Run something in a process of its own; a text says why it could not be."""
    done = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["failed"])[-1]
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _table(rows: int, path: Path, cases: list[str], rounds: int) -> None:
    best: dict[str, dict[str, float]] = {}
    failed: dict[str, str] = {}
    for _ in range(rounds):
        for case in cases:
            found = _apart("--measure", case, "--keep", str(path.parent), "--rows", str(rows))
            if isinstance(found, str):
                failed[case] = found
            elif case not in best:
                best[case] = found
            else:
                best[case] = {name: min(value, found[name]) for name, value in best[case].items()}
    print(
        f"{rows:,} users × {len(METRICS)} metrics, {rows:,} requests of {rows // PER_USER:,} users, one DuckDB file, "
        f"one thread; {datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, Python {platform.python_version()}\n"
    )
    print("| case | CPU s | × floor (CPU) | wall s | MB above imports |\n|---|---|---|---|---|")
    for case in cases:
        if case not in best:
            print(f"| {CASES[case][0]} | left out: {failed[case]} | | | |")
            continue
        took, floor = best[case], best.get(CASES[case][2])
        ratio = f"{took['cpu'] / floor['cpu']:.2f}" if floor and CASES[case][2] != case else ""
        print(
            f"| {CASES[case][0]} | {took['cpu']:.3f} | {ratio} | {took['wall']:.3f} | {took['memory']:,.0f} |",
            flush=True,
        )


def main() -> None:
    """Print the table, and how far the numbers are from tea-tasting's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--keep", type=Path, metavar="DIR")
    parser.add_argument("--only", nargs="*", choices=[*CASES], metavar="CASE")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", choices=[*CASES, "agreement"], help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        path = asked.keep / f"experiments-{asked.rows}.duckdb"
        told = _agreement(path) if asked.measure == "agreement" else _measure(asked.measure, path, RUNS)
        print(json.dumps(told))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"experiments-{asked.rows}.duckdb"
        if not path.is_file():
            generate(path, asked.rows)
        peer = importlib.util.find_spec("tea_tasting") is not None
        cases = [case for case in (asked.only or CASES) if peer or case not in NEEDS_TEA]
        _table(asked.rows, path, cases, asked.rounds)
        if not peer:
            print("\ntea-tasting is not installed: its rows are left out.")
            return
        worst = _apart("--measure", "agreement", "--keep", str(folder), "--rows", str(asked.rows))
        if isinstance(worst, str):
            print(f"\nThe numbers could not be held against tea-tasting's: {worst}")
            return
        name = max(worst, key=lambda one: worst[one])
        print(
            f"\n{len(worst)} effects, bounds and p-values differ from tea-tasting's by {worst[name]:.1g} at most "
            f"({name})."
        )


if __name__ == "__main__":
    main()
