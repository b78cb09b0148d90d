"""Warped mouths and eyes: they move as far as they should, and nothing else changes."""

import cv2
import numpy as np
import pytest
from test_blending import LANDMARKS, SIZE, recipe, texture

from pictures import warping
from pictures.masks import polygon
from pictures.warping import FACE_WIDTH, movement, soften_slightly, warp_parts

IMAGE = texture(1)
WIDTH = FACE_WIDTH * 56  # of the face with LANDMARKS, in pixels
MOUTH = LANDMARKS[3:].mean(axis=0)
GRID = np.stack(np.meshgrid(*[np.arange(SIZE, dtype=np.float32)] * 2), axis=-1)


def test_outside_the_mask_nothing_changes_and_inside_it_only_the_place():
    far = np.hypot(*(np.mgrid[:SIZE, :SIZE] - [[[136]], [[128]]])) > 2.2 * 56
    for seed in range(60):
        blend = warp_parts(IMAGE, LANDMARKS, recipe(seed, seed % 3 / 2))
        assert blend.real is IMAGE
        assert blend.fake.shape == IMAGE.shape and blend.fake.dtype == np.uint8
        assert blend.mask.shape == (SIZE, SIZE) and blend.mask.dtype == np.float32
        assert 0.3 < blend.mask.max() <= 1 and not blend.mask[far].any()
        assert np.array_equal(blend.fake[blend.mask == 0], IMAGE[blend.mask == 0])
        strong = blend.mask > blend.mask.max() / 2
        assert cv2.absdiff(blend.fake, IMAGE)[strong].mean() > 1.5


def test_colours_stay():
    noise = np.random.default_rng(0).normal((150, 120, 100), 12, (SIZE, SIZE, 3))
    image, shifts = noise.astype(np.uint8), []
    for seed in range(60):
        blend = warp_parts(image, LANDMARKS, recipe(seed))
        strong = (blend.mask > blend.mask.max() / 2).astype(np.uint8)
        colours = [cv2.mean(i, strong)[:3] for i in (blend.fake, image)]
        shifts.append(np.abs(np.subtract(*colours)).max())
    assert np.median(shifts) < 0.4 and max(shifts) < 1.2


def test_the_seed_decides_and_a_face_outside_the_picture_stays():
    one, same, other = (warp_parts(IMAGE, LANDMARKS, recipe(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one.fake, same.fake) and np.array_equal(one.mask, same.mask)
    assert not np.array_equal(one.fake, other.fake)
    for shift in ((-95, 0), (90, 110), (500, 500)):
        blend = warp_parts(IMAGE, LANDMARKS + shift, recipe(3))
        assert np.array_equal(blend.fake[blend.mask == 0], IMAGE[blend.mask == 0])
    assert np.array_equal(blend.fake, IMAGE)


def test_mouth_and_eyes_are_drawn_alone_and_together():
    kinds = []
    for seed in range(200):
        mask = warp_parts(IMAGE, LANDMARKS, recipe(seed)).mask
        kinds.append((_at(mask, MOUTH) > 0.1, _at(mask, LANDMARKS[0]) > 0.1))
    assert kinds.count((True, False)) == pytest.approx(110, abs=25)
    assert kinds.count((False, True)) == pytest.approx(40, abs=18)
    assert kinds.count((True, True)) == pytest.approx(50, abs=20)


@pytest.mark.parametrize(("name", "places"), [("mouth", [MOUTH]), ("eyes", LANDMARKS[:2])])
@pytest.mark.parametrize("turn", [0.0, 0.5])
def test_parts_move_by_2_to_6_percent_or_apart_by_as_much(name, places, turn):
    angle = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]], np.float32)
    landmarks, places = ((p - 128) @ angle + 128 for p in (LANDMARKS, np.array(places)))
    down = np.array([0, 1], np.float32) @ angle
    directions, opened, kinds = [], [], []
    for seed in range(80):
        moved = movement(GRID, landmarks.astype(np.float32), name, recipe(seed))
        for place in places:
            middle = _at(moved, place)
            upper, lower = (_at(moved, place + sign * 0.2 * 56 * down) for sign in (-1, 1))
            shift, gap = np.linalg.norm(middle) / WIDTH, float((lower - upper) @ down) / WIDTH
            assert 0.018 < shift < 0.075 or shift < 0.001
            assert 0.008 < abs(gap) < 0.06 or abs(gap) < 0.004
            kinds.append((shift > 0.001, abs(gap) > 0.004))
            directions.append(np.arctan2(*middle))
            opened.append(gap)
        # Where it moves no content is mirrored, and far from it nothing moves.
        for axis in (0, 1):
            assert (np.diff(GRID - moved, axis=1 - axis)[..., axis] > 0).all()
        assert np.abs(moved[:20]).max() < 0.1
    assert set(kinds) == {(True, False), (False, True), (True, True)}
    assert min(opened) < -0.015 and max(opened) > 0.015
    assert np.ptp(directions) > 5


def test_what_the_mask_shows_has_moved(monkeypatch):
    monkeypatch.setattr(warping, "CHOICES", [("mouth",)])
    monkeypatch.setattr(warping, "SHARES", (1.0,))
    spot = np.exp(-((GRID - MOUTH) ** 2).sum(axis=-1) / 32)
    image = np.repeat((60 + 150 * spot[..., None]).astype(np.uint8), 3, axis=2)
    far = []
    for seed in range(60):
        blend = warp_parts(image, LANDMARKS, recipe(seed))
        weight = blend.fake[..., 0].astype(float) - 60
        centre = (weight[..., None] * GRID).sum(axis=(0, 1)) / weight.sum()
        far.append(np.linalg.norm(centre - MOUTH) / WIDTH)
    assert max(far) < 0.07 and np.mean(np.array(far) > 0.015) > 0.5


def test_a_third_are_softer_by_little(monkeypatch):
    done = []

    def remember(part, size, rng):
        made = soften_slightly(part, size, rng)
        assert made.shape == part.shape
        done.append(made.std() / part.std())
        return made

    monkeypatch.setattr(warping, "soften_slightly", remember)
    for seed in range(150):
        warp_parts(IMAGE, LANDMARKS, recipe(seed))
    assert len(done) == pytest.approx(50, abs=15)
    assert min(done) > 0.5 and max(done) < 1


def test_masks_are_on_the_face():
    face = polygon(SIZE, LANDMARKS, "forehead", np.random.default_rng(0), 0)
    away = cv2.distanceTransform(255 - face, cv2.DIST_L2, 5)
    for seed in range(100):
        mask = warp_parts(IMAGE, LANDMARKS, recipe(seed)).mask
        assert away[mask > 0.5].max() < 4 and away[mask > 0].max() < 0.15 * WIDTH


def _at(field: np.ndarray, point) -> np.ndarray:
    x, y = np.round(point).astype(int)
    return field[y, x]
