"""Whether a family gives the original's numbers, in both directions: one check for all families.

A test file holds a table of :class:`Family`, and calls :func:`check_numbers`, :func:`check_scheme` and
:func:`check_defaults` for each family and head. ``DURE_PARITY=full`` draws 20 configurations in place of 3 and writes
what was verified into docs/families.md; ``DURE_PARITY_SEED`` repeats a run that failed.
"""

from __future__ import annotations

import dataclasses
import os
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from comparing import Batch, Errors, Seen, check_same, see_both, see_truth
from torch import Tensor
from verified import IS_FULL, NUM_CONFIGS, note

import dure

transformers = pytest.importorskip("transformers")

#: Heads whose loss needs a label for each token, and which number of the configuration its classes are.
TOKEN_LABELS = {
    "ForTokenClassification": "num_labels",
    "ForMaskedLM": "vocab_size",
    "ForCausalLM": "vocab_size",
    "LMHeadModel": "vocab_size",
}
#: Heads that read several continuations of a text.
CHOICES = {"ForMultipleChoice", "DoubleHeadsModel"}
#: What is compared beside float32, each once for a configuration.
PRECISIONS = {"bfloat16": torch.bfloat16, "float16": torch.float16, "autocast": torch.bfloat16}
#: What a full run compares for one configuration of so many.
RARER = {"float16": 4, "autocast": 4}
#: Of so many configurations the median error in a low precision is judged, where it is far off after the first few.
ENOUGH = 20
#: Heads whose original works with two labels only.
TWO_LABELS = {"ForQuestionAnswering", "ForPreTraining"}
PROBLEMS = ("single_label_classification", "multi_label_classification", "regression")

Fields = dict[str, Any]


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


def draw_seed() -> random.Random:
    """A fresh source of configurations, whose seed is printed where a test fails."""
    seed = int(os.environ.get("DURE_PARITY_SEED") or random.SystemRandom().randrange(1 << 31))
    print("DURE_PARITY_SEED", seed)
    torch.manual_seed(seed)
    return random.Random(seed)


def check_numbers(family: Family, head: str, folder: Path) -> None:
    """Outputs, losses and gradients of random small models are the original's; each loads what the other saved."""
    random_ = draw_seed()
    sides = ("none",) if head in family.unpadded_only else ("none", "right", "left")
    check_models(
        family.name + head,
        lambda trial: random_original(family, head, random_, trial),
        lambda theirs, side: random_batch(family, head, theirs.config, random_, side),
        folder,
        sides=sides[:2] if head in family.right_only else sides,
        unseen=family.unseen,
    )


def check_models(
    name: str,
    draw_model: Callable[[int], Any],
    draw_batch: Callable[[Any, str], Batch],
    folder: Path,
    *,
    sides: tuple[str, ...] = ("none", "right", "left"),
    unseen: tuple[str, ...] = (),
) -> None:
    """Models that are drawn give the original's numbers, in all precisions; each loads what the other saved.

    Args:
        name: Of the class, here and in the original.
        draw_model: From the number of the trial to an original.
        draw_batch: From an original and the side of the padding to inputs and labels.
        folder: For checkpoints.
        sides: Where padding stands.
        unseen: Fields of outputs that aren't compared.
    """
    errors = {precision: Errors(torch.finfo(dtype).eps) for precision, dtype in PRECISIONS.items()}
    has_cache = False
    for trial in range(NUM_CONFIGS):
        theirs = draw_model(trial)
        saved = folder / f"theirs{trial}"
        theirs.save_pretrained(saved)
        ours = load_strictly(getattr(dure, name), saved)
        assert set(ours.state_dict()) == set(theirs.state_dict())
        for side in sides:
            seen = check_batch(ours, theirs, draw_batch(theirs, side), unseen, f"trial {trial}, padding {side}")
            has_cache = has_cache or any("past_key_values" in tensor for tensor in seen.tensors)
        side = sides[trial % len(sides)]
        for precision, sums in errors.items():
            if IS_FULL and precision in RARER and trial % RARER[precision]:
                continue
            found = see_in(precision, ours, theirs, draw_batch(theirs, side), unseen, saved)
            sums.add(*found, f"{precision}, trial {trial}, padding {side}")
        ours.save_pretrained(folder / f"ours{trial}")
        again, told = type(theirs).from_pretrained(folder / f"ours{trial}", output_loading_info=True)
        assert not any(told.values()), told
        for key, tensor in theirs.state_dict().items():
            torch.testing.assert_close(again.state_dict()[key], tensor, rtol=0, atol=0)
    for precision, sums in errors.items():
        for trial in range(NUM_CONFIGS, ENOUGH):
            if sums.is_near:
                break
            theirs = draw_model(trial)
            theirs.save_pretrained(folder / f"more{precision}{trial}")
            ours = load_strictly(getattr(dure, name), folder / f"more{precision}{trial}")
            batch = draw_batch(theirs, sides[trial % len(sides)])
            found = see_in(precision, ours, theirs, batch, unseen, folder / f"more{precision}{trial}")
            sums.add(*found, f"{precision}, trial {trial}")
        assert sums.is_near, f"{precision}: {sums.ratio:.2f} times the original's error, in {len(sums.pairs)} tensors"
    looked_at = ["float32", *PRECISIONS, *sides[1:], "saved", *(["cache"] if has_cache else [])]
    rarer = {precision: -(-NUM_CONFIGS // every) for precision, every in RARER.items()} if IS_FULL else {}
    note(name, **dict.fromkeys(looked_at, NUM_CONFIGS) | rarer)


def check_batch(ours: Any, theirs: Any, batch: Batch, unseen: tuple[str, ...], where: str) -> Seen:
    """Outputs, gradients, hidden states and attentions are the original's; what ours gave."""
    seen = see_both(ours, theirs, batch, unseen)
    check_same(*seen, lambda: see_truth(ours, theirs, batch, unseen), where)
    return seen[0]


def see_in(
    name: str, ours: Any, theirs: Any, batch: Batch, unseen: tuple[str, ...], folder: Path
) -> tuple[Seen, Seen, Seen]:
    """What ours, the original and the original in float64 give in a precision of :data:`PRECISIONS`."""
    dtype = PRECISIONS[name]
    if name == "autocast":
        with torch.autocast("cpu", dtype):
            found = see_both(ours, theirs, batch, unseen)
        return *found, see_truth(ours, theirs, batch, unseen)
    original = type(theirs).from_pretrained(folder, dtype=dtype, attn_implementation="eager").eval()
    low = type(ours).from_pretrained(folder, dtype=name)
    batch = {key: value.to(dtype) if key.endswith("hidden_states") else value for key, value in batch.items()}
    return *see_both(low, original, batch, unseen), see_truth(ours, theirs, batch, unseen, rounded=dtype)


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
    shape = (rows, 2, length) if head in CHOICES else (rows, length)
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
    if head == "DoubleHeadsModel":
        columns = [[random_.choice(row.nonzero().flatten().tolist()) for row in rows_] for rows_ in mask]
        words = {"labels": torch.where(mask > 0, torch.randint(0, config.vocab_size, mask.shape), -100)}
        return words | {"mc_labels": torch.randint(0, 2, (rows,)), "mc_token_ids": torch.tensor(columns)}
    classes = TOKEN_LABELS.get(head)
    if classes is None:
        return {}
    return {"labels": torch.where(mask > 0, torch.randint(0, getattr(config, classes), mask.shape), -100)}


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
