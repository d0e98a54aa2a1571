"""Beam search: several texts at once, the best kept; and beam sampling, where the next tokens are drawn.

Lowerre, "The Harpy Speech Recognition System" (1976); Sutskever et al., "Sequence to Sequence Learning" (2014), section
3.2; the length penalty is a power of the length. What ends a search early follows the original.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor

from dure.generation.ranking import best_of
from dure.generation.stopping import EosTokenCriteria, MaxLengthCriteria, StoppingCriteriaList
from dure.generation.task import Task, last_logits

__all__ = ["beam_search"]

#: The score of what isn't there; logarithms of probabilities are far above.
_NOTHING = -1.0e9


@dataclasses.dataclass
class _Finished:
    """A text that has ended: its score, its ids, and which beam each of its new tokens continued."""

    score: float
    ids: Tensor
    trace: Tensor | None


class _Shelf:
    """The best finished texts of one prompt.

    Args:
        size: How many are kept.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.texts: list[_Finished] = []
        self.is_closed = False

    @property
    def is_full(self) -> bool:
        return len(self.texts) == self.size

    def add(self, texts: list[_Finished]) -> None:
        """Keep the best of these and those before."""
        self.texts = sorted(self.texts + texts, key=lambda text: -text.score)[: self.size]

    def close(self, best_possible: float, *, stops_when_full: bool) -> None:
        """Take no more where none that runs can be better, or where enough is enough."""
        worst = self.texts[-1].score if self.is_full else _NOTHING
        self.is_closed = self.is_closed or not best_possible > worst or (stops_when_full and self.is_full)


def beam_search(task: Task) -> Any:
    """The best texts that ``config.num_beams`` beams find for each prompt.

    Returns:
        ``(batch * num_return_sequences, length)`` ids, or an output with what was asked for.
    """
    beams = _Beams(task)
    output, logits = task.first_logits(task.config.num_beams)
    repeats = task.config.num_beams
    while True:
        scores = task.processors(beams.ids, logits.log_softmax(dim=-1))
        task.record.add(output, logits, scores, repeats)
        if beams.step(scores):
            break
        output, repeats = task.session.read(beams.ids), 1
        logits = last_logits(output)
    sequences, found, trace = beams.best()
    extra = {"sequences_scores": found if task.config.output_scores else None, "beam_indices": trace}
    return task.record.result(task, sequences, **extra)


class _Beams:
    """The running texts of all prompts that are still searched, and the finished ones."""

    def __init__(self, task: Task) -> None:
        self.task, self.config = task, task.config
        self.num_beams, ends = self.config.num_beams, len(task.special.eos)
        #: Enough that as many as there are beams go on, whatever ends.
        self.num_candidates = max(2, 1 + ends) * self.num_beams
        batch, self.prompt_length = task.ids.shape
        self.length, self.device = self.prompt_length, task.ids.device
        self.memory = task.sheet(batch * self.num_beams)
        # All beams start with the same text: the first one's tokens alone count.
        self.scores = torch.full((batch, self.num_beams), _NOTHING, device=self.device)
        self.scores[:, 0] = 0.0
        self.shelves = [_Shelf(self.num_beams) for _ in range(batch)]
        self.prompts = list(range(batch))
        steps = self.config.max_length - self.prompt_length if task.record.is_wanted else 0
        self.trace = torch.full((len(self.memory), steps), -1, dtype=torch.int32, device=self.device)
        self.ends = torch.tensor(task.special.eos, device=self.device)
        plain = (EosTokenCriteria, MaxLengthCriteria)
        self.others = StoppingCriteriaList(one for one in task.criteria if type(one) not in plain)

    @property
    def ids(self) -> Tensor:
        """``(rows, length)``, the running texts."""
        return self.memory[:, : self.length]

    def step(self, scores: Tensor) -> bool:
        """Each text goes on with its best tokens, by scores ``(rows, vocab_size)``; True when the search is over."""
        found, beams, tokens = self._candidates(scores)
        has_ended = self._has_ended(beams, tokens)
        self.length += 1
        self._put_aside(found, beams, tokens, has_ended)
        running = found + has_ended * _NOTHING
        self.scores, chosen = running.topk(self.num_beams)
        rows = self._rows(beams.gather(1, chosen))
        if self.trace.shape[1]:
            self.trace = self.trace[rows]
            self.trace[:, self.length - self.prompt_length - 1] = rows.to(torch.int32)
        self.memory = self.memory.index_select(0, rows)
        self.memory[:, self.length - 1] = tokens.gather(1, chosen).flatten()
        if bool(has_ended.all()) or self._close():
            return True
        self.task.session.reorder(rows)
        if self.task.may_leave and not self.others:
            self._leave()
        return False

    def _candidates(self, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The best continuations of each prompt, ``(batch, num_candidates)``: scores, their beams, and tokens."""
        batch, width = len(self.prompts), scores.shape[1]
        if self.config.do_sample:
            total = (scores.view(batch, self.num_beams, width) + self.scores.unsqueeze(2)).flatten(1)
            places = torch.multinomial(total.softmax(dim=-1), self.num_candidates)
            return total.gather(1, places), places // width, places % width
        # The best of a prompt are among the best of its beams.
        width = min(self.num_candidates, width)
        of_beams, tokens = best_of(scores, width)
        total = (of_beams.view(batch, self.num_beams, width) + self.scores.unsqueeze(2)).flatten(1)
        found, places = total.topk(self.num_candidates)
        return found, places // width, tokens.view(batch, -1).gather(1, places)

    def _has_ended(self, beams: Tensor, tokens: Tensor) -> Tensor:
        """Which candidates are complete, ``(batch, num_candidates)``."""
        if self.length + 1 >= self.config.max_length:
            return torch.ones_like(tokens, dtype=torch.bool)
        has_ended = torch.isin(tokens, self.ends)
        if self.others:
            ids = torch.cat((self.ids[self._rows(beams)], tokens.view(-1, 1)), 1)
            has_ended = has_ended | self.others(ids, self.task.record.scores).view_as(has_ended)
        return has_ended

    def _put_aside(self, found: Tensor, beams: Tensor, tokens: Tensor, has_ended: Tensor) -> None:
        """Finished texts among the best ``num_beams`` candidates go to their prompt's shelf."""
        # Those behind exist so that enough beams go on; they don't count.
        flags = has_ended[:, : self.num_beams]
        if not bool(flags.any()):
            return
        count = self.length - self.prompt_length
        found = found / count**self.config.length_penalty
        for index, ended in enumerate(flags.tolist()):
            shelf = self.shelves[self.prompts[index]]
            if not shelf.is_closed:
                shelf.add([self._finished(found, beams, tokens, index, k) for k, is_end in enumerate(ended) if is_end])

    def _finished(self, found: Tensor, beams: Tensor, tokens: Tensor, index: int, k: int) -> _Finished:
        row = index * self.num_beams + int(beams[index, k])
        ids = torch.cat((self.memory[row, : self.length - 1], tokens[index, k : k + 1]))
        trace = None
        if self.trace.shape[1]:
            trace = self.trace[row, : self.length - self.prompt_length].clone()
            trace[-1] = row
        return _Finished(float(found[index, k]), ids, trace)

    def _close(self) -> bool:
        """Whether no prompt can find anything better."""
        early, penalty = self.config.early_stopping, self.config.length_penalty
        longest = self.config.max_length if early == "never" and penalty > 0.0 else self.length
        possible = self.scores[:, 0] / (longest - self.prompt_length) ** penalty
        for prompt, best in zip(self.prompts, possible.tolist(), strict=True):
            self.shelves[prompt].close(best, stops_when_full=early is True)
        return all(self.shelves[prompt].is_closed for prompt in self.prompts)

    def _leave(self) -> None:
        """Prompts whose search is over leave the batch."""
        stay = [index for index, prompt in enumerate(self.prompts) if not self.shelves[prompt].is_closed]
        if len(stay) == len(self.prompts):
            return
        rows = [index * self.num_beams + beam for index in stay for beam in range(self.num_beams)]
        self.task.session.keep(rows)
        self.memory, self.scores = self.memory[rows], self.scores[stay]
        self.prompts = [self.prompts[index] for index in stay]

    def _rows(self, beams: Tensor) -> Tensor:
        """Beams of each prompt, ``(batch, count)``, to rows of all, ``(batch * count,)``."""
        offsets = torch.arange(len(beams), device=beams.device).unsqueeze(1) * self.num_beams
        rows: Tensor = (beams + offsets).flatten()
        return rows

    def best(self) -> tuple[Tensor, Tensor, Tensor | None]:
        """The best texts of each prompt: ids, scores, and which beams they continued."""
        pad, ends = self.task.special.pad, self.task.special.eos
        # As in the original: a padding token of 0 counts as none.
        fill = (pad or ends[0]) if ends else -1
        texts = [text for shelf in self.shelves for text in self._filled(shelf)]
        longest = max(len(text.ids) for text in texts)
        ids = torch.full((len(texts), longest), fill, dtype=torch.long, device=self.device)
        trace = torch.full((len(texts), longest - self.prompt_length), -1, dtype=torch.int32, device=self.device)
        for row, text in enumerate(texts):
            ids[row, : len(text.ids)] = text.ids
            if text.trace is not None:
                trace[row, : len(text.trace)] = text.trace
        return ids, torch.tensor([text.score for text in texts], device=self.device), trace

    def _filled(self, shelf: _Shelf) -> list[_Finished]:
        """As many texts as are asked for; where rules left fewer, prompts alone."""
        count = self.config.num_return_sequences
        prompt = self.task.ids[self.shelves.index(shelf)]
        return (shelf.texts + [_Finished(_NOTHING, prompt, None)] * count)[:count]
