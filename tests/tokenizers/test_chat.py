"""Chat templates render what they render in transformers, and can do no more than render."""

from __future__ import annotations

import json
import threading
from typing import Any, Literal

import pytest
import transformers
from transformers.utils import get_json_schema

from dure.errors import InputError
from dure.tokenizers.auto import AutoTokenizer
from dure.tokenizers.tools import schema_of

CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": 'Hi <there> & "you" 한국어'},
    {"role": "assistant", "content": "Hello! "},
    {"role": "user", "content": "Bye"},
    {"role": "assistant", "content": "See you"},
]
PLAIN = (
    "{% for m in messages %}<{{ m.role }}> {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
TEMPLATES = {
    "plain": PLAIN,
    "trimmed": """
{%- for message in messages %}
    {% if message['role'] == 'user' %}
        {{- '[INST] ' + message['content'] | trim + ' [/INST]' }}
    {% elif loop.first %}
{{ bos_token }}<<{{ message['content'] }}>>
    {% else %}
        {{- ' ' + message['content'] + eos_token }}
    {% endif %}
{% endfor %}""",
    "json": "{{ messages | tojson }}{{ messages | tojson(indent=2) }}{{ tools | tojson }}{{ documents }}",
    "loop controls": "{% for m in messages %}{% if loop.index0 == 1 %}{% continue %}{% endif %}"
    "{% if loop.last %}{% break %}{% endif %}{{ m.content }}{% endfor %}",
    "macro": "{% macro show(m) %}[{{ m.role | upper }}]{% endmacro %}{% set ns = namespace(n=0) %}"
    "{% for m in messages %}{% set ns.n = ns.n + 1 %}{{ show(m) }}{{ ns.n }}{% endfor %}{{ extra }}",
    "generation": "{% for m in messages %}<{{ m.role }}>{% if m.role == 'assistant' %}{% generation %}{{ m.content }}"
    "{% endgeneration %}{% else %}{{ m.content }}{% endif %}\n{% endfor %}",
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory, small_tokenizer_json) -> tuple:
    folder = tmp_path_factory.mktemp("chat")
    (folder / "tokenizer.json").write_text(small_tokenizer_json, encoding="utf-8")
    settings = {"bos_token": "[CLS]", "eos_token": "[SEP]", "pad_token": "[PAD]", "chat_template": PLAIN}
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **settings})
    )
    return AutoTokenizer.from_pretrained(folder), transformers.AutoTokenizer.from_pretrained(folder)


def multiply(x: float, y: float | None = None, mode: str = "a") -> float:
    """Multiply two numbers.

    Args:
        x: The first number,
            on two lines.
        y: The second number
        mode: How (choices: ["a", "b"])

    Returns:
        The product
    """
    return x * (y or 1.0)


def search(
    words: list[str], where: dict[str, int], kind: Literal["x", "y", 1], pair: tuple[int, str], any_: Any
) -> str:
    """Search.

    Args:
        words: What
        where: Where
        kind: Kind
        pair: Pair
        any_: Anything
    """
    return ""


def nothing() -> None:
    """Do nothing."""


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"add_generation_prompt": True},
        {"extra": "more", "documents": [{"title": "t", "text": "x"}]},
        {"tools": [multiply, search, {"type": "function", "function": {"name": "x"}}, nothing]},
    ],
    ids=lambda options: " ".join(options),
)
def test_rendering_is_the_same(pair, name, options) -> None:
    for chat in (CHAT, CHAT[1:2], [CHAT, CHAT[1:3]]):
        texts = [t.apply_chat_template(chat, chat_template=TEMPLATES[name], tokenize=False, **options) for t in pair]
        assert texts[0] == texts[1]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"return_dict": True},
        {"return_tensors": "pt", "padding": True},
        {"return_dict": True, "return_tensors": "np", "padding": True},
        {"truncation": True, "max_length": 7},
        {"return_dict": True, "tokenizer_kwargs": {"return_offsets_mapping": True}},
    ],
    ids=str,
)
def test_tokenizing_is_the_same(pair, options) -> None:
    for chat in (CHAT, [CHAT, CHAT[1:3]]):
        found = [t.apply_chat_template(chat, **options) for t in pair]
        assert type(found[0]).__name__ == type(found[1]).__name__
        if not options.get("return_dict"):
            found = [{"ids": ids} for ids in found]
        assert list(found[0]) == list(found[1])
        for column in found[1]:
            values = [b[column].tolist() if hasattr(b[column], "tolist") else b[column] for b in found]
            assert values[0] == values[1]


@pytest.mark.parametrize("options", [{}, {"truncation": True, "max_length": 60}, {"return_tensors": "pt"}], ids=str)
def test_the_assistants_tokens_are_marked(pair, options) -> None:
    options = {"return_dict": True, "return_assistant_tokens_mask": True, **options}
    chats = [CHAT] if "return_tensors" in options else [CHAT, [CHAT, CHAT[1:3]]]
    for chat in chats:
        found = [t.apply_chat_template(chat, chat_template=TEMPLATES["generation"], **options) for t in pair]
        masks = [b["assistant_masks"].tolist() if hasattr(b["assistant_masks"], "tolist") else b["assistant_masks"]
                 for b in found]  # fmt: skip
        assert masks[0] == masks[1]
        assert sum(masks[0] if isinstance(masks[0][0], int) else masks[0][0]) > 0


def test_templates_without_marks_say_so(pair, caplog) -> None:
    batch = pair[0].apply_chat_template(CHAT, return_dict=True, return_assistant_tokens_mask=True)
    assert not any(batch["assistant_masks"])
    assert "the chat template has no {% generation %} block" in caplog.text


@pytest.mark.parametrize("name", ["plain", "trimmed", "generation"])
def test_the_last_message_can_stay_open(pair, name) -> None:
    blocks = [{"role": "assistant", "content": [{"type": "text", "text": "So "}]}]
    for chat in (CHAT, CHAT[:3], [*CHAT[:2], {"role": "assistant", "content": "So\n"}]):
        texts = [
            t.apply_chat_template(chat, chat_template=TEMPLATES[name], tokenize=False, continue_final_message=True)
            for t in pair
        ]
        assert texts[0] == texts[1]
    template = "{% for m in messages %}{{ m.content[0].text }}|{% endfor %}"
    texts = [
        t.apply_chat_template(blocks, chat_template=template, tokenize=False, continue_final_message=True) for t in pair
    ]
    assert texts[0] == texts[1]
    assert blocks[0]["content"][0]["text"] == "So "


def test_named_templates(pair, tmp_path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(pair[0].name_or_path)
    tokenizer.chat_template = {"default": "D{{ tools }}", "tool_use": "T", "rag": "R"}
    assert tokenizer.apply_chat_template(CHAT, tokenize=False) == "DNone"
    assert tokenizer.apply_chat_template(CHAT, tokenize=False, tools=[multiply]) == "T"
    assert tokenizer.apply_chat_template(CHAT, tokenize=False, chat_template="rag") == "R"
    assert tokenizer.apply_chat_template(CHAT, tokenize=False, chat_template="X{{ 1 }}") == "X1"
    tokenizer.save_pretrained(tmp_path / "saved")
    for library in (AutoTokenizer, transformers.AutoTokenizer):
        assert library.from_pretrained(tmp_path / "saved").chat_template == tokenizer.chat_template
    del tokenizer.chat_template["default"]
    with pytest.raises(InputError, match="has the chat templates rag, tool_use, but none named 'default'"):
        tokenizer.apply_chat_template(CHAT)
    tokenizer.chat_template = None
    with pytest.raises(InputError, match="has no chat template: pass chat_template"):
        tokenizer.apply_chat_template(CHAT)


def test_templates_in_files(pair, tmp_path, small_tokenizer_json) -> None:
    (tmp_path / "tokenizer.json").write_text(small_tokenizer_json, encoding="utf-8")
    (tmp_path / "chat_template.jinja").write_text("file: {{ messages[0].content }}")
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": "config"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    assert AutoTokenizer.from_pretrained(tmp_path).apply_chat_template(CHAT, tokenize=False) == "file: Be brief."
    (tmp_path / "additional_chat_templates").mkdir()
    (tmp_path / "additional_chat_templates" / "rag.jinja").write_text("rag")
    for library in (AutoTokenizer, transformers.AutoTokenizer):
        assert library.from_pretrained(tmp_path).chat_template == {
            "default": "file: {{ messages[0].content }}", "rag": "rag",
        }  # fmt: skip


def test_single_messages(pair) -> None:
    for history in (None, [], CHAT[:2]):
        found = [t.encode_message_with_chat_template(CHAT[2], history) for t in pair]
        assert found[0] == found[1]
    with pytest.raises(InputError, match="leave out add_generation_prompt"):
        pair[0].encode_message_with_chat_template(CHAT[2], add_generation_prompt=True)


def test_real_templates(shared_data) -> None:
    for name in ("qwen2", "phi-3-mini"):
        folder = shared_data / "vocab" / name
        pair = [library.from_pretrained(folder) for library in (AutoTokenizer, transformers.AutoTokenizer)]
        for options in ({}, {"add_generation_prompt": True}, {"tokenize": False}):
            found = [t.apply_chat_template(CHAT, **options) for t in pair]
            assert found[0] == found[1]


@pytest.mark.parametrize(
    "template",
    [
        "{{ messages.append(1) }}",
        "{{ messages.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ raise_exception.__globals__.keys() }}",
        "{{ messages[0].update({'a': 1}) }}",
        "{% include 'x' %}",
    ],
)
def test_templates_stay_in_their_box(pair, template) -> None:
    with pytest.raises(InputError, match="the chat template can't turn this conversation into text"):
        pair[0].apply_chat_template(CHAT, chat_template=template, tokenize=False)
    assert len(CHAT) == 5
    assert "a" not in CHAT[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chat_template": "{{ raise_exception('roles must alternate') }}"}, "into text: roles must alternate"),
        ({"chat_template": "{{ messages + 1 }}"}, "into text: can only concatenate list"),
        ({"chat_template": "{% for %}"}, "the chat template can't turn this conversation into text"),
        ({"return_dict": True, "tokenize": False}, "return_dict=True needs tokenize=True"),
        ({"return_assistant_tokens_mask": True}, "needs return_dict=True"),
        ({"continue_final_message": True, "add_generation_prompt": True}, "add_generation_prompt=True contradict"),
        ({"continue_final_message": True, "chat_template": "x"}, "the chat template changes or drops the last message"),
        ({"documents": ["x"]}, "documents must be dictionaries with 'title' and 'text'"),
        ({"tools": [5]}, "tool 0 is of type int: give a JSON schema or a function"),
        ({"conversation": []}, "the conversation is empty: give at least one message"),
        (
            {"continue_final_message": True, "conversation": [{"role": "user", "content": [{"type": "image"}]}]},
            "the last message has no text to go on with",
        ),
    ],
)
def test_mistakes_are_named(pair, options, message) -> None:
    with pytest.raises(InputError, match=message):
        pair[0].apply_chat_template(**{"conversation": CHAT, **options})


def test_the_date_is_known(pair) -> None:
    text = pair[0].apply_chat_template(CHAT, chat_template="{{ strftime_now('%Y-%m') }}", tokenize=False)
    assert len(text) == 7


def test_threads_share_templates(pair) -> None:
    results = []

    def work() -> None:
        for _ in range(20):
            batch = pair[0].apply_chat_template(
                CHAT, chat_template=TEMPLATES["generation"], return_dict=True, return_assistant_tokens_mask=True
            )
            results.append(tuple(batch["assistant_masks"]))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 80
    assert len(set(results)) == 1


@pytest.mark.parametrize("function", [multiply, search, nothing])
def test_schemas_are_the_same(function) -> None:
    assert json.dumps(schema_of(function)) == json.dumps(get_json_schema(function))


def test_functions_that_say_too_little_are_named() -> None:
    def undocumented(x: int) -> None: ...

    def untyped(x) -> None:
        """Do.

        Args:
            x: X
        """

    def undescribed(x: int) -> None:
        """Do."""

    def odd(x: tuple[int, ...]) -> None:
        """Do.

        Args:
            x: X
        """

    for function, message in (
        (undocumented, "the tool undocumented has no docstring"),
        (untyped, "the argument x of the tool untyped has no type hint"),
        (undescribed, "the docstring of the tool undescribed doesn't describe its argument x"),
        (odd, r"the tool odd has the type hint .*: use list\[...\]"),
    ):
        with pytest.raises(InputError, match=message):
            schema_of(function)
