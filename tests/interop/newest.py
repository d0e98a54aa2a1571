"""Runs in the second environment, where Dure isn't: does the jobs of FOLDER/jobs.json, and writes FOLDER/found.json.

A job says what to `do` and in which `folder`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def run_model(model: Any, folder: Path) -> None:
    """Its outputs for batch.npz go into outputs.npz."""
    import numpy as np
    import torch

    with torch.no_grad(), np.load(folder / "batch.npz") as batch:
        outputs = model(**{name: torch.from_numpy(batch[name]) for name in batch})
    np.savez(folder / "outputs.npz", **{name: value.numpy() for name, value in outputs.items()})


def save_checkpoint(job: dict[str, Any], folder: Path) -> None:
    """A model with random weights, biases and norms too."""
    import torch
    import transformers

    torch.manual_seed(job["seed"])
    config = getattr(transformers, job["family"] + "Config")(**job["fields"])
    model = getattr(transformers, job["family"] + job["head"])(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.2)
    model.save_pretrained(folder / "model", max_shard_size=job["max_shard_size"])
    run_model(model, folder)


def load_checkpoint(job: dict[str, Any], folder: Path) -> dict[str, list[str]]:
    """What transformers says about the checkpoint: what's missing, what's left over."""
    import transformers

    head = job["head"].removeprefix("Model")
    model, info = getattr(transformers, "AutoModel" + head).from_pretrained(folder / "model", output_loading_info=True)
    assert type(model).__name__ == job["family"] + job["head"]
    run_model(model.eval(), folder)
    return {name: [str(item) for item in items] for name, items in info.items()}


def call_tokenizer(tokenizer: Any, job: dict[str, Any], folder: Path) -> None:
    """What it returns for each call, and what it makes of the first call's ids."""
    texts = json.loads(Path(job["texts"]).read_text())
    results = []
    for call in job["calls"]:
        pairs = [texts[::-1]] if call["is_pair"] else []
        results.append(dict(tokenizer(texts, *pairs, **call["options"])))
    decoded = [tokenizer.batch_decode(results[0]["input_ids"], skip_special_tokens=skips) for skips in (False, True)]
    (folder / "results.json").write_text(json.dumps({"calls": results, "decoded": decoded}))


def save_tokenizer(job: dict[str, Any], folder: Path) -> None:
    """A tokenizer from vocab.txt."""
    import transformers

    tokenizer = getattr(transformers, job["class"]).from_pretrained(job["vocab"], **job["options"])
    tokenizer.save_pretrained(folder / "tokenizer")
    call_tokenizer(tokenizer, job, folder)


def load_tokenizer(job: dict[str, Any], folder: Path) -> str:
    """The class that files decide for."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "tokenizer")
    call_tokenizer(tokenizer, job, folder)
    return type(tokenizer).__name__


def write_data(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The rows in each format, and what reading gives."""
    import datasets

    rows = datasets.Dataset.from_list(job["rows"])
    rows.to_csv(folder / "rows.csv") if job["is_flat"] else None
    rows.to_json(folder / "rows.jsonl")
    rows.to_json(folder / "rows.json", lines=False)
    return read_data(job, folder)


def read_data(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Rows and types of each file."""
    import datasets

    found = {}
    for path in sorted(folder.glob("rows.*")):
        kind = path.suffix.removeprefix(".").removesuffix("l")
        table = datasets.load_dataset(kind, data_files=str(path), split="train")
        found[path.name] = {"rows": table.to_list(), "types": {n: str(t) for n, t in table.features.items()}}
    return found


DOES = {
    function.__name__: function
    for function in (save_checkpoint, load_checkpoint, save_tokenizer, load_tokenizer, write_data, read_data)
}

if __name__ == "__main__":
    place = Path(sys.argv[1])
    jobs = json.loads((place / "jobs.json").read_text())
    found = [DOES[job["do"]](job, Path(job["folder"])) for job in jobs]
    (place / "found.json").write_text(json.dumps(found))
