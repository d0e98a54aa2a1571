"""A training loop of your own, in plain PyTorch: Dure's models, tokenizers and schedules are ordinary parts of it.

python examples/training_loop.py reviews.csv     (columns "text" and "label")
"""

from __future__ import annotations

import sys

import torch
from torch.utils.data import DataLoader

from dure import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    get_scheduler,
    load_dataset,
    set_seed,
)

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
NUM_EPOCHS = 3

set_seed(42)
data = load_dataset("csv", data_files=sys.argv[1], split="train").class_encode_column("label")
names = data.features["label"].names
tokenizer = AutoTokenizer.from_pretrained(MODEL)
data = data.map(lambda rows: tokenizer(rows["text"], truncation=True), batched=True, remove_columns="text")
data = data.train_test_split(0.2, seed=42)

# The collator pads each batch to its longest text, and calls "label" what models call it: "labels".
collate = DataCollatorWithPadding(tokenizer)
train = DataLoader(data["train"], batch_size=8, shuffle=True, collate_fn=collate)
test = DataLoader(data["test"], batch_size=32, collate_fn=collate)

model = AutoModelForSequenceClassification.from_pretrained(MODEL, num_labels=len(names))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
num_steps = NUM_EPOCHS * len(train)
schedule = get_scheduler("linear", optimizer, num_warmup_steps=num_steps // 10, num_training_steps=num_steps)

for epoch in range(NUM_EPOCHS):
    model.train()
    total = 0.0
    for batch in train:
        loss = model(**batch).loss  # with labels in the batch, the model knows its loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        total += loss.item()

    model.eval()
    with torch.no_grad():
        right = sum((model(**batch).logits.argmax(-1) == batch["labels"]).sum().item() for batch in test)
    print(f"epoch {epoch + 1}: loss {total / len(train):.3f}, {right} of {len(data['test'])} new rows right")
