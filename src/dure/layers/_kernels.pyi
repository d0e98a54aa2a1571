"""Passes over a model's numbers that torch has no operator for; cpp/kernels/*.h is the manual."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

def draw_mask(mask: Tensor, threshold: int, scale: float, seed: int) -> None: ...
def gelu(values: Tensor, result: Tensor) -> None: ...  # values become the derivative
def draw_half_mask(mask: int, count: int, threshold: int, seed: int, /) -> None: ...  # address of bfloat16: 0 or 1
def keep_freed_memory(kept: int, largest: int) -> bool: ...
def most_rows() -> int: ...
def few_rows(
    input: int,  # an address, like those that follow
    weight: int,
    bias: int,  # 0: none
    residual: int,  # 0: none
    result: int,
    num_rows: int,
    num_inputs: int,
    num_outputs: int,
    is_gelu: bool,
    /,
) -> None: ...
def most_rows_along_inputs() -> int: ...
def very_few_rows(
    input: int,  # addresses, as above
    weight: int,
    bias: int,
    result: int,
    num_rows: int,
    num_inputs: int,
    num_outputs: int,
    is_half: bool,
    /,
) -> None: ...
def head_size_unit() -> int: ...
def attention(
    addresses: list[int],  # of queries, keys, values, context, logs (0: none), spans: int64 (num_texts, 4)
    strides: list[int],  # of texts, heads and tokens: those of queries, of keys, of values
    sizes: list[int],  # num_texts, num_heads, num_key_heads, head_size
    scale: float,
    is_half: bool,
    is_causal: bool,
    threshold: int,  # of dropout
    seed: int,
    /,
) -> None: ...
def attention_backward(
    addresses: list[int],  # as above, with the gradient of the context in its place
    strides: list[int],
    sizes: list[int],
    scale: float,
    is_half: bool,
    is_causal: bool,
    threshold: int,
    seed: int,
    gradients: list[int],  # addresses, of queries, keys and values
    gradient_strides: list[int],
    /,
) -> None: ...
def attention_seed(seed: int, text: int, head: int, num_heads: int, /) -> int: ...
def adamw(
    table: NDArray[np.int64],  # (num_parameters, 8): the fields of Weights
    learning_rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    weight_decay: float,
    gradient_scale: float,
    step: int,
) -> None: ...
