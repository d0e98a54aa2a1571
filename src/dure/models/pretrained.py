"""PreTrainedModel: a torch module that knows its configuration and how to load and save itself."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from dure.errors import InputError
from dure.hub.commit import atomic_folder
from dure.hub.resolve import Snapshot, resolve
from dure.layers.norm import RMSNorm
from dure.models import loading
from dure.models.checkpoint import WEIGHTS_FILE, open_checkpoint, write_weights
from dure.models.config import PretrainedConfig, read_config
from dure.models.outputs import ModelOutput
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
    #: Second names (originals) under which checkpoints also hold a parameter: ``{second: first}``.
    aliases: ClassVar[dict[str, str]] = {}
    #: Ends of the original names of matrices that checkpoints hold as ``(in_features, out_features)``.
    transposed_weights: ClassVar[tuple[str, ...]] = ()
    #: Names in checkpoints that are computed here and not stored.
    ignored_weights: ClassVar[tuple[str, ...]] = ("position_ids",)
    #: Ends of the names of weights that a checkpoint may lack without anybody being told.
    optional_weights: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        self.config = config

    def post_init(self) -> None:
        """Draw the weights and tie those that are one; called at the end of each constructor."""
        if not any(p.is_meta for p in self.parameters()):
            for prefix, module in self.named_modules():
                for leaf in module._parameters:
                    # Drawn through its head, a tied table would lose its zero row of padding.
                    if f"{prefix}.{leaf}" not in self.active_ties:
                        self.init_parameter(module, leaf)
            self.tie_weights()

    def init_parameter(self, module: nn.Module, leaf: str) -> None:
        """The originals' scheme: normal matrices and tables, zero biases and padding rows, unit norms."""
        parameter = module._parameters[leaf]
        if parameter is None:
            return
        with torch.no_grad():
            if leaf == "bias":
                parameter.zero_()
            elif isinstance(module, nn.LayerNorm):
                parameter.fill_(1.0)
            elif isinstance(module, RMSNorm):
                parameter.fill_(module.initial)
            else:
                parameter.normal_(0.0, getattr(module, "deviation", self.config.initializer_range))
            if isinstance(module, nn.Embedding) and module.padding_idx is not None:
                parameter[module.padding_idx].zero_()

    @property
    def active_ties(self) -> dict[str, str]:
        """Those of ``tied_weights`` that the configuration wants."""
        return self.tied_weights if self.config.tie_word_embeddings else {}

    def tie_weights(self) -> None:
        """Make tied parameters one."""
        for head, body in self.active_ties.items():
            loading.set_parameter(self, head, self.get_parameter(body))

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
            **overrides: Fields of the configuration to replace, such as ``num_labels=3``; arguments of the constructor.

        Raises:
            InputError: An argument is unknown or wrong.
            RepositoryError: The checkpoint isn't there.
            ConfigError: Its config.json can't be used.
            CheckpointError: Its weights are damaged, unsafe, or don't fit.
        """
        precision = loading.to_dtype(torch_dtype if dtype is None else dtype)
        snapshot = resolve(name, revision=revision, cache_dir=cache_dir, token=token, local_files_only=local_files_only)
        _set_threads()
        accepted = list(inspect.signature(cls).parameters)[1:]
        arguments = {key: overrides.pop(key) for key in accepted if key in overrides}
        if config is None:
            fields = read_config(snapshot)
            config = cls.config_class.from_dict(fields, **overrides)
            _check_overrides(overrides, {*fields, *vars(cls.config_class()), *config.attribute_map, "num_labels"})
        elif not isinstance(config, cls.config_class):
            raise InputError(f"config must be a {cls.config_class.__name__}, not {type(config).__name__}")
        elif overrides:
            raise InputError(
                f"{', '.join(sorted(overrides))}: set them in the config that is passed, or pass no config"
            )
        config._name_or_path = str(name)
        with torch.device("meta"):
            model = cls(config, **arguments)
        loading.fill(
            model, open_checkpoint(snapshot), str(name), dtype=precision,
            ignores_mismatched_sizes=ignore_mismatched_sizes,
        )  # fmt: skip
        model.read_beside(snapshot)
        return model.eval()

    def save_pretrained(self, save_directory: PathLike, state_dict: Mapping[str, Tensor] | None = None) -> None:
        """Write config.json and model.safetensors; the folder is complete or absent, whatever is killed when."""
        self.config.architectures = [type(self).__name__]
        weights = dict(state_dict if state_dict is not None else self.state_dict())
        for head in self.active_ties:
            weights.pop(self.renames.to_original(head), None)
        fields = {**self.config.to_dict(), "dtype": str(self.dtype).removeprefix("torch.")}
        with atomic_folder(save_directory) as folder:
            write_weights(weights, Path(folder) / WEIGHTS_FILE)
            saved = self.config_class.from_dict(fields)
            saved.save_pretrained(folder)
            self.write_beside(Path(folder))

    def read_beside(self, snapshot: Snapshot) -> None:
        """Take what a kind of model has in files of its own."""

    def write_beside(self, folder: Path) -> None:
        """Write what :meth:`read_beside` takes."""

    @classmethod
    def can_generate(cls) -> bool:
        """Whether it writes texts: whether it has ``generate``."""
        return False

    # --- names --------------------------------------------------------------------------------------------------

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:  # type: ignore[override]
        """All weights by the original's names."""
        ours = super().state_dict(*args, **kwargs)
        originals = ((self.renames.to_original(name), tensor) for name, tensor in ours.items())
        theirs = {name: self.turned(name, tensor) for name, tensor in originals}
        return theirs | {second: theirs[first] for second, first in self.aliases.items() if first in theirs}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Take weights by the original's names, as torch's own method does."""
        theirs = {from_legacy(name): tensor for name, tensor in state_dict.items()}
        for second, first in self.aliases.items():
            if second in theirs:
                theirs.setdefault(first, theirs.pop(second))
                theirs.pop(second, None)
        ours = {self.renames.from_original(name): self.turned(name, tensor) for name, tensor in theirs.items()}
        for head, body in self.active_ties.items():
            if body in ours:
                ours.setdefault(head, ours[body])
        return super().load_state_dict(ours, strict=strict, assign=assign)

    def turned(self, original: str, tensor: Tensor) -> Tensor:
        """A weight from the checkpoint's layout to ours or back: a view, transposed where the two differ."""
        return tensor.T if original.endswith(self.transposed_weights) else tensor

    def as_returned(self, result: ModelOutput, return_dict: bool | None) -> Any:
        """An output, or a plain tuple where the caller or the configuration wants it."""
        return result if (self.config.use_return_dict if return_dict is None else return_dict) else result.to_tuple()

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


def _check_overrides(overrides: Mapping[str, Any], known: set[str]) -> None:
    """A misspelt ``num_label=3`` must not be a silent field of the configuration."""
    unknown = sorted(set(overrides) - known)
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise InputError(f"from_pretrained doesn't know {', '.join(unknown)}{hint}")


def _set_threads() -> None:
    """Torch counts the machine's cores; we may own fewer."""
    if torch.get_num_threads() != num_threads():
        torch.set_num_threads(num_threads())
