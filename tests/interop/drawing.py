"""Random configurations and batches of BERT and DistilBERT, and the comparison of outputs."""

from __future__ import annotations

import random

import torch

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
