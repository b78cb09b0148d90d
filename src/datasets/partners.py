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


def partners_of(samples: list, videos: list[dict]) -> dict[int, np.ndarray]:
    """For every sample to be blended the numbers of real crops of other people alike in pose and
    skin. Raises CropError when crops have no landmarks."""
    tones = {
        f"{video['id']}/{frame['crop']}": frame.get("skin_lab")
        for video in videos
        for frame in video["frames"]
        if frame["crop"]
    }
    sources = [n for n, s in enumerate(samples) if s.label == REAL]
    if any(samples[n].landmarks_xy is None for n in sources):
        raise CropError(
            "blending needs the landmarks that YuNet finds, and some crops have none: run "
            "src/1_extract_frames.py with --detector yunet"
        )
    if len(sources) < 2:
        return {}
    points = np.stack([samples[n].landmarks_xy for n in sources])
    near = find_partners(points, np.array([tones[samples[n].name] for n in sources], np.float32))
    people = [set(video["identities"]) for video in videos]
    by_name = {}
    for number, neighbours in zip(sources, near, strict=True):
        own = people[samples[number].video]
        others = [n for n in (sources[i] for i in neighbours) if not own & people[samples[n].video]]
        by_name[samples[number].name] = np.array(others, np.int64)
    return {
        n: by_name[s.name] for n, s in enumerate(samples) if s.label == REAL or s.blend == "swap"
    }
