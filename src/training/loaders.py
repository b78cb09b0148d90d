"""What a training run reads: the registry's records by split, and loaders over their crops."""

import os
import shutil
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader

from datasets.crops import FaceFrames, collate
from datasets.draws import watched
from datasets.partners import METHODS, with_blended_twins
from datasets.registry import load_registry, source_of
from datasets.sampling import EpochBatches
from datasets.splits import fingerprint, leaks_by_video, load_or_make_splits, shared_people
from network.distributed import Team
from pictures.transforms import Preprocessing, eval_transform
from utils import console
from utils.config import FAKE, LABEL_NAMES, TrainConfig

PREFETCH = 4  # batches a process
SHARED_MEMORY = Path("/dev/shm")
SHOWN_SOURCES = 12
SECONDS_TO_WAIT = 300  # for a batch: what a process could not share would never come


def load_data(config: TrainConfig) -> tuple[dict[str, list[dict]], Preprocessing, str]:
    """The registry's records by split, their preprocessing, and the registry's fingerprint."""
    registry = load_registry(config.frames_dir)
    videos = [v for v in registry["videos"] if any(frame["crop"] for frame in v["frames"])]
    needs_fakes = config.self_blend + config.reconstructed < 1
    splits = load_or_make_splits(
        config.splits, videos, config.seed, config.official_splits, needs_fakes
    )
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
    print_sources(splits)
    shared = shared_people(splits)
    if shared:
        console.warn(
            f"{shared:,} people are in two splits: the official lists of these data sets are not "
            "by person, so test figures flatter"
        )
    else:
        print("   No identity is in two splits.")
    leaked = leaks_by_video(videos, config.seed)
    print(f"   Split by video instead, {leaked:.0%} of the test videos would show people of train.")
    return splits, preprocessing, fingerprint(videos)


def counts_by_source(splits: dict[str, list[dict]]) -> dict[tuple[str, str], dict[str, int]]:
    """For each (source, 'real' or 'fake') the videos in each split, largest first."""
    counts = defaultdict(lambda: dict.fromkeys(splits, 0))
    for name, members in splits.items():
        for video in members:
            counts[source_of(video), LABEL_NAMES[video["label"]]][name] += 1
    return dict(sorted(counts.items(), key=lambda item: -sum(item[1].values())))


def what_is_taught(config: TrainConfig, videos: list[dict]) -> dict[str, list[str]]:
    """Names of the 'datasets' of training, and of the 'tools' by which the fakes that it shows are
    made: 'source method' of deepfakes, blends among them."""
    tools = {f"blended {method}" for method in METHODS} if config.self_blend else set()
    if config.self_blend + config.reconstructed < 1:
        tools |= {f"{source_of(v)} {v['method']}" for v in videos if v["label"] == FAKE}
    return {"datasets": sorted({v["dataset"] for v in videos}), "tools": sorted(tools)}


def print_sources(splits: dict[str, list[dict]]) -> None:
    """The largest sources; report.json has all."""
    counts = counts_by_source(splits)
    if len(counts) < 3:
        return
    for (source, label), by_split in list(counts.items())[:SHOWN_SOURCES]:
        parts = ", ".join(f"{count:,} {name}" for name, count in by_split.items())
        print(f"      {console.shown(source)}, {label}: {parts}")
    if (more := len(counts) - SHOWN_SOURCES) > 0:
        print(f"      and {more} more, in report.json")


def make_loaders(
    config: TrainConfig, splits: dict[str, list[dict]], preprocessing: Preprocessing, team: Team
) -> dict[str, DataLoader]:
    """A loader a split, and 'watch' for what an epoch is judged by. Validation and test get blended
    twins of their reals with --self-blend."""
    blends = config.self_blend > 0
    workers = workers_that_fit(config)
    _compute_alone()

    def loader(name: str, videos: list[dict]) -> DataLoader:
        is_training = name == "train"
        dataset = FaceFrames(config.frames_dir, videos, preprocessing, is_training, blends)
        if is_training:
            dataset.wide, dataset.moved = config.wide_blends, config.moved_parts
            if not config.reconstructed:
                dataset.copies = {}
            order = {"batch_sampler": EpochBatches(dataset, config, team.rank, team.size)}
        else:
            mine = range(team.rank, len(dataset), team.size)
            order = {"sampler": mine, "batch_size": max(1, config.batch_size // team.size)}
        return DataLoader(
            dataset,
            collate_fn=collate,
            num_workers=workers,
            timeout=SECONDS_TO_WAIT if workers else 0,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=_compute_alone,
            generator=torch.Generator(),  # or loading would draw from the weights' randomness
            persistent_workers=workers > 0 and is_training,
            prefetch_factor=PREFETCH if workers else None,
            **order,
        )

    shown = {
        name: with_blended_twins(videos) if blends and name != "train" else videos
        for name, videos in splits.items()
    }
    if config.val_pictures and "val" in splits:
        shown["watch"] = watched(splits["val"], config.val_pictures, blends)
    loaders = {name: loader(name, videos) for name, videos in shown.items()}
    if "val" in loaders:
        loaders.setdefault("watch", loaders["val"])
    return loaders


def workers_that_fit(config: TrainConfig) -> int:
    """--workers, or 0 where the shared memory, by which batches come from them, is too small."""
    side = max(config.image_size_px, config.start_size_px)
    batch = config.batch_size * 3 * side**2 * 4  # of the whole team, as float32
    needed = batch * (config.workers * PREFETCH + 1)
    if not config.workers or not SHARED_MEMORY.is_dir():
        return config.workers
    free = shutil.disk_usage(SHARED_MEMORY).free if os.access(SHARED_MEMORY, os.W_OK) else 0
    if free >= needed:
        return config.workers
    console.warn(
        f"{SHARED_MEMORY} has {free / 1e6:,.0f} MB free, {config.workers} loading processes need "
        f"{needed / 1e6:,.0f} MB: crops are loaded in this process instead, which is slower"
    )
    return 0


def _compute_alone(_=None) -> None:
    cv2.setNumThreads(1)  # the cores are the network's and the other processes'


def set_size(loader: DataLoader, preprocessing: Preprocessing, size_px: int) -> Preprocessing:
    """Let an evaluation loader give images of this size; returns the preprocessing that this is."""
    preprocessing = replace(preprocessing, image_size_px=size_px)
    loader.dataset.transform = eval_transform(preprocessing)
    return preprocessing


def class_weights(counts: np.ndarray) -> torch.Tensor:
    """Loss weights (2,) that make both classes count alike: n / (2 n_class)."""
    return torch.tensor(counts.sum() / (2 * np.maximum(counts, 1)), dtype=torch.float32)
