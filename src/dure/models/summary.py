"""What is known of a model without running it: from the model, or from its files without reading weights."""

from __future__ import annotations

import collections
import dataclasses
import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import nn

from dure.errors import MissingFileError
from dure.hub.resolve import CONFIG_PATTERNS, TOKENIZER_PATTERNS, Snapshot, resolve
from dure.models.auto import FAMILIES, AutoConfig, AutoModel
from dure.models.card import CARD_FILE, read_metadata
from dure.models.checkpoint import stored_weights
from dure.typing import JsonObject, PathLike

if TYPE_CHECKING:
    from dure.models.config import PretrainedConfig
    from dure.models.pretrained import PreTrainedModel

__all__ = ["Summary", "summarize"]

#: Bytes of a number.
_PRECISIONS = {"float32": 4, "bfloat16": 2, "float16": 2}
#: What configurations call the longest text; the first that one has.
_LENGTHS = ("max_position_embeddings", "n_positions", "max_encoder_position_embeddings", "n_ctx")

#: Families that count positions from behind the padding's id, so that their tables have as many rows more.
_SHIFTED = ("camembert", "longformer", "roberta", "xlm-roberta")


@dataclasses.dataclass(frozen=True)
class Summary:
    """What is known of a model.

    Attributes:
        name: Of the checkpoint; None for a new model.
        family: ``model_type``.
        model_class: The class with the head that the checkpoint was saved from.
        heads: All classes of the family.
        parameters: Numbers in each part of the model, those that two parts share once.
        stored: Bytes of the weight files by precision; None where there are no files.
        context_length: Tokens of the longest text; None where nothing limits it.
        vocab_size: Words.
        tokenizer: The tokenizer's class; None where the checkpoint has none.
        labels: Names of the classes, for a head that has some.
        license: By the checkpoint's card.
    """

    name: str | None
    family: str
    model_class: str
    heads: tuple[str, ...]
    parameters: dict[str, int]
    stored: dict[str, int] | None
    context_length: int | None
    vocab_size: int | None
    tokenizer: str | None
    labels: tuple[str, ...]
    license: str | None

    @classmethod
    def of(cls, model: PreTrainedModel, snapshot: Snapshot | None = None) -> Self:
        """Of a model, which may be without memory (on the meta device).

        Args:
            model: The model.
            snapshot: Its files; those that it was loaded from by default.
        """
        snapshot = snapshot or model.origin
        name, config = type(model).__name__, model.config
        has_labels = name.endswith(("ForSequenceClassification", "ForTokenClassification"))
        known = {} if snapshot is None else read_metadata(snapshot)
        license_ = known.get("license")
        return cls(
            name=None if snapshot is None else snapshot.name,
            family=config.model_type,
            model_class=name,
            heads=_heads(config.model_type) or (name,),
            parameters=_parameters(model),
            stored=None if snapshot is None else _stored(snapshot),
            context_length=_context_length(config),
            vocab_size=getattr(config, "vocab_size", None),
            tokenizer=None if snapshot is None else _tokenizer(snapshot),
            labels=tuple(map(str, config.id2label.values())) if has_labels else (),
            license=None if license_ is None else str(license_),
        )

    @property
    def num_parameters(self) -> int:
        """Numbers in all parts."""
        return sum(self.parameters.values())

    @property
    def memory(self) -> dict[str, int]:
        """Bytes that the weights take at each precision."""
        return {precision: size * self.num_parameters for precision, size in _PRECISIONS.items()}

    def to_dict(self) -> JsonObject:
        """Everything, as JSON has it."""
        return dataclasses.asdict(self) | {"num_parameters": self.num_parameters, "memory": self.memory}

    def __str__(self) -> str:
        rows = [("model", self.name or "(new)"), ("family", self.family), ("class", self.model_class)]
        rows.append(("heads", ", ".join(head for head in self.heads if head != self.model_class) or "-"))
        rows.append(("parameters", f"{self.num_parameters:,}"))
        rows += [(f"  {part}", f"{count:,}") for part, count in self.parameters.items()]
        rows.append(("memory", ", ".join(f"{_size(size)} {precision}" for precision, size in self.memory.items())))
        if self.stored is not None:
            rows.append(("files", ", ".join(f"{_size(size)} {p}" for p, size in self.stored.items())))
        rows.append(("context length", "-" if self.context_length is None else f"{self.context_length:,} tokens"))
        rows.append(("vocabulary", "-" if self.vocab_size is None else f"{self.vocab_size:,}"))
        rows.append(("tokenizer", self.tokenizer or "-"))
        rows.append(("labels", _listed(self.labels)))
        rows.append(("license", self.license or "-"))
        width = max(len(label) for label, _ in rows)
        return "\n".join(f"{label:<{width}}  {value}" for label, value in rows)


def summarize(name: PathLike, *, revision: str | None = None) -> Summary:
    """What is known of a checkpoint: from config.json, the headers of its weight files, its tokenizer and card.

    Weights are neither downloaded nor read.

    Args:
        name: A folder or a repository.
        revision: Branch, tag or commit.

    Raises:
        RepositoryError: The checkpoint or its config.json isn't there.
        ConfigError: config.json can't be used.
    """
    snapshot = resolve(name, revision=revision, files=CONFIG_PATTERNS)
    if snapshot.source == "download":
        snapshot = resolve(name, revision=revision, files=(*CONFIG_PATTERNS, *TOKENIZER_PATTERNS, CARD_FILE))
    config = AutoConfig.from_pretrained(snapshot.path)
    with torch.device("meta"):
        model = _class_of(config)(config)
    return Summary.of(model, snapshot)


def _class_of(config: PretrainedConfig) -> Any:
    """The class that a checkpoint was saved from; the body where it doesn't say, or Dure doesn't have it."""
    family = importlib.import_module(FAMILIES[config.model_type][0])
    for name in config.architectures or ():
        if name in family.__all__:
            return getattr(family, name)
    return AutoModel.from_config


def _heads(model_type: str) -> tuple[str, ...]:
    """The classes of a family."""
    if model_type not in FAMILIES:
        return ()
    names = importlib.import_module(FAMILIES[model_type][0]).__all__
    return tuple(sorted(name for name in names if not name.endswith("Config")))


def _parameters(model: PreTrainedModel) -> dict[str, int]:
    """Numbers by part, as the original names parts: of the body its children, of a head the head."""
    counts: collections.Counter[str] = collections.Counter()
    seen: set[int] = set()
    prefix = f"{model.base_model_prefix}."
    for name, parameter in model.named_parameters():
        if name in model.active_ties or id(parameter) in seen:
            continue
        seen.add(id(parameter))
        depth = 2 if name.startswith(prefix) else 1
        part = ".".join(model.renames.to_original(name).split(".")[:depth])
        counts[_with_layers(model, part)] += parameter.numel()
    return dict(counts)


def _with_layers(model: nn.Module, part: str) -> str:
    """The part's name, with the number of its blocks."""
    try:
        module = model.get_submodule(part)
    except AttributeError:
        return part
    lists = [module, *module.children()]
    num_layers = max((len(found) for found in lists if isinstance(found, nn.ModuleList)), default=0)
    return f"{part} ({num_layers} layers)" if num_layers else part


def _stored(snapshot: Snapshot) -> dict[str, int] | None:
    """Bytes of weights by precision, from the files' headers; None where there are none, or only pickles."""
    try:
        sizes: collections.Counter[str] = collections.Counter()
        for precision, size in stored_weights(snapshot):
            sizes[precision] += size
    except MissingFileError:
        return None
    return dict(sizes.most_common()) or None


def _context_length(config: PretrainedConfig) -> int | None:
    """Positions of the longest text."""
    lengths = (getattr(config, name, None) for name in _LENGTHS)
    length = next((length for length in lengths if isinstance(length, int)), None)
    is_shifted = config.model_type in _SHIFTED and length is not None and config.pad_token_id is not None
    return length - config.pad_token_id - 1 if is_shifted and length is not None else length


def _tokenizer(snapshot: Snapshot) -> str | None:
    """The tokenizer's class by its own file, else what its vocabulary is."""
    path = snapshot.find("tokenizer_config.json")
    try:
        fields = json.loads(path.read_text(encoding="utf-8")) if path else {}
    except ValueError:
        fields = {}
    if isinstance(fields, dict) and fields.get("tokenizer_class"):
        return str(fields["tokenizer_class"])
    found = [name for name in ("tokenizer.json", "vocab.txt", "vocab.json") if snapshot.find(name)]
    found += sorted(path.name for path in Path(snapshot.path).glob("*.model"))
    return found[0] if found else None


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:10])
    return f"{len(names)}: {shown}{', ...' if len(names) > 10 else ''}" if names else "-"


def _size(size: int) -> str:
    """Bytes as people read them."""
    for unit, name in ((10**9, "GB"), (10**6, "MB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size / 1000:.1f} kB"
