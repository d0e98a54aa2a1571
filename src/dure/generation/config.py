"""GenerationConfig: how to write, as generation_config.json holds it."""

from __future__ import annotations

import copy
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from dure.errors import ConfigError, InputError
from dure.generation.messages import say_once
from dure.hub.commit import write_json
from dure.hub.resolve import resolve
from dure.models.config import read_object
from dure.typing import JsonObject, PathLike

if TYPE_CHECKING:
    from dure.models.config import PretrainedConfig

__all__ = ["CONFIG_FILE", "GenerationConfig"]

logger = logging.getLogger(__name__)

CONFIG_FILE = "generation_config.json"
#: The release whose fields and defaults these are; files of releases before 4.50 leave more to `generate`'s defaults.
_VERSION = "4.57.6"
_DEFAULTS: JsonObject = {
    # How long.
    "max_length": 20, "max_new_tokens": None, "min_length": 0, "min_new_tokens": None, "early_stopping": False,
    "max_time": None, "stop_strings": None,
    # Which search.
    "do_sample": False, "num_beams": 1, "use_cache": True, "cache_implementation": None, "cache_config": None,
    "return_legacy_cache": None, "prefill_chunk_size": None,
    # What is done to scores.
    "temperature": 1.0, "top_k": 50, "top_p": 1.0, "min_p": None, "typical_p": 1.0, "epsilon_cutoff": 0.0,
    "eta_cutoff": 0.0, "repetition_penalty": 1.0, "encoder_repetition_penalty": 1.0, "length_penalty": 1.0,
    "no_repeat_ngram_size": 0, "bad_words_ids": None, "renormalize_logits": False, "forced_bos_token_id": None,
    "forced_eos_token_id": None, "remove_invalid_values": False, "exponential_decay_length_penalty": None,
    "suppress_tokens": None, "begin_suppress_tokens": None, "sequence_bias": None, "token_healing": False,
    "guidance_scale": None, "watermarking_config": None,
    # What is returned.
    "num_return_sequences": 1, "output_attentions": False, "output_hidden_states": False, "output_scores": False,
    "output_logits": None, "return_dict_in_generate": False,
    # Special tokens.
    "pad_token_id": None, "bos_token_id": None, "eos_token_id": None, "encoder_no_repeat_ngram_size": 0,
    "decoder_start_token_id": None,
    # Drafts.
    "is_assistant": False, "num_assistant_tokens": 20, "num_assistant_tokens_schedule": "constant",
    "assistant_confidence_threshold": 0.4, "prompt_lookup_num_tokens": None, "max_matching_ngram_size": None,
    "assistant_early_exit": None, "assistant_lookbehind": 10, "target_lookbehind": 10,
    "disable_compile": False,
    # Searches that the original has given up.
    "low_memory": None, "penalty_alpha": None, "dola_layers": None, "diversity_penalty": 0.0, "num_beam_groups": 1,
    "constraints": None, "force_words_ids": None,
}  # fmt: skip
#: Flags that only one kind of search reads, with the values that mean nothing.
_OF_SAMPLING = {"temperature": 1.0, "top_p": 1.0, "min_p": None, "typical_p": 1.0, "top_k": 50, "epsilon_cutoff": 0.0,
                "eta_cutoff": 0.0}  # fmt: skip
_OF_BEAMS = {"early_stopping": False, "length_penalty": 1.0}
_OUTPUTS = ("output_attentions", "output_hidden_states", "output_scores", "output_logits")
#: Arguments of `generate` that people put into a configuration.
_ARGUMENTS = ("logits_processor", "stopping_criteria", "prefix_allowed_tokens_fn", "synced_gpus", "assistant_model",
              "streamer", "negative_prompt_ids", "negative_prompt_attention_mask", "use_model_defaults")  # fmt: skip


class GenerationConfig:
    """How to write: lengths, search, what is done to scores, what is returned. Fields have the original's defaults.

    Args:
        **fields: Fields of generation_config.json; those that aren't known are kept.

    Raises:
        InputError: A field has a value that can't be used, or fields contradict each other.
    """

    def __init__(self, **fields: Any) -> None:
        is_made = fields.pop("_from_model_config", False)
        fields.pop("_commit_hash", None)
        for name, value in {**copy.deepcopy(_DEFAULTS), "transformers_version": _VERSION, **fields}.items():
            setattr(self, name, value)
        self._from_model_config: bool = is_made
        self.validate(is_quiet=is_made)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...

    def validate(self, strict: bool = False, *, is_quiet: bool = False) -> None:
        """Refuse what can't be used; what would be ignored is said once, or refused with ``strict``.

        Raises:
            InputError: With the field and what is allowed.
        """
        self._check_fields()
        ignored = self._ignored()
        if ignored and strict:
            rows = "\n".join(f"- `{name}`: {reason}" for name, reason in ignored.items())
            raise InputError(f"GenerationConfig is invalid: \n{rows}")
        if ignored and not is_quiet:
            say_once(logger, f"The following generation flags are not valid and may be ignored: {list(ignored)}. "
                             + " ".join(ignored.values()))  # fmt: skip

    def _check_fields(self) -> None:
        if self.early_stopping not in {True, False, "never"}:
            raise InputError(f"`early_stopping` must be a boolean or 'never', but is {self.early_stopping}.")
        for name in ("max_new_tokens", "num_beams", "num_return_sequences", "max_length"):
            value = getattr(self, name)
            if value is not None and (not _is_count(value) or value <= 0):
                raise InputError(f"`{name}` must be greater than 0, but is {value!r}.")
        for name in ("min_length", "min_new_tokens", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size"):
            value = getattr(self, name)
            if value is not None and (not _is_count(value) or value < 0):
                raise InputError(f"`{name}` must be a whole number from 0, but is {value!r}.")
        if self.num_return_sequences != 1 and self.num_beams == 1 and self.do_sample is False:
            raise InputError(
                "Greedy methods without beam search do not support `num_return_sequences` different than 1 "
                f"(got {self.num_return_sequences})."
            )
        if self.num_beams > 1 and self.num_return_sequences > self.num_beams:
            raise InputError(
                f"`num_return_sequences` ({self.num_return_sequences}) has to be smaller or equal to `num_beams` "
                f"({self.num_beams})."
            )
        for name in _ARGUMENTS:
            if hasattr(self, name):
                raise InputError(
                    f"Argument `{name}` is not a valid argument of `GenerationConfig`. It should be passed to "
                    "`generate()` (or a pipeline) directly."
                )

    def _ignored(self) -> dict[str, str]:
        """Flags that the search doesn't read, and why."""

        def unread(flags: JsonObject, because: str, instead: str) -> dict[str, str]:
            values = {name: getattr(self, name) for name in flags}
            return {
                name: f"{because} However, `{name}` is set to `{value}` -- this flag is only used in {instead} or "
                      f"unset `{name}`."
                for name, value in values.items() if value is not None and value != flags[name]
            }  # fmt: skip

        found: dict[str, str] = {}
        if self.pad_token_id is not None and self.pad_token_id < 0:
            found["pad_token_id"] = f"`pad_token_id` should be positive but got {self.pad_token_id}."
        if self.do_sample is False:
            found |= unread(_OF_SAMPLING, "`do_sample` is set to `False`.",
                            "sample-based generation modes. You should set `do_sample=True`")  # fmt: skip
        if self.num_beams == 1:
            found |= unread(_OF_BEAMS, "`num_beams` is set to 1.",
                            "beam-based generation modes. You should set `num_beams>1`")  # fmt: skip
        if self.return_dict_in_generate is not True:
            found |= {
                name: f"`return_dict_in_generate` is NOT set to `True`, but `{name}` is, and is ignored."
                for name in _OUTPUTS if getattr(self, name) is True
            }  # fmt: skip
        return found

    def update(self, **fields: Any) -> JsonObject:
        """Set the fields that are known, and return the others."""
        known = {name: value for name, value in fields.items() if hasattr(self, name)}
        for name, value in known.items():
            setattr(self, name, value)
        self.validate()
        return {name: value for name, value in fields.items() if name not in known}

    # --- files and dictionaries ---------------------------------------------------------------------------------

    @classmethod
    def from_dict(cls, config_dict: JsonObject, *, return_unused_kwargs: bool = False, **kwargs: Any) -> Any:
        """From the fields of generation_config.json; ``kwargs`` win.

        With ``return_unused_kwargs``, those that aren't fields are returned beside it.
        """
        config = cls(**{**config_dict, **{n: v for n, v in kwargs.items() if n in _DEFAULTS or n in config_dict}})
        unused = {name: value for name, value in kwargs.items() if not hasattr(config, name)}
        return (config, unused) if return_unused_kwargs else config

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name: PathLike,
        config_file_name: str | None = None,
        *,
        revision: str | None = None,
        cache_dir: PathLike | None = None,
        token: str | bool | None = None,
        local_files_only: bool = False,
        **kwargs: Any,
    ) -> Any:
        """The generation configuration of a checkpoint; ``kwargs`` replace fields.

        Raises:
            RepositoryError: The checkpoint or its generation_config.json isn't there.
            ConfigError: The file can't be read.
        """
        name = config_file_name or CONFIG_FILE
        snapshot = resolve(
            pretrained_model_name, revision=revision, files=(name,), cache_dir=cache_dir, token=token,
            local_files_only=local_files_only,
        )  # fmt: skip
        return cls.from_dict(read_object(snapshot.file(name)), **kwargs)

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """From a generation_config.json.

        Raises:
            ConfigError: It isn't a JSON object, or has a value that can't be used.
        """
        try:
            return cls(**read_object(path))
        except InputError as error:
            raise ConfigError(f"{path}: {error}") from error

    def save_pretrained(self, save_directory: PathLike, config_file_name: str | None = None) -> None:
        """Write generation_config.json into a folder: the fields that aren't defaults.

        Raises:
            InputError: Fields contradict each other.
        """
        try:
            self.validate(strict=True)
        except InputError as error:
            raise InputError(f"{error}\n\nFix these issues to save the configuration.") from error
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / (config_file_name or CONFIG_FILE), self.to_diff_dict())

    @classmethod
    def from_model_config(cls, model_config: PretrainedConfig) -> Self:
        """What a model's config.json says about writing: special tokens, and what older checkpoints keep there."""
        fields = {name: value for name, value in model_config.to_dict().items() if value is not None}
        config = cls(**{n: v for n, v in fields.items() if n in _DEFAULTS}, _from_model_config=True)
        decoder = model_config.__dict__.get("decoder")
        if decoder is not None:
            inner = decoder.to_dict()
            for name, default in _DEFAULTS.items():
                if getattr(config, name) == default and name in inner:
                    setattr(config, name, inner[name])
        if any(getattr(config, name) for name in _OUTPUTS):
            config.return_dict_in_generate = True
        return config

    def to_dict(self) -> JsonObject:
        """All fields."""
        return copy.deepcopy({name: value for name, value in self.__dict__.items() if name != "_from_model_config"})

    def to_diff_dict(self) -> JsonObject:
        """The fields that aren't defaults, as generation_config.json holds them."""
        fields = {n: v for n, v in self.to_dict().items() if n not in _DEFAULTS or v != _DEFAULTS[n]}
        return fields | ({"_from_model_config": True} if self._from_model_config else {})

    def to_json_string(self, use_diff: bool = True) -> str:
        """The fields as text; with ``use_diff`` those that aren't defaults."""
        fields = self.to_diff_dict() if use_diff else self.to_dict()
        return json.dumps(_as_json(fields), indent=2, sort_keys=True) + "\n"

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.to_json_string()}"

    def __eq__(self, other: object) -> bool:
        ignored = {"transformers_version"}
        return isinstance(other, GenerationConfig) and all(
            getattr(self, name, None) == getattr(other, name, None)
            for name in (self.__dict__.keys() | other.__dict__.keys()) - ignored
            if not name.startswith("_")
        )

    __hash__ = None  # type: ignore[assignment]  # configurations change


def _as_json(value: Any) -> Any:
    """Keys of dictionaries, such as those of ``sequence_bias``, as text."""
    if isinstance(value, dict):
        return {str(key): _as_json(inner) for key, inner in value.items()}
    return [_as_json(inner) for inner in value] if isinstance(value, list) else value


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
