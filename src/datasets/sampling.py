"""What each training epoch shows, in which order: the 70/30 draw, balanced, cut into batches."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler

from utils.config import FAKE, REAL


class Draw(NamedTuple):
    """One crop of an epoch. size_px: side of the input; difficulty: of its blend, in [0, 1]."""

    index: int
    seed: int
    size_px: int
    difficulty: float


class EpochBatches(Sampler):
    """Each epoch all real training crops and a fresh draw of fakes, shuffled, in batches of Draws.

    With self_blend every real crop comes with its own blended fake, and so few real deepfakes are
    drawn that blends make up that share of all fakes. Every process of a team takes each rank-th
    draw of a batch, so that together they see each once. All follows from (seed, epoch);
    first_batch skips what was done before an interruption.
    """

    def __init__(self, dataset, config, rank: int = 0, team_size: int = 1):
        self.dataset, self.config = dataset, config
        self.rank, self.team_size = rank, team_size
        self.first_batch = 0
        self.set_epoch(0)

    def set_epoch(self, epoch: int, first_batch: int = 0) -> None:
        self.first_batch = first_batch
        config, samples = self.config, self.dataset.samples
        rng = np.random.default_rng([config.seed, epoch])
        drawn = draw_videos(self.dataset.videos, config.fake_share, config.self_blend, rng)
        chosen = np.zeros(len(self.dataset.videos), bool)
        chosen[drawn] = True
        indices = np.flatnonzero(chosen[[sample.video for sample in samples]])
        rng.shuffle(indices)
        seeds = rng.integers(0, 2**62, len(indices))
        size, difficulty = size_at(config, epoch), difficulty_at(config, epoch)
        draws = [
            Draw(int(index), int(seed), size, difficulty)
            for index, seed in zip(indices, seeds, strict=True)
        ]
        labels = [samples[draw.index].label for draw in draws]
        is_pair = [config.self_blend > 0 and label == REAL for label in labels]
        self.counts = np.bincount([*labels, *[FAKE] * sum(is_pair)], minlength=2)
        self.batches = _cut(draws, is_pair, config.batch_size, self.team_size)

    def __iter__(self) -> Iterator[list[Draw]]:
        for batch in self.batches[self.first_batch :]:
            yield batch[self.rank :: self.team_size]

    def __len__(self) -> int:
        return len(self.batches) - self.first_batch


def size_at(config, epoch: int) -> int:
    """Side of the network's input: small images first are the cheaper way to the same end."""
    is_early = config.start_size_px and epoch < round(0.75 * config.epochs)
    return config.start_size_px if is_early else config.image_size_px


def difficulty_at(config, epoch: int) -> float:
    """Difficulty of blends: rises from 0 to 1 over the curriculum's share of the epochs."""
    steps = config.curriculum * config.epochs
    return min(1.0, epoch / steps) if steps else 1.0


def _cut(draws: list, is_pair: list[bool], batch_size: int, team_size: int) -> list[list]:
    """Batches of about batch_size crops, a pair being two; too small a rest joins the last."""
    batches, batch, crops = [], [], 0
    for draw, pair in zip(draws, is_pair, strict=True):
        batch.append(draw)
        crops += 1 + pair
        if crops >= batch_size and len(batch) >= team_size:
            batches.append(batch)
            batch, crops = [], 0
    if batches and (len(batch) < team_size or crops == 1):  # batch normalisation needs two
        batches[-1] += batch
    elif batch:
        batches.append(batch)
    return batches


def draw_videos(
    videos: list[dict], fake_share: float, self_blend: float, rng: np.random.Generator
) -> list[int]:
    """Numbers of all real videos and of the fakes drawn for one epoch, without repetition.

    Without self_blend so many fakes that fake_share of the videos are fake; with it, reals times
    (1 - self_blend) / self_blend. Data sets get equal parts, and methods within them, as far as
    they have videos. Where fakes are too few, all are taken; the loss weights make up for it.
    """
    real = [number for number, video in enumerate(videos) if video["label"] == REAL]
    groups = defaultdict(lambda: defaultdict(list))
    for number, video in enumerate(videos):
        if video["label"] == FAKE:
            groups[video["dataset"]][video["method"]].append(number)
    share = (1 - self_blend) / self_blend if self_blend else fake_share / (1 - fake_share)
    wanted = round(len(real) * share)
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
