"""The speed table of models, one script after another: encoding, one sentence, loading, training, memory.

python benchmarks/model_table.py --data PATH [--rival-python PATH] [--engines-python PATH]
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
    parser.add_argument("--data", type=Path, required=True, help="the folder with corpora/")
    parser.add_argument("--rival-python", help="an environment with the newest transformers")
    parser.add_argument("--engines-python", help="an environment with onnxruntime, onnx, ctranslate2 and transformers")
    arguments = parser.parse_args()
    rival = ["--rival-python", arguments.rival_python] if arguments.rival_python else []
    engines = ["--engines-python", arguments.engines_python] if arguments.engines_python else []
    encoders = ["encoders.py", "--data", str(arguments.data / "corpora" / "mrpc" / "train.tsv"), *rival, *engines]
    runs = [
        [*encoders, "--shape", "minilm"],
        [*encoders, "--shape", "base", "--rounds", "1"],  # a quarter of an hour each
        ["one_sentence.py", *rival],
        ["load_model.py", *rival],
        ["train_step.py", "--rows", "16", *rival],
        ["train_step.py", "--rows", "16", "--dtype", "bfloat16", *rival],
        ["load_memory.py"],
    ]
    missed = []
    for name, *options in runs:
        print(f"\n== {name} {' '.join(options)}", flush=True)
        if subprocess.run([sys.executable, str(HERE / name), *options], check=False).returncode:
            missed.append(" ".join([name, *options]))
    print("\nmissed their targets:\n  " + "\n  ".join(missed) if missed else "\nall reached their targets")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
