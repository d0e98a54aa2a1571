"""Tokenizers that are put together already: give a vocabulary, or train one."""
# ruff: noqa: S107 -- tokens aren't passwords

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from dure.errors import InputError, TokenizerError
from dure.tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers
from dure.tokenizers.added_tokens import AddedToken
from dure.tokenizers.components import Regex
from dure.tokenizers.core_tokenizer import Tokenizer
from dure.typing import PathLike

__all__ = [
    "BertWordPieceTokenizer",
    "ByteLevelBPETokenizer",
    "CharBPETokenizer",
    "ReadyMade",
    "SentencePieceBPETokenizer",
    "SentencePieceUnigramTokenizer",
]

Vocab = Mapping[str, int] | str
Merges = Sequence[tuple[str, str]] | str


class ReadyMade(Tokenizer):
    """What these tokenizers have in common. Each is a :class:`~dure.tokenizers.Tokenizer` with its parts in place."""

    #: The trainer of the family, and its settings where they differ from the trainer's own.
    _trainer: ClassVar[type[trainers.Trainer]]
    _training: ClassVar[dict[str, Any]] = {}
    _parameters: Mapping[str, Any] = {}

    def _assemble(
        self, model: models.Model, special: Iterable[str | AddedToken], parameters: Mapping[str, Any]
    ) -> None:
        super().__init__(model)
        self._parameters = dict(parameters)
        known = [str(token) for token in special if model.token_to_id(str(token)) is not None]
        self.add_special_tokens(known)

    @property
    def _tokenizer(self) -> Self:
        """The tokenizer itself: in the original it's wrapped in another object."""
        return self

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value}" for name, value in self._parameters.items())
        return f"Tokenizer(vocabulary_size={self.get_vocab_size()}, {shown})"

    __str__ = __repr__

    def normalize(self, sequence: str) -> str:
        """What the normalizer makes of a text."""
        return sequence if self.normalizer is None else self.normalizer.normalize_str(sequence)

    def save_model(self, directory: PathLike, prefix: str | None = None) -> list[str]:
        """Write the vocabulary to the files that are usual for this kind of model.

        Args:
            directory: Where to; it must be there.
            prefix: Put in front of the files' names, with a hyphen.

        Returns:
            The paths of the files.
        """
        return self.model.save(directory, prefix)

    def train(self, files: PathLike | Sequence[PathLike], *args: Any, **settings: Any) -> None:
        """Learn the vocabulary from text files.

        Args:
            files: The path of a UTF-8 file, or several.
            *args: The first settings, in the trainer's order.
            **settings: Settings of the family's trainer: ``vocab_size``, ``min_frequency``, ``special_tokens``, ...
        """
        super().train([files] if isinstance(files, str) else files, self._make_trainer(args, settings))  # type: ignore[arg-type]

    def train_from_iterator(
        self, iterator: Iterable[Any], *args: Any, length: int | None = None, **settings: Any
    ) -> None:
        """Learn the vocabulary from texts.

        Args:
            iterator: Texts, or lists of texts.
            *args: The first settings, in the trainer's order.
            length: How many texts there are, for the progress bar.
            **settings: Settings of the family's trainer: ``vocab_size``, ``min_frequency``, ``special_tokens``, ...
        """
        super().train_from_iterator(iterator, self._make_trainer(args, settings), length)

    def _make_trainer(self, args: tuple[Any, ...], settings: dict[str, Any]) -> trainers.Trainer:
        if len(args) > len(self._training):
            raise TypeError(f"training takes at most {len(self._training)} settings by position, but got {len(args)}")
        given = {**self._training, **dict(zip(self._training, args, strict=False)), **settings}
        names = {"wordpieces_prefix": "continuing_subword_prefix", "suffix": "end_of_word_suffix"}
        return self._trainer(**{names.get(name, name): value for name, value in given.items() if value is not None})


class BertWordPieceTokenizer(ReadyMade):
    """BERT's tokenizer.

    Args:
        vocab: The id of each token.
        unk_token: The token for words that can't be split.
        sep_token: The token between texts.
        cls_token: The first token.
        pad_token: The padding token.
        mask_token: The token that hides a word.
        clean_text: Drop control characters; any white space becomes a space.
        handle_chinese_chars: Put spaces around Chinese characters.
        strip_accents: Take accents off; None: if ``lowercase``.
        lowercase: Capital letters become small ones.
        wordpieces_prefix: What tokens begin with that don't begin a word.

    Raises:
        TokenizerError: The vocabulary lacks ``sep_token`` or ``cls_token``.
    """

    _trainer = trainers.WordPieceTrainer
    _training: ClassVar[dict[str, Any]] = {
        "vocab_size": 30000,
        "min_frequency": 2,
        "limit_alphabet": 1000,
        "initial_alphabet": [],
        "special_tokens": ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
        "show_progress": True,
        "wordpieces_prefix": "##",
    }

    def __init__(
        self,
        vocab: Vocab | None = None,
        unk_token: str | AddedToken = "[UNK]",
        sep_token: str | AddedToken = "[SEP]",
        cls_token: str | AddedToken = "[CLS]",
        pad_token: str | AddedToken = "[PAD]",
        mask_token: str | AddedToken = "[MASK]",
        clean_text: bool = True,
        handle_chinese_chars: bool = True,
        strip_accents: bool | None = None,
        lowercase: bool = True,
        wordpieces_prefix: str = "##",
    ) -> None:
        special = {"unk": unk_token, "sep": sep_token, "cls": cls_token, "pad": pad_token, "mask": mask_token}
        cleaning = {
            "clean_text": clean_text,
            "handle_chinese_chars": handle_chinese_chars,
            "strip_accents": strip_accents,
            "lowercase": lowercase,
        }
        roles = {f"{role}_token": token for role, token in special.items()}
        parameters = {"model": "BertWordPiece", **roles, **cleaning, "wordpieces_prefix": wordpieces_prefix}
        self._assemble(models.WordPiece(vocab, unk_token=str(unk_token)), special.values(), parameters)
        self.normalizer = normalizers.BertNormalizer(**cleaning)
        self.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        if vocab is not None:
            self.post_processor = processors.BertProcessing(self._known(sep_token), self._known(cls_token))
        self.decoder = decoders.WordPiece(prefix=wordpieces_prefix)

    def _known(self, token: str | AddedToken) -> tuple[str, int]:
        id_ = self.model.token_to_id(str(token))
        if id_ is None:
            raise TokenizerError(f"the vocabulary has no {str(token)!r}: give sep_token and cls_token as it names them")
        return (str(token), id_)

    @classmethod
    def from_file(cls, vocab: PathLike, **kwargs: Any) -> Self:  # type: ignore[override]
        """A tokenizer from a vocab.txt.

        Args:
            vocab: The path of the file.
            **kwargs: Settings of the tokenizer.
        """
        return cls(models.WordPiece.read_file(vocab), **kwargs)


class _FromMerges(ReadyMade):
    """A tokenizer whose files are a vocab.json and a merges.txt."""

    _trainer = trainers.BpeTrainer

    @classmethod
    def from_file(cls, vocab_filename: PathLike, merges_filename: PathLike, **kwargs: Any) -> Self:  # type: ignore[override]
        """A tokenizer from a vocab.json and a merges.txt.

        Args:
            vocab_filename: The path of the vocab.json.
            merges_filename: The path of the merges.txt.
            **kwargs: Settings of the tokenizer.
        """
        vocab, merges = models.BPE.read_file(vocab_filename, merges_filename)
        make: Any = cls
        made: Self = make(vocab, merges, **kwargs)
        return made


def _normalizer_of(parts: Sequence[normalizers.Normalizer]) -> normalizers.Normalizer | None:
    if len(parts) > 1:
        return normalizers.Sequence(parts)
    return parts[0] if parts else None


class ByteLevelBPETokenizer(_FromMerges):
    """GPT-2's tokenizer: byte-pair encoding of bytes, so nothing is unknown.

    Args:
        vocab: The id of each token.
        merges: The pairs of tokens that are merged, in order.
        add_prefix_space: Put a space in front of a text that has none.
        lowercase: Capital letters become small ones.
        dropout: How likely a merge is skipped.
        unicode_normalizer: ``nfc``, ``nfd``, ``nfkc`` or ``nfkd``.
        continuing_subword_prefix: What tokens begin with that don't begin a word.
        end_of_word_suffix: What tokens end with that end a word.
        trim_offsets: Whether offsets leave out the spaces that tokens begin with.
    """

    _training: ClassVar[dict[str, Any]] = {
        "vocab_size": 30000,
        "min_frequency": 2,
        "show_progress": True,
        "special_tokens": [],
    }

    def __init__(
        self,
        vocab: Vocab | None = None,
        merges: Merges | None = None,
        add_prefix_space: bool = False,
        lowercase: bool = False,
        dropout: float | None = None,
        unicode_normalizer: str | None = None,
        continuing_subword_prefix: str | None = None,
        end_of_word_suffix: str | None = None,
        trim_offsets: bool = False,
    ) -> None:
        parameters = {
            "model": "ByteLevelBPE",
            "add_prefix_space": add_prefix_space,
            "lowercase": lowercase,
            "dropout": dropout,
            "unicode_normalizer": unicode_normalizer,
            "continuing_subword_prefix": continuing_subword_prefix,
            "end_of_word_suffix": end_of_word_suffix,
            "trim_offsets": trim_offsets,
        }
        settings: dict[str, Any] = {
            "dropout": dropout,
            "continuing_subword_prefix": continuing_subword_prefix or "",
            "end_of_word_suffix": end_of_word_suffix or "",
        }
        model = models.BPE(vocab, merges, **settings) if vocab is not None and merges is not None else models.BPE()
        self._assemble(model, (), parameters)
        parts = [normalizers.unicode_normalizer_from_str(unicode_normalizer)] if unicode_normalizer else []
        self.normalizer = _normalizer_of([*parts, *([normalizers.Lowercase()] if lowercase else [])])
        self.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
        self.decoder = decoders.ByteLevel()
        self.post_processor = processors.ByteLevel(trim_offsets=trim_offsets)

    def _make_trainer(self, args: tuple[Any, ...], settings: dict[str, Any]) -> trainers.Trainer:
        alphabet = {"initial_alphabet": pre_tokenizers.ByteLevel.alphabet()}
        return super()._make_trainer(args, {**alphabet, **settings})


class CharBPETokenizer(_FromMerges):
    """Byte-pair encoding of characters, as in "Neural Machine Translation of Rare Words with Subword Units".

    Args:
        vocab: The id of each token.
        merges: The pairs of tokens that are merged, in order.
        unk_token: The token for what isn't in the vocabulary.
        suffix: What tokens end with that end a word.
        dropout: How likely a merge is skipped.
        lowercase: Capital letters become small ones.
        unicode_normalizer: ``nfc``, ``nfd``, ``nfkc`` or ``nfkd``.
        bert_normalizer: Whether to clean the text as BERT does.
        split_on_whitespace_only: Whether punctuation stays with its word.
    """

    _training: ClassVar[dict[str, Any]] = {
        "vocab_size": 30000,
        "min_frequency": 2,
        "special_tokens": ["<unk>"],
        "limit_alphabet": 1000,
        "initial_alphabet": [],
        "suffix": "</w>",
        "show_progress": True,
    }

    def __init__(
        self,
        vocab: Vocab | None = None,
        merges: Merges | None = None,
        unk_token: str | AddedToken = "<unk>",
        suffix: str = "</w>",
        dropout: float | None = None,
        lowercase: bool = False,
        unicode_normalizer: str | None = None,
        bert_normalizer: bool = True,
        split_on_whitespace_only: bool = False,
    ) -> None:
        parameters = {
            "model": "BPE",
            "unk_token": unk_token,
            "suffix": suffix,
            "dropout": dropout,
            "lowercase": lowercase,
            "unicode_normalizer": unicode_normalizer,
            "bert_normalizer": bert_normalizer,
            "split_on_whitespace_only": split_on_whitespace_only,
        }
        files = (vocab, merges) if vocab is not None and merges is not None else (None, None)
        model = models.BPE(*files, dropout=dropout, unk_token=str(unk_token), end_of_word_suffix=suffix)
        self._assemble(model, [unk_token], parameters)
        parts = [normalizers.unicode_normalizer_from_str(unicode_normalizer)] if unicode_normalizer else []
        parts += [normalizers.BertNormalizer(lowercase=False)] if bert_normalizer else []
        self.normalizer = _normalizer_of([*parts, *([normalizers.Lowercase()] if lowercase else [])])
        whole = pre_tokenizers.WhitespaceSplit if split_on_whitespace_only else pre_tokenizers.BertPreTokenizer
        self.pre_tokenizer = whole()
        self.decoder = decoders.BPEDecoder(suffix=suffix)


class SentencePieceBPETokenizer(_FromMerges):
    """Byte-pair encoding with SentencePiece's way of splitting.

    Args:
        vocab: The id of each token.
        merges: The pairs of tokens that are merged, in order.
        unk_token: The token for what isn't in the vocabulary.
        replacement: The character that stands for a space.
        add_prefix_space: Whether a text begins with one.
        dropout: How likely a merge is skipped.
        fuse_unk: Whether unknown tokens in a row become one.
    """

    _training: ClassVar[dict[str, Any]] = {
        "vocab_size": 30000,
        "min_frequency": 2,
        "special_tokens": ["<unk>"],
        "limit_alphabet": 1000,
        "initial_alphabet": [],
        "show_progress": True,
    }

    def __init__(
        self,
        vocab: Vocab | None = None,
        merges: Merges | None = None,
        unk_token: str | AddedToken = "<unk>",
        replacement: str = "▁",
        add_prefix_space: bool = True,
        dropout: float | None = None,
        fuse_unk: bool = False,
    ) -> None:
        parameters = {
            "model": "SentencePieceBPE",
            "unk_token": unk_token,
            "replacement": replacement,
            "add_prefix_space": add_prefix_space,
            "dropout": dropout,
        }
        files = (vocab, merges) if vocab is not None and merges is not None else (None, None)
        model = models.BPE(*files, dropout=dropout, unk_token=str(unk_token), fuse_unk=fuse_unk)
        self._assemble(model, [unk_token], parameters)
        self.normalizer = normalizers.NFKC()
        _split_as_sentencepiece(self, replacement, add_prefix_space)


def _split_as_sentencepiece(tokenizer: Tokenizer, replacement: str, add_prefix_space: bool) -> None:
    scheme = "always" if add_prefix_space else "never"
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=replacement, prepend_scheme=scheme)
    tokenizer.decoder = decoders.Metaspace(replacement=replacement, prepend_scheme=scheme)


class SentencePieceUnigramTokenizer(ReadyMade):
    """SentencePiece's Unigram tokenizer.

    Args:
        vocab: The tokens with the logarithms of their probabilities.
        replacement: The character that stands for a space.
        add_prefix_space: Whether a text begins with one.
    """

    _trainer = trainers.UnigramTrainer
    _training: ClassVar[dict[str, Any]] = {
        "vocab_size": 8000,
        "show_progress": True,
        "special_tokens": [],
        "initial_alphabet": [],
        "unk_token": None,
    }

    def __init__(
        self,
        vocab: Sequence[tuple[str, float]] | None = None,
        replacement: str = "▁",
        add_prefix_space: bool = True,
    ) -> None:
        parameters = {
            "model": "SentencePieceUnigram",
            "replacement": replacement,
            "add_prefix_space": add_prefix_space,
        }
        self._assemble(models.Unigram() if vocab is None else models.Unigram(vocab), (), parameters)
        single_spaces = normalizers.Replace(Regex(" {2,}"), " ")
        self.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), single_spaces])
        _split_as_sentencepiece(self, replacement, add_prefix_space)

    @classmethod
    def from_spm(cls, filename: PathLike) -> Self:
        """A tokenizer from a SentencePiece model.

        Args:
            filename: The path of a .model file.

        Raises:
            InputError: It's a model of another kind.
        """
        from dure.tokenizers.sentencepiece import UNIGRAM, read_sentencepiece

        found = read_sentencepiece(Path(filename))
        if found.model_type != UNIGRAM:
            raise InputError(f"{filename} is not a Unigram model: load it with AutoTokenizer")
        made = cls()
        pieces = [(piece.text, piece.score) for piece in found.pieces]
        made.model = models.Unigram(pieces, found.unk_id, found.byte_fallback)
        table = [normalizers.Precompiled(found.charsmap)] if found.charsmap else []
        made.normalizer = normalizers.Sequence([*table, normalizers.Replace(Regex(" {2,}"), " ")])
        made._parameters = {"model": "SentencePieceUnigram"}
        return made
