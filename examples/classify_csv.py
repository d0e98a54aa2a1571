"""Fine-tune a classifier on a CSV file of yours, measure it on rows it hasn't seen, save it, and ask it.

python examples/classify_csv.py reviews.csv --text review --label stars --output my-model "Not worth its price."
"""

from __future__ import annotations

import argparse

from dure import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments, load_dataset, pipeline

MODEL = "sentence-transformers/all-MiniLM-L6-v2"

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("csv")
parser.add_argument("questions", nargs="*", help="texts to ask about")
parser.add_argument("--text", default="text", help="the column of texts")
parser.add_argument("--label", default="label", help="the column of classes")
parser.add_argument("--output", default="my-model")
parser.add_argument("--epochs", type=float, default=3)
args = parser.parse_args()

# Classes become numbers; the data set remembers their names.
data = load_dataset("csv", data_files=args.csv, split="train").class_encode_column(args.label)
names = data.features[args.label].names
data = data.rename_column(args.label, "labels").train_test_split(0.2, stratify_by_column="labels", seed=42)

# Texts become token ids. Padding comes later, batch by batch, so short texts stay short.
tokenizer = AutoTokenizer.from_pretrained(MODEL)
data = data.map(lambda rows: tokenizer(rows[args.text], truncation=True, max_length=256), batched=True)

# The body is pretrained; the classifier on top is new, and learns your classes.
model = AutoModelForSequenceClassification.from_pretrained(
    MODEL, id2label=dict(enumerate(names)), label2id={name: number for number, name in enumerate(names)}
)


def accuracy(prediction):
    """The share of rows whose most probable class is right."""
    return {"accuracy": float((prediction.predictions.argmax(-1) == prediction.label_ids).mean())}


trainer = Trainer(
    model,
    TrainingArguments(
        args.output,
        num_train_epochs=args.epochs,
        learning_rate=1e-4,
        eval_strategy="epoch",
        save_strategy="no",
    ),
    train_dataset=data["train"],
    eval_dataset=data["test"],
    processing_class=tokenizer,
    compute_metrics=accuracy,
)
trainer.train()
print(f"accuracy on {len(data['test'])} rows it hasn't seen: {trainer.evaluate()['eval_accuracy']:.3f}")
trainer.save_model(args.output)

# From here on the folder is all that's needed, by Dure or by transformers.
ask = pipeline("text-classification", model=args.output)
for question in args.questions:
    answer = ask(question)[0]
    print(f"{answer['label']} ({answer['score']:.2f})  {question}")
