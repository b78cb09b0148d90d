"""What one change of training gives: `python tests/levers.py LEVER... --frames-dir DIR`.

From the same first weights each lever trains on the same crops in the same order, once, with one
thing changed. It is judged, as are the first weights, on the same blends of people held out for
validation, as they are and made worse. Its checkpoint stays in OUTPUT/LEVER/best_model.pth, for
4_evaluate_model.py; a lever that has one is only judged again. Five minutes each on two cores.
"""

import argparse
import contextlib
import sys
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

import cv2
import numpy as np
import torch

from network.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from network.device import describe_device, keep_freed_memory, pick_device, place
from network.distributed import Team
from pictures.augment import augment
from pictures.masks import FAMILIES
from scoring.metrics import by_video, metrics
from training.epoch import evaluate, train_one_epoch
from training.loaders import class_weights, load_data, make_loaders, set_size
from training.run import start_run
from utils.config import BEST_MODEL_NAME, MODELS_DIR, PRECISIONS, PRESETS, SPLITS_FILE, TrainConfig

FACE_SHARE = (0.01, 0.08)  # of a whole frame's pixels


def squashed(image: np.ndarray, size_px: int, rng: np.random.Generator) -> np.ndarray:
    """As augment, but what a whole frame squashed to size_px would show: the crop, small, on a
    blurred copy of itself, for these pictures have no surroundings of their own."""
    side = round(size_px * (2 * rng.uniform(*FACE_SHARE)) ** 0.5)  # a crop is about two faces
    small = cv2.resize(augment(image, size_px, rng), (side, side), interpolation=cv2.INTER_AREA)
    frame = cv2.GaussianBlur(cv2.resize(image, (size_px, size_px)), (0, 0), size_px / 25)
    y, x = rng.integers(0, size_px - side + 1, 2)
    frame[y : y + side, x : x + side] = small
    return frame


LARGE = {name: FAMILIES[name] for name in ("full", "forehead", "inner")}
# Constants of the rooms by module and name, or settings by name, that a lever changes.
LEVERS = {
    "control": {},
    "more-crops": {"every": 1},
    "fewer-swaps": {"datasets.crops.SWAP_SHARE": 0.3},
    "large-masks": {"pictures.masks.FAMILIES": LARGE},
    "no-low-ratios": {"pictures.blending.RATIOS": (0.5, 0.75, 1.0, 1.0, 1.0)},
    "more-bad-video": {
        "pictures.augment.DEGRADE_BEFORE": 0.5,
        "pictures.augment.DEGRADE_AFTER": 0.35,
    },
    "larger-images": {"image_size_px": 252},
    "no-average": {"ema": 0.0},
    "lower-rate": {"learning_rate": 5e-5},
    # The reference's way; to be judged by 4_evaluate_model.py's "whole frame squashed".
    "whole-frames": {"pictures.transforms.augment": squashed, "every": 1},
}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("levers", nargs="+", choices=LEVERS)
    parser.add_argument("--frames-dir", type=Path, required=True, help="crops of real faces")
    parser.add_argument("--splits", type=Path, default=SPLITS_FILE)
    parser.add_argument("--init", type=Path, default=MODELS_DIR / BEST_MODEL_NAME)
    parser.add_argument("--output", type=Path, default=ROOT / "analysis_results" / "levers")
    parser.add_argument("--every", type=int, default=3, help="train on one in so many people")
    parser.add_argument("--learning-rate", type=float, default=1.5e-4)
    parser.add_argument("--precision", default="auto", choices=PRECISIONS)
    return parser.parse_args()


def train(config: TrainConfig, constants: dict, every: int, device) -> None:
    """One epoch, and the checkpoint of it."""
    torch.manual_seed(config.seed)
    splits, preprocessing, mark = load_data(config)
    splits = {"train": splits["train"][::every]}
    loaders = make_loaders(config, splits, preprocessing, Team())
    run = start_run(config, device)
    run.frozen_norm = True
    weights = class_weights(loaders["train"].batch_sampler.counts)
    with contextlib.ExitStack() as stack:  # only while it trains: all are judged alike
        for name, value in constants.items():
            stack.enter_context(mock.patch(name, value))
        trained = train_one_epoch(run, run.model, loaders["train"], weights, lambda: None)
    config.models.mkdir(parents=True, exist_ok=True)
    about = {"config": {"self_blend": config.self_blend}, "registry": mark, "datasets": ["blended"]}
    best = Checkpoint(run.judged_model, preprocessing, training=about)
    save_checkpoint(config.models / BEST_MODEL_NAME, best, half=True)
    print(f"   loss {trained['loss']:.4f}, {trained['images_per_second']:.1f} images/s")


def judge(config: TrainConfig, path: Path, device) -> dict[str, float]:
    """AUC of a checkpoint on validation's blends, as they are and made worse."""
    best = load_checkpoint(path)
    place(best.model, device)
    splits, preprocessing, _ = load_data(config)
    loader = make_loaders(config, {"val": splits["val"]}, preprocessing, Team())["val"]
    set_size(loader, best.preprocessing, best.preprocessing.image_size_px)
    found = {}
    for name, worse in (("clean", False), ("made worse", True)):
        loader.dataset.worse = worse
        frames, numbers = evaluate(best.model, loader, device, name, Team())
        found[name] = metrics(by_video(frames, numbers), 0.5)["auc"]
    return found


def main() -> None:
    args = parse_args()
    device = pick_device("auto")
    if device.type == "cpu":
        keep_freed_memory()
    settings = PRESETS["blend"] | {
        "image_size_px": 224,
        "curriculum": 0.0,
        "batch_norm": 0.0,
        "epochs": 1,
        "workers": 0,
        "frames_dir": args.frames_dir,
        "splits": args.splits,
        "init": str(args.init),
        "learning_rate": args.learning_rate,
        "precision": args.precision,
    }
    print(f"   {describe_device(device)}")
    print("| lever | blends, AUC | made worse |\n|---|---|---|")
    print_row("first weights", judge(TrainConfig(**settings), args.init, device))
    for name in args.levers:
        constants = {key: value for key, value in LEVERS[name].items() if "." in key}
        own = {key: value for key, value in LEVERS[name].items() if "." not in key}
        every = own.pop("every", args.every)
        config = TrainConfig(**settings | own | {"models": args.output / name})
        path = config.models / BEST_MODEL_NAME
        if not path.exists():
            train(config, constants, every, device)
        print_row(name, judge(config, path, device))


def print_row(name: str, aucs: dict[str, float]) -> None:
    print(f"| {name} | " + " | ".join(f"{auc:.4f}" for auc in aucs.values()) + " |", flush=True)


if __name__ == "__main__":
    main()
