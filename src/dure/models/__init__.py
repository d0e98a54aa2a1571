"""Model families, their heads, and checkpoints. `bert.py` is the one to read first."""
