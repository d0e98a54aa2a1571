"""How fast an encoder could be at best: its products' operations at the rate that this machine's products reach.

Beside a rival's seconds from encoders.py and pipelines.py it tells which ratio float32 allows at all: no implementation
that computes the same products is faster than they are. Nothing else is counted: no softmax, norm, tokenizer or list.

python benchmarks/limits.py --data PATH/corpora/mrpc/train.tsv [--sentences 2000] [--contexts 50]
"""

from __future__ import annotations

import argparse
import time

import torch
from encoders import BASE
from feature_extraction import read_sentences
from turns import starter_folder

import dure
from pipelines import long_texts

MINILM = {"hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1536}
#: Of the question-answering pipeline: tokens of a window, and how many of them the next repeats.
WINDOW, STRIDE = 384, 128


def operations(shape: dict[str, int], lengths: list[int]) -> float:
    """Multiplications and additions of all products for texts of these lengths, padding left out."""
    width, inner = shape["hidden_size"], shape["intermediate_size"]
    per_token = 2 * (4 * width * width + 2 * width * inner)
    return float(shape["num_hidden_layers"] * sum(n * per_token + 4 * n * n * width for n in lengths))


def best_rate(dtype: torch.dtype) -> float:
    """Operations a second of the fastest products among shapes of encoders, in the best of many tries."""
    found = 0.0
    for rows, inputs, outputs in ((4096, 384, 1536), (4096, 1536, 384), (2048, 768, 3072), (2048, 3072, 768)):
        hidden, weight = torch.randn(rows, inputs).to(dtype), torch.randn(outputs, inputs).to(dtype)
        for _ in range(30):
            start = time.perf_counter()
            torch.ops.mkldnn._linear_pointwise(hidden, weight, None, "none", [], "")
            found = max(found, 2 * rows * inputs * outputs / (time.perf_counter() - start))
    return found


def windows(num_contexts: int, tokenizer: dure.BertTokenizerFast) -> list[int]:
    """Lengths of the windows that a question and contexts of 1,500 words become."""
    question = len(tokenizer("who will work in the city")["input_ids"])
    found = []
    for text in long_texts(num_contexts):
        # Words of that benchmark are one token each.
        left, room = len(text.split()), WINDOW - question - 1
        while left > room:
            found.append(WINDOW)
            left -= room - STRIDE
        found.append(left + question + 1)
    return found


def main() -> None:
    """Print the bounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="MRPC's train.tsv")
    parser.add_argument("--sentences", type=int, default=2000)
    parser.add_argument("--contexts", type=int, default=50)
    arguments = parser.parse_args()
    tokenizer = dure.AutoTokenizer.from_pretrained(starter_folder())
    sentences = [len(row) for row in tokenizer(read_sentences(arguments.data, arguments.sentences))["input_ids"]]
    works = {
        f"MiniLM, {arguments.sentences} sentences": operations(MINILM, sentences),
        f"BERT-base, {arguments.sentences} sentences": operations(BASE, sentences),
        f"MiniLM, questions about {arguments.contexts} contexts": operations(
            MINILM, windows(arguments.contexts, tokenizer)
        ),
    }
    for dtype in (torch.float32, torch.bfloat16):
        rate = best_rate(dtype)
        print(f"{str(dtype).removeprefix('torch.')}: products reach {rate / 1e9:.0f} GF/s on this machine")
        for name, count in works.items():
            print(f"  {name}: {count / 1e12:.2f} TFLOP, {count / rate:.2f} s at least")


if __name__ == "__main__":
    main()
