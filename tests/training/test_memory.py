"""Parameters are moved, and nothing else about them changes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from dure.training.memory import gather_parameters, keep_freed_memory


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_values_shapes_and_identity_stay(dtype: torch.dtype) -> None:
    layers = (nn.Embedding(7, 3), nn.Linear(3, 5), nn.LayerNorm(5), nn.Linear(5, 5))
    model = nn.Sequential(*layers).to(dtype)
    model[3].weight = nn.Parameter(torch.randn(5, 5, dtype=dtype).T)  # no contiguous memory: stays
    model[1].weight.requires_grad_(False)
    before = {name: (p, p.detach().clone(), p.requires_grad) for name, p in model.named_parameters()}
    gather_parameters(model)
    for name, parameter in model.named_parameters():
        same, values, requires_grad = before[name]
        assert parameter is same
        assert torch.equal(parameter, values)
        assert parameter.requires_grad == requires_grad
        assert parameter.is_leaf
    places = [p.data_ptr() for p in model.parameters() if p.is_contiguous() and p.numel()]
    assert all(place % 64 == 0 for place in places)
    assert max(places) - min(places) < 4096


def test_tied_parameters_stay_one() -> None:
    model = nn.ModuleList([nn.Embedding(7, 3), nn.Linear(3, 7)])
    model[1].weight = model[0].weight
    gather_parameters(model)
    assert model[1].weight is model[0].weight


def test_a_trained_model_is_saved_and_copied(tmp_path) -> None:
    import copy

    import safetensors.torch

    model = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2))
    gather_parameters(model)
    safetensors.torch.save_model(model, tmp_path / "model.safetensors")
    saved = safetensors.torch.load_file(tmp_path / "model.safetensors")
    copied = copy.deepcopy(model)
    for name, parameter in model.named_parameters():
        assert torch.equal(saved[name], parameter)
        assert torch.equal(copied.get_parameter(name), parameter)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="counts pages as Linux does")
def test_freed_memory_is_kept_and_given_back() -> None:
    import resource

    def faults() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(5):
            torch.ones(20, 1 << 18).sum()  # 20 MB
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    with keep_freed_memory():
        faults()
        assert faults() < 1000
    held = int(Path("/proc/self/statm").read_text().split()[1])
    with keep_freed_memory():
        blocks = [torch.ones(1 << 18) for _ in range(200)]  # 200 MB
        del blocks
    pages = (200 << 20) // resource.getpagesize()
    assert int(Path("/proc/self/statm").read_text().split()[1]) < held + pages // 2


def test_errors_pass_through() -> None:
    with pytest.raises(KeyError), keep_freed_memory():
        raise KeyError
