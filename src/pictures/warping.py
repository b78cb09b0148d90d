"""What reenactment and lip-sync leave: a mouth or eyes moved by a smooth warp and put back.

Nothing else tells such a fake from its picture: person, light, colours and surroundings stay.
Landmarks and images are those of blending.py.
"""

import cv2
import numpy as np

from pictures.blending import Blend
from pictures.masks import Recipe, pixel_grid, polygon, soft_mask

FACE_WIDTH = 1.96  # of the mean face, in its eye distances, as are reach and LIPS
MOVED = (0.02, 0.06)  # in face widths
# By region of a mask: the landmarks about whose middles it moves, and how far that reaches across
# and down the face, as a Gaussian's standard deviations.
EYES, MOUTH = ([[0], [1]], (0.3, 0.22)), ([[3, 4]], (0.42, 0.32))
REGIONS = {"mouth": MOUTH, "lower": MOUTH, "eyes": EYES}
CHOICES = [("mouth",), ("lower",), ("eyes",), ("mouth", "eyes")]
SHARES = (0.35, 0.2, 0.2, 0.25)
LIPS = 0.12  # this far above and below the middle they move apart by three quarters
SOFTER_SHARE = 1 / 3


def warp_parts(image: np.ndarray, landmarks_xy: np.ndarray, recipe: Recipe) -> Blend:
    """Mouth, eyes or both moved by 2 to 6 % of the face's width, opened or closed by as much, or
    each of these.

    image (S, S, 3) uint8 RGB, landmarks_xy (5, 2). difficulty 0 moves by 4 % at least. real is the
    image itself; fake is warped inside a soft mask, in a third of them also a little softer.
    """
    rng, size = recipe.rng, image.shape[0]
    landmarks_xy = np.asarray(landmarks_xy, np.float32)
    names = CHOICES[rng.choice(len(CHOICES), p=SHARES)]
    mask = np.max([soft_mask(size, landmarks_xy, name, rng) for name in names], axis=0)
    mask = _on_the_face(mask, landmarks_xy, rng)
    x, y, width, height = cv2.boundingRect((mask > 0).astype(np.uint8))
    if not width:  # the face lies outside the picture
        return Blend(image, image.copy(), mask)
    box = slice(y, y + height), slice(x, x + width)
    where = pixel_grid(size)[box]
    moved = sum(movement(where, landmarks_xy, name, recipe) for name in names)
    part = cv2.remap(image, where - moved, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    if rng.uniform() < SOFTER_SHARE:
        part = soften_slightly(part, size, rng)
    fake, weight = image.copy(), np.ascontiguousarray(mask[box])
    fake[box] = cv2.blendLinear(part, np.ascontiguousarray(image[box]), weight, 1 - weight)
    return Blend(image, fake, mask)


def movement(where: np.ndarray, landmarks_xy: np.ndarray, name: str, recipe: Recipe) -> np.ndarray:
    """How far what is at where (H, W, 2) moves with one of REGIONS: (H, W, 2), x and y in pixels.

    One direction for the whole region, both eyes alike; or its upper and lower half apart or
    together; or both, in a quarter.
    """
    rng, (groups, reach) = recipe.rng, REGIONS[name]
    eyes, mouth = landmarks_xy[:2].mean(axis=0), landmarks_xy[3:].mean(axis=0)
    height = max(float(np.linalg.norm(mouth - eyes)), 1.0)
    # By both, for one of them is short where a face is turned or nods.
    unit = max(float(np.linalg.norm(landmarks_xy[1] - landmarks_xy[0])), height / 1.08)
    down = (mouth - eyes) / height
    across = np.array([down[1], -down[0]], np.float32)
    angle, kind = rng.uniform(0, 2 * np.pi), rng.integers(4)
    least = MOVED[0] * (2 - recipe.difficulty)
    shift, apart = rng.uniform(least, MOVED[1], 2) * FACE_WIDTH * unit * (kind < 3, kind > 1)
    shift = np.float32(shift) * np.array([np.cos(angle), np.sin(angle)], np.float32)
    apart = np.float32(apart / 2 * rng.choice((-1, 1))) * down  # each half half of the way
    total = np.zeros_like(where)
    for group in groups:
        from_middle = (where - landmarks_xy[group].mean(axis=0)) / np.float32(unit)
        low = from_middle @ down
        far = ((from_middle @ across) / reach[0]) ** 2 + (low / reach[1]) ** 2
        near = np.exp(-far / 2)
        total += near[..., None] * shift + (near * np.tanh(low / LIPS))[..., None] * apart
    return total


def soften_slightly(part: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Blur, or down to 45 to 75 % and up again. size is that of the whole picture."""
    if rng.uniform() < 0.5:
        return cv2.GaussianBlur(part, (0, 0), rng.uniform(0.5, 1.2) * size / 256)
    height, width = part.shape[:2]
    scale = rng.uniform(0.45, 0.75)
    small = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(part, small, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def _on_the_face(mask: np.ndarray, landmarks_xy: np.ndarray, rng) -> np.ndarray:
    """mask without what hangs over the face's outline, where such tools change nothing."""
    size = mask.shape[0]
    face = polygon(size // 2, landmarks_xy / 2, "forehead", rng, jitter=0)
    face = cv2.resize(cv2.GaussianBlur(face, (0, 0), size / 100), (size, size))
    mask = mask * (face / np.float32(255))
    mask[mask < 0.01] = 0
    return mask
