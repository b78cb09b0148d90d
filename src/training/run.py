"""The state of a training run: started, saved while it runs, restored by --resume."""

from dataclasses import dataclass, field, fields
from pathlib import Path

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from network.checkpoint import Checkpoint
from network.device import choose_precision, place
from network.distributed import Team
from network.model import DeepfakeDetector
from pictures.transforms import Preprocessing
from training.epoch import diverged
from training.loaders import what_is_taught
from training.saving import load_first_weights, load_state, write
from utils.config import BEST_MODEL_NAME, LAST_MODEL_NAME, TrainConfig
from utils.console import Failure

# What an interrupted run and its continuation need not share: places, processes, speed.
FREE_SETTINGS = {"preset", "frames_dir", "splits", "models", "results", "run_name", "init"}
FREE_SETTINGS |= {"precision", "compile", "device", "workers", "resume", "only_calibrate"}


@dataclass
class Run:
    """Everything that changes while training, and so everything that --resume restores.

    epoch: finished epochs of epochs. step, tally: batches done of the next one, and their sums.
    ema: the averaged weights, or None. frozen_norm: whether this epoch leaves the statistics of
    batch normalisation as they are. best_score: of the best epoch so far, as merit gives it.
    history: one entry an epoch.
    """

    model: DeepfakeDetector
    ema: AveragedModel | None
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.ReduceLROnPlateau
    scaler: torch.amp.GradScaler
    precision: str
    schedule: str
    epochs: int
    clip_gradient: float = 0.0
    place_weight: float = 0.0
    frozen_norm: bool = False
    epoch: int = 0
    step: int = 0
    tally: dict = field(default_factory=lambda: {"seen": 0, "loss": 0.0, "correct": 0})
    best_score: list[float] | float = -1.0
    history: list[dict] = field(default_factory=list)

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    @property
    def judged_model(self) -> DeepfakeDetector:
        """The weights that validation judges and best_model.pth keeps."""
        return self.ema.module if self.ema else self.model

    def is_finite(self) -> bool:
        """Whether weights and statistics are numbers, so that one can go on from them."""
        parts = [self.model.state_dict()] + ([self.ema.state_dict()] if self.ema else [])
        values = [v for part in parts for v in part.values() if v.is_floating_point()]
        return bool(torch.stack([value.isfinite().all() for value in values]).all())

    def finish_epoch(self, entry: dict) -> None:
        self.epoch, self.step = self.epoch + 1, 0
        self.tally = {"seen": 0, "loss": 0.0, "correct": 0}
        self.history.append({"epoch": self.epoch} | entry)
        if self.schedule == "plateau":
            self.scheduler.step(entry["video"]["auc"])


@dataclass(frozen=True)
class Setup:
    """What a run is made with, and no file of it keeps.

    preprocessing, data_mark: of the crops, and the fingerprint of their registry, as load_data
    gives them. loaders: as make_loaders gives them. team: the processes that train together.
    """

    config: TrainConfig
    preprocessing: Preprocessing
    data_mark: str
    loaders: dict[str, DataLoader]
    device: torch.device
    team: Team

    @property
    def results(self) -> Path:
        """The folder of the run's reports."""
        return self.config.results / "training" / self.config.run_name


def start_run(config: TrainConfig, device: torch.device) -> Run:
    """A fresh run. Raises Failure when its first weights cannot be had."""
    pretrained = config.pretrained and not config.resume and not config.init
    model = DeepfakeDetector(config.dropout, pretrained, config.arch, config.stochastic_depth)
    if config.init and not config.resume:
        load_first_weights(model, [Path(name) for name in config.init])
    model.by_place = config.place_weight > 0
    precision = config.precision
    if precision == "auto":
        precision = choose_precision(place(model, device), device, config.image_size_px)
    place(model, device)
    ema = None
    if config.ema:
        ema = AveragedModel(model, multi_avg_fn=_average(config.ema), use_buffers=True)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    for group in optimizer.param_groups:
        group["initial_lr"] = config.learning_rate
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode="max", factor=0.5, patience=2
    )
    scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")
    shape = config.schedule, config.epochs, config.clip_gradient, config.place_weight
    return Run(model, ema, optimizer, scheduler, scaler, precision, *shape)


def _average(decay: float):
    """An exponential moving average that forgets its first, poor weights sooner than its later."""

    def update(averages: list, values: list, count: torch.Tensor) -> None:
        slow = min(decay, (1 + int(count)) / (10 + int(count)))
        get_ema_multi_avg_fn(slow)(averages, values, count)

    return update


def check_not_unfinished(config: TrainConfig) -> None:
    """Refuse to start over an interrupted run. Raises Failure."""
    path = config.models / LAST_MODEL_NAME
    if config.resume or not path.exists():
        return
    state = load_state(path).training
    if state["epoch"] < state["epochs"]:
        raise Failure(
            f"{path} holds a run interrupted after {describe_place(state)} of {state['epochs']}: "
            "go on with --resume, or delete it to start over"
        )


def describe_place(state: dict) -> str:
    steps = f" and {state['step']} batches" if state["step"] else ""
    return f"epoch {state['epoch']}{steps}"


def resume_run(run: Run, setup: Setup) -> None:
    """Restore the state that was saved last.

    Raises Failure without one, or when it is of other data or settings.
    """
    path = setup.config.models / LAST_MODEL_NAME
    checkpoint = load_state(path)
    state = checkpoint.training
    for name, value in _shared(setup.config).items():
        before = state["config"].get(name, getattr(TrainConfig, name))  # flags since come as unset
        if before != value:
            flag = "--" + name.replace("_", "-")
            raise Failure(
                f"{path} was made with {flag} {before}, not {value}: resume with the same settings"
            )
    if (state["registry"], checkpoint.preprocessing) != (setup.data_mark, setup.preprocessing):
        raise Failure(f"{path} was trained on other crops: delete it to start over")
    run.model.load_state_dict(checkpoint.model.state_dict())
    for part in ("optimizer", "scheduler", "scaler") + (("ema",) if run.ema else ()):
        getattr(run, part).load_state_dict(state[part])
    torch.set_rng_state(state["rng"])
    if torch.cuda.is_available() and len(state["cuda_rng"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda_rng"])
    for name in ("precision", "epoch", "step", "tally", "best_score", "history"):
        setattr(run, name, state[name])


def save_run(run: Run, setup: Setup) -> None:
    """Write last.pth, between batches or between epochs.

    Raises Failure where training has diverged: what was written before can be resumed.
    """
    if not run.is_finite():
        raise diverged("the weights are no numbers any more in epoch", run.epoch + 1)
    state = _about(run, setup) | {
        "epochs": run.epochs,
        "step": run.step,
        "tally": run.tally,
        "precision": run.precision,
        "best_score": run.best_score,
        "history": run.history,
        "rng": torch.get_rng_state(),
        "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "optimizer": run.optimizer.state_dict(),
        "scheduler": run.scheduler.state_dict(),
        "scaler": run.scaler.state_dict(),
        "ema": run.ema.state_dict() if run.ema else None,
    }
    last = Checkpoint(run.model, setup.preprocessing, training=state)
    write(setup.config.models / LAST_MODEL_NAME, last)


def save_if_best(run: Run, setup: Setup, judged: Preprocessing) -> bool:
    """Write best_model.pth where validation has not been as good before; say whether it was.

    judged: the preprocessing by which validation judged.
    """
    config, entry = setup.config, run.history[-1]
    if merit(entry, config.select) <= _as_merit(run.best_score):
        return False
    run.best_score = merit(entry, config.select)
    about = _about(run, setup) | what_is_taught(config, setup.loaders["train"].dataset.videos)
    validation = {"validation": entry["video"]}
    save_best(config, Checkpoint(run.judged_model, judged, metrics=validation, training=about))
    return True


def merit(entry: dict, select: str) -> list[float]:
    """What the epochs of a history are compared by, each in [0, 1]: validation video AUC, and with
    select 'paired' before it how often a frame of a fake is above one of its own footage.

    By frame, for of few pairs of videos a share moves by chance: one more is two in a hundred.
    """
    auc, share = entry["video"]["auc"], entry["frame"]["paired"]["share"]
    return [share or 0.0, auc] if select == "paired" else [auc]


def _as_merit(stored: list[float] | float) -> list[float]:
    return stored if isinstance(stored, list) else [stored]  # a number in older files


def save_best(config: TrainConfig, best: Checkpoint) -> None:
    write(config.models / BEST_MODEL_NAME, best, half=True)


def _about(run: Run, setup: Setup) -> dict:
    return {"config": _shared(setup.config), "registry": setup.data_mark, "epoch": run.epoch}


def _shared(config: TrainConfig) -> dict:
    free = FREE_SETTINGS if config.schedule == "cosine" else FREE_SETTINGS | {"epochs"}
    return {f.name: getattr(config, f.name) for f in fields(config) if f.name not in free}
