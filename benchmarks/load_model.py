"""BERT-base from safetensors to the first output, in a fresh process; imports count. Dure and rivals in turn.

python benchmarks/load_model.py [--rounds 7] [--rival-python PATH]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from encoders import BASE
from turns import check, contestants, options_of

CODE = """
import torch
from {library} import BertModel
model = BertModel.from_pretrained({folder!r}).eval()
with torch.inference_mode():
    states = model(input_ids=torch.arange(1000, 1016)[None])[0]
print(states[0, :, :4].flatten().tolist())
"""


def main() -> None:
    """Print medians and the ratio; fail where it misses its target."""
    arguments = options_of(__doc__, rounds=7).parse_args()
    entrants = contestants(arguments.rival_python)
    times: dict[str, list[float]] = {c.name: [] for c in entrants}
    states: dict[str, list[float]] = {}
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "DURE_PROGRESS": "0"}
    with tempfile.TemporaryDirectory() as scratch:
        import torch

        import dure

        torch.manual_seed(0)
        dure.BertModel(dure.BertConfig(**BASE)).save_pretrained(Path(scratch) / "model")
        for _ in range(arguments.rounds + 1):
            for entrant in entrants:
                code = CODE.format(library=entrant.library, folder=f"{scratch}/model")
                command = [entrant.python, "-W", "ignore", "-c", code]
                start = time.perf_counter()
                done = subprocess.run(command, check=True, env=environment, capture_output=True, text=True)
                times[entrant.name].append(time.perf_counter() - start)
                states[entrant.name] = [float(word) for word in done.stdout.strip(" []\n").split(",")]
    error = max(abs(a - b) for found in states.values() for a, b in zip(found, states["dure"], strict=True))
    print(f"largest difference {error:.1e}; allowed 1e-5")
    assert error < 1e-5
    medians = {name: statistics.median(values[1:]) for name, values in times.items()}
    for name, seconds in medians.items():
        print(f"{name:22} {seconds:6.2f} s")
    rival = min(seconds for name, seconds in medians.items() if name != "dure")
    ratio = rival / medians["dure"]
    sys.exit(not check("load BERT-base, times as fast as the faster rival:", ratio, at_least=3.0))


if __name__ == "__main__":
    main()
