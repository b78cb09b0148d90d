"""Augmentation: repeatable, within its stated bounds, and never out of range."""

import cv2
import numpy as np
import pytest

from pictures import augment as module
from pictures.augment import augment, change_colours, degrade, move

CHANGES = ["lower_resolution", "blur", "add_noise", "compress_jpeg", "compress_h264"]


@pytest.fixture(scope="module")
def crop(portrait):
    return cv2.cvtColor(cv2.resize(portrait[60:400, 80:420], (256, 256)), cv2.COLOR_BGR2RGB)


def test_the_same_seed_gives_the_same_picture_and_another_does_not(crop):
    before = crop.copy()
    first, same, other = (augment(crop, 224, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, same) and not np.array_equal(first, other)
    assert np.array_equal(crop, before)


@pytest.mark.parametrize("size", [64, 128, 224, 288])
def test_any_size_comes_out_as_asked_for(crop, size):
    for seed in range(20):
        image = augment(crop, size, np.random.default_rng(seed))
        assert image.shape == (size, size, 3) and image.dtype == np.uint8


def test_a_third_is_made_worse_before_it_is_scaled_and_a_fifth_after(crop, monkeypatch):
    sizes = []
    monkeypatch.setattr(module, "degrade", lambda image, rng: sizes.append(len(image)) or image)
    for seed in range(400):
        augment(crop, 128, np.random.default_rng(seed))
    assert 0.28 < sizes.count(256) / 400 < 0.42
    assert 0.14 < sizes.count(128) / 400 < 0.27


def dot_after_move(seed: int, x: int, y: int) -> tuple[float, float]:
    image = np.zeros((256, 256, 3), np.uint8)
    cv2.circle(image, (x, y), 6, (255, 255, 255), -1)
    moved = move(image, 224, np.random.default_rng(seed))[..., 0].astype(float)
    ys, xs = np.mgrid[:224, :224]
    return (moved * xs).sum() / moved.sum(), (moved * ys).sum() / moved.sum()


def test_moves_stay_within_their_bounds_and_half_are_flipped():
    flips = 0
    for seed in range(100):
        x, y = np.subtract(dot_after_move(seed, 128, 128), 111.5)
        assert abs(x) <= 0.04 * 224 + 1 and abs(y) <= 0.04 * 224 + 1
        arm = np.subtract(dot_after_move(seed, 168, 128), dot_after_move(seed, 128, 128))
        assert 40 * 0.9 - 1 <= np.hypot(*arm) <= 40 * 1.1 + 1
        flips += arm[0] < 0
        assert abs(np.degrees(np.arctan(arm[1] / arm[0]))) <= 11
    assert 30 <= flips <= 70


def test_colours_change_by_their_bounds_and_grey_stays_grey(crop):
    grey = np.full((32, 32, 3), 128, np.uint8)
    seen = []
    for seed in range(60):
        changed = change_colours(grey, np.random.default_rng(seed))
        assert np.ptp(changed.astype(int), axis=2).max() <= 1
        seen.append(changed.mean())
        assert change_colours(crop, np.random.default_rng(seed)).std() > 20
    assert 60 < min(seen) < 110 and 140 < max(seen) < 190


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("level", [0, 255])
def test_black_and_white_do_not_wrap_around(name, level):
    flat = np.full((64, 64, 3), level, np.uint8)
    for seed in range(10):
        changed = getattr(module, name)(flat, np.random.default_rng(seed))
        assert changed.shape == flat.shape and changed.dtype == np.uint8
        assert abs(float(changed.mean()) - level) < 12


@pytest.mark.parametrize("name", CHANGES)
def test_each_degradation_changes_a_picture_but_keeps_it_recognisable(crop, name):
    for seed in range(10):
        changed = getattr(module, name)(crop, np.random.default_rng(seed)).astype(float)
        assert 0.2 < np.abs(changed - crop).mean() < 25
        assert np.corrcoef(changed.ravel(), crop.ravel())[0, 1] > 0.9


def test_compression_loses_detail_and_keeps_colour(crop):
    for name in ("compress_jpeg", "compress_h264"):
        changed = getattr(module, name)(crop, np.random.default_rng(0))
        assert np.abs(changed.mean((0, 1)) - crop.mean((0, 1))).max() < 4


def test_all_degradations_happen(crop, monkeypatch):
    used = set()
    for name in CHANGES:
        original = getattr(module, name)

        def record(image, rng, name=name, original=original):
            used.add(name)
            return original(image, rng)

        monkeypatch.setattr(module, name, record)
    for seed in range(40):
        degrade(crop, np.random.default_rng(seed))
    assert used == set(CHANGES)
