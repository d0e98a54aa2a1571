"""Trainers: how a vocabulary is learnt from texts. ``from dure.tokenizers import trainers``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dure.tokenizers.added_tokens import AddedToken
from dure.tokenizers.components import Component, Setting

__all__ = ["BpeTrainer", "Trainer", "UnigramTrainer", "WordLevelTrainer", "WordPieceTrainer"]


def _special_tokens_setting() -> Setting[list[AddedToken]]:
    """The special tokens that come first in a vocabulary."""

    def write(value: Sequence[Any]) -> list[dict[str, Any]]:
        tokens = [AddedToken(token, special=True) if isinstance(token, str) else token for token in value]
        if not all(isinstance(token, AddedToken) for token in tokens):
            raise ValueError("must hold strings or AddedTokens")
        return [token.as_special().to_dict() for token in tokens]

    def read(value: Sequence[dict[str, Any]]) -> list[AddedToken]:
        return [AddedToken.from_dict(token) for token in value]

    return Setting([], kind=(list, tuple), write=write, read=read)


def _alphabet_setting() -> Setting[list[str]]:
    """Characters that are in the vocabulary whether they occur or not."""

    def write(value: Sequence[str]) -> list[str]:
        # Of a longer string the first character counts, as in the original.
        return list(dict.fromkeys(text[0] for text in value if text))

    return Setting([], kind=(list, tuple), write=write)


class Trainer(Component, is_kind=True):
    """What all trainers have in common."""

    _keywords_only = True
    _ignores_unknown = True


class BpeTrainer(Trainer):
    """Learns a :class:`~dure.tokenizers.models.BPE`: the most frequent pair of tokens is merged, again and again.

    Args:
        vocab_size: The most tokens, characters and special tokens included.
        min_frequency: Pairs that are rarer aren't merged.
        show_progress: Whether to show a progress bar.
        special_tokens: Tokens that come first in the vocabulary and aren't learnt.
        limit_alphabet: The most different characters that are kept; None: all.
        initial_alphabet: Characters that are in the vocabulary whether they occur or not.
        continuing_subword_prefix: What tokens begin with that don't begin a word.
        end_of_word_suffix: What tokens end with that end a word.
        max_token_length: The most characters of a token; None: no limit.
    """

    vocab_size = Setting(30000, minimum=0)
    min_frequency = Setting(0, minimum=0)
    show_progress = Setting(True)
    special_tokens = _special_tokens_setting()
    limit_alphabet: Setting[int | None] = Setting(None, kind=int, minimum=0)
    initial_alphabet = _alphabet_setting()
    continuing_subword_prefix: Setting[str | None] = Setting(None, kind=str)
    end_of_word_suffix: Setting[str | None] = Setting(None, kind=str)
    max_token_length: Setting[int | None] = Setting(None, kind=int, minimum=0)


class WordPieceTrainer(Trainer):
    """Learns a :class:`~dure.tokenizers.models.WordPiece`, by merging as for BPE.

    Args:
        vocab_size: The most tokens, characters and special tokens included.
        min_frequency: Pairs that are rarer aren't merged.
        show_progress: Whether to show a progress bar.
        special_tokens: Tokens that come first in the vocabulary and aren't learnt.
        limit_alphabet: The most different characters that are kept; None: all.
        initial_alphabet: Characters that are in the vocabulary whether they occur or not.
        continuing_subword_prefix: What tokens begin with that don't begin a word.
        end_of_word_suffix: What tokens end with that end a word.
    """

    vocab_size = Setting(30000, minimum=0)
    min_frequency = Setting(0, minimum=0)
    show_progress = Setting(True)
    special_tokens = _special_tokens_setting()
    limit_alphabet: Setting[int | None] = Setting(None, kind=int, minimum=0)
    initial_alphabet = _alphabet_setting()
    continuing_subword_prefix: Setting[str | None] = Setting("##", kind=str)
    end_of_word_suffix: Setting[str | None] = Setting(None, kind=str)


class WordLevelTrainer(Trainer):
    """Learns a :class:`~dure.tokenizers.models.WordLevel`: the most frequent words.

    Args:
        vocab_size: The most words, special tokens included.
        min_frequency: Rarer words are left out.
        show_progress: Whether to show a progress bar.
        special_tokens: Tokens that come first in the vocabulary and aren't learnt.
    """

    vocab_size = Setting(30000, minimum=0)
    min_frequency = Setting(0, minimum=0)
    show_progress = Setting(True)
    special_tokens = _special_tokens_setting()


class UnigramTrainer(Trainer):
    """Learns a :class:`~dure.tokenizers.models.Unigram`: from many candidates, those that matter least are dropped.

    Args:
        vocab_size: The number of tokens, special tokens included.
        show_progress: Whether to show a progress bar.
        special_tokens: Tokens that come first in the vocabulary and aren't learnt.
        initial_alphabet: Characters that are in the vocabulary whether they occur or not.
        shrinking_factor: Which part of the candidates survives each round.
        unk_token: The token for what isn't in the vocabulary.
        max_piece_length: The most characters of a token.
        n_sub_iterations: How often probabilities are estimated anew in each round.
        seed_size: The most candidates to begin with.
    """

    show_progress = Setting(True)
    vocab_size = Setting(8000, minimum=0)
    n_sub_iterations = Setting(2, minimum=0)
    shrinking_factor = Setting(0.75)
    special_tokens = _special_tokens_setting()
    initial_alphabet = _alphabet_setting()
    unk_token: Setting[str | None] = Setting(None, kind=str)
    max_piece_length = Setting(16, minimum=0)
    seed_size = Setting(1_000_000, minimum=0)
