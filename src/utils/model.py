"""EfficientNet-B1 with a two-layer head, and the device to run it on."""

import os
from pathlib import Path
from urllib.error import URLError

import torch
from torch import nn
from torchvision.models import EfficientNet_B1_Weights, efficientnet_b1

ARCHITECTURE = "efficientnet_b1"
FEATURES = 1280


class WeightsError(Exception):
    """ImageNet weights that cannot be had; the message says what to do instead."""


class DeepfakeDetector(nn.Module):
    """EfficientNet-B1 (Tan and Le, ICML 2019) with a 1280-512-2 head: 7,170,082 parameters.

    features: images (N, 3, H, W) float, ImageNet-normalised -> maps (N, 1280, H/32, W/32).
    head: maps -> logits (N, 2), in the order REAL, FAKE.
    """

    def __init__(self, dropout: float = 0.3, pretrained: bool = False):
        super().__init__()
        self.features = _backbone(pretrained).features
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(FEATURES, 512),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(512, 2),
        )
        for module in self.modules():
            # In-place activations overwrite what Grad-CAM and mixed precision still need.
            if hasattr(module, "inplace"):
                module.inplace = False

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(images))


def _backbone(pretrained: bool) -> nn.Module:
    if not pretrained:
        return efficientnet_b1(weights=None)
    weights = EfficientNet_B1_Weights.IMAGENET1K_V2
    name = Path(weights.url).name
    try:
        return efficientnet_b1(weights=weights)
    except (URLError, OSError, RuntimeError) as error:  # RuntimeError: wrong checksum
        folder = Path(torch.hub.get_dir(), "checkpoints")
        raise WeightsError(
            f"ImageNet weights are not available ({error}): put {name} into {folder}, "
            "or train from scratch with --no-pretrained"
        ) from error


def pick_device(name: str) -> torch.device:
    """The device called name; 'auto' takes CUDA, then MPS, then the CPU.

    Raises ValueError for one that this machine does not have.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(kind for kind, there in available.items() if there)
    have = ", ".join(kind for kind, there in available.items() if there)
    refusal = ValueError(f"device {name} is not available here: choose from {have}")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise refusal from error
    count = torch.cuda.device_count() if device.type == "cuda" else 1
    if not available.get(device.type) or (device.index or 0) >= count:
        raise refusal
    return device


def describe_device(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)} (CUDA {torch.version.cuda})"
    return f"{device.type} ({os.cpu_count()} cores)" if device.type == "cpu" else device.type


def place(model: nn.Module, device: torch.device) -> nn.Module:
    """Move to the device in channels_last order, in which depthwise convolutions are faster."""
    return model.to(device, memory_format=torch.channels_last)
