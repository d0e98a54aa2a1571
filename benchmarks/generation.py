"""Writing text: tokens a second against transformers, and prompt lookup against our own greedy search.

Models of the sizes of DistilGPT-2 and of Helsinki-NLP's Marian, with random weights, the same for all contestants, who
take turns. Prompts are ids: tokenizers have benchmarks of their own. Random weights never end a text: lengths are set,
and for translations a rule on scores, the same for all, makes the end of a text likelier from token to token. The text
for prompt lookup is what such weights write, which repeats itself. The rival's batches are those of its pipeline: in
the order given, padded to the longest, the best of several sizes. With CTranslate2 (a second environment with
`ctranslate2` and transformers), the ratio of tokens a second is printed: it knows no rule that ends a text, so its
translations are all as long as Dure's are on average.

python benchmarks/generation.py [--rounds 3] [--rows greedy,beam,...] [--rival-python PATH] [--engines-python PATH]
"""

from __future__ import annotations

import contextlib
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from turns import Contestant, answer, check, contestants, library, medians, options_of

#: Name of a row, what it is, and the least ratio.
ROWS = {
    "greedy-float32": ("greedy, batch 1, float32", 1.0),
    "greedy-bfloat16": ("greedy, batch 1, bfloat16", 1.2),
    "beam": ("beam 4", 1.5),
    "sample-64": ("64 prompts of mixed length, sampling, 64 new tokens each", 2.5),
    "translate": ("translation, 200 sentences of mixed length, beam 4", 2.0),
    "lookup": ("greedy with prompt lookup, text that quotes, against our own greedy", 1.5),
}
GPT2 = {"n_layer": 6, "bos_token_id": 50256, "eos_token_id": 50256}
MARIAN = {
    "vocab_size": 58101, "d_model": 512, "encoder_layers": 6, "decoder_layers": 6, "encoder_attention_heads": 8,
    "decoder_attention_heads": 8, "encoder_ffn_dim": 2048, "decoder_ffn_dim": 2048, "activation_function": "swish",
    "scale_embedding": True, "max_position_embeddings": 512, "eos_token_id": 0, "pad_token_id": 58100,
    "decoder_start_token_id": 58100,
}  # fmt: skip
BATCHES = {"sample-64": (8, 16, 32, 64), "translate": (8, 16, 32, 64)}
#: Ends are forbidden at first and then ever likelier, so that translations are about as long as sentences are.
TRANSLATING = {"num_beams": 4, "max_new_tokens": 60, "exponential_decay_length_penalty": (8, 1.03)}
NEW_TOKENS = 64


def texts(count: int, low: int, high: int, vocab_size: int) -> list[list[int]]:
    """Random prompts of mixed length."""
    random_ = random.Random(5)
    return [[random_.randrange(10, vocab_size - 10) for _ in range(random_.randrange(low, high))] for _ in range(count)]


def save_models(folder: Path) -> None:
    """Random models that all contestants load."""
    import torch

    import dure

    torch.manual_seed(0)
    gpt2 = dure.GPT2LMHeadModel(dure.GPT2Config(**GPT2))
    gpt2.save_pretrained(folder / "gpt2")
    marian = dure.MarianMTModel(dure.MarianConfig(**MARIAN, init_std=0.05))
    marian.save_pretrained(folder / "marian")


def batches(prompts: list[list[int]], size: int, pad: int, *, is_left: bool) -> Iterator[dict[str, Any]]:
    """Padded batches in the order given."""
    import torch

    for start in range(0, len(prompts), size):
        rows = prompts[start : start + size]
        longest = max(map(len, rows))
        filler = [[pad] * (longest - len(row)) for row in rows]
        masks = [([0] * len(f), [1] * len(row)) for f, row in zip(filler, rows, strict=True)]
        ids = [f + row if is_left else row + f for f, row in zip(filler, rows, strict=True)]
        mask = [zeros + ones if is_left else ones + zeros for zeros, ones in masks]
        yield {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}


def run_of(name: str, row: str, model: Any, batch_size: int) -> Callable[[], int]:
    """What is measured: a function that returns how many tokens it wrote."""
    import torch

    fields: dict[str, Any] = {"max_new_tokens": NEW_TOKENS, "pad_token_id": 50256, "eos_token_id": None}
    if row in {"sample-64", "translate"}:
        is_sampling = row == "sample-64"
        fields = fields | {"do_sample": True} if is_sampling else TRANSLATING
        prompts = texts(64, 5, 120, 50257) if is_sampling else texts(200, 5, 60, 58100)
        if name == "dure":
            from dure.generation.batching import generate_many

            return lambda: sum(len(rows[0]) for _, rows in generate_many(model, prompts, **fields))
        pad = 50256 if is_sampling else 58100

        def run() -> int:
            given = batches(prompts, batch_size, pad, is_left=is_sampling)
            return sum(model.generate(**batch, **fields).numel() for batch in given)

        return run
    prompt = torch.tensor([texts(1, 64, 65, 50257)[0]])
    if row == "beam":
        fields["num_beams"] = 4
    if row == "lookup" and name == "dure":
        fields["prompt_lookup_num_tokens"] = 10
    given = {"input_ids": prompt, "attention_mask": torch.ones_like(prompt)}
    return lambda: model.generate(**given, **fields).shape[1] - prompt.shape[1]


class _Names:
    """What a converter asks of a tokenizer: a name for each id."""

    def __init__(self, size: int, end: int) -> None:
        self.names = [f"t{i}" for i in range(size)]
        if end == 0:  # Marian's last is padding
            self.names[-1] = "<pad>"
        self.eos_token = self.bos_token = self.names[end]
        self.unk_token, self.unk_token_id, self.pad_token = self.names[1], 1, self.names[-1]
        self.special_tokens_map: dict[str, Any] = {}

    def get_vocab(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.names)}


def measure_ctranslate2(arguments: Any) -> None:
    """As :func:`measure`, with the model converted in the same precision."""
    import ctranslate2
    from ctranslate2.converters import TransformersConverter

    row, is_translation = arguments.row, arguments.row == "translate"
    names = _Names(58101, 0) if is_translation else _Names(50257, 50256)
    dtype = "bfloat16" if row == "greedy-bfloat16" else "float32"
    if dtype not in ctranslate2.get_supported_compute_types("cpu"):
        answer(seconds=1.0, tokens=0)
        return
    converter = TransformersConverter(str(Path(arguments.models) / ("marian" if is_translation else "gpt2")))
    converter.load_tokenizer = lambda *_, **__: names
    folder = tempfile.mkdtemp()
    converter.convert(folder, quantization=None if dtype == "float32" else dtype, force=True)
    kind = ctranslate2.Translator if is_translation else ctranslate2.Generator
    model = kind(folder, device="cpu", compute_type=dtype, intra_threads=arguments.threads, inter_threads=1)
    ids = texts(200, 5, 60, 58100) if is_translation else texts(64, 5, 120, 50257)
    ids = [texts(1, 64, 65, 50257)[0]] if row not in BATCHES else ids
    prompts = [[names.names[i] for i in row] for row in ids]
    sizes = {"max_batch_size": arguments.batch, "batch_type": "examples"} if row in BATCHES else {}

    def run() -> int:
        if is_translation:
            count = arguments.tokens
            found = model.translate_batch(
                prompts, beam_size=4, min_decoding_length=count, max_decoding_length=count, **sizes
            )
            return sum(len(one.hypotheses[0]) for one in found)
        options: dict[str, Any] = {"sampling_topk": 50} if row == "sample-64" else {}
        options["beam_size"] = 4 if row == "beam" else 1
        found = model.generate_batch(
            prompts, min_length=NEW_TOKENS, max_length=NEW_TOKENS, include_prompt_in_result=False, **options, **sizes
        )
        return sum(len(one.sequences[0]) for one in found)

    run()
    started = time.perf_counter()
    tokens = run()
    answer(seconds=time.perf_counter() - started, tokens=tokens)


def measure(arguments: Any) -> None:
    """Write once to warm up, then once by the clock."""
    import torch

    measured, row = library(arguments.measure), arguments.row
    torch.set_num_threads(arguments.threads)
    kind = "MarianMTModel" if row == "translate" else "GPT2LMHeadModel"
    dtype = torch.bfloat16 if row == "greedy-bfloat16" else torch.float32
    folder = Path(arguments.models) / ("marian" if row == "translate" else "gpt2")
    model = getattr(measured, kind).from_pretrained(folder, dtype=dtype).eval()
    name = "plain" if arguments.plain else arguments.measure
    run = run_of(name, row, model, arguments.batch)
    with torch.no_grad():
        if row not in BATCHES:
            run()
        started = time.perf_counter()
        tokens = run()
    answer(seconds=time.perf_counter() - started, tokens=tokens)


def seconds_of(contestant: Contestant, row: str, options: dict[str, Any]) -> float:
    """The best of several batch sizes, where the row has them and the contestant needs one."""
    is_ours = contestant.library == "dure"
    sizes = BATCHES.get(row, (1,)) if not is_ours else (1,)
    best = min((contestant.measure(**options, row=row, batch=size)["seconds"], size) for size in sizes)
    print(f"  {contestant.name:22} {best[0]:7.2f} s" + ("" if len(sizes) == 1 else f"  (batch {best[1]})"), flush=True)
    return best[0]


def print_engine(row: str, python: str, options: dict[str, Any]) -> None:
    """Tokens a second beside CTranslate2's, at its best batch size."""
    engine, ours = Contestant("ctranslate2", python, "ctranslate2"), contestants(None)[0]
    found = ours.measure(**options, row=row)
    mean = round(found["tokens"] / 200)
    tries = [engine.measure(**options, row=row, batch=size, tokens=mean) for size in BATCHES.get(row, (1,))]
    best = max(one["tokens"] / one["seconds"] for one in tries)
    rate = found["tokens"] / found["seconds"]
    if not best:
        print(f"  {row}: ctranslate2 doesn't compute in this precision on this processor", flush=True)
        return
    print(f"  {row}: {rate:.1f} tokens a second, ctranslate2 {best:.1f}: ratio {rate / best:.3f}", flush=True)


def main() -> None:
    """Print seconds and ratios; fail where one is below its target."""
    parser = options_of(__doc__, rounds=3)
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--threads", type=int, default=2)
    for name in ("--row", "--models"):
        parser.add_argument(name, help="for --measure")
    parser.add_argument("--batch", type=int, default=1, help="for --measure")
    parser.add_argument("--plain", type=int, default=0, help="for --measure: without prompt lookup")
    parser.add_argument("--tokens", type=int, default=0, help="for --measure: how long a translation is")
    parser.add_argument("--engines-python", help="an environment with ctranslate2 and transformers")
    arguments = parser.parse_args()
    if arguments.measure:
        (measure_ctranslate2 if arguments.measure == "ctranslate2" else measure)(arguments)
        return
    reached = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        save_models(folder)
        options = {"models": folder, "threads": arguments.threads}
        for row in arguments.rows.split(","):
            told, target = ROWS[row]
            print(told, flush=True)
            entrants = contestants(arguments.rival_python)
            calls = {c.name: (lambda c=c, row=row: seconds_of(c, row, options)) for c in entrants}
            if row == "lookup":
                calls = {
                    str(plain): (
                        lambda plain=plain: seconds_of(contestants(None)[0], "lookup", {**options, "plain": plain})
                    )
                    for plain in (0, 1)
                }
            found, *rivals = medians(arguments.rounds, calls).values()
            reached.append(check(f"  {row}: ratio", min(rivals) / found, at_least=target))
            if arguments.engines_python and row != "lookup":
                print_engine(row, arguments.engines_python, options)
    sys.exit(not all(reached))


if __name__ == "__main__":
    main()
