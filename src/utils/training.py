"""The state of a training run: started, saved after every epoch, restored by --resume."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import nn

from utils.checkpoint import (
    Checkpoint,
    CheckpointError,
    Preprocessing,
    load_checkpoint,
    save_checkpoint,
)
from utils.config import BEST_MODEL_NAME, LAST_MODEL_NAME, TrainConfig
from utils.engine import TrainingError
from utils.metrics import Calibration
from utils.model import DeepfakeDetector, place

# What an interrupted run and its continuation must share; places and processes may differ.
SHARED_SETTINGS = (
    "batch_size",
    "learning_rate",
    "weight_decay",
    "dropout",
    "image_size_px",
    "fake_share",
    "pretrained",
    "amp",
    "seed",
)


@dataclass
class Run:
    """Everything that changes while training, and so everything that --resume restores.

    history: one entry an epoch. best_score: highest validation video AUC so far, in [0, 1].
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.ReduceLROnPlateau
    scaler: torch.amp.GradScaler
    epoch: int = 0
    best_score: float = -1.0
    history: list[dict] = field(default_factory=list)


def start_run(config: TrainConfig, device: torch.device) -> Run:
    """A fresh run. Raises WeightsError when ImageNet weights are wanted and cannot be had."""
    pretrained = config.pretrained and not config.resume
    model = place(DeepfakeDetector(config.dropout, pretrained), device)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode="max", factor=0.5, patience=2
    )
    # Half precision only where it is faster: B1's depthwise backward gains nothing on CPUs.
    scaler = torch.amp.GradScaler(device.type, enabled=config.amp and device.type == "cuda")
    return Run(model, optimizer, scheduler, scaler)


def check_not_unfinished(config: TrainConfig) -> None:
    """Refuse to start over an interrupted run. Raises TrainingError."""
    path = config.models / LAST_MODEL_NAME
    if config.resume or not path.exists():
        return
    state = _load_state(path).training
    if state["epoch"] < state["epochs"]:
        raise TrainingError(
            f"{path} holds a run interrupted after epoch {state['epoch']} of {state['epochs']}: "
            "go on with --resume, or delete it to start over"
        )


def resume_run(run: Run, config: TrainConfig, preprocessing: Preprocessing, data_mark: str) -> None:
    """Restore the state after the last finished epoch.

    Raises TrainingError without one, or when it is of other data or settings.
    """
    path = config.models / LAST_MODEL_NAME
    checkpoint = _load_state(path)
    state = checkpoint.training
    for name, value in _shared(config).items():
        if state["config"].get(name) != value:
            flag = "--" + name.replace("_", "-")
            raise TrainingError(
                f"{path} was made with {flag} {state['config'].get(name)}, not {value}: "
                "resume with the same settings"
            )
    if state["registry"] != data_mark or checkpoint.preprocessing != preprocessing:
        raise TrainingError(f"{path} was trained on other crops: delete it to start over")
    run.model.load_state_dict(checkpoint.model.state_dict())
    for part in ("optimizer", "scheduler", "scaler"):
        getattr(run, part).load_state_dict(state[part])
    torch.set_rng_state(state["rng"])
    run.epoch, run.best_score, run.history = state["epoch"], state["best_score"], state["history"]


def save_run(
    run: Run,
    config: TrainConfig,
    preprocessing: Preprocessing,
    data_mark: str,
    calibration: Calibration,
) -> bool:
    """Write last.pth, and best_model.pth where validation has not been as good before.

    Returns whether it was the best epoch so far.
    """
    about = {"config": _shared(config), "registry": data_mark, "epoch": run.epoch}
    measured = run.history[-1]["video"]
    is_best = measured["auc"] > run.best_score
    if is_best:
        run.best_score = measured["auc"]
        best = Checkpoint(
            run.model,
            preprocessing,
            calibration.threshold,
            calibration.temperature,
            {"validation": measured, "calibration": asdict(calibration)},
            about,
        )
        _save(config.models / BEST_MODEL_NAME, best)
    state = about | {
        "epochs": config.epochs,
        "best_score": run.best_score,
        "history": run.history,
        "rng": torch.get_rng_state(),
        "optimizer": run.optimizer.state_dict(),
        "scheduler": run.scheduler.state_dict(),
        "scaler": run.scaler.state_dict(),
    }
    _save(config.models / LAST_MODEL_NAME, Checkpoint(run.model, preprocessing, training=state))
    return is_best


def _load_state(path: Path) -> Checkpoint:
    """A checkpoint with the state of its run. Raises TrainingError."""
    if not path.exists():
        raise TrainingError(f"{path} not found: there is nothing to resume, start without --resume")
    try:
        checkpoint = load_checkpoint(path)
    except CheckpointError as error:
        raise TrainingError(f"{path} is damaged: delete it to start over") from error
    if not {"registry", "config", "epoch", "epochs", "optimizer", "rng"} <= set(
        checkpoint.training
    ):
        raise TrainingError(f"{path} holds no state of a run: delete it to start over")
    return checkpoint


def _save(path: Path, checkpoint: Checkpoint) -> None:
    try:
        save_checkpoint(path, checkpoint)
    except (OSError, RuntimeError) as error:  # torch.save reports a full disk as RuntimeError
        reason = str(error).splitlines()[0]
        raise TrainingError(
            f"{path} cannot be written ({reason}): what was saved before is intact; "
            "make room and go on with --resume"
        ) from error


def _shared(config: TrainConfig) -> dict:
    settings = asdict(config)
    return {name: settings[name] for name in SHARED_SETTINGS}
