"""Trained vocabularies equal those of the original, whatever the corpus, the settings and the number of threads."""

from __future__ import annotations

import gc
import gzip
import itertools
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

import tokenizers
from dure.tokenizers import _core

Random = random.Random
POOLS = ["ab", "abcde", "가나다라마", "é\u0301😀ab\u0323", "the quick brown fox", "aA#<>/w", "한국어가나다xyz\u0000"]
WHITESPACE = {"type": "WhitespaceSplit"}
#: The original gives characters that training dropped scores in steps of this size, in an order that is chance.
MISSING_STEP = 1e-4
#: Expected scores are sums in another order.
SCORE_TOLERANCE = 1e-4


def draw_texts(random_: Random) -> list[str]:
    """Texts that repeat words from a small alphabet."""
    pool = random_.choice(POOLS)
    words = ["".join(random_.choice(pool) for _ in range(random_.choice([1, 2, 3, 5, 8, 15]))) for _ in range(120)]
    words = words[: random_.choice([1, 5, 50, 120])]
    return [" ".join(random_.choices(words, k=random_.choice([3, 30]))) for _ in range(random_.choice([1, 20, 60]))]


def ours(
    trainer: bytes | dict[str, Any],
    texts: Iterable[str] | list[list[str]],
    *,
    num_threads: int = 1,
    budget_bytes: int = 1 << 28,
    pre_tokenizer: dict[str, Any] | None = WHITESPACE,
    normalizer: dict[str, Any] | None = None,
    progress: Callable[[str, int, int], bool] | None = None,
) -> bytes:
    """The section "model" that Dure's engine trains."""
    batches: Any = texts if isinstance(texts, list) and texts and isinstance(texts[0], list) else [list(texts)]
    return _core.train(
        trainer if isinstance(trainer, bytes) else json.dumps(trainer).encode(),
        batches,
        normalizer=normalizer and json.dumps(normalizer).encode(),
        pre_tokenizer=pre_tokenizer and json.dumps(pre_tokenizer).encode(),
        budget_bytes=budget_bytes,
        num_threads=num_threads,
        progress=progress,
    )


def theirs(
    model: Any,
    trainer: Any,
    texts: Iterable[str],
    pre_tokenizer: dict[str, Any] | None = WHITESPACE,
    normalizer: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The same of the original."""
    document = json.loads(tokenizers.Tokenizer(model).to_str())
    document |= {"pre_tokenizer": pre_tokenizer, "normalizer": normalizer}
    tokenizer = tokenizers.Tokenizer.from_str(json.dumps(document))
    tokenizer.train_from_iterator(texts, trainer)
    found: dict[str, Any] = json.loads(tokenizer.to_str())["model"]
    return found


def draw_merge_settings(random_: Random, texts: list[str], *, is_wordpiece: bool) -> dict[str, Any]:
    """Settings for BPE and WordPiece that leave nothing to chance in the original."""
    chars = sorted(set("".join(texts)) - {" "})
    settings: dict[str, Any] = {"show_progress": False, "vocab_size": random_.choice([1, 5, 20, 50, 100, 300])}
    if random_.random() < 0.5:
        special = tokenizers.AddedToken("<s>", lstrip=True)
        settings["special_tokens"] = [special, random_.choice(["a", "ab", "##a", "[UNK]"])]
    if random_.random() < 0.4:
        settings["min_frequency"] = random_.choice([0, 1, 2, 5, 20])
    if random_.random() < 0.3:
        settings["initial_alphabet"] = random_.sample([*"abcxyz한", *chars], 3)
    if random_.random() < 0.4:
        settings["continuing_subword_prefix"] = random_.choice(["##", "@", "", "a"])
    if random_.random() < 0.3:
        settings["end_of_word_suffix"] = random_.choice(["</w>", "b", ""])
    if not is_wordpiece and random_.random() < 0.4:
        settings["max_token_length"] = random_.choice([1, 2, 3, 4, 7, 16])
    prefix = settings.get("continuing_subword_prefix", "##" if is_wordpiece else "")
    suffix = settings.get("end_of_word_suffix", "")
    if prefix or suffix:
        # The original numbers characters with a prefix or suffix by chance; as special tokens they have a fixed number.
        fixed = [token for char in chars for token in (prefix + char, char + suffix, prefix + char + suffix)]
        settings["special_tokens"] = settings.get("special_tokens", []) + fixed
    return settings


@pytest.mark.parametrize("seed", range(60))
def test_bpe_learns_the_same_merges_and_ids(seed: int) -> None:
    random_ = Random(seed)
    texts = draw_texts(random_)
    trainer = tokenizers.trainers.BpeTrainer(**draw_merge_settings(random_, texts, is_wordpiece=False))
    expected = theirs(tokenizers.models.BPE(), trainer, texts)
    found = json.loads(ours(trainer.__getstate__(), texts))
    assert list(found["vocab"].items()) == list(expected["vocab"].items())
    assert found == expected


@pytest.mark.parametrize("seed", range(60))
def test_wordpiece_learns_the_same_ids(seed: int) -> None:
    random_ = Random(seed)
    texts = draw_texts(random_)
    trainer = tokenizers.trainers.WordPieceTrainer(**draw_merge_settings(random_, texts, is_wordpiece=True))
    expected = theirs(tokenizers.models.WordPiece(unk_token="[UNK]"), trainer, texts)
    found = json.loads(ours(trainer.__getstate__(), texts))
    assert list(found["vocab"].items()) == list(expected["vocab"].items())
    assert found == expected


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.filterwarnings("ignore")
def test_word_level_learns_the_same_ids(seed: int) -> None:
    random_ = Random(seed)
    texts = draw_texts(random_)
    settings: dict[str, Any] = {"show_progress": False, "vocab_size": random_.choice([1, 3, 30, 300])}
    settings["min_frequency"] = random_.choice([0, 1, 2, 5, 20])
    settings["special_tokens"] = random_.choice([[], ["[UNK]", *texts[0].split()[:2]], ["b", "x", "x"]])
    trainer = tokenizers.trainers.WordLevelTrainer(**settings)
    expected = theirs(tokenizers.models.WordLevel(unk_token="<unk>"), trainer, texts)
    found = json.loads(ours(trainer.__getstate__(), texts))
    assert list(found["vocab"].items()) == list(expected["vocab"].items())
    assert found == expected


def assert_equal_unigram(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """The same pieces with the same scores; order among equal scores is chance in the original."""
    assert found["unk_id"] == expected["unk_id"]
    first, second = sorted(map(tuple, found["vocab"])), sorted(map(tuple, expected["vocab"]))
    assert [piece for piece, _ in first] == [piece for piece, _ in second]
    num_chars = sum(len(piece) == 1 for piece, _ in first)
    lowest = min((score for _, score in second), default=0.0)
    for (piece, score), (_, other) in zip(first, second, strict=True):
        is_missing = len(piece) == 1 and max(score, other) <= lowest + MISSING_STEP * num_chars
        assert score == pytest.approx(other, abs=SCORE_TOLERANCE) or is_missing, piece


@pytest.mark.parametrize("seed", range(60))
def test_unigram_learns_the_same_pieces_and_scores(seed: int) -> None:
    random_ = Random(seed)
    texts = draw_texts(random_)
    chars = set("".join(texts))
    # The original never ends when pruning can't get down to 1.1 times the size, so there's room for pieces.
    settings: dict[str, Any] = {"show_progress": False, "vocab_size": len(chars) + random_.choice([15, 40, 200])}
    settings["special_tokens"] = random_.choice([[], ["<s>", "[UNK]"], ["a"]])
    settings["unk_token"] = random_.choice([None, "<unk>", "[UNK]", "a"])
    if random_.random() < 0.3:
        settings["initial_alphabet"] = random_.sample([*"abcxyz한", *chars], 3)
    if random_.random() < 0.3:
        settings["max_piece_length"] = random_.choice([1, 2, 3, 30])
    if random_.random() < 0.3:
        settings["shrinking_factor"] = random_.choice([0.3, 0.5, 0.9])
    settings["n_sub_iterations"] = random_.choice([0, 1, 2, 3])
    if random_.random() < 0.2:
        settings["seed_size"] = random_.choice([1, 30])
    trainer = tokenizers.trainers.UnigramTrainer(**settings)
    expected = theirs(tokenizers.models.Unigram(), trainer, texts)
    assert_equal_unigram(json.loads(ours(trainer.__getstate__(), texts)), expected)


PIPELINES: list[tuple[dict[str, Any] | None, dict[str, Any] | None]] = [
    (None, None),
    (None, {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}),
    (None, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}),
    (None, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": False}),
    ({"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
      "lowercase": True}, {"type": "BertPreTokenizer"}),
    ({"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Prepend", "prepend": "▁"},
      {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}, {"type": "Whitespace"}),
    ({"type": "Strip", "strip_left": True, "strip_right": True}, {"type": "Whitespace"}),
]  # fmt: skip


@pytest.mark.parametrize(("normalizer", "pre_tokenizer"), PIPELINES)
def test_words_are_counted_as_the_pipeline_makes_them(
    normalizer: dict[str, Any] | None, pre_tokenizer: dict[str, Any] | None, hard_texts: list[str]
) -> None:
    random_ = Random(1)
    texts = [*hard_texts, *draw_texts(random_)]
    texts += ["".join(random_.choices([*hard_texts, " ", "  ", " a", "b "], k=6)) for _ in range(100)]
    texts.append(" ".join(texts * 5))  # long enough to be shared by threads
    settings = {"vocab_size": 10**6, "show_progress": False}
    trainer = tokenizers.trainers.WordLevelTrainer(**settings)
    expected = theirs(tokenizers.models.WordLevel(unk_token="<unk>"), trainer, texts, pre_tokenizer, normalizer)
    for num_threads in (1, 3):
        found = ours(
            trainer.__getstate__(), texts, num_threads=num_threads, normalizer=normalizer, pre_tokenizer=pre_tokenizer
        )
        assert json.loads(found) == expected


def trainers_of_all_kinds() -> list[dict[str, Any]]:
    return [
        {"type": "BpeTrainer", "vocab_size": 400, "special_tokens": ["<s>"]},
        {"type": "WordPieceTrainer", "vocab_size": 400, "special_tokens": [{"content": "[UNK]"}]},
        {"type": "WordLevelTrainer", "vocab_size": 400},
        {"type": "UnigramTrainer", "vocab_size": 400, "unk_token": "<unk>"},
    ]


@pytest.fixture(scope="module")
def many_texts() -> list[str]:
    """Enough text to be worth several threads and to outgrow a small budget."""
    random_ = Random(7)
    alphabet = "eeettaaoinshrdlu가나다라é😀"
    words = ["".join(random_.choices(alphabet, k=random_.randrange(1, 12))) for _ in range(6000)]
    return [" ".join(random_.choices(words, k=60)) for _ in range(700)]


@pytest.mark.parametrize("trainer", trainers_of_all_kinds(), ids=lambda trainer: str(trainer["type"]))
def test_threads_order_batches_and_spilling_dont_change_a_byte(trainer: dict[str, Any], many_texts: list[str]) -> None:
    expected = ours(trainer, many_texts)
    assert ours(trainer, many_texts, num_threads=4) == expected
    assert ours(trainer, many_texts[::-1]) == expected
    assert ours(trainer, [many_texts[i : i + 9] for i in range(0, len(many_texts), 9)], num_threads=2) == expected
    assert ours(trainer, many_texts, num_threads=2, budget_bytes=1) == expected
    assert ours(trainer, many_texts, num_threads=2, budget_bytes=1 << 17) == expected


def test_spilled_counts_leave_no_files(many_texts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    open_files = Path("/proc/self/fd")
    num_open = len(list(open_files.iterdir())) if open_files.is_dir() else 0
    seen: list[int] = []

    def batches() -> Iterable[list[str]]:
        for text in many_texts:
            yield [text]
            seen.append(len(list(tmp_path.iterdir())))

    _core.train(
        b'{"type": "WordLevelTrainer"}', batches(), normalizer=None, pre_tokenizer=json.dumps(WHITESPACE).encode(),
        budget_bytes=1, num_threads=1, progress=None,
    )  # fmt: skip
    assert set(seen) == {0}
    gc.collect()
    if num_open:
        assert len(list(open_files.iterdir())) == num_open


@pytest.mark.parametrize("trainer", trainers_of_all_kinds(), ids=lambda trainer: str(trainer["type"]))
@pytest.mark.parametrize("texts", [[], [""], ["   ", "\n"]])
def test_without_words_only_special_tokens_are_learnt(trainer: dict[str, Any], texts: list[str]) -> None:
    kind = trainer["type"].removesuffix("Trainer").replace("Bpe", "BPE")
    settings = {name: value for name, value in trainer.items() if name not in ("type", "special_tokens")}
    special_tokens = ["[UNK]", "b"]
    theirs_trainer = getattr(tokenizers.trainers, trainer["type"])(
        show_progress=False, special_tokens=special_tokens, **settings
    )
    expected = theirs(getattr(tokenizers.models, kind)(), theirs_trainer, texts)
    found = json.loads(ours({**trainer, "special_tokens": special_tokens}, texts))
    assert found["vocab"] == expected["vocab"]


def test_an_alphabet_larger_than_the_vocabulary_stays_whole_for_merges_and_is_refused_for_unigram() -> None:
    texts = ["abc cab bca"]
    found = json.loads(ours({"type": "BpeTrainer", "vocab_size": 2}, texts))
    assert (list(found["vocab"]), found["merges"]) == (["a", "b", "c"], [])
    with pytest.raises(ValueError, match=r"vocab_size is 2.*3 different characters"):
        ours({"type": "UnigramTrainer", "vocab_size": 2}, texts)


def test_a_limited_alphabet_keeps_the_most_frequent_characters() -> None:
    texts = ["aaab aab cc c c d"]
    trainer = tokenizers.trainers.BpeTrainer(limit_alphabet=2, show_progress=False)
    expected = theirs(tokenizers.models.BPE(), trainer, texts)
    found = json.loads(ours(trainer.__getstate__(), texts))
    assert found == expected
    assert "d" not in found["vocab"]


def test_unigram_that_cant_get_small_enough_says_so() -> None:
    # The original goes on for ever here.
    trainer = {"type": "UnigramTrainer", "vocab_size": 5, "shrinking_factor": 1.5}
    texts = [" ".join(a + b + c for a in "abcde" for b in "abcde" for c in "abcde")]
    with pytest.raises(ValueError, match=r"doesn't get smaller than \d+ pieces"):
        ours(trainer, texts)


@pytest.mark.parametrize(
    ("trainer", "message"),
    [
        (b"{", "not valid JSON"),
        (b"[]", "a trainer must be a JSON object"),
        (b"{}", "no 'type'; known are BpeTrainer"),
        (b'{"type": "MagicTrainer"}', "unknown trainer 'MagicTrainer'; known are BpeTrainer"),
        (b'{"type": "BpeTrainer", "vocab_size": -1}', "'vocab_size' is -1"),
        (b'{"type": "BpeTrainer", "vocab_size": "many"}', "'vocab_size' must be"),
        (b'{"type": "BpeTrainer", "special_tokens": [7]}', "'content' is missing"),
        (b'{"type": "BpeTrainer", "initial_alphabet": [7]}', "'initial_alphabet' must be"),
        (b'{"type": "UnigramTrainer", "shrinking_factor": "half"}', "'shrinking_factor' must be"),
    ],
)
def test_bad_settings_are_named(trainer: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ours(trainer, ["a b"])


@pytest.mark.parametrize(
    ("text", "message"), [(7, "text 1 is not a string"), ("\ud800", "text 1 holds a lone surrogate")]
)
def test_bad_texts_are_named(text: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ours({"type": "BpeTrainer"}, ["a", text])


@pytest.mark.parametrize("trainer", trainers_of_all_kinds(), ids=lambda trainer: str(trainer["type"]))
def test_progress_is_told_and_may_stop_the_training(trainer: dict[str, Any], many_texts: list[str]) -> None:
    told: list[tuple[str, int, int]] = []

    def follow(stage: str, done: int, total: int) -> bool:
        told.append((stage, done, total))
        return True

    assert ours(trainer, many_texts, progress=follow) == ours(trainer, many_texts)
    last = {stage: (done, total) for stage, done, total in told}
    assert all(done == total for done, total in last.values()), last
    with pytest.raises(RuntimeError, match="the training was stopped"):
        ours(trainer, many_texts, progress=lambda *_: False)

    def fail(*_: object) -> bool:
        raise KeyError("from the callback")

    with pytest.raises(KeyError, match="from the callback"):
        ours(trainer, many_texts, progress=fail)


def test_batches_may_come_from_a_generator_that_fails() -> None:
    def batches() -> Iterable[list[str]]:
        yield ["a"]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        ours({"type": "BpeTrainer"}, batches())  # type: ignore[arg-type]


def test_korean_corpus_gives_the_same_tokenizers(shared_data: Path) -> None:
    path = shared_data / "corpora" / "nsmc" / "test.csv.gz"
    if not path.is_file():
        pytest.skip(f"no file {path}")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        texts = list(itertools.islice(file, 1500))
    counts = Counter(word for text in texts for word in text.split())
    settings = {"vocab_size": 1000 + len(set("".join(counts))), "show_progress": False}
    bpe = tokenizers.trainers.BpeTrainer(**settings)
    assert json.loads(ours(bpe.__getstate__(), texts, num_threads=2)) == theirs(tokenizers.models.BPE(), bpe, texts)
    unigram = tokenizers.trainers.UnigramTrainer(**settings, unk_token="<unk>")
    expected = theirs(tokenizers.models.Unigram(), unigram, texts)
    assert_equal_unigram(json.loads(ours(unigram.__getstate__(), texts, num_threads=2)), expected)
