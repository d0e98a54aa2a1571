"""From a name or folder to what a tokenizer is made of: its files, read and checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dure.errors import MissingFileError, TokenizerError
from dure.tokenizers.added_tokens import AddedToken
from dure.tokenizers.special_tokens import ROLES
from dure.typing import JsonObject, PathLike

if TYPE_CHECKING:
    from dure.tokenizers._core import Engine

__all__ = ["TOKENIZER_FILES", "TokenizerFiles", "engine_from", "header_of", "load_files", "read_json"]

#: Every file that a tokenizer may be made of.
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "chat_template.jinja",
    "config.json",
)

#: Arguments of ``from_pretrained`` that say where files come from. The rest are settings of the tokenizer.
_HUB_ARGUMENTS = ("revision", "update", "cache_dir", "token", "local_files_only")
#: Accepted since code passes them, but they change nothing here.
_IGNORED_ARGUMENTS = (
    "force_download",
    "proxies",
    "resume_download",
    "subfolder",
    "trust_remote_code",
    "use_auth_token",
    "use_fast",
    "_from_auto",
    "_commit_hash",
)
#: Keys of tokenizer_config.json that describe files, or how somebody loaded them, rather than settings.
_NOT_SETTINGS = (
    "tokenizer_class",
    "tokenizer_file",
    "vocab_file",
    "special_tokens_map_file",
    "device_map",
    "name_or_path",
    "backend",
    "is_local",
    "local_files_only",
)


@dataclass(frozen=True)
class TokenizerFiles:
    """The files of one tokenizer.

    Attributes:
        name: What the user called it.
        tokenizer_json: Path of tokenizer.json, or None.
        vocab_txt: Path of vocab.txt, or None.
        config: tokenizer_config.json.
        special_tokens_map: special_tokens_map.json.
        added_tokens: added_tokens.json.
        model_config: config.json.
        chat_template: chat_template.jinja, or None.
    """

    name: str
    tokenizer_json: Path | None = None
    vocab_txt: Path | None = None
    config: JsonObject = field(default_factory=dict)
    special_tokens_map: JsonObject = field(default_factory=dict)
    added_tokens: JsonObject = field(default_factory=dict)
    model_config: JsonObject = field(default_factory=dict)
    chat_template: str | None = None

    def arguments(self, overrides: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments for a tokenizer's class, from these files and then from the user."""
        settings: dict[str, Any] = {
            name: _with_tokens(value) for name, value in self.config.items() if name not in _NOT_SETTINGS
        }
        # transformers 5 calls the tokens without a role so, which was the name of roles before.
        if isinstance(settings.get("extra_special_tokens"), list):
            settings["additional_special_tokens"] = settings.pop("extra_special_tokens")
        if self.chat_template is not None:
            settings["chat_template"] = self.chat_template
        by_id = settings.pop("added_tokens_decoder", None)
        if by_id is None:
            settings |= self._older_special_tokens()
            by_id = {
                id_: AddedToken(token, special=token in _texts_of_roles(settings))
                for token, id_ in self.added_tokens.items()
            }
        settings["added_tokens_decoder"] = {int(id_): _with_tokens(token) for id_, token in by_id.items()}
        settings |= overrides
        files = {"tokenizer_file": self.tokenizer_json, "vocab_file": self.vocab_txt}
        return {"name_or_path": self.name, **settings, **{name: path for name, path in files.items() if path}}

    def _older_special_tokens(self) -> dict[str, Any]:
        """The tokens of special_tokens_map.json, which counted before tokenizer_config.json listed all of them."""
        found: dict[str, Any] = {}
        for role, value in self.special_tokens_map.items():
            if isinstance(value, list):
                found[role] = [
                    AddedToken.from_dict(token, special=True) if isinstance(token, dict) else token for token in value
                ]
            else:
                found[role] = AddedToken.from_dict(value, special=True) if isinstance(value, dict) else value
        return found


def _texts_of_roles(settings: Mapping[str, Any]) -> set[str]:
    tokens = [settings[role] for role in ROLES if settings.get(role) is not None]
    return {str(token) for token in (*tokens, *(settings.get("additional_special_tokens") or []))}


def _with_tokens(value: Any) -> Any:
    """A value from tokenizer_config.json in which every description of a token has become an :class:`AddedToken`."""
    if isinstance(value, dict):
        if value.get("__type") == "AddedToken" or {"content", "lstrip", "rstrip"} <= value.keys():
            return AddedToken.from_dict(value)
        return {name: _with_tokens(item) for name, item in value.items()}
    return [_with_tokens(item) for item in value] if isinstance(value, list) else value


def load_files(name: PathLike, arguments: dict[str, Any]) -> TokenizerFiles:
    """Find and read the files behind a name, a folder or a single file.

    Args:
        name: A name on the Hub, a folder, or the path of a tokenizer.json or vocab.txt.
        arguments: All arguments of ``from_pretrained``; those that are about files are taken out.

    Raises:
        MissingFileError: There is neither a tokenizer.json nor a vocab.txt.
        TokenizerError: A file is not what its name says.
    """
    for ignored in _IGNORED_ARGUMENTS:
        arguments.pop(ignored, None)
    where = {option: arguments.pop(option) for option in _HUB_ARGUMENTS if option in arguments}
    if Path(name).is_file():
        path = Path(name)
        is_json = path.suffix == ".json"
        return TokenizerFiles(str(name), tokenizer_json=path if is_json else None, vocab_txt=None if is_json else path)
    from dure.hub.resolve import resolve

    where["revision"] = None if where.get("revision") == "main" else where.get("revision")
    snapshot = resolve(name, files=TOKENIZER_FILES, **where)
    found = {file: snapshot.find(file) for file in TOKENIZER_FILES}
    if found["tokenizer.json"] is None and found["vocab.txt"] is None:
        there = sorted(path.name for path in snapshot.path.iterdir()) or ["nothing"]
        raise MissingFileError(
            f"{name} has no tokenizer: looked for tokenizer.json and vocab.txt in {snapshot.path}, which has "
            f"{', '.join(there[:12])}{', ...' if len(there) > 12 else ''}"
        )
    template = found["chat_template.jinja"]
    return TokenizerFiles(
        str(name),
        tokenizer_json=found["tokenizer.json"],
        vocab_txt=found["vocab.txt"],
        config=read_json(found["tokenizer_config.json"]),
        special_tokens_map=read_json(found["special_tokens_map.json"]),
        added_tokens=read_json(found["added_tokens.json"]),
        model_config=read_json(found["config.json"]),
        chat_template=template.read_text(encoding="utf-8") if template else None,
    )


def read_json(path: Path | None) -> JsonObject:
    """The object in a JSON file; empty if there's no file.

    Raises:
        TokenizerError: The file is not JSON, or not an object.
    """
    return {} if path is None else parse_json(path.read_bytes(), str(path))


def parse_json(data: bytes, name: str) -> JsonObject:
    """The object in JSON text; ``name`` is the file that an error names.

    Raises:
        TokenizerError: The text is not JSON, or not an object.
    """
    try:
        content = json.loads(data)
    except ValueError as error:  # bad JSON, or not UTF-8
        raise TokenizerError(f"{name} is not valid JSON ({error}): fetch or save it again") from error
    if not isinstance(content, dict):
        raise TokenizerError(f"{name} must hold a JSON object, but holds a {type(content).__name__}")
    return content


def header_of(data: bytes, name: str) -> JsonObject:
    """A tokenizer.json without its model: nearly all of the file is vocabulary, which only the engine needs to read."""
    # The key can't be inside a string: quotes are escaped there. If another part has the same key, parsing fails.
    head, key, _ = data.partition(b'"model":')
    if key:
        try:
            header = json.loads(head + b'"model":null}')
        except ValueError:
            pass
        else:
            if {"added_tokens", "normalizer", "padding", "truncation"} <= header.keys():
                return dict(header)
    return parse_json(data, name)


def engine_from(data: bytes, name: str) -> Engine:
    """The engine for a tokenizer.json.

    Raises:
        TokenizerError: The file is damaged, or asks for something the engine doesn't have.
    """
    from dure.tokenizers._core import Engine

    try:
        return Engine.from_json(data)
    except ValueError as error:
        raise TokenizerError(f"{name} is not a tokenizer that Dure reads: {error}") from error
