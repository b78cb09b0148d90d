"""Shares of the evidence over the parts of a face."""

import numpy as np
import pytest

from faces.detect import Face
from judging.analysis import View
from judging.parts import PARTS, face_parts, part_shares
from pictures.masks import FIVE_POINTS

EYES_APART = 0.3
LANDMARKS = FIVE_POINTS * EYES_APART + (0.5, 0.42)
PLACES = {"eyes": (0.5, 0), "nose": (0, 0.5), "mouth": (0, 1.1), "jaw": (0.62, 0.65)}


def spot(x, y, radius=0.03, size=224):
    """Heat (size, size) on a disc, in sides of the picture."""
    steps = (np.arange(size) + 0.5) / size
    return (np.hypot(steps[None] - x, steps[:, None] - y) < radius).astype(np.float32)


@pytest.mark.parametrize("angle", [0, 25, -40])
@pytest.mark.parametrize("part", PLACES)
def test_heat_on_one_part_is_that_parts(part, angle):
    turn = np.exp(1j * np.radians(angle))
    matrix = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    middle = LANDMARKS.mean(axis=0)
    place = np.array(PLACES[part]) * EYES_APART + (0.5, 0.42)
    shares = part_shares(
        spot(*((place - middle) @ matrix.T + middle)), (LANDMARKS - middle) @ matrix.T + middle
    )
    assert shares[part] > 0.95 and sum(shares.values()) == pytest.approx(1)
    corner = part_shares(spot(0.05, 0.05), LANDMARKS)
    assert corner["rim"] == 1


def test_even_heat_gives_the_areas():
    shares = part_shares(np.full((7, 7), 0.3), LANDMARKS)
    assert shares == pytest.approx(part_shares(np.ones((56, 56)), LANDMARKS))
    assert sum(shares.values()) == pytest.approx(1)
    # The mouth's outline holds 0.567 square eye distances, and nothing lies over it.
    assert shares["mouth"] == pytest.approx(0.567 * EYES_APART**2, rel=0.08)
    assert shares["nose"] < shares["mouth"] < shares["jaw"] < shares["eyes"] < shares["rim"]


def test_no_heat_gives_none():
    assert part_shares(np.zeros((7, 7)), LANDMARKS) is None
    assert face_parts([view(np.zeros((7, 7)))]) is None
    assert face_parts([view(np.ones((7, 7)), landmarks=None)]) is None
    assert face_parts([]) is None


def view(heat, square=(0, 0, 100, 100), landmarks=LANDMARKS):
    left, top, right, _ = square
    if landmarks is not None:
        points = landmarks * (right - left) + (left, top)
        landmarks = tuple(map(tuple, points.tolist()))
    return View(Face((left, top, right, right), landmarks, 0.9), visible=square, heat=heat)


def test_a_face_has_the_mean_of_its_frames_wherever_it_moves():
    mouth = np.array(PLACES["mouth"]) * EYES_APART + (0.5, 0.42)
    nose = np.array(PLACES["nose"]) * EYES_APART + (0.5, 0.42)
    views = [view(spot(*mouth)), view(spot(*nose) * 0.2, (300, -20, 500, 180))]
    parts = face_parts([*views, view(np.zeros((7, 7)))])
    assert list(parts) == list(PARTS)
    assert parts["mouth"]["share"] == pytest.approx(0.5, abs=0.03)
    assert parts["nose"]["share"] == pytest.approx(0.5, abs=0.03)
    even = part_shares(np.ones((7, 7)), LANDMARKS)
    assert {n: p["by_chance"] for n, p in parts.items()} == pytest.approx(even, abs=0.01)


def test_landmarks_in_one_point_or_beside_the_picture_break_nothing():
    for landmarks in (np.full((5, 2), 0.5), LANDMARKS + 40, LANDMARKS * 1000):
        shares = part_shares(np.ones((7, 7)), landmarks)
        assert sum(shares.values()) == pytest.approx(1)
