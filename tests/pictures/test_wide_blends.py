"""Wider blends: Poisson blending, parts of the face, and what happens to real and fake alike."""

import cv2
import numpy as np
import pytest
from test_blending import LANDMARKS, SIZE, texture

from pictures import blending, masks
from pictures.blending import Blend, blend_self, blend_swap, clone
from pictures.changes import (
    change_sharpness,
    distract,
    edges,
    match_sharpness,
    reframe,
)
from pictures.masks import WIDE_FAMILIES, Recipe, make_mask, polygon

TARGET, SOURCE = texture(1), texture(2)


def wide(kind: str, seed: int, landmarks=LANDMARKS, difficulty: float = 1.0) -> Blend:
    recipe = Recipe(np.random.default_rng(seed), difficulty, wide=True)
    if kind == "self":
        return blend_self(TARGET, landmarks, recipe)
    return blend_swap(TARGET, landmarks, SOURCE, LANDMARKS, recipe)


@pytest.mark.parametrize("kind", ["self", "swap"])
def test_real_and_fake_differ_inside_the_mask_alone_and_by_seed(kind):
    for seed in range(40):
        blend = wide(kind, seed, difficulty=seed % 3 / 2)
        assert blend.real.shape == blend.fake.shape == (SIZE, SIZE, 3)
        assert blend.real.dtype == blend.fake.dtype == np.uint8
        assert blend.mask.shape == (SIZE, SIZE) and blend.mask.dtype == np.float32
        assert blend.mask.min() == 0 and 0.2 < blend.mask.max() <= 1
        assert np.array_equal(blend.real[blend.mask == 0], blend.fake[blend.mask == 0])
        assert not np.array_equal(blend.real, blend.fake)
        far = np.hypot(*(np.mgrid[:SIZE, :SIZE] - [[[136]], [[128]]])) > 2.6 * 56
        assert not blend.mask[far].any()
    again = wide(kind, 39, difficulty=0.0)
    assert np.array_equal(again.fake, blend.fake) and np.array_equal(again.real, blend.real)
    assert not np.array_equal(wide(kind, 38, difficulty=0.0).fake, blend.fake)


@pytest.mark.parametrize("kind", ["self", "swap"])
@pytest.mark.parametrize("shift", [(-95, 0), (0, 95), (80, 110), (500, 500)])
def test_faces_at_the_border_and_beyond_it(kind, shift, monkeypatch):
    monkeypatch.setattr(blending, "POISSON_SHARE", 1.0)
    covered = []
    for seed in range(8):
        blend = wide(kind, seed, LANDMARKS + shift)
        assert np.array_equal(blend.real[blend.mask == 0], blend.fake[blend.mask == 0])
        covered.append(blend.mask.any())
    assert np.mean(covered) > 0.6 if shift != (500, 500) else not any(covered)


def test_crops_of_odd_sizes():
    image, rng = TARGET[:251, :251].copy(), np.random.default_rng(0)
    for _ in range(10):
        blend = blend_self(image, LANDMARKS, Recipe(rng, wide=True))
        assert blend.real.shape == (251, 251, 3) and blend.mask.shape == (251, 251)


@pytest.mark.parametrize("kind", ["self", "swap"])
def test_a_third_to_a_half_are_poisson_blends(kind, monkeypatch):
    done, original = [], cv2.seamlessClone
    monkeypatch.setattr(cv2, "seamlessClone", lambda *a: done.append(seed) or original(*a))
    for seed in range(100):
        wide(kind, seed)
    assert 33 < len(set(done)) < 50
    done.clear()
    for seed in range(20):
        blend_self(TARGET, LANDMARKS, Recipe(np.random.default_rng(seed)))
    assert not done


def test_a_clone_has_the_detail_of_one_and_the_colours_of_the_other():
    rng = np.random.default_rng(0)
    target = np.full((SIZE, SIZE, 3), (150, 110, 90), np.uint8)
    source = np.clip(rng.normal(90, 8, (SIZE, SIZE, 3)), 0, 255).astype(np.uint8)
    inside = polygon(SIZE, LANDMARKS, "inner", rng, 0) > 0
    made = clone(source, target, inside).astype(float)
    core = cv2.erode(inside.astype(np.uint8), np.ones((9, 9))) > 0
    assert np.abs(made[core].mean(axis=0) - target[0, 0]).max() < 6
    fine = [i.astype(float) - cv2.GaussianBlur(i.astype(float), (0, 0), 4) for i in (made, source)]
    assert np.corrcoef(fine[0][core].ravel(), fine[1][core].ravel())[0, 1] > 0.9
    x, y, width, height = cv2.boundingRect(inside.astype(np.uint8))
    outside = np.ones((SIZE, SIZE), bool)
    outside[y - 1 : y + height + 1, x - 1 : x + width + 1] = False
    assert np.array_equal(made[outside], target[outside])


@pytest.mark.parametrize(
    "box",
    [np.s_[60:140, 70:151], np.s_[0:90, 30:121], np.s_[200:256, 180:256], np.s_[0:256, 0:256]],
)
def test_a_clone_of_the_picture_itself_lies_in_its_place(box):
    image, inside = TARGET, np.zeros((SIZE, SIZE), bool)
    inside[box] = True
    assert cv2.absdiff(clone(image, image, inside), image).max() <= 2


def test_where_there_is_nothing_to_clone_or_opencv_fails_the_blend_is_an_ordinary_one(monkeypatch):
    source, target = TARGET, SOURCE
    for box in (np.s_[0:0, 0:0], np.s_[50:54, 50:120], np.s_[:, 0:1]):
        inside = np.zeros((SIZE, SIZE), bool)
        inside[box] = True
        assert clone(source, target, inside) is source

    def fail(*_):
        raise cv2.error("no")

    monkeypatch.setattr(cv2, "seamlessClone", fail)
    assert clone(source, target, np.ones((SIZE, SIZE), bool)) is source
    monkeypatch.setattr(blending, "POISSON_SHARE", 1.0)
    blend = wide("swap", 0)
    assert not np.array_equal(blend.fake, blend.real)


def test_parts_of_the_face_are_drawn_more_often(monkeypatch):
    drawn, original = [], masks.polygon
    monkeypatch.setattr(masks, "polygon", lambda *a, **k: drawn.append(a[2]) or original(*a, **k))
    shares = {}
    for is_wide in (False, True):
        drawn.clear()
        for seed in range(400):
            make_mask(64, LANDMARKS / 4, Recipe(np.random.default_rng(seed), wide=is_wide))
        parts = [name for name in drawn if name in ("lower", "mouth", "eyes", "nose")]
        shares[is_wide] = len(parts) / 400
        assert ("nose" in drawn) == is_wide
    assert set(drawn) == set(WIDE_FAMILIES)
    assert shares[False] < 0.36 and shares[True] > 0.54
    nose = original(SIZE, LANDMARKS, "nose", np.random.default_rng(0), 0) > 0
    assert nose[142, 128] and not nose[108, 100] and not nose[108, 156] and not nose[168, 106]


def test_pixels_are_left_out_in_wide_blends_alone():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, 1::2] = 200  # every average of neighbours is grey; every second pixel is black
    for is_wide, share in ((False, 0), (True, 0.25)):
        made = [
            change_sharpness(stripes, Recipe(np.random.default_rng(seed), 1.0, is_wide))
            for seed in range(200)
        ]
        assert np.mean([not image.any() for image in made]) == pytest.approx(share, abs=0.08)


def test_landmarks_follow_the_window_which_squashes_by_a_tenth_at_most():
    ratios = []
    ys, xs = np.mgrid[:SIZE, :SIZE]
    for seed in range(60):
        points = []
        for x, y in LANDMARKS:
            spot = np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / 18) * 255
            rng = np.random.default_rng(seed)
            image, moved = reframe(
                np.repeat(spot[..., None].astype(np.uint8), 3, 2), LANDMARKS, rng
            )
            weight = image[..., 0].astype(float)
            points.append([(weight * xs).sum(), (weight * ys).sum()] / weight.sum())
        assert np.abs(np.array(points) - moved).max() < 0.3
        assert np.abs(moved - LANDMARKS).max() < 0.09 * SIZE
        across, down = np.ptp(moved, axis=0) / np.ptp(LANDMARKS, axis=0)
        ratios.append(across / down)
    assert max(ratios) < 1.1 * 1.09 and min(ratios) > 1 / (1.1 * 1.09)
    assert max(ratios) > 1.07 and min(ratios) < 1 / 1.07


def test_the_patch_beside_the_face_is_in_both_pictures(monkeypatch):
    monkeypatch.setattr(blending, "DISTRACTOR_SHARE", 1.0)
    seen = []

    def remember(image, landmarks, recipe):
        made = distract(image, landmarks, recipe)
        hull = polygon(SIZE, landmarks, "inner", recipe.rng, 0) > 0
        seen.append(((made != image).any(axis=2), hull, made))
        return made

    monkeypatch.setattr(blending, "distract", remember)
    for kind in ("self", "swap"):
        for seed in range(30):
            blend = wide(kind, seed)
            patch, hull, made = seen[-1]
            assert not (patch & hull).any()
            free = patch & (blend.mask == 0)
            assert free.sum() > 0.6 * patch.sum() or not patch.any()
            assert np.array_equal(blend.real[free], blend.fake[free])
            assert kind == "self" or np.array_equal(blend.real, made)
    sizes = [patch.mean() for patch, _, _ in seen]
    assert np.mean(np.array(sizes) > 0.005) > 0.6 and max(sizes) < 0.25


def test_a_patch_is_in_three_of_ten(monkeypatch):
    drawn = []
    monkeypatch.setattr(blending, "distract", lambda image, *_: drawn.append(1) or image)
    for seed in range(100):
        wide("swap", seed)
    assert 20 < len(drawn) < 40


def test_the_sharper_of_two_is_blurred_until_both_are_alike():
    soft = cv2.GaussianBlur(SOURCE, (0, 0), 2)
    for pair, kept in (((TARGET, soft), 1), ((soft, TARGET), 0)):
        found = match_sharpness(*pair)
        assert np.array_equal(found[kept], soft)
        assert edges(found[1 - kept]) == pytest.approx(edges(soft), rel=0.15)
        assert edges(TARGET) > 2 * edges(soft)
