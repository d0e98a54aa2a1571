"""Conversations as text: Jinja templates that a model's makers wrote, run in a sandbox."""

from __future__ import annotations

import contextvars
import copy
import datetime as dt
import functools
import inspect
import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dure.errors import InputError

if TYPE_CHECKING:
    import jinja2

__all__ = ["Chat", "render"]

logger = logging.getLogger(__name__)

#: Marks the place where the last message is to go on; the space shows whether the template trims messages.
_END_OF_MESSAGE = "CONTINUE_FINAL_MESSAGE_TAG "

#: What was rendered so far, and the places found in it. Templates are shared by threads, so each has its own.
_TRACKED: contextvars.ContextVar[tuple[list[str], list[tuple[int, int]]] | None] = contextvars.ContextVar(
    "tracked", default=None
)


class Chat:
    """The part of a tokenizer that turns conversations into text and ids."""

    chat_template: Any
    if TYPE_CHECKING:

        @property
        def special_tokens_map(self) -> dict[str, Any]:
            """The special tokens by role."""

    def apply_chat_template(
        self,
        conversation: Any,
        tools: Sequence[Any] | None = None,
        documents: Sequence[Mapping[str, str]] | None = None,
        chat_template: str | None = None,
        add_generation_prompt: bool = False,
        continue_final_message: bool = False,
        tokenize: bool = True,
        padding: bool | str = False,
        truncation: bool | str = False,
        max_length: int | None = None,
        return_tensors: Any = None,
        return_dict: bool = False,
        return_assistant_tokens_mask: bool = False,
        tokenizer_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Turn a conversation, or a list of them, into the text or ids that the model was trained on.

        Args:
            conversation: Messages ``{"role": "user", "content": "Hi"}``, or a list of such lists.
            tools: What the model may call: JSON schemas, or functions with type hints and a docstring.
            documents: What the model may read: ``{"title": ..., "text": ...}``.
            chat_template: A Jinja template, or the name of one of several; by default the tokenizer's.
            add_generation_prompt: End with the beginning of the model's answer.
            continue_final_message: Leave the last message open, so that the model goes on with it.
            tokenize: Return ids; False: the text.
            padding: As in calling the tokenizer; so are the arguments that follow.
            truncation: Whether to cut.
            max_length: The length for both.
            return_tensors: ``'pt'``, ``'np'`` or None.
            return_dict: Return all columns rather than the ids alone.
            return_assistant_tokens_mask: Add a column that marks what the template has between ``{% generation %}``
                and ``{% endgeneration %}``.
            tokenizer_kwargs: Further arguments of calling the tokenizer.
            **kwargs: Further variables of the template.

        Raises:
            InputError: There is no template, it fails, or arguments contradict each other.
        """
        if return_dict and not tokenize:
            raise InputError("return_dict=True needs tokenize=True: without ids there's no dictionary")
        if return_assistant_tokens_mask and not return_dict:
            raise InputError("return_assistant_tokens_mask=True needs return_dict=True")
        if continue_final_message and (add_generation_prompt or return_assistant_tokens_mask):
            other = "add_generation_prompt" if add_generation_prompt else "return_assistant_tokens_mask"
            raise InputError(f"continue_final_message=True and {other}=True contradict each other: pass one of them")
        template = self.get_chat_template(chat_template, tools)
        is_batch = _is_batch(conversation)
        texts, spans = render(
            conversation if is_batch else [conversation],
            template,
            tools=tools,
            documents=documents,
            continues=continue_final_message,
            tracks=return_assistant_tokens_mask,
            variables={
                "add_generation_prompt": add_generation_prompt,
                **self.special_tokens_map,
                **kwargs,
            },
        )
        if not tokenize:
            return texts if is_batch else texts[0]
        batch = self(  # type: ignore[operator]
            texts if is_batch else texts[0],
            padding=padding,
            truncation=truncation,
            max_length=max_length,
            add_special_tokens=False,
            return_tensors=return_tensors,
            **(tokenizer_kwargs or {}),
        )
        if return_assistant_tokens_mask:
            masks = _masks(batch, spans)
            batch["assistant_masks"] = masks if is_batch or return_tensors else masks[0]
            batch.convert_to_tensors(return_tensors)
        return batch if return_dict else batch["input_ids"]

    def get_chat_template(self, chat_template: str | None = None, tools: Sequence[Any] | None = None) -> str:
        """The template for a conversation.

        Args:
            chat_template: A template, or the name of one of the tokenizer's.
            tools: With tools, a template named ``tool_use`` goes first.

        Raises:
            InputError: There's none, or several and none that is the default.
        """
        own = self.chat_template
        if isinstance(own, dict):
            if chat_template is not None:
                return str(own.get(chat_template, chat_template))
            for name in ("tool_use", "default") if tools is not None else ("default",):
                if name in own:
                    return str(own[name])
            raise InputError(
                f"this tokenizer has the chat templates {', '.join(sorted(own))}, but none named 'default': "
                "pass chat_template=NAME"
            )
        if chat_template is None and own is None:
            raise InputError(
                "this tokenizer has no chat template: pass chat_template=..., or set tokenizer.chat_template"
            )
        return str(own if chat_template is None else chat_template)

    def encode_message_with_chat_template(
        self, message: Mapping[str, Any], conversation_history: Sequence[Any] | None = None, **kwargs: Any
    ) -> list[int]:
        """The ids that a message adds to a conversation.

        Args:
            message: The new message.
            conversation_history: The messages before it.
            **kwargs: Further arguments of :meth:`apply_chat_template`.
        """
        if "add_generation_prompt" in kwargs:
            raise InputError("a message has no generation prompt: leave out add_generation_prompt")
        history = list(conversation_history or [])
        ids: list[int] = self.apply_chat_template([*history, message], **kwargs)
        if not history:
            return ids
        before = self.apply_chat_template(history, **kwargs)
        # The history needn't be a prefix of the whole: what is new begins where they differ.
        shared = min(len(ids), len(before))
        first = next((i for i in range(shared) if ids[i] != before[i]), shared)
        return ids[first:]


def _is_batch(conversation: Any) -> bool:
    if not isinstance(conversation, (list, tuple)):
        return False
    if not conversation:
        raise InputError("the conversation is empty: give at least one message")
    return isinstance(conversation[0], (list, tuple)) or hasattr(conversation[0], "messages")


def _masks(batch: Any, spans: list[list[tuple[int, int]]]) -> list[list[int]]:
    """1 for tokens that the assistant said."""
    rows = batch["input_ids"] if len(batch.encodings) > 1 or len(spans) > 1 else [batch[0].ids]
    masks = []
    for row, found in enumerate(spans):
        mask = [0] * len(rows[row])
        for begin, end in found:
            first, last = batch.char_to_token(row, begin), batch.char_to_token(row, end - 1)
            if first is None:  # cut off
                break
            for token in range(first, last + 1 if last else len(mask)):
                mask[token] = 1
        masks.append(mask)
    return masks


def render(
    conversations: Sequence[Any],
    template: str,
    *,
    tools: Sequence[Any] | None,
    documents: Sequence[Any] | None,
    continues: bool,
    tracks: bool,
    variables: Mapping[str, Any],
) -> tuple[list[str], list[list[tuple[int, int]]]]:
    """Conversations as texts, and where in them ``{% generation %}`` blocks are.

    Args:
        conversations: Lists of messages.
        template: The Jinja template.
        tools: What the model may call.
        documents: What the model may read.
        continues: Leave the last message open.
        tracks: Note where ``{% generation %}`` blocks are.
        variables: Further variables of the template.

    Raises:
        InputError: The template is broken, or refuses the conversation.
    """
    import jinja2

    if tracks and not re.search(r"\{%-?\s*generation\s*-?%\}", template):
        logger.warning("the chat template has no {% generation %} block, so no token is marked as the assistant's")
    if documents is not None and not all(isinstance(document, Mapping) for document in documents):
        raise InputError("documents must be dictionaries with 'title' and 'text'")
    variables = {**variables, "tools": _schemas(tools), "documents": documents}
    texts, spans = [], []
    try:
        compiled = _compiled(template)
        for conversation in conversations:
            messages = getattr(conversation, "messages", conversation)
            text, found = _render_one(compiled, messages, variables, continues=continues, tracks=tracks)
            texts.append(text)
            spans.append(found)
    except (jinja2.TemplateError, TypeError, AttributeError, LookupError, ArithmeticError) as error:
        raise InputError(f"the chat template can't turn this conversation into text: {error}") from error
    return texts, spans


def _render_one(
    compiled: jinja2.Template, messages: Any, variables: Mapping[str, Any], *, continues: bool, tracks: bool
) -> tuple[str, list[tuple[int, int]]]:
    blocks: list[str] = []
    spans: list[tuple[int, int]] = []
    final = ""
    if continues:
        messages = copy.deepcopy(messages)
        final = _leave_open(messages)
    if not tracks:
        text = compiled.render(messages=messages, **variables)
        return (_cut_open(text, final) if continues else text), []
    with compiled.environment.tracking(blocks, spans):  # type: ignore[attr-defined]
        for block in compiled.generate(messages=messages, **variables):
            blocks.append(block)  # noqa: PERF402
    return "".join(blocks), spans


def _leave_open(messages: Any) -> str:
    """Mark the end of the last message's text, and return the text."""
    content = messages[-1]["content"]
    if isinstance(content, str):
        messages[-1]["content"] = content + _END_OF_MESSAGE
        return content
    for block in reversed(content):
        if "text" in block:
            text: str = block["text"]
            block["text"] = text + _END_OF_MESSAGE
            return text
    raise InputError("continue_final_message=True, but the last message has no text to go on with")


def _cut_open(text: str, final: str) -> str:
    """The text up to the end of the last message."""
    if final.strip() not in text or _END_OF_MESSAGE.strip() not in text:
        raise InputError("continue_final_message=True, but the chat template changes or drops the last message")
    end = text.rindex(_END_OF_MESSAGE.strip())
    is_trimmed = text[end : end + len(_END_OF_MESSAGE)] != _END_OF_MESSAGE
    return text[:end].rstrip() if is_trimmed else text[:end]


def _schemas(tools: Sequence[Any] | None) -> list[Any] | None:
    """Tools as JSON schemas; those of functions follow from their signature and docstring."""
    if tools is None:
        return None
    from dure.tokenizers.tools import schema_of

    schemas = []
    for index, tool in enumerate(tools):
        if not isinstance(tool, Mapping) and not inspect.isfunction(tool):
            kind = type(tool).__name__
            raise InputError(f"tool {index} is of type {kind}: give a JSON schema or a function with a docstring")
        schemas.append(tool if isinstance(tool, Mapping) else schema_of(tool))
    return schemas


@functools.lru_cache(maxsize=64)
def _compiled(template: str) -> jinja2.Template:
    """A template in a sandbox that lets it neither reach into objects nor change them."""
    import jinja2
    import jinja2.ext
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_generation_extension(), jinja2.ext.loopcontrols]
    )

    def raise_exception(message: str) -> None:
        raise jinja2.TemplateError(message)

    # Jinja's own filter escapes what HTML can't have.
    environment.filters["tojson"] = lambda value, ensure_ascii=False, indent=None, separators=None, sort_keys=False: (
        json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
    )
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = lambda form: dt.datetime.now().strftime(form)
    return environment.from_string(template)


@functools.cache
def _generation_extension() -> Any:
    """The block ``{% generation %}``: its text is the assistant's, and its place is noted while tracking."""
    import jinja2
    import jinja2.ext

    class Generation(jinja2.ext.Extension):
        tags = {"generation"}  # noqa: RUF012

        def __init__(self, environment: jinja2.Environment) -> None:
            super().__init__(environment)
            environment.extend(tracking=self._tracking)

        def parse(self, parser: Any) -> jinja2.nodes.Node:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            call = self.call_method("_note")
            return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

        def _note(self, caller: Any) -> str:
            text: str = caller()
            if tracked := _TRACKED.get():
                blocks, spans = tracked
                begin = sum(map(len, blocks))
                spans.append((begin, begin + len(text)))
            return text

        @contextmanager
        def _tracking(self, blocks: list[str], spans: list[tuple[int, int]]) -> Iterator[None]:
            token = _TRACKED.set((blocks, spans))
            try:
                yield
            finally:
                _TRACKED.reset(token)

    return Generation
