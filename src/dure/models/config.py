"""Configurations: the numbers that define a model, as config.json holds them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, ClassVar, Self

from dure.errors import ConfigError
from dure.hub.commit import write_json
from dure.hub.resolve import CONFIG_PATTERNS, Snapshot, resolve
from dure.typing import JsonObject, PathLike

__all__ = ["PretrainedConfig", "find_config", "read_config", "read_object"]

#: Arguments of ``from_pretrained`` that say where to look, and aren't fields.
_HUB_OPTIONS = ("revision", "cache_dir", "token", "local_files_only")
#: Fields that count something; a family that has one needs at least 1 of it.
_SIZES = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
          "max_position_embeddings", "type_vocab_size", "embedding_size", "hidden_dim", "d_ff", "d_kv",
          "encoder_layers", "decoder_layers", "encoder_attention_heads", "decoder_attention_heads", "encoder_ffn_dim",
          "decoder_ffn_dim", "max_encoder_position_embeddings", "max_decoder_position_embeddings",
          "relative_attention_num_buckets", "relative_attention_max_distance", "local_attention")  # fmt: skip
#: Those that may also be None, for what follows from others.
_OPTIONAL_SIZES = ("num_key_value_heads", "head_dim", "n_inner", "num_decoder_layers", "decoder_vocab_size")
_PROBLEM_TYPES = (None, "regression", "single_label_classification", "multi_label_classification")


class PretrainedConfig:
    """What all configurations share. Keys that a family doesn't know are kept, so that saving loses nothing.

    Args:
        **fields: Fields of config.json, including those of the family.

    Raises:
        ConfigError: A field has a value that can't be used.
    """

    model_type: ClassVar[str] = ""
    #: Other names of fields: DistilBERT calls its hidden size ``dim``.
    attribute_map: ClassVar[dict[str, str]] = {}
    #: Fields of the family, with their defaults.
    defaults: ClassVar[JsonObject] = {}
    #: Fields that change what is computed, and the one value of each that the family's file computes.
    only: ClassVar[JsonObject] = {}
    #: How many labels there are where nothing says so; as many generic ones aren't written.
    default_num_labels: ClassVar[int] = 2

    def __init__(self, **fields: Any) -> None:
        fields = {self.attribute_map.get(name, name): value for name, value in fields.items()}
        shared = {
            "architectures": None,
            "problem_type": None,
            "output_hidden_states": False,
            "output_attentions": False,
        }
        shared |= {"return_dict": True, "pad_token_id": None, "tie_word_embeddings": True}
        num_labels, labels = fields.pop("num_labels", None), fields.pop("id2label", None)
        ids = fields.pop("label2id", None)
        fields.pop("model_type", None)
        for name, value in {**shared, **copy.deepcopy(self.defaults), **fields}.items():
            setattr(self, name, value)
        self._set_labels(num_labels, labels, ids)
        self._check()

    def _set_labels(self, num_labels: int | None, labels: Any, ids: Any) -> None:
        if num_labels is not None and not _is_count(num_labels):
            raise ConfigError(f"{type(self).__name__}: num_labels is {num_labels!r}; expected a positive integer")
        if labels is not None:
            try:
                self.id2label: dict[int, str] = {int(key): value for key, value in dict(labels).items()}
            except (TypeError, ValueError) as error:
                raise ConfigError(f"id2label is {labels!r}; expected names by number, such as {{0: 'no'}}") from error
            if num_labels is not None and num_labels != len(self.id2label):
                self.num_labels = num_labels
        else:
            self.num_labels = self.default_num_labels if num_labels is None else num_labels
        self.label2id: dict[str, int] = dict(ids) if ids else {name: key for key, name in self.id2label.items()}

    def _check(self) -> None:
        """Refuse numbers that no model can be built from, all at once."""
        names = dict.fromkeys(self.attribute_map.get(name, name) for name in (*_SIZES, *_OPTIONAL_SIZES))
        given = {name: getattr(self, name) for name in names if hasattr(self, name)}
        free = {name for name in _OPTIONAL_SIZES if given.get(name, 0) is None}
        wrong = [f"{n} is {value!r}" for n, value in given.items() if not _is_count(value) and n not in free]
        if wrong:
            raise ConfigError(f"{type(self).__name__}: {', '.join(wrong)}; expected positive integers")
        for name, value in self.only.items():
            if self.__dict__.get(name, value) != value:
                raise ConfigError(
                    f"{name} {self.__dict__[name]!r} is not supported for {self.model_type}, only {value!r}"
                )
        pad = self.pad_token_id
        if pad is not None and self.defaults and not (isinstance(pad, int) and pad < self.vocab_size):
            raise ConfigError(f"pad_token_id is {pad!r}, but vocab_size is {self.vocab_size}")
        if self.problem_type not in _PROBLEM_TYPES:
            known = ", ".join(map(repr, _PROBLEM_TYPES[1:]))
            raise ConfigError(f"problem_type {self.problem_type!r} is not known; known: {known}")

    def __getattr__(self, name: str) -> Any:
        mapped = type(self).attribute_map.get(name)
        if mapped is None:
            raise AttributeError(f"{type(self).__name__} has no field {name!r}")
        return getattr(self, mapped)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(type(self).attribute_map.get(name, name), value)

    @property
    def num_labels(self) -> int:
        """How many labels there are; setting it names them LABEL_0, LABEL_1, ..."""
        return len(self.id2label)

    @num_labels.setter
    def num_labels(self, count: int) -> None:
        if len(self.__dict__.get("id2label", {})) != count:
            self.id2label = {i: f"LABEL_{i}" for i in range(count)}
            self.label2id = {name: i for i, name in self.id2label.items()}

    @property
    def use_return_dict(self) -> bool:
        """Whether models return a ModelOutput and not a tuple."""
        return bool(self.return_dict)

    @classmethod
    def from_dict(cls, fields: JsonObject, **overrides: Any) -> Self:
        """A configuration from the fields of config.json; ``overrides`` win."""
        fields = dict(fields)
        count = overrides.get("num_labels")
        if count is not None and "id2label" not in overrides and count != len(fields.get("id2label") or {}):
            fields.pop("id2label", None)
            fields.pop("label2id", None)
        if "id2label" in overrides and "label2id" not in overrides:
            fields.pop("label2id", None)
        return cls(**{**fields, **overrides})

    @classmethod
    def from_pretrained(cls, name: PathLike, **overrides: Any) -> Self:
        """The configuration of a checkpoint; ``overrides`` replace fields (``num_labels=3``).

        Raises:
            RepositoryError: The checkpoint or its config.json isn't there.
            ConfigError: config.json can't be read.
        """
        config = cls.from_dict(read_config(find_config(name, overrides)), **overrides)
        config._name_or_path = str(name)
        return config

    def save_pretrained(self, folder: PathLike) -> None:
        """Write config.json into a folder."""
        from pathlib import Path

        write_json(Path(folder) / "config.json", self.to_dict())

    def to_dict(self) -> JsonObject:
        """The fields as config.json holds them: sorted, labels with string keys."""
        fields = {name: value for name, value in self.__dict__.items() if not name.startswith("_")}
        fields["model_type"] = self.model_type
        if fields["id2label"] == {i: f"LABEL_{i}" for i in range(self.default_num_labels)}:
            del fields["id2label"], fields["label2id"]
        else:
            fields["id2label"] = {str(key): value for key, value in fields["id2label"].items()}
        silent = {
            "architectures": None,
            "problem_type": None,
            "output_hidden_states": False,
            "output_attentions": False,
        }
        silent |= {"return_dict": True, "tie_word_embeddings": True}
        # A family's own default is written, too: it differs from the one that a reader assumes.
        return {k: v for k, v in sorted(fields.items()) if k in self.defaults or not (k in silent and v == silent[k])}

    def to_json_string(self) -> str:
        """config.json as text."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.to_json_string()}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PretrainedConfig) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]  # configurations change


def find_config(name: PathLike, options: dict[str, Any]) -> Snapshot:
    """The snapshot that holds a checkpoint's config.json; weights aren't asked for.

    Args:
        name: A folder or a repository.
        options: Arguments of ``from_pretrained``; those that say where to look are taken out.
    """
    where = {key: options.pop(key) for key in _HUB_OPTIONS if key in options}
    return resolve(name, files=CONFIG_PATTERNS, **where)


def read_config(snapshot: Snapshot) -> JsonObject:
    """The fields of a snapshot's config.json.

    Raises:
        MissingFileError: There is no config.json.
        ConfigError: It isn't a JSON object.
    """
    return read_object(snapshot.file("config.json"))


def read_object(path: Path) -> JsonObject:
    """The fields of a JSON file such as config.json or generation_config.json.

    Raises:
        ConfigError: It isn't a JSON object.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(fields, dict):
        raise ConfigError(f"{path} must hold a JSON object, not {type(fields).__name__}")
    return fields


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
