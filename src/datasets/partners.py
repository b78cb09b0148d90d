"""Who goes with whom: fakes and their own footage, reals and their twins, faces to be swapped."""

from pathlib import PurePosixPath

import numpy as np

from datasets.catalog import original_name
from datasets.registry import CropError, source_of
from pictures.blending import find_partners
from utils.config import FAKE, REAL

METHODS = ("self-blend", "swap")  # of evaluation's blended twins


def pair_of(record: dict) -> str | None:
    """What a deepfake shares with the real footage it was made from, by its table or by the names
    of its data set; None where nobody knows."""
    if record.get("pair"):
        return f"{source_of(record)}:{record['pair']}"
    stem = PurePosixPath(record["id"]).stem
    name = original_name(record["dataset"], stem) if record["label"] == FAKE else stem
    return f"{record['dataset']}:{name}" if name else None


def with_blended_twins(videos: list[dict], methods: tuple[str, ...] = METHODS) -> list[dict]:
    """The videos, and behind them for each real one its fakes: its self-blend, and its swap."""
    facts = {"label": FAKE, "dataset": "blended", "source": None, "pair": None}
    twins = [
        video | facts | {"method": method}
        for method in methods
        for video in videos
        if video["label"] == REAL
    ]
    return videos + twins


def partners_of(samples: list, videos: list[dict]) -> dict[str, np.ndarray]:
    """By the name of each real crop the numbers of those of other people alike in pose and skin.

    samples: datasets.crops.Sample. Raises CropError when crops have no landmarks.
    """
    numbers = [n for n, sample in enumerate(samples) if sample.label == REAL]
    reals = [samples[n] for n in numbers]
    if any(real.landmarks_xy is None for real in reals):
        raise CropError(
            "blending needs the landmarks that YuNet finds, and some crops have none: run "
            "src/1_extract_frames.py with --detector yunet"
        )
    if len(reals) < 2:
        return {}
    points = np.stack([real.landmarks_xy for real in reals])
    alike = find_partners(points, np.array([real.skin_lab for real in reals], np.float32))
    people = [set(videos[real.video]["identities"]) for real in reals]
    return {
        real.name: np.array([numbers[i] for i in near if own.isdisjoint(people[i])], np.int64)
        for real, own, near in zip(reals, people, alike, strict=True)
    }
