"""What is known of a model without running it: from the model, or from its files without reading weights."""

from __future__ import annotations

import collections
import dataclasses
import importlib
import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import nn

from dure.errors import MissingFileError
from dure.hub.resolve import CONFIG_PATTERNS, TOKENIZER_PATTERNS, Snapshot, resolve
from dure.models.auto import FAMILIES, AutoConfig, AutoModel
from dure.models.card import CARD_FILE, read_metadata
from dure.models.checkpoint import stored_weights
from dure.models.pretrained import PreTrainedModel
from dure.typing import JsonObject, PathLike

if TYPE_CHECKING:
    from dure.models.config import PretrainedConfig

__all__ = ["Summary", "summarize"]

#: Bytes of a number.
_PRECISIONS = {"float32": 4, "bfloat16": 2, "float16": 2}
#: Columns of the table.
_WIDTH = 100
#: What configurations call the longest text; the first that one has.
_LENGTHS = ("max_position_embeddings", "n_positions", "max_encoder_position_embeddings", "n_ctx")


@dataclasses.dataclass(frozen=True)
class Summary:
    """What is known of a model.

    Attributes:
        name: Of the checkpoint; None for a new model.
        family: ``model_type``.
        model_class: The class with the head that the checkpoint was saved from.
        heads: All classes of the family.
        parameters: Numbers in each part of the model, by the original's names; those that two parts share once.
        num_layers: Blocks of the parts that are made of blocks.
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
    num_layers: dict[str, int]
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
        reader = _reader(model)
        has_labels = name.endswith(("ForSequenceClassification", "ForTokenClassification"))
        known = {} if snapshot is None else read_metadata(snapshot)
        license_ = known.get("license")
        return cls(
            name=None if snapshot is None else snapshot.name,
            family=config.model_type,
            model_class=name,
            heads=tuple(sorted(_classes(config.model_type))) or (name,),
            parameters=_parameters(model),
            num_layers=_num_layers(model),
            stored=None if snapshot is None else _stored(snapshot),
            context_length=_context_length(reader),
            vocab_size=getattr(reader.config, "vocab_size", None),
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
        total = f"{self.num_parameters:,}"
        rows.append(("parameters", total))
        for part, count in self.parameters.items():
            num_layers = self.num_layers.get(part)
            layers = f" in {num_layers} layer{'s' * (num_layers > 1)}" if num_layers else ""
            rows.append((f"  {part}", f"{count:,}".rjust(len(total)) + layers))
        rows.append(("memory", _sizes(self.memory)))
        if self.stored is not None:
            largest = max(self.stored.values())
            # Older checkpoints also hold a few numbers that are no weights.
            rows.append(("files", _sizes({p: size for p, size in self.stored.items() if size * 1000 > largest})))
        rows.append(("context length", "-" if self.context_length is None else f"{self.context_length:,} tokens"))
        rows.append(("vocabulary", "-" if self.vocab_size is None else f"{self.vocab_size:,}"))
        rows.append(("tokenizer", self.tokenizer or "-"))
        rows.append(("labels", _listed(self.labels)))
        rows.append(("license", self.license or "-"))
        width = max(len(label) for label, _ in rows)
        return "\n".join(_row(label.ljust(width + 2), value) for label, value in rows)


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
    classes = _classes(config.model_type)
    return next((classes[name] for name in config.architectures or () if name in classes), AutoModel.from_config)


def _classes(model_type: str) -> dict[str, Any]:
    """A family's models by name; none of a family that Dure doesn't have."""
    if model_type not in FAMILIES:
        return {}
    family = importlib.import_module(FAMILIES[model_type][0])
    return {name: getattr(family, name) for name in family.__all__ if not name.endswith("Config")}


def _reader(model: PreTrainedModel) -> PreTrainedModel:
    """What reads a text: of two models in one, the encoder."""
    encoder = getattr(model, "encoder", None)
    return encoder if isinstance(encoder, PreTrainedModel) else model


def _parts(model: PreTrainedModel) -> Iterator[tuple[str, str, nn.Parameter]]:
    """Each parameter, with its part as the original names it, and as it is named here.

    Parts are what the model is made of, and of a body in a head what the body is made of. What is tied to another
    parameter is left out: a model without memory holds it twice.
    """
    prefix = f"{model.base_model_prefix}."
    for name, parameter in model.named_parameters():
        if name not in model.active_ties:
            depth = 2 if name.startswith(prefix) else 1
            original, ours = (".".join(n.split(".")[:depth]) for n in (model.renames.to_original(name), name))
            yield original, ours, parameter


def _parameters(model: PreTrainedModel) -> dict[str, int]:
    """Numbers by part."""
    counts: collections.Counter[str] = collections.Counter()
    for part, _, parameter in _parts(model):
        counts[part] += parameter.numel()
    return dict(counts)


def _num_layers(model: PreTrainedModel) -> dict[str, int]:
    """Blocks of the parts that are made of blocks."""
    modules = {part: model.get_submodule(ours) for part, ours, _ in _parts(model) if ours not in model._parameters}
    counts = {
        part: max((len(m) for m in module.modules() if isinstance(m, nn.ModuleList)), default=0)
        for part, module in modules.items()
    }
    return {part: count for part, count in counts.items() if count}


def _stored(snapshot: Snapshot) -> dict[str, int] | None:
    """Bytes of weights by precision, from the files' headers; None where there are none, or only pickles."""
    try:
        sizes: collections.Counter[str] = collections.Counter()
        for precision, size in stored_weights(snapshot):
            sizes[precision] += size
    except MissingFileError:
        return None
    return dict(sizes.most_common()) or None


def _context_length(model: PreTrainedModel) -> int | None:
    """Tokens of the longest text: positions, less those before a text's first (RoBERTa's, which are the padding's)."""
    lengths = (getattr(model.config, name, None) for name in _LENGTHS)
    length = next((length for length in lengths if isinstance(length, int)), None)
    first = getattr(getattr(model.base_model, "embeddings", None), "first_position", 0)
    return None if length is None else length - first


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


def _row(label: str, value: str) -> str:
    """A row of the table; what is too long goes on below."""
    if len(label + value) <= _WIDTH:
        return label + value
    return textwrap.fill(
        value, _WIDTH, initial_indent=label, subsequent_indent=" " * len(label), break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def _sizes(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{precision} {_size(size)}" for precision, size in sizes.items())


def _size(size: int) -> str:
    """Bytes as people read them."""
    for unit, name in ((10**9, "GB"), (10**6, "MB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size / 1000:.1f} kB"
