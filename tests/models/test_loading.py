"""Names, precisions and places of weights that circulate; weights that aren't numbers; memory."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import dure
from dure.errors import InputError

WEIGHTS = "model.safetensors"


def strictly(model_class: Any, folder: Path, **options: Any) -> Any:
    """A model whose checkpoint leaves nothing to warn about."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return model_class.from_pretrained(folder, **options)


def rename(folder: Path, change: Callable[[str], str | None], **more: torch.Tensor) -> None:
    """Give the weights of a file other names; None drops one."""
    weights = safetensors.torch.load_file(folder / WEIGHTS)
    renamed = {change(name): tensor for name, tensor in weights.items()}
    safetensors.torch.save_file({name: t for name, t in renamed.items() if name} | more, folder / WEIGHTS)


def equal(model: Any, other: Any) -> None:
    for name, tensor in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor), name


# --- names ---


def to_old(name: str) -> str:
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


@pytest.mark.parametrize(
    "change",
    [to_old, lambda name: f"module.{name}", lambda name: f"_orig_mod.{name}", lambda name: f"module.{to_old(name)}"],
    ids=["gamma and beta", "DataParallel", "compiled", "both"],
)
def test_names_that_circulate(saved: Callable, change: Callable[[str], str]) -> None:
    model, folder = saved("ForMaskedLM")
    rename(folder, change)
    equal(model, strictly(dure.BertForMaskedLM, folder))
    model.load_state_dict({change(name): tensor for name, tensor in model.state_dict().items()})


@pytest.mark.parametrize(("family", "prefix"), [("Bert", "bert."), ("GPT2", "transformer."), ("Llama", "model.")])
def test_body_with_and_without_prefix(tmp_path: Path, saved: Callable, family: str, prefix: str) -> None:
    head = {"Bert": "ForSequenceClassification", "GPT2": "LMHeadModel", "Llama": "ForCausalLM"}[family]
    fields = {} if family == "Bert" else {"pad_token_id": None}
    model, folder = saved(head, family, **fields)
    body = strictly(getattr(dure, f"{family}Model"), folder)
    equal(body, model.base_model)
    body.save_pretrained(tmp_path / "body")
    stored = safetensors.torch.load_file(tmp_path / "body" / WEIGHTS)
    assert not any(name.startswith(prefix) for name in stored)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = getattr(dure, family + head).from_pretrained(tmp_path / "body")
    equal(body, again.base_model)


def test_buffers_of_older_checkpoints_are_no_news(saved: Callable) -> None:
    model, folder = saved("ForMaskedLM")
    rename(folder, str, **{"bert.embeddings.position_ids": torch.arange(12).unsqueeze(0)})
    equal(model, strictly(dure.BertForMaskedLM, folder))


@pytest.mark.parametrize("stored", ["both", "body", "head"])
@pytest.mark.parametrize(
    ("family", "head", "names"),
    [
        ("Bert", "ForMaskedLM", ("bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight")),
        ("GPT2", "LMHeadModel", ("transformer.wte.weight", "lm_head.weight")),
        ("Llama", "ForCausalLM", ("model.embed_tokens.weight", "lm_head.weight")),
    ],
)
def test_tied_weights_in_each_form(
    saved: Callable, stored: str, family: str, head: str, names: tuple[str, str]
) -> None:
    model, folder = saved(head, family, tie_word_embeddings=True, pad_token_id=0)
    table = model.get_input_embeddings().weight.detach()
    kept = {"both": names, "body": names[:1], "head": names[1:]}[stored]
    rename(folder, lambda name: None if name in names else name, **{name: table.clone() for name in kept})
    loaded = strictly(type(model), folder)
    equal(model, loaded)
    assert loaded.get_output_embeddings().weight is loaded.get_input_embeddings().weight


def test_untied_weights_stay_two(saved: Callable, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    model, folder = saved("ForMaskedLM", tie_word_embeddings=False)
    assert not torch.equal(model.get_output_embeddings().weight, model.get_input_embeddings().weight)
    equal(model, strictly(dure.BertForMaskedLM, folder))
    theirs = transformers.BertForMaskedLM.from_pretrained(folder)
    equal(model, theirs)
    theirs.save_pretrained(tmp_path / "theirs")
    equal(model, strictly(dure.BertForMaskedLM, tmp_path / "theirs"))


# --- precision and place ---


@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("asked", [None, "auto", "float32", "bfloat16", torch.float16])
def test_precisions(saved: Callable, stored: torch.dtype, asked: Any) -> None:
    transformers = pytest.importorskip("transformers")
    model, folder = saved("ForMaskedLM")
    model.to(stored).save_pretrained(folder)
    theirs = transformers.BertForMaskedLM.from_pretrained(folder, dtype=asked)
    for name in ("dtype", "torch_dtype"):
        ours = dure.BertForMaskedLM.from_pretrained(folder, **{name: asked})
        assert {parameter.dtype for parameter in ours.parameters()} == {theirs.dtype}
        for weight, tensor in theirs.state_dict().items():
            assert torch.equal(ours.state_dict()[weight], tensor), weight


@pytest.mark.parametrize("key", ["dtype", "torch_dtype"])
@pytest.mark.parametrize(("named", "expected"), [("float16", torch.float16), (None, torch.bfloat16)])
def test_auto_is_what_config_names_else_what_is_stored(
    saved: Callable, key: str, named: str | None, expected: torch.dtype
) -> None:
    transformers = pytest.importorskip("transformers")
    model, folder = saved()
    model.to(torch.bfloat16).save_pretrained(folder)
    fields = json.loads((folder / "config.json").read_text())
    del fields["dtype"]
    (folder / "config.json").write_text(json.dumps({**fields, key: named} if named else fields))
    theirs = transformers.BertForSequenceClassification.from_pretrained(folder, dtype="auto")
    ours = dure.BertForSequenceClassification.from_pretrained(folder, dtype="auto")
    assert ours.dtype == theirs.dtype == expected


@pytest.mark.parametrize("place", ["cpu", torch.device("cpu"), {"": "cpu"}, {"": torch.device("cpu")}])
def test_places(saved: Callable, place: Any) -> None:
    model, folder = saved()
    for name in ("device", "device_map"):
        loaded = dure.AutoModelForSequenceClassification.from_pretrained(folder, **{name: place})
        assert {tensor.device.type for tensor in loaded.state_dict().values()} == {"cpu"}
        equal(model, loaded)


def test_auto_takes_the_accelerator_if_there_is_one(saved: Callable) -> None:
    _, folder = saved()
    loaded = dure.BertModel.from_pretrained(folder, device_map="auto")
    expected = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else torch.device("cpu")
    assert loaded.device.type == expected.type


def test_a_place_that_is_not_the_cpu(saved: Callable) -> None:
    _, folder = saved("ForMaskedLM")
    loaded = strictly(dure.BertForMaskedLM, folder, device="meta")
    assert all(parameter.is_meta for parameter in loaded.parameters())


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("disk", "device 'disk' is none; use 'cpu'"),
        ({"bert": 0, "classifier": "cpu"}, "device_map .* divides the model"),
        (3.5, r"device 3\.5 is none"),
    ],
)
def test_places_that_are_none(saved: Callable, place: Any, message: str) -> None:
    _, folder = saved()
    with pytest.raises(InputError, match=message):
        dure.BertModel.from_pretrained(folder, device_map=place)


def test_arguments_that_need_nothing(saved: Callable) -> None:
    model, folder = saved()
    needless = {"low_cpu_mem_usage": True, "use_safetensors": True, "attn_implementation": "sdpa"}
    loaded = dure.AutoModelForSequenceClassification.from_pretrained(folder, **needless, trust_remote_code=True)
    equal(model, loaded)
    assert not set(needless) & set(loaded.config.to_dict())


# --- weights that aren't numbers ---


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_weights_that_are_no_numbers(saved: Callable, value: float, dtype: torch.dtype) -> None:
    model, folder = saved()
    weights = {name: tensor.to(dtype).clone() for name, tensor in model.state_dict().items()}
    weights["bert.encoder.layer.0.output.dense.bias"][7] = value
    weights["classifier.weight"][:] = value
    safetensors.torch.save_file(weights, folder / WEIGHTS)
    expected = (
        r"weights that are NaN or infinite: bert\.encoder\.layer\.0\.output\.dense\.bias, classifier\.weight\. What"
    )
    with pytest.warns(UserWarning, match=expected) as told:
        dure.BertForSequenceClassification.from_pretrained(folder)
    assert str(folder) in str(told[0].message)


def test_large_numbers_are_numbers(saved: Callable) -> None:
    model, folder = saved()
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    weights["bert.pooler.dense.bias"][:] = 3e38
    safetensors.torch.save_file(weights, folder / WEIGHTS)
    strictly(dure.BertForSequenceClassification, folder)


def test_many_are_counted(saved: Callable) -> None:
    model, folder = saved()
    weights = {name: torch.full_like(tensor, float("nan")) for name, tensor in model.state_dict().items()}
    safetensors.torch.save_file(weights, folder / WEIGHTS)
    with pytest.warns(UserWarning, match=rf"and {len(weights) - 8} more"):
        dure.BertForSequenceClassification.from_pretrained(folder)


# --- memory ---


@pytest.mark.skipif(sys.platform != "linux", reason="reads peak memory from /proc")
def test_peak_memory_is_the_model_and_one_tensor() -> None:
    script = Path(__file__).parents[2] / "benchmarks" / "load_memory.py"
    sizes = (
        "--layers",
        "6",
        "--hidden-size",
        "512",
        "--rows",
        "float32:float32:20MB",
        "float32:bfloat16:5GB",
        "--json",
    )
    done = subprocess.run([sys.executable, script, *sizes], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    for row in json.loads(done.stdout):
        # What the interpreter takes beside weights varies by a few MB.
        assert row["peak_mb"] <= row["model_mb"] + row["largest_mb"] + 12, row
