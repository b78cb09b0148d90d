"""One epoch of training, and one pass of evaluation."""

import time

import numpy as np
import torch
from torch import nn

from utils import console
from utils.config import FAKE
from utils.metrics import Scores


class TrainingError(Exception):
    """Training that cannot go on; the message says why and what to do."""


def train_one_epoch(
    model: nn.Module,
    loader,
    loss_function: nn.Module,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    device: torch.device,
    label: str,
) -> dict[str, float]:
    """Update the model once for every batch. Returns mean loss, accuracy and images a second.

    The scaler is a no-op where it is disabled. Raises TrainingError when the loss is not finite.
    """
    model.train()
    start = time.monotonic()
    loss_sum = correct = seen = 0
    for number, (images, labels, _) in enumerate(
        console.progress(loader, len(loader), label, units="batches"), 1
    ):
        images = images.to(device, memory_format=torch.channels_last, non_blocking=True)
        labels = labels.to(device, non_blocking=True)
        with torch.autocast(device.type, torch.float16, enabled=scaler.is_enabled()):
            logits = model(images)
            loss = loss_function(logits, labels)
        if not torch.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss.item()} in batch {number}: "
                "lower --learning-rate, or try --no-amp"
            )
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        seen += len(labels)
        loss_sum += loss.item() * len(labels)
        correct += (logits.argmax(1) == labels).sum().item()
    seconds = time.monotonic() - start
    return {
        "loss": loss_sum / seen,
        "accuracy": correct / seen,
        "images_per_second": seen / seconds,
    }


@torch.inference_mode()
def evaluate(
    model: nn.Module, loader, device: torch.device, label: str
) -> tuple[Scores, np.ndarray]:
    """Scores of every frame in the loader, grouped by data set and method, and the number of each
    frame's video in loader.dataset.videos, for metrics.by_video."""
    model.eval()
    p_fake, labels, numbers = [], [], []
    for images, batch_labels, videos in console.progress(loader, len(loader), label, "batches"):
        images = images.to(device, memory_format=torch.channels_last, non_blocking=True)
        p_fake.append(model(images).float().softmax(1)[:, FAKE].cpu().numpy())
        labels.append(batch_labels.numpy())
        numbers.append(videos.numpy())
    numbers = np.concatenate(numbers)
    kinds = np.array([f"{v['dataset']} {v['method']}" for v in loader.dataset.videos])
    return Scores(np.concatenate(p_fake), np.concatenate(labels), kinds[numbers]), numbers
