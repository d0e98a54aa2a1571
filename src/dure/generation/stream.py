"""Text while it's written: printed, or handed to another thread or to an event loop."""

from __future__ import annotations

import asyncio
import queue
from typing import Any

from torch import Tensor

from dure.errors import InputError

__all__ = ["AsyncTextIteratorStreamer", "BaseStreamer", "TextIteratorStreamer", "TextStreamer"]

#: Blocks of characters that are words of their own, so that they needn't wait for a space.
_IDEOGRAPHS = ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
               (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F))  # fmt: skip


class BaseStreamer:
    """What `generate` hands tokens to: the prompt first, then each new token, then the end."""

    def put(self, value: Tensor) -> None:
        """Take the prompt ``(rows, length)`` or new tokens ``(rows,)``."""
        raise NotImplementedError

    def end(self) -> None:
        """There are no more."""
        raise NotImplementedError


class TextStreamer(BaseStreamer):
    """Prints text word by word.

    Args:
        tokenizer: What decodes.
        skip_prompt: Leave the prompt out.
        **decode_kwargs: Arguments of the tokenizer's ``decode``, such as ``skip_special_tokens=True``.
    """

    def __init__(self, tokenizer: Any, skip_prompt: bool = False, **decode_kwargs: Any) -> None:
        self.tokenizer = tokenizer
        self.skip_prompt = skip_prompt
        self.decode_kwargs = decode_kwargs
        self.token_cache: list[int] = []
        self.print_len = 0
        self.next_tokens_are_prompt = True

    def put(self, value: Tensor) -> None:
        """Take tokens of one text; what is certain of them is handed on.

        Raises:
            InputError: There are several texts.
        """
        if value.dim() > 1 and value.shape[0] > 1:
            raise InputError(
                f"TextStreamer only supports batch size 1, not {value.shape[0]}: pass one prompt at a time"
            )
        is_prompt, self.next_tokens_are_prompt = self.next_tokens_are_prompt, False
        if is_prompt and self.skip_prompt:
            return
        self.token_cache.extend(value.flatten().tolist())
        text = self.tokenizer.decode(self.token_cache, **self.decode_kwargs)
        if text.endswith("\n"):
            self._hand_on(text, len(text))
            self.token_cache, self.print_len = [], 0
        elif text and any(first <= ord(text[-1]) <= last for first, last in _IDEOGRAPHS):
            self._hand_on(text, len(text))
        else:
            # A later token may still change the last word.
            self._hand_on(text, text.rfind(" ") + 1)

    def end(self) -> None:
        """Hand on what is left."""
        text = self.tokenizer.decode(self.token_cache, **self.decode_kwargs) if self.token_cache else ""
        left = text[self.print_len :]
        self.token_cache, self.print_len, self.next_tokens_are_prompt = [], 0, True
        self.on_finalized_text(left, stream_end=True)

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        """What is done with the next part: it's printed."""
        print(text, flush=True, end=None if stream_end else "")

    def _hand_on(self, text: str, end: int) -> None:
        part = text[self.print_len : end]
        self.print_len += len(part)
        self.on_finalized_text(part)


class TextIteratorStreamer(TextStreamer):
    """Iterate over it in one thread while `generate` runs in another.

    Args:
        tokenizer: As for :class:`TextStreamer`, like the next.
        skip_prompt: Leave the prompt out.
        timeout: Seconds to wait for a part; then :class:`queue.Empty` is raised. None waits for ever.
        **decode_kwargs: Arguments of ``decode``.
    """

    def __init__(
        self, tokenizer: Any, skip_prompt: bool = False, timeout: float | None = None, **decode_kwargs: Any
    ) -> None:
        super().__init__(tokenizer, skip_prompt, **decode_kwargs)
        self.text_queue: queue.Queue[str | None] = queue.Queue()
        self.stop_signal = None
        self.timeout = timeout

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        """The next part goes into the queue."""
        self.text_queue.put(text, timeout=self.timeout)
        if stream_end:
            self.text_queue.put(self.stop_signal, timeout=self.timeout)

    def __iter__(self) -> TextIteratorStreamer:
        return self

    def __next__(self) -> str:
        part = self.text_queue.get(timeout=self.timeout)
        if part is None:
            raise StopIteration
        return part


class AsyncTextIteratorStreamer(TextStreamer):
    """Iterate over it with ``async for`` while `generate` runs in a thread; make it inside the event loop.

    Args:
        tokenizer: As for :class:`TextStreamer`, like the next.
        skip_prompt: Leave the prompt out.
        timeout: Seconds to wait for a part; then :class:`TimeoutError` is raised. None waits for ever.
        **decode_kwargs: Arguments of ``decode``.
    """

    def __init__(
        self, tokenizer: Any, skip_prompt: bool = False, timeout: float | None = None, **decode_kwargs: Any
    ) -> None:
        super().__init__(tokenizer, skip_prompt, **decode_kwargs)
        self.text_queue: asyncio.Queue[str | None] = asyncio.Queue()
        self.stop_signal = None
        self.timeout = timeout
        self.loop = asyncio.get_running_loop()

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        """The next part goes to the event loop."""
        self.loop.call_soon_threadsafe(self.text_queue.put_nowait, text)
        if stream_end:
            self.loop.call_soon_threadsafe(self.text_queue.put_nowait, self.stop_signal)

    def __aiter__(self) -> AsyncTextIteratorStreamer:
        return self

    async def __anext__(self) -> str:
        async with asyncio.timeout(self.timeout):
            part = await self.text_queue.get()
        if part is None:
            raise StopAsyncIteration
        return part
