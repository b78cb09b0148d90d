"""Train EfficientNet-B1 on extracted face crops, split by identity, and test it once at the end."""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from utils import console
from utils.checkpoint import CheckpointError, Preprocessing, load_checkpoint
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
from utils.engine import TrainingError, evaluate, train_one_epoch
from utils.files import remove_leftovers
from utils.frames import CropError, FaceFrames, RatioSampler
from utils.metrics import Outcome, by_video, calibrate, metrics
from utils.model import WeightsError, describe_device, pick_device, place
from utils.registry import RegistryError, load_registry
from utils.splits import SplitError, fingerprint, leaks_by_video, load_or_make_splits
from utils.training import Run, check_not_unfinished, resume_run, save_run, start_run


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
    print("   No identity is in two splits.")
    print(f"   Split by video instead, {leaked:.0%} of the test videos would show people of train.")
    return splits, preprocessing, fingerprint(videos)


def make_loaders(
    config: TrainConfig, splits: dict[str, list[dict]], preprocessing: Preprocessing
) -> dict[str, DataLoader]:
    def loader(name: str, **options) -> DataLoader:
        is_training = name == "train"
        dataset = FaceFrames(config.frames_dir, splits[name], preprocessing, is_training)
        if is_training:
            options["sampler"] = RatioSampler(dataset, config.fake_share, config.seed)
        return DataLoader(
            dataset,
            batch_size=config.batch_size,
            num_workers=config.workers,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator(),  # or loading would draw from the weights' randomness
            persistent_workers=config.workers > 0 and is_training,
            **options,
        )

    return {name: loader(name) for name in splits}


def class_weights(labels: np.ndarray) -> torch.Tensor:
    """Loss weights (2,) that make both classes count alike: n / (2 n_class)."""
    counts = np.bincount(labels, minlength=2)
    return torch.tensor(len(labels) / (2 * counts), dtype=torch.float32)


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
        frames, numbers = evaluate(run.model, loaders["val"], device, "Validation")
        measured = {
            "frame": metrics(frames, 0.5),
            "video": metrics(by_video(frames, numbers), 0.5),
        }
        run.scheduler.step(measured["video"]["auc"])
        run.epoch += 1
        run.history.append({"epoch": run.epoch, "train": trained} | measured)
        calibration = calibrate(frames, numbers)
        is_best = save_run(run, config, preprocessing, data_mark, calibration)
        print(
            f"{label}: train loss {trained['loss']:.4f}, accuracy {trained['accuracy']:.2%}, "
            f"{trained['images_per_second']:.1f} images/s; validation video AUC "
            f"{measured['video']['auc']:.4f}, accuracy {measured['video']['accuracy']:.2%}"
            + (" (best, saved)" if is_best else ""),
            flush=True,
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


def test_best(run: Run, config: TrainConfig, loaders: dict, device, data_mark: str) -> None:
    """Touch the test set, once, with the epoch that validation chose; report it."""
    path = config.models / BEST_MODEL_NAME
    best = load_checkpoint(path)
    place(best.model, device)
    outcomes = {}
    for name in ("val", "test"):
        frames, numbers = evaluate(best.model, loaders[name], device, name.capitalize())
        outcomes[name] = Outcome(frames, numbers, best.temperature, best.threshold)
    test = outcomes["test"]
    console.heading("📊 TEST RESULTS")
    results = {"video": test.video_metrics, "frame": test.frame_metrics}
    for unit, result in results.items():
        print_results(f"TEST RESULTS BY {unit.upper()} (n = {result['n']:,})", result)
    folder = config.results / "training" / config.run_name
    report = {
        "version": 1,
        "config": {k: str(v) if isinstance(v, Path) else v for k, v in asdict(config).items()},
        "registry": data_mark,
        "device": describe_device(device),
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
        "best_epoch": best.training["epoch"],
        "calibration": best.metrics["calibration"],
        "history": run.history,
        "test": results | {"by_method": test.by_method},
    }
    from utils.report_training import write_training_report

    write_training_report(folder, report, outcomes, loaders["test"].dataset)
    console.good(f"Model: {shown(path)}, of epoch {best.training['epoch']}")
    console.good(f"Report: {shown(folder)}")


def run(config: TrainConfig) -> int:
    torch.manual_seed(config.seed)
    device = pick_device(config.device)
    splits, preprocessing, data_mark = load_data(config)
    check_not_unfinished(config)
    remove_leftovers(config.models)
    loaders = make_loaders(config, splits, preprocessing)
    console.heading("🚀 TRAINING")
    print(f"   Device: {describe_device(device)}")
    state = start_run(config, device)
    if config.resume:
        resume_run(state, config, preprocessing, data_mark)
        print(f"   Resumed after epoch {state.epoch}.")
    else:  # a finished run's state must not pass for this one's
        (config.models / LAST_MODEL_NAME).unlink(missing_ok=True)
    train(state, config, loaders, device, preprocessing, data_mark)
    test_best(state, config, loaders, device, data_mark)
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
    except torch.cuda.OutOfMemoryError:
        smaller = max(config.batch_size // 2, 1)
        console.error(f"the GPU is out of memory: try --batch-size {smaller}")
        return 1
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
