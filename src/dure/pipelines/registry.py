"""``pipeline(task)``: tasks by name, with the models they use when none is given."""

from __future__ import annotations

import importlib
import os
import warnings
from typing import Any

from dure.errors import InputError, RepositoryNotFoundError
from dure.hub.cache import cached_names
from dure.hub.starter import STARTERS, find_starter
from dure.models.config import PretrainedConfig
from dure.pipelines.base import Pipeline
from dure.pipelines.tasks import TASKS, Task, class_for, infer_task, misfit, task_named

__all__ = ["TASKS", "Task", "pipeline"]


def pipeline(
    task: str | None = None,
    model: Any = None,
    config: Any = None,
    tokenizer: Any = None,
    *,
    framework: str | None = None,
    revision: str | None = None,
    use_fast: bool = True,
    token: str | bool | None = None,
    device: Any = None,
    dtype: Any = None,
    torch_dtype: Any = None,
    trust_remote_code: bool | None = None,
    model_kwargs: dict[str, Any] | None = None,
    pipeline_class: type[Pipeline] | None = None,
    batch_size: int | None = None,
    num_threads: int | None = None,
    **defaults: Any,
) -> Pipeline:
    """Tokenizer, model and what a task makes of them, in one callable.

    Args:
        task: Such as "text-classification"; None for the one that the model was made for.
        model: A checkpoint's name or folder, or a model; most tasks have a default.
        config: A configuration, or its name, in place of the checkpoint's.
        tokenizer: A tokenizer or its name; by default the model's.
        framework: Only "pt", PyTorch.
        revision: Branch, tag or commit of the model.
        use_fast: Without effect: all tokenizers are fast.
        token: An access token.
        device: Where to compute; the CPU by default.
        dtype: Precision, float32 by default.
        torch_dtype: The older name of ``dtype``.
        trust_remote_code: Without effect: a repository's code is never run.
        model_kwargs: More arguments for loading the model.
        pipeline_class: Another class than the task's.
        batch_size: The most rows in one batch; by default a number of tokens decides.
        num_threads: How many threads compute; by default those of the process.
        **defaults: Defaults for the arguments of a call.

    Raises:
        InputError: No such task, a model that doesn't serve it, or a model object without a tokenizer.
        RepositoryError: The checkpoint isn't there.
    """
    del use_fast, trust_remote_code
    if framework not in (None, "pt"):
        raise InputError(f"framework {framework!r} is not supported: Dure computes with PyTorch ('pt')")
    if task is None and model is None:
        raise InputError("give a task, such as pipeline('text-classification'), or a model, or both")
    where = {name: value for name, value in (("revision", revision), ("token", token)) if value is not None}
    given = infer_task(model, **where) if task is None else task
    name, row = task_named(given)
    source, is_default = model, model is None
    if is_default:
        if tokenizer is not None:
            raise InputError("a tokenizer without a model: name the model that it belongs to, with model=...")
        source, where = _default(name, row, where)
    if not hasattr(source, "forward"):
        options = {"config": config, "dtype": dtype or torch_dtype, **(model_kwargs or {}), **where}
        model = _load(given, row, source, options, is_default=is_default)
    elif tokenizer is None:
        raise InputError("a model object needs its tokenizer: pipeline(..., tokenizer=...)")
    else:
        _check(given, row, model)
    if tokenizer is None or not callable(tokenizer):
        tokenizer = _tokenizer(tokenizer, source, where)
    if given == "translation":
        given = _translation_of(model.config)
    home = importlib.import_module(f"dure.pipelines.{row.home}")
    build = pipeline_class or getattr(home, row.pipeline_class)
    built: Pipeline = build(
        model, tokenizer, task=given, device=device, batch_size=batch_size, num_threads=num_threads, **defaults
    )
    return built


def _default(task: str, row: Task, where: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The model that a task uses when none is given, which is said."""
    if not row.default_model:
        raise InputError(f"{task} has no default model: name one with model=...")
    revision = where.get("revision", row.default_revision)
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    warnings.warn(
        f"No model was supplied, defaulted to {row.default_model} and revision {revision} "
        f"({endpoint}/{row.default_model}).\n"
        "Using a pipeline without specifying a model name and revision in production is not recommended.",
        UserWarning,
        stacklevel=3,
    )
    return row.default_model, {**where, "revision": revision}


def _load(task: str, row: Task, source: Any, options: dict[str, Any], *, is_default: bool) -> Any:
    """The checkpoint's model with the task's head."""
    auto = importlib.import_module("dure.models.auto")
    options = {key: value for key, value in options.items() if value is not None}
    where = {key: options[key] for key in ("revision", "token", "cache_dir", "local_files_only") if key in options}
    try:
        config = options.get("config")
        if not isinstance(config, PretrainedConfig):
            config = auto.AutoConfig.from_pretrained(source if config is None else config, **where)
            options |= {"config": config} if "config" in options else {}
        if class_for(row, config) is None:
            raise misfit(task, str(source), config)
        return getattr(auto, row.model_class).from_pretrained(source, **options)
    except RepositoryNotFoundError as error:
        if not is_default:
            raise
        starters = [starter.names[0] for starter in STARTERS if find_starter(starter) is not None]
        installed = ", ".join([*starters, *cached_names()]) or "none"
        raise RepositoryNotFoundError(
            f"{error}. Models on this machine: {installed}; use one with model=..."
        ) from error


def _check(task: str, row: Task, model: Any) -> None:
    """Refuse a model that has another task's head; for states, any will do."""
    config = getattr(model, "config", None)
    if row.model_class == "AutoModel" or not isinstance(config, PretrainedConfig):
        return
    wanted = class_for(row, config)
    if wanted is None or not isinstance(model, wanted):
        raise misfit(task, type(model).__name__, config)


def _translation_of(config: Any) -> str:
    """The first translation that a model's configuration knows by name, which is said; else just "translation"."""
    for name in getattr(config, "task_specific_params", None) or {}:
        if name.startswith("translation"):
            warnings.warn(
                f"the model translates between several languages; for 'translation' alone {name!r} is taken",
                UserWarning,
                stacklevel=3,
            )
            return str(name)
    return "translation"


def _tokenizer(tokenizer: Any, source: Any, where: dict[str, Any]) -> Any:
    from dure.tokenizers.auto import AutoTokenizer

    is_same = tokenizer is None or str(tokenizer) == str(source)
    return AutoTokenizer.from_pretrained(source if tokenizer is None else tokenizer, **(where if is_same else {}))
