"""The files of a training run: written with room for them, read back, and those it starts from."""

import shutil
from pathlib import Path

import torch

from network.checkpoint import (
    Checkpoint,
    CheckpointError,
    load_checkpoint,
    read_file,
    save_checkpoint,
)
from network.lite1 import is_lite1, load_lite1
from network.model import DeepfakeDetector
from utils.config import LAST_MODEL_NAME
from utils.console import Failure


def load_first_weights(model: DeepfakeDetector, paths: list[Path]) -> None:
    """Start from a checkpoint of this project, from EfficientNet-Lite1's file for B1, or from the
    mean of several checkpoints.

    Raises Failure for anything else.
    """
    path = paths[0]
    try:
        content = read_file(path)
    except CheckpointError as error:
        reason = str(error).removeprefix(f"{path} ")
        raise Failure(f"{path} cannot be read ({reason}): name another with --init") from error
    if isinstance(content, dict) and is_lite1(content):
        if len(paths) > 1:
            raise Failure(f"{path} is no checkpoint of this project: it has no mean with others")
        if model.arch != "efficientnet_b1":
            raise Failure(f"{path} is for efficientnet_b1 alone, not {model.arch}")
        load_lite1(model.features, content)
        return
    checkpoint = load_checkpoint(path) if len(paths) == 1 else mean_of(paths)
    if checkpoint.model.arch != model.arch:
        raise Failure(f"{path} is for {checkpoint.model.arch}: add --arch, or name another")
    model.load_state_dict(checkpoint.model.state_dict())


def mean_of(paths: list[Path]) -> Checkpoint:
    """The first checkpoint with the mean of all their weights, the averaged ones of a last.pth;
    a file named twice counts twice.

    A "model soup" (Wortsman et al., ICML 2022): it serves where all come from one training, or from
    one start. Raises CheckpointError, or Failure where one does not fit the first.
    """
    checkpoints = [load_checkpoint(path) for path in paths]
    first, total = checkpoints[0], {}
    for path, one in zip(paths, checkpoints, strict=True):
        if (one.model.arch, one.preprocessing) != (first.model.arch, first.preprocessing):
            raise Failure(f"{path} is another network than {paths[0]}, or wants other crops")
        for name, value in judged_weights(one).items():
            total[name] = total.get(name, 0) + value.double() / len(paths)
    first.model.load_state_dict(total)
    first.model.by_place = all(one.model.by_place for one in checkpoints)
    first.metrics = {}
    configs = [one.training.get("config", {}) for one in checkpoints]
    registries = {one.training.get("registry") for one in checkpoints}
    config = dict(min(configs, key=_made_fakes))  # that of the one which saw most deepfakes
    if not first.model.by_place:
        config.pop("place_weight", None)
    first.training = {
        "config": config,
        "registry": registries.pop() if len(registries) == 1 else None,
        "epoch": None,
        "mean_of": [path.name for path in paths],
    }
    return first


def _made_fakes(config: dict) -> float:
    """The share of its fakes that were made of reals."""
    return config.get("self_blend", 0.0) + config.get("reconstructed", 0.0)


def judged_weights(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    averaged = checkpoint.training.get("ema")
    if not averaged:
        return checkpoint.model.state_dict()
    prefix = "module."
    return {k.removeprefix(prefix): v for k, v in averaged.items() if k.startswith(prefix)}


def write(path: Path, checkpoint: Checkpoint, half: bool = False) -> None:
    """Save, or raise Failure with what is needed, and what there is to go on from."""
    try:
        save_checkpoint(path, checkpoint, half)
    except (OSError, RuntimeError) as error:
        needed, free = _bytes_of(checkpoint, half), shutil.disk_usage(path.parent).free
        system = error if isinstance(error, OSError) else error.__context__  # torch hides it
        reason = getattr(system, "strerror", None) or str(error).partition("\n")[0]
        has_state = path.with_name(LAST_MODEL_NAME).exists()
        on = "go on with --resume" if has_state else "start again, for nothing was saved before"
        raise Failure(
            f"{path} cannot be written ({reason}): {needed / 1e6:,.0f} MB are needed, "
            f"{free / 1e6:,.0f} MB are free; make room or change --models, then {on}"
        ) from error


def _bytes_of(checkpoint: Checkpoint, half: bool) -> int:
    """About how large its file is."""
    model = sum(value.nbytes for value in checkpoint.model.state_dict().values())
    return (model // 2 if half else model) + _tensor_bytes(checkpoint.training) + 1_000_000


def _tensor_bytes(value) -> int:
    if isinstance(value, (dict, list, tuple)):
        return sum(map(_tensor_bytes, value.values() if isinstance(value, dict) else value))
    return value.nbytes if torch.is_tensor(value) else 0


def load_state(path: Path) -> Checkpoint:
    """A checkpoint with the state of its run. Raises Failure."""
    if not path.exists():
        raise Failure(f"{path} not found: there is nothing to resume, start without --resume")
    try:
        checkpoint = load_checkpoint(path)
    except CheckpointError as error:
        raise Failure(f"{path} is damaged: delete it to start over") from error
    if not {"registry", "config", "epoch", "epochs", "step", "optimizer", "rng"} <= set(
        checkpoint.training
    ):
        raise Failure(f"{path} holds no state of a run: delete it to start over")
    return checkpoint
