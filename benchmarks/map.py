"""How fast a map is judged: 30 edges of the sample company, read for the first time and again, and where the time goes.

    python benchmarks/map.py [--workspace data/sample] [--edges 30] [--rounds 3]

Every case runs in a process of its own that has imported nothing; the best of the rounds counts. The floor is a plain
scan, by SQL of our own, of the columns that the map needs of each table, without a join. Parts are measured by
themselves, one after another; the whole reads past tests beside all else, so that it takes less than their sum.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

READ = {
    "requests": ["user", "region", "use_case", "start", "outcome", "latency", "cost", "error_type", "fallback"],
    "sessions": ["user", "region", "use_case", "start", "converted", "revenue", "cost_to_serve", "returned_28d"],
    "feedback": ["run", "user", "use_case", "given", "name", "value", "selection_probability"],
    "llm_calls": ["run", "use_case", "start", "time_to_first_token"],
    "assignments": ["unit", "experiment", "variant", "first_exposure"],
}


def floor(root: Path, _: int) -> None:
    """Scan each table once."""
    import duckdb

    for name, columns in READ.items():
        asked = ", ".join(f'count("{column}"), max(hash("{column}"))' for column in columns)
        duckdb.sql(f"select {asked} from read_parquet('{root}/data/{name}/*.parquet')").fetchall()


def _observed(root: Path, edges: int) -> Any:
    import metricstack as ms
    from metricstack.linkage.hypothesis import hypotheses
    from metricstack.linkage.link import names_of, window_of
    from metricstack.linkage.observed import Observed
    from metricstack.metrics.definitions import catalogue

    ws = ms.open(root)
    known = catalogue(ws)
    asked = hypotheses(ws.root, names_of(known))[:edges]
    metrics = tuple(dict.fromkeys(name for edge in asked for name in edge.named if name in known))
    pairs = tuple((edge.cause, edge.effect) for edge in asked)
    return Observed(ws, metrics, window_of(ws, None), pairs, edges=asked)


def tests(root: Path, edges: int) -> None:
    """Read the effects of past tests."""
    assert _observed(root, edges).effects.experiments


def panels(root: Path, edges: int) -> None:
    """Read units by week, and days."""
    from metricstack.linkage.rungs.panel_table import panel_table

    seen = _observed(root, edges)
    seen.series()
    for edge in seen.edges:
        panel_table(seen, edge)


def whole(root: Path, edges: int) -> None:
    """Judge the map."""
    import metricstack as ms

    ws = ms.open(root)
    assert len(list(ms.linkage.link(ws, _observed(root, edges).edges))) == edges


CASES: dict[str, tuple[Callable[[Path, int], None], bool]] = {
    "each table scanned once (floor)": (floor, False),
    "effects of past tests": (tests, False),
    "units by week, and days": (panels, False),
    "the map": (whole, False),
    "the map again: what was read is kept, statistics are not": (whole, True),
}


def measure(case: str, root: Path, edges: int) -> dict[str, float]:
    """Run one case in this process."""
    run, again = CASES[case]
    if not again:
        shutil.rmtree(root / "cache", ignore_errors=True)
    start = time.perf_counter()
    run(root, edges)
    taken = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"s": taken, "cpu": used.ru_utime + used.ru_stime, "MB": used.ru_maxrss / 1024}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, default=Path("data/sample"))
    parser.add_argument("--edges", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", choices=CASES, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    root = asked.workspace.resolve()
    if asked.measure:
        print(json.dumps(measure(asked.measure, root, asked.edges)))
        return
    if not (root / "metricstack.toml").exists():
        sys.exit(f"There is no workspace at {root}. Make one with `metricstack simulate {asked.workspace}`.")
    with TemporaryDirectory() as folder:  # what the workspace has kept stays as it is
        copy = Path(folder)
        for name in ("metricstack.toml", "data", "truth.json", "privacy.key", "linkage.toml"):
            if (root / name).exists():
                (copy / name).symlink_to(root / name)
        found: dict[str, dict[str, float]] = {}
        for _ in range(asked.rounds):
            for case in CASES:
                command = [sys.executable, __file__, "--workspace", str(copy), "--edges", str(asked.edges)]
                told = json.loads(subprocess.check_output([*command, "--measure", case]))
                found[case] = min(told, found.get(case, told), key=lambda one: one["s"])
    scan = found[next(iter(CASES))]["s"]
    print(f"{asked.edges} edges{'':<52}{'s':>7}{'x scan':>8}{'s of CPU':>10}{'MB':>7}")
    for case, told in found.items():
        print(f"{case:<60}{told['s']:>7.2f}{told['s'] / scan:>8.1f}{told['cpu']:>10.1f}{told['MB']:>7.0f}")


if __name__ == "__main__":
    main()
