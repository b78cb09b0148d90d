"""What validation says of the model that is kept: scored as it is and made worse, and its marks."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from datasets.registry import source_of
from network.checkpoint import Checkpoint, load_checkpoint
from network.device import describe_device, pick_device, place
from network.distributed import Team
from scoring.calibration import Evidence, Outcome, calibrate, medians
from scoring.verdict import describe_marks
from training.epoch import ALONE, evaluate
from training.loaders import load_data, make_loaders, set_size, what_is_taught
from training.run import save_best
from training.saving import mean_of
from utils import console
from utils.config import BEST_MODEL_NAME, TrainConfig
from utils.console import Failure, shown


def score_split(
    best: Checkpoint, loader, device, label: str, team: Team = ALONE, worse: bool = False
) -> Outcome:
    """Of the best epoch, before any marks; worse: under one of HARMS. Every member of a team scores
    its part; its first alone knows the sharpness of each face, the median of its video's."""
    set_size(loader, best.preprocessing, best.preprocessing.image_size_px)
    dataset = loader.dataset
    dataset.worse = worse
    frames, numbers = evaluate(best.model, loader, device, label, team)
    sharpness = None
    if team.is_main:
        samples = console.progress(frames.samples, len(frames.samples), "Sharpness", "crops")
        sharpness = medians(np.array([dataset.sharpness(int(n)) for n in samples]), numbers)
    dataset.worse = False
    return Outcome(frames, numbers, sharpness=sharpness)


def score_validation(best: Checkpoint, loader, device, team: Team = ALONE) -> tuple:
    """Of validation as it is, and made worse."""
    clean = score_split(best, loader, device, "Validation", team)
    return clean, score_split(best, loader, device, "Validation made worse", team, worse=True)


def calibrate_best(config: TrainConfig, best: Checkpoint, scored: tuple, dataset) -> None:
    """Teach best what its scores weigh and from where they decide, say so, and save it."""
    clean, worse = scored
    videos = dataset.videos
    harms = [""] * len(videos)
    for index in worse.raw.samples:
        harms[dataset.samples[index].video] = dataset.harm(int(index))
    evidence = Evidence(
        np.concatenate([clean.raw.p_fake, worse.raw.p_fake]),
        np.concatenate([clean.sharpness, worse.sharpness]),
        np.concatenate([clean.numbers, worse.numbers + len(videos)]),
        np.array([video["label"] for video in videos] * 2),
        np.array([source_of(video) for video in videos] * 2),
        np.array([""] * len(videos) + harms),
    )
    marks = calibrate(evidence)
    best.metrics["calibration"] = asdict(marks)
    console.heading("⚖️ MARKS")
    for line in describe_marks(marks):
        print(f"   {line}")
    save_best(config, best)


def calibrate_again(config: TrainConfig) -> None:
    """Measure best_model.pth, or with --init what is to become it, on validation anew, the test set
    untouched. Raises Failure."""
    path, device = config.models / BEST_MODEL_NAME, pick_device(config.device)
    best = mean_of([Path(name) for name in config.init]) if config.init else load_checkpoint(path)
    if not config.splits.exists():
        raise Failure(f"{config.splits} not found: name those of its training with --splits")
    trained = best.training.get("config", {})
    shares = {name: trained.get(name, 0.0) for name in ("self_blend", "reconstructed")}
    config = replace(config, **shares, val_pictures=0)
    splits, preprocessing, data_mark = load_data(config)
    wanted = best.preprocessing
    if replace(preprocessing, image_size_px=wanted.image_size_px) != wanted:
        raise Failure(
            f"{config.frames_dir} was cut with other settings than {path} wants: extract anew"
        )
    if best.training.get("registry") != data_mark:
        name = " + ".join(config.init) or path
        console.warn(f"{shown(name)} was trained on other crops: see that it saw none of these")
    console.heading("📏 CALIBRATION")
    print(f"   Device: {describe_device(device)}")
    loader = make_loaders(config, {"val": splits["val"]}, preprocessing, ALONE)["val"]
    place(best.model, device)
    best.training |= what_is_taught(config, splits["train"])
    calibrate_best(config, best, score_validation(best, loader, device), loader.dataset)
    console.good(f"Model: {shown(path)}")
