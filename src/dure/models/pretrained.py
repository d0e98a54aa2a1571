"""PreTrainedModel: a torch module that knows its configuration and how to load and save itself."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
from torch import Tensor, nn

from dure.errors import InputError
from dure.hub.resolve import Snapshot, resolve
from dure.layers.norm import RMSNorm
from dure.layers.recomputing import HasRecomputable
from dure.models import loading, saving
from dure.models.checkpoint import open_checkpoint
from dure.models.config import PretrainedConfig, read_config
from dure.models.outputs import ModelOutput
from dure.models.process import prepare
from dure.models.resizing import HasVocabulary
from dure.models.weights import Renames, from_legacy
from dure.threads import num_threads
from dure.typing import PathLike

if TYPE_CHECKING:
    from dure.models.summary import Summary

__all__ = ["PreTrainedModel"]

prepare()

#: Arguments of transformers that ask for what is done anyway (weights are mapped, safetensors come first, the fastest
#: attention is taken), or allow what is never done (running a repository's code).
_NEEDLESS = ("attn_implementation", "low_cpu_mem_usage", "trust_remote_code", "use_safetensors")


class PreTrainedModel(HasVocabulary, HasRecomputable):
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
    #: Whether the original, where logits aren't tied, reads shared tables under each of their names.
    spells_out_tables: ClassVar[bool] = False
    supports_gradient_checkpointing: ClassVar[bool] = True
    #: The checkpoint that the model was loaded from.
    origin: Snapshot | None = None

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
        device: torch.device | str | int | None = None,
        device_map: Any = None,
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
            device: Where the weights go, such as ``"cpu"`` or ``"cuda"``.
            device_map: The same as transformers calls it; ``"auto"`` is the accelerator if there is one. A model is on
                one device.
            ignore_mismatched_sizes: Draw weights anew where the checkpoint's have another shape.
            revision: Branch, tag or commit.
            cache_dir: Another cache than the environment's.
            token: An access token.
            local_files_only: Never download.
            **overrides: Fields of the configuration to replace, such as ``num_labels=3``; arguments of the constructor;
                and such of transformers' that need nothing here, such as ``low_cpu_mem_usage``.

        Raises:
            InputError: An argument is unknown or wrong.
            RepositoryError: The checkpoint isn't there.
            ConfigError: Its config.json can't be used.
            CheckpointError: Its weights are damaged, unsafe, or don't fit.
        """
        precision = loading.to_dtype(torch_dtype if dtype is None else dtype)
        place = loading.to_device(device_map if device is None else device)
        snapshot = resolve(name, revision=revision, cache_dir=cache_dir, token=token, local_files_only=local_files_only)
        _set_threads()
        accepted = list(inspect.signature(cls).parameters)[1:]
        arguments = {key: overrides.pop(key) for key in accepted if key in overrides}
        overrides = {key: value for key, value in overrides.items() if key not in _NEEDLESS}
        if config is None:
            fields = read_config(snapshot)
            loading.check_family(cls, fields.get("model_type"), str(name))
            config = cls.config_class.from_dict(fields, **overrides)
            _check_overrides(overrides, {*fields, *vars(cls.config_class()), *config.attribute_map, "num_labels"})
        elif not isinstance(config, cls.config_class):
            raise InputError(f"config must be a {cls.config_class.__name__}, not {type(config).__name__}")
        elif overrides:
            raise InputError(
                f"{', '.join(sorted(overrides))}: set them in the config that is passed, or pass no config"
            )
        config._name_or_path = str(name)
        if precision is None:
            precision = loading.stated_dtype(config)
        with torch.device("meta"):
            model = cls(config, **arguments)
        loading.fill(
            model, open_checkpoint(snapshot), str(name), dtype=precision, device=place,
            ignores_mismatched_sizes=ignore_mismatched_sizes,
        )  # fmt: skip
        model.origin = snapshot
        model.read_beside(snapshot)
        return (model if place is None else model.to(place)).eval()

    def save_pretrained(
        self,
        save_directory: PathLike,
        *,
        is_main_process: bool = True,
        state_dict: Mapping[str, Tensor] | None = None,
        max_shard_size: int | str = "5GB",
        safe_serialization: bool = True,
        card: Mapping[str, Any] | None = None,
        push_to_hub: bool = False,
        repo_id: str | None = None,
        **pushed: Any,
    ) -> None:
        """Write config.json and model.safetensors, and README.md if the folder has none.

        A new folder appears complete or not at all, whatever is killed when; in one that is there, file by file.

        Args:
            save_directory: Where; made if it's not there.
            is_main_process: False writes nothing; for several processes that train one model.
            state_dict: Weights to write in place of the model's own, by the original's names.
            max_shard_size: How large a weight file may become, such as ``"200KB"`` or a number of bytes; more go into
                shards with an index.
            safe_serialization: Only True: pickles aren't written.
            card: More metadata for README.md, such as ``{"license": "mit", "datasets": ["klue"]}``.
            push_to_hub: Upload the model, too.
            repo_id: To which repository; by default one of your own that is named as the folder.
            **pushed: Other arguments of :meth:`push_to_hub`.

        Raises:
            InputError: An argument is wrong, or ``save_directory`` is a file.
        """
        if pushed and not push_to_hub:
            raise InputError(f"{', '.join(sorted(pushed))}: no argument of save_pretrained without push_to_hub=True")
        if not safe_serialization:
            raise InputError(
                "safe_serialization=False: Dure writes safetensors, which every reader of pickles reads too"
            )
        if is_main_process:
            saving.save(self, save_directory, state_dict=state_dict, max_shard_size=max_shard_size, card=card)
            if push_to_hub:
                name = repo_id or Path(save_directory).resolve().name
                self.push_to_hub(name, max_shard_size=max_shard_size, card=card, **pushed)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        commit_message: str = "Upload model",
        private: bool | None = None,
        token: bool | str | None = None,
        max_shard_size: int | str = "5GB",
        create_pr: bool = False,
        revision: str | None = None,
        commit_description: str | None = None,
        tags: Sequence[str] = (),
        card: Mapping[str, Any] | None = None,
    ) -> Any:
        """Upload the model to the Hub, with a card if the repository has none.

        Args:
            repo_id: The repository, such as ``org/name``; made if it's not there.
            commit_message: What the commit says.
            private: Whether a new repository is private; the server's default where not given.
            token: An access token; the stored one by default.
            max_shard_size: As for :meth:`save_pretrained`.
            create_pr: Make a pull request.
            revision: A branch.
            commit_description: What else the commit says.
            tags: More tags for the card.
            card: As for :meth:`save_pretrained`.

        Returns:
            What huggingface_hub says about the commit.
        """
        return saving.push(
            self, repo_id, max_shard_size=max_shard_size, card=card, tags=tags, token=token, private=private,
            commit_message=commit_message, commit_description=commit_description, revision=revision,
            create_pr=create_pr,
        )  # fmt: skip

    def read_beside(self, snapshot: Snapshot) -> None:
        """Take what a kind of model has in files of its own."""

    def write_beside(self, folder: Path) -> None:
        """Write what :meth:`read_beside` takes."""

    @classmethod
    def can_generate(cls) -> bool:
        """Whether it writes texts: whether it has ``generate``."""
        return False

    # --- memory and information ---------------------------------------------------------------------------------

    def summary(self) -> Summary:
        """Family, parameters by part, memory at each precision, context length, labels: ``print(model.summary())``."""
        from dure.models.summary import Summary

        return Summary.of(self)

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
