"""Model cards: README.md with metadata that the Hub reads, written from what is known."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dure.typing import JsonObject

if TYPE_CHECKING:
    from dure.hub.resolve import Snapshot
    from dure.models.pretrained import PreTrainedModel

__all__ = ["CARD_FILE", "card_of", "card_tags", "read_metadata"]

CARD_FILE = "README.md"
#: What the name of a head says it is for, as the Hub calls it; the first that fits.
_TASKS = {
    "ForSequenceClassification": "text-classification",
    "ForTokenClassification": "token-classification",
    "ForQuestionAnswering": "question-answering",
    "ForMaskedLM": "fill-mask",
    "ForCausalLM": "text-generation",
    "LMHeadModel": "text-generation",
    "ForConditionalGeneration": "text2text-generation",
    "MTModel": "translation",
    "EncoderDecoderModel": "text2text-generation",
    "ForMultipleChoice": "multiple-choice",
    "Model": "feature-extraction",
}
#: What a model inherits from the one that it was trained from.
_INHERITED = ("license", "language")
_PLAIN = re.compile(r"[A-Za-z][\w./-]*")
#: Words that YAML reads as something else than text; "no" is Norwegian, too.
_YAML_WORDS = {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}


def card_of(model: PreTrainedModel, known: Mapping[str, Any] | None = None) -> str:
    """The text of a card.

    Args:
        model: What the card is about.
        known: More metadata, such as ``{"license": "mit", "datasets": ["klue"], "metrics": ["accuracy"]}``.
    """
    metadata = {key: value for key, value in _metadata(model).items() if value} | dict(known or {})
    name = type(model).__name__
    base = metadata.get("base_model")
    facts = [f"- Class: `{name}` (`{model.config.model_type}`)", f"- Parameters: {model.num_parameters():,}"]
    facts += [f"- Trained from: {base}"] if base else []
    if metadata.get("pipeline_tag") in {"text-classification", "token-classification"}:
        facts.append(f"- Labels: {', '.join(map(str, model.config.id2label.values()))}")
    return (
        f"---\n{_to_yaml(metadata)}---\n\n# {name}\n\n" + "\n".join(facts) + "\n\n## How to use\n\n"
        f"```python\nfrom dure import {name}  # or: from transformers import {name}\n\n"
        f'model = {name}.from_pretrained("this-folder-or-repository")\n```\n\n'
        "Written from what is known. Add what the model is for, the data it was trained on, how well it works and "
        "where it doesn't.\n"
    )


def read_metadata(snapshot: Snapshot) -> JsonObject:
    """The metadata of a checkpoint's card: values and lists of its first level; empty where there is none."""
    path = snapshot.find(CARD_FILE)
    text = path.read_text(encoding="utf-8", errors="replace") if path else ""
    found = re.match(r"---\r?\n(.*?\n)---", text, re.DOTALL)
    metadata: JsonObject = {}
    key = ""
    for line in found[1].splitlines() if found else ():
        if pair := re.fullmatch(r"([\w-]+):\s*(.*?)\s*", line):
            key = pair[1]
            metadata[key] = _from_yaml(pair[2])
        elif (item := re.fullmatch(r"\s*- ([^:]+?|[^:]*:[^ ].*?)\s*", line)) and metadata.get(key) in ("", None):
            metadata[key] = [_from_yaml(item[1])]
        elif item and isinstance(metadata.get(key), list):
            metadata[key].append(_from_yaml(item[1]))
    return {key: value for key, value in metadata.items() if value not in ("", None)}


def card_tags(model: PreTrainedModel) -> list[str]:
    """The tags that each card of the model has."""
    return ["dure", model.config.model_type]


def _metadata(model: PreTrainedModel) -> JsonObject:
    name = type(model).__name__
    task = next((task for suffix, task in _TASKS.items() if name.endswith(suffix)), None)
    metadata: JsonObject = {"library_name": "transformers", "pipeline_tag": task}
    metadata["tags"] = card_tags(model)
    origin = model.origin
    if origin is not None:
        of_origin = read_metadata(origin)
        # A folder's name means nothing elsewhere; its own card may say what it comes from.
        is_folder = origin.source == "folder"
        metadata["base_model"] = of_origin.get("base_model") if is_folder else origin.name
        inherited = (*_INHERITED, "datasets", "metrics") if is_folder else _INHERITED
        metadata |= {key: of_origin.get(key) for key in inherited}
    return metadata


def _to_yaml(metadata: Mapping[str, Any]) -> str:
    lines = []
    for key, value in metadata.items():
        if isinstance(value, list | tuple):
            lines += [f"{key}:", *(f"- {_scalar(item)}" for item in value)]
        else:
            lines.append(f"{key}: {_scalar(value)}")
    return "\n".join(lines) + "\n"


def _scalar(value: Any) -> str:
    """JSON is YAML; words need no quotes, but for some that YAML takes for something else."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _YAML_WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


def _from_yaml(text: str) -> Any:
    """A value of one line."""
    if text[:1] in {"[", '"', "{"} or text in {"true", "false"}:
        try:
            return json.loads(text)
        except ValueError:
            return [item.strip(" '\"") for item in text[1:-1].split(",")] if text[:1] == "[" else text.strip('"')
    return text.strip("'")
