"""`dure run`: ask a model about texts."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

from dure.cli.texts import check, texts_of
from dure.errors import InputError

__all__ = ["add_parser", "run"]

_DESCRIPTION = """\
Ask a model about texts: given as arguments, one per line of a file, or one per line of standard input. Answers come in
the order of the texts."""

_EXAMPLES = """\
examples:
  dure run text-classification --model stars "A fine product" "Broke on day one"
  dure run text-classification --model stars --file reviews.txt --json > answers.jsonl
  cat reviews.txt | dure run ner --model names
  dure run question-answering --model reader --context report.txt "Who signed it?"
  dure run zero-shot-classification --model judge --labels "politics,sport" "The match ended 2 to 1"
  dure run text-generation --model writer "Once upon a time"
  dure run text-classification --model stars --explain page.html "A fine product"
  dure run feature-extraction --model sentence-transformers/all-MiniLM-L6-v2 --json "A sentence" """


def add_parser(subparsers: Any) -> None:
    """Add the command to the program.

    Args:
        subparsers: What ``argparse.ArgumentParser.add_subparsers`` returns.
    """
    parser = subparsers.add_parser(
        "run",
        help="ask a model about texts",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("task", metavar="TASK", help="such as text-classification, ner, fill-mask or summarization")
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="a text")
    parser.add_argument("--model", required=True, metavar="NAME", help="a folder or a repository")
    parser.add_argument("--file", metavar="F", help="a file with one text per line")
    parser.add_argument("--context", metavar="F", help="question-answering: the file that answers are looked for in")
    parser.add_argument("--labels", metavar="A,B", help="zero-shot-classification: the labels to choose from")
    parser.add_argument("--json", action="store_true", help="one JSON object per text: {text, answer}")
    parser.add_argument("--explain", metavar="F.html", help="write a page that shows what happened, for one text")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask, and print the answers.

    Returns:
        The exit code: 0. What goes wrong is raised as a :class:`~dure.errors.DureError`.
    """
    check(args)
    from dure.pipelines.registry import pipeline

    pipe = pipeline(args.task, model=args.model)
    pipe.defaults |= _defaults(pipe, args)
    context = "\n".join(_lines(args.context)) if args.context else None
    if args.explain:
        return _explain(pipe, args, context)
    texts: list[str] = []

    def remembered() -> Iterator[Any]:
        for text in texts_of(args):
            texts.append(text)
            yield _asked(text, context)

    for position, answer in enumerate(pipe(remembered())):
        text, texts[position] = texts[position], ""  # said once, kept no longer
        if args.json:
            print(json.dumps({"text": text, "answer": answer}, ensure_ascii=False, default=float))
        else:
            print(_readable(text, answer))
    return 0


def _defaults(pipe: Any, args: argparse.Namespace) -> dict[str, Any]:
    """What every call is to say: cut what is too long, which is said; the labels to choose from."""
    known = pipe.preprocess_arguments | pipe.postprocess_arguments
    wanted = {"truncation": True, "aggregation_strategy": "simple", "candidate_labels": args.labels}
    if args.labels and "candidate_labels" not in known:
        raise InputError("--labels is for zero-shot-classification")
    if args.context and pipe.task != "question-answering":
        raise InputError("--context is for question-answering")
    if pipe.task == "question-answering" and not args.context:
        raise InputError("question-answering needs --context F: the file that answers are looked for in")
    if pipe.task == "text-generation":
        del wanted["truncation"]  # a prompt without its end is another prompt
    return {name: value for name, value in wanted.items() if name in known and value is not None}


def _lines(path: str) -> Iterator[str]:
    from dure.cli.texts import lines_of

    return lines_of(path)


def _asked(text: str, context: str | None) -> Any:
    return text if context is None else {"question": text, "context": context}


def _explain(pipe: Any, args: argparse.Namespace, context: str | None) -> int:
    """Write the page, and print its tables."""
    texts = list(texts_of(args))
    if len(texts) != 1:
        raise InputError(f"--explain is about one text, not {len(texts)}")
    explained = pipe.explain(_asked(texts[0], context), attention=True)
    explained.save(args.explain)
    print(explained)
    print(f"\n{args.explain}: open it in a browser")
    return 0


def _readable(text: str, answer: Any) -> str:
    """One line for people."""
    first = answer[0] if isinstance(answer, list) and answer else answer
    if isinstance(first, dict) and set(first) == {"label", "score"}:
        return f"{first['score']:.4f}  {first['label']}  {text}"
    if isinstance(first, list) and first and isinstance(first[0], list):
        start = ", ".join(f"{number:.4f}" for number in first[0][:4])
        return f"{len(first)} tokens x {len(first[0])} numbers [{start}, ...]  {text}"
    found = answer if isinstance(answer, list) else [answer]
    return f"{'; '.join(map(_told, found)) or 'nothing found'}  <- {text}"


def _told(item: Any) -> str:
    """A part of an answer in a few words."""
    if not isinstance(item, dict):
        return json.dumps(item, ensure_ascii=False, default=float)
    if "labels" in item:
        return ", ".join(f"{score:.4f} {label}" for label, score in zip(item["labels"], item["scores"], strict=True))
    text = next((item[name] for name in ("answer", "token_str", "word", "text") if name in item), None)
    if text is None:  # something written
        return str(next(iter(item.values())))
    kind = item.get("entity_group", item.get("entity"))
    return f"{item['score']:.4f} {text}" + (f" ({kind})" if kind else "")
