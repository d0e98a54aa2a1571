"""All benchmarks, one after another.

python benchmarks/run_all.py [--rival-python PATH] [--engines-python PATH] [--data PATH]

``--data`` is a folder of real data sets, which some need.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    """Run each; fail where one misses its target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rival-python", help="an environment with the newest transformers")
    parser.add_argument("--engines-python", help="an environment with onnxruntime, onnx, ctranslate2 and transformers")
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared" / "data")
    arguments = parser.parse_args()
    rival = ["--rival-python", arguments.rival_python] if arguments.rival_python else []
    engines = ["--engines-python", arguments.engines_python] if arguments.engines_python else []
    mrpc = arguments.data / "corpora" / "mrpc"
    runs = [["import_time.py"], ["first_sentence.py", *rival]]
    runs += [["pipelines.py", *rival], ["generation.py", *rival, *engines]]
    if mrpc.is_dir():
        runs.append(["feature_extraction.py", "--data", str(mrpc / "train.tsv"), *rival])
        runs.append(["train_mrpc.py", "--data", str(mrpc), *rival])
        runs.append(["model_table.py", "--data", str(arguments.data), *rival, *engines])
        runs.append(["tokenizer_table.py", "--data", str(arguments.data), *rival])
    else:
        print(f"left out what needs real data: no folder {mrpc}; give --data")
    failed = []
    for name, *options in runs:
        print(f"\n== {name}", flush=True)
        if subprocess.run([sys.executable, str(HERE / name), *options], check=False).returncode:
            failed.append(name)
    print(f"\nmissed their targets: {', '.join(failed)}" if failed else "\nall reached their targets")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
