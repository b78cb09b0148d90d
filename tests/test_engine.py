"""The loops of training and evaluation."""

import pytest
import torch
from torch.utils.data import DataLoader

from utils.engine import TrainingError, evaluate, train_one_epoch
from utils.metrics import by_video


class Brightness(torch.nn.Module):
    """A network that learns one number: how much brightness speaks for FAKE."""

    def __init__(self, slope: float):
        super().__init__()
        self.slope = torch.nn.Parameter(torch.tensor(slope))

    def forward(self, images):
        value = images.mean(dim=(1, 2, 3)) * self.slope
        return torch.stack([-value, value], dim=1)


class Items(list):
    """What evaluation needs of a data set: items, and the videos that they belong to."""


def loader(values, labels):
    images = [torch.full((3, 4, 4), float(v)) for v in values]
    items = Items(zip(images, labels, range(len(labels)), strict=True))
    items.videos = [{"dataset": "d", "method": f"m{label}"} for label in labels]
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
    frames, numbers = evaluate(model, data, torch.device("cpu"), "Test")
    assert model.slope.item() == slope and not model.training
    assert (frames.p_fake > 0.5).tolist() == [True, False, True, False]
    assert frames.groups.tolist() == ["d m1", "d m0", "d m1", "d m0"]
    videos = by_video(frames, numbers)
    assert videos.labels.tolist() == [1, 0, 1, 0] and (videos.p_fake == frames.p_fake).all()


def test_a_loss_that_is_not_finite_stops_with_the_batch_and_a_remedy():
    model = Brightness(1.0)
    with pytest.raises(TrainingError, match="batch 2: lower --learning-rate"):
        train(model, loader([1, 1, float("nan"), 1], [1, 0, 1, 0]))
    assert torch.isfinite(model.slope)
