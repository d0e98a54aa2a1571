"""`dure train-tokenizer`: a vocabulary for one's own texts."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dure.errors import DataFileError, InputError

if TYPE_CHECKING:
    from dure.tokenizers.core_tokenizer import Tokenizer
    from dure.tokenizers.tokenizer import PreTrainedTokenizerFast
    from dure.tokenizers.trainers import Trainer

__all__ = ["add_parser", "run"]

_DESCRIPTION = """\
Learn a vocabulary from text files, one text per line, and save a tokenizer that AutoTokenizer, and transformers, load.

  byte-bpe    bytes are merged, as for GPT-2 and RoBERTa: nothing is unknown
  wordpiece   pieces of words, as for BERT
  bpe         characters are merged, as for Llama: spaces are a part of words
  unigram     the likeliest pieces, as for T5 and ALBERT
  word-level  whole words"""

_EXAMPLES = """\
examples:
  dure train-tokenizer --algorithm wordpiece --files corpus/*.txt --vocab-size 32000 --output my-tokenizer
  dure train-tokenizer --algorithm unigram --files log.txt --vocab-size 8000 --special-tokens "<user>" --output logs"""

#: The pair of a name and its token for each kind of special token.
_BERT = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
_SENTENCEPIECE = {"pad_token": "<pad>", "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
_GPT2 = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}


def add_parser(subparsers: Any) -> None:
    """Add the command to the program.

    Args:
        subparsers: What ``argparse.ArgumentParser.add_subparsers`` returns.
    """
    parser = subparsers.add_parser(
        "train-tokenizer",
        help="learn a vocabulary from your own texts",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--algorithm", required=True, choices=list(_KINDS), help="how (see above)")
    parser.add_argument("--files", required=True, nargs="+", metavar="F", help="UTF-8 files with one text per line")
    parser.add_argument("--vocab-size", type=int, default=30000, metavar="N", help="tokens at most (default: 30000)")
    parser.add_argument("--output", required=True, metavar="DIR", help="where the tokenizer goes")
    parser.add_argument(
        "--min-frequency", type=int, default=2, metavar="N", help="rarer pairs aren't merged (default: 2)"
    )
    parser.add_argument("--lowercase", action="store_true", help="lower-case texts")
    parser.add_argument("--special-tokens", nargs="+", default=[], metavar="T", help="further special tokens")
    parser.add_argument("--max-length", type=int, metavar="N", help="the most tokens that the model takes")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Learn a vocabulary and save the tokenizer.

    Returns:
        The exit code: 0. What goes wrong is raised as a :class:`~dure.errors.DureError`.
    """
    missing = [path for path in args.files if not Path(path).is_file()]
    if missing:
        raise DataFileError(f"{missing[0]}: no such file (looked from {Path.cwd()})")
    if args.vocab_size < 1:
        raise InputError(f"--vocab-size must be at least 1, but is {args.vocab_size}")
    make, roles, template = _KINDS[args.algorithm]
    tokenizer, trainer = make(args, [*dict.fromkeys([*roles.values(), *args.special_tokens])])
    tokenizer.train(args.files, trainer)
    saved = _finished(args, tokenizer, roles, template)
    saved.save_pretrained(args.output)
    print(f"{len(saved)} tokens learnt from {len(args.files)} files, saved to {args.output}; try it:")
    print(f"   dure tokenize --model {args.output} --explain 'your text'")
    return 0


def _finished(
    args: argparse.Namespace, tokenizer: Tokenizer, roles: dict[str, str], template: str | None
) -> PreTrainedTokenizerFast:
    """The tokenizer as the class that loads it, with special tokens around texts."""
    from dure.tokenizers import processors
    from dure.tokenizers.families import BertTokenizerFast, GPT2TokenizerFast
    from dure.tokenizers.tokenizer import PreTrainedTokenizerFast

    if template is not None:
        pair = f"{template} $B:1 [SEP]:1" if "[SEP]" in template else f"{template} $B </s>"
        tokens = [(token, tokenizer.get_vocab()[token]) for token in roles.values() if token in template]
        tokenizer.post_processor = processors.TemplateProcessing(single=template, pair=pair, special_tokens=tokens)
    settings: dict[str, Any] = {**roles, "tokenizer_object": tokenizer}
    if args.special_tokens:
        settings["additional_special_tokens"] = args.special_tokens
    if args.max_length:
        settings["model_max_length"] = args.max_length
    if args.algorithm == "wordpiece":
        return BertTokenizerFast(**settings, do_lower_case=args.lowercase)
    return (GPT2TokenizerFast if args.algorithm == "byte-bpe" else PreTrainedTokenizerFast)(**settings)


def _wordpiece(args: argparse.Namespace, special: list[str]) -> tuple[Tokenizer, Trainer]:
    from dure.tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token=_BERT["unk_token"]))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=args.lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer, trainers.WordPieceTrainer(
        vocab_size=args.vocab_size, min_frequency=args.min_frequency, special_tokens=special
    )


def _byte_bpe(args: argparse.Namespace, special: list[str]) -> tuple[Tokenizer, Trainer]:
    from dure.tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    if args.lowercase:
        tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer, trainers.BpeTrainer(
        vocab_size=args.vocab_size,
        min_frequency=args.min_frequency,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )


def _bpe(args: argparse.Namespace, special: list[str]) -> tuple[Tokenizer, Trainer]:
    from dure.tokenizers import Tokenizer, models, trainers

    tokenizer = Tokenizer(models.BPE(unk_token=_SENTENCEPIECE["unk_token"], fuse_unk=True))
    _as_sentencepiece(tokenizer, args)
    return tokenizer, trainers.BpeTrainer(
        vocab_size=args.vocab_size, min_frequency=args.min_frequency, special_tokens=special
    )


def _unigram(args: argparse.Namespace, special: list[str]) -> tuple[Tokenizer, Trainer]:
    from dure.tokenizers import Tokenizer, models, trainers

    tokenizer = Tokenizer(models.Unigram())
    _as_sentencepiece(tokenizer, args)
    return tokenizer, trainers.UnigramTrainer(
        vocab_size=args.vocab_size, special_tokens=special, unk_token=_SENTENCEPIECE["unk_token"]
    )


def _as_sentencepiece(tokenizer: Tokenizer, args: argparse.Namespace) -> None:
    """Normalize and split as SentencePiece does: a space belongs to the word behind it."""
    from dure.tokenizers import Regex, decoders, normalizers, pre_tokenizers

    steps = [normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    tokenizer.normalizer = normalizers.Sequence([*steps, *([normalizers.Lowercase()] if args.lowercase else [])])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()


def _word_level(args: argparse.Namespace, special: list[str]) -> tuple[Tokenizer, Trainer]:
    from dure.tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordLevel(unk_token=_BERT["unk_token"]))
    if args.lowercase:
        tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer, trainers.WordLevelTrainer(
        vocab_size=args.vocab_size, min_frequency=args.min_frequency, special_tokens=special
    )


_Make = Callable[[argparse.Namespace, list[str]], "tuple[Tokenizer, Trainer]"]
#: By algorithm: what makes the tokenizer and its trainer, the special tokens, and the template around a text.
_KINDS: dict[str, tuple[_Make, dict[str, str], str | None]] = {
    "byte-bpe": (_byte_bpe, _GPT2, None),
    "wordpiece": (_wordpiece, _BERT, "[CLS]:0 $A:0 [SEP]:0"),
    "bpe": (_bpe, _SENTENCEPIECE, "$A </s>"),
    "unigram": (_unigram, _SENTENCEPIECE, "$A </s>"),
    "word-level": (_word_level, _BERT, "[CLS]:0 $A:0 [SEP]:0"),
}
