"""Every family and head gives the original's numbers, in both directions."""

from __future__ import annotations

import random
import warnings
from pathlib import Path

import pytest
import torch

import dure

transformers = pytest.importorskip("transformers")

HEADS = [
    "Model",
    "ForSequenceClassification",
    "ForTokenClassification",
    "ForQuestionAnswering",
    "ForMaskedLM",
    "ForMultipleChoice",
]


def random_config(family: str, random_: random.Random, head: str = "") -> dict[str, object]:
    heads = random_.choice([1, 2, 4])
    size = heads * random_.choice([4, 8, 10])
    names = ("hidden_size", "num_attention_heads", "num_hidden_layers", "intermediate_size", "hidden_act")
    if family == "DistilBert":
        names = ("dim", "n_heads", "n_layers", "hidden_dim", "activation")
    values = (size, heads, random_.randrange(1, 4), random_.choice([12, 37]), random_.choice(["gelu", "relu"]))
    fields = dict(zip(names, values, strict=True))
    num_labels = 2 if head == "ForQuestionAnswering" else random_.randrange(2, 5)
    fields |= {
        "vocab_size": random_.randrange(50, 90),
        "max_position_embeddings": 40,
        "num_labels": num_labels,
    }
    no_dropout = ["dropout", "attention_dropout", "qa_dropout", "seq_classif_dropout"]
    if family == "Bert":
        fields["type_vocab_size"] = random_.choice([1, 2, 3])
        no_dropout = ["hidden_dropout_prob", "attention_probs_dropout_prob"]
    return fields | dict.fromkeys(no_dropout, 0.0)


def random_batch(family: str, head: str, config: object, random_: random.Random, side: str) -> dict[str, torch.Tensor]:
    rows, length = random_.randrange(1, 5), random_.randrange(4, 20)
    shape = (rows, 2, length) if head == "ForMultipleChoice" else (rows, length)
    flat = torch.zeros(shape, dtype=torch.long).view(-1, length)
    for row in flat:
        count = random_.randrange(1, length + 1)
        row[length - count if side == "left" else 0 : length if side == "left" else count] = 1
    mask = flat.view(shape)
    batch = {"input_ids": torch.randint(0, config.vocab_size, shape), "attention_mask": mask}
    if family == "Bert":
        batch["token_type_ids"] = torch.randint(0, config.type_vocab_size, shape)
    labels = {
        "ForSequenceClassification": {"labels": torch.randint(0, config.num_labels, (rows,))},
        "ForTokenClassification": {"labels": torch.where(mask > 0, torch.randint(0, config.num_labels, shape), -100)},
        "ForMaskedLM": {"labels": torch.where(mask > 0, torch.randint(0, config.vocab_size, shape), -100)},
        "ForMultipleChoice": {"labels": torch.randint(0, 2, (rows,))},
    }
    if head == "ForQuestionAnswering":
        places = [random_.choice(row.nonzero().flatten().tolist()) for row in mask]
        return batch | {"start_positions": torch.tensor(places), "end_positions": torch.tensor(places)}
    return batch | labels.get(head, {})


def check_outputs(ours: object, theirs: object, mask: torch.Tensor) -> None:
    # BERT fills in the pooled state, we and they have the same fields.
    assert list(ours.keys()) == list(theirs.keys())
    for name in ours.keys():  # noqa: SIM118
        a, b = ours[name].detach(), theirs[name].detach()
        if a.dim() >= 2 and a.shape[:2] == mask.shape:
            keep = mask.bool()
            a, b = a[keep], b[keep]
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("family", ["Bert", "DistilBert"])
def test_numbers_equal_the_original_both_ways(family: str, head: str, tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 31)
    print("seed", seed)
    random_ = random.Random(seed)
    torch.manual_seed(seed)
    for trial in range(6):
        side = ("right", "left")[trial % 2]
        config = getattr(transformers, f"{family}Config")(**random_config(family, random_, head))
        theirs = getattr(transformers, family + head)(config).eval()
        with torch.no_grad():
            for parameter in theirs.parameters():
                parameter.normal_(0, 0.2)  # biases and norms too
        theirs.save_pretrained(tmp_path / f"theirs{trial}")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ours = getattr(dure, family + head).from_pretrained(tmp_path / f"theirs{trial}")
        assert set(ours.state_dict()) == set(theirs.state_dict())
        batch = random_batch(family, head, config, random_, side)
        expected, result = theirs(**batch), ours(**batch)
        check_outputs(result, expected, batch["attention_mask"])
        if "loss" in result:
            expected.loss.backward()
            result.loss.backward()
            gradients = {ours.renames.to_original(n): p.grad for n, p in ours.named_parameters()}
            for name, parameter in theirs.named_parameters():
                if name in gradients and gradients[name] is not None:
                    torch.testing.assert_close(gradients[name], parameter.grad, rtol=1e-4, atol=1e-5)
        ours.save_pretrained(tmp_path / f"ours{trial}")
        again = getattr(transformers, family + head).from_pretrained(tmp_path / f"ours{trial}").eval()
        for name, tensor in again.state_dict().items():
            torch.testing.assert_close(tensor, theirs.state_dict()[name], rtol=0, atol=0)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("family", ["Bert", "DistilBert"])
def test_random_weights_follow_the_original_scheme(family: str, head: str) -> None:
    sizes = {"Bert": ("hidden_size", "intermediate_size"), "DistilBert": ("dim", "hidden_dim")}[family]
    fields = random_config(family, random.Random(1), head) | dict.fromkeys(sizes, 240) | {"vocab_size": 500}
    heads = "num_attention_heads" if family == "Bert" else "n_heads"
    fields |= {heads: 4, "num_labels": 2 if head == "ForQuestionAnswering" else 40, "initializer_range": 0.03}
    ours = getattr(dure, family + head)(getattr(dure, f"{family}Config")(**fields)).state_dict()
    theirs = getattr(transformers, family + head)(getattr(transformers, f"{family}Config")(**fields)).state_dict()
    assert set(ours) == set(theirs)
    for name, original in theirs.items():
        tensor = ours[name]
        assert tensor.shape == original.shape
        if original.std(unbiased=False) == 0:  # biases, norms
            assert torch.equal(tensor, original), name
            continue
        # Five standard errors of a normal sample's mean and deviation: one false alarm in a million tensors.
        error = 5 * 0.03 / tensor.numel() ** 0.5
        has_padding = name.endswith(("word_embeddings.weight", "decoder.weight", "projector.weight"))
        drawn = tensor[1:] if has_padding else tensor
        assert drawn.mean().item() == pytest.approx(0.0, abs=error), name
        assert drawn.std().item() == pytest.approx(0.03, abs=error), name
        if has_padding:
            assert tensor[0].abs().sum() == original[0].abs().sum() == 0.0


@pytest.mark.parametrize("family", ["Bert", "DistilBert"])
def test_defaults_equal_the_original(family: str) -> None:
    ours = getattr(dure, f"{family}Config")().to_dict()
    theirs = getattr(transformers, f"{family}Config")().to_dict()
    for name, value in ours.items():
        assert theirs[name] == value, name


@pytest.mark.parametrize("family", ["Bert", "DistilBert"])
def test_hidden_states_and_attentions(family: str) -> None:
    fields = random_config(family, random.Random(5))
    theirs = getattr(transformers, f"{family}Model")(
        getattr(transformers, f"{family}Config")(**fields, attn_implementation="eager")
    ).eval()
    ours = getattr(dure, f"{family}Model")(getattr(dure, f"{family}Config")(**fields)).eval()
    ours.load_state_dict(theirs.state_dict())
    ids = torch.randint(0, fields["vocab_size"], (3, 7))
    expected = theirs(ids, output_hidden_states=True, output_attentions=True)
    result = ours(ids, output_hidden_states=True, output_attentions=True)
    for name in ("hidden_states", "attentions"):
        for a, b in zip(result[name], expected[name], strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(ours(ids, return_dict=False)[0], expected[0], rtol=1e-5, atol=1e-5)
    embedded = ours.get_input_embeddings()(ids)
    torch.testing.assert_close(ours(inputs_embeds=embedded)[0], expected[0], rtol=1e-5, atol=1e-5)
