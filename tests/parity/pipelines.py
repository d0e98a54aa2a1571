"""Random tokenizers: every component of tokenizer.json in random combinations, the model trained on random texts."""

from __future__ import annotations

import json
import random
from typing import Any

from texts import draw_texts

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
REGEXES = [
    CL100K,
    r"\s+",
    r"\d",
    r"\d{1,3}",
    r"\w+|[^\w\s]+",
    r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"[aeiou]",
    r"(?<=\p{L})(?=\d)",
    r"\p{Han}|\p{Hangul}+",
    r"[^\x00-\x7F]",
    r"(.)\1",
    r"\b",
    r"^.|.$",
    r"x*",
    r"\X",
]
BEHAVIORS = ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]
SPECIAL = ["<unk>", "[CLS]", "[SEP]", "<mask>"]


def pattern(source: random.Random) -> Any:
    if source.random() < 0.4:
        return source.choice([" ", "a", "the", ".", "  ", "▁", "é", "가"])
    return Regex(source.choice(REGEXES))


def normalizer(source: random.Random, precompiled: bytes | None, *, is_nested: bool = False) -> Any:
    n = normalizers
    flag = lambda: source.random() < 0.5  # noqa: E731
    simple = [n.NFC, n.NFD, n.NFKC, n.NFKD, n.Lowercase, n.StripAccents, n.Nmt, n.ByteLevel]
    makers = [
        *[lambda: source.choice(simple)()] * 4,
        lambda: n.Strip(flag(), flag()),
        lambda: n.BertNormalizer(flag(), flag(), source.choice([None, True, False]), flag()),
        lambda: n.Replace(pattern(source), source.choice(["", " ", "▁", "xyz", "é", "$1"])),
        lambda: n.Prepend(source.choice(["▁", " ", "ab"])),
    ]
    if precompiled:
        makers.append(lambda: n.Precompiled(precompiled))
    if not is_nested:
        some = lambda: [normalizer(source, precompiled, is_nested=True) for _ in range(source.randrange(4))]  # noqa: E731
        makers += [lambda: n.Sequence(some())] * 4
    return source.choice(makers)()


def pre_tokenizer(source: random.Random, *, is_nested: bool = False) -> Any:
    p = pre_tokenizers
    flag = lambda: source.random() < 0.5  # noqa: E731
    behavior = lambda: source.choice(BEHAVIORS)  # noqa: E731
    makers = [
        p.BertPreTokenizer,
        p.Whitespace,
        p.WhitespaceSplit,
        p.UnicodeScripts,
        *[lambda: p.ByteLevel(flag(), flag())] * 2,
        *[lambda: p.Metaspace("▁", source.choice(["always", "never", "first"]), flag())] * 2,
        lambda: p.Punctuation(behavior()),
        lambda: p.Digits(flag()),
        lambda: p.CharDelimiterSplit(source.choice(" a.")),
        *[lambda: p.Split(pattern(source), behavior(), flag())] * 3,
        lambda: p.FixedLength(source.randrange(1, 8)),
    ]
    if not is_nested:
        some = lambda: [pre_tokenizer(source, is_nested=True) for _ in range(source.randrange(4))]  # noqa: E731
        makers += [lambda: p.Sequence(some())] * 6
    return source.choice(makers)()


def trained_model(source: random.Random, tokenizer: Tokenizer) -> None:
    """Train the model on random texts, in place; what can't be trained stays an empty model."""
    kind = type(tokenizer.model).__name__
    common = {"vocab_size": source.choice([60, 300, 900]), "special_tokens": SPECIAL, "show_progress": False}
    if kind == "Unigram":
        common["vocab_size"] = 3000  # less than its alphabet is refused
        trainer: Any = trainers.UnigramTrainer(unk_token="<unk>", max_piece_length=8, **common)
    elif kind == "BPE":
        affixes = {"continuing_subword_prefix": "##", "end_of_word_suffix": "</w>"}
        affixes = {name: affix for name, affix in affixes.items() if source.random() < 0.3}
        trainer = trainers.BpeTrainer(limit_alphabet=source.choice([80, 400]), **common, **affixes)
    elif kind == "WordPiece":
        trainer = trainers.WordPieceTrainer(limit_alphabet=source.choice([80, 400]), **common)
    else:
        trainer = trainers.WordLevelTrainer(**common)
    # A special token seen in a text would be in the vocabulary twice, and ids would have holes or two owners.
    texts = [text for text in draw_texts(source, 200) if not any(token in text for token in SPECIAL)]
    tokenizer.train_from_iterator(texts, trainer)


def with_model_options(source: random.Random, document: dict[str, Any]) -> None:
    """What can't be asked of a trainer: byte fallback with its tokens, unknown tokens or none, limits."""
    model = document["model"]
    byte_tokens = [f"<0x{i:02X}>" for i in range(256)]
    if model["type"] == "BPE":
        model["unk_token"] = source.choice(["<unk>", "<unk>", None])
        model["fuse_unk"] = source.random() < 0.5
        model["ignore_merges"] = source.random() < 0.3
        has_affix = model["continuing_subword_prefix"] or model["end_of_word_suffix"]
        # With an affix the original counts the affix's bytes too, and offsets lie behind the end of the text.
        if source.random() < 0.3 and not has_affix:
            model["byte_fallback"] = True
            if source.random() < 0.8:
                model["vocab"].update({t: len(model["vocab"]) + i for i, t in enumerate(byte_tokens)})
    elif model["type"] == "Unigram":
        if source.random() < 0.3:
            model["byte_fallback"] = True
            if source.random() < 0.8:
                model["vocab"] += [[token, 0.0] for token in byte_tokens]
        elif source.random() < 0.1:
            model["unk_id"] = None
    elif model["type"] == "WordPiece":
        model["max_input_chars_per_word"] = source.choice([3, 10, 100])


def template(source: random.Random) -> Any:
    pieces = ["[CLS]", "[SEP]", "[CLS]:1", "[SEP]:3", "[SEP]", "$A:2"]
    single = [*source.choices(pieces[:3], k=source.randrange(3)), source.choice(["$A", "$A", "$A:1"])]
    single += source.choices(pieces, k=source.choice([0, 1, 1, 2]))
    pair = [*single, source.choice(["$B", "$B:1"]), *source.choices(["[SEP]", "[SEP]:1"], k=source.randrange(3))]
    return processors.TemplateProcessing(single=single, pair=pair, special_tokens=[("[CLS]", 1), ("[SEP]", 2)])


def post_processor(source: random.Random, *, is_nested: bool = False) -> Any:
    flag = lambda: source.random() < 0.5  # noqa: E731
    makers = [
        *[lambda: template(source)] * 2,
        lambda: processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1)),
        lambda: processors.RobertaProcessing(("[SEP]", 2), ("[CLS]", 1), flag(), flag()),
        lambda: processors.ByteLevel(flag(), flag()),
    ]
    if not is_nested:
        # A template comes last: it takes one text or two, not the parts that another template made.
        steps = lambda: [  # noqa: E731
            source.choice([makers[-1], makers[-2], makers[-3]])(),
            post_processor(source, is_nested=True),
        ]
        makers.append(lambda: processors.Sequence(steps()))
    return source.choice(makers)()


def decoder(source: random.Random, *, is_nested: bool = False) -> Any:
    d = decoders
    makers = [
        lambda: d.WordPiece("##", source.random() < 0.5),
        d.ByteLevel,
        lambda: d.Metaspace("▁", source.choice(["always", "never", "first"])),
        lambda: d.BPEDecoder("</w>"),
        lambda: d.CTC("<unk>", "▁", source.random() < 0.5),
        d.ByteFallback,
        d.Fuse,
        lambda: d.Strip(source.choice(" a▁"), source.randrange(3), source.randrange(3)),
        lambda: d.Replace(pattern(source), source.choice(["", " ", "xy"])),
    ]
    if not is_nested:
        makers += [lambda: d.Sequence([decoder(source, is_nested=True) for _ in range(source.randrange(4))])] * 4
    return source.choice(makers)()


def added_tokens(source: random.Random, *, is_stripped: bool) -> list[tuple[AddedToken, bool]]:
    contents = ["<mask>", "Hello", "the", "é", "한국", "▁", "a", "[MASK]", "!?", "É", "</s>", "Th", "world ", "ﬁ"]
    # Stripped to nothing, a token is found everywhere by the original, which then cuts texts into characters.
    contents += [] if is_stripped else ["  ", "\n"]
    found = []
    for content in source.sample(contents, source.randrange(5)):
        names = ("single_word", "lstrip", "rstrip", "normalized")
        found.append((AddedToken(content, **{n: source.random() < 0.4 for n in names}), source.random() < 0.5))
    return found


def draw_pipeline(source: random.Random, precompiled: bytes | None = None) -> str:
    """A random tokenizer.json. The oracle may refuse or panic on it, as on any strange one."""
    model = source.choice([models.BPE, models.BPE, models.WordPiece, models.Unigram, models.WordLevel])
    tokenizer = Tokenizer(model() if model is models.Unigram else model(unk_token="<unk>"))
    parts = {"normalizer": lambda: normalizer(source, precompiled), "pre_tokenizer": lambda: pre_tokenizer(source)}
    for name, maker in parts.items():
        if source.random() < 0.8:
            setattr(tokenizer, name, maker())
    trained_model(source, tokenizer)
    for name, maker in {"post_processor": post_processor, "decoder": decoder}.items():
        if source.random() < 0.7:
            setattr(tokenizer, name, maker(source))
    document = json.loads(tokenizer.to_str())
    with_model_options(source, document)
    tokenizer = Tokenizer.from_str(json.dumps(document))
    is_stripped = '"Strip"' in json.dumps(document["normalizer"])
    for token, is_special in added_tokens(source, is_stripped=is_stripped):
        (tokenizer.add_special_tokens if is_special else tokenizer.add_tokens)([token])
    return tokenizer.to_str()
