"""`import dure` takes under 60 ms in a fresh process, and loads neither torch nor pyarrow.

python benchmarks/import_time.py [--rounds 15]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

CODE = """
import sys, time
start = time.perf_counter()
import dure
print(time.perf_counter() - start, "torch" in sys.modules or "pyarrow" in sys.modules)
"""


def main() -> None:
    """Print the median; fail where it isn't below 60 ms."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    times = []
    for _ in range(parser.parse_args().rounds):
        done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
        seconds, is_heavy = done.stdout.split()
        assert is_heavy == "False", "torch or pyarrow was imported"
        times.append(float(seconds))
    median = statistics.median(times) * 1000
    print(f"import dure: median {median:.1f} ms (from {min(times) * 1000:.1f} to {max(times) * 1000:.1f}); target 60")
    sys.exit(median >= 60)


if __name__ == "__main__":
    main()
