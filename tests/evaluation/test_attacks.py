import numpy as np
import pytest
import torch
from torch import nn

from evaluation.attacks import attack
from evaluation.scores import score
from network.checkpoint import Checkpoint
from pictures.transforms import Preprocessing
from utils.config import FAKE, REAL


@pytest.fixture(scope="module")
def checkpoint():
    torch.manual_seed(3)
    layers = nn.Conv2d(3, 16, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 2)
    return Checkpoint(nn.Sequential(*layers).eval(), Preprocessing("haar", 80, 1.54, 64))


@pytest.mark.parametrize(("label", "rises"), [(REAL, True), (FAKE, False)])
def test_attacks_move_scores_to_the_wrong_side_within_their_strength(checkpoint, label, rises):
    crops = np.random.default_rng(0).integers(0, 256, (3, 80, 80, 3), np.uint8)
    before = np.array(score(checkpoint, crops, "cpu"))
    once = attack(checkpoint, crops, label, "cpu", strength=4, steps=1)
    often = attack(checkpoint, crops, label, "cpu", strength=4, steps=7)
    for moved in (once, often):
        assert moved.dtype == np.uint8
        assert 0 < np.abs(moved.astype(int) - crops).max() <= 4
    sign = 1 if rises else -1
    gain = sign * (np.array(score(checkpoint, often, "cpu")) - before)
    assert (gain > 0).all()
    assert gain.sum() > sign * (np.array(score(checkpoint, once, "cpu")) - before).sum()
