"""Fakes made from real crops: a face blended onto itself, or onto somebody alike.

After Shiohara and Yamasaki, "Detecting Deepfakes with Self-Blended Images", CVPR 2022: what all
face swaps share is a blending boundary, and a face whose colour, sharpness and noise disagree with
what surrounds it. Landmarks are the detector's five: right eye, left eye, nose tip, right and left
mouth corner as the subject has them, in pixels. Images are uint8 RGB.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from pictures.changes import (
    change,
    change_sharpness,
    distract,
    match_sharpness,
    reframe,
    shake,
    transfer_colours,
)
from pictures.compression import jpeg
from pictures.masks import FIVE_POINTS as FIVE_POINTS  # judging looks for it here
from pictures.masks import Recipe, fit_affine, make_mask, polygon

RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)
COPY_QUALITY = 95  # in which copies are stored
WHOLE_COPIES = 0.5  # of reconstructions; of the others a part is put into the crop
EQUALLY_SHARP = 0.25  # of reconstructions, whose sharpness must say nothing even as a whole
MIN_DIFFERENCE = 1.5  # mean grey levels inside the mask; below it nobody could tell
# Of wider blends: put in by Poisson blending; with a blended patch beside the face, in real and
# fake alike, so that an edge off the face says nothing.
POISSON_SHARE, DISTRACTOR_SHARE = 0.4, 0.3


@dataclass(frozen=True)
class Blend:
    """real and fake (S, S, 3) uint8 are equal where mask (S, S) float32 in [0, 1] is 0."""

    real: np.ndarray
    fake: np.ndarray
    mask: np.ndarray


def blend_self(image: np.ndarray, landmarks_xy: np.ndarray, recipe: Recipe) -> Blend:
    """A face blended onto itself: changed in colour and sharpness, moved a little, put back.

    image (S, S, 3) uint8 RGB, landmarks_xy (5, 2). real is the image itself, or the image with the
    change, when the surroundings rather than the face were drawn to have it.

    A wide recipe draws from more: Poisson blending, parts of the face more often, pixels left out,
    and, in real and fake alike, another window of the crop and a blended patch beside the face.
    real is then in that window, and what image or landmarks say of places holds no longer.
    """
    if recipe.wide:
        image, landmarks_xy = with_surroundings(image, landmarks_xy, recipe)
    for _ in range(2):
        changed = change(image, recipe)
        source, target = (changed, image) if recipe.rng.uniform() < 0.5 else (image, changed)
        blend = _blend(shake(source, recipe.rng), target, landmarks_xy, recipe)
        if _difference(blend) >= MIN_DIFFERENCE:
            break
    return blend


def blend_swap(
    target: np.ndarray,
    target_landmarks_xy: np.ndarray,
    source: np.ndarray,
    source_landmarks_xy: np.ndarray,
    recipe: Recipe,
) -> Blend:
    """The face of source on target: warped onto its landmarks, its colours drawn to target's.

    Shapes and recipe as in blend_self; both crops may differ in size.
    """
    rng, difficulty = recipe.rng, recipe.difficulty
    if recipe.wide:
        target, target_landmarks_xy = with_surroundings(target, target_landmarks_xy, recipe)
    to_target = fit_affine(source_landmarks_xy, target_landmarks_xy)
    size = target.shape[1::-1]
    face = cv2.warpAffine(source, to_target, size, borderMode=cv2.BORDER_REFLECT_101)
    where = polygon(target.shape[0], target_landmarks_xy, "inner", rng, jitter=0) > 0
    face = transfer_colours(face, target, where, rng.uniform(0.5, 1.0) * (0.4 + 0.6 * difficulty))
    if rng.uniform() < 0.7:
        face = change_sharpness(face, recipe)
    return _blend(face, target, target_landmarks_xy, recipe)


def blend_copy(
    image: np.ndarray,
    copy: np.ndarray,
    landmarks_xy: np.ndarray | None,
    rng: np.random.Generator,
) -> Blend:
    """A crop's copy from a generator: as a whole, or only its face or a part put into the crop.

    Shapes as in blend_self; where the copy is smaller, the crop is scaled down and up as it was,
    and compressed alike; a quarter is also made equally sharp. Without landmarks always as a
    whole.
    """
    size, small = image.shape[0], copy.shape[0]
    image = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
    both = [jpeg(image, COPY_QUALITY), copy]
    if rng.uniform() < EQUALLY_SHARP:
        both = match_sharpness(*both)
    image, copy = (cv2.resize(i, (size, size), interpolation=cv2.INTER_CUBIC) for i in both)
    if landmarks_xy is None or rng.uniform() < WHOLE_COPIES:
        return Blend(image, copy, np.ones(image.shape[:2], np.float32))
    mask = make_mask(image.shape[0], landmarks_xy, Recipe(rng))
    return Blend(image, cv2.blendLinear(copy, image, mask, 1 - mask), mask)


def find_partners(landmarks_xy: np.ndarray, tones: np.ndarray, count: int = 16) -> np.ndarray:
    """For every crop the numbers of the others most alike in pose and skin, nearest first.

    landmarks_xy (N, 5, 2) in pixels, tones (N, 3) in LAB of 0..255. Returns (N, min(count, N - 1)).
    """
    points = landmarks_xy - landmarks_xy.mean(axis=1, keepdims=True)
    pose = (points / np.linalg.norm(points, axis=(1, 2), keepdims=True)).reshape(len(points), -1)
    # A tenth of the landmarks' norm counts like 15 grey levels of skin.
    features = np.hstack([pose * 10, tones / 15]).astype(np.float32)
    squares = (features**2).sum(axis=1)
    count = min(count, len(features) - 1)
    found = []
    for start in range(0, len(features), 1024):
        part = features[start : start + 1024]
        distance = squares[None] - 2 * part @ features.T  # but for a constant of each row
        distance[np.arange(len(part)), np.arange(start, start + len(part))] = np.inf
        near = np.argpartition(distance, count - 1, axis=1)[:, :count]
        order = np.argsort(np.take_along_axis(distance, near, axis=1), axis=1, kind="stable")
        found.append(np.take_along_axis(near, order, axis=1))
    return np.concatenate(found)


def clone(source: np.ndarray, target: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """target with source's detail where inside (S, S) bool is set, in colours that meet target's.

    Perez et al., "Poisson Image Editing", 2003. source itself where OpenCV cannot do it.
    """
    region = inside.astype(np.uint8) * 255
    region[[0, -1]] = region[:, [0, -1]] = 0  # OpenCV leaves these out too, and then misplaces it
    x, y, width, height = cv2.boundingRect(region)
    if min(width, height) < 8:  # it erodes the region by 3 pixels
        return source
    box = slice(y - 1, y + height + 1), slice(x - 1, x + width + 1)
    middle = (1 + width // 2, 1 + height // 2)
    parts = (np.ascontiguousarray(part[box]) for part in (source, target, region))
    bent = target.copy()
    try:
        bent[box] = cv2.seamlessClone(*parts, middle, cv2.NORMAL_CLONE)
    except cv2.error:
        return source
    return bent


def with_surroundings(image: np.ndarray, landmarks_xy: np.ndarray, recipe: Recipe):
    """What wider blends do to real and fake alike. Returns image and landmarks."""
    image, landmarks_xy = reframe(image, landmarks_xy, recipe.rng)
    if recipe.rng.uniform() < DISTRACTOR_SHARE:
        image = distract(image, landmarks_xy, recipe)
    return image, landmarks_xy


def _blend(source, target, landmarks_xy, recipe: Recipe) -> Blend:
    rng = recipe.rng
    ratio = rng.choice(RATIOS) if rng.uniform() < recipe.difficulty else 1.0
    mask = make_mask(target.shape[0], landmarks_xy, recipe)
    if recipe.wide and rng.uniform() < POISSON_SHARE:
        mask = (mask > mask.max() / 2).astype(np.float32)  # it has no half-transparent edge
        mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.5, 2) * mask.shape[0] / 256)
        mask = np.where(mask < 0.01, np.float32(0), np.minimum(mask, 1))
        source = clone(source, target, mask > 0)
    mask *= np.float32(ratio)
    return Blend(target, cv2.blendLinear(source, target, mask, 1 - mask), mask)


def _difference(blend: Blend) -> float:
    weight = blend.mask.mean() + 1e-6
    return float(cv2.absdiff(blend.real, blend.fake).mean() / weight)
