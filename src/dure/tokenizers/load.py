"""From a name or folder to what a tokenizer is made of: its files, read and checked."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dure.errors import MissingFileError, TokenizerError
from dure.tokenizers.added_tokens import AddedToken
from dure.tokenizers.family import ROLES, Family
from dure.typing import JsonObject, PathLike

if TYPE_CHECKING:
    from dure.tokenizers._core import Engine

__all__ = ["TokenizerFiles", "engine_from", "header_of", "load_files", "model_type_of", "read_json"]

#: Files that say something about a tokenizer without being its vocabulary.
_SETTINGS_FILES = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "config.json")

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
        folder: Where its files are, or None if it's a single file.
        single: The single file, or None.
        config: tokenizer_config.json.
        special_tokens_map: special_tokens_map.json.
        added_tokens: added_tokens.json.
        model_config: config.json.
        chat_template: The chat templates that are files of their own: one, several by name, or None.
    """

    name: str
    folder: Path | None = None
    single: Path | None = None
    config: JsonObject = field(default_factory=dict)
    special_tokens_map: JsonObject = field(default_factory=dict)
    added_tokens: JsonObject = field(default_factory=dict)
    model_config: JsonObject = field(default_factory=dict)
    chat_template: str | dict[str, str] | None = None

    def find(self, *names: str) -> Path | None:
        """The first of these files that is there; ``*`` in a name stands for anything."""
        if self.single is not None:
            return next((self.single for name in names if fnmatch.fnmatch(self.single.name, name)), None)
        for name in names:
            assert self.folder is not None
            found = sorted(self.folder.glob(name)) if "*" in name else [self.folder / name]
            if found and found[0].is_file():
                return found[0]
        return None

    def vocabularies(self, family: Family) -> dict[str, Path]:
        """The vocabulary files of a family that are there, by the argument that takes them."""
        if self.single is not None:
            first = next(iter(family.files))
            return {} if self.single.name == "tokenizer.json" else {first: self.single}
        found = {argument: self.find(*names) for argument, names in family.files.items()}
        return {argument: path for argument, path in found.items() if path is not None}

    def arguments(self, family: Family, overrides: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments for a family's class, from these files and then from the user.

        Raises:
            MissingFileError: There is neither a tokenizer.json nor a vocabulary of the family.
        """
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
        files = self.vocabularies(family)
        document = self.find("tokenizer.json")
        if self.single is not None and self.single.suffix == ".json" and not files.keys() & {"merges_file"}:
            files, document = {}, self.single
        if document is not None:
            files["tokenizer_file"] = document
        if not files:
            raise self.missing([name for names in family.files.values() for name in names[:1]])
        return {"name_or_path": self.name, **settings, **{name: path for name, path in files.items() if path}}

    def missing(self, names: list[str]) -> MissingFileError:
        """What was looked for, and what is there."""
        assert self.folder is not None
        there = sorted(path.name for path in self.folder.iterdir()) or ["nothing"]
        wanted = [name for name in dict.fromkeys(["tokenizer.json", *names]) if "*" not in name]
        return MissingFileError(
            f"{self.name} has no tokenizer: looked for {', '.join(wanted[:-1])} and {wanted[-1]} in {self.folder}, "
            f"which has {', '.join(there[:12])}{', ...' if len(there) > 12 else ''}"
        )

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
        name: A name on the Hub, a folder, or the path of a tokenizer.json or of a vocabulary file.
        arguments: All arguments of ``from_pretrained``; those that are about files are taken out.

    Raises:
        TokenizerError: A file is not what its name says.
    """
    for ignored in _IGNORED_ARGUMENTS:
        arguments.pop(ignored, None)
    where = {option: arguments.pop(option) for option in _HUB_ARGUMENTS if option in arguments}
    if Path(name).is_file():
        return TokenizerFiles(str(name), single=Path(name))
    from dure.hub.resolve import TOKENIZER_PATTERNS, resolve

    where["revision"] = None if where.get("revision") == "main" else where.get("revision")
    snapshot = resolve(name, files=TOKENIZER_PATTERNS, **where)
    config, special_tokens_map, added_tokens, model_config = (
        read_json(snapshot.find(file)) for file in _SETTINGS_FILES
    )
    return TokenizerFiles(
        str(name),
        folder=snapshot.path,
        config=config,
        special_tokens_map=special_tokens_map,
        added_tokens=added_tokens,
        model_config=model_config,
        chat_template=_chat_template(snapshot.path),
    )


def _chat_template(folder: Path) -> str | dict[str, str] | None:
    """The chat templates that are files of their own."""
    paths = {path.stem: path for path in sorted((folder / "additional_chat_templates").glob("*.jinja"))}
    if (folder / "chat_template.jinja").is_file():
        paths = {"default": folder / "chat_template.jinja", **paths}
    templates = {name: path.read_text(encoding="utf-8") for name, path in paths.items()}
    if not templates:
        return None
    return templates["default"] if list(templates) == ["default"] else templates


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


def model_type_of(model: JsonObject) -> str:
    """The type of a tokenizer.json's model; older files don't say it, so what's in the model does."""
    if "type" in model:
        return str(model["type"])
    if "merges" in model:
        return "BPE"
    if isinstance(model.get("vocab"), list):
        return "Unigram"
    return "WordPiece" if "max_input_chars_per_word" in model else "WordLevel"


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
