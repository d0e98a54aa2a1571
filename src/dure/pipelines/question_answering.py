"""Question answering: the span of a context that answers a question, however long the context is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from dure.errors import InputError, TokenizerError
from dure.pipelines.base import Pipeline, wrong_input
from dure.pipelines.figures import Figure
from dure.pipelines.rows import Row, limit_of, windows
from dure.pipelines.spans import answer_of, best_spans, chances, characters_of

__all__ = ["QuestionAnsweringPipeline"]

#: Tokens of a window, and tokens that neighbouring windows share, where nobody says.
MAX_LENGTH, STRIDE = 384, 128


class QuestionAnsweringPipeline(Pipeline):
    """``{"score": ..., "start": ..., "end": ..., "answer": ...}``; a list of those where several answers are asked for.

    Ask ``pipe(question=..., context=...)`` (each a text or a list), or give a dictionary with these keys, or a list of
    such dictionaries. Arguments of a call: ``top_k`` (1), ``doc_stride`` (tokens that neighbouring windows share, 128),
    ``max_seq_len`` (tokens of a window, 384), ``max_answer_len`` (tokens of an answer, 15), ``max_question_len``
    (without effect, as in the original), ``handle_impossible_answer`` (an empty answer may win),
    ``align_to_words`` (answers are whole words).
    """

    task = "question-answering"
    preprocess_arguments: ClassVar[frozenset[str]] = frozenset(
        {"padding", "doc_stride", "max_question_len", "max_seq_len"}
    )
    postprocess_arguments: ClassVar[frozenset[str]] = frozenset(
        {"top_k", "max_answer_len", "handle_impossible_answer", "align_to_words"}
    )
    old_names: ClassVar[dict[str, str]] = {"topk": "top_k"}

    def __call__(self, *inputs: Any, question: Any = None, context: Any = None, **options: Any) -> Any:
        """Answers to one question or many.

        Args:
            *inputs: A dictionary, a list or a generator of them; or a question and a context.
            question: A question, or a list of them.
            context: Its context; or a list, one for each question.
            **options: Arguments of the task, and ``batch_size``.

        Raises:
            InputError: Question or context is missing, empty or no text.
        """
        for name in ("X", "data"):  # names that scikit-learn's users know
            inputs = (options.pop(name),) if name in options else inputs
        if len(inputs) == 2 and all(isinstance(text, str) for text in inputs):
            question, context, inputs = *inputs, ()
        if not inputs:
            asked: Any = _paired(question, context)
        else:
            asked = list(inputs) if len(inputs) > 1 else inputs[0]
        if isinstance(asked, (list, tuple)) and len(asked) == 1:
            asked = asked[0]
        return super().__call__(asked, **options)

    def is_single(self, inputs: Any, options: Any) -> bool:
        """Whether this is one question."""
        return hasattr(inputs, "question_text") or super().is_single(inputs, options)

    def read(self, value: Any, index: int) -> Any:
        """A question and its context."""
        if hasattr(value, "question_text"):
            value = {"question": value.question_text, "context": value.context_text}
        if not isinstance(value, Mapping) or not {"question", "context"} <= set(value):
            raise wrong_input(value, index, "a dictionary {'question': ..., 'context': ...}", "input")
        for name in ("question", "context"):
            text = value[name]
            if not isinstance(text, str):
                raise wrong_input(text, index, "a string", name)
            if not text.strip():
                raise InputError(f"{name} {index} is empty: a question and a text that may answer it are needed")
        return value["question"], value["context"]

    def preprocess(
        self,
        inputs: Sequence[Any],
        *,
        start: int = 0,
        doc_stride: int | None = None,
        max_seq_len: int | None = None,
        **options: Any,
    ) -> list[Row]:
        """Questions with contexts to windows; each notes which of its tokens may be in an answer."""
        del options
        examples = [self.read(value, start + i) for i, value in enumerate(inputs)]
        known = [limit_of(self.model), self.tokenizer.model_max_length]
        longest = min(limit for limit in known if limit is not None)
        length = min(longest, MAX_LENGTH) if max_seq_len is None else max_seq_len
        stride = min(length // 2, STRIDE) if doc_stride is None else doc_stride
        positions = known[0]
        if positions is not None and length > positions:
            raise InputError(f"max_seq_len={length} is more than the {positions} tokens that the model takes")
        if stride > length:
            raise InputError(f"doc_stride={stride} is larger than max_seq_len={length}")
        # A model that is padded on the left has read its context first.
        is_first = self.tokenizer.padding_side == "right"
        questions, contexts = [q for q, _ in examples], [c for _, c in examples]
        texts = (questions, contexts) if is_first else (contexts, questions)
        cut = "only_second" if is_first else "only_first"
        try:
            rows = windows(self, *texts, truncation=cut, max_length=length, stride=stride, return_offsets_mapping=True)
        except TokenizerError:
            self._check_room(examples, length, stride, start)
            raise
        for row in rows:
            row.example = examples[row.owner]
            row.note = np.array([text == int(is_first) for text in row.encoding.sequence_ids])
        return rows

    def _check_room(self, examples: Sequence[tuple[str, str]], length: int, stride: int, start: int) -> None:
        """Refuse questions that leave no room for a long context."""
        special = self.tokenizer.num_special_tokens_to_add(True)
        for i, texts in enumerate(examples):
            question, context = (
                len(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]) for text in texts
            )
            if question + special + context > length and question + special + stride >= length:
                raise InputError(
                    f"question {start + i} has {question} tokens; with {special} special ones and doc_stride={stride} "
                    f"it leaves no room for its context in a window of {length}: shorten it, or lower doc_stride"
                )

    def forward(self, rows: Sequence[Row], **options: Any) -> list[Any]:
        """Start and end logits of each window, each ``(length,)``."""
        output = self.run_model(rows, **options)
        starts, ends = self.unpadded(output.start_logits, rows), self.unpadded(output.end_logits, rows)
        return list(zip(starts, ends, strict=True))

    def postprocess(
        self,
        rows: list[Row],
        outputs: list[Any],
        *,
        top_k: int = 1,
        max_answer_len: int = 15,
        handle_impossible_answer: bool = False,
        align_to_words: bool = True,
    ) -> Any:
        """Logits of all windows of a context to its best answers."""
        for name, count in (("top_k", top_k), ("max_answer_len", max_answer_len)):
            if not isinstance(count, int) or count < 1:
                raise InputError(f"{name} must be a whole number from 1 on, not {count!r}")
        context, none_score = rows[0].example[1], 1_000_000.0
        sequence, no_answer_id = int(self.tokenizer.padding_side == "right"), self.tokenizer.cls_token_id
        answers: dict[str, dict[str, Any]] = {}
        # Some candidates fall together when they are widened to words.
        wanted = top_k * 2 + 10 if align_to_words else top_k
        for row, logits in zip(rows, outputs, strict=True):
            starts, ends = (chances(values, row, no_answer_id) for values in logits)
            none_score = min(none_score, float(starts[0] * ends[0]))
            for first, last, score in best_spans(starts, ends, row.note, wanted, max_answer_len):
                start, end = characters_of(row.encoding, first, last, sequence, is_whole_words=align_to_words)
                text = context[start:end]
                # The same words in two places are one answer.
                answer = answers.setdefault(text.lower(), answer_of(0.0, start, end, text))
                answer["score"] += score
        ranked = list(answers.values())
        if handle_impossible_answer:
            ranked.append(answer_of(none_score, 0, 0, ""))
        ranked = sorted(ranked, key=lambda answer: answer["score"], reverse=True)[:top_k]
        ranked = ranked or [answer_of(0.0, 0, 0, "")]
        return ranked[0] if len(ranked) == 1 else ranked

    def figures(self, rows: list[Row], outputs: list[Any]) -> list[Figure]:
        """Where an answer may start and end: the likeliest tokens of the first window."""
        tokens, figures = self.tokenizer.convert_ids_to_tokens(rows[0].inputs["input_ids"]), []
        for name, logits in zip(("start", "end"), outputs[0], strict=True):
            scores = chances(logits, rows[0], self.tokenizer.cls_token_id)
            best = (-scores).argsort()[:10].tolist()
            cells = [(i, tokens[i], float(logits[i]), float(scores[i])) for i in best]
            figures.append(
                Figure(f"Where an answer may {name}", ("place", "token", "logit", "probability"), cells, bar=3)
            )
        return figures


def _paired(question: Any, context: Any) -> list[dict[str, Any]]:
    """Questions with their contexts; one that stands alone serves all of the other."""
    if question is None or context is None:
        lacking = "question" if question is None else "context"
        raise InputError(f"{lacking} is missing: ask pipe(question='...', context='...')")
    questions = [question] if isinstance(question, str) or not hasattr(question, "__len__") else list(question)
    contexts = [context] if isinstance(context, str) or not hasattr(context, "__len__") else list(context)
    if len(questions) != len(contexts) and 1 not in (len(questions), len(contexts)):
        raise InputError(
            f"{len(questions)} questions, but {len(contexts)} contexts: give one context for each, or one for all"
        )
    count = max(len(questions), len(contexts))
    questions, contexts = (texts * count if len(texts) == 1 else texts for texts in (questions, contexts))
    return [{"question": q, "context": c} for q, c in zip(questions, contexts, strict=True)]
