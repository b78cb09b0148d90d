"""Where a fake differs from the real that it was made of."""

import pytest
import torch

from network.model import DeepfakeDetector
from training.places import CLEARLY_OTHER, GREY_LEVELS, place_loss

NO, YES = -20.0, 20.0


def batch():
    """A lone fake, a real and its fake of sample 4, which differ in the right half, and a real and
    a fake of two samples."""
    torch.manual_seed(0)
    images = torch.randn(5, 3, 64, 64)
    images[2] = images[1]
    images[2, :, :, 32:] += 2 * CLEARLY_OTHER / GREY_LEVELS
    return images, torch.tensor([1, 0, 1, 0, 1]), torch.tensor([4, 4, 4, 5, 6])


def test_who_points_at_what_differs_loses_nothing_and_others_by_what_they_miss():
    images, labels, indices = batch()
    right = torch.full((5, 2, 2), NO)
    right[2, :, 1] = YES
    right[[0, 3, 4]] = torch.randn(3, 2, 2)  # of whom nobody knows where
    assert place_loss(right, images, labels, indices) < 1e-6
    for row, column in ((1, 0), (1, 1), (2, 0), (2, 1)):
        wrong = right.clone()
        wrong[row, 0, column] *= -1
        assert place_loss(wrong, images, labels, indices) == pytest.approx(20 / 8, rel=1e-3)


def test_a_faint_difference_counts_in_parts_and_no_pair_costs_nothing():
    images, labels, indices = batch()
    images[2] = images[1] + 0.25 * CLEARLY_OTHER / GREY_LEVELS
    chance = torch.zeros(5, 2, 2)
    half = torch.full((5, 2, 2), NO)
    half[2] = 0.0
    assert place_loss(half, images, labels, indices) == pytest.approx(0.6931 / 2, rel=1e-3)
    sure = half.clone()
    sure[2] = YES
    assert place_loss(sure, images, labels, indices) == pytest.approx(10 / 2, rel=1e-2)
    alone = place_loss(chance.requires_grad_(), images, labels, torch.arange(5))
    assert alone == 0 and alone.requires_grad


def test_the_head_judges_places_as_it_judges_their_mean():
    torch.manual_seed(0)
    model = DeepfakeDetector().eval()
    model.by_place = True
    assert sum(p.numel() for p in model.parameters()) == 7_170_082
    with torch.inference_mode():
        logits, places = model(torch.randn(2, 3, 64, 64), with_places=True)
        even = torch.randn(2, 1280, 1, 1).expand(-1, -1, 3, 2)
        whole = model.head(even)
        each = model.places(even)
    assert logits.shape == (2, 2) and places.shape == (2, 2, 2)
    odds = (whole[:, 1] - whole[:, 0])[:, None, None]
    assert torch.allclose(each, odds.expand(-1, 3, 2), atol=1e-5)


def test_the_odds_of_an_image_are_the_mean_of_its_places_odds():
    torch.manual_seed(1)
    model = DeepfakeDetector().eval()
    maps = torch.randn(3, 1280, 4, 5) * 5
    with torch.inference_mode():
        logits, places = model.judge(maps)
        assert places is None and torch.equal(logits, model.head(maps))
        model.by_place = True
        logits, places = model.judge(maps)
    odds = (logits[:, 1] - logits[:, 0]).exp()
    assert places.std() > 0.01
    assert torch.allclose(odds, places.exp().mean(dim=(1, 2)), rtol=1e-5)
