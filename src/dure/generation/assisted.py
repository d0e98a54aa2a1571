"""Drafts: somebody proposes several tokens, the model reads them all at once and keeps those it would have written.

Leviathan et al., "Fast Inference from Transformers via Speculative Decoding" (2022), https://arxiv.org/abs/2211.17192.
The text is exactly the one that greedy search gives; sampling has the same distribution. Proposals come from a smaller
model (:class:`DraftModel`) or from the text itself (:mod:`dure.generation.prompt_lookup`).
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from dure.errors import InputError
from dure.generation.logits import LogitsProcessorList
from dure.generation.session import Session
from dure.generation.task import Task, last_logits

__all__ = ["DraftModel", "Proposer", "assisted_search"]


class Proposer(Protocol):
    """Who proposes tokens."""

    def propose(self, ids: Tensor, limit: int) -> tuple[Tensor, Tensor | None]:
        """At most ``limit`` tokens ``(count,)`` to follow ``ids`` ``(1, length)``.

        With them the scores they were drawn from, ``(count, vocab_size)``, or None where they weren't drawn.
        """

    def learn(self, count: int, accepted: int) -> None:
        """How many of the last ``count`` tokens were kept."""


def assisted_search(task: Task, proposer: Proposer) -> Any:
    """A text that the model would have written alone, sooner.

    Returns:
        ``(1, length)`` ids, or an output with what was asked for.

    Raises:
        InputError: There are several prompts, or there is no cache.
    """
    if len(task.ids) > 1:
        raise InputError(f"assisted generate is only supported for batch_size = 1, not {len(task.ids)} prompts")
    if task.session.cache is None:
        raise InputError("assisted generate requires `use_cache=True`, and a model that has a cache")
    memory, length, is_done = task.sheet(1), task.ids.shape[1], False
    while not is_done:
        ids = memory[:, :length]
        proposed, drawn_from = proposer.propose(ids, task.config.max_length - length - 1)
        count = len(proposed)
        memory[0, length : length + count] = proposed
        output = task.session.read(memory[:, : length + count], count + 1)
        logits = output.logits[0, -count - 1 :].float()
        scores = _processed(task.processors, memory, length, logits)
        tokens = _chosen(scores, proposed, drawn_from, does_draw=bool(task.config.do_sample))
        first, kept = length, 0
        for token in tokens.tolist():
            memory[0, length] = token
            length, kept = length + 1, kept + 1
            task.record.add(None, logits[kept - 1 : kept], scores[kept - 1 : kept])
            # Within a draft, too, a text ends where greedy search would have ended it.
            is_done = bool(task.criteria(memory[:, :length], task.record.scores).all())
            if is_done:
                break
        if task.streamer is not None:
            task.streamer.put(memory[0, first:length].cpu())
        task.session.crop(length - 1)
        proposer.learn(count, min(kept, len(tokens) - 1))
    if task.streamer is not None:
        task.streamer.end()
    return task.record.result(task, memory[:, :length])


def _processed(processors: LogitsProcessorList, memory: Tensor, length: int, logits: Tensor) -> Tensor:
    """Scores of each place, ``(count + 1, vocab_size)``."""
    if not processors:
        return logits
    rows = [processors(memory[:, : length + k], logits[k : k + 1]) for k in range(len(logits))]
    return torch.cat(rows)


def _chosen(scores: Tensor, proposed: Tensor, drawn_from: Tensor | None, *, does_draw: bool) -> Tensor:
    """The tokens that are kept and one more, ``(1 to count + 1,)``."""
    count = len(proposed)
    if not does_draw:
        tokens = scores.argmax(dim=-1)
    elif drawn_from is None or count == 0:
        tokens = torch.multinomial(scores.softmax(dim=-1), 1).squeeze(1)
    else:
        return _speculated(scores.softmax(dim=-1), proposed, drawn_from.softmax(dim=-1))
    is_same = (tokens[:count] == proposed).tolist()
    return tokens[: is_same.index(False) + 1 if False in is_same else count + 1]


def _speculated(ours: Tensor, proposed: Tensor, theirs: Tensor) -> Tensor:
    """Algorithm 1: keep a token by the ratio of probabilities; draw another from what the draft gave too little."""
    count, places = len(proposed), torch.arange(len(proposed), device=proposed.device)
    ratio = ours[places, proposed] / theirs[places, proposed]
    is_kept = (torch.rand_like(ratio) <= ratio).tolist()
    kept = is_kept.index(False) if False in is_kept else count
    rest = ours[kept]
    if kept < count:
        rest = (ours[kept] - theirs[kept]).clamp(min=0)
        rest = rest if bool(rest.sum() > 0) else ours[kept]
    return torch.cat((proposed[:kept], torch.multinomial(rest, 1)))


class DraftModel:
    """A smaller model that writes ahead, until it is unsure.

    Args:
        session: The smaller model at work.
        processors: What is done to scores, the larger model's too.
        eos: What ends a text.
        count: Tokens of a draft.
        threshold: The least probability of a token after which the draft goes on.
        schedule: ``"constant"``, or ``"heuristic"`` to write more after drafts that were kept and fewer after others.
        does_draw: Whether tokens are drawn, and not the best ones.
    """

    def __init__(
        self,
        session: Session,
        processors: LogitsProcessorList,
        *,
        eos: list[int],
        count: int,
        threshold: float,
        schedule: str,
        does_draw: bool,
    ) -> None:
        self.session, self.processors, self.eos = session, processors, eos
        self.count, self.threshold = float(count), threshold
        self.adapts = schedule.startswith("heuristic")
        self.does_draw = does_draw

    def propose(self, ids: Tensor, limit: int) -> tuple[Tensor, Tensor | None]:
        """At most ``limit`` tokens to follow ``ids``."""
        self.session.crop(ids.shape[1] - 1)
        tokens: list[int] = []
        rows: list[Tensor] = []
        start = ids
        while len(tokens) < min(int(self.count), limit):
            scores = self.processors(ids, last_logits(self.session.read(ids)))
            chances = scores.softmax(dim=-1)[0]
            token = int(torch.multinomial(chances, 1)) if self.does_draw else int(chances.argmax())
            tokens.append(token)
            rows.append(scores)
            ids = torch.cat((ids, ids.new_tensor([[token]])), 1)
            if token in self.eos or float(chances[token]) < self.threshold:
                break
        return start.new_tensor(tokens), torch.cat(rows) if self.does_draw and rows else None

    def learn(self, count: int, accepted: int) -> None:
        """Write more next time, or fewer."""
        if self.adapts:
            self.count = self.count + 2 if accepted == count else max(1.0, self.count - 1)
