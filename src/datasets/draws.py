"""What an epoch shows and how often: the 70/30 draw, or reals by source with fakes made of them."""

import zlib
from collections import defaultdict
from typing import NamedTuple

import numpy as np

from datasets.partners import METHODS, pair_of, with_blended_twins
from datasets.registry import source_of
from utils.config import FAKE, REAL

PLAIN, BLEND, RECONSTRUCTION = "plain", "blend", "reconstruction"  # how a shown crop is used


class Shown(NamedTuple):
    """A sample by its number, and how it is used: as it is, or with a fake that is made of it."""

    index: int
    use: str = PLAIN


def draw_videos(videos: list[dict], fake_share: float, rng: np.random.Generator) -> list[int]:
    """Numbers of all real videos and of the fakes drawn for one epoch, without repetition.

    So many fakes that fake_share of the videos are fake. Data sets get equal parts, and methods
    within them, as far as they have videos. Where fakes are too few, all are taken; the loss
    weights make up for it.
    """
    real = [number for number, video in enumerate(videos) if video["label"] == REAL]
    groups = defaultdict(lambda: defaultdict(list))
    for number, video in enumerate(videos):
        if video["label"] == FAKE:
            groups[video["dataset"]][video["method"]].append(number)
    wanted = round(len(real) * fake_share / (1 - fake_share))
    fakes = []
    by_dataset = fair_parts(
        [sum(map(len, methods.values())) for methods in groups.values()], wanted
    )
    for methods, part in zip(groups.values(), by_dataset, strict=True):
        by_method = fair_parts([len(members) for members in methods.values()], part)
        for members, count in zip(methods.values(), by_method, strict=True):
            fakes += [members[i] for i in sorted(rng.choice(len(members), count, replace=False))]
    return real + fakes


def fair_parts(sizes: list[int], wanted: int) -> list[int]:
    """Parts of wanted, as equal as sizes allow: the small give all, the large share the rest."""
    parts = [0] * len(sizes)
    order = sorted(range(len(sizes)), key=lambda i: sizes[i])
    left = min(wanted, sum(sizes))
    for place, i in enumerate(order):
        parts[i] = min(sizes[i], -(-left // (len(order) - place)))
        left -= parts[i]
    return parts


def watched(videos: list[dict], pictures: int, blends: bool, frames: int = 3) -> list[dict]:
    """What an epoch is judged by: so many frames of all videos, and so many single pictures, the
    sources having equal parts as far as they have pictures; with blends a twin of each picture.
    Always the same ones."""
    alone, kept = defaultdict(list), []
    for video in videos:
        if video["label"] == REAL and len(video["frames"]) == 1:
            alone[source_of(video)].append(video)
        else:
            step = max(1, len(video["frames"]) // frames)
            kept.append(video | {"frames": video["frames"][::step][:frames]})
    parts = fair_parts([len(members) for members in alone.values()], pictures)
    for members, part in zip(alone.values(), parts, strict=True):
        members.sort(key=lambda video: zlib.crc32(video["id"].encode()))
        for number, video in enumerate(members[:part]):
            kept += with_blended_twins([video], (METHODS[number % 2],)) if blends else [video]
    return kept


def draw_epoch(dataset, config, rng: np.random.Generator) -> list[list[Shown]]:
    """Units of an epoch, each to be shown together under the same augmentation.

    Without made fakes every crop of draw_videos is a unit. With them a unit is a real crop and the
    fake made of it, or a deepfake's crop and one of the footage it was made from, or, for the share
    config.unpaired of the deepfakes, its crop alone. config.self_blend and config.reconstructed are
    the shares of all fakes that are blended and reconstructed, the rest are deepfakes.
    """
    if not config.self_blend + config.reconstructed:
        chosen = np.zeros(len(dataset.videos), bool)
        chosen[draw_videos(dataset.videos, config.fake_share, rng)] = True
        videos = np.array([sample.video for sample in dataset.samples])
        return [[Shown(int(index))] for index in np.flatnonzero(chosen[videos])]
    return FairEpoch(dataset, config, rng).units()


class FairEpoch:
    """Draws one epoch in which sources of reals and tools of fakes have their fair parts."""

    def __init__(self, dataset, config, rng: np.random.Generator):
        self.config, self.rng, self.dataset = config, rng, dataset
        self.crops: dict[int, list[int]] = defaultdict(list)  # of each video
        self.copied: dict[int, list[int]] = defaultdict(list)  # those with copies
        for index, sample in enumerate(dataset.samples):
            self.crops[sample.video].append(index)
            if config.reconstructed and sample.name in dataset.copies:
                self.copied[sample.video].append(index)
        self.reals = {n: c for n, c in self.crops.items() if dataset.videos[n]["label"] == REAL}
        self.own_reals: dict[str, list[int]] = defaultdict(list)  # by pair
        for number in self.reals:
            if pair := pair_of(dataset.videos[number]):
                self.own_reals[pair].append(number)

    def units(self) -> list[list[Shown]]:
        config = self.config
        made = config.self_blend + config.reconstructed
        deepfakes = max(0.0, 1 - made)
        fakes = sum(map(self._slots, self.reals.values())) / made  # each real once
        if config.epoch_crops:
            fakes = config.epoch_crops / (2 - deepfakes * config.unpaired)
        units = self._made(self.reals, BLEND, fakes * config.self_blend)
        if config.reconstructed:
            units += self._made(self.copied, RECONSTRUCTION, fakes * config.reconstructed)
        paired = {n: self._pair(n) for n in self.crops if self._pair(n)}
        alone = [
            n for n in self.crops if self.dataset.videos[n]["label"] == FAKE and n not in paired
        ]
        for number, crop in self._tools(list(paired), fakes * deepfakes * (1 - config.unpaired)):
            units.append([Shown(crop), Shown(self._beside(number, crop, paired[number]))])
        units += [
            [Shown(crop)] for _, crop in self._tools(alone, fakes * deepfakes * config.unpaired)
        ]
        return units

    def _slots(self, crops: list[int]) -> int:
        return min(len(crops), self.config.frames_shown or len(crops))

    def _pair(self, number: int) -> list[int]:
        """The videos of a fake's own real footage."""
        video = self.dataset.videos[number]
        return self.own_reals.get(pair_of(video), []) if video["label"] == FAKE else []

    def _made(self, crops: dict[int, list[int]], use: str, wanted: float) -> list[list[Shown]]:
        """Crops of real videos by source, each to be shown with the fake that is made of it."""
        config, average = self.config, wanted / max(1, sum(map(self._slots, crops.values())))
        least, most = config.least_shown * average, config.most_shown * average
        power = config.source_power if config.epoch_crops else 1.0
        drawn = self._draw(crops, source_of, wanted, power, least, most)
        return [[Shown(crop, use)] for _, crop in drawn]

    def _tools(self, members: list[int], wanted: float) -> list[tuple[int, int]]:
        """Deepfakes in equal parts of tools."""
        most = self.config.tool_repeats
        crops = {number: self.crops[number] for number in members}
        return self._draw(crops, lambda video: video["method"], wanted, 0.0, 0.0, most)

    def _draw(
        self, crops_of: dict, name_of, wanted: float, power: float, least: float, most: float
    ) -> list[tuple[int, int]]:
        """(video, crop) of about so many showings, the parts of groups as times_shown has it."""
        groups = defaultdict(list)
        for number, crops in crops_of.items():
            groups[name_of(self.dataset.videos[number])] += [number] * self._slots(crops)
        times = times_shown([len(slots) for slots in groups.values()], wanted, power, least, most)
        drawn: list[int] = []
        for slots, often in zip(groups.values(), times, strict=True):
            whole, rest = divmod(often, 1)
            extra = int(rest * len(slots) + self.rng.uniform())
            drawn += slots * int(whole)
            drawn += [slots[i] for i in self.rng.choice(len(slots), extra, replace=False)]
        left: dict[int, list[int]] = {}
        found = []
        for number in drawn:
            if not left.get(number):
                left[number] = self.rng.permutation(crops_of[number]).tolist()
            found.append((number, left[number].pop()))
        return found

    def _beside(self, number: int, crop: int, reals: list[int]) -> int:
        """The crop of a fake's own footage at the same place in time, as far as its frames go."""
        own = self.crops[reals[self.rng.integers(len(reals))]]
        place, count = self.crops[number].index(crop), len(self.crops[number])
        return own[place * len(own) // count]


def times_shown(
    sizes: list[int], wanted: float, power: float, least: float, most: float
) -> np.ndarray:
    """How often an epoch shows each picture of groups of these sizes, so that it shows wanted in
    all, and each group a part that goes with its size to the power: 1 as large as it is, 0 alike.

    No picture less often than least nor more often than most, as far as wanted allows: with too
    few wanted for that all are shown alike, with too many all are shown most.
    """
    sizes = np.asarray(sizes, float)
    if not sizes.sum() or wanted <= 0:
        return np.zeros(len(sizes))
    if wanted <= least * sizes.sum():
        return np.full(len(sizes), wanted / sizes.sum())
    if wanted >= most * sizes.sum():
        return np.full(len(sizes), float(most))
    weights = sizes ** (power - 1)
    low, high = 0.0, most / weights.min()
    for _ in range(60):
        middle = (low + high) / 2
        shown = (np.clip(middle * weights, least, most) * sizes).sum()
        low, high = (middle, high) if shown < wanted else (low, middle)
    return np.clip(high * weights, least, most)
