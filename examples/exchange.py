"""A model goes from Dure to transformers and back, with the same numbers. Needs `pip install transformers`.

python examples/exchange.py
"""

from __future__ import annotations

import tempfile

import torch
import transformers

import dure

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
TEXTS = ["The parcel arrived on Monday.", "소포가 월요일에 도착했어요."]


def answer(library, folder):
    """The logits of a saved model, computed by one of the two libraries: the code is the same."""
    tokenizer = library.AutoTokenizer.from_pretrained(folder)
    model = library.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        return model(**tokenizer(TEXTS, padding=True, return_tensors="pt")).logits


with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
    # A new classifier on a pretrained body; a real one would be trained now.
    dure.AutoModelForSequenceClassification.from_pretrained(MODEL, num_labels=3).save_pretrained(ours)
    dure.AutoTokenizer.from_pretrained(MODEL).save_pretrained(ours)
    transformers.AutoModelForSequenceClassification.from_pretrained(ours).save_pretrained(theirs)
    transformers.AutoTokenizer.from_pretrained(ours).save_pretrained(theirs)
    logits = [answer(library, folder) for library in (dure, transformers) for folder in (ours, theirs)]

print(logits[0])
print(f"largest difference: {max((other - logits[0]).abs().max().item() for other in logits):.1e}")
