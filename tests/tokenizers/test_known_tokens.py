"""Ids that textbooks print for the two vocabularies that every course begins with."""

from __future__ import annotations

import pytest

from dure.tokenizers.auto import AutoTokenizer
from dure.tokenizers.families import BertTokenizer, BertTokenizerFast, DistilBertTokenizerFast

SENTENCE = "I've been waiting for a huggingface course my whole life."
SENTENCE_IDS = [101, 1045, 1005, 2310, 2042, 3403, 2005, 1037, 17662, 12172, 2607, 2026, 2878, 2166, 1012, 102]
PROMPT = "France has a bread law, Le Décret Pain, with strict rules on what is allowed in a traditional baguette."
CANDIDATES = ["The law does not apply to croissants and brioche.", "The law applies to baguettes."]


@pytest.fixture(scope="module")
def uncased(shared_data):
    return BertTokenizerFast.from_pretrained(shared_data / "vocab/bert-base-uncased")


@pytest.fixture(scope="module")
def cased(shared_data):
    return BertTokenizer.from_pretrained(shared_data / "vocab/bert-base-cased", do_lower_case=False)


def test_key_order_and_token_types(uncased) -> None:
    encoded = uncased("I love NLP!")
    assert list(encoded.items()) == [
        ("input_ids", [101, 1045, 2293, 17953, 2361, 999, 102]),
        ("token_type_ids", [0] * 7),
        ("attention_mask", [1] * 7),
    ]
    tokens = uncased.convert_ids_to_tokens(encoded.input_ids)
    assert tokens == ["[CLS]", "i", "love", "nl", "##p", "!", "[SEP]"]


def test_padded_batch_of_tensors(shared_data) -> None:
    tokenizer = DistilBertTokenizerFast.from_pretrained(shared_data / "vocab/bert-base-uncased", model_max_length=512)
    texts = [SENTENCE.removesuffix(".") + " ", "I hate this so much"]
    batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    assert {name: column.tolist() for name, column in batch.items()} == {
        "input_ids": [[*SENTENCE_IDS[:-2], 102], [101, 1045, 5223, 2023, 2061, 2172, 102, *[0] * 8]],
        "attention_mask": [[1] * 15, [1] * 7 + [0] * 8],
    }
    assert tokenizer([SENTENCE, "So have I!"], truncation=True)["input_ids"] == [
        SENTENCE_IDS,
        [101, 2061, 2031, 1045, 999, 102],
    ]
    assert [len(row) for row in tokenizer(texts, padding="longest")["input_ids"]] == [15, 15]
    assert [len(row) for row in tokenizer(texts, padding="max_length")["input_ids"]] == [512, 512]
    assert [len(row) for row in tokenizer(texts, padding="max_length", max_length=8)["input_ids"]] == [15, 8]
    assert [row[-1] for row in tokenizer([SENTENCE] * 2, max_length=8, truncation=True)["input_ids"]] == [102, 102]


def test_cased_vocabulary(cased) -> None:
    text, ids = "Using a Transformer network is simple", [7993, 170, 13809, 23763, 2443, 1110, 3014]
    assert cased(text).data == {
        "input_ids": [101, *ids, 102],
        "token_type_ids": [0] * 9,
        "attention_mask": [1] * 9,
    }
    tokens = ["Using", "a", "Trans", "##former", "network", "is", "simple"]
    assert cased.tokenize(text) == tokens
    assert cased.convert_tokens_to_ids(tokens) == ids
    assert cased.decode(ids) == text


def test_decoding_cleans_up_contractions(uncased) -> None:
    assert uncased(SENTENCE)["input_ids"] == SENTENCE_IDS
    assert uncased.convert_tokens_to_ids(uncased.tokenize(SENTENCE)) == SENTENCE_IDS[1:-1]
    text = "i've been waiting for a huggingface course my whole life."
    assert uncased.decode(SENTENCE_IDS) == f"[CLS] {text} [SEP]"
    assert uncased.decode(SENTENCE_IDS[1:-1]) == text
    assert uncased.decode(SENTENCE_IDS, skip_special_tokens=True) == text


def test_pairs(uncased) -> None:
    encoded = uncased("This is the first sentence.", "This is the second one.")
    assert encoded["input_ids"] == [
        101,
        2023,
        2003,
        1996,
        2034,
        6251,
        1012,
        102,
        2023,
        2003,
        1996,
        2117,
        2028,
        1012,
        102,
    ]
    assert encoded["token_type_ids"] == [0] * 8 + [1] * 7
    assert encoded.tokens()[5:10] == ["sentence", ".", "[SEP]", "this", "is"]
    assert uncased(["Hello!", "Cool.", "Nice!"])["input_ids"] == [
        [101, 7592, 999, 102],
        [101, 4658, 1012, 102],
        [101, 3835, 999, 102],
    ]


def test_multiple_choice(uncased) -> None:
    """Accents go before look-up; the token types of trailing padding are 0."""
    batch = uncased([[PROMPT, candidate] for candidate in CANDIDATES], return_tensors="pt", padding=True)
    assert batch["input_ids"].shape == (2, 43)
    assert batch["input_ids"][0, 7:10].tolist() == [3393, 11703, 13465]
    assert batch["input_ids"][1].tolist()[27:] == [1996, 2375, 12033, 2000, 4524, 23361, 4570, 1012, 102, *[0] * 7]
    assert batch["token_type_ids"].tolist() == [[0] * 27 + [1] * 16, [0] * 27 + [1] * 9 + [0] * 7]
    assert batch["attention_mask"].sum(1).tolist() == [43, 36]


#: What the makers of vocabularies, and courses, print for each.
PUBLISHED = {
    "gpt2": ("Hello world", [15496, 995]),
    "roberta-base": ("Hello world!", [0, 31414, 232, 328, 2]),
    "t5-small": (
        "translate English to German: The house is wonderful.",
        [13959, 1566, 12, 2968, 10, 37, 629, 19, 1627, 5, 1],
    ),
    "albert-base-v2": ("this is a test", [48, 25, 21, 1289]),
    "koelectra-base": (
        "한국어 ELECTRA를 공유합니다.",
        [2, 18429, 41, 6240, 15229, 6204, 20894, 5689, 12622, 10690, 18, 3],
    ),
    "llama-2": ("Hello world", [1, 15043, 3186]),
    "mistral-7b-v0.1": ("Hello world", [22557, 1526]),
    "qwen2": ("Hello world", [9707, 1879]),
    "cl100k_base": ("hello world", [15339, 1917]),
    "clip-vit": ("a photo of a cat", [49406, 320, 1125, 539, 320, 2368, 49407]),
    "phi-2": ("Hello world", [15496, 995]),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_ids(name, shared_data) -> None:
    text, ids = PUBLISHED[name]
    settings = {"do_lower_case": False} if name == "koelectra-base" else {}
    tokenizer = AutoTokenizer.from_pretrained(shared_data / "vocab" / name, **settings)
    assert tokenizer(text)["input_ids"] == ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == text


def test_a_generated_continuation_is_decoded(shared_data) -> None:
    """Ids that a model drew needn't be those that its text would be encoded to."""
    tokenizer = AutoTokenizer.from_pretrained(shared_data / "vocab/gpt2")
    ids = [50, 13730, 8718, 76, 7094, 3578, 262, 10900, 1080, 284]
    assert tokenizer("Somatic hypermutation allows the immune system to").input_ids == ids
    assert tokenizer.batch_decode([[*ids, 39119, 2512, 257, 3108, 6644]], skip_special_tokens=True) == [
        "Somatic hypermutation allows the immune system to selectively block a pathogen"
    ]
