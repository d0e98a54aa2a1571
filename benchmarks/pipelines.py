"""Classification pipelines on 1,000 texts of mixed length, and questions about long contexts, against the original.

Models of a small encoder's size with random weights; the original by default and at its best batch size, found in its
first turn, each in a process of its own. Then each pipeline against itself: a list must not be slower than its texts
one by one.

python benchmarks/pipelines.py [--rounds 3] [--texts 1000] [--contexts 50] [--only TASK ...] [--rival-python PATH]
"""

from __future__ import annotations

import json
import logging
import os
import random
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from turns import answer, check, contestants, library, medians, options_of

WORDS = [
    "the",
    "a",
    "of",
    "and",
    "to",
    "in",
    "is",
    "was",
    "for",
    "on",
    "that",
    "with",
    "as",
    "it",
    "at",
    "by",
    "from",
    "this",
    "are",
    "be",
    "an",
    "or",
    "which",
    "have",
    "not",
    "were",
    "one",
    "all",
    "their",
    "new",
    "more",
    "would",
    "there",
    "when",
    "who",
    "will",
    "people",
    "time",
    "year",
    "government",
    "company",
    "market",
    "report",
    "city",
    "day",
    "state",
    "world",
    "work",
    "water",
]
SIZES = (8, 32, 64)
CPU = {"device": "cpu"}
#: Tasks that version 5 of the original dropped.
GONE = {"question-answering"}
LABELS = {"num_labels": 5, "id2label": dict(enumerate(("O", "B-PER", "I-PER", "B-LOC", "I-LOC")))}
ENTAILMENT = {"id2label": {0: "no", 1: "maybe", 2: "entailment"}, "label2id": {"no": 0, "maybe": 1, "entailment": 2}}


def build(folder: Path, head: str, fields: dict[str, Any]) -> str:
    """A random model of MiniLM's size with a vocabulary of common words and letters."""
    import torch

    import dure

    letters = "abcdefghijklmnopqrstuvwxyz"
    tokens = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        ".",
        ",",
        "?",
        *WORDS,
        *letters,
        *(f"##{c}" for c in letters),
    ]
    tokens = list(dict.fromkeys([*tokens, *(f"[unused{i}]" for i in range(20000))]))
    target = folder / head
    target.mkdir()
    (target / "vocab.txt").write_text("\n".join(tokens) + "\n")
    dure.BertTokenizerFast(vocab_file=str(target / "vocab.txt"), model_max_length=512).save_pretrained(target)
    torch.manual_seed(0)
    config = dure.BertConfig(
        vocab_size=len(tokens),
        hidden_size=384,
        num_hidden_layers=6,
        num_attention_heads=12,
        intermediate_size=1536,
        **fields,
    )
    getattr(dure, f"Bert{head}")(config).save_pretrained(target)
    return str(target)


def texts_of(count: int, seed: int = 0) -> list[str]:
    """Texts from 3 to 200 words, most of them short, as reviews and sentences are."""
    draw = random.Random(seed)
    lengths = [min(200, max(3, int(draw.lognormvariate(3.0, 0.9)))) for _ in range(count)]
    return [" ".join(draw.choices(WORDS, k=length)) + "." for length in lengths]


def cases(texts: list[str], num_contexts: int) -> dict[str, tuple[str, dict[str, Any], list[Any], dict[str, Any]]]:
    """For each task: the head, fields of its configuration, inputs, and arguments of a call."""
    contexts = [{"question": "who will work in the city", "context": text} for text in long_texts(num_contexts)]
    masked = [text.replace(" ", " [MASK] ", 1) for text in texts]
    return {
        "text-classification": ("ForSequenceClassification", {"num_labels": 3}, texts, {}),
        "token-classification": ("ForTokenClassification", LABELS, texts, {"aggregation_strategy": "simple"}),
        "fill-mask": ("ForMaskedLM", {}, masked, {}),
        "zero-shot-classification": (
            "ForSequenceClassification", ENTAILMENT, texts[: len(texts) // 4],
            {"candidate_labels": ["city", "market", "world", "water"]},
        ),
        "question-answering": ("ForQuestionAnswering", {}, contexts, {}),
    }  # fmt: skip


def long_texts(count: int) -> list[str]:
    """Contexts of 1,500 words."""
    draw = random.Random(1)
    return [" ".join(draw.choices(WORDS, k=1500)) for _ in range(count)]


def seconds(call: Callable[[], Any]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def same(ours: Any, theirs: Any) -> bool:
    """Whether two answers agree, numbers to 1e-4."""
    if isinstance(theirs, dict):
        return all(same(ours[name], theirs[name]) for name in theirs)
    if isinstance(theirs, (list, tuple)):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(theirs, float):
        return abs(float(ours) - float(theirs)) < 1e-4
    return bool(ours == theirs)


def measure(arguments: Any) -> None:
    """Seconds for all inputs; or, with --results, some answers and the seconds of some inputs in each batch size."""
    _, _, inputs, call = cases(texts_of(arguments.texts), arguments.contexts)[arguments.task]
    is_ours = arguments.measure == "dure"
    pipe = library(arguments.measure).pipeline(arguments.task, model=arguments.model, **({} if is_ours else CPU))
    few = inputs[: max(8, len(inputs) // 20)]
    first = pipe(few, **call)
    if arguments.results:
        Path(arguments.results).write_text(json.dumps(first, default=float))
        tried = inputs[: max(64, len(inputs) // 4)]
        sizes = () if is_ours else SIZES
        answer(sizes={size: seconds(lambda size=size: pipe(tried, batch_size=size, **call)) for size in sizes})
    else:
        size = {"batch_size": arguments.batch_size} if arguments.batch_size else {}
        pipe(inputs[: len(inputs) // 2], **size, **call)  # kernels of a shape are made when it is first met
        answer(seconds=seconds(lambda: pipe(inputs, **size, **call)))


def race(task: str, folder: str, arguments: Any) -> dict[str, float]:
    """Medians of Dure, and of the faster rival by default and at its best batch size, taking turns."""
    ours, *rivals = contestants(None if task in GONE else arguments.rival_python)
    shared = {"task": task, "model": folder, "texts": arguments.texts, "contexts": arguments.contexts}
    ours.measure(**shared, results=f"{folder}/dure.json")
    calls = {"dure": lambda: ours.measure(**shared)["seconds"]}
    for rival in rivals:
        sizes = rival.measure(**shared, results=f"{folder}/rival.json")["sizes"]
        answers = [json.loads(Path(f"{folder}/{name}.json").read_text()) for name in ("dure", "rival")]
        assert same(*answers), f"{task}: answers differ from those of {rival.name}"
        best = min(sizes, key=sizes.__getitem__)
        calls[f"{rival.name} by default"] = lambda rival=rival: rival.measure(**shared)["seconds"]
        calls[f"{rival.name} in batches of {best}"] = lambda rival=rival, best=best: rival.measure(
            **shared, batch_size=best
        )["seconds"]
    found = medians(arguments.rounds, calls)
    for name, value in found.items():
        print(f"{task:26} {name:36} {value:7.2f} s {value / found['dure']:6.2f} times dure", flush=True)
    fastest = {
        kind: min(value for name, value in found.items() if word in name)
        for kind, word in (("default", "by default"), ("best", "in batches"))
    }
    return {"dure": found["dure"], **fastest}


def against_itself(task: str, pipe: Any, inputs: list[Any], options: dict[str, Any]) -> bool:
    """A list against its inputs one by one."""
    some = inputs[:100]
    pipe(some[:4], **options)
    together, apart = [], []
    for _ in range(3):
        together.append(seconds(lambda: pipe(some, **options)))
        apart.append(seconds(lambda: [pipe(each, **options) for each in some]))
    ratio = statistics.median(apart) / statistics.median(together)
    return check(f"{task}: a list, times as fast as its inputs one by one:", ratio, at_least=1.0)


def others(folder: Path, texts: list[str]) -> list[tuple[str, Any, list[Any], dict[str, Any]]]:
    """The tasks that have no race of their own: for each a pipeline, inputs, and arguments of a call."""
    import dure

    body = build(folder, "Model", {})
    tokenizer = dure.AutoTokenizer.from_pretrained(body)
    sizes = {"vocab_size": len(tokenizer), "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    writer = dure.GPT2LMHeadModel(dure.GPT2Config(n_embd=384, n_layer=6, n_head=12, **sizes))
    layers = {"encoder_layers": 3, "decoder_layers": 3, "encoder_attention_heads": 8, "decoder_attention_heads": 8}
    translator = dure.BartForConditionalGeneration(
        dure.BartConfig(
            d_model=384, encoder_ffn_dim=1536, decoder_ffn_dim=1536, decoder_start_token_id=2, **layers, **sizes
        )
    )
    few = texts[:24]
    search = dure.pipeline("semantic-search", model=body).index(texts)
    return [
        ("feature-extraction", dure.pipeline("feature-extraction", model=body), texts, {}),
        ("semantic-search", search, texts, {}),
        (
            "sentence-similarity", dure.pipeline("sentence-similarity", model=body),
            [{"source_sentence": text, "sentences": few[:4]} for text in texts], {},
        ),
        (
            "multiple-choice", dure.pipeline("multiple-choice", model=build(folder, "ForMultipleChoice", {})),
            [{"text": text, "choices": ["city", "the market"]} for text in texts], {},
        ),
        (
            "text-generation", dure.pipeline("text-generation", model=writer, tokenizer=tokenizer),
            few, {"do_sample": False, "max_new_tokens": 16},
        ),
        (
            "translation", dure.pipeline("translation", model=translator, tokenizer=tokenizer),
            few, {"num_beams": 4, "max_new_tokens": 16},
        ),
    ]  # fmt: skip


def main() -> None:
    """Print medians and ratios; fail where one misses its target."""
    parser = options_of(__doc__, rounds=3)
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--contexts", type=int, default=50)
    parser.add_argument("--only", nargs="*", help="tasks to measure")
    for name, kind in (("--task", str), ("--model", str), ("--results", str), ("--batch-size", int)):
        parser.add_argument(name, type=kind, help="for --measure")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    os.environ["DURE_PROGRESS"] = "0"
    if arguments.measure:
        measure(arguments)
        return
    is_reached = True
    with tempfile.TemporaryDirectory() as folder:
        for task, (head, fields, inputs, options) in cases(texts_of(arguments.texts), arguments.contexts).items():
            if arguments.only and task not in arguments.only:
                continue
            (Path(folder) / task).mkdir()
            model = build(Path(folder) / task, head, fields)
            found = race(task, model, arguments)
            is_question = task == "question-answering"
            default = 3.0 if is_question else 3.2
            is_reached &= check(f"{task}: against its default:", found["default"] / found["dure"], at_least=default)
            if not is_question:
                is_reached &= check(f"{task}: against its best batch:", found["best"] / found["dure"], at_least=1.8)
            is_reached &= against_itself(task, library("dure").pipeline(task, model=model), inputs, options)
        for task, pipe, inputs, options in others(Path(folder), texts_of(100)):
            if not arguments.only or task in arguments.only:
                is_reached &= against_itself(task, pipe, inputs, options)
    sys.exit(not is_reached)


if __name__ == "__main__":
    main()
