"""Peak memory while a model is loaded, relative to its size: as it lies in the file, in another precision, in shards.

A row is a fresh process that loads a model, then reads each weight once, so that what is mapped counts. The peak is the
process's largest resident set (VmHWM) less what it had before loading; at most 1.1 times the model is the target.
Linux only. Exits with 1 if a row misses it.

    python benchmarks/load_memory.py
    python benchmarks/load_memory.py --layers 24 --hidden-size 1024
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

#: Stored precision, precision asked for, and the size of a shard.
_ROWS = ("float32:float32:5GB", "float32:float32:20MB", "bfloat16:bfloat16:5GB", "bfloat16:float32:5GB",
         "float32:bfloat16:5GB", "float32:bfloat16:20MB")  # fmt: skip
#: Peak memory relative to the model.
_TARGET = 1.1
#: Prints the peak in bytes. The kernel's mark is set back first: what imports took is no matter.
_CHILD = """
import re, sys
from pathlib import Path
import torch
import dure, dure.models.bert
torch.set_num_threads(1)

def resident(name):
    return int(re.search(name + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

torch.zeros(8).to(torch.bfloat16).float().sum()
Path("/proc/self/clear_refs").write_text("5")
before = resident("VmRSS")
model = dure.BertForMaskedLM.from_pretrained(sys.argv[1], dtype=sys.argv[2])
for weight in model.parameters():
    weight.detach().view(-1)[:: 4096 // weight.itemsize].sum()
print(resident("VmHWM") - before)
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--hidden-size", type=int, default=768)
    parser.add_argument("--rows", nargs="+", default=_ROWS, metavar="STORED:LOADED:SHARD", help="which rows")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [_measure(Path(folder), args.layers, args.hidden_size, *row.split(":")) for row in args.rows]
    if args.json:
        print(json.dumps(rows))
        return
    print(f"{'stored':<10}{'loaded':<10}{'shards':<8}{'model MB':>9}{'peak MB':>9}{'peak / model':>14}")
    for row in rows:
        ratio = row["peak_mb"] / row["model_mb"]
        print(
            f"{row['stored']:<10}{row['loaded']:<10}{row['shard']:<8}{row['model_mb']:>9.1f}{row['peak_mb']:>9.1f}"
            f"{ratio:>14.3f}{'' if ratio <= _TARGET else '  above 1.1'}"
        )
    sys.exit(any(row["peak_mb"] > _TARGET * row["model_mb"] for row in rows))


def _measure(root: Path, layers: int, size: int, stored: str, loaded: str, shard: str) -> dict[str, float | str]:
    """One row."""
    import torch

    import dure

    folder = root / f"{stored}{shard}"
    config = dure.BertConfig(
        vocab_size=8000, hidden_size=size, num_hidden_layers=layers, num_attention_heads=size // 64,
        intermediate_size=4 * size,
    )  # fmt: skip
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in dure.BertForMaskedLM(config).state_dict().items()}
    weights = [torch.Size(shape).numel() for name, shape in shapes.items() if "predictions.decoder" not in name]
    bytes_of = {"float32": 4, "bfloat16": 2}[loaded]
    if not folder.exists():
        model = dure.BertForMaskedLM(config).to(getattr(torch, stored))
        model.save_pretrained(folder, max_shard_size=shard)
    done = subprocess.run([sys.executable, "-c", _CHILD, folder, loaded], capture_output=True, text=True, check=True)
    return {
        "stored": stored, "loaded": loaded, "shard": shard, "model_mb": sum(weights) * bytes_of / 1e6,
        "largest_mb": max(weights) * 4 / 1e6, "peak_mb": int(done.stdout) / 1e6,
    }  # fmt: skip


if __name__ == "__main__":
    main()
