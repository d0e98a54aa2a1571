"""A tokenizer as files that Dure and the original library read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dure.errors import InputError
from dure.tokenizers.added_tokens import AddedToken
from dure.tokenizers.bpe import write_merges
from dure.tokenizers.load import model_type_of
from dure.tokenizers.wordpiece import write_vocab
from dure.typing import JsonObject, PathLike

if TYPE_CHECKING:
    from dure.tokenizers.tokenizer import PreTrainedTokenizerFast

__all__ = ["save"]

#: Settings that are only true on this machine.
_PRIVATE = ("name_or_path", "tokenizer_file", "vocab_file", "merges_file", "special_tokens_map_file", "device_map")


def save(
    tokenizer: PreTrainedTokenizerFast,
    folder: PathLike,
    *,
    filename_prefix: str | None = None,
    with_vocab_file: bool = True,
) -> tuple[str, ...]:
    """Write a tokenizer's files; other files in the folder stay.

    Args:
        tokenizer: What to save.
        folder: Where; made if it's not there.
        filename_prefix: Put in front of every file's name, with a hyphen.
        with_vocab_file: Also write the vocabulary files that tokenizers written in Python load from, where this kind
            has any: vocab.txt, vocab.json and merges.txt, or the SentencePiece model it was built from.

    Returns:
        The paths of the files written.

    Raises:
        InputError: ``folder`` is a file.
    """
    from dure.hub.commit import atomic_folder

    folder = Path(folder)
    if folder.is_file():
        raise InputError(f"{folder} is a file: give a folder to save a tokenizer in")
    document = tokenizer.backend_tokenizer.to_json()
    writers: dict[str, Callable[[Path], None]] = {
        "tokenizer_config.json": lambda path: _write_json(path, settings_of(tokenizer)),
        "special_tokens_map.json": lambda path: _write_json(path, _roles_of(tokenizer)),
    }
    if isinstance(tokenizer.chat_template, str):
        template = tokenizer.chat_template
        writers["chat_template.jinja"] = lambda path: _write_text(path, template)
    if with_vocab_file or not tokenizer._has_document:
        vocabularies = _vocabularies(tokenizer, document)
        size = tokenizer.vocab_size
        beyond = {token: id_ for token, id_ in tokenizer.added_tokens_encoder.items() if id_ >= size}
        if vocabularies and beyond:
            writers["added_tokens.json"] = lambda path: _write_json(path, beyond)
        writers |= vocabularies
    if tokenizer._has_document:
        writers["tokenizer.json"] = lambda path: _write_text(path, document)
    prefix = f"{filename_prefix}-" if filename_prefix else ""
    with atomic_folder(folder) as temporary:
        for name, write in writers.items():
            write(temporary / f"{prefix}{name}")
    return tuple(str(folder / f"{prefix}{name}") for name in writers)


def settings_of(tokenizer: PreTrainedTokenizerFast) -> JsonObject:
    """The content of tokenizer_config.json."""
    settings = {name: getattr(tokenizer, name, value) for name, value in tokenizer.init_kwargs.items()}
    settings |= {
        "model_max_length": tokenizer.model_max_length,
        "clean_up_tokenization_spaces": tokenizer.clean_up_tokenization_spaces,
        "extra_special_tokens": dict(tokenizer.extra_special_tokens),
    }
    settings |= tokenizer.special_tokens_map
    if tokenizer.saved_class_name == "PreTrainedTokenizerFast":
        # transformers 4 and 5 take different columns for granted where no family decides.
        settings["model_input_names"] = list(tokenizer.model_input_names)
    for name in _PRIVATE:
        settings.pop(name, None)
    settings.pop("chat_template", None)
    if isinstance(tokenizer.chat_template, dict):
        settings["chat_template"] = [
            {"name": name, "template": template} for name, template in tokenizer.chat_template.items()
        ]
    settings = {name: _plain(value) for name, value in settings.items()}
    settings["added_tokens_decoder"] = {
        str(id_): token.to_dict() for id_, token in tokenizer.added_tokens_decoder.items()
    }
    settings["tokenizer_class"] = tokenizer.saved_class_name
    return settings


def _plain(value: Any) -> Any:
    if isinstance(value, AddedToken):
        return {**value.to_dict(), "__type": "AddedToken"}
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _roles_of(tokenizer: PreTrainedTokenizerFast) -> JsonObject:
    """The content of special_tokens_map.json."""

    def described(token: Any) -> Any:
        return token.to_dict(with_special=False) if isinstance(token, AddedToken) else token

    return {
        role: [described(token) for token in tokens] if isinstance(tokens, list) else described(tokens)
        for role, tokens in tokenizer.special_tokens_map_extended.items()
    }


def _vocabularies(tokenizer: PreTrainedTokenizerFast, document: str) -> dict[str, Callable[[Path], None]]:
    """What writes the vocabulary files of the tokenizer's kind, by their names."""
    family = tokenizer.family
    copies = {
        family.files[argument][0]: path.read_bytes()
        for argument, path in tokenizer._vocab_files.items()
        if argument in family.files and path.suffix in (".model", ".spm") and path.is_file()
    }
    if not tokenizer._has_document:  # every file counts
        copies |= {family.files[argument][0]: path.read_bytes() for argument, path in tokenizer._vocab_files.items()}
    if copies:
        return {name: lambda path, data=data: path.write_bytes(data) for name, data in copies.items()}  # type: ignore[misc]
    model = json.loads(document)["model"]
    kind = model_type_of(model)
    if kind == "WordPiece":
        return {"vocab.txt": lambda path: write_vocab(path, model["vocab"])}
    if kind == "BPE" and family.files.get("vocab_file", ("",))[0] == "vocab.json":
        ordered = dict(sorted(model["vocab"].items(), key=lambda item: item[1]))
        return {
            "vocab.json": lambda path: _write_text(path, json.dumps(ordered, ensure_ascii=False)),
            "merges.txt": lambda path: write_merges(path, model["merges"]),
        }
    return {}


def _write_json(path: Path, content: JsonObject) -> None:
    _write_text(path, json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
