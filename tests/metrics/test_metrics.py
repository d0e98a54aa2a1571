"""Metrics against scikit-learn on random labels, whole and in batches."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics
import torch

from dure.errors import InputError
from dure.metrics.accuracy import Accuracy, accuracy
from dure.metrics.confusion import Confusion, confusion_matrix, confusion_table
from dure.metrics.counts import PairCounts
from dure.metrics.f1 import F1, f1
from dure.metrics.precision_recall import Precision, Recall, precision, recall

NAMES = np.array(["apple", "pear", "plum", "quince"])
SCORES = [(f1, F1, "f1"), (precision, Precision, "precision"), (recall, Recall, "recall")]


def random_labels(seed: int, num_labels: int, *, as_text: bool = False) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    references = rng.integers(num_labels, size=100)
    predictions = np.where(rng.random(100) < 0.6, references, rng.integers(num_labels, size=100))
    return (NAMES[predictions], NAMES[references]) if as_text else (predictions, references)


def in_batches(accumulator, predictions, references):
    for start in range(0, len(references), 7):
        accumulator.add_batch(predictions=predictions[start : start + 7], references=references[start : start + 7])
    return accumulator.compute()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("as_text", [False, True])
def test_accuracy_equals_sklearn(seed: int, as_text: bool) -> None:
    predictions, references = random_labels(seed, 4, as_text=as_text)
    expected = sklearn.metrics.accuracy_score(references, predictions)
    assert accuracy(predictions, references) == pytest.approx(expected)
    assert in_batches(Accuracy(), predictions, references) == {"accuracy": pytest.approx(expected)}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("average", ["macro", "micro", "weighted", None])
@pytest.mark.parametrize(("function", "accumulator", "name"), SCORES)
def test_scores_over_many_labels_equal_sklearn(seed, average, function, accumulator, name) -> None:
    predictions, references = random_labels(seed, 4, as_text=seed % 2 == 0)
    oracle = getattr(sklearn.metrics, f"{name}_score")
    expected = oracle(references, predictions, average=average, zero_division=0)
    np.testing.assert_allclose(function(predictions, references, average=average), expected)
    np.testing.assert_allclose(in_batches(accumulator(average=average), predictions, references)[name], expected)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("pos_label", [0, 1])
@pytest.mark.parametrize(("function", "accumulator", "name"), SCORES)
def test_binary_scores_equal_sklearn(seed, pos_label, function, accumulator, name) -> None:
    predictions, references = random_labels(seed, 2)
    expected = getattr(sklearn.metrics, f"{name}_score")(references, predictions, pos_label=pos_label)
    assert function(predictions, references, pos_label=pos_label) == pytest.approx(expected)
    assert in_batches(accumulator(pos_label=pos_label), predictions, references)[name] == pytest.approx(expected)


@pytest.mark.parametrize("zero_division", [0.0, 1.0])
@pytest.mark.parametrize(("function", "accumulator", "name"), SCORES)
def test_label_that_never_occurs(zero_division, function, accumulator, name) -> None:
    predictions, references, labels = [0, 0, 1, 2], [0, 2, 1, 1], [0, 1, 2, 5]
    for average in ("macro", "weighted", None):
        oracle = getattr(sklearn.metrics, f"{name}_score")
        expected = oracle(references, predictions, average=average, labels=labels, zero_division=zero_division)
        given = function(predictions, references, average=average, labels=labels, zero_division=zero_division)
        np.testing.assert_allclose(given, expected)


def test_only_one_label_present() -> None:
    assert f1([0, 0], [0, 0]) == 0.0
    assert f1([1, 1], [1, 1]) == 1.0


@pytest.mark.parametrize("seed", range(3))
def test_confusion_equals_sklearn(seed: int) -> None:
    predictions, references = random_labels(seed, 4)
    expected = sklearn.metrics.confusion_matrix(references, predictions)
    np.testing.assert_array_equal(confusion_matrix(predictions, references), expected)
    np.testing.assert_array_equal(in_batches(Confusion(), predictions, references)["confusion_matrix"], expected)
    order = [3, 1]
    chosen = sklearn.metrics.confusion_matrix(references, predictions, labels=order)
    np.testing.assert_array_equal(confusion_matrix(predictions, references, labels=order), chosen)


def test_confusion_table_is_readable() -> None:
    lines = confusion_table(np.array([[3, 0], [1, 12]]), ["billing", "delivery"]).splitlines()
    assert lines[0].split() == ["true", "\\", "predicted", "billing", "delivery"]
    assert lines[1].split() == ["billing", "3", "·"]
    assert lines[2].split() == ["delivery", "1", "12"]
    assert len({len(line) for line in lines}) == 1
    with pytest.raises(InputError, match=r"\(2, 2\) doesn't fit 1 names"):
        confusion_table(np.zeros((2, 2), dtype=np.int64), ["only"])


def test_tensors_and_lists_are_taken() -> None:
    assert accuracy(torch.tensor([1, 0]), [1, 1]) == 0.5
    assert f1(torch.tensor([1, 0], requires_grad=False), np.array([1, 1])) == pytest.approx(2 / 3)


def test_accumulator_starts_anew_after_compute() -> None:
    metric = Accuracy()
    metric.add_batch(predictions=[0], references=[1])
    assert metric.compute() == {"accuracy": 0.0}
    metric.add_batch(predictions=[1], references=[1])
    assert metric.compute() == {"accuracy": 1.0}


def test_bad_input_is_named() -> None:
    with pytest.raises(InputError, match="3 predictions but 2 references"):
        accuracy([1, 2, 3], [1, 2])
    with pytest.raises(InputError, match=r"predictions has shape \(1, 2\).*argmax"):
        accuracy(np.zeros((1, 2)), [1])
    with pytest.raises(InputError, match="0 examples"):
        Accuracy().compute()
    with pytest.raises(InputError, match="'binary' takes two labels, but there are 3"):
        f1([0, 1, 2], [0, 1, 2])
    with pytest.raises(InputError, match="pos_label='x' is none of the labels"):
        f1([0, 1], [1, 0], pos_label="x")
    with pytest.raises(InputError, match="average='maximum' is unknown"):
        f1([0, 1], [1, 0], average="maximum")
    with pytest.raises(InputError, match="types int, str"):
        PairCounts.of([0], ["a"]).labels()
    PairCounts.of([], [])
