"""Scores of a whole batch and where their evidence lies: by place, or by Grad-CAM."""

import numpy as np
import torch
from torch.nn import functional

from network.joint import JointDetector
from network.model import DeepfakeDetector
from utils.config import FAKE, REAL

MAX_LOG_ODDS = 16.118  # of 1 - 1e-7, where likelihood.log_odds clips
AT_ONCE = 32  # images; memory would grow with hundreds of frames


def predict_with_cam(
    model: DeepfakeDetector | JointDetector, images: torch.Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Score a batch and locate the evidence.

    images: (N, 3, H, W) float, normalised, on the model's device. Returns p_fake (N,) in [0, 1] and
    evidence (N, H/32, W/32), signed: positive where a place speaks for FAKE, negative for REAL.
    The map of a class is its positive part, or that of its negative; those of one batch share a
    scale. Of a network that was taught by place it is what its head says of each place. Else it is
    Grad-CAM (Selvaraju et al., ICCV 2017) of the log-odds, so one gradient serves both classes: the
    head averages over places, so summing the gradients loses nothing, and frames do not influence
    each other in evaluation mode, so their logits may be summed.
    """
    odds, evidence = 0, 0
    for network, weight in model.members:
        one_odds, one_evidence = _odds_with_cam(network, images)
        odds = odds + weight * one_odds
        if torch.is_tensor(evidence) and evidence.shape != one_evidence.shape:  # ViT's maps
            one_evidence = _fitted(one_evidence, evidence.shape[1:])
        evidence = evidence + weight * one_evidence
    # As far as a probability in float32 tells: calibration saw no more of them either.
    p_fake = torch.sigmoid(odds.clamp(-MAX_LOG_ODDS, MAX_LOG_ODDS))
    return p_fake.cpu().numpy(), evidence.cpu().numpy()


def _fitted(evidence: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return functional.interpolate(evidence[:, None], size, mode="area")[:, 0]


def _odds_with_cam(
    network: DeepfakeDetector, images: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.inference_mode():
        parts = images.contiguous(memory_format=torch.channels_last).split(AT_ONCE)
        maps = torch.cat([network.features(part) for part in parts])
        if network.by_place:
            logits, places = network.judge(maps)
            return logits[:, FAKE] - logits[:, REAL], places
    maps = maps.clone().requires_grad_()  # a normal tensor again, outside inference mode
    logits = network.head(maps)
    log_odds = logits[:, FAKE] - logits[:, REAL]
    (gradient,) = torch.autograd.grad(log_odds.sum(), maps)
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    evidence = (weights * maps).sum(dim=1)
    return log_odds.detach().float(), evidence.detach().float()


def heat_by_place(evidence: np.ndarray) -> np.ndarray:
    """Log-odds by place (N, h, w) -> heat for FAKE in [0, 1]: 0 where p_fake is a half or less, 1
    where it is 1. The scale is absolute: a face without a suspicious place stays dark."""
    return np.maximum(np.tanh(evidence / 2), 0)


def heat_for(evidence: np.ndarray, label: int) -> np.ndarray:
    """Evidence (N, h, w) -> heat for one class in [0, 1]; 1 is the hottest place of all frames."""
    heat = np.maximum(evidence if label == FAKE else -evidence, 0)
    return heat / heat.max() if heat.max() > 0 else heat
