"""In which order an epoch is shown: units of draws, shuffled and cut into batches."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler

from datasets.draws import PLAIN, draw_epoch
from utils.config import FAKE


class Draw(NamedTuple):
    """One crop of an epoch. size_px: side of the input; difficulty: of its blend, in [0, 1]; use:
    as it is, or with the fake that is made of it, as in draws.Shown."""

    index: int
    seed: int
    size_px: int
    difficulty: float
    use: str = PLAIN


class EpochBatches(Sampler):
    """Each epoch the units of draws.draw_epoch, shuffled, in batches of Draws.

    Units stay together, and their crops share a seed. Every process of a team takes each rank-th
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
        units = draw_epoch(self.dataset, config, rng)
        rng.shuffle(units)
        seeds = rng.integers(0, 2**62, len(units))
        size, difficulty = size_at(config, epoch), difficulty_at(config, epoch)
        drawn = [
            [Draw(shown.index, int(seed), size, difficulty, shown.use) for shown in unit]
            for unit, seed in zip(units, seeds, strict=True)
        ]
        labels = [samples[draw.index].label for unit in drawn for draw in unit]
        made = sum(draw.use != PLAIN for unit in drawn for draw in unit)
        self.counts = np.bincount([*labels, *[FAKE] * made], minlength=2)
        self.batches = _cut(drawn, config.batch_size, self.team_size)

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


def _cut(units: list[list[Draw]], batch_size: int, team_size: int) -> list[list[Draw]]:
    """Batches of about batch_size crops, a draw with a made fake being two; too small a rest joins
    the last."""
    batches, batch, crops = [], [], 0
    for unit in units:
        batch += unit
        crops += sum(1 + (draw.use != PLAIN) for draw in unit)
        if crops >= batch_size and len(batch) >= team_size:
            batches.append(batch)
            batch, crops = [], 0
    if batches and (len(batch) < team_size or crops == 1):  # batch normalisation needs two
        batches[-1] += batch
    elif batch:
        batches.append(batch)
    return batches
