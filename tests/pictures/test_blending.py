"""Blended fakes: on the face, nowhere else, deterministic, and never wrapped around."""

import cv2
import numpy as np
import pytest

from pictures import masks
from pictures.augment import augment
from pictures.blending import Blend, blend_self, blend_swap, find_partners
from pictures.changes import change_colours, transfer_colours
from pictures.masks import FAMILIES, FIVE_POINTS, Recipe, fit_affine, make_mask

SIZE = 256
LANDMARKS = np.array([(100, 108), (156, 108), (128, 142), (106, 168), (150, 168)], np.float32)


def recipe(seed: int, *about) -> Recipe:
    return Recipe(np.random.default_rng(seed), *about)


def texture(seed: int, base=(150, 120, 100)) -> np.ndarray:
    """A picture with detail everywhere, so that every change shows."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.uniform(-40, 40, (16, 16, 3)).astype(np.float32), (SIZE, SIZE))
    return np.clip(coarse + rng.normal(0, 12, (SIZE, SIZE, 3)) + base, 0, 255).astype(np.uint8)


def blends(difficulty: float, count: int = 40) -> list[Blend]:
    image, other = texture(1), texture(2)
    made = [blend_self(image, LANDMARKS, recipe(seed, difficulty)) for seed in range(count)]
    return made + [
        blend_swap(image, LANDMARKS, other, LANDMARKS + 4, recipe(seed, difficulty))
        for seed in range(count)
    ]


@pytest.mark.parametrize("difficulty", [0.0, 0.5, 1.0])
def test_real_and_fake_differ_inside_the_mask_and_nowhere_else(difficulty):
    for blend in blends(difficulty):
        assert blend.real.shape == blend.fake.shape == (SIZE, SIZE, 3)
        assert blend.real.dtype == blend.fake.dtype == np.uint8
        assert blend.mask.dtype == np.float32
        assert blend.mask.min() == 0 and 0.2 < blend.mask.max() <= 1
        assert np.array_equal(blend.real[blend.mask == 0], blend.fake[blend.mask == 0])
        strong = blend.mask > blend.mask.max() / 2
        assert np.abs(blend.real.astype(int) - blend.fake)[strong].mean() > 0.5


@pytest.mark.parametrize("turn", [0.0, 0.4])
def test_masks_lie_on_the_face(turn):
    angle = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    landmarks = (LANDMARKS - 128) @ angle.T + 128
    middle = landmarks.mean(axis=0)
    eye_distance = np.linalg.norm(landmarks[1] - landmarks[0])
    ys, xs = np.mgrid[:SIZE, :SIZE]
    for seed in range(60):
        mask = make_mask(SIZE, landmarks, recipe(seed))
        assert mask.sum() > 0
        centre = np.array([(mask * xs).sum(), (mask * ys).sum()]) / mask.sum()
        assert np.linalg.norm(centre - middle) < 0.9 * eye_distance
        border = np.concatenate([mask[:6].ravel(), mask[-6:].ravel(), mask[:, :6].ravel()])
        assert not border.any()
        far = np.hypot(xs - middle[0], ys - middle[1]) > 2.4 * eye_distance
        assert not mask[far].any()


def test_every_family_is_drawn_and_they_differ_in_size(monkeypatch):
    drawn = []
    original = masks.polygon

    def polygon(size, landmarks, name, rng, jitter):
        drawn.append(name)
        return original(size, landmarks, name, rng, jitter)

    monkeypatch.setattr(masks, "polygon", polygon)
    for seed in range(200):
        make_mask(SIZE, LANDMARKS, recipe(seed))
    assert set(drawn) == set(FAMILIES) and drawn.count("full") > 40
    drawn.clear()
    for seed in range(100):
        make_mask(SIZE, LANDMARKS, recipe(seed, 0.0))
    assert set(drawn) == {"full", "forehead", "inner"}
    rng = np.random.default_rng(0)
    area = {name: original(SIZE, LANDMARKS, name, rng, 0).mean() for name in FAMILIES}
    assert area["forehead"] > area["full"] > area["inner"] > area["lower"] > area["mouth"] > 0
    eyes, mouth = (original(SIZE, LANDMARKS, name, rng, 0) for name in ("eyes", "mouth"))
    assert eyes[108, 100] and eyes[108, 156] and not eyes[168, 128]
    assert mouth[168, 128] and not mouth[108, 100]


def test_the_seed_decides_everything():
    image, other = texture(1), texture(2)
    for make in (
        lambda seed: blend_self(image, LANDMARKS, recipe(seed)),
        lambda seed: blend_swap(image, LANDMARKS, other, LANDMARKS, recipe(seed)),
    ):
        one, same, different = make(1), make(1), make(2)
        assert np.array_equal(one.fake, same.fake) and np.array_equal(one.mask, same.mask)
        assert not np.array_equal(one.fake, different.fake)


@pytest.mark.parametrize(
    ("make", "seed", "real", "fake", "mask", "next_drawn"),
    [
        ("self", 1, 136.724, 136.349, 0.02770, 1611244081),
        ("self", 3, 122.849, 122.064, 0.13015, 2905432196),
        ("self", 5, 126.871, 125.891, 0.22818, 1429865074),
        ("swap", 1, 122.849, 122.891, 0.03585, 497639016),
        ("swap", 2, 122.849, 122.916, 0.09111, 3811306596),
        ("swap", 5, 122.849, 122.864, 0.15259, 3396991274),
    ],
)
def test_a_seed_makes_the_blend_that_it_made_for_the_first_models(
    make, seed, real, fake, mask, next_drawn
):
    image, other, rng = texture(1), texture(2), np.random.default_rng(seed)
    if make == "self":
        blend = blend_self(image, LANDMARKS, Recipe(rng, 0.7))
    else:
        blend = blend_swap(image, LANDMARKS, other, LANDMARKS + 4, Recipe(rng, 0.7))
    assert rng.integers(2**32) == next_drawn
    means = [blend.real.mean(), blend.fake.mean(), blend.mask.mean()]
    assert means == pytest.approx([real, fake, mask], rel=2e-4)


def test_the_easy_ones_are_easier():
    def strength(difficulty):
        made = blends(difficulty)[:40]
        return np.mean([cv2.absdiff(b.real, b.fake).mean() for b in made])

    assert strength(0.0) > 1.5 * strength(1.0)


@pytest.mark.parametrize("level", [0, 255])
def test_black_and_white_do_not_wrap_around(level):
    image = np.full((SIZE, SIZE, 3), level, np.uint8)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        changed = change_colours(image, rng, 1.0).astype(int)
        assert np.abs(changed - level).max() < 110
        assert np.array_equal(transfer_colours(image, image, image[..., 0] == level, 1.0), image)


def test_a_swap_shows_the_other_face_in_the_colours_of_the_first():
    target, source = texture(1, base=(170, 110, 90)), texture(2, base=(110, 100, 120))
    shares, colours = [], []
    for seed in range(40):
        blend = blend_swap(target, LANDMARKS, source, LANDMARKS, recipe(seed))
        if blend.mask.max() < 0.95:
            continue
        inside = blend.mask > 0.95
        fine = [im.astype(float) - cv2.GaussianBlur(im, (0, 0), 8) for im in (blend.fake, source)]
        shares.append(np.corrcoef(fine[0][inside].ravel(), fine[1][inside].ravel())[0, 1])
        distance = [
            blend.fake[inside].mean(axis=0) - im[inside].mean(axis=0) for im in (target, source)
        ]
        colours.append(np.linalg.norm(distance[0]) < np.linalg.norm(distance[1]))
    assert len(shares) > 10 and np.median(shares) > 0.4
    assert np.mean(colours) > 0.9


def test_both_classes_go_through_the_same_changes():
    image = texture(3)
    for seed in range(10):
        one, other = (augment(image, 128, np.random.default_rng(seed)) for _ in range(2))
        assert np.array_equal(one, other)


def test_the_mean_face_is_fitted_to_the_landmarks():
    matrix = np.array([[60, 8, 130], [-5, 55, 110]], float)
    points = FIVE_POINTS @ matrix[:, :2].T + matrix[:, 2]
    assert np.allclose(fit_affine(FIVE_POINTS, points), matrix)


def test_partners_are_others_alike_in_pose_and_skin():
    rng = np.random.default_rng(0)
    turned = LANDMARKS + np.array([(0, 0), (0, 0), (14, 0), (0, 0), (0, 0)])
    poses = [LANDMARKS, turned]
    tones = [(170, 140, 140), (90, 135, 145)]
    kinds = [(n % 2, n // 2 % 2) for n in range(1100)]  # more than one block of the search
    points = np.stack(
        [poses[pose] * rng.uniform(0.9, 1.1) + rng.normal(0, 0.3, (5, 2)) for pose, _ in kinds]
    )
    skin = np.array([np.array(tones[tone]) + rng.normal(0, 1, 3) for _, tone in kinds])
    found = find_partners(points, skin, count=8)
    assert found.shape == (1100, 8)
    for number, partners in enumerate(found):
        assert number not in partners and len(set(partners)) == 8
        assert {kinds[partner] for partner in partners} == {kinds[number]}
    assert find_partners(points[:3], skin[:3]).shape == (3, 2)
