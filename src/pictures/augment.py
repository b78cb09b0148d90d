"""What a face goes through before training sees it: the reference's changes, and real video's."""

import cv2
import numpy as np

from pictures.compression import h264, jpeg
from utils.config import VISIBLE_SHARE

# Of crops that go through bad video, before they are scaled to the network's size and after it.
# Before is where a video's own compression lies; after, that of a video made small.
DEGRADE_BEFORE, DEGRADE_AFTER = 0.35, 0.2
# Of crops that are shown as if the face stood at the picture's border, and by how much of the crop
# they reach over it at most.
AT_BORDER, OVER_BORDER = 0.2, 0.3


def augment(image: np.ndarray, size_px: int, rng: np.random.Generator) -> np.ndarray:
    """One random version of a stored crop.

    image (S, S, 3) uint8 RGB -> (size_px, size_px, 3) uint8 RGB. All randomness comes from rng.
    """
    fate = rng.uniform()
    if fate < DEGRADE_BEFORE:
        image = degrade(image, rng)
    if rng.uniform() < AT_BORDER:
        image = reach_over(image, rng)
    image = change_colours(move(image, size_px, rng), rng)
    return degrade(image, rng) if fate >= 1 - DEGRADE_AFTER else image


def reach_over(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One side, and in a third of them another, mirrored as where a crop reaches over a border."""
    for turns in rng.permutation(4)[: 1 + (rng.uniform() < 1 / 3)]:
        image = np.rot90(image, turns)
        lost = round(image.shape[0] * rng.uniform(0.05, OVER_BORDER))
        image = cv2.copyMakeBorder(image[lost:], lost, 0, 0, 0, cv2.BORDER_REFLECT_101)
        image = np.rot90(image, -turns)
    return np.ascontiguousarray(image)


def move(image: np.ndarray, size_px: int, rng: np.random.Generator) -> np.ndarray:
    """Flip (half of the time), rotate by up to 10 degrees, shift, and vary the margin by 10 %."""
    stored = image.shape[0]
    scale = size_px / (stored * VISIBLE_SHARE) * rng.uniform(0.9, 1.1)
    middle = (stored - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), rng.uniform(-10, 10), scale)
    shift = rng.uniform(-0.04, 0.04, 2) * size_px
    matrix[:, 2] += (size_px - 1) / 2 - middle + shift
    if rng.uniform() < 0.5:
        matrix = np.array([[-1, 0, size_px - 1], [0, 1, 0]]) @ np.vstack([matrix, [0, 0, 1]])
    if scale < 0.6:  # warpAffine does not average, so halve first
        image = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        matrix = matrix @ np.diag([2.0, 2.0, 1.0])
    return cv2.warpAffine(
        image, matrix, (size_px, size_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )


def change_colours(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Brightness, contrast and saturation by up to 20 % each, gamma from 0.8 to 1.25."""
    brightness, contrast, saturation = rng.uniform(0.8, 1.2, 3)
    gamma = np.exp(rng.uniform(np.log(0.8), np.log(1.25)))
    mean = float(image.mean())
    levels = np.arange(256, dtype=np.float32)
    levels = ((levels - mean) * contrast + mean) * brightness
    levels = 255 * (np.clip(levels, 0, 255) / 255) ** gamma
    image = cv2.LUT(image, np.round(levels).astype(np.uint8))
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(image, saturation, grey, 1 - saturation, 0)


def degrade(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Up to two of lower resolution, blur and noise, then in four of five cases compression."""
    changes = [lower_resolution, blur, add_noise]
    for number in rng.permutation(3)[: rng.integers(0, 3)]:
        image = changes[number](image, rng)
    compression = (compress_jpeg, compress_h264)[rng.integers(2)]
    return compression(image, rng) if rng.uniform() < 0.8 else image


def lower_resolution(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Down to 25 to 90 % and up again."""
    size = image.shape[0]
    small = max(8, round(size * rng.uniform(0.25, 0.9)))
    image = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
    method = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[rng.integers(2)]
    return cv2.resize(image, (size, size), interpolation=method)


def blur(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.8) * image.shape[0] / 224)


def add_noise(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noise = rng.standard_normal(image.shape, np.float32) * rng.uniform(1, 10)
    return np.clip(image + noise, 0, 255).round().astype(np.uint8)


def compress_jpeg(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return jpeg(image, int(rng.integers(30, 96)))


def compress_h264(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """On a shifted grid, because a video's blocks do not begin at the crop's corner."""
    y, x = rng.integers(0, 16, 2)
    padded = cv2.copyMakeBorder(image, y, 0, x, 0, cv2.BORDER_REFLECT_101)
    return h264(padded, int(rng.integers(20, 45)), "veryfast")[y:, x:]
