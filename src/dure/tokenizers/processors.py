"""Post-processors: special tokens around one text or two. ``from dure.tokenizers import processors``."""

from __future__ import annotations

from collections.abc import Sequence as Sequence_
from typing import Any

from dure.errors import InputError
from dure.tokenizers.components import REQUIRED, Chain, Component, Setting
from dure.tokenizers.encoding import Encoding
from dure.typing import JsonObject

__all__ = [
    "BertProcessing",
    "ByteLevel",
    "PostProcessor",
    "RobertaProcessing",
    "Sequence",
    "TemplateProcessing",
]


class PostProcessor(Component, is_kind=True):
    """What all post-processors have in common."""

    def num_special_tokens_to_add(self, is_pair: bool) -> int:
        """How many tokens are put around one text, or around two (``is_pair``)."""
        del is_pair
        return 0

    def process(self, encoding: Encoding, pair: Encoding | None = None, add_special_tokens: bool = True) -> Encoding:
        """Put special tokens around one encoded text or two.

        Args:
            encoding: The first text.
            pair: The second text.
            add_special_tokens: Whether to put them there; False: only what else the processor does.

        Returns:
            A new encoding.
        """
        encodings = [encoding.copied(), *([pair.copied()] if pair is not None else [])]
        for index, each in enumerate(encodings):
            for one in (each, *each.overflowing):
                one.set_sequence_id(index)
            each.set_type_id(index)
        return Encoding.merge(self._process(encodings, add_special_tokens), growing_offsets=False)

    def _process(self, encodings: list[Encoding], is_adding: bool) -> list[Encoding]:
        """The parts of the result, in order; ``encodings`` may be changed."""
        raise NotImplementedError


def _token_setting() -> Setting[tuple[str, int]]:
    """A special token: its text and its id."""

    def write(value: tuple[Any, ...]) -> list[Any]:
        is_token = len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int) and value[1] >= 0
        if not is_token:
            raise ValueError("must be a pair of a text and an id")
        return list(value)

    return Setting(REQUIRED, kind=(tuple, list), write=write, read=lambda value: (value[0], value[1]))


def _special(ids: Sequence_[int], tokens: Sequence_[str], type_id: int) -> Encoding:
    count = len(ids)
    return Encoding.from_columns(
        ids=list(ids),
        type_ids=[type_id] * count,
        tokens=list(tokens),
        word_ids=[None] * count,
        offsets=[(0, 0)] * count,
        special_tokens_mask=[1] * count,
        attention_mask=[1] * count,
    )


def _wrapped(encoding: Encoding, sequence: int, before: list[Encoding], after: list[Encoding]) -> Encoding:
    """One text between special tokens; of its overflow, only the first level is kept."""

    def wrap(one: Encoding) -> Encoding:
        alone = one.copied()
        alone._overflow = []
        alone.mark_as_text()
        alone._ranges = {}
        alone.set_sequence_id(sequence)
        return Encoding.merge([*before, alone, *after], growing_offsets=False)

    wrapped = wrap(encoding)
    wrapped._overflow = [wrap(one) for one in encoding.overflowing]
    return wrapped


class BertProcessing(PostProcessor):
    """BERT's special tokens: ``[CLS] A [SEP]`` and ``[CLS] A [SEP] B [SEP]``.

    Args:
        sep: The separating token and its id.
        cls: The first token and its id.
    """

    sep = _token_setting()
    cls = _token_setting()

    def num_special_tokens_to_add(self, is_pair: bool) -> int:
        """How many tokens are put around one text, or around two (``is_pair``)."""
        return 3 if is_pair else 2

    def _process(self, encodings: list[Encoding], is_adding: bool) -> list[Encoding]:
        if not is_adding:
            return encodings
        first, last = _special([self.cls[1]], [self.cls[0]], 0), _special([self.sep[1]], [self.sep[0]], 0)
        parts = [_wrapped(encodings[0], 0, [first], [last])]
        behind = _special([self.sep[1]], [self.sep[0]], 1)
        return parts + [_wrapped(other, 1, [], [behind]) for other in encodings[1:]]


class RobertaProcessing(PostProcessor):
    """RoBERTa's special tokens: ``<s> A </s>`` and ``<s> A </s></s> B </s>``, all with type id 0.

    Args:
        sep: The separating token and its id.
        cls: The first token and its id.
        trim_offsets: Whether offsets leave out the spaces that byte-level tokens begin with.
        add_prefix_space: Whether the first space of a text was added by the pre-tokenizer.
    """

    sep = _token_setting()
    cls = _token_setting()
    trim_offsets = Setting(True)
    add_prefix_space = Setting(True)

    def num_special_tokens_to_add(self, is_pair: bool) -> int:
        """How many tokens are put around one text, or around two (``is_pair``)."""
        return 4 if is_pair else 2

    def _process(self, encodings: list[Encoding], is_adding: bool) -> list[Encoding]:
        if self.trim_offsets:
            _trim_all(encodings, has_added_space=self.add_prefix_space)
        for encoding in encodings:
            for one in (encoding, *(encoding.overflowing if is_adding else [])):
                one.set_type_id(0)
        if not is_adding:
            return encodings
        first, last = _special([self.cls[1]], [self.cls[0]], 0), _special([self.sep[1]], [self.sep[0]], 0)
        parts = [_wrapped(encodings[0], 0, [first], [last])]
        return parts + [_wrapped(other, 1, [last], [last]) for other in encodings[1:]]


class ByteLevel(PostProcessor):
    """Narrows the offsets of byte-level tokens to what isn't white space.

    Args:
        add_prefix_space: Whether the first space of a text was added by the pre-tokenizer.
        trim_offsets: Whether to do it.
        use_regex: Kept for files that have it.
    """

    add_prefix_space = Setting(True)
    trim_offsets = Setting(True)
    use_regex = Setting(True)
    _ignores_unknown = True

    def _process(self, encodings: list[Encoding], is_adding: bool) -> list[Encoding]:
        del is_adding
        if self.trim_offsets:
            _trim_all(encodings, has_added_space=self.add_prefix_space)
        for index, encoding in enumerate(encodings):
            encoding.set_sequence_id(index)
        return encodings


def _trim_all(encodings: list[Encoding], *, has_added_space: bool) -> None:
    for encoding in encodings:
        for one in (encoding, *encoding.overflowing):
            tokens, offsets = one.tokens, one.offsets
            one.set_offsets(
                [
                    trimmed(token, span, is_first=index == 0, has_added_space=has_added_space)
                    for index, (token, span) in enumerate(zip(tokens, offsets, strict=True))
                ]
            )


def trimmed(token: str, span: tuple[int, int], *, is_first: bool, has_added_space: bool) -> tuple[int, int]:
    """The offsets of a byte-level token without the spaces at its ends.

    Args:
        token: The token; ``Ġ`` stands for a space.
        span: Its offsets.
        is_first: Whether it's the first token of its text.
        has_added_space: Whether the first space of a text was added, so that the text has none there.
    """
    num_left, num_right = (_num_spaces(text) for text in (token, token[::-1]))
    begin, end = span
    if num_left:
        if (is_first or begin == 0) and has_added_space and num_left == 1:
            num_left = 0
        begin = min(begin + num_left, end)
    if num_right and end >= num_right:
        end = max(end - num_right, begin)
    return (begin, end)


def _num_spaces(token: str) -> int:
    count = 0
    for character in token:
        # Python counts four separators (U+001C to U+001F) as space, which Unicode's White_Space doesn't have.
        if character != "Ġ" and (not character.isspace() or "\x1c" <= character <= "\x1f"):
            break
        count += 1
    return count


class TemplateProcessing(PostProcessor):
    """Special tokens as templates say.

    A template is a string of pieces, or a list of them: ``$A`` and ``$B`` are the first and the second text, others are
    special tokens; ``:1`` behind a piece is its type id: ``"[CLS] $A [SEP] $B:1 [SEP]:1"``.

    Args:
        single: The template for one text.
        pair: The template for two.
        special_tokens: Every special token of the templates, as (text, id), (id, text), or a dictionary with ``id``
            (its name in the templates), ``ids`` and ``tokens``, for one that stands for several.
    """

    def __init__(
        self,
        single: str | Sequence_[str] | None = None,
        pair: str | Sequence_[str] | None = None,
        special_tokens: Sequence_[tuple[str, int] | tuple[int, str] | dict[str, Any]] | None = None,
    ) -> None:
        tokens = [_special_token(token) for token in special_tokens or []]
        self._section = {
            "type": "TemplateProcessing",
            "single": _template("$A" if single is None else single),
            "pair": _template("$A:0 $B:1" if pair is None else pair),
            "special_tokens": {token["id"]: token for token in sorted(tokens, key=lambda token: str(token["id"]))},
        }
        self._check()

    def _check(self) -> None:
        texts = {piece["Sequence"]["id"] for piece in self._section["pair"] if "Sequence" in piece}
        if texts != {"A", "B"}:
            raise InputError("the template for a pair must use both texts, $A and $B")
        pieces = [*self._section["single"], *self._section["pair"]]
        used = [piece["SpecialToken"]["id"] for piece in pieces if "SpecialToken" in piece]
        missing = sorted({token for token in used if token not in self._section["special_tokens"]})
        if missing:
            raise InputError(f"the templates use {', '.join(map(repr, missing))}: give their ids in special_tokens")

    @property
    def single(self) -> list[JsonObject]:
        """The template for one text, piece by piece. Takes a string or a list of strings."""
        return list(self._section["single"])

    @single.setter
    def single(self, template: str | Sequence_[str]) -> None:
        self._change("single", _template(template))
        self._check()

    @property
    def pair(self) -> list[JsonObject]:
        """The template for two texts, piece by piece. Takes a string or a list of strings."""
        return list(self._section["pair"])

    @pair.setter
    def pair(self, template: str | Sequence_[str]) -> None:
        self._change("pair", _template(template))
        self._check()

    def num_special_tokens_to_add(self, is_pair: bool) -> int:
        """How many tokens are put around one text, or around two (``is_pair``)."""
        tokens = self._section["special_tokens"]
        pieces = self._section["pair" if is_pair else "single"]
        return sum(len(tokens[piece["SpecialToken"]["id"]]["ids"]) for piece in pieces if "SpecialToken" in piece)

    def _process(self, encodings: list[Encoding], is_adding: bool) -> list[Encoding]:
        parts = []
        for piece in self._section["pair" if len(encodings) == 2 else "single"]:
            if "Sequence" in piece:
                index = 0 if piece["Sequence"]["id"] == "A" else 1
                if index >= len(encodings):
                    raise InputError("the template for one text uses $B: give a second text, or change the template")
                encodings[index].set_type_id(piece["Sequence"]["type_id"])
                encodings[index].set_sequence_id(index)
                parts.append(encodings[index].copied())
            elif is_adding:
                token = self._section["special_tokens"][piece["SpecialToken"]["id"]]
                parts.append(_special(token["ids"], token["tokens"], piece["SpecialToken"]["type_id"]))
        return parts


def _template(template: str | Sequence_[str]) -> list[JsonObject]:
    if not isinstance(template, (str, list, tuple)):
        raise InputError(f"a template must be a string or a list of strings, but is {template!r}")
    pieces = template.split(" ") if isinstance(template, str) else template
    return [_piece(piece) for piece in pieces]


def _piece(piece: str) -> JsonObject:
    """A piece of a template: ``$A``, ``$B:1``, ``$0`` (the first text with type id 0), ``[SEP]:1``."""
    name, colon, number = piece.partition(":")
    if ":" in number or (colon and not number.isdecimal()):
        raise InputError(f"{piece!r} is not a piece of a template: write $A, $B, or a special token, with :<type id>")
    type_id = int(number or 0)
    if not name.startswith("$"):
        return {"SpecialToken": {"id": name, "type_id": type_id}}
    text = name[1:]
    if text.isdecimal():
        return {"Sequence": {"id": "A", "type_id": type_id if colon else int(text)}}
    if text.upper() not in ("", "A", "B"):
        raise InputError(f"{piece!r} is not a piece of a template: the texts are $A and $B")
    return {"Sequence": {"id": text.upper() or "A", "type_id": type_id}}


def _special_token(token: Any) -> JsonObject:
    if isinstance(token, dict) and token.keys() >= {"id", "ids", "tokens"}:
        if len(token["ids"]) != len(token["tokens"]):
            raise InputError(f"the special token {token['id']!r} must have as many ids as tokens, but is {token}")
        return {"id": token["id"], "ids": list(token["ids"]), "tokens": list(token["tokens"])}
    if isinstance(token, tuple) and len(token) == 2:
        text, id_ = token if isinstance(token[0], str) else token[::-1]
        if isinstance(text, str) and isinstance(id_, int):
            return {"id": text, "ids": [id_], "tokens": [text]}
    raise InputError(f"a special token of a template must be (text, id), (id, text) or a dictionary, but is {token!r}")


class Sequence(Chain, PostProcessor):
    """Several post-processors, one after the other.

    Args:
        processors: A list of them.
    """

    _key = "processors"
    _kind = PostProcessor
    _is_flat = False

    def __init__(self, processors: Any) -> None:
        self._take(processors)

    def num_special_tokens_to_add(self, is_pair: bool) -> int:
        """How many tokens are put around one text, or around two (``is_pair``)."""
        return sum(part.num_special_tokens_to_add(is_pair) for part in self._parts)

    def _process(self, encodings: list[Encoding], is_adding: bool) -> list[Encoding]:
        for part in self._parts:
            if isinstance(part, TemplateProcessing) and len(encodings) not in (1, 2):
                raise InputError(
                    "a TemplateProcessing of a Sequence takes one text or two, but the steps before it made "
                    f"{len(encodings)} parts: write them as one TemplateProcessing"
                )
            encodings = part._process(encodings, is_adding)
        return encodings
