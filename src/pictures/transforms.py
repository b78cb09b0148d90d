"""From a stored crop to the network's input, in evaluation and in training."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torchvision import transforms

from pictures.augment import augment
from utils.config import VISIBLE_SHARE

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocessing:
    """How a frame becomes the network's input: what training used is what testing must use."""

    detector: str = "yunet"
    crop_size_px: int = 256
    crop_margin: float = 1.54
    image_size_px: int = 224


def eval_transform(preprocessing: Preprocessing) -> Callable[[torch.Tensor], torch.Tensor]:
    """Stored crops (..., 3, S, S) uint8 RGB -> network input (..., 3, H, H) float, normalised."""
    visible = round(preprocessing.crop_size_px * VISIBLE_SHARE)
    size = preprocessing.image_size_px
    steps = [transforms.CenterCrop(visible)]
    if size != visible:
        steps.append(transforms.Resize((size, size), antialias=True))
    return transforms.Compose([*steps, normalise])


def train_transform(image: np.ndarray, size_px: int, seed: int) -> torch.Tensor:
    """A stored crop (S, S, 3) uint8 RGB and a seed -> augmented network input (3, H, H)."""
    return normalise(to_tensor(augment(image, size_px, np.random.default_rng(seed))))


def normalise(images: torch.Tensor) -> torch.Tensor:
    """(..., 3, H, W) uint8 RGB -> float, by ImageNet's mean and standard deviation."""
    images = transforms.functional.convert_image_dtype(images, torch.float32)
    return transforms.functional.normalize(images, IMAGENET_MEAN, IMAGENET_STD)


def to_tensor(image: np.ndarray) -> torch.Tensor:
    """(H, W, 3) -> (3, H, W)."""
    return torch.from_numpy(image).permute(2, 0, 1)
