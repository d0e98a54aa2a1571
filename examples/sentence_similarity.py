"""Which of these sentences means about the same as mine? MiniLM was trained to put such sentences close together.

python examples/sentence_similarity.py "My package hasn't come yet."
"""

from __future__ import annotations

import sys

import torch

from dure import pipeline

SENTENCES = [
    "Where is my parcel? It should have been here on Monday.",
    "I was charged twice for the same order.",
    "How do I reset my password?",
    "Please send me a new invoice with the right address.",
    "The cup arrived broken, and I want my money back.",
]
question = sys.argv[1] if len(sys.argv) > 1 else "My package hasn't come yet."

# The pipeline gives a vector for each token, (1, tokens, 384) for each sentence.
extract = pipeline("feature-extraction", model="sentence-transformers/all-MiniLM-L6-v2")
tokens = [torch.tensor(vectors[0]) for vectors in extract([question, *SENTENCES])]

# Their mean stands for the sentence; scaled to length 1, a dot product is the cosine of the angle between two.
vectors = torch.nn.functional.normalize(torch.stack([each.mean(0) for each in tokens]), dim=-1)
similarities = vectors[1:] @ vectors[0]

print(f"{question}\n")
for position in similarities.argsort(descending=True).tolist():
    print(f"{similarities[position]:.3f}  {SENTENCES[position]}")
