"""From nothing to the first answer: import, load MiniLM, one sentence. Fresh processes, Dure and rivals in turn.

python benchmarks/first_sentence.py [--rounds 7] [--rival-python PATH]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

from dure.hub.resolve import resolve

CODE = """
from {library} import pipeline
answer = pipeline("feature-extraction", model={folder!r})("The parcel arrived on Monday.")
assert len(answer[0][0]) == 384
"""


def main() -> None:
    """Print medians and ratios; fail where the ratio to the faster rival is above a half."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rival-python", help="a second environment with the newest transformers")
    arguments = parser.parse_args()
    folder = str(resolve("sentence-transformers/all-MiniLM-L6-v2").path)
    commands = {"dure": [sys.executable, "dure"], "transformers": [sys.executable, "transformers"]}
    if arguments.rival_python:
        commands["newest transformers"] = [arguments.rival_python, "transformers"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(arguments.rounds + 1):
        for name, (python, library) in commands.items():
            code = CODE.format(library=library, folder=folder)
            start = time.perf_counter()
            subprocess.run([python, "-W", "ignore", "-c", code], check=True, env=environment, capture_output=True)
            times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values[1:]) for name, values in times.items()}
    for name, seconds in medians.items():
        print(f"{name:20} {seconds:6.2f} s")
    rival = min(seconds for name, seconds in medians.items() if name != "dure")
    ratio = medians["dure"] / rival
    print(f"ratio dure / fastest rival {ratio:.3f}; target 0.5")
    sys.exit(ratio > 0.5)


if __name__ == "__main__":
    main()
