"""Tasks: their names, the classes and default models they need, and which of them a model serves."""

from __future__ import annotations

import difflib
import importlib
import re
from pathlib import Path
from typing import Any, NamedTuple

from dure.errors import DureError, InputError
from dure.hub.resolve import resolve
from dure.models.config import read_config

__all__ = ["ALIASES", "TASKS", "Task", "class_for", "infer_task", "task_named", "tasks_of"]


class Task(NamedTuple):
    """What a task needs.

    Attributes:
        home: The module below ``dure.pipelines``.
        pipeline_class: The class in it.
        model_class: The auto class that loads its models.
        default_model: The model that is used when none is given; empty where there is no such model.
        default_revision: Its commit, so that answers don't change under anybody's hands.
    """

    home: str
    pipeline_class: str
    model_class: str
    default_model: str = ""
    default_revision: str = ""


#: Default models and revisions are those of transformers 4.57.
TASKS = {
    "feature-extraction": Task(
        "feature_extraction", "FeatureExtractionPipeline", "AutoModel", "distilbert/distilbert-base-cased", "6ea8117"
    ),
    "fill-mask": Task(
        "fill_mask", "FillMaskPipeline", "AutoModelForMaskedLM", "distilbert/distilroberta-base", "fb53ab8"
    ),
    "multiple-choice": Task("multiple_choice", "MultipleChoicePipeline", "AutoModelForMultipleChoice"),
    "question-answering": Task(
        "question_answering", "QuestionAnsweringPipeline", "AutoModelForQuestionAnswering",
        "distilbert/distilbert-base-cased-distilled-squad", "564e9b5",
    ),
    "semantic-search": Task(
        "semantic_search", "SemanticSearchPipeline", "AutoModel", "sentence-transformers/all-MiniLM-L6-v2", "main"
    ),
    "sentence-similarity": Task(
        "sentence_similarity", "SentenceSimilarityPipeline", "AutoModel",
        "sentence-transformers/all-MiniLM-L6-v2", "main",
    ),
    "summarization": Task(
        "text2text_generation", "SummarizationPipeline", "AutoModelForSeq2SeqLM",
        "sshleifer/distilbart-cnn-12-6", "a4f8f3e",
    ),
    "text-classification": Task(
        "text_classification", "TextClassificationPipeline", "AutoModelForSequenceClassification",
        "distilbert/distilbert-base-uncased-finetuned-sst-2-english", "714eb0f",
    ),
    "text-generation": Task(
        "text_generation", "TextGenerationPipeline", "AutoModelForCausalLM", "openai-community/gpt2", "607a30d"
    ),
    "text2text-generation": Task(
        "text2text_generation", "Text2TextGenerationPipeline", "AutoModelForSeq2SeqLM", "google-t5/t5-base", "a9723ea"
    ),
    "token-classification": Task(
        "token_classification", "TokenClassificationPipeline", "AutoModelForTokenClassification",
        "dbmdz/bert-large-cased-finetuned-conll03-english", "4c53496",
    ),
    "translation": Task("text2text_generation", "TranslationPipeline", "AutoModelForSeq2SeqLM"),
    "zero-shot-classification": Task(
        "zero_shot_classification", "ZeroShotClassificationPipeline", "AutoModelForSequenceClassification",
        "facebook/bart-large-mnli", "d7645e1",
    ),
}  # fmt: skip
#: Pairs of languages whose translation has a default model.
TRANSLATIONS = {("en", "fr"), ("en", "de"), ("en", "ro")}
ALIASES = {"ner": "token-classification", "sentiment-analysis": "text-classification"}
#: What a checkpoint's class ends with, to the task that it was made for.
_TASK_OF_CLASS = (
    ("ForSequenceClassification", "text-classification"),
    ("ForTokenClassification", "token-classification"),
    ("ForQuestionAnswering", "question-answering"),
    ("ForMultipleChoice", "multiple-choice"),
    ("ForMaskedLM", "fill-mask"),
    ("ForCausalLM", "text-generation"),
    ("LMHeadModel", "text-generation"),
    ("MarianMTModel", "translation"),
    ("ForConditionalGeneration", "text2text-generation"),
    ("EncoderDecoderModel", "text2text-generation"),
    ("Model", "feature-extraction"),
)


def task_named(name: str) -> tuple[str, Task]:
    """A task by its name, an alias, or ``translation_xx_to_yy``.

    Returns:
        Its own name and what it needs.

    Raises:
        InputError: There is no such task; the message names the nearest.
    """
    known = [*TASKS, *ALIASES, "translation_xx_to_yy"]
    own = ALIASES.get(name, name)
    pair = re.fullmatch(r"translation_([^_]+)_to_([^_]+)", str(name))
    if pair:
        has_default = (pair[1], pair[2]) in TRANSLATIONS
        return "translation", TASKS["translation"]._replace(
            **({"default_model": "google-t5/t5-base", "default_revision": "a9723ea"} if has_default else {})
        )
    if own not in TASKS:
        near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise InputError(f"unknown task {name!r}; {hint}known: {', '.join(sorted(known))}")
    return own, TASKS[own]


def class_for(row: Task, config: Any) -> Any:
    """The class that a model of this configuration has for a task; None where its family has none."""
    auto = getattr(importlib.import_module("dure.models.auto"), row.model_class)
    try:
        return auto.class_of(config)
    except InputError:
        return None


def tasks_of(config: Any) -> list[str]:
    """The tasks that models of this family serve."""
    return [name for name, row in TASKS.items() if class_for(row, config) is not None]


def infer_task(model: Any, **where: Any) -> str:
    """The task that a model was made for: what its card says, else what its class is for.

    Args:
        model: A name, a folder, or a model.
        **where: Arguments of :func:`dure.hub.resolve.resolve`, such as ``revision``.

    Raises:
        InputError: Neither says.
    """
    names: list[str] = []
    if hasattr(model, "forward"):
        names = [type(model).__name__]
    else:
        snapshot = resolve(model, **where)
        tag = _pipeline_tag(snapshot.path / "README.md")
        if tag in TASKS or tag in ALIASES:
            return tag
        names = read_config(snapshot).get("architectures") or []
    for name in names:
        for end, task in _TASK_OF_CLASS:
            if name.endswith(end):
                return task
    made_by = f" (its class is {', '.join(names)})" if names else ""
    raise InputError(
        f"{model if names == [] else names[0]}: nothing says which task it is for{made_by}; name one, as in "
        f"pipeline('text-classification', model=...). Known: {', '.join(sorted(TASKS))}"
    )


def _pipeline_tag(card: Path) -> str:
    """What the head of a model card names as its task; empty where it names none."""
    try:
        text = card.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    head = re.match(r"---\s*\n(.*?)\n---", text, re.DOTALL)
    found = re.search(r"^pipeline_tag:\s*[\"']?([\w-]+)", head[1], re.MULTILINE) if head else None
    return found[1] if found else ""


def misfit(task: str, name: str, config: Any) -> DureError:
    """The error for a model that doesn't serve a task."""
    serves = ", ".join(tasks_of(config)) or "none"
    return InputError(f"{task}: {name} ({config.model_type}) can't do this; models of its family serve: {serves}")
