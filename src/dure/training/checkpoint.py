"""Checkpoints of a run: everything that is needed to go on as if nothing had happened."""

from __future__ import annotations

import json
import pickle
import re
import shutil
from pathlib import Path
from typing import Any

import torch

from dure.errors import CorruptCheckpointError, TrainingError
from dure.hub.commit import atomic_folder, write_json
from dure.training.seed import get_random_state, set_random_state
from dure.training.state import TrainerState
from dure.typing import PathLike

__all__ = ["STATE_FILE", "checkpoints", "last_checkpoint", "load_progress", "remove_old", "save_checkpoint"]

STATE_FILE = "trainer_state.json"
_OPTIMIZER_FILE = "optimizer.pt"
_SCHEDULE_FILE = "scheduler.pt"
_RANDOM_FILE = "rng_state.pth"
_PROGRESS_FILE = "progress.json"
_NAME = re.compile(r"checkpoint-(\d+)")


def checkpoints(output_dir: PathLike) -> list[Path]:
    """All complete checkpoints of a run, oldest first. One that was being written when a run died isn't among them."""
    folder = Path(output_dir)
    names = folder.iterdir() if folder.is_dir() else []
    found = [(int(match[1]), path) for path in names if (match := _NAME.fullmatch(path.name))]
    return [path for _, path in sorted(found) if (path / STATE_FILE).is_file()]


def last_checkpoint(output_dir: PathLike) -> Path:
    """The newest complete checkpoint of a run.

    Raises:
        TrainingError: There is none.
    """
    found = checkpoints(output_dir)
    if not found:
        raise TrainingError(f"{output_dir} has no complete checkpoint to go on from; start anew without resuming")
    return found[-1]


def save_checkpoint(
    path: PathLike, save_model: Any, state: TrainerState, progress: dict[str, Any], optimizer: Any, schedule: Any
) -> None:
    """Write a checkpoint: the folder appears complete, or not at all.

    Args:
        path: The folder to make.
        save_model: Called with a folder; writes model and tokenizer there.
        state: Where the run is.
        progress: More that the loop needs to go on.
        optimizer: None leaves out everything that only going on needs.
        schedule: The learning rate's.
    """
    target = Path(path)
    if target.exists():
        # Another run's, at the same step: a mixture of the two would be worse than either.
        shutil.rmtree(target)
    with atomic_folder(target) as folder:
        save_model(folder)
        if optimizer is not None:
            torch.save(optimizer.state_dict(), folder / _OPTIMIZER_FILE)
            torch.save(schedule.state_dict(), folder / _SCHEDULE_FILE)
            torch.save(get_random_state(), folder / _RANDOM_FILE)
            write_json(folder / _PROGRESS_FILE, progress)
        state.save_to_json(folder / STATE_FILE)


def load_progress(path: PathLike, optimizer: Any, schedule: Any, device: torch.device) -> dict[str, Any]:
    """Bring optimizer, schedule and generators to where a checkpoint was.

    Returns:
        The ``progress`` that was saved.

    Raises:
        TrainingError: The checkpoint was saved without what is needed to go on.
        CorruptCheckpointError: A file is damaged, or a pickle wants more than tensors and numbers.
    """
    folder = Path(path)
    missing = [n for n in (_OPTIMIZER_FILE, _SCHEDULE_FILE, _RANDOM_FILE, _PROGRESS_FILE) if not (folder / n).is_file()]
    if missing:
        raise TrainingError(
            f"{folder} lacks {', '.join(missing)}: it can't be gone on from (was it saved with save_only_model?); "
            "to start anew from its weights, pass it as the model"
        )
    optimizer.load_state_dict(_load(folder / _OPTIMIZER_FILE, device))
    schedule.load_state_dict(_load(folder / _SCHEDULE_FILE, device))
    set_random_state(_load(folder / _RANDOM_FILE, torch.device("cpu")))
    progress: dict[str, Any] = json.loads((folder / _PROGRESS_FILE).read_text(encoding="utf-8"))
    return progress


def _load(file: Path, device: torch.device) -> Any:
    try:
        return torch.load(file, map_location=device, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise CorruptCheckpointError(
            f"{file} is damaged, or holds more than tensors and numbers: {str(error).splitlines()[0]}; "
            "choose another checkpoint"
        ) from error


def remove_old(output_dir: PathLike, limit: int | None, keep: str | None) -> None:
    """Remove the oldest checkpoints beyond a limit, but never the newest or the best one.

    Args:
        output_dir: The run's folder.
        limit: How many to keep; None keeps all.
        keep: The best checkpoint.
    """
    if limit is None:
        return
    found = checkpoints(output_dir)
    spared = {found[-1], *([Path(keep)] if keep else [])} if found else set()
    surplus = len(found) - max(limit, len(spared))
    for path in [path for path in found if path not in spared][: max(0, surplus)]:
        # The mark goes first: a folder that is half removed isn't a checkpoint any more.
        (path / STATE_FILE).unlink()
        shutil.rmtree(path)
