"""Metrics, video scores, and the loops around them."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from utils.engine import Scores, TrainingError, by_video, evaluate, metrics, train_one_epoch


def test_metrics_of_a_case_worked_by_hand():
    scores = Scores(np.array([0.9, 0.8, 0.4, 0.6, 0.2, 0.1]), np.array([1, 1, 1, 0, 0, 0]))
    result = metrics(scores, 0.5)
    assert result["confusion"] == {"tn": 2, "fp": 1, "fn": 1, "tp": 2}
    assert result["accuracy"] == pytest.approx(4 / 6)
    assert result["precision"] == result["recall"] == result["f1"] == pytest.approx(2 / 3)
    assert result["auc"] == pytest.approx(8 / 9)  # of 9 pairs only (0.4, 0.6) is in wrong order
    assert metrics(scores, 0.85)["confusion"] == {"tn": 3, "fp": 0, "fn": 2, "tp": 1}


def test_the_threshold_itself_counts_as_fake():
    assert metrics(Scores(np.array([0.5]), np.array([1])), 0.5)["confusion"]["tp"] == 1


def test_undefined_figures_are_none_not_zero():
    result = metrics(Scores(np.array([0.1, 0.2]), np.array([0, 0])), 0.5)
    assert result["auc"] is result["precision"] is result["recall"] is None
    assert result["accuracy"] == 1.0


def test_a_video_scores_the_mean_of_its_frames():
    frames = Scores(np.array([0.2, 0.9, 0.4, 0.7]), np.array([0, 1, 0, 1]))
    videos = by_video(frames, np.array([5, 2, 5, 2]))
    assert videos.p_fake.tolist() == pytest.approx([0.8, 0.3])
    assert videos.labels.tolist() == [1, 0]


class Brightness(torch.nn.Module):
    """A network that learns one number: how much brightness speaks for FAKE."""

    def __init__(self, slope: float):
        super().__init__()
        self.slope = torch.nn.Parameter(torch.tensor(slope))

    def forward(self, images):
        value = images.mean(dim=(1, 2, 3)) * self.slope
        return torch.stack([-value, value], dim=1)


def loader(values, labels):
    images = [torch.full((3, 4, 4), float(v)) for v in values]
    items = list(zip(images, labels, range(len(labels)), strict=True))
    return DataLoader(items, batch_size=2)


def train(model, data):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    loss = torch.nn.CrossEntropyLoss()
    return train_one_epoch(model, data, loss, optimizer, scaler, torch.device("cpu"), "Epoch")


def test_an_epoch_learns_and_evaluation_does_not():
    model, data = Brightness(0.0), loader([1, -1, 2, -2], [1, 0, 1, 0])
    first = train(model, data)
    second = train(model, data)
    assert second["loss"] < first["loss"] and second["accuracy"] == 1.0
    slope = model.slope.item()
    frames, videos = evaluate(model, data, torch.device("cpu"), "Test")
    assert model.slope.item() == slope and not model.training
    assert (frames.p_fake > 0.5).tolist() == [True, False, True, False]
    assert videos.labels.tolist() == [1, 0, 1, 0]


def test_a_loss_that_is_not_finite_stops_with_the_batch_and_a_remedy():
    model = Brightness(1.0)
    with pytest.raises(TrainingError, match="batch 2: lower --learning-rate"):
        train(model, loader([1, 1, float("nan"), 1], [1, 0, 1, 0]))
    assert torch.isfinite(model.slope)
