"""PreTrainedModel: a torch module that knows its configuration and how to load and save itself."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from dure.errors import InputError, ShapeMismatchError
from dure.hub.commit import atomic_folder
from dure.hub.resolve import resolve
from dure.models.checkpoint import WEIGHTS_FILE, Checkpoint, open_checkpoint, write_weights
from dure.models.config import PretrainedConfig, read_config
from dure.models.weights import Renames, from_legacy
from dure.threads import num_threads
from dure.typing import PathLike

__all__ = ["PreTrainedModel"]


class PreTrainedModel(nn.Module):
    """What all models share. Weights on disk, ``state_dict()`` and ``load_state_dict()`` speak Hugging Face's names.

    Args:
        config: The configuration; weights are drawn at random by the original's scheme.
    """

    config_class: ClassVar[type[PretrainedConfig]] = PretrainedConfig
    base_model_prefix: ClassVar[str] = ""
    main_input_name: ClassVar[str] = "input_ids"
    renames: ClassVar[Renames] = Renames()
    #: Parameters (our names) that are the same tensor as another one: ``{head: body}``.
    tied_weights: ClassVar[dict[str, str]] = {}
    #: Names in checkpoints that are computed here and not stored.
    ignored_weights: ClassVar[tuple[str, ...]] = ("position_ids",)

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        self.config = config

    def post_init(self) -> None:
        """Draw the weights and tie those that are one; called at the end of each constructor."""
        if not any(p.is_meta for p in self.parameters()):
            self.apply(self._init_module)
            self._tie()

    def _init_module(self, module: nn.Module) -> None:
        for leaf in module._parameters:
            self._init_parameter(module, leaf)

    def _init_parameter(self, module: nn.Module, leaf: str) -> None:
        """The originals' scheme: normal matrices and tables, zero biases and padding rows, unit norms."""
        parameter = module._parameters[leaf]
        if parameter is None:
            return
        with torch.no_grad():
            if leaf == "bias":
                parameter.zero_()
            elif isinstance(module, nn.LayerNorm):
                parameter.fill_(1.0)
            else:
                parameter.normal_(0.0, self.config.initializer_range)
            if isinstance(module, nn.Embedding) and module.padding_idx is not None:
                parameter[module.padding_idx].zero_()

    def _tie(self) -> None:
        if self.config.tie_word_embeddings:
            for head, body in self.tied_weights.items():
                _set_parameter(self, head, self.get_parameter(body))

    # --- loading and saving -------------------------------------------------------------------------------------

    @classmethod
    def from_pretrained(
        cls,
        name: PathLike,
        *,
        config: PretrainedConfig | None = None,
        dtype: torch.dtype | str | None = None,
        torch_dtype: torch.dtype | str | None = None,
        ignore_mismatched_sizes: bool = False,
        revision: str | None = None,
        cache_dir: PathLike | None = None,
        token: str | bool | None = None,
        local_files_only: bool = False,
        **overrides: Any,
    ) -> Self:
        """The model of a checkpoint, in evaluation mode.

        Args:
            name: A folder or a repository.
            config: A configuration to use in place of the checkpoint's.
            dtype: Precision, such as ``torch.bfloat16``, ``"bfloat16"`` or ``"auto"`` (as stored); float32 by default.
            torch_dtype: The older name of ``dtype``.
            ignore_mismatched_sizes: Draw weights anew where the checkpoint's have another shape.
            revision: Branch, tag or commit.
            cache_dir: Another cache than the environment's.
            token: An access token.
            local_files_only: Never download.
            **overrides: Fields of the configuration to replace, such as ``num_labels=3``.

        Raises:
            RepositoryError: The checkpoint isn't there.
            CheckpointError: Its weights are damaged, unsafe, or don't fit.
        """
        snapshot = resolve(name, revision=revision, cache_dir=cache_dir, token=token, local_files_only=local_files_only)
        _set_threads()
        if config is None:
            config = cls.config_class.from_dict(read_config(snapshot), **overrides)
        config._name_or_path = str(name)
        with torch.device("meta"):
            model = cls(config)
        model._load(open_checkpoint(snapshot), str(name), _to_dtype(dtype or torch_dtype), ignore_mismatched_sizes)
        return model.eval()

    def _load(self, weights: Checkpoint, source: str, dtype: torch.dtype | None, ignore_mismatched: bool) -> None:
        """Take each weight out of the checkpoint as it is; draw those that it lacks; say which."""
        expected = {self.renames.to_original(name): name for name, _ in self.named_parameters()}
        found = self._match(weights, set(expected))
        tied = {self.renames.to_original(n) for n in self.tied_weights} if self.config.tie_word_embeddings else set()
        mismatched = []
        for original, name in expected.items():
            if original not in found:
                continue
            tensor = weights[found[original]]()
            shape = self.get_parameter(name).shape
            if tensor.shape != shape:
                mismatched.append((original, tuple(tensor.shape), tuple(shape)))
                continue
            wanted = tensor.dtype if dtype is None else dtype
            _set_parameter(self, name, nn.Parameter(tensor.to(wanted), requires_grad=tensor.is_floating_point()))
        if mismatched and not ignore_mismatched:
            rows = "".join(f"\n- {n}: {a} in the checkpoint, {b} in the model" for n, a, b in mismatched)
            raise ShapeMismatchError(
                f"weights of {source} don't fit {type(self).__name__}:{rows}\n"
                "Pass the matching configuration, or ignore_mismatched_sizes=True to draw these anew."
            )
        missing = [name for name, p in self.named_parameters() if p.is_meta]
        self._draw(missing, dtype or torch.float32)
        used = set(found.values())
        unused = [name for name in weights if name not in used and not name.endswith(self.ignored_weights)]
        fresh = sorted({self.renames.to_original(name) for name in missing} - tied)
        self._report(source, fresh, [name for name in unused if from_legacy(name) not in tied])

    def _match(self, weights: Checkpoint, expected: set[str]) -> dict[str, str]:
        """Which name in the checkpoint holds which weight: old names too, with or without the body's prefix."""
        prefix = f"{self.base_model_prefix}."
        found = {}
        for name in weights:
            today = from_legacy(name)
            for candidate in (today, prefix + today, today.removeprefix(prefix)):
                if candidate in expected:
                    found[candidate] = name
                    break
        return found

    def _draw(self, names: list[str], dtype: torch.dtype) -> None:
        """Make the weights that the checkpoint doesn't bring; nothing it brings is touched."""
        tied = set(self.tied_weights) if self.config.tie_word_embeddings else set()
        for name in names:
            if name not in tied:
                owner, _, leaf = name.rpartition(".")
                shape = self.get_parameter(name).shape
                _set_parameter(self, name, nn.Parameter(torch.empty(shape, dtype=dtype)))
                self._init_parameter(self.get_submodule(owner), leaf)
        self._tie()

    def _report(self, source: str, fresh: list[str], unused: list[str]) -> None:
        """One warning that names what was drawn anew and what was left unused, and says what to do."""
        name = type(self).__name__
        parts = []
        if unused and fresh:
            parts.append(
                f"Some weights of the model checkpoint at {source} were not used when initializing {name}: {unused}\n"
                "- This IS expected if the checkpoint was trained with another head or for another task.\n"
                f"- This IS NOT expected if it was saved from {name} itself."
            )
        if fresh:
            parts.append(
                f"Some weights of {name} were not initialized from the model checkpoint at {source} and are newly "
                f"initialized: {fresh}\nYou should probably TRAIN this model on a down-stream task to be able to use "
                "it for predictions and inference."
            )
        if parts:
            warnings.warn("\n".join(parts), UserWarning, stacklevel=4)

    def save_pretrained(self, save_directory: PathLike, state_dict: Mapping[str, Tensor] | None = None) -> None:
        """Write config.json and model.safetensors; the folder is complete or absent, whatever is killed when."""
        self.config.architectures = [type(self).__name__]
        weights = dict(state_dict if state_dict is not None else self.state_dict())
        if self.config.tie_word_embeddings:
            for head in self.tied_weights:
                weights.pop(self.renames.to_original(head), None)
        fields = {**self.config.to_dict(), "dtype": str(self.dtype).removeprefix("torch.")}
        with atomic_folder(save_directory) as folder:
            write_weights(weights, Path(folder) / WEIGHTS_FILE)
            saved = self.config_class.from_dict(fields)
            saved.save_pretrained(folder)

    # --- names --------------------------------------------------------------------------------------------------

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:  # type: ignore[override]
        """All weights by the original's names."""
        ours = super().state_dict(*args, **kwargs)
        return {self.renames.to_original(name): tensor for name, tensor in ours.items()}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Take weights by the original's names, as torch's own method does."""
        ours = {self.renames.from_original(from_legacy(name)): tensor for name, tensor in state_dict.items()}
        if self.config.tie_word_embeddings:
            for head, body in self.tied_weights.items():
                if body in ours:
                    ours.setdefault(head, ours[body])
        return super().load_state_dict(ours, strict=strict, assign=assign)

    @property
    def base_model(self) -> nn.Module:
        """The body, without a head."""
        return getattr(self, self.base_model_prefix, self)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the weights."""
        return next(p.dtype for p in self.parameters() if p.is_floating_point())

    def num_parameters(self, only_trainable: bool = False) -> int:
        """How many numbers the weights hold."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad or not only_trainable)

    def get_input_embeddings(self) -> nn.Embedding:
        """The table of word embeddings."""
        table = self.base_model.embeddings.word_embeddings  # type: ignore[union-attr]
        assert isinstance(table, nn.Embedding)
        return table


def check_inputs(input_ids: Tensor | None, mask: Tensor | None, vocab_size: int, max_positions: int) -> None:
    """Refuse inputs that would end in an index error deep inside.

    Raises:
        InputError: With the number that was given and the one that is allowed.
    """
    if input_ids is None:
        return
    if input_ids.dim() != 2:
        raise InputError(
            f"input_ids must have the shape (batch, length), not {tuple(input_ids.shape)}; "
            "for one text, add a batch dimension: input_ids.unsqueeze(0)"
        )
    if mask is not None and mask.shape != input_ids.shape:
        raise InputError(
            f"attention_mask {tuple(mask.shape)} must have the shape of input_ids {tuple(input_ids.shape)}"
        )
    if input_ids.shape[1] > max_positions:
        raise InputError(
            f"a text has {input_ids.shape[1]} tokens, but the model has {max_positions} positions: pass "
            "truncation=True to the tokenizer or pipeline"
        )
    if input_ids.numel() and input_ids.device.type == "cpu":
        low, high = (int(x) for x in input_ids.aminmax())
        if low < 0 or high >= vocab_size:
            raise InputError(f"input_ids hold {low if low < 0 else high}, but the vocabulary has {vocab_size} ids")


def _set_parameter(model: nn.Module, name: str, parameter: nn.Parameter) -> None:
    owner, _, leaf = name.rpartition(".")
    model.get_submodule(owner)._parameters[leaf] = parameter


def _to_dtype(dtype: torch.dtype | str | None) -> torch.dtype | None:
    """None stands for "as stored"."""
    if dtype == "auto":
        return None
    if isinstance(dtype, str):
        value = getattr(torch, dtype, None)
        if not isinstance(value, torch.dtype):
            raise InputError(f"dtype {dtype!r} is not a precision; use 'float32', 'bfloat16', 'float16' or 'auto'")
        return value
    return torch.float32 if dtype is None else dtype


def _set_threads() -> None:
    """Torch counts the machine's cores; we may own fewer."""
    if torch.get_num_threads() != num_threads():
        torch.set_num_threads(num_threads())
