"""How long `import metricstack` takes, against a bare interpreter and against importing pandas."""

import subprocess
import sys
import time

RUNS = 15


def seconds(code: str) -> float:
    """Return the fastest of several fresh interpreters: the floor is what the code costs."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Print the table."""
    bare = seconds("pass")
    rows = {
        "bare interpreter (floor)": bare,
        "import metricstack": seconds("import metricstack"),
        "import metricstack; metricstack.telemetry": seconds("import metricstack; metricstack.telemetry"),
        "import pandas": seconds("import pandas"),
    }
    print(f"{'Start-up':<44}{'s':>8}{'over floor':>12}")
    for name, taken in rows.items():
        print(f"{name:<44}{taken:>8.3f}{taken - bare:>12.3f}")


if __name__ == "__main__":
    main()
