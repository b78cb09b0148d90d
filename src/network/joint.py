"""Several checkpoints that judge together."""

from dataclasses import asdict, replace
from math import log
from pathlib import Path

import torch
from torch import nn

from network.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from scoring.verdict import Marks
from utils.config import FAKE, REAL


class JointDetector(nn.Module):
    """Networks whose log-odds are added up, each times its weight.

    members: (network, weight) each. Images as for DeepfakeDetector -> logits (N, 2), that of REAL
    being 0.
    """

    def __init__(self, networks: list[nn.Module], weights: list[float]):
        super().__init__()
        self.networks, self.weights = nn.ModuleList(networks), weights
        self.arch = " + ".join(network.arch for network in networks)

    @property
    def members(self) -> list[tuple[nn.Module, float]]:
        return list(zip(self.networks, self.weights, strict=True))

    @property
    def by_place(self) -> bool:
        return all(network.by_place for network in self.networks)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        parts = [(network(images).float(), weight) for network, weight in self.members]
        log_odds = sum(weight * (part[:, FAKE] - part[:, REAL]) for part, weight in parts)
        return torch.stack([torch.zeros_like(log_odds), log_odds], dim=1)


def load_joint(paths: list[Path]) -> Checkpoint:
    """One checkpoint, or several as one: the mean of their log-odds, each by its own calibration;
    few frames weigh as little as for the most cautious of them. Verdicts by the stricter of their
    marks, and no rates, for together nobody has measured them.

    Raises CheckpointError for one that cannot be used, or that wants other crops than the first.
    """
    checkpoints = [load_checkpoint(path) for path in paths]
    first = checkpoints[0]
    if len(paths) == 1:
        return first
    for path, one in zip(paths, checkpoints, strict=True):
        if one.preprocessing != first.preprocessing:
            raise CheckpointError(f"{path} wants other crops than {paths[0]}: name one of them")
        if one.caveat:
            raise CheckpointError(f"{path} cannot be joined: {one.caveat}")
    marks = [one.marks for one in checkpoints]
    slopes = [one.likelihood.slope / len(marks) for one in marks]
    taught = {
        name: sorted({value for one in checkpoints for value in one.training[name]})
        for name in ("datasets", "tools")
        if all(name in one.training for one in checkpoints)
    }
    network = JointDetector([one.model for one in checkpoints], slopes).eval()
    metrics = {"calibration": asdict(joint_marks(marks))}
    return Checkpoint(network, first.preprocessing, metrics, taught)


def joint_marks(marks: list[Marks]) -> Marks:
    """What calibrates log-odds that each model's slope has weighed already."""
    each = [one.likelihood for one in marks]
    middle = each[0].sharp[1]
    offsets = [one.offset + one.sharpness * log(middle / one.sharp[1]) for one in each]
    likelihood = replace(
        each[0],
        slope=1.0,
        offset=sum(offsets) / len(each),
        sharpness=sum(one.sharpness for one in each) / len(each),
        frames=max(one.frames for one in each),
        low=max(one.low for one in each),
        high=min(one.high for one in each),
        sharp=(min(o.sharp[0] for o in each), middle, max(o.sharp[2] for o in each)),
    )
    fake_from = [one.fake_from for one in marks]
    return Marks(
        likelihood,
        min(one.real_below for one in marks),
        None if None in fake_from else max(fake_from),
    )
