"""The loops of training and evaluation."""

import pytest
import torch
from torch.utils.data import DataLoader

from datasets.crops import Item, Sample, collate
from scoring.metrics import by_video
from training.epoch import Reader, evaluate, learning_rate_factor, train_one_epoch
from training.run import Run, merit
from utils.console import Failure


class Brightness(torch.nn.Module):
    """A network that learns one number: how much brightness speaks for FAKE."""

    def __init__(self, slope: float):
        super().__init__()
        self.slope = torch.nn.Parameter(torch.tensor(slope))

    def forward(self, images):
        value = images.mean(dim=(1, 2, 3)) * self.slope
        return torch.stack([-value, value], dim=1)


class Items(list):
    """What evaluation needs of a data set: items, samples, and the videos that they belong to."""


def loader(values, labels, unreadable=()):
    items = Items(
        Item(torch.full((3, 4, 4), float(value)), label, index)
        for index, (value, label) in enumerate(zip(values, labels, strict=True))
    )
    for index in unreadable:
        items[index] = f"crop{index}.jpg"
    items.videos = [
        {"id": f"{n}", "dataset": "d", "method": f"m{label}", "label": label}
        for n, label in enumerate(labels)
    ]
    items.samples = [Sample(f"{n}", label, n, None, None, None) for n, label in enumerate(labels)]
    return DataLoader(items, batch_size=2, collate_fn=collate)


def make_run(model, schedule="plateau", epochs=1) -> Run:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for group in optimizer.param_groups:
        group["initial_lr"] = 0.5
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    return Run(model, None, optimizer, None, scaler, "fp32", schedule, epochs)


def train(run, data, after_batch=lambda: None):
    return train_one_epoch(run, run.model, data, torch.ones(2), after_batch)


def test_an_epoch_learns_and_evaluation_does_not():
    model, data = Brightness(0.0), loader([1, -1, 2, -2], [1, 0, 1, 0])
    first = train(make_run(model), data)
    second = train(make_run(model), data)
    assert second["loss"] < first["loss"] and second["accuracy"] == 1.0
    slope = model.slope.item()
    frames, numbers = evaluate(model, data, torch.device("cpu"), "Test")
    assert model.slope.item() == slope and not model.training
    assert (frames.p_fake > 0.5).tolist() == [True, False, True, False]
    assert frames.groups.tolist() == ["d m1", "d m0", "d m1", "d m0"]
    videos = by_video(frames, numbers)
    assert videos.labels.tolist() == [1, 0, 1, 0]
    assert videos.p_fake == pytest.approx(frames.p_fake)


def test_a_long_gradient_is_shortened_and_a_short_one_is_not():
    def step(clip_gradient):
        model = Brightness(0.0)
        run = make_run(model)
        run.clip_gradient = clip_gradient
        train(run, loader([4, -4], [1, 0]))
        return model.slope.item()

    free = step(0.0)
    assert free == pytest.approx(0.5 * 4)  # rate x gradient
    assert step(1.0) == pytest.approx(0.5) and step(100.0) == pytest.approx(free)


def test_a_loss_that_is_not_finite_stops_with_the_batch_and_a_remedy():
    model = Brightness(1.0)
    with pytest.raises(Failure, match="batch 2 of epoch 1: lower --learning-rate"):
        train(make_run(model), loader([1, 1, float("nan"), 1], [1, 0, 1, 0]))
    assert torch.isfinite(model.slope)


def test_the_cosine_schedule_warms_up_and_falls_to_zero():
    rates = [learning_rate_factor(n / 1000) for n in range(1001)]
    assert rates[0] < 0.05 and max(rates) == pytest.approx(1.0, abs=0.02)
    assert rates.index(max(rates)) == 50 and rates[-1] == pytest.approx(0, abs=1e-9)
    assert rates[:51] == sorted(rates[:51]) and rates[50:] == sorted(rates[50:], reverse=True)
    used = []
    run = make_run(Brightness(0.0), "cosine", epochs=2)
    data = loader([1, -1] * 10, [1, 0] * 10)
    train(run, data, lambda: used.append(run.optimizer.param_groups[0]["lr"]))
    assert used == pytest.approx([0.5 * learning_rate_factor(n / 20) for n in range(10)])


def test_unreadable_crops_are_named_once_left_out_and_too_many_of_them_stop(capsys):
    values, labels = [1, -1] * 150, [1, 0] * 150
    data = loader(values, labels, unreadable=(4, 151, 299))
    for _ in range(2):
        frames, numbers = evaluate(Brightness(1.0), data, torch.device("cpu"), "Test")
    assert len(frames.labels) == len(numbers) == 297 and 151 not in frames.samples
    assert capsys.readouterr().out.count("crop151.jpg cannot be read, left out") == 2
    reader = Reader(data, "Test")
    assert sum(len(batch.labels) for batch in reader) == 297
    assert reader.unreadable == {"crop4.jpg", "crop151.jpg", "crop299.jpg"}
    capsys.readouterr()
    with pytest.raises(Failure, match=r"4 of 300 crops cannot be read, the last crop9.jpg"):
        list(Reader(loader(values, labels, unreadable=(1, 2, 3, 9)), "Test"))


def test_the_loss_by_place_teaches_and_is_not_reported():
    class Places(Brightness):
        def forward(self, images, with_places=False):
            logits = super().forward(images)
            return (logits, images.mean(dim=1) * self.slope) if with_places else logits

    def step(place_weight):
        run, data = make_run(Places(0.0)), loader([-1, 3], [0, 1])
        data.dataset[:] = [item._replace(index=0) for item in data.dataset]  # a real and its fake
        run.place_weight = place_weight
        return train(run, data)["loss"], run.model.slope.item()

    loss, slope = step(0.0)
    taught_loss, taught_slope = step(1.0)
    assert taught_loss == loss and taught_slope > slope > 0


def test_epochs_are_compared_by_auc_or_first_by_frames_above_their_own_footage():
    def entry(auc, by_frame, by_video=0.5):
        frame = {"paired": {"share": by_frame}}
        return {"video": {"auc": auc, "paired": {"share": by_video}}, "frame": frame}

    low, high = entry(0.9, 0.6), entry(0.8, 0.7)
    assert merit(low, "auc") > merit(high, "auc") and merit(low, "paired") < merit(high, "paired")
    assert merit(entry(0.9, 0.7, 0.1), "paired") > merit(entry(0.8, 0.7, 0.9), "paired")
    assert merit(entry(0.9, None), "paired") == [0.0, 0.9]  # nobody knows of pairs
