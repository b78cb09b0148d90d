"""Fakes made from real crops: a face blended onto itself, or onto somebody alike.

After Shiohara and Yamasaki, "Detecting Deepfakes with Self-Blended Images", CVPR 2022: what all
face swaps share is a blending boundary, and a face whose colour, sharpness and noise disagree with
what surrounds it. Landmarks are the detector's five: right eye, left eye, nose tip, right and left
mouth corner as the subject has them, in pixels. Images are uint8 RGB.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from media.compression import jpeg

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
FAMILIES = {
    "full": ([*BROWS, *JAW], 0.35),
    "forehead": ([*FOREHEAD, *JAW], 0.15),
    "inner": (INNER, 0.2),
    "lower": (LOWER, 0.12),
    "mouth": (MOUTH, 0.09),
    "eyes": (EYES, 0.09),
}
RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)
COPY_QUALITY = 95  # in which copies are stored
WHOLE_COPIES = 0.5  # of reconstructions; of the others a part is put into the crop
MIN_DIFFERENCE = 1.5  # mean grey levels inside the mask; below it nobody could tell


@dataclass(frozen=True)
class Blend:
    """real and fake (S, S, 3) uint8 are equal where mask (S, S) float32 in [0, 1] is 0."""

    real: np.ndarray
    fake: np.ndarray
    mask: np.ndarray


def blend_self(
    image: np.ndarray, landmarks_xy: np.ndarray, rng: np.random.Generator, difficulty: float = 1.0
) -> Blend:
    """A face blended onto itself: changed in colour and sharpness, moved a little, put back.

    image (S, S, 3) uint8 RGB, landmarks_xy (5, 2). difficulty 0 makes large masks, full blends and
    strong mismatch of both colour and sharpness, 1 is the paper's. real is the image itself, or the
    image with the change, when the surroundings rather than the face were drawn to have it.
    """
    for _ in range(2):
        changed = change(image, rng, difficulty)
        source, target = (changed, image) if rng.uniform() < 0.5 else (image, changed)
        source = shake(source, rng)
        blend = _blend(source, target, landmarks_xy, rng, difficulty)
        if _difference(blend) >= MIN_DIFFERENCE:
            break
    return blend


def blend_swap(
    target: np.ndarray,
    target_landmarks_xy: np.ndarray,
    source: np.ndarray,
    source_landmarks_xy: np.ndarray,
    rng: np.random.Generator,
    difficulty: float = 1.0,
) -> Blend:
    """The face of source on target: warped onto its landmarks, its colours drawn to target's.

    Shapes as in blend_self; both crops may differ in size.
    """
    to_target = fit_affine(source_landmarks_xy, target_landmarks_xy)
    size = target.shape[1::-1]
    face = cv2.warpAffine(source, to_target, size, borderMode=cv2.BORDER_REFLECT_101)
    where = _polygon(target.shape[0], target_landmarks_xy, "inner", rng, jitter=0) > 0
    face = transfer_colours(face, target, where, rng.uniform(0.5, 1.0) * (0.4 + 0.6 * difficulty))
    if rng.uniform() < 0.7:
        face = change_sharpness(face, rng, difficulty)
    return _blend(face, target, target_landmarks_xy, rng, difficulty)


def blend_copy(
    image: np.ndarray,
    copy: np.ndarray,
    landmarks_xy: np.ndarray | None,
    rng: np.random.Generator,
) -> Blend:
    """A crop's copy from a generator: as a whole, or only its face or a part put into the crop.

    Shapes as in blend_self; where the copy is smaller, the crop is scaled down and up as it was,
    and compressed alike, so that sharpness says nothing. Without landmarks always as a whole.
    """
    size, small = image.shape[0], copy.shape[0]
    image = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
    both = [jpeg(image, COPY_QUALITY), copy]
    image, copy = (cv2.resize(i, (size, size), interpolation=cv2.INTER_CUBIC) for i in both)
    if landmarks_xy is None or rng.uniform() < WHOLE_COPIES:
        return Blend(image, copy, np.ones(image.shape[:2], np.float32))
    mask = make_mask(image.shape[0], landmarks_xy, rng)
    return Blend(image, cv2.blendLinear(copy, image, mask, 1 - mask), mask)


def change(image: np.ndarray, rng: np.random.Generator, difficulty: float) -> np.ndarray:
    """Another colour, and another sharpness or, rarely, noise."""
    image = change_colours(image, rng, 2.0 - difficulty)
    if rng.uniform() < 0.2:
        noise = rng.standard_normal(image.shape, np.float32) * rng.uniform(1, 6)
        return cv2.add(image, noise, dtype=cv2.CV_8U)
    return change_sharpness(image, rng, difficulty)


def change_colours(image: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Shift red, green and blue; change hue, saturation, brightness and contrast: all linear, so
    one matrix does it, with saturation at 0 and 255."""
    red_green_blue = rng.uniform(-14, 14, 3) * strength
    angle, saturation = rng.uniform(-0.12, 0.12) * strength, 1 + rng.uniform(-0.25, 0.25) * strength
    contrast, brightness = 1 + rng.uniform(-0.12, 0.12, 2) * strength
    grey = np.full((3, 3), 1 / 3)
    axis = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    # Rodrigues' rotation about the grey axis turns the hue.
    turn = np.cos(angle) * np.eye(3) + np.sin(angle) * axis + (1 - np.cos(angle)) * grey
    matrix = (grey + saturation * (np.eye(3) - grey)) @ turn * contrast * brightness
    middle = float(image[::8, ::8].mean())
    shift = red_green_blue + middle * brightness * (1 - contrast)
    return cv2.transform(image, np.hstack([matrix, shift[:, None]]))


def change_sharpness(image: np.ndarray, rng: np.random.Generator, difficulty: float) -> np.ndarray:
    """Sharpened, or scaled down and up, or blurred."""
    size, kind = image.shape[0], rng.integers(3)
    if kind == 0:
        soft = cv2.GaussianBlur(image, (0, 0), 1.2)
        amount = rng.uniform(0.3, 1.0) * (2 - difficulty)
        return cv2.addWeighted(image, 1 + amount, soft, -amount, 0)
    if kind == 1:
        small = round(size / (rng.uniform(1.3, 3.0) + (1 - difficulty)))
        image = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
        method = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[rng.integers(2)]
        return cv2.resize(image, (size, size), interpolation=method)
    sigma = (rng.uniform(0.6, 1.8) + (1 - difficulty)) * size / 256
    return cv2.GaussianBlur(image, (0, 0), sigma)


def shake(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move by up to 3 %, scale by up to 5 %, and warp elastically by about 1 % of the size."""
    size = image.shape[0]
    grid = _grid(size)
    scale = rng.uniform(0.95, 1.05)
    middle = (size - 1) / 2
    shift = rng.uniform(-0.03, 0.03, 2) * (1, 0.5) * size + middle * (1 - scale)
    field = rng.normal(0, 0.008 * size, (6, 6, 2)).astype(np.float32)
    field = cv2.resize(field, (size, size), interpolation=cv2.INTER_CUBIC)
    where = grid * np.float32(scale) + shift.astype(np.float32) + field
    return cv2.remap(image, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def transfer_colours(
    image: np.ndarray, like: np.ndarray, where: np.ndarray, strength: float
) -> np.ndarray:
    """Draw mean and deviation of image's LAB values in where (S, S) bool to those of like.

    Reinhard et al., "Color Transfer between Images", 2001. strength in [0, 1].
    """
    lab, goal = (cv2.cvtColor(i, cv2.COLOR_RGB2LAB) for i in (image, like))
    mask = where.astype(np.uint8)
    mean, deviation = cv2.meanStdDev(lab, mask=mask)
    goal_mean, goal_deviation = cv2.meanStdDev(goal, mask=mask)
    gain = 1 + strength * (np.clip(goal_deviation / (deviation + 1e-3), 0.5, 2.0) - 1)
    new_mean = mean + strength * (goal_mean - mean)
    matrix = np.hstack([np.diag(gain[:, 0]), new_mean - gain * mean])
    return cv2.cvtColor(cv2.transform(lab, matrix), cv2.COLOR_LAB2RGB)


def fit_affine(points_xy: np.ndarray, onto_xy: np.ndarray) -> np.ndarray:
    """The affine map (2, 3) that takes points (N, 2) nearest to onto (N, 2), by least squares."""
    rows = np.hstack([points_xy, np.ones((len(points_xy), 1))])
    return np.linalg.lstsq(rows, onto_xy, rcond=None)[0].T


def make_mask(
    size: int, landmarks_xy: np.ndarray, rng: np.random.Generator, difficulty: float = 1.0
) -> np.ndarray:
    """A soft random mask (size, size) float32 in [0, 1] on the face; 0 away from it."""
    names, weights = list(FAMILIES), np.array([weight for _, weight in FAMILIES.values()])
    if rng.uniform() > difficulty:  # the large ones
        names, weights = names[:3], weights[:3]
    name = names[rng.choice(len(names), p=weights / weights.sum())]
    half = size // 2
    mask = _polygon(half, np.asarray(landmarks_xy) / 2, name, rng, jitter=0.06)
    field = rng.normal(0, 0.025 * half, (5, 5, 2)).astype(np.float32)
    field = cv2.resize(field, (half, half), interpolation=cv2.INTER_CUBIC)
    mask = cv2.remap(mask, _grid(half) + field, None, cv2.INTER_LINEAR, borderValue=0)
    # The paper softens twice: once to move the edge in or out, once to make it gradual.
    mask = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), rng.uniform(0.01, 0.04) * half)
    edge = rng.uniform(0.2, 0.8)
    mask = np.clip((mask / 255 - edge) * 4 + 0.5, 0, 1)
    mask = cv2.GaussianBlur(mask, (0, 0), np.exp(rng.uniform(np.log(0.4), np.log(6))) * half / 128)
    mask[mask < 0.01] = 0
    return cv2.min(cv2.resize(mask, (size, size), interpolation=cv2.INTER_LINEAR), 1.0)


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


def _blend(source, target, landmarks_xy, rng: np.random.Generator, difficulty: float) -> Blend:
    ratio = rng.choice(RATIOS) if rng.uniform() < difficulty else 1.0
    mask = make_mask(target.shape[0], landmarks_xy, rng, difficulty) * np.float32(ratio)
    return Blend(target, cv2.blendLinear(source, target, mask, 1 - mask), mask)


def _difference(blend: Blend) -> float:
    weight = blend.mask.mean() + 1e-6
    return float(cv2.absdiff(blend.real, blend.fake).mean() / weight)


def _polygon(size: int, landmarks_xy, name: str, rng: np.random.Generator, jitter: float):
    """A family's hull (size, size) uint8, 0 or 255, placed by the landmarks."""
    half = np.array(FAMILIES[name][0], np.float32)
    points = np.concatenate([half, half * (-1, 1)]) + rng.normal(0, jitter, (2 * len(half), 2))
    matrix = fit_affine(FIVE_POINTS, landmarks_xy)
    points = points @ matrix[:, :2].T + matrix[:, 2]
    hull = cv2.convexHull(np.round(points).astype(np.int32))
    return cv2.fillConvexPoly(np.zeros((size, size), np.uint8), hull, 255)


def _grid(size: int) -> np.ndarray:
    """(size, size, 2) float32: every pixel's x and y."""
    steps = np.arange(size, dtype=np.float32)
    return np.stack(np.meshgrid(steps, steps), axis=-1)
