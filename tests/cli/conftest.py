"""The program, run in this process."""

from __future__ import annotations

import pytest
import torch

import dure
from dure.cli.main import main


@pytest.fixture
def run(capsys):
    """Run a command: exit code, standard output, standard error."""

    def run(*arguments):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as error:
            code = error.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def tiny(tmp_path):
    """A tiny pretrained model with its tokenizer."""
    folder = tmp_path / "tiny"
    words = ["good", "bad", "fine", "poor", "tea", "cup", "the", "a", "was", "맛", "##있", "##다"]
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]))
    dure.BertTokenizerFast(vocab_file=str(folder / "vocab.txt")).save_pretrained(folder)
    config = dure.BertConfig(
        vocab_size=17,
        hidden_size=16,
        num_attention_heads=2,
        num_hidden_layers=1,
        intermediate_size=32,
        max_position_embeddings=32,
    )
    torch.manual_seed(0)
    dure.BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture
def reviews(tmp_path):
    """A file of labelled texts."""
    lines = ["review,stars"]
    for i in range(40):
        word, stars = (("good", "high"), ("bad", "low"))[i % 2]
        lines.append(f'"the tea was {word}, {"a " * (i % 5)}cup",{stars}')
    path = tmp_path / "reviews.csv"
    path.write_text("\n".join(lines) + "\n")
    return path
