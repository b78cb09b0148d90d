"""Where a face lies: a mean face laid on the five landmarks, and soft masks of its regions."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

# A mean face, in eye distances from the middle between the eyes, y pointing down: where the five
# landmarks lie, and the right half (left in the picture) of its outlines, from top to bottom.
FIVE_POINTS = np.array([(-0.5, 0), (0.5, 0), (0, 0.62), (-0.4, 1.08), (0.4, 1.08)], np.float32)
FOREHEAD = [(0, -0.95), (-0.45, -0.88), (-0.8, -0.6)]
BROWS = [(0, -0.36), (-0.3, -0.44), (-0.65, -0.44), (-0.9, -0.26)]
JAW = [(-0.98, 0.1), (-0.95, 0.5), (-0.85, 0.9), (-0.66, 1.25), (-0.4, 1.52), (0, 1.66)]
INNER = [(0, -0.32), (-0.6, -0.4), (-0.78, 0), (-0.68, 0.6), (-0.52, 1.1), (-0.3, 1.34), (0, 1.4)]
LOWER = [(0, 0.3), (-0.5, 0.34), (-0.88, 0.5), *JAW[2:]]
MOUTH = [(0, 0.76), (-0.42, 0.86), (-0.56, 1.1), (-0.4, 1.36), (0, 1.46)]
EYES = [*BROWS, (-0.88, 0.16), (-0.5, 0.3), (0, 0.24)]
NOSE = [(0, -0.05), (-0.17, 0.05), (-0.24, 0.36), (-0.36, 0.6), (-0.2, 0.8), (0, 0.84)]
OUTLINES = {
    "full": [*BROWS, *JAW],
    "forehead": [*FOREHEAD, *JAW],
    "inner": INNER,
    "lower": LOWER,
    "mouth": MOUTH,
    "eyes": EYES,
    "nose": NOSE,
}
# How often each is drawn; in wider blends the parts of a face are six of ten.
FAMILIES = {
    "full": 0.35,
    "forehead": 0.15,
    "inner": 0.2,
    "lower": 0.12,
    "mouth": 0.09,
    "eyes": 0.09,
}
WIDE_FAMILIES = {
    "full": 0.18,
    "forehead": 0.1,
    "inner": 0.12,
    "lower": 0.18,
    "mouth": 0.17,
    "eyes": 0.15,
    "nose": 0.1,
}


@dataclass(frozen=True)
class Recipe:
    """How a blend is drawn, all its chance by rng. difficulty: 0 makes large masks, full blends and
    strong mismatch of both colour and sharpness, 1 is the paper's. wide: draw from more kinds."""

    rng: np.random.Generator
    difficulty: float = 1.0
    wide: bool = False


def fit_affine(points_xy: np.ndarray, onto_xy: np.ndarray) -> np.ndarray:
    """The affine map (2, 3) that takes points (N, 2) nearest to onto (N, 2), by least squares."""
    rows = np.hstack([points_xy, np.ones((len(points_xy), 1))])
    return np.linalg.lstsq(rows, onto_xy, rcond=None)[0].T


def make_mask(size: int, landmarks_xy: np.ndarray, recipe: Recipe) -> np.ndarray:
    """A soft random mask (size, size) float32 in [0, 1] on the face; 0 away from it."""
    rng, families = recipe.rng, WIDE_FAMILIES if recipe.wide else FAMILIES
    names, weights = list(families), np.array(list(families.values()))
    if rng.uniform() > recipe.difficulty:  # the large ones
        names, weights = names[:3], weights[:3]
    name = names[rng.choice(len(names), p=weights / weights.sum())]
    return soft_mask(size, landmarks_xy, name, rng)


def soft_mask(
    size: int, landmarks_xy: np.ndarray, name: str, rng: np.random.Generator
) -> np.ndarray:
    """make_mask's, of one of OUTLINES."""
    region = polygon(size // 2, np.asarray(landmarks_xy) / 2, name, rng, jitter=0.06)
    return soften(region, size, rng)


def soften(region: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """A region (size // 2, size // 2) uint8, 0 or 255, at half of the size, warped elastically
    and softened: (size, size) float32 in [0, 1]."""
    half = size // 2
    field = rng.normal(0, 0.025 * half, (5, 5, 2)).astype(np.float32)
    field = cv2.resize(field, (half, half), interpolation=cv2.INTER_CUBIC)
    mask = cv2.remap(region, pixel_grid(half) + field, None, cv2.INTER_LINEAR, borderValue=0)
    # The paper softens twice: once to move the edge in or out, once to make it gradual.
    mask = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), rng.uniform(0.01, 0.04) * half)
    edge = rng.uniform(0.2, 0.8)
    mask = np.clip((mask / 255 - edge) * 4 + 0.5, 0, 1)
    mask = cv2.GaussianBlur(mask, (0, 0), np.exp(rng.uniform(np.log(0.4), np.log(6))) * half / 128)
    mask[mask < 0.01] = 0
    return cv2.min(cv2.resize(mask, (size, size), interpolation=cv2.INTER_LINEAR), 1.0)


def polygon(size: int, landmarks_xy, name: str, rng: np.random.Generator, jitter: float):
    """The hull of an outline (size, size) uint8, 0 or 255, placed by the landmarks."""
    half = np.array(OUTLINES[name], np.float32)
    points = np.concatenate([half, half * (-1, 1)]) + rng.normal(0, jitter, (2 * len(half), 2))
    matrix = fit_affine(FIVE_POINTS, landmarks_xy)
    points = points @ matrix[:, :2].T + matrix[:, 2]
    hull = cv2.convexHull(np.round(points).astype(np.int32))
    return cv2.fillConvexPoly(np.zeros((size, size), np.uint8), hull, 255)


@lru_cache(maxsize=8)
def pixel_grid(size: int) -> np.ndarray:
    """(size, size, 2) float32, read-only: every pixel's x and y."""
    steps = np.arange(size, dtype=np.float32)
    grid = np.stack(np.meshgrid(steps, steps), axis=-1)
    grid.flags.writeable = False
    return grid
