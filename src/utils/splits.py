"""Identity-disjoint train, validation and test splits, and the 70/30 draw for training."""

import hashlib
import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from utils.config import FAKE, REAL
from utils.files import write_json

VERSION = 1
QUOTAS = {"train": 0.70, "val": 0.15, "test": 0.15}


class SplitError(Exception):
    """Splits that cannot be made or used; the message says why and what to do."""


def connected_components(videos: list[dict]) -> list[list[dict]]:
    """Group registry records so that no identity occurs in two groups (union-find)."""
    parent: dict[str, str] = {}

    def root_of(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for video in videos:
        first, *others = video["identities"]
        for other in others:
            parent[root_of(other)] = root_of(first)
    groups = defaultdict(list)
    for video in videos:
        groups[root_of(video["identities"][0])].append(video)
    return list(groups.values())


def make_splits(videos: list[dict], seed: int) -> dict[str, list[str]]:
    """Video ids of train, val and test, 70/15/15 by videos, no identity in two of them.

    Whole components of shared identity, largest first, each go to the split furthest below its
    quota. The seed decides among components of one size. Raises SplitError where a split would
    lack a class.
    """
    components = connected_components(videos)
    np.random.default_rng(seed).shuffle(components)
    components.sort(key=len, reverse=True)
    splits: dict[str, list[dict]] = {name: [] for name in QUOTAS}
    for component in components:
        name = max(QUOTAS, key=lambda n: QUOTAS[n] * len(videos) - len(splits[n]))
        splits[name] += component
    for name, members in splits.items():
        if {video["label"] for video in members} != {REAL, FAKE}:
            raise SplitError(
                f"the {name} split would lack real or fake videos: too few groups of people "
                f"({len(components)}, in {len(videos)} videos); extract more videos of other people"
            )
    return {name: sorted(video["id"] for video in members) for name, members in splits.items()}


def leaks_by_video(videos: list[dict], seed: int) -> float:
    """Share of test videos with a person also in train, had single videos been split at random."""
    order = np.random.default_rng(seed).permutation(len(videos))
    cut = round(QUOTAS["train"] * len(videos))
    end = round((QUOTAS["train"] + QUOTAS["val"]) * len(videos))
    known = {name for i in order[:cut] for name in videos[i]["identities"]}
    test = [videos[i] for i in order[end:]]
    return sum(not known.isdisjoint(video["identities"]) for video in test) / max(1, len(test))


def fingerprint(videos: list[dict]) -> str:
    """A digest of what splits depend on: ids, labels and identities."""
    rows = sorted([video["id"], video["label"], video["identities"]] for video in videos)
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def load_or_make_splits(path: Path, videos: list[dict], seed: int) -> dict[str, list[dict]]:
    """The splits in path, made there when absent, as lists of registry records.

    Raises SplitError when the file is unreadable or was made for another registry.
    """
    mark = fingerprint(videos)
    if path.exists():
        try:
            stored = json.loads(path.read_bytes())
            is_current = stored["version"] == VERSION and stored["registry"] == mark
            ids = stored["splits"]
        except (ValueError, KeyError, TypeError) as error:
            raise SplitError(f"{path} is damaged: delete it to split anew") from error
        if not is_current:
            raise SplitError(
                f"{path} was made for another registry: delete it to split anew (models trained "
                "on the old splits may have seen the new test people)"
            )
    else:
        ids = make_splits(videos, seed)
        content = {"version": VERSION, "seed": seed, "registry": mark, "splits": ids}
        write_json(path, content, indent=1)
    by_id = {video["id"]: video for video in videos}
    try:
        splits = {name: [by_id[video_id] for video_id in ids[name]] for name in QUOTAS}
    except (KeyError, TypeError) as error:
        raise SplitError(f"{path} is damaged: delete it to split anew") from error
    people = [{p for video in members for p in video["identities"]} for members in splits.values()]
    if sum(map(len, people)) != len(set.union(*people)):
        raise SplitError(f"{path} has a person in two splits: delete it to split anew")
    return splits


def draw_training_videos(
    videos: list[dict], fake_share: float, rng: np.random.Generator
) -> list[dict]:
    """All real videos and so many fakes, drawn without repetition, that fake_share are fake.

    fake_share lies between 0 and 1, both excluded. Where fakes are too few, all of them are
    taken; the loss weights make up for the rest.
    """
    real = [video for video in videos if video["label"] == REAL]
    fake = [video for video in videos if video["label"] == FAKE]
    wanted = round(len(real) * fake_share / (1 - fake_share))
    if wanted < len(fake):
        fake = [fake[i] for i in sorted(rng.choice(len(fake), wanted, replace=False))]
    return real + fake
