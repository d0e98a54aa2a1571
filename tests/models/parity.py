"""Whether a family gives the original's numbers, in both directions: one check for all families.

A test file holds a table of :class:`Family`, and calls :func:`check_numbers`, :func:`check_scheme` and
:func:`check_defaults` for each family and head. ``DURE_PARITY=full`` draws 20 configurations in place of 3, and
``DURE_PARITY_RECORD`` names a file to which each pair that was found equal is appended.
"""

from __future__ import annotations

import dataclasses
import os
import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import dure

transformers = pytest.importorskip("transformers")

NUM_CONFIGS = 20 if os.environ.get("DURE_PARITY") == "full" else 3
#: Relative to a tensor's largest value: float32 has seven digits, sums of a block keep five.
TOLERANCE = 1e-5
#: What sums that ought to cancel leave behind, relative to 1 in outputs and to the model's largest gradient.
RESIDUE = 1e-6
#: Heads whose loss needs a label for each token, and which number of the configuration its classes are.
TOKEN_LABELS = {
    "ForTokenClassification": "num_labels",
    "ForMaskedLM": "vocab_size",
    "ForCausalLM": "vocab_size",
    "LMHeadModel": "vocab_size",
}
#: Heads whose original works with two labels only.
TWO_LABELS = {"ForQuestionAnswering", "ForPreTraining"}
PROBLEMS = ("single_label_classification", "multi_label_classification", "regression")

Fields = dict[str, Any]
Batch = dict[str, Tensor]


@dataclasses.dataclass(frozen=True)
class Family:
    """What the check must know of a family.

    Attributes:
        name: What its classes begin with.
        config: Draws the fields of a small configuration: sizes of 16 to 32, 1 to 3 layers, no dropout.
        heads: What its classes end in, such as ``"Model"`` or ``"ForMaskedLM"``.
        has_types: Whether inputs have ``token_type_ids``.
        max_length: Tokens of the longest text.
        adjust: Changes a random batch: ``(batch, head, config, random)`` to what both models are called with; for other
            inputs and labels than those drawn here.
        unseen: Fields of outputs that aren't compared, such as attentions of another layout.
        unpadded_only: Heads that read padding, so that only texts of one length are compared.
        right_only: Heads whose original reads padding where it stands on the left.
    """

    name: str
    config: Callable[[random.Random], Fields]
    heads: tuple[str, ...]
    has_types: bool = False
    max_length: int = 20
    adjust: Callable[[Batch, str, Any, random.Random], Batch] | None = None
    unseen: tuple[str, ...] = ()
    unpadded_only: tuple[str, ...] = ()
    right_only: tuple[str, ...] = ()


def class_of_original(name: str) -> Any:
    """A class of the original; what importing it warns about isn't ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(transformers, name)


def pairs(families: list[Family]) -> list[Any]:
    """``(family, head)`` for :func:`pytest.mark.parametrize`."""
    return [pytest.param(family, head, id=family.name + head) for family in families for head in family.heads]


def random_shape(random_: random.Random) -> tuple[int, int, int, int, str]:
    """Hidden size, heads, layers, intermediate size and activation of a small model."""
    heads = random_.choice([1, 2, 4])
    size = heads * random_.choice([4, 8]) if heads > 1 else 16
    return size, heads, random_.randrange(1, 4), random_.choice([12, 37]), random_.choice(["gelu", "relu", "gelu_new"])


def check_numbers(family: Family, head: str, folder: Path) -> None:
    """Outputs, losses and gradients of random small models are the original's; each loads what the other saved."""
    seed = random.SystemRandom().randrange(1 << 31)
    print("seed", seed)
    random_ = random.Random(seed)
    torch.manual_seed(seed)
    for trial in range(NUM_CONFIGS):
        theirs = random_original(family, head, random_, trial)
        theirs.save_pretrained(folder / f"theirs{trial}")
        ours = load_strictly(getattr(dure, family.name + head), folder / f"theirs{trial}")
        assert set(ours.state_dict()) == set(theirs.state_dict())
        sides = ("none",) if head in family.unpadded_only else ("none", "right", "left")
        sides = sides[:2] if head in family.right_only else sides
        for side in sides:
            batch = random_batch(family, head, theirs.config, random_, side)
            check_batch(ours, theirs, batch, family.unseen, f"seed {seed}, trial {trial}, padding {side}")
        ours.save_pretrained(folder / f"ours{trial}")
        again, told = type(theirs).from_pretrained(folder / f"ours{trial}", output_loading_info=True)
        assert not any(told.values()), told
        for name, tensor in theirs.state_dict().items():
            torch.testing.assert_close(again.state_dict()[name], tensor, rtol=0, atol=0)
    record(family, head)


def random_original(family: Family, head: str, random_: random.Random, trial: int = 0) -> Any:
    """The original with random weights, norms and biases too."""
    fields = family.config(random_)
    problem = PROBLEMS[trial % 3] if head == "ForSequenceClassification" else None
    num_labels = 2 if head in TWO_LABELS else random_.randrange(2, 5)
    fields = {"num_labels": 1 if problem == "regression" else num_labels, "problem_type": problem} | fields
    config = class_of_original(f"{family.name}Config")(**fields, attn_implementation="eager")
    model = class_of_original(family.name + head)(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter), alpha=0.2)
        stored = model.state_dict()
        for name, buffer in model.named_buffers():
            if name in stored and buffer.is_floating_point():
                buffer.add_(torch.randn_like(buffer), alpha=0.2)
    return model


def load_strictly(model_class: Any, folder: Path) -> Any:
    """A model whose checkpoint leaves nothing to warn about."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return model_class.from_pretrained(folder)


def random_batch(family: Family, head: str, config: Any, random_: random.Random, side: str) -> Batch:
    """Inputs and labels; ``side`` is where padding stands, or ``"none"``."""
    rows, length = random_.randrange(1, 5), random_.randrange(4, family.max_length + 1)
    shape = (rows, 2, length) if head == "ForMultipleChoice" else (rows, length)
    mask = random_mask(shape, random_, side)
    batch = {"input_ids": random_ids(shape, config, mask), "attention_mask": mask}
    if family.has_types:
        batch["token_type_ids"] = torch.randint(0, config.type_vocab_size, shape)
    if config.is_encoder_decoder:
        shape = (rows, random_.randrange(3, family.max_length + 1))
        mask = random_mask(shape, random_, "none" if side == "none" else "right")
        batch |= {"decoder_input_ids": random_ids(shape, config, mask), "decoder_attention_mask": mask}
    batch |= random_labels(head, config, mask, random_)
    return batch if family.adjust is None else family.adjust(batch, head, config, random_)


def random_mask(shape: tuple[int, ...], random_: random.Random, side: str) -> Tensor:
    """Ones for real tokens, at least one in each row."""
    mask = torch.ones(shape, dtype=torch.long)
    length = shape[-1]
    for row in mask.view(-1, length) if side != "none" else ():
        count = random_.randrange(1, length + 1)
        row[count:] = 0
    return mask.flip(-1) if side == "left" else mask


def random_ids(shape: tuple[int, ...], config: Any, mask: Tensor) -> Tensor:
    """Ids of the whole vocabulary, and the padding's id where tokenizers put it."""
    ids = torch.randint(0, config.vocab_size, shape)
    return ids if config.pad_token_id is None else torch.where(mask > 0, ids, config.pad_token_id)


def random_labels(head: str, config: Any, mask: Tensor, random_: random.Random) -> Batch:
    """What a head's loss asks for."""
    rows = len(mask)
    if head == "ForSequenceClassification":
        return {"labels": {
            "regression": torch.randn(rows),
            "multi_label_classification": torch.rand(rows, config.num_labels).round(),
        }.get(config.problem_type, torch.randint(0, config.num_labels, (rows,)))}  # fmt: skip
    if head == "ForQuestionAnswering":
        places = [random_.choice(row.nonzero().flatten().tolist()) for row in mask]
        return {"start_positions": torch.tensor(places), "end_positions": torch.tensor(places[::-1]) % mask.shape[1]}
    if head in {"ForMultipleChoice", "ForNextSentencePrediction"}:
        return {"labels": torch.randint(0, 2, (rows,))}
    classes = TOKEN_LABELS.get(head)
    if classes is None:
        return {}
    return {"labels": torch.where(mask > 0, torch.randint(0, getattr(config, classes), mask.shape), -100)}


def check_batch(ours: Any, theirs: Any, batch: Batch, unseen: tuple[str, ...], where: str) -> None:
    """Outputs, gradients, hidden states and attentions are the original's."""
    ours.zero_grad()
    theirs.zero_grad()
    expected, result = theirs(**batch), ours(**batch)
    check_outputs(result, expected, batch, unseen, where)
    loss = expected.loss if "loss" in expected else mean_square(expected, batch, theirs)
    loss.backward()
    (result.loss if "loss" in result else mean_square(result, batch, theirs)).backward()
    check_gradients(ours, theirs, where)
    with torch.no_grad():
        asked = {"output_hidden_states": True, "output_attentions": True}
        check_outputs(ours(**batch, **asked), theirs(**batch, **asked), batch, unseen, where)
        check_outputs(ours(**batch), theirs(**batch), batch, unseen, where)


def mean_square(output: Any, batch: Batch, theirs: Any) -> Tensor:
    """A loss for bodies, from the real positions of their first output."""
    return real(output[0], "", batch).square().mean()


def check_outputs(ours: Any, theirs: Any, batch: Batch, unseen: tuple[str, ...], where: str) -> None:
    """The same fields in the same order, with the same numbers on real positions."""
    assert list(ours.keys()) == list(theirs.keys()), where
    for name in ours.keys():  # noqa: SIM118
        if name in unseen:
            continue
        found, expected = list(tensors(ours[name])), list(tensors(theirs[name]))
        assert len(found) == len(expected), f"{where}: {len(found)} tensors in {name}, not {len(expected)}"
        for index, (a, b) in enumerate(zip(found, expected, strict=True)):
            check_close(real(a, name, batch), real(b, name, batch), f"{where}: {name} {index}", floor=1.0)


def tensors(value: Any) -> Iterator[Tensor]:
    """The tensors of an output's field: of tuples and caches one by one."""
    if isinstance(value, Tensor):
        yield value.detach()
    elif hasattr(value, "self_attention_cache"):
        for pair in zip(tensors(value.self_attention_cache), tensors(value.cross_attention_cache), strict=True):
            yield from pair
    elif hasattr(value, "layers"):
        for layer in value.layers:
            yield from (layer.keys.detach(), layer.values.detach())
    elif value is not None:
        for index in range(len(value)):
            yield from tensors(value[index])


def real(tensor: Tensor, name: str, batch: Mapping[str, Tensor]) -> Tensor:
    """A tensor without what stands at padding: ``(batch, length, ...)`` or ``(batch, heads, length, ...)``."""
    is_decoded = "decoder_attention_mask" in batch and not name.startswith("encoder_")
    mask = batch["decoder_attention_mask" if is_decoded else "attention_mask"].flatten(0, -2).bool()
    if tensor.dim() == 4 and tensor.shape[0] == len(mask) and tensor.shape[2] == mask.shape[1]:
        return tensor.transpose(1, 2)[mask]
    return tensor[mask] if tensor.dim() >= 2 and tensor.shape[:2] == mask.shape else tensor


def check_gradients(ours: Any, theirs: Any, where: str) -> None:
    """Every parameter has the original's gradient."""
    found = {ours.renames.to_original(name): parameter.grad for name, parameter in ours.named_parameters()}
    found = {name: None if grad is None else ours.turned(name, grad) for name, grad in found.items()}
    expected = {ours.aliases.get(name, name): parameter.grad for name, parameter in theirs.named_parameters()}
    assert set(found) == set(expected), f"{where}: gradients of {set(found) ^ set(expected)} on one side alone"
    # Where a loss is all but 0, so are all gradients: what is left is rounding.
    largest = max([0.1, *(float(g.abs().max()) for g in expected.values() if g is not None)])
    for name, gradient in expected.items():
        given = found[name]
        if gradient is None or given is None:
            rest = given if gradient is None else gradient
            assert rest is None or not rest.any(), f"{where}: one side alone has a gradient of {name}"
            continue
        check_close(given, gradient, f"{where}: gradient of {name}", floor=largest)


def check_close(ours: Tensor, theirs: Tensor, where: str, *, floor: float) -> None:
    """Equal up to ``TOLERANCE`` of the largest value and ``RESIDUE`` of ``floor``."""
    assert ours.shape == theirs.shape, f"{where}: {tuple(ours.shape)}, not {tuple(theirs.shape)}"
    if theirs.numel() == 0:
        return
    allowed = TOLERANCE * float(theirs.abs().max()) + RESIDUE * floor
    torch.testing.assert_close(ours, theirs, rtol=TOLERANCE, atol=allowed, msg=lambda text: f"{where}: {text}")


def check_scheme(family: Family, head: str, **wider: Any) -> None:
    """Random weights have the original's mean and deviation; what the original sets (norms, tables) is equal.

    Args:
        family: The family.
        head: The head.
        **wider: Fields that make the tensors large enough to measure.
    """
    fields = {"num_labels": 2 if head in TWO_LABELS else 40} | family.config(random.Random(1)) | wider
    ours = getattr(dure, family.name + head)(getattr(dure, f"{family.name}Config")(**fields)).state_dict()
    config = class_of_original(f"{family.name}Config")(**fields)
    theirs, again = (class_of_original(family.name + head)(config).state_dict() for _ in range(2))
    assert set(ours) == set(theirs)
    for name, original in theirs.items():
        tensor = ours[name]
        assert tensor.shape == original.shape, name
        if torch.equal(original, again[name]):
            torch.testing.assert_close(tensor, original, msg=lambda text, name=name: f"{name}: {text}")
            continue
        if original.dim() == 2:  # padding rows
            assert torch.equal(tensor.any(dim=1), original.any(dim=1)), name
        # Seven standard errors of the difference of two normal samples: a false alarm in 10^11 tensors.
        deviation = original.std().item()
        error = 7 * deviation * (2 / original.numel()) ** 0.5
        assert tensor.mean().item() == pytest.approx(original.mean().item(), abs=error), name
        assert tensor.std().item() == pytest.approx(deviation, abs=error), name


def check_defaults(name: str) -> None:
    """A configuration without arguments is the original's, field by field, and knows all of its fields."""
    ours, theirs = getattr(dure, f"{name}Config")(), class_of_original(f"{name}Config")()
    general = transformers.PretrainedConfig().to_dict()
    for field, value in ours.to_dict().items():
        assert getattr(theirs, field) == value, field
    for field, value in theirs.to_dict().items():
        if field not in general or general[field] != value:
            assert getattr(ours, field, "absent") == value or field in {"dtype", "_attn_implementation_autoset"}, field


def record(family: Family, head: str) -> None:
    """One line for the table of what is verified, where somebody collects it."""
    path = os.environ.get("DURE_PARITY_RECORD")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{family.name}\t{head}\t{NUM_CONFIGS}\n")
