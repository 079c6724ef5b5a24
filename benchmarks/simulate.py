"""How long a simulated company takes, and how much memory: rows, seconds, peak MB.

    python benchmarks/simulate.py [REQUESTS] [WORKERS]

The floor is writing the same bytes: the same Parquet files read once and written again.
The promise: 1,000,000 requests, about ten million rows, in under 30 s and 1,500 MB on two cores.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

from metricstack.simulation import simulate
from metricstack.telemetry import Warehouse


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    workers = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        simulate(Path(folder) / "company", requests=requests, days=458, seed=1, workers=workers)
        seconds = time.perf_counter() - begin
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        files = Warehouse.open(Path(folder) / "company" / "data").files
        rows, size = sum(file.rows for file in files), sum(file.size for file in files)
        floor = _copy(Path(folder))
    print(f"{requests:,} requests, {rows:,} rows in {len(files)} files, {size / 1e6:,.0f} MB on disk")
    print(f"{seconds:.1f} s with {workers} workers, {rows / seconds / 1e6:.2f} million rows/s, peak {peak:,.0f} MB")
    print(f"floor, reading and writing those files with one worker: {floor:.1f} s")


def _copy(folder: Path) -> float:
    import pyarrow.parquet as pq

    begin = time.perf_counter()
    for path in sorted(folder.rglob("*.parquet")):
        pq.write_table(pq.read_table(path), folder / "copy.parquet", compression="zstd", compression_level=1)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
