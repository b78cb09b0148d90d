"""What training sees: the 70/30 draw, its balance, pairs, batches and their division."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from datasets.draws import draw_videos, fair_parts
from datasets.sampling import EpochBatches, difficulty_at, size_at
from utils.config import FAKE, REAL, TrainConfig

CONFIG = TrainConfig()


class Crops:
    """What EpochBatches needs of a data set: videos, and two samples of each."""

    def __init__(self, n_real: int, fakes: dict[tuple[str, str], int]):
        kinds = [(REAL, "d", "original")] * n_real
        kinds += [(FAKE, *name) for name, count in fakes.items() for _ in range(count)]
        self.videos = [
            {"id": f"v{n}", "label": k[0], "dataset": k[1], "method": k[2]}
            for n, k in enumerate(kinds)
        ]
        self.samples = [
            type("S", (), {"label": video["label"], "video": n})
            for n, video in enumerate(self.videos)
            for _ in range(2)
        ]

    def labels_of(self, batches) -> list[int]:
        return [self.samples[draw.index].label for batch in batches for draw in batch]


def test_an_epoch_is_seventy_thirty_with_fresh_fakes_and_all_reals():
    crops = Crops(30, {("d", "m"): 300})
    order = EpochBatches(crops, CONFIG)
    epochs = []
    for epoch in range(3):
        order.set_epoch(epoch)
        draws = [draw for batch in order for draw in batch]
        indices = [draw.index for draw in draws]
        assert len(indices) == len(set(indices)) and len(order) == -(-200 // 24)
        assert len({draw.seed for draw in draws}) == 200
        assert Counter(crops.labels_of(order)) == {REAL: 60, FAKE: 140}
        assert order.counts.tolist() == [60, 140]
        epochs.append(indices)
    assert set(epochs[0]) != set(epochs[1])
    reals = [[i for i in indices if i < 60] for indices in epochs]
    assert set(reals[0]) == set(reals[1]) == set(range(60)) and reals[0] != reals[1]


def test_the_order_follows_from_seed_and_epoch_and_goes_on_where_it_stopped():
    crops = Crops(10, {("d", "m"): 50})
    one, same, other = (list(EpochBatches(crops, replace(CONFIG, seed=s))) for s in (1, 1, 2))
    assert one == same != other
    order = EpochBatches(crops, replace(CONFIG, seed=1))
    order.set_epoch(0, first_batch=2)
    assert list(order) == one[2:] and len(order) == len(one) - 2


def test_a_large_set_and_a_large_method_do_not_drown_the_others():
    fakes = {("big", "a"): 5000, ("big", "b"): 500, ("small", "c"): 60, ("tiny", "d"): 10}
    crops = Crops(100, fakes)
    rng = np.random.default_rng(0)
    drawn = draw_videos(crops.videos, 0.7, rng)
    assert len(drawn) == len(set(drawn)) == 333
    counts = Counter(crops.videos[n]["method"] for n in drawn)
    assert counts["d"] == 10 and counts["c"] == 60
    assert counts["a"] + counts["b"] == 163 and abs(counts["a"] - counts["b"]) <= 1


@pytest.mark.parametrize(
    "sizes, wanted, parts",
    [
        ([5, 5], 6, [3, 3]),
        ([1, 50, 50], 21, [1, 10, 10]),
        ([3, 4], 100, [3, 4]),
        ([], 5, []),
        ([7], 0, [0]),
    ],
)
def test_parts_are_as_equal_as_the_sizes_allow(sizes, wanted, parts):
    assert fair_parts(sizes, wanted) == parts


def test_where_fakes_are_short_all_are_drawn():
    crops = Crops(10, {("d", "m"): 1})
    assert len(draw_videos(crops.videos, 0.7, np.random.default_rng(0))) == 11


@pytest.mark.parametrize("share, fakes_drawn", [(1.0, 0), (0.5, 80), (0.8, 20)])
def test_blends_make_up_their_share_of_the_fakes(share, fakes_drawn):
    crops = Crops(40, {("d", "m"): 500})
    config = replace(CONFIG, self_blend=share, unpaired=1.0, batch_size=20)
    order = EpochBatches(crops, config)
    labels = Counter(crops.labels_of(order))
    assert labels[REAL] == 80 and labels[FAKE] == fakes_drawn
    assert order.counts.tolist() == [80, 80 + fakes_drawn]
    for batch in list(order)[:-1]:  # a real crop brings its fake, and so counts twice
        assert sum(2 - crops.samples[draw.index].label for draw in batch) in (20, 21)


@pytest.mark.parametrize("size", [2, 3])
def test_a_team_sees_every_draw_once_in_the_same_number_of_batches(size):
    crops = Crops(11, {("d", "m"): 30})
    whole = [draw for batch in EpochBatches(crops, CONFIG) for draw in batch]
    parts = [list(EpochBatches(crops, CONFIG, rank, size)) for rank in range(size)]
    assert len({len(part) for part in parts}) == 1 and all(map(all, parts))
    assert sorted(draw for part in parts for batch in part for draw in batch) == sorted(whole)
    for together in zip(*parts, strict=True):
        assert sum(map(len, together)) <= CONFIG.batch_size + size


def test_images_grow_and_blends_get_harder():
    config = replace(CONFIG, epochs=40, start_size_px=128, image_size_px=224)
    assert [size_at(config, epoch) for epoch in (0, 29, 30, 39)] == [128, 128, 224, 224]
    assert size_at(CONFIG, 0) == 224
    steps = [difficulty_at(config, epoch) for epoch in range(40)]
    assert steps[0] == 0 and steps == sorted(steps) and steps[16] == steps[-1] == 1
