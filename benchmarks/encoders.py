"""Encoding sentences: MiniLM and BERT-base, float32 and bfloat16, against transformers, ONNX Runtime and CTranslate2.

python benchmarks/encoders.py --data PATH/corpora/mrpc/train.tsv [--shape minilm base] [--sentences 2000] [--rounds 3]
    [--rival-python PATH] [--engines-python PATH]

transformers runs as its pipeline, by default and in its best batch size (found in its first turn), and so does Dure.
ONNX Runtime and CTranslate2 (a second environment with `onnxruntime`, `onnx`, `ctranslate2` and transformers) get token
ids in batches of Dure's own making, sorted by length, and so does Dure in these rows. BERT-base has random weights.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from feature_extraction import SIZES, read_sentences
from turns import Contestant, answer, check, contestants, library, medians, options_of, starter_folder

#: Widths of BERT-base; MiniLM is the starter model.
BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
#: At least so many times as fast: the rival by default, at its best, and our own float32.
BY_DEFAULT, AT_BEST, HALF = 3.2, 1.8, 1.7
ENGINE = 0.85
NUM_COMPARED = 200


def make_model(shape: str, folder: Path) -> Path:
    """A folder with the model and its tokenizer."""
    if shape == "minilm":
        return Path(starter_folder())
    import torch

    import dure

    torch.manual_seed(0)
    dure.BertModel(dure.BertConfig(**BASE)).save_pretrained(folder)
    dure.AutoTokenizer.from_pretrained(starter_folder()).save_pretrained(folder)
    return folder


def measure_pipeline(arguments: Any) -> None:
    """Seconds for all sentences, with the pipeline warm; or, with --results, the first results and the best size."""
    texts = read_sentences(arguments.data, arguments.sentences)
    is_ours = arguments.measure == "dure"
    options: dict[str, Any] = {} if is_ours else {"device": "cpu"}
    if arguments.dtype != "float32":
        options["dtype"] = arguments.dtype
    pipe = library(arguments.measure).pipeline("feature-extraction", model=arguments.model, **options)

    def timed(some: list[str], **call: Any) -> float:
        start = time.perf_counter()
        assert len(pipe(some, **call)) == len(some)
        return time.perf_counter() - start

    first = pipe(texts[:NUM_COMPARED])
    if arguments.results:
        np.save(arguments.results, np.concatenate([np.array(rows[0]) for rows in first]))
        answer(sizes={} if is_ours else {size: timed(texts[:400], batch_size=size) for size in SIZES})
    else:
        answer(seconds=timed(texts, **({"batch_size": arguments.batch_size} if arguments.batch_size else {})))


def make_batches(path: str, count: int, folder: str) -> list[dict[str, np.ndarray]]:
    """Token ids and masks, sorted by length, as Dure's pipeline makes them."""
    import dure
    from dure.pipelines.base import VALUES_PER_BATCH, batches

    tokenizer = dure.AutoTokenizer.from_pretrained(folder)
    rows = tokenizer(read_sentences(path, count))
    lengths = [len(row) for row in rows["input_ids"]]
    found = []
    width = dure.AutoConfig.from_pretrained(folder).hidden_size
    for batch in batches(lengths, VALUES_PER_BATCH // width, None):
        columns = {name: [column[i] for i in batch] for name, column in rows.items()}
        found.append(dict(tokenizer.pad(columns, padding=True, return_tensors="np").items()))
    return found


def measure_engine(arguments: Any) -> None:
    """Seconds for all batches, from ids to states in memory; with --results, the first batch's real states."""
    stored = np.load(arguments.batches)
    names = ("input_ids", "attention_mask", "token_type_ids")
    made = [{name: stored[f"{name} {i}"] for name in names} for i in range(len(stored.files) // len(names))]
    run = {"onnxruntime": onnx_runtime, "ctranslate2": ctranslate2_encoder, "dure": dure_model}[arguments.measure](
        arguments.model, arguments.dtype
    )
    first = run(made[0])
    if arguments.results:
        np.save(arguments.results, np.asarray(first, dtype=np.float32)[made[0]["attention_mask"] != 0])
    for batch in made[:20]:
        run(batch)
    start = time.perf_counter()
    for batch in made:
        run(batch)
    answer(seconds=time.perf_counter() - start)


def dure_model(folder: str, dtype: str) -> Any:
    import torch

    import dure

    model = dure.AutoModel.from_pretrained(folder, dtype=dtype).eval()

    def run(batch: dict[str, np.ndarray]) -> Any:
        with torch.inference_mode():
            states = model(**{name: torch.from_numpy(column) for name, column in batch.items()})[0]
        return states.numpy() if dtype == "float32" else states.float().numpy()

    return run


def onnx_runtime(folder: str, dtype: str) -> Any:
    import onnxruntime
    import torch
    import transformers

    assert dtype == "float32"
    path = Path(tempfile.mkdtemp()) / "model.onnx"
    model = transformers.AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    names = ["input_ids", "attention_mask", "token_type_ids"]
    example = tuple(torch.ones(2, 8, dtype=torch.int64) for _ in names)
    axes = {name: {0: "batch", 1: "length"} for name in [*names, "last_hidden_state"]}
    torch.onnx.export(
        model, example, path, input_names=names, output_names=["last_hidden_state"], dynamic_axes=axes, dynamo=False,
        opset_version=17,
    )  # fmt: skip
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda batch: session.run(["last_hidden_state"], {name: batch[name] for name in names})[0]


def ctranslate2_encoder(folder: str, dtype: str) -> Any:
    import ctranslate2
    from ctranslate2.converters import TransformersConverter

    path = Path(tempfile.mkdtemp()) / "model"
    TransformersConverter(folder).convert(str(path), quantization=None if dtype == "float32" else dtype)
    encoder = ctranslate2.Encoder(str(path), device="cpu", intra_threads=2, inter_threads=1, compute_type=dtype)

    def run(batch: dict[str, np.ndarray]) -> Any:
        lengths = batch["attention_mask"].sum(1).tolist()
        rows = [row[:length].tolist() for row, length in zip(batch["input_ids"], lengths, strict=True)]
        return np.array(encoder.forward_batch(rows).last_hidden_state)

    return run


def compare(ours: str, theirs: str) -> float:
    """The largest difference."""
    return float(np.abs(np.load(ours) - np.load(theirs)).max())


def rows_of_pipelines(shape: str, model: str, arguments: Any, folder: str) -> bool:
    """Against transformers' pipelines, and bfloat16 against our own float32."""
    ours, *rivals = contestants(arguments.rival_python)
    shared = {"data": arguments.data, "sentences": arguments.sentences, "model": model}
    ours.measure(**shared, results=f"{folder}/dure.npy")
    ours.measure(**shared, results=f"{folder}/half.npy", dtype="bfloat16")
    calls = {
        "dure": lambda: ours.measure(**shared)["seconds"],
        "dure, bfloat16": lambda: ours.measure(**shared, dtype="bfloat16")["seconds"],
    }
    for rival in rivals:
        sizes = rival.measure(**shared, results=f"{folder}/rival.npy")["sizes"]
        error = compare(f"{folder}/dure.npy", f"{folder}/rival.npy")
        print(f"{shape}: largest difference to {rival.name}: {error:.1e}; allowed 1e-4")
        assert error < 1e-4
        best = min(sizes, key=sizes.__getitem__)
        calls[f"{rival.name} by default"] = lambda rival=rival: rival.measure(**shared)["seconds"]
        calls[f"{rival.name} in batches of {best}"] = lambda rival=rival, best=best: rival.measure(
            **shared, batch_size=best
        )["seconds"]
    print(f"{shape}: largest difference of bfloat16: {compare(f'{folder}/dure.npy', f'{folder}/half.npy'):.1e}")
    found = medians(arguments.rounds, calls)
    for name, seconds in found.items():
        rate = arguments.sentences / seconds
        print(f"{shape:8} {name:42} {seconds:7.2f} s {rate:7.1f} a second {seconds / found['dure']:6.2f} times dure")
    by_default = min(seconds for name, seconds in found.items() if "by default" in name) / found["dure"]
    at_best = min(seconds for name, seconds in found.items() if "in batches" in name) / found["dure"]
    is_reached = check(f"{shape}, the faster rival by default:", by_default, at_least=BY_DEFAULT)
    is_reached &= check(f"{shape}, the faster rival's best batches:", at_best, at_least=AT_BEST)
    half = found["dure"] / found["dure, bfloat16"]
    return check(f"{shape}, bfloat16 against our own float32:", half, at_least=HALF) and is_reached


def rows_of_engines(shape: str, model: str, arguments: Any, folder: str) -> bool:
    """Against engines that run converted models."""
    path = f"{folder}/batches.npz"
    made = make_batches(arguments.data, arguments.sentences, model)
    np.savez(path, **{f"{name} {i}": column for i, batch in enumerate(made) for name, column in batch.items()})
    ours = Contestant("dure", sys.executable, "dure")
    engines = [Contestant(name, arguments.engines_python, name) for name in ("onnxruntime", "ctranslate2")]
    shared = {"batches": path, "model": model}
    for contestant in (ours, *engines):
        contestant.measure(**shared, results=f"{folder}/{contestant.name}.npy")
    calls = {c.name: lambda c=c: c.measure(**shared)["seconds"] for c in (ours, *engines)}
    found = medians(arguments.rounds, calls)
    is_reached = True
    for engine in engines:
        error = compare(f"{folder}/dure.npy", f"{folder}/{engine.name}.npy")
        print(f"{shape}: largest difference to {engine.name}: {error:.1e}")
        ratio = found[engine.name] / found["dure"]
        is_reached &= check(f"{shape}, ids to states, {engine.name}:", ratio, at_least=ENGINE)
    return is_reached


def main() -> None:
    """Print medians and ratios; fail where one misses its target."""
    parser = options_of(__doc__, rounds=3)
    parser.add_argument("--data", help="MRPC's train.tsv")
    parser.add_argument("--shape", nargs="+", choices=["minilm", "base"], default=["minilm", "base"])
    parser.add_argument("--sentences", type=int, default=2000)
    parser.add_argument("--engines-python", help="an environment with onnxruntime, onnx, ctranslate2 and transformers")
    parser.add_argument("--dtype", default="float32", help="for --measure")
    for name, kind in (("--model", str), ("--batch-size", int), ("--results", str), ("--batches", str)):
        parser.add_argument(name, type=kind, help="for --measure")
    arguments = parser.parse_args()
    if arguments.measure:
        (measure_engine if arguments.batches else measure_pipeline)(arguments)
        return
    is_reached = True
    for shape in arguments.shape:
        with tempfile.TemporaryDirectory() as folder:
            model = str(make_model(shape, Path(folder) / "model"))
            is_reached &= rows_of_pipelines(shape, model, arguments, folder)
            if arguments.engines_python:
                is_reached &= rows_of_engines(shape, model, arguments, folder)
    sys.exit(not is_reached)


if __name__ == "__main__":
    main()
