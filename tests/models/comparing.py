"""What a model gives for a batch, tensor by tensor, and whether two models give the same."""

from __future__ import annotations

import copy
import dataclasses
import math
import statistics
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

#: Relative to a tensor's largest value: float32 has seven digits, sums of a block keep five.
TOLERANCE = 1e-5
#: What sums that ought to cancel leave behind, relative to 1 in outputs and to the model's largest gradient.
RESIDUE = 1e-6
#: How much farther from the truth than the original one tensor may be: rounding errors are drawn by lot.
LUCK = 4.0
#: How much farther the median of all tensors may be, over many batches; 1.12 was the largest of 500 full runs.
SYSTEMATIC = 1.25
#: What a median of ratios from one batch may stray beyond; that of n batches strays by a root of n less.
STRAY = 1.0
#: What may be added to ``LUCK`` in a low precision, as a share of the tensor's largest value: where the original
#: happens to hit, a loss near 0 has few digits, or rounding decides whether a ReLU is open.
FORK = 0.25

#: In a low precision, numbers below this share of the largest gradient, or of 1, count as numbers of that size: what is
#: left where a few large ones cancel, as in the bias of a choice's logit, is noise.
SMALL = 0.25

Batch = dict[str, Any]


@dataclasses.dataclass
class Seen:
    """What a model gave.

    Attributes:
        fields: Of its outputs, in their order.
        tensors: Outputs on real positions, and gradients, by what they are.
        parameters: Names of all parameters.
    """

    fields: list[list[str]]
    tensors: dict[str, Tensor]
    parameters: set[str]

    @property
    def largest_gradient(self) -> float:
        """Where a loss is all but 0, so are all gradients: what is left is rounding."""
        gradients = [tensor for name, tensor in self.tensors.items() if name.startswith("gradient")]
        return max([0.1, *(float(gradient.abs().max()) for gradient in gradients)])


class InDouble(TorchFunctionMode):
    """Computes in float64 what a program wants in float32, such as norms, softmaxes and masks."""

    def __enter__(self) -> Any:
        torch.set_default_dtype(torch.float64)
        return super().__enter__()

    def __exit__(self, *problem: Any) -> None:
        super().__exit__(*problem)
        torch.set_default_dtype(torch.float32)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        func = Tensor.double if func is Tensor.float else func
        args = [torch.float64 if value is torch.float32 else value for value in args]
        named = {name: torch.float64 if value is torch.float32 else value for name, value in (kwargs or {}).items()}
        return func(*args, **named)


def see(model: Any, batch: Batch, unseen: tuple[str, ...], name_of: Callable[[str], str], turned: Any) -> Seen:
    """Outputs, gradients, hidden states and attentions of a model.

    Args:
        model: Ours or the original.
        batch: Inputs and labels.
        unseen: Fields of outputs that aren't compared.
        name_of: From a parameter's name to that in the original.
        turned: From a name and a gradient to the gradient as the original has it.
    """
    model.zero_grad()
    output = model(**batch)
    tensors, fields = dict(named(output, batch, unseen, "")), [list(output.keys())]
    loss = output.loss if "loss" in output else mean_square(output, batch)
    (loss + output["mc_loss"] if "mc_loss" in output else loss).backward()
    parameters = {name_of(name): parameter for name, parameter in model.named_parameters()}
    for name, parameter in parameters.items():
        if parameter.grad is not None:
            tensors[f"gradient of {name}"] = turned(name, parameter.grad)
    with torch.no_grad():
        for wanted in ({"output_hidden_states": True, "output_attentions": True}, {}):
            output = model(**batch, **wanted)
            tensors |= dict(named(output, batch, unseen, "asked for all: " if wanted else "without gradients: "))
            fields.append(list(output.keys()))
    return Seen(fields, tensors, set(parameters))


def see_both(ours: Any, theirs: Any, batch: Batch, unseen: tuple[str, ...]) -> tuple[Seen, Seen]:
    """What both give, by the original's names."""
    return (
        see(ours, batch, unseen, ours.renames.to_original, ours.turned),
        see_original(ours, theirs, batch, unseen),
    )


def see_original(ours: Any, theirs: Any, batch: Batch, unseen: tuple[str, ...]) -> Seen:
    """What the original gives."""
    return see(theirs, batch, unseen, lambda name: ours.aliases.get(name, name), lambda name, gradient: gradient)


def see_truth(
    ours: Any, theirs: Any, batch: Batch, unseen: tuple[str, ...], rounded: torch.dtype | None = None
) -> Seen:
    """What the original gives in float64, with its weights as they are, or as ``rounded`` holds them."""
    exact = copy.deepcopy(theirs)
    if rounded is not None:
        exact.load_state_dict({name: tensor.to(rounded) for name, tensor in theirs.state_dict().items()})
    batch = {name: value.double() if is_float(value) else value for name, value in batch.items()}
    with InDouble():
        return see_original(ours, exact.double(), batch, unseen)


def is_float(value: Any) -> bool:
    """Whether an input is a tensor of numbers that have a precision."""
    return isinstance(value, Tensor) and value.is_floating_point()


def mean_square(output: Any, batch: Batch) -> Tensor:
    """A loss for bodies, from the real positions of their first output."""
    return real(output[0], "", batch).square().mean()


def named(output: Any, batch: Batch, unseen: tuple[str, ...], where: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors of an output by name, on real positions."""
    for name in output.keys():  # noqa: SIM118
        if name not in unseen:
            for index, tensor in enumerate(tensors_of(output[name])):
                yield f"{where}{name} {index}", real(tensor, name, batch)


def tensors_of(value: Any) -> Iterator[Tensor]:
    """The tensors of an output's field: of tuples and caches one by one."""
    if isinstance(value, Tensor):
        yield value.detach()
    elif hasattr(value, "self_attention_cache"):
        for pair in zip(tensors_of(value.self_attention_cache), tensors_of(value.cross_attention_cache), strict=True):
            yield from pair
    elif hasattr(value, "layers"):
        for layer in value.layers:
            yield from (layer.keys.detach(), layer.values.detach())
    elif value is not None:
        for index in range(len(value)):
            yield from tensors_of(value[index])


def real(tensor: Tensor, name: str, batch: Mapping[str, Tensor]) -> Tensor:
    """A tensor without what stands at padding: ``(batch, length, ...)`` or ``(batch, heads, length, ...)``."""
    is_decoded = "decoder_attention_mask" in batch and not name.startswith("encoder_")
    mask = batch["decoder_attention_mask" if is_decoded else "attention_mask"].flatten(0, -2).bool()
    if tensor.dim() == 4 and (tensor.shape[0] * tensor.shape[1], tensor.shape[2]) == mask.shape:
        return tensor.flatten(0, 1)[mask]  # several continuations of a text
    if tensor.dim() == 4 and tensor.shape[0] == len(mask) and tensor.shape[2] == mask.shape[1]:
        return tensor.transpose(1, 2)[mask]
    return tensor[mask] if tensor.dim() >= 2 and tensor.shape[:2] == mask.shape else tensor


def check_same(ours: Seen, theirs: Seen, truth: Callable[[], Seen], where: str) -> None:
    """In float32: equal up to ``TOLERANCE`` of a tensor's largest value, or as near to the truth as the original.

    Two correct programs round differently. Where a sum cancels, as in the gradients of a model that is sure of itself,
    what is left of it are the roundings, and the two may share no digit. Whether ours is right is then a question to a
    third: the original in float64. Our distance from it may be ``LUCK`` times the original's own, or ``TOLERANCE`` of
    the largest value.
    """
    check_kinds(ours, theirs, where)
    doubtful = [name for name in theirs.tensors if not is_close(ours, theirs, name)]
    exact = truth() if doubtful else theirs
    for name in doubtful:
        found, expected, right = ours.tensors[name].double(), theirs.tensors[name].double(), exact.tensors[name]
        error, allowed = (float((x - right).abs().max()) for x in (found, expected))
        bound = LUCK * allowed + TOLERANCE * float(right.abs().max())
        assert error <= bound, f"{where}: {name} is {error:.2e} from the truth, the original {allowed:.2e}"


def check_kinds(ours: Seen, theirs: Seen, where: str) -> None:
    """The same fields in the same order, of the same shapes; gradients of the same parameters."""
    assert ours.fields == theirs.fields, where
    assert ours.parameters == theirs.parameters, where
    for name in ours.tensors.keys() ^ theirs.tensors.keys():
        alone = ours.tensors.get(name, theirs.tensors.get(name))
        assert name.startswith("gradient"), f"{where}: {name} is there on one side alone"
        assert not alone.any(), f"{where}: there is a {name} on one side alone"
        ours.tensors.pop(name, None), theirs.tensors.pop(name, None)
    for name, expected in theirs.tensors.items():
        shapes = tuple(ours.tensors[name].shape), tuple(expected.shape)
        assert shapes[0] == shapes[1], f"{where}: {name} is {shapes[0]}, not {shapes[1]}"


def is_close(ours: Seen, theirs: Seen, name: str) -> bool:
    """Equal up to ``TOLERANCE`` of the largest value and ``RESIDUE`` of 1, or of the model's largest gradient."""
    found, expected = ours.tensors[name], theirs.tensors[name]
    if expected.numel() == 0:
        return True
    floor = theirs.largest_gradient if name.startswith("gradient") else 1.0
    allowed = TOLERANCE * float(expected.abs().max()) + RESIDUE * floor
    return bool(torch.allclose(found, expected, rtol=TOLERANCE, atol=allowed))


class Errors:
    """Distances from the truth in a low precision, of ours and of the original.

    Args:
        unit: Of the precision, ``torch.finfo(dtype).eps``.
    """

    def __init__(self, unit: float) -> None:
        self.unit = unit
        self.pairs: list[tuple[float, float]] = []
        self.num_draws = 0

    def add(self, ours: Seen, theirs: Seen, truth: Seen, where: str) -> None:
        """No tensor is far from the truth where the original's isn't, and none is infinite.

        Both are compared with the original in float64, on the same rounded weights: in a low precision two correct
        programs share two digits, and comparing them with each other would say little.
        """
        check_kinds(ours, theirs, where)
        self.num_draws += 1
        for name, expected in theirs.tensors.items():
            found, right = ours.tensors[name], truth.tensors.get(name)
            if right is None or not right.numel():
                continue
            assert bool(found.isfinite().all()), f"{where}: {name} isn't finite"
            if not bool(expected.isfinite().all()):
                continue  # some originals overflow where a text is padded
            floor = SMALL * (truth.largest_gradient if name.startswith("gradient") else 1.0)
            scale = max(float(right.abs().max()), floor)
            error, allowed = (math.sqrt(float((x.double() - right).square().mean())) / scale for x in (found, expected))
            bound = LUCK * allowed + FORK
            assert error <= bound, f"{where}: {name} is {error:.2e} from the truth, the original {allowed:.2e}"
            self.pairs.append((error, allowed))

    @property
    def ratio(self) -> float:
        """Our error in terms of the original's, in the median of all tensors."""
        least = self.unit / 16  # what is exact on both sides
        return statistics.median((ours + least) / (theirs + least) for ours, theirs in self.pairs)

    @property
    def is_near(self) -> bool:
        """In the median of all tensors, ours is as near to the truth as the original's.

        One tensor says little: both are a draw of roundings, and a loss near a fork draws for all gradients at once. So
        what counts as independent is a batch, and the fewer there are, the more the median strays. Who finds it far off
        after a few draws more of them.
        """
        return self.ratio <= SYSTEMATIC + STRAY / math.sqrt(self.num_draws)


def check_close(ours: Tensor, theirs: Tensor, where: str, *, floor: float) -> None:
    """Two tensors are equal up to ``TOLERANCE`` of the largest value and ``RESIDUE`` of ``floor``."""
    assert ours.shape == theirs.shape, f"{where}: {tuple(ours.shape)}, not {tuple(theirs.shape)}"
    if theirs.numel() == 0:
        return
    allowed = TOLERANCE * float(theirs.abs().max()) + RESIDUE * floor
    torch.testing.assert_close(ours, theirs, rtol=TOLERANCE, atol=allowed, msg=lambda text: f"{where}: {text}")
