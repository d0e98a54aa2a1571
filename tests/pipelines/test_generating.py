"""Pipelines that write, against the original: prompts, chats, texts to texts, translations."""

from __future__ import annotations

import shutil

import pytest
import torch
from tests.pipelines.oracle import assert_same

import dure
from dure.errors import InputError

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning"),
]
TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
PROMPTS = ["Once upon a time", "tea", "한국어", "The quick brown fox jumps over the lazy dog again", "😀 a", "a"]
CHAT = [{"role": "user", "content": "Hi 한국"}, {"role": "assistant", "content": "Hello,"}]
GREEDY = {"do_sample": False, "max_new_tokens": 7}


@pytest.fixture
def writers(made, both):
    """Both libraries' pipelines for GPT-2."""
    ours, theirs = both("text-generation", made("GPT2", "LMHeadModel"))
    for pipe in (ours, theirs):
        pipe.tokenizer.chat_template = TEMPLATE
    return ours, theirs


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"return_full_text": False},
        {"return_tensors": True},
        {"num_beams": 3, "num_return_sequences": 2},
        {"prefix": "Title: "},
        {"add_special_tokens": True, "clean_up_tokenization_spaces": False},
        {"stop_sequence": "the"},
        {"repetition_penalty": 1.5, "no_repeat_ngram_size": 2},
        {"skip_special_tokens": False},
    ],
)
def test_continuations(writers, options):
    ours, theirs = writers
    options = {**GREEDY, **options}
    assert_same(ours(PROMPTS, **options), [theirs(prompt, **options) for prompt in PROMPTS])
    assert_same(ours(PROMPTS[0], **options), theirs(PROMPTS[0], **options))
    assert_same(ours(PROMPTS, batch_size=2, **options), theirs(PROMPTS, **options))


def test_chats(writers):
    ours, theirs = writers
    for chat in (CHAT, CHAT[:1], [{"role": "system", "content": "s"}, *CHAT]):
        for options in ({}, {"return_full_text": False}, {"continue_final_message": False}):
            assert_same(ours(chat, **GREEDY, **options), theirs(chat, **GREEDY, **options))
    assert_same(ours([CHAT, CHAT[:1]], **GREEDY), theirs([CHAT, CHAT[:1]], **GREEDY))


def test_length_limits(writers):
    ours, theirs = writers
    long = "tea " * 200
    options = {**GREEDY, "handle_long_generation": "hole"}
    assert_same(ours(long, **options), theirs(long, **options))
    few = ours(PROMPTS[0], do_sample=False, max_length=9, return_tensors=True)
    assert len(few[0]["generated_token_ids"]) == 9
    with pytest.raises(InputError, match=r"text 1 has .* tokens, but the model takes 160"):
        ours(["tea", long], **GREEDY)


def test_an_empty_prompt_begins_anew(writers):
    ours, theirs = writers
    assert_same(ours("", **GREEDY), theirs("", **GREEDY))


def test_drawn_texts(writers):
    ours, _ = writers
    answers = ours("Once", num_return_sequences=5, max_new_tokens=9)
    assert len({answer["generated_text"] for answer in answers}) > 1
    assert all(answer["generated_text"].startswith("Once") for answer in answers)
    dure.set_seed(3)
    first = ours(PROMPTS, max_new_tokens=5)
    dure.set_seed(3)
    assert ours(PROMPTS, max_new_tokens=5) == first


def test_stop_strings_and_streamers(writers):
    ours, _ = writers
    whole = ours("Once", **GREEDY, return_full_text=False)[0]["generated_text"]
    stop = whole[len(whole) // 2 :][:3]
    stopped = ours("Once", **GREEDY, return_full_text=False, stop_strings=[stop])[0]["generated_text"]
    assert stop in stopped
    assert whole.startswith(stopped)

    class Heard:
        tokens = 0

        def put(self, value):
            self.tokens += value.numel()

        def end(self):
            self.is_over = True

    heard = Heard()
    ours("Once", **GREEDY, streamer=heard)
    assert heard.is_over
    assert heard.tokens >= 7


@pytest.mark.parametrize("family", ["Bart", "T5", "Marian"])
def test_texts_to_texts(made, both, texts, family):
    head = {"Marian": "MTModel"}.get(family, "ForConditionalGeneration")
    folder = made(family, head)
    asked, options = texts[7:12], {"max_new_tokens": 6}
    for task in ("text2text-generation", "summarization", "translation"):
        ours, theirs = both(task, folder)
        assert_same(ours(asked[0], **options), theirs(asked[0], **options))
    assert_same(ours(asked, **options), [theirs(text, **options)[0] for text in asked])
    options = {"max_new_tokens": 6, "num_beams": 3, "num_return_sequences": 2}
    assert_same(ours(asked, **options), [theirs(text, **options) for text in asked])
    for mine, yours in zip(
        ours(asked[0], **options, return_tensors=True), theirs(asked[0], **options, return_tensors=True), strict=True
    ):
        assert torch.equal(mine["translation_token_ids"], yours["translation_token_ids"])


def test_prefixes_and_lengths_of_the_configuration(made, both):
    special = {
        "summarization": {"prefix": "summarize: ", "max_length": 9, "num_beams": 2},
        "translation_en_to_fr": {"prefix": "translate English to French: ", "max_length": 8},
    }
    folder = made("T5", "ForConditionalGeneration", task_specific_params=special)
    ours, theirs = both("summarization", folder)
    assert_same(ours("a cup of tea", max_new_tokens=8), theirs("a cup of tea", max_new_tokens=8))
    with pytest.warns(UserWarning, match="translation_en_to_fr"):
        ours = dure.pipeline("translation", model=folder)
    assert ours.prefix == "translate English to French: "
    (answer,) = ours("tea", return_tensors=True, min_length=0)
    assert len(answer["translation_token_ids"]) <= 8
    named, theirs = both("translation_en_to_fr", folder)
    assert_same(named(["tea", "a cup"], max_new_tokens=7), theirs(["tea", "a cup"], max_new_tokens=7))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda p: p(None), "text 0 must be a string, not NoneType"),
        (lambda p: p(["a", 3]), "text 1 must be a string, not int"),
        (lambda p: p([{"role": "user"}]), "message 0 of chat 0 must be"),
        (lambda p: p([[], ["a"]]), "chat 0 is empty"),
        (lambda p: p("a", max_new_token=3), "did you mean 'max_new_tokens'"),
        (lambda p: p("a", temprature=3), "did you mean 'temperature'"),
        (lambda p: p("a", do_sample=False, num_return_sequences=2), "num_return_sequences"),
        (lambda p: p("a", handle_long_generation="cut"), "'cut' is not known"),
        (lambda p: p("a", return_full_text=True, return_tensors=True), "give one of them"),
        (lambda p: p("a", return_dict_in_generate=True), "pipe.model.generate"),
        (lambda p: p("a", temperature=-1.0, max_new_tokens=2), "temperature"),
    ],
)
def test_errors(made, call, match):
    pipe = dure.pipeline("text-generation", model=made("GPT2", "LMHeadModel"))
    with pytest.raises(InputError, match=match):
        call(pipe)


def test_default_languages_of_translation(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match="translation has no default model"):
        dure.pipeline("translation")
    with (
        pytest.warns(UserWarning, match="defaulted to google-t5/t5-base and revision a9723ea"),
        pytest.raises(dure.errors.RepositoryNotFoundError, match="Models on this machine"),
    ):
        dure.pipeline("translation_en_to_fr")


@pytest.mark.parametrize(("name", "source", "target"), [("MBart", "en_XX", "ko_KR"), ("MBart50", "ko_KR", "fr_XX")])
def test_models_that_speak_many_languages(shared_data, tmp_path, both, name, source, target):
    shutil.copyfile(
        shared_data / "vocab/sentencepiece-test-models/test_model.model", tmp_path / "sentencepiece.bpe.model"
    )
    tokenizer = getattr(dure, f"{name}TokenizerFast").from_pretrained(tmp_path, src_lang=source, tgt_lang=target)
    tokenizer.save_pretrained(tmp_path)
    torch.manual_seed(0)
    sizes = {"encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
    config = dure.MBartConfig(
        d_model=32, encoder_ffn_dim=32, decoder_ffn_dim=32, vocab_size=len(tokenizer), init_std=0.5, **sizes
    )
    dure.MBartForConditionalGeneration(config).save_pretrained(tmp_path)
    ours, theirs = both("translation", str(tmp_path))
    options = {"src_lang": source, "tgt_lang": target, "max_new_tokens": 8}
    asked = ["This is a test.", "I saw a girl with a telescope.", "안녕 😀"]
    for search in ({}, {"num_beams": 3}):
        for text in asked:
            assert_same(ours(text, **options, **search), theirs(text, **options, **search))
        assert_same(ours(asked, **options, **search), [theirs(text, **options, **search)[0] for text in asked])
    (ids,) = ours(asked[0], **options, return_tensors=True)
    assert int(ids["translation_token_ids"][1]) == tokenizer.convert_tokens_to_ids(target)
    with pytest.raises(InputError, match="give src_lang and tgt_lang"):
        ours(asked[0])
    with pytest.raises(InputError, match="tgt_lang='xx' is not a language"):
        ours(asked[0], src_lang=source, tgt_lang="xx")
