"""Identity-disjoint train, validation and test splits."""

import hashlib
import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from datasets.registry import source_of
from utils import console
from utils.config import FAKE, LABEL_NAMES, REAL
from utils.console import Failure
from utils.files import write_json

VERSION = 2  # 2: official lists
QUOTAS = {"train": 0.70, "val": 0.15, "test": 0.15}
SHOWN_KINDS = 5


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


def make_splits(
    videos: list[dict], seed: int, official: bool = False, needs_fakes: bool = True
) -> dict[str, list[str]]:
    """Video ids of train, val and test, 70/15/15 of each kind of video, nobody in two of them.

    A kind is a source and a label. Whole components of shared identity, largest first, each go to
    the split in which their kinds are furthest below their share, so that a large one of one source
    takes nothing from the others. The seed decides among components of one size.

    With official, a video goes where its data set's own list puts it, though that list may divide
    people; what it leaves open does not: a component with people whom a list has placed goes to
    them. Where a list has no validation part, that is taken from its training part. Raises
    Failure where a split would lack a class; without needs_fakes real videos alone will do.
    """
    splits: dict[str, list[dict]] = {name: [] for name in QUOTAS}
    rest = videos
    if official:
        splits, rest = _obey_lists(videos)
    homes = _homes(splits)
    totals = Counter(map(_kind, videos))
    placed = {name: Counter(map(_kind, members)) for name, members in splits.items()}
    components = connected_components(rest)
    np.random.default_rng(seed).shuffle(components)
    components.sort(key=len, reverse=True)
    for component in components:
        names = _allowed(component, homes, official)
        kinds = Counter(map(_kind, component))
        fills = {name: _fill(kinds, placed[name], totals) / QUOTAS[name] for name in names}
        name = min(names, key=lambda n: (round(fills[n], 9), -QUOTAS[n], len(splits[n])))
        splits[name] += component
        placed[name] += kinds
    wanted = {REAL, FAKE} if needs_fakes else {REAL}
    for name, members in splits.items():
        if not wanted <= {video["label"] for video in members}:
            raise Failure(
                f"the {name} split would lack real or fake videos: too few groups of people "
                f"({len(components)}, in {len(videos)} videos); extract more videos of other people"
            )
    return {name: sorted(video["id"] for video in members) for name, members in splits.items()}


def _kind(video: dict) -> tuple[str, int]:
    return source_of(video), video["label"]


def _fill(kinds: Counter, placed: Counter, totals: Counter) -> float:
    """The mean over videos of these kinds of the share of each kind that is placed."""
    return sum(n * placed[kind] / totals[kind] for kind, n in kinds.items()) / kinds.total()


def _allowed(component: list[dict], homes: dict[str, set[str]], official: bool) -> list[str]:
    """The splits that a component may go to, whose people are in homes by a list."""
    at_home = {name for video in component for p in video["identities"] for name in homes[p]}
    if official and any(video["official_split"] for video in component):
        # Of the training part of a list without a validation part; its test part may show the same
        # people, and then it is the list that divides them.
        if "val" in at_home and "train" not in at_home:
            return ["val"]
        return ["train"] if at_home else ["train", "val"]
    return [name for name in QUOTAS if not at_home or name in at_home]


def _homes(splits: dict[str, list[dict]]) -> dict[str, set[str]]:
    """The splits in which each person is already."""
    homes = defaultdict(set)
    for name, members in splits.items():
        for video in members:
            for person in video["identities"]:
                homes[person].add(name)
    return homes


def _obey_lists(videos: list[dict]) -> tuple[dict[str, list[dict]], list[dict]]:
    """The videos that the data sets' own lists place, by split, and the others."""
    with_val = {v["dataset"] for v in videos if v["official_split"] == "val"}
    splits: dict[str, list[dict]] = {name: [] for name in QUOTAS}
    rest = []
    for video in videos:
        name = video["official_split"]
        if name in ("val", "test") or (name == "train" and video["dataset"] in with_val):
            splits[name].append(video)
        else:
            rest.append(video)
    if len(rest) == len(videos):
        raise Failure(
            "no data set here has a list of its own: put List_of_testing_videos.txt, or "
            "train.json, val.json and test.json, beside its videos and run "
            "src/1_extract_frames.py again, or give faces.csv a column split"
        )
    return splits, rest


def lacking(splits: dict[str, list[dict]]) -> list[str]:
    """Which kinds of videos val or test lacks, with how many groups of people they have, the
    largest first."""
    parts = {name: Counter(map(_kind, members)) for name, members in splits.items()}
    totals = sum(parts.values(), Counter())
    groups = Counter(
        kind
        for component in connected_components([v for part in splits.values() for v in part])
        for kind in set(map(_kind, component))
    )
    texts = []
    for (source, label), _ in totals.most_common():
        absent = [name for name in ("val", "test") if not parts[name][source, label]]
        if absent:
            count = groups[source, label]
            people = "1 group" if count == 1 else f"{count:,} groups"
            where = " and ".join(absent)
            texts.append(f"{source} {LABEL_NAMES[label]} in {where} ({people} of people)")
    return texts


def shared_people(splits: dict[str, list[dict]]) -> int:
    """How many people are in two splits or more."""
    people = [{p for video in members for p in video["identities"]} for members in splits.values()]
    return sum(map(len, people)) - len(set.union(*people))


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


def load_or_make_splits(
    path: Path,
    videos: list[dict],
    seed: int,
    official: bool | None = False,
    needs_fakes: bool = True,
) -> dict[str, list[dict]]:
    """The splits in path, made there when absent, as lists of registry records.

    With official None the file may obey official lists or not. Raises Failure when it is
    unreadable, or made for another registry or in another way.
    """
    mark, by_id = fingerprint(videos), {video["id"]: video for video in videos}
    is_new = not path.exists()
    if is_new:
        content = {"version": VERSION, "seed": seed, "official": official, "registry": mark}
        content["splits"] = make_splits(videos, seed, official, needs_fakes)
        write_json(path, content, indent=1)
    try:
        stored = json.loads(path.read_bytes())
        if (stored["version"], stored["registry"]) != (VERSION, mark):
            raise Failure(
                f"{path} was made for another registry: delete it to split anew (models trained "
                "on the old splits may have seen the new test people)"
            )
        if official not in (None, stored["official"]):
            flag = "--official-splits" if stored["official"] else "--no-official-splits"
            raise Failure(f"{path} was made with {flag}: use it again, or delete the file")
        ids = stored["splits"]
        splits = {name: [by_id[video_id] for video_id in ids[name]] for name in QUOTAS}
    except (ValueError, KeyError, TypeError) as error:
        raise Failure(f"{path} is damaged: delete it to split anew") from error
    if official is False and shared_people(splits):
        raise Failure(f"{path} has a person in two splits: delete it to split anew")
    texts = lacking(splits) if is_new else []
    if texts:
        more = [f"{len(texts) - SHOWN_KINDS:,} more"] if len(texts) > SHOWN_KINDS else []
        console.warn(f"no videos of {', '.join(texts[:SHOWN_KINDS] + more)}")
    return splits
