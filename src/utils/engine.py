"""One epoch of training, one pass of evaluation, and what the scores are worth."""

import time
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.metrics import confusion_matrix, roc_auc_score
from torch import nn

from utils import console
from utils.config import FAKE, REAL


class TrainingError(Exception):
    """Training that cannot go on; the message says why and what to do."""


@dataclass(frozen=True)
class Scores:
    """p_fake of n frames or videos, float in [0, 1], with their labels, 0 real and 1 fake."""

    p_fake: np.ndarray
    labels: np.ndarray


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
def evaluate(model: nn.Module, loader, device: torch.device, label: str) -> tuple[Scores, Scores]:
    """Scores of every frame in the loader, and of every video as the mean of its frames."""
    model.eval()
    p_fake, labels, videos = [], [], []
    for images, batch_labels, numbers in console.progress(
        loader, len(loader), label, units="batches"
    ):
        images = images.to(device, memory_format=torch.channels_last, non_blocking=True)
        p_fake.append(model(images).float().softmax(1)[:, FAKE].cpu().numpy())
        labels.append(batch_labels.numpy())
        videos.append(numbers.numpy())
    frames = Scores(np.concatenate(p_fake), np.concatenate(labels))
    return frames, by_video(frames, np.concatenate(videos))


def by_video(frames: Scores, videos: np.ndarray) -> Scores:
    """Mean p_fake of each video's frames; videos (n,) holds each frame's video number."""
    _, first, inverse = np.unique(videos, return_index=True, return_inverse=True)
    means = np.bincount(inverse, frames.p_fake) / np.bincount(inverse)
    return Scores(means, frames.labels[first])


def metrics(scores: Scores, threshold: float) -> dict:
    """Accuracy, precision, recall, F1, AUC in [0, 1] and the confusion counts; fake is positive.

    A figure that its denominator leaves undefined is None.
    """
    predicted = (scores.p_fake >= threshold).astype(int)
    tn, fp, fn, tp = confusion_matrix(scores.labels, predicted, labels=[REAL, FAKE]).ravel()
    has_both = len(np.unique(scores.labels)) == 2
    return {
        "n": len(scores.labels),
        "accuracy": _ratio(tp + tn, len(scores.labels)),
        "precision": _ratio(tp, tp + fp),
        "recall": _ratio(tp, tp + fn),
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
        "auc": float(roc_auc_score(scores.labels, scores.p_fake)) if has_both else None,
        "confusion": {"tn": int(tn), "fp": int(fp), "fn": int(fn), "tp": int(tp)},
    }


def _ratio(part, whole) -> float | None:
    return float(part / whole) if whole else None
