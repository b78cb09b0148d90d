"""Small autoencoders trained here, and what is done to copies so that colours say nothing."""

import cv2
import numpy as np
import pytest

from generators import smooth
from generators.copying import restore_colours


def pictures(count: int) -> np.ndarray:
    """Faces of a kind: a soft disc on a ground, each in colours of its own."""
    rng, side = np.random.default_rng(0), smooth.SIDE_PX
    y, x = np.mgrid[:side, :side]
    found = []
    for _ in range(count):
        disc = np.hypot(y - rng.uniform(70, 120), x - rng.uniform(70, 120)) < rng.uniform(30, 60)
        picture = np.where(disc[..., None], rng.uniform(0, 255, 3), rng.uniform(0, 255, 3))
        found.append(cv2.GaussianBlur(picture.astype(np.uint8), (0, 0), 2))
    return np.stack(found)


@pytest.mark.parametrize("kind", smooth.KINDS)
def test_training_brings_reconstructions_nearer_to_their_originals(kind):
    shown = pictures(40)
    errors = []
    for batches in (1, 40):
        network = smooth.train(kind, shown, batches, seed=0)
        again = smooth.reconstruct(network, shown[0])
        assert again.shape == shown[0].shape and again.dtype == np.uint8
        errors.append(np.abs(again.astype(int) - shown[0]).mean())
    assert errors[1] < 0.6 * errors[0]


def test_a_copy_gets_its_originals_coarse_colours_and_keeps_its_own_detail():
    original = np.full((256, 256, 3), (200, 100, 50), np.uint8)
    original[:, 128:] = (20, 150, 220)
    copy = np.full((128, 128, 3), 128, np.uint8)
    copy[::2, ::2] += 40  # its detail
    found = restore_colours(copy, original)
    assert found.shape == copy.shape
    for columns, colour in ((slice(0, 32), (200, 100, 50)), (slice(96, 128), (20, 150, 220))):
        assert np.abs(found[:, columns].mean(axis=(0, 1)) - colour).max() < 3
    detail = found[..., 1].astype(int) - np.roll(found[..., 1], 1, axis=0)
    assert np.abs(detail)[40:80:2, 10:30:2].mean() == pytest.approx(40, abs=2)
