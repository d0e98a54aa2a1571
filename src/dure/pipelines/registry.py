"""``pipeline(task)``: tasks by name, with the models they use when none is given."""

from __future__ import annotations

import importlib
import warnings
from typing import Any, NamedTuple

from dure.errors import InputError
from dure.pipelines.base import Pipeline

__all__ = ["TASKS", "Task", "pipeline"]


class Task(NamedTuple):
    """What a task needs."""

    home: str
    pipeline_class: str
    model_class: str
    default_model: str
    default_revision: str


TASKS = {
    "feature-extraction": Task(
        "feature_extraction", "FeatureExtractionPipeline", "AutoModel", "distilbert/distilbert-base-cased", "6ea8117"
    ),
    "text-classification": Task(
        "text_classification",
        "TextClassificationPipeline",
        "AutoModelForSequenceClassification",
        "distilbert/distilbert-base-uncased-finetuned-sst-2-english",
        "714eb0f",
    ),
}
ALIASES = {"sentiment-analysis": "text-classification"}


def pipeline(
    task: str | None = None,
    model: Any = None,
    *,
    config: Any = None,
    tokenizer: Any = None,
    revision: str | None = None,
    device: Any = None,
    dtype: Any = None,
    torch_dtype: Any = None,
    model_kwargs: dict[str, Any] | None = None,
    batch_size: int | None = None,
    **defaults: Any,
) -> Pipeline:
    """Tokenizer, model and what a task makes of them, in one callable.

    Args:
        task: "text-classification" (or "sentiment-analysis") or "feature-extraction".
        model: A checkpoint's name or folder, or a model; the task has a default.
        config: A configuration in place of the checkpoint's.
        tokenizer: A tokenizer or its name; by default the model's.
        revision: Branch, tag or commit of the model.
        device: Where to compute; the CPU by default.
        dtype: Precision, float32 by default.
        torch_dtype: The older name of ``dtype``.
        model_kwargs: More arguments for loading the model.
        batch_size: The most texts in one batch; by default only the number of tokens counts.
        **defaults: Defaults for the arguments of a call.

    Raises:
        InputError: No such task, or a model object without a tokenizer.
        RepositoryError: The checkpoint isn't there.
    """
    name = ALIASES.get(task or "", task)
    if name not in TASKS:
        known = ", ".join(sorted([*TASKS, *ALIASES]))
        raise InputError(f"unknown task {task!r}; known: {known}")
    row = TASKS[name]
    if model is None:
        model, revision = row.default_model, revision or row.default_revision
        warnings.warn(
            f"No model was supplied, defaulted to {model} and revision {revision}.\n"
            "Using a pipeline without specifying a model name and revision in production is not recommended.",
            UserWarning,
            stacklevel=2,
        )
    source = model
    if not hasattr(model, "forward"):
        auto = getattr(importlib.import_module("dure.models.auto"), row.model_class)
        options = {"config": config, "dtype": dtype or torch_dtype, "revision": revision, **(model_kwargs or {})}
        model = auto.from_pretrained(source, **{key: value for key, value in options.items() if value is not None})
    elif tokenizer is None:
        raise InputError("a model object needs its tokenizer: pipeline(..., tokenizer=...)")
    if tokenizer is None or not callable(tokenizer):
        from dure.tokenizers.auto import AutoTokenizer

        is_same = tokenizer is None or str(tokenizer) == str(source)
        tokenizer = AutoTokenizer.from_pretrained(
            tokenizer or source, **({"revision": revision} if is_same and revision else {})
        )
    task_class = getattr(importlib.import_module(f"dure.pipelines.{row.home}"), row.pipeline_class)
    built: Pipeline = task_class(model, tokenizer, device=device, batch_size=batch_size, **defaults)
    return built
