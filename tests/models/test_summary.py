"""What is said about a model is what the original knows, without reading a weight."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from every_family import LENGTH, TYPICAL, VOCAB_SIZE, having, heads, make, original

import dure
from dure.errors import ConfigError, RepositoryNotFoundError
from dure.models.summary import summarize

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore:The `transformers.LEDForSequenceClassification`:FutureWarning")


@pytest.mark.parametrize(("name", "head"), having(*TYPICAL))
def test_numbers_are_the_originals(tmp_path: Path, name: str, head: str) -> None:
    theirs = original(name, head).bfloat16()
    theirs.save_pretrained(tmp_path)
    stored = sum(tensor.nbytes for tensor in safetensors.torch.load_file(tmp_path / "model.safetensors").values())
    for path in tmp_path.glob("*.safetensors"):
        size = path.stat().st_size
        header = path.read_bytes()[: 8 + int.from_bytes(path.read_bytes()[:8], "little")]
        with path.open("wb") as file:  # zeros in place of weights, which nobody reads
            file.write(header)
            file.truncate(size)
    summary = summarize(tmp_path)
    assert summary.num_parameters == theirs.num_parameters() == sum(summary.parameters.values())
    assert summary.memory == {"float32": 4 * summary.num_parameters, "bfloat16": 2 * summary.num_parameters,
                              "float16": 2 * summary.num_parameters}  # fmt: skip
    assert summary.stored == {"bfloat16": stored}
    assert summary.family == theirs.config.model_type
    assert summary.model_class == name + head
    assert summary.tokenizer is summary.license is None
    assert {name + known for known in heads(name)} == set(summary.heads)
    ours = getattr(dure, name + head).from_pretrained(tmp_path).summary()
    assert ours == summary
    fresh = make(name, head).summary()
    assert (fresh.name, fresh.stored) == (None, None)
    assert fresh.parameters == summary.parameters


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Bert", LENGTH), ("Roberta", LENGTH - 2), ("GPT2", LENGTH), ("Bart", LENGTH), ("LED", LENGTH), ("T5", None),
     ("Llama", 2048), ("EncoderDecoder", LENGTH)],
)  # fmt: skip
def test_context_length(name: str, expected: int | None) -> None:
    assert make(name).summary().context_length == expected


def test_a_table_for_people(tmp_path: Path) -> None:
    model = make("Bert", "ForSequenceClassification", id2label={0: "no", 1: "아니요", 2: "???"}, num_labels=3)
    model.save_pretrained(tmp_path, card={"license": "mit"})
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizerFast"}')
    lines = str(summarize(tmp_path)).splitlines()
    rows = [re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in lines if not line.startswith(" " * 10)]
    table = {label: value.strip() for label, value in rows}
    assert table.pop("heads").startswith("BertForMaskedLM, BertForMultipleChoice, ")
    assert max(map(len, lines)) <= max(100, len(str(tmp_path)) + 20)
    total = model.num_parameters()
    assert table == {
        "model": str(tmp_path),
        "family": "bert",
        "class": "BertForSequenceClassification",
        "parameters": f"{total:,}",
        "bert.embeddings": f"{16 * (VOCAB_SIZE + LENGTH + 2 + 2):,}",
        "bert.encoder": f"{sum(p.numel() for p in model.bert.encoder.parameters()):,} in 2 layers",
        "bert.pooler": "272",
        "classifier": "51",
        "memory": f"float32 {total * 4 / 1000:.1f} kB, bfloat16 {total * 2 / 1000:.1f} kB, "
        f"float16 {total * 2 / 1000:.1f} kB",
        "files": f"float32 {total * 4 / 1000:.1f} kB",
        "context length": f"{LENGTH} tokens",
        "vocabulary": f"{VOCAB_SIZE}",
        "tokenizer": "BertTokenizerFast",
        "labels": "3: no, 아니요, ???",
        "license": "mit",
    }
    assert not any(line.endswith(" ") for line in lines)


def test_json_holds_everything(tmp_path: Path) -> None:
    make("GPT2", "LMHeadModel").save_pretrained(tmp_path)
    summary = summarize(tmp_path)
    told = json.loads(json.dumps(summary.to_dict()))
    assert told["family"] == "gpt2"
    assert told["parameters"] == summary.parameters
    assert told["memory"]["bfloat16"] == 2 * told["num_parameters"]
    assert told["context_length"] == LENGTH


@pytest.mark.parametrize(
    "files", [("vocab.txt",), ("vocab.json", "merges.txt"), ("tokenizer.json",), ("spiece.model",)]
)
def test_tokenizer_without_a_file_of_its_own(tmp_path: Path, files: tuple[str, ...]) -> None:
    make("Bert").save_pretrained(tmp_path)
    for file in files:
        (tmp_path / file).write_text("{}")
    assert summarize(tmp_path).tokenizer == files[0]
    (tmp_path / "tokenizer_config.json").write_text("{")
    assert summarize(tmp_path).tokenizer == files[0]


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    make("Bert").save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "pytorch_model.bin").write_bytes(b"no pickle")
    assert summarize(tmp_path).stored is None


def test_head_that_is_not_known_is_told_as_the_body(tmp_path: Path) -> None:
    make("Bert").save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"architectures": ["BertForEverything"]}))
    assert summarize(tmp_path).model_class == "BertModel"


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RepositoryNotFoundError, match="nobody/nothing"):
        summarize("nobody/nothing")
    (tmp_path / "config.json").write_text('{"model_type": "bort"}')
    with pytest.raises(ConfigError, match="model_type 'bort' is not known"):
        summarize(tmp_path)


def test_large_numbers_are_short() -> None:
    with torch.device("meta"):
        model: Any = dure.LlamaForCausalLM(dure.LlamaConfig(num_hidden_layers=2))
    text = str(model.summary())
    assert "GB" in text
    assert "2 layers" in text
