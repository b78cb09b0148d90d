"""One epoch of training, and one pass of evaluation."""

import math
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from datasets.crops import Batch
from datasets.partners import pair_of
from datasets.registry import source_of
from network.device import DTYPES
from network.distributed import Team
from scoring.metrics import Scores
from training.places import place_loss
from utils import console
from utils.config import FAKE
from utils.console import Failure

WARM_UP = 0.05  # share of all steps
MAX_UNREADABLE = 0.01  # share of a split's crops
ALONE = Team()


def diverged(what: str, epoch: int) -> Failure:
    """What to raise where numbers are none any more; epoch counts from 1."""
    return Failure(
        f"{what} {epoch}: lower --learning-rate, or try --precision fp32, and start anew"
    )


class Reader:
    """Batches of a loader; crops that cannot be read are named once each, and counted.

    Raises Failure when they are more than 1 % of the data set.
    """

    def __init__(self, loader, label: str, note: Callable[[], str] = lambda: ""):
        self.loader, self.label, self.note = loader, label, note
        self.unreadable: set[str] = set()

    def __iter__(self):
        total = len(self.loader)
        for batch in console.progress(self.loader, total, self.label, "batches", self.note):
            for path in batch.unreadable:
                if path not in self.unreadable:
                    self.unreadable.add(path)
                    console.warn(f"{path} cannot be read, left out")
            if len(self.unreadable) > MAX_UNREADABLE * len(self.loader.dataset):
                raise Failure(
                    f"{len(self.unreadable)} of {len(self.loader.dataset)} crops cannot be read, "
                    f"the last {path}: delete its folder and run src/1_extract_frames.py again"
                )
            yield batch


def freeze_norm(model: nn.Module) -> None:
    """Let batch normalisation use its running statistics in training as in evaluation.

    A batch in which every real has its own fake is normalised by statistics that no single video
    will have: judged by batch statistics a network can be far better than it is in use.
    """
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()


def learning_rate_factor(progress: float) -> float:
    """Of the cosine schedule: a linear rise, then down to zero; progress in [0, 1]."""
    if progress < WARM_UP:
        return (progress + 1e-3) / (WARM_UP + 1e-3)
    return 0.5 * (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP)))


def train_one_epoch(
    run, net: nn.Module, loader, weights: torch.Tensor, after_batch: Callable[[], None]
) -> dict[str, float]:
    """Update run's model, through net, once for every batch that is left of its epoch.

    run: training.run.Run. weights (2,): of the classes in the loss. after_batch is called when run
    is consistent, and may save it. Returns mean loss, accuracy and images a second of the epoch.
    Raises Failure when the loss is not finite, naming the batch.
    """
    run.model.train()
    if run.frozen_norm:
        freeze_norm(run.model)
    start, seen_before, tally = time.monotonic(), run.tally["seen"], run.tally
    steps = run.step + len(loader)
    loss_function = nn.CrossEntropyLoss(weight=weights.to(run.device))

    def note() -> str:
        rate = (tally["seen"] - seen_before) / (time.monotonic() - start)
        return f"loss {tally['loss'] / max(1, tally['seen']):.4f}, {rate:.1f} images/s"

    for batch in Reader(loader, f"Epoch {run.epoch + 1}/{run.epochs}", note):
        run.step += 1
        if run.schedule == "cosine":
            factor = learning_rate_factor((run.epoch + (run.step - 1) / steps) / run.epochs)
            for group in run.optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor
        labels = batch.labels
        if len(labels) > 1:
            loss, correct = _update(run, net, loss_function, batch)
            if not math.isfinite(loss):
                raise diverged(f"the loss is {loss} in batch {run.step} of epoch", run.epoch + 1)
            tally["seen"] += len(labels)
            tally["loss"] += loss * len(labels)
            tally["correct"] += correct
        after_batch()
    seconds = time.monotonic() - start
    return {
        "loss": tally["loss"] / max(1, tally["seen"]),
        "accuracy": tally["correct"] / max(1, tally["seen"]),
        "images_per_second": (tally["seen"] - seen_before) / seconds,
    }


def _update(run, net, loss_function, batch: Batch) -> tuple[float, int]:
    """Returns loss and number of right answers. The loss is that of the labels: by place it only
    teaches."""
    images = batch.images.to(run.device, memory_format=torch.channels_last, non_blocking=True)
    labels = batch.labels.to(run.device, non_blocking=True)
    with torch.autocast(run.device.type, DTYPES[run.precision], enabled=run.precision != "fp32"):
        logits, places = net(images, True) if run.place_weight else (net(images), None)
    loss = loss_function(logits.float(), labels)
    value = loss.item()
    if run.place_weight:
        indices = batch.indices.to(run.device)
        loss = loss + run.place_weight * place_loss(places, images, labels, indices)
    if math.isfinite(value):
        run.optimizer.zero_grad(set_to_none=True)
        run.scaler.scale(loss).backward()
        if run.clip_gradient:
            run.scaler.unscale_(run.optimizer)
            nn.utils.clip_grad_norm_(run.model.parameters(), run.clip_gradient)
        run.scaler.step(run.optimizer)
        run.scaler.update()
        if run.ema:
            run.ema.update_parameters(run.model)
    return value, (logits.argmax(1) == labels).sum().item()


@torch.inference_mode()
def evaluate(
    model: nn.Module, loader, device: torch.device, label: str, team: Team = ALONE
) -> tuple[Scores, np.ndarray]:
    """Scores of every frame in the loader, grouped by data set and method, and the number of each
    frame's video in loader.dataset.videos, for metrics.by_video. Every member of a team evaluates
    its part and gets the whole."""
    model.eval()
    p_fake, indices = [], []
    batch: Batch
    for batch in Reader(loader, label):
        if len(batch.labels):
            images = batch.images.to(device, memory_format=torch.channels_last, non_blocking=True)
            p_fake.append(model(images).float().softmax(1)[:, FAKE].cpu().numpy())
            indices.append(batch.indices.numpy())
    parts = team.gather((np.concatenate([[], *p_fake]), np.concatenate([[], *indices])))
    p_fake, indices = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.argsort(indices)
    indices = indices[order].astype(int)
    samples = [loader.dataset.samples[index] for index in indices]
    numbers = np.array([sample.video for sample in samples])
    videos = loader.dataset.videos
    kinds = np.array([f"{source_of(video)} {video['method']}" for video in videos])
    pairs = np.array([pair_of(video) or "" for video in videos])
    labels = np.array([sample.label for sample in samples])
    return Scores(p_fake[order], labels, kinds[numbers], indices, pairs[numbers]), numbers
