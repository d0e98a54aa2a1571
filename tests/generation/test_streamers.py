"""Streamers hand on the text that the original's hand on, part by part."""

from __future__ import annotations

import asyncio
import queue
import random
import threading
from typing import Any

import pytest
import torch

import dure
from dure.errors import InputError

transformers = pytest.importorskip("transformers")


class Words:
    """Tokens are words, ideographs, parts of words, and line ends."""

    parts = (" the", " quick", "ly", " 안녕", "하세요", "语", "言", "\n", " fox", ".", "", " 🙂")

    def decode(self, ids: list[int], **options: Any) -> str:
        return "".join(self.parts[token % len(self.parts)] for token in ids)


def parts_of(kind: Any, tokens: list[list[int]], **options: Any) -> list[tuple[str, bool]]:
    found: list[tuple[str, bool]] = []

    class Keeps(kind):
        def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
            found.append((text, stream_end))

    streamer = Keeps(Words(), **options)
    for _ in range(2):
        for part in tokens:
            streamer.put(torch.tensor(part))
        streamer.end()
    return found


@pytest.mark.parametrize("skips", [True, False])
def test_parts_are_the_originals(skips: bool) -> None:
    random_ = random.Random(1)
    for _ in range(20):
        tokens = [[[random_.randrange(12) for _ in range(4)]]] + [[random_.randrange(12)] for _ in range(15)]
        options = {"skip_prompt": skips}
        assert parts_of(dure.TextStreamer, tokens, **options) == parts_of(transformers.TextStreamer, tokens, **options)


@pytest.fixture
def model() -> dure.GPT2LMHeadModel:
    torch.manual_seed(0)
    fields = {"vocab_size": 12, "n_embd": 16, "n_head": 2, "n_layer": 1, "n_positions": 64, "initializer_range": 0.4}
    return dure.GPT2LMHeadModel(dure.GPT2Config(**fields, bos_token_id=1, eos_token_id=None)).eval()


IDS = torch.tensor([[5, 6, 3]])
FIELDS = {"max_new_tokens": 12, "pad_token_id": 0}


@pytest.mark.parametrize("fields", [{}, {"do_sample": True}, {"prompt_lookup_num_tokens": 3}], ids=str)
def test_text_is_printed_while_it_is_written(
    model: dure.GPT2LMHeadModel, capsys: pytest.CaptureFixture[str], fields: dict[str, Any]
) -> None:
    found = model.generate(IDS, streamer=dure.TextStreamer(Words()), **FIELDS, **fields)
    assert capsys.readouterr().out == Words().decode(found[0].tolist()) + "\n"


def test_text_reaches_another_thread(model: dure.GPT2LMHeadModel) -> None:
    streamer = dure.TextIteratorStreamer(Words(), skip_prompt=True, timeout=60)
    thread = threading.Thread(target=model.generate, args=(IDS,), kwargs={"streamer": streamer, **FIELDS})
    thread.start()
    text = "".join(streamer)
    thread.join()
    assert text == Words().decode(model.generate(IDS, **FIELDS)[0, 3:].tolist())
    with pytest.raises(queue.Empty):
        next(iter(dure.TextIteratorStreamer(Words(), timeout=0.001)))


def test_text_reaches_an_event_loop(model: dure.GPT2LMHeadModel) -> None:
    async def read() -> str:
        streamer = dure.AsyncTextIteratorStreamer(Words(), skip_prompt=True, timeout=60)
        thread = threading.Thread(target=model.generate, args=(IDS,), kwargs={"streamer": streamer, **FIELDS})
        thread.start()
        text = "".join([part async for part in streamer])
        thread.join()
        return text

    async def wait() -> None:
        await anext(aiter(dure.AsyncTextIteratorStreamer(Words(), timeout=0.001)))

    assert asyncio.run(read()) == Words().decode(model.generate(IDS, **FIELDS)[0, 3:].tolist())
    with pytest.raises(TimeoutError):
        asyncio.run(wait())


def test_several_texts_are_refused() -> None:
    with pytest.raises(InputError, match="batch size 1, not 2"):
        dure.TextStreamer(Words()).put(torch.zeros(2, 3, dtype=torch.long))
    with pytest.raises(NotImplementedError):
        dure.BaseStreamer().put(torch.zeros(1))
