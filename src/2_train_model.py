"""Train EfficientNet-B1 on extracted face crops, split by identity, and test it once at the end."""

import argparse
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from utils import console
from utils.checkpoint import (
    Checkpoint,
    CheckpointError,
    Preprocessing,
    load_checkpoint,
    save_checkpoint,
)
from utils.config import (
    BEST_MODEL_NAME,
    FAKE,
    LAST_MODEL_NAME,
    REAL,
    TrainConfig,
    add_flags,
    from_flags,
)
from utils.console import shown
from utils.engine import TrainingError, evaluate, metrics, train_one_epoch
from utils.files import write_json
from utils.frames import CropError, FaceFrames, RatioSampler, eval_transform, train_transform
from utils.model import DeepfakeDetector, WeightsError, describe_device, pick_device, place
from utils.registry import RegistryError, load_registry
from utils.splits import SplitError, fingerprint, leaks_by_video, load_or_make_splits

# Settings that may differ between an interrupted run and its continuation.
FREE_ON_RESUME = {"epochs", "device", "workers", "resume", "frames_dir", "splits", "models"} | {
    "results",
    "run_name",
}


@dataclass
class Run:
    """Everything that changes while training, and so everything that --resume restores."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.ReduceLROnPlateau
    scaler: torch.amp.GradScaler
    epoch: int = 0
    best_score: float = -1.0
    history: list | None = None


def parse_args(argv: list[str] | None) -> TrainConfig:
    parser = argparse.ArgumentParser(description=__doc__)
    add_flags(parser, TrainConfig)
    return from_flags(TrainConfig, parser.parse_args(argv))


def load_data(config: TrainConfig) -> tuple[dict[str, list[dict]], Preprocessing, str]:
    """The registry's records by split, their preprocessing, and the registry's fingerprint."""
    registry = load_registry(config.frames_dir)
    videos = [v for v in registry["videos"] if any(frame["crop"] for frame in v["frames"])]
    splits = load_or_make_splits(config.splits, videos, config.seed)
    settings = registry["settings"]
    preprocessing = Preprocessing(
        settings["detector"],
        settings["crop_size_px"],
        settings["crop_margin"],
        config.image_size_px,
    )
    console.heading("📂 DATA")
    for name, members in splits.items():
        fakes = sum(video["label"] == FAKE for video in members)
        crops = sum(bool(frame["crop"]) for video in members for frame in video["frames"])
        print(
            f"   {name:5} {len(members):6,} videos: {len(members) - fakes:6,} real, "
            f"{fakes:6,} fake; {crops:7,} crops"
        )
    leaked = leaks_by_video(videos, config.seed)
    print("   No person is in two splits.")
    print(f"   Split by video instead, {leaked:.0%} of the test videos would show people of train.")
    return splits, preprocessing, fingerprint(videos)


def make_loaders(
    config: TrainConfig, splits: dict[str, list[dict]], preprocessing: Preprocessing
) -> dict[str, DataLoader]:
    def loader(name: str, **options) -> DataLoader:
        transform = (train_transform if name == "train" else eval_transform)(preprocessing)
        dataset = FaceFrames(config.frames_dir, splits[name], transform)
        if name == "train":
            options["sampler"] = RatioSampler(dataset, config.fake_share, config.seed)
        return DataLoader(
            dataset,
            batch_size=config.batch_size,
            num_workers=config.workers,
            pin_memory=torch.cuda.is_available(),
            persistent_workers=config.workers > 0 and name == "train",
            **options,
        )

    return {name: loader(name) for name in splits}


def class_weights(labels: np.ndarray) -> torch.Tensor:
    """Loss weights (2,) that make both classes count alike: n / (2 n_class)."""
    counts = np.bincount(labels, minlength=2)
    return torch.tensor(len(labels) / (2 * counts), dtype=torch.float32)


def start_run(config: TrainConfig, device: torch.device) -> Run:
    model = place(DeepfakeDetector(config.dropout, config.pretrained and not config.resume), device)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode="max", factor=0.5, patience=2
    )
    # Half precision only where it is faster: B1's depthwise backward gains nothing on CPUs.
    scaler = torch.amp.GradScaler(device.type, enabled=config.amp and device.type == "cuda")
    return Run(model, optimizer, scheduler, scaler, history=[])


def comparable(config: TrainConfig) -> dict:
    """The settings that an interrupted run and its continuation must share, as plain values."""
    return {k: v for k, v in asdict(config).items() if k not in FREE_ON_RESUME}


def check_unfinished(config: TrainConfig) -> None:
    """Refuse to start over an interrupted run. Raises TrainingError."""
    path = config.models / LAST_MODEL_NAME
    if config.resume or not path.exists():
        return
    state = load_checkpoint(path).training
    if state["epoch"] < state["epochs"]:
        raise TrainingError(
            f"{path} holds a run interrupted after epoch {state['epoch']} of {state['epochs']}: "
            "go on with --resume, or delete it to start over"
        )


def resume(run: Run, config: TrainConfig, data_mark: str) -> None:
    """Restore the state after the last finished epoch. Raises TrainingError if it does not fit."""
    path = config.models / LAST_MODEL_NAME
    checkpoint = load_checkpoint(path)
    state = checkpoint.training
    if state["registry"] != data_mark:
        raise TrainingError(f"{path} was trained on another registry: start without --resume")
    for key, value in comparable(config).items():
        if state["config"].get(key) != value:
            raise TrainingError(
                f"{path} was made with {key} {state['config'].get(key)}, not {value}: "
                "resume with the same settings"
            )
    run.model.load_state_dict(checkpoint.model.state_dict())
    for name in ("optimizer", "scheduler", "scaler"):
        getattr(run, name).load_state_dict(state[name])
    torch.set_rng_state(state["rng"])
    run.epoch, run.best_score, run.history = state["epoch"], state["best_score"], state["history"]
    print(f"   Resumed after epoch {run.epoch}.")


def save_epoch(
    run: Run, config: TrainConfig, preprocessing: Preprocessing, data_mark: str, is_best: bool
) -> None:
    """Write last.pth, and best_model.pth when this epoch is the best so far."""
    about = {"config": comparable(config), "registry": data_mark, "epoch": run.epoch}
    if is_best:
        measured = {"validation": run.history[-1]["video"]}
        best = Checkpoint(run.model, preprocessing, metrics=measured, training=about)
        save_checkpoint(config.models / BEST_MODEL_NAME, best)
    state = about | {
        "epochs": config.epochs,
        "best_score": run.best_score,
        "history": run.history,
        "rng": torch.get_rng_state(),
        "optimizer": run.optimizer.state_dict(),
        "scheduler": run.scheduler.state_dict(),
        "scaler": run.scaler.state_dict(),
    }
    save_checkpoint(
        config.models / LAST_MODEL_NAME, Checkpoint(run.model, preprocessing, training=state)
    )


def percent(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.2%}"


def print_results(title: str, result: dict) -> None:
    rows = [f"  {title}", None]
    for name in ("accuracy", "precision", "recall", "f1", "auc"):
        label = {"accuracy": "Test Accuracy", "f1": "F1-Score", "auc": "AUC"}.get(name)
        rows.append(f"{label or name.capitalize()}:".ljust(18) + percent(result[name]))
    rows += ["", "Confusion Matrix:"]
    for key, name in (
        ("tn", "True Negatives"),
        ("fp", "False Positives"),
        ("fn", "False Negatives"),
        ("tp", "True Positives"),
    ):
        rows.append(f"  {name + ':':17}{result['confusion'][key]:,}")
    print("╔" + "═" * 40 + "╗")
    for row in rows:
        print("╠" + "═" * 40 + "╣" if row is None else f"║ {row:38} ║")
    print("╚" + "═" * 40 + "╝")


def train(run: Run, config: TrainConfig, loaders: dict, device, preprocessing, data_mark) -> None:
    labels = loaders["train"].sampler.drawn_labels()
    weights = class_weights(labels)
    loss_function = nn.CrossEntropyLoss(weight=weights.to(device))
    fakes = np.mean(labels == FAKE)
    print(
        f"   {len(labels):,} crops an epoch, {fakes:.0%} fake; loss weights: "
        f"real {weights[REAL]:.2f}, fake {weights[FAKE]:.2f}"
    )
    while run.epoch < config.epochs:
        loaders["train"].sampler.epoch = run.epoch
        label = f"Epoch {run.epoch + 1}/{config.epochs}"
        trained = train_one_epoch(
            run.model, loaders["train"], loss_function, run.optimizer, run.scaler, device, label
        )
        frames, videos = evaluate(run.model, loaders["val"], device, "Validation")
        frame_metrics, video_metrics = metrics(frames, 0.5), metrics(videos, 0.5)
        score = video_metrics["auc"]
        run.scheduler.step(score)
        run.epoch += 1
        run.history.append(
            {"epoch": run.epoch, "train": trained, "frame": frame_metrics, "video": video_metrics}
        )
        is_best = score > run.best_score
        run.best_score = max(score, run.best_score)
        save_epoch(run, config, preprocessing, data_mark, is_best)
        print(
            f"{label}: train loss {trained['loss']:.4f}, accuracy {trained['accuracy']:.2%}, "
            f"{trained['images_per_second']:.1f} images/s; validation video AUC {score:.4f}, "
            f"accuracy {video_metrics['accuracy']:.2%}" + (" (best, saved)" if is_best else ""),
            flush=True,
        )


def run(config: TrainConfig) -> int:
    torch.manual_seed(config.seed)
    device = pick_device(config.device)
    splits, preprocessing, data_mark = load_data(config)
    check_unfinished(config)
    loaders = make_loaders(config, splits, preprocessing)
    console.heading("🚀 TRAINING")
    print(f"   Device: {describe_device(device)}")
    state = start_run(config, device)
    if config.resume:
        resume(state, config, data_mark)
    train(state, config, loaders, device, preprocessing, data_mark)

    # The test set is touched here, once, with the epoch that validation chose.
    best_path = config.models / BEST_MODEL_NAME
    best = load_checkpoint(best_path)
    frames, videos = evaluate(place(best.model, device), loaders["test"], device, "Test")
    results = {"video": metrics(videos, best.threshold), "frame": metrics(frames, best.threshold)}
    console.heading("📊 TEST RESULTS")
    print_results(f"TEST RESULTS BY VIDEO (n = {results['video']['n']:,})", results["video"])
    print_results(f"TEST RESULTS BY FRAME (n = {results['frame']['n']:,})", results["frame"])
    folder = config.results / "training" / config.run_name
    report = {
        "config": {k: str(v) if isinstance(v, Path) else v for k, v in asdict(config).items()},
        "registry": data_mark,
        "device": describe_device(device),
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
        "best_epoch": best.training["epoch"],
        "history": state.history,
        "test": results,
    }
    write_json(folder / "report.json", report)
    console.good(f"Model: {shown(best_path)}, of epoch {best.training['epoch']}")
    console.good(f"Report: {shown(folder / 'report.json')}")
    return 0


def main(argv: list[str] | None = None) -> int:
    console.setup()
    config = parse_args(argv)
    try:
        return run(config)
    except KeyboardInterrupt:
        has_state = (config.models / LAST_MODEL_NAME).exists()
        remedy = "go on with --resume" if has_state else "no epoch was finished, start again"
        console.error(f"interrupted: {remedy}")
        return 130
    except (
        RegistryError,
        SplitError,
        CropError,
        WeightsError,
        CheckpointError,
        TrainingError,
        ValueError,
        OSError,
    ) as error:
        console.error(shown(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
