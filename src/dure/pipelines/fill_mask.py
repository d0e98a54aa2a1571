"""Fill mask: the words that fit where a text has a mask."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from dure.errors import InputError
from dure.models.encoder_heads import MaskedLM
from dure.pipelines.base import Options, Pipeline, as_text
from dure.pipelines.figures import Figure
from dure.pipelines.rows import Row, encode

__all__ = ["FillMaskPipeline"]

logger = logging.getLogger(__name__)


class FillMaskPipeline(Pipeline):
    """``[{"score": ..., "token": ..., "token_str": ..., "sequence": ...}]``, the best word first.

    A text with several masks gives such a list for each. Arguments of a call: ``top_k`` (5), ``targets`` (choose among
    these words only), ``tokenizer_kwargs`` (a dictionary of arguments of the tokenizer).
    """

    task = "fill-mask"
    forward_arguments: ClassVar[frozenset[str]] = frozenset({"top_k", "targets"})

    def __init__(self, model: Any, tokenizer: Any, **options: Any) -> None:
        if tokenizer.mask_token_id is None:
            raise InputError(
                "fill-mask: this tokenizer has no mask token; use a model that was trained with one, such as BERT's or "
                "RoBERTa's kin"
            )
        super().__init__(model, tokenizer, **options)

    def choose(self, options: Mapping[str, Any]) -> Options:
        """Arguments by stage; targets become ids."""
        options = dict(options)
        options = {**(options.pop("tokenizer_kwargs", None) or {}), **options}
        chosen = super().choose(options)
        if chosen.forward.get("targets") is not None:
            chosen.forward["targets"] = self._ids_of(chosen.forward["targets"])
        top_k = chosen.forward.get("top_k")
        if top_k is not None and (not isinstance(top_k, int) or top_k < 1):
            raise InputError(f"top_k must be a whole number from 1 on, not {top_k!r}")
        return chosen

    def __call__(self, inputs: Any, **options: Any) -> Any:
        """Words for one text or many, as :meth:`Pipeline.__call__`; a list of one text is taken for that text."""
        answers = super().__call__(inputs, **options)
        return answers[0] if isinstance(inputs, list) and len(inputs) == 1 else answers

    def read(self, value: Any, index: int) -> Any:
        """A text."""
        return as_text(value, index)

    def preprocess(self, inputs: Sequence[Any], *, start: int = 0, **options: Any) -> list[Row]:
        """Texts to rows; each notes where its masks are.

        Raises:
            InputError: A text has no mask.
        """
        options.pop("padding", None)
        texts = [self.read(value, start + i) for i, value in enumerate(inputs)]
        rows = encode(self, texts, numbers=range(start, start + len(texts)), **options)
        mask = self.tokenizer.mask_token_id
        for row in rows:
            row.example = texts[row.owner]
            row.note = [i for i, id_ in enumerate(row.inputs["input_ids"]) if id_ == mask]
            if not row.note:
                raise InputError(
                    f"text {start + row.owner} has no mask: write {self.tokenizer.mask_token} where a word is missing, "
                    f"in {row.example[:60]!r}"
                )
        return rows

    def forward(self, rows: Sequence[Row], *, top_k: int = 5, targets: list[int] | None = None) -> list[Any]:
        """For each mask of a row the best words: their probabilities and ids, best first."""
        chances = self._logits(rows).float().softmax(-1)
        if targets is not None:
            chances = chances[:, targets]
        best = chances.topk(min(top_k, chances.shape[-1]))
        ids = best.indices if targets is None else torch.tensor(targets, device=self.device)[best.indices]
        counts = [len(row.note) for row in rows]
        pairs = list(zip(best.values.tolist(), ids.tolist(), strict=True))
        ends = list(itertools.accumulate(counts))
        return [pairs[end - count : end] for count, end in zip(counts, ends, strict=True)]

    def _logits(self, rows: Sequence[Row]) -> Tensor:
        """Logits at masks only, ``(num_masks, vocab_size)``: a head over words costs more than the layers below it."""
        places = [(i, place) for i, row in enumerate(rows) for place in row.note]
        width = max(map(len, rows))
        is_left = self.tokenizer.padding_side == "left"
        index = torch.tensor([i for i, _ in places], device=self.device)
        place = torch.tensor([p + (width - len(rows[i]) if is_left else 0) for i, p in places], device=self.device)
        if isinstance(self.model, MaskedLM):
            states = self.run_model(rows, model=self.model.base_model).last_hidden_state
            logits: Tensor = self.model.head(states[index, place])
            return logits
        logits = self.run_model(rows).logits
        return logits[index, place]

    def postprocess(self, rows: list[Row], outputs: list[Any]) -> Any:
        """The best words of a text, each with the text that it makes."""
        (row,), (found,) = rows, outputs
        pad, is_single = self.tokenizer.pad_token_id, len(row.note) == 1
        answers = []
        for place, (values, ids) in zip(row.note, found, strict=True):
            # Special tokens are skipped, except where they would be the other masks.
            filled = [_filled(row.inputs["input_ids"], place, id_, pad) for id_ in ids]
            texts = self.tokenizer.batch_decode(filled, skip_special_tokens=is_single)
            words = self.tokenizer.batch_decode([[id_] for id_ in ids])
            answers.append(
                [
                    {"score": value, "token": id_, "token_str": word, "sequence": text}
                    for value, id_, word, text in zip(values, ids, words, texts, strict=True)
                ]
            )
        return answers[0] if is_single else answers

    def figures(self, rows: list[Row], outputs: list[Any]) -> list[Figure]:
        """The best words for each mask."""
        figures = []
        for place, (values, ids) in zip(rows[0].note, outputs[0], strict=True):
            words = self.tokenizer.batch_decode([[id_] for id_ in ids])
            cells = list(zip(words, ids, values, strict=True))
            figures.append(
                Figure(f"Best words for the mask at token {place}", ("word", "id", "probability"), cells, bar=2)
            )
        return figures

    def _ids_of(self, targets: Any) -> list[int]:
        """The ids of words to choose among; a word that is no token gives its first one, and is named."""
        words = [targets] if isinstance(targets, str) else list(targets)
        vocabulary = self.tokenizer.get_vocab()
        ids: list[int] = []
        for word in words:
            found = vocabulary.get(as_text(word, len(ids), "target"))
            if found is None:
                pieces = self.tokenizer(word, add_special_tokens=False)["input_ids"]
                taken = (
                    f"its first token {self.tokenizer.convert_ids_to_tokens(pieces[0])!r} is taken"
                    if pieces
                    else "ignored"
                )
                logger.warning("target %r is not a token of the model's vocabulary: %s", word, taken)
                found = pieces[0] if pieces else None
            if found is not None:
                ids.append(found)
        if not ids:
            raise InputError(f"targets={targets!r} has no word that the model knows: give at least one")
        return list(set(ids))


def _filled(ids: list[int], place: int, id_: int, pad: int | None) -> list[int]:
    return [token for token in (*ids[:place], id_, *ids[place + 1 :]) if token != pad]
