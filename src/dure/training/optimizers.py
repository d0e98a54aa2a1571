"""Optimizers with the usual groups: matrices and tables decay, biases and norms don't."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from dure.layers.embedding import Embedding
from dure.training.adamw import AdamW
from dure.training.arguments import TrainingArguments

__all__ = ["create_optimizer", "decayed_parameters"]


def decayed_parameters(model: nn.Module) -> set[str]:
    """Names of the parameters that weight decay shrinks: all but biases and those of norms."""
    spared = set()
    for prefix, module in model.named_modules():
        is_norm = isinstance(module, nn.LayerNorm) or "Norm" in type(module).__name__
        for leaf, _ in module.named_parameters(recurse=False):
            if is_norm or "bias" in leaf:
                spared.add(f"{prefix}.{leaf}".lstrip("."))
    return {name for name, _ in model.named_parameters()} - spared


def create_optimizer(model: nn.Module, args: TrainingArguments) -> Optimizer:
    """The optimizer that the arguments ask for.

    AdamW is Loshchilov and Hutter's, "Decoupled Weight Decay Regularization" (2019); "fused" goes through each weight
    once instead of once for each term, with the same result.
    """
    decayed = decayed_parameters(model)
    trainable = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for name, p in trainable if name in decayed], "weight_decay": args.weight_decay},
        {"params": [p for name, p in trainable if name not in decayed], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if args.optim == "sgd":
        return torch.optim.SGD(groups, lr=args.learning_rate)
    options: dict[str, Any] = {
        "lr": args.learning_rate, "betas": (args.adam_beta1, args.adam_beta2), "eps": args.adam_epsilon,
    }  # fmt: skip
    if args.optim == "adamw_torch":
        return torch.optim.AdamW(groups, **options)
    return AdamW(groups, tables=[m for m in model.modules() if isinstance(m, Embedding)], fused=True, **options)
