"""Predictions and references in, numbers out.

Each metric is a pure function and a streaming accumulator (``add_batch``, ``compute``) that gives the same number
without keeping the predictions. NumPy only; lists, arrays and tensors on any device are taken.
"""
