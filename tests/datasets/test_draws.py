"""How often an epoch shows what: sources, tools and pairs in fair parts."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from datasets.draws import BLEND, PLAIN, RECONSTRUCTION, draw_epoch, times_shown, watched
from datasets.sampling import EpochBatches
from utils.config import FAKE, REAL, TrainConfig

CONFIG = TrainConfig(self_blend=0.5, epoch_crops=1000, batch_size=32)


class Crops:
    """What an epoch is drawn from: records of (label, source, method, pair, frames)."""

    def __init__(self, *records: tuple, copied: tuple[str, ...] = ()):
        names = ("label", "source", "method", "pair")
        self.videos = [
            dict(zip(names, record, strict=False), id=f"v{n}", dataset="faces")
            for n, record in enumerate(records)
        ]
        self.samples = [
            type("S", (), {"label": record[0], "video": n, "name": f"v{n}/{frame}"})
            for n, record in enumerate(records)
            for frame in range(record[4])
        ]
        self.copies = {
            s.name: {"latent": "copy"} for s in self.samples if record_of(self, s) in copied
        }

    def source(self, index: int) -> str:
        return self.videos[self.samples[index].video]["source"]


def record_of(crops, sample) -> str:
    return crops.videos[sample.video]["source"]


def drawn(crops, **settings):
    return draw_epoch(crops, replace(CONFIG, **settings), np.random.default_rng(0))


def reals(source: str, count: int, frames: int = 1) -> list[tuple]:
    return [(REAL, source, "original", None, frames)] * count


@pytest.mark.parametrize(
    "power, times",
    [(1.0, [1.0, 1.0, 1.0]), (0.0, [1 / 3, 1 / 3 * 10, 1 / 3 * 100]), (0.5, [0.706, 2.233, 7.061])],
)
def test_a_sources_part_goes_with_its_size_to_the_power(power, times):
    found = times_shown([1000, 100, 10], 1110 if power == 1 else 1000, power, 0, 1000)
    assert found == pytest.approx(times, rel=0.02)


def test_no_picture_is_shown_too_rarely_or_too_often():
    sizes = [1000, 100, 10]
    found = times_shown(sizes, 1000, 0.0, 0.5, 4.0)
    assert found.min() >= 0.5 and found.max() == 4.0
    assert (found * sizes).sum() == pytest.approx(1000)
    assert times_shown(sizes, 100, 0.0, 0.5, 4.0) == pytest.approx([100 / 1110] * 3)  # too few
    assert times_shown(sizes, 99999, 0.0, 0.5, 4.0) == pytest.approx([4.0] * 3)  # too many
    assert times_shown([], 10, 0.5, 0, 1).tolist() == []


def test_small_sources_are_not_drowned_and_the_epoch_is_as_long_as_was_asked():
    crops = Crops(*reals("large", 3000), *reals("small", 30))
    units = drawn(crops, self_blend=1.0, source_power=0.5)
    assert len(units) == pytest.approx(500, abs=2)
    assert all(len(unit) == 1 and unit[0].use == BLEND for unit in units)
    counts = Counter(crops.source(unit[0].index) for unit in units)
    assert counts["small"] == pytest.approx(4 * 30 * 500 / 3030, abs=2)  # four times the average
    counts = Counter(
        crops.source(unit[0].index) for unit in drawn(crops, self_blend=1.0, most_shown=100)
    )
    assert counts["small"] == pytest.approx(500 * 30**0.5 / (3000**0.5 + 30**0.5), abs=2)
    order = EpochBatches(crops, replace(CONFIG, self_blend=1.0))
    assert order.counts.tolist() == [len(units)] * 2


def test_of_a_video_with_many_frames_an_epoch_shows_a_few():
    crops = Crops(*reals("video", 5, frames=100), *reals("picture", 10))
    units = drawn(crops, self_blend=1.0, source_power=1.0, frames_shown=2, epoch_crops=40)
    counts = Counter(crops.samples[unit[0].index].video for unit in units)
    assert sum(counts.values()) == pytest.approx(20, abs=2)
    assert all(counts[video] == 2 for video in range(5))
    frames = [unit[0].index for unit in units if crops.samples[unit[0].index].video == 0]
    assert len(set(frames)) == 2


def test_a_fake_is_shown_beside_the_same_moment_of_its_own_footage():
    crops = Crops(
        *reals("r", 50),
        (REAL, "t", "original", "p", 3),
        (FAKE, "t", "tool", "p", 6),
        (FAKE, "t", "lonely", None, 6),
    )
    units = drawn(crops, self_blend=0.8, unpaired=0.25, epoch_crops=400, most_shown=100)
    pairs = [unit for unit in units if len(unit) == 2]
    alone = [unit for unit in units if len(unit) == 1 and unit[0].use == PLAIN]
    for fake, real in pairs:
        assert crops.samples[fake.index].video == 51 and crops.samples[real.index].video == 50
        assert (fake.index - 53) // 2 == real.index - 50  # six frames beside three
    fakes = 400 / (2 - 0.2 * 0.25)
    assert len(pairs) == pytest.approx(fakes * 0.2 * 0.75, abs=1)
    assert len(alone) == pytest.approx(fakes * 0.2 * 0.25, abs=1)
    assert {crops.samples[unit[0].index].video for unit in alone} == {52}
    for batch in EpochBatches(crops, replace(CONFIG, self_blend=0.8, epoch_crops=400)).batches:
        seeds = Counter(draw.seed for draw in batch)
        for draw in batch:  # both are in one batch, augmented alike
            is_paired = crops.samples[draw.index].video in (50, 51) and draw.use == PLAIN
            assert seeds[draw.seed] == 1 + is_paired


def test_tools_have_equal_parts_up_to_how_often_a_frame_may_be_shown():
    fakes = [(FAKE, "t", "many", None, 6)] * 50 + [(FAKE, "t", "few", None, 6)]
    crops = Crops(*reals("r", 500), *fakes)
    settings = {"self_blend": 0.5, "unpaired": 1.0, "epoch_crops": 600}
    for repeats, few in ((100.0, 100), (10.0, 60)):
        units = drawn(crops, tool_repeats=repeats, **settings)
        tools = Counter(
            crops.videos[crops.samples[unit[0].index].video]["method"]
            for unit in units
            if unit[0].use == PLAIN
        )
        assert tools["few"] == pytest.approx(few, abs=2)
        assert sum(tools.values()) == pytest.approx(200, abs=2)


def test_of_a_video_those_crops_are_shown_with_a_copy_that_have_one():
    crops = Crops(*reals("a", 10, frames=4))
    crops.copies = {f"v{n}/2": {"latent": "copy"} for n in range(6)}
    units = drawn(crops, self_blend=0.5, reconstructed=0.5, epoch_crops=40)
    shown = [crops.samples[u[0].index].name for u in units if u[0].use == RECONSTRUCTION]
    assert set(shown) == crops.copies.keys() and len(shown) == pytest.approx(10, abs=1)


def test_reconstructions_are_made_only_of_crops_that_have_a_copy():
    crops = Crops(*reals("copied", 20), *reals("other", 20), copied=("copied",))
    units = drawn(crops, self_blend=0.5, reconstructed=0.5, epoch_crops=80)
    uses = Counter((unit[0].use, crops.source(unit[0].index)) for unit in units)
    assert uses[RECONSTRUCTION, "copied"] == pytest.approx(20, abs=1)
    assert not uses[RECONSTRUCTION, "other"] and uses[BLEND, "other"]


def test_an_epoch_is_judged_by_all_videos_and_some_pictures_of_every_source():
    frame = {"crop": "x.jpg"}
    pictures = [
        {"id": f"{s}{n}", "label": REAL, "source": s, "dataset": "d", "frames": [frame]}
        for s, count in (("a", 100), ("b", 4))
        for n in range(count)
    ]
    video = {"id": "v", "label": REAL, "source": "v", "dataset": "d", "frames": [frame] * 16}
    fake = {"id": "f", "label": FAKE, "source": "b", "dataset": "d", "frames": [frame]}
    kept = watched([*pictures, video, fake], 10, blends=True)
    counts = Counter((v["source"], v["label"]) for v in kept)
    assert counts == {
        ("a", REAL): 6,
        ("b", REAL): 4,
        ("v", REAL): 1,
        ("b", FAKE): 1,
        (None, FAKE): 10,
    }
    assert Counter(v.get("method") for v in kept)["swap"] == 5
    assert len(next(v for v in kept if v["id"] == "v")["frames"]) == 3
